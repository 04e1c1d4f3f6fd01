"""What every trainer is told, checked before anything heavy is imported.

Each trainer's `RunConfig` adds its own. What depends on the machine and the model's size is left open (`None`,
`auto`), decided when both are known, and written to the run's manifest.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from workbench.records import Record
from workbench.training import models

Attention = Literal["auto", "sdpa", "flash_attention_2", "eager"]

# From so many parameters on, activations are computed again in the backward pass unless told otherwise.
LARGE = 1_000_000_000


class RunSettings(Record):
    """Settings of one run that all trainers share.

    Attributes
    ----------
    model
        The start model: `smollm2-135m-instruct`, a local folder or a hub id.
    learning_rate
        Peak; it falls linearly to 0.
    epochs, max_steps, time_budget_s
        Passes over the rows, or, where `max_steps` is given, so many optimiser steps in place of them, as TRL reads
        it; training ends earlier after so many seconds.
    batch_size
        Rows an optimiser step, over all processes and accumulated parts.
    accumulation
        Parts a process computes its share of a batch in: the same step with less memory.
    lora_r
        Rank of the adapter on all linear layers, its scale being 2 (alpha = 2 r); 0 trains all weights.
    max_length
        Tokens of prompt and answer together. Longer rows are left out and counted, never cut: a cut answer would
        teach the model not to end.
    gradient_checkpointing
        Less memory for about a third more time; None is yes from a billion parameters on a GPU.
    attention
        Kernel of the attention; `auto` is `flash_attention_2` on a GPU that has its package, else `sdpa`.
    eval_every
        Steps between measurements on the held-out rows while training; None measures once, at the end.
    save_every
        Steps between checkpoints, of which the last two are kept and from which a stopped run resumes; None saves
        none.
    """

    # Rows that a process needs of a part of a batch.
    least_rows: ClassVar[int] = 1

    model: Annotated[str, Field(min_length=1)] = models.EMBEDDED
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 5e-5
    epochs: Annotated[float, Field(gt=0, le=100)] = 2.0
    max_steps: Annotated[int, Field(ge=1)] | None = None
    time_budget_s: Annotated[float, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 8
    accumulation: Annotated[int, Field(ge=1, le=1024)] = 1
    lora_r: Annotated[int, Field(ge=0, le=256)] = 16
    max_length: Annotated[int, Field(ge=16, le=131_072)] = 512
    gradient_checkpointing: bool | None = None
    attention: Attention = "auto"
    eval_every: Annotated[int, Field(ge=1)] | None = None
    save_every: Annotated[int, Field(ge=1)] | None = 50
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @field_validator("model")
    @classmethod
    def _found_from_anywhere(cls, given: str) -> str:
        # The run's process has a folder of its own. (`Path.is_dir` raises for names that are too long.)
        return str(Path(given).resolve()) if os.path.isdir(given) else given  # noqa: PTH112

    @model_validator(mode="after")
    def _batch_divides(self) -> RunSettings:
        if self.batch_size % self.accumulation:
            msg = f"batch_size {self.batch_size} is not a multiple of accumulation {self.accumulation}"
            raise ValueError(msg)
        return self
