"""Before labels are asked for: whether the thresholds of a pilot can all be met at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Consistency:
    """What each threshold means in terms of the others, under the model of `consistency`.

    Attributes
    ----------
    raw_for_agreement
        Percent agreement that goes with the threshold of alpha at these label shares.
    raw_at_gold_error, agreement_at_gold_error
        Percent agreement and alpha of annotators who err exactly as often as gold allows.
    gold_error_for_raw, gold_error_for_agreement
        Largest error rate with which the other two thresholds can be met.
    notes
        In plain words, where a threshold cannot bind or cannot be met beside the others.
    """

    raw_for_agreement: float
    raw_at_gold_error: float
    agreement_at_gold_error: float
    gold_error_for_raw: float
    gold_error_for_agreement: float
    notes: tuple[str, ...]


def consistency(agreement: float, raw_agreement: float, gold_error: float, shares: Sequence[float]) -> Consistency:
    """Set thresholds of alpha, percent agreement and gold error against each other.

    Parameters
    ----------
    agreement, raw_agreement, gold_error
        Thresholds: alpha and percent agreement at least, gold error at most; each 0 to 1.
    shares
        How often each answer is given, two answers or more; counts will do.

    Raises
    ------
    TableError
        Fewer than two answers, a share below 0, or a threshold outside 0 to 1.

    Notes
    -----
    Annotators err independently at one rate e and equally towards each of the k - 1 wrong answers, so two of them agree
    with probability (1 - e)^2 + e^2 / (k - 1); chance agreement is the sum of squared shares. Real errors gather on
    hard items, which makes people agree more than this at the same error rate: a conflict told here is a warning to
    look, not a proof.

    Examples
    --------
    >>> found = consistency(0.6, 0.8, 0.15, [0.5, 0.5])
    >>> round(found.raw_at_gold_error, 3), round(found.agreement_at_gold_error, 2), round(found.gold_error_for_raw, 3)
    (0.745, 0.49, 0.113)
    """
    given = np.asarray(shares, dtype=float)
    if given.ndim != 1 or np.count_nonzero(given > 0) < 2 or (given < 0).any() or not np.isfinite(given).all():
        raise TableError("thresholds are compared for two answers or more, each with a share of 0 or above")
    for name, value in (("agreement", agreement), ("raw_agreement", raw_agreement), ("gold_error", gold_error)):
        if not 0 <= value <= 1:
            raise TableError(f"{name} must lie between 0 and 1, got {value!r}", next_step="80 % is 0.8")
    used = given[given > 0] / given.sum()
    k, chance = len(used), float((used**2).sum())
    raw_for_agreement = chance + agreement * (1 - chance)
    raw_at_error = (1 - gold_error) ** 2 + gold_error**2 / (k - 1)
    agreement_at_error = (raw_at_error - chance) / (1 - chance)
    for_raw, for_agreement = _error_for(raw_agreement, k), _error_for(raw_for_agreement, k)
    notes = []
    if raw_at_error < raw_agreement:
        notes.append(
            f"annotators who err {gold_error:.0%} on gold, as much as is allowed, agree on about {raw_at_error:.0%}, "
            f"less than the {raw_agreement:.0%} asked for: that takes an error of {for_raw:.0%} or less"
        )
    if agreement_at_error < agreement:
        notes.append(
            f"at an error of {gold_error:.0%} alpha is about {agreement_at_error:.2f}, less than the {agreement:g} "
            f"asked for: that takes an error of {for_agreement:.0%} or less"
        )
    if abs(raw_for_agreement - raw_agreement) > 0.05:
        stricter = "alpha" if raw_for_agreement > raw_agreement else "percent agreement"
        notes.append(
            f"with answers used as here alpha {agreement:g} is {raw_for_agreement:.0%} of equal pairs, and "
            f"{raw_agreement:.0%} are asked for: {stricter} decides, the other threshold says nothing more"
        )
    return Consistency(raw_for_agreement, raw_at_error, agreement_at_error, for_raw, for_agreement, tuple(notes))


def _error_for(raw: float, k: int) -> float:
    """The error rate at which two annotators agree this often; NaN where they agree more often however they err."""
    # k e^2 - 2 (k - 1) e + (k - 1) (1 - raw) = 0, the smaller root.
    inside = (k - 1) ** 2 - k * (k - 1) * (1 - raw)
    return (k - 1 - math.sqrt(inside)) / k if inside >= 0 else math.nan
