"""Several processes, GPUs and hosts: a run started by `accelerate launch`.

`python -m workbench.training.launching RUN` is the process of such a run. It leads: accelerate's launcher and torch's
agent work inside it, start one process a GPU (or as many as were asked for on a CPU), and end all of them when one
ends badly. So status.json names the leader's process, and how a run ended badly is written by the leader, who alone
knows whether it was told to stop or one of its processes failed; rank 0 writes everything else.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from workbench.errors import TrainingError, WorkbenchError
from workbench.records import Record
from workbench.training import models, runfiles, workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.training.settings import RunSettings

SHIPPED = Path(__file__).with_name("launch")
# accelerate's own settings as the run was started with them, kept so that a resumed run has the same.
CONFIG = "accelerate.yaml"


class Launch(Record):
    """How a run's processes are started, kept in config.json.

    Attributes
    ----------
    launcher
        `python` is one process; `accelerate` as many as `num_processes`, by `accelerate launch`.
    num_processes
        Over all machines, one a GPU. Each takes an equal share of every batch.
    config_file
        Settings of accelerate: `ddp` (each process holds the model), `fsdp` or `zero3` (the model is spread over the
        GPUs), all three shipped, or a file made by `accelerate config`. What is said here wins over the file.
    num_machines, main_process_ip, main_process_port
        Several hosts meet at this address of the first. A single host uses a free port unless one is given.
    """

    launcher: Literal["python", "accelerate"] = "python"
    num_processes: Annotated[int, Field(ge=1, le=65_536)] = 1
    config_file: Annotated[str, Field(min_length=1)] = "ddp"
    num_machines: Annotated[int, Field(ge=1, le=4096)] = 1
    main_process_ip: str = ""
    main_process_port: Annotated[int, Field(ge=1, le=65_535)] | None = None

    @model_validator(mode="after")
    def _is_used(self) -> Launch:
        given = [name for name, field in type(self).model_fields.items() if getattr(self, name) != field.default]
        if self.launcher == "python" and given:
            msg = f"launcher 'python' starts one process and ignores {', '.join(given)}; use launcher='accelerate'"
            raise ValueError(msg)
        if self.num_processes % self.num_machines:
            msg = f"num_processes {self.num_processes} cannot be shared equally by {self.num_machines} machines"
            raise ValueError(msg)
        if self.num_machines > 1 and not (self.main_process_ip and self.main_process_port):
            msg = "several machines need main_process_ip and main_process_port, where they meet"
            raise ValueError(msg)
        if self.num_machines == 1 and self.main_process_ip:
            msg = "main_process_ip is ignored on a single machine"
            raise ValueError(msg)
        return self

    def file(self) -> Path:
        """The file of accelerate's settings, or `TrainingError` where there is none."""
        shipped = SHIPPED / f"{self.config_file}.yaml"
        path = shipped if shipped.is_file() else Path(self.config_file).expanduser()
        if not path.is_file():
            raise TrainingError(
                f"no accelerate settings {self.config_file!r}",
                next_step=f"use {', '.join(shipped_configs())}, or a file made by: accelerate config",
            )
        return path


def shipped_configs() -> list[str]:
    """Names of the settings that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def check(launch: Launch, config: RunSettings) -> None:
    """Raise `TrainingError` where the processes cannot be started so, or cannot share a batch equally."""
    if launch.launcher == "accelerate":
        launch.file()
    rows = share(config.batch_size, config.accumulation, launch.num_processes)
    if rows < config.least_rows:
        raise TrainingError(
            f"a process needs at least {config.least_rows} rows of a part of a batch, and gets {rows}",
            next_step=f"use a batch_size of {config.least_rows * launch.num_processes * config.accumulation} or more",
        )


def share(batch_size: int, accumulation: int, n: int) -> int:
    """Rows of a batch in one part of one of `n` processes, or `TrainingError` where they are not as many in each."""
    if batch_size % (accumulation * n):
        raise TrainingError(
            f"batch_size {batch_size} cannot be shared by {n} processes of {accumulation} parts each",
            next_step=f"use a multiple of {n * accumulation}",
        )
    return batch_size // (accumulation * n)


def keep(launch: Launch, run_dir: Path) -> None:
    """Keep accelerate's settings in the run folder."""
    if launch.launcher == "accelerate":
        shutil.copyfile(launch.file(), run_dir / CONFIG)


def read(run_dir: Path) -> Launch:
    """How the run in this folder is started."""
    try:
        return Launch.parse(json.loads((run_dir / "config.json").read_text(encoding="utf-8")).get("launch") or {})
    except (OSError, ValueError) as error:
        raise TrainingError(f"config.json cannot be read: {error}", where=str(run_dir)) from error


