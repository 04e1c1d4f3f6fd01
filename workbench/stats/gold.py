"""Error on items whose answer is known, per annotator, with the interval a handful of items deserves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import TableError
from workbench.stats.coding import select
from workbench.stats.intervals import proportion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.stats.estimate import Estimate


def error_rates(labels: Any, gold: Mapping[str, Any], *, confidence: float = 0.95) -> list[Estimate]:
    """Share of gold items each annotator answered wrongly, with a Wilson interval.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`; items that are not in `gold` are passed over.
    gold
        item -> known label.

    Returns
    -------
    list
        One `Estimate` an annotator who has labels, named by the annotator, sorted by name. An annotator without a gold
        item is there with NaN and the reason.

    Raises
    ------
    TableError
        When `gold` names no item at all.
    """
    if not gold:
        raise TableError("no gold answers given", next_step="pass gold={item: label}, or leave the gold table out")
    table = select(labels)
    known = table[table["item"].isin(list(gold))]
    wrong = known["label"].to_numpy() != known["item"].map(dict(gold)).to_numpy()
    results = []
    for name in sorted(table["annotator"].unique()):
        mine = (known["annotator"] == name).to_numpy()
        n = int(mine.sum())
        results.append(
            proportion(
                "gold_error",
                int(wrong[mine].sum()),
                n,
                n_items=n,
                n_annotators=1,
                confidence=confidence,
                label=str(name),
            )
        )
    return results
