"""The process of a run: launch it so that it outlives its parent, see whether it lives, stop it."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.errors import TrainingError
from workbench.training import launching
from workbench.training.runfiles import process_started, read_status

if TYPE_CHECKING:
    from workbench.training.runfiles import Status

# A process that says nothing for so long, on a host whose processes cannot be seen from here, counts as dead.
SILENT_S = 120.0
# From the launch to the first sign of life; interpreters start slowly on loaded machines.
LAUNCH_S = 120.0


class Child(NamedTuple):
    """A process launched from here, and when."""

    process: subprocess.Popen[bytes]
    at: float


# Runs launched from here: dead children stay on the process table until their parent asks for them.
_children: dict[Path, Child] = {}


# Each step takes and gives back gigabytes of logits. glibc returns them to the system every time, and the page faults
# of getting them anew were a fifth of a step; told to keep what it has, 24 pairs took 52 s instead of 69 s. Other C
# libraries do not read these names, and whoever sets them differently is obeyed.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(8 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
    "MALLOC_TOP_PAD_": str(512 << 20),
}


def launch(run_dir: Path) -> None:
    """Start the run's process in a session of its own, its output going to log.txt.

    With accelerate that process leads the others, whose output goes there too.
    """
    reap(run_dir)  # one that is over may still be on its way out
    with (run_dir / "log.txt").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, this package, a folder
            launching.command(run_dir),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(),
        )
    _children[run_dir] = Child(process, time.time())


def join(run_dir: Path, machine_rank: int) -> int:
    """Take part, from this host, in a run that was started on another; waits for its end. Returns the exit code.

    Raises
    ------
    TrainingError
        When the run has no such machine, or is not under way.
    """
    launch, status = launching.read(run_dir), read_status(run_dir)
    if not 0 < machine_rank < launch.num_machines:
        raise TrainingError(
            f"no machine {machine_rank} to join as: the run has {launch.num_machines}, and 0 started it",
            where=str(run_dir),
            next_step="start it with num_machines, and join as 1, 2, …",
        )
    if status.over:
        raise TrainingError(f"the run is {status.state}", where=str(run_dir), next_step="resume it on the first host")
    words = [*launching.command(run_dir), str(machine_rank)]
    return subprocess.run(words, env=_environment(), check=False).returncode  # noqa: S603 - this interpreter and package


def _environment() -> dict[str, str]:
    """The environment of a run's process. The child finds this very package, installed or not."""
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    quiet = {"TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}
    return {**_KEEP_MEMORY, **os.environ, **quiet, "PYTHONPATH": os.pathsep.join(paths)}


def alive(run_dir: Path, status: Status) -> bool:
    """Whether the process behind a status that says queued or running still lives."""
    child = _child(run_dir, status)
    if child is not None and child.poll() is not None:
        return False
    now = time.time()
    if status.pid is None:
        return child is not None or now - status.created < LAUNCH_S
    if status.host != platform.node():
        return now - (status.heartbeat or 0) < SILENT_S
    return process_started(status.pid) == status.pid_started


def _child(run_dir: Path, status: Status) -> subprocess.Popen[bytes] | None:
    """The process launched from here that the status is about: not one of before the run was resumed elsewhere."""
    child = _children.get(run_dir)
    if child is None:
        return None
    ours = status.pid == child.process.pid if status.pid is not None else child.at >= status.created
    return child.process if ours else None


def killed(run_dir: Path, status: Status) -> bool:
    """Whether a process launched from here was killed outright, as the system does when memory runs out."""
    child = _child(run_dir, status)
    return child is not None and child.poll() == -signal.SIGKILL


def reap(run_dir: Path, patience_s: float = 10.0) -> None:
    """Wait for a process launched from here that has said its last word to leave the process table."""
    child = _children.pop(run_dir, None)
    if child is not None:
        try:
            child.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            _children[run_dir] = child


def stop(run_dir: Path, status: Status, patience_s: float) -> None:
    """Ask the process to stop, and make it after `patience_s` seconds; returns when it is gone."""
    child = _child(run_dir, status)
    pid = status.pid or (child.pid if child else None)
    if pid is None:
        return
    for sign, patience in ((signal.SIGTERM, patience_s), (signal.SIGKILL, 5.0)):
        # The number may be somebody else's by now: signal only the process that the status names.
        if not process_started(pid) or process_started(pid) != (status.pid_started or process_started(pid)):
            return
        try:
            os.killpg(pid, sign)  # the run leads its own session: helpers it started go with it
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise TrainingError(
                f"process {pid} belongs to another user", where=str(run_dir), next_step=f"ask them to run: kill {pid}"
            ) from error
        if _gone(pid, child, patience):
            return


def _gone(pid: int, child: subprocess.Popen[bytes] | None, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if (child is not None and child.poll() is not None) or not process_started(pid):
            return True
        time.sleep(0.1)
    return False
