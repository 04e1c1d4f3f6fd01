"""How often each group gives each label, with intervals that know that a person has many labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence
from workbench.stats.multiple import holm
from workbench.stats.pools.cells import SMALLEST_CELL, Grouped, Groups, grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_METHOD = "share of labels, t interval with errors clustered by annotator"


@dataclass(frozen=True)
class ShareDifference:
    """Share of a label in one group minus its share in another; `p_holm` is over all differences looked at."""

    category: Any
    first: Any
    second: Any
    difference: Estimate
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class ShareDifferences:
    """`shares`: (group, label) -> share of the group's labels. `differences`: each two groups, each label."""

    shares: dict[tuple[Any, Any], Estimate]
    differences: tuple[ShareDifference, ...]
    n_hidden: int
    n_unknown: int


def share_differences(
    labels: Any,
    group: Groups,
    *,
    categories: Sequence[Any] = (),
    smallest: int = SMALLEST_CELL,
    confidence: float = 0.95,
) -> ShareDifferences:
    """Label shares of groups and the differences of each two.

    Parameters
    ----------
    labels
        A label table.
    group
        The column that says an annotator's group, or annotator -> group.
    categories
        Labels to compare; all where left out (with two labels the last, since the other says the same).

    Notes
    -----
    A share is sum of hits over sum of labels, a ratio over annotators, with the linearised variance
    G / (G - 1) sum (k_a - p n_a)^2 / N^2 over the G annotators of the group, and t with G - 1 degrees of freedom.
    Differences add the variances, with Welch's degrees of freedom; where groups judged the same items this is on the
    safe side.
    """
    check_confidence(confidence)
    found = grouped(labels, group, smallest=smallest)
    coded = found.coded
    seen = coded.categories
    wanted = list(categories) or (seen[-1:] if len(seen) == 2 else seen)
    people = len(coded.annotators)
    n = np.bincount(coded.annotator, minlength=people).astype(float)
    shares: dict[tuple[Any, Any], Estimate] = {}
    rows: list[tuple[Any, Any, Any, Estimate, float]] = []
    items = [len(np.unique(coded.item[found.of[coded.annotator] == k])) for k in range(len(found.names))]
    for category in wanted:
        hits = coded.value == (seen.index(category) if category in seen else -1)
        k = np.bincount(coded.annotator[hits], minlength=people).astype(float)
        parts = [_part(found, g, k, n) for g in range(len(found.names))]
        for g, name in enumerate(found.names):
            shares[name, category] = _estimate(
                "share_of_labels", parts[g], (items[g], parts[g][3], parts[g][4]), confidence, f"{name}: {category}"
            )
        for a, b in combinations(range(len(found.names)), 2):
            one = _difference(parts[a], parts[b])
            counted = (max(items[a], items[b]), parts[a][3] + parts[b][3], parts[a][4] + parts[b][4])
            label = f"{category}: {found.names[a]} minus {found.names[b]}"
            made = _estimate("share_difference", one, counted, confidence, label)
            p = 2 * float(special.stdtr(one[2], -abs(one[0]) / one[1])) if one[1] > 0 else math.nan
            rows.append((category, found.names[a], found.names[b], made, p))
    adjusted = holm([row[4] for row in rows])
    differences = tuple(ShareDifference(*row, float(p)) for row, p in zip(rows, adjusted, strict=True))
    return ShareDifferences(shares, differences, found.n_hidden, found.n_unknown)


# Value, standard error, degrees of freedom, annotators, labels.
_Part = tuple[float, float, float, int, int]


def _part(found: Grouped, group: int, k: Floats, n: Floats) -> _Part:
    here = (found.of == group) & (n > 0)
    people, total = int(here.sum()), float(n[here].sum())
    value = float(k[here].sum()) / total
    squares = float(((k[here] - value * n[here]) ** 2).sum())
    error = math.sqrt(people / (people - 1) * squares) / total if people > 1 else math.nan
    return value, error, people - 1.0, people, int(total)


def _difference(a: _Part, b: _Part) -> _Part:
    variances = (a[1] ** 2, b[1] ** 2)
    below = variances[0] ** 2 / a[2] + variances[1] ** 2 / b[2]
    degrees = sum(variances) ** 2 / below if below > 0 else a[2] + b[2]
    return a[0] - b[0], math.sqrt(sum(variances)), degrees, a[3] + b[3], a[4] + b[4]


def _estimate(name: str, part: _Part, counted: tuple[int, int, int], confidence: float, label: str) -> Estimate:
    value, error, degrees = part[:3]
    if not error > 0:
        none = "all annotators give it equally often: no interval"
        return Estimate(name, value, math.nan, math.nan, *counted, _METHOD, confidence, none, label)
    half = float(special.stdtrit(degrees, 0.5 + confidence / 2)) * error
    lowest, highest = (0.0, 1.0) if name == "share_of_labels" else (-1.0, 1.0)
    ends = max(lowest, value - half), min(highest, value + half)
    return Estimate(name, value, *ends, *counted, _METHOD, confidence, "", label)
