"""What a guideline asks for in one task type, as plain data, and what an answer holds that it does not ask for.

The widget builds its controls from a form, and a platform its questions. Ranges and verdicts are read from the answer's
schema (`answers`), names and words from the guideline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from workbench.errors import RecordError
from workbench.tasks.answers import (
    Claim,
    ClassificationAnswer,
    FactualAccuracyAnswer,
    InstructionFollowingAnswer,
    LikertAnswer,
    PairwiseAnswer,
    RedTeamAnswer,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workbench.records import Guideline, Item, Record

SEVERITIES = ("none", "minor", "moderate", "serious", "severe")


def no_problem(_answer: Any, _guideline: Guideline, _item: Item) -> str:
    """For answers that can hold nothing a guideline has a say in."""
    return ""


def pairwise(guideline: Guideline) -> dict[str, Any]:
    choices = _schema(PairwiseAnswer, "choice")["enum"]
    return {
        "choices": [one for one in choices if one != "both_bad" or guideline.allow_both_bad],
        "strength": _range(PairwiseAnswer, "strength") if "strength" in guideline.ask else None,
        "criteria": _explained(guideline.criteria, guideline) if "criteria" in guideline.ask else [],
    }


def pairwise_problem(answer: PairwiseAnswer, guideline: Guideline, _item: Item) -> str:
    given = {answer.choice, *answer.criteria.values()}
    if "both_bad" in given and not guideline.allow_both_bad:
        return f"guideline {guideline.ref} has no 'both bad'; allowed are {pairwise(guideline)['choices']}"
    if answer.strength is not None and "strength" not in guideline.ask:
        return f"guideline {guideline.ref} asks for no strength, only for a choice"
    return _names("criteria", answer.criteria, guideline.criteria if "criteria" in guideline.ask else ())


def ranking(_guideline: Guideline) -> dict[str, Any]:
    return {}


def likert(guideline: Guideline) -> dict[str, Any]:
    names = _listed("criteria", guideline.criteria, guideline)
    return {
        "dimensions": [
            {"name": name, "steps": list(_listed(f"steps for {name!r}", steps(guideline, name), guideline))}
            for name in names
        ]
    }


def steps(guideline: Guideline, dimension: str) -> tuple[str, ...]:
    """What each step of a dimension means, the lowest first: its own anchors, or the guideline's scale."""
    return guideline.anchors.get(dimension) or guideline.scale


def likert_problem(answer: LikertAnswer, guideline: Guideline, _item: Item) -> str:
    for name, rating in answer.ratings.items():
        most = len(steps(guideline, name))
        if name in guideline.criteria and rating > most:
            return f"{name!r} has steps 1 to {most}, got {rating}"
    return _names("dimensions", answer.ratings, guideline.criteria)


def classification(guideline: Guideline) -> dict[str, Any]:
    classes = _listed("classes", guideline.scale, guideline)
    return {"classes": _explained(classes, guideline), "several": guideline.multi_label}


def classification_problem(answer: ClassificationAnswer, guideline: Guideline, _item: Item) -> str:
    if len(answer.classes) > 1 and not guideline.multi_label:
        return f"guideline {guideline.ref} asks for one class, got {list(answer.classes)}"
    unknown = sorted(set(answer.classes) - set(guideline.scale))
    return f"no class {unknown}; allowed are {list(guideline.scale)}" if unknown else ""


def red_team(guideline: Guideline) -> dict[str, Any]:
    lowest, highest = _range(RedTeamAnswer, "severity")
    words = guideline.anchors.get("severity") or SEVERITIES
    return {
        "categories": _explained(_listed("attack categories", guideline.scale, guideline), guideline),
        "severities": [words[k] if k < len(words) else str(k) for k in range(lowest, highest + 1)],
    }


def red_team_problem(answer: RedTeamAnswer, guideline: Guideline, _item: Item) -> str:
    if answer.attack_category not in guideline.scale:
        return f"no attack category {answer.attack_category!r}; allowed are {list(guideline.scale)}"
    return ""


def instruction_following(_guideline: Guideline) -> dict[str, Any]:
    verdicts = _schema(InstructionFollowingAnswer, "checks")["additionalProperties"]["enum"]
    return {"verdicts": list(verdicts)}


def checklist(item: Item, guideline: Guideline) -> tuple[str, ...]:
    """Names of what is checked on an item: its constraints, or the guideline's criteria where it has none."""
    return tuple(constraint.id for constraint in item.constraints) or guideline.criteria


def instruction_problem(answer: InstructionFollowingAnswer, guideline: Guideline, item: Item) -> str:
    return _names("checks", answer.checks, checklist(item, guideline))


def factual_accuracy(guideline: Guideline) -> dict[str, Any]:
    return {"verdicts": _explained(get_args(Verdict), guideline), "need_source": list(Claim.NEED_SOURCE)}


def factual_problem(answer: FactualAccuracyAnswer, _guideline: Guideline, item: Item) -> str:
    return beyond(answer, item)


def beyond(answer: FactualAccuracyAnswer, item: Item) -> str:
    """What is wrong with claims that end after the response does; empty where none does."""
    length = len(item.responses[0].text)
    beyond = next((claim for claim in answer.claims if claim.end > length), None)
    return f"the response has {length} characters, got a claim {beyond.start}-{beyond.end}" if beyond else ""


def _names(what: str, given: Iterable[str], asked: Iterable[str]) -> str:
    have, wanted = set(given), list(asked)
    unknown, missing = sorted(have - set(wanted)), [name for name in wanted if name not in have]
    if unknown:
        return f"no {what} {unknown}; allowed are {wanted}"
    return f"{what} not answered: {missing}" if missing else ""


def _listed(what: str, names: tuple[str, ...], guideline: Guideline) -> tuple[str, ...]:
    """The names, or `RecordError` where there are none: nobody could answer."""
    if not names:
        raise RecordError(f"guideline {guideline.ref} has no {what}", next_step="list them in its front matter")
    return names


def _explained(names: Iterable[str], guideline: Guideline) -> list[dict[str, str]]:
    return [{"name": name, "means": next(iter(guideline.anchors.get(name, ())), "")} for name in names]


def _schema(answer: type[Record], field: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.model_json_schema()["properties"][field]
    return found


def _range(answer: type[Record], field: str) -> list[int]:
    schema = _schema(answer, field)
    number = next((part for part in schema.get("anyOf", ()) if part.get("type") == "integer"), schema)
    return [number["minimum"], number["maximum"]]
