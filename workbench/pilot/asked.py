"""What one annotator was ever asked in a pilot, and where answers to it go.

An answer may wait in a browser while its question leaves the queue: its hold expired, it was passed over, the kernel
that handed it out is gone, or the next batch was planned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import TooLateError
from workbench.records import Assignment, content_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.pilot.opening import Pilot
    from workbench.records import Annotator, Label, Practice, Skip
    from workbench.store import Hold
    from workbench.widgets.annotate import Keeper

Place = tuple[str, str, bool]


class Asked:
    """The questions one annotator was asked. Used from any thread: what is kept here is replaced, never changed."""

    def __init__(self, pilot: Pilot, person: Annotator) -> None:
        self._pilot = pilot
        self._person = person
        self._held: dict[Place, Assignment] = {}
        self._done: frozenset[Place] = frozenset()
        given = pilot.store.practice(pilot.name)
        self.practised = frozenset(one.item for one in given if one.annotator == person.id)

    def take(self, holds: Iterable[Hold]) -> list[Assignment]:
        """Remember questions that were handed out; returns them as a plan would give them."""
        listed = [self._assignment(one) for one in holds]
        self._held = self._held | {_place(one): one for one in listed}
        return listed

    def done(self, batch: str) -> list[Assignment]:
        """What was handed out in a batch and is answered, as far as it is known here."""
        return [self._held[place] for place in self._done if place[0] == batch]

    def finished(self, places: Iterable[Place]) -> None:
        """These are answered."""
        self._done = self._done | set(places)

    def ever(self) -> list[Assignment]:
        """All that this annotator was asked at any time, as the store has it now."""
        held = self.take(self._pilot.store.holds(self._pilot.name, annotator=self._person.id))
        planned = self._pilot.store.assignments(self._pilot.name)
        mine = [one for one in planned if one.annotator == self._person.id and _place(one) not in self._held]
        return [*mine, *held]

    def keeper(self) -> Keeper:
        """Where judgments on these questions go."""
        from workbench.widgets.annotate import Keeper

        store = self._pilot.store
        return Keeper(
            judge=self._judge,
            first=lambda one: self._judge(one, first=True),
            in_force=store.in_force,
            skip=lambda one: store.skip(one, self._held.get(_place(one))),
            practice=self._practise,
            exchange=store.converse,
        )

    def _judge(self, label: Label, *, first: bool = False) -> Label:
        place, store = _place(label), self._pilot.store
        if place not in self._held:
            return store.judge(label, first=first)
        kept = store.judge_held(label, self._held[place], self._pilot.config.design.overlap, first=first)
        if kept is None:
            raise TooLateError("the time for this item was up and others have judged it; your answer was kept aside")
        self.finished([place])
        return kept

    def _practise(self, one: Practice) -> Practice:
        kept = self._pilot.store.practise(one)
        self.practised |= {one.item}
        return kept

    def _assignment(self, hold: Hold) -> Assignment:
        """A hold as the assignment that a plan would give it (see `design.plan` for the id)."""
        name, person = self._pilot.name, self._person.id
        return Assignment(
            id=content_id("a", name, hold.batch, hold.item, person, hold.is_repeat),
            pilot=name,
            batch=hold.batch,
            round=self._pilot.config.round_number,
            item=hold.item,
            annotator=person,
            order=hold.order,
            position=hold.position,
            is_gold=hold.is_gold,
            is_repeat=hold.is_repeat,
        )


def _place(one: Assignment | Label | Skip) -> Place:
    return one.batch, one.item, one.is_repeat
