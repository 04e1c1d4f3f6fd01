"""Two annotators at a time: Cohen's kappa, weighted kappa, and every pair of a table at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.agreement.formulas import MOST_COMPARED, Weights, losses, ratio, refuse
from workbench.stats.coding import Coded, encode
from workbench.stats.intervals import check_resampling
from workbench.stats.patterns import Patterns
from workbench.stats.resampling import Kind, Statistic, estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.estimate import Estimate

    Floats = NDArray[np.float64]

# A matrix of so many annotators is a picture nobody reads; the table of pairs stays.
MOST_SHOWN = 200
# With more pairs than this, intervals for each would take minutes and invite picking the extreme ones.
MOST_INTERVALS = 300
# More pairs of labels than this take gigabytes to list.
MOST_MET = 20_000_000
# Numbers held at once, near 64 MB.
_CELLS = 8_000_000


@dataclass(frozen=True)
class PairwiseKappa:
    """Kappa of every two annotators who share an item.

    `table` has one row a pair, sorted: `a`, `b`, `n_items` both judged, `agreement` (share of equal labels), `kappa`
    (NaN where both gave one label only), `low`, `high`. `annotators` are all annotators of the label
    table, by the names they have there.
    """

    table: pd.DataFrame
    annotators: tuple[Any, ...]
    method: str
    confidence: float

    def matrix(self) -> tuple[list[list[float]], list[list[int]]]:
        """Kappa and items shared, each annotators x annotators; the form `figures.agreement.matrix` draws.

        Raises
        ------
        TableError
            With more than `MOST_SHOWN` annotators.
        """
        n = len(self.annotators)
        if n > MOST_SHOWN:
            raise TableError(
                f"a matrix of {n} annotators cannot be read (at most {MOST_SHOWN})",
                next_step="choose some: labels[labels.annotator.isin([...])], or sort .table",
            )
        place = {name: k for k, name in enumerate(self.annotators)}
        kappa, counts = np.full((n, n), np.nan), np.zeros((n, n), dtype=int)
        rows, columns = (np.asarray([place[one] for one in self.table[side]], dtype=int) for side in ("a", "b"))
        for x, y in ((rows, columns), (columns, rows)):
            kappa[x, y] = self.table["kappa"]
            counts[x, y] = self.table["n_items"]
        return kappa.tolist(), counts.tolist()


def cohen_kappa(
    labels: Any,
    a: Any = None,
    b: Any = None,
    *,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind = "percentile",
    label: str = "",
) -> Estimate:
    """Cohen's kappa of two annotators over the items both labelled (Cohen 1960).

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`.
    a, b
        The two annotators, as they are named in the table; not needed when it has exactly two.

    Raises
    ------
    TableError
        More than two annotators and no names, a name that is not in the table, or the same name twice.
    """
    coded = encode(labels)
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "interval": interval}
    return _kappa("cohen_kappa", coded, (a, b), "nominal", "Cohen's kappa", label, how)


def weighted_kappa(
    labels: Any,
    a: Any = None,
    b: Any = None,
    *,
    weights: Weights = "quadratic",
    categories: Sequence[Any] | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind = "percentile",
    label: str = "",
) -> Estimate:
    """Weighted kappa of two annotators, aligned by item (Cohen 1968).

    Parameters
    ----------
    weights
        `linear` or `quadratic` in the numbers (or in the positions of `categories`).
    categories
        Order of the labels, needed for text.
    """
    coded = encode(labels, "ordinal", categories)
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "interval": interval}
    return _kappa("weighted_kappa", coded, (a, b), weights, f"{weights} kappa", label, how)


def pairwise_kappa(
    labels: Any,
    *,
    weights: Weights = "nominal",
    categories: Sequence[Any] | None = None,
    n_resamples: int = 1_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairwiseKappa:
    """Kappa of every two annotators who share an item, in one pass over the labels.

    Parameters
    ----------
    weights
        `nominal` is Cohen's kappa; `linear` and `quadratic` are weighted kappa.
    n_resamples
        For the interval of each pair (items resampled); with more than `MOST_INTERVALS` pairs there are none.

    Returns
    -------
    PairwiseKappa
        `.table` with one row a pair, `.matrix()` for a picture.
    """
    check_resampling(n_resamples, confidence, seed)
    coded = encode(labels, "nominal" if weights == "nominal" else "ordinal", categories)
    cells = pair_cells(coded)
    pair, of_pair = np.unique(cells["pair"].to_numpy(), return_inverse=True)
    n_pairs = len(pair)
    count = cells["n"].to_numpy(dtype=float)
    first, second, used = _used(cells["first"].to_numpy(), cells["second"].to_numpy())
    lost = _losses(coded, used, weights)

    def total(values: Floats) -> Floats:
        return np.bincount(of_pair, weights=values, minlength=n_pairs).astype(float)

    n = total(count)
    width = max(len(used), 1)
    rows = sparse.csr_matrix((count, (of_pair, first)), shape=(n_pairs, width))
    columns = sparse.csr_matrix((count, (of_pair, second)), shape=(n_pairs, width))
    if lost is None:
        observed = total(count * (first != second))
        expected = n**2 - np.asarray(rows.multiply(columns).sum(axis=1)).ravel()
    else:
        observed = total(count * lost[first, second])
        step = max(1, _CELLS // width)
        parts = [columns[k : k + step].multiply(rows[k : k + step] @ lost).sum(axis=1) for k in range(0, n_pairs, step)]
        expected = np.concatenate([np.asarray(part).ravel() for part in parts]) if parts else np.zeros(0)
    low, high = np.full(n_pairs, np.nan), np.full(n_pairs, np.nan)
    if 0 < n_pairs <= MOST_INTERVALS and n_resamples:
        for k in range(n_pairs):
            mine = of_pair == k
            made = _cells_estimate(
                first[mine], second[mine], count[mine], lost, n_resamples=n_resamples, confidence=confidence, seed=seed
            )
            low[k], high[k] = made.low, made.high
    names = names_of(coded)
    n_annotators = max(len(names), 1)
    table = pd.DataFrame(
        {
            "a": [names[k] for k in (pair // n_annotators).tolist()],
            "b": [names[k] for k in (pair % n_annotators).tolist()],
            "n_items": n.astype(np.int64),
            "agreement": total(count * (first == second)) / n,
            "kappa": 1 - ratio(observed * n, expected),
            "low": low,
            "high": high,
        }
    )
    told = f"bootstrap over shared items ({n_resamples} resamples, seed {seed})" if n_pairs <= MOST_INTERVALS else ""
    method = f"{weights} kappa of each pair" + (f"; {told}" if told else f"; {n_pairs} pairs, no intervals")
    return PairwiseKappa(table, tuple(names), method, confidence)


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
    found, n = np.unique(np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64), return_counts=True)
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


def _kappa(
    name: str, coded: Coded, two: tuple[Any, Any], weights: Weights, said: str, label: str, how: dict[str, Any]
) -> Estimate:
    names, places = names_of(coded), _two(coded, *two)
    method = f"{said} of {names[places[0]]} and {names[places[1]]}"
    table = np.full((2, len(coded.items)), -1, dtype=np.int64)
    for row, one in enumerate(places):
        mine = coded.annotator == one
        table[row, coded.item[mine]] = coded.value[mine]
    both = (table >= 0).all(axis=0)
    width = max(coded.n_categories, 1)
    used, count = np.unique(table[0, both] * width + table[1, both], return_counts=True)
    first, second, seen = _used(used // width, used % width)
    lost = _losses(coded, seen, weights)
    return _cells_estimate(first, second, count, lost, name=name, coded=coded, method=method, label=label, **how)


def _cells_estimate(
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


def _used(
    first: NDArray[np.int64], second: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The labels of cells as positions among those that occur, and which these are."""
    used, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    return places[: len(first)], places[len(first) :], used


def _losses(coded: Coded, used: NDArray[np.int64], weights: Weights) -> Floats | None:
    """Disagreement between the categories that occur; None for nominal, which needs no matrix."""
    if weights == "nominal":
        return None
    if len(used) > MOST_COMPARED:
        refuse(len(used), f"{weights} kappa")
    numbers = coded.numbers if coded.numbers is not None else np.arange(coded.n_categories, dtype=float)
    return losses(numbers[used], weights, used)


def names_of(coded: Coded) -> list[Any]:
    """The annotators as the table names them, in the order of their codes."""
    return pd.Series(coded.annotators).tolist()


def _two(coded: Coded, a: Any, b: Any) -> tuple[int, int]:
    """Codes of two annotators given by their names, or of the only two there are."""
    names = names_of(coded)
    if a is None or b is None:
        if len(names) != 2:
            raise TableError(
                f"Cohen's kappa is for two annotators, the table has {len(names)}",
                next_step="name two: cohen_kappa(labels, 'ana', 'ben'), or use fleiss_kappa or krippendorff_alpha",
            )
        return 0, 1
    place = {name: k for k, name in enumerate(names)}
    for name in (a, b):
        if name not in place:
            raise TableError(f"no annotator {name!r}; the table has {names[:12]}")
    if place[a] == place[b]:
        raise TableError(
            f"{a!r} cannot be set against themself",
            next_step="name two; for repeats see stats.annotators.self_agreement",
        )
    return place[a], place[b]
