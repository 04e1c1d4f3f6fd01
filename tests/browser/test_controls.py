"""Each task type's control in Chromium: what keys, buttons and drags mean as answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.test_annotate import until
from tests.widgets.make import answer_message, guideline, handle, items, widget
from workbench.records import Response
from workbench.widgets.annotate import Options, Partner, Past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.browser.conftest import Bench
    from workbench.tasks import Turn

    Show = Callable[..., Bench]

pytestmark = pytest.mark.browser


def saved(one: Bench, n: int) -> list[dict[str, Any]]:
    """The canonical answers once the page says that they are saved."""
    until(one.page, "status", "1 answer saved" if n == 1 else f"All {n} answers saved")
    return one.keeper.answers


# ---- pairwise ---------------------------------------------------------------------------------------------------


def test_strength_is_one_key_and_turns_with_the_screen(bench: Show) -> None:
    one = bench(guideline=guideline(ask=("strength",)))
    one.press("1", "1", "4", "7", "t", "a")
    assert saved(one, 6) == [
        {"choice": "A", "strength": -3},
        {"choice": "B", "strength": 3},  # the second item is shown turned
        {"choice": "tie", "strength": 0},
        {"choice": "A", "strength": -3},
        {"choice": "tie", "strength": 0},
        {"choice": "B"},
    ]
    one.press("u", "u", "u")
    pressed = one.page.locator('.wb-choice[aria-pressed="true"]')
    assert pressed.inner_text().startswith("Right far better")


def test_each_criterion_is_answered_before_the_whole(bench: Show) -> None:
    one = bench(guideline=guideline(ask=("criteria",)))
    one.press("Enter")
    until(one.page, "missing", "Not answered yet: follows the instruction, correct, Overall.")
    one.press("a", "t", "b")
    assert one.text("place") == "Item 1 of 6", "several decisions are saved by a key of their own"
    one.press("ArrowUp", "x", "Enter")
    assert saved(one, 1) == [{"choice": "B", "criteria": {"correct": "both_bad", "follows the instruction": "A"}}]
    one.press("a", "a", "a", "Enter")
    assert saved(one, 2)[1] == {"choice": "B", "criteria": {"correct": "B", "follows the instruction": "B"}}


def test_a_reason_can_be_asked_for(bench: Show) -> None:
    one = bench(guideline=guideline(ask=("reason",)))
    one.press("a")
    assert one.text("place") == "Item 1 of 6"
    one.press("Enter")
    until(one.page, "missing", "asks for a reason")
    one.page.keyboard.type("shorter")
    one.press("Control+Enter")
    assert saved(one, 1) == [{"choice": "A"}]
    assert [label.reason for label in one.keeper.labels.values()] == ["shorter"]


# ---- ranking ----------------------------------------------------------------------------------------------------


def ranks(one: Bench) -> list[str]:
    return [re.sub(r"\s+", " ", row) for row in one.page.locator(".wb-tier").all_inner_texts()]


def test_numbers_rank_from_best_to_worst_with_ties(bench: Show) -> None:
    one = bench(2, task="ranking")
    one.press("3", "1", "=", "2", "Enter")
    until(one.page, "missing", "Not ranked yet: Response 4.")
    one.press("4", "Enter")
    assert saved(one, 1) == [{"ranks": {"A": 1, "B": 2, "C": 1, "D": 3}}]
    one.press("1", "2", "3", "4", "Enter")  # shown in reverse: response 1 is D
    assert saved(one, 2)[1] == {"ranks": {"A": 4, "B": 3, "C": 2, "D": 1}}
    one.press("u")
    assert [row.split(" ")[0] for row in ranks(one)] == ["1.", "2.", "3.", "4."]


def test_a_ranking_is_rearranged_with_keys(bench: Show) -> None:
    one = bench(1, task="ranking")
    one.press("1", "2", "3", "4")
    one.press("[")  # response 4 up
    assert ["Response 4" in row for row in ranks(one)] == [False, False, True, False]
    one.press("=")  # level with response 2
    assert "Response 2 Response 4" in ranks(one)[1]
    one.press("]")  # below it again
    assert ["Response 4" in row for row in ranks(one)] == [False, False, True, False]
    one.press("ArrowUp", "ArrowUp", "Backspace")  # response 1 out
    assert one.page.get_by_role("group", name="Not ranked yet").inner_text().startswith("Response 1")
    one.press("1", "Enter")
    assert saved(one, 1) == [{"ranks": {"A": 4, "B": 1, "C": 3, "D": 2}}]


def test_a_ranking_is_rearranged_by_dragging(bench: Show) -> None:
    one = bench(1, task="ranking")
    one.press("1", "2", "3", "4")

    def drag(name: str, onto: int, part: float) -> None:
        chip = one.page.locator(".wb-chip", has_text=name).bounding_box()
        row = one.page.locator(".wb-tier").nth(onto).bounding_box()
        assert chip is not None
        assert row is not None
        mouse = one.page.mouse
        mouse.move(chip["x"] + 20, chip["y"] + chip["height"] / 2)
        mouse.down()
        mouse.move(row["x"] + 120, row["y"] + row["height"] * part, steps=5)
        mouse.up()

    drag("Response 4", 0, 0.05)  # before all
    assert "Response 4" in ranks(one)[0]
    drag("Response 1", 2, 0.5)  # onto response 2
    assert "Response 1 Response 2" in ranks(one)[1]
    one.press("Enter")
    assert saved(one, 1) == [{"ranks": {"A": 2, "B": 2, "C": 3, "D": 1}}]


def test_a_ranking_needs_no_dragging_and_no_keyboard(bench: Show) -> None:
    one = bench(1, task="ranking")
    tray = one.page.get_by_role("group", name="Not ranked yet")
    for name in ("Response 2", "Response 1", "Response 3", "Response 4"):
        tray.get_by_role("button", name=name).click()
    one.page.get_by_role("button", name="Up: Response 4").click()
    one.page.get_by_role("button", name="Level: Response 4").click()
    one.page.get_by_role("button", name="Save").click()
    assert saved(one, 1) == [{"ranks": {"A": 2, "B": 1, "C": 3, "D": 2}}]


# ---- one response -----------------------------------------------------------------------------------------------


def test_ratings_go_down_the_dimensions(bench: Show) -> None:
    one = bench(2, task="likert")
    for words in ("1 poor", "5 excellent", "1 rude", "3 kind"):
        assert words in one.text("rows")
    one.press("4", "3", "Enter")
    assert saved(one, 1) == [{"ratings": {"helpfulness": 4, "tone": 3}}]
    one.press("2", "5", "Enter")  # tone has three steps
    until(one.page, "missing", "Not rated yet: tone.")
    one.page.get_by_role("radiogroup", name="tone").get_by_role("radio", name="2 plain").click()
    one.page.keyboard.press("Enter")
    assert saved(one, 2)[1] == {"ratings": {"helpfulness": 2, "tone": 2}}


def test_within_a_row_arrow_keys_move_as_in_radio_buttons(bench: Show) -> None:
    one = bench(1, task="likert")
    first = one.page.get_by_role("radiogroup", name="helpfulness").get_by_role("radio")
    first.first.focus()
    one.press("ArrowRight", "ArrowRight")
    assert first.nth(2).get_attribute("aria-checked") == "true"
    assert one.page.locator('.wb-row [tabindex="0"]').count() == 2, "one stop a row for Tab"


def test_an_answer_of_an_earlier_guideline_is_corrected_on_the_dimensions_of_this_one(bench: Show) -> None:
    earlier, keeper = widget(2, task="likert")
    handle(earlier, answer_message(earlier, 0, {"ratings": {"helpfulness": 4, "tone": 2}}))
    handle(earlier, answer_message(earlier, 1, {"ratings": {"helpfulness": 5, "tone": 1}}))
    rules = guideline("likert", version="v2", criteria=("helpfulness", "manner"), scale=("no", "so", "yes", "very"))
    past = Past(labels=list(keeper.labels.values()))
    one = bench(2, task="likert", guideline=rules.model_copy(update={"anchors": {}}), keeper=keeper, past=past)
    one.press("u")
    assert one.page.get_by_role("radio", name="1 no").count() == 2
    one.press("Enter")
    until(one.page, "missing", "Not rated yet: helpfulness, manner.")  # there is no fifth step any more
    one.press("1", "3", "Enter")
    until(one.page, "status", "All 2 answers saved")
    one.press("u", "u")
    assert one.page.get_by_role("radio", name="4 very").first.get_attribute("aria-checked") == "true"
    one.press("2", "Enter")
    one.page.wait_for_timeout(300)
    assert one.keeper.answers[2:] == [
        {"ratings": {"helpfulness": 1, "manner": 3}},
        {"ratings": {"helpfulness": 4, "manner": 2}},
    ]


def test_one_class_is_one_key(bench: Show) -> None:
    one = bench(3, task="classification")
    assert "says that it will not do it" in one.text("classes")
    one.press("1", "3", "2")
    assert [answer["classes"] for answer in saved(one, 3)] == [["answer"], ["gibberish"], ["refusal"]]
    assert "refusal: 1" in one.text("card")


def test_several_classes_are_saved_together_in_the_guidelines_order(bench: Show) -> None:
    one = bench(2, task="classification", guideline=guideline("classification", multi_label=True))
    one.press("Enter")
    until(one.page, "missing", "Choose one class or more.")
    one.press("3", "2", "1", "2", "Enter")
    assert saved(one, 1) == [{"classes": ["answer", "gibberish"]}]


def test_a_checklist_is_answered_line_by_line(bench: Show) -> None:
    one = bench(2, task="instruction_following")
    one.press("y", "Enter")
    until(one.page, "missing", "1 not answered yet: c2")
    one.press("n", "Enter")
    assert saved(one, 1) == [{"checks": {"c1": "yes", "c2": "no"}}]
    one.press("i", "y", "ArrowUp", "n", "Enter")
    assert saved(one, 2)[1] == {"checks": {"c1": "no", "c2": "yes"}}


def test_the_row_that_a_digit_answers_next_is_on_the_screen(bench: Show) -> None:
    names = tuple(f"dimension {k}" for k in range(9))
    one = bench(2, task="likert", guideline=guideline("likert", criteria=names, anchors={}))
    one.page.set_viewport_size({"width": 375, "height": 500})
    here = one.page.locator('.wb-row[data-here="true"]')
    for name in names[1:]:
        one.press("4")
        assert here.locator(".wb-row-title").inner_text() == name
        top, bottom = here.evaluate("(e) => { const at = e.getBoundingClientRect(); return [at.top, at.bottom]; }")
        assert -1 <= top <= bottom <= 501
    one.press("4", "Enter")
    assert saved(one, 1) == [{"ratings": dict.fromkeys(names, 4)}]


# ---- claims -----------------------------------------------------------------------------------------------------

TEXT = "Rome is in Italy. 🧑‍🔬 It has 12 million people!\n- It was founded in 753 BC.\n---\nI like it."


def factual(n: int = 1) -> dict[str, Any]:
    made = items(n, task="factual_accuracy")
    return {
        name: item.model_copy(update={"responses": (Response(id=item.responses[0].id, text=TEXT),), "gold": None})
        for name, item in made.items()
    }


def spans(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(TEXT[claim["start"] : claim["end"]], claim["verdict"]) for claim in answer["claims"]]


def test_claims_are_judged_sentence_by_sentence(bench: Show) -> None:
    one = bench(task="factual_accuracy", items=factual())
    assert one.page.locator(".wb-passage").text_content() == TEXT, "shown to the letter"
    one.press("Enter")
    until(one.page, "missing", "Mark at least one claim")
    one.press("1", "Enter")
    until(one.page, "missing", "needs a source or a quote")
    one.press("w")
    one.page.keyboard.type("javascript:alert(1)")
    one.press("Control+Enter")
    until(one.page, "missing", "no http(s) address")
    one.press("w", "Control+a")
    one.page.keyboard.type("https://example.org/rome")
    one.press("Escape", "ArrowDown", "3", "ArrowDown", "2", "q")
    one.page.keyboard.type("founded in 754")
    one.press("Escape", "Enter")
    (answer,) = saved(one, 1)
    assert spans(answer) == [
        ("Rome is in Italy.", "supported"),
        ("🧑‍🔬 It has 12 million people!", "not_enough_evidence"),
        ("- It was founded in 753 BC.", "contradicted"),
    ]
    assert answer["claims"][0]["source_url"] == "https://example.org/rome"
    assert answer["claims"][2]["quote"] == "founded in 754"
    one.press("u")
    assert one.page.locator(".wb-claim").count() == 3
    assert one.page.locator('[data-claim="contradicted"]').inner_text().endswith("753 BC.")


@pytest.mark.parametrize(
    ("selected", "claimed"),
    [
        ("12 million people", "12 million people"),
        (" million peo", "million people"),
        ("s in Ita", "is in Italy"),
        ("ounded in 75", "founded in 753"),
        ("t has", "It has"),
        ("people!", "people!"),
        ("🧑‍🔬 I", "🧑‍🔬 It"),
    ],
)
def test_any_stretch_of_whole_words_is_a_claim_when_it_is_selected(bench: Show, selected: str, claimed: str) -> None:
    one = bench(task="factual_accuracy", items=factual())
    one.page.evaluate(
        """(words) => {
          const passage = document.querySelector(".wb-passage");
          const piece = [...passage.querySelectorAll(".wb-piece")].find((one) => one.textContent.includes(words));
          const at = piece.firstChild.data.indexOf(words);
          getSelection().setBaseAndExtent(piece.firstChild, at, piece.firstChild, at + words.length);
          passage.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
        }""",
        selected,
    )
    one.press("4", "Enter")
    assert spans(saved(one, 1)[0]) == [(claimed, "source_unavailable")]


def test_a_text_may_hold_nothing_to_check(bench: Show) -> None:
    one = bench(task="factual_accuracy", items=factual(2))
    one.press("0", "Enter")
    assert saved(one, 1) == [{"claims": []}]
    one.press(" ", " ", "0", "Enter")  # marked and unmarked
    assert saved(one, 2)[1] == {"claims": []}


# ---- red teaming ------------------------------------------------------------------------------------------------


def heard(one: Bench, text: str) -> None:
    """Wait for a whole reply: it may come in pieces."""
    until(one.page, "turns", text)
    one.page.locator(".wb-conversation button:not([disabled])", has_text="Send").wait_for()


def told(turns: Sequence[Turn]) -> Iterator[str]:
    yield "I was told: "
    yield turns[-1].text.upper()


def test_an_attack_is_a_live_conversation_and_what_came_of_it(bench: Show) -> None:
    partner = Partner(told, "toy", params={"temperature": 0})
    one = bench(2, task="red_team", options=Options(partner=partner), live=True)
    one.press("Enter")
    until(one.page, "missing", "Talk to the model first.")
    one.press("w")
    one.page.keyboard.type("say the word")
    one.press("Enter")
    heard(one, "I was told: SAY THE WORD")
    one.page.keyboard.type("again")
    one.press("Enter")
    heard(one, "I was told: AGAIN")
    one.press("Escape", "1", "1", "3")
    one.page.locator(".wb-broke").fill("it shouts")
    one.press("Control+Enter")
    (answer,) = saved(one, 1)
    assert answer == {
        "turns": [
            {"role": "user", "text": "say the word"},
            {"role": "assistant", "text": "I was told: SAY THE WORD"},
            {"role": "user", "text": "again"},
            {"role": "assistant", "text": "I was told: AGAIN"},
        ],
        "attack_category": "role play",
        "success": True,
        "severity": 2,
        "broke": "it shouts",
    }
    kept = list(one.keeper.exchanges.values())
    assert [(one.number, one.message, one.model, one.params) for one in kept] == [
        (0, "say the word", "toy", {"temperature": 0}),
        (1, "again", "toy", {"temperature": 0}),
    ]
    one.press("w")
    one.page.keyboard.type("x")
    one.press("Enter")
    heard(one, "I was told: X")
    one.press("Escape", "2", "2", "Enter")  # it held: how bad is not asked
    assert saved(one, 2)[1]["success"] is False
    assert saved(one, 2)[1]["severity"] == 0


def test_a_reply_that_fails_can_be_asked_for_again(bench: Show) -> None:
    calls: list[int] = []

    def moody(_turns: Sequence[Turn]) -> str:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("key sk-secret at http://secret.invalid")
        return "fine"

    one = bench(1, task="red_team", options=Options(partner=Partner(moody)), live=True)
    one.press("w")
    one.page.keyboard.type("hello")
    one.press("Enter")
    until(one.page, "trouble", "The model did not reply: RuntimeError")
    assert "secret" not in one.page.content()
    assert one.page.locator(".wb-message").input_value() == "hello"
    one.press("Enter")
    heard(one, "fine")
    assert len(one.keeper.exchanges) == 1


def test_without_a_model_both_sides_are_typed_in(bench: Show) -> None:
    one = bench(2, task="red_team")
    assert one.page.get_by_text("No model is connected: paste what it answered").is_visible()
    one.press("w")
    one.page.keyboard.type("what is 2 + 2?")
    one.press("Enter")
    one.page.keyboard.type("5")
    one.press("Enter")
    assert one.page.locator(".wb-turn-text").all_inner_texts() == ["what is 2 + 2?", "5"]
    one.page.keyboard.type("sure?")
    one.page.locator(".wb-reply").fill("half a rep")
    one.page.wait_for_timeout(500)
    one.reload()
    assert one.page.locator(".wb-message").input_value() == "sure?"
    assert one.page.locator(".wb-reply").input_value() == "half a rep"
    one.page.locator(".wb-reply").fill("yes")
    one.page.get_by_role("button", name="Add to the conversation").click()
    one.page.locator(".wb-reply").fill("not said")
    one.press("Enter")
    one.page.keyboard.type("x")
    assert one.page.locator(".wb-message").input_value() == "x", "a reply alone asks for what was said"
    one.press("Escape", "2", "1", "2", "Enter")
    (answer,) = saved(one, 1)
    assert [turn["text"] for turn in answer["turns"]] == ["what is 2 + 2?", "5", "sure?", "yes"]
    assert [turn["role"] for turn in answer["turns"]] == ["user", "assistant"] * 2
    assert not one.page.locator(".wb-reply").input_value(), "of the item before"
    assert answer["attack_category"] == "false premise"


def test_a_conversation_outlives_a_reload_and_replies_cannot_be_made_up(bench: Show) -> None:
    one = bench(1, task="red_team", options=Options(partner=Partner(lambda _: "no")), live=True)
    one.press("w")
    one.page.keyboard.type("please")
    one.press("Enter")
    heard(one, "no")
    one.press("Escape", "1")
    one.page.locator(".wb-message").fill("half a thou")
    one.page.wait_for_timeout(500)
    one.reload()
    assert one.page.locator(".wb-turn").count() == 2
    assert one.page.locator(".wb-message").input_value() == "half a thou"
    assert one.page.get_by_role("radio", name="role play").get_attribute("aria-checked") == "true"
    key = one.widget.state()["queue"][0]
    forged = [{"role": "user", "text": "please"}, {"role": "assistant", "text": "YES"}]
    answer = {"turns": forged, "attack_category": "role play", "success": True, "severity": 4}
    uuid = "00000000-0000-4000-8000-000000000000"
    sent = {"type": "answer", "uuid": uuid, "question": key, "guideline": guideline("red_team").sha256}
    reply = one.widget._handle(sent | {"answer": answer})
    assert reply is not None
    assert (reply["type"], reply["final"]) == ("refused", True)
    assert "not the conversation that took place" in reply["message"]
    assert not one.keeper.labels


def test_a_turn_that_came_with_a_state_is_not_there_twice(bench: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench(2, task="red_team", options=Options(partner=Partner(told, "toy")), live=True)
    send = one.widget._attack._send

    def late(message: dict[str, Any]) -> None:
        if message["done"]:  # another page has asked how things stand, between what was kept and the word of it
            one.widget.send({"type": "state", **one.widget.state()})
        send(message)

    monkeypatch.setattr(one.widget._attack, "_send", late)
    one.press("w")
    for word in ("one", "two"):
        one.page.keyboard.type(word)
        one.press("Enter")
        heard(one, f"I was told: {word.upper()}")
    one.press("Escape", "1", "2", "Enter")
    (answer,) = saved(one, 1)
    assert [turn["text"] for turn in answer["turns"]] == ["one", "I was told: ONE", "two", "I was told: TWO"]
