"""Runs: a folder and a process each, which outlive the notebook that started them.

`start` writes the folder and launches `python -m workbench.training.jobs RUN`; `Run` reads the folder, so any number
of notebooks and shells see the same. A process that died is noticed by its number, its start time and its heartbeat,
and is never shown as running.
"""

from __future__ import annotations

import hashlib
import html
import json
import platform
import secrets
import signal
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import SerializeAsAny, model_validator

from workbench import progress as bars
from workbench.errors import TrainingError, WorkbenchError
from workbench.records import Prompt, Record, Sha256, Source, canonical_json
from workbench.training import evaluate, launching, models, processes, runfiles, running, workers
from workbench.training import rows as rows_of_run
from workbench.training.runfiles import Status
from workbench.training.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tqdm.std import tqdm

# Beside the runs: what their start models answered.
BASE_ANSWERS = "base_answers"
Kind = Literal["sft", "reward", "dpo", "kto", "policy"]
# A kind of run and the module that trains it: `RunConfig`, `check_rows` and `train`; `measure` where what comes out is
# no language model.
KINDS: dict[str, str] = {kind: f"workbench.training.{kind}" for kind in get_args(Kind)}


def trainer(kind: str) -> Any:
    """The module that trains this kind of run, or `TrainingError` naming the kinds there are."""
    if kind not in KINDS:
        raise TrainingError(f"no kind of run {kind!r}", next_step=f"use one of {', '.join(KINDS)}")
    return import_module(KINDS[kind])


class Config(Record):
    """config.json: what the run does, checked before anything heavy is imported.

    `config` is the `RunConfig` of the kind's own module.
    """

    kind: Kind
    config: SerializeAsAny[RunSettings]
    answers: evaluate.AnswerConfig | None = None
    launch: launching.Launch = launching.Launch()

    @model_validator(mode="before")
    @classmethod
    def _of_its_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("kind") not in KINDS:
            return data
        wanted = trainer(data["kind"]).RunConfig
        config = data.get("config", {})
        if isinstance(config, dict):
            return {**data, "config": wanted.model_validate(config)}
        if not isinstance(config, wanted):
            msg = f"a run of kind {data['kind']!r} takes training.{data['kind']}.RunConfig, got {type(config).__name__}"
            raise ValueError(msg)  # noqa: TRY004 - pydantic wants this one
        return data


@dataclass(frozen=True)
class Run:
    """A run folder. Reading it never needs torch, and works from any process."""

    path: Path

    def status(self) -> Status:
        """Where the run stands; a dead process is written down as failed."""
        status = runfiles.read_status(self.path)
        if status.over or processes.alive(self.path, status):
            return status
        status = runfiles.read_status(self.path)  # it may have ended between the two looks
        if status.over:
            return status
        reason = "process died: " + ("it never started" if status.pid is None else f"it ended in {status.phase!r}")
        if processes.killed(self.path):
            reason += ", killed; if nobody did it, memory ran out -> lower batch_size, or raise accumulation"
        status = status.model_copy(update={"state": "failed", "reason": reason, "ended": time.time()})
        runfiles.write_status(self.path, status)
        return status

    def metrics(self) -> list[dict[str, Any]]:
        """One dict a step: step, loss, margin, accuracy, learning_rate, tokens_per_s, seconds, eta_s and others."""
        return runfiles.read_jsonl(self.path / "metrics.jsonl")

    def manifest(self) -> dict[str, Any]:
        """Hashes, versions, seed, device and model the run rests on."""
        return _read_json(self.path / "manifest.json")

    def config(self) -> Config:
        """What was asked for."""
        return Config.parse(_read_json(self.path / "config.json"))

    def answers(self) -> list[evaluate.AnswerPair]:
        """Answers of base and adapter to the held-out prompts; empty when none were asked for."""
        return evaluate.read_answers(self.path / "answers.jsonl")

    def divergence(self) -> list[tuple[float, int]]:
        """Nats the adapter moved from its base over its first answer to each prompt, and the answer's tokens.

        In the order of `answers`; empty where there are none. One answer a prompt, because reading an answer under both
        models costs as much as writing it.
        """
        path = self.path / "divergence.json"
        found = _read_json(path) if path.exists() else {"nats": [], "tokens": []}
        return [(float(nats), int(n)) for nats, n in zip(found["nats"], found["tokens"], strict=True)]

    def margins(self) -> list[float]:
        """Implicit-reward margins of the held-out pairs, in the order of `pairs`; empty when none were given."""
        path = self.path / "margins.json"
        return [float(value) for value in _read_json(path)["margins"]] if path.exists() else []

    def scores(self) -> dict[str, list[dict[str, Any]]]:
        """Scores of a reward run: of the pairs `held_out`, and of as many it was trained on (`train`).

        One dict a pair: `row`, its place in held_out.jsonl or data.jsonl from 0, and the scores `chosen` and
        `rejected`. Empty for other kinds, and when no pairs were held out.
        """
        path = self.path / "scores.json"
        return _read_json(path) if path.exists() else {}

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
        return _read_json(path) if path.exists() else None

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
        if status.over:
            return status
        if status.pid is not None and status.host != platform.node():
            raise TrainingError(
                f"the run belongs to another host, {status.host}",
                where=str(self.path),
                next_step=f"there, run: kill {status.pid}",
            )
        processes.stop(self.path, status, patience_s)
        status = runfiles.read_status(self.path)
        if not status.over:  # it was too early in its life, or too deep in a step, to say so itself
            status = status.model_copy(update={"state": "cancelled", "ended": time.time()})
            runfiles.write_status(self.path, status)
        return status

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


