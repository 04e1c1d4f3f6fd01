"""Two annotators at a time: Cohen's kappa, weighted kappa, and every pair of a table at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.agreement.cells import cells_estimate, losses_of, pair_cells, places_among
from workbench.stats.agreement.formulas import Weights, ratio
from workbench.stats.coding import Coded, encode
from workbench.stats.intervals import check_resampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.estimate import Estimate
    from workbench.stats.resampling import Kind

    Floats = NDArray[np.float64]

# A matrix of so many annotators is a picture nobody reads; the table of pairs stays.
MOST_SHOWN = 200
# With more pairs than this, intervals for each would take minutes and invite picking the extreme ones.
MOST_INTERVALS = 300
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
    first, second, used = places_among(cells["first"].to_numpy(), cells["second"].to_numpy())
    lost = losses_of(coded, used, weights)

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
            made = cells_estimate(
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
    first, second, seen = places_among(used // width, used % width)
    lost = losses_of(coded, seen, weights)
    return cells_estimate(first, second, count, lost, name=name, coded=coded, method=method, label=label, **how)


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
