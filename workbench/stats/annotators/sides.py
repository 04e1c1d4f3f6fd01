"""Position bias: whether somebody chooses what stands on the left, one by one and over everybody."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from workbench.stats.annotators import shrinkage
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import proportion
from workbench.stats.multiple import holm
from workbench.stats.reading import rows

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Side:
    """How one annotator chooses between left and right.

    Attributes
    ----------
    p_left
        Share of decided choices that fell on the left, with its Wilson interval.
    shrunk
        The same drawn towards everybody, as far as their own labels leave room for doubt.
    p_value, p_holm
        Exact binomial test against one half, two-sided, and adjusted for the number of annotators (Holm).
    flagged
        Whether `p_holm` is below 1 - confidence.
    """

    annotator: str
    p_left: Estimate
    shrunk: Estimate
    p_value: float
    p_holm: float
    flagged: bool


@dataclass(frozen=True)
class SideBias:
    """Everybody's `p_left` (`population`), how far annotators differ (`spread`, 0 to 1), and each of them."""

    population: Estimate
    spread: float
    annotators: tuple[Side, ...]

    @property
    def flagged(self) -> tuple[Side, ...]:
        """Those whose choices depend on the side beyond what chance allows, strongest first."""
        return tuple(sorted((one for one in self.annotators if one.flagged), key=lambda one: one.p_value))


def p_left(labels: Any, *, confidence: float = 0.95, label: str = "") -> Estimate:
    """Share of decided choices that fell on the response shown on the left; .5 without position bias.

    With sides balanced by the plan, quality cancels out and what is left is habit. Wilson interval over judgments of
    this table; repeats count, being further looks at a swapped screen. Where the same response always stood on the
    left, side and quality cannot be told apart, and the result is NaN with that reason.
    """
    decided = _decided(labels)
    reason = _confounded(decided)
    if reason:
        return replace(_share(0, 0, label, confidence), n_items=decided["item"].nunique(), reason=reason)
    left = int((decided["label"] == decided["left"]).sum())
    return _share(left, len(decided), label, confidence, decided["item"].nunique())


def side_bias(labels: Any, *, confidence: float = 0.95, label: str = "") -> SideBias:
    """Position bias of every annotator and of all together.

    Parameters
    ----------
    labels
        A label table with `left` and `right` (canonical letters).

    Notes
    -----
    All together is a beta-binomial model with annotators as random effects (see `shrinkage.shrink`): one annotator's
    thousand labels do not pass for the habit of all, and the interval is about annotators like these. Judgments of one
    annotator are taken as independent, which holds where sides are drawn anew for each showing.
    """
    decided = _decided(labels)
    reason = _confounded(decided)
    method = shrinkage.METHOD
    if reason or decided.empty:
        none = math.nan
        why = reason or "no decided choice with a known side"
        population = Estimate("p_left", none, none, none, 0, 0, 0, method, confidence, why, label)
        return SideBias(population, none, ())
    chosen = decided.assign(hit=decided["label"] == decided["left"])
    by = chosen.groupby("annotator", sort=True).agg(k=("hit", "sum"), n=("hit", "size"), items=("item", "nunique"))
    k, n = by["k"].to_numpy(dtype=np.int64), by["n"].to_numpy(dtype=np.int64)
    found = shrinkage.shrink(k, n, confidence=confidence)
    p_value = both_tails(k, n)
    adjusted = holm(p_value)
    counts = (int(decided["item"].nunique()), len(by), len(decided))
    caution = "" if len(by) > 2 else f"{len(by)} annotators: how far people differ is hardly known"
    population = Estimate(
        "p_left", found.mean, found.interval.low, found.interval.high, *counts, method, confidence, caution, label
    )
    each = []
    for at, name in enumerate(str(one) for one in by.index):
        items, labels_of = int(by["items"].iloc[at]), int(n[at])
        raw = _share(int(k[at]), labels_of, name, confidence, items)
        ends = (float(found.value[at]), float(found.low[at]), float(found.high[at]))
        drawn = Estimate("p_left", *ends, items, 1, labels_of, method, confidence, "", name)
        flagged = bool(adjusted[at] < 1 - confidence)
        each.append(Side(name, raw, drawn, float(p_value[at]), float(adjusted[at]), flagged))
    return SideBias(population, found.spread, tuple(each))


def both_tails(successes: NDArray[np.int64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Exact two-sided binomial p-values against one half."""
    fewer = np.minimum(successes, n - successes)
    found: NDArray[np.float64] = np.minimum(1.0, 2 * special.bdtr(fewer.astype(float), n, 0.5))
    return found


def _decided(labels: Any) -> pd.DataFrame:
    """Choices of a side, repeats included, where the source says what stood where."""
    if isinstance(labels, pd.DataFrame) and "annotator" not in labels:
        labels = labels.assign(annotator="")  # one annotator's rows need not name them
    table = rows(labels, ("left", "right"), ("flags",), repeats=True)
    decided = table[((table["label"] == table["left"]) | (table["label"] == table["right"])) & (table["left"] != "")]
    if "flags" in decided:
        # Some sources do not say what stood where; their `left` is only the canonical order.
        decided = decided[~decided["flags"].str.contains("order_unknown")]
    return decided


def _confounded(decided: pd.DataFrame) -> str:
    if decided["left"].nunique() != 1:
        return ""
    return f"{decided['left'].iloc[0]} always stood on the left, so side and quality cannot be told apart"


def _share(count: int, n: int, label: str, confidence: float, n_items: int | None = None) -> Estimate:
    items = n if n_items is None else n_items
    return proportion("p_left", count, n, n_items=items, n_annotators=1, confidence=confidence, label=label)
