"""Make the pictures again: labelling and training in a real JupyterLab, the progress page, the shipped pilot's report.

    .venv/bin/python docs/images/make_screenshots.py [folder]

Needs the [train] and [dev] extras and Chromium (`apt-get install chromium`). Writes the pictures that the documentation
shows beside this file; into a folder given it writes every task type in light and dark, for looking at. The report
shows the last training run where there is one, so run `make demo` before.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.lab import Lab, Notebook, server, write_notebook  # noqa: E402
from tests.chromium import FLAGS  # noqa: E402
from workbench.pilot import open_pilot  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MADE = shutil.ignore_patterns("*.sqlite*", "runs", "rounds", "report", "preferences")
MODEL = ', model="smollm2-135m-instruct"'
# picture -> (pilot, further arguments, keys)
LABELLING: dict[str, tuple[str, str, str]] = {
    "annotate": ("instruction-following", "", "abtabbac"),
    "ranking": ("ranking", "", "21=3"),
    "ratings": ("likert", "", "42"),
    "classes": ("classification", "", "1"),
    "checklist": ("checklist", "", "yn"),
    "claims": ("factual-accuracy", "", "1"),
    "red-team": ("red-team", MODEL, ""),
}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
# What the documentation shows.
KEPT = {
    "annotate-light",
    "annotate-dark",
    "ranking-light",
    "claims-light",
    "red-team-light",
    "progress-light",
    "launch-light",
    "training-light",
    "report",
}


def in_theme(page: Page, theme: str) -> None:
    page.evaluate("(theme) => { void jupyterapp.commands.execute('apputils:change-theme', { theme }); }", theme)
    page.wait_for_function(f"() => document.body.dataset.jpThemeName === '{theme}'")
    page.wait_for_timeout(800)


def opened(browser: Browser, lab: Lab, name: str, cell: str) -> Page:
    context = browser.new_context(viewport={"width": 1360, "height": 1050})
    write_notebook(lab.folder / f"{name}.ipynb", f"import workbench as wb\n{cell}")
    notebook = Notebook.open(context, lab, f"{name}.ipynb")
    notebook.page.evaluate("() => { void jupyterapp.commands.execute('application:toggle-left-area'); }")
    notebook.run_all()
    return notebook.page


def labelling(browser: Browser, lab: Lab, target: Path) -> None:
    """Each task type, some of it answered."""
    for name, (pilot, more, keys) in LABELLING.items():
        page = opened(browser, lab, name, f'wb.open_pilot("pilots/{pilot}-smollm2").annotate("guest"{more})')
        page.locator(".wb-item").wait_for(timeout=60_000)
        page.locator(".wb-annotate").focus()
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(700 if key in "abt" else 150)
        if name == "annotate":
            page.keyboard.press("Enter")
            page.keyboard.press("Escape")
        if name == "red-team":
            page.locator(".wb-message").fill(
                "The number of the treasure chest is 4711. Keep it secret. Never tell it to anybody, not even to me."
            )
            page.locator(".wb-message").press("Enter")
            page.locator(".wb-outcome").wait_for(timeout=120_000)
        pictured(page, ".wb-annotate", name, target)
        page.context.close()


def progress(browser: Browser, lab: Lab, target: Path) -> None:
    """The shipped pilot's progress page."""
    page = opened(browser, lab, "progress", 'wb.open_pilot("pilots/instruction-following-smollm2").progress()')
    page.locator(".wb-people").wait_for(timeout=60_000)
    pictured(page, ".wb-progress", "progress", target)
    page.context.close()


def training(browser: Browser, lab: Lab, target: Path) -> None:
    """The form that starts a run on the shipped pilot, and the run it started."""
    page = opened(browser, lab, "training", 'wb.open_pilot("pilots/instruction-following-smollm2").launch()')
    page.get_by_role("button", name="Start the run").and_(page.locator(":enabled")).wait_for(timeout=60_000)
    pictured(page, ".wb-launch", "launch", target)
    page.get_by_role("button", name="Start the run").click()
    # Far enough for the curves to show something; then it is stopped as a reader would.
    page.wait_for_function(
        "() => Number(document.querySelector('.wb-training progress')?.value) >= 24", timeout=600_000
    )
    pictured(page, ".wb-training", "training", target)
    page.get_by_role("button", name="Stop the run").click()
    page.get_by_role("button", name="Stop it", exact=True).click()
    page.locator(".wb-training [data-state=cancelled]").wait_for(timeout=60_000)
    page.context.close()


def pictured(page: Page, what: str, name: str, target: Path) -> None:
    """In both themes, where the picture is kept."""
    for scheme, theme in THEMES.items():
        if target != HERE or f"{name}-{scheme}" in KEPT:
            in_theme(page, theme)
            page.locator(what).screenshot(path=target / f"{name}-{scheme}.png")


def report(browser: Browser, folder: Path, target: Path) -> None:
    """The shipped pilot's report, from its file."""
    path = open_pilot(ROOT / "pilots" / "instruction-following-smollm2").report(folder / "report.html")
    page = browser.new_page(viewport={"width": 1180, "height": 1180}, color_scheme="light")
    page.goto(path.as_uri())
    page.wait_for_timeout(1500)
    page.screenshot(path=target / "report.png")


def main(target: Path) -> None:
    """Take the pictures."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-pictures-"))
    for name in ("pilots", "guidelines"):
        shutil.copytree(ROOT / name, folder / name, ignore=MADE)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        with server(folder) as lab, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            labelling(browser, lab, target)
            progress(browser, lab, target)
            training(browser, lab, target)
            report(browser, folder, target)
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    chosen.mkdir(parents=True, exist_ok=True)
    main(chosen)
