"""A pilot's training runs: which rows, with which settings, and the process that is started with them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import exporters
from workbench.errors import PilotError
from workbench.exporters import KINDS, Exported, Preferences, rows_as_dicts
from workbench.pilot.row_options import OF_PAIRS, RowOptions, options_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.exporters import TrainingRow
    from workbench.pilot.noise import FlipRate
    from workbench.pilot.opening import Pilot
    from workbench.records import Source
    from workbench.training.evaluate import AnswerConfig
    from workbench.training.launching import Launch
    from workbench.training.runs import Run
    from workbench.training.settings import RunSettings

# Kinds whose labels can be shuffled, and how a shuffled row differs.
_SHUFFLED = ("dpo", "reward", "kto")


def choose_rows(rows: Sequence[TrainingRow], most: int | None) -> list[Any]:
    """The rows of at most `most` items, spread over categories and over which side is shorter or what was said.

    A small run on pairs whose chosen side is mostly the shorter one learns brevity and little else, so groups take
    turns. An item's rows (one a vote, or both directions of a tie) stay together. The choice depends on the rows alone.
    """
    if most is not None and most < 1:
        raise PilotError(f"max_pairs must be at least 1, got {most}")
    items: dict[str, list[TrainingRow]] = {}
    for row in rows:
        items.setdefault(_item(row), []).append(row)
    groups: dict[tuple[str, bool], list[list[TrainingRow]]] = {}
    for name in sorted(items):
        groups.setdefault((items[name][0].category, _side(items[name][0])), []).append(items[name])
    turns = [mine for turn in zip_longest(*(groups[key] for key in sorted(groups))) for mine in turn if mine]
    return [row for mine in (turns if most is None else turns[:most]) for row in mine]


def _item(row: Any) -> str:
    """What the row is about: an item, or an answer to a prompt, or a prompt."""
    if hasattr(row, "item"):
        return str(row.item)
    return f"{row.prompt_id} {getattr(row, 'completion_id', '') or row.prompt}"


def _side(row: Any) -> bool:
    return len(row.chosen) < len(row.rejected) if hasattr(row, "chosen") else bool(getattr(row, "label", False))


def config_of(kind: str, options: Mapping[str, Any]) -> RunSettings:
    """The kind's settings, or an error that names the option which is none."""
    plain = {name: str(value.path) if hasattr(value, "path") else value for name, value in options.items()}
    return _run_config(kind).parse(plain)


def _run_config(kind: str) -> type[RunSettings]:
    from workbench.training import kinds

    if kind not in KINDS:
        raise PilotError(f"no trainer {kind!r}; there are {', '.join(KINDS)}")
    found: type[RunSettings] = kinds.trainer(kind).RunConfig
    return found


