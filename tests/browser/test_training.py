"""The run page in a real browser: what it shows and says, how a run is stopped, and what a second viewer sees."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.following import Following
from tests.browser.lab import ROOT, Lab, Notebook, write_notebook
from tests.browser.test_accessible import dark, violations
from tests.widgets.runs import HOSTILE, folder, row, rows
from tests.widgets.test_training import change
from workbench.training.runfiles import Status, append_jsonl
from workbench.training.runs import Run
from workbench.widgets.training import TrainingWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    Show = Callable[..., Following]

pytestmark = pytest.mark.browser

TRAITS = ("shown", "log", "trouble")


@pytest.fixture
def show(browser: Browser, site: str) -> Iterator[Show]:
    """Show a run folder in a page."""
    made: list[Following] = []

    def start(run: Run, **options: Any) -> Following:
        context = browser.new_context(viewport={"width": 1100, "height": 900})
        context.set_default_timeout(15_000)
        context.clock.install()  # goes on as usual, and can be put forward
        made.append(Following(context, site, "training", TrainingWidget(run, **{"every_s": 0.05, **options}), TRAITS))
        return made[-1]

    yield start
    for one in made:
        one.close()


def ink(page: Page) -> list[int]:
    """How many pixels each chart has of its lines' two colours (blue: training, orange: held out)."""
    found: list[int] = page.evaluate(
        """() => [...document.querySelectorAll(".wb-plot canvas")].flatMap((canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let blue = 0, orange = 0;
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] < 200) continue;
            if (data[i + 2] > data[i] + 80) blue += 1;
            if (data[i] > data[i + 2] + 80) orange += 1;
          }
          return [blue, orange];
        })"""
    )
    return found


def text(page: Page) -> str:
    return page.locator(".wb-training").inner_text()


def test_a_running_run_is_told_in_numbers_words_and_curves(show: Show, tmp_path: Path) -> None:
    one = show(Run(folder(tmp_path / "dpo-1", n=40)))
    said = text(one.page)
    for words in ("Run dpo-1", "Running: training", "step 40 of 100", "about 30 s", "1,235", "2.3 GB", "0.80"):
        assert words in said, words
    labels = one.page.locator(".wb-plot").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    assert [label.split(":")[0] for label in labels] == ["Loss", "Margin", "Accuracy"]
    first, last, held_out = row(1, 100)["loss"], row(40, 100)["loss"], row(40, 100, held_out=True)["eval_loss"]
    assert f"training {first:.4g} at step 1, {last:.4g} at step 40, lowest" in labels[0]
    assert f"{held_out:.4g} at step 40" in labels[0]
    one.page.wait_for_timeout(100)
    assert all(pixels > 40 for pixels in ink(one.page)), "both lines are drawn in each chart"
    one.page.get_by_text("Numbers as a table").click()
    table = one.page.locator(".wb-table")
    table.locator("th").first.wait_for()
    assert table.locator("th").all_inner_texts()[:3] == ["step", "loss", "held-out loss"]
    assert table.locator("tbody tr").last.locator("td").first.inner_text() == "40"


def test_new_lines_are_drawn_and_only_they_are_sent(show: Show, tmp_path: Path) -> None:
    path = folder(tmp_path / "dpo-1", n=40)
    one = show(Run(path))
    assert "KL" not in text(one.page)
    one.page.wait_for_timeout(200)
    sent: list[int] = []
    send = one.widget.send

    def count(content: dict[str, Any]) -> None:
        sent.append(len(content.get("points", ())))
        send(content)

    one.widget.send = count
    append_jsonl(path / "metrics.jsonl", [row(41, 100) | {"kl": 0.25, "reward": -1.5}])
    change(path, step=41)
    one.page.get_by_text("step 41 of 100").wait_for()
    one.page.get_by_text("KL to the start model").wait_for()
    assert one.page.locator(".wb-curve").count() == 5
    one.page.get_by_text("Numbers as a table").click()
    sent.clear()  # a measure that was not there before brings its history once
    append_jsonl(path / "metrics.jsonl", [row(42, 100)])
    one.page.locator(".wb-table td").get_by_text("42", exact=True).first.wait_for()  # the step, not a part of a loss
    assert 1 <= max(sent) <= 2


