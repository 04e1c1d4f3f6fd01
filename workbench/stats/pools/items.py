"""Items on which groups part: how far their label shares differ, item by item, beyond what chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, mean
from workbench.stats.multiple import holm
from workbench.stats.pools.cells import SMALLEST_CELL, Grouped, Groups, grouped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heterogeneity:
    """Variance of label shares between groups, over all items and for each.

    Attributes
    ----------
    between
        Mean over items of the variance between groups; about 0 where groups do not matter, and it may be below.
    p_value
        Of shuffling which annotator is in which group.
    items
        `item`, `n_labels`, `between` (its own estimate), `shrunk` (drawn to the mean as far as it is noise),
        `p_value` and `p_holm`; largest `shrunk` first.
    reliability
        Share of the variance of `between` over items that is not noise; 0 where items do not differ beyond chance.
    n_hidden, n_unknown
        How many groups are left out because too few people would be shown; annotators without a group.
    """

    between: Estimate
    p_value: float
    items: pd.DataFrame
    reliability: float
    n_permutations: int
    n_hidden: int
    n_unknown: int


def heterogeneity(
    labels: Any,
    group: Groups,
    *,
    smallest: int = SMALLEST_CELL,
    n_permutations: int = 999,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Heterogeneity:
    """Between-group variance of each item, as a random effect, with a test that shuffles groups of annotators.

    Parameters
    ----------
    labels
        A label table; labels are compared as equal or not.
    group
        The column that says an annotator's group, or annotator -> group.

    Raises
    ------
    TableError
        No item with labels of two groups, one of them twice.

    Notes
    -----
    An item's estimate is that of a one-way random-effects analysis of variance, (MS between - MS within) / n_0, of the
    indicator of each label, summed over labels and halved: for two labels the variance of a group's share. Five labels
    a group make it noisy, so it is drawn to the mean over items by A / (A + noise): the noise of an item is its
    variance over shuffles, A what the spread of items has beyond the mean noise (empirical Bayes, normal). Shuffling
    moves whole annotators between groups, so somebody who labels much counts as one person.
    """
    check_confidence(confidence)
    found = grouped(labels, group, smallest=smallest)
    inside = found.of[found.coded.annotator] >= 0
    item, value = found.coded.item[inside], found.coded.value[inside]
    annotator = found.coded.annotator[inside]
    own = _between(item, found.of[annotator], value, found)
    used = ~np.isnan(own)
    if not used.any():
        raise TableError("no item has labels of two groups, one of them twice", next_step="more labels an item")
    people = np.flatnonzero(found.of >= 0)
    rng = np.random.default_rng(seed)
    sums, squares, lost = np.zeros(len(own)), np.zeros(len(own)), np.zeros(len(own))
    above = np.zeros(len(own))
    above_all = 0
    of = found.of.copy()
    for _ in range(n_permutations):
        of[people] = rng.permutation(found.of[people])
        drawn = _between(item, of[annotator], value, found)
        known = ~np.isnan(drawn)
        lost += ~known
        drawn = np.where(known, drawn, 0.0)
        sums += drawn
        squares += drawn**2
        above += known & (drawn >= own - 1e-12)
        above_all += float(drawn[used & known].mean()) >= float(own[used].mean()) - 1e-12
    times = np.maximum(n_permutations - lost, 1)
    noise = np.maximum(squares / times - (sums / times) ** 2, 0)
    centre = float(own[used].mean())
    spread = max(0.0, float(own[used].var(ddof=1)) - float(noise[used].mean())) if used.sum() > 1 else 0.0
    shrunk = centre + np.divide(spread, spread + noise, out=np.ones(len(own)), where=spread + noise > 0) * (
        own - centre
    )
    p_value = (1 + above) / (1 + times)
    table = pd.DataFrame(
        {
            "item": found.coded.items,
            "n_labels": np.bincount(item, minlength=len(own)),
            "between": own,
            "shrunk": shrunk,
            "p_value": p_value,
        }
    )[used]
    table["p_holm"] = holm(table["p_value"].to_numpy())
    whole = mean(
        own[used], name="between_group_variance", n_resamples=n_resamples, confidence=confidence, seed=seed,
        label="between groups",
    )  # fmt: skip
    counted = (int(used.sum()), len(people), int(inside.sum()))
    overall = Estimate(
        whole.name, whole.value, whole.low, whole.high, *counted, whole.method, confidence, whole.reason, whole.label
    )
    return Heterogeneity(
        overall,
        (1 + above_all) / (1 + n_permutations),
        table.sort_values(["shrunk", "item"], ascending=[False, True]).reset_index(drop=True),
        spread / (spread + float(noise[used].mean())) if spread else 0.0,
        n_permutations,
        found.n_hidden,
        found.n_unknown,
    )


def _between(item: Any, group: Any, value: Any, found: Grouped) -> Floats:
    """Estimate of each item; NaN where an item has one group, or no group with two labels."""
    many, width, n_items = len(found.names), max(found.coded.n_categories, 1), len(found.coded.items)
    cell = (item * many + group) * width + value
    counts = np.bincount(cell, minlength=n_items * many * width).reshape(n_items, many, width).astype(float)
    n = counts.sum(axis=2)
    total = n.sum(axis=1)
    groups = (n > 0).sum(axis=1)
    every = counts.sum(axis=1)
    # Sums of squares of the indicators, over all labels: an indicator's square is itself.
    by_group = np.divide((counts**2).sum(axis=2), n, out=np.zeros_like(n), where=n > 0).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        by_all = (every**2).sum(axis=1) / total
        ms_between = (by_group - by_all) / (groups - 1)
        ms_within = (total - by_group) / (total - groups)
        n_0 = (total - (n**2).sum(axis=1) / total) / (groups - 1)
        estimate = (ms_between - ms_within) / n_0 / 2
    return np.where((groups > 1) & (total > groups), estimate, np.nan)
