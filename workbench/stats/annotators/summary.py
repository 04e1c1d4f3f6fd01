"""Each annotator at a glance: ties, side, consistency, pace. Suggestions, never exclusions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import tables
from workbench.stats.annotators.reliability import self_agreement
from workbench.stats.annotators.sides import p_left
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
    overall = overall.drop(columns="criterion", errors="ignore")
    found = []
    for name, mine in overall.groupby("annotator", sort=True):
        first = mine[~mine["is_repeat"]]
        pairs = first[first["left"] != ""]
        ties = int((pairs["label"] == "tie").sum())
        seconds = mine["duration_s"].dropna().astype(float)
        found.append(
            AnnotatorSummary(
                str(name),
                "+".join(sorted(mine["source"].unique())),
                len(first),
                proportion(
                    "tie_share",
                    ties,
                    len(pairs),
                    n_items=len(pairs),
                    n_annotators=1,
                    confidence=confidence,
                    label=str(name),
                ),
                p_left(mine, confidence=confidence, label=str(name)),
                self_agreement(mine, confidence=confidence, label=str(name)),
                float(seconds.median()) if len(seconds) else math.nan,
            )
        )
    return found
