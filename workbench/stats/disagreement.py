"""Where annotators disagree: items ranked by how far their labels are apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from workbench.stats.coding import encode, result_frame, votes

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "item": "object",
    "n_labels": "int64",
    "disagreement": "float64",
    "entropy": "float64",
    "votes": "object",
    "most": "object",
    "n_most": "int64",
}


def by_item(labels: Any) -> pd.DataFrame:
    """Items with two or more labels, most disputed first.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`.

    Returns
    -------
    DataFrame
        `item`; `n_labels`; `disagreement`, the share of label pairs that differ (0 to 1); `entropy` of the votes in
        bits, which separates a 2-2 split from 2-1-1; `votes`, a mapping label -> count with the largest first;
        `most`, the label with most votes, None when several have as many; `n_most`, its votes.
        Ties are broken by item id, so the order is the same on every machine.

    Examples
    --------
    >>> import pandas as pd
    >>> labels = pd.DataFrame({"item": [1, 1, 2, 2], "annotator": ["a", "b"] * 2, "label": ["A", "B", "A", "A"]})
    >>> by_item(labels)[["item", "disagreement", "votes"]].to_dict("records")
    [{'item': 1, 'disagreement': 1.0, 'votes': {'A': 1, 'B': 1}}, {'item': 2, 'disagreement': 0.0, 'votes': {'A': 2}}]
    """
    rows = []
    for item, count in votes(encode(labels)).items():
        n = sum(count.values())
        if n < 2:
            continue
        same = sum(c * (c - 1) for c in count.values()) / (n * (n - 1))
        entropy = -sum(c / n * math.log2(c / n) for c in count.values()) + 0.0
        most, top = leader(count)
        rows.append((item, n, 1 - same, entropy, count, most, top))
    ranked = result_frame(rows, COLUMNS)
    # The rows stand in the order of items, which a stable sort keeps, and items of several types could not be compared.
    return ranked.sort_values(["disagreement", "entropy"], ascending=False, ignore_index=True, kind="stable")


def leader(count: dict[Any, int]) -> tuple[Any, int]:
    """The label with most votes and its votes; None when several labels share the lead (alphabet decides nothing)."""
    top = max(count.values())
    leaders = [label for label, votes_for in count.items() if votes_for == top]
    return (leaders[0] if len(leaders) == 1 else None), top
