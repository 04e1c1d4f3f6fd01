"""Settings that torch reads once, before any test of this folder imports it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.folders import ROWS
from workbench.training import dpo, jobs, models, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.training.runs import Run

ROOT = Path(jobs.__file__).parents[2]

# The same as `models.require_train` sets for users: without it these tests take minutes on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are compared closely: models compute in float32 in this process, whatever the CPU multiplies best."""
    monkeypatch.setattr(models, "best_dtype", lambda *_: "float32")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run folder whose process was never launched."""
    monkeypatch.setattr(models, "require_train", lambda: None)
    monkeypatch.setattr(processes, "launch", lambda run_dir: None)
    return jobs.start("dpo", ROWS, dpo.RunConfig(seed=5), tmp_path, guideline_sha256="c" * 64, source="simulated")


@pytest.fixture
def child(run: Run) -> Iterator[Any]:
    """Runs `work.main` on the folder in a process of its own, with the work replaced; killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(work: str) -> subprocess.Popen[bytes]:
        code = (
            "import sys, time, os, signal\nfrom workbench.training import work as process\n"
            f"def work(path, reporter):\n    {work}\n"
            "process.work = work\nsys.exit(process.main(sys.argv[1]))"
        )
        with (run.path / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", code, str(run.path)],
                cwd=ROOT,
                start_new_session=True,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process

    yield launch
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=30)
