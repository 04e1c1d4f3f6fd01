"""How often a single label is not the true one: what robust preference training calls the flip rate."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import TableError
from workbench.stats import resampling
from workbench.stats.aggregation import em, reading
from workbench.stats.aggregation.confusions import fit_cells
from workbench.stats.coding import encode
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, percentile
from workbench.stats.patterns import patterns, squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]

# Each replicate of the model's interval is a fit of its own.
_MOST_REFITS = 400


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
        Any data frame with `item, annotator, label`, or a `Coded`.
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
        See `workbench.stats.coding.encode`; without a value (one annotator, disagreement as from chance) the estimate
        is NaN with the reason.

    Notes
    -----
    Two independent labels with error e, spread evenly over K - 1 wrong answers, differ with probability
    d = 1 - (1 - e)^2 - e^2 / (K - 1), so e = (K - 1) / K (1 - sqrt(1 - d K / (K - 1))); with two answers
    d = 2 e (1 - e). Where n annotators have unequal errors of standard deviation s, `pairs` is too high by about
    s^2 / (n (1 - 2 e)). Errors that annotators share, as on an item that misleads everybody, are seen by neither.
    With `model` an interval refits on at most 400 resamples of items.
    """
    check_confidence(confidence)
    if by not in ("pairs", "model"):
        msg = f"by must be 'pairs' or 'model', got {by!r}"
        raise ValueError(msg)
    coded, n_ties = _sided(encode(labels), ties)
    found = (_by_pairs if by == "pairs" else _by_model)(coded, n_resamples, confidence, seed, label)
    left_out = f"{n_ties} labels without a side left out" if n_ties else ""
    return replace(found, reason="; ".join(part for part in (found.reason, left_out) if part))


def _sided(coded: Coded, ties: Sequence[Any]) -> tuple[Coded, int]:
    """The labels without ties, and how many ties there were."""
    sides = np.asarray([category not in ties for category in coded.categories], dtype=bool)
    keep = sides[coded.value] if len(coded.value) else np.zeros(0, dtype=bool)
    place = np.cumsum(sides) - 1
    kept = coded.only(keep)
    named = [category for category, side in zip(coded.categories, sides, strict=True) if side]
    numbers = None if coded.numbers is None else coded.numbers[sides]
    return replace(kept, value=place[kept.value], categories=named, numbers=numbers), int((~keep).sum())


def _by_pairs(coded: Coded, n_resamples: int, confidence: float, seed: int, label: str) -> Estimate:
    width = max(coded.n_categories, 2)  # with one answer seen there is no disagreement to turn into an error
    p = patterns(coded)
    pairs = p.size * (p.size - 1)
    differing = pairs - (squares(p.counts) - p.size)

    def statistic(weight: Floats) -> Floats:
        inside = 1 - (weight @ differing) / (weight @ pairs) * width / (width - 1)
        return np.where(inside >= 0, (1 - np.sqrt(np.maximum(inside, 0))) * (width - 1) / width, np.nan)

    return resampling.estimate(
        "epsilon",
        p,
        statistic,
        n_resamples=n_resamples,
        confidence=confidence,
        seed=seed,
        method="from pairs of labels, equal and independent errors",
        label=label,
        undefined="labels of an item differ as often as by chance or more, so no error rate explains them",
    )


def _by_model(coded: Coded, n_resamples: int, confidence: float, seed: int, label: str) -> Estimate:
    how = "share of wrong labels expected by one-coin Dawid-Skene, smoothing 1"
    n_annotators = len(np.unique(coded.annotator))

    def result(value: float, low: float, high: float, method: str, reason: str) -> Estimate:
        items = len(np.unique(coded.item))
        return Estimate(
            "epsilon", value, low, high, items, n_annotators, len(coded.item), method, confidence, reason, label
        )

    try:
        coded, clamp = reading.prepare(coded, None, None)
    except TableError as error:
        return result(math.nan, math.nan, math.nan, how, error.what)
    given = em.cells(coded)
    start = em.vote_shares(given, clamp)
    fit = fit_cells(given, start.copy(), clamp)
    value = _wrong(given, fit.counts)
    refits = min(n_resamples, _MOST_REFITS)
    if not refits:
        return result(value, math.nan, math.nan, how, "")
    rng = np.random.default_rng(seed)
    labelled = np.flatnonzero(np.bincount(coded.item, minlength=len(coded.items)))
    drawn = np.empty(refits)
    for k in range(refits):
        rows = rng.choice(labelled, size=len(labelled))
        drawn[k] = _wrong(given, fit_cells(given.resampled(rows), start[:, rows], clamp).counts)
    low, high, _ = percentile(drawn, confidence)
    return result(value, low, high, f"{how}; percentile bootstrap over items ({refits} refits, seed {seed})", "")


def _wrong(given: em.Cells, counts: Floats) -> float:
    right = counts[given.label, np.arange(counts.shape[1])].sum()
    return 1 - float(right / counts.sum())
