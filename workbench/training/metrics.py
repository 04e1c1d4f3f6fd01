"""One line of metrics a step, and the end of the time budget: a callback of transformers' trainer for all kinds."""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any

from workbench.errors import TrainingError
from workbench.training import workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.training import runfiles


def callback(reporter: runfiles.Reporter, logged: Mapping[str, str], budget: float | None) -> Any:
    """A callback that writes one line of metrics a step, and ends training with the time budget.

    Parameters
    ----------
    logged
        Our name of a measure -> TRL's. A measure on held-out rows has the same name with `eval_` before it.
    budget
        Seconds.
    """
    from transformers import TrainerCallback

    class Report(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
        began = 0.0
        last = 0.0
        tokens = 0.0
        first = 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self.began = self.last = time.monotonic()
            self.first = int(state.global_step)
            self.tokens = float(state.num_input_tokens_seen)  # of before a checkpoint, where the trainer counts them
            reporter.phase("training", int(state.max_steps))
            reporter.advance(self.first)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
            step, now = int(state.global_step), time.monotonic()
            if not logs:
                return
            held_out = {
                f"eval_{name}": _finite(logs[f"eval_{key}"]) for name, key in logged.items() if f"eval_{key}" in logs
            }
            if held_out:
                reporter.metrics({"step": step, "steps": int(state.max_steps), **held_out})
                self.last = now  # measuring is no training: it does not count against tokens/s
                return
            if "loss" not in logs:
                return
            tokens = float(logs.get("num_tokens", self.tokens))
            if not math.isfinite(float(logs["loss"])):
                raise TrainingError(
                    f"the loss is {logs['loss']} at step {step}", next_step="lower learning_rate, or raise beta"
                )
            done = max(step - self.first, 1)
            reporter.metrics(
                {
                    "step": step,
                    "steps": int(state.max_steps),
                    "epoch": round(float(state.epoch or 0), 4),
                    **{name: _finite(logs.get(key)) for name, key in logged.items()},
                    "tokens_per_s": round(max(tokens - self.tokens, 0) / max(now - self.last, 1e-9), 1),
                    "seconds": round(now - self.began, 3),
                    "eta_s": round((now - self.began) / done * max(int(state.max_steps) - step, 0), 1),
                    "memory_mb": memory_mb(),
                }
            )
            reporter.advance(step)
            self.tokens, self.last = tokens, now

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            if budget is None or state.global_step >= state.max_steps:
                return
            if workers.agreed(time.monotonic() - self.began > budget):
                reporter.note(f"stopped at step {state.global_step} of {state.max_steps}: time budget of {budget:g} s")
                control.should_training_stop = True

    return Report()


def memory_mb() -> float:
    """Most memory held so far, in megabytes: of the GPU where there is one, else of the process."""
    import torch

    if torch.cuda.is_available():
        return float(round(torch.cuda.max_memory_allocated() / 1e6, 1))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, on macOS bytes
    return float(round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1))


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(float(value)) else None
