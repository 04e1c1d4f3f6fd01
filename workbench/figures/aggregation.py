"""An aggregation model as pictures: how each annotator answers what is truly what, and how sure the consensus is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from workbench.errors import WorkbenchError
from workbench.figures import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.aggregation import Aggregation

_MOST_CLASSES = 12
_ACROSS = 3
_GAP = 46  # pixels between panels, room for a title
_SOURCES = {
    "unanimous": (theme.GREEN, ""),
    "model": (theme.BLUE, "/"),
    "adjudicated": (theme.PURPLE, "x"),
    "unresolved": (theme.PALE, "."),
}


def confusion(
    result: Aggregation, annotators: Sequence[Any] | None = None, *, title: str = "", limit: int = 9
) -> go.Figure:
    """One small matrix an annotator: rows are the true class, columns the label given, squares the probability.

    Squares are a scatter trace, not a heat map, so that the small plotly.js bundle of the report can draw them.

    Parameters
    ----------
    annotators
        Whom to show, in this order; without it those with most labels.
    limit
        At most this many; the figure says so when there are more.

    Returns
    -------
    Figure
        One trace an annotator, named by them, on axes of its own; open squares where there is no evidence.

    Raises
    ------
    WorkbenchError
        An annotator the result does not have.
    """
    classes = [theme.plain(name, 12) for name in result.classes]
    k = len(classes)
    if k > _MOST_CLASSES:
        return theme.empty(f"{k} classes are too many for a picture: read result.confusion", title=title)
    table = result.annotator_quality
    names = list(table["annotator"])
    if annotators is None:
        chosen = table.sort_values("n_labels", ascending=False, kind="stable").index.tolist()
    else:
        strangers = [name for name in annotators if name not in names]
        if strangers:
            raise WorkbenchError(f"no annotators {strangers[:5]}; there are {names[:12]}")
        chosen = [names.index(name) for name in annotators]
    if not chosen:
        return theme.empty("no annotators to show", title=title)
    shown = chosen[:limit]
    across = min(_ACROSS, len(shown))
    down = math.ceil(len(shown) / across)
    cell = max(16, min(44, 180 // k))
    side = cell * k
    left = theme.side_margin(classes, least=40) + 18
    made = theme.figure(
        height=down * (side + _GAP) + 100,
        width=max(420, left + across * (side + _GAP) + 110),
        title=title,
        margin={"l": left, "r": 110, "t": 40, "b": 60},
        coloraxis={"colorscale": "Cividis", "cmin": 0, "cmax": 1, "colorbar": {"thickness": 12, "outlinewidth": 0}},
        showlegend=False,
    )
    inner = (made.layout.width - left - 110, made.layout.height - made.layout.margin.t - 60)
    for place, row in enumerate(shown):
        y, x = divmod(place, across)
        corner = (x * (side + _GAP) / inner[0], 1 - (y * (side + _GAP) + side) / inner[1])
        size = (side / inner[0], side / inner[1])
        quality = table["annotator_quality"].iloc[row]
        said = "no labels" if math.isnan(quality) else f"{quality:.2f}, {table['n_labels'].iloc[row]:,} labels"
        _add_panel(made, place, theme.plain(names[row], 18), said, result.confusion[row], classes, (corner, size), cell)
    made.add_annotation(
        text="label given",
        x=0,
        xref="paper",
        xanchor="left",
        y=0,
        yref="paper",
        yshift=-34,
        showarrow=False,
    )
    made.add_annotation(
        text="true class", x=0, xref="paper", xshift=18 - left, y=1, yref="paper", textangle=-90, showarrow=False
    )
    if len(chosen) > limit:
        text = f"{limit} of {len(chosen)} annotators"
        made.add_annotation(text=text, x=1, y=0, xref="paper", yref="paper", yshift=-34, showarrow=False)
    return made


def posterior_histogram(result: Aggregation, *, bins: int = 20, title: str = "") -> go.Figure:
    """How sure the model is: items by the posterior of their consensus, stacked by how they were decided.

    A model is sure of items it gets wrong where annotators share an error; the picture shows certainty, not accuracy.

    Returns
    -------
    Figure
        One bar trace a `source` that occurs.

    Raises
    ------
    WorkbenchError
        Fewer than one bin.
    """
    if bins < 1:
        raise WorkbenchError(f"bins must be 1 or more, got {bins!r}")
    items = result.items
    if items.empty:
        return theme.empty("no items to show", title=title)
    lowest = 1 / len(result.classes)  # the leading class of k has at least 1 / k
    edges = np.linspace(lowest, 1, bins + 1)
    made = theme.figure(
        height=340,
        title=title,
        barmode="stack",
        bargap=0.08,
        margin={"l": 70, "r": 20, "t": 50, "b": 60},
        xaxis={"title": {"text": "posterior of the consensus label"}, "range": [edges[0] - 0.01, 1.01]},
        yaxis={"title": {"text": "items"}, "rangemode": "tozero", "showgrid": True},
    )
    for source, (colour, pattern) in _SOURCES.items():
        score = items.loc[items["source"] == source, "consensus_quality_score"].to_numpy()
        if not len(score):
            continue
        counts, _ = np.histogram(np.clip(score, edges[0], 1), edges)
        made.add_trace(
            go.Bar(
                x=((edges[1:] + edges[:-1]) / 2).tolist(),
                y=counts.tolist(),
                width=(edges[1] - edges[0]) * 0.94,
                name=f"{source} ({len(score):,})",
                marker={
                    "color": colour,
                    "line": {"color": "#FFFFFF", "width": 1},
                    "pattern": {"fillmode": "overlay", "shape": pattern, "fgcolor": "#FFFFFF"},
                },
                hoverinfo="y+name",
            )
        )
    return made


def _add_panel(
    made: go.Figure,
    place: int,
    name: str,
    said: str,
    values: Any,
    classes: list[str],
    domain: tuple[tuple[float, float], tuple[float, float]],
    cell: int,
) -> None:
    """One matrix on axes of its own."""
    k = len(classes)
    mark = "" if place == 0 else str(place + 1)
    (x0, y0), (width, height) = domain
    axis = {
        "tickmode": "array",
        "tickvals": list(range(k)),
        "ticktext": classes,
        "ticks": "",
        "showline": False,
        "zeroline": False,
        "automargin": False,
        "tickfont": {"size": 11},
    }
    inside = {"range": [-0.5, k - 0.5], "autorange": False}
    made.update_layout(
        {
            f"xaxis{mark}": {**axis, **inside, "domain": [x0, min(1, x0 + width)], "anchor": f"y{mark}"},
            f"yaxis{mark}": {
                **axis,
                "range": [k - 0.5, -0.5],
                "autorange": False,
                "domain": [max(0, y0), min(1, y0 + height)],
                "anchor": f"x{mark}",
                "showticklabels": x0 == 0,
            },
        }
    )
    points = [(row, column, float(values[row, column])) for row in range(k) for column in range(k)]
    known = [not math.isnan(value) for _, _, value in points]
    made.add_trace(
        go.Scatter(
            x=[column for _, column, _ in points],
            y=[row for row, _, _ in points],
            xaxis=f"x{mark}",
            yaxis=f"y{mark}",
            mode="markers+text",
            name=name,
            marker={
                "size": cell - 3,
                "symbol": ["square" if ok else "square-open" for ok in known],
                "color": [value if ok else 1.0 for (_, _, value), ok in zip(points, known, strict=True)],
                "coloraxis": "coloraxis",
            },
            text=[f"{value:.2f}" if ok and cell >= 30 else "" for (_, _, value), ok in zip(points, known, strict=True)],
            textfont={
                "size": 11,
                "color": [
                    "#FFFFFF" if ok and value < 0.45 else "#000000"
                    for (_, _, value), ok in zip(points, known, strict=True)
                ],
            },
            hovertext=[
                f"{name}<br>{classes[row]} labelled {classes[column]}: {f'{value:.2f}' if ok else 'no evidence'}"
                for (row, column, value), ok in zip(points, known, strict=True)
            ],
            hoverinfo="text",
        )
    )
    made.add_annotation(
        text=f"<b>{name}</b>  {said}",
        x=x0,
        xref="paper",
        xanchor="left",
        y=min(1, y0 + height),
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        font={"size": 12},
    )
