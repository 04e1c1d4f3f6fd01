"""How quick labelling is, in JupyterLab in Chromium: our widget beside plain ipywidgets, same items, one run.

    .venv/bin/python benchmarks/labelling.py [--items 500] [--judgments 200]

Four times, each as median and 95th percentile: from a key (a click, in plain ipywidgets, which has no keys) to the next
item in the DOM; to the frame that paints it; to the row in SQLite; and from running the cell to the first item, in a
fresh kernel that has imported nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import sync_playwright

from tests.browser.lab import Lab, Notebook, server, write_notebook
from tests.chromium import FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WORDS = "the model answers with a sentence of some length and then with another one that says a little more "
ITEMS = """
from tests.widgets.make import ANNOTATOR, assignments, guideline, items
from workbench.store import open_store

text = {words!r} * 12 + "\\n\\n- one **point**\\n- another `point`\\n\\n" + {words!r} * 12
queue = items({n}, left="Left {{i}}. " + text, right="Right {{i}}. " + text)
store = open_store({store!r})
store.keep_guideline(guideline())
"""
OURS = """
from workbench.widgets import annotate_queue
from workbench.widgets.annotate import Keeper

annotate_queue(assignments(queue), queue, annotator=ANNOTATOR, guideline=guideline(), keeper=Keeper(store.judge))
"""
# The same with what ipywidgets has: texts and buttons, a callback in the kernel for each judgment.
PLAIN = """
import uuid
import ipywidgets
from workbench.widgets.annotate.messages import Answer
from workbench.widgets.annotate.questions import Asker

asker = Asker(queue, guideline())
questions = [asker.question(one) for one in assignments(queue)]
at = 0
place, prompt, left, right = (ipywidgets.Textarea(disabled=True) for _ in range(4))
choices = {"A": "Left is better", "tie": "Tie", "B": "Right is better"}
buttons = [ipywidgets.Button(description=text) for text in choices.values()]

def show():
    asked = questions[at]
    texts = {one.id: one.text for one in asked.item.responses}
    place.value, prompt.value = f"Item {at + 1}", asked.item.prompt
    left.value, right.value = (texts[one] for one in asked.assignment.order)

def judge(choice):
    global at
    asked = questions[at]
    sent = Answer(
        type="answer",
        uuid=str(uuid.uuid4()),
        question=asked.key,
        guideline=guideline().sha256,
        answer={"choice": choice},
    )
    store.judge(asked.label(sent, asked.canonical(sent.answer), ANNOTATOR, guideline(), None))
    at += 1
    show()

for choice, button in zip(choices, buttons):
    button.on_click(lambda _, choice=choice: judge(choice))
show()
ipywidgets.VBox([place, prompt, ipywidgets.HBox([left, right]), ipywidgets.HBox(buttons)])
"""
# Watches what names the item: the time of the event, of the change, and of the frame that paints it.
WATCH = """([event, where, plain]) => {
  const times = window.times = [];
  let began = 0, began_at = 0;
  addEventListener(event, (e) => { began = e.timeStamp; began_at = performance.timeOrigin + e.timeStamp; }, true);
  const changed = () => {
    if (!began) return;
    const row = { dom: performance.now() - began, at: began_at };
    times.push(row);
    const mine = began;
    began = 0;
    requestAnimationFrame(() => setTimeout(() => (row.painted = performance.now() - mine))); // after that frame
  };
  if (plain) {
    // The texts stand in a textarea, whose value changes without a mutation.
    const box = document.querySelector(where);
    let was = box.value;
    const look = () => { if (box.value !== was) { was = box.value; changed(); } setTimeout(look); };
    look();
  } else {
    const watched = { characterData: true, childList: true, subtree: true };
    new MutationObserver(changed).observe(document.querySelector(where), watched);
  }
}"""


def first_item(notebook: Notebook, cell: int, selector: str) -> float:
    """Milliseconds from running a cell to its first item, seen by the page itself."""
    page = notebook.page
    page.evaluate(
        """([cell, selector]) => {
          window.first = undefined;
          const content = jupyterapp.shell.currentWidget.content;
          content.activeCellIndex = cell;
          const start = performance.now();
          const look = () => {
            const found = document.querySelector(selector);
            if (found && found.offsetParent) requestAnimationFrame(() => (window.first = performance.now() - start));
            else requestAnimationFrame(look);
          };
          look();
          void jupyterapp.commands.execute("notebook:run-cell");
        }""",
        [cell, selector],
    )
    page.wait_for_function("window.first !== undefined", timeout=60_000)
    return float(page.evaluate("window.first"))


def committed(store: Path, pressed: list[float]) -> list[float]:
    """Milliseconds from each event to its row, by this machine's one clock."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
        query = "SELECT received_at FROM events WHERE kind = 'label' ORDER BY seq"
        rows = [datetime.fromisoformat(row[0]).timestamp() * 1000 for row in connection.execute(query)]
    return [row - at for row, at in zip(rows, pressed, strict=False)]


