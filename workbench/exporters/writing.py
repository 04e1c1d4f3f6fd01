"""Rows to files: one JSONL a split, the ledger, and a card that says what they are."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.exporters.rows import PreferenceRow
from workbench.records import canonical_json

if TYPE_CHECKING:
    from workbench.exporters.ledger import Exported
    from workbench.records import Split

_TITLES = {
    "sft": "Answers to imitate",
    "reward": "Preference rows for a reward model",
    "dpo": "Preference rows",
    "kto": "Answers wanted and unwanted",
    "policy": "Prompts for a policy",
}
_COLUMNS = {
    "sft": "`prompt`, `completion` as TRL reads them; `p_desirable`, `items`, `source`, `guideline`, "
    "`guideline_sha256` and ids",
    "kto": "`prompt`, `completion`, `label` as TRL reads them; `p_desirable`, `items`, `source`, `guideline`, "
    "`guideline_sha256` and ids",
    "policy": "`prompt` as TRL reads it; `category` and ids",
    "dpo": "`prompt`, `chosen`, `rejected` as TRL reads them; `votes`, `p_chosen` (ties count half), "
    "`margin`, `decided_by`, `source`, `guideline`, `guideline_sha256` and ids",
    "reward": "`prompt`, `chosen`, `rejected`, `margin` as TRL reads them; `votes`, `p_chosen` (ties count half), "
    "`decided_by`, `source`, `guideline`, `guideline_sha256` and ids",
}


def write(exported: Exported[Any], folder: str | Path) -> dict[str, Path]:
    """Write `train.jsonl`, `eval.jsonl` (and `test.jsonl` where there are such rows), `ledger.json` and `README.md`.

    Returns the paths by name. Files are canonical: the same labels give the same bytes. Files of splits that have no
    rows any more are removed.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    splits: tuple[Split, ...] = ("train", "eval", "test")
    for split in splits:
        rows = exported.split(split)
        if rows or split == "train":
            paths[split] = _write(target / f"{split}.jsonl", "".join(row.canonical() + "\n" for row in rows))
        else:
            (target / f"{split}.jsonl").unlink(missing_ok=True)
    ledger = {
        "n_labels": exported.n_labels,
        "n_used": exported.n_used,
        "not_used": [entry.__dict__ for entry in exported.ledger],
        "rows_sha256": exported.sha256,
    }
    paths["ledger"] = _write(target / "ledger.json", canonical_json(ledger) + "\n")
    paths["card"] = _write(target / "README.md", card(exported))
    return paths


def card(exported: Exported[Any]) -> str:
    """A data-set card in Markdown: what the rows are, who judged, under which guideline, what was left out."""
    rows = exported.rows
    sources = sorted({source for row in rows for source in row.source})
    simulated = "**These labels are simulated, not given by people.**\n\n" if "simulated" in sources else ""
    splits = Counter(row.split for row in rows)
    under = {(row.guideline, row.guideline_sha256) for row in rows}
    judges = f"judged by: {', '.join(sources)}; " if sources else ""
    parts = [
        f"# {_TITLES[exported.kind]}\n",
        (
            f"{simulated}{len(rows)} rows from {exported.n_used} of {exported.n_labels} labels; "
            f"{judges}{'; '.join(sorted(f'guideline {name} (sha256 {digest})' for name, digest in under))}.\n"
        ),
        *(f"{note}\n" for note in exported.notes),
        "| split | rows |\n|---|---|\n" + "".join(f"| {name} | {splits[name]} |\n" for name in sorted(splits)),
        *_counted(rows),
        "| labels not used | labels | items |\n|---|---|---|\n"
        + "".join(f"| {entry.meaning} | {entry.n_labels} | {entry.n_items} |\n" for entry in exported.ledger),
        f"Columns: {_columns(exported)}. Splits are by prompt.\n",
        f"sha256 of all rows: `{exported.sha256}`\n",
    ]
    return "\n".join(parts)


def _counted(rows: Any) -> list[str]:
    """How pairs were decided; how many answers are wanted."""
    if isinstance(rows[0], PreferenceRow):
        decided = Counter(row.decided_by for row in rows)
        table = "".join(f"| {how} | {n} |\n" for how, n in sorted(decided.items()))
        return ["| decided by | rows |\n|---|---|\n" + table]
    wanted = Counter(row.label for row in rows if hasattr(row, "label"))
    table = "".join(f"| {'wanted' if label else 'unwanted'} | {n} |\n" for label, n in sorted(wanted.items()))
    return ["| answers | rows |\n|---|---|\n" + table] if wanted else []


def _columns(exported: Exported[Any]) -> str:
    more = "; `p_model`, the same by a model of the annotators" if hasattr(exported.rows[0], "p_model") else ""
    return _COLUMNS[exported.kind] + more


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
