"""How often two annotators gave two labels on the same item, and kappa as a function of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.agreement.formulas import MOST_COMPARED, Weights, losses, ratio, refuse
from workbench.stats.patterns import Patterns
from workbench.stats.resampling import Statistic, estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.coding import Coded
    from workbench.stats.estimate import Estimate

    Floats = NDArray[np.float64]

# More pairs of labels than this take gigabytes to list.
MOST_MET = 20_000_000
# Up to so many possible cells they are counted in one pass instead of sorted.
_FEW_KEYS = 2**20


def pair_cells(coded: Coded) -> pd.DataFrame:
    """How often each two annotators gave each two labels on the same item: `pair, first, second, n`.

    `pair` is first annotator x number of annotators + second annotator, the first being the earlier in the codes.
    """
    n_met = pairs_of_labels(coded)
    if n_met > MOST_MET:
        raise TableError(
            f"{n_met:,} pairs of labels on the same item are too many to list (at most {MOST_MET:,})",
            next_step="take fewer annotators or a sample of items; krippendorff_alpha needs no pairs",
        )
    order = np.argsort(coded.item, kind="stable")
    item, annotator, value = coded.item[order], coded.annotator[order], coded.value[order]
    people, labels = np.arange(len(coded.annotators)), np.arange(coded.n_categories)
    if len(people) ** 2 * len(labels) ** 2 >= 2**63:
        # A key of all four must fit 63 bits; names and labels that do not occur take no room in it.
        people, annotator = np.unique(annotator, return_inverse=True)
        labels, value = np.unique(value, return_inverse=True)
    n_people, n_labels = len(people), len(labels)
    if n_people**2 * n_labels**2 >= 2**63:
        raise TableError(
            f"{n_people:,} annotators with {n_labels:,} different labels are too many to compare in pairs",
            next_step="take fewer annotators",
        )
    keys = []
    most = int(np.bincount(item).max(initial=0))
    # Rows of an item stand together, so at lag k each row meets the one k places on; all pairs after `most` lags.
    for lag in range(1, most):
        met = np.flatnonzero(item[lag:] == item[:-lag])
        x, y = met, met + lag
        swapped = annotator[x] > annotator[y]
        x, y = np.where(swapped, y, x), np.where(swapped, x, y)
        keys.append(((annotator[x] * n_people + annotator[y]) * n_labels + value[x]) * n_labels + value[y])
    every = np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)
    if n_people**2 * n_labels**2 <= max(_FEW_KEYS, len(every)):
        n = np.bincount(every)
        found = np.flatnonzero(n)
        n = n[found]
    else:
        found, n = np.unique(every, return_counts=True)
    two, cell = np.divmod(found, max(n_labels, 1) ** 2)
    a, b = np.divmod(two, max(n_people, 1))
    one, other = np.divmod(cell, max(n_labels, 1))
    return pd.DataFrame(
        {
            "pair": people[a] * max(len(coded.annotators), 1) + people[b],
            "first": labels[one],
            "second": labels[other],
            "n": n.astype(np.int64),
        }
    )


def pairs_of_labels(coded: Coded) -> int:
    """How many pairs of labels stand on the same item."""
    size = np.bincount(coded.item)
    return int((size * (size - 1)).sum()) // 2


def cells_estimate(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    count: NDArray[Any],
    lost: Floats | None,
    *,
    name: str = "kappa",
    coded: Coded | None = None,
    method: str = "",
    label: str = "",
    **how: Any,
) -> Estimate:
    """Kappa of one pair from its cells: a cell is a pattern, so the same bootstrap over items serves."""
    n, width = int(count.sum()), int(max(first.max(initial=0), second.max(initial=0))) + 1
    places = np.arange(len(first))
    in_row = sparse.csr_matrix((np.ones(len(first)), (places, first)), shape=(len(first), width))
    in_column = sparse.csr_matrix((np.ones(len(first)), (places, second)), shape=(len(first), width))
    p = Patterns(
        in_row + in_column,
        np.asarray(count, dtype=np.int64),
        np.full(len(first), 2.0),
        coded.categories if coded else [],
        None,
        n,
        2 * n,
        2,
    )
    return estimate(
        name, p, _kappa_statistic(first, second, in_row, in_column, lost), method=method, label=label, **how
    )


def _kappa_statistic(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    in_row: sparse.csr_matrix,
    in_column: sparse.csr_matrix,
    lost: Floats | None,
) -> Statistic:
    """1 - observed / expected disagreement, from cell weights; two labels are equal or not where `lost` is None."""
    missed = (first != second).astype(float) if lost is None else lost[first, second]

    def statistic(weight: Floats) -> Floats:
        total = weight.sum(axis=1)
        row, column = (in_row.T @ weight.T).T, (in_column.T @ weight.T).T
        if lost is None:
            expected = total**2 - np.einsum("rk,rk->r", row, column)
        else:
            expected = np.einsum("rk,rk->r", row @ lost, column)
        return 1 - ratio((weight @ missed) * total, expected)

    return statistic


def places_among(
    first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The labels of cells as positions among those that occur, and which these are."""
    used, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    return places[: len(first)], places[len(first) :], used


def losses_of(coded: Coded, used: NDArray[np.int64], weights: Weights) -> Floats | None:
    """Disagreement between the categories that occur; None for nominal, which needs no matrix."""
    if weights == "nominal":
        return None
    if len(used) > MOST_COMPARED:
        refuse(len(used), f"{weights} kappa")
    numbers = coded.numbers if coded.numbers is not None else np.arange(coded.n_categories, dtype=float)
    return losses(numbers[used], weights, used)
