"""What a pilot's labels say: disagreements, annotators, cost, and the decision on each item.

Each function reads the label table of a pilot and asks the islands; the arithmetic is theirs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench import tasks
from workbench.errors import PilotError
from workbench.pilot import results
from workbench.pilot.questions import questions
from workbench.stats import aggregation, annotators, disagreement, gold
from workbench.stats.estimate import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.economics.cost import Prices
    from workbench.pilot.opening import Pilot


def disagreements(pilot: Pilot, n: int) -> results.Disagreements:
    """See `Pilot.disagreements`."""
    labels = some_labels(pilot)
    asked = questions(pilot, labels)
    # Where there is an overall question it decides; ratings on several dimensions have none.
    asked = asked[:1] if not asked[0].name else asked
    each = [disagreement.by_item(one.labels).assign(criterion=one.name) for one in asked]
    by_question = pd.concat(each, ignore_index=True).sort_values(
        ["disagreement", "entropy", "item"], ascending=[False, False, True], kind="stable"
    )
    # An item is shown once, by the question people differ on most.
    ranked = by_question.drop_duplicates("item", ignore_index=True)
    texts = pilot.item_table()[["item", "category", "prompt", "response_a", "response_b"]]
    worst = ranked[ranked["disagreement"] > 0]
    rows = worst.head(n).merge(texts, on="item", how="left")
    reasons: dict[str, list[str]] = {}
    for label in pilot.label_records():
        if label.reason:
            reasons.setdefault(label.item, []).append(f"{label.annotator}: {label.reason}")
    rows["reasons"] = [reasons.get(item, []) for item in rows["item"]]
    return results.Disagreements(rows, len(worst), len(ranked), pilot.simulated_notice)


def quality(pilot: Pilot) -> results.Quality:
    """See `Pilot.quality`."""
    labels = some_labels(pilot)
    marked = marked_gold(pilot, labels)
    threshold = pilot.config.thresholds.gold_error
    verdicts = tuple(
        verdict(f"Gold error of {error.label}", error, threshold, higher_is_better=False)
        for error in (gold.error_rates(marked, dict.fromkeys(marked["item"], True)) if len(marked) else [])
    )
    from workbench.pilot.annotators import pages

    return results.Quality(tuple(annotators.summarise(labels)), verdicts, pilot.simulated_notice, pages(pilot))


def marked_gold(pilot: Pilot, labels: pd.DataFrame) -> pd.DataFrame:
    """Answers to gold as a label table of right (True) and wrong, whatever the task: `tasks.Task.same` decides."""
    task = tasks.task(pilot.config.task)
    asked = labels[labels["is_gold"]].drop_duplicates("label_id")
    known = {item.id: tasks.parse_answer(item.task, item.gold.answer) for item in pilot.items.values() if item.gold}
    asked = asked[asked["item"].isin(list(known))]
    right = [
        task.same(tasks.parse_answer(task.name, json.loads(answer)), known[item])
        for item, answer in zip(asked["item"], asked["answer"], strict=True)
    ]
    marked = pd.DataFrame({"item": asked["item"], "annotator": asked["annotator"], "label": right}, dtype=object)
    return marked.assign(is_repeat=asked["is_repeat"], submitted_at=asked["submitted_at"])


def cost(pilot: Pilot, scale_to: int, prices: Sequence[Prices], options: Mapping[str, Any]) -> results.Cost:
    """See `Pilot.cost`."""
    from workbench.economics import cost as economics

    if not prices:
        raise PilotError(
            "this pilot has no prices, and they are not guessed",
            next_step="pilot.cost(n, prices=[Prices(name='ours', judgment='0.40')]) or [[prices]] in pilot.toml",
        )
    planned = pilot.config.design
    asked: dict[str, Any] = {
        "overlap": planned.overlap,
        "gold_share": planned.gold_share,
        "repeat_share": planned.repeat_share,
    }
    labels = pilot.labels()
    seconds = labels["duration_s"].dropna()
    pretended = ""
    if "words" not in options and "seconds_per_judgment" not in options and len(seconds):
        asked["seconds_per_judgment"] = float(seconds.median())
        if "simulated" in set(labels["source"]):
            pretended = "SIMULATED: the pace is that of simulated labels, so hours and wage are no evidence"
    estimates = tuple(economics.estimate(scale_to, one, **{**asked, **options}) for one in prices)
    first, *others = prices
    comparable = [p for p in others if p.unit == first.unit and p.plan_per_month != first.plan_per_month]
    evens = tuple(economics.break_even(first, other) for other in comparable)
    return results.Cost(estimates, evens, pretended)


def decisions(pilot: Pilot, exclude: Sequence[str] = ()) -> dict[str, tuple[str | None, str]]:
    """item -> (label, how it was decided): majority vote, and an adjudication where there is one.

    Votes are those that an export may use (`usable`): a row must not point where votes that are not counted point.
    """
    consensus = aggregation.majority(usable(pilot, exclude))
    columns: Any = (consensus["item"], consensus["consensus_label"], consensus["source"])
    found: dict[str, tuple[str | None, str]] = {item: (label, how) for item, label, how in zip(*columns, strict=True)}
    for decided in pilot.store.adjudications(pilot.name):
        found[decided.item] = (str(decided.answer.get("choice")), "adjudicated")
    return found


def usable(pilot: Pilot, exclude: Sequence[str] = ()) -> pd.DataFrame:
    """The labels an export may use, as a label table: under the guideline of most labels, without these annotators.

    Gold is in it, because it tells of the annotators as much as anything else.
    """
    labels = some_labels(pilot)
    under = labels["guideline_sha256"] == pilot.labelled_under().sha256
    return labels[under & ~labels["annotator"].isin(list(exclude))]


def some_labels(pilot: Pilot) -> pd.DataFrame:
    """The label table, or `PilotError` when there is no label yet."""
    labels = pilot.labels()
    if labels.empty:
        raise PilotError("this pilot has no labels yet", next_step="pilot.annotate('your name')")
    return labels
