"""The report as a reader opens it: a file, no network, a real Chromium."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.chromium import chromium
from tests.report.example import summary
from tests.report.hostile import poison
from tests.xss import PAYLOADS
from workbench.report import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
FIGURES = 7


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(summary(), tmp_path_factory.mktemp("report") / "report.html")


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """The file in a fresh offline context, and everything that went wrong or left the file."""
    context = browser.new_context(offline=True, **options)
    trouble: list[str] = []

    def refuse(route: Any) -> None:
        if route.request.url == path.as_uri():
            route.continue_()
        else:
            trouble.append(f"network {route.request.url[:200]}")
            route.abort()

    def refuse_dialog(dialog: Any) -> None:
        trouble.append("dialog")
        dialog.dismiss()

    context.route("**/*", refuse)
    context.on("request", lambda r: None if r.url == path.as_uri() else trouble.append(f"request {r.url[:200]}"))
    page = context.new_page()
    page.on("console", lambda message: trouble.append(f"console {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error {error}"))
    page.on("dialog", refuse_dialog)
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', (e) => console.log('CSP', e.violatedDirective));"
    )
    page.goto(path.as_uri(), wait_until="load")
    try:
        yield page, trouble
    finally:
        context.close()


def test_it_opens_offline_without_a_word_and_draws_every_figure(browser: Browser, path: Path, tmp_path: Path) -> None:
    with opened(browser, path, viewport={"width": 1280, "height": 900}) as (page, trouble):
        assert page.locator("figure .js-plotly-plot").count() == FIGURES
        assert page.locator("figure .js-plotly-plot .main-svg").count() >= FIGURES
        for place in range(FIGURES):
            box = page.locator("figure .plot .main-svg").nth(place * 3).bounding_box()
            assert box
            assert box["width"] > 300
            assert box["height"] > 100
        # Marks of the forest plot, squares of the pairs, bars of the votes: not only empty axes.
        assert page.locator("figure:has([data-figure=forest]) .errorbar").count() == 5
        assert page.locator("figure:has([data-figure=pairs]) path.point").count() == 15
        assert page.locator("figure:has([data-figure=votes]) .point path").count() >= 16
        assert "undefined: no variation" in page.locator("figure:has([data-figure=forest])").inner_text()
        page.screenshot(path=tmp_path / "report.png", full_page=True)
        assert trouble == []


def test_hostile_texts_run_nothing_and_load_nothing(browser: Browser, tmp_path: Path) -> None:
    trap = "\n\n".join((*PAYLOADS, "</script><script>window.pwned=1</script>", "{{ 7 * 7 }}"))
    hostile = write(poison(summary(), trap), tmp_path / "hostile.html")
    with opened(browser, hostile) as (page, trouble):
        for details in page.locator("details").all():
            details.evaluate("element => element.open = true")
        page.wait_for_timeout(300)
        assert page.evaluate("window.pwned") is None
        assert page.locator("figure .js-plotly-plot").count() == FIGURES
        assert page.locator("figure svg a").count() == 0
        assert page.locator("main img, main iframe, main form, main object, main video, main [onerror]").count() == 0
        assert trouble == []


def test_the_policy_stops_a_script_that_was_let_in(browser: Browser, path: Path, tmp_path: Path) -> None:
    """The second fence, should the first ever fall."""
    html = path.read_text(encoding="utf-8")
    breached = tmp_path / "breached.html"
    attack = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1><img src=http://evil.invalid/p.png>"
    breached.write_text(html.replace("<main", f"{attack}<main", 1), encoding="utf-8")
    with opened(browser, breached) as (page, trouble):
        stopped: set[str] = set()
        for _ in range(50):
            page.wait_for_timeout(200)
            stopped = {line.split()[-1] for line in trouble if line.startswith("console CSP")}
            if len(stopped) > 1:
                break
        assert page.evaluate("window.pwned") is None
        assert stopped >= {"script-src-elem", "img-src"}
        # The browser names what it wanted to ask for; nothing came as far as the network.
        assert "request http://evil.invalid/p.png" in trouble
        assert not [line for line in trouble if line.startswith("network")]


def test_without_javascript_every_number_is_still_there(browser: Browser, path: Path) -> None:
    with opened(browser, path, java_script_enabled=False) as (page, trouble):
        assert page.locator("figure:visible").count() == 0
        assert page.get_by_role("table", name="Agreement between annotators").is_visible()
        assert page.get_by_role("cell", name="0.548 to 0.671").count() == 1
        assert trouble == []


@pytest.mark.parametrize("width", [380, 800, 1280])
def test_the_page_never_scrolls_sideways(browser: Browser, path: Path, width: int) -> None:
    with opened(browser, path, viewport={"width": width, "height": 900}) as (page, _):
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_figures_stay_on_white_in_the_dark_and_text_keeps_its_contrast(browser: Browser, path: Path) -> None:
    with opened(browser, path, color_scheme="dark") as (page, _):
        colour = "element => getComputedStyle(element).backgroundColor"
        assert page.locator("figure.chart").first.evaluate(colour) == "rgb(255, 255, 255)"
        assert page.locator("body").evaluate(colour) == "rgb(20, 23, 26)"
        for selector in (".lead", ".badge.high", ".badge.pass", ".badge.fail", ".banner", "nav a", ".quiet"):
            assert page.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector
    with opened(browser, path, color_scheme="light") as (page, _):
        for selector in (".lead", ".badge.high", ".badge.medium", ".badge.pass", ".banner", "nav a", ".quiet"):
            assert page.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector


def test_printing_opens_what_is_folded_and_folds_it_again(browser: Browser, path: Path) -> None:
    with opened(browser, path) as (page, trouble):
        closed = page.locator("details:not([open])").count()
        assert closed > 8
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert page.locator("details:not([open])").count() == closed
        assert page.pdf(format="A4").startswith(b"%PDF")
        assert trouble == []


# WCAG contrast of an element's text against the nearest background that is painted.
CONTRAST = """element => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = element;
  while (parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(parse).map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
