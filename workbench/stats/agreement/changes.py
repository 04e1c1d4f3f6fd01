"""A coefficient after a change minus before it, on the same resampled items."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.stats.agreement.named import fewest_labels, method_of, statistic_of
from workbench.stats.coding import Coded, encode
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_resampling, percentile
from workbench.stats.patterns import Patterns, patterns
from workbench.stats.resampling import affordable, multiplicities

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from workbench.stats.agreement.named import Coefficient
    from workbench.stats.coding import Level

    Floats = NDArray[np.float64]


def difference(
    before: Any,
    after: Any,
    coefficient: Coefficient = "krippendorff_alpha",
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """A coefficient after a change minus before it, over the items that have two labels in both tables.

    Items are resampled together with both their sets of labels, so what makes an item hard cancels out: this is the
    comparison for the same items labelled again under a new guideline. Where the tables share no item the two are
    resampled apart, and the method says so.
    """
    check_resampling(n_resamples, confidence, seed)
    first, second = encode(before, level, categories), encode(after, level, categories)
    least = fewest_labels(coefficient)
    shared = pd.Index(_with_two(first), tupleize_cols=False)
    shared = shared[shared.isin(pd.Index(_with_two(second), tupleize_cols=False))]
    name = f"difference in {coefficient}"
    if len(shared):
        first, second = (_only_items(coded, shared) for coded in (first, second))
    p, q = (patterns(coded, least=least, trace=True) for coded in (first, second))
    n_items = len(shared) or p.n_items + q.n_items
    people = len({name for coded in (first, second) for name in coded.annotators[np.unique(coded.annotator)].tolist()})

    def result(value: float, low: float, high: float, method: str, reason: str) -> Estimate:
        return Estimate(
            name, value, low, high, n_items, people, p.n_labels + q.n_labels, method, confidence, reason, label
        )

    if not p.n_items or not q.n_items:
        return result(math.nan, math.nan, math.nan, name, "one side has no item with labels of two annotators")
    one, other = statistic_of(p, coefficient, level), statistic_of(q, coefficient, level)
    value = float(other(q.weight[None, :].astype(float))[0] - one(p.weight[None, :].astype(float))[0])
    if math.isnan(value):
        return result(value, value, value, name, "one side is undefined: all its labels are the same")
    if n_resamples == 0:
        return result(value, math.nan, math.nan, f"{method_of(coefficient, level)} after minus before", "")
    sides = _drawn_together(p, q, n_resamples, seed) if len(shared) else _drawn_apart(p, q, n_resamples, seed)
    drawn = np.concatenate([other(after) - one(before) for before, after in sides])
    low, high, undefined = percentile(drawn, confidence)
    units = f"{n_items} items of both tables together" if len(shared) else "no item in common, so each table apart"
    fewer = f" instead of {n_resamples:,}, to bound the time" if len(drawn) < n_resamples else ""
    how = f"percentile bootstrap of {units} ({len(drawn)} resamples{fewer}, seed {seed})"
    cautions = [f"{undefined} of {len(drawn)} resamples undefined"] if undefined else []
    if low == high:
        cautions.append("every resample has the same difference, so no real interval")
    method = f"{method_of(coefficient, level)} after minus before; {how}"
    return result(value, low, high, method, "; ".join(cautions))


def _drawn_together(p: Patterns, q: Patterns, n_resamples: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Pattern weights of resamples of items that have a pattern in both, in chunks."""
    assert p.of_item is not None  # traced above
    assert q.of_item is not None
    joint, n = np.unique(np.stack([p.of_item, q.of_item]), axis=1, return_counts=True)
    places = np.arange(joint.shape[1])
    one, other = (
        sparse.csr_matrix((np.ones(len(places)), (side, places)), shape=(r.counts.shape[0], len(places)))
        for side, r in zip(joint, (p, q), strict=True)
    )
    width = max(*p.counts.shape, *q.counts.shape)
    for drawn in multiplicities(n, affordable(n_resamples, len(n)), seed, width=width):
        yield (one @ drawn.T).T, (other @ drawn.T).T


def _drawn_apart(p: Patterns, q: Patterns, n_resamples: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    n_resamples = affordable(n_resamples, len(p.weight) + len(q.weight))
    width = max(*p.counts.shape, *q.counts.shape)
    one, other = (
        multiplicities(r.weight, n_resamples, side, width=width)
        for side, r in zip((seed, seed + 1), (p, q), strict=True)
    )
    return zip(one, other, strict=True)


def _only_items(coded: Coded, items: pd.Index[Any]) -> Coded:
    """The labels of these items, whose codes are their places here: the same item has the same code in two tables."""
    place = items.get_indexer(pd.Index(coded.items, tupleize_cols=False))
    kept = place[coded.item] >= 0
    return replace(coded.only(kept), item=place[coded.item][kept].astype(np.int64), items=items.to_numpy())


def _with_two(coded: Coded) -> NDArray[Any]:
    return coded.items[np.bincount(coded.item, minlength=len(coded.items)) >= 2]
