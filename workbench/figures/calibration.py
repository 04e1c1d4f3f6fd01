"""Whether stated probabilities come true: a reliability diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench.figures import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.calibration import Bin


def reliability(bins: Sequence[Bin], *, title: str = "") -> go.Figure:
    """How sure a judge was against how often it was right, one point a bin with its interval; the diagonal is perfect.

    Parameters
    ----------
    bins
        What `stats.calibration.reliability` gives; empty bins are left out.
    """
    shown = [one for one in bins if one.n]
    if not shown:
        return theme.empty("no pairs to show", title=title)
    made = theme.figure(height=340, title=title)
    made.add_trace(
        go.Scatter(
            x=[0.5, 1],
            y=[0.5, 1],
            mode="lines",
            name="perfect",
            line={"color": theme.GREY, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
    )
    made.add_trace(
        go.Scatter(
            x=[one.confidence for one in shown],
            y=[one.observed.value for one in shown],
            mode="markers",
            name="observed, with interval",
            marker=theme.marker(theme.BLUE, "square"),
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [one.observed.high - one.observed.value for one in shown],
                "arrayminus": [one.observed.value - one.observed.low for one in shown],
                "color": theme.BLUE,
                "thickness": 2,
                "width": 5,
            },
            text=[f"{one.n} pairs" for one in shown],
            hoverinfo="x+y+text",
        )
    )
    made.update_xaxes(title_text="how sure", range=[0.48, 1.02], tickformat=".0%")
    made.update_yaxes(title_text="how often right", range=[-0.03, 1.03], tickformat=".0%")
    return made
