"""Gold as pictures: each annotator's error against the threshold, and the path of a sequential test."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench.figures import agreement, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.estimate import Verdict
    from workbench.stats.gold import SequentialTest


def errors(verdicts: Sequence[Verdict], *, title: str = "") -> go.Figure:
    """Gold error of each annotator with its interval, the threshold and the verdict; see `agreement.forest`."""
    if not verdicts:
        return theme.empty("no gold answers yet", title=title)
    return agreement.forest([v.estimate for v in verdicts], verdicts[0].threshold, verdicts, title=title)


def boundary(test: SequentialTest, *, title: str = "") -> go.Figure:
    """The path of a sequential test between its two boundaries, and where it decided.

    Right answers are open circles, wrong ones filled squares. What came after the decision is pale, since it changes
    nothing. A beta-binomial test has two paths: one is held against the upper boundary, one against the lower.

    Returns
    -------
    Figure
        Traces `evidence` (or `towards fail` and `towards pass`), `right`, `wrong`, where it applies
        `after the decision` and the decision under its own name.
    """
    if not test.n:
        return theme.empty("no gold answer yet", title=title)
    made = theme.figure(
        height=390,
        title=title,
        margin={"l": 60, "r": 200, "t": 40, "b": 84},
        xaxis={"title": {"text": "gold answers"}, "range": [0, max(test.n, 5) + 0.5], "rangemode": "tozero"},
        yaxis={"title": {"text": "log evidence: unacceptable over acceptable"}, "zeroline": False},
    )
    paths = {"evidence": (test.toward_fail, theme.BLUE, "solid")}
    if test.toward_fail != test.toward_pass:
        paths = {
            "towards fail": (test.toward_fail, theme.BLUE, "solid"),
            "towards pass": (test.toward_pass, theme.PURPLE, "dash"),
        }
    end = test.decided_at or test.n
    for name, (path, colour, dash) in paths.items():
        made.add_trace(_line(name, path[:end], 1, colour, dash))
        if end < test.n:
            made.add_trace(_line("after the decision", path[end - 1 :], end, theme.PALE, dash))
            made.data[-1].showlegend = name != "towards pass"
    for answer, symbol in ((True, "circle-open"), (False, "square")):
        made.add_trace(_answers(test, answer, symbol, end))
    _add_boundary(made, test.upper, "fail", " (solid path)" if len(paths) > 1 else "")
    _add_boundary(made, test.lower, "pass", " (dashed path)" if len(paths) > 1 else "")
    if test.decided_at is not None:
        _add_decision(made, test, test.decided_at)
    made.add_annotation(
        text=f"{theme.VERDICTS[test.decision].sign} {theme.plain(_said(test), 120)}",
        x=0,
        xref="paper",
        xanchor="left",
        y=1.02,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
    )
    made.update_layout(legend={"y": 0, "yref": "container", "yanchor": "bottom"})
    return made


def _said(test: SequentialTest) -> str:
    when = f" at answer {test.decided_at}" if test.decided_at is not None else ""
    return f"{test.label + ': ' if test.label else ''}{test.decision}{when}, {test.n_wrong} of {test.n} wrong"


def _line(name: str, path: Sequence[float], start: int, colour: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=list(range(start, start + len(path))),
        y=[_finite(value) for value in path],
        mode="lines",
        name=name,
        legendgroup=name,
        line={"color": colour, "dash": dash, "width": 2},
        hoverinfo="skip",
    )


def _answers(test: SequentialTest, answer: bool, symbol: str, end: int) -> go.Scatter:
    """Markers of right or wrong answers, on the path that is held against the upper boundary."""
    at = [k for k, right in enumerate(test.right) if right is answer]
    word = "right" if answer else "wrong"
    colour = [theme.BLUE if k < end else theme.GREY for k in at]
    return go.Scatter(
        x=[k + 1 for k in at],
        y=[_finite(test.toward_fail[k]) for k in at],
        mode="markers",
        name=word,
        marker={"symbol": symbol, "size": 7, "color": colour, "line": {"width": 1.5, "color": colour}},
        hovertext=[f"answer {k + 1}: {word}, evidence {test.toward_fail[k]:.2f}" for k in at],
        hoverinfo="text",
    )


def _add_boundary(made: go.Figure, height: float, decision: str, which: str) -> None:
    mark = theme.VERDICTS[decision]
    made.add_hline(
        y=height,
        line={"dash": "dash", "color": mark.colour, "width": 1.5},
        annotation={
            "text": f"{mark.sign} {decision} {'above' if decision == 'fail' else 'below'} {height:.2f}{which}",
            "font": {"color": mark.colour},
            "xanchor": "left",
        },
        annotation_position="right",
    )


def _add_decision(made: go.Figure, test: SequentialTest, at: int) -> None:
    mark = theme.VERDICTS[test.decision]
    path = test.toward_fail if test.decision == "fail" else test.toward_pass
    made.add_trace(
        go.Scatter(
            x=[at],
            y=[_finite(path[at - 1])],
            mode="markers",
            name=test.decision,
            marker=theme.marker(mark.colour, mark.symbol, size=15),
            showlegend=False,  # said above the figure and at the boundary
            hovertext=[theme.plain(_said(test), 120)],
            hoverinfo="text",
        )
    )


def _finite(value: float) -> Any:
    return value if math.isfinite(value) else None
