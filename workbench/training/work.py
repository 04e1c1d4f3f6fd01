"""The process of a run, `python -m workbench.training.work RUN`: train, measure, and say how it ended."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.records import Prompt
from workbench.training import evaluate, likelihood, runfiles, running, workers
from workbench.training.kinds import Config, trainer
from workbench.training.runs import Run

# glibc's M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD for the time after training: logits go back to the system at
# once, while the many smaller buffers of answering are kept. Near what glibc comes to by itself where nobody sets it.
_RETURNING = {-3: 32 << 20, -1: 64 << 20, -2: 64 << 20}


class _Cancelled(BaseException):
    """Raised by SIGTERM; not an Exception, so that no library takes it for one of its own."""


def _on_sigterm(*_: object) -> None:
    raise _Cancelled


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)  # which the main thread hears


def main(run_dir: str) -> int:
    """The process of a run: train, answer, and say how it ended. Returns the exit code."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    path = Path(run_dir)
    workers.follow_leader()
    reporter = runfiles.Reporter(path, speaks=running.processes()[0] == 0, pid=workers.leader(), lost=_stop)
    if reporter.over:
        sys.stdout.write("cancelled, or begun by another process, before this one began: nothing to do\n")
        return 1
    how: tuple[runfiles.State, str]
    try:
        work(path, reporter)
    except _Cancelled:
        how = "cancelled", ""
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must be marked failed and the trace be kept
        import traceback

        traceback.print_exc()
        shutil.rmtree(path / running.SAVING, ignore_errors=True)  # where the disk is full, this makes room to say so
        how = "failed", reason_of(error)
    else:
        reporter.end("done")
        return 0
    # Only now, when the exception is gone: it may hold what holds the lock of the folder.
    workers.end(reporter, *how)
    return 1


def reason_of(error: BaseException) -> str:
    """Why a run failed, in one line, with what helps."""
    text = " ".join(str(error).split())
    low = text.lower()
    if isinstance(error, MemoryError) or "out of memory" in low or "can't allocate memory" in low:
        return "out of memory -> lower batch_size or max_length, or set gradient_checkpointing"
    if "no space left" in low or "disk quota" in low:
        return "disk full -> free some space and start again"
    if isinstance(error, WorkbenchError):
        return text
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def work(path: Path, reporter: runfiles.Reporter) -> None:
    """Train, and measure what came out: rank 0 alone, with the others gone."""
    whole = Config.parse(runfiles.read_json(path / "config.json"))
    module = trainer(whole.kind)
    if not running.saved(path):  # a run may have been stopped while it answered
        module.train(path, whole.config, reporter)
    workers.close_group()
    if running.processes()[0]:
        return
    _give_back()
    if hasattr(module, "measure"):
        module.measure(path, whole.config, reporter)
        return
    pairs = Run(path).pairs()
    if whole.answers is None and not pairs:
        return
    # Loaded afresh: the trainer leaves its model wrapped in mixed precision, which would round answers differently
    # from the same adapter loaded anywhere else.
    model, tokenizer = evaluate.load_adapter(path)
    if whole.answers is not None:
        _answer(path, whole.answers, model, tokenizer, reporter)
    if pairs:
        beta = float(getattr(whole.config, "beta", 1.0) or 1.0)  # a policy may be held by nothing
        margins = likelihood.implicit_rewards(
            pairs, model, tokenizer, beta=beta, on_step=reporter.follow("held-out pairs")
        )
        runfiles.write_json(path / "margins.json", {"beta": beta, "margins": margins})


def _give_back() -> None:
    """Return to the system what training has freed: kept (`processes`), it would stand beside what answers take."""
    gc.collect()  # trainer, model and optimiser refer to each other
    with contextlib.suppress(OSError, AttributeError):  # a C library without them
        libc = ctypes.CDLL(None)
        for name, value in _RETURNING.items():
            libc.mallopt(name, value)
        libc.malloc_trim(0)


def _answer(path: Path, config: evaluate.AnswerConfig, model: Any, tokenizer: Any, reporter: runfiles.Reporter) -> None:
    """answers.jsonl of base and adapter, and divergence.json of how far the adapter's moved."""
    prompts = [Prompt.parse(row) for row in runfiles.read_jsonl(path / "prompts.jsonl")]
    base = str(Run(path).manifest()["model"]["sha256"])
    answered = evaluate.answer_pairs(
        prompts,
        model,
        tokenizer,
        config,
        path=path / "answers.jsonl",
        kept=evaluate.base_file(path.parent / evaluate.BASE_ANSWERS, base, str(model.dtype), config, prompts),
        on_step=reporter.follow("answering"),
        progress=False,
    )
    asked = {prompt.id: prompt.prompt for prompt in prompts}
    moved = likelihood.divergence(
        [(asked[one.prompt_id], one.adapter) for one in answered if one.sample == 0],
        model,
        tokenizer,
        on_step=reporter.follow("divergence"),
    )
    runfiles.write_json(
        path / "divergence.json", {"nats": [nats for nats, _ in moved], "tokens": [n for _, n in moved]}
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
