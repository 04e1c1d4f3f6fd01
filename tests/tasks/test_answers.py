"""What each task type's answers may hold, and that every refusal says what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from workbench import tasks
from workbench.errors import RecordError

TURN = {"role": "user", "text": "hi"}
CLAIM = {"start": 4, "end": 9, "verdict": "not_enough_evidence"}


def claims(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"claims": [CLAIM | change for change in changes]}


def attack(**changes: Any) -> dict[str, Any]:
    return {"turns": [TURN], "attack_category": "x", "success": False, "severity": 0} | changes


# task, answer, what the refusal says: the field, and what it may be
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("pairwise", {}, "choice: Field required"),
    ("pairwise", {"choice": "C"}, "choice: Input should be 'A', 'B', 'tie' or 'both_bad', got 'C'"),
    ("pairwise", {"choice": "A", "strength": 2}, "strength 2 means B, but choice is A"),
    ("pairwise", {"choice": "both_bad", "strength": -1}, "strength -1 means A, but choice is both_bad"),
    ("pairwise", {"choice": "B", "strength": 4}, "strength: Input should be less than or equal to 3, got 4"),
    ("pairwise", {"choice": "A", "criteria": {"tone": "C"}}, "criteria.tone: Input should be 'A', 'B', 'tie' or"),
    ("ranking", {"ranks": {"A": 1}}, "ranks: Dictionary should have at least 2 items"),
    ("ranking", {"ranks": {"A": 0, "B": 1}}, "ranks.A: Input should be greater than or equal to 1, got 0"),
    ("ranking", {"ranks": {"A": 9, "B": 1}}, "ranks.A: Input should be less than or equal to 8, got 9"),
    ("ranking", {"ranks": {"A": 1, "I": 2}}, "Input should be 'A', 'B', 'C', 'D', 'E', 'F', 'G' or 'H', got 'I'"),
    ("likert", {"ratings": {}}, "ratings: Dictionary should have at least 1 item"),
    ("likert", {"ratings": {"tone": 11}}, "ratings.tone: Input should be less than or equal to 10, got 11"),
    ("likert", {"ratings": {"x" * 201: 1}}, "String should have at most 200 characters"),
    ("classification", {"classes": []}, "classes: Tuple should have at least 1 item"),
    ("classification", {"classes": ["x", "x"]}, "classes must be distinct, got ['x', 'x']"),
    ("red_team", attack(turns=[]), "turns: Tuple should have at least 1 item"),
    ("red_team", attack(turns=[TURN | {"role": "system"}]), "turns.0.role: Input should be 'user' or 'assistant'"),
    ("red_team", attack(severity=2), "severity is 0 when the attack did not succeed, got 2"),
    ("red_team", attack(success=True, severity=5), "severity: Input should be less than or equal to 4, got 5"),
    (
        "instruction_following",
        {"checks": {"c1": "maybe"}},
        "checks.c1: Input should be 'yes', 'no' or 'not_applicable'",
    ),
    ("factual_accuracy", claims({"end": 4}), "a claim ends after it starts, got start 4, end 4"),
    ("factual_accuracy", claims({"start": -1}), "claims.0.start: Input should be greater than or equal to 0, got -1"),
    ("factual_accuracy", claims({"verdict": "supported"}), "verdict 'supported' needs a source_url or a quote"),
    ("factual_accuracy", claims({"verdict": "contradicted"}), "verdict 'contradicted' needs a source_url or a quote"),
    ("factual_accuracy", claims({"verdict": "true"}), "'supported', 'contradicted', 'not_enough_evidence' or"),
    ("factual_accuracy", claims({}, {"start": 8, "end": 12}), "claims may not overlap, got 4-9 and 8-12"),
    ("factual_accuracy", claims({"start": 5, "end": 6}, {}), "claims may not overlap, got 4-9 and 5-6"),
    ("factual_accuracy", {}, "claims: Field required"),
    *(
        ("factual_accuracy", claims({"source_url": url}), "source_url: String should match pattern '^(https?://")
        for url in ("javascript:alert(1)", "ftp://x", "https://", "https://a b", "data:text/html,x", "https://a\n")
    ),
]


@pytest.mark.parametrize(("task", "answer", "words"), BAD)
def test_bad_answers_are_refused(task: str, answer: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordError) as caught:
        tasks.parse_answer(task, answer)
    assert words in str(caught.value)


@pytest.mark.parametrize("task", tasks.TASKS)
def test_what_no_schema_has_is_refused(task: str) -> None:
    with pytest.raises(RecordError, match="verdict_of_god: Extra inputs are not permitted"):
        tasks.parse_answer(task, {"verdict_of_god": 1})


@pytest.mark.parametrize(
    "answer",
    [
        {"claims": []},
        claims({}, {"start": 9, "end": 12}),  # one may begin where another ends
        claims({"start": 20, "end": 21}, {}),  # in any order
        claims({"verdict": "supported", "source_url": "https://example.org/a?b=c#d"}),
        claims({"verdict": "contradicted", "quote": "it says no"}),
        claims({"verdict": "source_unavailable", "source_url": "http://gone.example"}),
    ],
)
def test_claims_that_are_taken(answer: dict[str, Any]) -> None:
    kept = tasks.parse_answer("factual_accuracy", answer)
    assert kept.model_dump(mode="json", exclude_defaults=True) == answer


def test_unknown_tasks_name_the_seven() -> None:
    with pytest.raises(RecordError, match="allowed are"):
        tasks.parse_answer("essay", {})


def test_there_are_seven() -> None:
    assert set(tasks.TASKS) == {task for task, _, _ in BAD}
    assert len(tasks.TASKS) == 7
