"""Coefficients for any number of annotators. Each is a function of how often each pattern of labels occurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from workbench.stats.agreement.formulas import (
    MOST_COMPARED,
    Weights,
    alpha_statistic,
    distances,
    fleiss_statistic,
    gwet_statistic,
    matrix_alpha,
    percent_statistic,
    refuse,
)
from workbench.stats.agreement.macro import draws_of_pairs
from workbench.stats.resampling import Kind, estimate
from workbench.stats.sufficient import gathered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.coding import Level
    from workbench.stats.estimate import Estimate
    from workbench.stats.patterns import Patterns


_NO_PAIR = "no item has labels of two annotators"


def percent_agreement(
    labels: Any,
    *,
    cluster: str | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind = "percentile",
    label: str = "",
) -> Estimate:
    """Share of pairs of labels on the same item that are equal, pooled over all pairs.

    An item with m labels has m (m - 1) / 2 pairs, so items with more labels weigh more; with equal overlap this is
    the mean over items. It is not corrected for chance: with two labels, one of them 90 % of the time, guessing
    agrees 82 % of the time.

    Raises
    ------
    TableError
        See `workbench.stats.coding.encode`.
    """
    p = gathered(labels, cluster=cluster)
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "interval": interval}
    return estimate(
        "percent_agreement", p, percent_statistic(p), method="share of equal label pairs", label=label, **how
    )


def fleiss_kappa(
    labels: Any,
    *,
    cluster: str | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind = "percentile",
    label: str = "",
) -> Estimate:
    """Fleiss' kappa for any number of annotators, generalised to unequal numbers of labels an item.

    Observed agreement is the mean over items of the share of equal pairs; chance agreement is the sum of squares of
    the mean label shares over all items, those with one label included (Gwet 2014, chapter 2). With the same number
    of labels on each item it is Fleiss (1971).
    """
    p = gathered(labels, cluster=cluster, least=1)
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "interval": interval}
    method, nothing = "Fleiss, unequal overlap", _nothing(p)
    return estimate("fleiss_kappa", p, fleiss_statistic(p), method=method, label=label, undefined=nothing, **how)


def krippendorff_alpha(
    labels: Any,
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
    cluster: str | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind | Literal["kalpha"] = "percentile",
    label: str = "",
) -> Estimate:
    """Krippendorff's alpha: 1 - observed / expected disagreement; any number of annotators, gaps allowed.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`.
    level
        Distance between labels: `nominal` (equal or not), `ordinal` (ranks between them), `interval` (squared
        difference), `ratio` (squared difference over sum).
    categories
        Order of the labels, needed for `ordinal` text labels.
    cluster
        Column of the groups to resample (`prompt_id`) instead of single items.
    interval
        `percentile` or `bca` over items; `kalpha` draws pairs of labels as Hayes & Krippendorff's macro does, only to
        compare with papers that report it: simulated, it covers 78 to 92 % instead of 95 %.

    Notes
    -----
    Krippendorff (2011), *Computing Krippendorff's Alpha-Reliability*. For item patterns with counts c and m labels,
    D_o sums c_a c_b d_ab / (m - 1) and D_e sums n_a n_b d_ab / (N - 1) over pairable labels. Distances that are
    squared differences of a score reduce to moments, so no category x category matrix is built.

    1 is perfect agreement, 0 is what chance gives, below 0 is systematic disagreement; at least .80 is commonly called
    reliable and .667 to .80 tentative, which is a convention and not a verdict.
    """
    p = gathered(labels, level, categories, cluster)
    statistic, method = alpha_statistic(p, level), f"{level} alpha"
    if interval == "kalpha":
        options: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "label": label}
        return draws_of_pairs("krippendorff_alpha", p, statistic, distances(p, level), method=method, **options)
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "interval": interval}
    return estimate("krippendorff_alpha", p, statistic, method=method, label=label, **how)


def gwet_ac1(
    labels: Any,
    *,
    categories: Sequence[Any] | None = None,
    cluster: str | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind = "percentile",
    label: str = "",
) -> Estimate:
    """Gwet's AC1: chance agreement from how evenly labels are used, so one common label does not push it to 0.

    Parameters
    ----------
    categories
        All labels allowed. Chance depends on their number, so give them where some may never have been used.

    Notes
    -----
    Gwet (2008), *Computing inter-rater reliability and its variance in the presence of high agreement*. Chance is
    sum p (1 - p) / (q - 1) over q categories, p the mean share of a label over all items, those with one label
    included. Show it beside alpha, not instead: where one label takes nearly everything, AC1 is near 1 and alpha near
    0, and both are right about different questions.
    """
    return _gwet("gwet_ac1", labels, "nominal", categories, cluster, n_resamples, confidence, seed, interval, label)


def gwet_ac2(
    labels: Any,
    weights: Weights = "quadratic",
    *,
    categories: Sequence[Any] | None = None,
    cluster: str | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind = "percentile",
    label: str = "",
) -> Estimate:
    """Gwet's AC2: AC1 with part marks for near misses.

    Parameters
    ----------
    weights
        `quadratic` or `linear` in the numbers (or positions of `categories`), or `ordinal`: 1 - pairs of places between
        two categories / all pairs, Gwet's ordinal weights. `nominal` is AC1.

    Notes
    -----
    Gwet (2014), *Handbook of Inter-Rater Reliability*, 4th edition, chapter 4. Chance is T sum p (1 - p) / (q (q - 1))
    with T the sum of all weights.
    """
    return _gwet("gwet_ac2", labels, weights, categories, cluster, n_resamples, confidence, seed, interval, label)


def set_alpha(
    labels: Any,
    *,
    cluster: str | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    interval: Kind = "percentile",
    label: str = "",
) -> Estimate:
    """Krippendorff's alpha of sets of labels, with the MASI distance between them.

    Parameters
    ----------
    labels
        `label` holds sets, lists or tuples, or text that is a JSON list; an empty set is an answer too.

    Notes
    -----
    Passonneau (2006), *Measuring agreement on set-valued items (MASI)*: 1 - Jaccard x M, with M 1 for equal sets, 2/3
    where one holds the other, 1/3 where they overlap, 0 where they do not. Two empty sets are equal.
    """
    from workbench.stats.agreement.sets import distance, with_sets

    p = gathered(with_sets(labels, cluster), cluster=cluster)
    q = len(p.categories)
    statistic = matrix_alpha(p, distance(p.categories)) if q <= MOST_COMPARED else refuse(q, "MASI")
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "interval": interval}
    return estimate("set_alpha", p, statistic, method="alpha with MASI distance", label=label, **how)


def _gwet(
    name: str,
    labels: Any,
    weights: Weights,
    categories: Sequence[Any] | None,
    cluster: str | None,
    n_resamples: int,
    confidence: float,
    seed: int,
    interval: Kind,
    label: str,
) -> Estimate:
    p = gathered(labels, "nominal" if weights == "nominal" else "ordinal", categories, cluster, least=1)
    method = "AC1" if weights == "nominal" else f"AC2, {weights} weights"
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "interval": interval}
    nothing = _nothing(p)
    return estimate(name, p, gwet_statistic(p, weights), method=method, label=label, undefined=nothing, **how)


def _nothing(p: Patterns) -> str:
    return "all labels are the same, so chance cannot be separated" if (p.size >= 2).any() else _NO_PAIR