def command(run_dir: Path) -> list[str]:
    """The command of the run's process."""
    led = read(run_dir).launcher == "accelerate"
    return [sys.executable, "-m", f"workbench.training.{'launching' if led else 'work'}", str(run_dir)]


def arguments(launch: Launch, run_dir: Path, machine_rank: int = 0) -> list[str]:
    """What `accelerate launch` is called with on the machine of this rank."""
    local = launch.num_processes // launch.num_machines
    set_by_hand = os.environ.get("OMP_NUM_THREADS", "")
    threads = set_by_hand if set_by_hand.isdigit() else str(max(1, models.cores() // local))
    meet = ["--main_process_ip", launch.main_process_ip] if launch.main_process_ip else []
    return [
        *("--config_file", str(run_dir / CONFIG)),
        *("--num_processes", str(launch.num_processes)),
        *("--num_machines", str(launch.num_machines)),
        *("--machine_rank", str(machine_rank)),
        *meet,
        *("--main_process_port", str(launch.main_process_port or 0)),  # 0 is a free one
        *("--num_cpu_threads_per_process", threads),
        *("--module", "workbench.training.work", str(run_dir)),
    ]


class _Stopped(BaseException):
    """Raised by SIGTERM before torch's agent handles it."""


def _on_sigterm(*_: object) -> None:
    raise _Stopped


def lead(run_dir: str | Path, machine_rank: int = 0) -> int:
    """Start this machine's processes of the run and wait for them. Returns the exit code.

    The leader of the first machine writes how the run ended, unless rank 0 wrote that it is done.
    """
    signal.signal(signal.SIGTERM, _on_sigterm)
    path = Path(run_dir)
    launch = read(path)
    if not 0 <= machine_rank < launch.num_machines:
        raise TrainingError(
            f"no machine {machine_rank}: the run has {launch.num_machines}, counted from 0", where=str(path)
        )
    first, pid = machine_rank == 0, os.getpid()
    mine = runfiles.change_status(path, runfiles.begin(pid)) if first else runfiles.read_status(path)
    if mine.over or (first and mine.pid != pid):  # cancelled, or resumed, before it began
        return 1
    os.environ[workers.LEADER] = str(pid)
    state, reason = _launched(launch, path, machine_rank)

    def end(there: runfiles.Status) -> runfiles.Status | None:
        if there.over or there.created != mine.created:
            return None
        return there.model_copy(update={"state": state, "reason": reason, "ended": time.time()})

    if first:
        runfiles.change_status(path, end)
    return 0 if state == "done" else 1


def _launched(launch: Launch, run_dir: Path, machine_rank: int) -> tuple[runfiles.State, str]:
    """How the processes ended: state and, where they failed, the reason."""
    try:
        from accelerate.commands.launch import launch_command, launch_command_parser
        from torch.distributed.elastic.multiprocessing.api import SignalException
        from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    except _Stopped:
        return "cancelled", ""
    try:
        launch_command(launch_command_parser().parse_args(arguments(launch, run_dir, machine_rank)))
    except (_Stopped, SignalException):
        return "cancelled", ""
    except ChildFailedError as error:
        return "failed", why(error.failures, launch.num_processes)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must be marked failed and the trace be kept
        import traceback

        traceback.print_exc()
        return "failed", f"accelerate launch: {' '.join(str(error).split())[:300] or type(error).__name__}"
    return "done", ""


def why(failures: Mapping[int, Any], world: int) -> str:
    """The first cause of a failed run in one line, from torch's record of each rank that failed.

    A process that was killed says nothing, and the others then fail for want of it, so it comes first.
    """
    killed = {rank: one for rank, one in failures.items() if one.exitcode < 0 and one.exitcode != -signal.SIGTERM}
    if killed:
        rank, one = min(killed.items())
        name = signal.Signals(-one.exitcode).name
        hint = " -> if nobody did it, memory ran out: lower batch_size or max_length" if name == "SIGKILL" else ""
        return f"process {rank} of {world} was killed by {name}{hint}"
    told = {rank: one.error_file_data.get("workbench") for rank, one in failures.items()}
    said = {rank: one for rank, one in told.items() if isinstance(one, dict)}
    if said:
        rank, one = min(said.items(), key=lambda entry: entry[1]["time"])
        return f"{one['reason']} (process {rank} of {world})"
    rank, one = min(failures.items())
    return f"process {rank} of {world} ended with exit code {one.exitcode}; log.txt says more"


def main(words: list[str]) -> int:
    """`RUN [MACHINE_RANK]`."""
    try:
        return lead(words[0], int(words[1]) if len(words) > 1 else 0)
    except WorkbenchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
