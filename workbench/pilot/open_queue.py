"""A batch that is handed out bit by bit, as one annotator sees it: design chooses, the store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench import design
from workbench.errors import PilotError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.pilot.asked import Asked
    from workbench.pilot.opening import Pilot
    from workbench.records import Annotator, Skip
    from workbench.store import Hold, Wanted
    from workbench.widgets.annotate import Handed, HandOut


class OpenQueue:
    """The questions one annotator holds. Used from any thread: what is kept here is only read back."""

    def __init__(self, pilot: Pilot, person: Annotator, asked: Asked) -> None:
        rules = pilot.config.design
        self._pilot = pilot
        self._person = person
        self._asked = asked
        self._batch = rules.batch
        self._overlap = rules.overlap
        self._seconds = 60 * rules.hold_minutes
        self._rules = design.Open(rules.overlap, rules.gold_share, rules.repeat_share, rules.seed)
        self._items = list(pilot.items.values())
        if not self._items:
            raise PilotError("this pilot has no items to hand out", next_step="workbench generate, or workbench import")
        pilot.store.refill(pilot.name, self._batch, self._passed_over)
        # What was done in earlier sessions, so that it can be looked at again.
        there = pilot.store.holds(pilot.name, self._batch, annotator=person.id)
        done = asked.take(hold for hold in there if hold.state == "done")
        asked.finished((one.batch, one.item, one.is_repeat) for one in done)

    def _passed_over(self, skip: Skip) -> Wanted:
        """The question a skip was of, as far as can be told without its hold."""
        from workbench.store import Wanted

        item = self._pilot.items.get(skip.item)
        order = tuple(one.id for one in item.responses) if item else ()
        gold = design.choose_gold(self._items, self._rules.gold_share, self._rules.seed)
        return Wanted(skip.item, order, skip.item in gold, skip.is_repeat)

    @property
    def hand_out(self) -> HandOut:
        """This queue as a labelling widget asks for it."""
        from workbench.widgets.annotate import HandOut

        return HandOut(self._pilot.name, self._batch, self.ask)

    def ask(self, wanted: int) -> Handed:
        """Hold up to `wanted` further questions; 0 only renews what is held. Returns all that is done or held."""
        from workbench.widgets.annotate import Handed

        left = 0
        exclude = self._asked.practised

        def choose(holds: Sequence[Hold]) -> Any:
            nonlocal left
            who = self._person.id
            chosen = design.next_questions(self._items, holds, who, self._rules, n=wanted, exclude=exclude)
            left = design.n_to_come(self._items, holds, who, self._rules, n_chosen=len(chosen), exclude=exclude)
            if len(chosen) < wanted:  # there are no others now
                left = 0
            return chosen

        held = self._pilot.store.hand_out(
            self._pilot.name, self._batch, self._person.id, choose, overlap=self._overlap, seconds=self._seconds
        )
        mine = {one.id: one for one in [*self._asked.done(self._batch), *self._asked.take(held)]}
        return Handed(sorted(mine.values(), key=lambda one: one.position), left)
