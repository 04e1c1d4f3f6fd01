"""Whatever a browser sends: read, or refused in one line, and never kept unless it is a judgment of this queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.widgets.make import (
    ANSWERS,
    Keeper,
    answer_message,
    handle,
    message,
    practising,
    skip_message,
    widget,
)
from tests.widgets.talk import Talk, echo

if TYPE_CHECKING:
    from workbench.widgets.annotate import AnnotateWidget

KINDS = ["hello", "here", "fetch", "more", "begin", "answer", "skip", "say"]


def refused(reply: dict[str, Any] | None) -> str:
    assert reply is not None
    assert (reply["type"], reply["final"]) == ("refused", True), reply
    words: str = reply["message"]
    assert words
    assert len(words) <= 300
    assert len(words.splitlines()) == 1
    assert isinstance(reply["uuid"], str)
    assert len(reply["uuid"]) <= 64
    json.dumps(reply, ensure_ascii=False).encode()  # as it is sent
    return words


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


WRONG: list[Any] = [None, True, 3, -1, 1.5, 10**400, "", "x", "x" * 100_000, [], ["x"], {}, {"a": 1}, nested(5_000)]
WRONG += ["\ud800", "a\nb", float("inf"), "../../etc/passwd", "<script>"]


@pytest.mark.parametrize("content", [None, [], ["type"], "hello", 3, b"hello", {}, {"type": None}, nested(9_000)])
def test_what_is_no_message_is_refused(content: Any) -> None:
    shown, _ = widget()
    words = refused(shown._reply(content))
    assert "allowed are ['answer', 'begin', 'fetch', 'hello', 'here', 'more', 'say', 'skip']" in words


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_that_no_message_has_is_refused(kind: str) -> None:
    talk = Talk(echo)
    key = talk.key()
    whole: dict[str, Any] = {
        "hello": {},
        "here": {},
        "more": {},
        "begin": {},
        "fetch": {"questions": [key]},
        "answer": answer_message(talk.shown, 0, ANSWERS["red_team"]),
        "skip": skip_message(talk.shown, 0),
        "say": {"uuid": str(uuid4()), "question": key, "text": "hi"},
    }[kind] | {"type": kind}
    for extra in (
        "is_gold",
        "item",
        "annotator",
        "submitted_at",
        "__class__",
        "model_config",
        "x" * 1_000,
        "\ud800",
        "",
    ):
        for value in (1, nested(5_000)):
            words = refused(talk.shown._reply(whole | {extra: value}))
            assert words.startswith(f"{kind.title()} refused: ")
    nothing_kept(talk.keeper)


# What may stand in a field, so not all of it is wrong there.
FINE: dict[str, Any] = {
    **dict.fromkeys(("reason", "comment", "text"), str),
    **dict.fromkeys(("clauses", "flags", "questions"), list),
    "duration_s": (int, float, type(None)),
}


@pytest.mark.parametrize("kind", ["answer", "skip", "say", "fetch"])
def test_a_field_of_the_wrong_type_is_refused_and_named(kind: str) -> None:
    talk = Talk(echo)
    whole: dict[str, Any] = {
        "fetch": {"type": "fetch", "questions": [talk.key()]},
        "answer": answer_message(talk.shown, 0, ANSWERS["red_team"]),
        "skip": skip_message(talk.shown, 0),
        "say": {"type": "say", "uuid": str(uuid4()), "question": talk.key(), "text": "hi"},
    }[kind]
    for field in whole:
        for value in WRONG:
            if isinstance(value, FINE.get(field, ())) or value in ("x" * 100_000, "\ud800"):
                continue
            refused(talk.shown._reply(whole | {field: value}))
        for value in ("x" * 100_000, "\ud800", float("nan"), float("-inf"), -1, {"\ud800": 1}):
            refused(talk.shown._reply(whole | {field: value}))
    nothing_kept(talk.keeper)


def nothing_kept(keeper: Keeper) -> None:
    assert kept(keeper) == 0


# ---- anything at all --------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(["A", "B", "tie", "choice", "x" * 5_000, "\ud800"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda part: st.lists(part, max_size=4) | st.dictionaries(TEXTS, part, max_size=4),
    max_leaves=8,
)
FIELDS = [
    "type",
    "uuid",
    "question",
    "questions",
    "answer",
    "reason",
    "comment",
    "clauses",
    "flags",
    "duration_s",
    "text",
]


@st.composite
def contents(draw: st.DrawFn, key: str) -> Any:
    """Anything, or a message that is right but for some fields."""
    if draw(st.booleans()):
        return draw(JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
    right = {
        "type": draw(st.sampled_from(KINDS)),
        "uuid": str(draw(st.uuids())),
        "question": draw(st.sampled_from([key, "q_0000000000000000"])),
        "answer": draw(st.sampled_from(list(ANSWERS.values()))),
        "reason": "because",
        "text": "hi",
    }
    wanted = draw(st.sets(st.sampled_from(list(right)))) | {"type"}
    wrong = draw(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2))
    return {name: right[name] for name in right if name in wanted} | wrong


def opened(task: str) -> tuple[AnnotateWidget, Keeper]:
    return practising() if task == "practice" else widget(task=task)


@pytest.mark.parametrize("task", ["pairwise", "ranking", "factual_accuracy", "instruction_following", "practice"])
@settings(max_examples=40)
@given(data=st.data())
def test_anything_is_answered_and_only_judgments_are_kept(task: str, data: st.DataObject) -> None:
    shown, keeper = opened(task)
    key = shown.state()["queue"][0]
    for _ in range(3):
        content = data.draw(contents(key))
        n_kept = kept(keeper)
        reply = shown._reply(content)
        if reply is None:
            assert content == {"type": "here"}
        elif reply["type"] == "refused":
            refused(reply)
        else:
            json.dumps(reply, ensure_ascii=False, allow_nan=False).encode()
            assert content["type"] in KINDS
        taken = reply is not None and reply["type"] == "ack"
        assert kept(keeper) - n_kept <= taken
        if taken:
            assert content["question"] == key


def kept(keeper: Keeper) -> int:
    return len(keeper.calls) + len(keeper.skips) + len(keeper.practised) + len(keeper.exchanges)


def test_a_refusal_names_the_message_it_refuses() -> None:
    shown, _ = widget()
    sent = message(shown, 0, "left")
    assert handle(shown, sent)["uuid"] == sent["uuid"]
    for uuid, told in (
        (None, ""),
        (3, ""),
        ({"a": 1}, ""),
        ("x" * 100, "x" * 64),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
    ):
        assert handle(shown, sent | {"uuid": uuid})["uuid"] == told
