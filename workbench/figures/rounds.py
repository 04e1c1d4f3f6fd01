"""Rounds as a picture: how often each round's adapter is preferred to the model it all started from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.figures import agreement, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from workbench.stats.estimate import Estimate


def win_rates(rates: Sequence[Estimate], *, title: str = "") -> go.Figure:
    """One line a round: win rate against round 0 from 0 to 1, with its interval.

    Returns
    -------
    Figure
        As `agreement.forest`, with a dashed line at one half, where neither is preferred.
    """
    if not rates:
        return theme.empty("no round has labels of its adapter yet", title=title)
    made = agreement.forest(rates, title=title)
    made.update_xaxes(title_text="win rate against round 0, ties half (n: prompts)", range=[-0.02, 1.02])
    made.add_vline(x=0.5, line={"dash": "dash", "color": theme.GREY, "width": 1.5})
    return made
