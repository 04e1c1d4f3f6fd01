"""One page an annotator: everything their labels say, and in plain words what is worth a look."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.stats.annotators.changes import Chart
    from workbench.stats.annotators.sides import Side
    from workbench.stats.annotators.straight import StraightLining
    from workbench.stats.estimate import Estimate

# Share of judgments that nobody can have read before it is worth a word.
OFTEN_TOO_FAST = 0.2


@dataclass(frozen=True)
class AnnotatorPage:
    """What one annotator's labels say about how they work.

    Attributes
    ----------
    n_labels, median_seconds
        Labels without repeats; NaN where no duration is known.
    agreement
        Share of items on which the label is what most of the others said, where one label leads among them.
    side
        Position bias; None where no side is known or the same response always stood on the left.
    content
        Length and format bias, one estimate a feature, with the others' choices held fixed; empty without features.
    straight
        Straight-lining.
    too_fast
        Share of judgments faster than a third of the reading time.
    self_agreement
        Share of hidden repeats answered as the first time.
    drift
        CUSUM charts: all four of `page`, and of `pages` those that may alarm.
    similar
        Pairs that share rare answers or reasons, one sentence each.
    gold_error, skill
        As given or computed from what was given; None without.
    suggestions
        What is worth a look, with the numbers and why it is beyond chance for as many annotators as were looked at.
        Never an exclusion: each may have a good explanation, and the person should be asked first.
    """

    annotator: str
    n_labels: int
    median_seconds: float
    agreement: Estimate
    side: Side | None
    content: tuple[Estimate, ...]
    straight: StraightLining
    too_fast: Estimate
    self_agreement: Estimate
    drift: tuple[Chart, ...]
    similar: tuple[str, ...]
    gold_error: Estimate | None
    skill: Estimate | None
    suggestions: tuple[str, ...]

    def __str__(self) -> str:
        numbers = [self.agreement, self.side.p_left if self.side else None, *self.content, self.straight.share]
        numbers += [self.too_fast, self.self_agreement, self.gold_error, self.skill]
        said = [f"{one.name}: {one.named('')}" for one in numbers if one is not None]
        looks = [f"look: {one}" for one in self.suggestions] or ["nothing to look at"]
        return "\n".join([f"{self.annotator}: {self.n_labels} labels", *said, *looks])


def side_words(side: Side | None) -> Iterable[str]:
    """A suggestion where choices depend on the side."""
    if side is None or not side.flagged:
        return
    yield (
        f"chose the left response in {_share(side.p_left)} of {side.p_left.n_labels} decided choices "
        f"(p = {side.p_holm:.2g} over all annotators; drawn to the others {side.shrunk.value:.1%})"
    )


def content_words(content: Iterable[Estimate], p_holm: Iterable[float], alpha: float) -> Iterable[str]:
    """A suggestion a feature that moves choices."""
    for one, p in zip(content, p_holm, strict=True):
        if p < alpha:
            feature = one.name.removeprefix("bias_")
            yield (
                f"{'more' if one.value > 0 else 'fewer'} {feature} is chosen beyond what the others' choices explain: "
                f"{one.value:+.2f} log-odds a standard deviation [{one.low:.2f}, {one.high:.2f}] on {one.n_labels} "
                f"choices (p = {p:.2g} over all annotators)"
            )


def speed_words(too_fast: Estimate) -> Iterable[str]:
    """A suggestion where surely more than `OFTEN_TOO_FAST` of the judgments were faster than skimming."""
    if too_fast.defined and too_fast.low > OFTEN_TOO_FAST:
        yield f"{_share(too_fast)} of {too_fast.n_labels} judgments took less than a third of the reading time"


def drift_words(charts: Iterable[Chart]) -> Iterable[str]:
    """A suggestion a chart with an alarm."""
    for one in charts:
        if one.alarm is None or one.turned_at is None:
            continue
        where = "within a session" if one.scope == "session" else "over time"
        place = f"after judgment {one.turned_at + 1} of {len(one.path)}"
        yield (
            f"{one.signal} changes {where}, most likely {place}: {_level(one, one.before)} before, "
            f"{_level(one, one.after)} after (p = {one.p_value:.2g}; one chart in {1 / (1 - one.confidence):,.0f} "
            "does so by chance)"
        )


def lower_words(own: Estimate, expected: float, p_holm: float, alpha: float, what: str) -> Iterable[str]:
    """A suggestion where a share is below that of everybody beyond chance."""
    if p_holm < alpha:
        yield (
            f"{what} {_share(own)} of {own.n_labels}, everybody {expected:.1%} (p = {p_holm:.2g} over all annotators)"
        )


def _share(one: Estimate) -> str:
    return f"{one.value:.1%} [{one.low:.1%}, {one.high:.1%}]"


def _level(chart: Chart, value: float) -> str:
    return f"{math.exp(value):.0f} s" if chart.signal == "pace" else f"{value:.0%} of the others agree"
