"""MACE: an annotator either knows the answer, or answers from a habit of their own without looking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import digamma

from workbench.stats.aggregation import em, reading
from workbench.stats.aggregation.result import Aggregation
from workbench.stats.intervals import check_resampling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Priors of Hovy et al. (2013): Beta(.5, .5) on competence, symmetric Dirichlet(10) on the habit.
_BETA, _DIRICHLET = 0.5, 10.0


def mace(
    labels: Any,
    *,
    gold: Mapping[Any, Any] | None = None,
    categories: Sequence[Any] | None = None,
    training: Literal["variational", "em"] = "variational",
    restarts: int = 10,
    max_iter: int = 1_000,
    tolerance: float = 1e-5,
    seed: int = 0,
) -> Aggregation:
    """Most probable label of each item when some annotators answer blindly some of the time.

    Parameters
    ----------
    labels, gold, categories
        As in `dawid_skene`.
    training
        `variational` uses the priors of the paper; `em` only a trace of smoothing (0.01 / number of classes).
    restarts
        Random starts; the one with the best likelihood is kept.
    max_iter, tolerance
        Of each start: stop after so many iterations, or when no posterior probability moves by `tolerance`.

    Returns
    -------
    Aggregation
        `annotator_quality` has a column `competence`: the probability that the annotator looked and knew.

    Raises
    ------
    TableError
        See `workbench.stats.aggregation.reading.prepare`.
    ValueError
        Unknown training, fewer than one restart or iteration, a seed that is no whole number of 0 or more.

    Notes
    -----
    Hovy et al. (2013), *Learning whom to trust with MACE*. Classes are equally common a priori. With probability theta
    an annotator gives the true class, else one drawn from their own distribution xi, whatever the item. Errors that
    depend on the true class (confusing two classes with each other) cannot be told; `dawid_skene` can. With
    `variational`, `log_likelihood` is that of the geometric means of theta and xi, which do not sum to one.
    """
    if training not in ("variational", "em") or restarts < 1:
        msg = f"need training 'variational' or 'em' and restarts >= 1, got {training!r} and {restarts!r}"
        raise ValueError(msg)
    check_resampling(0, 0.95, seed)
    coded, clamp = reading.prepare(labels, gold, categories)
    given = em.cells(coded)
    rng = np.random.default_rng(seed)
    best: tuple[em.Fit, _Annotators] | None = None
    for _ in range(restarts):
        annotators = _Annotators(given, training, rng)
        start = np.empty((given.n_classes, len(coded.items)))
        start[:] = 1 / given.n_classes
        em.sweep(given, *annotators.table(), clamp, start)
        fit = em.iterate(given, start, annotators.maximise, clamp, max_iter=max_iter, tolerance=tolerance)
        if best is None or fit.log_likelihood[-1] > best[0].log_likelihood[-1]:
            best = fit, annotators
    assert best is not None  # restarts >= 1
    fit, annotators = best
    competence, confusion = annotators.expected(fit.counts)
    return Aggregation(
        f"MACE, {training}, best of {restarts} starts, seed {seed}",
        coded,
        fit.posterior.T,
        confusion,
        np.full(given.n_classes, 1 / given.n_classes),
        fit.log_likelihood,
        len(fit.log_likelihood),
        fit.converged,
        clamp.flags(len(coded.items)),
        of_annotators={"competence": competence},
    )


class _Annotators:
    """Competence of each annotator and habit of each cell while they are being learnt."""

    def __init__(self, given: em.Cells, training: str, rng: np.random.Generator) -> None:
        self.given = given
        self.diagonal = (given.label, np.arange(len(given.label)))
        variational = training == "variational"
        trace = 0.01 / given.n_classes
        self.of_competence, self.of_habit = (_BETA, _DIRICHLET) if variational else (trace, trace)
        self.log = digamma if variational else np.log
        blind, knows = 1 + rng.random((2, given.n_annotators)) / 2
        self.knows, self.blind = knows / (knows + blind), blind / (knows + blind)
        habit = 1 + rng.random((given.n_annotators, given.n_classes)) / 2
        self.habit = (habit / habit.sum(axis=1, keepdims=True))[given.annotator, given.label]

    def table(self) -> tuple[Floats, Floats]:
        """Log probability of each cell's label given the class, and of the class."""
        a = self.given.annotator
        table = np.repeat((self.blind[a] * self.habit)[None, :], self.given.n_classes, axis=0)
        table[self.diagonal] += self.knows[a]
        return np.log(np.maximum(table, em.CLIP)), np.full(self.given.n_classes, -np.log(self.given.n_classes))

    def split(self, counts: Floats) -> tuple[Floats, Floats]:
        """Expected answers that were known, and that were blind, of each cell."""
        a = self.given.annotator
        blindly = self.blind[a] * self.habit
        right = counts[self.diagonal]
        known = right * self.knows[a] / np.maximum(blindly + self.knows[a], em.CLIP)
        return known, counts.sum(axis=0) - known

    def sums(self, of_cells: Floats) -> Floats:
        """Sum over each annotator's cells."""
        width = self.given.n_annotators
        return np.asarray(np.bincount(self.given.annotator, weights=of_cells, minlength=width), dtype=float)

    def maximise(self, counts: Floats, _posterior: Floats) -> tuple[Floats, Floats]:
        """M-step, with the mean of the logarithm under the posterior of the parameters where it is variational."""
        known, blind = self.split(counts)
        n_known, n_blind = self.sums(known), self.sums(blind)
        whole = self.log(n_known + n_blind + 2 * self.of_competence)
        self.knows = np.exp(self.log(n_known + self.of_competence) - whole)
        self.blind = np.exp(self.log(n_blind + self.of_competence) - whole)
        per_class = self.log(n_blind + self.given.n_classes * self.of_habit)
        self.habit = np.exp(self.log(blind + self.of_habit) - per_class[self.given.annotator])
        return self.table()

    def expected(self, counts: Floats) -> tuple[Floats, Floats]:
        """Posterior means: competence of each annotator, and their confusion (NaN without labels)."""
        known, blind = self.split(counts)
        n_known, n_blind = self.sums(known), self.sums(blind)
        competence = (n_known + self.of_competence) / (n_known + n_blind + 2 * self.of_competence)
        competence[n_known + n_blind == 0] = np.nan
        width = self.given.n_classes
        habit = np.full((self.given.n_annotators, width), self.of_habit)
        habit[self.given.annotator, self.given.label] += blind
        habit /= (n_blind + width * self.of_habit)[:, None]
        theta = competence[:, None, None]
        return competence, theta * np.eye(width) + (1 - theta) * habit[:, None, :]
