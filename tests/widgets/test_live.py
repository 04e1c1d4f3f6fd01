"""Live work: skips, flags, clauses and reasons, what is shown after an answer, and ids that are used twice."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.widgets.make import (
    ANSWERS,
    Keeper,
    answer_message,
    guideline,
    handle,
    message,
    skip_message,
    widget,
)
from workbench.errors import StoreError
from workbench.records import SAW_CHECKS
from workbench.widgets.annotate import AnnotateWidget, Options, Past, Requirement
from workbench.widgets.annotate.desk import AWAY


def refused(reply: dict[str, Any], words: str) -> None:
    assert (reply["type"], reply["final"]) == ("refused", True), reply
    assert words in reply["message"]


class Counting(Keeper):
    n_asked = 0

    def _keep(self, place: dict[str, Any], name: str, record: Any) -> None:
        self.n_asked += 1
        super()._keep(place, name, record)


# ---- skipping ---------------------------------------------------------------------------------------------------


def test_a_skip_carries_the_question_and_the_reason() -> None:
    shown, keeper = widget()
    sent = skip_message(shown, 5, "not my language")
    reply = handle(shown, sent)
    assert reply == {"type": "ack", "uuid": sent["uuid"], "question": sent["question"], "skipped": "not my language"}
    (skip,) = keeper.skips.values()
    assert (skip.skip_id, skip.pilot, skip.batch, skip.round) == (sent["uuid"], "pilot-x", "batch-1", 2)
    assert (skip.item, skip.position, skip.is_repeat, skip.reason) == ("item-5", 5, True, "not my language")
    assert (skip.annotator, skip.source, skip.guideline) == ("reader-1", "human", "instruction-following/v1")
    assert shown.state()["skipped"] == {sent["question"]: "not my language"}
    assert sent["question"] not in [one["key"] for one in shown.state()["questions"]]
    assert shown.n_saved == 0


def test_the_same_skip_twice_is_one() -> None:
    keeper = Counting()
    shown, _ = widget(keeper=keeper)
    sent = skip_message(shown, 0)
    assert handle(shown, sent) == handle(shown, sent)
    assert keeper.n_asked == 1
    again, _ = widget(keeper=keeper, past=Past(skips=list(keeper.skips.values())))
    assert handle(again, sent)["skipped"] == "It is broken or empty", "also in the next session"
    assert again.state() == shown.state()


def test_an_answered_item_is_not_skipped_but_a_skipped_one_can_be_answered() -> None:
    shown, keeper = widget()
    handle(shown, message(shown, 0, "A"))
    refused(handle(shown, skip_message(shown, 0)), "an item that is answered is not skipped -> change the answer")
    assert not keeper.skips
    skip = skip_message(shown, 1)
    handle(shown, skip)
    answer = message(shown, 1, "B")
    assert handle(shown, answer)["type"] == "ack"
    assert shown.state()["skipped"] == {}
    assert handle(shown, skip)["type"] == "ack", "a skip that is kept is only acknowledged again"
    assert shown.state()["skipped"] == {}
    assert len(keeper.skips) == 1
    past = Past(labels=list(keeper.labels.values()), skips=list(keeper.skips.values()))
    again, _ = widget(past=past)
    assert again.state() == shown.state(), "answered, and no longer skipped"


def test_a_skip_that_cannot_be_kept_is_told_and_the_same_one_is_tried_again() -> None:
    shown, keeper = widget()
    keeper.failing = StoreError("disk is full")
    sent = skip_message(shown, 0)
    reply = handle(shown, sent)
    assert reply == {"type": "refused", "uuid": sent["uuid"], "message": AWAY, "final": False}
    assert shown.state()["skipped"] == {}
    tried = shown._live._unsaved_skips[sent["uuid"]]
    keeper.failing = None
    assert handle(shown, sent)["type"] == "ack"
    assert list(keeper.skips.values()) == [tried], "with the time it was first given"


@pytest.mark.parametrize("reason", ["", "x" * 2_001, None, 3, ["x"]])
def test_a_skip_needs_a_reason(reason: object) -> None:
    shown, keeper = widget()
    refused(handle(shown, skip_message(shown, 0) | {"reason": reason}), "Skip refused: reason: ")
    assert not keeper.skips


def test_other_peoples_skips_are_not_mine() -> None:
    shown, keeper = widget()
    handle(shown, skip_message(shown, 0))
    (skip,) = keeper.skips.values()
    for change in ({"annotator": "reader-2"}, {"batch": "batch-2"}, {"pilot": "other"}, {"is_repeat": True}):
        past = Past(skips=[skip.model_copy(update=change)])
        assert widget(past=past)[0].state()["skipped"] == {}


# ---- beside the answer ------------------------------------------------------------------------------------------


def test_flags_clauses_and_comments_are_those_of_the_guideline() -> None:
    shown, keeper = widget(guideline=guideline(flags=("off topic", "no: harm")))
    beside = {"flags": ["no: harm", "no: harm"], "clauses": ["C2", "C1", "C2"], "comment": "a note 🚀"}
    reply = handle(shown, message(shown, 0, "A", **beside))
    (label,) = keeper.labels.values()
    assert (label.flags, label.clauses, label.comment) == (("no: harm",), ("C2", "C1"), "a note 🚀")
    assert reply["given"]["flags"] == ["no: harm"]
    refused(handle(shown, message(shown, 1, "A", flags=["hard to decide"])), "has no flag ['hard to decide']")
    refused(handle(shown, message(shown, 1, "A", clauses=["E1"])), "has no clause ['E1']")


@pytest.mark.parametrize("task", sorted(ANSWERS))
def test_a_reason_is_needed_where_the_guideline_asks_for_one(task: str) -> None:
    shown, keeper = widget(task=task, guideline=guideline(task, ask=("reason",)))
    assert shown.settings["ask_reason"]
    for empty in ("", "  \n"):
        sent = answer_message(shown, 0, ANSWERS[task], reason=empty)
        refused(handle(shown, sent), "asks for a reason with every answer")
    assert not keeper.calls
    assert handle(shown, answer_message(shown, 0, ANSWERS[task], reason="because"))["type"] == "ack"


def test_what_an_older_version_had_is_not_sent_to_the_page_again() -> None:
    shown, keeper = widget(guideline=guideline(flags=("old", "kept")))
    handle(shown, message(shown, 0, "A", flags=["old", "kept"], clauses=["C1", "C2"]))
    newer = guideline(flags=("kept",), clauses=guideline().clauses[:1])
    again, _ = widget(keeper=keeper, guideline=newer, past=Past(labels=list(keeper.labels.values())))
    (given,) = again.state()["given"].values()
    assert (given["flags"], given["clauses"]) == (["kept"], ["C1"])
    beside = {field: given[field] for field in ("flags", "clauses")}
    assert handle(again, message(again, 0, "B", **beside))["type"] == "ack"


# ---- shown after the answer -------------------------------------------------------------------------------------


def test_live_gold_is_revealed_after_the_answer_which_then_stands() -> None:
    shown, keeper = widget(guideline=guideline(gold_feedback="live"))
    assert "feedback" not in handle(shown, message(shown, 0, "A")), "not gold"
    sent = message(shown, 1, "A")  # shown in reverse: the left one is B, gold is A
    reply = handle(shown, sent)
    assert reply["feedback"] == {
        "right": False,
        "answer": {"choice": "B"},
        "explanation": "SecretExplanation",
        "clause": "C1",
    }
    assert handle(shown, sent) == reply
    refused(handle(shown, message(shown, 1, "B")), "the right answer has been shown, so the first one stands")
    refused(handle(shown, skip_message(shown, 1)), "answered is not skipped")
    assert handle(shown, message(shown, 3, "B"))["feedback"]["right"] is True
    assert handle(shown, message(shown, 0, "B"))["type"] == "ack", "an answer that revealed nothing can be changed"
    assert len(keeper.labels) == 4
    again, _ = widget(guideline=guideline(gold_feedback="live"), past=Past(labels=list(keeper.labels.values())))
    refused(handle(again, message(again, 1, "B")), "the first one stands")


def test_a_failed_save_reveals_nothing() -> None:
    shown, keeper = widget(guideline=guideline(gold_feedback="live"))
    keeper.failing = StoreError("disk is full")
    sent = message(shown, 1, "A")
    reply = handle(shown, sent)
    assert set(reply) == {"type", "uuid", "message", "final"}
    keeper.failing = None
    assert handle(shown, message(shown, 1, "B"))["feedback"]["right"] is True, "nothing was kept, so it may change"
    refused(handle(shown, sent), "the right answer has been shown")


def test_gold_stays_hidden_where_the_guideline_says_never() -> None:
    shown, _ = widget()
    assert set(handle(shown, message(shown, 1, "A"))) == {"type", "uuid", "question", "given"}


CHECKS = [Requirement("c1", "no commas", "yes", "none"), Requirement("c2", "two words", "no", "9 words")]


def checked(keeper: Keeper | None = None, **changes: Any) -> tuple[AnnotateWidget, Keeper]:
    rules = guideline("instruction_following", machine_checks="after")
    options = Options(checklist=lambda _: CHECKS)
    return widget(task="instruction_following", guideline=rules, keeper=keeper, options=options, **changes)


def test_what_machines_found_is_shown_after_the_answer_and_a_change_is_marked() -> None:
    shown, keeper = checked()
    assert shown.settings["waits"]
    verdicts = {"c1": {"verdict": "yes", "found": "none"}, "c2": {"verdict": "no", "found": "9 words"}}
    first = handle(shown, answer_message(shown, 0, {"checks": {"c1": "yes", "c2": "yes"}}, flags=["off topic"]))
    assert first["checks"] == verdicts
    assert first["given"]["flags"] == ["off topic"]
    second = handle(shown, answer_message(shown, 0, {"checks": {"c1": "yes", "c2": "no"}}, flags=["off topic"]))
    assert second["checks"] == verdicts
    third = answer_message(shown, 0, {"checks": {"c1": "no", "c2": "no"}}, flags=second["given"]["flags"])
    assert handle(shown, third)["type"] == "ack", "what the page was given it may send again"
    assert [label.flags for label in keeper.labels.values()] == [
        ("off topic",),
        ("off topic", SAW_CHECKS),
        ("off topic", SAW_CHECKS),
    ]
    again, _ = checked(keeper, past=Past(labels=list(keeper.labels.values())))
    (given,) = again.state()["given"].values()
    fourth = answer_message(again, 0, given["answer"], flags=given["flags"])
    assert handle(again, fourth)["type"] == "ack"


def test_a_browser_cannot_set_or_take_away_the_mark() -> None:
    shown, keeper = checked()
    forged = answer_message(shown, 0, {"checks": {"c1": "yes", "c2": "yes"}}, flags=[SAW_CHECKS])
    refused(handle(shown, forged), "has no flag")
    handle(shown, answer_message(shown, 0, {"checks": {"c1": "yes", "c2": "yes"}}))
    handle(shown, answer_message(shown, 0, {"checks": {"c1": "no", "c2": "no"}}))
    assert [label.flags for label in keeper.labels.values()] == [(), (SAW_CHECKS,)]


def test_only_what_machines_can_tell_is_shown() -> None:
    listed = [Requirement("c1", "no commas"), Requirement("c2", "two words", "no", "9 \ud83d words")]
    rules = guideline("instruction_following", machine_checks="after")
    shown, _ = widget(task="instruction_following", guideline=rules, options=Options(checklist=lambda _: listed))
    reply = handle(shown, answer_message(shown, 0, {"checks": {"c1": "yes", "c2": "yes"}}))
    assert reply["checks"] == {"c2": {"verdict": "no", "found": "9 \N{REPLACEMENT CHARACTER} words"}}


def test_machine_checks_stay_hidden_where_the_guideline_says_so() -> None:
    shown, keeper = widget(task="instruction_following", options=Options(checklist=lambda _: CHECKS))
    for verdict in ("yes", "no"):
        reply = handle(shown, answer_message(shown, 0, {"checks": {"c1": verdict, "c2": "no"}}))
        assert "checks" not in reply
    assert [label.flags for label in keeper.labels.values()] == [(), ()]


# ---- ids and fetching -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize(("first", "second"), [("answer", "answer"), ("answer", "skip"), ("skip", "answer")])
def test_an_id_that_is_another_judgments_is_refused_and_opens_nothing(first: str, second: str, failing: bool) -> None:
    shown, keeper = widget(guideline=guideline(gold_feedback="live"))
    uuid = str(uuid4())

    def sent(kind: str, position: int) -> dict[str, Any]:
        made: dict[str, Any] = message(shown, position, "A") if kind == "answer" else skip_message(shown, position)
        return made | {"uuid": uuid}

    keeper.failing = StoreError("disk is full") if failing else None
    handle(shown, sent(first, 0))
    keeper.failing = None
    before = shown.state()
    reply = handle(shown, sent(second, 1))  # a gold question
    refused(reply, "the id is that of another judgment")
    assert "Secret" not in str(reply)
    if second != first:
        refused(handle(shown, sent(second, 0)), "the id is that of another judgment")
    assert shown.state() == before
    assert handle(shown, sent(first, 0))["type"] == "ack", "the first is still what it was"
    assert shown.n_saved == (first == "answer")


def test_texts_are_fetched_by_name_and_unknown_names_are_left_out() -> None:
    shown, _ = widget(40)
    keys = shown.state()["queue"]
    assert len(shown.state()["questions"]) == 10
    reply = handle(shown, {"type": "fetch", "questions": [keys[30], "q_0000000000000000", keys[3], keys[3]]})
    assert [one["prompt"]["raw"] for one in reply["questions"]] == ["Prompt 30", "Prompt 3", "Prompt 3"]
    assert handle(shown, {"type": "fetch", "questions": []}) == {"type": "questions", "questions": []}
    assert len(handle(shown, {"type": "fetch", "questions": keys[:1] * 100})["questions"]) == 100
    for wrong in (keys[:1] * 101, ["item-3"], "q_", None, [3], {keys[0]: 1}):
        refused(handle(shown, {"type": "fetch", "questions": wrong}), "Fetch refused: questions")
