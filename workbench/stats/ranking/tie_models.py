"""Which of the two tie models the data make more likely."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from workbench.stats.ranking import data
from workbench.stats.ranking.likelihood import fit, log_likelihoods
from workbench.stats.ranking.models import davidson, rao_kupper
from workbench.stats.resampling import FEWEST_CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.estimate import Estimate
    from workbench.stats.ranking.data import Cells
    from workbench.stats.ranking.likelihood import Floats, Model
    from workbench.stats.ranking.result import Ranking


@dataclass(frozen=True)
class TieModels:
    """Rao-Kupper and Davidson on the same comparisons.

    `difference` is the log-likelihood of Davidson minus that of Rao-Kupper, with an interval: above 0 speaks for
    Davidson. Both have the same number of parameters, so AIC and BIC differ by twice as much.
    """

    rao_kupper: Ranking
    davidson: Ranking
    difference: Estimate

    @property
    def better(self) -> str:
        """`davidson`, `rao_kupper`, or `undecided` where the interval holds 0 or there is none."""
        if self.difference.low > 0:
            return "davidson"
        return "rao_kupper" if self.difference.high < 0 else "undecided"


def compare_tie_models(
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
) -> TieModels:
    """Fit `rao_kupper` and `davidson` to the same comparisons and say which the data make more likely.

    Options and errors are those of `rao_kupper`.

    Notes
    -----
    Vuong (1989): the models are not nested, so the difference of log-likelihoods is compared with its standard
    error over clusters (over single comparisons without `cluster`).
    """
    asked: dict[str, Any] = {"style": style, "position": position, "cluster": cluster}
    more: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "label": label}
    one = rao_kupper(comparisons, prior=prior, anchor=anchor, **asked, **more)
    other = davidson(comparisons, prior=prior, anchor=anchor, **asked, **more)
    made = data.cells(comparisons, "davidson", ties="model", **asked)
    # In the order of `seen`: all firsts, all seconds, all ties.
    gain = (_log_likelihoods(made, "davidson", prior) - _log_likelihoods(made, "rao_kupper", prior)).T.ravel()
    total, n = float(gain @ made.seen), made.n_units
    if made.by_cluster is None:
        spread = math.sqrt(max(0.0, float(gain**2 @ made.seen) / n - (total / n) ** 2))
    else:
        spread = float(np.std(made.by_cluster.T @ gain))
    half = float(special.ndtri(0.5 + confidence / 2)) * spread * math.sqrt(n)
    few = n < FEWEST_CLUSTERS
    difference = replace(
        one.systems[0].rating,
        name="log_likelihood_difference",
        value=total,
        low=math.nan if few else total - half,
        high=math.nan if few else total + half,
        n_items=n,
        n_annotators=made.n_annotators,
        n_labels=made.coded.n,
        method=f"log-likelihood of Davidson minus Rao-Kupper, normal interval over {n} {made.units} (Vuong 1989)",
        reason=f"{n} {made.units}: too few for an interval" if few else "",
        label=label,
    )
    return TieModels(one, other, difference)


def _log_likelihoods(made: Cells, model: Model, prior: float) -> Floats:
    counts = made.counts(made.seen[:, None])
    found = fit(made.design, counts, model, prior=prior)
    return log_likelihoods(made.design, counts, model, found.parameters[:, 0])
