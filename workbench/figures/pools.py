"""Groups of annotators as pictures: where they part, and how far each agrees within itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.figures.annotators import MOST_ROWS, forest

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from workbench.stats.pools import ShareDifferences, WithinBetween


def group_differences(found: ShareDifferences, *, most: int = MOST_ROWS, title: str = "") -> go.Figure:
    """Differences of label shares between groups, those with most evidence first.

    Returns
    -------
    Figure
        A forest with no difference as reference; those beyond chance over all looks have their own mark.
    """
    shown = sorted(found.differences, key=lambda one: (one.p_holm != one.p_holm, one.p_value))[:most]
    rows = [one.difference for one in shown]
    beyond = [one.p_holm < 1 - one.difference.confidence for one in shown]
    names = ("differ (Holm)", "no more than chance allows")
    return forest(
        rows, beyond, reference=0.0, axis=_axis("share minus share", found.n_hidden), names=names, title=title
    )


def group_agreement(found: WithinBetween, *, title: str = "") -> go.Figure:
    """Equal pairs within and between groups, and their difference; all over the same items."""
    rows = [found.all_within, found.all_between, *found.within.values(), *found.between.values()]
    apart = found.p_value < 1 - found.difference.confidence
    names = (
        "within groups, differing from between" if apart else "within groups",
        "between groups" if apart else "within and between groups, no more apart than chance allows",
    )
    inside = [True, False, *([True] * len(found.within)), *([False] * len(found.between))]
    beyond = inside if apart else [False] * len(rows)
    axis = _axis("share of equal pairs of labels", found.n_hidden)
    return forest(rows, beyond, reference=found.all_between.value, axis=axis, names=names, title=title)


def _axis(what: str, n_hidden: int) -> str:
    return f"{what} ({n_hidden} groups too small to show)" if n_hidden else what
