"""Whether stated probabilities come true: accuracy, Brier score, reliability by bin, expected calibration error.

A judge of pairs gives each a margin in log-odds, above 0 where it prefers the response that was chosen; sigmoid(margin)
is the probability it gave to what happened. Which of two responses stands first is nobody's choice, so a pair is read
from the judge's side: how sure it was, sigmoid(|margin|) from one half to one, and whether it was right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.stats import intervals
from workbench.stats.estimate import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

N_BINS = 5


@dataclass(frozen=True)
class Bin:
    """Pairs whose confidence lies in [low, high): how many, what was said on average, what came true (Wilson)."""

    low: float
    high: float
    n: int
    confidence: float
    observed: Estimate


def accuracy(units: Sequence[str], margins: ArrayLike, *, n_resamples: int = 10_000, seed: int = 0) -> Estimate:
    """Share of pairs whose margin is above 0, a margin of 0 counting half; the interval resamples units.

    Parameters
    ----------
    units
        What was sampled, one a pair: its prompt. Where each has its own and none is tied, the interval is Wilson's.
    margins
        Log-odds, one a pair.
    """
    right = _right(_checked(units, margins))
    if len(set(units)) == len(units) and not (right == 0.5).any():
        return intervals.proportion(
            "accuracy", int(right.sum()), len(right), n_items=len(right), n_annotators=0, label="accuracy"
        )
    return _mean("accuracy", units, right, n_resamples, seed)


def brier(units: Sequence[str], margins: ArrayLike, *, n_resamples: int = 10_000, seed: int = 0) -> Estimate:
    """Mean of (1 - sigmoid(margin))^2 (Brier 1950): 0 is perfect, .25 is what always saying one half gets."""
    return _mean("brier", units, (1 - _sigmoid(_checked(units, margins))) ** 2, n_resamples, seed)


def expected_calibration_error(
    units: Sequence[str], margins: ArrayLike, *, n_bins: int = N_BINS, n_resamples: int = 2_000, seed: int = 0
) -> Estimate:
    """Mean distance between what was said and what came true, over bins of confidence weighted by their pairs.

    Notes
    -----
    Naeini et al. (2015), eq. 2, on bins of equal width from one half to one. Few pairs a bin make it too high, and its
    interval with it, for a perfect judge too; so the caution says what a judge whose every probability came true would
    show on average with the same confidences (from `n_resamples` simulated outcomes).
    """
    values = _checked(units, margins)
    name, n = "expected_calibration_error", len(values)
    none = Estimate(name, math.nan, math.nan, math.nan, len(set(units)), 0, n, "", reason="nothing to count")
    if not n:
        return none
    confidence, right = _sigmoid(np.abs(values)), _right(values)
    place = _places(confidence, n_bins)

    def error(weights: Floats, came_true: Floats) -> float:
        gaps = np.bincount(place, weights * (confidence - came_true), n_bins)
        return float(np.abs(gaps).sum() / weights.sum())

    value, drawn = _resampled(units, lambda weights: error(weights, right), n_resamples, seed)
    low, high, _ = intervals.percentile(drawn)
    rng, even = np.random.default_rng(seed), np.ones(n)
    perfect = np.mean([error(even, (rng.random(n) < confidence).astype(float)) for _ in range(n_resamples)])
    caution = f"a perfectly calibrated judge would show {perfect:.3f} on average with so many pairs"
    if len(set(units)) < intervals.FEWEST:
        low, high, caution = math.nan, math.nan, f"{_few(units)}; {caution}"
    method = f"{n_bins} bins of equal width; percentile bootstrap over units ({n_resamples} resamples, seed {seed})"
    return Estimate(name, value, low, high, len(set(units)), 0, n, method, reason=caution)


def reliability(margins: ArrayLike, *, n_bins: int = N_BINS) -> list[Bin]:
    """What was said against what came true, by bins of equal width from one half to one; empty bins are there too.

    Raises
    ------
    ValueError
        For margins that are no finite numbers, or no bin.
    """
    values = _checked(None, margins)
    confidence, right = _sigmoid(np.abs(values)), _right(values)
    place = _places(confidence, n_bins)
    edges = np.linspace(0.5, 1, n_bins + 1)
    made = []
    for number in range(n_bins):
        inside = place == number
        n, hits = int(inside.sum()), float(right[inside].sum())
        low, high, _ = intervals.wilson(hits, n)
        observed = Estimate(
            "observed",
            hits / n if n else math.nan,
            low,
            high,
            n,
            0,
            n,
            "Wilson score interval",
            reason="" if n else "no pair in this bin",
        )
        said = float(confidence[inside].mean()) if n else math.nan
        made.append(Bin(float(edges[number]), float(edges[number + 1]), n, said, observed))
    return made


def _checked(units: Sequence[str] | None, margins: ArrayLike) -> Floats:
    values = np.asarray(margins, dtype=float)
    if values.ndim != 1 or not np.isfinite(values).all():
        msg = "margins must be a list of finite numbers"
        raise ValueError(msg)
    if units is not None and len(units) != len(values):
        msg = f"as many units as margins, got {len(units)} and {len(values)}"
        raise ValueError(msg)
    return values


def _right(margins: Floats) -> Floats:
    return (np.sign(margins) + 1) / 2


def _sigmoid(values: Floats) -> Floats:
    from scipy import special

    return np.asarray(special.expit(values), dtype=float)


def _places(confidence: Floats, n_bins: int) -> NDArray[np.int64]:
    if n_bins < 1:
        msg = f"at least one bin, got {n_bins}"
        raise ValueError(msg)
    return np.minimum(((confidence - 0.5) * 2 * n_bins).astype(np.int64), n_bins - 1)


def _mean(name: str, units: Sequence[str], values: Floats, n_resamples: int, seed: int) -> Estimate:
    """Mean over pairs, every one counting alike, with an interval that resamples the units they belong to."""
    if len(set(units)) == len(units):
        return intervals.mean(values, name=name, n_resamples=n_resamples, seed=seed, label=name)
    value, drawn = _resampled(units, lambda weights: float(weights @ values / weights.sum()), n_resamples, seed)
    low, high, _ = intervals.percentile(drawn)
    reason = ""
    if len(set(units)) < intervals.FEWEST:
        reason = _few(units)
    elif float(np.ptp(values)) == 0:
        reason = "no variation between units: no interval"
    if reason:
        low = high = math.nan
    method = f"mean over pairs, percentile bootstrap over units ({n_resamples} resamples, seed {seed})"
    return Estimate(name, value, low, high, len(set(units)), 0, len(values), method, reason=reason, label=name)


def _few(units: Sequence[str]) -> str:
    n = len(set(units))
    return f"{n} unit{'s' * (n != 1)}: too few for an interval"


def _resampled(
    units: Sequence[str], statistic: Callable[[Floats], float], n_resamples: int, seed: int
) -> tuple[float, Floats]:
    """The statistic of pair weights on the data, and on resamples of the units."""
    intervals.check_resampling(n_resamples, 0.95, seed)
    _, unit = np.unique(np.asarray(units, dtype=str), return_inverse=True)
    n = int(unit.max()) + 1
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [statistic(np.bincount(rng.integers(0, n, n), minlength=n)[unit].astype(float)) for _ in range(n_resamples)]
    )
    return statistic(np.ones(len(unit))), drawn