def start(
    kind: Kind,
    rows: Sequence[Mapping[str, Any]] | str | Path,
    config: RunSettings | None = None,
    runs_dir: str | Path = "runs",
    *,
    guideline_sha256: str | None = None,
    source: Source = "human",
    data_sha256: str | None = None,
    prompts: Sequence[Prompt] = (),
    answers: evaluate.AnswerConfig | None = None,
    held_out: Sequence[Mapping[str, Any]] = (),
    pairs: Sequence[Mapping[str, Any]] = (),
    placebo: bool = False,
    launch: launching.Launch | None = None,
    wait: bool = False,
) -> Run:
    """Write a run folder and start its process.

    Parameters
    ----------
    rows
        What the kind trains on, or a JSONL file of it: `{prompt, chosen, rejected}` for `dpo` and `reward`,
        `{prompt, completion}` for `sft`, with `label` for `kto`, `{prompt}` for `policy`. Other columns are kept in
        data.jsonl and not used.
    config
        The `RunConfig` of the kind's module; the defaults fit 135M parameters on a CPU.
    runs_dir
        Where the run's folder is made.
    guideline_sha256, source
        Of the labels behind the rows; both go to the manifest and on into reports.
    data_sha256
        Hash of the export the rows come from; left out, it is that of the rows as written to data.jsonl.
    prompts, answers
        Held-out prompts that base and adapter answer after training, in the same process (`Run.answers`).
    held_out
        Held-out rows of the kind's own shape, measured while training (`eval_every`) and after it.
    pairs
        Held-out pairs `{prompt, chosen, rejected}` whose implicit-reward margins are computed after training
        (`Run.margins`); those of `held_out` where it holds pairs.
    placebo
        Whether the labels of these rows were shuffled, for the manifest.
    launch
        Several processes, GPUs or hosts; left out, one process.
    wait
        Follow the run to its end (`Run.wait`).

    Raises
    ------
    TrainingError
        For rows, settings or a folder a run cannot be made of; nothing is left behind then.
    """
    models.require_train()
    module = trainer(kind)
    config = config or module.RunConfig()
    asked = (answers or evaluate.AnswerConfig()) if prompts else None
    launch = launch or launching.Launch()
    launching.check(launch, config.batch_size, config.accumulation)
    whole = Config(kind=kind, config=config, answers=asked, launch=launch)
    listed = runfiles.read_jsonl(_existing(rows)) if isinstance(rows, str | Path) else [dict(row) for row in rows]
    module.check_rows(listed, str(rows) if isinstance(rows, str | Path) else "rows", config=config)
    if held_out:
        module.check_rows(held_out, "held_out", least=1)
    rows_of_run.check_pairs(pairs, "pairs", least=0)
    text, digest = _lines(listed), rows_sha256(listed)
    now = time.time()
    manifest = _Manifest(
        data_sha256=data_sha256 or digest,
        rows_sha256=digest,
        guideline_sha256=guideline_sha256,
        source=source,
        placebo=placebo,
    )
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    run = Run(Path(runs_dir).resolve() / f"{kind}-{stamp}-{secrets.token_hex(2)}")
    try:
        run.path.mkdir(parents=True)
        runfiles.write_atomic(run.path / "data.jsonl", text)
        if prompts:
            runfiles.write_atomic(run.path / "prompts.jsonl", "".join(one.canonical() + "\n" for one in prompts))
        if held_out:
            runfiles.write_atomic(run.path / "held_out.jsonl", _lines(held_out))
        if pairs:
            runfiles.write_atomic(run.path / "pairs.jsonl", _lines(pairs))
        runfiles.write_json(run.path / "config.json", whole.model_dump(mode="json"))
        launching.keep(launch, run.path)
        runfiles.write_json(
            run.path / "manifest.json",
            {
                "run": run.path.name,
                "kind": kind,
                "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
                "seed": config.seed,
                "git": runfiles.git_revision(run.path),
                **manifest.model_dump(mode="json"),
                **runfiles.versions(),
            },
        )
        runfiles.write_status(run.path, Status(state="queued", created=now))
    except OSError as error:
        raise TrainingError(f"cannot write the run folder: {error.strerror}", where=str(run.path)) from error
    processes.launch(run.path)
    if wait:
        run.wait()
    return run


