"""From fitted ratings and their replicates to a `Ranking`: centring, intervals, ranks left open."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from workbench.stats.estimate import Estimate
from workbench.stats.intervals import percentile
from workbench.stats.ranking.comparing import TIE
from workbench.stats.ranking.likelihood import log_probabilities
from workbench.stats.ranking.result import Ranking, System
from workbench.stats.resampling import FEWEST_CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.ranking.data import Cells
    from workbench.stats.ranking.likelihood import Floats, Model

# Ends of an interval that differ by less than fits do.
_ALIKE = 1e-7
_TITLES = {"bradley_terry": "Bradley-Terry", "rao_kupper": "Rao-Kupper", "davidson": "Davidson"}


@dataclass(frozen=True)
class Question:
    """What was asked for."""

    model: Model
    ties: str
    prior: float
    anchor: str | None
    n_resamples: int
    confidence: float
    seed: int
    label: str


@dataclass(frozen=True)
class Drawn:
    """Parameters on the data and on resamples (parameters, replicates).

    `infinite`: some ratings are, but for the prior. `joined` (systems, systems): whether a chain of comparisons leads
    from one to the other, so that their difference is not the prior's alone.
    """

    best: Floats
    replicates: Floats
    covariance: Floats
    log_likelihood: float
    infinite: bool
    joined: NDArray[np.bool_]


def summarise(
    made: Cells, question: Question, drawn: Drawn, warnings: list[str], without_style: Ranking | None
) -> Ranking:
    """All results of one fit."""
    names, m = made.coded.names, made.design.n_systems
    anchor = None if question.anchor is None else names.index(question.anchor)
    weights = np.full(m, 1 / m) if anchor is None else (np.arange(m) == anchor).astype(float)
    ratings = drawn.best[:m] - weights @ drawn.best[:m]
    replicates = drawn.replicates[:m] - weights @ drawn.replicates[:m]
    centre = np.eye(m) - weights
    covariance = centre @ drawn.covariance[:m, :m] @ centre.T
    method = _method(made, question, drawn)
    lost = int(np.isnan(drawn.replicates[0]).sum()) if drawn.replicates.size else 0
    undefined = [f"{lost} of {question.n_resamples} resamples undefined"] if lost else []
    infinite = ["without the prior some ratings would be infinite"] if drawn.infinite else []
    apart = not drawn.joined.all()
    cautions = [*_why_no_interval(made, question), *undefined, *infinite]
    empty = Estimate(
        "", math.nan, math.nan, math.nan, made.n_units, made.n_annotators, made.coded.n, method, question.confidence,
        "; ".join(cautions),
    )  # fmt: skip
    z = float(special.ndtri(0.5 + question.confidence / 2))

    def estimate(name: str, value: float, samples: Floats, curve: float, label: str) -> Estimate:
        low, high, _ = percentile(samples, question.confidence) if samples.size else (math.nan, math.nan, 0)
        if drawn.infinite and samples.size and curve > 0:
            low, high = np.fmin(low, value - z * curve), np.fmax(high, value + z * curve)
        return replace(empty, name=name, value=value, low=float(low), high=float(high), label=label)

    tied = int(made.table[:, :, TIE].sum())
    alike = "every resample has the same rating, so no interval"
    if tied == made.coded.n:
        alike = f"all {tied} comparisons are ties: no resample can show a difference, so no interval"
        warnings = [*warnings, alike]
    outcomes, units, annotators = made.outcomes, made.units_of, made.annotators_of
    rated = []
    for k, name in enumerate(names):
        one = estimate("rating", float(ratings[k]), replicates[k], math.sqrt(max(0.0, covariance[k, k])), name)
        reason = "anchor: 0 by definition" if k == anchor else one.reason
        if apart and k != anchor:
            # Where the groups stand to each other is the prior's word alone, and no interval can be honest about that.
            reason = "no interval: no comparison joins all systems, so only ranks within a group say something"
            one = replace(one, low=math.nan, high=math.nan)
        elif k != anchor and one.high - one.low < _ALIKE:
            # Resampling what is all alike never shows what is not; [0, 0] would say that the systems are equal.
            reason = "; ".join(part for part in (reason, alike) if part)
            one = replace(one, low=math.nan, high=math.nan)
        n_labels = int(outcomes[:, k].sum())
        rated.append(
            replace(one, reason=reason, n_items=int(units[k]), n_annotators=int(annotators[k]), n_labels=n_labels)
        )
    extra = [
        estimate("coefficient", float(drawn.best[k]), drawn.replicates[k], math.sqrt(drawn.covariance[k, k]), "")
        for k in range(m, len(drawn.best))
    ]
    tie = _tie(question.model, extra.pop()) if question.model != "bradley_terry" else None
    position = replace(extra.pop(0), name="position", label="left") if made.position else None
    style = tuple(
        replace(one, name="style", label=name, method=f"{method}; one standard deviation (about 0) is {sd:.4g}")
        for one, name, sd in zip(extra, made.coded.style_names, made.spread, strict=True)
    )
    open_ranks = _ranks(ratings, replicates, covariance if drawn.infinite else None, drawn.joined, question.confidence)
    scale = "log-odds, mean 0" if anchor is None else f"log-odds, {question.anchor} at 0"
    return Ranking(
        _systems(made, ratings, rated, open_ranks),
        scale,
        _probabilities(question.model, names, ratings, drawn.best[-1]),
        tie,
        position,
        style,
        without_style,
        drawn.log_likelihood,
        made.coded.n,
        tied,
        method,
        (*warnings, *undefined),
        question.label,
    )


def _systems(
    made: Cells, ratings: Floats, rated: Sequence[Estimate], open_ranks: NDArray[np.int64] | None
) -> tuple[System, ...]:
    wins, losses, ties = made.outcomes.tolist()
    return tuple(
        System(
            made.coded.names[k],
            rated[k],
            1 + int((ratings > ratings[k] + 1e-9).sum()),
            None if open_ranks is None else int(open_ranks[k, 0]),
            None if open_ranks is None else int(open_ranks[k, 1]),
            wins[k],
            ties[k],
            losses[k],
        )
        for k in np.argsort(-ratings, kind="stable").tolist()
    )


def _ranks(
    ratings: Floats, replicates: Floats, covariance: Floats | None, joined: NDArray[np.bool_], confidence: float
) -> NDArray[np.int64] | None:
    """Lowest and highest rank of each system that no comparison of two ratings rules out, all at once.

    The critical value is the quantile of the largest studentised deviation of any pair's difference over replicates.
    """
    defined = replicates[:, ~np.isnan(replicates).any(axis=0)]
    m = len(ratings)
    if defined.shape[1] < 2:
        return None
    apart = ratings[:, None] - ratings
    error = np.zeros((m, m))
    largest = np.zeros(defined.shape[1])
    for k in range(m - 1):
        moved = (defined[k] - defined[k + 1 :]) - apart[k, k + 1 :, None]
        error[k, k + 1 :] = error[k + 1 :, k] = spread = moved.std(axis=1)
        largest = np.maximum(largest, (np.abs(moved) / np.maximum(spread, 1e-12)[:, None]).max(axis=0))
    critical = float(np.quantile(largest, confidence))
    if covariance is not None:
        variance = np.diag(covariance)
        error = np.maximum(error, np.sqrt(np.maximum(variance[:, None] + variance - 2 * covariance, 0)))
        critical = max(critical, float(special.ndtri(0.5 + confidence ** (2 / (m * (m - 1))) / 2)))
    above = (apart > critical * error + 1e-9) & joined
    np.fill_diagonal(above, val=False)
    return np.column_stack([1 + above.sum(axis=0), m - above.sum(axis=1)])


def _probabilities(model: Model, names: list[str], ratings: Floats, tie: float) -> pd.DataFrame:
    first, _, tied = np.exp(log_probabilities(model, ratings[:, None] - ratings, np.asarray(tie)))
    share = first + tied / 2
    np.fill_diagonal(share, np.nan)
    order = np.argsort(-ratings, kind="stable")
    best_first = [names[k] for k in order]
    return pd.DataFrame(share[np.ix_(order, order)], index=pd.Index(best_first, name="system"), columns=best_first)


def _tie(model: Model, found: Estimate) -> Estimate:
    name = "theta" if model == "rao_kupper" else "nu"
    value, low, high = (math.exp(number) for number in (found.value, found.low, found.high))
    return replace(found, name=name, value=value, low=low, high=high, label="ties")


def _why_no_interval(made: Cells, question: Question) -> list[str]:
    if made.n_units < FEWEST_CLUSTERS:
        return [f"{made.n_units} {made.units}: too few for an interval"]
    return [] if question.n_resamples else ["no resamples asked for, so no interval"]


def _method(made: Cells, question: Question, drawn: Drawn) -> str:
    parts = [_TITLES[question.model], question.ties]
    parts.append(
        f"prior {question.prior:g} (comparisons of each system with one of rating 0, half won)"
        if question.prior
        else "no prior"
    )
    if made.position:
        parts.append("advantage of the left fitted jointly")
    if made.coded.style_names:
        parts.append(f"controlled for {', '.join(made.coded.style_names)}")
    if drawn.replicates.size:
        parts.append(
            f"percentile bootstrap over {made.n_units} {made.units} ({question.n_resamples} resamples, seed "
            f"{question.seed}); ranks simultaneous over all pairs"
        )
        if drawn.infinite:
            parts.append("intervals at least as wide as the curvature of the penalised likelihood says")
    return "; ".join(parts)
