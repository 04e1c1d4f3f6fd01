"""A plan made beforehand: each item shared out among known people, as a list of `Assignment`s."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import PlanError
from workbench.records import Assignment, content_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.records import Annotator, Item


@dataclass(frozen=True)
class Balance:
    """What a plan came to: counts that a reviewer can check against what was asked for."""

    n_items: int
    n_annotators: int
    n_assignments: int
    n_gold: int
    n_repeats: int
    overlap: dict[int, int]
    per_annotator: dict[str, int]
    a_left_share: dict[str, float]


def plan(
    items: Sequence[Item],
    annotators: Sequence[Annotator],
    *,
    pilot: str,
    batch: str = "b1",
    round_number: int = 0,
    overlap: int = 3,
    gold_share: float = 0.1,
    repeat_share: float = 0.05,
    seed: int = 0,
) -> list[Assignment]:
    """Assign each item to `overlap` annotators, with gold, hidden side-swapped repeats and balanced sides.

    Parameters
    ----------
    items
        What is to be judged. Gold is taken from the items that carry a `gold` answer, at random.
    annotators
        Who judges; at least `overlap` people.
    overlap
        Labels wanted per item, gold items included.
    gold_share
        Share of the items that serve as gold (0 to 1); 0 for none.
    repeat_share
        Share of an annotator's items shown to them again, later, with the responses in reversed order.

    Returns
    -------
    list
        Assignments sorted by annotator and position. Loads, and gold items a person, differ by at most one; each
        annotator meets each other one about equally often; each item is shown in both orders as evenly as its overlap
        allows, and so is each annotator's work.

    Raises
    ------
    PlanError
        Fewer annotators than the overlap, a share outside 0 to 1, too few items with a gold answer, duplicate ids.
    """
    _check(items, annotators, overlap, gold_share, repeat_share)
    rng = np.random.default_rng(seed)
    gold = choose_gold(items, gold_share, rng)
    # Gold first, so that everybody gets as many gold items as everybody else; where an item comes in anybody's sequence
    # is drawn later.
    ordered = sorted((items[k] for k in rng.permutation(len(items))), key=lambda item: item.id not in gold)
    names = [annotator.id for annotator in annotators]
    load, met, turned = Counter[str](), Counter[tuple[str, str]](), Counter[str]()
    shown: dict[str, list[tuple[Item, tuple[str, ...]]]] = {name: [] for name in names}
    for index, item in enumerate(ordered):
        luck = dict(zip(names, rng.random(len(names)), strict=True))
        chosen = _least_loaded(names, overlap, load, met, luck)
        load.update(chosen)
        met.update(combinations(sorted(chosen), 2))
        canonical = tuple(response.id for response in item.responses)
        for name, order in zip(chosen, _orders(canonical, chosen, turned, index, rng), strict=True):
            shown[name].append((item, order))
    assignments = []
    for name in names:
        sequence = _with_repeats(shown[name], repeat_share, gold, rng)
        assignments += [
            Assignment(
                id=content_id("a", pilot, batch, item.id, name, is_repeat),
                pilot=pilot,
                batch=batch,
                round=round_number,
                item=item.id,
                annotator=name,
                order=order,
                position=position,
                is_gold=item.id in gold and not is_repeat,
                is_repeat=is_repeat,
            )
            for position, (item, order, is_repeat) in enumerate(sequence)
        ]
    return sorted(assignments, key=lambda a: (a.annotator, a.position))


def balance(assignments: Iterable[Assignment], items: Iterable[Item]) -> Balance:
    """Count what a plan came to (see `Balance`); `overlap` maps labels per item -> number of items."""
    listed = list(assignments)
    first = {item.id: item.responses[0].id for item in items if item.responses}
    live = [a for a in listed if not a.is_repeat]
    per_item = Counter(a.item for a in live)
    people = sorted({a.annotator for a in listed})
    a_left = {
        name: [a.order[0] == first[a.item] for a in listed if a.annotator == name and len(a.order) == 2]
        for name in people
    }
    return Balance(
        n_items=len(per_item),
        n_annotators=len(people),
        n_assignments=len(listed),
        n_gold=len({a.item for a in live if a.is_gold}),
        n_repeats=len(listed) - len(live),
        overlap=dict(sorted(Counter(per_item.values()).items())),
        per_annotator={name: sum(a.annotator == name for a in listed) for name in people},
        a_left_share={name: sum(left) / len(left) if left else math.nan for name, left in a_left.items()},
    )


def _check(
    items: Sequence[Item], annotators: Sequence[Annotator], overlap: int, gold_share: float, repeat_share: float
) -> None:
    if not items:
        raise PlanError("there are no items to plan", next_step="generate or import items first")
    for what, ids in (("item", [i.id for i in items]), ("annotator", [a.id for a in annotators])):
        twice = sorted(name for name, n in Counter(ids).items() if n > 1)
        if twice:
            raise PlanError(f"{what} ids must be distinct, twice: {twice[:5]}")
    if not 1 <= overlap <= len(annotators):
        raise PlanError(
            f"overlap {overlap} needs as many annotators, there are {len(annotators)}",
            next_step=f"choose an overlap from 1 to {len(annotators)}, or invite more people"
            if annotators
            else 'list people as [[annotators]] in pilot.toml, or set queue = "open" there',
        )
    for name, share in (("gold_share", gold_share), ("repeat_share", repeat_share)):
        if not 0 <= share <= 1:
            raise PlanError(f"{name} is a share from 0 to 1, got {share!r}", next_step="10 % is 0.1")


def choose_gold(items: Sequence[Item], gold_share: float, seed: int | np.random.Generator) -> set[str]:
    """Ids of the items that serve as gold: this share of the batch, drawn from those with a known answer.

    Raises
    ------
    PlanError
        When fewer items have one.
    """
    wanted = round(gold_share * len(items))
    known = sorted(item.id for item in items if item.gold is not None)
    if wanted > len(known):
        raise PlanError(
            f"gold_share {gold_share:g} of {len(items)} items asks for {wanted} gold items, "
            f"{len(known)} have an answer",
            next_step=f"lower gold_share to {len(known) / len(items):.3f} or add gold answers",
        )
    rng = np.random.default_rng(seed)
    return {known[k] for k in rng.choice(len(known), size=wanted, replace=False)} if wanted else set()


def _least_loaded(
    names: Sequence[str], overlap: int, load: Counter[str], met: Counter[tuple[str, str]], luck: dict[str, float]
) -> list[str]:
    """The annotators with least work, among equals those who have met the others of this item least, then by luck."""
    chosen: list[str] = []
    for _ in range(overlap):
        rest = [name for name in names if name not in chosen]

        def rank(name: str) -> tuple[int, int, float]:
            meetings = sum(met[(min(name, other), max(name, other))] for other in chosen)
            return load[name], meetings, luck[name]

        chosen.append(min(rest, key=rank))
    return chosen


def _orders(
    canonical: tuple[str, ...], chosen: Sequence[str], turned: Counter[str], index: int, rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """One display order for each chosen annotator.

    Pairs: half the item's judgments are turned (for an odd overlap alternately the smaller and the larger half), and
    who sees it turned is who has seen fewer turned screens so far. Longer lists: rotations of one random order, so
    each response stands at each place about equally often.
    """
    if len(canonical) != 2:
        start = [canonical[k] for k in rng.permutation(len(canonical))]
        steps = max(len(start), 1)
        return [tuple(start[k % steps :] + start[: k % steps]) for k in range(len(chosen))]
    n_turned = (len(chosen) + index % 2) // 2
    luck = rng.random(len(chosen))
    by_need = sorted(range(len(chosen)), key=lambda k: (turned[chosen[k]], luck[k]))
    turn = set(by_need[:n_turned])
    # `turned` is a running excess: +1 for a turned screen, -1 for a straight one.
    for k, name in enumerate(chosen):
        turned[name] += 1 if k in turn else -1
    return [canonical[::-1] if k in turn else canonical for k in range(len(chosen))]


def _with_repeats(
    shown: Sequence[tuple[Item, tuple[str, ...]]], share: float, gold: set[str], rng: np.random.Generator
) -> list[tuple[Item, tuple[str, ...], bool]]:
    """One annotator's sequence: shuffled, with repeats of first-half items put into the second half, turned."""
    sequence = [(*shown[k], False) for k in rng.permutation(len(shown))]
    half = len(sequence) // 2
    candidates = [k for k in range(half) if sequence[k][0].id not in gold and len(sequence[k][1]) > 1]
    wanted = min(round(share * len(sequence)), len(candidates))
    if not wanted:
        return sequence
    repeats = [sequence[candidates[k]] for k in sorted(rng.choice(len(candidates), size=wanted, replace=False))]
    late = sequence[half:]
    for item, order, _ in repeats:
        late.insert(int(rng.integers(len(late) // 2, len(late) + 1)), (item, order[::-1], True))
    return sequence[:half] + late
