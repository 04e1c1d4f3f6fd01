"""A real Chromium, and a page that shows a widget whose messages go to its real Python half."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import following
from tests.browser.lab import Lab, server
from tests.browser.node import packages
from tests.chromium import chromium
from tests.widgets.make import Keeper, widget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from workbench.widgets import AnnotateWidget

FOLLOWING = ("training", "launch")
WIDGETS = Path(__file__).parents[2] / "workbench" / "widgets" / "static"
# The page knows the model's four calls and nothing of Jupyter; what it sends is answered by `Bench.handle`.
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>bench</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/annotate.css">
<body><div id="one"></div><div id="two"></div><script type="module">
import annotate, { safeFragment } from "/annotate.js";
const state = JSON.parse(await window.pythonState());
const listeners = new Set();
const model = {
  get: (name) => structuredClone(state[name]),
  send: (content) => void window.pythonHandle(JSON.stringify(content)).then((reply) => {
    if (reply) for (const listener of [...listeners]) listener(JSON.parse(reply));
  }),
  on: (event, listener) => event === "msg:custom" && listeners.add(listener),
  off: (event, listener) => event === "msg:custom" && listeners.delete(listener),
};
setInterval(async () => {
  for (const text of await window.pythonSaid()) for (const listener of [...listeners]) listener(JSON.parse(text));
}, 100);
window.show = (id) => annotate.render({ model, el: document.getElementById(id) });
window.cleanUp = window.show("one");
window.safeFragment = safeFragment;
window.ready = true;
</script></body></html>"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium with a fresh profile."""
    # Not for the whole session: while it runs, Playwright keeps an event loop that notebook tests would trip over.
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The folder with the packages of package.json."""
    return packages()


@pytest.fixture(scope="package")
def site() -> Iterator[str]:
    """A server on 127.0.0.1 with the widgets' own files, the page above and those of `following`."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/page/")
            if self.path == "/page":
                page = PAGE
            elif name in FOLLOWING and name != self.path:
                page = following.PAGE.replace("NAME", name)
            else:
                super().do_GET()
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(WIDGETS)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab server of our own; its folder is shared by the tests."""
    with server(tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture
def profile(browser: Browser, lab: Lab) -> Iterator[Callable[[], BrowserContext]]:
    """Make fresh profiles for JupyterLab; no page in them may ask anything of another machine."""
    made: list[BrowserContext] = []
    asked: list[str] = []

    def start() -> BrowserContext:
        made.append(browser.new_context(viewport={"width": 1400, "height": 900}))
        made[-1].set_default_timeout(60_000)
        made[-1].set_default_navigation_timeout(120_000)
        made[-1].on("request", lambda request: asked.append(request.url))
        return made[-1]

    yield start
    for one in made:
        one.close()
    outside = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert outside == []


@pytest.fixture
def context(profile: Callable[[], BrowserContext]) -> BrowserContext:
    """A fresh profile for JupyterLab."""
    return profile()


class Bench:
    """A widget in a page, with what happened around it: messages, requests, dialogs, errors."""

    def __init__(
        self,
        context: BrowserContext,
        site: str,
        shown: AnnotateWidget,
        keeper: Keeper,
        *,
        live: bool = False,
        alive: bool = True,
    ) -> None:
        self._said: list[str] = []
        if live:  # messages that Python sends on its own, from whichever thread, are fetched by the page
            shown.send = lambda content: self._said.append(json.dumps(content))
        self.site = site
        self.widget = shown
        self.keeper = keeper
        self.alive = alive
        self.sent: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        self.contexts: list[BrowserContext] = []
        self.page = self.open(context)

    def state(self) -> str:
        return json.dumps(self.widget.get_state(["settings", "start"]))

    def handle(self, content: str) -> str | None:
        self.sent.append(json.loads(content))
        reply = self.widget._reply(self.sent[-1]) if self.alive else None
        return None if reply is None else json.dumps(reply)

    def said(self) -> list[str]:
        said, self._said = self._said, []
        return said

    def open(self, context: BrowserContext) -> Page:
        """A page on the widget in a profile that has none yet, with the keys bound to it."""
        self.contexts.append(context)
        context.set_default_timeout(15_000)
        context.expose_function("pythonState", self.state)
        context.expose_function("pythonHandle", self.handle)
        context.expose_function("pythonSaid", self.said)
        page = context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._accept)
        page.goto(f"{self.site}/page")
        self.wait(page)
        return page

    def _accept(self, dialog: Any) -> None:
        self.dialogs.append(dialog.type)
        dialog.accept()

    def wait(self, page: Page) -> None:
        page.wait_for_function("window.ready")
        page.locator(".wb-annotate").first.focus()

    def reload(self) -> None:
        self.page.reload()
        self.wait(self.page)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, part: str) -> str:
        return self.page.locator(f".wb-{part}").first.inner_text()

    @property
    def answers(self) -> list[dict[str, Any]]:
        """Answers in the order they were first sent; on a busy machine the page sends them again."""
        return [*{one["uuid"]: one for one in reversed(self.sent) if one["type"] == "answer"}.values()][::-1]

    @property
    def outside(self) -> list[str]:
        """Requests to anywhere but this server."""
        return [url for url in self.requests if not url.startswith((f"{self.site}/", "data:,"))]


@pytest.fixture
def bench(browser: Browser, site: str) -> Iterator[Callable[..., Bench]]:
    """Show a widget; the arguments are those of `tests.widgets.make.widget`. No test may leave an error in a page."""
    made: list[Bench] = []

    def show(n: int = 6, *, live: bool = False, alive: bool = True, **changes: Any) -> Bench:
        context = browser.new_context(viewport={"width": 1200, "height": 800})
        made.append(Bench(context, site, *widget(n, **changes), live=live, alive=alive))
        return made[-1]

    yield show
    for one in made:
        for context in one.contexts:
            context.close()
        assert one.errors == []
        assert one.outside == []
