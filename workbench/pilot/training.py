"""A pilot's training runs: choose the pairs, start the process, and say what the adapter changed."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import verifiers
from workbench.errors import PilotError
from workbench.exporters import rows_as_dicts
from workbench.pilot.results import Evaluation
from workbench.stats import intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.exporters import PreferenceRow, Preferences
    from workbench.pilot.opening import Pilot
    from workbench.records import Prompt
    from workbench.training.jobs import Run


def choose_rows(rows: Sequence[PreferenceRow], most: int | None) -> list[PreferenceRow]:
    """At most `most` rows, spread over categories and over which side is shorter.

    A small run on pairs whose chosen side is mostly the shorter one learns brevity and little else, so groups take
    turns. The choice depends on the rows alone.
    """
    groups: dict[tuple[str, bool], list[PreferenceRow]] = {}
    for row in sorted(rows, key=lambda row: row.item):
        groups.setdefault((row.category, len(row.chosen) < len(row.rejected)), []).append(row)
    turns = [row for turn in zip_longest(*(groups[key] for key in sorted(groups))) for row in turn if row is not None]
    return turns if most is None else turns[:most]


def start(
    pilot: Pilot, kind: str, preferences: Preferences, *, max_pairs: int | None, samples: int, options: dict[str, Any]
) -> Run:
    """Start a run on the pilot's preference rows; its process outlives this one.

    Raises
    ------
    PilotError
        For a kind of run there is not.
    TrainingError
        When the rows or settings cannot make a run.
    """
    from workbench.training import dpo, evaluate, jobs

    if kind != "dpo":
        raise PilotError(f"no trainer {kind!r}; there is dpo")
    rows = choose_rows(preferences.split("train"), max_pairs)
    sources = {source for row in rows for source in row.source}
    held_out_prompts = [prompt for prompt in pilot.prompts if prompt.split == "test" and prompt.constraints]
    return jobs.start(
        "dpo",
        rows_as_dicts(rows),
        dpo.RunConfig.parse(options),
        pilot.folder / "runs",
        guideline_sha256=rows[0].guideline_sha256 if rows else None,
        # One word for the whole run: a single simulated label makes the run a simulated one.
        source="simulated" if "simulated" in sources else "model" if "model" in sources else "human",
        data_sha256=preferences.sha256,
        prompts=held_out_prompts,
        answers=evaluate.AnswerConfig(samples=samples, seed=int(options.get("seed", 0))),
        held_out=rows_as_dicts(preferences.split("eval")),
    )


def evaluate(pilot: Pilot, run: Run) -> Evaluation:
    """Compare base and adapter from what the run's process wrote: answers to held-out prompts, margins of pairs.

    Differences are paired by prompt, their intervals resample prompts. Kept as the run's `evaluation.json`.
    """
    from workbench.training import evaluate as made

    status = run.status()
    if status.state != "done":
        raise PilotError(f"the run is {status.state}, so there is nothing to evaluate", where=str(run.path))
    answers, margins = run.answers(), run.margins()
    prompts = [prompt for prompt in pilot.prompts if prompt.id in {pair.prompt_id for pair in answers}]
    rows = made.compare(answers, prompts, _score) if prompts else []
    accuracy = (
        intervals.proportion(
            "pair_accuracy", sum(m > 0 for m in margins), len(margins), n_items=len(margins), n_annotators=0
        )
        if margins
        else None
    )
    found = Evaluation(
        run=run.path.name,
        base=intervals.mean([row["base"] for row in rows], name="base") if rows else None,
        adapter=intervals.mean([row["adapter"] for row in rows], name="adapter") if rows else None,
        satisfaction=_change(rows, "base", "adapter", "satisfaction") if rows else None,
        by_kind=tuple(_by_kind(rows)),
        length=_change(rows, "base_words", "adapter_words", "words") if rows else None,
        pair_accuracy=accuracy,
        n_samples=rows[0]["n_samples"] if rows else 0,
        notes=(*_notes(rows), *status.notes),
    )
    run.write_evaluation(as_json(found))
    return found


def as_json(found: Evaluation) -> dict[str, Any]:
    """An evaluation as plain JSON (NaN as null)."""

    def plain(value: Any) -> Any:
        if hasattr(value, "__dataclass_fields__"):
            return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, tuple | list):
            return [plain(inner) for inner in value]
        return None if isinstance(value, float) and value != value else value

    return dict(plain(found))


def _score(prompt: Prompt, text: str) -> list[bool]:
    return [verdict.passed for verdict in verifiers.check_all(prompt.constraints, text).verdicts]


def _change(rows: Sequence[dict[str, Any]], before: str, after: str, name: str) -> Any:
    return intervals.paired_difference([row[before] for row in rows], [row[after] for row in rows], name=name)


def _by_kind(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a kind of constraint, over the prompts that have it; most frequent first."""
    shares: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for constraint in row["constraints"]:
            pair = (constraint["base"] / row["n_samples"], constraint["adapter"] / row["n_samples"])
            shares.setdefault(constraint["kind"], []).append(pair)
    table = []
    for kind, pairs in sorted(shares.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        before, after = np.asarray(pairs).T
        change = intervals.paired_difference(before, after, name=kind)
        table.append(
            {
                "label": kind,
                "base": float(before.mean()),
                "adapter": float(after.mean()),
                "difference": change.value,
                "low": None if math.isnan(change.low) else change.low,
                "high": None if math.isnan(change.high) else change.high,
                "n": len(pairs),
            }
        )
    return table


def _notes(rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["no held-out prompts with machine-checked constraints, so satisfaction was not measured"]
    notes = ["one seed and no placebo: this shows a difference, not that the labels caused it"]
    length = _change(rows, "base_words", "adapter_words", "words")
    gain = _change(rows, "base", "adapter", "satisfaction")
    if gain.value > 0 and length.high < 0:
        notes.append("answers became shorter: look at the kinds before calling this a gain, it may be brevity alone")
    if length.value > 0 and sum(r["adapter_cut"] for r in rows) > sum(r["base_cut"] for r in rows):
        notes.append("more answers were cut at the length limit than before")
    return notes
