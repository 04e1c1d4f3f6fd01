"""The one shape of a statistical result: a number that never travels without its interval, counts and method."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

Decision = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval and what it rests on.

    Attributes
    ----------
    name
        What was estimated, in the words of `docs/vocabulary.md` (`krippendorff_alpha`).
    value, low, high
        Estimate and interval; NaN where there is no evidence, and then `reason` says why.
    confidence
        Nominal coverage of the interval, 0.95 unless asked otherwise.
    n_items, n_annotators, n_labels
        What the number rests on. `n_labels` counts labels that took part, not rows of the table.
    method
        How estimate and interval were computed, enough to do it again.
    reason
        Why the value is NaN, or a caution that belongs beside the number. Empty when there is nothing to say.
    label
        A short name for the row of a table or the line of a forest plot (a criterion, a slice, a pair).
    """

    name: str
    value: float
    low: float
    high: float
    n_items: int
    n_annotators: int
    n_labels: int
    method: str
    confidence: float = 0.95
    reason: str = ""
    label: str = ""

    @property
    def defined(self) -> bool:
        """Whether there is a number at all."""
        return not math.isnan(self.value)

    def named(self, label: str) -> Estimate:
        """The same estimate under another row name."""
        return replace(self, label=label)

    def __str__(self) -> str:
        counts = f"{self.n_items} items, {self.n_annotators} annotators, {self.n_labels} labels"
        title = f"{self.label or self.name}"
        if not self.defined:
            return f"{title}: undefined ({self.reason}); {counts}"
        interval = f"{self.confidence:.0%} interval {self.low:.3f} to {self.high:.3f}"
        caution = f"; {self.reason}" if self.reason else ""
        return f"{title} {self.value:.3f} ({interval}; {counts}; {self.method}{caution})"


@dataclass(frozen=True)
class Verdict:
    """A decision against a threshold: pass when the whole interval is at or above it, fail when all below.

    `more_items` is the number of further items that would settle an inconclusive result if the estimate holds
    (None where the verdict is settled, or where no number of items would: the estimate sits on the threshold).
    """

    question: str
    decision: Decision
    threshold: float
    estimate: Estimate
    more_items: int | None = None

    def __str__(self) -> str:
        more = f"; about {self.more_items} more items would settle it" if self.more_items else ""
        return f"{self.question}: {self.decision.upper()} against {self.threshold:g} — {self.estimate}{more}"


def verdict(question: str, estimate: Estimate, threshold: float, *, higher_is_better: bool = True) -> Verdict:
    """Three-way decision of an estimate against a threshold.

    The further items assume the interval shrinks with the square root of the number of items and the estimate
    stays: n_needed = n (half width / distance to threshold)^2.

    Raises
    ------
    ValueError
        When the threshold is not a finite number.
    """
    if not math.isfinite(threshold):
        msg = f"threshold must be a finite number, got {threshold!r}"
        raise ValueError(msg)
    if not estimate.defined or math.isnan(estimate.low) or math.isnan(estimate.high):
        return Verdict(question, "inconclusive", threshold, estimate)
    above, below = estimate.low >= threshold, estimate.high < threshold
    if not higher_is_better:
        above, below = estimate.high <= threshold, estimate.low > threshold
    if above:
        return Verdict(question, "pass", threshold, estimate)
    if below:
        return Verdict(question, "fail", threshold, estimate)
    distance = abs(estimate.value - threshold)
    reach = estimate.value - estimate.low if estimate.value >= threshold else estimate.high - estimate.value
    more = None
    if distance > 1e-9 and estimate.n_items:
        more = max(1, math.ceil(estimate.n_items * (reach / distance) ** 2 - 1e-6) - estimate.n_items)
    return Verdict(question, "inconclusive", threshold, estimate, more)
