"""Agreement of a pilot: which coefficient fits its task, by question and by category, against its thresholds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.pilot import measures, results
from workbench.pilot.questions import Question, cluster, questions
from workbench.stats import agreement as coefficients
from workbench.stats import planning
from workbench.stats.estimate import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from workbench.pilot.opening import Pilot
    from workbench.stats.estimate import Estimate

# Slices with fewer items than this have intervals as wide as the scale; more slices than this are a fishing trip.
SMALLEST_SLICE = 15
MOST_SLICES = 12


def agreement(pilot: Pilot, *, n_resamples: int, seed: int) -> results.Agreement:
    """See `Pilot.agreement`."""
    labels = measures.some_labels(pilot)
    options: dict[str, Any] = {"n_resamples": n_resamples, "seed": seed, "cluster": cluster(labels)}
    asked = questions(pilot, labels)
    main, *others = asked
    advice = coefficients.recommend(main.labels, pilot.config.task, main.level, **options)
    first = [_primary(pilot.config.task, one, options) for one in asked]
    more = [one for one in advice.estimates if one.label or one.name != first[0].name]
    named = [replace(one, label=_said(one, main.name)) for one in more]
    equal = next((one for one in named if one.name == "percent_agreement" and "ties" not in one.label), None)
    thresholds = pilot.config.thresholds
    verdicts = [
        verdict(f"Agreement beyond chance{f' on {one.name}' if one.name else ''}", estimate, thresholds.agreement)
        for one, estimate in zip(asked, first, strict=True)
    ]
    if equal is not None:
        verdicts.append(verdict("Equal answers", equal, thresholds.raw_agreement))
    named += _strength(main.labels, options)
    slices = _slices(pilot, asked, options)
    people = labels["annotator"].nunique()
    cautions = list(advice.cautions)
    if main.level == "nominal" and pilot.config.task != "ranking" and main.labels["label"].nunique() > 1:
        shares = main.labels["label"].value_counts().tolist()
        limits = (thresholds.agreement, thresholds.raw_agreement, thresholds.gold_error)
        cautions.extend(f"thresholds: {note}" for note in planning.consistency(*limits, shares).notes)
    if others:
        told = f"{len(asked)} questions were asked, each with its verdict; the coefficients below alpha are those of "
        cautions.insert(0, told + (repr(main.name) if main.name else "the overall question"))
    return results.Agreement(
        tuple(verdicts),
        (*first, *named),
        slices,
        pilot.simulated_notice,
        tuple(verdict(one.label, one, thresholds.agreement) for one in slices),
        tuple(cautions),
        coefficients.pairwise_kappa(main.labels) if people > 1 and pilot.config.task != "ranking" else None,
        tuple(_over_people(pilot.config.task, main)),
        None if _of_its_own(pilot.config.task, main) else main,
    )


def _primary(task: str, asked: Question, options: Mapping[str, Any]) -> Estimate:
    label = f"alpha: {asked.name}" if asked.name else ""
    return _alpha(task, asked, options, label)


def _alpha(task: str, asked: Question, options: Mapping[str, Any], label: str) -> Estimate:
    """Krippendorff's alpha in the form the task's answers need."""
    if task == "ranking":
        without = {name: value for name, value in options.items() if name != "cluster"}
        return coefficients.rank_alpha(asked.labels, **without, label=label)
    if _of_its_own(task, asked):
        return coefficients.set_alpha(asked.labels, **options, label=label)
    return coefficients.krippendorff_alpha(asked.labels, asked.level, **options, label=label)


def _of_its_own(task: str, asked: Question) -> bool:
    """Whether labels are rankings or sets of classes, which have coefficients of their own."""
    several = asked.labels["label"].astype(str).str.contains("|", regex=False)
    return task == "ranking" or (task == "classification" and bool(several.any()))


def _strength(labels: pd.DataFrame, options: Mapping[str, Any]) -> list[Estimate]:
    """Agreement on how much better a response is, where that was asked: -3 (A) to 3 (B), a tie being 0."""
    felt = labels[labels["strength"].notna()]
    if felt.empty:
        return []
    table = felt.assign(label=felt["strength"].astype(int))
    return [coefficients.krippendorff_alpha(table, "interval", **options, label="alpha of strength")]


def _over_people(task: str, asked: Question) -> list[Estimate]:
    # The jackknife is of alpha on labels as they stand, which is another coefficient than that of sets and rankings.
    if _of_its_own(task, asked) or asked.labels["annotator"].nunique() < 3:
        return []
    return [coefficients.annotator_jackknife(asked.labels, level=asked.level, label="alpha, over annotators")]


def _said(estimate: Estimate, question: str) -> str:
    name = estimate.label or estimate.name.replace("_", " ")
    return f"{name}: {question}" if question else name


def _slices(pilot: Pilot, asked: list[Question], options: Mapping[str, Any]) -> tuple[Estimate, ...]:
    """Alpha of each question in the largest categories."""
    found = []
    for one in asked:
        category = one.labels["item"].map({item.id: item.category for item in pilot.items.values() if item.category})
        sizes = one.labels.groupby(category)["item"].nunique()
        largest = sizes[sizes >= SMALLEST_SLICE].sort_values(ascending=False, kind="stable").index
        for name in sorted(largest[: max(1, MOST_SLICES // len(asked))]):
            mine = one._replace(labels=one.labels[category == name])
            told = f"alpha: {one.name}, {name}" if one.name else f"alpha: {name}"
            # A slice has few prompts of its own, so its items are resampled.
            found.append(_alpha(pilot.config.task, mine, {**options, "cluster": None}, told))
    return tuple(found)
