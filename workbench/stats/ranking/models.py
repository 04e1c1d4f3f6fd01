"""Ratings of systems from who won: Bradley-Terry, and Rao-Kupper and Davidson, which model ties."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import TableError
from workbench.stats.intervals import check_resampling
from workbench.stats.ranking import data
from workbench.stats.ranking.likelihood import fit, log_likelihoods
from workbench.stats.ranking.summary import Drawn, Question, summarise
from workbench.stats.resampling import FEWEST_CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.ranking.data import Cells
    from workbench.stats.ranking.likelihood import Fit, Model
    from workbench.stats.ranking.result import Ranking

# A coefficient of so many log-odds is one that grows without end: the covariate decides every comparison.
_ENDLESS = 15.0
_MOST_SYSTEMS = 500


def bradley_terry(
    comparisons: Any,
    *,
    ties: Literal["half", "drop"] = "half",
    style: Sequence[str] = (),
    position: bool = False,
    prior: float = 1.0,
    anchor: str | None = None,
    cluster: str | None = "prompt_id",
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Ranking:
    """Rate systems so that the log-odds of one winning against another is the difference of their ratings.

    Parameters
    ----------
    comparisons
        Any data frame with `a, b, winner` (A, B, tie or both_bad), one row a comparison, and the columns the options
        name; see `comparisons()` for making it from labels. Or one encoded by `encode`.
    ties
        `half`: half a win for each; `drop`: left out.
    style
        Covariates to control for: `words` is the difference of `words_a` and `words_b` (or a column `words` that is one
        already). They are divided by their standard deviation over the comparisons and fitted jointly with the ratings.
    position
        Also estimate the advantage of the left response, from the column `left` (A or B).
    prior
        Each system is given this many comparisons with an opponent of rating 0, half of them won and half lost. It
        keeps a system that never lost finite, and moves nothing else that can be seen once systems have tens of
        comparisons. 0 is plain maximum likelihood.
    anchor
        The system that has rating 0; without one the mean rating is 0.
    cluster
        Intervals resample the values of this column with all their comparisons. None resamples single comparisons:
        too narrow where a prompt, or an annotator, was compared more than once.

    Returns
    -------
    Ranking
        Ratings with percentile bootstrap intervals, each system by itself. Ranks left open are simultaneous: with
        probability `confidence`, all true ranks are within theirs at once.

    Raises
    ------
    TableError
        A table that cannot be read (see `encode`); an unknown anchor; with `prior=0` systems that win or lose
        everything, or that no comparison joins; covariates that cannot be told apart from the systems; more than 500
        systems.
    ValueError
        See `intervals.check_resampling`.

    Notes
    -----
    Bradley & Terry (1952). The prior is the log-F(prior, prior) penalty of Greenland & Mansournia (2015) on ratings
    (not on coefficients). Ranks: Mogstad, Romano, Shaikh & Wilhelm (2024), studentised differences of all pairs. Where
    the data alone leave a rating infinite, resamples cannot show what could have been; the interval is then the wider
    of the bootstrap's and that of the penalised likelihood's curvature. Where no chain of comparisons joins all
    systems there are ratings by the prior, a warning that names the groups, and no intervals.
    """
    if ties not in ("half", "drop"):
        raise TableError(f"ties must be 'half' or 'drop', got {ties!r}", next_step="or use davidson, rao_kupper")
    how = {"half": "ties count half a win for each", "drop": "ties left out"}[ties]
    question = Question("bradley_terry", how, prior, anchor, n_resamples, confidence, seed, label)
    return _rank(comparisons, question, ties=ties, style=style, position=position, cluster=cluster)


def rao_kupper(
    comparisons: Any,
    *,
    style: Sequence[str] = (),
    position: bool = False,
    prior: float = 1.0,
    anchor: str | None = None,
    cluster: str | None = "prompt_id",
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Ranking:
    """Rate systems where a tie is an advantage too small to be seen: P(i wins) = 1 / (1 + theta exp(r_j - r_i)).

    `Ranking.ties` is theta, 1 or more; log theta is the smallest advantage that is seen. Options, result and errors as
    in `bradley_terry`; it also refuses comparisons without ties, or with nothing else.

    Notes
    -----
    Rao & Kupper (1967), *Ties in paired-comparison experiments*. An ordered logit with three outcomes.
    """
    question = Question(
        "rao_kupper", "ties by a threshold (Rao & Kupper)", prior, anchor, n_resamples, confidence, seed, label
    )
    return _rank(comparisons, question, ties="model", style=style, position=position, cluster=cluster)


def davidson(
    comparisons: Any,
    *,
    style: Sequence[str] = (),
    position: bool = False,
    prior: float = 1.0,
    anchor: str | None = None,
    cluster: str | None = "prompt_id",
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Ranking:
    """Rate systems where a tie is as likely as the geometric mean of both wins, times nu.

    `Ranking.ties` is nu: the chance of a tie between equal systems is nu / (2 + nu). Options, result and errors as in
    `rao_kupper`.

    Notes
    -----
    Davidson (1970), *On extending the Bradley-Terry model to accommodate ties in paired comparison experiments*. With
    `position` it is Davidson & Beaver (1977).
    """
    question = Question(
        "davidson",
        "ties by a share of the geometric mean (Davidson)",
        prior,
        anchor,
        n_resamples,
        confidence,
        seed,
        label,
    )
    return _rank(comparisons, question, ties="model", style=style, position=position, cluster=cluster)


def _rank(
    comparisons: Any, question: Question, *, ties: str, style: Sequence[str], position: bool, cluster: str | None
) -> Ranking:
    check_resampling(question.n_resamples, question.confidence, question.seed)
    if not 0 <= question.prior < math.inf:
        raise TableError(f"prior must be 0 or more comparisons, got {question.prior!r}")
    made = data.cells(comparisons, question.model, ties=ties, style=tuple(style), position=position, cluster=cluster)
    if len(made.coded.names) > _MOST_SYSTEMS:
        raise TableError(
            f"{len(made.coded.names):,} systems are more than {_MOST_SYSTEMS}: each resample solves as many equations",
            next_step="keep the systems with most comparisons, or count: ranking.win_rates(comparisons)",
        )
    if question.anchor is not None and question.anchor not in made.coded.names:
        raise TableError(f"no system {question.anchor!r} to anchor at; there are {made.coded.names[:12]}")
    both_ways = data.groups(made, both_ways=True)
    if not question.prior and len(both_ways) > 1:
        raise TableError(
            "without a prior some ratings are infinite: " + "; ".join(_told(made, both_ways)),
            next_step="use a prior (1 comparison is the default), collect more comparisons, or leave systems out",
        )
    counts = made.counts(made.seen[:, None])
    best = fit(made.design, counts, question.model, prior=question.prior)
    if not _sound(made, question.model, best)[0]:
        raise TableError(
            "the fit has no end: a covariate (position, style) or the ties decide every comparison",
            next_step="leave the covariate out, or collect more comparisons",
        )
    drawn, at = [], best.parameters
    enough = made.n_units >= FEWEST_CLUSTERS
    for resample in made.resamples(question.n_resamples if enough else 0, question.seed):
        again = fit(made.design, resample, question.model, prior=question.prior, start=at)
        sound = _sound(made, question.model, again)
        if not question.prior:
            sound &= ~data.separated(made.design, resample)
        drawn.append(np.where(sound, again.parameters, np.nan))
    replicates = np.hstack(drawn) if drawn else np.zeros((len(at), 0))
    covariance = np.linalg.inv(best.information[0])
    logs = log_likelihoods(made.design, counts, question.model, at[:, 0])
    reached = float((logs * np.column_stack([part[:, 0] for part in counts])).sum())
    warnings = [*made.coded.notes, *(_told(made, both_ways) if len(both_ways) > 1 else [])]
    without = None
    if style:
        plain = replace(made.coded, style=None, style_names=())
        without = _rank(plain, question, ties=ties, style=(), position=position, cluster=cluster)
    group = {name: k for k, names in enumerate(data.groups(made, both_ways=False)) for name in names}
    place = np.asarray([group[name] for name in made.coded.names])
    joined = place[:, None] == place
    estimated = Drawn(at[:, 0], replicates, covariance, reached, len(both_ways) > 1, joined)
    return summarise(made, question, estimated, warnings, without)


def _sound(made: Cells, model: Model, found: Fit) -> NDArray[np.bool_]:
    """Which fits came to an end, with no coefficient or tie parameter that grows without end."""
    size = np.abs(found.parameters[made.design.n_systems :])
    if model != "bradley_terry":
        size[-1] = found.parameters[-1]  # its other end, no ties, is no harm
    return np.asarray(found.converged & (size < _ENDLESS).all(axis=0))


def _told(made: Cells, both_ways: list[list[str]]) -> list[str]:
    """In words, which systems the comparisons do not place."""
    apart = data.groups(made, both_ways=False)
    said = []
    if len(apart) > 1:
        shown = " | ".join(", ".join(name[:40] for name in group[:6]) for group in apart[:6])
        said.append(f"no comparison joins these groups: {shown}")
    won, lost, tied = made.outcomes
    wins, losses = won + tied, lost + tied
    for verb, count, other in (("won", wins, losses), ("lost", losses, wins)):
        never = [made.coded.names[k][:40] for k in np.flatnonzero((count == 0) & (other > 0))]
        if never:
            said.append(f"{', '.join(never[:6])} never {verb}")
    if not said:
        shown = " | ".join(", ".join(name[:40] for name in group[:6]) for group in both_ways[:6])
        said.append(f"one of these groups never won against another: {shown}")
    return said