def run(browser: Browser, lab: Lab, name: str, body: str, n: int, judgments: int) -> dict[str, Any]:
    """Label `judgments` items of a queue of `n` in a fresh kernel."""
    plain = name == "plain ipywidgets"
    store = lab.folder / f"{name.split()[0]}.sqlite"
    write_notebook(lab.folder / f"{name.split()[0]}.ipynb", ITEMS.format(words=WORDS, n=n, store=str(store)) + body)
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    notebook = Notebook.open(context, lab, f"{name.split()[0]}.ipynb")
    page: Page = notebook.page
    shown = ".jupyter-button" if plain else ".wb-item"
    first = first_item(notebook, 0, shown)
    page.wait_for_timeout(2500)  # everything loaded, as for somebody who reads the first item
    if plain:
        page.evaluate(WATCH, ["click", ".widget-textarea textarea", True])
    else:
        page.locator(".wb-annotate").focus()
        page.evaluate(WATCH, ["keydown", ".wb-place", False])
    buttons = page.locator(".jupyter-button")
    for k in range(judgments):
        if plain:
            buttons.nth(k % 3).click()
        else:
            page.keyboard.press("atb"[k % 3])
        page.wait_for_function(f"window.times.length > {k} && window.times[{k}].painted", timeout=30_000)
    page.wait_for_timeout(1500)
    times = json.loads(page.evaluate("JSON.stringify(window.times)"))
    context.close()
    return {
        "first": first,
        "dom": [one["dom"] for one in times],
        "painted": [one["painted"] for one in times],
        "row": committed(store, [one["at"] for one in times]),
    }


def summary(values: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return statistics.median(values), statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Run both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--judgments", type=int, default=200)
    parser.add_argument(
        "--starts", type=int, default=3, help="how often the first item is timed, each in a fresh kernel"
    )
    asked = parser.parse_args()
    asked.judgments = min(asked.judgments, asked.items - 1)  # after the last there is no next item to wait for
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    found: dict[str, dict[str, Any]] = {}
    firsts: dict[str, list[float]] = {"ours": [], "plain ipywidgets": []}
    bodies = {"ours": OURS, "plain ipywidgets": PLAIN}
    for start in range(asked.starts):
        # A server of its own each time: what one start has warmed up shall not help the next.
        folder = Path(tempfile.mkdtemp(prefix="workbench-benchmark-"))
        with server(folder) as lab, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            for name, body in bodies.items():
                n = asked.judgments if start == 0 else 3
                measured = run(browser, lab, name, body, asked.items, n)
                firsts[name].append(measured["first"])
                found.setdefault(name, measured)
            browser.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{asked.items} items, two responses of {len(WORDS) * 24:,} characters each, {asked.judgments} judgments")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| ms | " + " | ".join(f"{name}, median / p95" for name in found) + " | ratio of medians |")
    print("|---|" + "---|" * (len(found) + 1))
    for key, words in (("dom", "key to DOM"), ("painted", "key to painted frame"), ("row", "key to row in SQLite")):
        cells = [summary(one[key]) for one in found.values()]
        shown = " | ".join(f"{median:.1f} / {p95:.1f}" for median, p95 in cells)
        print(f"| {words} | {shown} | {cells[1][0] / cells[0][0]:.1f} |")
    mine, other = (statistics.median(times) for times in firsts.values())
    print(
        f"| cell to first item, fresh kernel, {asked.starts} starts | {mine:.0f} | {other:.0f} | {other / mine:.1f} |"
    )


if __name__ == "__main__":
    main()
