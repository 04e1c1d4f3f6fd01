"""Practice before live work: feedback once an item is answered, attempts, and nothing live before it is passed."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest

from tests.widgets.make import (
    RULE,
    TASKS,
    Keeper,
    answer_message,
    assignments,
    guideline,
    handle,
    items,
    message,
    practising,
    skip_message,
    widget,
)
from workbench import design
from workbench.errors import PlanError, StoreError, TooLateError
from workbench.widgets.annotate import AnnotateWidget, Drill, Handed, HandOut, Options, Past
from workbench.widgets.annotate.desk import AWAY

# Gold is the canonical A, and the middle question is shown in reverse: right and wrong as the screen names them.
RIGHT, WRONG = "ABA", "BAB"


def give(shown: AnnotateWidget, marks: str, start: int = 0) -> list[dict[str, Any]]:
    """The replies to answers from this position on: `+` a right one, `-` a mistake."""
    sides = [(RIGHT if mark == "+" else WRONG)[place] for place, mark in enumerate(marks, start)]
    return [handle(shown, message(shown, place, side)) for place, side in enumerate(sides, start)]


def refused(reply: dict[str, Any], words: str) -> None:
    assert (reply["type"], reply["final"]) == ("refused", True), reply
    assert words in reply["message"]
    assert "Secret" not in str(reply)


def stands(shown: AnnotateWidget) -> tuple[str, int, int, int]:
    found = shown.state()["stands"]
    return found["state"], found["attempt"], found["n_correct"], found["n_mistakes"]


def test_a_practice_answer_is_kept_apart_and_gets_feedback() -> None:
    shown, keeper = practising()
    state = shown.state()
    assert (state["phase"], len(state["queue"]), len(state["questions"])) == ("practice", 3, 3)
    rules = {"n": 3, "min_correct": 2, "max_mistakes": 1, "attempts": 2}
    assert state["stands"] == {"state": "practising", "attempt": 1, "n_correct": 0, "n_mistakes": 0, **rules}
    wrong = message(shown, 1, "A", duration_s=4.5)
    reply = handle(shown, wrong)
    assert reply == {
        "type": "ack",
        "uuid": wrong["uuid"],
        "question": wrong["question"],
        "given": {"uuid": wrong["uuid"], "answer": {"choice": "A"}},
        "feedback": {
            "right": False,
            "answer": {"choice": "B"},
            "explanation": "SecretExplanation",
            "clause": "C1",
        },
        "stands": {"state": "practising", "attempt": 1, "n_correct": 0, "n_mistakes": 1, **rules},
    }
    (kept,) = keeper.practised.values()
    assert (kept.item, kept.answer, kept.correct, kept.attempt, kept.position) == (
        "item-9",
        {"choice": "B"},
        False,
        1,
        1,
    )
    assert (kept.order, kept.annotator, kept.source, kept.duration_s) == (("r9b", "r9a"), "reader-1", "human", 4.5)
    assert kept.guideline_sha256 == guideline().sha256
    assert not keeper.labels
    assert give(shown, "+")[0]["feedback"]["right"] is True


@pytest.mark.parametrize("task", [name for name, (_, _, gold) in TASKS.items() if gold])
def test_every_task_with_known_answers_can_be_practised(task: str) -> None:
    shown, keeper = practising(task=task)
    gold = TASKS[task][2]
    assert gold is not None
    reply = handle(shown, answer_message(shown, 0, gold))
    assert reply["feedback"]["right"] is True
    assert reply["feedback"]["answer"] == gold
    if task == "ranking":  # in reverse on the screen
        seen = {"ranks": {"A": 4, "B": 3, "C": 2, "D": 1}}
        assert handle(shown, answer_message(shown, 1, seen))["feedback"] == reply["feedback"] | {"answer": seen}
    assert all(one.correct for one in keeper.practised.values())
    again, _ = practising(task=task, past=Past(practice=list(keeper.practised.values())))
    assert again.state() == shown.state()


def test_a_practice_item_is_answered_once() -> None:
    shown, keeper = practising()
    sent = message(shown, 0, "B")
    first = handle(shown, sent)
    assert handle(shown, sent) == first, "sent again it is the same"
    refused(handle(shown, message(shown, 0, "A")), "a practice item is answered once")
    assert len(keeper.practised) == 1
    again, _ = practising(past=Past(practice=list(keeper.practised.values())))
    assert handle(again, sent) == first
    refused(handle(again, message(again, 0, "A")), "a practice item is answered once")


def test_passed_leads_to_live_work_and_no_way_back() -> None:
    shown, keeper = practising()
    replies = give(shown, "+-+")
    assert [one["stands"]["state"] for one in replies] == ["practising", "practising", "passed"]
    assert shown.state()["phase"] == "practice", "until the page goes on"
    practice = shown.state()["queue"]
    live = handle(shown, {"type": "begin"})
    assert (live["phase"], len(live["queue"])) == ("live", 6)
    assert not set(live["queue"]) & set(practice)
    assert handle(shown, message(shown, 0, "A"))["type"] == "ack"
    late = message(shown, 0, "A") | {"question": practice[0]}
    refused(handle(shown, late), "not in this queue")
    assert (len(keeper.labels), len(keeper.practised)) == (1, 3)
    past = Past(labels=list(keeper.labels.values()), practice=list(keeper.practised.values()))
    again, _ = practising(past=past)
    assert again.state() == shown.state(), "resumed live"


def test_nothing_live_before_it_is_passed() -> None:
    asked: list[int] = []

    def ask(n: int) -> Handed:
        asked.append(n)
        return Handed([], 7)

    supply = HandOut("pilot-x", "batch-1", ask)
    shown, keeper = practising(hand_out=supply)
    live = practising()[0]._live._questions
    key = next(iter(live))
    for sent in (
        message(shown, 0, "A", question=key),
        skip_message(shown, 0) | {"question": key},
        skip_message(shown, 0),
        {"type": "say", "uuid": str(uuid4()), "question": key, "text": "hi"},
    ):
        refused(handle(shown, sent), "the calibration comes before live work")
    for kind in ("hello", "more", "begin"):
        assert handle(shown, {"type": kind})["phase"] == "practice"
    assert handle(shown, {"type": "hello"})["n_left"] == 0
    assert not keeper.labels
    assert not keeper.skips
    assert asked == [], "nothing is held for somebody who may not get there"
    give(shown, "+++")
    assert asked == []
    assert handle(shown, {"type": "begin"})["n_left"] == 7
    assert asked == [0, 5]


def test_too_many_mistakes_end_an_attempt_and_the_next_has_other_items() -> None:
    shown, keeper = practising()
    give(shown, "--")
    assert stands(shown) == ("failed", 1, 0, 2)
    refused(handle(shown, message(shown, 2, "A")), "this attempt is over")
    assert len(keeper.practised) == 2
    first = shown.state()["queue"]
    second = handle(shown, {"type": "begin"})
    assert stands(shown) == ("practising", 2, 0, 0)
    assert not set(first) & set(second["queue"])
    assert [one["prompt"]["raw"] for one in second["questions"]] == ["Prompt 13", "Prompt 15", "Prompt 17"]
    assert second["given"] == {}
    assert handle(shown, {"type": "begin"}) == second, "going on twice changes nothing"
    refused(handle(shown, message(shown, 0, "A", question=first[2])), "the calibration comes before live work")
    give(shown, "--")
    assert stands(shown) == ("out", 2, 0, 2)
    refused(handle(shown, message(shown, 2, "A")), "this attempt is over")
    assert handle(shown, {"type": "begin"})["stands"]["state"] == "out"
    assert {one.attempt for one in keeper.practised.values()} == {1, 2}
    assert len(keeper.practised) == 4


@pytest.mark.parametrize(
    ("attempts", "then", "state", "attempt"),
    [
        (["+"], "", "practising", 1),
        (["+-"], "", "practising", 1),
        (["+-"], "+", "passed", 1),
        (["--"], "", "failed", 1),
        (["--", "+"], "", "practising", 2),
        (["--", "+-"], "+", "passed", 2),
        (["+--", "--"], "", "out", 2),
    ],
)
def test_practice_resumes_where_it_stopped(attempts: list[str], then: str, state: str, attempt: int) -> None:
    shown, keeper = practising()
    for marks in attempts:
        handle(shown, {"type": "begin"})
        give(shown, marks)
    again, _ = practising(keeper, past=Past(practice=list(keeper.practised.values())))
    assert again.state() == shown.state()
    give(again, then, start=len(attempts[-1]))
    if state == "passed":
        assert handle(again, {"type": "begin"})["phase"] == "live"
    else:
        assert stands(again)[:2] == (state, attempt)


def test_of_two_answers_given_at_two_places_the_first_counts_and_is_shown() -> None:
    shown, keeper = practising()
    give(shown, "-")
    (first,) = keeper.practised.values()
    later = first.model_copy(update={"practice_id": "p-2", "answer": {"choice": "A"}, "correct": True})
    again, _ = practising(past=Past(practice=[first, later]))
    assert stands(again) == ("practising", 1, 0, 1)
    (given,) = again.state()["given"].values()
    assert given == {"uuid": first.practice_id, "answer": {"choice": "B"}}


def test_what_cannot_be_kept_reveals_nothing_and_is_tried_again() -> None:
    shown, keeper = practising()
    keeper.failing = StoreError("disk is full")
    sent = message(shown, 0, "A")
    assert handle(shown, sent) == {
        "type": "refused",
        "uuid": sent["uuid"],
        "message": AWAY,
        "final": False,
    }
    assert stands(shown) == ("practising", 1, 0, 0)
    tried = shown._practising._unsaved[sent["uuid"]] if shown._practising else None
    keeper.failing = None
    assert handle(shown, sent)["feedback"]["right"] is True
    assert list(keeper.practised.values()) == [tried]
    keeper.failing = TooLateError("closed")
    refused(handle(shown, message(shown, 1, "A")), "closed")


def test_an_answer_that_does_not_fit_is_no_attempt() -> None:
    shown, keeper = practising()
    refused(handle(shown, message(shown, 0, "left")), "choice: Input should be")
    refused(handle(shown, message(shown, 0, "A", flags=["x"])), "has no flag")
    assert stands(shown) == ("practising", 1, 0, 0)
    assert not keeper.practised


@pytest.mark.parametrize("failing", [False, True])
def test_an_id_that_is_another_answers_opens_no_feedback(failing: bool) -> None:
    shown, keeper = practising()
    keeper.failing = StoreError("disk is full") if failing else None
    sent = message(shown, 0, "A")
    handle(shown, sent)
    keeper.failing = None
    refused(handle(shown, message(shown, 1, "A", uuid=sent["uuid"])), "the id is that of another answer")
    if not failing:
        again, _ = practising(keeper, past=Past(practice=list(keeper.practised.values())))
        refused(handle(again, message(again, 1, "A", uuid=sent["uuid"])), "the id is that of another answer")


def test_an_id_of_an_earlier_attempt_opens_nothing() -> None:
    shown, keeper = practising()
    give(shown, "--")
    first, second = keeper.practised.values()
    # The first attempt had an item that the second has again, as happens where there is little gold.
    resumed, _ = practising(past=Past(practice=[first.model_copy(update={"item": "item-13"}), second]))
    handle(resumed, {"type": "begin"})
    refused(handle(resumed, message(resumed, 0, "A", uuid=first.practice_id)), "the id is that of another answer")


def test_practice_is_on_items_with_a_known_answer() -> None:
    pool = items(4)
    asked = [one.model_copy(update={"is_gold": True}) for one in assignments(pool)]
    drill = Drill(lambda _: asked[:1], lambda given: design.standing(RULE, given))
    with pytest.raises(PlanError, match=r"without a known answer cannot be practised on: \['item-0'\]"):
        widget(items=pool, options=Options(drill=drill))


def test_several_threads_at_once_keep_each_answer_once() -> None:
    shown, keeper = practising()
    sent = [message(shown, place % 3, "AB"[place % 2]) for place in range(12)] * 2
    start = threading.Barrier(8)
    replies: list[str] = []

    def work(part: list[dict[str, Any]]) -> None:
        start.wait()
        replies.extend(handle(shown, one)["type"] for one in part)

    threads = [threading.Thread(target=work, args=(sent[k::8],)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    kept = list(keeper.practised.values())
    assert len({one.item for one in kept}) == len(kept) <= 3
    assert len(replies) == len(sent)
    assert set(replies) <= {"ack", "refused"}
    assert stands(shown)[2:] == (sum(one.correct for one in kept), sum(not one.correct for one in kept))


def test_the_keeper_is_asked_once_for_each_answer() -> None:
    class Counting(Keeper):
        asked = 0

        def _keep(self, place: dict[str, Any], name: str, record: Any) -> None:
            self.asked += 1
            super()._keep(place, name, record)

    keeper = Counting()
    shown, _ = practising(keeper)
    sent = message(shown, 0, "A")
    for _ in range(3):
        handle(shown, sent)
    assert keeper.asked == 1
