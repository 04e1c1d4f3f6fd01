"""Finished numbers in, plotly figures out. Nothing here computes a statistic.

agreement     forest plot of estimates with verdicts; pairwise agreement between annotators
disagreement  votes on the most disputed items
gold          gold errors; the path of a sequential test between its boundaries
annotators    side and content bias; drift charts with their boundary
pools         differences between groups, agreement within and between them
aggregation   confusion matrices; how sure the consensus is
ranking       ratings with intervals; win rates
rounds        win rate of each round's adapter
cost          what a run's cost is made of
training      curves of a run; base model against adapter
theme         the one template, its colours and marks
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.figures import (
        aggregation,
        agreement,
        annotators,
        cost,
        disagreement,
        gold,
        pools,
        ranking,
        rounds,
        theme,
        training,
    )

__all__ = [
    "aggregation",
    "agreement",
    "annotators",
    "cost",
    "disagreement",
    "gold",
    "pools",
    "ranking",
    "rounds",
    "theme",
    "training",
]


def __getattr__(name: str) -> object:
    # plotly takes a while, and many notebooks draw nothing.
    if name in __all__:
        return import_module(f"workbench.figures.{name}")
    msg = f"module 'workbench.figures' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
