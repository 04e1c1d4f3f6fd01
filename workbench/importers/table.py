"""Any table with one row a label."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import ImportFormatError
from workbench.importers.files import read_rows
from workbench.importers.result import Collector, RowError, Side, Vote, imported_guideline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workbench.importers.result import Imported
    from workbench.records import Source

NEEDED = ("item", "annotator", "label")
OPTIONAL = (
    *("prompt", "response_a", "response_b", "model_a", "model_b", "left", "order", "category"),
    *("reason", "pool", "submitted_at", "duration_s"),
)
# What the common tools write; everything else needs a label_map, because 0 and 1 mean different things in each.
PAIRWISE_WORDS = {
    **dict.fromkeys(("a", "model_a", "response_a"), "A"),
    **dict.fromkeys(("b", "model_b", "response_b"), "B"),
    "tie": "tie",
    **dict.fromkeys(("both_bad", "bothbad", "tie (bothbad)", "tie (both bad)"), "both_bad"),
}
PARSER = "importers.long_table/1"


def long_table(
    path_or_frame: str | Path | Any,
    *,
    pilot: str,
    columns: Mapping[str, str] | None = None,
    task: Literal["pairwise", "classification", "likert"] = "pairwise",
    label_map: Mapping[Any, Any] | None = None,
    source: Source = "human",
) -> Imported:
    """Read a table with one row a label: CSV, TSV, JSON lines, JSON list or Parquet (each also .gz), or a data frame.

    Parameters
    ----------
    columns
        Our name -> the table's column, where they differ. Needed are `item`, `annotator` and `label`, for export and
        training also `prompt`, `response_a` and `response_b`. Used where the table has them are `model_a`, `model_b`,
        `category`, `reason`, `pool`, `submitted_at` (ISO 8601, or seconds since 1970; without a time zone it is UTC),
        `duration_s` (seconds), and `left` (which response stood left: A, B or its model's name) or `order` (`AB` or
        `BA`). A likert or classification item has one response, `response_a`.
    label_map
        The table's label -> `A`, `B`, `tie` or `both_bad` (pairwise), a class, or a rating of 1 to 10. Numbers and text
        are the same key. Without it pairwise labels must be words such as `A`, `model_b` or `tie`.
    source
        Who gave the labels: `human`, `model` or `simulated`.

    Returns
    -------
    Imported
        A second row of the same annotator on the same item is kept aside (the first counts), unless both say what
        stood left and it changed: then it is a repeat. Label ids are hashes of pilot, item, annotator and showing.

    Raises
    ------
    ImportFormatError
        When the file has no rows, lacks a needed column, or holds nothing that is a label.
    """
    table = read_rows(path_or_frame)
    names = _column_names(table.columns, columns or {}, table.origin)
    translation = {_text(key): value for key, value in (label_map or {}).items()}
    collector = Collector(pilot, task, _guideline(pilot, task, translation), PARSER, table.origin)
    for row in table.rows:
        if collector.seen(row):
            continue
        if row.error:
            collector.refuse(row, row.error)
            continue
        try:
            vote = _vote({ours: row.values.get(theirs) for ours, theirs in names.items()}, task, translation, source)
        except RowError as error:
            collector.refuse(row, str(error))
        else:
            collector.take(row, vote)
    return collector.result()


def _column_names(have: tuple[str, ...], given: Mapping[str, str], origin: str) -> dict[str, str]:
    strangers = sorted(set(given) - {*NEEDED, *OPTIONAL})
    if strangers:
        raise ImportFormatError(f"columns= has unknown names {strangers}; allowed are {[*NEEDED, *OPTIONAL]}")
    missing = {ours: given.get(ours, ours) for ours in (*NEEDED, *given) if given.get(ours, ours) not in have}
    if missing:
        wanted = ", ".join(
            f"{theirs!r}" + (f" (for {ours})" if ours != theirs else "") for ours, theirs in missing.items()
        )
        raise ImportFormatError(
            f"no column {wanted}; the table has {list(have)}",
            where=origin,
            next_step="name yours, for example columns={'annotator': 'worker_id'} (--column annotator=worker_id)",
        )
    return {
        **{ours: given.get(ours, ours) for ours in NEEDED},
        **{ours: given.get(ours, ours) for ours in OPTIONAL if given.get(ours, ours) in have},
    }


def _guideline(pilot: str, task: Any, translation: Mapping[str, Any]) -> Any:
    """What the labels mean, and not which columns were read: a table that comes again with more is the same task."""
    words = json.dumps(translation, ensure_ascii=False, sort_keys=True, default=str) if translation else "as they stand"
    both_bad = not translation or "both_bad" in {_text(value) for value in translation.values()}
    return imported_guideline(
        pilot,
        task,
        "Labels imported from a table",
        f"What the annotators were told is not part of the table.\n\nLabels: {words}.",
        allow_both_bad=task == "pairwise" and both_bad,
    )


def _vote(cells: Mapping[str, Any], task: str, translation: Mapping[str, Any], source: Source) -> Vote:
    texts = {name: _text(cells.get(name)) for name in (*NEEDED, *OPTIONAL)}
    sides = [Side(texts["response_a"], texts["model_a"])]
    if task == "pairwise":
        sides.append(Side(texts["response_b"], texts["model_b"]))
    return Vote(
        item=texts["item"],
        annotator=texts["annotator"],
        answer=_answer(texts["label"], task, translation),
        sides=sides,
        left_first=_left_first(texts) if task == "pairwise" else None,
        prompt=texts["prompt"],
        category=texts["category"],
        pool=texts["pool"],
        source=source,
        reason=texts["reason"],
        duration_s=_seconds(texts["duration_s"]),
        submitted_at=_moment(texts["submitted_at"]),
    )


def _text(value: Any) -> str:
    """A cell as text; 1, 1.0 and "1" are the same."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _answer(label: str, task: str, translation: Mapping[str, Any]) -> dict[str, Any]:
    if not label.strip():
        raise RowError("the label is empty")
    if translation:
        if label not in translation:
            raise RowError(f"label {label[:80]!r} is not in label_map; it has {sorted(translation)[:20]}")
        label = _text(translation[label])
    if task == "pairwise":
        choice = PAIRWISE_WORDS.get(label.strip().lower())
        if choice is None:
            raise RowError(
                f"label {label[:80]!r} is none of A, B, tie, both_bad; translate it with label_map (--label)"
            )
        return {"choice": choice}
    if task == "likert":
        try:
            rating = float(label)
        except ValueError:
            rating = math.nan
        if not rating.is_integer():
            raise RowError(f"label {label[:80]!r} is no whole number from 1 to 10; use label_map (--label)")
        return {"ratings": {"overall": int(rating)}}
    return {"classes": [label.strip()]}


def _left_first(cells: Mapping[str, str]) -> bool | None:
    """Whether A stood left."""
    shown = cells["left"].strip() or cells["order"].strip()
    if not shown:
        return None
    if cells["model_a"] != cells["model_b"] and shown in (cells["model_a"], cells["model_b"]):
        return shown == cells["model_a"]
    letters = "".join(char for char in shown.upper() if char.isalnum())
    if letters in ("A", "AB", "MODELA", "RESPONSEA"):
        return True
    if letters in ("B", "BA", "MODELB", "RESPONSEB"):
        return False
    raise RowError(f"{shown[:80]!r} does not say which response stood left: use A or B, AB or BA, or its model's name")


def _seconds(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise RowError(f"duration_s: expected seconds, got {text[:80]!r}") from None


def _moment(text: str) -> str | None:
    if not text.strip():
        return None
    try:
        try:
            moment = datetime.fromtimestamp(float(text), UTC)
        except ValueError:
            moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        raise RowError(f"submitted_at: expected a time as ISO 8601, got {text[:80]!r}") from None
