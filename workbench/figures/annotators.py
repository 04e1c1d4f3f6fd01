"""Annotators as pictures: bias of each beside that of all, and drift with its boundary."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench.figures import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.annotators import Chart, ContentBias, SideBias
    from workbench.stats.estimate import Estimate

MOST_ROWS = 40
# Shape and colour together: one can be told without the other.
_BEYOND = theme.Mark(theme.VERMILLION, "x", "✕")
_WITHIN = theme.Mark(theme.BLUE, "circle", "●")
_SIGNALS = {"agreement": "agreement with the others", "pace": "pace (log seconds)"}


def side_forest(bias: SideBias, *, most: int = MOST_ROWS, title: str = "") -> go.Figure:
    """Share of left choices: everybody on top, then annotators with most evidence of a side first.

    Parameters
    ----------
    most
        Rows drawn at most; the figure says how many annotators are left out.

    Returns
    -------
    Figure
        A forest with one half as reference; flagged annotators have their own mark.
    """
    shown = sorted(bias.annotators, key=lambda one: (one.p_value, one.annotator))[:most]
    rows = [bias.population.named("everybody"), *(one.p_left for one in shown)]
    beyond = [False, *(one.flagged for one in shown)]
    left_out = len(bias.annotators) - len(shown)
    axis = "share of decided choices that fell on the left" + (
        f" ({left_out} annotators not shown)" if left_out else ""
    )
    names = ("depends on the side (Holm)", "no more than chance allows")
    return forest(rows, beyond, reference=0.5, axis=axis, names=names, title=title)


def content_forest(bias: ContentBias, feature: str, *, most: int = MOST_ROWS, title: str = "") -> go.Figure:
    """Length or format bias: everybody on top, then annotators with most evidence of it first.

    Parameters
    ----------
    feature
        One of the features looked at (`words`).
    """
    at = list(bias.scales).index(feature)
    told = [(bias.p_holm[name][at], name) for name, found in bias.annotators.items() if found[at].defined]
    told.sort(key=lambda one: (math.isnan(one[0]), *one))
    shown = told[:most]
    rows = [bias.pooled[at].named("everybody"), *(bias.annotators[name][at].named(name) for _, name in shown)]
    level = 1 - bias.pooled[at].confidence
    beyond = [False, *(p < level for p, _ in shown)]
    axis = f"log-odds of choosing A for each standard deviation more {theme.plain(feature, 30)}"
    names = ("beyond chance (Holm)", "no more than chance allows")
    return forest(rows, beyond, reference=0.0, axis=axis, names=names, title=title)


def drift_chart(chart: Chart, *, title: str = "") -> go.Figure:
    """A CUSUM path with its boundary, the alarm and the place of the change."""
    if not chart.defined:
        return theme.empty(f"no chart of {chart.signal}: {chart.reason}", title=title)
    known = [k for k, value in enumerate(chart.path) if not math.isnan(value)]
    scope = "within sessions" if chart.scope == "session" else "over all judgments"
    made = theme.figure(
        height=340,
        title=title,
        margin={"l": 70, "r": 30, "t": 40, "b": 60},
        xaxis={"title": {"text": f"judgments in order ({scope})"}},
        yaxis={
            "title": {"text": f"CUSUM of {_SIGNALS.get(chart.signal, theme.plain(chart.signal))}"},
            "zeroline": True,
        },
    )
    x, y = _with_gaps(known, chart)
    path = {"color": theme.BLUE, "width": 2}
    made.add_trace(go.Scatter(x=x, y=y, mode="lines", name="path", line=path, hoverinfo="x+y"))
    ends = [1, len(chart.path)]
    for side, shown in ((1, True), (-1, False)):
        made.add_trace(
            go.Scatter(
                x=ends,
                y=[side * chart.boundary] * 2,
                mode="lines",
                name=f"boundary, crossed in {1 - chart.confidence:.2g} of orders by chance",
                line={"color": theme.GREY, "dash": "dash", "width": 1.5},
                showlegend=shown,
                hoverinfo="y",
            )
        )
    for place, name, mark in (
        (chart.alarm, "alarm", theme.marker(theme.VERMILLION, "x")),
        (chart.turned_at, "likely change", theme.marker(theme.BLACK, "diamond-open")),
    ):
        if place is not None:
            at = {"x": [place + 1], "y": [float(chart.path[place])]}
            made.add_trace(go.Scatter(**at, mode="markers", name=name, marker=mark, hoverinfo="name+x"))
    return made


def forest(
    rows: Sequence[Estimate],
    beyond: Sequence[bool],
    *,
    reference: float,
    axis: str,
    names: tuple[str, str],
    title: str = "",
) -> go.Figure:
    """Estimates with intervals against a reference line, in the order given; `names` are of rows beyond it, and within.

    A row without a value is written out: `undefined: reason`.
    """
    if not rows:
        return theme.empty("nothing to show", title=title)
    titles = [theme.plain(one.label or one.name.replace("_", " "), 40) for one in rows]
    made = theme.figure(
        height=120 + theme.ROW * len(rows),
        title=title,
        margin={"l": theme.side_margin(titles), "r": 190, "t": 50},
        xaxis={"title": {"text": axis}, "showgrid": True},
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(rows))),
            "ticktext": titles,
            "range": [len(rows) - 0.5, -0.5],
            "autorange": False,
            "zeroline": False,
        },
    )
    for flag, mark, name in ((True, _BEYOND, names[0]), (False, _WITHIN, names[1])):
        chosen = [(y, one) for y, one in enumerate(rows) if beyond[y] == flag and one.defined]
        if chosen:
            made.add_trace(theme.intervals(chosen, mark, name))
    if not any(one.defined for one in rows):
        made.add_trace(go.Scatter(x=[None], y=[0], showlegend=False))  # without a trace plotly draws no axes
    for y, one in enumerate(rows):
        made.add_annotation(_beside(y, one))
    made.add_vline(x=reference, line={"dash": "dash", "color": theme.GREY, "width": 1.5})
    return made


def _beside(y: int, one: Estimate) -> dict[str, Any]:
    if not one.defined:
        text = theme.plain(f"undefined: {one.reason}", 40)
    elif math.isnan(one.low):
        text = f"<b>{one.value:.2f}</b>  n = {one.n_labels:,}"
    else:
        text = f"<b>{one.value:.2f}</b> [{one.low:.2f}, {one.high:.2f}]  n = {one.n_labels:,}"
    return {
        "text": text,
        "hovertext": theme.plain(one.reason, 200),
        "x": 1.02,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "y",
        "showarrow": False,
        "font": {} if one.defined else {"color": theme.GREY},
    }


def _with_gaps(known: list[int], chart: Chart) -> tuple[list[float | None], list[float | None]]:
    """Points of the path, with a gap where a session of its own begins."""
    x: list[float | None] = []
    y: list[float | None] = []
    last = None
    for k in known:
        session = chart.session[k] if chart.scope == "session" else 0
        if last is not None and session != last:
            x.append(None)
            y.append(None)
        last = session
        x.append(k + 1)
        y.append(float(chart.path[k]))
    return x, y
