"""The next questions for whoever asks, so that each item is judged by `overlap` people although they come and go.

An item that has been begun is finished before a new one is started, so a batch that is stopped early has whole items.
Gold is beside the overlap: everybody gets it at the planned share, one gold item at a random place of each stretch. So
are repeats of one's own earlier items, sides swapped, which come later where there is nothing to repeat yet. Nobody is
asked an item twice otherwise.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from workbench.design.planning import choose_gold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.records import Item

# A repeat comes at least so many questions after the first look, so that it is not remembered.
REPEAT_AFTER = 10


class Held(Protocol):
    """What is read of a question that was handed out (`store.Hold` is one)."""

    @property
    def item(self) -> str: ...
    @property
    def annotator(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def order(self) -> tuple[str, ...]: ...
    @property
    def is_gold(self) -> bool: ...
    @property
    def is_repeat(self) -> bool: ...
    @property
    def state(self) -> str: ...
    @property
    def counts(self) -> bool: ...


@dataclass(frozen=True)
class Question:
    """A question to hand out; the fields are those of `store.Wanted`."""

    item: str
    order: tuple[str, ...]
    is_gold: bool = False
    is_repeat: bool = False


@dataclass(frozen=True)
class Open:
    """How an open batch is handed out; see `plan` for the shares."""

    overlap: int = 3
    gold_share: float = 0.1
    repeat_share: float = 0.05
    seed: int = 0


def next_questions(
    items: Sequence[Item],
    holds: Sequence[Held],
    annotator: str,
    rules: Open,
    *,
    n: int,
    exclude: Iterable[str] = (),
) -> list[Question]:
    """Up to `n` further questions for an annotator.

    Parameters
    ----------
    items
        The batch. Gold is drawn from those with a known answer, once for the batch.
    holds
        All questions of the batch that were handed out so far, by anybody.
    exclude
        Items this annotator must not get: those of their calibration.

    Returns
    -------
    list
        Empty when nothing is left for this annotator now. What others hold may come free later.
    """
    gold = choose_gold(items, rules.gold_share, rules.seed)
    by_id = {item.id: item for item in items}
    never = set(exclude)
    position = max((hold.position for hold in holds if hold.annotator == annotator), default=-1) + 1
    holds = [hold for hold in holds if hold.item in by_id]  # an item may have been taken out of the batch
    mine = [hold for hold in holds if hold.annotator == annotator]
    had = {hold.item for hold in mine if hold.state != "expired"} | never
    places = Counter(hold.item for hold in holds if hold.counts)
    turned = Counter(hold.item for hold in holds if hold.counts and _is_turned(hold, by_id))
    # Who let a hold expire may still come back to it, on the side it was shown.
    absent = Counter[str]()
    for hold in holds:
        if hold.state == "expired" and not hold.is_gold and not hold.is_repeat:
            absent[hold.item] += 1 if _is_turned(hold, by_id) else -1
    own_turned = sum(1 if _is_turned(hold, by_id) else -1 for hold in mine)
    n_gold = sum(hold.is_gold for hold in mine)
    repeated = {hold.item for hold in mine if hold.is_repeat}
    chosen: list[Question] = []

    # What they let expire comes first, where its place is still free: they have it on their screen.
    for hold in mine:
        if len(chosen) >= n or hold.state != "expired" or hold.item in (never if hold.is_repeat else had):
            continue
        if hold.is_gold or hold.is_repeat or places[hold.item] < rules.overlap:
            chosen.append(Question(hold.item, hold.order, hold.is_gold, hold.is_repeat))
            places[hold.item] += not hold.is_gold and not hold.is_repeat
            had.add(hold.item)

    rest = sorted((item for item in items if item.id not in gold), key=lambda item: _luck(rules.seed, item.id))
    own_gold = sorted(gold - had, key=lambda item: _luck(rules.seed, annotator, item))
    while len(chosen) < n:
        question: Question | None = None
        if own_gold and n_gold < _due(position, rules.gold_share, rules.seed, annotator, "gold"):
            known = by_id[own_gold.pop(0)]
            question = Question(known.id, _order(known, 0, own_turned, rules.seed, annotator), is_gold=True)
            n_gold += 1
        elif len(repeated) < _due(position, rules.repeat_share, rules.seed, annotator, "repeat"):
            question = _repeat(mine, position, repeated | never, rules.seed)
        if question is None:
            free_items = [item for item in rest if item.id not in had and places[item.id] < rules.overlap]
            if not free_items:
                break
            item = max(free_items, key=lambda item: places[item.id])  # the first of the fullest
            excess = 2 * turned[item.id] - places[item.id] or absent[item.id]
            order = _order(item, excess, own_turned, rules.seed, annotator)
            question = Question(item.id, order)
            places[item.id] += 1
            turned[item.id] += order != _canonical(item)
        chosen.append(question)
        had.add(question.item)
        if question.is_repeat:
            repeated.add(question.item)
        own_turned += 1 if question.order != _canonical(by_id[question.item]) else -1
        position += 1
    return chosen


def n_left(
    items: Sequence[Item], holds: Sequence[Held], annotator: str, rules: Open, *, exclude: Iterable[str] = ()
) -> int:
    """How many items still wait for this annotator, as far as can be told now; gold and repeats are not counted."""
    gold = choose_gold(items, rules.gold_share, rules.seed)
    had = {hold.item for hold in holds if hold.annotator == annotator and hold.state != "expired"} | set(exclude)
    places = Counter(hold.item for hold in holds if hold.counts)
    return sum(item.id not in gold and item.id not in had and places[item.id] < rules.overlap for item in items)


def n_to_come(
    items: Sequence[Item],
    holds: Sequence[Held],
    annotator: str,
    rules: Open,
    *,
    n_chosen: int,
    exclude: Iterable[str] = (),
) -> int:
    """About how many questions come for this annotator after the `n_chosen` next ones: a number they may be told.

    It depends on how many questions they were asked and on what others do, and not on which of theirs were gold or
    repeats; `n_left`, told after each question, would say which were.
    """
    gold = choose_gold(items, rules.gold_share, rules.seed) | set(exclude)
    taken = Counter(hold.item for hold in holds if hold.counts and hold.annotator != annotator)
    n_items = sum(item.id not in gold and taken[item.id] < rules.overlap for item in items)
    n_had = sum(hold.annotator == annotator and hold.state != "expired" for hold in holds)
    return max(0, round(n_items * (1 + rules.gold_share + rules.repeat_share)) - n_had - n_chosen)


def _is_turned(hold: Held, by_id: Mapping[str, Item]) -> bool:
    return hold.order != _canonical(by_id[hold.item])


def _canonical(item: Item) -> tuple[str, ...]:
    return tuple(response.id for response in item.responses)


def _order(item: Item, item_turned: int, own_turned: int, seed: int, annotator: str) -> tuple[str, ...]:
    """The order that the item has been shown in less, then the annotator has seen less, then by luck.

    Both counts are excesses of turned over straight screens. A longer list gets an order of its own for each person.
    """
    canonical = _canonical(item)
    if len(canonical) != 2:
        return tuple(sorted(canonical, key=lambda response: _luck(seed, annotator, item.id, response)))
    by_luck = 1 if _luck(seed, annotator, item.id) >= 0.5 else -1
    turn = (item_turned or own_turned or by_luck) < 0
    return canonical[::-1] if turn else canonical


def _repeat(mine: Sequence[Held], position: int, never: set[str], seed: int) -> Question | None:
    candidates = [
        hold
        for hold in mine
        if hold.state == "done"
        and not hold.is_gold
        and not hold.is_repeat
        and hold.item not in never
        and len(hold.order) > 1
        and position - hold.position >= REPEAT_AFTER
    ]
    if not candidates:
        return None
    first = min(candidates, key=lambda hold: _luck(seed, hold.annotator, hold.item, "again"))
    return Question(first.item, first.order[::-1], is_repeat=True)


def _due(position: int, share: float, seed: int, *parts: str) -> int:
    """How many there should be up to this position: one in each stretch of 1/share, at a random place of it.

    Where 1/share is no whole number, stretches differ in length by one, so that the share comes out over many.
    """
    if share <= 0:
        return 0
    exact = Fraction(str(share))
    block = int(position * exact)
    start, end = math.ceil(block / exact), math.ceil((block + 1) / exact)
    return block + (position - start >= int(_luck(seed, *parts, str(block)) * (end - start)))


def _luck(seed: int, *parts: str) -> float:
    """A number from 0 to 1 that is the same on every machine."""
    digest = hashlib.sha256("\0".join((str(seed), *parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
