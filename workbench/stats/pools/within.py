"""Agreement within and between groups of annotators."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, percentile
from workbench.stats.pairing import alpha, percent, replicates, tally
from workbench.stats.pools.cells import SMALLEST_CELL, Grouped, Groups, grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.pairing import Tally

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WithinBetween:
    """Do people agree more with their own group than with another?

    Attributes
    ----------
    alpha, within
        Group -> nominal alpha, and share of equal pairs of labels, among its own people.
    between
        (group, group) -> share of equal pairs with one label of each.
    alpha_differences
        (group, group) -> alpha of the first minus alpha of the second, on the same resampled items.
    all_within, all_between, difference
        Over all groups: equal pairs within, between, and within minus between.
    p_value
        Of `difference`, two-sided, from shuffling which annotator is in which group.
    n_hidden, n_unknown
        How many groups are left out because too few people would be shown; annotators without a group.
    """

    alpha: dict[Any, Estimate]
    within: dict[Any, Estimate]
    between: dict[tuple[Any, Any], Estimate]
    alpha_differences: dict[tuple[Any, Any], Estimate]
    all_within: Estimate
    all_between: Estimate
    difference: Estimate
    p_value: float
    n_hidden: int
    n_unknown: int


def within_between(
    labels: Any,
    group: Groups,
    *,
    smallest: int = SMALLEST_CELL,
    n_permutations: int = 999,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> WithinBetween:
    """Agreement within each group, between each two, and the difference.

    Parameters
    ----------
    labels
        A label table; labels are compared as equal or not.
    group
        The column that says an annotator's group, or annotator -> group.
    smallest
        Fewest people of a group that is shown.

    Notes
    -----
    All numbers are functions of sums over items, taken on the same resampled items (percentile intervals), so that
    differences are paired. Pairs are pooled: a group with more labels an item has more pairs in `all_within`. Intervals
    take the annotators as given; with few people a group, they alone may make a difference, which the permutation test
    allows for.
    """
    check_confidence(confidence)
    found = grouped(labels, group, smallest=smallest)
    tallies = [tally(found.coded, found.of[found.coded.annotator] == k) for k in range(len(found.names))]
    pairs = list(combinations(range(len(found.names)), 2))
    crossed = [
        np.column_stack([a.size * b.size, (a.counts * b.counts).sum(axis=1)])
        for a, b in ((tallies[x], tallies[y]) for x, y in pairs)
    ]
    sums = np.hstack([*(one.sums for one in tallies), *crossed])
    width, many = tallies[0].sums.shape[1], len(tallies)
    drawn = replicates(sums, n_resamples, seed)
    whole = sums.sum(axis=0)[None]
    method = f"percentile bootstrap over items ({n_resamples} resamples, seed {seed})"
    part = [slice(k * width, (k + 1) * width) for k in range(many)]
    across = [slice(many * width + 2 * k, many * width + 2 * k + 2) for k in range(len(pairs))]
    people = found.n_people

    def made(name: str, statistic: Any, counts: tuple[int, int, int], label: str) -> Estimate:
        value = float(statistic(whole)[0])
        low, high, lost = percentile(statistic(drawn), confidence)
        reason = (
            "no pair of labels, or no variation" if value != value else f"{lost} resamples undefined" if lost else ""
        )
        return Estimate(name, value, low, high, *counts, method, confidence, reason, label)

    counts = [_counted(one, int(n)) for one, n in zip(tallies, people, strict=True)]
    both = {(x, y): _counted_both(tallies[x], tallies[y], int(people[x] + people[y])) for x, y in pairs}
    size = np.sum([one.size for one in tallies], axis=0)
    every = (int((size > 1).sum()), int(people.sum()), int(sum(c[2] for c in counts)))
    names = found.names

    def pooled(blocks: list[slice]) -> Any:
        return lambda s: percent(sum(s[..., block.start : block.start + 2] for block in blocks))

    inside, outside = pooled(part), pooled(across)
    return WithinBetween(
        {
            name: made("krippendorff_alpha", lambda s, b=part[k]: alpha(s[..., b]), counts[k], str(name))
            for k, name in enumerate(names)
        },
        {
            name: made("percent_agreement", pooled([part[k]]), counts[k], f"within {name}")
            for k, name in enumerate(names)
        },
        {
            (names[x], names[y]): made(
                "percent_agreement", pooled([across[k]]), both[x, y], f"between {names[x]} and {names[y]}"
            )
            for k, (x, y) in enumerate(pairs)
        },
        {
            (names[x], names[y]): made(
                "alpha_difference",
                lambda s, a=part[x], b=part[y]: alpha(s[..., a]) - alpha(s[..., b]),
                both[x, y],
                f"{names[x]} minus {names[y]}",
            )
            for x, y in pairs
        },
        made("percent_agreement", inside, every, "within groups"),
        made("percent_agreement", outside, every, "between groups"),
        made("agreement_difference", lambda s: inside(s) - outside(s), every, "within minus between"),
        _permuted(found, n_permutations, seed),
        found.n_hidden,
        found.n_unknown,
    )


def _permuted(found: Grouped, n_permutations: int, seed: int) -> float:
    """Two-sided p-value of within minus between when whole annotators are shuffled between groups."""
    coded, many = found.coded, len(found.names)
    width = max(coded.n_categories, 1)
    used = found.of[coded.annotator] >= 0
    item, value, annotator = coded.item[used], coded.value[used], coded.annotator[used]

    def pairs(cell: NDArray[np.int64]) -> float:
        n = np.bincount(cell).astype(float)
        return float(n @ (n - 1) / 2)

    all_pairs, all_equal = pairs(item), pairs(item * width + value)

    def difference(of: NDArray[np.int64]) -> float:
        cell = item * many + of[annotator]
        within, equal = pairs(cell), pairs(cell * width + value)
        apart = all_pairs - within
        return equal / within - (all_equal - equal) / apart if within and apart else np.nan

    people, of = np.flatnonzero(found.of >= 0), found.of.copy()
    rng, drawn = np.random.default_rng(seed), np.empty(n_permutations)
    for k in range(n_permutations):
        of[people] = rng.permutation(found.of[people])
        drawn[k] = difference(of)
    own = difference(found.of)
    if np.isnan(own):
        return np.nan
    tails = [(1 + int((side * (drawn - own) >= -1e-12).sum())) / (1 + n_permutations) for side in (1, -1)]
    return min(1.0, 2 * min(tails))


def _counted(one: Tally, people: int) -> tuple[int, int, int]:
    pairable = one.size >= 2
    return int(pairable.sum()), people, int(one.size[pairable].sum())


def _counted_both(a: Tally, b: Tally, people: int) -> tuple[int, int, int]:
    shared = (a.size > 0) & (b.size > 0)
    return int(shared.sum()), people, int((a.size + b.size)[shared].sum())
