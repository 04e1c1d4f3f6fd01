"""Which known answers may be used, and the labels of gold items beside them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats.coding import result_frame, select
from workbench.stats.reading import check_single

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Tasks whose answer is a preference: nobody's own taste makes one of them known.
PREFERENCES = ("pairwise", "ranking")
VOUCHERS = ("verifier", "panel")
_CONTEXT = ("label_id", "supersedes", "submitted_at", "duration_s")


@dataclass(frozen=True)
class UsableGold:
    """Known answers that may be used, and those that may not.

    Attributes
    ----------
    answers
        item -> known label.
    set_aside
        One row an item that is not used: `item, by, reason`.
    notes
        The same in words, one sentence a reason; empty where everything is used.
    """

    answers: dict[Any, Any]
    set_aside: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """Answers to gold, oldest first where times are known, else in the order of the table.

    `rows` has `item, annotator, label, gold, wrong, seconds, when` and `exposure`: 1 for the first time the annotator
    saw the item. `everybody` are all annotators of the table, with or without gold.
    """

    rows: pd.DataFrame
    everybody: tuple[str, ...]
    timed: bool
    n_missing: int

    @property
    def order(self) -> str:
        """What the order rests on, for a result's method."""
        return "in the order of submitted_at" if self.timed else "in the order of the table (no complete submitted_at)"


def usable(gold_table: Any) -> UsableGold:
    """Known answers with an origin that can vouch for them.

    Parameters
    ----------
    gold_table
        Any data frame with `item, label`, the origin `by` (as `records.Gold.by`) and, if there are several, `task`.
        A preference (pairwise, ranking) is known only where a verifier or a panel says so; others are set aside, also
        where the table does not say who vouches. Rows without a task are read as preferences. The answers of other
        tasks are used whatever their origin.

    Raises
    ------
    TableError
        No data frame, missing columns, an item without a name, an item with two different known answers, items or
        answers that are lists.
    """
    tables.require(gold_table, ("item", "label"), where="gold table")
    table: pd.DataFrame = nw.from_native(gold_table, eager_only=True).to_pandas().reset_index(drop=True)
    if table["item"].isna().any():
        raise TableError(f"{int(table['item'].isna().sum())} gold rows name no item", where="gold table")
    for name in ("item", "label"):
        check_single(table[name], where="gold table")
    given = table.drop_duplicates(["item", "label"])
    twice = given["item"][given["item"].duplicated()]
    if len(twice):
        raise TableError(
            f"{twice.nunique()} items have two different known answers, first {str(twice.iloc[0])[:40]!r}",
            where="gold table",
            next_step="keep the one that is right, or leave the item out of gold",
        )
    by = _text(table, "by")
    preference = _text(table, "task").isin(["", *PREFERENCES])
    reason = pd.Series("", index=table.index, dtype=object)
    reason[preference & ~by.isin(VOUCHERS)] = "the origin is neither a verifier nor a panel"
    reason[preference & (by == "")] = "no origin says who vouches"
    reason[table["label"].isna()] = "no answer is given"
    aside = table[reason != ""].drop_duplicates("item").index
    rows = [(table["item"][k], by[k], reason[k]) for k in aside]
    kept = table[reason == ""].drop_duplicates("item")
    return _set_aside(dict(zip(kept["item"].tolist(), kept["label"].tolist(), strict=True)), rows)


def known_answers(gold: Any) -> UsableGold:
    """The gold a function was given: a mapping item -> label is taken as vouched for, a table goes through `usable`.

    Raises
    ------
    TableError
        When nothing is left to compare with.
    """
    if isinstance(gold, Mapping):
        unknown = [item for item, answer in gold.items() if _is_missing(answer)]
        kept = {item: answer for item, answer in gold.items() if not _is_missing(answer)}
        found = _set_aside(kept, [(item, "", "no answer is given") for item in unknown])
    else:
        found = usable(gold)
    if not found.answers:
        raise TableError(
            "no gold answers given" + "".join(f"; {note}" for note in found.notes),
            next_step="pass gold={item: label} or a table with item, label and by (verifier or panel)",
        )
    return found


