"""What makes an evening of labelling bearable, in Chromium: panels, views, keys, drafts, practice, queues in common."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.test_annotate import until
from tests.widgets.make import ANNOTATOR, Keeper, assignments, guideline, items
from workbench.design import standing
from workbench.errors import TooLateError
from workbench.records import Calibration, Response
from workbench.widgets.annotate import Drill, Handed, HandOut, Options, Requirement
from workbench.widgets.annotate.desk import AWAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Bench
    from workbench.records import Assignment, Item, Label

    Show = Callable[..., Bench]

pytestmark = pytest.mark.browser


# ---- passing over, marking, finding ---------------------------------------------------------------------------------


def test_an_item_is_skipped_with_a_reason_and_can_be_answered_later(bench: Show) -> None:
    one = bench(3)
    one.press("s", "2")
    assert one.text("place") == "Item 2 of 3"
    one.press("a", "s", "b", "t", "m")  # behind an open panel no key answers
    assert one.text("place") == "Item 3 of 3"
    one.press("s", "s")  # closed and opened again
    one.page.locator(".wb-other").fill("my name is in it")
    one.press("Enter")
    until(one.page, "card", "1 items are answered, 2 skipped")
    until(one.page, "status", "1 answer saved")
    assert [(skip.item, skip.reason) for skip in one.keeper.skips.values()] == [
        ("item-0", "It is broken or empty"),
        ("item-2", "my name is in it"),
    ]
    assert one.page.evaluate("localStorage.length") == 0
    one.press("e")
    assert one.text("place") == "Item 1 of 3 · skipped before"
    one.press("b")
    until(one.page, "status", "All 2 answers saved")
    assert one.keeper.current == {"item-0": "B", "item-1": "B"}
    one.reload()
    until(one.page, "card", "2 items are answered, 1 skipped")


def test_a_skip_is_taken_back_with_undo(bench: Show) -> None:
    one = bench(2)
    one.press("s", "1", "u")
    assert one.text("place") == "Item 1 of 2 · skipped before"
    one.press("a")
    until(one.page, "status", "1 answer saved")
    assert one.text("place") == "Item 2 of 2"
    one.press("u", "s")
    assert one.page.locator(".wb-panel").count() == 0, "an answered item is not skipped"


def test_flags_and_a_note_go_with_the_answer(bench: Show) -> None:
    one = bench(3)
    one.press("f", "1", "3", "Escape", "o")
    one.page.keyboard.type("the prompt is cut off")
    one.press("Escape", "a")
    until(one.page, "status", "1 answer saved")
    (label,) = one.keeper.labels.values()
    assert label.flags == ("off topic", "harmful")
    assert label.comment == "the prompt is cut off"
    assert one.text("place") == "Item 2 of 3"
    one.press("u")
    assert one.page.get_by_text("Flagged: off topic, harmful").is_visible()
    one.press("f", "1", "Escape", "b")
    until(one.page, "status", "1 answer saved")
    assert [label.flags for label in one.keeper.labels.values()][1] == ("harmful",)


def test_all_items_at_a_glance(bench: Show) -> None:
    one = bench(12)
    one.press("a", "b", "s", "1", "v")
    assert "2 answered, 1 skipped, 9 open" in one.text("panel")
    buttons = one.page.locator(".wb-place-button")
    assert buttons.nth(0).get_attribute("aria-label") == "Item 1, answered"
    assert buttons.nth(2).get_attribute("aria-label") == "Item 3, skipped"
    assert buttons.nth(3).get_attribute("aria-current") == "true"
    one.press("ArrowRight", "ArrowRight", "Enter")
    assert one.text("place") == "Item 6 of 12"
    one.press("v", "Escape", "a")
    until(one.page, "status", "All 3 answers saved")
    assert one.text("place") == "Item 4 of 12", "back to the first that is open"


def test_a_rule_is_found_by_its_words(bench: Show) -> None:
    one = bench()
    one.press("/")
    one.page.keyboard.type("wrong fact")
    assert one.page.get_by_text("1 of 3 rules").is_visible()
    assert "A wrong fact loses" in one.text("guideline")
    assert not one.page.get_by_role("button", name="Cite clause C1").is_visible()
    for beside in ("Ties", "Press a clause's id", "Edge cases"):
        assert beside not in one.text("guideline")
    one.press("Enter", "Enter")  # goes to the clause, and cites it
    assert one.page.get_by_text("Citing C2").is_visible()
    one.press("/", "Control+a")
    one.page.keyboard.type("asked for 3")
    assert "Clauses" not in one.text("guideline")
    one.press("Enter")
    assert one.page.evaluate("document.activeElement.textContent") == "Too long"
    one.press("/")
    one.press("Escape")
    assert one.page.get_by_role("button", name="Cite clause C1").is_visible()
    for beside in ("Ties", "Press a clause's id", "Edge cases"):
        assert beside in one.text("guideline")
    one.press("a")
    assert one.text("place") == "Item 2 of 6"


# ---- reading --------------------------------------------------------------------------------------------------------


def test_differences_are_marked_word_by_word(bench: Show) -> None:
    made = items(1, left="The quick brown fox\njumps.", right="The slow brown fox\njumps high.")
    one = bench(items=made)
    one.press("d")
    left, right = (one.page.locator(f".wb-{side} .wb-compared") for side in ("left", "right"))
    assert left.locator("del").all_inner_texts() == ["quick"]
    assert [text.strip() for text in right.locator("ins").all_inner_texts()] == ["slow", "high"]
    assert left.text_content() == "The quick brown fox\njumps."
    assert right.text_content() == "The slow brown fox\njumps high."
    one.press("d")
    assert not left.is_visible()
    assert one.page.locator(".wb-left .wb-text").is_visible()


def test_long_responses_scroll_in_step_until_told_otherwise(bench: Show) -> None:
    long = "\n\n".join(f"Paragraph {k}." for k in range(80))
    one = bench(items=items(1, left=long, right=long + "\n\n" + long))
    left, right = (one.page.locator(f".wb-{side} .wb-scroll") for side in ("left", "right"))

    def share(which: Any) -> float:
        return float(which.evaluate("(e) => e.scrollTop / (e.scrollHeight - e.clientHeight)"))

    def moved(which: Any) -> float:
        until = time.monotonic() + 10
        while share(which) == 0 and time.monotonic() < until:
            one.page.wait_for_timeout(50)
        one.page.wait_for_timeout(300)
        return share(which)

    left.evaluate("(e) => { e.scrollTop = (e.scrollHeight - e.clientHeight) / 2; }")
    assert moved(right) == pytest.approx(0.5, abs=0.02)
    one.press("y")
    left.evaluate("(e) => { e.scrollTop = 0; }")
    one.page.wait_for_timeout(300)
    assert share(right) == pytest.approx(0.5, abs=0.02)
    one.press("y", "j")
    assert moved(left) > 0


LONG = "\n\n".join(f"Paragraph {k}." for k in range(80))


def stands_at_its_top(one: Bench) -> None:
    """The prompt's title is in view, and no text is scrolled."""
    one.page.wait_for_function(
        """() => {
          const { top, bottom } = document.querySelector(".wb-card h2").getBoundingClientRect();
          const boxes = [...document.querySelectorAll(".wb-card .wb-scroll")];
          return top >= 0 && bottom <= innerHeight && boxes.every((one) => one.scrollTop === 0);
        }"""
    )


