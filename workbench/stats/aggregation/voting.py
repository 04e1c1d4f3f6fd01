"""From several labels an item to one: majority vote, with ties said out loud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.stats.coding import encode, result_frame, votes
from workbench.stats.disagreement import leader

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "item": "object",
    "consensus_label": "object",
    "source": "object",
    "consensus_quality_score": "float64",
    "n_labels": "int64",
    "votes": "object",
}


def majority(labels: Any) -> pd.DataFrame:
    """The label with most votes for each item.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`.

    Returns
    -------
    DataFrame
        One row an item, sorted by item: `consensus_label` (None when two labels have as many votes), `source` in
        {unanimous, majority, unresolved}, `consensus_quality_score` (share of the item's labels that are the most
        frequent one; with one label 1.0, so read it beside `n_labels`), `n_labels`, `votes` (mapping label -> count).
    """
    rows = []
    for item, count in votes(encode(labels)).items():
        label, top = leader(count)
        total = sum(count.values())
        source = "unresolved" if label is None else "unanimous" if top == total else "majority"
        rows.append((item, label, source, top / total, total, count))
    return result_frame(rows, COLUMNS)
