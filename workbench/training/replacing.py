"""Which draws of a prompt's answers stay, and which answers are drawn again because they repeat another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.training.diversity import overlap

if TYPE_CHECKING:
    from collections.abc import Sequence


class Settled(NamedTuple):
    """The number of the draw that stays of each answer, and the answers to draw again."""

    kept: tuple[int, ...]
    again: tuple[int, ...]


def settle(draws: Sequence[Sequence[str]], greedy: Sequence[bool], *, limit: float) -> Settled:
    """Of each answer keep the draw least like the answers before it; ask again where that one is too alike.

    A pure function of the texts, so a job that is resumed comes to the same decisions.

    Parameters
    ----------
    draws
        The draws of each answer of one prompt, the first one first.
    greedy
        Which answers took the most likely token at temperature 0: drawn again they would say the same, so they come
        first and it is the others that have to differ.
    limit
        The `diversity.overlap` from which on two answers are too alike.
    """
    kept: dict[int, int] = {}
    again = []
    for place in sorted(range(len(draws)), key=lambda place: (not greedy[place], place)):
        said = [draws[other][number] for other, number in kept.items()]
        nearness = [max((overlap(text, other) for other in said), default=0.0) for text in draws[place]]
        kept[place] = nearness.index(min(nearness))
        if min(nearness) >= limit and not greedy[place]:
            again.append(place)
    return Settled(tuple(kept[place] for place in range(len(draws))), tuple(sorted(again)))