def known_rows(labels: Any, answers: Mapping[Any, Any], *, repeats: bool = False) -> Known:
    """Answers to gold beside the known answer; see `Known`.

    Missing labels are counted and left out; a label that a later one supersedes is left out.

    Parameters
    ----------
    repeats
        Whether hidden repeats (`is_repeat`) are kept too; then second labels have to say that they are such.

    Raises
    ------
    TableError
        See `workbench.stats.coding.select`; an annotator or item without a name; annotators whose names differ in type
        only; text compared with numbers; durations that are no numbers; more than one label of an annotator on an item
        where nothing tells them apart (`is_repeat`, `label_id` or, where repeats are not asked for, `submitted_at`).
    """
    frame, names = labels, column_names(labels)
    if repeats and "is_repeat" in names:
        frame = nw.from_native(labels).rename({"is_repeat": "seen_again"}).to_native()
    context = [
        name for name in (*_CONTEXT, *(["seen_again"] if frame is not labels else [])) if name in column_names(frame)
    ]
    table = select(frame, context)
    unknown = table["item"].isna() | table["annotator"].isna()
    if unknown.any():
        raise TableError(f"{int(unknown.sum())} rows have no item or no annotator", next_step="drop or name them")
    if {"label_id", "supersedes"} <= set(context):
        table = table[~table["label_id"].isin(set(table["supersedes"].dropna()) - {""})]
    for name in ("item", "annotator"):
        check_single(table[name])
    everybody = _names(table["annotator"])
    rows = table[table["item"].isin(list(answers))].reset_index(drop=True)
    missing = rows["label"].isna()
    rows = rows[~missing].reset_index(drop=True)
    rows["gold"] = rows["item"].map(dict(answers))
    _check_comparable(rows["label"], answers.values())
    rows["wrong"] = rows["label"].to_numpy(dtype=object) != rows["gold"].to_numpy(dtype=object)
    rows["annotator"] = rows["annotator"].astype(str)
    rows["seconds"] = _seconds(rows["duration_s"]) if "duration_s" in rows else np.nan
    rows["when"] = _times(rows["submitted_at"]) if "submitted_at" in rows else pd.NaT
    timed = bool(len(rows)) and bool(rows["when"].notna().all())
    keys = ["when"] if timed else ["seen_again"] if "seen_again" in rows else []
    if keys:
        rows = rows.sort_values(keys, kind="stable", ignore_index=True)
    _check_repeats(rows, ["label_id", "seen_again"] if repeats else ["label_id", *(["when"] if timed else [])])
    rows["exposure"] = rows.groupby(["annotator", "item"], sort=False).cumcount() + 1
    wanted = ["item", "annotator", "label", "gold", "wrong", "seconds", "when", "exposure"]
    return Known(rows[wanted], everybody, timed, int(missing.sum()))


def column_names(labels: Any) -> list[str]:
    """Names of the columns of any frame, or the error that says what a label table is."""
    try:
        names: list[str] = nw.from_native(labels).collect_schema().names()
    except TypeError:
        tables.require(labels)
        raise
    return names


def _names(column: pd.Series[Any]) -> tuple[str, ...]:
    """Names of the annotators as text, sorted."""
    different = column.unique().tolist()
    names = sorted({str(name) for name in different})
    if len(names) < len(different):
        raise TableError(
            f"two annotators have the same name but for its type, among {names[:5]}",
            where="label table",
            next_step="df['annotator'].astype(str) if they are one, else name them differently",
        )
    return tuple(names)


def _seconds(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Durations as numbers; NaN where they are missing or without end."""
    try:
        seconds = column.astype("Float64").to_numpy(float, na_value=np.nan)
    except (TypeError, ValueError):  # pyarrow's own errors are ValueErrors too
        raise TableError(
            f"duration_s must be numbers of seconds, got {str(column.dropna().iloc[0])[:40]!r}",
            where="label table",
            next_step="pd.to_numeric(df['duration_s']), or drop the column",
        ) from None
    found: NDArray[np.float64] = np.where(np.isfinite(seconds), seconds, np.nan)
    return found


def _set_aside(answers: dict[Any, Any], rows: list[tuple[Any, str, str]]) -> UsableGold:
    found = result_frame(rows, {"item": "object", "by": "str", "reason": "str"})
    notes = tuple(
        f"{n} gold answer{'s' * (n != 1)} not used: {why}"
        for why, n in found["reason"].value_counts(sort=False).items()
    )
    return UsableGold(answers, found, notes)


def _is_missing(answer: Any) -> bool:
    return bool(pd.api.types.is_scalar(answer) and pd.isna(answer))


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    try:
        return pd.to_datetime(column, utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise TableError(
            f"submitted_at cannot be read as times: {str(error).split('. ')[0][:120]}",
            next_step="pd.to_datetime(df['submitted_at'], utc=True, format=...), or drop the column",
        ) from None


def _check_comparable(labels: pd.Series[Any], gold: Collection[Any]) -> None:
    listed = next((value for value in (*labels, *gold) if not isinstance(value, Hashable)), None)
    if listed is not None:
        raise TableError(
            f"labels must be single values, got {str(listed)[:40]}", next_step="df['label'].map(repr), gold alike"
        )
    kinds = [{isinstance(value, str) for value in values} for values in (labels, gold)]
    if kinds[0] and not kinds[0] & kinds[1]:
        said, known = ("text", "not text") if True in kinds[0] else ("not text", "text")
        raise TableError(
            f"labels are {said} and the known answers {known}, so nothing could ever be right",
            next_step="bring both to one type, for example df['label'].astype(str)",
        )


def _check_repeats(rows: pd.DataFrame, apart: Sequence[str]) -> None:
    """Refuse second labels that none of the columns `apart` tells from the first."""
    twice = rows.duplicated(["item", "annotator", *(name for name in apart if name in rows)])
    if twice.any():
        row = rows[twice].iloc[0]
        raise TableError(
            f"{int(twice.sum())} labels are a second one of the same annotator on the same gold item, first "
            f"{row['annotator'][:40]!r} on {str(row['item'])[:40]!r}",
            next_step="mark repeats with is_repeat, give label_id, or drop duplicates",
        )


def _text(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in table:
        return pd.Series("", index=table.index, dtype=object)
    return table[name].astype(object).where(table[name].notna(), "").astype(str).str.strip().str.lower()