def test_10000_steps_open_quickly_and_say_that_they_are_thinned(show: Show, tmp_path: Path) -> None:
    path = folder(tmp_path / "dpo-1", n=0, steps=10_000, step=10_000)
    append_jsonl(path / "metrics.jsonl", rows(10_000, more=True))
    one = show(Run(path))
    one.page.get_by_text("each point is the mean of 16 steps").wait_for()
    assert one.page.locator(".wb-curve").count() == 5
    spent = one.page.evaluate(
        """async () => {
          const before = performance.now();
          window.cleanUp();
          return performance.now() - before;
        }"""
    )
    assert spent < 60_000, "some 50 ms on an idle machine"
    before = time.perf_counter()
    other = one.open()
    other.locator(".wb-plot canvas").nth(4).wait_for()
    assert time.perf_counter() - before < 60, "1 s on an idle machine"
    other.get_by_text("Numbers as a table").click()
    assert other.locator(".wb-table tbody tr").count() < 110


def test_stopping_asks_first_and_every_viewer_sees_it(show: Show, tmp_path: Path) -> None:
    may_end = threading.Event()

    class Slow(Run):
        def cancel(self, *, patience_s: float = 20.0) -> Status:
            may_end.wait(60)
            change(self.path, state="cancelled", ended=time.time())
            return self.status()

    one = show(Slow(folder(tmp_path / "dpo-1")))
    other = one.open()
    page = one.page
    page.bring_to_front()
    stop = page.get_by_role("button", name="Stop the run")
    stop.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="Let it go on").evaluate("(e) => e === document.activeElement")
    page.keyboard.press("Escape")
    assert stop.evaluate("(e) => e === document.activeElement")
    assert not page.get_by_role("button", name="Stop it").is_visible()
    stop.click()
    page.get_by_role("button", name="Let it go on").click()
    assert [message["type"] for message in one.sent if message["type"] != "watching"] == []
    stop.click()
    page.get_by_role("button", name="Stop it").click()
    for viewer in (page, other):
        viewer.get_by_text("Stopping …").wait_for()
    assert stop.is_disabled()
    assert other.get_by_role("button", name="Stop the run").is_disabled()
    may_end.set()
    for viewer in (page, other):
        viewer.get_by_text("Cancelled in step 40 of 100").wait_for()
        assert not viewer.get_by_role("button").count()


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        ("queued", {"n": 0, "steps": 0, "started": None, "phase": ""}, "Queued: its process has not begun yet"),
        ("done", {}, "Done"),
        ("failed", {"reason": "out of memory -> lower batch_size"}, "Failed: out of memory -> lower batch_size"),
        ("running", {"pid_started": "long ago"}, "Failed: process died: it ended in 'training'"),
        ("cancelled", {}, "Cancelled in step 40 of 100"),
    ],
)
def test_each_state_is_said_in_words(
    show: Show, tmp_path: Path, state: str, changes: dict[str, Any], words: str
) -> None:
    one = show(Run(folder(tmp_path / "dpo-1", state, **changes)))
    assert one.page.locator(".wb-state").inner_text() == words
    assert one.page.get_by_role("button", name="Stop the run").count() == (1 if state == "queued" else 0)
    one.page.get_by_text("Last lines of the log").click()
    assert one.page.locator(".wb-log").inner_text() == "loading the model\nstep 1"


