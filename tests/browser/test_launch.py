"""The launch form in a real browser: nothing starts without its estimate, and the run takes the form's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.following import Following
from tests.browser.test_accessible import dark, violations
from tests.browser.test_training import TRAITS, picture
from tests.widgets.runs import HOSTILE
from tests.widgets.test_launch import Pilot
from workbench.widgets.launch import LaunchWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    Show = Callable[..., tuple[Following, Pilot]]

pytestmark = pytest.mark.browser


@pytest.fixture
def show(browser: Browser, site: str, tmp_path: Path) -> Iterator[Show]:
    """Show the form of a pilot; the arguments change what it says of DPO."""
    made: list[Following] = []

    def start(**changes: Any) -> tuple[Following, Pilot]:
        context = browser.new_context(viewport={"width": 1000, "height": 900})
        context.set_default_timeout(15_000)
        pilot = Pilot(tmp_path, **changes)
        shown = LaunchWidget(pilot, every_s=0.05)
        made.append(Following(context, site, "launch", shown, (*TRAITS, "form", "launched")))
        return made[-1], pilot

    yield start
    for one in made:
        one.close()


def test_the_button_waits_for_the_estimate_and_the_run_takes_the_forms_place(show: Show) -> None:
    one, pilot = show()
    page = one.page
    other = one.open()
    page.bring_to_front()
    begin = page.get_by_role("button", name="Start the run")
    said = page.locator(".wb-launch").inner_text()
    for words in ("SIMULATED", "140 rows to train on, 36 held out.", "176 of 210 labels used; 24 ties dropped"):
        assert words in said, words
    for viewer in (page, other):
        viewer.get_by_text("about 1 min 35 s").wait_for()
    assert begin.is_enabled()
    assert "50,400" in page.locator(".wb-estimate").inner_text()
    pilot.may_estimate.clear()
    page.get_by_label("Learning rate").fill("1e-4")
    assert begin.is_disabled(), "the old estimate is not that of these settings"
    page.wait_for_timeout(600)
    assert begin.is_disabled()
    pilot.may_estimate.set()
    page.get_by_text("about 1 min 35 s").wait_for()
    assert pilot.estimated[-1]["learning_rate"] == 1e-4
    begin.click()
    for viewer in (page, other):
        viewer.get_by_text("Run dpo-1").wait_for()
        viewer.locator(".wb-plot canvas").first.wait_for()
        assert viewer.locator(".wb-launch").count() == 0
    assert [run["learning_rate"] for run in pilot.trained] == [1e-4]
    page.reload()
    page.get_by_text("Run dpo-1").wait_for()
    page.evaluate("window.cleanUp()")
    assert page.evaluate("window.listening()") == 0


def test_epsilon_is_asked_with_the_loss_that_reads_it(show: Show) -> None:
    one, pilot = show()
    epsilon = one.page.get_by_label("Epsilon")
    assert not epsilon.is_visible()
    one.page.get_by_label("Loss").select_option("robust")
    assert epsilon.is_visible()
    assert "flip rate measured here: 0.12" in one.page.locator(".wb-launch").inner_text()
    epsilon.fill("0.12")
    one.page.get_by_text("about 1 min 35 s").wait_for()
    assert pilot.estimated[-1]["label_smoothing"] == 0.12


def test_wanted_classes_are_ticked(show: Show) -> None:
    one, pilot = show()
    page = one.page
    page.get_by_label("Kind of run").select_option("kto")
    assert "The classes that are wanted say which rows there are." in page.locator(".wb-launch").inner_text()
    assert page.locator(".wb-said").inner_text() == "Wanted classes: tick some."
    alert = page.get_by_role("alert")
    classes = page.get_by_role("group", name="Wanted classes")
    assert classes.get_by_role("checkbox").count() == 3
    classes.get_by_label("off, topic").press("Space")
    classes.get_by_label("polite").check()
    page.get_by_text("about 1 min 35 s").wait_for()
    assert not alert.is_visible()
    page.get_by_label("Kind of run").select_option("dpo")
    page.get_by_label("Kind of run").select_option("kto")
    assert [box.is_checked() for box in classes.get_by_role("checkbox").all()] == [True, False, True], "kept"
    begin = page.get_by_role("button", name="Start the run")
    page.get_by_text("about 1 min 35 s").wait_for()
    begin.click()
    page.get_by_text("Run kto-1").wait_for()
    assert pilot.trained == [{"kind": "kto", "desirable": ["polite", "off, topic"], "beta": 0.1, "seed": 0}]


def test_what_makes_no_run_is_said_in_one_line(show: Show) -> None:
    one, pilot = show()
    page = one.page
    begin = page.get_by_role("button", name="Start the run")
    page.get_by_text("about 1 min 35 s").wait_for()
    page.get_by_label("Beta").fill("0")
    alert = page.get_by_role("alert")
    alert.get_by_text("beta is 0.0, and has to be above 0").wait_for()
    assert begin.is_disabled()
    page.get_by_label("Beta").fill("much")
    alert.get_by_text("Beta is 'much', and has to be a number").wait_for()
    page.get_by_label("Beta").fill("0.2")
    page.get_by_text("about 1 min 35 s").wait_for()
    assert not alert.is_visible()
    page.get_by_label("Seed").fill("13")
    page.get_by_text("about 1 min 35 s").wait_for()
    begin.click()
    alert.get_by_text("the disk is full -> free some space").wait_for()
    assert begin.is_enabled(), "it may be tried again"
    page.get_by_label("Kind of run").select_option("policy")
    assert "no reward model yet: train one first" in page.locator(".wb-launch").inner_text()
    assert begin.is_disabled()
    page.get_by_label("Kind of run").select_option("dpo")
    assert page.get_by_label("Seed").input_value() == "13", "what was typed is kept"
    assert all(run["seed"] == 13 for run in pilot.trained)


def test_text_of_the_pilot_is_only_text(show: Show) -> None:
    one, _ = show(label=HOSTILE, summary=HOSTILE, hints={"beta": HOSTILE}, suggestions={"model": [HOSTILE]})
    one.page.get_by_text("about 1 min 35 s").wait_for()
    assert one.page.locator(".wb-launch img").count() == 0
    assert one.page.locator(".wb-launch").inner_text().count("<img src=x onerror=alert(1)>") >= 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_keeps_the_rules(show: Show, scheme: str, npm_packages: Path) -> None:
    one, _ = show()
    if scheme == "dark":
        dark(one.page)
    one.page.get_by_label("Loss").select_option("robust")
    one.page.get_by_text("about 1 min 35 s").wait_for()
    assert violations(one.page) == []
    picture(one.page, f"launch-{scheme}")
    one.page.get_by_label("Beta").fill("0")
    one.page.get_by_role("alert").get_by_text("beta is").wait_for()
    assert violations(one.page) == []
    one.page.get_by_label("Kind of run").select_option("kto")
    one.page.get_by_label("off, topic").check()
    one.page.get_by_text("about 1 min 35 s").wait_for()
    assert violations(one.page) == []
    picture(one.page, f"launch-classes-{scheme}")
    for width in (640, 360):
        one.page.set_viewport_size({"width": width, "height": 800})
        one.page.wait_for_timeout(100)
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    picture(one.page, f"launch-narrow-{scheme}")
