"""Dawid and Skene's model with few parameters, for labels that have an order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from workbench.errors import TableError
from workbench.stats.aggregation import em, reading
from workbench.stats.aggregation.result import Aggregation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STEPS = 25  # of the optimiser within an M-step; it goes on from there in the next
_DETECTION = 2.0  # mean and standard deviation of its prior
_HIGHEST_LOG = 10.0
_LEAST_SPREAD = 1e-6  # cut points are fixed already, and squares of their distance still have a float


def ordinal_dawid_skene(
    labels: Any,
    *,
    gold: Mapping[Any, Any] | None = None,
    categories: Sequence[Any] | None = None,
    spread: float = 1.0,
    max_iter: int = 500,
    tolerance: float = 1e-4,
) -> Aggregation:
    """Most probable label of each item where labels have an order and errors fall near the truth.

    Parameters
    ----------
    labels, gold
        As in `dawid_skene`.
    categories
        The labels from lowest to highest; needed for text.
    spread
        How far cut points stray from half way between two classes, as the standard deviation of their prior in units
        of logistic noise. Small ties classes to labels; large lets an annotator be lenient or severe, and the classes
        drift.
    max_iter, tolerance
        Stop after so many iterations, or when no posterior probability moves by `tolerance`.

    Returns
    -------
    Aggregation
        `annotator_quality` has a column `detection`: how far apart neighbouring classes are to the annotator, in units
        of logistic noise (0 sees nothing).

    Raises
    ------
    TableError
        See `workbench.stats.aggregation.reading.prepare`; fewer than three categories; text without `categories`.
    ValueError
        A spread under a millionth, fewer than one iteration.

    Notes
    -----
    The latent class signal detection model, DeCarlo (2002), *A latent class extension of signal detection theory*:
    P(label <= l | class k) = F(c_l - d k) with logistic F, and d and increasing cut points c of each annotator. That is
    as many parameters an annotator as there are classes, where `dawid_skene` has k (k - 1). We fit posterior modes with
    d ~ Normal(2, 2) and c_l ~ Normal(d (l + 1/2), spread); the priors are ours. Without the second one, which class is
    which is nearly free: maximum likelihood predicts labels well and names the wrong class.

    Limits: the classes are equally far apart to an annotator, and noise is the same at each class; an annotator who
    confuses two classes that are not neighbours does not fit, and is for `dawid_skene`.
    """
    if not spread >= _LEAST_SPREAD:
        msg = f"spread must be {_LEAST_SPREAD:g} or more, got {spread!r}"
        raise ValueError(msg)
    coded, clamp = reading.prepare(labels, gold, categories, "ordinal")
    width = coded.n_categories
    if width < 3:
        raise TableError(
            f"an order of {width} labels says nothing that the labels do not",
            next_step="aggregation.dawid_skene(labels)",
        )
    given = em.cells(coded)
    parameters = _start(given)

    def maximise(counts: Floats, posterior: Floats) -> tuple[Floats, Floats]:
        nonlocal parameters
        parameters = _maximise(given.dense(counts), parameters, spread)
        table = _confusion(parameters)[given.annotator, :, given.label].T
        prior = given.class_shares(posterior)
        return np.log(np.maximum(table, em.CLIP)), np.log(np.maximum(prior, em.CLIP))

    fit = em.iterate(given, em.vote_shares(given, clamp), maximise, clamp, max_iter=max_iter, tolerance=tolerance)
    parameters = _maximise(given.dense(fit.counts), parameters, spread)
    confusion, detection = _confusion(parameters), parameters[:, -1].copy()
    silent = np.bincount(coded.annotator, minlength=given.n_annotators) == 0
    confusion[silent], detection[silent] = np.nan, np.nan
    return Aggregation(
        f"ordinal Dawid-Skene (latent class signal detection), spread {spread:g}",
        coded,
        fit.posterior.T,
        confusion,
        given.class_shares(fit.posterior),
        fit.log_likelihood,
        len(fit.log_likelihood),
        fit.converged,
        clamp.flags(len(coded.items)),
        of_annotators={"detection": detection},
    )


# Parameters of an annotator, one row each: first cut point, logarithms of the gaps to the next ones, detection.


def _start(given: em.Cells) -> Floats:
    """Detection at its prior's mean, cut points half way between the classes."""
    middle = _DETECTION * (np.arange(given.n_classes - 1) + 0.5)
    row = np.concatenate([middle[:1], np.log(np.diff(middle)), [_DETECTION]])
    return np.repeat(row[None, :], given.n_annotators, axis=0)


def _cuts(parameters: Floats) -> tuple[Floats, Floats]:
    """Cut points (annotators x classes - 1), and the gaps between them."""
    gaps = np.exp(np.minimum(parameters[:, 1:-1], _HIGHEST_LOG))
    above = np.concatenate([np.zeros((len(gaps), 1)), np.cumsum(gaps, axis=1)], axis=1)
    return parameters[:, :1] + above, gaps


def _below(cuts: Floats, detection: Floats) -> Floats:
    """P(label <= l | class k) for all l but the last; shape (annotators, classes, classes - 1)."""
    classes = np.arange(cuts.shape[1] + 1)
    below: Floats = expit(cuts[:, None, :] - detection[:, None, None] * classes[None, :, None])
    return below


def _chances(below: Floats) -> Floats:
    """Probability of each label; shape (annotators, classes, labels)."""
    return np.diff(below, axis=2, prepend=0.0, append=1.0)


def _confusion(parameters: Floats) -> Floats:
    return _chances(_below(_cuts(parameters)[0], parameters[:, -1]))


def _maximise(counts: Floats, parameters: Floats, spread: float) -> Floats:
    """Parameters that raise the expected log-likelihood of counts (annotators, classes, labels) plus log prior."""
    shape = parameters.shape
    scale = 1 / counts.sum()
    classes, middle = np.arange(shape[1]), np.arange(shape[1] - 1) + 0.5

    def loss(x: Floats) -> tuple[float, Floats]:
        now = x.reshape(shape)
        (cuts, gaps), detection = _cuts(now), now[:, -1]
        below = _below(cuts, detection)
        chance = np.maximum(_chances(below), 1e-12)
        stray = (cuts - detection[:, None] * middle) / spread
        far = (detection - _DETECTION) / _DETECTION
        value = (counts * np.log(chance)).sum() - ((stray**2).sum() + (far**2).sum()) / 2
        ratio = counts / chance
        by_cut = (ratio[:, :, :-1] - ratio[:, :, 1:]) * below * (1 - below)  # d / d (cut - d k)
        of_cut = by_cut.sum(axis=1) - stray / spread
        slope = np.empty(shape)
        slope[:, 0] = of_cut.sum(axis=1)
        slope[:, 1:-1] = np.cumsum(of_cut[:, ::-1], axis=1)[:, ::-1][:, 1:] * gaps  # a gap moves all cuts above it
        slope[:, -1] = -(by_cut.sum(axis=2) @ classes) + (stray @ middle) / spread - far / _DETECTION
        return -float(value) * scale, -slope.ravel() * scale

    from scipy.optimize import minimize

    found = minimize(loss, parameters.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    reached: Floats = found.reshape(shape)
    return reached
