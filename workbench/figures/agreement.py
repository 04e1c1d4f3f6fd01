"""Agreement as pictures: a forest plot of estimates, and a matrix of annotator pairs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench.errors import WorkbenchError
from workbench.figures import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.estimate import Decision, Estimate, Verdict


def forest(
    estimates: Sequence[Estimate],
    threshold: float | None = None,
    verdicts: Sequence[Verdict | None] | None = None,
    *,
    title: str = "",
) -> go.Figure:
    """One line an estimate: the interval as a bar, value and counts beside it, the verdict by shape and colour.

    Parameters
    ----------
    estimates
        Drawn from top to bottom in the order given. One without a value is written out: `undefined: reason`.
    threshold
        Drawn as a dashed vertical line.
    verdicts
        One for each estimate, None where there is none.

    Returns
    -------
    Figure
        One trace per verdict that occurs, with asymmetric error bars.

    Raises
    ------
    WorkbenchError
        When verdicts and estimates differ in number.
    """
    if verdicts is not None and len(verdicts) != len(estimates):
        raise WorkbenchError(
            f"{len(estimates)} estimates but {len(verdicts)} verdicts", next_step="give one verdict or None for each"
        )
    if not estimates:
        return theme.empty("no estimates to show", title=title)
    decisions = [None if v is None else v.decision for v in verdicts] if verdicts else [None] * len(estimates)
    names = [theme.plain(e.label or e.name.replace("_", " "), 40) for e in estimates]
    made = theme.figure(
        height=90 + theme.ROW * len(estimates),
        title=title,
        margin={"l": theme.side_margin(names), "r": 305 if any(decisions) else 190, "t": 30},
        xaxis={"title": {"text": "estimate and interval (n: items)"}, "showgrid": True},
        yaxis=_rows(names),
        showlegend=False,  # each row says its verdict in words
    )
    for decision in ("pass", "fail", "inconclusive", None):
        _add_marks(made, decision, [(y, e) for y, e in enumerate(estimates) if decisions[y] == decision and e.defined])
    if not any(e.defined for e in estimates):
        made.add_trace(go.Scatter(x=[None], y=[0], showlegend=False))  # without a trace plotly draws no axes
    for y, estimate in enumerate(estimates):
        made.add_annotation(_beside(y, estimate, decisions[y]))
        if not estimate.defined:
            made.add_annotation(_undefined(y, estimate))
    if threshold is not None:
        made.add_vline(
            x=threshold,
            line={"dash": "dash", "color": theme.GREY, "width": 1.5},
            annotation={"text": f"threshold {threshold:g}", "yanchor": "bottom", "font": {"color": theme.GREY}},
            annotation_position="top",
        )
    return made


def matrix(
    values: Sequence[Sequence[float | None]],
    annotators: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    name: str = "Cohen's kappa",
    title: str = "",
) -> go.Figure:
    """Agreement of every pair of annotators, with the number of items both judged.

    Squares are a scatter trace, not a heat map, so that the small plotly.js bundle of the report can draw them.

    Parameters
    ----------
    values
        Shape (n annotators, n annotators), symmetric; None or NaN where a pair has no value. Diagonal is not read.
    annotators
        Row and column names.
    counts
        Same shape: items both annotators judged.

    Raises
    ------
    WorkbenchError
        When the shapes differ.
    """
    n = len(annotators)
    if any(len(table) != n or any(len(row) != n for row in table) for table in (values, counts)):
        raise WorkbenchError(f"values and counts must be {n} x {n}, one row and column for each annotator")
    if n < 2:
        return theme.empty("agreement of pairs needs two annotators", title=title)
    names = [theme.plain(annotator, 18) for annotator in annotators]
    cell = max(30, min(66, 640 // (n - 1)))
    wide = cell >= 50
    left = theme.side_margin(names, least=40)
    key = f"{theme.plain(name)} above, items both judged below" if wide else theme.plain(name)
    made = theme.figure(
        height=(n - 1) * cell + (90 if wide else 130),
        width=max(420, (n - 1) * cell + left + 150),
        title=title,
        margin={"l": left, "r": 150, "t": 20, "b": 70 if wide else 110},
        xaxis={**theme.axis(names[:-1]), "tickangle": 0 if wide else -60, "title": {"text": key, "standoff": 8}},
        yaxis={**theme.axis(names[1:]), "autorange": False, "range": [n - 1.5, -0.5]},
        coloraxis={
            "colorscale": "Cividis",
            "cmin": 0,
            "cmax": 1,
            "colorbar": {"thickness": 12, "outlinewidth": 0},
        },
        showlegend=False,
    )
    known: list[dict[str, Any]] = []
    unknown: list[dict[str, Any]] = []
    for row in range(1, n):
        for column in range(row):
            value, count = values[row][column], counts[row][column]
            found = value is not None and not math.isnan(value)
            shown = f"{value:.2f}" if found else "none"
            point = {
                "x": column,
                "y": row - 1,
                "value": value,
                "text": f"{shown}<br>{count}" if wide else shown,
                "hover": f"{names[row]} and {names[column]}<br>{shown} on {count} items",
            }
            (known if found else unknown).append(point)
    if known:
        colour = ["#FFFFFF" if point["value"] < 0.45 else "#000000" for point in known]
        marker = {"symbol": "square", "size": cell - 4, "coloraxis": "coloraxis", "color": [p["value"] for p in known]}
        made.add_trace(theme.squares(known, marker, colour, name))
    if unknown:
        marker = {"symbol": "square-open", "size": cell - 6, "color": theme.PALE}
        made.add_trace(theme.squares(unknown, marker, theme.GREY, "no value"))
    return made


def _add_marks(made: go.Figure, decision: Decision | None, rows: list[tuple[int, Estimate]]) -> None:
    if not rows:
        return
    mark = theme.VERDICTS[decision] if decision else theme.NO_VERDICT
    made.add_trace(theme.intervals(rows, mark, decision or "no verdict"))


def _beside(y: int, estimate: Estimate, decision: Decision | None) -> dict[str, Any]:
    number = f"<b>{estimate.value:.2f}</b> [{_two(estimate.low)}, {_two(estimate.high)}]  " if estimate.defined else ""
    said = f"{theme.VERDICTS[decision].sign} {decision}  " if decision else ""
    return {
        "text": f"{said}{number}n = {estimate.n_items:,}",
        "x": 1.02,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "y",
        "showarrow": False,
        "font": {"color": theme.VERDICTS[decision].colour} if decision == "fail" else {},
    }


def _undefined(y: int, estimate: Estimate) -> dict[str, Any]:
    return {
        "text": theme.plain(f"undefined: {estimate.reason or 'no reason recorded'}", 64),
        "hovertext": theme.plain(estimate.reason, 200),
        "x": 0.01,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "y",
        "showarrow": False,
        "font": {"color": theme.GREY},
        "bgcolor": "#FFFFFF",  # the threshold line must not run through the words
    }


def _rows(names: list[str]) -> dict[str, Any]:
    return {**theme.axis(names), "autorange": False, "range": [len(names) - 0.5, -0.5]}


def _two(value: float) -> str:
    return "?" if math.isnan(value) else f"{value:.2f}"
