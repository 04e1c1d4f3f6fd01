"""Runs as folders: their state, numbers and texts, from any process and without torch.

A process that died is noticed by its number, its start time and its heartbeat, and is never shown as running.
"""

from __future__ import annotations

import html
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import progress as bars
from workbench.errors import TrainingError
from workbench.training import evaluate, processes, runfiles
from workbench.training.kinds import Config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tqdm.std import tqdm

    from workbench.training.runfiles import Status


@dataclass(frozen=True)
class Run:
    """A run folder. Reading it never needs torch, and works from any process."""

    path: Path

    def status(self) -> Status:
        """Where the run stands; a dead process is written down as failed."""
        status = runfiles.read_status(self.path)
        if self.judged(status) is status:
            return status
        # It may have ended, or been resumed, between the two looks.
        try:
            return runfiles.change_status(self.path, self.judged)
        except OSError:  # a full disk, or somebody else's folder: it can be said all the same
            return self.judged(runfiles.read_status(self.path))

    def judged(self, status: Status) -> Status:
        """The status as it is, or as failed where it speaks of a process that is dead."""
        if status.over or processes.alive(self.path, status):
            return status
        reason = "process died: " + ("it never started" if status.pid is None else f"it ended in {status.phase!r}")
        if processes.killed(self.path, status):
            reason += ", killed; if nobody did it, memory ran out -> lower batch_size, or raise accumulation"
        return status.model_copy(update={"state": "failed", "reason": reason, "ended": time.time()})

    def metrics(self) -> list[dict[str, Any]]:
        """One dict a step: step, loss, margin, accuracy, learning_rate, tokens_per_s, seconds, eta_s and others.

        What was measured on held-out rows after a step is a dict of its own (eval_loss and others). Steps that were
        done again after the run was resumed stand here once, as they were done last; metrics.jsonl keeps all.
        """
        found: list[dict[str, Any]] = []
        for row in runfiles.read_jsonl(self.path / "metrics.jsonl"):
            before = row["step"] - ("loss" in row)  # what is held out is measured after the step
            while found and found[-1]["step"] > before:
                found.pop()
            found.append(row)
        return found

    def manifest(self) -> dict[str, Any]:
        """Hashes, versions, seed, device and model the run rests on."""
        return runfiles.read_json(self.path / "manifest.json")

    def config(self) -> Config:
        """What was asked for."""
        return Config.parse(runfiles.read_json(self.path / "config.json"))

    def answers(self) -> list[evaluate.AnswerPair]:
        """Answers of base and adapter to the held-out prompts; empty when none were asked for."""
        return evaluate.read_answers(self.path / "answers.jsonl")

    def divergence(self) -> list[tuple[float, int]]:
        """Nats the adapter moved from its base over its first answer to each prompt, and the answer's tokens.

        In the order of `answers`; empty where there are none. One answer a prompt, because reading an answer under both
        models costs as much as writing it.
        """
        path = self.path / "divergence.json"
        found = runfiles.read_json(path) if path.exists() else {"nats": [], "tokens": []}
        return [(float(nats), int(n)) for nats, n in zip(found["nats"], found["tokens"], strict=True)]

    def margins(self) -> list[float]:
        """Implicit-reward margins of the held-out pairs, in the order of `pairs`; empty when none were given."""
        path = self.path / "margins.json"
        return [float(value) for value in runfiles.read_json(path)["margins"]] if path.exists() else []

    def scores(self) -> dict[str, list[dict[str, Any]]]:
        """Scores of a reward run: of the pairs `held_out`, and of as many it was trained on (`train`).

        One dict a pair: `row`, its place in held_out.jsonl or data.jsonl from 0, and the scores `chosen` and
        `rejected`. Empty for other kinds, and when no pairs were held out.
        """
        path = self.path / "scores.json"
        return runfiles.read_json(path) if path.exists() else {}

    def pairs(self) -> list[dict[str, Any]]:
        """The held-out pairs that `margins` are of."""
        listed = runfiles.read_jsonl(self.path / "pairs.jsonl")
        return listed or [row for row in runfiles.read_jsonl(self.path / "held_out.jsonl") if "chosen" in row]

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> Path:
        """Keep what the caller computed from answers and margins as evaluation.json."""
        path = self.path / "evaluation.json"
        runfiles.write_json(path, dict(evaluation))
        return path

    def evaluation(self) -> dict[str, Any] | None:
        """What `write_evaluation` kept, or None."""
        path = self.path / "evaluation.json"
        return runfiles.read_json(path) if path.exists() else None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines the process printed."""
        try:
            data = (self.path / "log.txt").read_bytes()[-64_000:]
        except FileNotFoundError:
            return ""
        return "\n".join(data.decode("utf-8", errors="replace").splitlines()[-lines:])

    def cancel(self, *, patience_s: float = 20.0) -> Status:
        """Ask the process to stop, make it after `patience_s` seconds, and return the final status."""
        status = self.status()
        while not status.over:
            status = self._stopped(status, patience_s)
        return status

    def _stopped(self, seen: Status, patience_s: float) -> Status:
        """Stop the process that a status speaks of; the status then, which is not over where another has begun."""
        if seen.pid is not None and seen.host != platform.node():
            raise TrainingError(
                f"the run belongs to another host, {seen.host}",
                where=str(self.path),
                next_step=f"there, run: kill {seen.pid}",
            )
        processes.stop(self.path, seen, patience_s)

        def cancelled(there: Status) -> Status | None:
            if there.over or (there.pid, there.created) != (seen.pid, seen.created):
                return None
            # It was too early in its life, or too deep in a step, to say so itself.
            return there.model_copy(update={"state": "cancelled", "ended": time.time()})

        return runfiles.change_status(self.path, cancelled)

    def wait(self, *, progress: bool = True, timeout_s: float | None = None) -> Status:
        """Follow the run with a bar until it is done or cancelled. Interrupting the wait leaves the run running.

        Raises
        ------
        TrainingError
            When the run failed (with the reason in one line), or `timeout_s` seconds have passed.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        phase, shown = "", bars.silent()
        try:
            while True:
                status = self.status()
                if status.phase != phase:
                    if status.state in ("running", "done"):
                        _fill(shown)  # the last steps of a phase are often not seen before the next begins
                    shown.close()
                    phase = status.phase
                    if progress:
                        bars.line(f"{self.path.name}: {phase}" + (f", {status.steps} steps" if status.steps else ""))
                    shown = _bar(f"{self.path.name}: {phase}", status.steps) if progress else bars.silent()
                shown.update(status.step - shown.n)
                shown.refresh()
                if status.over:
                    if status.state == "done":
                        _fill(shown)
                    break
                if deadline is not None and time.monotonic() > deadline:
                    raise TrainingError(
                        f"the run is not done after {timeout_s:g} s", where=str(self.path), next_step="wait() again"
                    )
                time.sleep(0.3)
        finally:
            shown.close()
        processes.reap(self.path)
        if status.state == "failed":
            raise TrainingError(
                f"the run failed: {status.reason}",
                where=str(self.path),
                next_step="Run.log_tail() shows its last words",
            )
        return status

    def __str__(self) -> str:
        status = self.status()
        line = f"run {self.path.name}: {status.state}"
        if status.state == "running":
            line += f", {status.phase}" + (f" {status.step}/{status.steps}" if status.steps else "")
        return line + (f", {status.reason}" if status.reason else "")

    def _repr_html_(self) -> str:
        rows = self.metrics()
        last = rows[-1] if rows else {}
        told = [
            f"{name} {last[name]:.3f}"
            for name in ("loss", "margin", "accuracy", "reward", "kl")
            if last.get(name) is not None
        ]
        notes = [str(self), *([f"step {last['step']}: " + ", ".join(told)] if told else []), *self.status().notes]
        # The class keeps JupyterLab from setting dollar signs as mathematics.
        return f'<div class="mathjax_ignore">{"".join(f"<div>{html.escape(note)}</div>" for note in notes)}</div>'


def list_runs(runs_dir: str | Path = "runs") -> list[Run]:
    """The runs in a folder, oldest first; other folders there are passed over."""
    folder = Path(runs_dir)
    found = [Run(path.parent.resolve()) for path in folder.glob("*/status.json")] if folder.is_dir() else []
    return sorted(found, key=lambda run: (runfiles.read_status(run.path).created, run.path.name))


def _bar(what: str, steps: int) -> tqdm[Any]:
    return bars.bar(what, steps, "step") if steps else bars.clock(what)


def _fill(shown: tqdm[Any]) -> None:
    """To the end of a phase that ended well; notebooks show a bar that is closed before it as a failure."""
    if shown.total:
        shown.update(shown.total - shown.n)
