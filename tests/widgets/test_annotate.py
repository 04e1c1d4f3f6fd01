"""The Python half of the labelling widget, driven by the messages a browser sends."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.widgets.make import ANNOTATOR, MODELS, Keeper, assignments, guideline, handle, items, message, widget
from workbench.errors import PlanError, RecordError, StoreError
from workbench.records import Annotator, Assignment
from workbench.widgets import annotate_queue
from workbench.widgets.annotate.desk import AWAY


@pytest.mark.parametrize(
    ("position", "side", "canonical"),
    [
        (0, "A", "A"),
        (0, "B", "B"),
        (1, "A", "B"),
        (1, "B", "A"),
        (1, "tie", "tie"),
        (0, "both_bad", "both_bad"),
    ],
)
def test_screen_sides_become_canonical_letters(position: int, side: str, canonical: str) -> None:
    shown, keeper = widget()
    reply = handle(shown, message(shown, position, side))
    (label,) = keeper.labels.values()
    assert label.answer == {"choice": canonical}
    assert label.responses == (f"r{position}a", f"r{position}b")
    assert label.order == (label.responses if position == 0 else label.responses[::-1])
    assert reply["type"] == "ack"
    assert reply["given"]["answer"]["choice"] == side


def test_a_label_carries_all_the_assignment_and_the_guideline_say() -> None:
    shown, keeper = widget()
    sent = message(shown, 5, "A", reason="because", clauses=["C2"], duration_s=3.25)
    before = datetime.now(UTC)
    handle(shown, sent)
    (label,) = keeper.labels.values()
    assert (label.label_id, label.pilot, label.batch, label.round) == (sent["uuid"], "pilot-x", "batch-1", 2)
    assert (label.item, label.prompt_id, label.task, label.position) == ("item-5", "prompt-5", "pairwise", 5)
    assert (label.annotator, label.source, label.pool) == ("reader-1", "human", "lab")
    assert (label.is_gold, label.is_repeat) == (True, True)
    assert (label.reason, label.clauses, label.duration_s, label.supersedes) == ("because", ("C2",), 3.25, None)
    assert (label.guideline, label.guideline_sha256) == ("instruction-following/v1", guideline().sha256)
    assert label.submitted_at is not None
    assert before <= label.submitted_at <= before + timedelta(seconds=10)


def test_what_the_browser_is_sent_gives_nothing_away() -> None:
    shown, _ = widget()
    handle(shown, message(shown, 1, "A"))
    sent = json.dumps([shown.get_state(["settings", "start"]), handle(shown, {"type": "hello"})])
    keys = shown.state()["queue"]
    fetched = handle(shown, {"type": "fetch", "questions": keys})
    sent += json.dumps(fetched)
    for secret in (
        *MODELS,
        "SecretCategory",
        "SecretExplanation",
        "gold",
        "repeat",
        "item-",
        "prompt-",
        "r1a",
        "human",
    ):
        assert secret not in sent, secret
    assert "Answer 3 two" in sent
    assert {frozenset(question) for question in fetched["questions"]} == {
        frozenset({"key", "prompt", "responses", "checks"})
    }
    assert {frozenset(one) for q in fetched["questions"] for one in q["responses"]} == {frozenset({"html", "raw"})}


def test_question_names_are_the_same_in_the_next_session_and_distinct() -> None:
    first, second = widget()[0], widget()[0]
    keys = first.state()["queue"]
    assert keys == second.state()["queue"]
    assert len(set(keys)) == 6


def test_responses_are_sent_in_the_order_of_the_screen() -> None:
    shown, _ = widget()
    assert [one["raw"] for one in shown.state()["questions"][0]["responses"]] == ["Answer **0** one", "Answer 0 two"]
    assert [one["raw"] for one in shown.state()["questions"][1]["responses"]] == ["Answer 1 two", "Answer **1** one"]
    assert shown.state()["questions"][0]["responses"][0]["html"] == "<p>Answer <strong>0</strong> one</p>\n"


def test_questions_are_asked_by_position() -> None:
    queue = items(4)
    shown, _ = widget(items=queue, assignments=assignments(queue)[::-1])
    assert [question["prompt"]["raw"] for question in shown.state()["questions"]] == [f"Prompt {i}" for i in range(4)]


def test_the_same_answer_twice_is_one_label() -> None:
    shown, keeper = widget()
    sent = message(shown, 0, "A")
    assert handle(shown, sent)["type"] == handle(shown, sent)["type"] == "ack"
    assert len(keeper.labels) == len(keeper.calls) == 1


def test_a_second_answer_supersedes_the_first() -> None:
    shown, keeper = widget()
    first, second, third = (message(shown, 0, side) for side in ("A", "tie", "B"))
    for sent in (first, second, third):
        handle(shown, sent)
    assert [label.supersedes for label in keeper.labels.values()] == [None, first["uuid"], second["uuid"]]
    assert keeper.current == {"item-0": "B"}
    assert shown.n_saved == 1


def test_it_is_not_acknowledged_before_the_callback_has_returned() -> None:
    order: list[str] = []
    shown, _ = widget(submit=lambda label: order.append("committed"))
    shown.send = lambda content: order.append(content["type"])
    handle(shown, message(shown, 0, "A"))
    assert order == ["committed", "ack"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreError("disk is full", where="/srv/secret/store.sqlite", next_step="free some space"), AWAY),
        (OSError("disk\nis full: /srv/secret"), AWAY),
        (RuntimeError(), AWAY),
        (RecordError("the store refuses it"), "the store refuses it"),
    ],
)
def test_what_the_callback_raises_is_said_in_one_line_and_tried_again(error: Exception, words: str) -> None:
    shown, keeper = widget()
    keeper.failing = error
    sent = message(shown, 0, "A")
    reply = handle(shown, sent)
    assert reply == {"type": "refused", "uuid": sent["uuid"], "message": words, "final": False}
    assert shown.n_saved == 0
    keeper.failing = None
    assert handle(shown, sent)["type"] == "ack"
    assert shown.n_saved == 1
    assert keeper.calls[0] == keeper.calls[1], "sent again it must be the same record"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"question": "q_0000000000000000"}, "not in this queue"),
        ({"question": ["list"]}, "question: Input should be a valid string"),
        ({"choice": "A"}, "choice: Extra inputs are not permitted"),
        ({"answer": {"choice": "left"}}, "choice: Input should be 'A', 'B', 'tie' or 'both_bad'"),
        ({"answer": {"choice": "A", "ranks": {}}}, "ranks: Extra inputs are not permitted"),
        ({"answer": {"choice": "A", "strength": -2}}, "asks for no strength"),
        ({"answer": {"choice": "A", "criteria": {"tone": "B"}}}, "no criteria ['tone']"),
        ({"answer": "A"}, "answer: Input should be a valid dictionary"),
        ({"flags": ["is_gold"]}, "no flag ['is_gold']"),
        ({"comment": "x" * 20_001}, "comment: String should have at most 20000 characters"),
        ({"clauses": ["C1", "C9"]}, r"no clause ['C9']"),
        ({"uuid": "../../etc/passwd"}, "uuid: String should match pattern"),
        ({"uuid": {"a": 1}}, "uuid: Input should be a valid string"),
        ({"duration_s": -1}, "duration_s: Input should be greater than or equal to 0"),
        ({"duration_s": float("nan")}, "duration_s: Input should be a finite number"),
        ({"reason": "x" * 20_001}, "reason: String should have at most 20000 characters"),
        ({"is_gold": True}, "is_gold: Extra inputs are not permitted"),
        ({"supersedes": "x"}, "supersedes: Extra inputs are not permitted"),
        ({"type": "delete"}, "no message type 'delete'"),
        ({"type": ["answer"]}, "no message type"),
    ],
)
def test_a_wrong_answer_is_refused_for_good_and_never_reaches_the_callback(changes: dict[str, Any], words: str) -> None:
    shown, keeper = widget()
    reply = handle(shown, message(shown, 0, "A") | changes)
    assert (reply["type"], reply["final"]) == ("refused", True)
    assert words in reply["message"]
    assert "\n" not in reply["message"]
    assert len(reply["message"]) <= 300
    assert not keeper.calls


def test_both_bad_only_where_the_guideline_allows_it() -> None:
    shown, keeper = widget(guideline=guideline(both_bad=False))
    reply = handle(shown, message(shown, 0, "both_bad"))
    assert (reply["type"], reply["final"]) == ("refused", True)
    assert not keeper.calls


def test_labelling_resumes_where_it_stopped() -> None:
    shown, keeper = widget()
    for position, side in enumerate(("A", "tie", "B")):
        handle(shown, message(shown, position, side, reason=f"reason {position}"))
    handle(shown, message(shown, 0, "B"))
    again, _ = widget(keeper=keeper, answered=list(keeper.labels.values()))
    assert again.n_saved == 3
    state = again.state()
    answers = {key: (one["answer"]["choice"], one["reason"]) for key, one in state["given"].items()}
    keys = state["queue"]
    expected = {keys[0]: ("B", ""), keys[1]: ("tie", "reason 1"), keys[2]: ("B", "reason 2")}
    assert answers == expected
    assert again.get_state("start")["start"] == again.state()


def test_an_answer_that_was_saved_before_a_restart_is_only_acknowledged_again() -> None:
    shown, keeper = widget()
    sent = message(shown, 0, "A")
    handle(shown, sent)
    again, _ = widget(keeper=keeper, answered=list(keeper.labels.values()))
    assert handle(again, sent)["type"] == "ack"
    assert len(keeper.calls) == 1


def test_labels_of_other_batches_and_people_do_not_count_as_answers() -> None:
    shown, keeper = widget()
    handle(shown, message(shown, 0, "A"))
    (label,) = keeper.labels.values()
    others = [
        label.model_copy(update={"label_id": "x1", "batch": "batch-2"}),
        label.model_copy(update={"label_id": "x2", "annotator": "reader-2"}),
        label.model_copy(update={"label_id": "x3", "is_repeat": True}),
        label.model_copy(update={"label_id": "x4", "position": None}),
    ]
    assert widget(answered=others)[0].n_saved == 0


def test_a_page_that_asks_later_is_told_what_was_saved_meanwhile() -> None:
    shown, _ = widget()
    assert shown.get_state("start")["start"]["given"] == {}
    handle(shown, message(shown, 2, "tie"))
    given = shown.get_state("start")["start"]["given"]
    assert [one["answer"]["choice"] for one in given.values()] == ["tie"]
    reply = handle(shown, {"type": "hello"})
    assert reply == {"type": "state", **shown.state()}


def test_messages_from_several_threads_at_once_lose_and_double_nothing() -> None:
    shown, keeper = widget(40)
    sent = [message(shown, position % 40, "A") for position in range(80)] * 2
    start = threading.Barrier(8)

    def work(part: list[dict[str, Any]]) -> None:
        start.wait()
        for one in part:
            handle(shown, one)

    threads = [threading.Thread(target=work, args=(sent[i::8],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(keeper.labels) == len(keeper.calls) == 80
    assert len(keeper.current) == shown.n_saved == 40
    targets = [label.supersedes for label in keeper.labels.values() if label.supersedes]
    assert len(set(targets)) == len(targets) == 40, "no label is superseded twice"


def test_the_static_form_is_escaped_and_holds_no_item() -> None:
    shown, _ = widget(annotator=Annotator(id=ANNOTATOR.id, source="simulated"))
    handle(shown, message(shown, 0, "A"))
    bundle, _metadata = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}, "without a kernel there is no live view"
    assert "Answer" not in bundle["text/html"]
    assert "Prompt" not in bundle["text/html"]
    for words in ("1 of 6", "reader-1 (simulated)", "instruction-following/v1", "running notebook"):
        assert words in bundle["text/html"]
    assert bundle["text/plain"].startswith(
        "1 of 6 labels saved in batch batch-1 of pilot pilot-x by annotator reader-1"
    )
    tags: set[str] = set()
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attrs: tags.add(tag)  # type: ignore[method-assign]
    reader.feed(bundle["text/html"])
    assert tags == {"div", "p", "b", "table", "tr", "th", "td"}


def test_with_a_kernel_the_live_view_is_beside_the_static_form(monkeypatch: pytest.MonkeyPatch) -> None:
    from comm.base_comm import BaseComm

    class Live(BaseComm):
        def publish_msg(self, *args: object, **kwargs: object) -> None:
            pass

    shown, _ = widget()
    shown.comm = Live()
    bundle, _metadata = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "running notebook" in bundle["text/html"]


def test_keys_can_be_changed_and_clashes_are_refused() -> None:
    shown, _ = widget(keys={"tie": "z"})
    assert shown.settings["keys"]["tie"] == ["z"]
    assert shown.settings["keys"]["left"] == ["ArrowLeft", "a", "1"]
    with pytest.raises(RecordError, match="'A' is both left and tie"):
        widget(keys={"tie": "A"})
    with pytest.raises(RecordError, match="no action"):
        widget(keys={"explode": "z"})


def changed(**update: object) -> list[Assignment]:
    first, *rest = assignments(items(3))
    return [first.model_copy(update=update), *rest]


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ([], PlanError, "nothing to label for annotator 'reader-1'"),
        (changed(item="item-99"), PlanError, r"item 'item-99' is not among the 3 items \[assignment as-gold-0\]"),
        (changed(annotator="reader-2"), PlanError, "a queue is of one pilot, batch and annotator"),
        (changed(batch="batch-2"), PlanError, "a queue is of one pilot, batch and annotator"),
        (changed(order=("r0a", "r1a")), RecordError, "order must show the responses"),
    ],
)
def test_a_queue_that_does_not_fit_is_refused(asked: list[Assignment], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        annotate_queue(asked, items(3), annotator=ANNOTATOR, guideline=guideline(), keeper=Keeper().functions)


def test_an_item_of_another_task_is_refused() -> None:
    queue = items(2)
    queue["item-1"] = queue["item-1"].model_copy(update={"task": "ranking", "gold": None})
    with pytest.raises(RecordError, match="'item-1' is a ranking item"):
        widget(items=queue)
    with pytest.raises(RecordError, match="for likert items"):
        widget(guideline=guideline("likert"))
