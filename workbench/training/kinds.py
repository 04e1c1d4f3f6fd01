"""The kinds of runs there are, and what a run is asked to do (its config.json)."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal, get_args

from pydantic import SerializeAsAny, model_validator

from workbench.errors import TrainingError
from workbench.records import Record
from workbench.training import evaluate, launching
from workbench.training.settings import RunSettings

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