def test_on_a_phone_the_guideline_opens_where_it_is_seen_and_no_prompt_is_cut(bench: Show) -> None:
    one = bench(items=items(1, prompt=LONG, left=LONG))
    one.page.set_viewport_size({"width": 375, "height": 700})
    prompt = one.page.locator(".wb-prompt .wb-scroll")
    assert prompt.evaluate("(e) => e.scrollHeight - e.clientHeight") <= 1
    rules = one.page.locator(".wb-guideline")
    for key in ("g", "c", "/"):
        one.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        one.press(key)
        top, bottom = rules.evaluate("(e) => { const at = e.getBoundingClientRect(); return [at.top, at.bottom]; }")
        assert -1 <= top < bottom <= 701
        one.press("Escape", "g")
        assert not rules.is_visible()


def test_the_next_item_starts_at_its_top_on_a_phone(bench: Show) -> None:
    one = bench(items=items(3, prompt="Prompt {i}\n\n" + LONG, left=LONG, right=LONG))
    one.page.set_viewport_size({"width": 375, "height": 700})
    for place in (2, 3):
        one.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert one.page.evaluate("scrollY") > 1000
        one.press("a")
        until(one.page, "place", f"Item {place} of 3")
        stands_at_its_top(one)
    one.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    one.press("u")
    until(one.page, "place", "Item 2 of 3")
    stands_at_its_top(one)


