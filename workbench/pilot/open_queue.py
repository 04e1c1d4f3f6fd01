"""A batch that is handed out bit by bit, as one annotator sees it: design chooses, the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench import design
from workbench.errors import PilotError, TooLateError
from workbench.records import Assignment, content_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.pilot.opening import Pilot
    from workbench.records import Annotator, Label, Skip
    from workbench.store import Hold
    from workbench.widgets.annotate import Handed, HandOut, Keeper


class OpenQueue:
    """The questions one annotator holds. Used from any thread: what is kept here is only read back."""

    def __init__(self, pilot: Pilot, person: Annotator) -> None:
        asked = pilot.config.design
        self._pilot = pilot
        self._person = person
        self._batch = asked.batch
        self._overlap = asked.overlap
        self._seconds = 60 * asked.hold_minutes
        self._rules = design.Open(asked.overlap, asked.gold_share, asked.repeat_share, asked.seed)
        self._items = list(pilot.items.values())
        if not self._items:
            raise PilotError("this pilot has no items to hand out", next_step="workbench generate, or workbench import")
        practised = pilot.store.practice(pilot.name)
        self._practised = {one.item for one in practised if one.annotator == person.id}
        # What was done in earlier sessions, so that it can be looked at again.
        there = pilot.store.holds(pilot.name, self._batch)
        done = [hold for hold in there if hold.annotator == person.id and hold.state == "done"]
        self._asked = {(one.item, one.is_repeat): self._assignment(one) for one in done}
        self._done = set(self._asked)

    @property
    def hand_out(self) -> HandOut:
        """This queue as a labelling widget asks for it."""
        from workbench.widgets.annotate import HandOut

        return HandOut(self._pilot.name, self._batch, self.ask)

    def ask(self, wanted: int) -> Handed:
        """Hold up to `wanted` further questions; 0 only renews what is held. Returns all that is done or held."""
        from workbench.widgets.annotate import Handed

        left = 0

        def choose(holds: Sequence[Hold]) -> Any:
            nonlocal left
            who, exclude = self._person.id, self._practised
            chosen = design.next_questions(self._items, holds, who, self._rules, n=wanted, exclude=exclude)
            left = design.n_left(self._items, holds, who, self._rules, exclude=exclude)
            left -= sum(not one.is_gold and not one.is_repeat for one in chosen)
            return chosen

        held = self._pilot.store.hand_out(
            self._pilot.name, self._batch, self._person.id, choose, overlap=self._overlap, seconds=self._seconds
        )
        mine = {(one.item, one.is_repeat): self._assignment(one) for one in held}
        self._asked |= mine
        mine |= {key: self._asked[key] for key in self._done}
        return Handed(sorted(mine.values(), key=lambda one: one.position), max(left, 0))

    def keeper(self) -> Keeper:
        """Where judgments on these questions go."""
        from workbench.widgets.annotate import Keeper

        store = self._pilot.store
        return Keeper(
            judge=self._judge,
            skip=lambda one: store.skip(one, self._question_of(one)),
            practice=self._practise,
            exchange=lambda one: store.append([one]),
        )

    def _judge(self, label: Label) -> Label:
        kept = self._pilot.store.judge_held(label, self._question_of(label), self._overlap)
        if kept is None:
            raise TooLateError("the time for this item was up and others have judged it; your answer was kept aside")
        self._done = self._done | {(label.item, label.is_repeat)}
        return kept

    def _practise(self, one: Any) -> None:
        self._pilot.store.append([one])
        self._practised = self._practised | {one.item}

    def _question_of(self, given: Label | Skip) -> Assignment:
        return self._asked[given.item, given.is_repeat]

    def _assignment(self, hold: Hold) -> Assignment:
        """A hold as the assignment that a plan would give it (see `design.plan` for the id)."""
        name, batch, person = self._pilot.name, self._batch, self._person.id
        return Assignment(
            id=content_id("a", name, batch, hold.item, person, hold.is_repeat),
            pilot=name,
            batch=batch,
            item=hold.item,
            annotator=person,
            order=hold.order,
            position=hold.position,
            is_gold=hold.is_gold,
            is_repeat=hold.is_repeat,
        )
