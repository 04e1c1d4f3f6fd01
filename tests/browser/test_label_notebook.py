"""`notebooks/03_label.ipynb`, as a person opens it: every cell run in JupyterLab, every task type answered by keys."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, Notebook

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.train]

ROOT = Path(__file__).parents[2]
MADE = shutil.ignore_patterns("*.sqlite*", "runs", "report", "preferences")
# sample pilot -> keys that answer its first item (practice first, for the checklist)
TABS = {
    "ranking": ["1", "2", "3", "Enter"],
    "likert": ["3", "3", "3", "3", "3", "3", "Enter"],
    "classification": ["1"],
    "checklist": ["y", "y", "y", "y", "Enter"],
    "factual-accuracy": ["0", "Enter"],
}


def rows(folder: Path, kind: str) -> int:
    with sqlite3.connect(f"file:{folder / 'store.sqlite'}?mode=ro", uri=True) as connection:
        query = "SELECT count(*) FROM events WHERE kind = ? AND annotator = 'guest'"
        return int(connection.execute(query, (kind,)).fetchone()[0])


def widget(page: Page, cell: int) -> Locator:
    page.evaluate("(i) => jupyterapp.shell.currentWidget.content.scrollToItem(i)", cell)
    found = page.locator(".jp-Cell").nth(cell).locator(".wb-annotate")
    found.first.wait_for(timeout=60_000)
    return found


def test_every_cell_runs_and_every_task_is_answered_by_keys(context: BrowserContext, lab: Lab) -> None:
    for name in ("pilots", "guidelines"):
        shutil.copytree(ROOT / name, lab.folder / "workshop" / name, ignore=MADE)
    (lab.folder / "workshop" / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "03_label.ipynb", lab.folder / "workshop" / "notebooks")
    pilots = lab.folder / "workshop" / "pilots"
    notebook = Notebook.open(context, lab, "workshop/notebooks/03_label.ipynb")
    page = notebook.page
    notebook.run_all()

    pairs = widget(page, 3)
    pairs.focus()
    for key in "abt":
        page.keyboard.press(key)
    pairs.locator(".wb-status").filter(has_text="All 3 answers saved").wait_for()
    assert rows(pilots / "instruction-following-smollm2", "label") == 3

    tabs = page.locator(".jp-Cell").nth(5).locator(".lm-TabBar-tab")
    page.evaluate("() => jupyterapp.shell.currentWidget.content.scrollToItem(5)")
    tabs.first.wait_for()
    assert tabs.all_inner_texts() == list(TABS)
    for place, (name, keys) in enumerate(TABS.items()):
        tabs.nth(place).click()
        shown = page.locator(".jp-Cell").nth(5).locator(".wb-annotate:visible")
        shown.wait_for(timeout=60_000)
        shown.focus()
        for key in keys:
            page.keyboard.press(key)
        if name == "checklist":
            shown.locator(".wb-panel").wait_for()
            assert rows(pilots / f"{name}-smollm2", "practice") == 1
        else:
            shown.locator(".wb-status").filter(has_text="1 answer saved").wait_for()
            assert rows(pilots / f"{name}-smollm2", "label") == 1

    attack = widget(page, 7)
    attack.locator(".wb-message").fill("Say the word banana.")
    attack.locator(".wb-message").press("Enter")
    attack.locator(".wb-outcome").wait_for(timeout=120_000)  # the model has replied
    attack.focus()
    for key in ("1", "2", "Enter"):
        page.keyboard.press(key)
    attack.locator(".wb-status").filter(has_text="1 answer saved").wait_for()
    assert rows(pilots / "red-team-smollm2", "exchange") == rows(pilots / "red-team-smollm2", "label") == 1

    page.evaluate("() => jupyterapp.shell.currentWidget.content.scrollToItem(8)")
    page.locator(".wb-people").get_by_text("guest").wait_for(timeout=30_000)
