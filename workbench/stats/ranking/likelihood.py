"""The likelihoods of a comparison, and Newton's method on many weightings of the same data at once.

A cell is a kind of comparison: first and second system, and covariates. A fit needs only how often each cell ended in
which way, so thousands of comparisons and a thousand resamples of them become a few arrays of (cells, resamples).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy import sparse, special

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Model = Literal["bradley_terry", "rao_kupper", "davidson"]
# Steps longer than this may overshoot where the likelihood is nearly flat.
_LONGEST_STEP = 2.0
_MOST_STEPS = 60
_SMALL = 1e-8
# Where no tie was seen the tie parameter goes to its limit; this near it, a tie has a probability of about 1e-6.
_NO_TIES = {"rao_kupper": 1e-6, "davidson": -14.0}


class Counts(NamedTuple):
    """How often the first won, the second won and neither; each of shape (cells, weightings)."""

    first: Floats
    second: Floats
    tie: Floats


@dataclass(frozen=True)
class Design:
    """Which systems a cell compares (`first`, `second`), and its covariates, of shape (cells, covariates)."""

    n_systems: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    covariates: Floats

    @property
    def n_parameters(self) -> int:
        """Ratings and coefficients; the tie parameter comes on top."""
        return self.n_systems + int(self.covariates.shape[1])

    @cached_property
    def rows(self) -> Any:
        """Each cell's row of the regression, sparse (cells, parameters): 1, -1 and the covariates."""
        n = len(self.first)
        sides = sparse.csr_array(
            (np.repeat([1.0, -1.0], n), (np.tile(np.arange(n), 2), np.concatenate([self.first, self.second]))),
            shape=(n, self.n_systems),
        )
        if not self.covariates.shape[1]:
            return sides
        return sparse.csr_array(sparse.hstack([sides, sparse.csr_array(self.covariates)]))

    @cached_property
    def products(self) -> Any:
        """Each cell's outer product of its row, sparse (parameters^2, cells), so that a Hessian is one product."""
        k = self.covariates.shape[1]
        n, width = len(self.first), 2 + k
        column = np.column_stack([self.first, self.second, np.tile(np.arange(k) + self.n_systems, (n, 1))])
        value = np.column_stack([np.ones(n), -np.ones(n), self.covariates])
        place = column[:, :, None] * self.n_parameters + column[:, None, :]
        amount = value[:, :, None] * value[:, None, :]
        cell = np.repeat(np.arange(n), width * width)
        return sparse.csr_array((amount.ravel(), (place.ravel(), cell)), shape=(self.n_parameters**2, n))

    def advantage(self, parameters: Floats) -> Floats:
        """Log-odds in favour of the first, of shape (cells, weightings)."""
        found = parameters[self.first] - parameters[self.second]
        if self.covariates.shape[1]:
            found += self.covariates @ parameters[self.n_systems : self.n_parameters]
        return found


class Fit(NamedTuple):
    """Parameters (ratings, coefficients, tie), of shape (parameters, weightings), and which fits came to an end.

    `information` is minus the Hessian, prior included, at the last step: (weightings, parameters, parameters).
    """

    parameters: Floats
    converged: NDArray[np.bool_]
    information: Floats


def fit(
    design: Design, counts: Counts, model: Model = "bradley_terry", *, prior: float = 0.0, start: Floats | None = None
) -> Fit:
    """Maximum likelihood, or its penalised form, of each weighting by Newton's method with clipped steps.

    Parameters
    ----------
    prior
        Comparisons of every system with one of rating 0, half won and half lost. With 0 the mean rating is fixed at 0.
    start
        Parameters to start from, one column for all weightings.
    """
    n_ratings, n_all = design.n_parameters, design.n_parameters + (model != "bradley_terry")
    n = counts.first.shape[1]
    first = np.zeros((n_all, 1)) if start is None else start
    found = np.repeat(first.reshape(n_all, 1), n, axis=1)
    tied = np.ones(n, dtype=bool)
    if model != "bradley_terry":
        tied = counts.tie.sum(axis=0) > 0
        if start is None and model == "rao_kupper":
            found[-1] = 0.5
        found[-1, ~tied] = _NO_TIES[model]
    information = np.zeros((n, n_all, n_all))
    live = np.arange(n)
    for _ in range(_MOST_STEPS):
        now = Counts(*(part[:, live] for part in counts)) if len(live) < n else counts
        gradient, hessian = _slopes(design, now, model, found[:, live], prior)
        if model != "bradley_terry":
            gradient[-1, ~tied[live]] = 0
            hessian[~tied[live], -1, :n_ratings] = hessian[~tied[live], :n_ratings, -1] = 0
            hessian[~tied[live], -1, -1] = 1
        # A trace of ridge in the direction only: it moves no solution, and keeps a flat one solvable.
        hessian += _SMALL * np.eye(n_all)
        step = np.linalg.solve(hessian, gradient.T[:, :, None])[:, :, 0].T
        longest = np.abs(step).max(axis=0)
        step *= np.minimum(1, _LONGEST_STEP / np.maximum(longest, _SMALL))
        moved = found[:, live] + step
        if model == "rao_kupper":
            moved[-1] = np.maximum(moved[-1], found[-1, live] / 4)  # the tie parameter's logarithm stays above 0
        found[:, live] = moved
        information[live] = hessian
        live = live[~(longest < _SMALL)]
        if not len(live):
            break
    converged = np.ones(n, dtype=bool)
    converged[live] = False
    return Fit(found, converged, information)


