"""A training run while it goes on, and after: how it stands, its curves, its log, and a way to stop it.

Everything is read from the run's folder by a thread of its own, so a closed page, a restarted kernel or a second viewer
loses nothing, and a cell that keeps the kernel busy does not stop the view. Nothing here knows a trainer.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
import time
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import traitlets

from workbench.errors import WorkbenchError
from workbench.safe_html import escape, well_formed
from workbench.widgets.history import CHARTED, History, Tail, number
from workbench.widgets.page import STATIC, PageWidget

if TYPE_CHECKING:
    from pathlib import Path

# A page that has said nothing for so long is closed or hidden.
WATCHED_S = 45
# A page that hears nothing takes the kernel for gone; between changes it hears that somebody is there.
HERE_S = 3.0
ENDED = ("done", "failed", "cancelled")
LOG_LINES, LOG_CHARACTERS = 40, 8_000
_FACTS = ("step", "steps", "epoch", "seconds", "eta_s", "memory_mb", "tokens_per_s", "learning_rate")
_SHOWN = (*_FACTS, *CHARTED, *(f"eval_{name}" for name in CHARTED))
# Colours and cursor movements that programs print for terminals, and other characters nobody can read.
_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_log = logging.getLogger(__name__)


class Standing(Protocol):
    """Where a run stands; times are seconds since the epoch. `workbench.training.runfiles.Status` is one."""

    @property
    def state(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def started(self) -> float | None: ...
    @property
    def ended(self) -> float | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Followed(Protocol):
    """A run that can be followed; `workbench.training.runs.Run` is one."""

    @property
    def path(self) -> Path: ...
    def status(self) -> Standing: ...
    def cancel(self) -> object: ...
    def log_tail(self, lines: int = 20) -> str: ...


class TrainingWidget(PageWidget):
    """The page of a run; made by `follow_run`.

    Traits
    ------
    shown
        The run's state, step, latest numbers and remarks.
    log
        The last lines its process printed.
    history
        The points of its curves. Given whole to a page that opens; an open page gets what is new as messages.
    trouble
        Why the page is not up to date, in one line; empty when it is.
    """

    _esm = STATIC / "training.js"
    _css = STATIC / "training.css"
    shown = traitlets.Dict().tag(sync=True)
    log = traitlets.Unicode().tag(sync=True)
    history = traitlets.Dict().tag(sync=True, to_json=lambda _value, widget: widget._history.message())
    trouble = traitlets.Unicode().tag(sync=True)

    def __init__(self, run: Followed | None, *, every_s: float = 0.5) -> None:
        self._every_s = every_s
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._watched_at = 0.0
        self._said_at = 0.0
        self._cancelling = False
        self._thread: threading.Thread | None = None
        self._history = History()
        self._run: Followed | None = None
        super().__init__()
        if run is not None:
            self._take(run)
        self.on_msg(lambda _widget, content, _buffers: self._handle(content))

    @property
    def run(self) -> Followed | None:
        """The run that is shown."""
        return self._run

    def refresh(self) -> None:
        """Read what is new in the run's folder and show it. What goes wrong is shown on the page."""
        with self._lock:
            if self._run is None:
                return
            try:
                self._read(self._run)
            except Exception as error:  # noqa: BLE001 - the page goes on with what it has, and says so
                self.trouble = one_line(error)
            news = self._history.news()
            if news is not None:
                self._say({"type": "points", **news})

    def ask_to_cancel(self) -> None:
        """Stop the run, in a thread: the process may take a while to end, and the kernel is not kept waiting."""
        with self._lock:
            if self._run is None or self._cancelling or self.shown.get("state") in ENDED:
                return
            self._cancelling = True
            self.shown = {**self.shown, "cancelling": True}
        threading.Thread(target=self._cancel, args=(self._run,), daemon=True).start()

    def close(self) -> None:
        """Stop following, and close the widget. The run goes on."""
        self._stopped.set()
        self._wake.set()
        super().close()

    def _take(self, run: Followed) -> None:
        """Follow this run from now on."""
        with self._lock:
            self._run = run
            self._metrics = Tail(run.path / "metrics.jsonl")
            self._log_seen: tuple[int, int] | None = None
            self._latest: dict[str, float] = {}
            self.refresh()
        if type(self.comm).__name__ != "DummyComm":  # a kernel: the page may be followed before it can say so
            self._watched_at = time.monotonic()
            self._follow()

    def _read(self, run: Followed) -> None:
        status = run.status()  # before the measurements: what a run wrote last is there once it says that it is over
        rows, anew = self._metrics.read()
        if anew:
            self._history.clear()
            self._latest.clear()
        self._history.add(rows)
        for row in rows:
            found = {name: number(row.get(name)) for name in _SHOWN}
            self._latest |= {name: value for name, value in found.items() if value is not None}
        log = run.path / "log.txt"
        with contextlib.suppress(FileNotFoundError):
            seen = (log.stat().st_size, log.stat().st_mtime_ns)
            if seen != self._log_seen:
                self._log_seen = seen
                self.log = readable(run.log_tail(LOG_LINES))[-LOG_CHARACTERS:]
        told = self._told(run, status)
        if {**told, "at": ""} != {**self.shown, "at": ""}:
            self.shown = told
        self.trouble = ""

    def _told(self, run: Followed, status: Standing) -> dict[str, Any]:
        notes = [readable(note) for note in status.notes]
        if self._metrics.unreadable:
            notes.append(f"{self._metrics.unreadable} lines of metrics.jsonl are no JSON objects and were passed over")
        return {
            "name": readable(run.path.name),
            "state": status.state,
            "phase": readable(status.phase),
            "step": status.step,
            "steps": status.steps,
            "started": status.started,
            "ended": status.ended,
            "reason": " ".join(readable(status.reason).split()),
            "notes": notes,
            "latest": dict(self._latest),
            "cancelling": self._cancelling and status.state not in ENDED,
            "at": datetime.now(UTC).isoformat(),
        }

    def _cancel(self, run: Followed) -> None:
        trouble = ""
        try:
            run.cancel()
        except Exception as error:  # noqa: BLE001 - said on the page, beside the button
            trouble = f"the run could not be stopped: {one_line(error)}"
        with self._lock:
            self._cancelling = False
            self.refresh()
            if trouble:
                self.trouble = trouble

    def _handle(self, content: dict[str, Any]) -> None:
        kind = content.get("type")
        if kind == "watching":
            self._watched_at = time.monotonic()
            if self._run is not None:
                self._follow()
                self._wake.set()
            with self._lock:
                self._say({"type": "points", **self._history.message(content.get("epoch"), content.get("have"))})
        elif kind == "cancel":
            self.ask_to_cancel()

    def _follow(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=_keep_up, args=(weakref.ref(self), self._wake), daemon=True)
            self._thread.start()

    def _say(self, message: dict[str, Any]) -> None:
        self._said_at = time.monotonic()
        self.send(message)

    def _tick(self) -> None:
        if time.monotonic() - self._watched_at < WATCHED_S:
            self.refresh()
            if time.monotonic() - self._said_at > HERE_S:
                self._say({"type": "here"})

    def _lines(self) -> list[str]:
        if not self.shown:
            return [f"The run could not be read: {self.trouble}" if self.trouble else "No run has been started."]
        shown = self.shown
        place = f", {shown['phase']}" if shown["state"] == "running" and shown["phase"] else ""
        steps = f", step {shown['step']} of {shown['steps']}" if shown["steps"] else ""
        reason = f": {shown['reason']}" if shown["reason"] else ""
        return [f"run {shown['name']}: {shown['state']}{place}{steps}{reason}", *shown["notes"]]

    def _cells(self) -> list[tuple[str, str, str]]:
        latest = self.shown.get("latest", {})
        said = {name: f"{value:.4g}" for name, value in latest.items()}
        names = [name for name in CHARTED if name in latest or f"eval_{name}" in latest]
        return [(name, said.get(name, "–"), said.get(f"eval_{name}", "–")) for name in names]

    def __repr__(self) -> str:
        numbers = [f"  {name}: {value}, held out {held_out}" for name, value, held_out in self._cells()]
        return "\n".join([*self._lines(), *numbers])

    def _static_html(self) -> str:
        text = "".join(f"<p>{escape(line)}</p>" for line in self._lines())
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>" for cells in self._cells()
        )
        head = "<tr><th>measure</th><th>last in training</th><th>last held out</th></tr>"
        table = f"<table>{head}{rows}</table>" if rows else ""
        failed = self.shown.get("state") == "failed" and self.log
        log = f"<details><summary>last lines of the log</summary><pre>{escape(self.log)}</pre></details>"
        # The class keeps JupyterLab from setting what stands between two dollar signs as a formula.
        return f'<div class="mathjax_ignore">{text}{table}{log if failed else ""}</div>'


