"""Which coefficients fit a set of labels, and what makes one of them misleading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TableError
from workbench.stats.agreement.cells import MOST_MET, pair_cells, pairs_of_labels
from workbench.stats.agreement.coefficients import (
    fleiss_kappa,
    gwet_ac1,
    gwet_ac2,
    krippendorff_alpha,
    percent_agreement,
    set_alpha,
)
from workbench.stats.agreement.formulas import MOST_COMPARED
from workbench.stats.agreement.pairs import cohen_kappa, weighted_kappa
from workbench.stats.agreement.rankings import kendall_tau, rank_alpha
from workbench.stats.agreement.sets import holds_sets, with_sets
from workbench.stats.coding import Coded, Level, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats.estimate import Estimate

# One label takes so much of the table that chance agreement alone is 82 % and more.
PREVALENT = 0.9
# Two annotators use a label this differently (difference of shares): their kappa has a ceiling below 1.
MARGINS_APART = 0.2
# AC1 and alpha this far apart say different things about the same labels.
APART = 0.2
FEW_ITEMS = 30
FEW_ANNOTATORS = 5


@dataclass(frozen=True)
class Advice:
    """The coefficients that fit, in the order to read them, why these, and what to beware of.

    `estimates` are computed on the labels; `why` has one sentence for each of them; `cautions` are in plain words and
    carry the numbers they rest on. Where two coefficients disagree for a reason both are in `estimates`.
    """

    estimates: tuple[Estimate, ...]
    why: tuple[str, ...]
    cautions: tuple[str, ...]

    def __str__(self) -> str:
        rows = [f"{estimate}\n    {why}" for estimate, why in zip(self.estimates, self.why, strict=True)]
        return "\n".join([*rows, *(f"! {caution}" for caution in self.cautions)])


def recommend(
    labels: Any,
    task: str | None = None,
    level: Level | None = None,
    *,
    categories: Sequence[Any] | None = None,
    cluster: str | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Advice:
    """Coefficients for these labels, computed, with the reason for each and the cautions that belong to them.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`; one question (see `coding.select`).
    task
        A task type of `workbench.tasks`: decides the level of measurement, and what a label is. `classification` with
        several classes a label is told from its labels.
    level
        Level of measurement where there is no task, or another than the task's.
    cluster
        Column to resample by (`prompt_id`) where several items share a prompt.

    Raises
    ------
    TableError
        An unknown task; labels the level refuses.
    """
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed}
    if task == "ranking":
        return Advice(
            (rank_alpha(labels, **how), kendall_tau(labels, **how)),
            (
                "chance-corrected agreement on each choice between two responses that a ranking implies",
                "how alike two annotators order the same responses: 1 the same order, -1 the reverse",
            ),
            (),
        )
    wanted = level or _level(task)
    if task == "classification" and holds_sets(labels):
        coded = encode(with_sets(labels, cluster), cluster=cluster)
        return Advice(
            (set_alpha(coded, cluster=cluster, **how), percent_agreement(coded, cluster=cluster, **how)),
            (
                "labels are sets of classes: part marks for sets that overlap (MASI)",
                "share of pairs of labels that are exactly the same set",
            ),
            _cautions(coded, []),
        )
    coded = encode(labels, wanted, categories, cluster)
    found, why = _fitting(coded, wanted, task, cluster, how)
    return Advice(tuple(found), tuple(why), _cautions(coded, found))


def _level(task: str | None) -> Level:
    from workbench import tasks
    from workbench.errors import RecordError

    if task is None:
        return "nominal"
    try:
        return tasks.task(task).level
    except RecordError as error:
        raise TableError(f"no task {task!r}", next_step=f"one of {', '.join(tasks.TASKS)}") from error


def _fitting(
    coded: Coded, level: Level, task: str | None, cluster: str | None, how: dict[str, Any]
) -> tuple[list[Estimate], list[str]]:
    found = [krippendorff_alpha(coded, level, cluster=cluster, **how)]
    why = [f"any number of annotators, gaps allowed, {_distance_words(level)}"]
    if level in ("ordinal", "interval") and coded.n_categories <= 50:
        found.append(gwet_ac2(coded, "quadratic", cluster=cluster, **how))
        why.append("the same with chance from how evenly the scale is used: holds where nearly all say the same")
    elif level == "nominal" and coded.n_categories <= MOST_COMPARED:
        found.append(gwet_ac1(coded, cluster=cluster, **how))
        why.append("chance from how evenly labels are used: holds where one label takes nearly everything")
    if task == "pairwise" and {"A", "B", "tie"} <= set(coded.categories):
        scale = {"A": 1.0, "B": -1.0, "tie": 0.0, "both_bad": 0.0}
        if set(coded.categories) <= set(scale):
            between = _rescaled(coded, [scale[one] for one in coded.categories])
            found.append(krippendorff_alpha(between, "interval", cluster=cluster, label="alpha, tie between", **how))
            why.append("a tie counts as half way between A and B instead of as a third, unrelated answer")
        decided = coded.only(np.isin(np.asarray(coded.categories, dtype=object)[coded.value], ["A", "B"]))
        label = "percent agreement without ties"
        found.append(percent_agreement(decided, cluster=cluster, label=label, **how))
        why.append("of two annotators who both chose a side, how often it is the same one")
    found.append(percent_agreement(coded, cluster=cluster, **how))
    why.append("what a reader can check by counting; guessing alone gives much of it")
    if len(coded.annotators) == 2:
        if level == "nominal" or coded.n_categories <= MOST_COMPARED:
            found.append(cohen_kappa(coded, **how) if level == "nominal" else weighted_kappa(coded, **how))
            why.append("two annotators, each with their own habits of use")
    else:
        if level == "nominal":
            found.append(fleiss_kappa(coded, cluster=cluster, **how))
            why.append("the kappa of papers with several annotators; near alpha unless labels are few")
    return found, why


def _rescaled(coded: Coded, numbers: list[float]) -> Coded:
    """The labels on another scale; categories with the same number become one."""
    from dataclasses import replace

    scale, place = np.unique(np.asarray(numbers), return_inverse=True)
    return replace(coded, value=place[coded.value], categories=scale.tolist(), numbers=scale)


def _distance_words(level: Level) -> str:
    return {
        "nominal": "two labels are equal or not",
        "ordinal": "distance counts the ranks between two labels",
        "interval": "distance is the squared difference",
        "ratio": "distance is relative to the size of the values",
    }[level]


def _cautions(coded: Coded, found: list[Estimate]) -> tuple[str, ...]:
    n = np.bincount(coded.value, minlength=max(coded.n_categories, 1))
    total = int(n.sum())
    told = []
    if total and n.max() / total > PREVALENT:
        told.append(
            f"{n.max() / total:.0%} of labels are {str(coded.categories[int(n.argmax())])[:40]!r}: coefficients that "
            "take chance from the labels (alpha, kappa) are low by that alone, AC1 is not; read both, and percent "
            "agreement on the rare label"
        )
    by_name = {one.name: one for one in found if not one.label}
    alpha, gwet = by_name.get("krippendorff_alpha"), by_name.get("gwet_ac1") or by_name.get("gwet_ac2")
    if alpha and gwet and alpha.defined and gwet.defined and gwet.value - alpha.value > APART:
        told.append(
            f"alpha {alpha.value:.2f} and {gwet.name.replace('_', ' ')} {gwet.value:.2f} differ because labels are "
            "used unevenly: alpha asks whether annotators tell items apart, the other whether they give the same answer"
        )
    told.extend(_margins(coded))
    per_item = np.bincount(coded.item, minlength=len(coded.items))
    shared = int((per_item >= 2).sum())
    if 0 < shared < FEW_ITEMS:
        told.append(f"only {shared} items have two labels: the interval is wide and its coverage is not assured")
    if shared and shared < len(per_item) / 2:
        told.append(f"{len(per_item) - shared:,} of {len(per_item):,} items have a single label and say nothing here")
    people = len(np.unique(coded.annotator))
    if 1 < people < FEW_ANNOTATORS:
        told.append(
            f"{people} annotators: the interval resamples items and takes these people as given; "
            "`annotator_jackknife` asks how it could have been with others"
        )
    return tuple(told)


def _margins(coded: Coded) -> list[str]:
    """Whether two annotators with enough shared items use a label very differently."""
    if coded.n_categories > 50 or len(coded.annotators) > 200 or pairs_of_labels(coded) > MOST_MET:
        return []
    cells = pair_cells(coded)
    worst: tuple[float, str] = (0.0, "")
    for pair, mine in cells.groupby("pair"):
        n = mine["n"].sum()
        if n < FEW_ITEMS:
            continue
        shares = [
            np.bincount(mine[side], weights=mine["n"], minlength=coded.n_categories) / n for side in ("first", "second")
        ]
        gap = np.abs(shares[0] - shares[1])
        k = int(gap.argmax())
        if gap[k] > worst[0]:
            a, b = (str(coded.annotators[one])[:30] for one in divmod(int(str(pair)), len(coded.annotators)))
            told = (
                f"{a} and {b} use {str(coded.categories[k])[:30]!r} {shares[0][k]:.0%} and {shares[1][k]:.0%} of the "
                f"time on {int(n)} shared items: with margins so far apart kappa cannot reach 1"
            )
            worst = (float(gap[k]), told)
    return [worst[1]] if worst[0] > MARGINS_APART else []