def test_the_next_item_starts_at_its_top_where_everything_scrolls(bench: Show) -> None:
    one = bench(items=items(3, prompt="Prompt {i}\n\n" + LONG, left=LONG, task="likert"), task="likert")
    one.page.set_viewport_size({"width": 640, "height": 400})
    one.page.evaluate("scrollTo(0, 600)")
    one.page.locator(".wb-response .wb-scroll").evaluate("(e) => { e.scrollTop = 300; }")
    one.press("3", "3", "Enter")
    until(one.page, "place", "Item 2 of 3")
    stands_at_its_top(one)
    one.page.set_viewport_size({"width": 1200, "height": 800})
    texts = one.page.locator(".wb-card .wb-scroll")
    texts.last.evaluate("(e) => { e.scrollTop = 300; }")
    one.press("u")
    until(one.page, "place", "Item 1 of 3")
    stands_at_its_top(one)
    one.press("Escape")
    until(one.page, "place", "Item 2 of 3")
    stands_at_its_top(one)


def test_a_page_on_which_somebody_works_elsewhere_is_not_scrolled(bench: Show) -> None:
    one = bench(items=items(3, left=LONG, right=LONG))
    one.page.set_viewport_size({"width": 375, "height": 700})
    one.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert one.page.evaluate("scrollY") > 1000
    one.page.evaluate(
        """() => {
          const elsewhere = document.body.appendChild(document.createElement("textarea"));
          const pressed = new KeyboardEvent("keydown", { key: "a", bubbles: true });
          document.querySelector(".wb-annotate").dispatchEvent(pressed);
          elsewhere.focus({ preventScroll: true });
        }"""
    )
    until(one.page, "place", "Item 2 of 3")
    one.page.wait_for_timeout(300)
    assert one.page.evaluate("scrollY") > 1000


def test_code_is_coloured_and_formulas_are_set(bench: Show) -> None:
    text = "```python\ndef f(x):\n    return 'a' # b\n```\n\n$x^2$"
    one = bench(items=items(1, left=text, right="plain"))
    left = one.page.locator(".wb-left")
    assert left.locator(".hl-k").all_inner_texts() == ["def", "return"]
    assert left.locator("math").count() == 1
    keyword, plain = (
        left.locator(part).first.evaluate("(e) => getComputedStyle(e).color") for part in (".hl-k", "pre")
    )
    assert keyword != plain


# ---- keys and drafts ------------------------------------------------------------------------------------------------


def test_keys_are_shown_and_changed_where_they_are_pressed(bench: Show) -> None:
    one = bench(4, keys={"tie": "z"})
    assert one.page.get_by_role("button", name=re.compile("^Tie Z")).is_visible()
    one.press("?")
    one.page.get_by_role("button", name="Change the key for: Tie").click()
    one.press("a")
    assert "A is taken already." in one.text("panel")
    one.page.get_by_role("button", name="Change the key for: Tie").click()
    one.press("n")
    one.press("Escape")
    assert one.page.get_by_role("button", name=re.compile("^Tie N")).is_visible()
    one.press("z", "n")
    until(one.page, "status", "1 answer saved")
    assert one.keeper.current == {"item-0": "tie"}
    one.reload()
    one.press("n")
    until(one.page, "status", "All 2 answers saved")
    one.press("?")
    one.page.get_by_role("button", name="Back to the original keys").click()
    one.press("Escape", "z")
    until(one.page, "status", "All 3 answers saved")


def test_what_was_begun_outlives_a_reload(bench: Show) -> None:
    one = bench(2, task="likert")
    one.press("4", "r")
    one.page.keyboard.type("half a reas")
    one.press("Escape", "c", "Enter", "Escape")
    one.reload()
    assert one.page.locator(".wb-reason").input_value() == "half a reas"
    assert one.page.get_by_role("radio", name="4 good").get_attribute("aria-checked") == "true"
    assert one.page.get_by_text("Citing C1").is_visible()
    one.press("2", "Enter")
    until(one.page, "status", "1 answer saved")
    one.page.wait_for_function("localStorage.length === 0")


def test_what_waits_in_the_browser_says_under_which_guideline_it_was_given(bench: Show) -> None:
    one = bench(2)
    sha = one.widget.settings["guideline"]["sha"]
    one.alive = False
    one.press("a", "r")
    one.page.keyboard.type("half a reas")
    until(one.page, "status", "1 NOT SAVED")
    one.page.wait_for_function("localStorage.length === 2")
    kept = [json.loads(text) for text in one.page.evaluate("Object.values(localStorage)")]
    assert [entry["guideline"] for entry in kept] == [sha, sha], "an answer and a draft"
    one.page.goto(f"{one.site}/annotate.css")  # the page's own storage, without the page
    one.page.evaluate(
        """(sha) => {
          for (const [name, text] of Object.entries(localStorage))
            localStorage.setItem(name, text.replace(sha, "0".repeat(64)));
        }""",
        sha,
    )
    one.alive = True
    one.page.goto(f"{one.site}/page")
    one.wait(one.page)
    until(one.page, "alarm", "this was given under another guideline than instruction-following/v1")
    until(one.page, "notice", "You began this under another version of the guideline. Now it is")
    assert not one.keeper.labels


