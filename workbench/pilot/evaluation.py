"""What a run changed: base against adapter on held-out prompts and pairs, with intervals by prompt."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import verifiers
from workbench.errors import PilotError
from workbench.pilot.margins import one_a_pair
from workbench.pilot.results import Evaluation
from workbench.stats import calibration, intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.pilot.opening import Pilot
    from workbench.records import Prompt
    from workbench.stats.estimate import Estimate
    from workbench.training.runs import Run


def evaluate(pilot: Pilot, run: Run, reward: Run | None = None) -> Evaluation:
    """See `Pilot.evaluate`. Kept as the run's `evaluation.json`."""
    rows = compared(pilot, run)
    found = Evaluation(
        run=run.path.name,
        base=intervals.mean([row["base"] for row in rows], name="base") if rows else None,
        adapter=intervals.mean([row["adapter"] for row in rows], name="adapter") if rows else None,
        satisfaction=_change(rows, "base", "adapter", "satisfaction") if rows else None,
        by_kind=tuple(by_kind(rows)),
        length=_change(rows, "base_words", "adapter_words", "words") if rows else None,
        pair_accuracy=_accuracy(run),
        margin=_margin(run),
        divergence=_divergence(run),
        reward=_reward(pilot, run, reward) if reward is not None else None,
        n_samples=rows[0]["n_samples"] if rows else 0,
        placebo=bool(run.manifest().get("placebo")),
        notes=(*_notes(rows), *run.status().notes),
    )
    run.write_evaluation(as_json(found))
    return found


def compared(pilot: Pilot, run: Run) -> list[dict[str, Any]]:
    """One row a held-out prompt, before and after (`training.evaluate.compare`); none where no prompt was answered.

    Raises
    ------
    PilotError
        When the run is not done.
    """
    from workbench.training import evaluate as made

    status = run.status()
    if status.state != "done":
        raise PilotError(f"the run is {status.state}, so there is nothing to evaluate", where=str(run.path))
    answers = run.answers()
    asked = {pair.prompt_id for pair in answers}
    prompts = [prompt for prompt in pilot.prompts if prompt.id in asked and prompt.constraints]
    return made.compare(answers, prompts, _score) if prompts else []


def _accuracy(run: Run) -> Estimate | None:
    """The share of pairs whose chosen answer gained more probability than the other."""
    prompts, margins = one_a_pair(run.pairs(), run.margins())
    return replace(calibration.accuracy(prompts, margins), name="pair_accuracy", label="") if margins else None


def _margin(run: Run) -> Estimate | None:
    prompts, margins = one_a_pair(run.pairs(), run.margins())
    return _by_prompt("margin", prompts, margins) if margins else None


def _divergence(run: Run) -> Estimate | None:
    moved = run.divergence()
    if not moved:
        return None
    first = [one.prompt_id for one in run.answers() if one.sample == 0]
    return _by_prompt("divergence", first, [nats for nats, _ in moved])


def _by_prompt(name: str, prompts: Sequence[str], values: Sequence[float]) -> Estimate:
    """Mean over prompts of each prompt's mean."""
    return intervals.mean(_means(prompts, values), name=name)


def _means(prompts: Sequence[str], values: Sequence[float]) -> list[float]:
    gathered: dict[str, list[float]] = {}
    for prompt, value in zip(prompts, values, strict=True):
        gathered.setdefault(prompt, []).append(value)
    return [sum(some) / len(some) for some in gathered.values()]


def _reward(pilot: Pilot, run: Run, reward: Run) -> Estimate | None:
    """What the reward model makes of the answers: adapter's score minus the base's, in units of its own."""
    from workbench.training import reward as scorer

    prompts = {prompt.id: prompt.prompt for prompt in pilot.prompts}
    answers = [one for one in run.answers() if one.prompt_id in prompts]
    if not answers:
        return None
    model, tokenizer = scorer.load(reward.path)
    sides = [[(prompts[one.prompt_id], getattr(one, side)) for one in answers] for side in ("base", "adapter")]
    scores = scorer.score([*sides[0], *sides[1]], model, tokenizer)
    scored = [
        (one.prompt_id, after - before)
        for one, before, after in zip(answers, scores[: len(answers)], scores[len(answers) :], strict=True)
        if before is not None and after is not None
    ]
    return _by_prompt("reward", [name for name, _ in scored], [change for _, change in scored]) if scored else None


def as_json(found: Any) -> dict[str, Any]:
    """An evaluation, any frozen dataclass, as plain JSON (NaN as null)."""

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


def by_kind(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a kind of constraint, over the prompts that have it; most frequent first.

    A prompt counts once, however many constraints of the kind it has.
    """
    shares: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        mine: dict[str, list[tuple[float, float]]] = {}
        for constraint in row["constraints"]:
            pair = (constraint["base"] / row["n_samples"], constraint["adapter"] / row["n_samples"])
            mine.setdefault(constraint["kind"], []).append(pair)
        for kind, pairs in mine.items():
            before, after = np.mean(pairs, axis=0)
            shares.setdefault(kind, []).append((float(before), float(after)))
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
    notes = ["one seed and no placebo: this shows a difference, not that the labels caused it (see Pilot.proof)"]
    length = _change(rows, "base_words", "adapter_words", "words")
    gain = _change(rows, "base", "adapter", "satisfaction")
    if gain.value > 0 and length.high < 0:
        notes.append("answers became shorter: look at the kinds before calling this a gain, it may be brevity alone")
    if length.value > 0 and sum(r["adapter_cut"] for r in rows) > sum(r["base_cut"] for r in rows):
        notes.append("more answers were cut at the length limit than before")
    return notes
