"""How a pilot's batch comes along: the numbers behind `Pilot.progress`, so far and with their intervals."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from workbench import tasks
from workbench.pilot import measures
from workbench.stats import agreement, drift
from workbench.stats import gold as gold_stats
from workbench.widgets.progress import Number, Person, Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from workbench.pilot.opening import Pilot
    from workbench.stats.estimate import Estimate

# Enough for two digits while labels come in; the agreement page resamples more.
RESAMPLES = 2_000
# A run of equal answers is mentioned from this length on, and only where it is this unlikely.
LONG_RUN, RARE = 12, 0.001


def snapshot(pilot: Pilot) -> Snapshot:
    """The pilot's labels at this moment."""
    labels = pilot.labels()
    overall = first_questions(labels)
    design = pilot.config.design
    planned = pilot.assignments() if design.queue == "planned" else []
    asked = Counter(one.annotator for one in planned)
    # Beside the batch there may be queues of guests' own, which make no batch complete.
    wanted = sum(one.batch == design.batch for one in planned)
    batch = overall[overall["batch"] == design.batch] if wanted else overall
    live = batch[~batch["is_repeat"]]
    judged = live[~live["is_gold"]] if design.queue == "open" else live
    done = judged.groupby("item")["annotator"].nunique()
    n_items = len(pilot.items)
    if design.queue == "open":
        n_items -= round(design.gold_share * n_items)
    counts = pilot.store.counts(pilot.name)
    flags = Counter(flag for one in pilot.label_records() for flag in one.flags)
    return Snapshot(
        title=pilot.config.title or pilot.name,
        taken_at=datetime.now(UTC),
        # Of a plan everything counts; an open batch is complete when its items are, gold and repeats aside.
        labels=len(judged) if design.queue == "open" else len(batch),
        wanted=wanted or design.overlap * n_items,
        items_done=int((done >= design.overlap).sum()),
        items=n_items,
        aside=counts.n_quarantined,
        flags=dict(flags.most_common()),
        agreement=tuple(_agreement(pilot, labels)),
        agreement_wanted=pilot.config.thresholds.agreement,
        gold_allowed=pilot.config.thresholds.gold_error,
        people=tuple(_people(pilot, overall, asked)),
        notices=(pilot.simulated_notice,) if pilot.simulated_notice else (),
    )


def first_questions(labels: pd.DataFrame) -> pd.DataFrame:
    """One row a label: the overall question, or the first criterion where there is none."""
    whole = labels[labels["criterion"] == ""]
    return whole if len(whole) else labels.drop_duplicates("label_id")


def _agreement(pilot: Pilot, labels: pd.DataFrame) -> list[Number]:
    level = tasks.task(pilot.config.task).level
    criteria = [""] if (labels["criterion"] == "").any() or labels.empty else sorted(labels["criterion"].unique())
    found = []
    for criterion in criteria:
        rows = labels[labels["criterion"] == criterion]
        alpha = agreement.krippendorff_alpha(rows, level, n_resamples=RESAMPLES)
        found.append(_number(alpha, f"alpha{f' of {criterion}' if criterion else ''}", alpha.n_items))
    return found


def _people(pilot: Pilot, labels: pd.DataFrame, asked: Counter[str]) -> list[Person]:
    errors = {one.label: one for one in gold_errors(pilot, labels)}
    sources = dict(zip(labels["annotator"], labels["source"], strict=True))
    skips = Counter(one.annotator for one in pilot.store.skips(pilot.name))
    others = _said_by_others(labels)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    people = []
    for name in sorted({*sources, *asked, *skips}):
        mine = labels[labels["annotator"] == name].sort_values(["submitted_at", "position"], kind="stable")
        seconds = mine["duration_s"].dropna().astype(float)
        error = errors.get(name)
        people.append(
            Person(
                name=name,
                source=sources.get(name) or _source(pilot, name),
                done=len(mine),
                asked=asked[name],
                skipped=skips[name],
                last_hour=int((mine["submitted_at"] > hour_ago).sum()),
                seconds=float(seconds.median()) if len(seconds) else math.nan,
                gold=_number(error, "", error.n_labels) if error and error.n_labels else None,
                remarks=tuple(_remarks(mine, [others.get(label) for label in mine["label_id"]])),
            )
        )
    return people


def gold_errors(pilot: Pilot, labels: pd.DataFrame) -> list[Estimate]:
    """Each annotator's errors on gold, whatever the task: an answer is right where `tasks.Task.same` says so."""
    marked = measures.marked_gold(pilot, labels)
    return gold_stats.error_rates(marked, dict.fromkeys(marked["item"], True)) if len(marked) else []


def _remarks(mine: pd.DataFrame, others: Sequence[Any]) -> list[str]:
    """Changes whose whole interval lies on one side, and long runs of one answer."""
    said = [bool(own == other) for own, other in zip(mine["label"], others, strict=True) if other is not None]
    told = []
    agrees = drift.share_change(said)
    if agrees.defined and agrees.high < 0:
        told.append(f"agrees less with the others lately: {_change(agrees)}")
    pace = drift.pace_change([float(one) for one in mine["duration_s"].dropna()])
    if pace.defined and pace.high < 1:
        told.append(f"quicker lately: {pace.value:.2f} times the time [{pace.low:.2f}, {pace.high:.2f}]")
    run = drift.last_run(list(mine["label"]))
    if run.length >= LONG_RUN and run.chance < RARE:
        told.append(f"the last {run.length} answers are all {run.answer}")
    return told


def _said_by_others(labels: pd.DataFrame) -> dict[str, Any]:
    """label id -> what most others said of the item; None where fewer than two did, or no answer leads."""
    first = labels[~labels["is_repeat"]]
    votes: dict[str, Counter[Any]] = {}
    for item, label in zip(first["item"], first["label"], strict=True):
        votes.setdefault(item, Counter())[label] += 1
    found: dict[str, Any] = {}
    for name, item, label, repeat in zip(
        labels["label_id"], labels["item"], labels["label"], labels["is_repeat"], strict=True
    ):
        rest = votes.get(item, Counter()).copy()
        if not repeat:
            rest[label] -= 1
        ranked = [(n, answer) for answer, n in rest.most_common(2) if n > 0]
        clear = ranked and sum(rest.values()) > 1 and (len(ranked) == 1 or ranked[0][0] > ranked[1][0])
        found[name] = ranked[0][1] if clear else None
    return found


def _source(pilot: Pilot, name: str) -> str:
    known = [*pilot.store.annotators(), *(person.annotator for person in pilot.config.annotators)]
    return next((one.source for one in known if one.id == name), "human")


def _number(estimate: Estimate, name: str, n: int) -> Number:
    return Number(name, estimate.value, estimate.low, estimate.high, n, estimate.reason)


def _change(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"
