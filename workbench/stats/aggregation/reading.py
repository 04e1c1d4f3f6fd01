"""What every model reads: labels as codes, checked once, and the items whose answer is known."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TableError
from workbench.stats.coding import encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from workbench.stats.coding import Coded, Level

    Floats = NDArray[np.float64]

# annotators x classes x classes, and items x classes: 200 and 800 MB of floats.
_MOST_CONFUSION_CELLS = 25_000_000
_MOST_POSTERIOR_CELLS = 100_000_000


@dataclass(frozen=True)
class Clamp:
    """Items whose class is known, in ascending order."""

    item: NDArray[np.int64]
    label: NDArray[np.int64]

    def on(self, posterior: Floats) -> None:
        """Put certainty on the known classes, in place."""
        posterior[:, self.item] = 0.0
        posterior[self.label, self.item] = 1.0

    def within(self, place: slice) -> Clamp:
        """Those in a block of items, counted from its start."""
        low, high = np.searchsorted(self.item, [place.start, place.stop])
        return Clamp(self.item[low:high] - place.start, self.label[low:high])

    def flags(self, n_items: int) -> NDArray[np.bool_]:
        """One flag an item."""
        marked = np.zeros(n_items, dtype=bool)
        marked[self.item] = True
        return marked


def prepare(
    labels: Any, gold: Mapping[Any, Any] | None, categories: Sequence[Any] | None, level: Level = "nominal"
) -> tuple[Coded, Clamp]:
    """Read and check what every model is given.

    Raises
    ------
    TableError
        No labels; one class only; nothing that ties annotators to each other or to gold; more classes than fit in
        memory; gold outside the classes, or about none of the items.
    """
    coded = encode(labels, level, categories)
    if not len(coded.item):
        raise TableError("no labels to aggregate", next_step="look at the filters the table went through")
    clamp = _clamp(coded, gold)
    _check_size(coded)
    seen = np.bincount(coded.value, minlength=coded.n_categories) > 0
    seen[clamp.label] = True
    if seen.sum() < 2:
        raise TableError(
            f"all labels are {coded.categories[int(coded.value[0])]!r}, so a model has nothing to tell apart",
            next_step="aggregation.majority(labels) names the label; no model can say how sure it is",
        )
    overlap = (np.bincount(coded.item, minlength=len(coded.items)) > 1).any()
    if not overlap and not clamp.flags(len(coded.items))[coded.item].any():
        n = len(np.unique(coded.annotator))
        raise TableError(
            f"no item has labels of two annotators ({n} in the table), so nobody's accuracy can be told",
            next_step="collect a second label on some items, or give known answers: gold={item: label}",
        )
    return coded, clamp


def _clamp(coded: Coded, gold: Mapping[Any, Any] | None) -> Clamp:
    none = np.zeros(0, dtype=np.int64)
    if gold is None:
        return Clamp(none, none)
    place = {item: index for index, item in enumerate(coded.items.tolist())}
    known = {place[item]: label for item, label in gold.items() if item in place}
    if not known:
        raise TableError(
            f"none of the {len(gold)} gold items is in the table", next_step="gold={item: label}, with the table's ids"
        )
    position = {category: index for index, category in enumerate(coded.categories)}
    strangers = [label for label in known.values() if not isinstance(label, Hashable) or label not in position]
    if strangers:
        raise TableError(
            f"gold answers {[str(s)[:40] for s in strangers[:5]]} are not among the labels {coded.categories[:12]}",
            next_step="pass categories=[...] with all labels there may be",
        )
    ordered = sorted(known)
    return Clamp(
        np.asarray(ordered, dtype=np.int64),
        np.asarray([position[known[index]] for index in ordered], dtype=np.int64),
    )


def _check_size(coded: Coded) -> None:
    k, n, a = coded.n_categories, len(coded.items), len(coded.annotators)
    if a * k * k > _MOST_CONFUSION_CELLS or n * k > _MOST_POSTERIOR_CELLS:
        raise TableError(
            f"{k:,} categories are too many for a model: confusion takes {a:,} x {k:,} x {k:,} numbers, the posterior "
            f"{n:,} x {k:,}",
            next_step="merge rare labels, or count votes: aggregation.majority(labels)",
        )
