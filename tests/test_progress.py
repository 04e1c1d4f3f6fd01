"""Bars show where a person watches, also on a terminal that claims no width, and nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys

SHOW = """
import time
from workbench import progress
with progress.clock("loading the model") as clock:
    for _ in range(4):
        time.sleep(0.1)
        clock.refresh()
with progress.bar("training", 4, "step") as bar:
    for _ in range(4):
        time.sleep(0.4)
        bar.update(1)
        bar.refresh()
"""


def test_a_terminal_sees_step_and_time_left() -> None:
    # A fresh pseudo-terminal is 0 columns wide and 0 lines high.
    ours, theirs = os.openpty()
    subprocess.run([sys.executable, "-c", SHOW], stderr=theirs, stdout=theirs, check=True, timeout=240)
    os.set_blocking(ours, False)
    seen = os.read(ours, 65536).decode(errors="replace")  # before the other end is closed, which drops what is unread
    os.close(theirs)
    os.close(ours)
    assert "loading the model … 00:00" in seen
    assert "training:" in seen
    assert re.search(r"4/4 \[00:\d\d<00:00", seen)


def test_a_pipe_sees_nothing() -> None:
    told = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, check=True, timeout=240)
    assert told.stdout == told.stderr == b""
