"""Questions that are handed out bit by bit: few are held, what is lost is told, and trouble passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.widgets.make import ANNOTATOR, Keeper, assignments, guideline, handle, items, message, skip_message, widget
from workbench.errors import PlanError, StoreError, TooLateError
from workbench.widgets import annotate_queue
from workbench.widgets.annotate import AnnotateWidget, Handed, HandOut, Options, Past
from workbench.widgets.annotate.desk import AWAY
from workbench.widgets.annotate.live import AHEAD

if TYPE_CHECKING:
    from workbench.records import Assignment, Label, Skip

POOL = items(60)


class Supply:
    """A batch of which one annotator is handed the next questions; `done` and `held` by item."""

    def __init__(self, n: int = 12, begun: tuple[str, ...] = ()) -> None:
        self.waiting: list[Assignment] = [one.model_copy(update={"is_repeat": False}) for one in assignments(POOL)[:n]]
        self.held: dict[str, Assignment] = {}
        self.done: dict[str, Assignment] = {}
        self.asked: list[int] = []
        self.most = 0
        self.failing: Exception | None = None
        for name in begun:
            self.hold(next(one for one in self.waiting if one.item == name))

    def hold(self, one: Assignment) -> None:
        self.waiting.remove(one)
        self.held[one.item] = one

    def ask(self, n: int) -> Handed:
        self.asked.append(n)
        if self.failing:
            raise self.failing
        for one in self.waiting[:n]:
            self.hold(one)
        self.most = max(self.most, len(self.held))
        mine = sorted([*self.done.values(), *self.held.values()], key=lambda one: one.position)
        return Handed(mine, len(self.waiting))

    def finish(self, label: Label) -> None:
        self.done[label.item] = self.held.pop(label.item)

    def lose(self, item: str) -> None:
        """A hold expires and somebody else takes the item."""
        del self.held[item]


class LateKeeper(Keeper):
    """Knows the holds, as a store does: an answer to what is not held is kept aside."""

    def __init__(self, supply: Supply) -> None:
        super().__init__()
        self.supply = supply

    def submit(self, label: Label) -> None:
        if label.item in self.supply.held:
            self.supply.finish(label)
        elif label.item not in self.supply.done:
            raise TooLateError("the time for this item was up")
        super().submit(label)


def opened(supply: Supply | None = None, **changes: Any) -> tuple[AnnotateWidget, LateKeeper, Supply]:
    supply = supply or Supply()
    keeper = LateKeeper(supply)
    options = Options(hand_out=HandOut("pilot-x", "batch-1", supply.ask))
    shown = annotate_queue(
        [], POOL, annotator=ANNOTATOR, guideline=guideline(), keeper=keeper.functions, options=options, **changes
    )
    return shown, keeper, supply


def test_what_is_held_already_is_asked_for_before_anything_new() -> None:
    supply = Supply(begun=("item-7", "item-2"))
    shown, _, _ = opened(supply)
    state = shown.state()
    assert supply.asked[:2] == [0, AHEAD - 2]
    asked = [one["prompt"]["raw"] for one in state["questions"]]
    assert asked == ["Prompt 2", "Prompt 7", "Prompt 0", "Prompt 1", "Prompt 3"]
    assert (len(asked), state["n_left"]) == (AHEAD, 12 - AHEAD)
    assert shown.settings["open"] is True
    assert set(supply.asked[2:]) == {0}, "there is enough ahead"


def test_a_whole_batch_never_holds_more_than_a_few_ahead() -> None:
    shown, keeper, supply = opened(Supply(23))
    handle(shown, {"type": "hello"})
    for position in range(23):
        sent = skip_message(shown, position) if position % 5 == 4 else message(shown, position, "A")
        if sent["type"] == "skip":
            supply.lose(f"item-{position}")
        assert handle(shown, sent)["type"] == "ack"
        handle(shown, {"type": "more"})
    assert supply.most == AHEAD
    assert (len(keeper.labels), len(keeper.skips)) == (19, 4)
    state = shown.state()
    assert (state["n_left"], state["trouble"]) == (0, "")
    assert len(state["given"]) + len(state["skipped"]) == len(state["queue"]) == 23


def test_an_answer_that_came_too_late_is_told_and_its_question_is_gone() -> None:
    shown, keeper, supply = opened()
    before = shown.state()["queue"]
    supply.lose("item-1")
    sent = message(shown, 1, "A")
    expected = {
        "type": "aside",
        "uuid": sent["uuid"],
        "question": before[1],
        "message": "the time for this item was up",
    }
    assert handle(shown, sent) == expected
    assert handle(shown, sent) == expected, "and so it stays when it is sent again"
    assert not keeper.labels
    after = shown.state()["queue"]
    assert before[1] not in after
    assert len(after) == AHEAD, "another one takes its place"
    assert shown.n_saved == 0


def test_a_question_that_comes_free_again_is_asked_again() -> None:
    shown, keeper, supply = opened()
    before = shown.state()["queue"]
    lost = supply.held["item-1"]
    supply.lose("item-1")
    handle(shown, message(shown, 1, "A"))
    assert before[1] not in shown.state()["queue"]
    supply.held["item-1"] = lost
    assert before[1] in shown.state()["queue"]
    again = message(shown, 0, "B", question=before[1])
    assert handle(shown, again)["type"] == "ack"
    assert list(keeper.labels) == [again["uuid"]]


def test_what_expired_on_the_screen_does_not_count_as_held() -> None:
    shown, _, supply = opened()
    shown.state()
    for name in ("item-0", "item-1"):
        supply.waiting.insert(0, supply.held.pop(name))  # expired, and nobody took them
    supply.asked.clear()
    shown.state()
    assert supply.asked == [0, 2]
    assert set(supply.held) == {f"item-{k}" for k in range(AHEAD)}, "they are theirs again, under their eyes"


def test_trouble_is_told_and_passes() -> None:
    supply = Supply()
    supply.failing = StoreError("the database is away", next_step="wait")
    shown, _, _ = opened(supply)
    state = handle(shown, {"type": "hello"})
    assert (state["type"], state["queue"], state["trouble"]) == ("state", [], AWAY)
    supply.failing = OSError("disk\nis gone")
    assert shown.state()["trouble"] == AWAY
    supply.failing = None
    state = shown.state()
    assert (len(state["queue"]), state["trouble"]) == (AHEAD, "")
    supply.failing = StoreError("away again")
    state = shown.state()
    assert (len(state["queue"]), state["trouble"]) == (AHEAD, AWAY), "what is here can be worked on"
    assert handle(shown, message(shown, 0, "A"))["type"] == "ack"


def test_an_item_that_is_not_there_is_told_and_stops_nothing() -> None:
    shown, _, supply = opened()
    shown.state()
    bad = supply.waiting[0].model_copy(update={"id": "x", "item": "item-999"})
    supply.waiting.insert(0, bad)
    handle(shown, message(shown, 0, "A"))
    state = shown.state()
    assert "item 'item-999' is not among the 60 items" in state["trouble"]
    assert handle(shown, message(shown, 1, "A"))["type"] == "ack"


def test_an_open_page_renews_and_asks_for_nothing() -> None:
    shown, _, supply = opened()
    shown.state()
    supply.asked.clear()
    assert shown._handle({"type": "here"}) is None
    assert supply.asked == [0]
    supply.failing = StoreError("away")
    reply = handle(shown, {"type": "here"})
    assert reply == {"type": "refused", "uuid": "", "message": AWAY, "final": False}
    queued, _ = widget()
    assert queued._handle({"type": "here"}) is None, "nothing to renew in a planned queue"


def test_a_session_that_resumes_gets_back_what_is_done_and_held() -> None:
    shown, keeper, supply = opened()
    shown.state()
    for position in range(3):
        handle(shown, message(shown, position, "A"))
    before = shown.state()
    again, _, _ = opened(supply, past=Past(labels=list(keeper.labels.values())))
    assert again.state() == before
    assert again.n_saved == 3


def test_what_was_passed_over_in_an_earlier_session_can_still_be_answered() -> None:
    shown, keeper, supply = opened()
    for position in range(3):
        sent = skip_message(shown, position) if position == 1 else message(shown, position, "A")
        assert handle(shown, sent)["type"] == "ack"
    passed_over = supply.held.pop("item-1")
    calls: list[int] = []
    away = True

    def ever_asked() -> list[Assignment]:
        calls.append(1)
        if away:
            raise StoreError("away for a moment")
        elsewhere = passed_over.model_copy(update={"batch": "batch-0"})
        unknown = passed_over.model_copy(update={"item": "item-999"})
        return [unknown, elsewhere, passed_over, *supply.done.values(), *supply.held.values()]

    def skip(item: str, batch: str = "batch-1") -> Skip:
        (kept,) = keeper.skips.values()
        return kept.model_copy(update={"item": item, "batch": batch, "skip_id": f"{item} {batch}"})

    past = Past(
        labels=list(keeper.labels.values()), skips=[skip("item-1"), skip("item-1", "batch-0"), skip("item-999")]
    )
    hand_out = HandOut("pilot-x", "batch-1", supply.ask)
    again, _ = widget(
        keeper=keeper,
        items=POOL,
        assignments=[one for one in supply.done.values() if one.item == "item-0"],
        past=past,
        options=Options(hand_out=hand_out, ever_asked=ever_asked),
    )
    assert again.state()["trouble"] == AWAY
    away = False
    calls.clear()
    state, before = again.state(), shown.state()
    assert state["queue"] == before["queue"], "where it was"
    assert state["skipped"] == before["skipped"] == {state["queue"][1]: "It is broken or empty"}
    assert (state["trouble"], len(calls)) == ("", 1)
    supply.held["item-1"] = passed_over  # nobody has taken its place
    assert handle(again, message(again, 1, "B"))["type"] == "ack"
    assert keeper.current["item-1"] == "A", "it is shown turned, as it was"
    assert again.state()["skipped"] == {}
    assert len(calls) == 1, "once is enough"


def test_an_empty_queue_needs_somebody_who_hands_out() -> None:
    assert opened(Supply(0))[0].n_total == 0
    with pytest.raises(PlanError, match="nothing to label for annotator"):
        annotate_queue([], POOL, annotator=ANNOTATOR, guideline=guideline(), keeper=Keeper().functions)
    other = Options(hand_out=HandOut("pilot-x", "batch-2", Supply().ask))
    with pytest.raises(PlanError, match="a queue is of one pilot, batch and annotator"):
        widget(options=other)