def test_a_break_is_suggested_and_then_put_away(bench: Show) -> None:
    one = bench(6, options=Options(break_after_min=0.02))
    one.press("a")
    one.page.wait_for_timeout(1500)
    one.press("b")
    until(one.page, "status", "All 2 answers saved")
    until(one.page, "notice", "A short break keeps judgments steady.")
    one.press("Escape")
    assert not one.page.locator(".wb-notice").is_visible()
    one.press("t")
    until(one.page, "status", "All 3 answers saved")
    assert re.fullmatch(r"3 to go · [\d.]+ s each · [\d.]+ s left", one.text("pace"))


# ---- practice and feedback ------------------------------------------------------------------------------------------

RULE = Calibration(n=3, min_correct=2, max_mistakes=1, attempts=2)


def practising(queue: dict[str, Item]) -> Options:
    """Practice on the first items of a queue, which are all known to be A."""

    def questions(attempt: int) -> list[Assignment]:
        asked = assignments(queue)[3 * (attempt - 1) : 3 * attempt]
        return [
            one.model_copy(update={"id": f"practice-{attempt}-{k}", "batch": "practice", "position": k})
            for k, one in enumerate(asked)
        ]

    return Options(drill=Drill(questions, lambda given: standing(RULE, given)))


def known(n: int) -> dict[str, Item]:
    gold = items(2)["item-1"].gold
    return {name: item.model_copy(update={"gold": gold}) for name, item in items(n).items()}


def test_practice_gives_feedback_and_is_passed_before_live_work(bench: Show) -> None:
    queue = known(8)
    live = assignments(queue)[6:]
    one = bench(items=queue, assignments=live, guideline=guideline(calibration=RULE), options=practising(queue))
    assert one.text("place") == "Practice 1 of 3"
    assert not one.page.get_by_role("button", name="Skip").is_visible()
    one.press("a")
    until(one.page, "panel", "✓ Right")
    assert "SecretExplanation" in one.text("panel")
    assert "C1. Instruction first" in one.text("panel")
    assert "Every explicit requirement" in one.text("panel")
    assert "1 of 3 answered, 1 right" in one.text("panel")
    one.press("b", "a")  # answers wait until the feedback is put away
    one.press("Enter", "a")  # the second is shown turned: A is on the right
    until(one.page, "panel", "✗ Not right")
    assert "Your answer: Left is better" in one.text("panel")
    assert "Right answer: Right is better" in one.text("panel")
    one.press("Enter", "a")
    until(one.page, "panel", "3 of 3 answered, 2 right")
    one.press(" ")
    until(one.page, "panel", "Practice passed")
    assert "2 right, 1 mistake" in one.text("panel")
    one.press("a")
    assert not one.keeper.labels
    one.press("Enter")
    until(one.page, "place", "Item 1 of 2")
    one.press("a", "a")
    until(one.page, "status", "All 2 answers saved")
    assert one.page.locator(".wb-panel").count() == 0, "live work shows no answers"
    assert [(one.item, one.attempt, one.correct) for one in one.keeper.practised.values()] == [
        ("item-0", 1, True),
        ("item-1", 1, False),
        ("item-2", 1, True),
    ]
    assert set(one.keeper.current) == {"item-6", "item-7"}


