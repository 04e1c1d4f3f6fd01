"""The next round: which prompts to ask, each for one reason.

Asking where a model is uncertain or people disagree teaches most per label, and makes every number computed from such
prompts wrong for prompts in general. So a part of each round is drawn at random and marked, and estimates use that
part alone.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from workbench.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Reason = Literal["random", "uncertain", "disagreeing", "uncovered"]
REASONS: tuple[Reason, ...] = get_args(Reason)
# Under so many prompts no interval is given anywhere, of a category no more than of a round.
FEWEST = 5


@dataclass(frozen=True)
class Candidate:
    """A prompt that could be asked.

    Attributes
    ----------
    margin
        How far a model prefers one answer to the other (a reward model's or DPO's margin); the sign does not matter.
        None where nothing was computed: such a prompt is not asked for being uncertain.
    disagreement
        How far annotators differed on it, 0 when they did not (an entropy, or a share of differing pairs). None where
        it was not asked.
    trained
        Whether the model that is to be judged was trained on this prompt.
    """

    prompt: str
    category: str = ""
    margin: float | None = None
    disagreement: float | None = None
    trained: bool = False


@dataclass(frozen=True)
class Chosen:
    """A prompt of the round, the one reason it was chosen for, and the number that decided.

    `value` is the size of the margin, the disagreement, or how many prompts its category had before it; None for a
    prompt drawn at random.
    """

    prompt: str
    reason: Reason
    value: float | None = None


@dataclass(frozen=True)
class Choice:
    """The prompts of a round, drawn ones first; how many were wanted for each reason; and what came out otherwise."""

    prompts: tuple[Chosen, ...]
    wanted: dict[Reason, int]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[Reason, int]:
        """How many were chosen for each reason."""
        found = Counter(one.reason for one in self.prompts)
        return {reason: found[reason] for reason in REASONS}

    def of(self, reason: Reason) -> tuple[str, ...]:
        """Ids of the prompts chosen for this reason."""
        return tuple(one.prompt for one in self.prompts if one.reason == reason)


def quotas_of(n: int) -> dict[Reason, int]:
    """A fifth of the round for each reason, and the rest, two fifths, drawn at random.

    >>> quotas_of(24)
    {'random': 12, 'uncertain': 4, 'disagreeing': 4, 'uncovered': 4}
    """
    return {"random": n - 3 * (n // 5), "uncertain": n // 5, "disagreeing": n // 5, "uncovered": n // 5}


def wanted_of(n: int, quotas: Mapping[Reason, int] | None = None) -> dict[Reason, int]:
    """How many prompts each reason is to have; `PlanError` for quotas that make no round. See `next_round`."""
    if n < 1:
        raise PlanError(f"a round has one prompt or more, got {n}")
    given = dict(quotas_of(n) if quotas is None else quotas)
    unknown = sorted(set(given) - set(REASONS))
    if unknown or any(count < 0 for count in given.values()):
        raise PlanError(
            f"quotas are counts of 0 or more for {', '.join(REASONS)}, got {dict(given)}",
            next_step=f"for example {quotas_of(n)}",
        )
    others = sum(count for reason, count in given.items() if reason != "random")
    drawn = given.get("random", n - others)
    if drawn < 1 or drawn + others != n:
        raise PlanError(
            f"quotas must add up to {n} with at least one random prompt, got {dict(given)}",
            next_step="without a random part no estimate from the round is of prompts in general; "
            f"for example {quotas_of(n)}",
        )
    return {reason: drawn if reason == "random" else given.get(reason, 0) for reason in REASONS}


def next_round(
    candidates: Sequence[Candidate],
    n: int,
    quotas: Mapping[Reason, int] | None = None,
    *,
    covered: Mapping[str, int] | None = None,
    enough: int = FEWEST,
    seed: int = 0,
) -> Choice:
    """Choose the prompts of the next round.

    The random part is drawn first, from all candidates on which the model was not trained, so it is a simple random
    sample of these; only where they are not enough are others drawn too, and that is said. From what is left come those
    with the smallest margins, then those with most disagreement, then prompts of categories that have fewer than
    `enough`, the emptiest category first. What a reason cannot fill is drawn at random too, by drawing more before the
    reasons choose: the random part stays a random sample.

    Parameters
    ----------
    n
        Prompts wanted; there may be fewer candidates.
    quotas
        Prompts wanted for each reason; `random` may be left out and is then what is left of `n`. `quotas_of(n)` unless
        given.
    covered
        Prompts asked so far in each category. Those chosen before count too.

    Returns
    -------
    Choice
        The same for the same candidates, in whatever order, and the same seed.

    Raises
    ------
    PlanError
        No candidates, one twice, a number that is not finite, or quotas that leave no random part or do not add up.
    """
    wanted = wanted_of(n, quotas)
    _check(candidates)
    size = min(n, len(candidates))
    order = sorted(candidates, key=lambda one: _luck(seed, one.prompt))
    has = Counter({name: int(count) for name, count in (covered or {}).items()})
    found = _draw(order, wanted, size, has, enough)
    choice = Choice(found, wanted)
    return replace(choice, notes=tuple(_notes(choice, candidates, n)))


def _draw(
    order: Sequence[Candidate], wanted: Mapping[Reason, int], size: int, covered: Counter[str], enough: int
) -> tuple[Chosen, ...]:
    """The round with the smallest random part with which it is full."""
    frame = sorted(order, key=lambda one: one.trained)
    drawn = min(wanted["random"], size)
    chosen = _by_reason(order, frame[:drawn], wanted, covered, enough)
    # One prompt more in the random part makes the whole at most one larger, so no size is jumped over.
    while drawn + len(chosen) < size:
        drawn += 1
        chosen = _by_reason(order, frame[:drawn], wanted, covered, enough)
    return (*(Chosen(one.prompt, "random") for one in frame[:drawn]), *chosen)


def _by_reason(
    order: Sequence[Candidate],
    drawn: Sequence[Candidate],
    wanted: Mapping[Reason, int],
    covered: Counter[str],
    enough: int,
) -> list[Chosen]:
    taken = {one.prompt for one in drawn}
    has = covered + Counter(one.category for one in drawn)
    chosen: list[Chosen] = []

    def take(one: Candidate, reason: Reason, value: float) -> None:
        taken.add(one.prompt)
        has[one.category] += 1
        chosen.append(Chosen(one.prompt, reason, value))

    # Sorting is stable, so equals stay in the order of the draw.
    unsure = sorted((abs(one.margin), k) for k, one in enumerate(order) if one.margin is not None)
    split = sorted((-one.disagreement, k) for k, one in enumerate(order) if one.disagreement)
    ranked: tuple[tuple[Reason, list[tuple[float, int]]], ...] = (("uncertain", unsure), ("disagreeing", split))
    for reason, listed in ranked:
        free = [(value, order[k]) for value, k in listed if order[k].prompt not in taken]
        for value, one in free[: wanted[reason]]:
            take(one, reason, abs(value))
    waiting: dict[str, list[Candidate]] = {}
    for one in reversed(order):
        if one.prompt not in taken:
            waiting.setdefault(one.category, []).append(one)
    for _ in range(wanted["uncovered"]):
        short = [name for name, ones in waiting.items() if ones and has[name] < enough]
        if not short:
            break
        name = min(short, key=lambda name: (has[name], name))
        take(waiting[name].pop(), "uncovered", float(has[name]))
    return chosen


def _check(candidates: Sequence[Candidate]) -> None:
    if not candidates:
        raise PlanError("there are no prompts to choose from", next_step="give further prompts, or ask some again")
    twice = sorted(name for name, count in Counter(one.prompt for one in candidates).items() if count > 1)
    if twice:
        raise PlanError(f"a prompt stands among the candidates twice: {twice[:3]}")
    for one in candidates:
        numbers = (one.margin or 0.0, one.disagreement or 0.0)
        if not all(map(math.isfinite, numbers)) or numbers[1] < 0:
            raise PlanError(
                f"margins are finite and disagreement is 0 or more, got {one.margin} and {one.disagreement}",
                where=f"prompt {one.prompt}",
                next_step="None says that nothing is known",
            )


def _notes(choice: Choice, candidates: Sequence[Candidate], n: int) -> list[str]:
    notes = []
    if len(candidates) < n:
        notes.append(f"{n} prompts were wanted, there are {len(candidates)}: all are asked")
    short = [
        f"{choice.wanted[reason] - count} of {choice.wanted[reason]} {reason}"
        for reason, count in choice.counts.items()
        if reason != "random" and count < choice.wanted[reason]
    ]
    if short:
        notes.append(f"too few candidates: {', '.join(short)}; what could be was drawn at random instead")
    drawn = set(choice.of("random"))
    trained = sum(one.trained for one in candidates if one.prompt in drawn)
    if trained:
        notes.append(
            f"{trained} of the {len(drawn)} random prompts are ones the model was trained on, which flatter it"
        )
    if len(drawn) < FEWEST:
        notes.append(f"{len(drawn)} random prompts are too few for an interval, which needs {FEWEST}")
    return notes


def _luck(seed: int, prompt: str) -> bytes:
    # A hash and not a random generator, whose streams may change between versions of a library.
    return hashlib.sha256(f"{seed}\0{prompt}".encode()).digest()
