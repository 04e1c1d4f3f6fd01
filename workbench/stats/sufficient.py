"""The three counts agreement rests on, written once and run by whatever engine holds the labels.

`item_value_counts`, `pattern_histogram` and `pair_confusion` are Narwhals expressions: the same integers come from
pandas, Polars, PyArrow, DuckDB, Dask and Spark. `gathered` is what the coefficients call: a lazy table (a DuckDB
relation over Parquet, a Polars `LazyFrame`, a Spark frame) is counted where it lies and only the pattern histogram,
some hundred rows, comes here; anything else is encoded in memory.

Written so that every engine takes it: columns are computed with `with_columns` first, then plain columns aggregated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.coding import Coded, Level, encode, rows
from workbench.stats.naming import named_categories
from workbench.stats.patterns import Patterns, patterns

if TYPE_CHECKING:
    from collections.abc import Sequence

# Codes above this are no longer exact in a double, which some engines sum in.
_LARGEST_CODE = 2**53
# So many different labels are not categories; they are counted in memory.
_MOST_CATEGORIES = 10_000


def item_value_counts(labels: Any) -> Any:
    """How many labels of each kind an item has: `item, label, n`, in the engine of the table (lazy where that is)."""
    return _native(
        _labelled(labels).with_columns(n=nw.col("annotator")).group_by("item", "label").agg(nw.col("n").count())
    )


def pattern_histogram(labels: Any, categories: Sequence[Any], most: int) -> Any:
    """How many items have each vector of label counts: `code, size, n_items`, in the engine of the table.

    Parameters
    ----------
    categories
        All labels, in the order of the digits.
    most
        Largest number of labels of an item. The count of category k is digit k of `code` to the base `most` + 1.

    Raises
    ------
    TableError
        When the codes would not be exact: (most + 1) ^ categories must stay under 2^53.
    """
    base = most + 1
    if base ** len(categories) >= _LARGEST_CODE:
        raise TableError(
            f"{len(categories)} categories with up to {most} labels an item do not fit into exact codes",
            next_step="collect the table first: the coefficients then count in memory",
        )
    digits = [base**k for k in range(len(categories))]
    marked = _labelled(labels).with_columns(
        code=nw.col("label").replace_strict(list(categories), digits, default=0, return_dtype=nw.Int64),
        size=nw.col("annotator"),
    )
    items = marked.group_by("item").agg(nw.col("code").sum(), nw.col("size").count())
    return _native(items.group_by("code", "size").agg(nw.col("item").count()).rename({"item": "n_items"}))


def pair_confusion(labels: Any) -> Any:
    """How often two annotators gave two labels on the same item: `a, b, label_a, label_b, n`, with a before b."""
    table = _labelled(labels)
    other = table.rename({"annotator": "b", "label": "label_b"})
    both = table.rename({"annotator": "a", "label": "label_a"}).join(other, on="item", how="inner")
    return _native(
        both.filter(nw.col("a") < nw.col("b"))
        .with_columns(n=nw.col("item"))
        .group_by("a", "b", "label_a", "label_b")
        .agg(nw.col("n").count())
    )


def gathered(
    labels: Any,
    level: Level = "nominal",
    categories: Sequence[Any] | None = None,
    cluster: str | None = None,
    *,
    least: int = 2,
) -> Patterns:
    """Patterns of a label table, whatever holds it; see `coding.encode` for what is refused.

    Parameters
    ----------
    least
        Items with fewer labels are left out; see `patterns.patterns`.
    """
    if not isinstance(labels, Coded) and cluster is None:
        frame = rows(labels)
        if isinstance(frame, nw.LazyFrame):
            found = _counted(frame, level, categories, least)
            if found is not None:
                return found
    return patterns(encode(labels, level, categories, cluster), least=least)


def _counted(frame: nw.LazyFrame[Any], level: Level, categories: Sequence[Any] | None, least: int) -> Patterns | None:
    """Patterns counted by the engine; None where there are too many categories for exact codes."""
    if not _is_plain(frame.collect_schema()["label"]):
        return None
    lost = _collected(frame.filter(_missing(frame, "item") | _missing(frame, "annotator")).select(nw.col("item").len()))
    if int(lost.iloc[0, 0]):
        raise TableError(f"{int(lost.iloc[0, 0])} rows have no item or no annotator", next_step="drop or name them")
    table = frame.filter(~_missing(frame, "label"))
    seen = _collected(table.select("label").unique().head(_MOST_CATEGORIES))["label"].tolist()
    named, numbers = named_categories(seen, level, categories)
    strangers = [label for label in seen if label not in set(named)]
    if strangers:
        raise TableError(f"labels {[str(s)[:40] for s in strangers[:5]]} are not among the categories {named[:12]}")
    items = table.with_columns(size=nw.col("annotator")).group_by("item").agg(nw.col("size").count())
    most = int(_collected(items.select(nw.col("size").max())).iloc[0, 0]) if seen else 0
    twice = _second_labels(table) if seen else 0
    if twice:
        raise TableError(
            f"{twice} labels are a second one of the same annotator on the same item",
            next_step="keep the current view (Store.labels), mark repeats with is_repeat, or drop duplicates",
        )
    if len(seen) >= _MOST_CATEGORIES or (most + 1) ** max(len(named), 1) >= _LARGEST_CODE:
        return None
    histogram = _collected(nw.from_native(pattern_histogram(table, named, most)).lazy()) if seen else None
    kept = [] if histogram is None else sorted(histogram[histogram["size"] >= least].to_numpy(dtype=np.int64).tolist())
    code = np.asarray([row[0] for row in kept], dtype=np.int64)
    weight = np.asarray([row[2] for row in kept], dtype=np.int64)
    counts = code[:, None] // (most + 1) ** np.arange(max(len(named), 1)) % (most + 1)
    size = counts.sum(axis=1).astype(float)
    dropped = histogram is not None and len(kept) < len(histogram)
    return Patterns(
        sparse.csr_matrix(counts.astype(float)),
        weight,
        size,
        named,
        numbers,
        int(weight.sum()),
        int(weight @ size),
        _people(table, items, least, dropped=dropped) if seen else 0,
    )


def _second_labels(table: nw.LazyFrame[Any]) -> int:
    """How many labels are not the first of their annotator on their item."""
    if table.implementation.is_dask():
        # Dask's n_unique adds up partitions: the same name in two of them counts twice.
        pairs = table.with_columns(n=nw.col("label")).group_by("item", "annotator").agg(nw.col("n").count())
        told = pairs.with_columns(again=nw.col("n") - 1).select(nw.col("again").sum())
    else:
        sized = table.with_columns(size=nw.col("label"), people=nw.col("annotator")).group_by("item")
        items = sized.agg(nw.col("size").count(), nw.col("people").n_unique())
        told = items.with_columns(again=nw.col("size") - nw.col("people")).select(nw.col("again").sum())
    return int(_collected(told).iloc[0, 0])


def _people(table: nw.LazyFrame[Any], items: nw.LazyFrame[Any], least: int, *, dropped: bool) -> int:
    """Annotators with a label on an item that takes part."""
    if dropped:
        table = table.join(items.filter(nw.col("size") >= least).select("item"), on="item", how="inner")
    return len(_collected(table.select("annotator").unique()))


def _labelled(labels: Any) -> Any:
    frame = rows(labels)
    return frame.select("item", "annotator", "label").filter(~_missing(frame, "label"))


def _missing(frame: nw.DataFrame[Any] | nw.LazyFrame[Any], column: str) -> nw.Expr:
    """Whether a row has no value there: null, or NaN among numbers, which most engines tell from null."""
    null = nw.col(column).is_null()
    return null | nw.col(column).is_nan() if frame.collect_schema()[column].is_float() else null


def _is_plain(kind: nw.dtypes.DType) -> bool:
    """Whether an engine can look labels of this type up in a list; dates and nested values are counted in memory."""
    return kind.is_numeric() or kind in (nw.String, nw.Boolean, nw.Categorical, nw.Enum)


def _native(frame: Any) -> Any:
    return nw.to_native(frame)


def _collected(frame: Any) -> Any:
    return frame.collect().to_pandas()
