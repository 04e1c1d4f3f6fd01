"""From labels to what a trainer reads: preference rows, with a ledger of every label that was not used, and why.

A `(prompt, chosen, rejected)` triplet cannot hold a tie, a doubt or a source, so rows carry votes, margin, guideline
and who judged beside it; trainers ignore columns they do not know.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import ExportError
from workbench.records import Record, Sha256, Source, Split, canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.records import Guideline, Item, Label

Ties = Literal["drop", "both"]

# Why a label is not in the export; each label not used is counted under exactly one of these.
REASONS = {
    "repeat": "hidden repeat: measures the annotator's consistency, not the item",
    "gold": "gold item: checks annotators, and its answer is already known",
    "no_text": "the prompt's or a response's text is not in the data",
    "same_text": "both responses say the same, so there is nothing to prefer",
    "other_guideline": "given under another guideline version",
    "excluded_annotator": "annotator left out on request",
    "tie": "the consensus is a tie, and ties were dropped",
    "both_bad": "the consensus is that both responses are bad",
    "unresolved": "no label has a majority and nobody adjudicated",
}


class PreferenceRow(Record):
    """One training pair. `votes` counts A, B and tie; `p_chosen` is the vote share of the chosen response with a tie
    as half a vote; `margin` is (votes for chosen - votes for rejected) / all votes."""

    item: str
    prompt_id: str
    split: Split
    prompt: str
    chosen: str
    rejected: str
    chosen_id: str
    rejected_id: str
    chosen_model: str
    rejected_model: str
    category: str
    votes: dict[str, int]
    p_chosen: float
    margin: float
    decided_by: str
    source: tuple[Source, ...]
    guideline: str
    guideline_sha256: Sha256


@dataclass(frozen=True)
class LedgerEntry:
    """How many labels (and items) were not used for one reason."""

    reason: str
    meaning: str
    n_labels: int
    n_items: int


@dataclass(frozen=True, repr=False)
class Preferences:
    """Preference rows and the ledger: `n_labels == n_used + sum of the ledger's n_labels`, always."""

    rows: tuple[PreferenceRow, ...]
    ledger: tuple[LedgerEntry, ...]
    n_labels: int
    n_used: int

    def split(self, name: Split) -> tuple[PreferenceRow, ...]:
        """The rows of one split. Splits are by prompt."""
        return tuple(row for row in self.rows if row.split == name)

    def jsonl(self) -> str:
        """Canonical JSON lines, sorted by item: the same labels give the same bytes."""
        return "".join(row.canonical() + "\n" for row in self.rows)

    @property
    def sha256(self) -> str:
        """Hash of `jsonl()`; training manifests and reports name it."""
        return hashlib.sha256(self.jsonl().encode()).hexdigest()

    def __str__(self) -> str:
        unused = ", ".join(f"{entry.n_labels} {entry.reason}" for entry in self.ledger) or "none"
        return f"{len(self.rows)} preference rows from {self.n_used} of {self.n_labels} labels (not used: {unused})"

    __repr__ = __str__


def preferences(
    items: Iterable[Item],
    labels: Iterable[Label],
    decisions: Mapping[str, tuple[str | None, str]],
    *,
    guideline: Guideline,
    ties: Ties = "drop",
    keep_gold: bool = False,
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
) -> Preferences:
    """Turn pairwise labels into preference rows under one guideline version.

    Parameters
    ----------
    items, labels
        The pilot's pairwise items and current labels.
    decisions
        item -> (consensus label A, B, tie, both_bad or None, how it was decided), for example from majority vote or
        adjudication.
    guideline
        Labels given under another version are not used, and counted.
    ties
        `drop` leaves tied items out (and counts them); `both` writes both directions, so the mean loss pulls to
        indifference.
    keep_gold
        Use gold items for training too.
    eval_share
        Share of prompts whose rows go to split `eval`, chosen by a hash of the prompt id, so a prompt keeps its side
        when the batch grows. Items with split `test` keep it.
    exclude
        Annotators whose labels are left out on request, and counted.

    Raises
    ------
    ExportError
        No label could be used; labels of items that are not given; a task other than pairwise.
    """
    known = {item.id: item for item in items}
    listed = list(labels)
    _check(known, listed, eval_share)
    used: dict[str, list[Label]] = {}
    unused: dict[str, list[Label]] = {}
    for label in listed:
        reason = _unused(label, known[label.item], decisions, guideline, ties, keep_gold, exclude)
        (unused.setdefault(reason, []) if reason else used.setdefault(label.item, [])).append(label)
    rows = [
        row for name in sorted(used) for row in _rows(known[name], used[name], decisions[name], guideline, eval_share)
    ]
    ledger = tuple(
        LedgerEntry(reason, meaning, len(unused[reason]), len({label.item for label in unused[reason]}))
        for reason, meaning in REASONS.items()
        if reason in unused
    )
    if not rows:
        counts = ", ".join(f"{entry.n_labels} {entry.reason}" for entry in ledger) or "no labels at all"
        without = any(entry.reason == "no_text" for entry in ledger)
        raise ExportError(
            f"no label can be used for preferences ({counts})",
            next_step="import the table again with the columns prompt, response_a and response_b"
            if without
            else "label or adjudicate first",
        )
    return Preferences(tuple(rows), ledger, len(listed), sum(len(found) for found in used.values()))


def write(preferences: Preferences, folder: str | Path) -> dict[str, Path]:
    """Write `train.jsonl`, `eval.jsonl` (and `test.jsonl` where there are such rows), `ledger.json` and `README.md`.

    Returns the paths by name. Files are canonical: the same labels give the same bytes.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    splits: tuple[Split, ...] = ("train", "eval", "test")
    for split in splits:
        rows = preferences.split(split)
        if rows or split == "train":
            paths[split] = _write(target / f"{split}.jsonl", "".join(row.canonical() + "\n" for row in rows))
    ledger = {
        "n_labels": preferences.n_labels,
        "n_used": preferences.n_used,
        "not_used": [entry.__dict__ for entry in preferences.ledger],
        "rows_sha256": preferences.sha256,
    }
    paths["ledger"] = _write(target / "ledger.json", canonical_json(ledger) + "\n")
    paths["card"] = _write(target / "README.md", card(preferences))
    return paths


