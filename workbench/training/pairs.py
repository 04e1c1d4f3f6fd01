"""Which of a prompt's answers are judged together: those that differ most, balanced over the whole batch.

Pairs that differ are worth a judgment. But if the shorter answer of each pair were the better one, or one model's
always, a model trained on them would learn brevity, or that model's habits; so `choose` trades a little difference
for a batch in which neither gives the answer away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from workbench.errors import RecordError
from workbench.records import content_id
from workbench.training.balancing import Balance, Shown, balanced, count
from workbench.training.diversity import fold, overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from workbench.records import Response
    from workbench.training.drawing import Generated


@dataclass(frozen=True)
class Choice:
    """The responses of each prompt that are judged together, in order; prompts that gave none, with the reason."""

    sets: dict[str, tuple[Response, ...]]
    left_out: dict[str, str]
    balance: Balance


def different(responses: Iterable[Response]) -> list[Response]:
    """The responses without those that say the same as another (case and white space apart), in order of their ids."""
    # Of texts alike the first id stays. A text drawn twice has one id, and its last draw stays.
    ordered = sorted(responses, key=lambda response: response.id, reverse=True)
    return sorted({fold(response.text): response for response in ordered}.values(), key=lambda response: response.id)


def choose_set(
    responses: Sequence[Response], size: int = 2, *, score: Callable[[str], float] | None = None
) -> tuple[Response, ...] | None:
    """The `size` responses that differ most, or None when fewer are different.

    The difference of two is 1 minus `overlap`, plus the gap in `score` where one is given (a number in [0, 1], for
    example the share of constraints satisfied). Of all sets the one is taken whose two closest responses differ most,
    among equals the one whose pairs differ most in sum. Answers that were cut at the length limit are used only when
    there are not enough others, and empty ones last. The set comes in the order of the response ids, which are
    hashes, so neither places nor choice depend on which is better or on the order given.

    Raises
    ------
    RecordError
        When `size` is less than two.
    """
    sets = _sets(responses, size, score)
    return max(sets, key=lambda one: one.spread).responses if sets else None  # the first of equals: deterministic


def choose(
    generated: Iterable[Generated],
    size: int = 2,
    *,
    score: Callable[[str, str], float] | None = None,
    within: float = 0.75,
) -> Choice:
    """For each prompt the `size` responses to judge together, different and balanced over the batch.

    Of each prompt's sets those are considered whose difference (see `choose_set`) is at least `within` of the best.
    Among these, sets are exchanged prompt by prompt as long as that lowers the sum of squares of: pairs where the
    shorter is better less those where the longer is; for each model and each variant, pairs it wins less those it
    loses, and pairs where it is the shorter less those where it is the longer; and how much more often it is shown
    than its share of the answers. Then the order in each set is chosen the same way, so that neither the shorter, the
    better nor a model comes first more often. No set holds a text twice. What imbalance is left, `balance` counts.

    Parameters
    ----------
    score
        From prompt id and text to a number in [0, 1]. Without it nothing is known to be better, and only length,
        model and place are balanced.
    within
        1 gives up no difference; with 0 any set is considered.

    Raises
    ------
    RecordError
        When `size` is less than two, or `within` not between 0 and 1.
    """
    if not 0 <= within <= 1:
        raise RecordError(f"within must be between 0 and 1, got {within}")
    answers: dict[str, list[Response]] = {}
    for one in generated:
        answers.setdefault(one.prompt_id, []).append(one.response)
    options: dict[str, list[Shown]] = {}
    left_out = {}
    for prompt in sorted(answers, key=lambda prompt: content_id("c", prompt)):  # no order anybody chose
        sets = _sets(answers[prompt], size, _of_prompt(score, prompt))
        if sets:
            # The best first: where nothing is gained by another, it stays.
            options[prompt] = sorted(sets, key=lambda one: one.spread, reverse=True)
        else:
            left_out[prompt] = f"different responses: {len(different(answers[prompt]))}, needed: {size}"
    close = {
        prompt: [one for one in sets if one.spread[0] >= within * sets[0].spread[0]] for prompt, sets in options.items()
    }
    chosen = balanced(close, {p: [one.tells(answers[p]) for one in sets] for p, sets in close.items()})
    orders = {prompt: one.orders() for prompt, one in chosen.items()}
    ordered = balanced(orders, {p: [one.tells_by_place() for one in sets] for p, sets in orders.items()})
    best = [sets[0].spread[0] for sets in options.values()]
    return Choice(
        sets={prompt: ordered[prompt].responses for prompt in answers if prompt in ordered},
        left_out={prompt: left_out[prompt] for prompt in answers if prompt in left_out},
        balance=count(list(ordered.values()), best),
    )


def _sets(responses: Sequence[Response], size: int, score: Callable[[str], float] | None) -> list[Shown]:
    """Every set of usable responses, in the order of their ids."""
    if size < 2:
        raise RecordError(f"a set has at least two responses, got size {size}")
    usable = different(responses)
    written = [response for response in usable if response.text.strip()]
    whole = [response for response in written if response.params.get("finish") != "length"]
    pool = next((some for some in (whole, written, usable) if len(some) >= size), [])
    scores = {response.id: score(response.text) if score else 0.0 for response in pool}
    difference = {
        (one.id, other.id): abs(scores[one.id] - scores[other.id]) + 1 - overlap(one.text, other.text)
        for one, other in combinations(pool, 2)
    }
    found = []
    for chosen in combinations(pool, size):
        gaps = [difference[one.id, other.id] for one, other in combinations(chosen, 2)]
        found.append(Shown(chosen, scores, (min(gaps), sum(gaps))))
    return found


def _of_prompt(score: Callable[[str, str], float] | None, prompt: str) -> Callable[[str], float] | None:
    return (lambda text: score(prompt, text)) if score else None
