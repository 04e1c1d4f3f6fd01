"""A pilot's labels as rows for each kind of run: what each task can give, and how it is decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench import exporters, tasks
from workbench.errors import PilotError, TableError
from workbench.exporters import KINDS, Exported, Preferences
from workbench.pilot import measures
from workbench.pilot.row_options import COMPARED, RowOptions, checked
from workbench.stats import aggregation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.exporters import Ties
    from workbench.pilot.opening import Pilot
    from workbench.pilot.row_options import Decide
    from workbench.records import Guideline, Label

# Smallest difference of mean scores that makes a pair: a step of a rating, a quarter of a share.
STEP, QUARTER = 1.0, 0.25


def make(pilot: Pilot, kind: str, options: Mapping[str, Any]) -> Exported[Any]:
    """See `Pilot.rows`."""
    if kind not in KINDS:
        raise PilotError(f"no rows of kind {kind!r}; there are {', '.join(KINDS)}")
    task = pilot.config.task
    given = checked(task, kind, options)
    if kind == "policy" and task != "red_team":
        return exporters.prompt_rows(
            pilot.prompts,
            pilot.items.values(),
            pilot.label_records(),
            task=task,
            guideline=_guideline(pilot),
            **given,
        )
    measures.some_labels(pilot)
    if task == "red_team":
        return _attacks(pilot, kind, given)
    if task not in COMPARED:
        return _singles(pilot, kind, task, given)
    by_votes = given.pop("by_votes", False)
    clear = {"clear": given.pop("clear")} if "clear" in given else {}
    if kind in ("sft", "kto"):
        made = _compared(pilot, task, given)
        return (exporters.chosen_answers if kind == "sft" else exporters.sorted_answers)(made, **clear)
    return _of_kind(_compared(pilot, task, given), kind, by_votes)


def preferences(
    pilot: Pilot,
    *,
    ties: Ties = "drop",
    keep_gold: bool = False,
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
    decide: Decide = "votes",
    posterior: bool = False,
) -> Preferences:
    """Preference rows of a pairwise pilot; see `Pilot.preferences`. Nothing is written."""
    RowOptions(
        ties=ties, keep_gold=keep_gold, eval_share=eval_share, exclude=exclude, decide=decide, posterior=posterior
    )
    decisions = measures.decisions(pilot, exclude)
    posteriors = None
    if posterior or decide == "model":
        decided, posteriors = modelled(pilot, exclude)
        decisions = decided if decide == "model" else decisions
    return exporters.preferences(
        pilot.items.values(),
        pilot.label_records(),
        decisions,
        guideline=pilot.labelled_under(),
        ties=ties,
        keep_gold=keep_gold,
        eval_share=eval_share,
        exclude=exclude,
        posteriors=posteriors,
        margin="model" if decide == "model" else "votes",
    )


def modelled(
    pilot: Pilot, exclude: Sequence[str] = ()
) -> tuple[dict[str, tuple[str | None, str]], dict[str, dict[str, float]]]:
    """Decisions and posteriors by Dawid and Skene's model (smoothing 0.5, as `Pilot.consensus`).

    An adjudicated answer is taken as known: the item keeps it, and the model learns from it.
    """
    labels = measures.usable(pilot, exclude)
    asked = set(labels["item"])
    known = {one.item: str(one.answer.get("choice")) for one in pilot.store.adjudications(pilot.name)}
    known = {item: answer for item, answer in known.items() if item in asked}
    seen = labels[labels["criterion"] == ""]["label"]
    try:
        fit = aggregation.dawid_skene(
            labels, gold=known or None, categories=sorted({*seen, *known.values()}), smoothing=0.5
        )
    except TableError as error:
        raise PilotError(
            f"no model of the annotators: {error.what}", next_step="decide='votes' needs no model"
        ) from error
    items = fit.items
    columns: Any = (items["item"], items["consensus_label"], items["source"])
    decided: dict[str, tuple[str | None, str]] = {item: (label, how) for item, label, how in zip(*columns, strict=True)}
    names = [str(name) for name in fit.classes]
    rows = zip(items["item"], fit.posterior.tolist(), strict=True)
    return decided, {str(item): dict(zip(names, row, strict=True)) for item, row in rows}


def _guideline(pilot: Pilot) -> Guideline:
    return pilot.labelled_under() if pilot.sources else pilot.guideline


def _of_kind(made: Preferences, kind: str, by_votes: bool | int) -> Preferences:
    rows = made if by_votes is False else made.by_votes(None if by_votes is True else by_votes)
    of_kind: Any = kind
    return replace(rows, kind=of_kind)


def _compared(pilot: Pilot, task: str, given: dict[str, Any]) -> Preferences:
    if task == "pairwise":
        return preferences(pilot, **given)
    return exporters.ranked_preferences(
        pilot.items.values(), pilot.label_records(), guideline=pilot.labelled_under(), **given
    )


def _attacks(pilot: Pilot, kind: str, given: dict[str, Any]) -> Exported[Any]:
    if kind in ("dpo", "reward"):
        raise PilotError(
            "attack logs compare no two replies, so they make no pairs",
            next_step="pilot.rows('kto'), or make a pairwise pilot of the attacks: "
            "workbench new NAME, with the rows of pilot.rows('policy') as prompts",
        )
    of_kind: Any = kind
    return exporters.attack_rows(
        of_kind, pilot.items.values(), pilot.label_records(), guideline=pilot.labelled_under(), **given
    )


def _singles(pilot: Pilot, kind: str, task: str, given: dict[str, Any]) -> Exported[Any]:
    wanted, score, span = _meaning(pilot, task, given)
    shared: dict[str, Any] = {"task": task, "guideline": pilot.labelled_under()}
    items, labels = pilot.items.values(), pilot.label_records()
    if kind in ("dpo", "reward"):
        gap = given.pop("min_gap", STEP if task == "likert" else QUARTER)
        made = exporters.scored_preferences(items, labels, score, span=span, min_gap=gap, **shared, **given)
        return _of_kind(made, kind, False)
    maker: Any = exporters.wanted_answers if kind == "sft" else exporters.judged
    found: Exported[Any] = maker(items, labels, wanted, **shared, **given)
    return found


def _meaning(
    pilot: Pilot, task: str, given: dict[str, Any]
) -> tuple[Callable[[Label], bool | None], Callable[[Label], float | None], float]:
    """What a label of this task says: wanted or not, its score, and the score's span. Takes its options out."""
    if task == "likert":
        return _rating(pilot, given)
    if task == "classification":
        return _classes(pilot, given)
    kind = tasks.task(task)

    def share(label: Label) -> float | None:
        answer: Any = kind_of(label)
        verdicts = answer.checks.values() if task == "instruction_following" else [c.verdict for c in answer.claims]
        counts = Counter(verdicts)
        good, bad = counts["yes"] + counts["supported"], counts["no"] + counts["contradicted"]
        return good / (good + bad) if good + bad else None

    def kind_of(label: Label) -> Any:
        return tasks.parse_answer(task, label.answer)

    return (lambda label: kind.desirable(kind_of(label))), share, 1.0


