"""The optional fields of the front matter: what they become, and what in them is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guidelines.make import TEXT, with_fields
from workbench.errors import GuidelineError
from workbench.guidelines import parse
from workbench.records import FLAGS, SKIP_REASONS, Calibration


def read(*lines: str) -> Any:
    return parse(with_fields(*lines))


def test_what_is_left_out_has_a_default() -> None:
    plain = parse(TEXT)
    assert (plain.anchors, plain.ask, plain.multi_label, plain.calibration) == ({}, (), False, None)
    assert (plain.machine_checks, plain.gold_feedback) == ("hidden", "never")
    assert (plain.flags, plain.skip_reasons) == (FLAGS, SKIP_REASONS)


@pytest.mark.parametrize(
    ("lines", "field", "value"),
    [
        (["anchors: {clarity: read once}"], "anchors", {"clarity": ("read once",)}),
        (["anchors: {clarity: [muddled, clear]}"], "anchors", {"clarity": ("muddled", "clear")}),
        (["anchors:", "  clarity:", "  - muddled", "  - 'yes'"], "anchors", {"clarity": ("muddled", "yes")}),
        (["anchors: {'yes': done, 'no': not done}"], "anchors", {"yes": ("done",), "no": ("not done",)}),
        (["anchors: {}"], "anchors", {}),
        (["anchors:"], "anchors", {}),
        (["ask: [strength, criteria, reason]"], "ask", ("strength", "criteria", "reason")),
        (["ask: []"], "ask", ()),
        (["ask:"], "ask", ()),
        (["multi_label: true"], "multi_label", True),
        (["machine_checks: after"], "machine_checks", "after"),
        (["gold_feedback: live"], "gold_feedback", "live"),
        (
            ["calibration: {n: 8, min_correct: 6, max_mistakes: 0}"],
            "calibration",
            Calibration(n=8, min_correct=6, max_mistakes=0, attempts=2),
        ),
        (
            ["calibration:", "  n: 1", "  min_correct: 0", "  max_mistakes: 1", "  attempts: 20"],
            "calibration",
            Calibration(n=1, min_correct=0, max_mistakes=1, attempts=20),
        ),
        (["calibration:"], "calibration", None),
        (["flags: [off topic, 'no: harm']"], "flags", ("off topic", "no: harm")),
        (["flags: []"], "flags", ()),
        (["flags:"], "flags", FLAGS),
        (["skip_reasons: [Not my language]"], "skip_reasons", ("Not my language",)),
    ],
)
def test_what_a_field_becomes(lines: list[str], field: str, value: object) -> None:
    assert getattr(read(*lines), field) == value


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["anchors: clear"], "anchors must be lines of `name: text` or `name: [texts]`, got 'clear'"),
        (["anchors: [clear]"], "anchors must be lines of `name: text` or `name: [texts]`"),
        (["anchors: {clarity: 3}"], "anchors must be lines of `name: text` or `name: [texts]`, got \"{'clarity': 3}\""),
        (["anchors: {clarity: [1, 2]}"], "anchors must be lines of"),
        (["anchors: {clarity: [muddled, yes]}"], "anchors must be lines of"),  # YAML reads yes as true
        (["anchors: {yes: done}"], "anchors must be lines of"),
        (["anchors: {3: done}"], "anchors must be lines of"),
        (["anchors: {clarity: {low: muddled}}"], "anchors must be lines of"),
        (["anchors: {clarity: [[muddled]]}"], "anchors must be lines of"),
        (["anchors: {clarity: }"], "anchors must be lines of"),
        (["anchors: {clarity: a, clarity: b}"], "anchors given twice: ['clarity']"),
        (["anchors:", "  clarity: a", "  correctness: b", "  clarity: a"], "anchors given twice: ['clarity']"),
        (["anchors: {clarity: a, 'clarity': a}"], "anchors given twice: ['clarity']"),
        (["anchors: {clarity: [{a: b, a: c}]}"], "anchors given twice: ['a']"),
        (["anchors: {<<: {clarity: a}}"], "anchors `<<` is not read"),
        (["ask: strength"], "ask must be a list of texts, got 'strength'"),
        (["ask: [power]"], "ask.0: Input should be 'strength', 'criteria' or 'reason', got 'power'"),
        (["ask: [true]"], "ask must be a list of texts"),
        (["multi_label: 1"], "multi_label must be true or false, got '1'"),
        (["multi_label: 'true'"], "multi_label must be true or false, got 'true'"),
        (["machine_checks: before"], "machine_checks: Input should be 'hidden' or 'after', got 'before'"),
        (["machine_checks: off"], "machine_checks must be a text, got 'False'"),
        (["gold_feedback: always"], "gold_feedback: Input should be 'never' or 'live', got 'always'"),
        (["calibration: 8"], "calibration must be lines of `name: whole number`, got '8'"),
        (["calibration: [8, 6, 2]"], "calibration must be lines of `name: whole number`"),
        (["calibration: {}"], "calibration.n: Field required"),
        (["calibration: {n: 8, min_correct: 6}"], "calibration.max_mistakes: Field required"),
        (["calibration: {n: '8', min_correct: 6, max_mistakes: 2}"], "calibration must be lines of"),
        (["calibration: {n: 8.0, min_correct: 6, max_mistakes: 2}"], "calibration must be lines of"),
        (["calibration: {n: true, min_correct: 0, max_mistakes: 2}"], "calibration must be lines of"),
        (["calibration: {n: 8, min_correct: , max_mistakes: 2}"], "calibration must be lines of"),
        (["calibration: {n: 0, min_correct: 0, max_mistakes: 0}"], "calibration.n: Input should be greater than or"),
        (["calibration: {n: 101, min_correct: 0, max_mistakes: 0}"], "calibration.n: Input should be less than or"),
        (["calibration: {n: 8, min_correct: -1, max_mistakes: 2}"], "calibration.min_correct: Input should be greater"),
        (["calibration: {n: 8, min_correct: 9, max_mistakes: 2}"], "min_correct 9 is more than the 8 items there are"),
        (
            ["calibration: {n: 8, min_correct: 6, max_mistakes: 2, attempts: 0}"],
            "calibration.attempts: Input should be",
        ),
        (
            ["calibration: {n: 8, min_correct: 6, max_mistakes: 2, tries: 3}"],
            "calibration has no ['tries']; allowed are ['n', 'min_correct', 'max_mistakes', 'attempts']",
        ),
        (["calibration: {n: 8, n: 9, min_correct: 6, max_mistakes: 2}"], "calibration given twice: ['n']"),
        (
            ["calibration:", "  n: 8", "  min_correct: 6", "  max_mistakes: 2", "  n: 8"],
            "calibration given twice: ['n']",
        ),
        (["flags: off topic"], "flags must be a list of texts, got 'off topic'"),
        (["flags: [1]"], "flags must be a list of texts"),
        (["flags: {off: topic}"], "flags must be a list of texts"),
        (["skip_reasons: [no]"], "skip_reasons must be a list of texts"),
        (["flags: [a]", "flags: [b]"], "fields given twice: ['flags']"),
    ],
)
def test_what_does_not_fit_is_refused_and_says_what_would(lines: list[str], says: str) -> None:
    with pytest.raises(GuidelineError) as caught:
        read(*lines)
    assert says in caught.value.what
    assert caught.value.where.startswith("guideline")


def test_a_name_given_twice_inside_a_field_is_found_at_its_line() -> None:
    with pytest.raises(GuidelineError) as caught:
        read("anchors:", "  clarity: a", "  clarity: b")
    line = int(caught.value.where.removeprefix("guideline:"))
    assert with_fields("anchors:", "  clarity: a").splitlines()[line - 1] == "  clarity: a"


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs", "Cc")), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(WORDS | st.integers(), part, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["anchors", "ask", "multi_label", "machine_checks", "gold_feedback", "calibration", "flags"])


@settings(max_examples=60)
@given(st.dictionaries(FIELDS, VALUES, max_size=3))
def test_whatever_yaml_holds_is_read_or_refused_in_a_line(fields: dict[str, Any]) -> None:
    import yaml

    said = ""
    try:
        read(*yaml.safe_dump(fields, allow_unicode=True).splitlines()) if fields else None
    except GuidelineError as error:
        said = str(error)
    assert len(said) < 600
