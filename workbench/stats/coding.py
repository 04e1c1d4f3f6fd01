"""From a label table to integer codes: the one door every statistic uses, so bad tables are refused once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats.naming import coded_names, factorized, named_categories

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

# Codes up to here are taken from however few labels; tables of so many names are small.
_FREE_CODES = 1_000_000

Level = Literal["nominal", "ordinal", "interval", "ratio"]


@dataclass(frozen=True)
class Coded:
    """Labels as integer codes.

    `item`, `annotator`, `value` have one entry a label; `items`, `annotators`, `categories` name the codes.
    `numbers` are the categories as floats for levels that need them, else None. `n_missing` labels had no value.
    `cluster` has one entry an item: the group (prompt, batch) it is resampled with, where one was asked for, and
    `cluster_name` the column it came from ("" where that is not known). `ordered` says that the categories were given
    in an order that means something.

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
    cluster_name: str = ""

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
        Missing columns; several criteria and no overall question; `is_repeat` that is neither true nor false.
    """
    if isinstance(labels, pd.DataFrame) and not labels.columns.is_unique:
        twice = labels.columns[labels.columns.duplicated()][0]
        raise TableError(f"column {str(twice)!r} is there twice", next_step="df.loc[:, ~df.columns.duplicated()]")
    try:
        frame = nw.from_native(labels)
    except TypeError:
        tables.require(labels)  # says what was given and what is needed
        raise
    names = frame.collect_schema().names()
    tables.require_names(names, [*tables.NEEDED, *extra])
    if "is_repeat" in names:
        frame = _without_repeats(frame)
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


def _without_repeats(frame: Any) -> Any:
    """The rows not marked as hidden repeats; a row without a mark is none."""
    kind = frame.collect_schema()["is_repeat"]
    if kind == nw.Boolean:
        return frame.filter(~nw.col("is_repeat").fill_null(value=False))
    seen = _collected(frame.select("is_repeat").unique())["is_repeat"]
    marks = {one: as_mark(one) for one in seen.tolist() if not pd.isna(one)}
    if kind.is_numeric():
        # NaN differs from 1, as it should.
        return frame.filter((nw.col("is_repeat") != 1) | nw.col("is_repeat").is_null())
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    return frame.filter([not marks.get(one, False) for one in frame["is_repeat"].to_list()])


def as_mark(one: Any) -> bool:
    """Whether a value of `is_repeat` says so: true and false, also as 1 and 0; missing is false.

    Raises
    ------
    TableError
        Anything else, such as text.
    """
    if pd.api.types.is_scalar(one) and pd.isna(one):
        return False
    if isinstance(one, bool | np.bool_ | int | float | np.number) and one in (0, 1):
        return bool(one)
    raise TableError(
        f"is_repeat must be true or false (or 1 or 0), got {str(one)[:40]!r}",
        next_step='df["is_repeat"] = df["is_repeat"] == "yes", or whatever the column says for a repeat',
    )


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
        `nominal` takes any labels that can be sorted (numbers, text, dates, tuples), and all that can be a key of a
        mapping where `categories` names them; `ordinal` takes numbers, or others with `categories` in order;
        `interval` and `ratio` take numbers. Sets of classes are for `agreement.set_alpha`.
    categories
        All labels allowed, in order. Without it they are the labels seen, sorted.
    cluster
        A column that says which items belong together (`prompt_id`, `batch`), for intervals that resample these.

    Raises
    ------
    TableError
        As `select`; labels outside `categories`; text where the level needs numbers; mixed types; labels that are
        lists, sets or mappings; an item that stands in two clusters.
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
    item, items = coded_names(table["item"])
    annotator, annotators = coded_names(table["annotator"])
    twice = pd.Series(item * max(len(annotators), 1) + annotator, index=table.index).duplicated()
    if twice.any():
        row = table[twice].iloc[0]
        raise TableError(
            f"{int(twice.sum())} labels are a second one of the same annotator on the same item, first "
            f"{str(row['annotator'])[:40]!r} on {str(row['item'])[:40]!r}",
            next_step="keep the current view (Store.labels), mark repeats with is_repeat, or drop duplicates",
        )
    seen_code, seen = factorized(table["label"])
    named, numbers = named_categories(seen, level, categories)
    position = {category: index for index, category in enumerate(named)}
    strangers = [label for label in seen if label not in position]
    if strangers:
        raise TableError(f"labels {[str(s)[:40] for s in strangers[:5]]} are not among the categories {named[:12]}")
    value = np.asarray([position[label] for label in seen], dtype=np.int64)[seen_code]
    return Coded(
        item,
        annotator,
        value,
        items,
        annotators,
        named,
        numbers,
        int(missing.sum()),
        _clusters(table, item, len(items), cluster),
        categories is not None,
        cluster or "",
    )


def from_codes(
    item: ArrayLike, annotator: ArrayLike, value: ArrayLike, categories: Sequence[Any] | None = None
) -> Coded:
    """Labels that are integer codes already: 0-based items, annotators and positions in `categories`.

    Raises
    ------
    TableError
        Arrays of different lengths, codes that are not whole numbers of 0 or more, codes far beyond the number of
        labels, a value outside `categories`, a second label of an annotator on an item.
    """
    given = [np.asarray(codes) for codes in (item, annotator, value)]
    if any(codes.size and codes.dtype.kind not in "iub" for codes in given):
        raise TableError(
            f"codes are whole numbers, got {', '.join(str(codes.dtype) for codes in given)}",
            next_step="number them first: codes, names = pandas.factorize(ids)",
        )
    columns = [codes.astype(np.int64, copy=False) for codes in given]
    if len({column.shape for column in columns}) > 1 or columns[0].ndim != 1:
        raise TableError(f"item, annotator and value must be equally long lists, got {[c.shape for c in columns]}")
    of_item, of_annotator, of_value = columns
    n_items, n_annotators, n_values = (int(column.max(initial=-1)) + 1 for column in columns)
    room = max(_FREE_CODES, 4 * len(of_item))
    if max(n_items, n_annotators, n_values if categories is None else 0) > room:
        most = max(n_items, n_annotators, n_values) - 1
        raise TableError(
            f"codes go up to {most:,} for {len(of_item):,} labels: they are no codes",
            next_step="number them first: codes, names = pandas.factorize(ids)",
        )
    named = list(range(n_values)) if categories is None else list(categories)
    if min((int(column.min(initial=0)) for column in columns), default=0) < 0 or n_values > len(named):
        raise TableError(f"codes must be 0 or more and values below {len(named)}, the number of categories")
    if pd.Series(of_item * max(n_annotators, 1) + of_annotator).duplicated().any():
        raise TableError("an annotator has two labels on the same item", next_step="keep the current one")
    _, numbers = named_categories(named, "nominal", named)
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
        named_categories(coded.categories, level, in_order)  # raises what a table would
    if cluster is None:
        # Resampling groups is asked for in each call, as with a table.
        return coded if coded.cluster is None else replace(coded, cluster=None, cluster_name="")
    if coded.cluster is None:
        raise TableError(
            f"these labels were encoded without {cluster!r}", next_step=f"encode(..., cluster={cluster!r})"
        )
    if coded.cluster_name and coded.cluster_name != cluster:
        raise TableError(
            f"these labels were encoded with the groups of {coded.cluster_name!r}, not of {cluster!r}",
            next_step=f"encode(..., cluster={cluster!r})",
        )
    return coded


def _clusters(table: pd.DataFrame, item: NDArray[Any], n_items: int, column: str | None) -> NDArray[np.int64] | None:
    if column is None:
        return None
    if table[column].isna().any():
        raise TableError(
            f"{int(table[column].isna().sum())} rows have no {column}", next_step="name them or leave them out"
        )
    code, _ = coded_names(table[column])
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
