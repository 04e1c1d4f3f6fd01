"""What a ranking is: every system with rating, interval and possible ranks, and what the numbers rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.stats.coding import result_frame

if TYPE_CHECKING:
    import pandas as pd

    from workbench.stats.estimate import Estimate


@dataclass(frozen=True)
class System:
    """One system of a ranking.

    Attributes
    ----------
    rating
        Log-odds on the ranking's scale. Its `n_items` counts the units resampled (prompts) in which the system was
        compared, `n_labels` its comparisons, `n_annotators` is 0 where the table names no annotators.
    rank
        1 for the highest rating.
    best_rank, worst_rank
        The ranks that the comparisons leave open; None where there are no intervals.
    """

    system: str
    rating: Estimate
    rank: int
    best_rank: int | None
    worst_rank: int | None
    n_wins: int
    n_ties: int
    n_losses: int


@dataclass(frozen=True)
class Ranking:
    """Systems ranked by pairwise comparisons.

    Attributes
    ----------
    systems
        Highest rating first.
    scale
        What a rating is. A difference of two is the log-odds that one wins against the other: with ties half
        (`bradley_terry`), among comparisons that are no ties (`davidson`), or before ties are made (`rao_kupper`). So
        ratings of two models are not to be mixed.
    win_probability
        Probability that the system of the row is preferred to that of the column, a tie counting half and neither
        standing on the left; NaN on the diagonal.
    ties
        The tie parameter of `rao_kupper` (theta, 1 or more) or `davidson` (nu, 0 or more), else None.
    position
        Advantage of the left in log-odds, None unless asked for.
    style
        One coefficient a covariate: change in log-odds for one standard deviation more of the difference.
    without_style
        The same ranking without control for style, None where style was not asked for.
    log_likelihood
        At the fit, without the prior. Of Bradley-Terry with ties half it is a quasi-likelihood.
    warnings
        What to beware of: systems that never lost, groups that no comparison joins, comparisons left out.
    """

    systems: tuple[System, ...]
    scale: str
    win_probability: pd.DataFrame
    ties: Estimate | None
    position: Estimate | None
    style: tuple[Estimate, ...]
    without_style: Ranking | None
    log_likelihood: float
    n_comparisons: int
    n_ties: int
    method: str
    warnings: tuple[str, ...]
    label: str = ""

    @property
    def names(self) -> list[str]:
        """The systems from best to worst."""
        return [one.system for one in self.systems]

    def rating(self, system: str) -> Estimate:
        """The rating of one system; KeyError names the systems there are."""
        for one in self.systems:
            if one.system == system:
                return one.rating
        msg = f"no system {system!r}; there are {self.names}"
        raise KeyError(msg)

    @property
    def table(self) -> pd.DataFrame:
        """One row a system, best first."""
        columns = {
            "system": "str",
            "rating": "float64",
            "low": "float64",
            "high": "float64",
            "rank": "int64",
            "best_rank": "Int64",
            "worst_rank": "Int64",
            "n_comparisons": "int64",
            "n_wins": "int64",
            "n_ties": "int64",
            "n_losses": "int64",
        }
        rows = [
            (
                one.system,
                one.rating.value,
                one.rating.low,
                one.rating.high,
                one.rank,
                one.best_rank,
                one.worst_rank,
                one.rating.n_labels,
                one.n_wins,
                one.n_ties,
                one.n_losses,
            )
            for one in self.systems
        ]
        return result_frame(rows, columns)

    def __str__(self) -> str:
        lines = [f"{self.label or 'ranking'} ({self.scale}; {self.n_comparisons} comparisons; {self.method})"]
        for one in self.systems:
            ranks = "" if one.best_rank is None else f", rank {one.best_rank} to {one.worst_rank}"
            interval = f"[{one.rating.low:.3f}, {one.rating.high:.3f}]"
            lines.append(f"{one.rank}. {one.system} {one.rating.value:.3f} {interval}{ranks}")
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])
