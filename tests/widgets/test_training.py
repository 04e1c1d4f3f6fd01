"""The run page's Python half: what it reads and says, how it is stopped, and that its thread ends."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.widgets.runs import HOSTILE, folder, row, rows
from tests.widgets.test_progress import until
from workbench import widgets
from workbench.errors import TrainingError
from workbench.training.runfiles import Status, append_jsonl, read_status, write_status
from workbench.training.runs import Run
from workbench.widgets.training import TrainingWidget

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


class Heard(TrainingWidget):
    """Keeps what it would send."""

    def __init__(self, run: Any, **options: Any) -> None:
        self.said: list[dict[str, Any]] = []
        super().__init__(run, **options)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.said.append(json.loads(json.dumps(content, allow_nan=False)))

    def steps(self) -> list[int]:
        return [point[0] for message in self.said if message["type"] == "points" for point in message["points"]]


def change(path: Path, **changes: Any) -> None:
    write_status(path, read_status(path).model_copy(update=changes))


def test_everything_is_there_from_the_start_and_then_only_what_is_new(tmp_path: Path) -> None:
    path = folder(tmp_path / "run", n=40)
    shown = Heard(Run(path))
    assert (shown.shown["state"], shown.shown["step"], shown.shown["steps"]) == ("running", 40, 100)
    assert shown.shown["latest"]["eval_loss"] == pytest.approx(row(40, 100, held_out=True)["eval_loss"])
    assert shown.log.endswith("step 1")
    state = shown.get_state()
    assert len(state["history"]["points"]) == 40, "a page that opens is given all of it"
    shown.said.clear()
    shown.refresh()
    assert shown.said == []
    append_jsonl(path / "metrics.jsonl", [row(41, 100), row(42, 100)])
    change(path, step=42)
    shown.refresh()
    assert shown.steps() == [41, 42]
    assert shown.shown["step"] == 42
    shown._handle({"type": "watching", "epoch": shown._history.epoch, "have": 42})
    assert shown.steps() == [41, 42, 42]
    shown._handle({"type": "watching", "epoch": "of an earlier kernel", "have": 7})
    assert shown.steps()[3:] == list(range(1, 43))


def test_a_heartbeat_alone_is_no_news(tmp_path: Path) -> None:
    path = folder(tmp_path / "run")
    shown = Heard(Run(path))
    seen: list[Any] = []
    shown.observe(seen.append, "shown")
    change(path, heartbeat=time.time())
    shown.refresh()
    assert seen == []


def test_a_second_widget_shows_the_same(tmp_path: Path) -> None:
    run = Run(folder(tmp_path / "run"))
    one, other = Heard(run), Heard(run)
    assert {**one.shown, "at": ""} == {**other.shown, "at": ""}
    assert one.get_state()["history"]["points"] == other.get_state()["history"]["points"]


def test_10000_steps_are_read_quickly_and_sent_small(tmp_path: Path) -> None:
    path = folder(tmp_path / "run", n=0, steps=10_000)
    append_jsonl(path / "metrics.jsonl", rows(10_000))
    before = time.process_time()
    shown = Heard(Run(path))
    assert time.process_time() - before < 5, "0.2 s on an idle machine"
    assert len(json.dumps(shown.get_state()["history"])) < 80_000
    append_jsonl(path / "metrics.jsonl", [row(10_001, 10_002)])
    shown.said.clear()
    before = time.process_time()
    shown.refresh()
    assert time.process_time() - before < 2, "a millisecond on an idle machine"
    assert len(json.dumps(shown.said)) < 1_000


def test_a_dead_process_is_shown_as_failed(tmp_path: Path) -> None:
    path = folder(tmp_path / "run", pid_started="another time")
    shown = Heard(Run(path))
    assert shown.shown["state"] == "failed"
    assert shown.shown["reason"].startswith("process died")
    assert "failed, step 40 of 100: process died" in repr(shown)


def test_a_folder_that_went_away_is_said_and_what_was_known_stays(tmp_path: Path) -> None:
    path = folder(tmp_path / "run")
    shown = Heard(Run(path))
    (path / "status.json").rename(tmp_path / "kept")
    shown.refresh()
    assert "not a run folder" in shown.trouble
    assert shown.shown["step"] == 40
    (tmp_path / "kept").rename(path / "status.json")
    shown.refresh()
    assert shown.trouble == ""
    nothing = Heard(Run(tmp_path / "nowhere"))
    assert "could not be read" in repr(nothing)
    assert "not a run folder" in nothing._static_html()


def test_it_follows_while_somebody_looks_and_stops_when_closed(tmp_path: Path) -> None:
    path = folder(tmp_path / "run")
    shown = Heard(Run(path), every_s=0.02)
    change(path, step=41)
    time.sleep(0.1)
    assert shown.shown["step"] == 40, "nobody looks"
    shown._handle({"type": "watching"})
    until(lambda: shown.shown["step"] == 41)
    change(path, step=42, state="done", ended=time.time())
    until(lambda: shown.shown["state"] == "done")
    thread = shown._thread
    assert thread is not None
    shown.close()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_forgotten_widget_ends_its_thread(tmp_path: Path) -> None:
    shown = Heard(Run(folder(tmp_path / "run")), every_s=0.02)
    shown._handle({"type": "watching"})
    thread = shown._thread
    assert thread is not None
    from ipywidgets import Widget

    Widget.close_all()
    del shown
    gc.collect()
    thread.join(timeout=10)
    assert not thread.is_alive()


class Slow(Run):
    """A run that takes its time to stop."""

    cancelled: list[float] = []
    may_end = threading.Event()
    trouble = ""

    def cancel(self, *, patience_s: float = 20.0) -> Status:
        self.cancelled.append(patience_s)
        self.may_end.wait(60)
        if self.trouble:
            raise TrainingError(self.trouble, where=str(self.path))
        change(self.path, state="cancelled", ended=time.time())
        return self.status()


@pytest.fixture
def slow(tmp_path: Path) -> Callable[[str], Slow]:
    def make(trouble: str = "") -> Slow:
        Slow.cancelled, Slow.may_end, Slow.trouble = [], threading.Event(), trouble
        return Slow(folder(tmp_path / "run"))

    return make


def test_stopping_does_not_wait_and_is_asked_once(slow: Callable[..., Slow]) -> None:
    shown = Heard(slow())
    before = time.monotonic()
    shown._handle({"type": "cancel"})
    shown._handle({"type": "cancel"})
    assert time.monotonic() - before < 10, "its end is not waited for"
    assert shown.shown["cancelling"], "every viewer sees that it is being stopped"
    shown.refresh()
    assert shown.shown["cancelling"]
    Slow.may_end.set()
    until(lambda: shown.shown["state"] == "cancelled")
    assert not shown.shown["cancelling"]
    shown._handle({"type": "cancel"})
    time.sleep(0.05)
    assert len(Slow.cancelled) == 1


def test_a_run_that_cannot_be_stopped_says_so(slow: Callable[..., Slow]) -> None:
    shown = Heard(slow("the run belongs to another host"))
    Slow.may_end.set()
    shown._handle({"type": "cancel"})
    until(lambda: "another host" in shown.trouble)
    assert shown.shown["state"] == "running"
    assert not shown.shown["cancelling"]


def test_it_stops_a_real_process(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    command = [sys.executable, "-m", "tests.widgets.runs", str(path), "1000", "0.02"]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        until(lambda: (path / "status.json").exists() and read_status(path).step > 3, seconds=30)
        shown = Heard(Run(path))
        shown._handle({"type": "cancel"})
        process.wait(timeout=20)
        until(lambda: shown.shown["state"] == "cancelled")
    finally:
        process.kill()
        process.wait()


def test_text_of_the_process_is_text(tmp_path: Path) -> None:
    path = folder(tmp_path / "run", "failed", reason=f"ValueError: {HOSTILE}\nsecond line", notes=(HOSTILE,))
    (path / "log.txt").write_bytes(f"{HOSTILE}\r\n".encode() * 3 + b"\xff\x00\x07 end\n")
    shown = Heard(Run(path))
    assert "\x1b" not in json.dumps(shown.get_state(["shown", "log"]), ensure_ascii=False)
    assert shown.shown["reason"] == "ValueError: <img src=x onerror=alert(1)> $x$ red second line"
    bundle, _ = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "<img" not in bundle["text/html"]
    assert bundle["text/html"].startswith('<div class="mathjax_ignore">')
    for words in ("failed, step 40 of 100: ValueError", "<details>", "last held out", "accuracy", "end</pre>"):
        assert words in bundle["text/html"], words


def test_a_log_of_any_length_is_a_tail(tmp_path: Path) -> None:
    path = folder(tmp_path / "run")
    (path / "log.txt").write_text("x" * 1_000_000 + "\n" + "last\n")
    assert len(Heard(Run(path)).log) <= 8_000


def test_a_notebook_calls_it_by_its_name(tmp_path: Path) -> None:
    assert isinstance(widgets.training(Run(folder(tmp_path / "run"))), TrainingWidget)
