"""Progress with time left, for every step that can take over two seconds.

Bars go to stderr and only when a person is watching (a terminal or a notebook); logs and pipes get one line a
phase (`line`) instead of a thousand.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm.std import tqdm


def bar(what: str, total: int | None = None, unit: str = "it") -> tqdm[Any]:
    """A progress bar to `update(n)` and `close()` (or use as a context manager); shows pace and time left."""
    from tqdm.auto import tqdm as auto

    shown: tqdm[Any] = auto(total=total, desc=what, unit=unit, delay=1.0, **_look())
    return shown


def silent() -> tqdm[Any]:
    """A bar nobody sees, for callers that asked for none."""
    from tqdm.std import tqdm as plain

    return plain(disable=True)


def clock(what: str) -> tqdm[Any]:
    """The time a step has taken so far, for steps whose length nobody knows; `refresh()` moves it on."""
    from tqdm.auto import tqdm as auto

    shown: tqdm[Any] = auto(desc=what, bar_format="{desc} … {elapsed}", **_look())
    return shown


def line(text: str) -> None:
    """A line on stderr where nobody watches a bar, so that a log shows what a long step is at."""
    if not watched():
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _look() -> dict[str, Any]:
    # Some terminals (recorders, serial lines) claim to be 0 by 0, and tqdm then hides its bars to fit.
    sized = not sys.stderr.isatty() or os.get_terminal_size(sys.stderr.fileno()).columns > 0
    size = {"dynamic_ncols": True} if sized else {"ncols": 80, "nrows": 24}
    return {"disable": not watched(), "leave": False, **size}


def watched() -> bool:
    """Whether a person can see a moving bar: a terminal on stderr, or a notebook kernel."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules
