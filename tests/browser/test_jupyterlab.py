"""End to end: notebooks in JupyterLab, real kernels, a real SQLite file, and whatever may go wrong with them.

Whatever happens, each label that the page shows as saved is in the file exactly once, and what is not saved says so.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.lab import Lab, Notebook, write_notebook
from workbench.widgets.annotate.desk import AWAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

CELL = """
import os, pathlib
from tests.widgets.make import ANNOTATOR, assignments, guideline, items
from workbench.store import open_store
from workbench.widgets import annotate_queue
from workbench.widgets.annotate import Keeper, Past

pathlib.Path("kernel.pid").write_text(str(os.getpid()))
queue = items(12)
store = open_store("labels.sqlite")
store.keep_guideline(guideline())
annotate_queue(
    assignments(queue), queue, annotator=ANNOTATOR, guideline=guideline(), keeper=Keeper(store.judge, store.skip),
    past=Past(store.labels("pilot-x", history=True), store.skips("pilot-x")),
)
"""


@pytest.fixture
def open_notebook(context: BrowserContext, lab: Lab) -> Callable[..., Notebook]:
    """Open a notebook that labels, and wait for its first item."""
    for old in lab.folder.glob("labels.sqlite*"):
        old.unlink()

    def start(name: str = "label.ipynb", cell: str = CELL, within: BrowserContext = context) -> Notebook:
        write_notebook(lab.folder / name, cell)
        notebook = Notebook.open(within, lab, name)
        notebook.run_all()
        notebook.page.locator(".wb-annotate").focus(timeout=120_000)
        return notebook

    return start


@pytest.fixture
def page(open_notebook: Callable[..., Notebook]) -> Page:
    return open_notebook().page


def rows(lab: Lab) -> list[tuple[Any, ...]]:
    """What is on disk, read with nothing of the workbench in between: id, item, choice, what it supersedes."""
    with sqlite3.connect(f"file:{lab.folder / 'labels.sqlite'}?mode=ro", uri=True) as connection:
        query = (
            "SELECT id, json_extract(payload, '$.item'), json_extract(payload, '$.answer.choice'), supersedes"
            " FROM events WHERE kind = 'label' ORDER BY seq"
        )
        return connection.execute(query).fetchall()


def in_force(lab: Lab) -> dict[str, str]:
    """Item -> choice of the labels nothing supersedes; fails where an item has two."""
    written = rows(lab)
    corrected = {target for *_, target in written}
    counted = [(item, choice) for uuid, item, choice, _ in written if uuid not in corrected]
    assert len({item for item, _ in counted}) == len(counted), "one answer counts for each question"
    assert len({uuid for uuid, *_ in written}) == len(written)
    return dict(counted)


def status(page: Page, text: str | re.Pattern[str], timeout: float = 60_000) -> None:
    from playwright.sync_api import expect

    expect(page.locator(".wb-status")).to_contain_text(text, timeout=timeout)


def kernel_pid(lab: Lab) -> int:
    return int((lab.folder / "kernel.pid").read_text())


def test_keys_become_rows_in_the_database_and_leave_the_notebook_alone(page: Page, lab: Lab) -> None:
    cells = page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length")
    for key in ("a", "b", "t", "x", "ArrowLeft", "u", "2"):
        page.keyboard.press(key)
    status(page, "All 5 answers saved")
    assert [(item, choice) for _, item, choice, _ in rows(lab)] == [
        ("item-0", "A"),
        ("item-1", "A"),
        ("item-2", "tie"),
        ("item-3", "both_bad"),
        ("item-4", "A"),
        ("item-4", "B"),
    ]
    page.keyboard.press("r")
    page.keyboard.type("a b x dd")
    page.keyboard.press("Escape")
    # letters that are JupyterLab's own shortcuts: cells are neither made, cut, merged nor changed
    for key in ("v", "Escape", "m", "m", "y", "y", "d", "d", "?", "Escape", "f", "Escape"):
        page.keyboard.press(key)
    assert page.locator(".wb-place").inner_text() == "Item 6 of 12"
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == cells
    assert page.evaluate("jupyterapp.shell.currentWidget.content.mode") == "command"
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets[0].model.type") == "code"


def test_a_killed_kernel_shows_not_saved_and_loses_nothing(page: Page, lab: Lab) -> None:
    page.keyboard.press("a")
    page.keyboard.press("b")
    status(page, "All 2 answers saved")
    os.kill(kernel_pid(lab), signal.SIGKILL)
    # To the widget itself: JupyterLab's message about the kernel takes the focus when it comes.
    page.locator(".wb-annotate").evaluate(
        """(root) => {
          for (const key of "taub") root.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        }"""
    )
    status(page, "2 saved · 3 NOT SAVED")
    assert "the kernel does not answer" in page.get_by_role("alert").filter(has_text="NOT SAVED").inner_text()
    assert len(rows(lab)) == 2
    dismiss(page)
    Notebook(page).ready()
    Notebook(page).run_all()
    status(page, "All 4 answers saved", timeout=120_000)
    assert page.locator(".wb-place").inner_text() == "Item 5 of 12"
    assert [(item, choice) for _, item, choice, _ in rows(lab)] == [
        ("item-0", "A"),
        ("item-1", "A"),
        ("item-2", "tie"),
        ("item-3", "B"),
        ("item-3", "A"),
    ]


def test_a_kernel_killed_in_the_middle_of_saving_loses_and_doubles_nothing(page: Page, lab: Lab) -> None:
    page.evaluate(PRESS, [6, 3])
    os.kill(kernel_pid(lab), signal.SIGKILL)  # some are committed, some on their way, some acknowledged
    page.evaluate(PRESS, [3, 30])
    status(page, "NOT SAVED")
    shown = int(re.findall(r"^(\d+) saved", page.locator(".wb-status").inner_text())[0])
    assert len(rows(lab)) >= shown
    dismiss(page)
    Notebook(page).ready()
    Notebook(page).run_all()
    status(page, "All 9 answers saved", timeout=120_000)
    assert len(in_force(lab)) == len(rows(lab)) == 9


def test_a_restarted_kernel_shows_not_saved_until_the_cell_is_run_again(page: Page, lab: Lab) -> None:
    for key in ("a", "b", "t"):
        page.keyboard.press(key)
    status(page, "All 3 answers saved")
    page.evaluate(
        "() => { window.restarted = jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    page.locator(".wb-annotate").focus()
    page.keyboard.press("a")
    status(page, "3 saved · 1 NOT SAVED")
    Notebook(page).ready()
    assert len(rows(lab)) == 3
    Notebook(page).run_all()
    status(page, "All 4 answers saved", timeout=120_000)
    assert in_force(lab) == {"item-0": "A", "item-1": "A", "item-2": "tie", "item-3": "B"}


def test_a_server_that_stops_for_a_while_shows_not_saved_until_it_goes_on(page: Page, lab: Lab) -> None:
    page.keyboard.press("a")
    status(page, "1 answer saved")
    os.kill(lab.pid, signal.SIGSTOP)
    try:
        for key in ("b", "t", "x"):
            page.keyboard.press(key)
        status(page, "1 saved · 3 NOT SAVED")
        assert page.locator(".wb-place").inner_text() == "Item 5 of 12", "labelling goes on"
    finally:
        os.kill(lab.pid, signal.SIGCONT)
    status(page, "All 4 answers saved", timeout=120_000)
    assert len(rows(lab)) == 4


def test_a_full_disk_is_said_and_costs_nothing(page: Page, lab: Lab) -> None:
    page.keyboard.press("a")
    status(page, "1 answer saved")
    pid = kernel_pid(lab)
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    # No file of the kernel may grow: what writing to a full disk looks like from inside.
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        page.keyboard.press("b")
        page.keyboard.press("t")
        status(page, "1 saved · 2 NOT SAVED")
        page.get_by_role("alert").filter(has_text=f"NOT SAVED: {AWAY}").wait_for()
        assert len(rows(lab)) == 1
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    status(page, "All 3 answers saved", timeout=120_000)
    assert in_force(lab) == {"item-0": "A", "item-1": "A", "item-2": "tie"}
    assert len(rows(lab)) == 3


def test_a_reloaded_page_goes_on_where_it_stopped(page: Page, lab: Lab) -> None:
    for key in ("a", "b", "t"):
        page.keyboard.press(key)
    status(page, "All 3 answers saved")
    page.evaluate("() => { window.saving = jupyterapp.commands.execute('docmanager:save'); }")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    page.reload()
    page.locator(".wb-annotate").wait_for(timeout=120_000)
    status(page, "All 3 answers saved")
    assert page.locator(".wb-place").inner_text() == "Item 4 of 12"
    page.locator(".wb-annotate").focus()
    page.keyboard.press("b")
    status(page, "All 4 answers saved")
    assert len(rows(lab)) == 4
    kept = json.loads((lab.folder / "label.ipynb").read_text(encoding="utf-8"))
    assert "running notebook" in json.dumps(kept["cells"][0]["outputs"]), "the static form is saved"
    assert "widgets" not in kept["metadata"]
    for cell in kept["cells"]:
        del cell["source"]
    for secret in ("Answer 3", "SecretModel", "is_gold", "Prompt 3"):
        assert secret not in json.dumps(kept), "the saved notebook holds no item"


# As where another window comes and goes: the widget speaks while the kernel is at work for that window's subshell.
SPEAK = """async (code) => {
  const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
  const { subshell_id } = (await kernel.requestCreateSubshell({}).done).content;
  const other = kernel.clone({ handleComms: false });
  other.subshellId = subshell_id;
  const { status } = (await other.requestExecute({ code, silent: true }).done).content;
  await kernel.requestDeleteSubshell({ subshell_id }).done;
  other.dispose();
  return status;
}"""


def test_a_window_that_is_gone_takes_no_answers_with_it(lab: Lab, open_notebook: Callable[..., Notebook]) -> None:
    page = open_notebook(cell=CELL.replace("\nannotate_queue(", "\nshown = annotate_queue(") + "shown").page
    page.keyboard.press("a")
    status(page, "1 answer saved")
    assert page.evaluate(SPEAK, "shown.send_state('settings')") == "ok"
    for key in ("b", "t"):
        page.keyboard.press(key)
    status(page, "All 3 answers saved")
    assert in_force(lab) == {"item-0": "A", "item-1": "A", "item-2": "tie"}


def test_two_tabs_of_one_notebook_label_the_same_queue(page: Page, lab: Lab, context: BrowserContext) -> None:
    page.keyboard.press("a")
    status(page, "1 answer saved")
    page.evaluate("() => { window.saving = jupyterapp.commands.execute('docmanager:save'); }")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    other = Notebook.open(context, lab, "label.ipynb").page
    other.locator(".wb-annotate").wait_for(timeout=120_000)
    status(other, "1 answer saved")
    other.locator(".wb-annotate").focus()
    other.keyboard.press("b")
    status(other, "All 2 answers saved")
    page.bring_to_front()
    page.locator(".wb-place").filter(has_text="Item 3 of 12").wait_for()
    page.locator(".wb-annotate").focus()
    page.keyboard.press("t")
    status(page, "All 3 answers saved")
    assert in_force(lab) == {"item-0": "A", "item-1": "A", "item-2": "tie"}
    assert len(rows(lab)) == 3


def test_two_kernels_of_one_annotator_end_with_one_answer_a_question(
    page: Page, lab: Lab, open_notebook: Callable[..., Notebook], profile: Callable[[], BrowserContext]
) -> None:
    # Both show the first item. Not in one browser, where either page takes over what the other could not save in time,
    # and goes on behind it.
    other = open_notebook("other.ipynb", within=profile()).page
    page.keyboard.press("a")
    status(page, "1 answer saved")
    for key in ("t", "b", "b"):
        other.keyboard.press(key)
    status(other, "All 3 answers saved")
    page.keyboard.press("x")  # to the second item, which the other kernel has answered meanwhile
    status(page, "All 2 answers saved")
    assert in_force(lab) == {"item-0": "tie", "item-1": "both_bad", "item-2": "B"}
    assert len(rows(lab)) == 5, "what was said first is kept in history"


def test_a_page_takes_over_what_another_kernel_of_one_annotator_could_not_save(
    page: Page, lab: Lab, open_notebook: Callable[..., Notebook]
) -> None:
    other = open_notebook("other.ipynb").page  # in the same browser
    stuck = kernel_pid(lab)
    os.kill(stuck, signal.SIGSTOP)
    try:
        for key in ("a", "b"):
            other.keyboard.press(key)
        status(other, "0 saved · 2 NOT SAVED")
        page.bring_to_front()
        status(page, "All 2 answers saved")
        assert page.locator(".wb-place").inner_text() == "Item 3 of 12"
        assert in_force(lab) == {"item-0": "A", "item-1": "A"}
    finally:
        os.kill(stuck, signal.SIGCONT)
    status(other, "All 2 answers saved", timeout=120_000)
    assert len(rows(lab)) == 2, "the kernel that goes on saves them once more, which changes nothing"


PRESS = """async ([n, pause]) => {
  const root = document.querySelector(".wb-annotate");
  for (let i = 0; i < n; i++) {
    while (!root.querySelector(".wb-item")) await new Promise((resolve) => setTimeout(resolve, 5)); // not here yet
    root.dispatchEvent(new KeyboardEvent("keydown", { key: "abt"[i % 3], bubbles: true, cancelable: true }));
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
  }
}"""


def test_five_hundred_keys_without_a_pause(lab: Lab, open_notebook: Callable[..., Notebook]) -> None:
    page = open_notebook("many.ipynb", CELL.replace("items(12)", 'items(500, left="Answer {i} " + "word " * 500)')).page
    page.evaluate(PRESS, [500, 0])
    status(page, "All 500 answers saved", timeout=120_000)
    assert len(rows(lab)) == len(in_force(lab)) == 500
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('workbench:')).length") == 0


def dismiss(page: Page) -> None:
    """Close JupyterLab's own message about the dead kernel, once it has heard of the death."""
    page.locator(".jp-Dialog .jp-Dialog-button.jp-mod-accept").first.click(timeout=120_000)


PRICES = """
import pandas as pd
from IPython.display import display
from workbench.pilot.views import Shown

class Prices(Shown):
    def lines(self):
        return ["from $1,800.00 at one lab to $2,400.00 at another"]

    def table(self):
        return pd.DataFrame({"response": ["it costs $x^2$ or \\\\(y^2\\\\)"]})

display(Prices())
display({"text/html": "<p id='control'>$x^2$</p>", "text/plain": ""}, raw=True)
"""


def test_prices_and_texts_with_dollar_signs_stay_as_they_are(context: BrowserContext, lab: Lab) -> None:
    write_notebook(lab.folder / "prices.ipynb", PRICES)
    notebook = Notebook.open(context, lab, "prices.ipynb")
    notebook.run_all()
    # What is no result of ours is set as mathematics, so the page had its chance with ours too.
    notebook.page.locator("#control mjx-container").wait_for(timeout=120_000)
    shown = notebook.page.locator(".mathjax_ignore")
    assert shown.locator("mjx-container").count() == 0
    assert "from $1,800.00 at one lab to $2,400.00 at another" in shown.inner_text()
    assert "it costs $x^2$ or \\(y^2\\)" in shown.inner_text()
