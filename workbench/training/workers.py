"""One process of several that train together: its leader, its GPU, and what must be the same in all of them.

`launching` starts them. Without a launcher everything here does nothing.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import TrainingError

if TYPE_CHECKING:
    from workbench.training import runfiles

# Set for the processes of a run: the number of their leader.
LEADER = "WORKBENCH_LEADER"


def leader() -> int | None:
    """The number of the process that leads this one, or None where the run is one process."""
    text = os.environ.get(LEADER, "")
    return int(text) if text.isdigit() else None


def follow_leader() -> None:
    """End this process when its leader is gone: nobody would stop it otherwise, and it would train on alone."""
    number = leader()
    if number is None:
        return

    def watch() -> None:
        while os.getppid() == number:
            time.sleep(0.5)
        os.killpg(os.getpgid(0), signal.SIGKILL)  # torch gives each process a session; its helpers go with it

    threading.Thread(target=watch, daemon=True).start()


def end(reporter: runfiles.Reporter, state: runfiles.State, reason: str = "") -> None:
    """Say how this process ended: in status.json, or to the leader where it ended badly and there is one."""
    if leader() is None or state == "done":
        reporter.end(state, reason)
        return
    reporter.fall_silent()
    file = os.environ.get("TORCHELASTIC_ERROR_FILE")
    if file and state == "failed":
        now = time.time()
        told = {
            "message": {"message": reason, "extraInfo": {"timestamp": str(int(now))}},
            "workbench": {"reason": reason, "time": now},
        }
        Path(file).write_text(json.dumps(told), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)  # taking a process group down waits for the others, who may wait for this one


def use_device() -> None:
    """Make this process's own GPU the current one, before anything is put on it.

    Raises
    ------
    TrainingError
        When the model was to be spread over GPUs and there are none: accelerate would train a whole copy in each
        process and say nothing.
    """
    import torch

    local = int(os.environ.get("LOCAL_RANK", "-1"))
    if torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise TrainingError(
                f"{torch.cuda.device_count()} GPUs, and a process on this machine wants number {local + 1}",
                next_step="use as many processes as there are GPUs",
            )
        if local >= 0:
            torch.cuda.set_device(local)
        return
    spread = [name for name in ("FSDP", "DEEPSPEED") if os.environ.get(f"ACCELERATE_USE_{name}") == "true"]
    if spread:
        raise TrainingError(
            f"{spread[0]} spreads a model over GPUs, and there are none", next_step="use config_file='ddp'"
        )


def agreed(decision: bool) -> bool:
    """What rank 0 decided, in every process; they would wait for each other for ever if one stopped alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return decision
    import torch
    from accelerate import PartialState
    from accelerate.utils import broadcast

    return bool(broadcast(torch.tensor([float(decision)], device=PartialState().device)).item())


def shared(dataset: Any, folder: Path) -> Any:
    """The same rows from a folder that all processes see, where rank 0 keeps what it computes of them for the others.

    Every process makes the same rows and offers them; the first to come is taken.
    """
    from datasets import Dataset

    if not folder.is_dir():
        work = folder.with_name(f".{folder.name}.{platform.node()}.{os.getpid()}")
        dataset.save_to_disk(str(work))
        try:
            work.rename(folder)
        except OSError:
            shutil.rmtree(work, ignore_errors=True)
            if not folder.is_dir():
                raise
    return Dataset.load_from_disk(str(folder))


def close_group() -> None:
    """Take the processes' connection down in order, once they have trained; rank 0 goes on alone."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return
    torch.distributed.destroy_process_group()
    # What rank 0 loads from here on is whole, and on it alone.
    for name in ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"):
        os.environ.pop(name, None)
