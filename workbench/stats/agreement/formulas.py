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
        fixed = p.numbers - p.numbers.mean()
        disagreement = _spread(size, counts @ fixed, counts @ fixed**2) * spare

        def interval(weight: Floats) -> Floats:
            n = (counts.T @ weight.T).T
            total = n.sum(axis=1)
            return 1 - ratio(weight @ disagreement, _spread(total, n @ fixed, n @ fixed**2) / (total - 1))

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


def ratio(above: Floats, below: Floats) -> Floats:
    """Division with NaN where there is nothing to divide by."""
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    out: Floats = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=out, where=below > 1e-12)
    return out


def part_marks(numbers: Floats, weights: Weights) -> Floats:
    """Agreement weights between categories, 1 on the diagonal, shape (categories, categories)."""
    q = len(numbers)
    if weights == "nominal" or q < 2:
        return np.eye(q)
    if weights == "ordinal":
        between = np.abs(np.subtract.outer(np.arange(q), np.arange(q))) + 1
        return np.asarray(1 - between * (between - 1) / (q * (q - 1)))
    apart = np.abs(np.subtract.outer(numbers, numbers)) / np.ptp(numbers)
    if weights == "linear":
        return np.asarray(1 - apart)
    if weights == "quadratic":
        return np.asarray(1 - apart**2)
    raise TableError(f"no weights {weights!r}; allowed are nominal, ordinal, linear, quadratic")


def positions(p: Patterns) -> Floats:
    """The categories as numbers: their own where they are numbers, else their places in the order given."""
    return p.numbers if p.numbers is not None else np.arange(len(p.categories), dtype=float)


def gwet_statistic(p: Patterns, weights: Weights) -> Statistic:
    """The function from pattern weights to AC1 or AC2; `p` may hold items with one label."""
    q = len(p.categories)
    if q > MOST_COMPARED:
        refuse(p, "Gwet's coefficient")
    marks = part_marks(positions(p), weights)
    near = sparse.csr_matrix(p.counts @ marks)
    matched = np.asarray(p.counts.multiply(near).sum(axis=1)).ravel() - p.size
    spread = float(marks.sum()) / (q * (q - 1)) if q > 1 and p.n_seen > 1 else math.nan
    return _beyond_chance(p, matched, lambda marginal: spread * (marginal * (1 - marginal)).sum(axis=1))


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
        by_chance = chance((shares.T @ weight.T).T / weight.sum(axis=1)[:, None])
        return ratio(observed - by_chance, 1 - by_chance)

    return statistic


def distances(p: Patterns, level: Level) -> Floats:
    """Squared distances between categories at the marginals of the data, shape (categories, categories)."""
    if len(p.categories) > MOST_COMPARED:
        refuse(p, f"{level} alpha")
    if level == "nominal":
        return 1 - np.eye(len(p.categories))
    if level == "ordinal":
        n = p.counts.T @ p.weight.astype(float)
        score = np.cumsum(n) - n / 2
        return np.asarray(np.subtract.outer(score, score) ** 2)
    assert p.numbers is not None or not p.categories  # encode refuses text for these levels
    v = np.zeros(0) if p.numbers is None else p.numbers
    apart = np.subtract.outer(v, v)
    if level == "interval":
        return np.asarray(apart**2)
    together = np.add.outer(v, v)
    return np.asarray(np.divide(apart, together, out=np.zeros_like(apart), where=together != 0) ** 2)


def refuse(p: Patterns, what: str) -> Any:
    """Raise `TableError`: too many different values to compare each two of them."""
    raise TableError(
        f"{what} compares each pair of values and takes at most {MOST_COMPARED} different ones, the table has "
        f"{len(p.categories)}",
        next_step='round the values, or use level="interval"',
    )


def _spread(n: Floats, total: Floats, squared: Floats) -> Floats:
    """Sum over ordered pairs of squared differences, from count, sum and sum of squares: 2 (n S2 - S1^2)."""
    # Rounding may leave -1e-17 where all scores are equal; a sum of squares is never negative.
    return np.maximum(2 * (n * squared - total**2), 0)
