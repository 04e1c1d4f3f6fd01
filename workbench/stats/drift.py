"""Whether somebody works otherwise lately than before: in agreement, in pace, in the same answer over and over.

Each function takes one annotator's work in the order it was done, and compares the last `WINDOW` judgments with all
before. A change is worth a word only where its whole interval lies on one side.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, difference_of_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW = 30
# Fewer judgments than this on either side say nothing about a change.
FEWEST = 10


class Run(NamedTuple):
    """The same answer at the end of a sequence: which, how often, and how likely that was by the answers before."""

    answer: object
    length: int
    chance: float


def share_change(
    hits: Sequence[bool], *, window: int = WINDOW, confidence: float = 0.95, name: str = "share_change", label: str = ""
) -> Estimate:
    """Share of hits in the last `window` minus the share before, with Newcombe's interval.

    Parameters
    ----------
    hits
        One a judgment, in order: whether it equals what the others said, whether a gold answer was right.

    Returns
    -------
    Estimate
        NaN with the reason where either part has fewer than `FEWEST`.
    """
    before, after = list(hits[:-window]), list(hits[-window:])
    if min(len(before), len(after)) < FEWEST:
        return _too_few(name, len(hits), "difference of two shares", window, confidence, label)
    return difference_of_shares(
        name, (sum(before), len(before)), (sum(after), len(after)), confidence=confidence, label=label
    )


def pace_change(
    seconds: Sequence[float], *, window: int = WINDOW, confidence: float = 0.95, label: str = ""
) -> Estimate:
    """Ratio of the typical time of the last `window` judgments to the typical time before (geometric means).

    The interval is Welch's on the logarithms, since times are skewed. 0.5 is twice as fast.

    Parameters
    ----------
    seconds
        Durations in order; those that are not above zero are passed over.
    """
    from scipy import stats

    check_confidence(confidence)
    method = "ratio of geometric means, Welch interval on log seconds"
    logs = np.log([one for one in seconds if one > 0])
    before, after = logs[:-window], logs[-window:]
    if min(len(before), len(after)) < FEWEST:
        return _too_few("pace_change", len(logs), method, window, confidence, label)
    change = float(after.mean() - before.mean())
    spread = [float(part.var(ddof=1)) / len(part) for part in (before, after)]
    n = len(logs)
    if not np.ptp(before) and not np.ptp(after):
        none = "all times are the same"
        return Estimate("pace_change", math.exp(change), math.nan, math.nan, n, 1, n, method, confidence, none, label)
    degrees = sum(spread) ** 2 / (spread[0] ** 2 / (len(before) - 1) + spread[1] ** 2 / (len(after) - 1))
    half = float(stats.t.ppf(0.5 + confidence / 2, degrees)) * math.sqrt(sum(spread))
    low, high = math.exp(change - half), math.exp(change + half)
    return Estimate("pace_change", math.exp(change), low, high, n, 1, n, method, confidence, "", label)


def last_run(answers: Sequence[object]) -> Run:
    """The run of equal answers at the end.

    `chance` is how likely a run of this length is at one given place if answers were independent and came with the
    shares they have before the run, one more of each counted (so that an answer never seen before is not impossible).
    """
    if not answers:
        return Run(None, 0, 1.0)
    last = answers[-1]
    length = next((k for k, one in enumerate(reversed(answers)) if one != last), len(answers))
    before = answers[: len(answers) - length]
    share = (sum(one == last for one in before) + 1) / (len(before) + 2)
    return Run(last, length, share**length)


def _too_few(name: str, n: int, method: str, window: int, confidence: float, label: str) -> Estimate:
    reason = f"{n} judgments: a change needs {FEWEST} before the last {window}"
    return Estimate(name, math.nan, math.nan, math.nan, n, 1, n, method, confidence, reason, label)
