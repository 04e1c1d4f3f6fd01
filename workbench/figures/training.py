"""A training run: its curves, and what the adapter changed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from workbench.figures import theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.stats.estimate import Estimate

# Panel -> (key of a metrics line, name, dash).
_PANELS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Loss": (("loss", "train", "solid"), ("eval_loss", "held out", "dash")),
    "Reward margin": (("margin", "train", "solid"), ("eval_margin", "held out", "dash")),
    "Accuracy": (("accuracy", "train", "solid"), ("eval_accuracy", "held out", "dash")),
}
_LINES = {"train": (theme.BLUE, "circle"), "held out": (theme.VERMILLION, "square")}


def curves(metrics: Sequence[Mapping[str, Any]], *, title: str = "") -> go.Figure:
    """Loss, reward margin and accuracy over optimiser steps, training solid and held-out pairs dashed.

    Parameters
    ----------
    metrics
        One mapping a line of a run's `metrics.jsonl`: `step` and any of `loss`, `margin` (nats), `accuracy` (0 to 1),
        each also as `eval_…` for held-out pairs. A panel without any of its own says so.
    """
    if not metrics:
        return theme.empty("no step has been logged yet", title=title)
    made = make_subplots(rows=1, cols=len(_PANELS), subplot_titles=list(_PANELS), horizontal_spacing=0.08)
    made.update_layout(template=theme.template(), height=300, margin={"t": 40, "b": 84, "l": 50})
    made.update_layout(legend={"y": 0, "yref": "container", "yanchor": "bottom"})
    named: set[str] = set()
    for column, lines in enumerate(_PANELS.values(), start=1):
        drawn = False
        for key, name, dash in lines:
            logged = [(line["step"], line[key]) for line in metrics if line.get(key) is not None]
            if not logged:
                continue
            colour, symbol = _LINES[name]
            trace = go.Scatter(
                x=[step for step, _ in logged],
                y=[value for _, value in logged],
                mode="lines+markers" if len(logged) <= 60 else "lines",
                name=name,
                legendgroup=name,
                showlegend=name not in named,
                line={"color": colour, "dash": dash, "width": 2},
                marker={"symbol": symbol, "size": 5},
                hoverinfo="x+y+name",
            )
            made.add_trace(trace, row=1, col=column)
            named.add(name)
            drawn = True
        if not drawn:
            made.add_trace(go.Scatter(x=[None], y=[None], showlegend=False), row=1, col=column)
            made.add_annotation(
                text="not recorded", xref="x domain", yref="y domain", x=0.5, y=0.5, showarrow=False, row=1, col=column
            )
        made.update_xaxes(title_text="step", row=1, col=column)
    made.update_yaxes(range=[0, 1.03], tickformat=".0%", row=1, col=3)
    return theme.titled(made, title)


def before_after(rows: Sequence[Mapping[str, Any]], *, title: str = "", what: str = "constraints met") -> go.Figure:
    """Base model against adapter, and the difference with its interval, one line a kind of constraint.

    Parameters
    ----------
    rows
        Mappings with `label`; `base` and `adapter`, shares from 0 to 1; `low` and `high`, the interval of the
        difference adapter - base (None where there is none); `n`, what the row rests on.
    """
    if not rows:
        return theme.empty("no evaluation to show", title=title)
    names = [f"{theme.plain(row['label'], 30)} (n = {row['n']:,})" for row in rows]
    places = list(range(len(rows)))
    base, adapter = [row["base"] for row in rows], [row["adapter"] for row in rows]
    made = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        column_widths=[0.6, 0.4],
        horizontal_spacing=0.05,
        subplot_titles=(theme.plain(what), "adapter - base, with interval"),
    )
    made.update_layout(
        template=theme.template(),
        height=128 + theme.ROW * len(rows),
        margin={"l": theme.side_margin(names), "t": 40, "b": 84},
        legend={"y": 0, "yref": "container", "yanchor": "bottom"},
    )
    joined_x = [value for one, other in zip(base, adapter, strict=True) for value in (one, other, None)]
    joined_y = [value for place in places for value in (place, place, None)]
    line = {"color": theme.PALE, "width": 4}
    made.add_trace(
        go.Scatter(x=joined_x, y=joined_y, mode="lines", line=line, showlegend=False, hoverinfo="skip"), row=1, col=1
    )
    for name, values, colour, symbol in (
        ("base", base, theme.GREY, "circle-open"),
        ("adapter", adapter, theme.BLUE, "square"),
    ):
        points = go.Scatter(
            x=values, y=places, mode="markers", name=name, marker=theme.marker(colour, symbol), hoverinfo="x+name"
        )
        made.add_trace(points, row=1, col=1)
    change = [a - b for a, b in zip(adapter, base, strict=True)]
    made.add_trace(
        go.Scatter(
            x=change,
            y=places,
            mode="markers",
            name="difference",
            marker=theme.marker(theme.BLACK, "diamond", 8),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [_reach(row["high"], value) for row, value in zip(rows, change, strict=True)],
                "arrayminus": [_reach(value, row["low"]) for row, value in zip(rows, change, strict=True)],
                "color": theme.BLACK,
                "thickness": 2,
                "width": 5,
            },
            hoverinfo="x+name",
        ),
        row=1,
        col=2,
    )
    made.add_vline(x=0, line={"color": theme.GREY, "dash": "dash", "width": 1.5}, row=1, col=2)
    made.update_xaxes(tickformat=".0%", range=[-0.03, 1.03], showgrid=True, row=1, col=1)
    made.update_xaxes(tickformat="+.0%", showgrid=True, row=1, col=2)
    made.update_yaxes(range=[len(rows) - 0.5, -0.5], ticks="", showline=False, automargin=False)
    made.update_yaxes(tickmode="array", tickvals=places, ticktext=names, row=1, col=1)
    made.update_yaxes(showticklabels=False, row=1, col=2)
    return theme.titled(made, title)


def _reach(one: float | None, other: float | None) -> float | None:
    if one is None or other is None or math.isnan(one - other):
        return None  # no bar at all: one of no length would claim certainty
    return max(0.0, one - other)


def effects(whole: Sequence[Estimate], runs: Sequence[Estimate], *, title: str = "") -> go.Figure:
    """Effect and gains over all runs above, each run's own gain below, with intervals; zero is no change.

    Parameters
    ----------
    whole, runs
        Changes in a share from 0 to 1, each with its label.
    """
    listed = [*whole, *runs]
    if not listed:
        return theme.empty("no run to show", title=title)
    names = [theme.plain(one.label or one.name, 34) for one in listed]
    made = go.Figure()
    made.update_layout(
        template=theme.template(),
        height=112 + theme.ROW * len(listed),
        margin={"l": theme.side_margin(names), "t": 24, "b": 56},
        showlegend=False,
    )
    made.add_vline(x=0, line={"color": theme.GREY, "width": 1, "dash": "dot"})
    split = len(whole)
    made.add_trace(theme.intervals(list(enumerate(whole)), theme.Mark(theme.BLACK, "diamond", "◆"), "all runs"))
    made.add_trace(
        theme.intervals(list(enumerate(runs, start=split)), theme.Mark(theme.BLUE, "circle", "●"), "one run")
    )
    made.update_yaxes(tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5])
    made.update_xaxes(title_text="change in the share of constraints met, with interval", tickformat="+.2f")
    return theme.titled(made, title)
