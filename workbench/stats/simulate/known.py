"""Gold answers for simulations of gold: taken from the truth, with a stated share of them wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats.simulate import drawing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def gold_answers(
    made: drawing.Simulated,
    *,
    share: float = 0.1,
    error: float = 0.0,
    categories: Sequence[Any] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Gold answers of a share of the items, of which a share is not what is true.

    Parameters
    ----------
    made
        A simulation whose truth is one of its categories (`categorical`, `ordinal`, `preferences`).
    share
        Share of items with gold, at least one.
    error
        Chance that a gold answer is wrong; the wrong answer is any of the others with equal chance.
    categories
        What wrong answers are drawn from; those of the simulation unless given.

    Returns
    -------
    DataFrame
        `item, gold, truth, is_wrong`, sorted by item. `dict(zip(g["item"], g["gold"]))` is what `stats.gold` reads.

    Raises
    ------
    TableError
        A share outside 0 to 1, nothing to draw wrong answers from, or a category twice.
    """
    allowed = list(made.categories if categories is None else categories)
    drawing.share(share, "share")
    drawing.share(error, "error")
    if any(one in allowed[:k] for k, one in enumerate(allowed)):
        # The next one along would be the same, so a wrong answer could be the right one.
        raise TableError(f"categories must be distinct, got {allowed[:12]}")
    places = {one: k for k, one in enumerate(allowed)}
    truth = made.truth["truth"]
    if len(allowed) < 2 or not set(truth.tolist()) <= set(allowed):
        raise TableError(
            f"wrong gold is drawn from two or more categories that hold the truth, got {allowed[:12]}",
            next_step="pass categories=[...]",
        )
    n = len(truth)
    chosen = np.sort(drawing.stream(seed, "gold items").permutation(n)[: max(1, round(share * n))])
    wrong = drawing.stream(seed, "gold errors").random(len(chosen)) < error
    step = drawing.stream(seed, "gold answers").integers(1, len(allowed), len(chosen))
    true = np.asarray([places[one] for one in truth.to_numpy()[chosen].tolist()])
    answers = np.empty(len(allowed), dtype=object)
    answers[:] = allowed
    return pd.DataFrame(
        {
            "item": made.truth["item"].to_numpy()[chosen],
            "gold": answers[(true + wrong * step) % len(allowed)],
            "truth": truth.to_numpy()[chosen],
            "is_wrong": wrong,
        }
    )
