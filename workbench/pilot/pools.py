"""The groups a pilot's annotators come from: whether they agree within and between, and where they part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from workbench.errors import PilotError
from workbench.pilot import measures
from workbench.pilot.questions import questions
from workbench.pilot.views import Shown, estimate_row
from workbench.stats import pools as stats

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from workbench.pilot.opening import Pilot


@dataclass(frozen=True, repr=False)
class Pools(Shown):
    """Agreement within and between groups, and differences in how often they give each answer.

    Groups of fewer than `stats.pools.SMALLEST_CELL` people are counted and never named.
    """

    agreement: stats.WithinBetween
    shares: stats.ShareDifferences
    simulated: str

    def lines(self) -> list[str]:
        """Whether groups agree more within than between, and which answers they give differently often."""
        one = self.agreement
        told = [self.simulated] if self.simulated else []
        told.append(f"within groups minus between groups: {one.difference} (p = {one.p_value:.3g} by shuffling people)")
        level = 1 - one.difference.confidence
        apart = [found for found in self.shares.differences if found.p_holm < level]
        told += [
            f"{found.first} gives {found.category!r} {found.difference.value:+.1%} more often than {found.second} "
            f"[{found.difference.low:+.1%}, {found.difference.high:+.1%}]"
            for found in apart
        ]
        if not apart:
            told.append("no answer is given more often by one group than by another, as far as chance allows to say")
        if one.n_hidden:
            told.append(f"{one.n_hidden} groups of fewer than {stats.SMALLEST_CELL} people are not shown")
        return told

    def table(self) -> pd.DataFrame:
        """One row a group and a pair of groups."""
        one = self.agreement
        rows = [estimate_row(found, f"alpha within {name}") for name, found in one.alpha.items()]
        rows += [estimate_row(found, f"equal pairs within {name}") for name, found in one.within.items()]
        rows += [estimate_row(found, f"equal pairs between {a} and {b}") for (a, b), found in one.between.items()]
        return pd.DataFrame(rows)

    def figure(self) -> Figure:
        """Equal pairs within and between groups."""
        from workbench.figures import pools

        return pools.group_agreement(self.agreement)

    def differences(self) -> Figure:
        """How much more often one group gives an answer than another."""
        from workbench.figures import pools

        return pools.group_differences(self.shares)


def pools(pilot: Pilot, *, n_resamples: int, seed: int) -> Pools:
    """See `Pilot.pools`."""
    labels = measures.some_labels(pilot)
    asked = questions(pilot, labels)[0].labels
    known = asked[asked["pool"] != ""]
    sizes = known.groupby("pool")["annotator"].nunique()
    if (sizes >= stats.SMALLEST_CELL).sum() < 2:
        raise PilotError(
            f"no two groups of {stats.SMALLEST_CELL} annotators or more",
            next_step='name them in pilot.toml: pool = "experts" under [[annotators]]; smaller groups are not shown',
        )
    return Pools(
        stats.within_between(known, "pool", n_resamples=n_resamples, seed=seed),
        stats.share_differences(known, "pool"),
        pilot.simulated_notice,
    )
