"""How often a training row is wrong that was made of several labels: less often than each of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.aggregation import em, reading
from workbench.stats.aggregation.confusions import fit_cells
from workbench.stats.aggregation.flips import MOST_REFITS, flip_rate, from_disagreement, sided
from workbench.stats.coding import encode
from workbench.stats.intervals import FEWEST, check_resampling, percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.coding import Coded
    from workbench.stats.estimate import Estimate

    Floats = NDArray[np.float64]

# Numbers in an array of resamples, about 32 MB.
_MOST_CELLS = 4_000_000


def decided_flip_rate(
    labels: Any,
    rows: Sequence[tuple[Any, Any]],
    *,
    by: Literal["pairs", "model"] = "pairs",
    ties: Sequence[Any] = ("tie", "both_bad"),
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """Probability epsilon that a row made of several labels names the wrong one: mean over rows.

    Parameters
    ----------
    labels
        As for `flip_rate`; all labels that tell of the annotators, not only those of the rows.
    rows
        `(item, label)` for every training row: the label it was given by vote.
    by
        `pairs`: all annotators err alike, with the epsilon of `flip_rate`. `model`: the posterior of one-coin
        Dawid-Skene (smoothing 1).
    ties
        As for `flip_rate`. A row of an item without another label is wrong as often as chance.

    Returns
    -------
    Estimate
        `epsilon` of rows. NaN with the reason where `flip_rate` has none. Both suppose that annotators err
        independently; where an item misleads many of them, rows are wrong more often than this says.

    Raises
    ------
    TableError
        As `flip_rate`; a row whose item or label is not in the table.
    ValueError
        As `flip_rate`.

    Notes
    -----
    With errors e spread evenly over K - 1 wrong answers and all answers as common, n_k labels for answer k make it true
    with probability r^n_k / sum_j r^n_j, where r = (1 - e) (K - 1) / e. Two votes against one with e = .2 are wrong
    with probability .2. Intervals resample items with their rows and estimate e (refit the model) each time.
    """
    check_resampling(n_resamples, confidence, seed)
    one = flip_rate(labels, by=by, ties=ties, n_resamples=0, confidence=confidence, seed=seed)
    coded, _ = sided(encode(labels), ties)
    place = {item: k for k, item in enumerate(coded.items.tolist())}
    position = {category: k for k, category in enumerate(coded.categories)}
    strangers = [row for row in rows if row[0] not in place or row[1] not in position]
    if strangers and one.defined:
        raise TableError(f"{len(strangers)} rows are not of these labels, first {str(strangers[0])[:60]}")
    n_items = len({item for item, _ in rows})
    found = replace(one, n_items=n_items, label=label)
    if not rows or not one.defined:
        reason = "" if rows else "no row"
        nan = math.nan
        return replace(found, value=nan, low=nan, high=nan, reason="; ".join(x for x in (reason, one.reason) if x))
    item = np.asarray([place[name] for name, _ in rows], dtype=np.int64)
    value = np.asarray([position[name] for _, name in rows], dtype=np.int64)
    if by == "model":
        return _rows_by_model(coded, item, value, found, n_resamples, seed)
    return _rows_by_pairs(coded, item, value, found, n_resamples, seed)


def _rows_by_pairs(
    coded: Coded, item: NDArray[np.int64], value: NDArray[np.int64], found: Estimate, n_resamples: int, seed: int
) -> Estimate:
    width = max(coded.n_categories, 2)
    # Items with the same votes and the same rows are one kind, of which a resample draws more or fewer.
    each = np.zeros((len(coded.items), 2 * width))
    np.add.at(each, (coded.item, coded.value), 1)
    np.add.at(each, (item, width + value), 1)
    kinds, times = np.unique(each[each.any(axis=1)], axis=0, return_counts=True)
    counts, rows = kinds[:, :width], kinds[:, width:]
    pairs = counts.sum(axis=1) * (counts.sum(axis=1) - 1)
    differing = pairs - (counts * (counts - 1)).sum(axis=1)

    def statistic(weight: Floats) -> Floats:
        epsilon = np.clip(from_disagreement(weight @ differing, weight @ pairs, width), em.CLIP, 1 - em.CLIP)
        lead = counts - counts.max(axis=1, keepdims=True)  # the largest power is 1
        true = np.exp(lead * np.log((1 - epsilon) * (width - 1) / epsilon)[:, None, None])
        true /= true.sum(axis=2, keepdims=True)
        wrong: Floats = 1 - (weight * (true * rows).sum(axis=2)).sum(axis=1) / (weight @ rows.sum(axis=1))
        return wrong

    how = "rows by votes, equal and independent errors"
    point = float(statistic(times[None, :].astype(float))[0])
    if not n_resamples or found.n_items < FEWEST:
        few = f"{found.n_items} items: too few for an interval" if n_resamples else ""
        return replace(found, value=point, low=math.nan, high=math.nan, method=how, reason=few or found.reason)
    rng = np.random.default_rng(seed)
    drawn = np.empty(n_resamples)
    step = max(1, _MOST_CELLS // kinds.size)
    for start in range(0, n_resamples, step):
        stop = min(start + step, n_resamples)
        weight = rng.multinomial(times.sum(), times / times.sum(), size=stop - start).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):  # a resample without rows or pairs has no value
            drawn[start:stop] = statistic(weight)
    low, high, _ = percentile(drawn, found.confidence)
    method = f"{how}; percentile bootstrap over items ({n_resamples} resamples, seed {seed})"
    return replace(found, value=point, low=low, high=high, method=method)


def _rows_by_model(
    coded: Coded, item: NDArray[np.int64], value: NDArray[np.int64], found: Estimate, n_resamples: int, seed: int
) -> Estimate:
    given, (_, clamp) = em.cells(coded), reading.prepare(coded, None, None)
    start = em.vote_shares(given, clamp)
    fit = fit_cells(given, start.copy(), clamp)
    how = "rows by one-coin Dawid-Skene, smoothing 1"
    point = 1 - float(fit.posterior[value, item].mean())
    refits = min(n_resamples, MOST_REFITS)
    if not refits or found.n_items < FEWEST:
        few = f"{found.n_items} items: too few for an interval" if refits else ""
        return replace(found, value=point, low=math.nan, high=math.nan, method=how, reason=few or found.reason)
    rng = np.random.default_rng(seed)
    labelled = np.flatnonzero(np.bincount(coded.item, minlength=len(coded.items)))
    per_item = sparse.csr_matrix((np.ones(len(item)), (item, value)), shape=(len(coded.items), coded.n_categories))
    drawn = np.full(refits, np.nan)
    for k in range(refits):
        rows = rng.choice(labelled, size=len(labelled))
        posterior = fit_cells(given.resampled(rows), start[:, rows], clamp).posterior
        weight = per_item[rows]
        total = weight.sum()
        if total:
            drawn[k] = 1 - float(weight.multiply(posterior.T).sum()) / total
    low, high, _ = percentile(drawn, found.confidence)
    method = f"{how}; percentile bootstrap over items ({refits} refits, seed {seed})"
    return replace(found, value=point, low=low, high=high, method=method)
