"""The coefficients as functions from pattern weights (replicates x patterns) to one number a replicate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.patterns import Patterns, squares

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from workbench.stats.coding import Level
    from workbench.stats.resampling import Statistic

    Floats = NDArray[np.float64]

Weights = Literal["nominal", "ordinal", "linear", "quadratic"]
# Levels whose distances do not reduce to moments need a category x category matrix.
MOST_COMPARED = 2_000


def alpha_statistic(p: Patterns, level: Level) -> Statistic:
    """The function from pattern weights (replicates x patterns) to alpha."""
    counts, size = p.counts, p.size
    if not p.n_items:  # nor need there be numbers then
        return lambda weight: np.full(len(weight), np.nan)
    spare = 1 / np.maximum(size - 1, 1)
    if level == "nominal":
        within = (size**2 - squares(counts)) * spare

        def nominal(weight: Floats) -> Floats:
            n = (counts.T @ weight.T).T
            total = n.sum(axis=1)
            expected = (total**2 - (n**2).sum(axis=1)) / (total - 1)
            return 1 - ratio(weight @ within, expected)

        return nominal
    if level == "ratio":
        return matrix_alpha(p, distances(p, level))
    if level == "interval":
        assert p.numbers is not None  # encode refuses text for this level
        values = scaled(p.numbers, counts.T @ p.weight.astype(float))
        disagreement = size * _apart_within(counts, size, values) * spare
        # What rounding leaves of a mean of equal values; categories that are one number as a float are such values.
        least = np.finfo(float).eps ** 2 * 16

        def interval(weight: Floats) -> Floats:
            n = (counts.T @ weight.T).T
            total = n.sum(axis=1)
            centre = np.divide(n @ values, total, out=np.zeros(len(n)), where=total > 0)
            # From the mean of each replicate: a far value that is not in it must not blur what is.
            apart = np.einsum("rk,rk->r", n, (values - centre[:, None]) ** 2)
            expected = np.where(apart > least * (n @ values**2), total * apart, 0)
            return 1 - ratio(weight @ disagreement, expected / (total - 1))

        return interval

    def ordinal(weight: Floats) -> Floats:
        n = (counts.T @ weight.T).T
        total = n.sum(axis=1)
        # The score of a label is its mid-rank, which depends on the marginals, so it moves with each replicate.
        score = np.cumsum(n, axis=1) - n / 2 - total[:, None] / 2
        inside = _spread(size, (counts @ score.T).T, (counts @ (score**2).T).T) * spare
        expected = _spread(total, (n * score).sum(axis=1), (n * score**2).sum(axis=1)) / (total - 1)
        return 1 - ratio((weight * inside).sum(axis=1), expected)

    return ordinal


def matrix_alpha(p: Patterns, distance: Floats) -> Statistic:
    """Alpha with a distance between any two categories that does not depend on how often they are used."""
    if not p.n_items:
        return lambda weight: np.full(len(weight), np.nan)
    dense = p.counts.toarray()
    inside = ((dense @ distance) * dense).sum(axis=1) / np.maximum(p.size - 1, 1)

    def alpha(weight: Floats) -> Floats:
        n = weight @ dense
        return 1 - ratio(weight @ inside, ((n @ distance) * n).sum(axis=1) / (n.sum(axis=1) - 1))

    return alpha


def ratio(above: Floats, below: Floats, least: float = 0.0) -> Floats:
    """Division with NaN where there is nothing to divide by: where `below` is not above `least`."""
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    out: Floats = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=out, where=below > least)
    return out


def scaled(values: Floats, n: Floats) -> Floats:
    """Values with the median of those that occur (`n` times each) at 0 and the farthest of them at 1 or -1.

    The median, because a mean of all moves with one far value, and the near ones lose their digits to it. Values that
    do not occur become 0.
    """
    used = n > 0
    if not used.any():
        return np.zeros(len(values))
    order = np.argsort(values)
    middle = order[np.searchsorted(np.cumsum(n[order]), n.sum() / 2)]
    # Halves, since the difference of two finite numbers may be none.
    apart = np.where(used, values / 2 - values[middle] / 2, 0.0)
    most = float(np.abs(apart).max())
    return apart / most if most > 0 else apart


def losses(numbers: Floats, weights: Weights, places: NDArray[np.int64] | None = None) -> Floats:
    """Disagreement between categories, 0 on the diagonal and 1 for the farthest, shape (categories, categories).

    Parameters
    ----------
    places
        Positions of the categories in the order of all; 0, 1, ... without.
    """
    if weights not in ("nominal", "ordinal", "linear", "quadratic"):
        raise TableError(f"no weights {weights!r}; allowed are nominal, ordinal, linear, quadratic")
    q = len(numbers)
    if weights == "nominal" or q < 2:
        return 1 - np.eye(q)
    scale = (np.arange(q) if places is None else places) if weights == "ordinal" else numbers / 2
    apart = np.abs(np.subtract.outer(scale, scale)).astype(float)
    most = float(apart.max())
    if weights == "ordinal":
        return np.asarray(apart * (apart + 1) / (most * (most + 1)))
    if not most:
        return apart
    return np.asarray(apart / most if weights == "linear" else (apart / most) ** 2)


def positions(p: Patterns) -> Floats:
    """The categories as numbers: their own where they are numbers, else their places in the order given."""
    return p.numbers if p.numbers is not None else np.arange(len(p.categories), dtype=float)


def gwet_statistic(p: Patterns, weights: Weights) -> Statistic:
    """The function from pattern weights to AC1 or AC2; `p` may hold items with one label."""
    q = len(p.categories)
    if q > MOST_COMPARED:
        refuse(q, "Gwet's coefficient")
    if not p.n_items:
        return lambda weight: np.full(len(weight), np.nan)
    marks = 1 - losses(positions(p), weights)
    near = sparse.csr_matrix(p.counts @ marks)
    matched = np.asarray(p.counts.multiply(near).sum(axis=1)).ravel() - p.size
    spread = float(marks.sum()) / (q * (q - 1)) if q > 1 and p.n_seen > 1 else math.nan

    def chance(marginal: Floats) -> Floats:
        found: Floats = spread * (marginal * (1 - marginal)).sum(axis=1)
        # With one label only there is no chance to take away, in a resample as in the data.
        found[marginal.max(axis=1) > 1 - 1e-12] = np.nan
        return found

    return _beyond_chance(p, matched, chance)


def percent_statistic(p: Patterns) -> Statistic:
    """The function from pattern weights to percent agreement."""
    equal, pairs = squares(p.counts) - p.size, p.size * (p.size - 1)
    return lambda weight: ratio(weight @ equal, weight @ pairs)


def fleiss_statistic(p: Patterns) -> Statistic:
    """The function from pattern weights to Fleiss' kappa; `p` may hold items with one label."""
    return _beyond_chance(p, squares(p.counts) - p.size, lambda marginal: (marginal**2).sum(axis=1))


