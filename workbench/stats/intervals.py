"""Intervals that are honest about what was sampled: items (or prompts), never single labels.

Percentile intervals throughout; undefined replicates are counted and reported rather than dropped in silence.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

from workbench.stats.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


# A bootstrap of so few units has a handful of distinct replicates.
FEWEST = 5
# Quantiles of fewer replicates are the replicates themselves, and an interval of one does not hold its own value.
FEWEST_RESAMPLES = 20


class Interval(NamedTuple):
    """Lower and upper end, and how many replicates had no value."""

    low: float
    high: float
    n_undefined: int = 0


def wilson(successes: float, n: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a proportion (Wilson 1927).

    >>> low, high, _ = wilson(3, 20)
    >>> round(low, 3), round(high, 3)
    (0.052, 0.36)

    Raises
    ------
    ValueError
        Unless 0 <= successes <= n and 0 < confidence < 1.
    """
    check_confidence(confidence)
    if not 0 <= successes <= n:
        msg = f"need 0 <= successes <= n, got successes={successes}, n={n}"
        raise ValueError(msg)
    if n == 0:
        return Interval(math.nan, math.nan)
    z = _z(confidence)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 of n and n of n the formula ends exactly at 0 and 1 but for rounding.
    return Interval(0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


def beta_interval(
    successes: int, n: int, prior: tuple[float, float] = (0.5, 0.5), confidence: float = 0.95
) -> Interval:
    """Equal-tailed credible interval of a proportion: quantiles of Beta(a + successes, b + n - successes).

    The default prior is Jeffreys'. Without trials it is the interval of the prior.

    >>> low, high, _ = beta_interval(3, 20)
    >>> round(low, 3), round(high, 3)
    (0.044, 0.349)

    Raises
    ------
    ValueError
        Unless 0 <= successes <= n, 0 < confidence < 1 and both parameters of the prior are above 0.
    """
    check_confidence(confidence)
    if not 0 <= successes <= n:
        msg = f"need 0 <= successes <= n, got successes={successes}, n={n}"
        raise ValueError(msg)
    a, b = prior
    if not (0 < a < math.inf and 0 < b < math.inf):
        msg = f"a Beta prior needs two finite numbers above 0, got {prior!r} (Jeffreys is (0.5, 0.5), uniform (1, 1))"
        raise ValueError(msg)
    tail = (1 - confidence) / 2
    low, high = special.betaincinv(a + successes, b + n - successes, [tail, 1 - tail])
    return Interval(float(low), float(high))


def percentile(replicates: NDArray[np.float64], confidence: float = 0.95) -> Interval:
    """Percentile interval of bootstrap replicates; NaN replicates are left out and counted."""
    check_confidence(confidence)
    defined = replicates[~np.isnan(replicates)]
    n_undefined = int(replicates.size - defined.size)
    if defined.size == 0:
        return Interval(math.nan, math.nan, n_undefined)
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high), n_undefined)


def proportion(
    name: str, successes: int, n: int, *, n_items: int, n_annotators: int, confidence: float = 0.95, label: str = ""
) -> Estimate:
    """A proportion with its Wilson interval as an `Estimate`; NaN with a reason when n is 0."""
    low, high, _ = wilson(successes, n, confidence)
    return Estimate(
        name,
        successes / n if n else math.nan,
        low,
        high,
        n_items,
        n_annotators,
        n,
        "Wilson score interval",
        confidence,
        "" if n else "nothing to count",
        label,
    )


def difference_of_shares(
    name: str, before: tuple[int, int], after: tuple[int, int], *, confidence: float = 0.95, label: str = ""
) -> Estimate:
    """Share after minus share before, of independent trials, with Newcombe's hybrid score interval.

    Parameters
    ----------
    before, after
        Successes and trials of each.

    Notes
    -----
    Newcombe (1998), *Interval estimation for the difference between independent proportions*, method 10: the Wilson
    intervals of the two shares, put together. It stays within -1 and 1 and keeps its coverage with few trials.
    """
    check_confidence(confidence)
    (s_1, n_1), (s_2, n_2) = before, after
    method = "difference of two shares, Newcombe interval"
    if not n_1 or not n_2:
        nan = math.nan
        return Estimate(name, nan, nan, nan, n_1 + n_2, 0, n_1 + n_2, method, confidence, "nothing to compare", label)
    p_1, p_2 = s_1 / n_1, s_2 / n_2
    low_1, high_1, _ = wilson(s_1, n_1, confidence)
    low_2, high_2, _ = wilson(s_2, n_2, confidence)
    low = p_2 - p_1 - math.hypot(p_2 - low_2, high_1 - p_1)
    high = p_2 - p_1 + math.hypot(high_2 - p_2, p_1 - low_1)
    return Estimate(name, p_2 - p_1, low, high, n_1 + n_2, 0, n_1 + n_2, method, confidence, "", label)


