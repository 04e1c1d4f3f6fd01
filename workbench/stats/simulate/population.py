"""The true value of a statistic, which an interval should cover: what it is in a very large population.

An interval that resamples items speaks about the items that could have been asked, with these annotators and this
design. So its true value is the statistic of a great many such items, labelled by the same annotators. An interval over
annotators speaks about the annotators that could have been asked: there the population has new ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.stats.estimate import Estimate

Drawn = TypeVar("Drawn")


class TrueValue(NamedTuple):
    """A statistic in the population, its Monte-Carlo standard error, and the number of items it rests on."""

    value: float
    standard_error: float
    n_items: int


def superpopulation(
    draw: Callable[[int, int], Drawn],
    statistic: Callable[[Drawn], Estimate],
    *,
    n_items: int = 100_000,
    blocks: int = 10,
    seed: int = 0,
) -> TrueValue:
    """The value of a statistic over the population of items, by simulating very many.

    Parameters
    ----------
    draw
        (number of items, seed) -> labels; `categorical_codes` or `ordinal_codes` with everything else fixed, or any
        other form the statistic takes.
    statistic
        Labels -> estimate; ask for no interval (`n_resamples=0`).
    n_items, blocks
        Items a block and number of blocks, two or more. The value is the mean over blocks; the spread between them
        gives the standard error. The bias of a ratio of means is about 1 / n_items, so far below it.

    Raises
    ------
    ValueError
        With fewer than two blocks.

    Examples
    --------
    >>> from workbench.stats import agreement
    >>> from workbench.stats.simulate.classes import categorical_codes
    >>> true = superpopulation(
    ...     lambda n, seed: categorical_codes(n, 5, confusion=0.9, seed=seed),
    ...     lambda labels: agreement.percent_agreement(labels, n_resamples=0),
    ...     n_items=20_000,
    ... )
    >>> round(true.value, 2)  # both right or both wrong: .9 x .9 + .1 x .1
    0.82
    """
    if not isinstance(blocks, int | np.integer) or blocks < 2:
        msg = f"blocks must be a whole number, 2 or more, got {blocks!r}"
        raise ValueError(msg)
    values = np.asarray([statistic(draw(n_items, seed + k)).value for k in range(blocks)])
    return TrueValue(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(blocks), n_items * blocks)
