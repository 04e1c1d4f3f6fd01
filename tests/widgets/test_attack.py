"""Conversations with a model under attack: what was said is kept as it happened, and whatever fails is told."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.widgets.make import answer_message, handle, skip_message, widget
from tests.widgets.talk import WAIT_S, Talk, as_turns, echo
from workbench.errors import StoreError, TrainingError
from workbench.widgets.annotate import Past
from workbench.widgets.annotate.attack import LONGEST_REPLY, MOST_EXCHANGES
from workbench.widgets.annotate.desk import AWAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from workbench.tasks import Turn


def test_an_exchange_is_kept_with_its_number_and_its_model() -> None:
    talk = Talk(echo)
    first = talk.say("one")
    assert first == {
        "type": "said",
        "uuid": first["uuid"],
        "question": talk.key(),
        "text": "you said one after 0",
        "done": True,
        "number": 0,
    }
    talk.say("other", position=1)
    talk.say("two")
    kept = list(talk.keeper.exchanges.values())
    assert [(one.item, one.number, one.message, one.reply) for one in kept] == [
        ("item-0", 0, "one", "you said one after 0"),
        ("item-1", 0, "other", "you said other after 0"),
        ("item-0", 1, "two", "you said two after 2"),
    ]
    one = kept[0]
    assert (one.exchange_id, one.pilot, one.batch) == (first["uuid"], "pilot-x", "batch-1")
    assert (one.annotator, one.source) == ("reader-1", "human")
    assert (one.model, one.model_sha256, one.params) == ("SecretModel-7B", "a" * 64, {"seed": 3})
    assert one.duration_s is not None
    assert 0 <= one.duration_s < WAIT_S
    assert "Secret" not in str(talk.told) + str(talk.shown.state()) + str(talk.shown.settings)
    assert talk.shown.settings["partner"] is True
    assert talk.turns() == [
        ("user", "one"),
        ("assistant", "you said one after 0"),
        ("user", "two"),
        ("assistant", "you said two after 2"),
    ]


def test_the_model_hears_the_whole_conversation_also_after_a_restart() -> None:
    heard: list[list[str]] = []

    def listen(turns: Sequence[Turn]) -> str:
        heard.append([f"{turn.role}: {turn.text}" for turn in turns])
        return "yes"

    talk = Talk(listen)
    for text in ("one", "two"):
        talk.say(text)
    past = Past(exchanges=list(talk.keeper.exchanges.values())[::-1])  # in any order
    again = Talk(listen, past=past)
    assert again.turns() == talk.turns()
    again.say("three")
    assert heard[-1] == ["user: one", "assistant: yes", "user: two", "assistant: yes", "user: three"]
    assert [one.number for one in again.keeper.exchanges.values()] == [2]
    known = next(iter(talk.keeper.exchanges))
    assert again.say("one", uuid=known)["text"] == "yes", "what was kept is only told again"
    assert len(heard) == 3


# ---- a label's turns --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "turns",
    [
        [],
        as_turns("one"),
        as_turns("one", "I did it"),
        as_turns("one", "you said one after 0", "two"),
        as_turns("you said one after 0", "one"),
        as_turns("other", "you said other after 0"),
    ],
)
def test_turns_that_did_not_take_place_are_refused(turns: list[dict[str, str]]) -> None:
    talk = Talk(echo)
    talk.say("one")
    talk.say("other", position=1)
    reply = talk.answer(turns)
    assert (reply["type"], reply["final"]) == ("refused", True)
    assert "turns" in reply["message"]
    assert not talk.keeper.labels
    assert talk.answer(as_turns("one", "you said one after 0"))["type"] == "ack"
    (label,) = talk.keeper.labels.values()
    assert label.answer["turns"] == as_turns("one", "you said one after 0")


def test_a_conversation_that_went_on_is_labelled_anew() -> None:
    talk = Talk(echo)
    talk.say("one")
    talk.answer(as_turns("one", "you said one after 0"))
    talk.say("two")
    assert talk.answer(as_turns("one", "you said one after 0"))["type"] == "refused"
    assert talk.answer(as_turns("one", "you said one after 0", "two", "you said two after 2"))["type"] == "ack"
    assert [label.supersedes is None for label in talk.keeper.labels.values()] == [True, False]


def test_without_a_model_both_sides_are_typed_in() -> None:
    shown, keeper = widget(task="red_team")
    assert shown.settings["partner"] is False
    key = shown.state()["queue"][0]
    reply = handle(shown, {"type": "say", "uuid": str(uuid4()), "question": key, "text": "hi"})
    assert (reply["type"], reply["final"]) == ("refused", True)
    assert "no model is connected" in reply["message"]
    answer = {"turns": as_turns("a", "b"), "attack_category": "role play", "success": True, "severity": 1}
    assert handle(shown, answer_message(shown, 0, answer))["type"] == "ack"
    assert not keeper.exchanges


# ---- while it speaks --------------------------------------------------------------------------------------------


def test_pieces_are_told_while_it_speaks_and_the_page_is_not_held_up() -> None:
    go_on, heard = threading.Event(), threading.Event()

    def speak(_: Sequence[Turn]) -> Iterator[str]:
        yield "I "
        time.sleep(0.16)
        yield "am "
        heard.wait(WAIT_S)
        yield "well"
        go_on.wait(WAIT_S)

    talk = Talk(speak)
    sent = talk.send()
    part = talk.until(lambda one: one["type"] == "said" and one["text"] == "I am ")
    assert not part["done"]
    assert talk.turns() == [], "not yet said"
    assert not talk.keeper.exchanges
    refused = talk.say("and?")
    assert (refused["type"], refused["final"]) == ("refused", True)
    assert "the model has not replied yet -> wait for it" in refused["message"]
    n_told = len(talk.told)
    assert talk.shown._handle(sent) is None, "sent again it waits for the same reply"
    assert len(talk.told) == n_told
    assert handle(talk.shown, skip_message(talk.shown, 1))["type"] == "ack", "other work goes on"
    heard.set()
    go_on.set()
    assert talk.until(lambda one: bool(one.get("done")))["text"] == "I am well"
    assert talk.turns() == [("user", "hello"), ("assistant", "I am well")]
    assert len(talk.keeper.exchanges) == 1


def test_two_conversations_go_on_beside_each_other() -> None:
    together = threading.Barrier(2, timeout=WAIT_S)

    def speak(turns: Sequence[Turn]) -> str:
        together.wait()
        return echo(turns)

    talk = Talk(speak)
    first, second = talk.send("one", position=0), talk.send("two", position=1)
    for sent in (first, second):
        reply = talk.until(lambda one, uuid=sent["uuid"]: one["uuid"] == uuid and bool(one.get("done")))  # type: ignore[misc]
        assert reply["text"] == f"you said {sent['text']} after 0"


def test_a_quick_model_does_not_flood_the_page() -> None:
    talk = Talk(lambda _: (f"{k} " for k in range(1_000)))
    assert talk.say()["text"].endswith("999 ")
    assert len(talk.told) <= 10


def test_the_page_may_write_again_as_soon_as_it_is_told() -> None:
    talk = Talk(echo)
    key, hear = talk.key(), talk.shown.send
    texts = ["two", "three"]

    def at_once(content: dict[str, Any]) -> None:
        hear(content)
        if texts:
            talk.shown._reply({"type": "say", "uuid": str(uuid4()), "question": key, "text": texts.pop(0)})

    talk.shown.send = at_once
    talk.send("one")
    talk.until(lambda one: one.get("text") == "you said three after 4")
    assert [one["type"] for one in talk.told] == ["said"] * 3, "none is refused"


def test_a_model_that_never_speaks_holds_up_nothing_else() -> None:
    wake = threading.Event()

    def silent(_: Sequence[Turn]) -> Iterator[str]:
        wake.wait(WAIT_S)
        yield from ()

    talk = Talk(silent)
    talk.send()
    assert handle(talk.shown, {"type": "hello"})["type"] == "state"
    assert "not replied yet" in talk.say("?")["message"]
    wake.set()
    assert talk.until(lambda one: bool(one.get("done")))["text"] == ""
    assert talk.turns() == [("user", "hello"), ("assistant", "")], "nothing is what it said"


# ---- what goes wrong --------------------------------------------------------------------------------------------


def raises(error: BaseException) -> Callable[[Sequence[Turn]], str]:
    def reply(_: Sequence[Turn]) -> str:
        raise error

    return reply


def breaks_off(_: Sequence[Turn]) -> Iterator[str]:
    yield "half a "
    raise ConnectionError("https://user:SecretKey@host")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (raises(RuntimeError("SecretKey in\nan address")), "The model did not reply: RuntimeError"),
        (raises(TrainingError("the server\nanswered 500")), "The model did not reply: the server answered 500"),
        (raises(TrainingError("x" * 1_000)), f"The model did not reply: {'x' * 1_000}"[:300]),
        (raises(SystemExit(3)), "The model did not reply: it ended"),
        (breaks_off, "The model did not reply: ConnectionError"),
        (lambda _: None, "The model did not reply: a model replies in text, got NoneType"),
        (lambda _: 3, "The model did not reply: a model replies in text, got int"),
        (lambda _: b"bytes", "The model did not reply: a model replies in text, got int"),
        (lambda _: ["a", None], "The model did not reply: a model replies in text, got NoneType"),
        (lambda _: iter([{"text": "a"}]), "The model did not reply: a model replies in text, got dict"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # of the one that exits
def test_a_model_that_fails_is_told_and_can_be_asked_again(reply: Callable[..., Any], words: str) -> None:
    turn = [reply, echo]
    talk = Talk(lambda turns: turn.pop(0)(turns))
    told = talk.say("one")
    assert (told["type"], told["done"], told["text"], told["error"]) == ("said", True, "", words)
    assert "Secret" not in str(talk.told)
    assert talk.turns() == []
    assert not talk.keeper.exchanges
    again = talk.send("one", uuid=told["uuid"])
    talk.until(lambda one: one["uuid"] == again["uuid"] and one.get("text") == "you said one after 0")
    assert [one.number for one in talk.keeper.exchanges.values()] == [0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StoreError("disk is full", next_step="free some"), f"The reply could not be kept: {AWAY}"),
        (OSError("disk\nis full"), f"The reply could not be kept: {AWAY}"),
    ],
)
def test_a_reply_that_cannot_be_kept_is_told_and_is_no_part_of_the_conversation(error: Exception, words: str) -> None:
    talk = Talk(echo)
    talk.say("one")
    talk.keeper.failing = error
    told = talk.say("two")
    assert (told["done"], told["text"], told["error"]) == (True, "", words)
    assert len(talk.turns()) == 2
    talk.keeper.failing = None
    assert talk.say("three")["text"] == "you said three after 2"
    assert [one.number for one in talk.keeper.exchanges.values()] == [0, 1]
    turns = as_turns("one", "you said one after 0", "three", "you said three after 2")
    assert talk.answer(turns)["type"] == "ack"


def test_a_very_long_reply_is_cut_and_the_model_stopped() -> None:
    stopped = threading.Event()

    def endless(_: Sequence[Turn]) -> Iterator[str]:
        try:
            while True:
                yield "word " * 100
        finally:
            stopped.set()

    talk = Talk(endless)
    told = talk.say()
    assert len(told["text"]) == LONGEST_REPLY
    assert stopped.wait(WAIT_S)
    (kept,) = talk.keeper.exchanges.values()
    assert kept.reply == told["text"]
    assert talk.answer(as_turns("hello", kept.reply))["type"] == "ack"
    whole = Talk(lambda _: "x" * 1_000_000)
    assert whole.say()["text"] == "x" * LONGEST_REPLY


def test_halves_of_characters_never_reach_page_or_store() -> None:
    talk = Talk(lambda _: ["\ud83d", "\ude80 and \ud800"])
    assert talk.say()["text"] == "🚀 and \N{REPLACEMENT CHARACTER}"
    refused = talk.say("\ud800")
    assert refused["type"] == "refused"
    assert "Unicode" in refused["message"] or "unicode" in refused["message"]


def test_a_conversation_has_an_end() -> None:
    talk = Talk(echo)
    talk.say()
    (first,) = talk.keeper.exchanges.values()
    past = [first.model_copy(update={"exchange_id": f"e{k}", "number": k}) for k in range(MOST_EXCHANGES - 1)]
    full = Talk(echo, past=Past(exchanges=past))
    assert full.say()["done"]
    refused = full.say()
    assert (refused["type"], refused["final"]) == ("refused", True)
    assert f"a conversation has at most {MOST_EXCHANGES} messages -> save it" in refused["message"]
    assert full.say(position=1)["done"], "another one is another one"


@pytest.mark.parametrize("text", ["", "x" * 20_001, None, 3, ["hi"]])
def test_a_message_is_a_text_of_some_length(text: object) -> None:
    talk = Talk(echo)
    sent = {"type": "say", "uuid": str(uuid4()), "question": talk.key(), "text": text}
    reply = handle(talk.shown, sent)
    assert (reply["type"], reply["final"]) == ("refused", True)
    assert reply["message"].startswith("Say refused: text: ")
    assert len(reply["message"]) <= 300


def test_many_at_once_keep_their_order_and_lose_nothing() -> None:
    talk = Talk(echo)
    start = threading.Barrier(6)

    def attack(position: int) -> None:
        start.wait()
        for k in range(5):
            talk.say(f"{position}.{k}", position)

    threads = [threading.Thread(target=attack, args=(position,)) for position in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for position in range(6):
        said = [text for role, text in talk.turns(position) if role == "user"]
        assert said == [f"{position}.{k}" for k in range(5)]
    numbers = [(one.item, one.number) for one in talk.keeper.exchanges.values()]
    assert len(set(numbers)) == len(numbers) == 30
