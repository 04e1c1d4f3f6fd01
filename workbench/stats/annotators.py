"""What each annotator's labels say about how they work: side, consistency, pace. Suggestions, never exclusions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench import tables
from workbench.stats.intervals import proportion

if TYPE_CHECKING:
    import pandas as pd

    from workbench.stats.estimate import Estimate


@dataclass(frozen=True)
class AnnotatorSummary:
    """One annotator at a glance. `p_left` is of decided choices; `self_agreement` of hidden side-swapped repeats."""

    annotator: str
    source: str
    n_labels: int
    tie_share: Estimate
    p_left: Estimate
    self_agreement: Estimate
    median_seconds: float


def summarise(labels: pd.DataFrame, *, confidence: float = 0.95) -> list[AnnotatorSummary]:
    """One summary an annotator, sorted by name.

    Parameters
    ----------
    labels
        A label table (`tables.LABELS`). Where it has an overall question, rows of single criteria are passed over.
        Ties and sides are counted among labels of pairs only.
    """
    tables.require(labels, [*tables.NEEDED, "source", "left", "right", "is_repeat", "duration_s"])
    overall = labels
    if "criterion" in labels and (labels["criterion"] == "").any():
        overall = labels[labels["criterion"] == ""]
    found = []
    for name, mine in overall.groupby("annotator", sort=True):
        first = mine[~mine["is_repeat"]]
        pairs = first[first["left"] != ""]
        seconds = mine["duration_s"].dropna().astype(float)
        found.append(
            AnnotatorSummary(
                str(name),
                "+".join(sorted(mine["source"].unique())),
                len(first),
                _share("tie_share", int((pairs["label"] == "tie").sum()), len(pairs), str(name), confidence),
                p_left(mine, confidence=confidence, label=str(name)),
                self_agreement(mine, confidence=confidence, label=str(name)),
                float(seconds.median()) if len(seconds) else math.nan,
            )
        )
    return found


def p_left(labels: pd.DataFrame, *, confidence: float = 0.95, label: str = "") -> Estimate:
    """Share of decided choices that fell on the response shown on the left; .5 without position bias.

    With sides balanced by the plan, quality cancels out and what is left is habit. Wilson interval over judgments of
    this table; repeats count, being further looks at a swapped screen. Where the same response always stood on the
    left, side and quality cannot be told apart, and the result is NaN with that reason.
    """
    decided = labels[(labels["label"] == labels["left"]) | (labels["label"] == labels["right"])]
    decided = decided[decided["left"] != ""]
    if "flags" in decided:
        # Some sources do not say what stood where; their `left` is only the canonical order.
        decided = decided[~decided["flags"].str.contains("order_unknown")]
    if decided["left"].nunique() == 1:
        always = f"{decided['left'].iloc[0]} always stood on the left, so side and quality cannot be told apart"
        return replace(_share("p_left", 0, 0, label, confidence), n_items=decided["item"].nunique(), reason=always)
    left = int((decided["label"] == decided["left"]).sum())
    return _share("p_left", left, len(decided), label, confidence, decided["item"].nunique())


def self_agreement(labels: pd.DataFrame, *, confidence: float = 0.95, label: str = "") -> Estimate:
    """Share of hidden repeats that an annotator answered as the first time (intra-annotator reliability)."""
    first = labels[~labels["is_repeat"]].drop_duplicates(["annotator", "item"])
    again = labels[labels["is_repeat"]].drop_duplicates(["annotator", "item"])
    both = again.merge(first, on=["annotator", "item"], suffixes=("_again", "_first"))
    same = int((both["label_again"] == both["label_first"]).sum())
    return _share("self_agreement", same, len(both), label, confidence)


def _share(name: str, count: int, n: int, label: str, confidence: float, n_items: int | None = None) -> Estimate:
    items = n if n_items is None else n_items
    return proportion(name, count, n, n_items=items, n_annotators=1, confidence=confidence, label=label)
