"""Votes on the most disputed items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench.figures import theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A and B stand at the two ends with what is neither between them, whatever order the votes came in.
_ORDER = ("A", "tie", "both_bad", "B")
_LOOK = {"A": (theme.BLUE, ""), "tie": (theme.PALE, "/"), "both_bad": (theme.GREY, "x"), "B": (theme.ORANGE, "")}
_PATTERNS = ("", "/", "x", ".", "-", "|")


def votes(rows: Sequence[Mapping[str, Any]], *, title: str = "", limit: int = 20) -> go.Figure:
    """Stacked bars of the votes on each item, in the order given (most disputed first).

    Parameters
    ----------
    rows
        Mappings with `item` and `votes` (label -> count), as `stats.disagreement.by_item` lists them.
    limit
        At most this many items; the figure says so when there are more.

    Returns
    -------
    Figure
        One bar trace a label; A, tie, both_bad, B first, other labels after them by name.
    """
    shown = list(rows)[:limit]
    if not shown:
        return theme.empty("no items with two or more labels", title=title)
    given = {str(label) for row in shown for label in row["votes"]}
    labels = [label for label in _ORDER if label in given] + sorted(given - set(_ORDER))
    names = [theme.plain(row["item"], 32) for row in shown]
    made = theme.figure(
        height=110 + theme.ROW * len(shown),
        title=title,
        barmode="stack",
        bargap=0.35,
        margin={"l": theme.side_margin(names)},
        xaxis={"title": {"text": "labels"}, "dtick": 1, "rangemode": "tozero"},
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(shown))),
            "ticktext": names,
            "autorange": False,
            "range": [len(shown) - 0.5, -0.5],
            "ticks": "",
            "showline": False,
            "automargin": False,
        },
    )
    most = max(sum(row["votes"].values()) for row in shown)
    made.update_xaxes(dtick=max(1, most // 10))
    for index, label in enumerate(labels):
        dark = label in ("A", "both_bad")
        counts = [{str(key): n for key, n in row["votes"].items()}.get(label, 0) for row in shown]
        fallback = (theme.COLOURS[index % len(theme.COLOURS)], _PATTERNS[index % len(_PATTERNS)])
        colour, pattern = _LOOK.get(label, fallback)
        made.add_trace(
            go.Bar(
                x=counts,
                y=list(range(len(shown))),
                orientation="h",
                name=theme.plain(label.replace("_", " "), 30),
                marker={
                    "color": colour,
                    "line": {"color": "#FFFFFF", "width": 1},
                    "pattern": {"fillmode": "overlay", "shape": pattern, "fgcolor": theme.PALE if dark else theme.GREY},
                },
                text=[str(n) if n else "" for n in counts],
                textposition="inside",
                textangle=0,
                insidetextanchor="middle",
                textfont={"color": "#FFFFFF" if dark else "#000000"},
                hoverinfo="x+name",
            )
        )
    if len(rows) > limit:
        made.add_annotation(
            text=f"{limit} of {len(rows)} items",
            x=1,
            y=1.02,
            xref="paper",
            yref="paper",
            xanchor="right",
            yanchor="bottom",
            showarrow=False,
        )
    return made