def rows_sha256(rows: Sequence[Mapping[str, Any]]) -> str:
    """The hash of these rows as a run's data.jsonl, which its manifest keeps."""
    return hashlib.sha256(_lines(rows).encode()).hexdigest()


def resume(run: Run, *, wait: bool = False) -> Run:
    """Start the process of a run again that failed or was stopped, from its last checkpoint.

    The rows come in the same order, and optimiser, schedule and random numbers go on where the checkpoint left them. A
    run without a checkpoint (`save_every`) begins again.

    Raises
    ------
    TrainingError
        When the run is under way, or done.
    """
    status = run.status()
    if status.state not in ("failed", "cancelled"):
        raise TrainingError(f"the run is {status.state}", where=str(run.path), next_step="start another run")
    models.require_train()
    step = running.last_checkpoint(run.path)
    note = f"resumed from {Path(step).name}" if step else "begun again: there was no checkpoint"
    fresh = Status(state="queued", created=time.time(), notes=(*status.notes, note))
    runfiles.write_status(run.path, fresh)
    processes.launch(run.path)
    if wait:
        run.wait()
    return run


def list_runs(runs_dir: str | Path = "runs") -> list[Run]:
    """The runs in a folder, oldest first; other folders there are passed over."""
    folder = Path(runs_dir)
    found = [Run(path.parent.resolve()) for path in folder.glob("*/status.json")] if folder.is_dir() else []
    return sorted(found, key=lambda run: (runfiles.read_status(run.path).created, run.path.name))


class _Manifest(Record):
    data_sha256: Sha256
    rows_sha256: Sha256
    guideline_sha256: Sha256 | None
    source: Source
    placebo: bool


class _Cancelled(BaseException):
    """Raised by SIGTERM; not an Exception, so that no library takes it for one of its own."""


def _on_sigterm(*_: object) -> None:
    raise _Cancelled


def main(run_dir: str) -> int:
    """The process of a run: train, answer, and say how it ended. Returns the exit code."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    path = Path(run_dir)
    if runfiles.read_status(path).over:  # cancelled before it began
        return 1
    workers.follow_leader()
    reporter = runfiles.Reporter(path, speaks=running.processes()[0] == 0, pid=workers.leader())
    try:
        _work(path, reporter)
    except _Cancelled:
        workers.end(reporter, "cancelled")
        return 1
    except Exception as error:  # noqa: BLE001 - whatever it is, the run must be marked failed and the trace be kept
        import traceback

        traceback.print_exc()
        workers.end(reporter, "failed", reason_of(error))
        return 1
    reporter.end("done")
    return 0


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


def _work(path: Path, reporter: runfiles.Reporter) -> None:
    whole = Config.parse(_read_json(path / "config.json"))
    module = trainer(whole.kind)
    if not running.saved(path):  # a run may have been stopped while it answered
        module.train(path, whole.config, reporter)
    workers.close_group()
    if running.processes()[0]:
        return
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
        prompts = [Prompt.parse(row) for row in runfiles.read_jsonl(path / "prompts.jsonl")]
        asked = {prompt.id: prompt.prompt for prompt in prompts}
        answered = evaluate.answer_pairs(
            prompts,
            model,
            tokenizer,
            whole.answers,
            path=path / "answers.jsonl",
            kept=evaluate.base_file(
                path.parent / BASE_ANSWERS,
                str(Run(path).manifest()["model"]["sha256"]),
                str(model.dtype),
                whole.answers,
                prompts,
            ),
            on_step=reporter.follow("answering"),
            progress=False,
        )
        moved = evaluate.divergence(
            [(asked[one.prompt_id], one.adapter) for one in answered if one.sample == 0],
            model,
            tokenizer,
            on_step=reporter.follow("divergence"),
        )
        runfiles.write_json(
            path / "divergence.json", {"nats": [nats for nats, _ in moved], "tokens": [n for _, n in moved]}
        )
    if pairs:
        beta = float(getattr(whole.config, "beta", 1.0) or 1.0)  # a policy may be held by nothing
        margins = evaluate.implicit_rewards(
            pairs, model, tokenizer, beta=beta, on_step=reporter.follow("held-out pairs")
        )
        runfiles.write_json(path / "margins.json", {"beta": beta, "margins": margins})


def _bar(what: str, steps: int) -> tqdm[Any]:
    return bars.bar(what, steps, "step") if steps else bars.clock(what)


def _fill(shown: tqdm[Any]) -> None:
    """To the end of a phase that ended well; notebooks show a bar that is closed before it as a failure."""
    if shown.total:
        shown.update(shown.total - shown.n)


def _existing(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise TrainingError("no such file of rows", where=str(path), next_step="export the preferences first")
    return Path(path)


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(canonical_json(dict(row)) + "\n" for row in rows)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"cannot be read: {error}", where=str(path)) from error
    return dict(loaded)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