def card(preferences: Preferences) -> str:
    """A data-set card in Markdown: what the rows are, who judged, under which guideline, what was left out."""
    rows = preferences.rows
    sources = sorted({source for row in rows for source in row.source})
    decided = Counter(row.decided_by for row in rows)
    simulated = "**These labels are simulated, not given by people.**\n\n" if "simulated" in sources else ""
    splits = Counter(row.split for row in rows)
    lines = [
        "# Preference rows\n",
        (
            f"{simulated}{len(rows)} rows from {preferences.n_used} of {preferences.n_labels} labels; "
            f"judged by: {', '.join(sources)}; guideline {rows[0].guideline} (sha256 {rows[0].guideline_sha256}).\n"
        ),
        "| split | rows |\n|---|---|\n" + "".join(f"| {name} | {splits[name]} |\n" for name in sorted(splits)),
        "| decided by | rows |\n|---|---|\n" + "".join(f"| {how} | {n} |\n" for how, n in sorted(decided.items())),
        "| labels not used | labels | items |\n|---|---|---|\n"
        + "".join(f"| {entry.meaning} | {entry.n_labels} | {entry.n_items} |\n" for entry in preferences.ledger),
        (
            "Columns: `prompt`, `chosen`, `rejected` as TRL reads them; `votes`, `p_chosen` (ties count half), "
            "`margin`, `decided_by`, `source`, `guideline`, `guideline_sha256` and ids. Splits are by prompt.\n"
        ),
        f"sha256 of all rows: `{preferences.sha256}`\n",
    ]
    return "\n".join(lines)


def _check(known: Mapping[str, Item], labels: Sequence[Label], eval_share: float) -> None:
    if not 0 <= eval_share < 1:
        raise ExportError(f"eval_share is a share from 0 to below 1, got {eval_share!r}")
    other = sorted({label.task for label in labels} - {"pairwise"})
    if other:
        raise ExportError(
            f"preference rows are made from pairwise labels, these are {', '.join(other)}",
            next_step="pass the pairwise labels only",
        )
    strangers = sorted({label.item for label in labels} - set(known))
    if strangers:
        raise ExportError(f"{len(strangers)} labelled items are not given, first {strangers[0]}")


def _unused(
    label: Label,
    item: Item,
    decisions: Mapping[str, tuple[str | None, str]],
    guideline: Guideline,
    ties: Ties,
    keep_gold: bool,
    exclude: Sequence[str],
) -> str:
    """The reason this label makes no row, or an empty string. The first that applies counts."""
    if label.is_repeat:
        return "repeat"
    if label.annotator in exclude:
        return "excluded_annotator"
    if label.guideline_sha256 != guideline.sha256:
        return "other_guideline"
    texts = [response.text.strip() for response in item.responses]
    if not all([item.prompt.strip(), *texts]):
        return "no_text"
    if len(set(texts)) < len(texts):
        return "same_text"
    if label.is_gold and not keep_gold:
        return "gold"
    decided, _ = decisions.get(label.item, (None, "unresolved"))
    if decided is None:
        return "unresolved"
    if decided == "both_bad" or (decided == "tie" and ties == "drop"):
        return decided
    return ""


def _rows(
    item: Item, labels: Sequence[Label], decision: tuple[str | None, str], guideline: Guideline, eval_share: float
) -> list[PreferenceRow]:
    decided, how = decision
    votes = Counter(str(label.answer["choice"]) for label in labels)
    total = sum(votes.values())
    a, b = item.responses
    directions = [("A", a, b), ("B", b, a)] if decided == "tie" else [("A", a, b) if decided == "A" else ("B", b, a)]
    return [
        PreferenceRow(
            item=item.id,
            prompt_id=item.prompt_id,
            split=_split(item, eval_share),
            prompt=item.prompt,
            chosen=better.text,
            rejected=worse.text,
            chosen_id=better.id,
            rejected_id=worse.id,
            chosen_model=better.model,
            rejected_model=worse.model,
            category=item.category,
            votes=dict(sorted(votes.items())),
            p_chosen=round((votes[letter] + (votes["tie"] + votes["both_bad"]) / 2) / total, 6),
            margin=round((votes[letter] - votes["B" if letter == "A" else "A"]) / total, 6),
            decided_by=how,
            source=tuple(sorted({label.source for label in labels})),
            guideline=guideline.ref,
            guideline_sha256=guideline.sha256,
        )
        for letter, better, worse in directions
    ]


def _split(item: Item, eval_share: float) -> Split:
    if item.split != "train":
        return item.split
    draw = int(hashlib.sha256(item.prompt_id.encode()).hexdigest()[:8], 16) / 2**32
    return "eval" if draw < eval_share else "train"


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def rows_as_dicts(rows: Iterable[PreferenceRow]) -> list[dict[str, Any]]:
    """Rows as plain dictionaries, ready for `datasets.Dataset.from_list` or a data frame."""
    return [row.model_dump(mode="json") for row in rows]
