"""How a batch comes along while others label it: a page that keeps itself up to date.

Finished numbers in, through a callback; nothing is measured here. The callback runs in a thread of its own, and only
while somebody looks and something has changed, so an open notebook costs next to nothing.
"""

from __future__ import annotations

import logging
import math
import threading
import time
import weakref
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import traitlets

from workbench.errors import WorkbenchError
from workbench.safe_html import escape, well_formed
from workbench.widgets.page import STATIC, PageWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

# A page that has said nothing for so long is closed or hidden.
WATCHED_S = 45
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Number:
    """A number with its interval and how many judgments or items it rests on; NaN with the reason in `note`."""

    name: str
    value: float
    low: float
    high: float
    n: int
    note: str = ""


@dataclass(frozen=True)
class Person:
    """One annotator so far.

    `asked` is 0 where questions are handed out bit by bit; `seconds` is the median time of a judgment; `remarks` are
    changes worth a look, never a reason by themselves.
    """

    name: str
    source: str
    done: int
    asked: int
    skipped: int
    last_hour: int
    seconds: float
    gold: Number | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A batch at one moment. `wanted` labels make it complete; `aside` rows were kept out, with their reasons."""

    title: str
    taken_at: datetime
    labels: int
    wanted: int
    items_done: int
    items: int
    aside: int
    flags: dict[str, int]
    agreement: tuple[Number, ...]
    agreement_wanted: float
    gold_allowed: float
    people: tuple[Person, ...]
    notices: tuple[str, ...] = ()

    def for_browser(self) -> dict[str, Any]:
        """The same as plain data: no NaN, which JSON does not have."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


class ProgressWidget(PageWidget):
    """The page of a batch; made by `follow`."""

    _esm = STATIC / "progress.js"
    _css = STATIC / "progress.css"
    snapshot = traitlets.Dict().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)

    def __init__(self, read: Callable[[], Snapshot], version: Callable[[], Hashable], *, every_s: float = 5) -> None:
        self._read = read
        self._version = version
        self._every_s = every_s
        self._seen: Hashable = None
        self._watched_at = 0.0
        self._wake = threading.Event()
        self._stopped = threading.Event()
        super().__init__()
        self.refresh()
        self.on_msg(lambda _widget, content, _buffers: self._handle(content))

    def refresh(self) -> bool:
        """Read again if something has changed; whether it had. What goes wrong is shown on the page."""
        try:
            version = self._version()
            if version == self._seen and not self.trouble:
                return False
            now = self._read()
            self.snapshot = now.for_browser()
            self._seen, self.trouble = version, ""
        except Exception as error:  # noqa: BLE001 - the page goes on with what it has, and says so
            if not isinstance(error, WorkbenchError):
                _log.exception("progress could not be read")
            said = str(error) if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
            self.trouble = well_formed(" ".join(said.split()))[:300]
            return False
        return True

    def _handle(self, content: dict[str, Any]) -> None:
        if content.get("type") != "watching":
            return
        self._watched_at = time.monotonic()
        if not getattr(self, "_thread", None):
            self._thread = threading.Thread(target=_keep_up, args=(weakref.ref(self), self._wake), daemon=True)
            self._thread.start()
        self._wake.set()

    def close(self) -> None:
        """Stop following, and close the widget."""
        self._stopped.set()
        self._wake.set()
        super().close()

    def _lines(self) -> list[str]:
        shown = self.snapshot
        if not shown:
            return [f"Progress could not be read: {self.trouble}"]
        alpha = "; ".join(_said(one) for one in shown["agreement"])
        labels = f"{shown['labels']} of {shown['wanted']} labels"
        items = f"{shown['items_done']} of {shown['items']} items complete"
        agreed = f"agreement so far: {alpha or 'none yet'}"
        return [*shown["notices"], f"{shown['title']}: {labels}, {items}", agreed]

    def __repr__(self) -> str:
        people = [
            f"  {one['name']} ({one['source']}): {one['done']}" + (f" of {one['asked']}" if one["asked"] else "")
            for one in self.snapshot.get("people", ())
        ]
        return "\n".join([*self._lines(), *people])

    def _static_html(self) -> str:
        heads = ("annotator", "labels", "skipped", "median seconds", "gold error so far", "worth a look")
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(one)) + "</tr>"
            for one in self.snapshot.get("people", ())
        )
        table = f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{rows}</table>" if rows else ""
        text = "".join(f"<p>{escape(line)}</p>" for line in self._lines())
        return f'<div class="mathjax_ignore">{text}{table}</div>'  # else two dollar signs become a formula


def follow(read: Callable[[], Snapshot], version: Callable[[], Hashable], *, every_s: float = 5) -> ProgressWidget:
    """A page that shows how a batch comes along, and follows it.

    Parameters
    ----------
    read
        Measures the batch; called from a thread of its own.
    version
        Something cheap that differs once anything has changed; looked at every `every_s` seconds while the page is
        open and looked at.

    Returns
    -------
    ProgressWidget
        Show it as the last line of a cell. Without a kernel it is a table of the moment it was made.
    """
    return ProgressWidget(read, version, every_s=every_s)


def _keep_up(widget: weakref.ref[ProgressWidget], wake: threading.Event) -> None:
    """Refresh while somebody looks. Holds no reference while it waits, so a forgotten widget ends its thread."""
    while True:
        mine = widget()
        if mine is None or mine._stopped.is_set():
            return
        if time.monotonic() - mine._watched_at < WATCHED_S:
            mine.refresh()
        pause = mine._every_s
        del mine
        wake.wait(pause)
        wake.clear()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, str):
        return well_formed(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _said(number: dict[str, Any] | None) -> str:
    if number is None or number["value"] is None:
        return f"{number['name']} – ({number['note']})" if number else "–"
    between = "" if number["low"] is None else f" [{number['low']:.2f}, {number['high']:.2f}]"
    return f"{number['name']} {number['value']:.2f}{between}, n {number['n']}".strip()


def _cells(one: dict[str, Any]) -> list[str]:
    done = f"{one['done']} of {one['asked']}" if one["asked"] else str(one["done"])
    seconds = "–" if one["seconds"] is None else f"{one['seconds']:.1f}"
    who = f"{one['name']} ({one['source']})"
    return [who, done, str(one["skipped"]), seconds, _said(one["gold"]), "; ".join(one["remarks"])]
