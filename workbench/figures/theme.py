"""The one look of all figures: Okabe-Ito colours on a white page, with a shape beside every colour.

Yellow and sky blue are left out of lines and text, where they cannot be seen. Text that came from outside goes
through `plain`: plotly reads a small HTML (links included) and formulas in every label.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import plotly.io as pio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.stats.estimate import Estimate

# Okabe & Ito (2008), "Color Universal Design".
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, PALE = "#5F6368", "#D9DCE0"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, BLACK)
NAME = "workbench"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
ROW = 34  # pixels a row of a forest plot or bar chart takes


@dataclass(frozen=True)
class Mark:
    """How one kind of thing looks: colour, marker shape and the same shape as a character."""

    colour: str
    symbol: str
    sign: str


VERDICTS: Mapping[str, Mark] = {
    "pass": Mark(GREEN, "circle", "●"),
    "fail": Mark(VERMILLION, "x", "✕"),
    "inconclusive": Mark(GREY, "diamond-open", "◇"),
}
NO_VERDICT = Mark(BLUE, "circle", "●")


@cache
def template() -> Any:
    """The plotly template, also registered under the name `workbench` from the first call on."""
    # Only what the charts here use: simple_white also styles maps, ternary plots and three dimensions.
    kept = (
        "autotypenumbers",
        "hovermode",
        "hoverlabel",
        "paper_bgcolor",
        "plot_bgcolor",
        "xaxis",
        "yaxis",
        "coloraxis",
    )
    base = pio.templates["simple_white"].layout.to_plotly_json()
    made = go.layout.Template(layout={key: base[key] for key in kept})
    made.layout.update(
        colorway=COLOURS,
        font={"family": FONT, "size": 13, "color": "#222222"},
        xaxis_title_font_size=13,
        yaxis_title_font_size=13,
        annotationdefaults={"font": {"size": 13}},
        title={"x": 0, "xref": "paper", "xanchor": "left", "font": {"size": 15}},
        legend={"traceorder": "normal", "orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 60, "r": 20, "t": 40, "b": 50},
    )
    pio.templates[NAME] = made
    return made


def figure(*, height: int, title: str = "", **layout: Any) -> Any:
    """An empty figure in the workbench's look."""
    made = go.Figure(layout={"template": template(), "height": height, **layout})
    return titled(made, title)


def titled(made: Any, title: str) -> Any:
    """The figure with a title above the legend; unchanged where there is none."""
    if title:
        made.update_layout(
            title={"text": plain(title), "y": 0.98, "yanchor": "top"},
            margin_t=made.layout.margin.t + 34 if made.layout.margin.t else 74,
            height=made.layout.height + 34,
        )
    return made


def marker(colour: str, symbol: str, size: int = 11) -> dict[str, Any]:
    """A point in one colour, outline included."""
    return {"color": colour, "symbol": symbol, "size": size, "line": {"width": 2, "color": colour}}


def plain(text: object, limit: int = 60) -> str:
    """Text that plotly shows as it is: one line, no markup, no formula, at most `limit` characters.

    >>> plain('<a href="x">Ann</a>\\n costs $5 or $6', limit=30)
    '&lt;a href="x"&gt;Ann&lt;/a&gt; costs &#36;5…'
    """
    line = " ".join(str(text).split())
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    # The dollar as an entity, because plotly hands text between two of them to MathJax where a page has it.
    return html.escape(line, quote=False).replace("$", "&#36;")


def empty(reason: str, *, title: str = "") -> Any:
    """A figure that says in words why there is nothing to draw."""
    made = figure(height=120, title=title, xaxis={"visible": False}, yaxis={"visible": False})
    made.add_annotation(text=plain(reason, 160), showarrow=False, x=0.5, y=0.5, xref="paper", yref="paper")
    return made


def side_margin(labels: list[str], *, least: int = 60, most: int = 260) -> int:
    """Pixels that row labels need on the left; automatic margins would move with the browser's fonts."""
    return max(least, min(most, 24 + 7 * max((len(html.unescape(label)) for label in labels), default=0)))


def axis(names: list[str]) -> dict[str, Any]:
    """An axis with one place for each name, the first at 0."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": names,
        "range": [-0.5, len(names) - 0.5],
        "ticks": "",
        "showline": False,
        "automargin": False,
        "zeroline": False,
    }


def intervals(rows: Sequence[tuple[int, Estimate]], mark: Mark, name: str) -> Any:
    """Values at their rows with their intervals as bars; one without an interval has no bar."""
    return go.Scatter(
        x=[one.value for _, one in rows],
        y=[y for y, _ in rows],
        mode="markers",
        name=name,
        marker=marker(mark.colour, mark.symbol),
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [_reach(one.high - one.value) for _, one in rows],
            "arrayminus": [_reach(one.value - one.low) for _, one in rows],
            "color": mark.colour,
            "thickness": 2,
            "width": 5,
        },
        hovertext=[plain(one, 200) for _, one in rows],
        hoverinfo="text",
    )


def _reach(length: float) -> float | None:
    return None if math.isnan(length) else max(0.0, length)


def squares(points: list[dict[str, Any]], marker: dict[str, Any], colour: Any, name: str) -> Any:
    """Squares of a matrix with text in them, each point with `x, y, text, hover`.

    A scatter trace, not a heat map, so that the small plotly.js bundle of the report can draw it.
    """
    return go.Scatter(
        x=[point["x"] for point in points],
        y=[point["y"] for point in points],
        mode="markers+text",
        marker=marker,
        text=[point["text"] for point in points],
        textfont={"color": colour, "size": 12},
        hovertext=[point["hover"] for point in points],
        hoverinfo="text",
        name=plain(name),
    )
