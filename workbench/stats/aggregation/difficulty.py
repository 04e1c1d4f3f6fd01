"""GLAD: a right answer needs an able annotator or an easy item."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, log_expit

from workbench.stats.aggregation import em, reading
from workbench.stats.aggregation.confusions import even_errors
from workbench.stats.aggregation.result import Aggregation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]

# Normal priors of the paper's software: ability and log easiness have mean 1 and standard deviation 1.
_MEAN = 1.0
_STEPS = 25  # of the optimiser within an M-step; it goes on from there in the next
_HIGHEST_LOG = 30.0


def glad(
    labels: Any,
    *,
    gold: Mapping[Any, Any] | None = None,
    categories: Sequence[Any] | None = None,
    max_iter: int = 500,
    tolerance: float = 1e-4,
) -> Aggregation:
    """Most probable label of each item when items differ in difficulty and annotators in ability.

    Parameters
    ----------
    labels, gold, categories
        As in `dawid_skene`.
    max_iter, tolerance
        Stop after so many iterations, or when no posterior probability moves by `tolerance`.

    Returns
    -------
    Aggregation
        `items` has a column `difficulty` (0 and up; 1 / e^beta), `annotator_quality` a column `ability` (0 is guessing,
        below 0 is worse). `confusion` and `annotator_quality` are for an item of average log easiness.

    Raises
    ------
    TableError
        See `workbench.stats.aggregation.reading.prepare`.
    ValueError
        Fewer than one iteration.

    Notes
    -----
    Whitehill et al. (2009), *Whose vote should count more*, with several classes as in its supplement: P(right) =
    1 / (1 + exp(-ability e^beta)), wrong answers evenly spread, classes equally common. Ability and beta have normal
    priors (mean 1, standard deviation 1), as in the authors' software. With a handful of labels an item its difficulty
    is mostly prior: rank items by it, do not read it off. The M-step takes 25 steps of L-BFGS.
    """
    if max_iter < 1 or not tolerance >= 0:
        msg = f"need max_iter >= 1 and tolerance >= 0, got {max_iter!r} and {tolerance!r}"
        raise ValueError(msg)
    coded, clamp = reading.prepare(labels, gold, categories)
    width = coded.n_categories
    ability: Floats = np.full(len(coded.annotators), _MEAN)
    easiness: Floats = np.full(len(coded.items), _MEAN)
    posterior = em.vote_shares(em.cells(coded), clamp)
    path: list[float] = []
    change = math.inf
    while len(path) < max_iter and change >= tolerance:
        new, total = em.normalise(_joint(coded, ability, easiness), clamp)
        path.append(total / len(coded.item))
        change = float(np.abs(new - posterior).max())
        posterior = new
        ability, easiness = _maximise(coded, posterior, ability, easiness)
    right = expit(ability * math.exp(easiness.mean()))
    right[np.bincount(coded.annotator, minlength=len(ability)) == 0] = np.nan
    return Aggregation(
        "GLAD, normal priors (1, 1)",
        coded,
        posterior.T,
        even_errors(right, width),
        np.full(width, 1 / width),
        tuple(path),
        len(path),
        change < tolerance,
        clamp.flags(len(coded.items)),
        of_items={"difficulty": np.exp(-easiness)},
        of_annotators={"ability": ability},
    )


def _joint(coded: Coded, ability: Floats, easiness: Floats) -> Floats:
    """Log probability of an item's labels and each class (classes x items)."""
    n, width = len(coded.items), coded.n_categories
    logit = ability[coded.annotator] * np.exp(easiness)[coded.item]
    wrong = np.bincount(coded.item, weights=log_expit(-logit) - math.log(width - 1), minlength=n)
    # log sigma(x) - log sigma(-x) = x: what a label adds to its own class over the others.
    more = np.bincount(coded.value * n + coded.item, weights=logit + math.log(width - 1), minlength=width * n)
    return np.asarray(more.reshape(width, n) + wrong - math.log(width), dtype=float)


def _maximise(coded: Coded, posterior: Floats, ability: Floats, easiness: Floats) -> tuple[Floats, Floats]:
    """Ability and easiness that raise the expected log-likelihood plus log prior."""
    n_annotators, n_items = len(ability), len(easiness)
    right = posterior[coded.value, coded.item]
    scale = 1 / len(coded.item)

    def loss(x: Floats) -> tuple[float, Floats]:
        able = x[:n_annotators]
        easy: Floats = np.minimum(x[n_annotators:], _HIGHEST_LOG)
        factor = np.exp(easy)[coded.item]
        logit = able[coded.annotator] * factor
        value = (right * log_expit(logit) + (1 - right) * log_expit(-logit)).sum()
        value -= (((able - _MEAN) ** 2).sum() + ((easy - _MEAN) ** 2).sum()) / 2
        slope = right - expit(logit)
        up_able = np.bincount(coded.annotator, weights=slope * factor, minlength=n_annotators) - (able - _MEAN)
        up_easy = np.bincount(coded.item, weights=slope * logit, minlength=n_items) - (easy - _MEAN)
        return -value * scale, -np.concatenate([up_able, up_easy]) * scale

    from scipy.optimize import minimize

    found = minimize(
        loss, np.concatenate([ability, easiness]), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}
    ).x
    return found[:n_annotators], found[n_annotators:]
