"""Whether gold wears out: by being shown to the same person again, or by going round in the pool."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import lsqr

from workbench.stats.estimate import Estimate
from workbench.stats.gold.answers import Known, known_answers, known_rows
from workbench.stats.intervals import FEWEST, check_confidence, check_resampling, mean, percentile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Leakage:
    """Traces of gold that is known by having been seen.

    Attributes
    ----------
    by_exposure
        Share of wrong answers the first, second, ... time the same annotator saw the same item. Which items and people
        come to a second time differs from the first, so compare with `change`.
    change
        Error at the second exposure minus error at the first, of the same annotators on the same items.
    pace
        Seconds at the second exposure over seconds at the first (geometric mean); 0.5 is twice as fast.
    trend
        Change of the error share each time the number of people who have seen the item doubles, first exposures only,
        items and annotators held fixed.
    signs
        What of this is shown by an interval wholly below no change, in words; empty where nothing is.
    """

    by_exposure: tuple[Estimate, ...]
    change: Estimate
    pace: Estimate
    trend: Estimate
    signs: tuple[str, ...]


def leakage(
    labels: Any,
    gold: Mapping[Any, Any] | Any,
    *,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Leakage:
    """Look for gold that is remembered or talked about.

    Parameters
    ----------
    labels
        A label table with its hidden repeats (`is_repeat`) or further rounds (several `label_id`); for the pace
        `duration_s`, for the trend `submitted_at`. What is missing gives NaN with the reason.
    gold
        item -> known label, or a table for `usable`.

    Raises
    ------
    TableError
        See `answers.known_rows`.
    ValueError
        See `intervals.check_resampling`.
    """
    check_resampling(n_resamples, confidence, seed)
    known = known_rows(labels, known_answers(gold).answers, repeats=True)
    return of_rows(known, n_resamples=n_resamples, confidence=confidence, seed=seed)


def of_rows(known: Known, *, n_resamples: int, confidence: float, seed: int) -> Leakage:
    """`leakage` of rows that were read already."""
    rows = known.rows
    options: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed}
    by_exposure = tuple(
        _clustered_share(mine, label=f"exposure {number}", **options) for number, mine in rows.groupby("exposure")
    )
    pairs = _pairs(rows)
    change = _over_items(pairs, pairs["wrong_second"] - pairs["wrong_first"], "gold_error_change", options)
    timed = pairs[(pairs["seconds_first"] > 0) & (pairs["seconds_second"] > 0)]
    logs = (timed["seconds_second"] / timed["seconds_first"]).map(math.log)
    pace = _over_items(timed, logs, "gold_pace_ratio", options)
    pace = replace(
        pace,
        value=math.exp(pace.value),
        low=math.exp(pace.low),
        high=math.exp(pace.high),
        method=f"ratio of seconds, geometric {pace.method}",
        reason="no durations of a first and a second exposure" if len(pairs) and not len(timed) else pace.reason,
    )
    trend = _trend(known, confidence)
    return Leakage(by_exposure, change, pace, trend, tuple(_signs(change, pace, trend)))


def _signs(change: Estimate, pace: Estimate, trend: Estimate) -> list[str]:
    said = []
    if change.high < 0:
        said.append(
            f"the error falls by {-change.value:.0%} when the same person sees the same gold again "
            f"({change.n_items} items)"
        )
    if pace.high < 1:
        said.append(f"second looks take {pace.value:.0%} of the time of the first: recognition, or practice in general")
    if trend.high < 0:
        said.append(
            f"the error falls by {-trend.value:.1%} with each doubling of the people who have seen an item: answers "
            "may be going round, or people get better with practice"
        )
    return said


def _pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each annotator and item with a second exposure."""
    keys = ["item", "annotator"]
    first, second = (rows.loc[rows["exposure"] == k, [*keys, "wrong", "seconds"]] for k in (1, 2))
    both = second.merge(first, on=keys, suffixes=("_second", "_first"))
    return both.astype({"wrong_first": float, "wrong_second": float})


def _over_items(pairs: pd.DataFrame, value: pd.Series[float], name: str, options: Mapping[str, Any]) -> Estimate:
    per_item = value.groupby(pairs["item"]).mean()
    found = mean(per_item.to_numpy(float), name=name, **options)
    return replace(
        found,
        n_annotators=pairs["annotator"].nunique(),
        n_labels=2 * len(pairs),
        method=f"{found.method}; items weigh the same, second exposure against first",
        reason=found.reason if len(pairs) else "nobody saw the same gold item twice",
    )


