"""Labels and items as tables, and labels and items that do not fit their task."""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

import pytest

from tests.tasks import make
from workbench import tables, tasks
from workbench.errors import RecordError, TableError
from workbench.records import Gold, Item, Label, Response

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
        (
            {
                "claims": [
                    {"start": 9, "end": 20, "verdict": "contradicted", "source_url": "https://x.example"},
                    {"start": 0, "end": 9, "verdict": "supported", "quote": "as printed"},
                ]
            },
            [("", "inaccurate"), ("9-20", "contradicted"), ("0-9", "supported")],
        ),
        ({"claims": []}, [("", "no_claims")]),
    ],
}


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


@pytest.mark.parametrize(("task", "answer", "rows"), CASES)
def test_answers_become_rows(task: str, answer: dict[str, Any], rows: list[tuple[str, object]]) -> None:
    n = len(answer["ranks"]) if task == "ranking" else None
    table = tasks.label_table([label(task, answer, n)])
    assert list(zip(table["criterion"], table["label"], strict=True)) == rows
    assert list(table.columns) == list(tables.LABELS)
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == tables.LABELS


def test_a_ranking_ranks_every_response() -> None:
    with pytest.raises(RecordError, match=r"expected \['A', 'B', 'C'\]"):
        tasks.check_label(label("ranking", {"ranks": {"A": 1, "B": 2}}, 3))


def test_left_and_right_are_canonical_letters() -> None:
    (row,) = tasks.label_table([label("pairwise", {"choice": "A"})]).to_dict("records")
    assert (row["left"], row["right"]) == ("B", "A")


def test_items_have_as_many_responses_as_their_task_judges() -> None:
    one = Item(id="i", prompt_id="p", task="pairwise", prompt="?", responses=(Response(id="r", text="x"),))
    with pytest.raises(RecordError, match="2 to 2 responses, got 1"):
        tasks.check_item(one)
    both = (Response(id="r", text="x"), Response(id="s", text="y"))
    two = one.model_copy(update={"responses": both, "gold": Gold(answer={"choice": "C"}, by="verifier")})
    with pytest.raises(RecordError, match="choice"):
        tasks.check_item(two)


def known(task: str, answer: dict[str, Any], **changes: Any) -> Item:
    return make.item(task, **changes, gold=Gold(answer=answer, by="panel"))


@pytest.mark.parametrize(
    ("task", "answer", "changes", "words"),
    [
        (
            "ranking",
            {"ranks": {"A": 1, "B": 2}},
            {"n_responses": 3},
            "every response needs one, expected ['A', 'B', 'C']",
        ),
        ("ranking", {"ranks": {"A": 1, "C": 2}}, {"n_responses": 2}, "expected ['A', 'B'], got ['A', 'C']"),
        (
            "factual_accuracy",
            {"claims": [{"start": 0, "end": 999, "verdict": "source_unavailable"}]},
            {},
            "characters, got a claim 0-999",
        ),
        (
            "instruction_following",
            {"checks": {"c1": "yes", "c3": "no"}},
            {"constraints": make.constraints("c1", "c2")},
            "no checks ['c3']; the item has ['c1', 'c2']",
        ),
    ],
)
def test_a_known_answer_that_nobody_could_give_is_refused(
    task: str, answer: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecordError) as caught:
        tasks.check_item(known(task, answer, **changes))
    assert words in str(caught.value)


def test_a_checklist_may_be_known_in_part_or_be_the_guidelines_own() -> None:
    task = "instruction_following"
    tasks.check_item(known(task, {"checks": {"c2": "no"}}, constraints=make.constraints("c1", "c2")))
    tasks.check_item(known(task, {"checks": {"correct": "no"}}))


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
