"""How often each system beat each other, counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TableError
from workbench.stats.coding import result_frame
from workbench.stats.intervals import check_confidence, wilson
from workbench.stats.ranking.comparing import Compared, encode

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# Three arrays of systems x systems: 100 MB.
_MOST_SYSTEMS = 2_000


@dataclass(frozen=True)
class WinRates:
    """Wins and ties of every pair of systems.

    Attributes
    ----------
    names
        Systems by share won overall, best first: rows and columns of the arrays.
    wins, ties, n
        Shape (systems, systems): how often the row won against the column, how often neither, and comparisons.
    table
        One row for each ordered pair that was compared, and one with an empty `opponent` for each system against all:
        `system, opponent, win_rate, n_wins, n_ties, n_total, low, high`.
    method
        How rates and intervals were computed.
    warnings
        Comparisons that were left out.
    """

    names: tuple[str, ...]
    wins: NDArray[np.int64]
    ties: NDArray[np.int64]
    n: NDArray[np.int64]
    table: pd.DataFrame
    method: str
    warnings: tuple[str, ...]

    @property
    def rates(self) -> NDArray[np.float64]:
        """Win rate of the row against the column, shape (systems, systems); NaN where they were not compared."""
        with np.errstate(invalid="ignore"):
            return np.asarray((self.wins + self.ties / 2) / self.n)


def win_rates(comparisons: Any, *, confidence: float = 0.95) -> WinRates:
    """Win rate of every pair of systems and of each against all others, ties half, with Wilson intervals.

    Parameters
    ----------
    comparisons
        Any data frame with `a, b, winner`, or one encoded by `encode`.

    Raises
    ------
    TableError
        As `encode`; more than 2,000 systems.

    Notes
    -----
    Wilson's interval takes the comparisons as independent. With many annotators on one prompt it is too narrow, and
    with many ties too wide: `bradley_terry` resamples prompts. A rate against all depends on whom a system met.
    """
    check_confidence(confidence)
    coded = comparisons if isinstance(comparisons, Compared) else encode(comparisons, cluster=None)
    m = len(coded.names)
    if m > _MOST_SYSTEMS:
        raise TableError(
            f"{m:,} systems are more than {_MOST_SYSTEMS:,}: a table of every pair would have {m * m:,} cells",
            next_step="keep the systems with most comparisons",
        )
    key = (coded.first * m + coded.second) * 3 + coded.outcome
    first, second, tied = np.bincount(key, minlength=3 * m * m).reshape(m, m, 3).transpose(2, 0, 1)
    wins, ties = first + second.T, tied + tied.T
    n = wins + wins.T + ties
    share = (wins + ties / 2).sum(axis=1) / n.sum(axis=1)
    order = np.argsort(-share, kind="stable")
    names = [coded.names[k] for k in order]
    wins, ties, n = (array[np.ix_(order, order)] for array in (wins, ties, n))
    rows = [_row(name, "", wins[k].sum(), ties[k].sum(), n[k].sum(), confidence) for k, name in enumerate(names)]
    rows += [_row(names[i], names[j], wins[i, j], ties[i, j], n[i, j], confidence) for i, j in np.argwhere(n).tolist()]
    columns = {
        "system": "str",
        "opponent": "str",
        "win_rate": "float64",
        "n_wins": "int64",
        "n_ties": "int64",
        "n_total": "int64",
        "low": "float64",
        "high": "float64",
    }
    method = f"wins and half of the ties, {confidence:.0%} Wilson interval over single comparisons"
    return WinRates(tuple(names), wins, ties, n, result_frame(rows, columns), method, coded.notes)


def _row(system: str, opponent: str, wins: int, ties: int, n: int, confidence: float) -> tuple[Any, ...]:
    won = float(wins + ties / 2)
    low, high, _ = wilson(won, int(n), confidence) if n else (math.nan, math.nan, 0)
    return system, opponent, won / n if n else math.nan, int(wins), int(ties), int(n), low, high