def _beyond_chance(p: Patterns, matched: Floats, chance: Callable[[Floats], Floats]) -> Statistic:
    """(observed - chance) / (1 - chance), from the matching ordered pairs of each pattern."""
    pairable = (p.size >= 2).astype(float)
    each = np.where(p.size >= 2, ratio(matched, p.size * (p.size - 1)), 0.0)
    shares = sparse.diags(1 / p.size) @ p.counts if p.n_items else p.counts

    def statistic(weight: Floats) -> Floats:
        observed = ratio(weight @ each, weight @ pairable)
        # Leaving an annotator out may leave nothing; observed agreement is undefined then.
        by_chance = chance((shares.T @ weight.T).T / np.maximum(weight.sum(axis=1), 1)[:, None])
        # Shares that add up to 1 do so but for rounding.
        return ratio(observed - by_chance, 1 - by_chance, least=1e-12)

    return statistic


def distances(p: Patterns, level: Level) -> Floats:
    """Squared distances between categories at the marginals of the data, shape (categories, categories)."""
    if len(p.categories) > MOST_COMPARED:
        refuse(len(p.categories), f"{level} alpha")
    if level == "nominal":
        return 1 - np.eye(len(p.categories))
    if level == "ordinal":
        n = p.counts.T @ p.weight.astype(float)
        score = np.cumsum(n) - n / 2
        return np.asarray(np.subtract.outer(score, score) ** 2)
    assert p.numbers is not None or not p.categories  # encode refuses text for these levels
    v = np.zeros(0) if p.numbers is None else p.numbers
    if level == "interval":
        near = scaled(v, p.counts.T @ p.weight.astype(float))
        return np.asarray(np.subtract.outer(near, near) ** 2)
    apart = np.subtract.outer(v, v)
    together = np.add.outer(v, v)
    return np.asarray(np.divide(apart, together, out=np.zeros_like(apart), where=together != 0) ** 2)


def refuse(n: int, what: str) -> Any:
    """Raise `TableError`: too many different values to compare each two of them."""
    raise TableError(
        f"{what} compares each pair of values and takes at most {MOST_COMPARED} different ones, the table has {n}",
        next_step='round the values, or use level="interval"',
    )


def _apart_within(counts: sparse.csr_matrix, size: Floats, values: Floats) -> Floats:
    """Sum of squared differences of a pattern's labels from their mean."""
    pattern = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    centre = (counts @ values) / np.maximum(size, 1)
    apart = counts.data * (values[counts.indices] - centre[pattern]) ** 2
    return np.bincount(pattern, weights=apart, minlength=counts.shape[0]).astype(float)


def _spread(n: Floats, total: Floats, squared: Floats) -> Floats:
    """Sum over ordered pairs of squared differences, from count, sum and sum of squares: 2 (n S2 - S1^2)."""
    # Rounding may leave -1e-17 where all scores are equal; a sum of squares is never negative.
    return np.maximum(2 * (n * squared - total**2), 0)