def _clustered_share(rows: pd.DataFrame, *, n_resamples: int, confidence: float, seed: int, label: str) -> Estimate:
    """Share of wrong answers, with an interval that resamples items and not their answers."""
    check_confidence(confidence)
    cells = rows.groupby("item")["wrong"].agg(["sum", "size"])
    # Items with the same counts are drawn as one pattern.
    kinds, times = np.unique(cells.to_numpy(float), axis=0, return_counts=True)
    wrong, size = kinds.T
    n = len(cells)
    low = high = math.nan
    reason = f"{n} item{'s' * (n != 1)}: too few for an interval" if n < FEWEST else ""
    if not reason and not n_resamples:
        reason = "no resamples, no interval"
    if not reason and (not wrong.any() or (wrong == size).all()):
        reason = "all answers are alike: no interval"
    if not reason:
        rng = np.random.default_rng(seed)
        step = max(1, 8_000_000 // len(kinds))
        drawn = [
            rng.multinomial(n, times / n, size=min(step, n_resamples - start)).astype(float)
            for start in range(0, n_resamples, step)
        ]
        low, high, _ = percentile(np.concatenate([(w @ wrong) / (w @ size) for w in drawn]), confidence)
    return Estimate(
        "gold_error",
        float(times @ wrong / (times @ size)),
        low,
        high,
        n,
        rows["annotator"].nunique(),
        len(rows),
        f"pooled share, percentile bootstrap over items ({n_resamples} resamples, seed {seed})",
        confidence,
        reason,
        label,
    )


def _trend(known: Known, confidence: float) -> Estimate:
    """Slope of wrong (0 or 1) on log2 of the order in the pool, with fixed effects of items and annotators.

    A linear probability model: unlike the logistic one its slope is not biased by an effect for each item, and it is
    read in shares. Residuals are clustered by item (sandwich, G / (G - 1), Student's t with G - 1).
    """
    check_confidence(confidence)
    rows = known.rows[known.rows["exposure"] == 1]
    rows = rows[rows.groupby("item")["annotator"].transform("size") >= 2]
    n_items, n_annotators = rows["item"].nunique(), rows["annotator"].nunique()
    method = (
        "linear regression of wrong on log2(order in which people first saw the item), items and annotators held "
        "fixed, standard error clustered by item"
    )

    def result(value: float, half: float, reason: str) -> Estimate:
        low, high = value - half, value + half
        return Estimate(
            "gold_error_trend", value, low, high, n_items, n_annotators, len(rows), method, confidence, reason
        )

    if not known.timed:
        return result(math.nan, math.nan, "no complete submitted_at, so nobody can say who saw an item first")
    if not len(rows):
        return result(math.nan, math.nan, "no gold item was answered by two annotators")
    x = np.log2(rows.groupby("item").cumcount().to_numpy(float) + 1)
    y = rows["wrong"].to_numpy(float)
    item, _ = pd.factorize(rows["item"])
    annotator, _ = pd.factorize(rows["annotator"])
    x_left, y_left = (_without_effects(column, item, annotator) for column in (x, y))
    spread = float(x_left @ x_left)
    if spread < 1e-9 * len(rows):
        same = "everybody comes to the items at the same rank, so order and annotator cannot be told apart"
        return result(math.nan, math.nan, same)
    slope = float(x_left @ y_left) / spread
    per_item = np.bincount(item, weights=x_left * (y_left - slope * x_left))
    if n_items < FEWEST:
        return result(slope, math.nan, f"{n_items} items: too few for an interval")
    if not np.ptp(y):
        return result(math.nan, math.nan, "all answers are alike: no trend to see")
    error = math.sqrt(n_items / (n_items - 1) * float(per_item @ per_item)) / spread
    from scipy import stats

    return result(slope, float(stats.t.ppf(0.5 + confidence / 2, n_items - 1)) * error, "")


def _without_effects(column: Floats, item: NDArray[np.int64], annotator: NDArray[np.int64]) -> Floats:
    """What is left of a column after an effect for each item and annotator (least squares)."""
    n, width = len(column), int(item.max()) + 1
    at = np.arange(n)
    effects = sparse.csr_matrix(
        (np.ones(2 * n), (np.tile(at, 2), np.concatenate([item, width + annotator]))),
        shape=(n, width + int(annotator.max()) + 1),
    )
    fitted = lsqr(effects, column, atol=1e-12, btol=1e-12, iter_lim=10_000)[0]
    left: Floats = column - effects @ fitted
    return left
