"""Constraints applied to texts: is the constraint valid, does a text keep it, which of two texts keeps more.

An empty text (see `text`) follows no instruction: every check fails on it, also `no_commas`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import RecordError
from workbench.verifiers.kinds import KINDS, MAX_PARAM_CHARS, PARAMS, clip
from workbench.verifiers.text import fold, has_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.records import Constraint
    from workbench.verifiers.kinds import Param


@dataclass(frozen=True)
class Verdict:
    """What a check found: `found` is a short text for people ("73 words, at most 50 asked")."""

    constraint: str
    kind: str
    passed: bool
    found: str


@dataclass(frozen=True)
class Satisfaction:
    """Verdicts on one text, in the order of the constraints.

    Where there was nothing to check, `share` is NaN and `all_passed` is False: nothing vouches for the text.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def n_passed(self) -> int:
        return sum(verdict.passed for verdict in self.verdicts)

    @property
    def n_total(self) -> int:
        return len(self.verdicts)

    @property
    def share(self) -> float:
        return self.n_passed / self.n_total if self.verdicts else math.nan

    @property
    def all_passed(self) -> bool:
        return bool(self.verdicts) and self.n_passed == self.n_total

    @property
    def passed_ids(self) -> frozenset[str]:
        return frozenset(verdict.constraint for verdict in self.verdicts if verdict.passed)


def validate(constraint: Constraint) -> Constraint:
    """Return the constraint, or raise `RecordError` naming the kind or parameter, the value and what is allowed."""
    where = f"constraint {constraint.id}"
    kind = KINDS.get(constraint.kind)
    if kind is None:
        raise RecordError(f"no constraint kind {constraint.kind!r}; allowed are {sorted(KINDS)}", where=where)
    wanted = f"{constraint.kind} takes {dict(kind.params) or 'no parameters'}"
    unknown = sorted(set(constraint.params) - set(kind.params))
    missing = sorted(set(kind.params) - set(kind.optional) - set(constraint.params))
    if unknown or missing:
        what = f"unknown parameters {unknown}" if unknown else f"missing parameters {missing}"
        raise RecordError(f"{what}; {wanted}", where=where)
    for name, value in constraint.params.items():
        if not _fits(kind.params[name], value):
            allowed = PARAMS[kind.params[name]]
            raise RecordError(f"{constraint.kind}: {name} must be {allowed}, got {clip(repr(value), 80)}", where=where)
    params: Any = constraint.params
    if "low" in params and params["low"] > params["high"]:
        raise RecordError(f"word_range: low {params['low']} is above high {params['high']}", where=where)
    if params.get("tolerance", 0) < 0:
        raise RecordError(f"answer_equals: tolerance must not be negative, got {params['tolerance']}", where=where)
    return constraint


def describe(constraint: Constraint) -> str:
    """The constraint as an English sentence fragment, for people.

    >>> from workbench.records import Constraint
    >>> describe(Constraint(id="c1", kind="max_words", params={"n": 30}))
    'at most 30 words'
    """
    validate(constraint)
    return KINDS[constraint.kind].describe(constraint.params)


def check(constraint: Constraint, text: str) -> Verdict:
    """Whether the text keeps the constraint, and what was found.

    Raises
    ------
    RecordError
        When the constraint is not valid (see `validate`).
    """
    validate(constraint)
    if not has_word(text):
        return Verdict(constraint.id, constraint.kind, False, "the answer is empty")
    passed, found = KINDS[constraint.kind].check(constraint.params, text)
    return Verdict(constraint.id, constraint.kind, passed, found)


def check_all(constraints: Sequence[Constraint], text: str) -> Satisfaction:
    """Verdicts of every constraint on a text, in the order given.

    Raises
    ------
    RecordError
        When a constraint is not valid or two have the same id.
    """
    ids = [constraint.id for constraint in constraints]
    if len(set(ids)) != len(ids):
        raise RecordError(f"constraints must have distinct ids, got {ids}")
    return Satisfaction(tuple(check(constraint, text) for constraint in constraints))


def prefer(constraints: Sequence[Constraint], first_text: str, second_text: str) -> Literal["A", "B", "tie"] | None:
    """The pairwise answer that the constraints alone vouch for: the first text is A, the second B.

    A text wins when it keeps every constraint the other keeps and at least one more. `tie` means that both keep
    exactly the same constraints: a tie as far as constraints go, which says nothing about correctness or style. None
    means that nothing can be vouched for: each keeps one the other breaks, or there are no constraints.
    """
    first, second = (check_all(constraints, text).passed_ids for text in (first_text, second_text))
    if not constraints:
        return None
    if first == second:
        return "tie"
    if first > second:
        return "A"
    return "B" if second > first else None


def _fits(param: Param, value: object) -> bool:
    if param == "flag":
        return isinstance(value, bool)
    if param == "count":
        return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000
    if param == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    if param == "text":
        return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_PARAM_CHARS
    return (
        isinstance(value, list | tuple)
        and 1 <= len(value) <= 20
        and all(_fits("text", phrase) for phrase in value)
        and len({fold(phrase) for phrase in value}) == len(value)
    )