def follow_run(run: Followed, *, every_s: float = 0.5) -> TrainingWidget:
    """A page that shows a run and follows it, with a button that stops it.

    Parameters
    ----------
    run
        For example what `Pilot.train` or `training.jobs.start` returned, or `training.runs.Run(folder)`.
    every_s
        How often its folder is looked at while the page is open, in seconds.

    Returns
    -------
    TrainingWidget
        Show it as the last line of a cell. Without a kernel it is a table of the moment it was made.
    """
    return TrainingWidget(run, every_s=every_s)


def readable(text: str) -> str:
    """Text that a process printed, without what only a terminal understands."""
    return well_formed(_TERMINAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def one_line(error: Exception) -> str:
    """What went wrong, for a page; an error that is none of ours is logged with its trace."""
    if isinstance(error, WorkbenchError):
        said = str(error)
    else:
        _log.error("a widget met an error", exc_info=error)
        said = f"{type(error).__name__}: {error}"
    return " ".join(readable(said).split())[:400]


def _keep_up(widget: weakref.ref[TrainingWidget], wake: threading.Event) -> None:
    """Read while somebody looks. Holds no reference while it waits, so a forgotten widget ends its thread."""
    while True:
        mine = widget()
        if mine is None or mine._stopped.is_set():
            return
        mine._tick()
        pause = mine._every_s
        del mine
        wake.wait(pause)
        wake.clear()
