"""What a page is shown of the guideline, and of a known answer once it may be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench import tasks
from workbench.safe_html import render, well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.records import Guideline
    from workbench.widgets.annotate.questions import Question


def guideline_for_browser(guideline: Guideline) -> dict[str, Any]:
    """The guideline as the page shows it beside the item."""
    return {
        "ref": guideline.ref,
        "sha": guideline.sha256,
        "criteria": list(guideline.criteria),
        "tie_rule": render(guideline.tie_rule, breaks=False),
        "clauses": [
            {"id": one.id, "title": one.title, "html": render(one.text, breaks=False)} for one in guideline.clauses
        ],
        "edge_cases": [
            {"title": one.title, "html": render(one.text, breaks=False), "answer": one.answer, "clause": one.clause}
            for one in guideline.edge_cases
        ],
    }


def is_right(question: Question, answer: Mapping[str, Any]) -> bool:
    """Whether a canonical answer to a gold question counts as the known one."""
    item = question.item
    assert item.gold is not None  # only gold questions are compared
    given, known = tasks.parse_answer(item.task, answer), tasks.parse_answer(item.task, item.gold.answer)
    return tasks.task(item.task).same(given, known)


def feedback(question: Question, answer: Mapping[str, Any], guideline: Guideline) -> dict[str, Any]:
    """Whether an answer was right, the right one as the screen shows it, why, and the clause that says so."""
    gold = question.item.gold
    assert gold is not None  # only gold questions get feedback
    clause = next((one for one in guideline.clauses if one.id == gold.clause), None)
    return {
        "right": is_right(question, answer),
        "answer": question.on_screen(gold.answer),
        "explanation": well_formed(gold.explanation),
        "clause": clause.id if clause else "",
    }


def verdicts(question: Question) -> dict[str, dict[str, str]]:
    """What machines found on a checklist, where they can tell."""
    return {
        one.name: {"verdict": one.verdict, "found": well_formed(one.found)}
        for one in question.requirements
        if one.verdict
    }