def test_text_of_the_run_is_only_text(show: Show, tmp_path: Path) -> None:
    path = folder(tmp_path / f"dpo-{HOSTILE[:8].replace('/', '')}", "failed", reason=HOSTILE, notes=(HOSTILE, "second"))
    (path / "log.txt").write_text(f"{HOSTILE}\n", encoding="utf-8")
    one = show(Run(path))
    one.page.get_by_text("Last lines of the log").click()
    assert one.page.locator(".wb-training img").count() == 0
    assert text(one.page).count("<img src=x onerror=alert(1)>") == 3
    one.page.wait_for_timeout(200)


def test_a_kernel_that_is_gone_is_said_and_what_was_known_stays(show: Show, tmp_path: Path) -> None:
    path = folder(tmp_path / "dpo-1", n=40)
    one = show(Run(path))
    one.page.get_by_text("step 40 of 100").wait_for()
    one.alive = False
    one.page.clock.fast_forward(5_000)
    one.page.wait_for_timeout(100)
    assert not one.page.get_by_text("Not connected").is_visible(), "a busy machine may take some seconds"
    one.page.clock.fast_forward(10_000)
    one.page.get_by_text("Not connected to a kernel").wait_for()
    assert "The run goes on without it" in text(one.page)
    assert one.page.locator(".wb-curve").count() == 3
    append_jsonl(path / "metrics.jsonl", [row(step, 100) for step in range(41, 61)])
    change(path, step=60)
    one.widget.refresh()  # nobody hears of it
    one.alive = True
    one.page.clock.fast_forward(5_000)
    one.page.get_by_text("Not connected").wait_for(state="hidden")
    one.page.wait_for_function(
        """() => document.querySelector(".wb-plot").getAttribute("aria-label").includes("at step 60")"""
    )


def test_the_saved_state_has_the_curves(show: Show, tmp_path: Path) -> None:
    path = folder(tmp_path / "dpo-1", n=40)
    one = show(Run(path))
    append_jsonl(path / "metrics.jsonl", [row(41, 100)])
    change(path, state="done", step=41, ended=time.time())
    one.page.locator(".wb-state", has_text="Done").wait_for()
    one.page.wait_for_function("window.state.history.points.length === 41")
    one.alive = False
    other = one.open()  # has that state, and nobody answers
    other.get_by_text("Connecting to the kernel").wait_for()
    assert other.locator(".wb-curve").count() == 3
    other.clock.fast_forward(12_000)
    other.get_by_text("Not connected to a kernel: this is how the run stood on").wait_for()
    assert "goes on" not in text(other)


def test_it_cleans_up_after_itself(show: Show, tmp_path: Path) -> None:
    one = show(Run(folder(tmp_path / "dpo-1")))
    assert one.page.evaluate("window.listening()") == 4
    one.page.evaluate("window.cleanUp()")
    assert one.page.evaluate("window.listening()") == 0
    assert one.page.locator("#one").inner_html() == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_keeps_the_rules(show: Show, tmp_path: Path, scheme: str, npm_packages: Path) -> None:
    path = folder(tmp_path / "dpo-1", notes=("4 pairs were longer than max_length and were left out",))
    one = show(Run(path))
    if scheme == "dark":
        dark(one.page)
    one.page.get_by_text("Numbers as a table").click()
    one.page.get_by_text("Last lines of the log").click()
    one.page.get_by_role("button", name="Stop the run").click()
    assert violations(one.page) == []
    picture(one.page, f"training-{scheme}")
    change(path, state="failed", reason="disk full -> free some space and start again", ended=time.time())
    one.page.get_by_text("Failed: disk full").wait_for()
    assert violations(one.page) == []
    for width in (640, 360):
        one.page.set_viewport_size({"width": width, "height": 800})
        one.page.wait_for_timeout(200)
        assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    picture(one.page, f"training-narrow-{scheme}")


def picture(page: Page, name: str) -> None:
    """A screenshot to look at, when WORKBENCH_PICTURES names a folder."""
    where = os.environ.get("WORKBENCH_PICTURES")
    if where:
        page.screenshot(path=f"{where}/{name}.png", full_page=True)


