"""Whether gold items look like the batch they hide in: category, length, and the labels they get."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats.coding import select
from workbench.stats.estimate import Estimate
from workbench.stats.gold.answers import column_names, known_answers
from workbench.stats.intervals import check_resampling, difference_of_shares
from workbench.stats.multiple import holm
from workbench.stats.reading import check_single

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# What is compared where nobody says otherwise and the tables have it.
COLUMNS = ("category", "slice", "words")
_MISSING = "(missing)"
_OPEN = "(no most frequent label)"


@dataclass(frozen=True)
class Mix:
    """How gold and other items are spread over the values of one column.

    Attributes
    ----------
    column
        Its name; `label` for the most frequent label of each item.
    total_variation
        Half the sum of the absolute differences of the shares: 0 the same mix, 1 nothing in common.
    expected
        Its mean when as many items are drawn from the whole batch at random: what chance alone would show.
    p_value, p_holm
        Of the permutation test that gold was drawn at random, and the same adjusted (Holm) for the columns looked at.
    differences
        Share among gold minus share among other items, one a value, with Newcombe's interval.
    """

    column: str
    total_variation: Estimate
    expected: float
    p_value: float
    p_holm: float
    differences: tuple[Estimate, ...]


def representativeness(
    labels: Any,
    gold: Mapping[Any, Any] | Any,
    *,
    items: Any = None,
    columns: Sequence[str] | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Mix, ...]:
    """Compare gold items with the other items, column by column and by the labels they get.

    Parameters
    ----------
    labels
        A label table; it may carry the context columns itself.
    gold
        item -> known label, or a table for `usable`.
    items
        A table with `item` and context columns, one row an item (`tables.ITEMS`). With it the batch is these
        and all items that have labels, without it the latter.
    columns
        Columns to compare, `COLUMNS` where the tables have them if not given. Numbers with more than six different
        values are compared in bands that hold a quarter of all items each.

    Returns
    -------
    tuple
        One `Mix` a column and a last one for the labels. An item's label there is its most frequent one, so that items
        and not labels are counted; items on which labels tie are a value of their own.

    Raises
    ------
    TableError
        A column that neither table has or that is no context, an item twice in `items`; see `coding.select`.
    ValueError
        See `intervals.check_resampling`.
    """
    check_resampling(n_resamples, confidence, seed)
    known = known_answers(gold).answers
    given = _values(labels, items, columns)
    rng = np.random.default_rng(seed)
    found = [_compare(name, column, known, n_resamples, confidence, rng, seed) for name, column in given.items()]
    adjusted = holm([one.p_value for one in found])
    return tuple(replace(one, p_holm=float(p)) for one, p in zip(found, adjusted, strict=True))


def context_columns(labels: Any, items: Any, columns: Sequence[str] | None) -> list[str]:
    """The columns that will be compared, beside the labels."""
    have = {*column_names(labels), *(column_names(items) if items is not None else [])}
    if columns is None:
        return [name for name in COLUMNS if name in have]
    absent = [name for name in columns if name not in have]
    if absent:
        raise TableError(f"no column {absent} in the labels or the items", next_step=f"choose among {sorted(have)}")
    none = [name for name in columns if name in tables.NEEDED]
    if none:
        raise TableError(
            f"{none} of the labels are no context to compare",
            next_step=f"choose among {sorted(have - {*tables.NEEDED})}",
        )
    return list(dict.fromkeys(columns))


def _values(labels: Any, items: Any, columns: Sequence[str] | None) -> dict[str, pd.Series[Any]]:
    """Column -> the value of each item (indexed by item), the labels' mix last."""
    wanted = context_columns(labels, items, columns)
    inside = [name for name in wanted if name in column_names(labels)]
    table = select(labels, [name for name in inside if name not in tables.NEEDED])
    for name in ("item", "label"):
        check_single(table[name])
    listed = table.drop_duplicates("item").set_index("item")
    if items is not None:
        tables.require(items, ("item",), where="item table")
        batch = nw.from_native(items, eager_only=True).to_pandas().set_index("item")
        check_single(batch.index.to_series(), where="item table")
        if batch.index.has_duplicates:
            raise TableError("an item stands twice in the item table", next_step="keep one row an item")
        listed = batch.combine_first(listed[inside])
    found = {name: _bands(listed[name]) for name in wanted}
    counts = table.dropna(subset=["label"]).groupby(["item", "label"], sort=False).size()
    most = counts == counts.groupby("item").transform("max")
    top = counts[most].reset_index("label")
    tied = top.index.duplicated(keep=False)
    plurality = top["label"].astype(str).where(~tied, _OPEN)
    found["label"] = plurality[~plurality.index.duplicated()]
    return found


def _bands(column: pd.Series[Any]) -> pd.Series[Any]:
    missing = column.isna()
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and column.nunique() > 6:
        numbers = column.astype(float)
        edges = np.unique(np.nanquantile(numbers.to_numpy(float), [0.25, 0.5, 0.75]))
        names = [
            f"to {edges[0]:g}",
            *(f"over {low:g} to {high:g}" for low, high in pairwise(edges)),
        ]
        names.append(f"over {edges[-1]:g}")
        band = np.searchsorted(edges, numbers.to_numpy(float), side="left")
        column = pd.Series(np.asarray(names, dtype=object)[np.where(missing, 0, band)], index=column.index)
    return column.astype(object).where(~missing, _MISSING).astype(str)


def _compare(
    name: str,
    column: pd.Series[Any],
    known: Collection[Any],
    n_resamples: int,
    confidence: float,
    rng: np.random.Generator,
    seed: int,
) -> Mix:
    is_gold = column.index.isin(list(known))
    code, values = pd.factorize(column, sort=True)
    all_counts = np.bincount(code, minlength=len(values))
    gold_counts = np.bincount(code[is_gold], minlength=len(values))
    n, n_gold = len(column), int(is_gold.sum())
    method = f"total variation of the shares over {len(values)} values, permutation test ({n_resamples}, seed {seed})"
    observed = expected = p_value = math.nan
    reason = "" if 0 < n_gold < n else "no gold item in the table" if not n_gold else "no item beside gold in the table"
    if not reason:
        observed = float(_distance(gold_counts[None, :], all_counts)[0])
        if n_resamples:
            # Which items are gold is permuted; all that matters is how many of each value are drawn.
            drawn = rng.multivariate_hypergeometric(all_counts, n_gold, size=n_resamples, method="marginals")
            chance = _distance(drawn, all_counts)
            expected = float(chance.mean())
            p_value = (1 + int(np.count_nonzero(chance >= observed - 1e-12))) / (n_resamples + 1)
            reason = (
                f"no interval, a distance is never below 0: by chance it would be {expected:.3f} (p = {p_value:.3g})"
            )
    total = Estimate(
        "total_variation", observed, math.nan, math.nan, n, 0, n, method, confidence, reason, f"{name}: gold and others"
    )
    differences = tuple(
        difference_of_shares(
            "share_difference",
            (int(all_counts[k] - gold_counts[k]), n - n_gold),
            (int(gold_counts[k]), n_gold),
            confidence=confidence,
            label=f"{name}: {value}",
        )
        for k, value in enumerate(values)
    )
    return Mix(name, total, expected, p_value, p_value, differences)


def _distance(gold_counts: Any, all_counts: Any) -> Any:
    """Total variation between the mix of gold and of the rest; rows are draws."""
    n_gold = gold_counts.sum(axis=1, keepdims=True)
    rest = all_counts - gold_counts
    return np.abs(gold_counts / n_gold - rest / rest.sum(axis=1, keepdims=True)).sum(axis=1) / 2
