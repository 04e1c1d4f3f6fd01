"""Who answers how: models, system prompts and temperatures, shared out over prompts and places.

A study that mixes them has to keep them apart: if the second answer always came from the warm model, nobody could
tell the model from the place. So variants rotate through the places, within each category of prompts.
"""

from __future__ import annotations

import hashlib
from itertools import product
from typing import TYPE_CHECKING

from workbench.records import Record, canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.records import Prompt


class Variant(Record):
    """One way of answering. An empty `system` adds no system turn, so the model's chat template has its own way."""

    model: str
    temperature: float
    system: str = ""

    @property
    def name(self) -> str:
        """A short name that does not depend on which other variants there are; the model stays whole in it."""
        system = f" s{hashlib.sha256(self.system.encode()).hexdigest()[:6]}" if self.system else ""
        return f"{self.model} t{self.temperature:g}{system}"


def cross(models: Sequence[str], systems: Sequence[str], temperatures: Sequence[float]) -> tuple[Variant, ...]:
    """Every model with every system prompt at every temperature; the temperature changes first."""
    ways = product(models, systems or ("",), temperatures)
    return tuple(Variant(model=model, system=system, temperature=float(warm)) for model, system, warm in ways)


def repeat(prompts: Sequence[Prompt], variants: Sequence[Variant], n: int) -> dict[str, tuple[Variant, ...]]:
    """Prompt id -> the variants of its `n` answers, answer k of every prompt by the same one."""
    answers = tuple(variants[k % len(variants)] for k in range(n))
    return {prompt.id: answers for prompt in prompts}


def rotate(prompts: Sequence[Prompt], variants: Sequence[Variant], n: int, seed: int) -> dict[str, tuple[Variant, ...]]:
    """Prompt id -> the variants of its `n` answers, balanced over prompts and places.

    No prompt has a variant twice before it has all. Of every `len(variants)` prompts in a row, each variant gives
    answer k of exactly one, so over the batch the counts of a variant at a place differ by at most one; prompts are
    taken category by category. Which variants meet changes from row to row by a hash of the seed. The plan does not
    depend on the order of the prompts, but it does on which there are.
    """
    taken = sorted(prompts, key=lambda prompt: (prompt.category, _luck(seed, "prompt", prompt.id), prompt.id))
    planned = {}
    for place, prompt in enumerate(taken):
        block, row = divmod(place, len(variants))
        order = sorted(range(len(variants)), key=lambda i: _luck(seed, "block", block, i))
        planned[prompt.id] = tuple(variants[order[(row + k) % len(variants)]] for k in range(n))
    return planned


def _luck(*parts: object) -> str:
    # A hash and not a random generator, whose streams may change between versions of a library.
    return hashlib.sha256(canonical_json(list(parts)).encode()).hexdigest()
