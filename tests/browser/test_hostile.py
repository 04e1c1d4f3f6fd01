"""Hostile text in a notebook that has just been run, which makes it trusted: nothing of it runs, nothing is loaded.

Every payload of `tests/xss.py` as prompt, response, reason, note, flag, pool, category, title, clause, criterion,
class, step, explanation, checklist and reply of a model, through every widget, table and figure that a notebook shows.
(The report has a test of its own, `tests/report`.) The network is watched and blocked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, Notebook, write_notebook
from tests.widgets.make import TASKS
from tests.xss import PAYLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route

pytestmark = pytest.mark.browser

OPEN = """
import shutil
from pathlib import Path

import workbench as wb
from tests import hostile_pilot

shutil.rmtree("hostile", ignore_errors=True)
pilot = hostile_pilot.pilot(Path("hostile"))
offer = wb.economics.cost.Prices(name=hostile_pilot.hostile(3), judgment="0.40", source=hostile_pilot.hostile(4))
pilot
"""
TABLES = [
    OPEN,
    "pilot.agreement(n_resamples=200)",
    "pilot.agreement(n_resamples=50).annotator_matrix()",
    "wb.show(lambda: pilot.agreement(n_resamples=50).without_each())",
    "quality = pilot.quality()\nquality",
    "pilot.annotator(list(quality.pages)[0])",
    "wb.show(pilot.without, list(quality.pages)[0], n_resamples=100)",
    "wb.show(lambda: wb.figures.annotators.side_forest(wb.stats.annotators.side_bias(pilot.labels())))",
    "wb.show(pilot.pools, n_resamples=50)",
    "wb.show(pilot.gold)",
    "wb.show(lambda: pilot.gold().items())",
    "wb.show(pilot.systems, n_resamples=50)",
    "wb.show(lambda: pilot.systems(n_resamples=50).win_rates())",
    "consensus = pilot.consensus()\nconsensus",
    "consensus.confusion()",
    "consensus.items().head(200)",
    "pilot.disagreements(200)",
    "pilot.cost(1000, prices=[offer])",
    "pilot.preferences()",
    "pilot.labels()",
    "pilot.item_table()",
    "pilot.label_records()[:40]",
    "list(pilot.items.values())[:20]",
    "hostile_pilot.rules('pairwise')",
    "wb.widgets.progress(pilot)",
    "wb.widgets.annotate(pilot, 'zoe')",
    "raise wb.errors.PilotError(hostile_pilot.hostile(5), where=hostile_pilot.hostile(6))",
]
# Goes through all items by putting each off, and opens every panel and view on the way.
THROUGH = """async (n) => {
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  for (const root of document.querySelectorAll(".wb-annotate")) {
    const press = (key) => root.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    for (const key of "mmddc/~f~s~v~?~") {
      press(key === "~" ? "Escape" : key);
      await pause(20);
    }
    for (const details of root.querySelectorAll("details")) details.open = true;
    for (let i = 0; i < n; i++) {
      for (let waits = 0; !root.querySelector(".wb-item") && waits < 400; waits++) await pause(10);
      if (i % 3 === 0) { press("d"); press("d"); }
      if (i % 5 === 0) { press("m"); press("m"); }
      press("l");
      if (i % 10 === 0) await pause(15);
    }
  }
  return document.querySelectorAll(".wb-annotate").length;
}"""


@pytest.fixture
def watched(browser: Browser) -> Iterator[BrowserContext]:
    """A page with the network cut off but for this machine; what it asked for elsewhere, and dialogs, are kept."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)
    elsewhere: list[str] = []

    def route(one: Route) -> None:
        if one.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            one.continue_()
        else:
            elsewhere.append(one.request.url)
            one.abort()

    context.route("**/*", route)
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    context.on("dialog", dismiss)
    yield context
    context.close()
    assert elsewhere == []
    assert [one for one in dialogs if one] == []


def unharmed(page: Page) -> None:
    page.wait_for_timeout(500)
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("[...document.querySelectorAll('iframe, object, embed, base')].length") == 0
    assert "pwned" not in page.title()


def finished(page: Page) -> None:
    """Every cell has run (the last one may have raised)."""
    page.wait_for_function(
        """() => {
          const content = jupyterapp.shell.currentWidget.content;
          return content.widgets.every((cell) => cell.model.type !== "code" || cell.model.executionCount !== null)
            && jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === "idle";
        }""",
        timeout=120_000,
    )


def test_tables_figures_and_errors_are_inert(watched: BrowserContext, lab: Lab) -> None:
    write_notebook(lab.folder / "tables.ipynb", *TABLES)
    notebook = Notebook.open(watched, lab, "tables.ipynb")
    notebook.run_all()
    page = notebook.page
    page.wait_for_timeout(3000)
    finished(page)
    for cell in range(len(TABLES)):
        page.evaluate("(i) => jupyterapp.shell.currentWidget.content.scrollToItem(i)", cell)
        page.wait_for_timeout(400)
        for point in page.locator(".jp-Cell").nth(cell).locator(".js-plotly-plot .nsewdrag").all()[:2]:
            point.hover(force=True)  # hover texts are drawn only now
    page.locator(".js-plotly-plot").nth(1).wait_for(state="attached")
    page.locator(".jp-RenderedHTMLCommon table").nth(4).wait_for(state="attached")
    page.get_by_text("window.pwned=1").nth(100).wait_for(state="attached")  # the payloads are there, as text
    unharmed(page)


@pytest.mark.parametrize("task", [*TASKS, "practice"])
def test_every_labelling_widget_is_inert(watched: BrowserContext, lab: Lab, task: str) -> None:
    name = f"hostile-{task}.ipynb"
    made = "practice()" if task == "practice" else f"widget({task!r})"
    write_notebook(lab.folder / name, f"from tests import hostile_pilot\nhostile_pilot.{made}")
    notebook = Notebook.open(watched, lab, name)
    notebook.run_all()
    page = notebook.page
    page.locator(".wb-item").wait_for(timeout=60_000)
    if task == "practice":
        for _ in range(20):
            page.locator(".wb-annotate").focus()
            page.keyboard.press("a")
            page.locator(".wb-panel-reveal").wait_for()
            page.keyboard.press("Enter")
        page.locator(".wb-panel-reveal").wait_for()
    else:
        assert page.evaluate(THROUGH, len(PAYLOADS) + 5) == 1
    if task == "red_team":
        for payload in PAYLOADS[:8]:
            page.locator(".wb-message").fill(payload)
            page.locator(".wb-message").press("Enter")
            page.wait_for_function("() => !document.querySelector('.wb-conversation .wb-tool').disabled")
    if task == "factual_accuracy":
        page.locator(".wb-annotate").focus()
        page.keyboard.press("1")
        page.locator(".wb-quote").fill("".join(PAYLOADS[:20]))
        page.locator(".wb-source").fill("javascript:window.pwned=1")
        page.locator(".wb-annotate").focus()
        page.keyboard.press("Enter")
        assert "no http(s) address" in page.locator(".wb-missing").inner_text()
    if task == "instruction_following":
        page.locator(".wb-annotate").focus()
        for key in ("n", "n", "n", "Enter"):
            page.keyboard.press(key)
        page.locator(".wb-panel-reveal").wait_for()
    unharmed(page)
