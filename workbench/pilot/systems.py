"""The models behind a pilot's responses, ranked by the preferences between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.errors import PilotError
from workbench.pilot import measures
from workbench.pilot.views import Shown, number
from workbench.stats import ranking as stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from plotly.graph_objects import Figure

    from workbench.pilot.opening import Pilot

Model = Literal["bradley_terry", "rao_kupper", "davidson"]


@dataclass(frozen=True, repr=False)
class Systems(Shown):
    """A rating for each model, with the ranks its interval allows, and who beat whom how often."""

    ranking: stats.Ranking
    rates: stats.WinRates
    simulated: str

    def lines(self) -> list[str]:
        """The order, and what to beware of."""
        notice = [self.simulated] if self.simulated else []
        order = [
            f"{one.rank}. {one.system} {number(one.rating.value, 2)} "
            f"({number(one.rating.low, 2)} to {number(one.rating.high, 2)}, rank {one.best_rank} to {one.worst_rank})"
            for one in self.ranking.systems
        ]
        return [*notice, *order, self.ranking.method, *self.ranking.warnings]

    def table(self) -> pd.DataFrame:
        """One row a pair of models: wins, ties, win rate with interval."""
        return self.rates.table

    def figure(self) -> Figure:
        """Ratings with intervals."""
        from workbench.figures import ranking

        return ranking.ratings(self.ranking)

    def win_rates(self) -> Figure:
        """Win rate of each model against each other."""
        from workbench.figures import ranking

        return ranking.win_rates(self.rates)


def systems(pilot: Pilot, model: Model | None, *, style: Sequence[str], n_resamples: int, seed: int) -> Systems:
    """See `Pilot.systems`."""
    if pilot.config.task != "pairwise":
        raise PilotError(f"models are ranked by pairwise labels, this pilot's task is {pilot.config.task}")
    fits = {"bradley_terry": stats.bradley_terry, "rao_kupper": stats.rao_kupper, "davidson": stats.davidson}
    if model is not None and model not in fits:
        raise PilotError(f"no model {model!r}", next_step=f"one of {', '.join(fits)}")
    items = pilot.item_table()
    if len({*items["model_a"], *items["model_b"]}) < 2:
        raise PilotError(
            "all responses are of one model, so there is nothing to rank",
            next_step="compare responses of two models or more: the column `model` of each response names it",
        )
    table = stats.comparisons(measures.some_labels(pilot), items, style=bool(style))
    # A model of ties has nothing to learn where nobody called one.
    chosen = model or ("davidson" if table["winner"].isin(["tie", "both_bad"]).any() else "bradley_terry")
    fitted = fits[chosen](table, style=style, n_resamples=n_resamples, seed=seed)
    return Systems(fitted, stats.win_rates(table), pilot.simulated_notice)
