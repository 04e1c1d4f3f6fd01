"""What `coverage` simulates: designs at the sizes people use, and the intervals the workbench shows for each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.stats import agreement, drift, intervals
from workbench.stats.simulate import categorical_codes, multi_label, ordinal_codes, ranking

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.stats.estimate import Estimate

    Draw = Callable[[int, int], Any]

# Twelve people as an open crowd has them: most are good, some guess a lot.
ACCURACY = (0.9, 0.85, 0.8, 0.92, 0.75, 0.88, 0.7, 0.85, 0.6, 0.9, 0.8, 0.65)
LENIENCY = (0.0, 0.4, -0.3, 0.2, -0.5, 0.1, 0.6, -0.2, 0.0, 0.3, -0.4, 0.2)
NOISE = (0.5, 0.6, 0.4, 0.8, 0.5, 0.7, 0.4, 0.6, 1.0, 0.5, 0.6, 0.9)
TEAM: dict[str, Any] = {"n_annotators": 5, "overlap": 3}
CROWD: dict[str, Any] = {"n_annotators": 12, "overlap": (1, 4), "design": "unequal"}
TEAM_SAID, CROWD_SAID = "5 people, 3 labels each", "12 unequal people, 1 to 4 labels"
COMPARISON = "KALPHA-style (for comparison only)"


@dataclass(frozen=True)
class Shown:
    """An interval: its name, how it is made of (data, seed, resamples), and what it should cover.

    `true` is the number, or the same estimate without interval, to be taken of the population.
    """

    name: str
    estimate: Callable[[Any, int, int], Estimate]
    true: float | Callable[[Any], Estimate]


@dataclass(frozen=True)
class Study:
    """A design and the intervals that are made of its data.

    `draw` makes data of (number of units, seed); the population is a draw of very many.
    """

    design: str
    n: int
    draw: Draw
    shown: tuple[Shown, ...]
    population: Draw | None = None
    population_items: int = 50_000


def studies() -> list[Study]:
    """All that is simulated, always in this order."""
    return [*classes(), *ratings(), *pairs(), *prompts(), *other_labels(), *over_annotators(), *means(), *paces()]


def of(name: str, function: Callable[..., Estimate], *arguments: Any, **options: Any) -> Shown:
    """An interval by resampling; its true value is the same coefficient of the population."""
    plain = {key: value for key, value in options.items() if key not in ("interval", "cluster")}

    def estimate(labels: Any, seed: int, n: int) -> Estimate:
        return function(labels, *arguments, n_resamples=n, seed=seed, **options)

    return Shown(name, estimate, _value(function, arguments, tuple(sorted(plain.items()))))


@cache
def _value(function: Any, arguments: tuple[Any, ...], options: tuple[Any, ...]) -> Callable[[Any], Estimate]:
    """One function for all intervals of a coefficient, so that its true value is looked for once."""

    def value(labels: Any) -> Estimate:
        made: Estimate = function(labels, *arguments, n_resamples=0, **dict(options))
        return made

    return value


def both(name: str, function: Callable[..., Estimate], *arguments: Any, **options: Any) -> tuple[Shown, Shown]:
    """Percentile and BCa."""
    return (
        of(f"{name}, percentile", function, *arguments, **options),
        of(f"{name}, BCa", function, *arguments, interval="bca", **options),
    )


def classified(n: int, seed: int, *, n_annotators: int, prevalence: float, **options: Any) -> Any:
    """Labels of two classes by people of unequal accuracy."""
    shares = (prevalence, 1 - prevalence)
    how = {"confusion": ACCURACY[:n_annotators], **options}
    return categorical_codes(n, n_annotators, prevalence=shares, seed=seed, **how)


def rated(n: int, seed: int, *, n_annotators: int, **options: Any) -> Any:
    """Five-point ratings by people of unequal leniency and noise."""
    people: dict[str, Any] = {"leniency": LENIENCY[:n_annotators], "noise": NOISE[:n_annotators]}
    return ordinal_codes(n, n_annotators, seed=seed, **people, **options)


def classes() -> list[Study]:
    """Coefficients of two classes, items resampled."""
    alpha = agreement.krippendorff_alpha
    shown = (
        of("percent agreement, percentile", agreement.percent_agreement),
        *both("Fleiss' kappa", agreement.fleiss_kappa),
        *both("Gwet's AC1", agreement.gwet_ac1),
        *both("alpha nominal", alpha),
        of(f"alpha nominal, {COMPARISON}", alpha, interval="kalpha"),
    )
    found = []
    for n, crowds in ((50, (TEAM,)), (200, (TEAM, CROWD)), (500, (TEAM, CROWD))):
        for crowd in crowds:
            for prevalence in (0.5, 0.9):
                said = f"{n} items, {TEAM_SAID if crowd is TEAM else CROWD_SAID}, prevalence {prevalence:g}"
                draw = partial(classified, prevalence=prevalence, **crowd)
                found.append(Study(said, n, draw, shown, draw))
    return found


def ratings() -> list[Study]:
    """Coefficients of five-point ratings, items resampled."""
    alpha = agreement.krippendorff_alpha
    shown = (
        *both("alpha ordinal", alpha, "ordinal"),
        *both("alpha interval", alpha, "interval"),
        *both("Gwet's AC2, quadratic", agreement.gwet_ac2),
        of(f"alpha ordinal, {COMPARISON}", alpha, "ordinal", interval="kalpha"),
    )
    found = []
    for n in (200, 500):
        for crowd, said in ((TEAM, TEAM_SAID), (CROWD, CROWD_SAID)):
            draw = partial(rated, **crowd)
            found.append(Study(f"{n} items, {said}, 5-point ratings", n, draw, shown, draw))
    return found


def pairs() -> list[Study]:
    """Two people who both label everything."""
    found = []
    for n in (200, 500):
        for prevalence in (0.5, 0.9):
            draw = partial(classified, n_annotators=2, prevalence=prevalence, overlap=2)
            shown = both("Cohen's kappa", agreement.cohen_kappa)
            found.append(Study(f"{n} items, 2 people, prevalence {prevalence:g}", n, draw, shown, draw))
        draw = partial(rated, n_annotators=2, overlap=2)
        shown = both("quadratic kappa", agreement.weighted_kappa, weights="quadratic")
        found.append(Study(f"{n} items, 2 people, 5-point ratings", n, draw, shown, draw))
    return found


def prompts() -> list[Study]:
    """Items that belong to prompts: resampling prompts beside resampling items as if they did not."""

    def shown(level: str) -> tuple[Shown, ...]:
        alpha = agreement.krippendorff_alpha
        over = both(f"alpha {level} over prompts", alpha, level, cluster="prompt_id")

        def alone(labels: Any, seed: int, n: int) -> Estimate:
            return alpha(replace(labels, cluster=None), level, n_resamples=n, seed=seed)  # type: ignore[arg-type]

        return (*over, Shown(f"alpha {level} over items of prompts, percentile", alone, over[0].true))

    found = []
    for n in (40, 100):
        said = f"{n} prompts x 5 items, {TEAM_SAID}"
        draw = partial(rated, per_prompt=5, prompt_share=0.8, **TEAM)
        found.append(Study(f"{said}, ratings, .8 of the variance the prompt's", 5 * n, draw, shown("interval"), draw))
        draw = partial(classified, prevalence=0.5, confusion=0.95, per_prompt=5, hard=0.25, **TEAM)
        found.append(Study(f"{said}, a quarter of the prompts hard", 5 * n, draw, shown("nominal"), draw))
    return found


def other_labels() -> list[Study]:
    """Sets of classes, rankings, and the same items before and after a change."""

    def sets(n: int, seed: int) -> Any:
        prevalence = {"rude": 0.3, "unsafe": 0.1, "wrong": 0.4}
        return multi_label(n, 5, prevalence=prevalence, hit=0.85, false_alarm=0.05, none="none", seed=seed).labels

    def rankings(n: int, seed: int) -> Any:
        return ranking(n, 5, skill=2, tie_threshold=0.2, seed=seed).labels

    def twice(n: int, seed: int) -> Any:
        people = (0.75, 0.7, 0.8, 0.85, 0.9, 0.85)
        labels = categorical_codes(n, 6, confusion=people, design="complete", seed=seed)
        return labels.only(labels.annotator < 3), labels.only(labels.annotator >= 3)

    def change(pair: Any, seed: int, n: int) -> Estimate:
        return agreement.difference(*pair, n_resamples=n, seed=seed)

    shown = (of("alpha of sets (MASI), percentile", agreement.set_alpha),)
    found = [Study(f"200 items, {TEAM_SAID}, sets of 3 classes", 200, sets, shown, sets, 20_000)]
    shown = (of("alpha of rankings, percentile", agreement.rank_alpha),)
    found.append(Study(f"200 items, {TEAM_SAID}, rankings of 3 with ties", 200, rankings, shown, rankings, 10_000))
    differ = (Shown("difference in alpha, percentile", change, lambda pair: change(pair, 0, 0)),)
    found += [Study(f"the same {n} items, 3 people before and after", n, twice, differ, twice) for n in (100, 300)]
    return found


def over_annotators() -> list[Study]:
    """Intervals about people in general: each simulation has other people as well as other items."""

    def crowd(n_items: int, seed: int, n_annotators: int, **options: Any) -> Any:
        # Accuracies of mean .8 and standard deviation .1.
        right = np.random.default_rng([seed, 1]).beta(12, 3, n_annotators)
        return categorical_codes(n_items, n_annotators, confusion=right, seed=seed, **options)

    def jackknife(labels: Any, *_: int) -> Estimate:
        return agreement.annotator_jackknife(labels)

    items = of("alpha over items, read as about people in general", agreement.krippendorff_alpha)
    shown = (Shown("alpha, jackknife over annotators", jackknife, items.true), items)
    population = partial(crowd, n_annotators=400)
    found = []
    for n, people, design in (
        (200, 5, "partial"),
        (500, 5, "partial"),
        (500, 8, "partial"),
        (500, 12, "partial"),
        (500, 12, "unequal"),
        (500, 30, "partial"),
        (500, 30, "unequal"),
    ):
        said = f"{n} items, 3 labels each, {people} {'unequal ' if design == 'unequal' else ''}people of many"
        found.append(Study(said, n, partial(crowd, n_annotators=people, design=design), shown, population, 20_000))
    return found


def times(n: int, seed: int, *, fast: float = 1.0, careless: float = 0.0) -> Any:
    """Log-normal seconds; the last `drift.WINDOW` by a factor, and a share of 3 seconds."""
    rng = np.random.default_rng(seed)
    seconds = 40 * np.exp(0.6 * rng.normal(size=n))
    seconds[-drift.WINDOW :] *= fast
    return np.where(rng.random(n) < careless, 3.0, seconds)


def means() -> list[Study]:
    """Means over prompts, and means of paired differences."""

    def mean(values: Any, seed: int, n: int) -> Estimate:
        return intervals.mean(values, n_resamples=n, seed=seed)

    def change(pair: Any, seed: int, n: int) -> Estimate:
        return intervals.paired_difference(*pair, n_resamples=n, seed=seed)

    def wins(n: int, seed: int) -> Any:
        return np.random.default_rng(seed).choice([0, 0.5, 1], n, p=[0.3, 0.2, 0.5])

    def scores(n: int, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        before = rng.normal(size=n)
        return before, before + 0.2 + 0.8 * rng.standard_exponential(n)

    found = []
    for n in (20, 60, 200):
        won = (Shown("mean, percentile", mean, 0.6),)
        found.append(Study(f"{n} prompts, wins and ties, win rate .6", n, wins, won))
        skewed = (Shown("mean, percentile", mean, 40 * math.exp(0.6**2 / 2)),)
        found.append(Study(f"{n} log-normal times", n, times, skewed))
        changed = (Shown("paired difference, percentile", change, 1.0),)
        found.append(Study(f"{n} prompts, skewed changes", n, scores, changed))
    return found


def paces() -> list[Study]:
    """Change of pace in the last judgments."""

    def pace(seconds: Any, *_: int) -> Estimate:
        return drift.pace_change(seconds)

    found = []
    for n in (45, 90):
        for fast in (1.0, 0.7):
            shown = (Shown("pace change, Welch on logs", pace, fast),)
            said = "no change" if fast == 1 else f"really x {fast:g}"
            found.append(Study(f"last 30 of {n} log-normal times, {said}", n, partial(times, fast=fast), shown))
    shown = (Shown("pace change, Welch on logs", pace, 1.0),)
    found.append(Study("last 30 of 90 times, 15 % of them 3 s", 90, partial(times, careless=0.15), shown))
    return found
