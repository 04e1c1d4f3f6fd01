"""End to end: a notebook in JupyterLab, a real kernel, a real SQLite file, and a kernel that dies."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.lab import Notebook, server, write_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CELL = """
import os, pathlib
from tests.widgets.make import ANNOTATOR, assignments, guideline, items
from workbench.store import open_store
from workbench.widgets import annotate

pathlib.Path("kernel.pid").write_text(str(os.getpid()))
queue = items(12)
store = open_store("labels.sqlite")
store.keep_guideline(guideline())
annotate(
    assignments(queue), queue, annotator=ANNOTATOR, guideline=guideline(),
    submit=lambda label: store.append([label]), answered=store.labels("pilot-x", history=True),
)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("lab")
    with server(folder) as address:
        yield address, folder


@pytest.fixture
def page(browser: Browser, lab: tuple[str, Path]) -> Iterator[Page]:
    address, folder = lab
    for old in folder.glob("labels.sqlite*"):
        old.unlink()
    write_notebook(folder / "label.ipynb", CELL)
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(30_000)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    notebook = Notebook(context, address, "label.ipynb")
    notebook.run_all()
    notebook.page.locator(".wb-annotate").focus(timeout=60_000)
    yield notebook.page
    context.close()
    outside = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert outside == []


def rows(folder: Path) -> list[tuple[Any, ...]]:
    """What is on disk, read with nothing of the workbench in between."""
    with sqlite3.connect(f"file:{folder / 'labels.sqlite'}?mode=ro", uri=True) as connection:
        query = (
            "SELECT id, json_extract(payload, '$.item'), json_extract(payload, '$.answer.choice') FROM events"
            " WHERE kind = 'label' ORDER BY seq"
        )
        return connection.execute(query).fetchall()


def status(page: Page, text: str, timeout: float = 30_000) -> None:
    from playwright.sync_api import expect

    expect(page.locator(".wb-status")).to_contain_text(text, timeout=timeout)


def test_keys_become_rows_in_the_database_and_leave_the_notebook_alone(page: Page, lab: tuple[str, Path]) -> None:
    cells = page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length")
    for key in ("a", "b", "t", "x", "ArrowLeft", "u", "2"):
        page.keyboard.press(key)
    status(page, "All 5 answers saved")
    given = [(item, choice) for _, item, choice in rows(lab[1])]
    assert given == [
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
    assert page.locator(".wb-place").inner_text() == "Item 6 of 12"
    assert page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == cells
    assert page.evaluate("jupyterapp.shell.currentWidget.content.mode") == "command"


def test_a_killed_kernel_shows_not_saved_and_loses_nothing(page: Page, lab: tuple[str, Path]) -> None:
    folder = lab[1]
    page.keyboard.press("a")
    page.keyboard.press("b")
    status(page, "All 2 answers saved")
    os.kill(int((folder / "kernel.pid").read_text()), signal.SIGKILL)
    for key in ("t", "a", "u", "b"):
        page.keyboard.press(key)
    status(page, "2 saved · 3 NOT SAVED")
    assert "the kernel does not answer" in page.get_by_role("alert").filter(has_text="NOT SAVED").inner_text()
    assert len(rows(folder)) == 2
    dismiss(page)
    Notebook.ready(_opened(page))
    _opened(page).run_all()
    status(page, "All 4 answers saved", timeout=60_000)
    assert page.locator(".wb-place").inner_text() == "Item 5 of 12"
    written = rows(folder)
    assert [choice for _, _, choice in written] == ["A", "A", "tie", "B", "A"]
    assert [item for _, item, _ in written] == ["item-0", "item-1", "item-2", "item-3", "item-3"]
    assert len({uuid for uuid, _, _ in written}) == 5


def test_a_reloaded_page_goes_on_where_it_stopped(page: Page, lab: tuple[str, Path]) -> None:
    for key in ("a", "b", "t"):
        page.keyboard.press(key)
    status(page, "All 3 answers saved")
    page.evaluate("() => { window.saving = jupyterapp.commands.execute('docmanager:save'); }")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    page.reload()
    page.locator(".wb-annotate").wait_for(timeout=60_000)
    status(page, "All 3 answers saved")
    assert page.locator(".wb-place").inner_text() == "Item 4 of 12"
    page.locator(".wb-annotate").focus()
    page.keyboard.press("b")
    status(page, "All 4 answers saved")
    assert len(rows(lab[1])) == 4
    kept = json.loads((lab[1] / "label.ipynb").read_text(encoding="utf-8"))
    assert "running notebook" in json.dumps(kept["cells"][0]["outputs"]), "the static form is saved"
    for cell in kept["cells"]:
        del cell["source"]
    for secret in ("Answer 3", "SecretModel", "is_gold", "Prompt 3"):
        assert secret not in json.dumps(kept), "the saved notebook holds no item"


def dismiss(page: Page) -> None:
    """Close JupyterLab's own message about the dead kernel, if it shows one."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        button = page.locator(".jp-Dialog .jp-Dialog-button.jp-mod-accept")
        if button.count():
            button.first.click()
            return
        page.wait_for_timeout(200)


def _opened(page: Page) -> Notebook:
    notebook = Notebook.__new__(Notebook)
    notebook.page = page
    return notebook
