"""What a guideline asks, as data for a page: it gives no item away, allows what it lists, and refuses the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks import make
from workbench import tasks
from workbench.errors import RecordError

if TYPE_CHECKING:
    from workbench.records import Guideline, Item

NAMES = sorted(tasks.TASKS)


def problem(task: str, answer: dict[str, Any], under: Guideline | None = None, judged: Item | None = None) -> str:
    judged = judged or make.item(task)
    return tasks.task(task).problem(tasks.parse_answer(task, answer), under or make.guideline(task), judged)


@pytest.mark.parametrize("task", NAMES)
@settings(max_examples=40)
@given(st.data())
def test_every_answer_that_a_form_allows_is_taken(task: str, data: st.DataObject) -> None:
    under, judged = data.draw(make.guidelines(task)), data.draw(make.items(task))
    form = tasks.task(task).form(under)
    assert json.loads(json.dumps(form)) == form, "plain data, and no tuples that come back as lists"
    answer = data.draw(make.allowed(judged, under))
    assert problem(task, answer, under, judged) == ""
    assert "Secret" not in json.dumps(form)


def test_the_forms_of_a_small_guideline() -> None:
    def form(task: str, **changes: Any) -> dict[str, Any]:
        return tasks.task(task).form(make.guideline(task, **changes))

    assert form("pairwise") == {"choices": ["A", "B", "tie"], "strength": None, "criteria": []}
    assert form("pairwise", ask=("strength", "criteria"), anchors={"clear": ("read once",)}, allow_both_bad=True) == {
        "choices": ["A", "B", "tie", "both_bad"],
        "strength": [-3, 3],
        "criteria": [{"name": "correct", "means": ""}, {"name": "clear", "means": "read once"}],
    }
    assert form("ranking") == {}
    assert form("likert", anchors={"clear": ("no", "yes")}) == {
        "dimensions": [
            {"name": "correct", "steps": ["low", "middle", "high"]},
            {"name": "clear", "steps": ["no", "yes"]},
        ]
    }
    assert form("classification", scale=("a", "b"), anchors={"b": ("all else",)}, multi_label=True) == {
        "classes": [{"name": "a", "means": ""}, {"name": "b", "means": "all else"}],
        "several": True,
    }
    red = form("red_team", scale=("role play", "other"))
    assert [one["name"] for one in red["categories"]] == ["role play", "other"]
    assert red["severities"] == ["none", "minor", "moderate", "serious", "severe"]
    assert form("red_team", anchors={"severity": ("harmless", "bad")})["severities"] == [
        "harmless",
        "bad",
        "2",
        "3",
        "4",
    ]
    assert form("instruction_following") == {"verdicts": ["yes", "no", "not_applicable"]}
    factual = form("factual_accuracy", anchors={"supported": ("the source says so",)})
    assert [one["name"] for one in factual["verdicts"]] == [
        "supported",
        "contradicted",
        "not_enough_evidence",
        "source_unavailable",
    ]
    assert factual["verdicts"][0]["means"] == "the source says so"
    assert factual["need_source"] == ["supported", "contradicted"]


@pytest.mark.parametrize(
    ("task", "changes", "words"),
    [
        ("likert", {"criteria": ()}, "guideline tiny/v1 has no criteria"),
        ("likert", {"scale": ()}, "guideline tiny/v1 has no steps for 'correct'"),
        ("classification", {"scale": ()}, "guideline tiny/v1 has no classes"),
        ("red_team", {"scale": ()}, "guideline tiny/v1 has no attack categories"),
    ],
)
def test_a_guideline_that_leaves_nothing_to_choose_has_no_form(task: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordError, match=words):
        tasks.task(task).form(make.guideline(task, **changes))


CHECKED = make.constraints("c1", "c2")
ATTACK = {"turns": [{"role": "user", "text": "hi"}], "success": False, "severity": 0}


@pytest.mark.parametrize(
    ("task", "changes", "answer", "words"),
    [
        ("pairwise", {}, {"choice": "both_bad"}, "has no 'both bad'; allowed are ['A', 'B', 'tie']"),
        (
            "pairwise",
            {"ask": ("criteria",)},
            {"choice": "A", "criteria": {"correct": "both_bad", "clear": "A"}},
            "has no 'both bad'; allowed are ['A', 'B', 'tie']",
        ),
        ("pairwise", {}, {"choice": "A", "strength": -1}, "guideline tiny/v1 asks for no strength, only for a choice"),
        ("pairwise", {}, {"choice": "tie", "strength": 0}, "guideline tiny/v1 asks for no strength, only for a choice"),
        ("pairwise", {}, {"choice": "A", "criteria": {"clear": "A"}}, "no criteria ['clear']; allowed are []"),
        (
            "pairwise",
            {"ask": ("criteria",)},
            {"choice": "A", "criteria": {"correct": "A", "kind": "B"}},
            "no criteria ['kind']; allowed are ['correct', 'clear']",
        ),
        (
            "pairwise",
            {"ask": ("criteria",)},
            {"choice": "A", "criteria": {"clear": "A"}},
            "criteria not answered: ['correct']",
        ),
        ("likert", {}, {"ratings": {"correct": 4, "clear": 1}}, "'correct' has steps 1 to 3, got 4"),
        (
            "likert",
            {"anchors": {"clear": ("no", "yes")}},
            {"ratings": {"correct": 3, "clear": 3}},
            "'clear' has steps 1 to 2, got 3",
        ),
        ("likert", {}, {"ratings": {"correct": 3}}, "dimensions not answered: ['clear']"),
        (
            "likert",
            {},
            {"ratings": {"correct": 3, "clear": 3, "kind": 1}},
            "no dimensions ['kind']; allowed are ['correct', 'clear']",
        ),
        ("classification", {}, {"classes": ["x"]}, "no class ['x']; allowed are ['low', 'middle', 'high']"),
        ("classification", {}, {"classes": ["low", "high"]}, "asks for one class, got ['low', 'high']"),
        (
            "classification",
            {"multi_label": True},
            {"classes": ["low", "x"]},
            "no class ['x']; allowed are ['low', 'middle', 'high']",
        ),
        (
            "red_team",
            {},
            ATTACK | {"attack_category": "x"},
            "no attack category 'x'; allowed are ['low', 'middle', 'high']",
        ),
        ("instruction_following", {}, {"checks": {"c1": "yes"}}, "checks not answered: ['c2']"),
        (
            "instruction_following",
            {},
            {"checks": {"c1": "yes", "c2": "no", "correct": "yes"}},
            "no checks ['correct']; allowed are ['c1', 'c2']",
        ),
    ],
)
def test_what_is_not_asked_is_refused_by_name(
    task: str, changes: dict[str, Any], answer: dict[str, Any], words: str
) -> None:
    judged = make.item(task, constraints=CHECKED) if task == "instruction_following" else None
    assert words in problem(task, answer, make.guideline(task, **changes), judged)


def test_a_claim_ends_where_the_response_does() -> None:
    judged = make.item("factual_accuracy")
    length = len(judged.responses[0].text)

    def claims(end: int) -> dict[str, Any]:
        return {"claims": [{"start": 0, "end": end, "verdict": "not_enough_evidence"}]}

    assert "🚀" in judged.responses[0].text, "which a browser counts as two"
    assert problem("factual_accuracy", claims(length), judged=judged) == ""
    words = f"the response has {length} characters, got a claim 0-{length + 1}"
    assert problem("factual_accuracy", claims(length + 1), judged=judged) == words


def test_a_checklist_is_the_items_constraints_or_else_the_criteria() -> None:
    under = make.guideline("instruction_following")
    with_some = make.item("instruction_following", constraints=CHECKED)
    assert tasks.checklist(with_some, under) == ("c1", "c2")
    assert tasks.checklist(make.item("instruction_following"), under) == ("correct", "clear")
    assert problem("instruction_following", {"checks": {"correct": "yes", "clear": "no"}}) == ""
    assert tasks.checklist(make.item("instruction_following"), make.guideline(under.task, criteria=())) == ()
