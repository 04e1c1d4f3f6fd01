"""The progress page in JupyterLab: it follows what another process stores, for two viewers alike."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.lab import Lab, Notebook, write_notebook
from tests.browser.test_accessible import dark, violations
from workbench.pilot import open_pilot

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
NAME = "instruction-following-smollm2"
CELL = f"""
import workbench as wb

wb.widgets.progress(wb.open_pilot("pilots/{NAME}"), every_s=0.5)
"""


def test_it_follows_while_others_label(context: BrowserContext, lab: Lab, npm_packages: Path) -> None:
    shutil.copytree(ROOT / "guidelines", lab.folder / "guidelines", dirs_exist_ok=True)
    folder = lab.folder / "pilots" / NAME
    shutil.copytree(ROOT / "pilots" / NAME, folder, ignore=shutil.ignore_patterns("*.sqlite*", "exports", "runs"))
    pilot = open_pilot(folder)
    pilot.plan()
    write_notebook(lab.folder / "progress.ipynb", CELL)
    notebook = Notebook.open(context, lab, "progress.ipynb")
    notebook.run_all()
    page = notebook.page
    page.get_by_text("0 of 756").wait_for(timeout=60_000)
    assert page.get_by_text("no item has labels of two annotators").is_visible()
    pilot.simulate()  # in this process, not in the kernel
    page.get_by_text("756 of 756", exact=True).wait_for(timeout=30_000)
    assert page.get_by_text("SIMULATED: 756 of 756 labels").is_visible()
    assert page.locator(".wb-people tbody tr").count() == 6
    assert page.locator(".wb-people").inner_text().count("126 of 126") == 6
    assert "0.42 (0.19 to 0.68, n 12)" in page.locator(".wb-people").inner_text()
    page.evaluate("() => { window.saving = jupyterapp.commands.execute('docmanager:save'); }")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    other = Notebook.open(context, lab, "progress.ipynb").page
    other.get_by_text("756 of 756", exact=True).wait_for(timeout=60_000)
    assert violations(other) == []
    dark(other)
    other.evaluate("() => { void jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' }); }")
    other.wait_for_function("() => document.body.dataset.jpThemeName === 'JupyterLab Dark'")
    other.wait_for_timeout(500)
    assert violations(other) == []
