"""Who may write the status of a run: its process, whoever stops or resumes it, whoever finds it dead, all at once."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.folders import until
from workbench.errors import TrainingError
from workbench.training import launching, processes, runfiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.training.runfiles import Status
    from workbench.training.runs import Run


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come at once."""
    monkeypatch.setattr(runfiles, "HEARTBEAT_S", 0.05)


def change(run: Run, **changes: Any) -> Status:
    return runfiles.change_status(run.path, lambda there: there.model_copy(update=changes))


def meanwhile(run: Run, ask: Callable[[], Any], **changes: Any) -> Any:
    """What `ask` returns where somebody else changes the status after it has looked and before it writes."""
    with ThreadPoolExecutor(1) as other:
        with runfiles.alone(run.path):
            asked = other.submit(ask)
            time.sleep(0.3)  # it has looked by now, or looks at what it finds later: both must end alike
            runfiles.write_status(run.path, runfiles.read_status(run.path).model_copy(update=changes))
        return asked.result(60)


@pytest.mark.usefixtures("beats")
@pytest.mark.parametrize(
    "taken",
    [{"state": "cancelled"}, {"state": "done"}, {"state": "queued", "created": 5.0}],
    ids=lambda one: one["state"],
)
def test_a_process_that_is_not_the_runs_any_more_writes_nothing_and_is_told(run: Run, taken: dict[str, Any]) -> None:
    lost = threading.Event()
    reporter = runfiles.Reporter(run.path, lost=lost.set)
    reporter.phase("training", 9)
    written = change(run, **taken)
    assert lost.wait(60)
    reporter.advance(3)
    reporter.end("failed", "too late")
    assert runfiles.read_status(run.path) == written


@pytest.mark.usefixtures("beats")
def test_a_process_that_was_declared_dead_and_lives_says_so(run: Run) -> None:
    reporter = runfiles.Reporter(run.path)
    reporter.phase("training", 9)
    change(run, state="failed", reason="process died")
    assert until(run, "running", "training").reason == ""
    reporter.end("done")
    assert run.status().state == "done"


@pytest.mark.usefixtures("beats")
def test_a_process_whose_leader_is_dead_does_not_say_that_the_run_lives(run: Run) -> None:
    leader = subprocess.Popen(["sleep", "600"])
    lost = threading.Event()
    reporter = runfiles.Reporter(run.path, pid=leader.pid, lost=lost.set)
    reporter.phase("training", 9)
    leader.kill()
    leader.wait(60)
    written = run.status()
    assert (written.state, written.reason) == ("failed", "process died: it ended in 'training'")
    assert lost.wait(60)
    assert runfiles.read_status(run.path) == written
    reporter.fall_silent()


@pytest.mark.usefixtures("beats")
def test_a_folder_out_of_reach_for_a_while_ends_no_heartbeat(run: Run) -> None:
    reporter = runfiles.Reporter(run.path)
    away = run.path.with_name("away")
    run.path.rename(away)
    time.sleep(0.3)
    away.rename(run.path)
    change(run, phase="unknown")
    assert until(run, "running", "starting")
    reporter.end("done")


def test_a_process_that_finds_its_run_taken_ends(run: Run, child: Any) -> None:
    process = child("reporter.phase('training', 9); time.sleep(600)")
    until(run, "running", "training")
    written = change(run, state="cancelled", ended=time.time())
    assert process.wait(timeout=240) == 1
    assert runfiles.read_status(run.path) == written


def test_a_run_cancelled_while_its_process_begins_stays_cancelled(run: Run) -> None:
    reporter = meanwhile(run, lambda: runfiles.Reporter(run.path), state="cancelled")
    assert reporter.over
    assert runfiles.read_status(run.path).state == "cancelled"


def test_of_two_processes_the_first_to_begin_is_the_runs(run: Run, child: Any) -> None:
    first = runfiles.Reporter(run.path)  # cancelled and resumed while it was still being imported
    process = child("reporter.phase('should not happen')")
    assert process.wait(timeout=240) == 1
    assert "begun by another process" in run.log_tail()
    assert (run.status().state, run.status().phase) == ("running", "starting")
    first.end("done")
    assert run.status().state == "done"


def test_a_process_that_began_so_late_that_it_was_declared_dead_begins_all_the_same(run: Run, child: Any) -> None:
    change(run, created=0.0)
    assert run.status().reason == "process died: it never started"
    assert child("reporter.phase('training', 9)").wait(timeout=240) == 0
    status = run.status()
    assert (status.state, status.reason) == ("done", "")


def test_a_status_that_cannot_be_read_for_a_moment_ends_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    reporter = runfiles.Reporter(run.path)
    read, failures = runfiles.read_status, [OSError(116, "Stale file handle")] * 2

    def forgetful(run_dir: Path) -> Status:
        if failures:
            raise TrainingError("status.json cannot be read") from failures.pop()
        return read(run_dir)

    monkeypatch.setattr(runfiles, "read_status", forgetful)
    reporter.phase("training", 9)
    assert not failures
    assert run.status().phase == "training"
    reporter.end("done")


def test_a_copy_of_the_lock_keeps_nobody_waiting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[int] = []
    open_file = os.open

    def opened(*asked: Any) -> int:
        handle = open_file(*asked)
        copies.append(os.dup(handle))  # as in a process that was forked meanwhile
        return handle

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", opened)
        with runfiles.alone(run.path):
            pass
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(runfiles.change_status, run.path, lambda status: status)
        try:
            assert asked.result(60).state == "queued"
        finally:
            for copy in copies:
                os.close(copy)


def test_a_run_resumed_while_its_death_is_found_out_stays_queued(run: Run) -> None:
    change(run, created=0.0)  # long ago, and it never started
    assert meanwhile(run, run.status, created=time.time()).state == "queued"
    assert runfiles.read_status(run.path).state == "queued"


def test_a_process_that_begins_while_its_run_is_cancelled_is_stopped_too(
    run: Run, child: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = processes.stop
    started: list[Any] = []

    def late(run_dir: Any, status: Status, patience_s: float) -> None:
        if not started:  # nobody knew of a process
            assert status.pid is None
            started.append(child("reporter.phase('training', 9); time.sleep(600)"))
            until(run, "running", "training")
            return
        stop(run_dir, status, patience_s)

    monkeypatch.setattr(processes, "stop", late)
    assert run.cancel().state == "cancelled"
    assert started[0].wait(timeout=240) == 1
    assert runfiles.read_status(run.path).state == "cancelled"


def test_a_process_that_is_over_is_seen_off_before_another_begins(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "command", lambda run_dir: ["sleep", "0.5"])
    processes.launch(tmp_path)
    first = processes._children[tmp_path].process
    processes.launch(tmp_path)
    assert first.returncode == 0
    assert processes._children[tmp_path].process.pid != first.pid
    processes.reap(tmp_path)
    assert tmp_path not in processes._children
