"""Starting runs: a folder and a process each, which outlive the notebook that started them.

`start` writes the folder and launches its process (`work`); `runs.Run` reads the folder, so any number of notebooks and
shells see the same.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from workbench.errors import TrainingError
from workbench.records import Record, Sha256, Source, canonical_json
from workbench.training import evaluate, launching, models, processes, runfiles, running
from workbench.training import rows as rows_of_run
from workbench.training.kinds import Config, Kind, trainer
from workbench.training.runfiles import Status
from workbench.training.runs import Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.records import Prompt
    from workbench.training.settings import RunSettings


def start(
    kind: Kind,
    rows: Sequence[Mapping[str, Any]] | str | Path,
    config: RunSettings | None = None,
    runs_dir: str | Path = "runs",
    *,
    guideline_sha256: str | None = None,
    source: Source = "human",
    data_sha256: str | None = None,
    row_options: Mapping[str, Any] | None = None,
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
    row_options
        How the rows were made of labels, for the manifest.
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
    launching.check(launch, config)
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
        row_options=dict(row_options or {}),
        rows_sha256=digest,
        guideline_sha256=guideline_sha256,
        source=source,
        placebo=placebo,
    )
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    run = Run(Path(runs_dir).resolve() / f"{kind}-{stamp}-{secrets.token_hex(3)}")
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
    models.require_train()

    def again(there: Status) -> Status:
        status = run.judged(there)
        if status.state not in ("failed", "cancelled"):
            raise TrainingError(f"the run is {status.state}", where=str(run.path), next_step="start another run")
        step = running.last_checkpoint(run.path)
        if running.saved(run.path):
            note = "resumed after its training, to measure"
        else:
            note = f"resumed from {Path(step).name}" if step else "begun again: there was no checkpoint"
        return Status(state="queued", created=time.time(), notes=(*status.notes, note))

    runfiles.read_status(run.path)  # or it is no run
    runfiles.change_status(run.path, again)  # of two who resume at the same moment one finds it queued
    processes.launch(run.path)
    if wait:
        run.wait()
    return run


class _Manifest(Record):
    data_sha256: Sha256
    row_options: dict[str, JsonValue]
    rows_sha256: Sha256
    guideline_sha256: Sha256 | None
    source: Source
    placebo: bool


def _existing(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise TrainingError("no such file of rows", where=str(path), next_step="export the preferences first")
    return Path(path)


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(canonical_json(dict(row)) + "\n" for row in rows)
