"""Error on items whose answer is known, per annotator, with the interval a handful of items deserves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scipy import special

from workbench.errors import TableError
from workbench.stats.estimate import Estimate
from workbench.stats.gold.answers import known_answers, known_rows
from workbench.stats.intervals import beta_interval, proportion

if TYPE_CHECKING:
    from collections.abc import Mapping

# Jeffreys: its equal-tailed intervals keep near their nominal coverage as frequency intervals too, with few items
# as well (Brown, Cai & DasGupta 2001), so they may stand beside Wilson's.
JEFFREYS = (0.5, 0.5)


def error_rates(labels: Any, gold: Mapping[Any, Any] | Any, *, confidence: float = 0.95) -> list[Estimate]:
    """Share of gold items each annotator answered wrongly, with a Wilson interval.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`; items that are not in `gold` are passed over, and so are missing
        labels. Of several labels of an annotator on an item (further rounds, told apart by `label_id` or
        `submitted_at`) the first counts: another look at the same gold is no new evidence.
    gold
        item -> known label, or a table for `usable`.

    Returns
    -------
    list
        One `Estimate` an annotator who has labels, named by the annotator, sorted by name. An annotator without a gold
        item is there with NaN and the reason.

    Raises
    ------
    TableError
        When `gold` names no item at all; see `answers.known_rows`.
    """
    return [
        proportion("gold_error", wrong, n, n_items=n, n_annotators=1, confidence=confidence, label=name)
        for name, (wrong, n) in _counts(labels, gold).items()
    ]


def posterior_rates(
    labels: Any, gold: Mapping[Any, Any] | Any, *, prior: tuple[float, float] = JEFFREYS, confidence: float = 0.95
) -> list[Estimate]:
    """As `error_rates`, with `posterior_error` for each annotator."""
    return [
        posterior_error(wrong, n, prior, confidence=confidence, label=name)
        for name, (wrong, n) in _counts(labels, gold).items()
    ]


def posterior_error(
    wrong: int, n: int, prior: tuple[float, float] = JEFFREYS, *, confidence: float = 0.95, label: str = ""
) -> Estimate:
    """Posterior mean of an error rate with its equal-tailed credible interval.

    Parameters
    ----------
    wrong, n
        Wrong answers, and answers to gold.
    prior
        The two parameters of the Beta prior; Jeffreys (0.5, 0.5) unless given, (1, 1) is uniform.

    Returns
    -------
    Estimate
        NaN with the reason when n is 0: a prior alone is no evidence about anybody.

    Raises
    ------
    ValueError
        See `intervals.beta_interval`.
    """
    low, high, _ = beta_interval(wrong, n, prior, confidence)
    a, b = prior
    name = f"Beta({a:g}, {b:g}){' (Jeffreys)' if tuple(prior) == JEFFREYS else ''}"
    method = f"posterior mean, equal-tailed credible interval, prior {name}"
    if not n:
        nan = math.nan
        return Estimate("gold_error", nan, nan, nan, 0, 1, 0, method, confidence, "nothing to count", label)
    return Estimate("gold_error", (a + wrong) / (a + b + n), low, high, n, 1, n, method, confidence, "", label)


def p_above(wrong: int, n: int, threshold: float, prior: tuple[float, float] = JEFFREYS) -> float:
    """Posterior probability that the error rate is above `threshold`; NaN when n is 0.

    Raises
    ------
    TableError
        Unless 0 <= threshold <= 1.
    ValueError
        See `intervals.beta_interval`.
    """
    if not 0 <= threshold <= 1:
        raise TableError(f"threshold must lie between 0 and 1, got {threshold!r}", next_step="15 % is 0.15")
    beta_interval(wrong, n, prior)  # refuses counts and priors that are none
    return float(special.betaincc(prior[0] + wrong, prior[1] + n - wrong, threshold)) if n else math.nan


def _counts(labels: Any, gold: Mapping[Any, Any] | Any) -> dict[str, tuple[int, int]]:
    """Annotator -> wrong answers and answers to gold, sorted by name."""
    known = known_rows(labels, known_answers(gold).answers)
    found = known.rows[known.rows["exposure"] == 1].groupby("annotator")["wrong"].agg(["sum", "size"])
    each: Any = zip(found.index.tolist(), found["sum"].tolist(), found["size"].tolist(), strict=True)
    counted = {name: (int(wrong), n) for name, wrong, n in each}
    return {name: counted.get(name, (0, 0)) for name in known.everybody}
