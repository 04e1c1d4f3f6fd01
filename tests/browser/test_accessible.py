"""WCAG 2.2 AA as far as a machine can tell (axe-core), and by keyboard alone, at 200 % zoom and on a narrow page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.node import MODULES
from tests.browser.test_annotate import until
from tests.browser.test_comfort import RULE, known, practising
from tests.widgets.make import TASKS, assignments, guideline, items
from workbench.widgets.annotate import Options, Partner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Bench

    Show = Callable[..., Bench]

pytestmark = pytest.mark.browser

AXE = MODULES / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Rules about a whole page, which a widget in somebody else's page cannot keep by itself.
WHOLE_PAGE = [
    "landmark-one-main",
    "page-has-heading-one",
    "region",
    "heading-order",
    "landmark-complementary-is-top-level",
]


def violations(page: Page) -> list[str]:
    """What axe finds: rule, element and why, one line each."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        """async ([tags, off]) => {
          const rules = Object.fromEntries(off.map((id) => [id, { enabled: false }]));
          const { violations } = await axe.run(".wb-frame", { runOnly: { type: "tag", values: tags }, rules });
          return violations.flatMap((one) => one.nodes.map((node) =>
            `${one.id}: ${node.html.slice(0, 160)} -- ${node.failureSummary.replaceAll("\\n", " ").slice(0, 200)}`));
        }""",
        [TAGS, WHOLE_PAGE],
    )
    assert isinstance(found, list)
    return found


def dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.body.style.background = '#16181c'")


TEXT = "Intro **bold** `code`\n\n```python\ndef f(x):\n    return 'a' + 1  # why\n```\n\n> quote [link](https://a.invalid/)\n\n$x^2$"


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_task_keeps_the_rules(bench: Show, task: str, scheme: str, npm_packages: Path) -> None:
    options = Options(partner=Partner(lambda _: "no")) if task == "red_team" else Options()
    one = bench(3, task=task, items=items(3, left=TEXT, right=TEXT + " more", task=task), options=options, live=True)
    if scheme == "dark":
        dark(one.page)
    assert violations(one.page) == []
    first = {
        "pairwise": ["c", "Enter", "Escape", "r", "Escape"],
        "ranking": ["1", "2", "="],
        "likert": ["4"],
        "classification": [],
        "instruction_following": ["y"],
        "factual_accuracy": ["1"],
        "red_team": [],
    }[task]
    one.press(*first)
    if task == "red_team":
        one.press("w")
        one.page.keyboard.type("hello")
        one.press("Enter")
        one.page.locator(".wb-turns [data-role=assistant]", has_text="no").wait_for()
        one.page.locator(".wb-conversation button:not([disabled])", has_text="Send").wait_for()
        one.press("Escape", "1", "1")
    assert violations(one.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_panels_and_messages_keep_the_rules(bench: Show, scheme: str, npm_packages: Path) -> None:
    one = bench(6)
    if scheme == "dark":
        dark(one.page)
    for key in ("s", "f", "v", "?"):
        one.press(key)
        assert one.page.locator(".wb-panel").is_visible()
        assert violations(one.page) == []
        one.press("Escape")
    one.press("d")
    assert violations(one.page) == []
    one.press("d", "f", "1", "Escape", "o")
    one.alive = False
    one.press("Escape", "a")
    until(one.page, "status", "NOT SAVED")
    assert violations(one.page) == []
    one.alive = True
    one.press(*"aaaaaa")
    until(one.page, "card", "All 6 items", timeout=20_000)
    assert violations(one.page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_feedback_keeps_the_rules(bench: Show, scheme: str, npm_packages: Path) -> None:
    queue = known(8)
    rules = guideline(calibration=RULE)
    one = bench(items=queue, assignments=assignments(queue)[6:], guideline=rules, options=practising(queue))
    if scheme == "dark":
        dark(one.page)
    one.press("a")
    until(one.page, "panel", "Right")
    assert violations(one.page) == []
    one.press("Enter", "a")
    until(one.page, "panel", "Not right")
    assert violations(one.page) == []


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_cut_off_at_200_percent_or_on_a_phone(bench: Show, task: str) -> None:
    long = "Antidisestablishmentarianism" * 6
    one = bench(2, task=task, items=items(2, prompt=long, left=long, right=long, task=task))
    # 200 % zoom of a 1280 pixel window leaves 640; a phone has 360.
    for width in (640, 360):
        one.page.set_viewport_size({"width": width, "height": 800})
        one.page.wait_for_timeout(150)
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{task} at {width}"
        beyond: Any = one.page.evaluate(
            """() => [...document.querySelectorAll(".wb-annotate button, .wb-annotate textarea, .wb-annotate input")]
              .filter((e) => e.offsetParent && e.getBoundingClientRect().right > innerWidth + 1)
              .map((e) => e.outerHTML.slice(0, 80))"""
        )
        assert beyond == [], f"{task} at {width}"


def test_every_control_is_reached_with_tab_and_shows_it(bench: Show) -> None:
    one = bench(2, task="likert")
    seen: list[str] = []
    for _ in range(60):
        where = one.page.evaluate(
            """() => {
              const e = document.activeElement;
              if (!e || e === document.body) return null;
              const style = getComputedStyle(e);
              const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
              return [e.getAttribute("aria-label") || e.innerText || e.className, ring];
            }"""
        )
        if where is None:
            break
        name, ring = where
        assert ring, f"no focus ring on {name}"
        seen.append(str(name).split("\n")[0])
        one.press("Tab")
    for name in ("Labelling batch batch-1 of pilot pilot-x", "Save", "Skip", "Flag", "Guideline", "Find a rule", "C1"):
        assert any(name in one for one in seen), (name, seen)
    assert 15 < len(seen) < 60, "each once, and then out of the widget"


def test_targets_are_large_enough_to_hit(bench: Show) -> None:
    for task in TASKS:
        one = bench(2, task=task)
        small: Any = one.page.evaluate(
            """() => [...document.querySelectorAll(".wb-annotate button")].filter((e) => e.offsetParent)
              .map((e) => [e.getBoundingClientRect(), e.innerText])
              .filter(([box]) => box.width < 24 || box.height < 24).map(([, name]) => name)"""
        )
        assert small == [], task
