"""The questions a task asks, and the labels that answer each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench import tasks

if TYPE_CHECKING:
    import pandas as pd

    from workbench.pilot.opening import Pilot
    from workbench.stats.coding import Level

# Criteria that are places in one text (claims) come and go with the item, so they have no agreement of their own.
_NO_CRITERIA = {"factual_accuracy"}
# Beside an overall question, criteria asked of a few items only (one constraint of many) say nothing on their own.
FEWEST_ITEMS = 15
MOST_CRITERIA = 12


class Question(NamedTuple):
    """One question of a task and the labels that answer it; the overall question has an empty name."""

    name: str
    labels: pd.DataFrame
    level: Level


def questions(pilot: Pilot, labels: pd.DataFrame) -> list[Question]:
    """The questions that have labels, the overall one first. Without an overall question each criterion is one.

    Beside an overall question only the criteria asked most often are given, `MOST_CRITERIA` of them at most.
    """
    task = tasks.task(pilot.config.task)
    names = sorted(labels["criterion"].unique(), key=lambda name: (name != "", name))
    if task.name in _NO_CRITERIA:
        names = names[:1]
    if names[0] == "":
        often = labels[labels["criterion"] != ""].groupby("criterion")["item"].nunique()
        often = often[often >= FEWEST_ITEMS].sort_values(ascending=False, kind="stable")
        names = ["", *sorted(often.index[:MOST_CRITERIA])]
    found = []
    for name in names:
        mine = labels[labels["criterion"] == name]
        # A rating beside a choice (how severe) is on a scale of its own.
        numbers = mine["label"].map(lambda one: isinstance(one, int | float) and not isinstance(one, bool)).all()
        level: Level = task.level if not name else "ordinal" if numbers else "nominal"
        found.append(Question(name, mine, task.level if numbers and task.level != "nominal" else level))
    return found


def cluster(labels: pd.DataFrame) -> str | None:
    """Prompts are resampled where several items share one: such items are hard or easy together."""
    shared = labels.groupby("prompt_id")["item"].nunique()
    return "prompt_id" if len(shared) > 1 and (shared > 1).any() else None
