"""Run folders as a training process writes them, and a process that writes one bit by bit without training anything."""

from __future__ import annotations

import math
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from workbench.training.runfiles import Reporter, Status, append_jsonl, process_started, write_status

HOSTILE = "<img src=x onerror=alert(1)> $x$ \x1b[31mred\x1b[0m"


def row(step: int, steps: int, *, held_out: bool = False, more: bool = False) -> dict[str, Any]:
    """One line of metrics.jsonl, of a run that learns."""
    rng = random.Random(step)
    done = step / max(steps, 1)
    found: dict[str, Any] = {
        "step": step,
        "steps": steps,
        "epoch": 2 * done,
        "loss": 0.7 * math.exp(-done) + rng.gauss(0, 0.02),
        "margin": 1.2 * done + rng.gauss(0, 0.05),
        "accuracy": min(1.0, 0.5 + 0.4 * done + rng.gauss(0, 0.03)),
        "learning_rate": 5e-5 * (1 - done),
        "tokens_per_s": 1234.5,
        "seconds": 0.5 * step,
        "eta_s": 0.5 * (steps - step),
        "memory_mb": 2345.0,
    }
    if more:
        found |= {"kl": 0.3 * done, "reward": 2 * done - 1}
    if held_out:
        found |= {"eval_loss": 0.72 * math.exp(-0.8 * done), "eval_accuracy": 0.5 + 0.3 * done, "eval_margin": done}
    return found


def rows(n: int, *, more: bool = False) -> list[dict[str, Any]]:
    """A whole run's lines, with held-out values at every tenth of it."""
    return [row(step, n, held_out=step % max(n // 10, 1) == 0, more=more) for step in range(1, n + 1)]


def folder(path: Path, state: Any = "running", n: int = 40, steps: int = 100, **changes: Any) -> Path:
    """A run folder after `n` steps; a running one belongs to this process, so that it counts as alive."""
    path.mkdir(parents=True, exist_ok=True)
    append_jsonl(path / "metrics.jsonl", [row(step, steps, held_out=step % 10 == 0) for step in range(1, n + 1)])
    (path / "log.txt").write_text("loading the model\nstep 1\n", encoding="utf-8")
    now = time.time()
    fields: dict[str, Any] = {
        "state": state,
        "phase": "training",
        "step": n,
        "steps": steps,
        "pid": os.getpid(),
        "pid_started": process_started(os.getpid()),
        "host": os.uname().nodename,
        "created": now - 30,
        "started": now - 25,
        "ended": now if state in ("done", "failed", "cancelled") else None,
    }
    write_status(path, Status(**(fields | changes)))
    return path


def write_slowly(path: Path, steps: int, pause_s: float) -> None:
    """What a run's process does to its folder, a line every `pause_s` seconds; SIGTERM cancels it."""
    import signal

    def stop(*_: object) -> None:
        reporter.end("cancelled")
        sys.exit(1)

    signal.signal(signal.SIGTERM, stop)
    write_status(path, Status(state="queued", created=time.time()))
    reporter = Reporter(path)
    reporter.phase("training", steps)
    for step in range(1, steps + 1):
        reporter.metrics(row(step, steps, held_out=step % 10 == 0))
        reporter.advance(step)
        with (path / "log.txt").open("a", encoding="utf-8") as log:
            log.write(f"wrote step {step}\n")
        time.sleep(pause_s)
    reporter.end("done")


if __name__ == "__main__":
    write_slowly(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
