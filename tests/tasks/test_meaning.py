"""What answers mean, worked by hand: preferences, turned screens, and when one counts as the known answer."""

from __future__ import annotations

from itertools import permutations
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks import make
from workbench import tasks
from workbench.tasks import Pair

if TYPE_CHECKING:
    from workbench.records import Record

SWAP = {"A": "B", "B": "A"}
NAMES = sorted(tasks.TASKS)


def parsed(task: str, answer: dict[str, Any]) -> Record:
    return tasks.parse_answer(task, answer)


def turned(task: str, answer: dict[str, Any], letters: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = tasks.task(task).turned(parsed(task, answer), letters).model_dump(exclude_defaults=True)
    return found


def inverse(letters: dict[str, str]) -> dict[str, str]:
    return {new: old for old, new in letters.items()}


def test_what_answers_say_about_preference() -> None:
    def pairs(task: str, answer: dict[str, Any]) -> list[Pair]:
        return tasks.task(task).pairs(parsed(task, answer))

    assert pairs("pairwise", {"choice": "B"}) == [Pair("B", "A")]
    assert pairs("pairwise", {"choice": "tie"}) == [Pair("A", "B", tie=True)]
    assert pairs("ranking", {"ranks": {"A": 2, "B": 1, "C": 2}}) == [
        Pair("B", "A"),
        Pair("A", "C", tie=True),
        Pair("B", "C"),
    ]
    assert pairs("likert", {"ratings": {"tone": 1}}) == []


@pytest.mark.parametrize(
    ("task", "answer", "wanted"),
    [
        ("instruction_following", {"checks": {"a": "yes"}}, True),
        ("instruction_following", {"checks": {"a": "no"}}, False),
        ("instruction_following", {"checks": {"a": "not_applicable"}}, None),
        ("factual_accuracy", {"claims": [{"start": 0, "end": 1, "verdict": "contradicted", "quote": "q"}]}, False),
        ("factual_accuracy", {"claims": []}, None),
        ("classification", {"classes": ["safe"]}, None),
    ],
)
def test_what_answers_say_about_one_response(task: str, answer: dict[str, Any], wanted: bool | None) -> None:
    assert tasks.task(task).desirable(tasks.parse_answer(task, answer)) is wanted


# ---- on a turned screen -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ({"choice": "A"}, {"choice": "B"}),
        ({"choice": "tie"}, {"choice": "tie"}),
        ({"choice": "both_bad", "strength": 0}, {"choice": "both_bad", "strength": 0}),
        ({"choice": "A", "strength": -3}, {"choice": "B", "strength": 3}),
        (
            {"choice": "B", "strength": 1, "criteria": {"A": "A", "tone": "tie", "B": "B", "x": "both_bad"}},
            {"choice": "A", "strength": -1, "criteria": {"A": "B", "tone": "tie", "B": "A", "x": "both_bad"}},
        ),
    ],
)
def test_a_comparison_with_its_sides_swapped(answer: dict[str, Any], seen: dict[str, Any]) -> None:
    assert turned("pairwise", answer, SWAP) == seen
    assert turned("pairwise", seen, SWAP) == answer
    assert turned("pairwise", answer, {"A": "A", "B": "B"}) == answer


def test_a_ranking_on_every_screen_of_three() -> None:
    ranks = {"A": 1, "B": 2, "C": 2}
    for order in permutations("ABC"):
        letters = dict(zip("ABC", order, strict=True))  # the screen's A is the canonical order[0]
        found = turned("ranking", {"ranks": ranks}, letters)["ranks"]
        assert found == {order[0]: 1, order[1]: 2, order[2]: 2}


@st.composite
def screens(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, str], dict[str, str]]:
    """Ranks of two to eight responses, and two ways to letter them."""
    letters = ascii_uppercase[: draw(st.integers(2, 8))]
    ranks = {letter: draw(st.integers(1, 8)) for letter in letters}
    first, second = (draw(st.permutations(letters)) for _ in range(2))
    return ranks, dict(zip(letters, first, strict=True)), dict(zip(letters, second, strict=True))


@given(screens())
def test_rankings_turn_as_permutations_do(case: tuple[dict[str, int], dict[str, str], dict[str, str]]) -> None:
    ranks, first, second = case
    once = turned("ranking", {"ranks": ranks}, first)
    assert {letter: once["ranks"][first[letter]] for letter in ranks} == ranks
    assert turned("ranking", once, inverse(first)) == {"ranks": ranks}
    both = {letter: second[first[letter]] for letter in ranks}
    assert turned("ranking", once, second) == turned("ranking", {"ranks": ranks}, both)


