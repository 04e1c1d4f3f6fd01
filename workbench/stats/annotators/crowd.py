"""Whether agreeing with this crowd is agreeing with experts: what the majority misses of what experts call out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from workbench.errors import TableError
from workbench.stats import coding
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, paired_difference, percentile, proportion
from workbench.stats.reading import strict_leader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

# A majority that surely finds less than this of what experts find is no yardstick.
ENOUGH = 0.8
# The quarter that agrees least is left out to see what filtering by agreement would do.
LEFT_OUT = 0.25
# Fewer items of the label in question are no rate of finding it, neither of a crowd nor of one annotator.
FEWEST = 10
_CELLS = 4_000_000


@dataclass(frozen=True)
class CrowdAgainstExperts:
    """The majority of a crowd set against expert labels.

    Attributes
    ----------
    accuracy
        Share of items where the majority equals the expert; an item without a majority counts as missed.
    recall
        One estimate an expert label: share of the items experts label so that the majority labels so too.
    missed
        The expert label with the lowest recall, which the rest is about.
    by_agreement
        Rank correlation (Spearman), over annotators, of agreeing with the majority and of finding what experts call
        `missed`. Below 0, dropping who agrees least drops who finds most.
    filtered, change
        Recall of `missed` without the quarter of annotators who agree least with the majority, and how far it moves.
    warning
        In plain words, where the majority misses much; empty otherwise.
    """

    accuracy: Estimate
    recall: tuple[Estimate, ...]
    missed: Any
    by_agreement: Estimate
    filtered: Estimate
    change: Estimate
    warning: str


def crowd_against_experts(
    labels: Any,
    gold: Mapping[Any, Any],
    *,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> CrowdAgainstExperts:
    """Set the majority of each item against what experts said, and see what filtering by agreement would do to it.

    Parameters
    ----------
    gold
        item -> expert label.

    Raises
    ------
    TableError
        No gold item has labels.

    Notes
    -----
    Shares have Wilson intervals over items; correlation and change resample items.
    """
    check_confidence(confidence)
    coded = coding.encode(labels)
    experts = np.asarray([gold.get(item) for item in coded.items.tolist()], dtype=object)
    asked = np.asarray([item in gold for item in coded.items.tolist()], dtype=bool)
    if not asked.any():
        raise TableError("no expert label is of an item of this table", next_step="gold maps item -> label")
    place = {category: k for k, category in enumerate(coded.categories)}
    known = np.asarray([place.get(one, -2) for one in experts], dtype=np.int64)
    top = _majority(coded)
    people = len(coded.annotators)

    def share(name: str, hits: NDArray[np.bool_], title: str, n_people: int = people) -> Estimate:
        n = len(hits)
        return proportion(
            name, int(hits.sum()), n, n_items=n, n_annotators=n_people, confidence=confidence, label=title
        )

    right = top == known
    accuracy = share("accuracy", right[asked], label or "majority")
    said = sorted(set(experts[asked].tolist()), key=str)
    recall = tuple(share("recall", right[asked & (experts == one)], f"experts say {one}") for one in said)
    missed = said[int(np.argmin([one.value for one in recall]))]
    lowest, here = recall[said.index(missed)], asked & (experts == missed)
    linked = _link(coded, top, place.get(missed, -2), here, n_resamples, confidence, seed)
    kept = ~_least_agreeing(coded, top)
    after = (_majority(coded.only(kept[coded.annotator])) == known)[here]
    filtered = share("recall", after, f"experts say {missed}, filtered by agreement", int(kept.sum()))
    change = paired_difference(
        right[here], after, name="recall_change", n_resamples=n_resamples, confidence=confidence, seed=seed,
        label="recall after filtering minus before",
    )  # fmt: skip
    warning = _warning(accuracy, lowest, linked, filtered, change, missed)
    return CrowdAgainstExperts(accuracy, recall, missed, linked, filtered, change, warning)


def _majority(coded: coding.Coded) -> Ints:
    counts = np.zeros((len(coded.items), max(coded.n_categories, 1)))
    np.add.at(counts, (coded.item, coded.value), 1)
    return strict_leader(counts)


def _least_agreeing(coded: coding.Coded, top: Ints) -> NDArray[np.bool_]:
    """The quarter of annotators who agree least with the majority."""
    people = len(coded.annotators)
    agrees = np.bincount(coded.annotator[coded.value == top[coded.item]], minlength=people)
    looked = np.bincount(coded.annotator[top[coded.item] >= 0], minlength=people)
    rate = np.divide(agrees, looked, out=np.full(people, np.inf), where=looked > 0)
    out = np.zeros(people, dtype=bool)
    out[np.argsort(rate, kind="stable")[: int(LEFT_OUT * people)]] = True
    return out


def _link(
    coded: coding.Coded,
    top: Ints,
    target: int,
    of_target: NDArray[np.bool_],
    n_resamples: int,
    confidence: float,
    seed: int,
) -> Estimate:
    """Spearman correlation over annotators of agreement with the majority and recall of the target."""
    n_items, here = len(coded.items), of_target[coded.item]
    enough = np.bincount(coded.annotator[here], minlength=len(coded.annotators)) >= FEWEST
    shape = (int(enough.sum()), n_items)
    row = np.cumsum(enough) - 1

    def matrix(marked: NDArray[np.bool_]) -> sparse.csr_matrix:
        used = marked & enough[coded.annotator]
        return sparse.csr_matrix((np.ones(int(used.sum())), (row[coded.annotator[used]], coded.item[used])), shape)

    decided = top[coded.item] >= 0
    agrees, looked = matrix(coded.value == top[coded.item]), matrix(decided)
    finds, had = matrix(here & (coded.value == target)), matrix(here)

    def correlation(weight: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return _spearman(((agrees @ weight) / (looked @ weight)).T, ((finds @ weight) / (had @ weight)).T)

    value = float(correlation(np.ones((n_items, 1)))[0]) if shape[0] > 2 else math.nan
    low = high = math.nan
    reason = "" if value == value else f"{shape[0]} annotators with {FEWEST} such items, or all alike"
    if value == value and n_resamples:
        rng = np.random.default_rng(seed)
        step = max(1, _CELLS // max(n_items, shape[0]))
        sizes = [min(step, n_resamples - start) for start in range(0, n_resamples, step)]
        even = np.full(n_items, 1 / n_items)
        parts = [correlation(rng.multinomial(n_items, even, size=size).T.astype(np.float64)) for size in sizes]
        low, high, lost = percentile(np.concatenate(parts), confidence)
        reason = f"{lost} of {n_resamples} resamples undefined" if lost else ""
    counts = (int(of_target.sum()), shape[0], int(looked.sum()))
    method = (
        f"Spearman correlation over annotators; percentile bootstrap over items ({n_resamples} resamples, seed {seed})"
    )
    title = "agreement with the majority against recall"
    return Estimate("spearman", value, low, high, *counts, method, confidence, reason, title)


def _spearman(x: Floats, y: Floats) -> Floats:
    """Correlation of the ranks in each row; NaN where a value of the row is unknown or all are alike."""
    from scipy import stats

    a, b = (stats.rankdata(values, axis=1) for values in (x, y))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    below = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    found: Floats = np.divide((a * b).sum(axis=1), below, out=np.full(len(a), np.nan), where=below > 0)
    return found


def _warning(
    accuracy: Estimate, lowest: Estimate, linked: Estimate, filtered: Estimate, change: Estimate, missed: Any
) -> str:
    if not lowest.high < ENOUGH or lowest.n_items < FEWEST:
        return ""
    said = (
        f"agreeing with this crowd is not agreeing with the experts: the majority finds {lowest.value:.0%} of the "
        f"{lowest.n_items} items experts call {missed} ({_ends(lowest, '.0%')}) and equals the experts on "
        f"{accuracy.value:.0%} of all"
    )
    if linked.defined and linked.high < 0:
        said += (
            f"; who agrees more with the majority finds fewer of them (rank correlation {linked.value:.2f}, "
            f"{_ends(linked, '.2f')})"
        )
    if change.high < 0:
        said += (
            f"; without the quarter who agree least it would find {filtered.value:.0%} (change {change.value:+.1%}, "
            f"{_ends(change, '+.1%')}), so filtering by agreement would make the labels worse"
        )
    return said


def _ends(one: Estimate, form: str) -> str:
    return f"{one.confidence:.0%} interval {one.low:{form}} to {one.high:{form}}"
