"""How often a single label is not the true one: what robust preference training calls the flip rate."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import TableError
from workbench.stats import resampling
from workbench.stats.aggregation import em, reading
from workbench.stats.aggregation.confusions import fit_cells
from workbench.stats.coding import encode
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import FEWEST, check_resampling, percentile
from workbench.stats.patterns import patterns, squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]

_BY_CHANCE = "labels of an item differ as often as by chance or more, so no error rate explains them"
# Each replicate of the model's interval is a fit of its own.
MOST_REFITS = 400
# Ends of an interval that differ by less than fits do.
_ALIKE = 1e-5


def flip_rate(
    labels: Any,
    *,
    by: Literal["pairs", "model"] = "pairs",
    ties: Sequence[Any] = ("tie", "both_bad"),
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """Probability epsilon that a single label differs from the true one.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`, or a `Coded`. The answers there may be are those that occur, and
        all that were named where it was encoded with `categories`.
    by
        `pairs`: from how often two labels of an item differ, needs no model of the annotators. `model`: the expected
        share of wrong labels under one-coin Dawid-Skene (smoothing 1), for annotators who differ in accuracy and have
        many labels each; with few it reads some errors as skill or the other way round.
    ties
        Labels that take no side; they are left out, and counted in `reason`.

    Returns
    -------
    Estimate
        `epsilon`. Use it as TRL's `label_smoothing` with `loss_type="robust"` where single labels become training rows.
        Rows made from the consensus of several labels are wrong less often.

    Raises
    ------
    TableError
        See `workbench.stats.coding.encode`; `ties` that is one text. Without a value (one annotator, disagreement as
        from chance) the estimate is NaN with the reason.
    ValueError
        Unknown `by`; see `intervals.check_resampling`.

    Notes
    -----
    Two independent labels with error e, spread evenly over K - 1 wrong answers, differ with probability
    d = 1 - (1 - e)^2 - e^2 / (K - 1), so e = (K - 1) / K (1 - sqrt(1 - d K / (K - 1))); with two answers
    d = 2 e (1 - e). Where n annotators have unequal errors of standard deviation s, `pairs` is too high by about
    s^2 / (n (1 - 2 e)). Errors that annotators share, as on an item that misleads everybody, are seen by neither.
    With `model` an interval refits on at most 400 resamples of items, and needs `intervals.FEWEST` of them.
    """
    check_resampling(n_resamples, confidence, seed)
    if by not in ("pairs", "model"):
        msg = f"by must be 'pairs' or 'model', got {by!r}"
        raise ValueError(msg)
    if isinstance(ties, str) or not isinstance(ties, Collection):
        raise TableError(
            f"ties must be a list of labels, got {ties!r}",
            next_step=f"ties=({ties!r},), or ties=() where there are none",
        )
    coded, n_ties = sided(encode(labels), ties)
    found = (_by_pairs if by == "pairs" else _by_model)(coded, n_resamples, confidence, seed, label)
    left_out = f"{n_ties} labels without a side left out" if n_ties else ""
    return replace(found, reason="; ".join(part for part in (found.reason, left_out) if part))


def sided(coded: Coded, ties: Sequence[Any]) -> tuple[Coded, int]:
    """The labels without ties, and how many ties there were.

    Categories that do not occur (in a part of a table) are no answers, unless the caller named them.
    """
    occurs = np.bincount(coded.value, minlength=coded.n_categories) > 0
    sides = np.asarray([category not in ties for category in coded.categories], dtype=bool)
    sides &= occurs | coded.ordered
    keep = sides[coded.value]
    place = np.cumsum(sides) - 1
    kept = coded.only(keep)
    named = [category for category, side in zip(coded.categories, sides, strict=True) if side]
    numbers = None if coded.numbers is None else coded.numbers[sides]
    return replace(kept, value=place[kept.value], categories=named, numbers=numbers), int((~keep).sum())


def from_disagreement(differing: Floats, pairs: Floats, width: int) -> Floats:
    """Error by the share of pairs that differ; NaN where they do so more often than by chance."""
    inside = 1 - differing / pairs * width / (width - 1)
    return np.where(inside >= 0, (1 - np.sqrt(np.maximum(inside, 0))) * (width - 1) / width, np.nan)


def _by_pairs(coded: Coded, n_resamples: int, confidence: float, seed: int, label: str) -> Estimate:
    width = max(coded.n_categories, 2)  # with one answer seen there is no disagreement to turn into an error
    p = patterns(coded)
    pairs = p.size * (p.size - 1)
    differing = pairs - (squares(p.counts) - p.size)

    def statistic(weight: Floats) -> Floats:
        return from_disagreement(weight @ differing, weight @ pairs, width)

    return resampling.estimate(
        "epsilon",
        p,
        statistic,
        n_resamples=n_resamples,
        confidence=confidence,
        seed=seed,
        method="from pairs of labels, equal and independent errors",
        label=label,
        undefined=_BY_CHANCE,
    )


def _by_model(coded: Coded, n_resamples: int, confidence: float, seed: int, label: str) -> Estimate:
    how = "share of wrong labels expected by one-coin Dawid-Skene, smoothing 1"
    n_items, n_annotators = len(np.unique(coded.item)), len(np.unique(coded.annotator))

    def result(value: float, low: float, high: float, method: str, reason: str) -> Estimate:
        return Estimate(
            "epsilon", value, low, high, n_items, n_annotators, len(coded.item), method, confidence, reason, label
        )

    try:
        coded, clamp = reading.prepare(coded, None, None)
    except TableError as error:
        return result(math.nan, math.nan, math.nan, how, error.what)
    if math.isnan(_by_pairs(coded, 0, confidence, seed, label).value):
        # The model would call one of two who always differ right, and the other wrong.
        return result(math.nan, math.nan, math.nan, how, _BY_CHANCE)
    given = em.cells(coded)
    start = em.vote_shares(given, clamp)
    fit = fit_cells(given, start.copy(), clamp)
    value = _wrong(given, fit.counts)
    refits = min(n_resamples, MOST_REFITS)
    if not refits or n_items < FEWEST:
        few = f"{n_items} items: too few for an interval" if refits else ""
        return result(value, math.nan, math.nan, how, few)
    rng = np.random.default_rng(seed)
    labelled = np.flatnonzero(np.bincount(coded.item, minlength=len(coded.items)))
    drawn = np.empty(refits)
    for k in range(refits):
        rows = rng.choice(labelled, size=len(labelled))
        drawn[k] = _wrong(given, fit_cells(given.resampled(rows), start[:, rows], clamp).counts)
    low, high, _ = percentile(drawn, confidence)
    # Resampling items that all look alike never shows one that does not; see `resampling.estimate`.
    hidden = 1 - (1 - confidence) ** (1 / n_items)
    alike = "every resample has the same value, so no real interval"
    alike = f"{alike}: up to {hidden:.0%} of items may still differ" if high - low < _ALIKE else ""
    return result(value, low, high, f"{how}; percentile bootstrap over items ({refits} refits, seed {seed})", alike)


def _wrong(given: em.Cells, counts: Floats) -> float:
    right = counts[given.label, np.arange(counts.shape[1])].sum()
    return 1 - float(right / counts.sum())