def rows_for(
    pilot: Pilot,
    kind: str,
    config: RunSettings,
    rows: Exported[Any] | None,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> Exported[Any]:
    """The rows a run of this kind and loss trains on: those given, or the pilot's own, made with these options."""
    votes = getattr(config, "loss", "") == "votes"
    if rows is None:
        if votes and "by_votes" not in options_of(pilot.config.task, kind):
            raise PilotError(
                f"loss votes needs several votes on one pair, which {pilot.config.task} labels are not",
                next_step="another loss",
            )
        return pilot.rows(kind, **{**({"by_votes": True} if votes else {}), **options})
    if options:
        raise PilotError(
            f"{', '.join(sorted(options))} say how rows are made, and these are made already",
            next_step=f"pass them to what made the rows: pilot.rows({kind!r}, …), or pilot.all_rows",
        )
    if rows.kind != kind and {rows.kind, kind} != {"dpo", "reward"}:
        raise PilotError(
            f"a run of kind {kind} cannot train on {rows.what}", next_step=f"make them with pilot.rows({kind!r})"
        )
    if votes and isinstance(rows, Preferences):
        a_pair = Counter((row.item, frozenset((row.chosen_id, row.rejected_id))) for row in rows.rows)
        return rows.by_votes() if max(a_pair.values()) < 2 else rows
    return rows


def start(
    pilot: Pilot,
    kind: str,
    rows: Exported[Any] | None,
    *,
    max_pairs: int | None,
    samples: int,
    placebo: bool,
    launch: Launch | None,
    reuse: bool,
    options: dict[str, Any],
) -> Run:
    """See `Pilot.train`."""
    from workbench.training import evaluate, jobs

    choice = chosen(pilot, kind, rows, max_pairs=max_pairs, options=options)
    config, made, listed = choice.config, choice.made, choice.rows
    votes = getattr(config, "loss", "") == "votes"  # whose rows are the votes, not the pilot's pairs
    if (
        rows is None
        and isinstance(made, Preferences)
        and kind == "dpo"
        and pilot.config.task == "pairwise"
        and not votes
    ):
        exporters.write(made, pilot.folder / "preferences")  # as pilot.preferences() does
    if placebo:
        listed = shuffled(kind, listed, config.seed)
    prompts = [prompt for prompt in pilot.prompts if prompt.split == "test" and prompt.constraints]
    answers = evaluate.AnswerConfig(samples=samples, seed=config.seed)
    asks = bool(prompts) and kind != "reward"
    held_out = rows_as_dicts(made.split("eval"))
    pairs = rows_as_dicts(_held_out_pairs(pilot, kind, choice))
    guidelines = {row["guideline_sha256"] for row in listed}
    if reuse:
        files = {
            "data.jsonl": listed,
            "prompts.jsonl": [json.loads(prompt.canonical()) for prompt in prompts] if asks else [],
            "held_out.jsonl": held_out,
            "pairs.jsonl": pairs,
        }
        there = _there(pilot, config, answers if asks else None, files)
        if there is not None:
            return there
    return jobs.start(
        kind,  # type: ignore[arg-type]  # `config_of` has refused other kinds
        listed,
        config,
        pilot.folder / "runs",
        guideline_sha256=guidelines.pop() if len(guidelines) == 1 else None,  # rounds may have one each
        source=_source(listed, config),
        data_sha256=made.sha256,
        row_options=RowOptions.parse(choice.row_options).model_dump(mode="json", exclude_unset=True),
        prompts=prompts if asks else [],
        answers=answers,
        held_out=held_out,
        pairs=pairs,
        placebo=placebo,
        launch=launch,
    )


def _there(
    pilot: Pilot,
    config: RunSettings,
    answers: AnswerConfig | None,
    files: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Run | None:
    """The pilot's newest run that did, or is doing, just this: settings, rows, and what is held out."""
    from workbench.training import jobs, runfiles

    wanted = {name: jobs.rows_sha256(rows) for name, rows in files.items()}
    for run in reversed(pilot.runs()):
        asked = run.config()
        if asked.config != config or asked.answers != answers:
            continue
        found = {name: jobs.rows_sha256(runfiles.read_jsonl(run.path / name)) for name in wanted}
        if found == wanted and run.status().state in ("queued", "running", "done"):
            return run
    return None


@dataclass(frozen=True)
class Choice:
    """What a run is made of: its settings, the export it trains on, and of that the rows for training.

    `row_options` say how the rows were made, where they were made for this run; `flip_rate` is what the labels told,
    where it was asked for `epsilon`.
    """

    config: RunSettings
    made: Exported[Any]
    rows: list[dict[str, Any]]
    row_options: dict[str, Any]
    flip_rate: FlipRate | None


def chosen(
    pilot: Pilot, kind: str, rows: Exported[Any] | None, *, max_pairs: int | None, options: Mapping[str, Any]
) -> Choice:
    """What a run with these options trains on.

    `robust` without a flip rate takes the one that the labels tell of just these rows (`Pilot.flip_rate`): without any
    it would be plain DPO under another name.
    """
    of_rows, settings = _divided(pilot, kind, options)
    if settings.get("label_smoothing", 0) is None:
        settings.pop("label_smoothing")
    config = config_of(kind, settings)
    made = rows_for(pilot, kind, config, rows, of_rows)
    rate = None
    if getattr(config, "loss", "") == "robust" and "label_smoothing" not in settings:
        excluded = made.excluded if isinstance(made, Preferences) else ()
        rate = pilot.flip_rate(made if isinstance(made, Preferences) else None, exclude=excluded)
        if rate.epsilon is None:
            raise PilotError(f"no flip rate can be told: {rate.basis}", next_step="pass label_smoothing")
        config = config_of(kind, {**settings, "label_smoothing": rate.epsilon})
    return Choice(config, made, rows_as_dicts(choose_rows(made.split("train"), max_pairs)), of_rows, rate)


def _divided(pilot: Pilot, kind: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options of the rows, and settings of the run."""
    task, settings = pilot.config.task, _run_config(kind).model_fields
    names = options_of(task, kind)
    unknown = sorted(options.keys() - settings.keys() - names)
    if unknown:
        raise PilotError(
            f"{kind} runs on {task} labels have no option {', '.join(unknown)}",
            next_step=f"settings are {', '.join(settings)}; options of the rows are {', '.join(sorted(names))}",
        )
    return (
        {name: value for name, value in options.items() if name in names},
        {name: value for name, value in options.items() if name not in names},
    )


def shuffled(kind: str, rows: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The same rows with labels that mean nothing: what a run on them does, the labels did not do.

    Pairs have chosen and rejected exchanged, or not, by a coin an item; answers have their labels permuted.

    Raises
    ------
    PilotError
        For a kind whose rows hold no label.
    """
    if kind not in _SHUFFLED:
        raise PilotError(f"{kind} rows hold no label to shuffle", next_step=f"a placebo is of {', '.join(_SHUFFLED)}")
    random = np.random.default_rng([seed, 0x91AC])
    if kind == "kto":
        labels = [row["label"] for row in rows]
        return [{**row, "label": labels[i]} for row, i in zip(rows, random.permutation(len(rows)), strict=True)]
    items = sorted({row["item"] for row in rows})
    turned = {item for item, coin in zip(items, random.random(len(items)) < 0.5, strict=True) if coin}
    return [_turned(row) if row["item"] in turned else dict(row) for row in rows]


def _turned(row: Mapping[str, Any]) -> dict[str, Any]:
    def other(name: str) -> str:
        side, _, rest = name.partition("_")
        return "_".join(filter(None, ("rejected" if side == "chosen" else "chosen", rest)))

    sides = {name: row[other(name)] for name in row if name.partition("_")[0] in ("chosen", "rejected")}
    return {**row, **sides}


def _held_out_pairs(pilot: Pilot, kind: str, choice: Choice) -> Iterable[Any]:
    """Held-out pairs for kinds whose own rows are none, where the task compares responses; decided as the rows are.

    The rows may have been made with another share held out: pairs of prompts that are trained on are left out.
    """
    if kind in ("dpo", "reward") or pilot.config.task not in ("pairwise", "ranking"):
        return ()
    allowed = OF_PAIRS & options_of(pilot.config.task, "dpo")
    options = {name: value for name, value in choice.row_options.items() if name in allowed}
    trained = {row.prompt_id for row in choice.made.split("train")}
    return [row for row in pilot.rows("dpo", **options).split("eval") if row.prompt_id not in trained]


def _source(rows: Sequence[Mapping[str, Any]], config: RunSettings) -> Source:
    """One word for the whole run: a single simulated label makes the run a simulated one."""
    sources = {source for row in rows for source in row["source"]}
    reward_run = getattr(config, "reward_run", "")
    if reward_run:  # the scores rest on labels, too
        from workbench.training.runs import Run

        sources.add(str(Run(Path(reward_run)).manifest()["source"]))
    return "simulated" if "simulated" in sources else "model" if "model" in sources else "human"