@pytest.mark.parametrize("task", NAMES)
@settings(max_examples=40)
@given(st.data())
def test_turned_twice_with_inverse_letters_is_the_same(task: str, data: st.DataObject) -> None:
    judged, under = data.draw(make.items(task)), data.draw(make.guidelines(task))
    answer = parsed(task, data.draw(make.allowed(judged, under)))
    letters = ascii_uppercase[: len(judged.responses)]
    there = dict(zip(letters, data.draw(st.permutations(letters)), strict=True))
    kind = tasks.task(task)
    seen = kind.turned(answer, there)
    assert kind.turned(seen, inverse(there)) == answer
    assert kind.same(kind.turned(seen, inverse(there)), answer)
    if len(judged.responses) < 2:
        assert seen == answer


# ---- the known answer -------------------------------------------------------------------------------------------


def claim(start: int, end: int, verdict: str = "supported") -> dict[str, Any]:
    return {"start": start, "end": end, "verdict": verdict, "quote": "q"}


def attack(**changes: Any) -> dict[str, Any]:
    turns = [{"role": "user", "text": "hi"}]
    return {"turns": turns, "attack_category": "x", "success": True, "severity": 1} | changes


@pytest.mark.parametrize(
    ("task", "known", "answer", "same"),
    [
        # The choice alone: strength and criteria are shades of it.
        ("pairwise", {"choice": "A"}, {"choice": "A", "strength": -1, "criteria": {"tone": "B"}}, True),
        ("pairwise", {"choice": "A"}, {"choice": "tie"}, False),
        ("pairwise", {"choice": "tie"}, {"choice": "both_bad"}, False),
        # The order, whatever the numbers.
        ("ranking", {"ranks": {"A": 1, "B": 2, "C": 2}}, {"ranks": {"A": 3, "B": 8, "C": 8}}, True),
        ("ranking", {"ranks": {"A": 1, "B": 2, "C": 2}}, {"ranks": {"A": 1, "B": 2, "C": 3}}, False),
        ("ranking", {"ranks": {"A": 1, "B": 2}}, {"ranks": {"A": 2, "B": 1}}, False),
        # Within one step on each dimension that is known.
        ("likert", {"ratings": {"tone": 3}}, {"ratings": {"tone": 2, "facts": 5}}, True),
        ("likert", {"ratings": {"tone": 3}}, {"ratings": {"tone": 4}}, True),
        ("likert", {"ratings": {"tone": 3}}, {"ratings": {"tone": 5}}, False),
        ("likert", {"ratings": {"tone": 3, "facts": 1}}, {"ratings": {"tone": 3, "facts": 3}}, False),
        ("likert", {"ratings": {"tone": 3, "facts": 1}}, {"ratings": {"tone": 3}}, False),
        # The same classes in any order.
        ("classification", {"classes": ["a", "b"]}, {"classes": ["b", "a"]}, True),
        ("classification", {"classes": ["a", "b"]}, {"classes": ["a"]}, False),
        ("classification", {"classes": ["a"]}, {"classes": ["a", "b"]}, False),
        # Whether it worked.
        ("red_team", attack(), attack(attack_category="y", severity=4), True),
        ("red_team", attack(), attack(success=False, severity=0), False),
        # A checklist may be known in part.
        ("instruction_following", {"checks": {"a": "yes"}}, {"checks": {"a": "yes", "b": "no"}}, True),
        ("instruction_following", {"checks": {"a": "yes"}}, {"checks": {"a": "no", "b": "no"}}, False),
        ("instruction_following", {"checks": {"a": "yes", "b": "no"}}, {"checks": {"a": "yes"}}, False),
        ("instruction_following", {"checks": {"a": "no"}}, {"checks": {"a": "not_applicable"}}, False),
        # Each known claim is found by one that covers half of it with the same verdict.
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(10, 20)]}, True),
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(0, 15)]}, True),
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(0, 14)]}, False),
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(15, 40)]}, True),
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(16, 40)]}, False),
        ("factual_accuracy", {"claims": [claim(10, 21)]}, {"claims": [claim(0, 15)]}, False),  # 5 of 11
        ("factual_accuracy", {"claims": [claim(10, 21)]}, {"claims": [claim(0, 16)]}, True),  # 6 of 11
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(10, 14), claim(14, 18)]}, False),
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(10, 20, "contradicted")]}, False),
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": [claim(0, 9), claim(10, 20)]}, True),
        ("factual_accuracy", {"claims": [claim(0, 4), claim(10, 20)]}, {"claims": [claim(10, 20)]}, False),
        ("factual_accuracy", {"claims": [claim(0, 4), claim(4, 8)]}, {"claims": [claim(0, 8)]}, True),
        ("factual_accuracy", {"claims": [claim(10, 20)]}, {"claims": []}, False),
        # Known to claim nothing: no claim may be found.
        ("factual_accuracy", {"claims": []}, {"claims": []}, True),
        ("factual_accuracy", {"claims": []}, {"claims": [claim(0, 4)]}, False),
    ],
)
def test_when_an_answer_is_the_known_one(task: str, known: dict[str, Any], answer: dict[str, Any], same: bool) -> None:
    assert tasks.task(task).same(parsed(task, answer), parsed(task, known)) is same
