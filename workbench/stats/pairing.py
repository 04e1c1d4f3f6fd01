"""Counts an item, and the sums of them that nominal agreement is made of, for differences paired by item.

The coefficients themselves are in `agreement`; here they are functions of sums over items, so that two tables, or
groups within and between, can be set against each other on the same resampled items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]

_CELLS = 8_000_000


@dataclass(frozen=True)
class Tally:
    """Labels of each kind an item, shape (items, categories), and labels an item.

    `sums` has one row an item: pairs of labels, equal pairs, what the item adds to observed agreement in Krippendorff's
    coincidences, and its pairable labels of each kind. `percent` and `alpha` are functions of their totals.
    """

    counts: Floats
    size: Floats
    sums: Floats


def tally(coded: Coded, keep: NDArray[np.bool_] | None = None) -> Tally:
    """Counts of all labels, or of those marked in `keep`; items stay in place, also those without any."""
    used = coded if keep is None else coded.only(keep)
    counts = np.zeros((len(coded.items), max(coded.n_categories, 1)))
    np.add.at(counts, (used.item, used.value), 1)
    size = counts.sum(axis=1)
    pairable = size >= 2
    equal = (counts * (counts - 1)).sum(axis=1)
    agreed = np.divide(equal, size - 1, out=np.zeros(len(size)), where=pairable)
    return Tally(counts, size, np.column_stack([size * (size - 1) / 2, equal / 2, agreed, counts * pairable[:, None]]))


def percent(sums: Floats) -> Floats:
    """Share of equal pairs, from totals of `Tally.sums` in the last axis; NaN without pairs."""
    found: Floats = np.divide(sums[..., 1], sums[..., 0], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 0] > 0)
    return found


def alpha(sums: Floats) -> Floats:
    """Nominal alpha (Krippendorff 2011) from totals of `Tally.sums` in the last axis; NaN where nothing varies."""
    n = sums[..., 3:]
    total = n.sum(axis=-1)
    expected = total**2 - (n**2).sum(axis=-1)
    observed = (total - sums[..., 2]) * (total - 1)
    found: Floats = 1 - np.divide(observed, expected, out=np.full(total.shape, np.nan), where=expected > 0)
    return found


def replicates(sums: Floats, n_resamples: int, seed: int) -> Floats:
    """Totals of `sums` (items, columns) over resampled items, shape (resamples, columns).

    Items with equal rows are drawn together, as one multinomial over distinct rows.
    """
    rng = np.random.default_rng(seed)
    distinct, times = np.unique(sums, axis=0, return_counts=True)
    share, n = times / times.sum(), int(times.sum())
    step = max(1, _CELLS // len(distinct))
    sizes = [min(step, n_resamples - start) for start in range(0, n_resamples, step)]
    parts = [rng.multinomial(n, share, size=size).astype(float) @ distinct for size in sizes]
    return np.concatenate(parts) if parts else np.zeros((0, sums.shape[1]))
