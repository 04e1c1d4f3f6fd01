"""From a label table to integer codes: the one door every statistic uses, so bad tables are refused once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

Level = Literal["nominal", "ordinal", "interval", "ratio"]


@dataclass(frozen=True)
class Coded:
    """Labels as integer codes.

    `item`, `annotator`, `value` have one entry a label; `items`, `annotators`, `categories` name the codes.
    `numbers` are the categories as floats for levels that need them, else None. `n_missing` labels had no value.
    `cluster` has one entry an item: the group (prompt, batch) it is resampled with, where one was asked for. `ordered`
    says that the categories were given in an order that means something.

    Every statistic takes one of these in place of a table, so a large table is read and checked once.
    """

    item: NDArray[np.int64]
    annotator: NDArray[np.int64]
    value: NDArray[np.int64]
    items: NDArray[Any]
    annotators: NDArray[Any]
    categories: list[Any]
    numbers: NDArray[np.float64] | None
    n_missing: int
    cluster: NDArray[np.int64] | None = None
    ordered: bool = False

    @property
    def n_categories(self) -> int:
        """Number of different labels."""
        return len(self.categories)

    def only(self, keep: NDArray[np.bool_]) -> Coded:
        """The labels marked in `keep` (one entry a label); the codes keep their meaning."""
        return replace(self, item=self.item[keep], annotator=self.annotator[keep], value=self.value[keep])


def rows(labels: Any, extra: Sequence[str] = ()) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """The rows a statistic is about, still in the engine that holds them.

    Hidden repeats are left out (they measure an annotator against themself). Where the table holds several
    criteria, the overall question (empty criterion) is taken; without one the caller has to choose.

    Raises
    ------
    TableError
        Missing columns; several criteria and no overall question.
    """
    try:
        frame = nw.from_native(labels)
    except TypeError:
        tables.require(labels)  # says what was given and what is needed
        raise
    names = frame.collect_schema().names()
    tables.require_names(names, [*tables.NEEDED, *extra])
    if "is_repeat" in names:
        frame = frame.filter(~nw.col("is_repeat"))
    if "criterion" in names:
        seen = _collected(frame.select("criterion").unique())["criterion"]
        criteria = sorted({"" if one is None or one != one else str(one) for one in seen})
        if len(criteria) > 1:
            if "" not in criteria:
                raise TableError(
                    f"the table mixes {len(criteria)} questions: {criteria[:6]}",
                    next_step="choose one: labels[labels.criterion == ...]",
                )
            frame = frame.filter((nw.col("criterion") == "") | nw.col("criterion").is_null())
    chosen: nw.DataFrame[Any] | nw.LazyFrame[Any] = frame.select(list(dict.fromkeys([*tables.NEEDED, *extra])))
    return chosen


def select(labels: Any, extra: Sequence[str] = ()) -> pd.DataFrame:
    """`rows` as `item, annotator, label` (and `extra`) in pandas, from any eager or lazy frame."""
    return _collected(rows(labels, extra)).reset_index(drop=True)


def _collected(frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> pd.DataFrame:
    eager = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    table: pd.DataFrame = eager.to_pandas()
    return table


def encode(
    labels: Any,
    level: Level = "nominal",
    categories: Sequence[Any] | None = None,
    cluster: str | None = None,
) -> Coded:
    """Encode a label table as integers.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`; see `select` for which rows count. A `Coded` comes back as it is.
    level
        `nominal` takes anything; `ordinal` takes numbers, or text with `categories` in order; `interval` and
        `ratio` take numbers.
    categories
        All labels allowed, in order. Without it they are the labels seen, sorted.
    cluster
        A column that says which items belong together (`prompt_id`, `batch`), for intervals that resample these.

    Raises
    ------
    TableError
        As `select`; labels outside `categories`; text where the level needs numbers; mixed types; an item that stands
        in two clusters.
    """
    if level not in ("nominal", "ordinal", "interval", "ratio"):
        raise TableError(f"no level {level!r}; allowed are nominal, ordinal, interval, ratio")
    if isinstance(labels, Coded):
        return _again(labels, level, categories, cluster)
    table = select(labels, (cluster,) if cluster else ())
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
    named, numbers = named_categories(seen, level, categories)
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
        _clusters(table, item, len(items), cluster),
        categories is not None,
    )


def from_codes(
    item: ArrayLike, annotator: ArrayLike, value: ArrayLike, categories: Sequence[Any] | None = None
) -> Coded:
    """Labels that are integer codes already: 0-based items, annotators and positions in `categories`.

    Raises
    ------
    TableError
        Arrays of different lengths, negative codes, a value outside `categories`, a second label of an annotator on
        an item.
    """
    columns = [np.asarray(codes).astype(np.int64, copy=False) for codes in (item, annotator, value)]
    if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
        raise TableError(f"item, annotator and value must be equally long lists, got {[c.shape for c in columns]}")
    of_item, of_annotator, of_value = columns
    n_items, n_annotators, n_values = (int(column.max(initial=-1)) + 1 for column in columns)
    named = list(range(n_values)) if categories is None else list(categories)
    if min((int(column.min(initial=0)) for column in columns), default=0) < 0 or n_values > len(named):
        raise TableError(f"codes must be 0 or more and values below {len(named)}, the number of categories")
    if pd.Series(of_item * max(n_annotators, 1) + of_annotator).duplicated().any():
        raise TableError("an annotator has two labels on the same item", next_step="keep the current one")
    _, numbers = named_categories(np.asarray(named, dtype=object), "nominal", named)
    return Coded(
        of_item,
        of_annotator,
        of_value,
        np.arange(n_items),
        np.arange(n_annotators),
        named,
        numbers,
        0,
        ordered=categories is not None,
    )


def _again(coded: Coded, level: Level, categories: Sequence[Any] | None, cluster: str | None) -> Coded:
    if categories is not None and list(categories) != coded.categories:
        raise TableError(
            f"these labels were encoded with the categories {coded.categories[:12]}",
            next_step="encode(table, categories=...) again, or leave categories out here",
        )
    if coded.numbers is None or level == "ratio":
        in_order = coded.categories if coded.ordered else None
        named_categories(np.asarray(coded.categories, dtype=object), level, in_order)  # raises what a table would
    if cluster is None:
        # Resampling groups is asked for in each call, as with a table.
        return coded if coded.cluster is None else replace(coded, cluster=None)
    if coded.cluster is None:
        raise TableError(
            f"these labels were encoded without {cluster!r}", next_step=f"encode(..., cluster={cluster!r})"
        )
    return coded


def _clusters(table: pd.DataFrame, item: NDArray[Any], n_items: int, column: str | None) -> NDArray[np.int64] | None:
    if column is None:
        return None
    if table[column].isna().any():
        raise TableError(
            f"{int(table[column].isna().sum())} rows have no {column}", next_step="name them or leave them out"
        )
    code, _ = pd.factorize(table[column], sort=True)
    of_item = np.zeros(n_items, dtype=np.int64)
    of_item[item] = code
    moved = of_item[item] != code
    if moved.any():
        name = str(table["item"].to_numpy()[moved][0])[:40]
        raise TableError(
            f"item {name!r} stands in two groups of {column!r}",
            next_step="items are resampled with their group, so each may be in one: choose another column",
        )
    return of_item


def named_categories(
    seen: NDArray[Any], level: Level, categories: Sequence[Any] | None
) -> tuple[list[Any], NDArray[np.float64] | None]:
    """The categories in order, and as numbers where the level can use them; raises as `encode` does."""
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
