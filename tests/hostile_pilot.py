"""A pilot in which every text that people, models or platforms write is hostile, with a labelling widget of every task.

Used by cells of a notebook in `tests/browser/test_hostile.py`: whatever is shown here is shown in a notebook that has
just been run, which makes it trusted.
"""

from __future__ import annotations

import json
from itertools import cycle
from typing import TYPE_CHECKING, Any

from tests.widgets.make import Keeper, guideline, items
from tests.widgets.make import assignments as queue_of
from tests.xss import PAYLOADS
from workbench.design import standing
from workbench.pilot import new_pilot, open_pilot
from workbench.records import (
    Annotator,
    Calibration,
    Clause,
    EdgeCase,
    Guideline,
    Item,
    Label,
    Response,
    content_id,
)
from workbench.widgets import AnnotateWidget, annotate_queue
from workbench.widgets.annotate import Drill, Options, Partner, Requirement

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot

# Short enough for names, and one of each family.
SHORT = [payload for payload in PAYLOADS if len(payload) < 90]


def hostile(n: int) -> str:
    """Several payloads in one text, different ones for each n."""
    return f"{PAYLOADS[n % len(PAYLOADS)]} {PAYLOADS[(n * 7 + 3) % len(PAYLOADS)]}"


def rules(task: str, **changes: Any) -> Guideline:
    """A guideline whose every free text is hostile."""
    names = [f"{name} {payload}" for name, payload in zip("abcdef", SHORT[::9], strict=False)]
    fields: dict[str, Any] = {
        "tie_rule": "".join(PAYLOADS[:30]),
        "author": hostile(1),
        "clauses": tuple(Clause(id=f"C{k}", title=hostile(k), text=hostile(k + 5)) for k in range(1, 12)),
        "edge_cases": (EdgeCase(id="E1", title=hostile(2), text=hostile(3), answer=hostile(4), clause=hostile(5)),),
        "flags": tuple(SHORT[:4]),
        "skip_reasons": tuple(SHORT[4:8]),
        "ask": ("criteria",) if task == "pairwise" else (),
    }
    if task in ("pairwise", "likert", "ranking"):
        fields["criteria"] = tuple(names[:3])
    if task in ("classification", "red_team"):
        fields["scale"] = tuple(names)
        fields["anchors"] = {name: (hostile(k),) for k, name in enumerate(names)} | {"severity": tuple(SHORT[:5])}
    if task == "likert":
        fields["scale"] = tuple(SHORT[8:13])
        fields["anchors"] = {}
    if task == "factual_accuracy":
        fields["anchors"] = {"supported": (hostile(6),)}
    return guideline(task, **(fields | changes))


def hostile_items(task: str) -> dict[str, Item]:
    """One item a payload."""
    made = {}
    for item, payload, number in zip(items(len(PAYLOADS), task=task).values(), PAYLOADS, range(1000), strict=False):
        responses = tuple(
            Response(id=one.id, text=f"{payload}\n\n{hostile(number + k)}", model=hostile(number))
            for k, one in enumerate(item.responses)
        )
        made[item.id] = item.model_copy(
            update={"prompt": payload, "responses": responses, "category": f"cat {SHORT[number % 3]}", "gold": None}
        )
    return made


def widget(task: str) -> AnnotateWidget:
    """The labelling widget of a task, everything in it hostile."""
    queue = hostile_items(task)
    told = Partner(lambda turns: f"{turns[-1].text} {hostile(len(turns))}", "a model")

    def checklist(_: Item) -> list[Requirement]:
        return [Requirement(f"c{k}", payload, "no", payload) for k, payload in enumerate(SHORT[:2], start=1)]

    options = Options(partner=told if task == "red_team" else None, checklist=checklist)
    changes = {"machine_checks": "after"} if task == "instruction_following" else {}
    return annotate_queue(
        queue_of(queue),
        queue,
        annotator=Annotator(id="reader-1", source="human", pool=hostile(1)),
        guideline=rules(task, **changes),
        keeper=Keeper().functions,
        options=options,
    )


def practice() -> AnnotateWidget:
    """Practice whose explanations are hostile."""
    gold = {"answer": {"choice": "A"}, "by": "panel", "clause": "C1"}
    queue = {
        name: Item.parse({**json.loads(item.canonical()), "gold": {**gold, "explanation": hostile(k)}})
        for k, (name, item) in enumerate(hostile_items("pairwise").items())
    }
    asked = queue_of(queue)
    rule = Calibration(n=20, min_correct=1, max_mistakes=19)
    return annotate_queue(
        asked[20:],
        queue,
        annotator=Annotator(id="reader-1", source="human"),
        guideline=rules("pairwise", calibration=rule, ask=()),
        keeper=Keeper().functions,
        options=Options(drill=Drill(lambda _: asked[:20], lambda given: standing(rule, given))),
    )


def pilot(folder: Path) -> Pilot:
    """A labelled pilot of pairs, every text of it hostile, its labels' guideline included."""
    new_pilot(folder, title=f"title {PAYLOADS[0]}")
    queue = hostile_items("pairwise")
    with (folder / "items.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(item.canonical() + "\n" for item in queue.values())
    opened = open_pilot(folder)
    own = rules("pairwise")
    opened.store.keep_guideline(own)
    people = [Annotator(id=name, source="human", pool=hostile(k)) for k, name in enumerate(("ana", "ben", "cem"))]
    labels = []
    for person, answers in zip(people, ("AB", "ABAA", "AAB"), strict=True):
        for place, (item, choice) in enumerate(zip(queue.values(), cycle(answers), strict=False)):
            ids = tuple(one.id for one in item.responses)
            labels.append(
                Label(
                    label_id=content_id("l", person.id, item.id),
                    pilot=opened.name,
                    batch="b1",
                    item=item.id,
                    prompt_id=item.prompt_id,
                    task="pairwise",
                    annotator=person.id,
                    source="human",
                    pool=person.pool,
                    answer={"choice": choice},
                    responses=ids,
                    order=ids,
                    position=place,
                    reason=hostile(place),
                    comment=hostile(place + 1),
                    flags=(SHORT[place % len(SHORT)],),
                    guideline=own.ref,
                    guideline_sha256=own.sha256,
                )
            )
    opened.store.append([*people, *labels])
    return opened
