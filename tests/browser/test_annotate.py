"""The labelling widget in Chromium: what a key does, and what counts as saved."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.widgets.make import MODELS, guideline, items
from tests.xss import PAYLOADS
from workbench.errors import StoreError
from workbench.widgets.annotate.desk import AWAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Bench

    Show = Callable[..., Bench]

pytestmark = pytest.mark.browser


def choice(sent: dict[str, Any]) -> str:
    """The pairwise choice in a message: A is left, B is right."""
    return str(sent["answer"]["choice"])


def until(page: Page, part: str, text: str, timeout: float = 15_000) -> None:
    from playwright.sync_api import expect

    expect(page.locator(f".wb-{part}").first).to_contain_text(text, timeout=timeout)


def test_every_key_gives_its_answer_and_moves_on(bench: Show) -> None:
    keys = ["ArrowLeft", "a", "1", "A", "ArrowRight", "b", "2", "t", "0", "x"]
    one = bench(len(keys) + 1)
    for done, key in enumerate(keys):
        assert one.text("place") == f"Item {done + 1} of 11"
        assert f"Prompt {done}\n" in one.text("prompt") + "\n"
        one.press(key)
    assert one.text("place") == "Item 11 of 11"
    until(one.page, "status", "All 10 answers saved")
    assert [choice(sent) for sent in one.answers] == ["A"] * 4 + ["B"] * 3 + ["tie"] * 2 + ["both_bad"]
    # every second item is shown swapped
    expected = ["A", "B", "A", "B", "B", "A", "B", "tie", "tie", "both_bad"]
    assert [label.answer["choice"] for label in one.keeper.labels.values()] == expected
    assert [label.item for label in one.keeper.labels.values()] == [f"item-{i}" for i in range(10)]


def test_buttons_answer_and_give_the_keys_back(bench: Show) -> None:
    one = bench(5)
    for name in ("Left is better", "Right is better", "Tie", "Both bad"):
        one.page.get_by_role("button", name=name).click()
    one.press("t")
    until(one.page, "status", "All 5 answers saved")
    assert [choice(sent) for sent in one.answers] == ["A", "B", "tie", "both_bad", "tie"]


def test_both_bad_is_not_there_unless_the_guideline_allows_it(bench: Show) -> None:
    one = bench(guideline=guideline(both_bad=False))
    assert one.page.get_by_role("button", name="Both bad").count() == 0
    one.press("x")
    assert one.text("place") == "Item 1 of 6"
    assert one.answers == []


def test_a_key_held_down_is_one_answer(bench: Show) -> None:
    one = bench()
    for _ in range(5):
        one.page.keyboard.down("a")  # from the second on with event.repeat, as a held key
    one.page.keyboard.up("a")
    assert one.text("place") == "Item 2 of 6"
    until(one.page, "status", "1 answer saved")
    assert len(one.keeper.labels) == 1


def test_shortcuts_of_browser_and_jupyter_are_left_alone_and_ours_stay_ours(bench: Show) -> None:
    one = bench()
    one.page.evaluate("window.heard = []; document.addEventListener('keydown', (e) => window.heard.push(e.key))")
    one.press("Control+a", "Alt+b", "Meta+1", "q")
    assert one.text("place") == "Item 1 of 6"
    assert {"a", "b", "1", "q"} <= set(one.page.evaluate("window.heard"))
    one.page.evaluate("window.heard = []")
    one.press("b", "m", "m", "g", "g", "u", "Escape")
    assert one.page.evaluate("window.heard") == []
    assert one.page.locator(".wb-annotate").get_attribute("data-lm-suppress-shortcuts") == "true"


def test_keys_outside_the_widget_do_nothing(bench: Show) -> None:
    one = bench()
    one.page.evaluate("document.activeElement.blur()")
    one.press("a", "b", "t")
    assert one.text("place") == "Item 1 of 6"
    assert one.answers == []


def test_a_reason_is_written_without_answering_and_sent_with_the_answer(bench: Show) -> None:
    one = bench()
    one.press("r")
    one.page.keyboard.type("b is better; <b>tab</b> 120")
    assert one.text("place") == "Item 1 of 6"
    one.press("Escape", "a", "b")
    until(one.page, "status", "All 2 answers saved")
    assert [label.reason for label in one.keeper.labels.values()] == ["b is better; <b>tab</b> 120", ""]


def test_clauses_are_cited_with_keys(bench: Show) -> None:
    one = bench()
    one.press("c")
    assert "Every explicit requirement" in one.text("guideline")
    one.press("ArrowDown")
    assert "A wrong fact" in one.text("guideline")
    assert "Every explicit" not in one.text("guideline")
    one.press("Enter", "Escape")
    assert one.text("citing") == "Citing C2"
    one.press("a")
    assert one.text("citing") == ""
    until(one.page, "status", "1 answer saved")
    assert [label.clauses for label in one.keeper.labels.values()] == [("C2",)]


def test_undo_goes_back_several_steps_and_each_correction_names_what_it_corrects(bench: Show) -> None:
    one = bench()
    one.press("r")
    one.page.keyboard.type("first")
    one.press("Escape", "a", "b", "t", "u", "u", "u")
    assert one.text("place") == "Item 1 of 6 · changing your answer"
    left = one.page.get_by_role("button", name="Left is better")
    assert left.get_attribute("aria-pressed") == "true"
    assert one.page.locator(".wb-reason").input_value() == "first"
    one.press("b")
    assert one.text("place") == "Item 4 of 6"
    until(one.page, "status", "All 3 answers saved")
    first, _, _, correction = one.keeper.labels.values()
    assert (correction.item, correction.supersedes, correction.reason) == ("item-0", first.label_id, "first")
    assert one.keeper.current == {"item-0": "B", "item-1": "A", "item-2": "tie"}
    one.press("u")
    assert one.text("place") == "Item 1 of 6 · changing your answer"  # the last one answered
    one.press("Escape")
    assert one.text("place") == "Item 4 of 6"
    assert len(one.answers) == 4


def test_later_puts_an_item_at_the_end(bench: Show) -> None:
    one = bench(3)
    one.press("l", "a", "b", "t")
    until(one.page, "status", "All 3 answers saved")
    assert [label.item for label in one.keeper.labels.values()] == ["item-1", "item-2", "item-0"]
    assert [label.position for label in one.keeper.labels.values()] == [1, 2, 0]


def test_markdown_and_the_text_as_written_are_one_key_apart(bench: Show) -> None:
    one = bench()
    assert "Answer 0 one" in one.text("left")
    assert "**" not in one.text("left")
    one.press("m")
    assert "Answer **0** one" in one.text("left")
    one.press("m")
    assert "**" not in one.text("left")


def test_the_guideline_is_beside_the_item_and_can_be_put_away(bench: Show) -> None:
    one = bench()
    aside = one.page.get_by_role("complementary", name="Guideline instruction-following/v1")
    assert aside.is_visible()
    for words in ("only if you would not mind", "Instruction first", "Too long"):
        assert words in aside.inner_text()
    assert "Every explicit" not in aside.inner_text()
    aside.get_by_text("Instruction first").click()
    assert "Every explicit requirement" in aside.inner_text()
    one.press("g")
    assert not aside.is_visible()
    one.page.set_viewport_size({"width": 640, "height": 800})
    assert not aside.is_visible()
    one.press("g")
    assert aside.is_visible()


def test_responses_stand_side_by_side_and_stack_when_narrow(bench: Show) -> None:
    one = bench()

    def boxes() -> tuple[Any, Any]:
        return one.page.locator(".wb-left").bounding_box(), one.page.locator(".wb-right").bounding_box()

    left, right = boxes()
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    one.page.set_viewport_size({"width": 640, "height": 800})
    left, right = boxes()
    assert left["x"] == right["x"]
    assert left["y"] + left["height"] <= right["y"]
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_is_called_saved_before_python_says_so(bench: Show) -> None:
    one = bench()
    until(one.page, "pace", "6 to go")
    one.alive = False
    one.press("a", "b")
    assert one.text("place") == "Item 3 of 6", "the screen does not wait for the kernel"
    assert re.fullmatch(r"0 saved · (saving 2…|\d NOT SAVED)", one.text("status"))
    until(one.page, "status", "0 saved · 2 NOT SAVED")
    assert "the kernel does not answer" in one.page.get_by_role("alert").inner_text()
    for _ in range(60):  # sent again after 5 s
        if len(given := [sent["uuid"] for sent in one.sent if sent["type"] == "answer"]) >= 4:
            break
        one.page.wait_for_timeout(500)
    assert len(given) >= 4, "sent again"
    assert len(set(given)) == 2
    one.alive = True
    until(one.page, "status", "All 2 answers saved")
    assert len(one.keeper.labels) == 2
    assert not one.page.get_by_role("alert").is_visible()


def test_without_a_kernel_it_says_connecting_and_never_saved(bench: Show) -> None:
    one = bench()
    one.press("a")
    until(one.page, "status", "1 answer saved")
    one.alive = False
    one.reload()
    one.page.wait_for_timeout(2500)
    assert one.text("status") == "Connecting…"
    one.alive = True
    until(one.page, "status", "1 answer saved")


def test_a_refusal_shows_its_reason_and_ends_when_the_trouble_does(bench: Show) -> None:
    one = bench()
    one.keeper.failing = StoreError("the disk is full", next_step="free some space")
    one.press("a")
    until(one.page, "alarm", f"NOT SAVED: {AWAY}")
    assert one.text("status") == "0 saved · 1 NOT SAVED"
    one.keeper.failing = None
    until(one.page, "status", "1 answer saved")
    assert len(one.keeper.labels) == 1


def test_an_answer_that_can_never_be_saved_is_given_up_only_after_asking_twice(bench: Show) -> None:
    one = bench()
    uuid = "00000000-0000-4000-8000-000000000000"
    entry = {"type": "answer", "uuid": uuid, "question": "q_0000000000000000", "answer": {"choice": "A"}, "at": 1}
    entry |= {"reason": "", "comment": "", "clauses": [], "flags": [], "guideline": guideline().sha256}
    name = f"{one.widget.settings['storage']}:{uuid}"
    one.page.evaluate(
        "([name, text]) => localStorage.setItem(name, text)", [name, json.dumps(entry | {"duration_s": 1})]
    )
    one.page.evaluate("(name) => localStorage.setItem(name + 'x', '{broken')", name)
    one.reload()
    until(one.page, "alarm", "not in this queue")
    give_up = one.page.locator(".wb-discard")
    assert give_up.inner_text() == "Give up 1 refused answer"
    give_up.click()
    assert one.page.evaluate("(name) => localStorage.getItem(name) !== null", name)
    give_up.click()
    assert one.page.evaluate("(name) => localStorage.getItem(name)", name) is None
    assert not one.page.get_by_role("alert").is_visible()


def test_a_reload_warns_and_then_sends_what_was_not_saved(bench: Show) -> None:
    one = bench()
    one.alive = False
    one.press("a", "b", "t")
    one.reload()
    assert one.dialogs == ["beforeunload"]
    one.alive = True
    until(one.page, "status", "All 3 answers saved")
    assert one.text("place") == "Item 4 of 6"
    assert one.keeper.current == {"item-0": "A", "item-1": "A", "item-2": "tie"}
    assert one.page.evaluate("localStorage.length") == 0
    one.reload()
    assert one.dialogs == ["beforeunload"], "nothing left to warn about"
    until(one.page, "status", "All 3 answers saved")
    assert one.text("place") == "Item 4 of 6"


def test_a_correction_waits_for_the_answer_it_corrects(bench: Show) -> None:
    one = bench()
    one.alive = False
    one.press("a", "u", "b")
    one.page.wait_for_timeout(300)
    assert [choice(sent) for sent in one.answers] == ["A"]
    one.alive = True
    one.reload()
    until(one.page, "status", "1 answer saved")
    first, second = one.keeper.labels.values()
    assert (first.answer, first.supersedes) == ({"choice": "A"}, None)
    assert (second.answer, second.supersedes) == ({"choice": "B"}, first.label_id)


def test_five_hundred_keys_without_a_pause_are_five_hundred_labels(bench: Show) -> None:
    one = bench(500)
    press = """async () => {
      const root = document.querySelector(".wb-annotate");
      const times = [];
      for (let i = 0; i < 500; i++) {
        while (!root.querySelector(".wb-item")) await new Promise((resolve) => setTimeout(resolve, 5)); // not here yet
        const start = performance.now();
        root.dispatchEvent(new KeyboardEvent("keydown", { key: "abt"[i % 3], bubbles: true, cancelable: true }));
        times.push(performance.now() - start);
        if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve));
      }
      return times;
    }"""
    one.page.evaluate(press)
    until(one.page, "status", "All 500 answers saved", timeout=60_000)
    uuids = [sent["uuid"] for sent in one.answers]
    assert len(set(uuids)) == len(one.keeper.labels) == len(one.keeper.current) == 500
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", u) for u in uuids)
    assert [label.position for label in one.keeper.labels.values()] == list(range(500))
    assert "All 500 items are answered" in one.text("card")
    assert "Tie: 166" in one.text("card")


def test_the_end_is_a_calm_page_from_which_undo_still_works(bench: Show) -> None:
    one = bench(2)
    one.press("a", "t")
    until(one.page, "status", "All 2 answers saved")
    assert "All 2 items are answered. Thank you." in one.text("card")
    assert not one.page.get_by_role("button", name="Left is better").is_visible()
    one.press("a", "b", "s")
    assert len(one.answers) == 2
    one.press("u", "x")
    until(one.page, "card", "All 2 items")
    until(one.page, "card", "Both bad: 1")
    assert one.keeper.current == {"item-0": "A", "item-1": "both_bad"}


def test_two_views_of_one_widget_do_not_ask_twice(bench: Show) -> None:
    one = bench(3)
    one.page.evaluate("void window.show('two')")
    one.page.locator(".wb-annotate").first.focus()
    one.press("a")
    second = one.page.locator("#two .wb-place")
    second.filter(has_text="Item 2 of 3").wait_for()
    one.page.locator("#two .wb-annotate").focus()
    one.press("b")
    one.page.locator("#one .wb-place").filter(has_text="Item 3 of 3").wait_for()
    assert one.keeper.current == {"item-0": "A", "item-1": "A"}
    assert len(one.keeper.labels) == 2


def test_two_browsers_that_answer_the_same_item_keep_both_answers_in_order(bench: Show, browser: Browser) -> None:
    one = bench(3)
    # Still shows the first item when it is answered in the first one; a tab of the same browser might have taken over
    # what the first tab was sending.
    other = one.open(browser.new_context())
    one.press("a")
    until(one.page, "status", "1 answer saved")
    other.keyboard.press("t")
    until(other, "status", "1 answer saved")
    first, second = one.keeper.labels.values()
    assert second.supersedes == first.label_id
    assert one.keeper.current == {"item-0": "tie"}


def test_the_newer_answer_counts_also_where_an_older_one_waits_in_the_browser(bench: Show) -> None:
    one = bench(3)
    until(one.page, "pace", "3 to go")
    uuid = "00000000-0000-4000-8000-000000000000"
    key, sha = one.widget.state()["queue"][0], guideline().sha256
    entry = {"type": "answer", "uuid": uuid, "question": key, "guideline": sha, "answer": {"choice": "B"}, "at": 1}
    entry |= {"reason": "", "comment": "", "clauses": [], "flags": [], "duration_s": 1}
    name = f"{one.widget.settings['storage']}:{uuid}"
    # Another tab, whose kernel is dead, has left it there. This one looks for such every five seconds, but not between.
    one.page.evaluate(
        """([name, text]) => {
          localStorage.setItem(name, text);
          document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
        }""",
        [name, json.dumps(entry)],
    )
    until(one.page, "status", "1 answer saved")
    one.page.wait_for_function("() => !localStorage.length")
    older, newer = one.keeper.labels.values()
    assert (older.label_id, newer.supersedes) == (uuid, uuid)
    assert one.keeper.current == {"item-0": "A"}


def test_a_page_without_storage_still_labels(bench: Show) -> None:
    one = bench()
    one.page.evaluate("void (Storage.prototype.setItem = () => { throw new Error('quota') })")
    one.press("a", "b")
    until(one.page, "status", "All 2 answers saved")
    assert len(one.keeper.labels) == 2


def test_cleaning_up_leaves_nothing_behind(bench: Show) -> None:
    one = bench()
    one.alive = False
    one.press("a")
    root = one.page.locator(".wb-annotate").element_handle()
    one.page.evaluate("window.cleanUp()")
    assert one.page.evaluate("document.getElementById('one').childElementCount") == 0
    n = len(one.sent)
    root.evaluate("(root) => root.dispatchEvent(new KeyboardEvent('keydown', { key: 'b' }))")
    one.page.wait_for_timeout(5600)
    assert len(one.sent) == n, "no timer sends any more"
    one.page.goto("about:blank")
    assert one.dialogs == [], "no guard is left on the window"


def test_names_and_roles_are_there_for_a_screen_reader(bench: Show) -> None:
    one = bench()
    page = one.page
    assert page.get_by_role("group", name="Labelling batch batch-1 of pilot pilot-x").count() == 1
    assert page.get_by_role("progressbar", name="answered").count() == 1
    assert page.get_by_role("textbox", name=re.compile("Why")).count() == 1
    for name in ("Prompt", "Left", "Right"):
        assert page.get_by_role("region", name=name, exact=True).count() == 1
    assert page.evaluate("[...document.querySelectorAll('.wb-annotate button')].every((b) => b.innerText.trim())")
    one.press("a")
    assert one.text("spoken") == "Left is better. Item 2 of 6"
    assert page.locator(".wb-annotate").evaluate("(root) => getComputedStyle(root).outlineStyle") == "solid"


def test_text_reads_well_in_light_and_dark(bench: Show) -> None:
    ratio = """() => {
      const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const rgb = (colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
      };
      const light = (parts) => {
        const [r, g, b] = parts.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const worst = [];
      const parts = ".wb-place, .wb-pace, .wb-status, .wb-hint, .wb-item h2, .wb-text p, button, kbd, .wb-note";
      for (const element of document.querySelectorAll(parts)) {
        const behind = [];
        for (let up = element; up; up = up.parentElement) behind.unshift(getComputedStyle(up).backgroundColor);
        const back = rgb(["white", ...behind]);
        const ink = rgb([`rgb(${back})`, getComputedStyle(element).color]);
        const [high, low] = [light(ink), light(back)].sort((a, b) => b - a);
        worst.push([(high + 0.05) / (low + 0.05), element.className || element.tagName]);
      }
      return worst.sort((a, b) => a[0] - b[0])[0];
    }"""
    one = bench()
    for scheme in ("light", "dark"):
        one.page.emulate_media(color_scheme=scheme)
        if scheme == "dark":
            one.page.evaluate("document.body.style.background = '#16181c'")
        worst, name = one.page.evaluate(ratio)
        assert worst >= 4.5, f"{name} in {scheme}: contrast {worst:.2f}"


def test_nothing_in_the_page_gives_the_models_or_the_gold_away(bench: Show) -> None:
    one = bench()
    one.alive = False
    one.press("a", "b", "u")
    seen = one.page.content() + json.dumps(one.sent) + one.page.evaluate("JSON.stringify(localStorage)") + one.state()
    for secret in (*MODELS, "SecretCategory", "SecretExplanation", "gold", "repeat", "item-", "prompt-", "r1a"):
        assert secret not in seen, secret
    one.alive = True


def test_hostile_text_neither_runs_nor_loads_anything(bench: Show) -> None:
    queue = items(len(PAYLOADS))
    for i, payload in enumerate(PAYLOADS):
        item = queue[f"item-{i}"]
        responses = tuple(response.model_copy(update={"text": payload}) for response in item.responses)
        queue[item.id] = item.model_copy(update={"prompt": payload, "responses": responses})
    rules = guideline()
    hostile = "".join(PAYLOADS[:20])
    clause = rules.clauses[0].model_copy(update={"title": hostile, "text": hostile})
    case = rules.edge_cases[0].model_copy(update={"title": hostile, "text": hostile, "answer": hostile})
    rules = rules.model_copy(update={"clauses": (clause,), "edge_cases": (case,), "tie_rule": hostile})
    one = bench(items=queue, guideline=rules)
    for i, payload in enumerate(PAYLOADS):
        if i == 0:
            one.press("r")
            one.page.keyboard.insert_text(payload)
            one.press("Escape")
        one.press("m", "m", "a")
    until(one.page, "status", f"All {len(PAYLOADS)} answers saved")
    one.page.wait_for_timeout(300)
    assert one.page.evaluate("window.pwned") is None
    assert one.outside == []
    # each is still readable: what the annotator judges is what the model wrote
    raws = [response["raw"] for text in one.widget._live._texts.values() for response in text["responses"]]
    assert raws == [payload for payload in PAYLOADS for _ in range(2)]


def test_the_second_allow_list_holds_alone(bench: Show) -> None:
    one = bench()
    insert = """(payload) => {
      const host = document.createElement("div");
      document.body.append(host);
      host.append(window.safeFragment(payload));
      const found = [...host.querySelectorAll("*")];
      return found.map((one) => [one.tagName.toLowerCase(), one.getAttributeNames(), one.href]);
    }"""
    allowed = {"class", "dir", "href", "rel", "target", "title", "start", "display", "mathvariant"}
    seen: set[str] = set()
    for payload in PAYLOADS:
        for tag, attributes, href in one.page.evaluate(insert, payload):
            seen.add(tag)
            assert tag not in {
                "script",
                "img",
                "svg",
                "iframe",
                "style",
                "form",
                "input",
                "object",
                "base",
                "meta",
                "link",
            }
            assert set(attributes) <= allowed, (payload, tag, attributes)
            assert not href or href.startswith(("http://", "https://")), href
    assert {"table", "math", "p"} <= seen, "what is allowed does get through"
    one.page.wait_for_timeout(300)
    assert one.page.evaluate("window.pwned") is None
    good = "<p>a <a href='https://ok.invalid/'>b</a></p><ol start='3'><li>c</li></ol>"
    assert one.page.evaluate(insert, good) == [
        ["p", [], None],
        ["a", ["href", "rel", "target", "title"], "https://ok.invalid/"],
        ["ol", ["start"], None],
        ["li", [], None],
    ]
