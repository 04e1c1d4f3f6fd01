"""Items compressed to distinct vectors of label counts: what makes agreement and its intervals fast.

Two items with the same number of labels of each kind contribute the same to every agreement coefficient. So a
coefficient is a function of how often each pattern occurs, a bootstrap over items is one multinomial draw over the
patterns whatever the number of items, and leaving one annotator out moves some items from one pattern to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

# Up to so many possible codes a histogram is counted in one pass instead of sorted.
_SMALL_TABLE = 2**16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]
    Codes = NDArray[Any]


@dataclass(frozen=True)
class Patterns:
    """Distinct vectors of label counts, and how many items have each.

    `counts` is patterns x categories (sparse: most labels are absent from most items), `size` the number of labels of
    an item of the pattern, `weight` the number of items. `categories` and `numbers` are as in `Coded`. `clusters` is
    clusters x patterns where items are resampled in groups, `of_item` the pattern of each item that takes part.
    `n_annotators` counts those with a label in here.
    """

    counts: sparse.csr_matrix
    weight: NDArray[np.int64]
    size: Floats
    categories: list[Any]
    numbers: Floats | None
    n_items: int
    n_labels: int
    n_annotators: int
    clusters: sparse.csr_matrix | None = None
    of_item: NDArray[np.int64] | None = None

    @property
    def n_seen(self) -> int:
        """How many categories occur at all."""
        return int(np.count_nonzero(self.counts.T @ self.weight))


def patterns(coded: Coded, *, least: int = 2, trace: bool = False) -> Patterns:
    """Compress coded labels to patterns.

    Parameters
    ----------
    least
        Items with fewer labels are left out: a single label says nothing about agreement (2), though it may say
        something about how often each answer is given (1).
    trace
        Keep which item has which pattern (`of_item`); always kept where items are resampled in groups.
    """
    per_item = np.bincount(coded.item, minlength=len(coded.items))
    code = _codes(coded, per_item)
    base, width = _digits(coded, per_item)
    if code.dtype == np.float64:
        # Codes are numbers whose digits are the counts, so they need not be looked up in the labels again.
        distinct, weight = _histogram(code, base**width)
        digits = distinct.astype(np.int64)[:, None] // base ** np.arange(width, dtype=np.int64) % base
        kept = digits.sum(axis=1) >= least
        counts, distinct, weight = sparse.csr_matrix(digits[kept].astype(float)), distinct[kept], weight[kept]
    else:
        items = np.flatnonzero(per_item >= least)
        distinct, first, weight = np.unique(code[items], return_index=True, return_counts=True)
        chosen = np.full(len(coded.items), -1, dtype=np.int64)
        chosen[items[first]] = np.arange(len(first))
        counts = _counts(chosen[coded.item], coded)
    size = np.asarray(counts.sum(axis=1)).ravel()
    n_labels = int(weight @ size)
    people = coded.annotator if n_labels == len(coded.item) else coded.annotator[per_item[coded.item] >= least]
    of_item = clusters = None
    if trace or coded.cluster is not None:
        items = np.flatnonzero(per_item >= least)
        of_item = np.searchsorted(distinct, code[items])
        if coded.cluster is not None and len(items):
            _, group = np.unique(coded.cluster[items], return_inverse=True)
            shape = (int(group.max()) + 1, len(weight))
            clusters = sparse.coo_matrix((np.ones(len(items)), (group, of_item)), shape=shape).tocsr()
    return Patterns(
        counts,
        weight,
        size,
        coded.categories,
        coded.numbers,
        int(weight.sum()),
        n_labels,
        int(np.count_nonzero(np.bincount(people))),
        clusters,
        of_item,
    )


def left_out(coded: Coded, *, least: int = 2) -> tuple[Patterns, Floats]:
    """Patterns of the labels, with the weights that are left when each annotator is left out in turn.

    Returns
    -------
    tuple
        `Patterns` with all vectors that occur in any of the cases, and weights of shape (annotators, patterns).
    """
    per_item = np.bincount(coded.item, minlength=len(coded.items))
    code = _codes(coded, per_item)
    mark = _marks(coded, per_item)
    without = code[coded.item] - mark[coded.value]  # the item's code when this label is taken away; wraps as it should
    size = per_item[coded.item] - 1
    kept, still = per_item >= least, size >= least
    every, index = np.unique(np.concatenate([code[kept], without[still]]), return_inverse=True)
    n_kept, n_patterns, n_annotators = int(kept.sum()), len(every), len(coded.annotators)
    of_item = np.full(len(coded.items), -1, dtype=np.int64)
    of_item[kept] = index[:n_kept]
    weight = np.bincount(index[:n_kept], minlength=n_patterns)
    counted = kept[coded.item]
    lost = sparse.coo_matrix(
        (np.ones(int(counted.sum())), (coded.annotator[counted], of_item[coded.item[counted]])),
        shape=(n_annotators, n_patterns),
    )
    won = sparse.coo_matrix(
        (np.ones(int(still.sum())), (coded.annotator[still], index[n_kept:])), shape=(n_annotators, n_patterns)
    )
    counts = _all_counts(coded, of_item, index[n_kept:], np.flatnonzero(still), n_patterns)
    full = patterns(coded, least=least)
    made = Patterns(
        counts,
        weight,
        np.asarray(counts.sum(axis=1)).ravel(),
        coded.categories,
        coded.numbers,
        full.n_items,
        full.n_labels,
        full.n_annotators,
    )
    return made, weight[None, :] - lost.toarray() + won.toarray()


def squares(counts: sparse.csr_matrix) -> Floats:
    """Sum of squared counts of each pattern."""
    found: Floats = np.asarray(counts.multiply(counts).sum(axis=1)).ravel()
    return found


def _digits(coded: Coded, per_item: NDArray[np.int64]) -> tuple[int, int]:
    """Base and number of the digits of a code."""
    return int(per_item.max(initial=0)) + 1, max(coded.n_categories, 1)


def _histogram(code: Codes, n_codes: int) -> tuple[Codes, NDArray[np.int64]]:
    """Distinct codes in order, and how often each occurs."""
    if n_codes > max(_SMALL_TABLE, len(code)):
        distinct, n = np.unique(code, return_counts=True)
        return distinct, n
    found = np.bincount(code.astype(np.int64))
    distinct = np.flatnonzero(found)
    return distinct, found[distinct]


def _marks(coded: Coded, per_item: NDArray[np.int64]) -> Codes:
    """One number a category, so that the sum over an item's labels tells its counts."""
    base, width = _digits(coded, per_item)
    if base**width < 2**53:
        # The sum of base^value is a number whose digits are the counts: exact.
        exact: Codes = np.power(float(base), np.arange(width, dtype=float))
        return exact
    # Too many categories for exact digits: a random 64-bit number per category, summed modulo 2^64. Two different
    # count vectors collide with probability about items^2 / 2^65.
    return np.random.default_rng(0).integers(0, 2**64, size=width, dtype=np.uint64)


