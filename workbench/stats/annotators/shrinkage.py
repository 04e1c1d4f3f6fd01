"""Shares of many annotators at once: what they have in common, how far they differ, and each one drawn to the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from workbench.stats.intervals import Interval, check_confidence

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

METHOD = "beta-binomial model, annotators as random effects, posterior on a grid"
# Points a side of the grid, and how much less likely than the best a region may be to stay on it.
_POINTS = 41
_WORTH = 12.0
_CELLS = 4_000_000


@dataclass(frozen=True)
class Shrunk:
    """Population share with its interval, spread between annotators, and each annotator's share.

    `spread` is the intraclass correlation (0: everybody alike, 1: each always or never). `value`, `low` and `high`
    have one entry an annotator.
    """

    mean: float
    interval: Interval
    spread: float
    value: Floats
    low: Floats
    high: Floats


def shrink(successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95) -> Shrunk:
    """Beta-binomial shares of annotators: k ~ Binomial(n, p), p ~ Beta with mean m and intraclass correlation r.

    Parameters
    ----------
    successes, n
        One entry an annotator. Somebody with n = 0 is given what the population says of a stranger.

    Notes
    -----
    m and r have uniform priors on (0, 1) and are integrated over a grid that is laid twice around what is likely, so
    with few annotators the doubt about how far people differ is in every interval, which plugging in one estimate
    (classic empirical Bayes) leaves out. An annotator's share is the mixture of Beta(m s + k, (1 - m) s + n - k) over
    the grid, s = (1 - r) / r; its interval is that of the Beta with the mixture's mean and variance.
    """
    check_confidence(confidence)
    k, total = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    pairs, index, times = np.unique(np.stack([k, total], axis=1), axis=0, return_inverse=True, return_counts=True)
    index = index.ravel()
    m, r, weight = _grid(pairs, times.astype(float))
    s = (1 - r) / r
    a, b = (m * s)[None, :], ((1 - m) * s)[None, :]
    mean, second = np.empty(len(pairs)), np.empty(len(pairs))
    for part in _chunks(len(pairs), len(m)):
        one = a + pairs[part, :1]
        both = a + b + pairs[part, 1:]
        mean[part] = (one / both) @ weight
        second[part] = (one * (one + 1) / (both * (both + 1))) @ weight
    low, high = _beta(mean, second - mean**2, confidence)
    order = np.argsort(m, kind="stable")
    below = np.cumsum(weight[order])
    tail = (1 - confidence) / 2
    ends = [float(m[order][min(int(np.searchsorted(below, q)), len(m) - 1)]) for q in (tail, 1 - tail)]
    return Shrunk(
        float(m @ weight), Interval(ends[0], ends[1]), float(r @ weight), mean[index], low[index], high[index]
    )


def _grid(pairs: Floats, times: Floats) -> tuple[Floats, Floats, Floats]:
    """Points of mean and correlation with their posterior weights."""
    box = np.array([[-9.0, 9.0], [-12.0, 6.0]])  # logit of mean, logit of correlation
    for _ in range(4):
        u, v = (np.linspace(low, high, _POINTS) for low, high in box)
        grid_u, grid_v = (axis.ravel() for axis in np.meshgrid(u, v, indexing="ij"))
        m, r = special.expit(grid_u), special.expit(grid_v)
        # The last two factors turn a uniform density of m and r into one of their logits.
        log = _likelihood(pairs, times, m, r) + np.log(m * (1 - m)) + np.log(r * (1 - r))
        worth = log > log.max() - _WORTH
        steps = (u[1] - u[0], v[1] - v[0])
        box = np.array(
            [[at[worth].min() - step, at[worth].max() + step] for at, step in zip((grid_u, grid_v), steps, strict=True)]
        )
    weight = np.exp(log - log.max())
    return m, r, weight / weight.sum()


def _likelihood(pairs: Floats, times: Floats, m: Floats, r: Floats) -> Floats:
    s = (1 - r) / r
    a, b = m * s, (1 - m) * s
    found = -times.sum() * special.betaln(a, b)
    for part in _chunks(len(pairs), len(m)):
        k, n = pairs[part, 0], pairs[part, 1]
        found = found + times[part] @ special.betaln(a[None, :] + k[:, None], b[None, :] + (n - k)[:, None])
    return np.asarray(found)


def _beta(mean: Floats, variance: Floats, confidence: float) -> tuple[Floats, Floats]:
    size = np.maximum(mean * (1 - mean) / np.maximum(variance, 1e-300) - 1, 1e-9)
    tail = (1 - confidence) / 2
    low = special.betaincinv(mean * size, (1 - mean) * size, tail)
    high = special.betaincinv(mean * size, (1 - mean) * size, 1 - tail)
    return low, high


def _chunks(n: int, width: int) -> list[slice]:
    step = max(1, _CELLS // width)
    return [slice(start, start + step) for start in range(0, n, step)]