def _slopes(design: Design, counts: Counts, model: Model, at: Floats, prior: float) -> tuple[Floats, Floats]:
    """Gradient (parameters, weightings) and minus the Hessian (weightings, parameters, parameters)."""
    m, n_ratings, n = design.n_systems, design.n_parameters, at.shape[1]
    eta = design.advantage(at)
    part = _of_cells(model, counts, eta, at[-1])
    gradient, hessian = np.zeros_like(at), np.zeros((n, len(at), len(at)))
    gradient[:n_ratings] = design.rows.T @ part.slope
    hessian[:, :n_ratings, :n_ratings] = (design.products @ part.bend).T.reshape(n, n_ratings, n_ratings)
    if part.tie_slope is not None and part.tie_bend is not None and part.cross is not None:
        gradient[-1] = part.tie_slope
        hessian[:, -1, -1] = part.tie_bend
        hessian[:, :n_ratings, -1] = hessian[:, -1, :n_ratings] = (design.rows.T @ part.cross).T
    ratings = at[:m]
    if prior:
        p = special.expit(ratings)
        gradient[:m] += prior * (0.5 - p)
        hessian[:, np.arange(m), np.arange(m)] += (prior * p * (1 - p)).T
    else:
        gradient[:m] -= ratings.mean(axis=0)
        hessian[:, :m, :m] += 1 / m
    return gradient, hessian


class _Part(NamedTuple):
    slope: Floats  # of the log-likelihood in the advantage, a cell
    bend: Floats  # minus the second derivative
    cross: Floats | None = None  # minus the mixed derivative with the tie parameter, a cell
    tie_slope: Floats | None = None  # summed over cells
    tie_bend: Floats | None = None


def _of_cells(model: Model, counts: Counts, eta: Floats, tie: Floats) -> _Part:
    if model == "bradley_terry":
        n = counts.first + counts.second
        p = special.expit(eta)
        return _Part(counts.first - n * p, n * p * (1 - p))
    if model == "rao_kupper":
        # p_first = s(eta - k), p_second = s(-eta - k), p_tie = (e^2k - 1) p_first p_second.
        p, q = special.expit(eta - tie), special.expit(-eta - tie)
        up, down = counts.first + counts.tie, counts.second + counts.tie
        above, below = up * (1 - p), down * (1 - q)
        v, w = above * p, below * q
        ties = counts.tie.sum(axis=0)
        return _Part(
            above - below,
            v + w,
            w - v,
            -(above + below).sum(axis=0) - 2 * ties / np.expm1(-2 * tie),
            (v + w).sum(axis=0) + ties / np.sinh(tie) ** 2,
        )
    # p_first : p_second : p_tie = e^(eta/2) : e^(-eta/2) : e^d, a log-linear model.
    n = counts.first + counts.second + counts.tie
    p, q, t = np.exp(log_probabilities(model, eta, tie))
    return _Part(
        (counts.first - counts.second - n * (p - q)) / 2,
        n * (p + q - (p - q) ** 2) / 4,
        -n * (p - q) * t / 2,
        (counts.tie - n * t).sum(axis=0),
        (n * t * (1 - t)).sum(axis=0),
    )


def log_probabilities(model: Model, eta: Floats, tie: Floats) -> tuple[Floats, Floats, Floats]:
    """Log probabilities that the first wins, the second wins, neither, at this advantage and tie parameter."""
    if model == "bradley_terry":
        return special.log_expit(eta), special.log_expit(-eta), np.full_like(eta, -np.inf)
    if model == "rao_kupper":
        first, second = special.log_expit(eta - tie), special.log_expit(-eta - tie)
        return first, second, 2 * tie + np.log(-np.expm1(-2 * tie)) + first + second
    total = np.logaddexp(np.logaddexp(eta / 2, -eta / 2), tie)
    return eta / 2 - total, -eta / 2 - total, tie - total


def log_likelihoods(design: Design, counts: Counts, model: Model, parameters: Floats) -> Floats:
    """Log-likelihood of each cell under one column of parameters, of shape (cells, outcomes)."""
    tie = parameters[-1:] if model != "bradley_terry" else np.zeros(1)
    logs = log_probabilities(model, design.advantage(parameters[:, None])[:, 0], tie)
    seen = np.column_stack([part[:, 0] for part in counts])
    return np.where(seen > 0, np.column_stack(logs), 0.0)
