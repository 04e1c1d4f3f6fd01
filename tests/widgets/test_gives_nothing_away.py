"""What a browser is sent, for every task type: the texts, and nothing that tells how they should be judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.widgets.make import (
    ANSWERS,
    MODELS,
    TASKS,
    answer_message,
    assignments,
    guideline,
    handle,
    items,
    practising,
    skip_message,
    widget,
)
from workbench.records import Annotator, Assignment
from workbench.widgets.annotate import AnnotateWidget, Handed, HandOut, Options, Requirement

NAMES = sorted(ANSWERS)
SECRETS = (*MODELS, "Secret", "gold", "repeat", "verifier", "item-", "prompt-", '"model"', "sha256", "round", "human")
IDS = [f"r{k}{letter}" for k in range(20) for letter in "abcd"]


def sent_by(shown: AnnotateWidget) -> str:
    """All that a page is sent without answering: the widget's state, synced and asked for, and texts it fetches."""
    state = handle(shown, {"type": "hello"})
    messages = [
        state,
        handle(shown, {"type": "more"}),
        handle(shown, {"type": "begin"}),
        handle(shown, {"type": "fetch", "questions": state["queue"]}),
    ]
    synced = {name: value for name, value in shown.get_state().items() if name not in ("_esm", "_css")}
    return json.dumps([synced, shown.settings, shown.state(), messages])


def gives_nothing_away(told: str) -> None:
    for secret in SECRETS:
        assert secret not in told, f"{secret} in {told[max(0, told.index(secret) - 80) : told.index(secret) + 40]}"
    for name in IDS:
        assert f'"{name}"' not in told, name


@pytest.mark.parametrize("task", NAMES)
def test_before_an_answer(task: str) -> None:
    shown, _ = widget(task=task, annotator=Annotator(id="reader-1", source="human", pool="SecretPool"))
    told = sent_by(shown)
    gives_nothing_away(told)
    if task != "red_team":
        assert "Answer 3 one" in told or "Answer **3** one" in told


@pytest.mark.parametrize("task", NAMES)
def test_after_answers_and_skips(task: str) -> None:
    shown, _ = widget(task=task)
    replies = [handle(shown, answer_message(shown, k, ANSWERS[task])) for k in (0, 1, 2)]
    replies.append(handle(shown, skip_message(shown, 3)))
    assert [one["type"] for one in replies] == ["ack"] * 4
    gives_nothing_away(json.dumps(replies) + sent_by(shown))


@pytest.mark.parametrize("task", NAMES)
def test_gold_and_other_questions_look_alike(task: str) -> None:
    """The same item asked as gold, as a repeat, under another id: only its name differs, which is a hash."""
    queue = items(2, task=task)
    (one, _), (other, _) = assignments(queue), assignments(queue)
    variants: list[Assignment] = [
        one,
        other.model_copy(update={"id": "as-2", "is_gold": not one.is_gold, "is_repeat": True, "position": 1}),
    ]
    shown, _ = widget(task=task, items=queue, assignments=variants)
    first, second = shown.state()["questions"]
    assert first.pop("key") != second.pop("key")
    assert first == second
    replies = [handle(shown, answer_message(shown, k, ANSWERS[task])) for k in (0, 1)]
    for reply in replies:
        reply.pop("uuid")
        reply.pop("question")
        reply["given"].pop("uuid")
    assert replies[0] == replies[1]


@pytest.mark.parametrize("task", [name for name in NAMES if TASKS[name][2]])
def test_in_practice_before_the_answer(task: str) -> None:
    shown, _ = practising(task=task)
    gives_nothing_away(sent_by(shown))
    sent = answer_message(shown, 0, ANSWERS[task])
    feedback: dict[str, Any] = handle(shown, sent)["feedback"]
    assert feedback["explanation"] == "SecretExplanation"
    gives_nothing_away(sent_by(shown))  # also of the one that was answered


def test_what_machines_find_comes_after_the_answer() -> None:
    task = "instruction_following"
    listed = [Requirement("c1", "no commas", "yes", "SecretFinding"), Requirement("c2", "two words", "no", "SecretToo")]
    rules = guideline(task, machine_checks="after")
    shown, _ = widget(task=task, guideline=rules, options=Options(checklist=lambda _: listed))
    gives_nothing_away(sent_by(shown))
    reply = handle(shown, answer_message(shown, 0, ANSWERS[task]))
    assert reply["checks"]["c1"]["found"] == "SecretFinding"
    gives_nothing_away(sent_by(shown))


@pytest.mark.parametrize("task", NAMES)
def test_questions_that_are_handed_out(task: str) -> None:
    queue = items(8, task=task)
    asked = assignments(queue)
    supply = HandOut("pilot-x", "batch-1", lambda n: Handed(asked[:5], 3))
    shown, _ = widget(task=task, items=queue, assignments=asked[:1], options=Options(hand_out=supply))
    gives_nothing_away(sent_by(shown))