CELL = """
import pathlib
import workbench as wb
from workbench.training.runs import Run

wb.widgets.training(Run(pathlib.Path("runs/dpo-slow").resolve()))
"""
BUSY = "import time\nwhile not pathlib.Path('go-on').exists():\n    time.sleep(0.1)"


def test_it_outlives_page_and_kernel_in_jupyterlab(context: BrowserContext, lab: Lab, npm_packages: Path) -> None:
    path = lab.folder / "runs" / "dpo-slow"
    path.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.widgets.runs", str(path), "100000", "0.1"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        go_on = lab.folder / "go-on"
        write_notebook(lab.folder / "training.ipynb", CELL, BUSY)
        page = run(context, lab)
        first = step(page)
        # The second cell keeps the kernel busy; the page goes on all the same.
        page.wait_for_function(LATER, arg=first + 10, timeout=120_000)
        assert page.locator(".jp-InputPrompt", has_text="[*]").count() == 1, "still busy"
        go_on.touch()
        page.locator(".jp-InputPrompt", has_text="[*]").wait_for(state="detached")
        Notebook(page).ready()
        save(page)

        page.reload()
        Notebook(page).ready()
        page.locator(".wb-state", has_text="Running: training").wait_for(timeout=120_000)
        page.wait_for_function(LATER, arg=step(page) + 5, timeout=120_000)
        assert page.locator(".wb-curve").count() == 3

        before = step(page)
        page.evaluate(
            "() => { window.restarting = jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
        )
        page.wait_for_timeout(500)
        page.get_by_text("Not connected to a kernel").wait_for(timeout=120_000)
        assert page.locator(".wb-curve").count() == 3
        Notebook(page).ready()
        Notebook(page).run_all()
        page.get_by_text("Not connected to a kernel").wait_for(state="hidden", timeout=120_000)
        page.wait_for_function(LATER, arg=before + 5, timeout=120_000)

        Notebook(page).ready()
        save(page)
        other = Notebook.open(context, lab, "training.ipynb").page  # the same kernel, another window
        other.locator(".wb-state", has_text="Running: training").wait_for(timeout=120_000)
        other.wait_for_function(LATER, arg=step(other) + 5, timeout=120_000)
        assert violations(other) == []
        picture(other, "lab-light")
        other.evaluate(
            "() => { void jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' }); }"
        )
        other.wait_for_function("() => document.body.dataset.jpThemeName === 'JupyterLab Dark'")
        other.wait_for_timeout(500)
        assert violations(other) == []
        picture(other, "lab-dark")

        other.get_by_role("button", name="Stop the run").click()
        other.get_by_role("button", name="Stop it").click()
        for viewer in (other, page):
            viewer.locator(".wb-state", has_text="Cancelled in step").wait_for(timeout=120_000)
        assert process.wait(timeout=120) == 1
        assert Run(path).status().state == "cancelled"
        # The run may be stopped between a step's measurements and its status.
        assert 0 <= Run(path).metrics()[-1]["step"] - step(page) <= 1
        assert step(page) == step(other)
    finally:
        process.kill()
        process.wait()


LATER = """(least) => {
  const [, step] = document.querySelector(".wb-place")?.textContent.match(/step ([\\d,]+) of/) ?? [];
  return step && Number(step.replaceAll(",", "")) >= least;
}"""


def save(page: Page) -> None:
    page.evaluate("() => { window.saving = jupyterapp.commands.execute('docmanager:save'); }")
    page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")


def step(page: Page) -> int:
    """The step that the page shows."""
    return int(page.locator(".wb-place").inner_text().split()[1].replace(",", ""))


def run(context: BrowserContext, lab: Lab) -> Page:
    notebook = Notebook.open(context, lab, "training.ipynb")
    notebook.run_all()
    notebook.page.locator(".wb-place", has_text="step").wait_for(timeout=120_000)
    return notebook.page
