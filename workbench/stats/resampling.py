"""From a statistic of pattern weights to an `Estimate`: value, bootstrap interval over items or clusters, cautions.

A statistic here is a function from weights (replicates x patterns) to one number a replicate, so a thousand replicates
are one matrix product. `jackknife` leaves annotators out instead, for when these were sampled and not the items.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from scipy import sparse

from workbench.stats.estimate import Estimate
from workbench.stats.intervals import Interval, check_confidence, check_resampling, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from workbench.stats.patterns import Patterns

    Floats = NDArray[np.float64]

Kind = Literal["percentile", "bca"]
Statistic: TypeAlias = "Callable[[Floats], Floats]"
# Replicate chunks are sized so that the largest temporary stays near 64 MB.
_CHUNK_CELLS = 8_000_000
# A resample costs a step for each unit; more than this in all would take a minute and more.
_MOST_STEPS = 250_000_000
# However many units there are, percentiles of fewer resamples than this are not worth the name.
_LEAST_DRAWN = 1_000
# Up to so many kinds of units each is left out in turn for BCa; beyond it, this many random groups of them.
_LEFT_OUT_SINGLY, _GROUPS = 4_000, 2_000
# From so many units on a resample is drawn unit by unit and counted, which beats a multinomial of many rare outcomes.
_MANY_UNITS = 2_000
_ONE_SIDE = "no BCa interval: all resamples lie on one side of the value"
# Below this many clusters their resampling has too few distinct outcomes to be called an interval.
FEWEST_CLUSTERS = 5


def estimate(
    name: str,
    p: Patterns,
    statistic: Statistic,
    *,
    n_resamples: int,
    confidence: float,
    seed: int,
    method: str,
    label: str = "",
    interval: Kind = "percentile",
    undefined: str = "all labels are the same, so chance cannot be separated",
) -> Estimate:
    """Value on the data, and an interval that resamples items (or clusters of items, where `p` has them).

    Parameters
    ----------
    interval
        `percentile`, or `bca` (bias-corrected and accelerated, Efron 1987): better where the replicates are skewed.
    undefined
        The reason to give when the statistic has no value.
    """
    check_resampling(n_resamples, confidence, seed)
    if interval not in ("percentile", "bca"):
        msg = f"interval must be 'percentile' or 'bca', got {interval!r}"
        raise ValueError(msg)

    def result(value: float, ends: Interval, how: str, reason: str) -> Estimate:
        return Estimate(
            name, value, ends.low, ends.high, p.n_items, p.n_annotators, p.n_labels, how, confidence, reason, label
        )

    none = Interval(math.nan, math.nan)
    if p.n_items == 0:
        return result(math.nan, none, method, "no item has labels of two annotators")
    value = float(statistic(p.weight[None, :].astype(float))[0])
    if math.isnan(value):
        return result(math.nan, none, method, undefined)
    units, n_units = ("items", p.n_items) if p.clusters is None else ("clusters of items", p.clusters.shape[0])
    if n_resamples == 0:
        return result(value, none, method, "")
    if n_units < (2 if p.clusters is None else FEWEST_CLUSTERS):
        return result(value, none, method, f"{n_units} {units if n_units > 1 else units.rstrip('s')}: no interval")
    asked, n_resamples = (
        n_resamples,
        affordable(n_resamples, len(p.weight) if p.clusters is None else max(n_units, len(p.weight))),
    )
    drawn = replicates(p, statistic, n_resamples, seed)
    if interval == "bca":
        ends = bca(value, drawn, *_without_each_unit(p, statistic, seed), confidence)
    else:
        ends = percentile(drawn, confidence)
    kind = "BCa" if interval == "bca" else "percentile"
    if interval == "bca" and _is_grouped(p):
        kind = f"BCa (acceleration from {_GROUPS:,} groups of {units})"
    fewer = f" instead of {asked:,}, to bound the time" if n_resamples < asked else ""
    how = f"{method}; {kind} bootstrap over {units} ({n_resamples} resamples{fewer}, seed {seed})"
    cautions = [f"{ends.n_undefined} of {n_resamples} resamples undefined"] if ends.n_undefined else []
    if math.isnan(ends.low):
        cautions.append("no interval" if ends.n_undefined == n_resamples else _ONE_SIDE)
    elif ends.low == ends.high:
        # Resampling items that all look alike never shows one that does not. With none seen in n, a share of up to
        # 1 - (1 - confidence)^(1/n) is still compatible (the exact binomial bound).
        hidden = 1 - (1 - confidence) ** (1 / n_units)
        seen, other = ("every resample has the same value", "be of a kind not seen")
        if value == 1:
            seen, other = "no disagreement seen", "disagree"
        elif len(p.weight) == 1:
            seen, other = "all items look alike", "differ"
        cautions.append(f"{seen}, so no real interval: up to {hidden:.0%} of items may still {other}")
    return result(value, ends, how, "; ".join(cautions))


def replicates(p: Patterns, statistic: Statistic, n_resamples: int, seed: int) -> Floats:
    """The statistic on `n_resamples` resamples, NaN where one has no value."""
    return np.concatenate([statistic(weight) for weight in weights(p, n_resamples, seed)])


def weights(p: Patterns, n_resamples: int, seed: int) -> Iterator[Floats]:
    """Pattern weights of resamples, in chunks of (replicates, patterns). The same seed draws the same items.

    Several statistics of the same patterns may share one pass.
    """
    n_units = 0 if p.clusters is None else p.clusters.shape[0]
    times = p.weight if p.clusters is None else np.ones(n_units, dtype=np.int64)
    for drawn in multiplicities(times, n_resamples, seed, width=max(*p.counts.shape, n_units)):
        yield drawn if p.clusters is None else (p.clusters.T @ drawn.T).T


def multiplicities(times: NDArray[np.int64], n_resamples: int, seed: int, *, width: int = 1) -> Iterator[Floats]:
    """How often each kind of unit is drawn when as many units as there are are drawn with replacement.

    Parameters
    ----------
    times
        How many units are of each kind.
    width
        The most numbers a replicate takes in what is made of it; chunks (replicates, kinds) are sized by it.
    """
    rng = np.random.default_rng(seed)
    n_kinds, n_units = len(times), int(times.sum())
    step = max(1, _CHUNK_CELLS // max(n_kinds, width, 1))
    share = times / n_units
    # A multinomial takes about 15 times as long for a kind as a single draw for a unit.
    singly = n_kinds > _MANY_UNITS and n_units < 15 * n_kinds
    kind = np.repeat(np.arange(n_kinds), times) if singly and n_units > n_kinds else None
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        if not singly:
            yield rng.multinomial(n_units, share, size=size).astype(float)
            continue
        made = np.empty((size, n_kinds))
        for row in made:  # a row at a time stays in the cache
            drawn = rng.integers(0, n_units, n_units)
            row[:] = np.bincount(drawn if kind is None else kind[drawn], minlength=n_kinds)
        yield made


def affordable(n_resamples: int, n_units: int) -> int:
    """How many resamples to draw: those asked for, fewer where very many units would make it take minutes."""
    return min(n_resamples, max(_LEAST_DRAWN, _MOST_STEPS // max(n_units, 1)))


def bca(value: float, drawn: Floats, one_out: Floats, times: Floats, confidence: float) -> Interval:
    """Bias-corrected and accelerated interval.

    Parameters
    ----------
    value
        The statistic on the data.
    drawn
        Bootstrap replicates; NaN ones are left out and counted.
    one_out, times
        The statistic without one unit, and how many units give that value.

    Notes
    -----
    Efron (1987), *Better bootstrap confidence intervals*. The bias is the normal quantile of the share of replicates
    under the value (ties half), the acceleration the skewness of the jackknife values / 6.
    """
    check_confidence(confidence)
    defined = drawn[~np.isnan(drawn)]
    n_undefined = int(drawn.size - defined.size)
    ok = ~np.isnan(one_out)
    if not defined.size or not ok.any():
        return Interval(math.nan, math.nan, n_undefined)
    under = (np.count_nonzero(defined < value) + np.count_nonzero(defined == value) / 2) / defined.size
    if not 0 < under < 1:
        return Interval(math.nan, math.nan, n_undefined)
    normal = NormalDist()
    bias = normal.inv_cdf(under)
    mean = float(np.average(one_out[ok], weights=times[ok]))
    apart = mean - one_out[ok]
    spread = float(times[ok] @ apart**2)
    skew = float(times[ok] @ apart**3) / (6 * spread**1.5) if spread > 0 else 0.0
    z = normal.inv_cdf(0.5 + confidence / 2)
    ends = []
    for corner in (-z, z):
        moved = bias + (bias + corner) / (1 - skew * (bias + corner))
        ends.append(float(np.quantile(defined, normal.cdf(moved))))
    return Interval(ends[0], ends[1], n_undefined)


def jackknife(
    name: str,
    value: float,
    one_out: Floats,
    *,
    p: Patterns,
    confidence: float,
    method: str,
    label: str = "",
) -> Estimate:
    """Interval over annotators from the values without one of them: Student's t on the pseudo-values.

    Notes
    -----
    Tukey's pseudo-values k value - (k - 1) value_without. The bootstrap over items takes the annotators as given; this
    one answers how the number could have been with other people of the same kind. The estimate stays the value on all
    annotators. Undefined leave-outs are left out and counted.
    """
    check_confidence(confidence)
    how = f"{method}; jackknife over annotators"
    ok = one_out[~np.isnan(one_out)]
    k, lost = len(ok), len(one_out) - len(ok)
    low = high = math.nan
    reason = f"{lost} annotators without whom the value is undefined are left out" if lost else ""
    if math.isnan(value):
        reason = "no value on all annotators"
    elif k < 3:
        reason = f"{k} annotators can be left out: too few for an interval over annotators"
    else:
        pseudo = k * value - (k - 1) * ok
        from scipy import stats

        half = float(stats.t.ppf(0.5 + confidence / 2, k - 1)) * float(pseudo.std(ddof=1)) / math.sqrt(k)
        low, high = value - half, value + half
        if low == high:
            alike = "the value is the same whoever is left out, so no real interval"
            reason = f"{reason}; {alike}" if reason else alike
    return Estimate(name, value, low, high, p.n_items, p.n_annotators, p.n_labels, how, confidence, reason, label)


def _is_grouped(p: Patterns) -> bool:
    return (len(p.weight) if p.clusters is None else p.clusters.shape[0]) > _LEFT_OUT_SINGLY


def _without_each_unit(p: Patterns, statistic: Statistic, seed: int) -> tuple[Floats, Floats]:
    """The statistic without one item of each pattern, or without each cluster, and how many units give that value.

    With very many, random groups of units are left out instead: what BCa takes from the values, their skewness, is
    nearly the same.
    """
    n_patterns, n_categories = p.counts.shape
    out: sparse.csr_matrix
    if p.clusters is None:
        out, times = sparse.eye(n_patterns, format="csr"), p.weight.astype(float)
    else:
        out, times = p.clusters, np.ones(p.clusters.shape[0])
    if _is_grouped(p):
        unit = np.repeat(np.arange(out.shape[0]), times.astype(np.int64))
        group = np.random.default_rng(seed).permutation(len(unit)) % _GROUPS
        out = sparse.coo_matrix((np.ones(len(unit)), (group, unit)), shape=(_GROUPS, out.shape[0])).tocsr() @ out
        times = np.ones(_GROUPS)
    whole = p.weight.astype(float)
    step = max(1, _CHUNK_CELLS // max(n_patterns, n_categories))
    parts = [statistic(whole[None, :] - out[start : start + step].toarray()) for start in range(0, out.shape[0], step)]
    return np.concatenate(parts), times
