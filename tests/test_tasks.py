"""The seven task types: what they accept, what they refuse, what they become in the label table."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

import pytest

from workbench import tables, tasks
from workbench.errors import RecordError, TableError
from workbench.records import Gold, Item, Label, Response
from workbench.tasks import Pair

GOOD: dict[str, list[tuple[dict[str, Any], list[tuple[str, object]]]]] = {
    # task -> [(answer, [(criterion, label) rows expected])]
    "pairwise": [
        ({"choice": "A"}, [("", "A")]),
        ({"choice": "B", "strength": 2, "criteria": {"clarity": "tie"}}, [("", "B"), ("clarity", "tie")]),
        ({"choice": "both_bad", "strength": 0}, [("", "both_bad")]),
    ],
    "ranking": [({"ranks": {"A": 2, "B": 1, "C": 2}}, [("", "B>A=C")])],
    "likert": [({"ratings": {"tone": 4, "accuracy": 2}}, [("accuracy", 2), ("tone", 4)])],
    "classification": [
        ({"classes": ["safe"]}, [("", "safe")]),
        ({"classes": ["spam", "abuse"]}, [("", "abuse|spam")]),
    ],
    "red_team": [
        (
            {
                "turns": [{"role": "user", "text": "hi"}],
                "attack_category": "roleplay",
                "success": True,
                "severity": 3,
                "broke": "gave in",
            },
            [("", "success"), ("attack_category", "roleplay"), ("severity", 3)],
        )
    ],
    "instruction_following": [
        ({"checks": {"c1": "yes", "c2": "no"}}, [("", "violated"), ("c1", "yes"), ("c2", "no")]),
        (
            {"checks": {"c1": "yes", "c2": "not_applicable"}},
            [("", "followed"), ("c1", "yes"), ("c2", "not_applicable")],
        ),
    ],
    "factual_accuracy": [
        (
            {"claims": [{"start": 0, "end": 9, "verdict": "supported", "quote": "as printed"}]},
            [("", "accurate"), ("0-9", "supported")],
        ),
        (
            {"claims": [{"start": 0, "end": 9, "verdict": "not_enough_evidence"}]},
            [("", "undecided"), ("0-9", "not_enough_evidence")],
        ),
    ],
}

BAD = [
    ("pairwise", {"choice": "C"}, "'A', 'B', 'tie' or 'both_bad'"),
    ("pairwise", {"choice": "A", "strength": 2}, "strength 2 means B, but choice is A"),
    ("ranking", {"ranks": {"A": 1}}, "ranks"),
    ("ranking", {"ranks": {"A": 0, "B": 1}}, "greater than or equal to 1"),
    ("likert", {"ratings": {}}, "at least 1"),
    ("likert", {"ratings": {"tone": 11}}, "less than or equal to 10"),
    ("classification", {"classes": ["x", "x"]}, "distinct"),
    ("red_team", {"turns": [], "attack_category": "x", "success": False, "severity": 0}, "turns"),
    (
        "red_team",
        {"turns": [{"role": "user", "text": "x"}], "attack_category": "x", "success": False, "severity": 2},
        "severity is 0 when the attack did not succeed",
    ),
    ("instruction_following", {"checks": {"c1": "maybe"}}, "'yes', 'no' or 'not_applicable'"),
    (
        "factual_accuracy",
        {"claims": [{"start": 4, "end": 4, "verdict": "not_enough_evidence"}]},
        "ends after it starts",
    ),
    ("factual_accuracy", {"claims": [{"start": 0, "end": 4, "verdict": "supported"}]}, "needs a source_url or a quote"),
]


def label(task: str, answer: dict[str, Any], n_responses: int | None = None) -> Label:
    n = tasks.task(task).n_responses[0] if n_responses is None else n_responses
    ids = tuple(f"r{letter}" for letter in ascii_uppercase[:n])
    return Label(
        label_id="l",
        pilot="p",
        batch="b",
        item="i",
        prompt_id="q",
        task=task,
        annotator="ana",
        source="human",
        answer=answer,
        responses=ids,
        order=ids[::-1],
        guideline="g/v1",
        guideline_sha256="0" * 64,
    )


CASES = [(task, answer, rows) for task, found in GOOD.items() for answer, rows in found]


def test_there_are_seven() -> None:
    assert set(GOOD) == set(tasks.TASKS)
    assert len(tasks.TASKS) == 7


@pytest.mark.parametrize(("task", "answer", "rows"), CASES)
def test_answers_become_rows(task: str, answer: dict[str, Any], rows: list[tuple[str, object]]) -> None:
    n = len(answer["ranks"]) if task == "ranking" else None
    table = tasks.label_table([label(task, answer, n)])
    assert list(zip(table["criterion"], table["label"], strict=True)) == rows
    assert list(table.columns) == list(tables.LABELS)
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == tables.LABELS


@pytest.mark.parametrize(("task", "answer", "words"), BAD)
def test_bad_answers_are_refused(task: str, answer: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordError) as caught:
        tasks.check_label(label(task, answer, 2 if task == "ranking" else None))
    assert words in str(caught.value)


def test_a_ranking_ranks_every_response() -> None:
    with pytest.raises(RecordError, match=r"expected \['A', 'B', 'C'\]"):
        tasks.check_label(label("ranking", {"ranks": {"A": 1, "B": 2}}, 3))


def test_unknown_tasks_name_the_seven() -> None:
    with pytest.raises(RecordError, match="allowed are"):
        tasks.parse_answer("essay", {})


def test_left_and_right_are_canonical_letters() -> None:
    (row,) = tasks.label_table([label("pairwise", {"choice": "A"})]).to_dict("records")
    assert (row["left"], row["right"]) == ("B", "A")


def test_what_answers_say_about_preference() -> None:
    def pairs(task: str, answer: dict[str, Any]) -> list[Pair]:
        return tasks.task(task).pairs(tasks.parse_answer(task, answer))

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
        ("classification", {"classes": ["safe"]}, None),
    ],
)
def test_what_answers_say_about_one_response(task: str, answer: dict[str, Any], wanted: bool | None) -> None:
    assert tasks.task(task).desirable(tasks.parse_answer(task, answer)) is wanted


def test_items_have_as_many_responses_as_their_task_judges() -> None:
    one = Item(id="i", prompt_id="p", task="pairwise", prompt="?", responses=(Response(id="r", text="x"),))
    with pytest.raises(RecordError, match="2 to 2 responses, got 1"):
        tasks.check_item(one)
    both = (Response(id="r", text="x"), Response(id="s", text="y"))
    two = one.model_copy(update={"responses": both, "gold": Gold(answer={"choice": "C"}, by="verifier")})
    with pytest.raises(RecordError, match="choice"):
        tasks.check_item(two)


def test_item_table_takes_items_of_any_size() -> None:
    empty = Item(id="i", prompt_id="p", task="red_team", prompt="?")
    table = tasks.item_table([empty])
    assert list(table.columns) == list(tables.ITEMS)
    assert table.loc[0, "response_a"] == ""


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(TableError, match="unknown columns"):
        tables.frame([{"worker": "ana"}])
    with pytest.raises(TableError, match="expected a data frame, got list"):
        tables.require([])
