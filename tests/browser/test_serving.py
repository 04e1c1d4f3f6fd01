"""People at the labelling page that `workbench serve` shows: a real server, real kernels, real pages."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.serve import make
from tests.serve.server import Running, running
from workbench import serve
from workbench.pilot import open_pilot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

# Voilà's scripts are of an older JupyterLab than the extension of anywidget; both say so, and work together.
UNAVOIDABLE = ("Unsatisfied version", "No satisfying version")
WATCH = """
addEventListener("securitypolicyviolation", (one) => console.error(`CSP ${one.violatedDirective} ${one.blockedURI}`));
"""


class Person:
    """Somebody with a browser of their own, and what their browser asked and complained about."""

    def __init__(self, browser: Browser, server: Running, name: str, **options: Any) -> None:
        self.server = server
        self.name = name
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
        self.context.set_default_timeout(120_000)
        self.context.add_init_script(WATCH)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.complaints: list[str] = []
        self.stays = False
        self.n_stayed = 0
        self.context.on("request", lambda request: self.asked.append((request.url, request.headers)))
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._decide)
        return page

    def _decide(self, dialog: Any) -> None:
        """Asked whether to leave the page."""
        self.n_stayed += self.stays
        if self.stays:
            dialog.dismiss()
        else:
            dialog.accept()

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(UNAVOIDABLE):
            self.complaints.append(message.text)

    def open(self, link: str = "") -> None:
        """Open a link, or the page's plain address, and wait for the widget."""
        self.page.goto(link or self.server.url)
        self.wait()

    def wait(self) -> None:
        from playwright.sync_api import TimeoutError as TookTooLong

        try:
            self.page.locator(".wb-annotate").wait_for()
            self.page.wait_for_function("document.activeElement.matches('.wb-annotate')")
        except TookTooLong as error:
            said = [self.page.locator("body").inner_text(), self.complaints, self.server.said()[-2000:]]
            raise AssertionError(f"no widget: {said}") from error

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, part: str) -> str:
        return self.page.locator(f".wb-{part}").first.inner_text()

    def stands(self) -> list[str]:
        """Where they are, for the message of a test that fails."""
        return [self.name, self.text("place"), self.text("status"), self.page.locator("#told").inner_text()]

    def see(self, text: str, part: str = "status", within: float = 120) -> None:
        from playwright.sync_api import expect

        expect(self.page.locator(f".wb-{part}").first).to_contain_text(text, timeout=1000 * within)

    def told(self, text: str, within: float = 120) -> None:
        """Wait for the page's own message above the widget."""
        from playwright.sync_api import expect

        expect(self.page.locator("#told")).to_contain_text(text, timeout=1000 * within)


@pytest.fixture
def people(browser: Browser) -> Iterator[Callable[..., Person]]:
    """Let people come, each with a browser of their own."""
    with ExitStack() as made:

        def come(server: Running, name: str, *, link: str | None = None, **options: Any) -> Person:
            person = Person(browser, server, name, **options)
            made.callback(person.context.close)
            person.open(server.invite(name) if link is None else link)
            return person

        yield come


