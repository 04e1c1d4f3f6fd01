"""Calibration: practice on gold with feedback before live work, and whether it was passed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workbench.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.records import Calibration, Item, Practice


@dataclass(frozen=True)
class Standing:
    """Where an annotator stands in their calibration.

    `state` is `practising`, `passed`, `failed` (another attempt is allowed) or `out` (none is left). Counts are of the
    current attempt.
    """

    state: Literal["practising", "passed", "failed", "out"]
    attempt: int
    n_correct: int
    n_mistakes: int
    n: int

    @property
    def n_answered(self) -> int:
        """How many items of this attempt are answered."""
        return self.n_correct + self.n_mistakes


def standing(rule: Calibration, given: Iterable[Practice]) -> Standing:
    """Where an annotator stands after these answers, which are of one person and one guideline version.

    An attempt ends when its items are answered, or as soon as there are more mistakes than allowed. Of several answers
    to one item in an attempt the first counts, as the right answer is shown after it.
    """
    listed = list(given)
    attempt = max((one.attempt for one in listed), default=1)
    mine: dict[str, bool] = {}
    for one in listed:
        if one.attempt == attempt:
            mine.setdefault(one.item, one.correct)
    right, wrong = sum(mine.values()), len(mine) - sum(mine.values())
    passed = len(mine) >= rule.n and right >= rule.min_correct and wrong <= rule.max_mistakes
    over = wrong > rule.max_mistakes or len(mine) >= rule.n
    if passed:
        return Standing("passed", attempt, right, wrong, rule.n)
    if over:
        return Standing("out" if attempt >= rule.attempts else "failed", attempt, right, wrong, rule.n)
    return Standing("practising", attempt, right, wrong, rule.n)


def practice_items(
    items: Sequence[Item], rule: Calibration, annotator: str, attempt: int, *, taken: Iterable[str], seed: int = 0
) -> list[Item]:
    """The gold items of one attempt, in the order they are asked.

    Parameters
    ----------
    taken
        Items that may not be used: the batch's own gold, and whatever else this annotator will be asked live.

    Returns
    -------
    list
        `rule.n` items. The next attempt gets others where there are enough, else the same ones in another order.

    Raises
    ------
    PlanError
        When there are not enough gold items beside those taken.
    """
    used = set(taken)
    spare = sorted((item for item in items if item.gold is not None and item.id not in used), key=lambda item: item.id)
    if len(spare) < rule.n:
        raise PlanError(
            f"the calibration asks for {rule.n} gold items beside the batch's own, there are {len(spare)}",
            next_step="lower gold_share in pilot.toml or n in the guideline, or add items with a known answer",
        )
    spare.sort(key=lambda item: hashlib.sha256(f"{seed}\0{annotator}\0{item.id}".encode()).digest())
    start = (attempt - 1) * rule.n
    chosen = spare[start : start + rule.n] if start + rule.n <= len(spare) else spare[: rule.n]
    return sorted(
        chosen, key=lambda item: hashlib.sha256(f"{seed}\0{attempt}\0{annotator}\0{item.id}".encode()).digest()
    )
