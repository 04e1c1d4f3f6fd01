"""Calibration, worked by hand: when it is passed, when it ends, and on which items the next attempt is."""

from __future__ import annotations

import pytest

from tests.design.make import items
from tests.store.make import T0, guideline
from workbench.design import Standing, practice_items, standing
from workbench.errors import PlanError, RecordError
from workbench.records import Calibration, Practice

# Of four items three right, so one mistake is allowed.
RULE = Calibration(n=4, min_correct=3, max_mistakes=1, attempts=2)


def given(marks: str, attempt: int = 1, start: int = 0) -> list[Practice]:
    """Answers to items start, start + 1, …: `+` a right one, `-` a mistake."""
    return [
        Practice(
            practice_id=f"p{attempt}.{k}",
            pilot="p",
            item=f"i{k}",
            task="pairwise",
            annotator="ana",
            source="human",
            attempt=attempt,
            position=k - start,
            answer={"choice": "A"},
            order=("r1", "r2"),
            correct=mark == "+",
            submitted_at=T0,
            guideline="helpful/v1",
            guideline_sha256=guideline().sha256,
        )
        for k, mark in enumerate(marks, start)
    ]


@pytest.mark.parametrize(
    ("marks", "state", "right", "wrong"),
    [
        ("", "practising", 0, 0),
        ("+++", "practising", 3, 0),  # enough are right, but the fourth is still to come
        ("++++", "passed", 4, 0),
        ("-+++", "passed", 3, 1),
        ("+-", "practising", 1, 1),
        ("--", "failed", 0, 2),  # one mistake too many ends it early
        ("++-", "practising", 2, 1),
        ("++--", "failed", 2, 2),
    ],
)
def test_a_first_attempt(marks: str, state: str, right: int, wrong: int) -> None:
    found = standing(RULE, given(marks))
    assert (found.state, found.attempt, found.n_correct, found.n_mistakes, found.n) == (state, 1, right, wrong, 4)
    assert found.n_answered == len(marks)


@pytest.mark.parametrize(("marks", "state"), [("+", "practising"), ("-+++", "passed"), ("--", "out"), ("+-+-", "out")])
def test_the_last_attempt_is_judged_alone(marks: str, state: str) -> None:
    found = standing(RULE, [*given("--"), *given(marks, attempt=2, start=4)])
    assert (found.state, found.attempt, found.n_answered) == (state, 2, len(marks))


def test_who_has_one_attempt_is_out_after_it() -> None:
    assert standing(RULE.model_copy(update={"attempts": 1}), given("--")).state == "out"
    assert standing(RULE.model_copy(update={"attempts": 3}), [*given("--"), *given("--", 2)]).state == "failed"


def test_enough_right_and_few_enough_wrong_are_both_needed() -> None:
    # Two of four right, but any number of mistakes allowed: the attempt goes to its end and is failed there.
    lenient = Calibration(n=4, min_correct=3, max_mistakes=4)
    assert standing(lenient, given("---")).state == "practising"
    assert standing(lenient, given("++--")).state == "failed"
    assert standing(lenient, given("+-++")).state == "passed"
    # No mistake allowed, though one right would do.
    strict = Calibration(n=4, min_correct=1, max_mistakes=0)
    assert standing(strict, given("+++-")).state == "failed"
    with pytest.raises(RecordError, match="min_correct 5 is more than the 4 items"):
        Calibration(n=4, min_correct=5, max_mistakes=0)


def test_the_first_answer_counts_because_the_right_one_is_shown_after_it() -> None:
    once = given("-+")
    again = given("+")
    assert standing(RULE, [*once, *again]) == Standing("practising", 1, 1, 1, 4)
    assert standing(RULE, [*once, *given("-"), *given("-")]).n_mistakes == 1


def test_an_attempt_has_gold_beside_what_is_taken_and_the_next_one_others() -> None:
    batch = items(20, n_gold=10)
    taken = {"i0", "i1"}
    first, second, third = (practice_items(batch, RULE, "ana", attempt, taken=taken) for attempt in (1, 2, 3))
    spare = {f"i{k}" for k in range(2, 10)}
    assert {item.id for item in first} | {item.id for item in second} == spare
    assert len(first) == len(second) == 4, "eight are enough for two attempts without one twice"
    # The third has none of its own: the first ones, in another order.
    assert {item.id for item in third} == {item.id for item in first}
    assert third != first
    assert first == practice_items(batch[::-1], RULE, "ana", 1, taken=taken), "whatever the order of the batch"


def test_people_practise_on_items_of_their_own_choice_of_luck() -> None:
    batch = items(100, n_gold=100)
    chosen = {tuple(item.id for item in practice_items(batch, RULE, f"a{k}", 1, taken=())) for k in range(10)}
    assert len(chosen) == 10
    other = practice_items(batch, RULE, "a0", 1, taken=(), seed=1)
    assert tuple(item.id for item in other) not in chosen


def test_too_little_gold_beside_the_batchs_own_is_an_error_that_says_so() -> None:
    with pytest.raises(PlanError) as caught:
        practice_items(items(20, n_gold=5), RULE, "ana", 1, taken=["i0", "i1", "i19"])
    assert str(caught.value) == (
        "the calibration asks for 4 gold items beside the batch's own, there are 3 "
        "-> lower gold_share in pilot.toml or n in the guideline, or add items with a known answer"
    )