def _rating(
    pilot: Pilot, given: dict[str, Any]
) -> tuple[Callable[[Label], bool | None], Callable[[Label], float | None], float]:
    criterion = given.pop("criterion", None)
    ratings = [_ratings(label) for label in pilot.label_records()]
    seen = {name for rating in ratings for name in rating}
    # The guideline of imported labels names no steps, and is no reason to refuse them.
    steps = max(len(pilot.labelled_under().scale), *(value for rating in ratings for value in rating.values()), 2)
    if criterion is not None and criterion not in seen:
        raise PilotError(f"no label rates {criterion!r}", next_step=f"one of {', '.join(sorted(seen))}")
    threshold = given.pop("threshold", (1 + steps) / 2)
    if not 1 <= threshold <= steps:
        raise PilotError(f"threshold is a step from 1 to {steps}, got {threshold!r}")

    def score(label: Label) -> float | None:
        found = [value for name, value in _ratings(label).items() if criterion in (None, name)]
        return sum(found) / len(found) if found else None

    def wanted(label: Label) -> bool | None:
        mine = score(label)
        return None if mine is None or mine == threshold else mine > threshold

    return wanted, score, steps - 1.0


def _ratings(label: Label) -> dict[str, int]:
    found: Any = label.answer["ratings"]
    return dict(found)


def _classes(
    pilot: Pilot, given: dict[str, Any]
) -> tuple[Callable[[Label], bool | None], Callable[[Label], float | None], float]:
    names = classes(pilot)
    good = set(given.pop("desirable", ()))
    bad = set(given.pop("undesirable")) if "undesirable" in given else None
    strangers = sorted((good | (bad or set())) - set(names))
    if not good or strangers or good & (bad or set()):
        raise PilotError(
            f"no class {', '.join(strangers)}" if strangers else "which classes are wanted is for you to say",
            next_step=f"desirable=[…] of {', '.join(names)}; all others count as not wanted, or name undesirable=[…] "
            "and the rest says nothing",
        )

    def wanted(label: Label) -> bool | None:
        found = set(_given_classes(label))
        if found <= good:
            return True
        return False if bad is None or found & bad else None

    def score(label: Label) -> float | None:
        is_wanted = wanted(label)
        return None if is_wanted is None else float(is_wanted)

    return wanted, score, 1.0


def classes(pilot: Pilot) -> list[str]:
    """The classes of a pilot's guideline; where it names none (imported labels), those that were given."""
    named = list(pilot.labelled_under().scale)
    return named or sorted({name for label in pilot.label_records() for name in _given_classes(label)})


def _given_classes(label: Label) -> list[str]:
    found: Any = label.answer["classes"]
    return list(found)