@contextmanager
def served(folder: Path, *arguments: str, **pilot: Any) -> Iterator[Running]:
    with running(make.pilot(folder / "small", **pilot), *arguments) as server:
        yield server
        said = server.said()
        assert "Traceback" not in said, said
        assert all(token not in said for token in server.tokens.values())


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server for the tests that need none of their own: everybody has all six items to themselves."""
    with served(tmp_path_factory.mktemp("house"), queue="planned", n=6) as server:
        yield server


def labels(server: Running, annotator: str = "") -> list[dict[str, Any]]:
    """What is on disk, of everybody or one, read with nothing of the workbench in between."""
    path = server.pilot.folder / "store.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT payload FROM events WHERE kind = 'label' ORDER BY seq").fetchall()
    return [one for (payload,) in rows if (one := json.loads(payload)) and annotator in ("", one["annotator"])]


def kernel(page: Page) -> str:
    return str(page.evaluate("document.body.dataset.kernelId"))


def test_somebody_labels_reloads_and_goes_on_another_day(tmp_path: Path, people: Callable[..., Person]) -> None:
    with served(tmp_path, queue="planned", n=8) as server:
        ana = people(server, "ana")
        ana.press("a", "b", "t")
        ana.see("All 3 answers saved")
        shown = [label["order"].index(label["responses"][0]) for label in labels(server)]
        given = [label["answer"]["choice"] for label in labels(server)]
        # "a" is the left one on the screen, which is A where the first response was shown first.
        assert given == ["BA"[shown[0] == 0], "AB"[shown[1] == 0], "tie"]
        ana.page.reload()
        ana.wait()
        ana.see("All 3 answers saved")
        assert ana.text("place") == "Item 4 of 8"
        ana.press("b")
        ana.see("All 4 answers saved")
        ana.page.close()
        # Another day, on another device, by the same link.
        later = people(server, "ana", link=f"{server.url}?token={server.tokens['ana']}")
        assert later.text("place") == "Item 5 of 8"
        later.press("a", "a", "a", "a")
        later.see("All 8 answers saved")
        assert later.text("place") == "Finished"
        written = labels(server)
        assert len({label["item"] for label in written}) == len({label["label_id"] for label in written}) == 8
        assert {(label["annotator"], label["source"], label["batch"]) for label in written} == {
            ("ana", "human", "own-ana")
        }
        assert ana.complaints == later.complaints == []


def test_four_people_share_an_open_batch_until_nothing_is_left(tmp_path: Path, people: Callable[..., Person]) -> None:
    with served(tmp_path, n=9, hold_minutes=0.2) as server:
        everybody = [people(server, name) for name in ("ana", "ben", "cho", "dov")]
        *stay, leaves = everybody
        leaves.press("a", "b")
        leaves.see("All 2 answers saved")
        leaves.page.close()  # while more is held for them
        until = time.monotonic() + 600
        while len(current := labels(server)) < 27:
            assert time.monotonic() < until, [one.stands() for one in stay] + [
                server.said(),
                server.pilot.store.holds("small", "b1"),
            ]
            for turn, person in enumerate(stay):
                if person.page.locator(".wb-item").count():
                    person.press("abt"[(turn + len(current)) % 3])
                person.page.wait_for_timeout(40)
        for person in stay:
            person.see("Finished", "place")
        written = labels(server)
        judges = defaultdict(list)
        for label in written:
            judges[label["item"]].append(label["annotator"])
        assert sorted(judges) == sorted(server.pilot.items)
        assert all(len(names) == len(set(names)) == 3 for names in judges.values()), judges
        assert Counter(label["annotator"] for label in written)["dov"] == 2
        assert len({label["label_id"] for label in written}) == 27
        for person in stay:
            person.page.reload()
            person.wait()
            person.see("Finished", "place")
            mine = Counter(label["annotator"] for label in written)[person.name]
            person.see(f"All {mine} answers saved")
        assert [person.complaints for person in everybody] == [[], [], [], []]


def test_without_a_good_link_there_is_a_plain_page(house: Running, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    for address, status, words in (
        (house.url, 401, "You need your personal link"),
        (f"{house.url}?token=nonsense", 403, "This link does not open the page"),
        (f"{house.url}lab/tree/pilot.toml", 401, "You need your personal link"),
    ):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == status
        assert page.locator("h1").inner_text() == words
    context.close()


def test_revoked_while_the_page_is_open(house: Running, people: Callable[..., Person]) -> None:
    rex = people(house, "rex")
    rex.press("a")
    rex.see("1 answer saved")
    serve.revoke(house.pilot, "rex")
    rex.told("Your link has ended")
    rex.press("b")
    rex.see("1 NOT SAVED")
    assert len(labels(house, "rex")) == 1
    answer = rex.page.goto(house.url)
    assert answer is not None
    assert answer.status == 403
    assert rex.page.locator("h1").inner_text() == "This link does not open the page"
    # Invited again, what waited in the browser arrives.
    rex.open(house.invite("rex"))
    rex.see("All 2 answers saved")
    assert len(labels(house, "rex")) == 2


def test_nobody_reaches_another_persons_kernel_from_their_page(house: Running, people: Callable[..., Person]) -> None:
    ana, ben = people(house, "ana"), people(house, "ben")
    theirs = kernel(ben.page)
    assert kernel(ana.page) != theirs
    tried = ana.page.evaluate(
        """async (kernel) => {
          const status = async (path, method = "GET") => (await fetch(path, { method })).status;
          const socket = new WebSocket(`ws://${location.host}/api/kernels/${kernel}/channels`);
          const opened = await new Promise((done) => {
            socket.onopen = () => done(true);
            socket.onclose = () => done(false);
          });
          return [opened, await status(`/api/kernels/${kernel}`), await status(`/api/kernels/${kernel}`, "DELETE"),
            await status(`/voila/api/shutdown/${kernel}`, "POST"), await status("/api/kernels"),
            await status("/api/contents"), await status("/voila/files/store.sqlite")];
        }""",
        theirs,
    )
    assert tried == [False, 404, 404, 404, 404, 404, 404]
    ben.press("a")
    ben.see("1 answer saved")


def test_a_page_loads_nothing_from_elsewhere_and_keeps_no_token(house: Running, people: Callable[..., Person]) -> None:
    eve = people(house, "eve")
    eve.press("a", "r")
    eve.page.keyboard.type("because")
    eve.press("Escape", "?", "Escape", "g", "g", "m", "m")
    eve.see("1 answer saved")
    eve.page.reload()
    eve.wait()
    token = house.tokens["eve"]
    assert [url for url, _ in eve.asked if not url.startswith((house.url, f"blob:{house.url}", "data:"))] == []
    assert [url for url, _ in eve.asked if token in url] == [f"{house.url}?token={token}"]
    assert not [headers for _, headers in eve.asked if headers.get("referer")]
    assert eve.page.url == house.url
    assert token not in eve.page.content()
    kept = eve.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, history.length])")
    assert token not in kept
    assert json.loads(kept)[2] == "", "no script can read a cookie"
    cookies = eve.context.cookies()
    assert [(one["httpOnly"], one["sameSite"]) for one in cookies] == [(True, "Lax")]
    assert token not in cookies[0]["value"]
    eve.page.go_back()
    assert eve.page.url == "about:blank", "the link is not in the history"
    assert eve.complaints == []


def test_killed_and_started_again_everything_arrives_exactly_once(
    tmp_path: Path, people: Callable[..., Person]
) -> None:
    with served(tmp_path, n=8) as server:
        ana = people(server, "ana")
        ana.press("a", "b")
        ana.see("All 2 answers saved")
        server.kill()
        ana.press("t", "a", "b")
        ana.see("2 saved · 3 NOT SAVED")
        ana.told("has lost its connection to the server")
        assert len(labels(server)) == 2
        server.start()
        ana.page.locator("#told button").click()
        ana.wait()
        ana.see("All 5 answers saved")
        ana.press("t")
        ana.see("All 6 answers saved")
        written = labels(server)
        assert [label["answer"]["choice"] == "tie" for label in written] == [False, False, True, False, False, True]
        assert len({label["label_id"] for label in written}) == len({label["item"] for label in written}) == 6


def test_who_is_asked_whether_to_leave_and_stays_goes_on(house: Running, people: Callable[..., Person]) -> None:
    kim = people(house, "kim")
    process = house.process_of(kernel(kim.page))
    os.kill(process, signal.SIGSTOP)
    try:
        kim.press("a")
        kim.see("1 NOT SAVED")
        kim.stays = True
        kim.page.evaluate("() => { setTimeout(() => location.reload()); }")
        for _ in range(100):
            kim.page.wait_for_timeout(100)
            if kim.n_stayed:
                break
        assert kim.n_stayed
    finally:
        os.kill(process, signal.SIGCONT)
    kim.see("1 answer saved")
    kim.press("b")
    kim.see("All 2 answers saved")


def test_an_unused_page_ends_and_says_so_and_a_click_goes_on(tmp_path: Path, people: Callable[..., Person]) -> None:
    with served(tmp_path, "--idle-minutes", "0.7", n=4) as server:
        ana = people(server, "ana")
        ana.press("a")
        ana.see("1 answer saved")
        ana.told("nothing happened for a while", within=180)
        ana.press("b")
        ana.see("1 NOT SAVED")
        ana.page.locator("#told button").click()
        ana.wait()
        ana.see("All 2 answers saved")
        assert ana.page.locator("#told").is_hidden()


@pytest.mark.postgres
def test_two_machines_share_one_batch_in_postgresql(
    tmp_path: Path, people: Callable[..., Person], postgres_server: str
) -> None:
    import psycopg

    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE two_machines")
    storage = f"{postgres_server.replace('postgresql://', 'postgresql+psycopg://')}/two_machines"
    password = storage.partition("workbench:")[2].partition("@")[0]
    pilots = [open_pilot(make.pilot(tmp_path / name / "small", n=4).folder, storage) for name in ("here", "there")]
    with (
        running(pilots[0], WORKBENCH_STORAGE=storage) as here,
        running(pilots[1], WORKBENCH_STORAGE=storage) as there,
    ):
        ana, ben, cho = people(here, "ana"), people(there, "ben"), people(there, "cho")
        for _ in range(4):
            for person in (ana, ben, cho):
                person.page.locator(".wb-item").wait_for()
                person.press("a")
        for person in (ana, ben, cho):
            person.see("All 4 answers saved")
            person.see("Finished", "place")
        judges = Counter((label.item, label.annotator) for label in pilots[0].label_records())
        assert len(judges) == sum(judges.values()) == 12
        serve.revoke(pilots[1], "ana")
        ana.told("Your link has ended")
        for server in (here, there):
            assert password not in server.said()
            for pid in (server.process.pid, *server.children()):
                with suppress(OSError):  # a kernel that has ended meanwhile
                    assert password not in Path(f"/proc/{pid}/cmdline").read_text()
    for pilot in pilots:
        pilot.store.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_light_or_dark_as_the_system_is(house: Running, people: Callable[..., Person], scheme: str) -> None:
    lee = people(house, scheme, color_scheme=scheme)
    colours = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    for part in (lee.page.locator("body"), lee.page.locator(".wb-frame")):
        background, ink = (sum(map(float, re.findall(r"[\d.]+", one)[:3])) for one in part.evaluate(colours))
        assert (background < ink) is (scheme == "dark"), (background, ink)
    assert lee.page.title() == "Small <b>pilot</b>"
    assert lee.page.locator("#opening").count() == 0
