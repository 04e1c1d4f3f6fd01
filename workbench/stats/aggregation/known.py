"""How often labels differ from answers that are known: the flip rate that errors shared by all cannot hide from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TableError
from workbench.stats.coding import select
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import FEWEST, check_resampling, percentile, proportion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def gold_flip_rate(
    labels: Any,
    gold: Mapping[Any, Any],
    *,
    ties: Sequence[Any] = ("tie", "both_bad"),
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """Share of labels on items with a known answer that name another one.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`; or one row an item, to ask how often a decision is wrong. Items
        that are not in `gold` are passed over.
    gold
        item -> known label. Items whose known label is one of `ties` are passed over.
    ties
        Labels that take no side; they are left out, and counted in `reason`.

    Returns
    -------
    Estimate
        `epsilon`, over all labels. The interval resamples items; with one label an item it is Wilson's. Gold that was
        chosen because it is clear is easier than other items, and its flip rate lower than theirs.

    Raises
    ------
    TableError
        `ties` that is one text; see `workbench.stats.coding.select`.
    ValueError
        See `intervals.check_resampling`.
    """
    check_resampling(n_resamples, confidence, seed)
    if isinstance(ties, str):
        raise TableError(f"ties must be a list of labels, got {ties!r}", next_step=f"ties=({ties!r},)")
    table = select(labels).dropna(subset=["label"])
    known = {item: answer for item, answer in gold.items() if answer not in ties}
    asked = table[table["item"].isin(list(known))]
    sided = asked[~asked["label"].isin(list(ties))]
    left_out = len(asked) - len(sided)
    caution = f"{left_out} labels without a side left out" if left_out else ""
    wrong = np.asarray(
        [one != known[item] for item, one in zip(sided["item"], sided["label"], strict=True)], dtype=bool
    )
    _, place = np.unique(sided["item"].to_numpy(dtype=str), return_inverse=True)
    n = np.bincount(place) if len(place) else np.zeros(0, dtype=np.int64)
    bad = np.bincount(place, weights=wrong) if len(place) else np.zeros(0)
    n_people = int(sided["annotator"].nunique())

    def result(value: float, low: float, high: float, method: str, reason: str) -> Estimate:
        told = "; ".join(part for part in (reason, caution) if part)
        return Estimate("epsilon", value, low, high, len(n), n_people, len(sided), method, confidence, told, label)

    how = "share of labels that differ from gold"
    if not len(n):
        return result(math.nan, math.nan, math.nan, how, "no label with a side on an item with a known answer")
    value = float(bad.sum() / n.sum())
    if n.max() == 1:
        ends = proportion("epsilon", int(bad.sum()), len(n), n_items=len(n), n_annotators=1, confidence=confidence)
        return result(value, ends.low, ends.high, f"{how}, Wilson score interval", "")
    if len(n) < FEWEST or not n_resamples:
        few = f"{len(n)} items: too few for an interval" if n_resamples else ""
        return result(value, math.nan, math.nan, how, few)
    rng = np.random.default_rng(seed)
    drawn = np.empty(n_resamples)
    for k in range(n_resamples):  # one at a time: no array of all resamples
        chosen = rng.integers(0, len(n), size=len(n))
        drawn[k] = bad[chosen].sum() / n[chosen].sum()
    low, high, _ = percentile(drawn, confidence)
    hidden = 1 - (1 - confidence) ** (1 / len(n))
    alike = f"every resample has the same value, so no real interval: up to {hidden:.0%} of items may still differ"
    method = f"{how}; percentile bootstrap over items ({n_resamples} resamples, seed {seed})"
    return result(value, low, high, method, alike if high == low else "")
