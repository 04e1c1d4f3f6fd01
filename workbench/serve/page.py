"""What runs in the kernel of a page: opens the pilot and shows the labelling widget, or says calmly why not.

The annotator's id comes in the cell that the server writes (`app`), never from the browser. What the pilot is comes in
the kernel's environment.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.pilot import config, open_pilot
from workbench.safe_html import escape

if TYPE_CHECKING:
    from workbench.pilot import Pilot

SETTINGS = "WORKBENCH_SERVE"
STORAGE = "WORKBENCH_STORAGE"
# Where the key of the model's server is, if it wants one.
KEY = "WORKBENCH_MODEL_KEY"


@dataclass(frozen=True)
class Served:
    """Which pilot the kernels of a server open. Where its store is goes apart, as it may hold a password."""

    folder: str
    model: str = ""
    model_url: str = ""

    def environment(self, storage: str) -> dict[str, str]:
        """As a kernel is told."""
        return {SETTINGS: json.dumps(asdict(self)), STORAGE: storage}

    @classmethod
    def told(cls) -> Served:
        """What this kernel was told."""
        return cls(**json.loads(os.environ[SETTINGS]))


def pilot() -> Pilot:
    """The pilot that is served, opened again where its files have changed: a kernel may have been warm for days."""
    folder = Path(Served.told().folder)
    rules = config.read(folder / "pilot.toml").guideline
    return _opened(folder, *(_stamp(folder / name) for name in ("pilot.toml", "items.jsonl", rules)))


@lru_cache(maxsize=1)
def _opened(folder: Path, *_stamps: object) -> Pilot:
    opened = open_pilot(folder, os.environ.get(STORAGE) or None)
    _ = opened.store, opened.items, opened.guideline
    return opened


def _stamp(file: Path) -> tuple[int, int] | None:
    """What differs when a file was written; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def warm() -> None:
    """Load what a page needs, before it is known who opens it. What cannot be opened yet is tried again by `show`.

    What is printed or logged from here on goes to the server's log; it would go to the page.
    """
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    logging.getLogger("Comm").setLevel(logging.ERROR)  # each page that is closed would be a warning
    try:
        from workbench.widgets import annotate_queue  # noqa: F401

        pilot()
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.__stderr__)


def show(annotator: str) -> None:
    """Display the labelling widget of an annotator, or a page that says why there is none."""
    from IPython.display import display

    try:
        display(pilot().annotate(annotator, model=_model()))
    except WorkbenchError as error:
        _tell(f"{annotator}: {error}")
        _calm("There is nothing to label here just now", "Please tell the person who invited you.")
    except Exception:  # noqa: BLE001 - no traceback may reach the page
        code = token_hex(3)
        _tell(f"{annotator}: the page could not be opened (code {code})\n{traceback.format_exc()}")
        words = "Answers that were shown as saved are safe. Please tell the person who invited you this code: "
        _calm("The page could not be opened", words + code)


def _calm(title: str, text: str) -> None:
    from IPython.display import display

    display({"text/html": calm(title, text), "text/plain": f"{title}. {text}"}, raw=True)


def calm(title: str, text: str) -> str:
    """A quiet page instead of the widget."""
    return f'<div class="wb-calm"><h1>{escape(title)}</h1><p>{escape(text)}</p></div>'


def _model() -> Any:
    told = Served.told()
    if not told.model_url:
        return told.model or None
    from workbench.training.chat import endpoint

    return endpoint(told.model_url, told.model, api_key_env=KEY if os.environ.get(KEY) else "")


def _tell(text: str) -> None:
    # The kernel's own stream: IPython's goes to the page.
    print(f"workbench: {text}", file=sys.__stderr__, flush=True)
