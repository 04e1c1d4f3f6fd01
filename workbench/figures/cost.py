"""What the cost of a labelling run is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from workbench.economics.cost import money
from workbench.errors import WorkbenchError
from workbench.figures import theme

if TYPE_CHECKING:
    from workbench.economics.cost import CostEstimate

_LOOK = {
    "pay, usable items": (theme.BLUE, ""),
    "pay, gold": (theme.ORANGE, "/"),
    "pay, repeats": (theme.PURPLE, "x"),
    "platform fees": (theme.GREY, ""),
    "plan fees": (theme.BLACK, "."),
}


def breakdown(*estimates: CostEstimate, title: str = "") -> go.Figure:
    """One bar an estimate, stacked from pay and fees, with the total in words at its end.

    Returns
    -------
    Figure
        One bar trace a part that costs anything in any of the estimates.

    Raises
    ------
    WorkbenchError
        When the estimates are in different currencies, which cannot share an axis.
    """
    if not estimates:
        return theme.empty("no cost estimate to show", title=title)
    currencies = sorted({estimate.prices.currency for estimate in estimates})
    if len(currencies) > 1:
        raise WorkbenchError(f"amounts in {' and '.join(currencies)} cannot share an axis", next_step="draw one each")
    currency = currencies[0]
    names = [theme.plain(estimate.prices.name, 32) for estimate in estimates]
    made = theme.figure(
        height=120 + theme.ROW * len(estimates),
        title=title,
        barmode="stack",
        bargap=0.35,
        margin={"l": theme.side_margin(names), "r": 130},
        xaxis={"title": {"text": currency}, "rangemode": "tozero", "separatethousands": True},
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(estimates))),
            "ticktext": names,
            "autorange": False,
            "range": [len(estimates) - 0.5, -0.5],
            "ticks": "",
            "showline": False,
            "automargin": False,
        },
        showlegend=True,
    )
    for part, (colour, pattern) in _LOOK.items():
        amounts = [estimate.parts[part] for estimate in estimates]
        if not any(amounts):
            continue
        made.add_trace(
            go.Bar(
                x=[float(amount) for amount in amounts],
                y=list(range(len(estimates))),
                orientation="h",
                name=part,
                marker={
                    "color": colour,
                    "line": {"color": "#FFFFFF", "width": 1},
                    "pattern": {"fillmode": "overlay", "shape": pattern, "fgcolor": "#FFFFFF", "size": 6},
                },
                hovertext=[f"{part}: {theme.plain(money(amount, currency))}" for amount in amounts],
                hoverinfo="text",
            )
        )
    for y, estimate in enumerate(estimates):
        made.add_annotation(
            text=f"<b>{theme.plain(money(estimate.total, currency))}</b>",
            x=float(estimate.total),
            y=y,
            xanchor="left",
            xshift=6,
            showarrow=False,
        )
    return made
