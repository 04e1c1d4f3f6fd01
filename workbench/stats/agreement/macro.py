"""The interval of a macro that papers report, kept only to compare with them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from workbench.stats.intervals import check_resampling, percentile
from workbench.stats.resampling import Statistic, estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.estimate import Estimate
    from workbench.stats.patterns import Patterns

    Floats = NDArray[np.float64]

# Replicates x outcomes drawn at once, near 64 MB.
_CHUNK_CELLS = 8_000_000


def draws_of_pairs(
    name: str,
    p: Patterns,
    statistic: Statistic,
    distance: Floats,
    *,
    n_resamples: int,
    confidence: float,
    seed: int,
    method: str,
    label: str = "",
) -> Estimate:
    """The interval of Hayes and Krippendorff's macro: pairs of labels drawn as if independent, for comparison only.

    Parameters
    ----------
    distance
        Squared distances between categories, shape (categories, categories).

    Notes
    -----
    Hayes & Krippendorff (2007). Expected disagreement stays fixed; each unit of m labels draws m (m - 1) / 2 pairs from
    the distribution of all observed pairs of values. Labels of one item are not independent, so it is too narrow.
    """
    check_resampling(n_resamples, confidence, seed)
    point = estimate(name, p, statistic, n_resamples=0, confidence=confidence, seed=seed, method=method, label=label)
    if not point.defined or n_resamples == 0:
        return point
    weight = p.weight.astype(float)
    share = sparse.diags(weight / (p.size - 1)) @ p.counts
    # Only pairs of values that occur; the diagonal less the pairs of a label with itself.
    together = sparse.coo_matrix(p.counts.T @ share - sparse.diags(np.asarray(share.sum(axis=0)).ravel()))
    chance = np.maximum(together.data, 0)
    n = p.counts.T @ weight
    expected = float(n @ distance @ n) / (n.sum() - 1)
    apart = distance[together.row, together.col]
    # Equal distances are one outcome; rounded, since in other units they differ in the last digits.
    apart, cells = np.unique(np.round(apart / max(float(apart.max(initial=0)), 1e-300), 12), return_inverse=True)
    lost = apart * 2 * float(distance[together.row, together.col].max(initial=0)) / expected
    chance = np.bincount(cells, weights=chance)
    rng = np.random.default_rng(seed)
    drawn = np.ones(n_resamples)
    step = max(1, _CHUNK_CELLS // len(lost))
    for size in np.unique(p.size).tolist():
        pairs = int(weight[p.size == size].sum() * size * (size - 1) / 2)
        for start in range(0, n_resamples, step):
            here = drawn[start : start + step]
            here -= rng.multinomial(pairs, chance / chance.sum(), size=len(here)) @ lost / (size - 1)
    low, high, _ = percentile(drawn, confidence)
    how = f"{method}; pairs of labels drawn as in KALPHA ({n_resamples} resamples, seed {seed})"
    caution = "pairs of labels are not independent: this interval is too narrow"
    # A value with every resample is so but for rounding.
    low, high = (point.value if math.isclose(end, point.value, abs_tol=1e-12) else end for end in (low, high))
    return replace(point, low=low, high=high, method=how, reason=caution)
