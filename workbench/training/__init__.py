"""Candidates, preference training and the texts that show what it changed.

The only room that uses torch, transformers, trl and peft, and only inside functions: importing anything here loads
none of them. A training run is a process of its own with a folder of its own (`runs`); notebooks only read it.

chat        a model that answers in a conversation, here or on a server
models      find, convert and load a causal language model
candidates  several answers a prompt, mixed on purpose, resumable, near-duplicates replaced; `drawing`, `speakers`,
            `variants` and `sampling` are its parts
diversity   how different a batch of answers is
pairs       which of a prompt's answers are judged together; `balancing` over all prompts
settings    what every trainer is told
rows        what a run is trained on: checks, tokens, order
running     what trainers share: the model, TRL's arguments, metrics, checkpoints
sft, reward, dpo, kto, policy   trainers, a module each; `packing` and `scoring` spare DPO work on a CPU
estimate    what a run will take, said before it starts; `shapes` of models
launching   several processes, GPUs and hosts; `workers` is what each does
jobs        starts a run, or resumes it; `kinds` of runs, and `work` is what the run's process does
runs        the run folder: status, metrics, answers, cancel, wait; over `runfiles` and `processes`
evaluate    answers of base and adapter side by side
likelihood  implicit rewards of pairs, and how far an adapter moved from its base
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.training import (
        candidates,
        chat,
        diversity,
        dpo,
        estimate,
        evaluate,
        jobs,
        kto,
        launching,
        likelihood,
        models,
        pairs,
        policy,
        reward,
        runs,
        settings,
        sft,
    )

_MODULES = (
    "candidates",
    "chat",
    "diversity",
    "dpo",
    "estimate",
    "evaluate",
    "jobs",
    "kto",
    "launching",
    "likelihood",
    "models",
    "pairs",
    "policy",
    "reward",
    "runs",
    "settings",
    "sft",
)

__all__ = [
    "candidates",
    "chat",
    "diversity",
    "dpo",
    "estimate",
    "evaluate",
    "jobs",
    "kto",
    "launching",
    "likelihood",
    "models",
    "pairs",
    "policy",
    "reward",
    "runs",
    "settings",
    "sft",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"workbench.training.{name}")
    msg = f"module 'workbench.training' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
