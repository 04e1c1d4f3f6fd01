"""Agreement between annotators: how far labels can be trusted, beyond what guessing would give.

coefficients  percent agreement, Fleiss' kappa, Krippendorff's alpha, Gwet's AC1 and AC2, sets (MASI)
pairs         two annotators at a time: Cohen's and weighted kappa, and all pairs of a table
rankings      rankings as the pairs they decide; Kendall's tau
views         one coefficient by slice, over time, without each annotator
changes       the difference of a coefficient after a change and before it
advice        which coefficients fit these labels, and what to beware of

One calling form: `krippendorff_alpha(labels, level="nominal", n_resamples=10_000, confidence=0.95, seed=0)`, where
`labels` is any data frame with `item, annotator, label`, or labels encoded once with `coding.encode`. Intervals
resample **items**, or clusters of them (`cluster="prompt_id"`); intervals that resample pairs of labels cover far
less than they claim. No variation at all is undefined, never 1.0.
"""

from workbench.stats.agreement.advice import Advice, recommend
from workbench.stats.agreement.changes import difference
from workbench.stats.agreement.coefficients import (
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    percent_agreement,
    set_alpha,
)
from workbench.stats.agreement.pairs import PairwiseKappa, cohen_kappa, pairwise_kappa, weighted_kappa
from workbench.stats.agreement.rankings import as_pairs, kendall_tau, rank_alpha
from workbench.stats.agreement.views import annotator_jackknife, by, over_time, without_each

__all__ = [
    "Advice",
    "PairwiseKappa",
    "annotator_jackknife",
    "as_pairs",
    "by",
    "cohen_kappa",
    "difference",
    "fleiss_kappa",
    "gwet_ac1",
    "gwet_ac2",
    "kendall_tau",
    "krippendorff_alpha",
    "over_time",
    "pairwise_kappa",
    "percent_agreement",
    "rank_alpha",
    "recommend",
    "set_alpha",
    "weighted_kappa",
    "without_each",
]