def _codes(coded: Coded, per_item: NDArray[np.int64]) -> Codes:
    mark = _marks(coded, per_item)
    if mark.dtype == np.float64:
        exact: Codes = np.bincount(coded.item, weights=mark[coded.value], minlength=len(per_item))
        return exact
    code = np.zeros(len(per_item), dtype=np.uint64)
    np.add.at(code, coded.item, mark[coded.value])
    return code


def _counts(row: NDArray[np.int64], coded: Coded) -> sparse.csr_matrix:
    """Counts of the items chosen to stand for their pattern; `row` has one entry a label, -1 where not chosen."""
    here = row >= 0
    shape = (int(row.max(initial=-1)) + 1, max(coded.n_categories, 1))
    made = sparse.coo_matrix((np.ones(int(here.sum())), (row[here], coded.value[here])), shape=shape).tocsr()
    made.sum_duplicates()
    return made


def _all_counts(
    coded: Coded,
    of_item: NDArray[np.int64],
    of_label: NDArray[np.int64],
    labels: NDArray[np.int64],
    n_patterns: int,
) -> sparse.csr_matrix:
    """Counts of each pattern, from one item that has it or one label that leaves it behind."""
    item_for = np.full(n_patterns, -1, dtype=np.int64)
    label_for = np.full(n_patterns, -1, dtype=np.int64)
    label_for[of_label] = labels
    item_for[of_label] = coded.item[labels]
    has = np.flatnonzero(of_item >= 0)
    item_for[of_item[has]] = has
    label_for[of_item[has]] = -1  # an item of its own needs no label taken away
    order = np.argsort(coded.item, kind="stable")
    start = np.searchsorted(coded.item[order], item_for)
    size = np.searchsorted(coded.item[order], item_for, side="right") - start
    pattern = np.repeat(np.arange(n_patterns), size)
    inside = np.arange(len(pattern)) - np.repeat(np.cumsum(size) - size, size)
    values = coded.value[order[np.repeat(start, size) + inside]]
    taken = np.flatnonzero(label_for >= 0)
    counts = sparse.coo_matrix(
        (
            np.concatenate([np.ones(len(pattern)), -np.ones(len(taken))]),
            (np.concatenate([pattern, taken]), np.concatenate([values, coded.value[label_for[taken]]])),
        ),
        shape=(n_patterns, max(coded.n_categories, 1)),
    ).tocsr()
    counts.sum_duplicates()
    counts.eliminate_zeros()
    return counts