def test_practice_that_fails_is_tried_again_with_other_items_and_then_ends(bench: Show) -> None:
    queue = known(8)
    one = bench(
        items=queue,
        assignments=assignments(queue)[6:],
        guideline=guideline(calibration=RULE),
        options=practising(queue),
    )
    one.press("t")
    until(one.page, "panel", "Not right")
    one.press("Enter", "t")
    until(one.page, "panel", "2 of 3 answered, 0 right")
    one.press("Enter")
    until(one.page, "panel", "Not passed yet")
    assert "you can try once more" in one.text("panel")
    one.reload()
    until(one.page, "panel", "Not passed yet")
    one.press("Enter")
    until(one.page, "place", "Practice 1 of 3")
    assert "Prompt 3" in one.text("prompt")
    one.press("t")
    until(one.page, "panel", "Not right")
    one.press("Enter", "t")
    until(one.page, "panel", "2 of 3 answered")
    assert one.text("pace") == "1 to go"
    one.press("Enter")
    until(one.page, "panel", "There are no more attempts")
    assert not one.text("pace"), "nothing is left to do"
    one.press("Enter", "Escape", "a")
    assert one.page.locator(".wb-panel").is_visible()
    live = next(key for key in one.widget._live._questions)
    uuid = "00000000-0000-4000-8000-000000000000"
    sent = {"type": "answer", "uuid": uuid, "question": live, "guideline": one.widget.settings["guideline"]["sha"]}
    reply = one.widget._reply(sent | {"answer": {"choice": "A"}})
    assert reply is not None
    assert (reply["type"], reply["final"]) == ("refused", True), "live work is closed to whoever did not pass"
    assert not one.keeper.labels


def test_what_an_answer_was_worth_is_shown_once(bench: Show) -> None:
    queue = known(8)
    rules = guideline(calibration=RULE)
    one = bench(items=queue, assignments=assignments(queue)[6:], guideline=rules, options=practising(queue), live=True)
    for place in ("Practice 1 of 3", "Practice 2 of 3", "Practice 3 of 3"):
        assert one.text("place") == place
        one.press("a")
        until(one.page, "panel", "answered")
        one.widget.send(one.widget._reply(one.answers[-1]))  # once more while it is shown
        one.page.wait_for_timeout(300)
        assert one.text("place").startswith(place), "the feedback stands beside the item it is on"
        one.press("Enter")
    until(one.page, "panel", "Practice passed")
    again = [one.widget._reply(sent) for sent in one.answers]  # sent again, as the first word of them came late
    assert [reply["feedback"]["right"] for reply in again if reply] == [True, False, True]
    before = one.text("frame")
    for reply in again:
        one.widget.send(reply)
    one.page.wait_for_timeout(500)
    assert one.text("frame") == before
    one.press("Enter")
    until(one.page, "place", "Item 1 of 2")
    for reply in again:
        one.widget.send(reply)
    one.press("a")
    until(one.page, "status", "1 answer saved")
    assert not one.page.locator(".wb-panel *").count()


def test_live_work_begins_also_where_the_wish_is_lost(bench: Show) -> None:
    queue = known(8)
    rules = guideline(calibration=RULE)
    one = bench(items=queue, assignments=assignments(queue)[6:], guideline=rules, options=practising(queue))
    for n in (1, 2, 3):
        one.press("a")
        until(one.page, "panel", f"{n} of 3 answered")
        one.press("Enter")
    until(one.page, "panel", "Practice passed")
    one.alive = False
    one.press("Enter")
    one.page.locator(".wb-panel *").first.wait_for(state="detached")
    one.alive = True
    until(one.page, "place", "Item 1 of 2")  # it is asked for again


def test_practice_that_was_begun_goes_on_after_a_reload(bench: Show) -> None:
    queue = known(8)
    one = bench(
        items=queue,
        assignments=assignments(queue)[6:],
        guideline=guideline(calibration=RULE),
        options=practising(queue),
    )
    one.press("a")
    until(one.page, "panel", "Right")
    one.reload()
    until(one.page, "place", "Practice 2 of 3")


def test_machine_checks_come_after_the_answer_where_the_guideline_says_so(bench: Show) -> None:
    def checklist(_: Item) -> list[Requirement]:
        return [
            Requirement("c1", "no commas", "yes", "no comma"),
            Requirement("c2", "at most 2 words", "no", "3 words, at most 2 asked"),
        ]

    rules = guideline("instruction_following", machine_checks="after")
    one = bench(2, task="instruction_following", guideline=rules, options=Options(checklist=checklist))
    assert "3 words" not in one.page.content()
    assert "3 words" not in one.state()
    one.press("y", "y", "Enter")
    until(one.page, "panel", "What the machine checks found")
    assert "3 words, at most 2 asked" in one.text("panel")
    assert one.page.locator('tr[data-same="false"]').count() == 1
    one.press("u")
    until(one.page, "place", "changing your answer")
    one.press("ArrowDown", "n", "Enter")
    until(one.page, "panel", "What the machine checks found")
    one.press("Enter")
    assert one.text("place") == "Item 2 of 2"
    first, second = one.keeper.labels.values()
    assert (first.answer["checks"], first.flags) == ({"c1": "yes", "c2": "yes"}, ())
    assert (second.answer["checks"], second.flags) == ({"c1": "yes", "c2": "no"}, ("saw machine checks",))
    assert second.supersedes == first.label_id


