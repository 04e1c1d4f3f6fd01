"""Who labels what in a pilot, and where it goes: wires queue, store, verifiers, calibration and model to the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench import design, verifiers
from workbench.errors import PilotError
from workbench.pilot.asked import Asked
from workbench.pilot.open_queue import OpenQueue
from workbench.records import Annotator, Assignment, content_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workbench.pilot.opening import Pilot
    from workbench.records import Calibration, Item, Practice
    from workbench.training.chat import Chat
    from workbench.widgets.annotate import AnnotateWidget, Drill, Partner, Requirement


def annotate(
    pilot: Pilot,
    name: str,
    *,
    n: int | None,
    keys: Mapping[str, str] | None,
    model: str | Chat | Partner | Callable[..., Any] | None,
    break_after_min: float,
) -> AnnotateWidget:
    """See `Pilot.annotate`."""
    from workbench.widgets import annotate_queue
    from workbench.widgets.annotate import Options, Past

    person, guideline, store = annotator(pilot, name), pilot.guideline, pilot.store
    store.keep_guideline(guideline)
    store.append([person])
    asked = Asked(pilot, person)
    handed = OpenQueue(pilot, person, asked) if pilot.config.design.queue == "open" else None
    return annotate_queue(
        [] if handed else queue(pilot, person, n),
        pilot.items,
        annotator=person,
        guideline=guideline,
        keeper=asked.keeper(),
        past=Past(
            labels=[one for one in store.labels(pilot.name, history=True) if one.annotator == name],
            skips=[one for one in store.skips(pilot.name) if one.annotator == name],
            practice=practised(pilot, person),
            exchanges=[one for one in store.exchanges(pilot.name) if one.annotator == name],
        ),
        options=Options(
            keys=keys or {},
            break_after_min=break_after_min,
            hand_out=handed.hand_out if handed else None,
            checklist=requirements if pilot.config.task == "instruction_following" else None,
            partner=partner(model) if pilot.config.task == "red_team" else None,
            drill=calibration(pilot, person),
            ever_asked=asked.ever,
            earlier=store.answerable,
            secret=store.secret(pilot.name),
        ),
    )


def annotator(pilot: Pilot, name: str) -> Annotator:
    """The annotator of this name, as the store or `pilot.toml` describes them, else a new person.

    Raises
    ------
    PilotError
        When they are simulated, or a model: no person labels in their name.
    """
    known = [*pilot.store.annotators(), *(person.annotator for person in pilot.config.annotators)]
    person = next((one for one in known if one.id == name), None) or Annotator(id=name, source="human")
    if person.source != "human":
        what = "simulated" if person.source == "simulated" else "a model"
        raise PilotError(f"{name} is {what}; use another name to label as a person")
    return person


def queue(pilot: Pilot, person: Annotator, n: int | None = None) -> list[Assignment]:
    """What was planned for somebody, of the latest batch; others get all items (or `n`) in a batch of their own."""
    mine = [one for one in pilot.assignments() if one.annotator == person.id]
    if mine:
        latest = pilot.store.assignments(pilot.name)
        batch = next(one.batch for one in reversed(latest) if one.annotator == person.id)
        return [one for one in mine if one.batch == batch]
    rule = pilot.guideline.calibration
    kept_back = _practice_ids(pilot, person, rule) if rule else set()
    listed = [item for item in pilot.items.values() if item.id not in kept_back][:n]
    made = design.plan(
        listed,
        [person],
        pilot=pilot.name,
        batch=f"own-{person.id}",
        round_number=pilot.config.round_number,
        overlap=1,
        gold_share=0,
        repeat_share=0,
        seed=len(listed),
    )
    pilot.store.append(made)
    return made


def practised(pilot: Pilot, person: Annotator) -> list[Practice]:
    """What somebody has answered in the calibration of this guideline version."""
    sha = pilot.guideline.sha256
    given = pilot.store.practice(pilot.name)
    return [one for one in given if one.annotator == person.id and one.guideline_sha256 == sha]


def calibration(pilot: Pilot, person: Annotator) -> Drill | None:
    """The practice before live work, on gold that this annotator is not asked live; None where there is none."""
    from workbench.widgets.annotate import Drill

    rule = pilot.guideline.calibration
    if rule is None:
        return None
    batch = f"practice-{pilot.guideline.sha256[:12]}"
    taken = _taken(pilot, person)

    def questions(attempt: int) -> list[Assignment]:
        chosen = design.practice_items(list(pilot.items.values()), rule, person.id, attempt, taken=taken)
        return [_practice_question(pilot, person, batch, item, attempt, place) for place, item in enumerate(chosen)]

    return Drill(questions, lambda given: design.standing(rule, given), lambda: practised(pilot, person))


def requirements(item: Item) -> list[Requirement]:
    """An item's checklist in words, with what the verifiers find in its response."""
    from workbench.widgets.annotate import Requirement

    found = {one.constraint: one for one in verifiers.check_all(item.constraints, item.responses[0].text).verdicts}
    return [
        Requirement(
            constraint.id,
            verifiers.describe(constraint),
            "yes" if found[constraint.id].passed else "no",
            found[constraint.id].found,
        )
        for constraint in item.constraints
    ]


def partner(model: str | Chat | Partner | Callable[..., Any] | None) -> Partner | None:
    """A model to attack, from the name of one on this machine, a function of the turns, or a `training.chat.Chat`."""
    from workbench.training import chat
    from workbench.widgets.annotate import Partner

    if model is None or isinstance(model, Partner):
        return model
    if isinstance(model, str):
        model = chat.embedded(model)
    if isinstance(model, chat.Chat):
        return Partner(model.reply, model.model, model.model_sha256, model.params)
    if not callable(model):
        raise PilotError(
            f"no model to talk to: {type(model).__name__}",
            next_step="give the name of one on this machine, training.chat.endpoint(…), or a function of the turns",
        )
    return Partner(model, getattr(model, "__name__", type(model).__name__))


def _taken(pilot: Pilot, person: Annotator) -> set[str]:
    """Items that nobody, or not this person, may practise on: the batch's gold, and what they are asked live."""
    asked = pilot.config.design
    taken = {one.item for one in pilot.assignments() if one.is_gold or one.annotator == person.id}
    taken |= {one.item for one in pilot.store.holds(pilot.name, asked.batch) if one.annotator == person.id}
    if asked.queue == "open":
        taken |= design.choose_gold(list(pilot.items.values()), asked.gold_share, asked.seed)
    return taken


def _practice_ids(pilot: Pilot, person: Annotator, rule: Calibration) -> set[str]:
    """Items of all attempts, to be kept out of a queue that would else hold everything."""
    taken = {one.item for one in pilot.assignments() if one.is_gold}
    items = list(pilot.items.values())
    attempts = range(1, rule.attempts + 1)
    return {one.id for k in attempts for one in design.practice_items(items, rule, person.id, k, taken=taken)}


def _practice_question(
    pilot: Pilot, person: Annotator, batch: str, item: Item, attempt: int, position: int
) -> Assignment:
    shuffled = sorted((one.id for one in item.responses), key=lambda one: content_id("o", person.id, attempt, one))
    return Assignment(
        id=content_id("a", pilot.name, batch, item.id, person.id, attempt),
        pilot=pilot.name,
        batch=batch,
        item=item.id,
        annotator=person.id,
        order=tuple(shuffled),
        position=position,
        is_gold=True,
    )
