"""The first guideline shipped: no weakness, and its examples count as the verifiers do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workbench import verifiers
from workbench.guidelines import check, load
from workbench.records import Constraint

SHIPPED = Path(__file__).parents[2] / "guidelines" / "instruction-following" / "v1.md"


def test_the_shipped_guideline_has_no_weakness() -> None:
    guideline = load(SHIPPED)
    assert check(guideline, path=SHIPPED) == []
    assert SHIPPED.read_text(encoding="utf-8") == guideline.text
    assert 6 <= len(guideline.clauses) <= 9
    assert len({case.answer for case in guideline.edge_cases}) == 3, "the examples should not all name the same side"


# The constraint that a shipped edge case states, and what it alone vouches for.
STATED = {
    "E1": (Constraint(id="c1", kind="max_words", params={"n": 15}), "B"),
    "E2": (Constraint(id="c1", kind="no_commas"), "A"),
    "E3": (Constraint(id="c1", kind="answer_equals", params={"value": 10}), "tie"),
    "E5": (Constraint(id="c1", kind="exact_sentences", params={"n": 1}), "tie"),
}


@pytest.mark.parametrize("case_id", STATED)
def test_the_shipped_edge_cases_count_as_the_verifiers_do(case_id: str) -> None:
    [case] = [one for one in load(SHIPPED).edge_cases if one.id == case_id]
    asked, vouched = STATED[case_id]
    texts = dict(re.findall(r'^([AB]): "(.*)"', case.text, re.MULTILINE))
    assert verifiers.prefer([asked], texts["A"], texts["B"]) == vouched
    # A tie of the constraints leaves the decision to the other clauses; anything else settles it.
    assert vouched in (case.answer, "tie")
    for text, n in re.findall(r'^[AB]: "(.*)" \((\d+) words\)', case.text, re.MULTILINE):
        assert len(verifiers.words(text)) == int(n)


def test_the_shipped_guideline_counts_its_own_example_right() -> None:
    rule = next(clause.text for clause in load(SHIPPED).clauses if clause.id == "C2")
    example = re.search(r'Example: "(.*)" has (\d+) words: (.*)\.', rule)
    assert example is not None
    assert verifiers.words(example[1]) == example[3].split(", ")
    assert len(verifiers.words(example[1])) == int(example[2])
