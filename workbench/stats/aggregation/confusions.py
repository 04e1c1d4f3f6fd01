"""Dawid and Skene's model: each annotator has a confusion matrix, or one accuracy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.stats.aggregation import em, reading
from workbench.stats.aggregation.result import Aggregation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Model = Literal["full", "one_coin"]
# Expected labels on a class under which an annotator's row of the confusion matrix says nothing.
_NO_EVIDENCE = 1e-6


def dawid_skene(
    labels: Any,
    *,
    gold: Mapping[Any, Any] | None = None,
    categories: Sequence[Any] | None = None,
    model: Model = "full",
    smoothing: float = 0.0,
    max_iter: int = 1_000,
    tolerance: float = 1e-5,
) -> Aggregation:
    """Most probable label of each item when annotators differ in how they err.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`, or a `Coded`.
    gold
        item -> known label. These items keep their answer, and teach the model about the annotators. The iterations
        still start from votes: where most annotators are wrong, a handful of known answers does not turn the rest.
    categories
        All labels there may be; needed where gold has one that nobody gave.
    model
        `full`: a confusion matrix an annotator. `one_coin`: one accuracy an annotator, errors spread evenly; steadier
        where annotators have few labels.
    smoothing
        Labels added to every cell of the confusion matrices (to right and wrong answers each with `one_coin`). 0 is
        maximum likelihood, which calls an annotator with few labels perfect or hopeless too easily.
    max_iter, tolerance
        Stop after so many iterations, or when no posterior probability moves by `tolerance`.

    Raises
    ------
    TableError
        See `workbench.stats.aggregation.reading.prepare`.
    ValueError
        Unknown model, smoothing that is negative or infinite, fewer than one iteration.

    Notes
    -----
    Dawid & Skene (1979), *Maximum likelihood estimation of observer error-rates using the EM algorithm*; one coin:
    Zhang et al. (2016), *Spectral methods meet EM*, section 2. Starts from vote shares, so the result does not depend
    on chance; EM finds a local optimum. The classes are those of the majority of annotators: where most err in the same
    way, the model is sure and wrong. Labels are taken to be independent given the truth.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(i, a, v) for i, given in enumerate(["AAB", "BBB", "AAA", "BBB"]) for a, v in zip("xyz", given)]
    >>> result = dawid_skene(pd.DataFrame(rows, columns=["item", "annotator", "label"]))
    >>> result.items[["item", "consensus_label", "source"]].values.tolist()
    [[0, 'A', 'model'], [1, 'B', 'unanimous'], [2, 'A', 'unanimous'], [3, 'B', 'unanimous']]
    >>> result.annotator_quality["annotator_quality"].round(2).tolist()
    [1.0, 1.0, 0.75]
    """
    if model not in ("full", "one_coin"):
        msg = f"model must be 'full' or 'one_coin', got {model!r}"
        raise ValueError(msg)
    if not 0 <= smoothing < math.inf:
        msg = f"smoothing must be a finite number, 0 or more, got {smoothing!r}"
        raise ValueError(msg)
    coded, clamp = reading.prepare(labels, gold, categories)
    given = em.cells(coded)
    start = em.vote_shares(given, clamp)
    fit = fit_cells(given, start, clamp, model, smoothing, max_iter=max_iter, tolerance=tolerance)
    return Aggregation(
        f"Dawid-Skene, {model.replace('_', ' ')}, smoothing {smoothing:g}",
        coded,
        fit.posterior.T,
        (_full_confusion if model == "full" else _one_coin_confusion)(given, fit.counts, smoothing),
        given.class_shares(fit.posterior),
        fit.log_likelihood,
        len(fit.log_likelihood),
        fit.converged,
        clamp.flags(len(coded.items)),
    )


def fit_cells(
    given: em.Cells,
    start: Floats,
    clamp: reading.Clamp,
    model: Model = "one_coin",
    smoothing: float = 1.0,
    *,
    max_iter: int = 1_000,
    tolerance: float = 1e-5,
) -> em.Fit:
    """The iterations alone, from the posterior `start` (classes x items), which is overwritten."""
    table = _full if model == "full" else _one_coin

    def maximise(counts: Floats, posterior: Floats) -> tuple[Floats, Floats]:
        prior = given.class_shares(posterior)
        return np.log(table(given, counts, smoothing)), np.log(np.maximum(prior, em.CLIP))

    return em.iterate(given, start, maximise, clamp, max_iter=max_iter, tolerance=tolerance)


def _full(given: em.Cells, counts: Floats, smoothing: float) -> Floats:
    """Probability of each cell's label given the class; labels an annotator never gave have what smoothing leaves."""
    raised = counts + smoothing if smoothing else np.maximum(counts, em.CLIP)
    total = given.per_annotator(counts if smoothing else raised) + given.n_classes * smoothing
    raised /= total[:, given.annotator]
    return raised


def _full_confusion(given: em.Cells, counts: Floats, smoothing: float) -> Floats:
    met = given.per_annotator(counts).T[:, :, None]  # annotators, classes, 1
    confusion = given.dense(counts + smoothing, smoothing)
    known: Floats = np.full_like(confusion, np.nan)
    np.divide(confusion, met + given.n_classes * smoothing, out=known, where=met > _NO_EVIDENCE)
    return known


def _accuracy(given: em.Cells, counts: Floats, smoothing: float) -> Floats:
    """Expected share of right answers of each annotator; NaN without labels."""
    right = counts[given.label, np.arange(counts.shape[1])]
    n_right = np.bincount(given.annotator, weights=right, minlength=given.n_annotators) + smoothing
    n = given.per_annotator(counts).sum(axis=0)
    accuracy: Floats = np.full(given.n_annotators, np.nan)
    np.divide(n_right, n + 2 * smoothing, out=accuracy, where=n > _NO_EVIDENCE)
    return accuracy


def _one_coin(given: em.Cells, counts: Floats, smoothing: float) -> Floats:
    accuracy = _accuracy(given, counts, smoothing)[given.annotator]
    wrong = (1 - accuracy) / (given.n_classes - 1)
    table = np.repeat(wrong[None, :], given.n_classes, axis=0)
    table[given.label, np.arange(table.shape[1])] = accuracy
    return np.clip(table, em.CLIP, 1 - em.CLIP, out=table)


def _one_coin_confusion(given: em.Cells, counts: Floats, smoothing: float) -> Floats:
    return even_errors(_accuracy(given, counts, smoothing), given.n_classes)


def even_errors(accuracy: Floats, n_classes: int) -> Floats:
    """Confusion (annotators, classes, classes) of annotators whose errors are spread evenly."""
    chance, right = accuracy[:, None, None], np.eye(n_classes)
    confusion: Floats = right * chance + (1 - right) * (1 - chance) / (n_classes - 1)
    return confusion
