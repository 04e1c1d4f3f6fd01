"""Make the pictures again: the labelling widget in a real JupyterLab, and the shipped pilot's report.

    .venv/bin/python docs/images/make_screenshots.py [folder]

Needs the [dev] extra and Chromium (`apt-get install chromium`). Writes annotate-light.png, annotate-dark.png and
report.png beside this file or into the folder given; there also the whole window and a narrow one, for looking at. The
report shows the last training run where there is one, so run `make demo` before.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.lab import Notebook, server, write_notebook  # noqa: E402
from tests.chromium import FLAGS  # noqa: E402
from workbench.pilot import open_pilot  # noqa: E402

CELL = f"""
import json
from pathlib import Path
from workbench import design, guidelines
from workbench.records import Annotator, Item
from workbench.store import open_store
from workbench.widgets import annotate

root = Path({str(ROOT)!r})
pilot = root / "pilots" / "instruction-following-smollm2"
lines = (pilot / "items.jsonl").open(encoding="utf-8")
items = {{item.id: item for item in (Item.parse(json.loads(line)) for line in lines)}}
longest = sorted(items.values(), key=lambda item: -min(len(response.text) for response in item.responses))
reader = Annotator(id="reader", source="human")
rules = guidelines.load(root / "guidelines" / "instruction-following" / "v1.md")
store = open_store("labels.sqlite")
store.keep_guideline(rules)
queue = design.plan(longest[:40], [reader], pilot="pictures", batch="b1", overlap=1, gold_share=0, seed=1)
"""
SHOW = """annotate(queue, items, annotator=reader, guideline=rules, submit=lambda label: store.append([label]))"""


def main(target: Path) -> None:
    """Take the pictures."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-pictures-"))
    write_notebook(folder / "label.ipynb", CELL, SHOW)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        with server(folder) as lab, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            context = browser.new_context(viewport={"width": 1360, "height": 980})
            notebook = Notebook.open(context, lab, "label.ipynb")
            page = notebook.page
            page.evaluate("() => { void jupyterapp.commands.execute('application:toggle-left-area'); }")
            notebook.run_all()
            page.locator(".wb-annotate").focus(timeout=60_000)
            for key in "abtabba":
                page.keyboard.press(key)
                page.wait_for_timeout(900)
            page.keyboard.press("c")
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")
            for theme, name in (("JupyterLab Light", "light"), ("JupyterLab Dark", "dark")):
                page.evaluate(
                    "(theme) => { void jupyterapp.commands.execute('apputils:change-theme', { theme }); }", theme
                )
                page.wait_for_function(f"() => document.body.dataset.jpThemeName === '{theme}'")
                page.wait_for_timeout(1500)
                page.locator(".wb-annotate").screenshot(path=target / f"annotate-{name}.png")
                page.screenshot(path=folder / f"whole-{name}.png")
            if target != HERE:
                page.keyboard.press("g")
                page.set_viewport_size({"width": 700, "height": 1000})
                page.wait_for_timeout(500)
                page.screenshot(path=target / "narrow.png")
                for name in ("whole-light.png", "whole-dark.png"):
                    shutil.copy(folder / name, target / name)
            context.close()
            report = open_pilot(ROOT / "pilots" / "instruction-following-smollm2").report(folder / "report.html")
            page = browser.new_page(viewport={"width": 1180, "height": 1180}, color_scheme="light")
            page.goto(report.as_uri())
            page.wait_for_timeout(1500)
            page.screenshot(path=target / "report.png")
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
