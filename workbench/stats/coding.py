"""From a label table to integer codes: the one door every statistic uses, so bad tables are refused once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

Level = Literal["nominal", "ordinal", "interval", "ratio"]


@dataclass(frozen=True)
class Coded:
    """Labels as integer codes.

    `item`, `annotator`, `value` have one entry a label; `items`, `annotators`, `categories` name the codes.
    `numbers` are the categories as floats for levels that need them, else None. `n_missing` labels had no value.
    """

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    value: NDArray[np.int64]
    items: NDArray[Any]
    annotators: NDArray[Any]
    categories: list[Any]
    numbers: NDArray[np.float64] | None
    n_missing: int

    @property
    def n_categories(self) -> int:
        """Number of different labels."""
        return len(self.categories)


def select(labels: Any) -> pd.DataFrame:
    """The rows a statistic is about, as `item, annotator, label` in pandas, from any eager or lazy frame.

    Hidden repeats are left out (they measure an annotator against themself). Where the table holds several
    criteria, the overall question (empty criterion) is taken; without one the caller has to choose.

    Raises
    ------
    TableError
        Missing columns; several criteria and no overall question; more than one label of an annotator on an item.
    """
    try:
        frame = nw.from_native(labels)
    except TypeError:
        tables.require(labels)  # says what was given and what is needed
        raise
    names = frame.collect_schema().names()
    tables.require_names(names)
    if "is_repeat" in names:
        frame = frame.filter(~nw.col("is_repeat"))
    wanted = [*tables.NEEDED, *(["criterion"] if "criterion" in names else [])]
    selected = frame.select(wanted)
    eager = selected.collect() if isinstance(selected, nw.LazyFrame) else selected
    table: pd.DataFrame = eager.to_pandas()
    if "criterion" in table:
        criteria = sorted(table["criterion"].fillna("").unique())
        if len(criteria) > 1:
            if "" not in criteria:
                raise TableError(
                    f"the table mixes {len(criteria)} questions: {criteria[:6]}",
                    next_step="choose one: labels[labels.criterion == ...]",
                )
            table = table[table["criterion"].fillna("") == ""]
        table = table.drop(columns="criterion")
    return table.reset_index(drop=True)


def encode(labels: Any, level: Level = "nominal", categories: Sequence[Any] | None = None) -> Coded:
    """Encode a label table as integers.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`; see `select` for which rows count.
    level
        `nominal` takes anything; `ordinal` takes numbers, or text with `categories` in order; `interval` and
        `ratio` take numbers.
    categories
        All labels allowed, in order. Without it they are the labels seen, sorted.

    Raises
    ------
    TableError
        As `select`; labels outside `categories`; text where the level needs numbers; mixed types.
    """
    if level not in ("nominal", "ordinal", "interval", "ratio"):
        raise TableError(f"no level {level!r}; allowed are nominal, ordinal, interval, ratio")
    table = select(labels)
    missing = table["label"].isna()
    unknown = table["item"].isna() | table["annotator"].isna()
    if unknown.any():
        raise TableError(f"{int(unknown.sum())} rows have no item or no annotator", next_step="drop or name them")
    table = table[~missing]
    twice = table.duplicated(["item", "annotator"])
    if twice.any():
        row = table[twice].iloc[0]
        raise TableError(
            f"{int(twice.sum())} labels are a second one of the same annotator on the same item, first "
            f"{str(row['annotator'])[:40]!r} on {str(row['item'])[:40]!r}",
            next_step="keep the current view (Store.labels), mark repeats with is_repeat, or drop duplicates",
        )
    values = table["label"].to_numpy(dtype=object)
    seen_code, seen = pd.factorize(values)
    named, numbers = _categories(seen, level, categories)
    position = {category: index for index, category in enumerate(named)}
    strangers = [label for label in seen if label not in position]
    if strangers:
        raise TableError(f"labels {[str(s)[:40] for s in strangers[:5]]} are not among the categories {named[:12]}")
    value = np.asarray([position[label] for label in seen], dtype=np.int64)[seen_code]
    item, items = pd.factorize(table["item"], sort=True)
    annotator, annotators = pd.factorize(table["annotator"], sort=True)
    return Coded(
        item.astype(np.int64),
        annotator.astype(np.int64),
        value,
        np.asarray(items),
        np.asarray(annotators),
        named,
        numbers,
        int(missing.sum()),
    )


def _categories(
    seen: NDArray[Any], level: Level, categories: Sequence[Any] | None
) -> tuple[list[Any], NDArray[np.float64] | None]:
    is_text = [isinstance(value, str) for value in seen]
    if any(is_text) and not all(is_text):
        example = next(value for value, text in zip(seen, is_text, strict=True) if not text)
        raise TableError(
            f"labels mix text and {type(example).__name__} (for example {example!r})",
            next_step="convert the column first: df['label'].astype(str)",
        )
    text = bool(is_text) and all(is_text)
    if text and level in ("interval", "ratio"):
        raise TableError(f"{level} needs numbers, the labels are text such as {str(seen[0])[:40]!r}")
    if text and level == "ordinal" and categories is None:
        raise TableError(
            f"ordinal needs an order, the labels are text such as {str(seen[0])[:40]!r}",
            next_step="pass categories=[lowest, ..., highest]",
        )
    try:
        named = list(categories) if categories is not None else sorted(seen.tolist())
    except TypeError:
        raise TableError("labels of mixed types cannot be sorted", next_step="df['label'].astype(str)") from None
    if len(set(named)) != len(named):
        raise TableError(f"categories must be distinct, got {named[:12]}")
    if text or not named or any(isinstance(value, str) for value in named):
        return named, None
    numbers = np.asarray([float(value) for value in named])
    if not np.isfinite(numbers).all():
        raise TableError("labels must be finite numbers, got infinity")
    if level == "ratio" and (numbers < 0).any():
        raise TableError(f"ratio needs numbers that are not negative, got {numbers.min():g}")
    return named, numbers


def votes(coded: Coded) -> dict[Any, dict[Any, int]]:
    """For each item (sorted) how many labels of each kind it has, most first, ties in category order."""
    width = max(coded.n_categories, 1)
    cells, counts = np.unique(coded.item * width + coded.value, return_counts=True)
    found: dict[Any, list[tuple[int, int]]] = {}
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        found.setdefault(coded.items[cell // width], []).append((-count, cell % width))
    return {item: {coded.categories[v]: -n for n, v in sorted(rows)} for item, rows in found.items()}


def result_frame(rows: Sequence[Sequence[Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows to a frame with these dtypes. Column by column, because inference would turn None into NaN."""
    return pd.DataFrame(
        {name: pd.Series([row[k] for row in rows], dtype=dtype) for k, (name, dtype) in enumerate(columns.items())}
    )
