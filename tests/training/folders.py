"""Run folders whose processes do nothing, or what a test says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.training.runfiles import Status
    from workbench.training.runs import Run

ROWS = [{"prompt": f"q{i}", "chosen": f"good {i}", "rejected": f"bad {i}", "item": f"i{i}"} for i in range(8)]


def until(run: Run, state: str, phase: str | None = None) -> Status:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        status = run.status()
        if status.state == state and phase in (None, status.phase):
            return status
        time.sleep(0.05)
    raise AssertionError(f"never {state}: {run.status()}, log: {run.log_tail()}")
