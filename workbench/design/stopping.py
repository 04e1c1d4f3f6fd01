"""When to stop asking: what the last round gained, with its interval, against what another one costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from workbench.errors import PlanError

Decision = Literal["go on", "stop", "cannot tell yet"]


@dataclass(frozen=True)
class StopRule:
    """Whether another round pays, as far as the last one's gain tells. Points are percentage points.

    `threshold` is the smallest gain that is worth a round. `more_prompts` is how many further random prompts would
    tell, if the gain holds; None where the answer is known, or no number of prompts would.
    """

    decision: Decision
    gain: float
    low: float
    high: float
    threshold: float
    n_prompts: int
    more_prompts: int | None
    because: str

    def __str__(self) -> str:
        if math.isnan(self.low) or math.isnan(self.high):
            return f"{self.decision}: there is no interval of the gain; {self.because}"
        more = f"; about {self.more_prompts} more random prompts would tell" if self.more_prompts else ""
        return (
            f"{self.decision}: the last round gained {self.gain:+.1f} points (interval {self.low:+.1f} to "
            f"{self.high:+.1f}, {self.n_prompts} prompts); {self.because}{more}"
        )


def stop_rule(
    gain: float,
    low: float,
    high: float,
    n_prompts: int,
    *,
    least_gain: float | None = None,
    cost: float | None = None,
    value_per_point: float | None = None,
) -> StopRule:
    """Set the last round's gain against what a round costs: go on, stop, or cannot tell yet.

    Go on when the whole interval is at or above the gain that pays for a round, stop when all of it is below. It takes
    the next round to gain what the last one did; later rounds mostly gain less, so *go on* is the weaker answer.

    Parameters
    ----------
    gain, low, high
        The gain with its interval, in points (of 100); NaN where there is none.
    n_prompts
        What the interval rests on.
    least_gain
        The gain in points below which a round is not wanted.
    cost, value_per_point
        Instead: what a round costs, and what a point is worth, in the same currency. It pays from cost / value points.

    Raises
    ------
    PlanError
        Unless exactly one of the two ways is given, with finite numbers and a value above 0.

    Examples
    --------
    A round of 100 pays from 4 points when a point is worth 25. The interval reaches 5 below the gain, which is 2 away
    from that, so it has to be 2.5 times as narrow: 50 x 2.5² = 313 prompts.

    >>> print(stop_rule(6, 1, 11, 50, cost=100, value_per_point=25).more_prompts)
    263
    """
    threshold, because = _threshold(least_gain, cost, value_per_point)
    if math.isnan(gain) or math.isnan(low) or math.isnan(high):
        return StopRule("cannot tell yet", gain, low, high, threshold, n_prompts, None, because)
    decision: Decision = "go on" if low >= threshold else "stop" if high < threshold else "cannot tell yet"
    more = None
    distance = abs(gain - threshold)
    if decision == "cannot tell yet" and distance > 1e-9 and n_prompts:
        reach = gain - low if gain >= threshold else high - gain
        more = max(1, math.ceil(n_prompts * (reach / distance) ** 2 - 1e-6) - n_prompts)
    return StopRule(decision, gain, low, high, threshold, n_prompts, more, because)


def _threshold(least_gain: float | None, cost: float | None, value_per_point: float | None) -> tuple[float, str]:
    if least_gain is not None and cost is None and value_per_point is None:
        if not math.isfinite(least_gain):
            raise PlanError(f"least_gain must be a finite number of points, got {least_gain}")
        return least_gain, f"{least_gain:g} points are asked for"
    if least_gain is not None or cost is None or value_per_point is None:
        raise PlanError(
            "a stop rule needs a least gain, or a cost and what a point is worth",
            next_step="stop_rule(…, least_gain=2) or stop_rule(…, cost=120, value_per_point=50)",
        )
    if not (0 <= cost < math.inf and 0 < value_per_point < math.inf):
        raise PlanError(f"a cost is 0 or more and a value above 0, got {cost} and {value_per_point}")
    pays = cost / value_per_point
    return pays, f"at {cost:,.2f} a round and {value_per_point:,.2f} a point it pays from {pays:.1f} points"