def test_gold_is_revealed_live_only_where_the_guideline_says_so_and_then_stands(bench: Show) -> None:
    one = bench(4, guideline=guideline(gold_feedback="live"))
    one.press("a")  # no gold
    one.press("a")  # gold, and shown turned
    until(one.page, "panel", "✗ Not right")
    one.press("Enter", "u")
    until(one.page, "place", "Item 2 of 4")
    one.press("b")
    until(one.page, "alarm", "the right answer has been shown")
    assert one.keeper.current["item-1"] == "B"


# ---- a queue in common ----------------------------------------------------------------------------------------------


def test_questions_are_handed_out_bit_by_bit_and_late_answers_do_not_count(bench: Show) -> None:
    queue = items(9)
    everything = assignments(queue)
    lost: set[str] = set()
    known = [5]
    keeper = Keeper()

    def hand_out(n: int) -> Handed:
        n_done = len(keeper.labels) + len(lost)
        n_known = min(len(everything), max(known[0], n_done + n))
        known[0] = n_known
        return Handed([one for one in everything[:n_known] if one.item not in lost], len(everything) - n_known)

    def judge(label: Label) -> None:
        if label.item == "item-1":
            lost.add(label.item)
            raise TooLateError("the time for this item was up")
        keeper.submit(label)

    one = bench(
        keeper=keeper,
        items=queue,
        assignments=everything[:5],
        submit=judge,
        options=Options(hand_out=HandOut("pilot-x", "batch-1", hand_out)),
    )
    assert one.text("place") == "Item 1"
    assert "to go" in one.text("pace")
    one.press("v")
    assert "0 answered, 0 skipped, 5 here, 4 more to come" in one.text("panel")
    one.press("Escape", "a", "a", "a")
    until(one.page, "notice", "1 answer came after the time was up and did not count.")
    until(one.page, "status", "All 2 answers saved")
    for k in range(3, 9):
        one.page.locator(".wb-prompt", has_text=f"Prompt {k}").wait_for()
        one.press("t")
    until(one.page, "status", "All 8 answers saved")
    until(one.page, "card", "items are answered")
    assert set(keeper.current) == {f"item-{k}" for k in range(9)} - {"item-1"}
    assert one.page.evaluate("localStorage.length") == 0
    assert ANNOTATOR.id not in one.page.locator(".wb-annotate").inner_text()


def test_when_no_more_can_be_fetched_the_page_says_why(bench: Show) -> None:
    queue = items(3)
    calls: list[int] = []

    def hand_out(n: int) -> Handed:
        calls.append(n)
        if len(calls) > 1:
            raise OSError("the database is away")
        return Handed(assignments(queue), 5)

    one = bench(items=queue, options=Options(hand_out=HandOut("pilot-x", "batch-1", hand_out)))
    until(one.page, "notice", f"No further items could be fetched: {AWAY}")
    one.press("a")
    until(one.page, "status", "1 answer saved")


def test_text_that_is_not_here_yet_is_fetched_and_cannot_be_answered_unseen(bench: Show) -> None:
    one = bench(500, alive=False)  # no text is sent on
    n_here = len(one.widget._live._texts)
    assert n_here < 500, "the first can be answered before all are here"
    one.press(*("a" for _ in range(n_here + 1)))
    until(one.page, "card", "Loading…")
    one.press("a")
    one.alive = True
    until(one.page, "card", "Prompt", timeout=20_000)
    until(one.page, "status", "answers saved", timeout=20_000)
    assert len(one.keeper.labels) <= n_here
    seen = one.keeper.labels.values()
    assert [label.position for label in seen] == list(range(len(seen)))


def test_ranking_compares_each_with_the_first(bench: Show) -> None:
    made = items(1, task="ranking")
    texts = ("a b c", "a x c", "a b c d", "a b c")
    responses = tuple(Response(id=old.id, text=text) for old, text in zip(made["item-0"].responses, texts, strict=True))
    one = bench(task="ranking", items={"item-0": made["item-0"].model_copy(update={"responses": responses})})
    one.press("d")
    compared = one.page.locator(".wb-compared")
    assert compared.all_text_contents() == list(texts)
    assert [text.strip() for text in one.page.locator(".wb-compared ins").all_inner_texts()] == ["x", "d"]
