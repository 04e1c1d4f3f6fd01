"""What an answer on the screen means, for every task type, in whatever order the responses were shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.make import allowed
from tests.widgets.make import ANSWERS, Keeper, answer_message, assignments, guideline, handle, items, widget
from workbench import tasks
from workbench.errors import RecordError
from workbench.widgets.annotate import Past, Requirement
from workbench.widgets.annotate.questions import Asker

TASKS = sorted(ANSWERS)
ASKED: dict[str, dict[str, Any]] = {
    "pairwise": {"ask": ("strength", "criteria")},
    "classification": {"multi_label": True},
}


def chosen(answer: dict[str, Any], order: tuple[str, ...]) -> Any:
    """The answer with responses named by their ids, from letters that stand for this order."""
    named = dict(zip("ABCDEFGH", order, strict=False))
    if "ranks" in answer:
        return {named[letter]: rank for letter, rank in answer["ranks"].items()}
    if "choice" in answer:
        towards = answer.get("strength", 0)
        towards = {named["A"]: -towards, named["B"]: towards}  # how much better each side is
        each = {name: named.get(one, one) for name, one in answer.get("criteria", {}).items()}
        return named.get(answer["choice"], answer["choice"]), towards, each
    return answer


@pytest.mark.parametrize("task", TASKS)
@settings(max_examples=30)
@given(st.data())
def test_what_is_kept_is_the_same_whatever_the_screen_showed(task: str, data: st.DataObject) -> None:
    queue, rules = items(2, task=task), guideline(task, **ASKED.get(task, {}))
    asked = []
    for one in assignments(queue):
        asked.append(one.model_copy(update={"order": tuple(data.draw(st.permutations(one.order)))}))
    shown, keeper = widget(items=queue, assignments=asked, guideline=rules, task=task)
    for position, one in enumerate(asked):
        item = queue[one.item]
        sent = data.draw(allowed(item, rules))
        reply = handle(shown, answer_message(shown, position, sent))
        assert reply["type"] == "ack", reply
        label = list(keeper.labels.values())[-1]
        canonical = tuple(response.id for response in item.responses)
        assert (label.responses, label.order) == (canonical, one.order)
        assert chosen(dict(label.answer), canonical) == chosen(reply["given"]["answer"], one.order)
        as_sent = tasks.parse_answer(task, sent).model_dump(mode="json", exclude_defaults=True)
        assert reply["given"]["answer"] == as_sent
        tasks.check_label(label)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_resumes_as_it_was_left(task: str) -> None:
    shown, keeper = widget(task=task)
    for position in (0, 1, 3):
        handle(shown, answer_message(shown, position, ANSWERS[task], reason=f"why {position}", flags=["off topic"]))
    before = shown.state()
    again, _ = widget(task=task, past=Past(labels=list(keeper.labels.values())))
    after = again.state()
    assert after == before
    given = list(after["given"].values())
    assert [one["answer"] for one in given] == [ANSWERS[task]] * 3
    assert [(one["reason"], one["flags"]) for one in given] == [(f"why {k}", ["off topic"]) for k in (0, 1, 3)]
    assert again.n_saved == 3
    if task == "ranking":
        straight, turned = (keeper.answers[k] for k in (0, 1))
        assert straight == ANSWERS[task]
        assert turned == {"ranks": {"D": 2, "C": 1, "B": 3, "A": 3}}, "the second screen was in reverse"


@pytest.mark.parametrize("task", TASKS)
def test_the_same_answer_in_the_next_session_is_the_same_label(task: str) -> None:
    shown, keeper = widget(task=task)
    sent = answer_message(shown, 1, ANSWERS[task])
    first = handle(shown, sent)
    again, _ = widget(task=task, keeper=keeper, past=Past(labels=list(keeper.labels.values())))
    assert handle(again, sent) == first
    assert len(keeper.calls) == 1


def test_a_ranking_names_the_responses_that_are_shown() -> None:
    shown, keeper = widget(task="ranking")
    for ranks in ({"A": 1, "B": 2}, {"A": 1, "B": 2, "C": 3, "E": 4}, dict.fromkeys("ABCDE", 1)):
        reply = handle(shown, answer_message(shown, 0, {"ranks": ranks}))
        assert reply["type"] == "refused"
        assert "ranks: expected one for each of ['A', 'B', 'C', 'D']" in reply["message"]
    assert not keeper.calls


# ---- requirements -----------------------------------------------------------------------------------------------


def requirements(*, criteria: tuple[str, ...] = (), constraints: bool = True, listed: bool = False) -> list[Any]:
    queue = items(1, task="instruction_following")
    if not constraints:
        queue = {name: one.model_copy(update={"constraints": (), "gold": None}) for name, one in queue.items()}
    checklist = (
        (lambda _: [Requirement("c1", "No <commas>", "yes"), Requirement("c2", "Two words")]) if listed else None
    )
    rules = guideline("instruction_following", criteria=criteria)
    (asked,) = assignments(queue)
    checks: list[Any] = Asker(queue, rules, checklist).question(asked).for_browser()["checks"]
    return checks


def test_a_checklist_is_what_was_given_or_the_constraints_or_the_criteria() -> None:
    assert requirements(listed=True) == [{"name": "c1", "text": "No <commas>"}, {"name": "c2", "text": "Two words"}]
    assert [one["name"] for one in requirements(criteria=("polite",))] == ["c1", "c2"]
    assert requirements(criteria=("polite",), constraints=False) == [{"name": "polite", "text": "polite"}]
    with pytest.raises(RecordError, match=r"'item-0' has no constraints, and guideline .* has no criteria"):
        requirements(constraints=False)


@pytest.mark.parametrize(
    ("task", "changes", "words"),
    [
        ("likert", {"criteria": ()}, "has no criteria"),
        ("classification", {"scale": ()}, "has no classes"),
        ("red_team", {"scale": ()}, "has no attack categories"),
    ],
)
def test_a_guideline_that_leaves_nothing_to_choose_makes_no_widget(
    task: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(RecordError, match=words):
        widget(task=task, guideline=guideline(task, **changes))


def test_a_known_answer_that_does_not_fit_makes_no_widget() -> None:
    queue = items(2, task="ranking")
    gold = queue["item-1"].gold
    assert gold is not None
    wrong = gold.model_copy(update={"answer": {"ranks": {"A": 1, "B": 2}}})
    queue["item-1"] = queue["item-1"].model_copy(update={"gold": wrong})
    with pytest.raises(RecordError, match="the known answer does not fit"):
        widget(items=queue, task="ranking", keeper=Keeper())
