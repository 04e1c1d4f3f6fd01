"""A ranking as pictures: ratings with their intervals and open ranks, and who beats whom how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.figures import agreement, theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.stats.ranking import Ranking, WinRates

# Vermillion for losing, white for even, blue for winning: told apart without red and green, and by the number.
_LOST_TO_WON = [[0, theme.VERMILLION], [0.5, "#FFFFFF"], [1, theme.BLUE]]


def ratings(ranking: Ranking, *, title: str = "") -> go.Figure:
    """One line a system, best first: rating, interval, and the ranks the comparisons leave open.

    Returns
    -------
    Figure
        As `agreement.forest`, with a dashed line at 0: the mean, or the anchor.
    """
    if not ranking.systems:
        return theme.empty("no systems to show", title=title)
    rows = []
    for one in ranking.systems:
        ranks = f"{one.rank}" if one.best_rank is None else f"{one.best_rank}–{one.worst_rank}"
        if one.best_rank is not None and one.best_rank == one.worst_rank:
            ranks = f"{one.best_rank}"
        name = one.system if len(one.system) <= 28 else one.system[:27].rstrip() + "…"
        rows.append(one.rating.named(f"{name} (rank {ranks})"))
    made = agreement.forest(rows, title=title)
    made.update_layout(margin_r=215)  # ratings have signs, which estimates of agreement seldom have
    made.update_xaxes(title_text=theme.plain(f"rating and interval ({ranking.scale}; n: units resampled)", 90))
    made.add_vline(x=0, line={"dash": "dash", "color": theme.GREY, "width": 1.5})
    return made


def win_rates(rates: WinRates, *, title: str = "") -> go.Figure:
    """How often the system of the row beat that of the column, ties half, with the number of comparisons.

    Returns
    -------
    Figure
        One trace of the pairs that were compared and, where some were not, one of the others.
    """
    n = len(rates.names)
    if n < 2:
        return theme.empty("win rates need two systems", title=title)
    names = [theme.plain(name, 22) for name in rates.names]
    cell = max(30, min(66, 640 // n))
    wide = cell >= 50
    left = theme.side_margin(names, least=40)
    made = theme.figure(
        height=n * cell + 160,
        width=max(420, n * cell + left + 150),
        title=title,
        margin={"l": left, "r": 150, "t": 20, "b": 140},
        xaxis={
            **theme.axis(names),
            "tickangle": -60,
            "title": {"text": "share won by the row, ties half" + (", comparisons below" if wide else "")},
        },
        yaxis={**theme.axis(names), "autorange": False, "range": [n - 0.5, -0.5]},
        coloraxis={
            "colorscale": _LOST_TO_WON,
            "cmin": 0,
            "cmax": 1,
            "colorbar": {"thickness": 12, "outlinewidth": 0, "tickformat": ".0%"},
        },
        showlegend=False,
    )
    shares = rates.rates
    known: list[dict[str, Any]] = []
    unknown: list[dict[str, Any]] = []
    for row in range(n):
        for column in range(n):
            count = int(rates.n[row, column])
            if row == column:
                continue
            shown = f"{shares[row, column]:.2f}" if count else "none"
            won = f"{int(rates.wins[row, column])} won, {int(rates.ties[row, column])} tied of {count}"
            point = {
                "x": column,
                "y": row,
                "value": float(shares[row, column]),
                "text": f"{shown}<br>{count}" if wide else shown,
                "hover": f"{names[row]} against {names[column]}<br>{won}",
            }
            (known if count else unknown).append(point)
    if known:
        # Only the bluest squares are too dark for black (contrast under 4.5).
        colour = ["#FFFFFF" if point["value"] > 0.97 else "#000000" for point in known]
        marker = {"symbol": "square", "size": cell - 4, "coloraxis": "coloraxis", "color": [p["value"] for p in known]}
        made.add_trace(theme.squares(known, marker, colour, "win rate"))
    if unknown:
        marker = {"symbol": "square-open", "size": cell - 6, "color": theme.PALE}
        made.add_trace(theme.squares(unknown, marker, theme.GREY, "not compared"))
    return made
