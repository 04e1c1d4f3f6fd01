"""Agreement between annotators: percent agreement, Cohen's and Fleiss' kappa, Krippendorff's alpha.

One calling form: `krippendorff_alpha(labels, level="nominal", n_resamples=10_000, confidence=0.95, seed=0)`, where
`labels` is any data frame with `item, annotator, label`. Each returns an `Estimate` whose interval resamples **items**
(intervals that resample label pairs cover far less than they claim). No variation at all is undefined, never 1.0.

Speed comes from compressing items to patterns: two items with the same counts of each label contribute the same, so a
bootstrap over items is one multinomial draw over the distinct patterns, whatever the number of items.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.coding import Coded, Level, encode
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Replicate chunks are sized so that the largest temporary stays near 64 MB.
_CHUNK_CELLS = 8_000_000
# `ratio` is the one level whose distances do not reduce to moments, so it needs a category x category matrix.
_MOST_RATIO_CATEGORIES = 2_000


@dataclass(frozen=True)
class Patterns:
    """Items with two or more labels, compressed to distinct vectors of label counts.

    `counts` is patterns x categories (sparse: most labels are absent from most items), `weight` the number of items
    of each pattern, `size` the number of labels of an item of the pattern.
    """

    counts: sparse.csr_matrix
    weight: NDArray[np.int64]
    size: Floats
    n_items: int
    n_labels: int
    n_annotators: int


def patterns(coded: Coded) -> Patterns:
    """Compress coded labels to patterns; items with a single label carry no agreement and are left out."""
    per_item = np.bincount(coded.item, minlength=len(coded.items))
    keep = per_item[coded.item] >= 2
    item, value = coded.item[keep], coded.value[keep]
    _, row = np.unique(item, return_inverse=True)
    n_items = int(row.max()) + 1 if row.size else 0
    base, width = int(per_item.max(initial=0)) + 1, max(coded.n_categories, 1)
    if base**width < 2**53:
        # The sum of base^value over an item's labels is a number whose digits are the counts: exact, one pass.
        code = np.bincount(row, weights=np.power(float(base), value.astype(float)), minlength=n_items)
    else:
        # Too many categories for exact digits: a random 64-bit number per category, summed modulo 2^64. Two different
        # count vectors collide with probability about items^2 / 2^65.
        mark = np.random.default_rng(0).integers(0, 2**64, size=width, dtype=np.uint64)
        code = np.zeros(n_items, dtype=np.uint64)
        np.add.at(code, row, mark[value])
    _, representative, pattern, weight = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    chosen = np.isin(row, representative)
    counts = sparse.csr_matrix(
        (np.ones(int(chosen.sum())), (pattern[row[chosen]], value[chosen])), shape=(len(weight), width)
    )
    counts.sum_duplicates()
    return Patterns(
        counts,
        weight,
        np.asarray(counts.sum(axis=1)).ravel(),
        n_items,
        int(keep.sum()),
        len(np.unique(coded.annotator[keep])),
    )


def percent_agreement(
    labels: Any, *, n_resamples: int = 10_000, confidence: float = 0.95, seed: int = 0, label: str = ""
) -> Estimate:
    """Share of pairs of labels on the same item that are equal, pooled over all pairs.

    An item with m labels has m (m - 1) / 2 pairs, so items with more labels weigh more; with equal overlap this is
    the mean over items. It is not corrected for chance: with two labels, one of them 90 % of the time, guessing
    agrees 82 % of the time.

    Raises
    ------
    TableError
        See `workbench.stats.coding.encode`.
    """
    coded = encode(labels)
    p = patterns(coded)
    equal = _squares(p.counts) - p.size
    pairs = p.size * (p.size - 1)

    def statistic(weight: Floats) -> Floats:
        return _ratio(weight @ equal, weight @ pairs)

    return _estimate(
        "percent_agreement", p, statistic, n_resamples, confidence, seed, "share of equal label pairs", label
    )


def fleiss_kappa(
    labels: Any, *, n_resamples: int = 10_000, confidence: float = 0.95, seed: int = 0, label: str = ""
) -> Estimate:
    """Fleiss' kappa for any number of annotators, with Gwet's (2014) form for unequal numbers of labels an item.

    Observed agreement is the mean over items of the share of equal pairs; chance agreement is the sum of squares of
    the mean label shares. With the same number of labels on each item it is Fleiss (1971).
    """
    coded = encode(labels)
    p = patterns(coded)
    per_item = _ratio(_squares(p.counts) - p.size, p.size * (p.size - 1))
    shares = sparse.diags(1 / p.size) @ p.counts if p.n_items else p.counts

    def statistic(weight: Floats) -> Floats:
        total = weight.sum(axis=-1)
        observed = weight @ per_item / total
        marginal = (shares.T @ weight.T).T / total[:, None]
        chance = (marginal**2).sum(axis=1)
        return _ratio(observed - chance, 1 - chance)

    return _estimate("fleiss_kappa", p, statistic, n_resamples, confidence, seed, "Fleiss, unequal overlap", label)


def krippendorff_alpha(
    labels: Any,
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """Krippendorff's alpha: 1 - observed / expected disagreement; any number of annotators, gaps allowed.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`.
    level
        Distance between labels: `nominal` (equal or not), `ordinal` (ranks between them), `interval` (squared
        difference), `ratio` (squared difference over sum).
    categories
        Order of the labels, needed for `ordinal` text labels.

    Notes
    -----
    Krippendorff (2011), *Computing Krippendorff's Alpha-Reliability*. For item patterns with counts c and m labels,
    D_o sums c_a c_b d_ab / (m - 1) and D_e sums n_a n_b d_ab / (N - 1) over pairable labels. Distances that are
    squared differences of a score reduce to moments, so no category x category matrix is built.

    1 is perfect agreement, 0 is what chance gives, below 0 is systematic disagreement; at least .80 is commonly called
    reliable and .667 to .80 tentative, which is a convention and not a verdict.
    """
    coded = encode(labels, level, categories)
    p = patterns(coded)
    statistic = _alpha(p, coded, level)
    return _estimate("krippendorff_alpha", p, statistic, n_resamples, confidence, seed, f"{level} alpha", label)


def cohen_kappa(
    labels: Any,
    a: str | None = None,
    b: str | None = None,
    *,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """Cohen's kappa of two annotators over the items both labelled (Cohen 1960).

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`.
    a, b
        The two annotators; not needed when the table has exactly two.

    Raises
    ------
    TableError
        More than two annotators and no names, or a name that is not in the table.
    """
    coded = encode(labels)
    names = [str(name) for name in coded.annotators]
    if a is None or b is None:
        if len(names) != 2:
            raise TableError(
                f"Cohen's kappa is for two annotators, the table has {len(names)}",
                next_step="name two: cohen_kappa(labels, 'ana', 'ben'), or use fleiss_kappa or krippendorff_alpha",
            )
        a, b = names
    for name in (a, b):
        if name not in names:
            raise TableError(f"no annotator {name!r}; the table has {names[:12]}")
    first = dict(_labels_of(coded, names.index(a)))
    both = [(first[i], v) for i, v in _labels_of(coded, names.index(b)) if i in first]
    width = coded.n_categories
    used, n_used = np.unique(np.asarray([x * width + y for x, y in both], dtype=np.int64), return_counts=True)
    row, column = np.divmod(used, width)
    same = (row == column).astype(float)
    in_row = sparse.csr_matrix((np.ones(len(used)), (np.arange(len(used)), row)), shape=(len(used), width))
    in_column = sparse.csr_matrix((np.ones(len(used)), (np.arange(len(used)), column)), shape=(len(used), width))

    def statistic(weight: Floats) -> Floats:
        total = weight.sum(axis=1)
        observed = weight @ same / total
        chance = ((in_row.T @ weight.T) * (in_column.T @ weight.T)).sum(axis=0) / total**2
        return _ratio(observed - chance, 1 - chance)

    p = Patterns(sparse.csr_matrix((len(used), width)), n_used, same, len(both), 2 * len(both), 2)
    return _estimate("cohen_kappa", p, statistic, n_resamples, confidence, seed, f"Cohen's kappa of {a} and {b}", label)


def _labels_of(coded: Coded, annotator: int) -> list[tuple[int, int]]:
    mine = coded.annotator == annotator
    return list(zip(coded.item[mine].tolist(), coded.value[mine].tolist(), strict=True))


def _alpha(p: Patterns, coded: Coded, level: Level) -> Callable[[Floats], Floats]:
    """The function from pattern weights (replicates x patterns) to alpha."""
    counts, size = p.counts, p.size
    if not p.n_items:  # nor need there be numbers then
        return lambda weight: np.full(len(weight), np.nan)
    spare = 1 / (size - 1)
    if level == "nominal":
        within = (size**2 - _squares(counts)) * spare

        def nominal(weight: Floats) -> Floats:
            n = (counts.T @ weight.T).T
            total = n.sum(axis=1)
            expected = (total**2 - (n**2).sum(axis=1)) / (total - 1)
            return 1 - _ratio(weight @ within, expected)

        return nominal
    if level == "ratio":
        return _ratio_alpha(p, coded)
    if level == "interval":
        assert coded.numbers is not None  # encode refuses text for this level
        fixed = coded.numbers - coded.numbers.mean()
        disagreement = _spread(size, counts @ fixed, counts @ fixed**2) * spare

        def interval(weight: Floats) -> Floats:
            n = (counts.T @ weight.T).T
            total = n.sum(axis=1)
            return 1 - _ratio(weight @ disagreement, _spread(total, n @ fixed, n @ fixed**2) / (total - 1))

        return interval

    def ordinal(weight: Floats) -> Floats:
        n = (counts.T @ weight.T).T
        total = n.sum(axis=1)
        # The score of a label is its mid-rank, which depends on the marginals, so it moves with each replicate.
        score = np.cumsum(n, axis=1) - n / 2 - total[:, None] / 2
        inside = _spread(size, (counts @ score.T).T, (counts @ (score**2).T).T) * spare
        expected = _spread(total, (n * score).sum(axis=1), (n * score**2).sum(axis=1)) / (total - 1)
        return 1 - _ratio((weight * inside).sum(axis=1), expected)

    return ordinal


def _ratio_alpha(p: Patterns, coded: Coded) -> Callable[[Floats], Floats]:
    assert coded.numbers is not None  # encode refuses text for this level
    if coded.n_categories > _MOST_RATIO_CATEGORIES:
        raise TableError(
            f"ratio alpha compares each pair of values and takes at most {_MOST_RATIO_CATEGORIES} different ones, "
            f"the table has {coded.n_categories}",
            next_step='round the values, or use level="interval"',
        )
    v = coded.numbers
    together = v[:, None] + v[None, :]
    distance = np.divide(v[:, None] - v[None, :], together, out=np.zeros_like(together), where=together != 0) ** 2
    dense = p.counts.toarray()
    inside = ((dense @ distance) * dense).sum(axis=1) / (p.size - 1)

    def ratio(weight: Floats) -> Floats:
        n = weight @ dense
        return 1 - _ratio(weight @ inside, ((n @ distance) * n).sum(axis=1) / (n.sum(axis=1) - 1))

    return ratio


def _spread(n: Floats, total: Floats, squares: Floats) -> Floats:
    """Sum over ordered pairs of squared differences, from count, sum and sum of squares: 2 (n S2 - S1^2)."""
    # Rounding may leave -1e-17 where all scores are equal; a sum of squares is never negative.
    return np.maximum(2 * (n * squares - total**2), 0)


def _squares(counts: sparse.csr_matrix) -> Floats:
    squares: Floats = np.asarray(counts.multiply(counts).sum(axis=1)).ravel()
    return squares


def _ratio(above: Floats, below: Floats) -> Floats:
    """Division with NaN where there is nothing to divide by."""
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    out: Floats = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=out, where=below > 1e-12)
    return out


def _estimate(
    name: str,
    p: Patterns,
    statistic: Callable[[Floats], Floats],
    n_resamples: int,
    confidence: float,
    seed: int,
    method: str,
    label: str,
) -> Estimate:
    """Value on the data and percentile interval over resampled items."""
    check_confidence(confidence)
    if n_resamples < 0:
        msg = f"n_resamples must be 0 (no interval) or more, got {n_resamples}"
        raise ValueError(msg)

    def result(value: float, low: float, high: float, how: str, reason: str) -> Estimate:
        return Estimate(name, value, low, high, p.n_items, p.n_annotators, p.n_labels, how, confidence, reason, label)

    if p.n_items == 0:
        return result(math.nan, math.nan, math.nan, method, "no item has labels of two annotators")
    value = float(statistic(p.weight[None, :].astype(float))[0])
    if math.isnan(value):
        return result(math.nan, math.nan, math.nan, method, "all labels are the same, so chance cannot be separated")
    if n_resamples == 0 or p.n_items == 1:
        return result(value, math.nan, math.nan, method, "one item: no interval" if p.n_items == 1 else "")
    rng = np.random.default_rng(seed)
    share = p.weight / p.weight.sum()
    step = max(1, _CHUNK_CELLS // max(p.counts.shape[0], p.counts.shape[1]))
    replicates = np.concatenate(
        [
            statistic(rng.multinomial(p.n_items, share, size=min(step, n_resamples - start)).astype(float))
            for start in range(0, n_resamples, step)
        ]
    )
    low, high, undefined = percentile(replicates, confidence)
    how = f"{method}; percentile bootstrap over items ({n_resamples} resamples, seed {seed})"
    cautions = [f"{undefined} of {n_resamples} resamples undefined"] if undefined else []
    if low == high:
        # Resampling items that all look alike never shows one that does not. With none seen in n, a share of up to
        # 1 - (1 - confidence)^(1/n) is still compatible (the exact binomial bound).
        hidden = 1 - (1 - confidence) ** (1 / p.n_items)
        seen, other = ("no disagreement seen", "disagree") if value == 1 else ("all items look alike", "differ")
        cautions.append(f"{seen}, so no real interval: up to {hidden:.0%} of items may still {other}")
    return result(value, low, high, how, "; ".join(cautions))