def paired_difference(
    before: ArrayLike,
    after: ArrayLike,
    *,
    name: str = "difference",
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """Mean of `after - before` over paired units, with a bootstrap interval that resamples the units.

    Parameters
    ----------
    before, after
        One number per unit (for example one prompt), same length and order.

    Raises
    ------
    ValueError
        When the two differ in length.
    """
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if first.shape != second.shape or first.ndim != 1:
        msg = f"before and after must be two equally long lists, got shapes {first.shape} and {second.shape}"
        raise ValueError(msg)
    change = second - first
    return mean(change, name=name, n_resamples=n_resamples, confidence=confidence, seed=seed, label=label)


def mean(
    values: ArrayLike | Sequence[float],
    *,
    name: str = "mean",
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """Mean over units (prompts, items) with a bootstrap interval that resamples the units.

    Under `FEWEST` units, or when all units are the same, resampling shows next to nothing of what could have been, so
    there is a value and the reason why there is no interval. With a value missing or infinite there is no mean.

    Raises
    ------
    ValueError
        Values that are no list of numbers; see also `check_resampling`.
    """
    check_resampling(n_resamples, confidence, seed)
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        msg = f"values must be a list of numbers, got shape {array.shape}"
        raise ValueError(msg)
    n = array.size
    bad = int(n - np.count_nonzero(np.isfinite(array)))
    none = ""
    if bad:
        none = f"{bad} of {n} values are missing or infinite"
        return Estimate(name, math.nan, math.nan, math.nan, n, 0, n, "mean", confidence, none, label)
    if n < FEWEST:
        none = f"{n} unit{'s' * (n != 1)}: too few for an interval"
    elif float(np.ptp(array)) == 0:
        none = "no variation between units: no interval"
    if none:
        value = float(array.mean()) if n else math.nan
        return Estimate(name, value, math.nan, math.nan, n, 0, n, "mean", confidence, none, label)
    value = float(array.mean())
    if n_resamples == 0:
        return Estimate(name, value, math.nan, math.nan, n, 0, n, "mean", confidence, "", label)
    rng = np.random.default_rng(seed)
    replicates = np.empty(n_resamples)
    # Chunks keep the index matrix under about 32 MB however many units there are.
    step = max(1, 4_000_000 // n)
    for start in range(0, n_resamples, step):
        stop = min(start + step, n_resamples)
        replicates[start:stop] = array[rng.integers(0, n, size=(stop - start, n))].mean(axis=1)
    low, high, _ = percentile(replicates, confidence)
    method = f"mean, percentile bootstrap over units ({n_resamples} resamples, seed {seed})"
    return Estimate(name, value, low, high, n, 0, n, method, confidence, "", label)


def check_confidence(confidence: float) -> None:
    """Raise ValueError unless 0 < confidence < 1."""
    if not 0 < confidence < 1:
        msg = f"confidence must lie between 0 and 1, got {confidence!r} (95 % is 0.95)"
        raise ValueError(msg)


def check_resampling(n_resamples: int, confidence: float, seed: int) -> None:
    """Raise ValueError for options no interval by resampling can have: the one check of all that resample.

    Raises
    ------
    ValueError
        Resamples that are neither 0 (no interval) nor a whole number of at least `FEWEST_RESAMPLES`; a confidence
        outside 0 to 1; a seed that is no whole number of 0 or more (without one, numbers could not be had again).
    """
    check_confidence(confidence)
    if not _is_whole(n_resamples) or not (n_resamples == 0 or n_resamples >= FEWEST_RESAMPLES):
        msg = f"n_resamples must be 0 for no interval, or at least {FEWEST_RESAMPLES}, got {n_resamples!r}"
        raise ValueError(msg)
    if not _is_whole(seed) or seed < 0:
        msg = f"seed must be a whole number, 0 or more, got {seed!r}"
        raise ValueError(msg)


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _z(confidence: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + confidence / 2)
