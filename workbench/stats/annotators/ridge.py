"""Logistic regressions of many groups at once, each with a ridge penalty and clustered errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_STEPS = 60
_LONGEST_STEP = 3.0
# A nearly free fit that grows beyond this, on standardised columns, is on its way to infinity.
_BOUNDLESS = 8.0


class Fit(NamedTuple):
    """Coefficients and their standard errors, shape (groups, 1 + columns), intercept first; which are separated."""

    coefficients: Floats
    errors: Floats
    separated: Bools


def fit(x: Floats, y: Floats, group: Ints, cluster: Ints, n_groups: int, *, penalty: float) -> Fit:
    """One logistic regression a group, by Newton's method on all groups together.

    Parameters
    ----------
    x, y
        Columns, shape (rows, columns), on comparable scales; outcomes 0 or 1.
    group, cluster
        Codes of the regression a row belongs to, and of the rows that stand or fall together.
    penalty
        Weight of half the squared coefficients in the loss; the intercept is free but for 1e-6.

    Notes
    -----
    Complete or nearly complete separation (Albert & Anderson 1984) is told by a second fit with hardly any penalty: it
    puts every row on its side, or its coefficients run away.
    """
    order = np.argsort(group, kind="stable")
    design = np.column_stack([np.ones(len(x)), x])[order]
    outcome, of = y[order], group[order]
    coefficients, bread = _newton(design, outcome, of, n_groups, penalty)
    free, _ = _newton(design, outcome, of, n_groups, 1e-5)
    margin = (2 * outcome - 1) * np.einsum("rk,rk->r", design, free[of])
    wrong = np.bincount(of, weights=margin <= 0, minlength=n_groups)
    separated = (wrong == 0) | (np.abs(free[:, 1:]).max(axis=1, initial=0) > _BOUNDLESS)
    residual = outcome - special.expit(np.einsum("rk,rk->r", design, coefficients[of]))
    scores = _clustered(design * residual[:, None], of, cluster[order])
    meat = np.zeros_like(bread)
    np.add.at(meat, scores[1], np.einsum("ck,cl->ckl", scores[0], scores[0]))
    inverse = np.linalg.inv(bread)
    covariance = inverse @ meat @ inverse
    errors = np.sqrt(np.maximum(np.einsum("gkk->gk", covariance), 0))
    return Fit(coefficients, errors, separated)


def _newton(design: Floats, y: Floats, of: Ints, n_groups: int, penalty: float) -> tuple[Floats, Floats]:
    """Coefficients and the Hessian of the penalised loss at them; rows are sorted by group."""
    width = design.shape[1]
    ridge = np.full(width, penalty)
    ridge[0] = min(penalty, 1e-6)
    beta = np.zeros((n_groups, width))
    upper = np.triu_indices(width)
    products = design[:, upper[0]] * design[:, upper[1]]
    hessian = np.empty((n_groups, width, width))
    for _ in range(_STEPS):
        p = special.expit(np.einsum("rk,rk->r", design, beta[of]))
        gradient = _sums(design * (y - p)[:, None], of, n_groups) - beta * ridge
        packed = _sums(products * (p * (1 - p))[:, None], of, n_groups)
        hessian[:, upper[0], upper[1]] = packed
        hessian[:, upper[1], upper[0]] = packed
        # The smallest curvature keeps groups without rows, or on the edge of the scale, solvable.
        hessian += np.diag(np.maximum(ridge, 1e-9))[None]
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        step *= np.minimum(1.0, _LONGEST_STEP / np.maximum(longest, 1e-300))
        beta += step
        if longest.max(initial=0) < 1e-9:
            break
    return beta, hessian


def _sums(values: Floats, of: Ints, n_groups: int) -> Floats:
    return np.stack([np.bincount(of, weights=column, minlength=n_groups) for column in values.T], axis=1)


def _clustered(scores: Floats, of: Ints, cluster: Ints) -> tuple[Floats, Ints]:
    """Scores summed within (group, cluster), and the group of each sum."""
    key, index = np.unique(of * (int(cluster.max(initial=0)) + 1) + cluster, return_inverse=True)
    return _sums(scores, index, len(key)), key // (int(cluster.max(initial=0)) + 1)
