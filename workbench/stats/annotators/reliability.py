"""Intra-annotator reliability: whether somebody answers a hidden repeat as the first time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.stats.agreement import krippendorff_alpha
from workbench.stats.intervals import difference_of_shares, proportion
from workbench.stats.reading import rows

if TYPE_CHECKING:
    from workbench.stats.coding import Level
    from workbench.stats.estimate import Estimate


@dataclass(frozen=True)
class Repeats:
    """How consistent somebody is with themself.

    Attributes
    ----------
    percent
        Share of repeats answered as the first time.
    alpha
        The same beyond chance: Krippendorff's alpha of first and second answer; the interval resamples repeats.
    same_side, swapped
        `percent` where both showings had the same response on the left, and where the sides were swapped.
    swap_effect
        `swapped` minus `same_side`: below 0 where the side moves answers.
    """

    percent: Estimate
    alpha: Estimate
    same_side: Estimate
    swapped: Estimate
    swap_effect: Estimate


def self_agreement(labels: Any, *, confidence: float = 0.95, label: str = "") -> Estimate:
    """Share of hidden repeats that an annotator answered as the first time (intra-annotator reliability)."""
    return _percent("self_agreement", pairs_of_looks(labels), confidence, label)


def repeats(
    labels: Any,
    level: Level = "nominal",
    *,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Repeats:
    """Self-agreement in percent and beyond chance, and what swapping the sides does to it.

    Parameters
    ----------
    labels
        One annotator's rows or everybody's; an annotator's repeat is compared with their own first answer.
    level
        Level of measurement, for alpha.
    """
    both = pairs_of_looks(labels)
    looks = pd.concat(
        [
            pd.DataFrame({"item": both.index, "annotator": look, "label": both[f"label_{look}"]})
            for look in ("first", "again")
        ],
        ignore_index=True,
    )
    alpha = krippendorff_alpha(
        looks, level, n_resamples=n_resamples, confidence=confidence, seed=seed, label=label or "beyond chance"
    )
    if both.empty:
        alpha = replace(alpha, reason="no hidden repeats")
    if "left_first" in both:
        known = both[(both["left_first"] != "") & (both["left_again"] != "")]
        turned = known["left_first"] != known["left_again"]
        same, swapped = known[~turned], known[turned]
    else:
        same = swapped = both.iloc[:0]
    return Repeats(
        _percent("self_agreement", both, confidence, label),
        alpha,
        _percent("self_agreement", same, confidence, "same side"),
        _percent("self_agreement", swapped, confidence, "sides swapped"),
        difference_of_shares(
            "swap_effect", (_hits(same), len(same)), (_hits(swapped), len(swapped)), confidence=confidence,
            label="swapped minus same side",
        ),
    )  # fmt: skip


def pairs_of_looks(labels: Any) -> pd.DataFrame:
    """Each hidden repeat beside the first answer: columns end in `_first` and `_again`."""
    table = rows(labels, (), ("left",), repeats=True)
    first = table[~table["is_repeat"]].drop_duplicates(["annotator", "item"])
    again = table[table["is_repeat"]].drop_duplicates(["annotator", "item"])
    return again.merge(first, on=["annotator", "item"], suffixes=("_again", "_first"))


def _hits(both: pd.DataFrame) -> int:
    return int((both["label_again"] == both["label_first"]).sum())


def _percent(name: str, both: pd.DataFrame, confidence: float, label: str) -> Estimate:
    n, people = len(both), int(both["annotator"].nunique())
    items = int(both["item"].nunique())
    return proportion(
        name, _hits(both), n, n_items=items, n_annotators=max(people, 1), confidence=confidence, label=label
    )
