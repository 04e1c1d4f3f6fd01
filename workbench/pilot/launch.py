"""What the launch form offers: the runs a pilot's labels can start, their settings, and what each would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from workbench import exporters
from workbench.errors import WorkbenchError
from workbench.pilot import measures, training
from workbench.pilot.row_options import options_of
from workbench.pilot.rows import classes
from workbench.training import models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.exporters import Exported
    from workbench.pilot.noise import FlipRate
    from workbench.pilot.opening import Pilot
    from workbench.training.launching import Launch

_LABELS = {
    "dpo": "DPO: which of two answers is better",
    "reward": "Reward model: a score learned from pairs",
    "kto": "KTO: answers that are good or bad",
    "sft": "SFT: answers to imitate",
    "policy": "Policy gradient (GRPO, RLOO): answers a reward model likes",
}
# What is asked, in this order; the form has its own words for most.
_ASKED = (
    *("model", "loss", "algorithm", "reward_run", "beta", "label_smoothing", "sft_weight"),
    *("learning_rate", "epochs", "seed"),
)
_CHOICES = ("loss", "algorithm")
# Options of the rows that are asked for, where the task has them.
_OF_ROWS: dict[str, Any] = {"desirable": [], "ties": "drop"}
_WAITS = "The classes that are wanted say which rows there are."


def options(pilot: Pilot) -> dict[str, Any]:
    """See `widgets.launch.Launching`."""
    notices = [pilot.simulated_notice] if pilot.simulated_notice else []
    return {"kinds": {kind: _kind(pilot, kind) for kind in _LABELS}, "notices": notices}


def estimate(
    pilot: Pilot, kind: str, max_pairs: int | None, samples: int, launch: Launch | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """See `Pilot.estimate`."""
    from workbench.training import estimate as dry

    choice = training.chosen(pilot, kind, None, max_pairs=max_pairs, options=given)
    asked = sum(prompt.split == "test" and bool(prompt.constraints) for prompt in pilot.prompts)
    answers = 0 if kind == "reward" else samples * asked
    found = dry.estimate(
        kind, choice.rows, choice.config, launch=launch, runs_dir=pilot.folder / "runs", answers=answers
    )
    told = [f"{len(choice.rows):,} rows to train on, {len(choice.made.split('eval')):,} held out"]
    if choice.flip_rate is not None:
        told.append(_epsilon(choice.flip_rate))
    return {**found, "lines": [*told, *found["lines"], *_unused(choice.made)]}


def _kind(pilot: Pilot, kind: str) -> dict[str, Any]:
    from workbench.training import kinds

    fields = kinds.trainer(kind).RunConfig.model_fields
    of_rows = options_of(pilot.config.task, kind) & _OF_ROWS.keys()
    asked: dict[str, Any] = {name: default for name, default in _OF_ROWS.items() if name in of_rows}
    asked |= {name: fields[name].default for name in _ASKED if name in fields}
    asked |= {"max_pairs": None, "time_budget_s": None}
    choices = {name: _allowed(fields[name].annotation) for name in _CHOICES if name in fields}
    if "ties" in of_rows:
        choices["ties"] = list(exporters.TIES)
    if "votes" in choices.get("loss", ()) and "by_votes" not in options_of(pilot.config.task, kind):
        choices["loss"].remove("votes")
    hints = {}
    if "label_smoothing" in asked:
        asked["label_smoothing"] = None
        hints["label_smoothing"] = "empty: the flip rate that the labels tell of the rows; between 0 and 0.5"
    shown: dict[str, Any] = {
        "label": _LABELS[kind],
        "defaults": asked,
        "choices": choices,
        "suggestions": {},
        "hints": hints,
    }
    shown["suggestions"]["model"] = sorted({models.EMBEDDED, *_models(pilot)})
    try:
        if "desirable" in of_rows:  # the rows wait for an answer
            measures.some_labels(pilot)
            choices["desirable"] = classes(pilot)
            return {**shown, "rows": None, "held_out": None, "summary": _WAITS, "problem": ""}
        made = pilot.rows(kind)
    except WorkbenchError as error:
        return {**shown, "rows": 0, "held_out": 0, "summary": "", "problem": str(error)}
    problem = ""
    if "reward_run" in fields:
        scorers = _scorers(pilot)
        problem = "" if scorers else "no reward model yet: start a reward run first"
        asked["reward_run"] = scorers[-1] if scorers else ""
        choices["reward_run"] = scorers
    n_rows, n_held_out = (len(made.split(split)) for split in ("train", "eval"))
    summary = str(made).splitlines()[0]
    if "ties" in of_rows:  # what is chosen of them decides; the estimate says how
        told = f"With ties left out: {n_rows:,} rows to train on, {n_held_out:,} held out; {summary}."
        return {**shown, "rows": None, "held_out": None, "summary": told, "problem": problem}
    return {**shown, "rows": n_rows, "held_out": n_held_out, "summary": summary, "problem": problem}


def _epsilon(rate: FlipRate) -> str:
    one = rate.rows[rate.basis]
    return f"epsilon {rate.epsilon:.3f}, the flip rate of these rows: {one.low:.3f} to {one.high:.3f}, {one.label}"


def _allowed(annotation: Any) -> list[str]:
    return [str(one) for one in get_args(annotation)]


def _models(pilot: Pilot) -> set[str]:
    asked = pilot.config.candidates.model
    return {asked} if isinstance(asked, str) else set(asked)


def _scorers(pilot: Pilot) -> list[str]:
    """Folders of the pilot's reward runs that are done, oldest first."""
    done = [run for run in pilot.runs() if run.status().state == "done"]
    return [str(run.path) for run in done if run.config().kind == "reward"]


def _unused(made: Exported[Any]) -> list[str]:
    left = ", ".join(f"{entry.n_labels} {entry.meaning}" for entry in made.ledger)
    return [f"{made.n_used} of {made.n_labels} labels used" + (f"; not used: {left}" if left else "")]
