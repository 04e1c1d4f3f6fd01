"""The run protocol with processes that do nothing: start, follow, kill, cancel, fail."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import io
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tqdm import tqdm

from tests.training.folders import ROWS, until
from workbench import progress
from workbench.errors import TrainingError
from workbench.training import dpo, jobs, kinds, models, processes, runfiles, running, runs, work
from workbench.training.runfiles import Status
from workbench.training.runs import Run

if TYPE_CHECKING:
    from pathlib import Path


def test_the_manifest_says_what_the_run_rests_on(run: Run) -> None:
    manifest = run.manifest()
    assert manifest["source"] == "simulated"
    assert manifest["guideline_sha256"] == "c" * 64
    assert manifest["seed"] == 5
    assert (
        manifest["data_sha256"]
        == manifest["rows_sha256"]
        == hashlib.sha256((run.path / "data.jsonl").read_bytes()).hexdigest()
    )
    assert manifest["packages"]["numpy"]
    assert run.config() == kinds.Config(kind="dpo", config=dpo.RunConfig(seed=5))
    assert [row["item"] for row in runfiles.read_jsonl(run.path / "data.jsonl")] == [row["item"] for row in ROWS]


def test_nothing_of_the_environment_is_written_down(tmp_path: Path, child: Any, run: Run) -> None:
    # The child inherits the variable, writes status and log, and fails with a trace.
    os.environ["HF_TOKEN"] = "hf_thisisasecret"
    try:
        process = child("reporter.phase('x', 3); reporter.metrics({'step': 1}); raise ValueError('no')")
        process.wait(timeout=240)
    finally:
        del os.environ["HF_TOKEN"]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"status.json", "manifest.json", "log.txt", "metrics.jsonl"} <= {path.name for path in files}
    assert not [path for path in files if b"hf_thisisasecret" in path.read_bytes()]


def test_steps_done_again_after_a_resume_are_told_once(run: Run) -> None:
    def line(step: int, **more: float) -> dict[str, float]:
        return {"step": step, **(more or {"loss": step})}

    lines = [line(1), line(2), line(2, eval_loss=0.5), line(3), line(4), line(4, eval_loss=0.4)]
    lines += [line(3, loss=9), line(4, loss=8), line(4, eval_loss=0.3)]
    runfiles.append_jsonl(run.path / "metrics.jsonl", lines)
    told = run.metrics()
    assert [one["step"] for one in told] == [1, 2, 2, 3, 4, 4]
    assert told[3:] == lines[6:]
    runfiles.append_jsonl(run.path / "metrics.jsonl", [line(4, loss=7)])  # of the last step alone
    assert run.metrics()[4:] == [line(4, loss=7)]


def test_a_run_that_works_is_followed_to_done(run: Run, child: Any) -> None:
    step = "reporter.metrics({'step': k, 'loss': 1 / k}) or reporter.advance(k)"
    child(f"reporter.phase('training', 2); [{step} for k in (1, 2)]")
    status = run.wait(progress=False, timeout_s=240)
    assert (status.state, status.phase, status.step, status.steps) == ("done", "training", 2, 2)
    assert [row["loss"] for row in run.metrics()] == [1.0, 0.5]
    assert status.ended is not None
    assert status.started is not None
    assert status.ended >= status.started >= status.created


def test_a_killed_process_is_never_shown_as_running(run: Run, child: Any) -> None:
    process = child("reporter.phase('training', 9); time.sleep(600)")
    until(run, "running", "training")
    process.kill()  # not waited for: it stays a zombie, which must count as dead
    status = until(run, "failed")
    assert status.reason == "process died: it ended in 'training'"
    assert runfiles.read_status(run.path).state == "failed"  # written down, for every other viewer
    with pytest.raises(TrainingError, match="the run failed: process died"):
        run.wait(progress=False)


def test_another_process_with_the_same_number_is_not_the_run(run: Run) -> None:
    status = runfiles.read_status(run.path).model_copy(
        update={"state": "running", "pid": os.getpid(), "pid_started": "1", "host": platform.node()}
    )
    runfiles.write_status(run.path, status)
    assert run.status().state == "failed"


def test_this_very_process_counts_as_alive(run: Run) -> None:
    mine = {"pid": os.getpid(), "pid_started": runfiles.process_started(os.getpid()), "host": platform.node()}
    runfiles.write_status(run.path, runfiles.read_status(run.path).model_copy(update={"state": "running", **mine}))
    assert run.status().state == "running"


@pytest.mark.parametrize(("age", "state"), [(5.0, "running"), (3600.0, "failed")])
def test_on_another_host_the_heartbeat_decides(run: Run, age: float, state: str) -> None:
    status = runfiles.read_status(run.path).model_copy(
        update={"state": "running", "pid": 1, "pid_started": "x", "host": "elsewhere", "heartbeat": time.time() - age}
    )
    runfiles.write_status(run.path, status)
    assert run.status().state == state
    if state == "running":
        with pytest.raises(TrainingError, match="belongs to another host"):
            run.cancel()


def test_a_run_that_never_started_fails_after_a_while(run: Run) -> None:
    assert run.status().state == "queued"
    old = runfiles.read_status(run.path).model_copy(update={"created": time.time() - 2 * processes.LAUNCH_S})
    runfiles.write_status(run.path, old)
    assert run.status().reason == "process died: it never started"


def test_cancel_stops_the_process_and_says_so(run: Run, child: Any) -> None:
    process = child("reporter.phase('training', 9); time.sleep(600)")
    until(run, "running", "training")
    assert run.cancel().state == "cancelled"
    assert process.wait(timeout=30) == 1
    assert run.status().state == "cancelled"
    assert run.cancel().state == "cancelled"  # again, harmlessly


def test_cancel_makes_a_process_stop_that_will_not(run: Run, child: Any) -> None:
    process = child("signal.signal(signal.SIGTERM, signal.SIG_IGN); reporter.phase('deaf'); time.sleep(600)")
    until(run, "running", "deaf")
    assert run.cancel(patience_s=0.5).state == "cancelled"
    assert process.wait(timeout=30) == -signal.SIGKILL
    assert run.status().state == "cancelled"


def test_a_run_cancelled_in_the_queue_does_nothing_when_it_wakes(run: Run, child: Any) -> None:
    assert run.cancel().state == "cancelled"
    process = child("reporter.phase('should not happen')")
    assert process.wait(timeout=240) == 1
    assert runfiles.read_status(run.path).state == "cancelled"


def test_a_failure_is_one_line_with_the_trace_in_the_log(run: Run, child: Any) -> None:
    child("raise ValueError('first\\nsecond')").wait(timeout=240)
    status = run.status()
    assert (status.state, status.reason) == ("failed", "ValueError: first second")
    assert "Traceback" in run.log_tail()
    assert run.log_tail(1) == "second"


def test_half_a_result_makes_room_where_the_disk_is_full(run: Run, child: Any) -> None:
    half = f"(path / {running.SAVING!r})"
    full = "raise OSError(28, 'No space left on device')"
    child(f"{half}.mkdir(); ({half} / 'weights').write_text('half'); {full}").wait(timeout=240)
    assert run.status().reason.startswith("disk full")
    assert not (run.path / running.SAVING).exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out of memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "out of memory"),
        (OSError(28, "No space left on device"), "disk full"),
        (TrainingError("too few pairs: 2", next_step="label more"), "too few pairs: 2 -> label more"),
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_reasons_are_one_line_with_what_helps(error: BaseException, said: str) -> None:
    reason = work.reason_of(error)
    assert reason.startswith(said)
    assert "\n" not in reason


def test_readers_never_see_half_a_status(tmp_path: Path) -> None:
    status = Status(state="running", created=1.0)
    runfiles.write_status(tmp_path, status)
    stop = threading.Event()

    def write() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            runfiles.write_status(tmp_path, status.model_copy(update={"notes": ("x" * 20_000,), "step": step}))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        deadline = time.monotonic() + 120
        steps: set[int] = set()
        while len(steps) < 300 and time.monotonic() < deadline:
            steps.add(runfiles.read_status(tmp_path).step)
    finally:
        stop.set()
        thread.join()
    assert len(steps) == 300
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]  # no temporary files stay


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    runfiles.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        runfiles.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert [row["step"] for row in runfiles.read_jsonl(path)] == [1, 2]


def test_bad_input_leaves_no_folder_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "require_train", lambda: None)
    with pytest.raises(TrainingError, match="too few pairs"):
        jobs.start("dpo", ROWS[:3], runs_dir=tmp_path)
    with pytest.raises(TrainingError, match="no such file of rows"):
        jobs.start("dpo", tmp_path / "none.jsonl", runs_dir=tmp_path)
    with pytest.raises(ValueError, match="guideline_sha256"):
        jobs.start("dpo", ROWS, runs_dir=tmp_path, guideline_sha256="not a hash")
    assert list(tmp_path.iterdir()) == []


def test_runs_are_listed_oldest_first_and_other_folders_passed_over(run: Run, tmp_path: Path) -> None:
    second = jobs.start("dpo", ROWS, runs_dir=tmp_path)
    (tmp_path / "notes").mkdir()
    assert runs.list_runs(tmp_path) == [run, second]
    assert runs.list_runs(tmp_path / "nowhere") == []
    with pytest.raises(TrainingError, match="not a run folder"):
        Run(tmp_path / "notes").status()


def test_what_a_notebook_shows_is_text_not_markup(run: Run) -> None:
    status = runfiles.read_status(run.path).model_copy(
        update={"state": "failed", "reason": "<script>alert(1)</script>"}
    )
    runfiles.write_status(run.path, status)
    shown = run._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert str(run).endswith("failed, <script>alert(1)</script>")


def test_an_evaluation_is_kept_with_the_run(run: Run) -> None:
    assert run.evaluation() is None
    run.write_evaluation({"difference": 0.1})
    assert run.evaluation() == {"difference": 0.1}
    assert run.answers() == []
    assert run.margins() == []


@pytest.mark.parametrize(("state", "ends"), [("done", [4, 8]), ("cancelled", [4, 6]), ("failed", [4, 6])])
def test_a_bar_ends_full_where_its_phase_ended_well(
    state: str,
    ends: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = iter([("running", "first", 3, 4), ("running", "second", 2, 8), (state, "second", 6, 8)])

    def status(_: Run) -> Status:
        now, phase, step, steps = next(told)
        return Status.parse({"state": now, "phase": phase, "step": step, "steps": steps, "created": 1.0})

    monkeypatch.setattr(Run, "status", status)
    made = []

    def bar(what: str, total: int, unit: str) -> Any:
        made.append(tqdm(total=total, file=io.StringIO()))
        return made[-1]

    monkeypatch.setattr(progress, "bar", bar)
    monkeypatch.setattr(progress, "watched", lambda: False)
    with pytest.raises(TrainingError) if state == "failed" else contextlib.nullcontext():
        Run(tmp_path).wait()
    assert [one.n for one in made] == ends
    # Without a terminal a phase is a line.
    assert capsys.readouterr().err == f"{tmp_path.name}: first, 4 steps\n{tmp_path.name}: second, 8 steps\n"


def test_a_process_that_was_killed_outright_says_what_it_may_have_been(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setitem(processes._children, run.path, processes.Child(child, time.time()))
    child.kill()
    child.wait(30)
    assert run.status().state == "failed"
    assert "memory ran out -> lower batch_size" in run.status().reason


def test_a_process_of_before_says_nothing_about_a_run_that_was_resumed_elsewhere(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = subprocess.Popen([sys.executable, "-c", ""])
    old.wait(30)
    monkeypatch.setitem(processes._children, run.path, processes.Child(old, time.time() - 60))
    # Queued anew by another process, which has not said its number yet; then at work under one.
    assert run.status().state == "queued"
    own = os.getpid()
    at_work = {"state": "running", "pid": own, "pid_started": runfiles.process_started(own), "host": platform.node()}
    runfiles.write_status(run.path, runfiles.read_status(run.path).model_copy(update=at_work))
    assert run.status().state == "running"
    # The same child, where the status is about it.
    monkeypatch.setitem(processes._children, run.path, processes.Child(old, time.time()))
    gone = {"pid": old.pid, "pid_started": "1"}
    runfiles.write_status(run.path, runfiles.read_status(run.path).model_copy(update=gone))
    assert run.status().state == "failed"


def test_a_run_that_has_its_result_is_resumed_to_be_measured(run: Run) -> None:
    (run.path / "adapter").mkdir()
    runfiles.write_status(run.path, runfiles.read_status(run.path).model_copy(update={"state": "cancelled"}))
    assert jobs.resume(run).status().notes == ("resumed after its training, to measure",)


def test_of_two_who_resume_at_once_one_starts_the_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    runfiles.write_status(run.path, runfiles.read_status(run.path).model_copy(update={"state": "cancelled"}))
    launched: list[Path] = []
    monkeypatch.setattr(processes, "launch", launched.append)
    last_checkpoint = running.last_checkpoint

    def slowly(run_dir: Path) -> str | None:
        time.sleep(0.3)  # between reading the state and writing it
        return last_checkpoint(run_dir)

    monkeypatch.setattr(running, "last_checkpoint", slowly)

    def resume(_: int) -> str:
        try:
            jobs.resume(Run(run.path))
        except TrainingError as error:
            return str(error)
        return ""

    with concurrent.futures.ThreadPoolExecutor(3) as several:
        said = sorted(several.map(resume, range(3)))
    assert launched == [run.path]
    assert ["the run is queued" in words for words in said] == [False, True, True]
    with pytest.raises(TrainingError, match="not a run folder: it has no status"):
        jobs.resume(Run(run.path / "none"))


def test_a_dead_run_is_read_where_nothing_can_be_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = runfiles.read_status(run.path).model_copy(update={"created": 0.0})
    runfiles.write_status(run.path, long_ago)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runfiles, "write_status", full)
    status = run.status()
    assert (status.state, status.reason) == ("failed", "process died: it never started")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's memory, told by Linux")
def test_what_training_has_freed_goes_back_before_answers_are_made() -> None:
    code = """
import pathlib
from workbench.training import work

def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

some = [bytearray(b"x" * (1 << 20)) for _ in range(300)]
kept = some.pop()  # above the others, so that their place is no free end
del some
before = resident()
work._give_back()
print(before - resident())
"""
    environment = os.environ | processes._KEEP_MEMORY
    told = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, timeout=120)
    assert int(told.stdout) > 250
