"""Checks of items, labels and answers against their task, and the tables they become."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from workbench import tables
from workbench.errors import RecordError
from workbench.records import Item, Label, Record, canonical_json
from workbench.tasks.answers import FactualAccuracyAnswer, InstructionFollowingAnswer, RankingAnswer
from workbench.tasks.forms import beyond
from workbench.tasks.kinds import task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd


def parse_answer(name: str, answer: Mapping[str, Any]) -> Record:
    """Validate an answer against its task's schema; raises `RecordError` with field, value and what is allowed."""
    return task(name).answer.parse(answer)


def check_item(item: Item) -> Item:
    """Raise `RecordError` unless the item has as many responses as its task judges and its gold answer fits them."""
    low, high = task(item.task).n_responses
    if not low <= len(item.responses) <= high:
        raise RecordError(
            f"a {item.task} item has {low} to {high} responses, got {len(item.responses)}", where=f"item {item.id}"
        )
    if item.gold is not None:
        problem = _gold_problem(parse_answer(item.task, item.gold.answer), item)
        if problem:
            raise RecordError(f"the known answer does not fit: {problem}", where=f"item {item.id}")
    return item


def _gold_problem(known: Record, item: Item) -> str:
    """Why nobody could ever give this known answer."""
    if isinstance(known, RankingAnswer):
        return _ranks_problem(known, len(item.responses))
    if isinstance(known, FactualAccuracyAnswer):
        return beyond(known, item)
    if isinstance(known, InstructionFollowingAnswer) and item.constraints:
        asked = [one.id for one in item.constraints]
        unknown = sorted(set(known.checks) - set(asked))
        return f"no checks {unknown}; the item has {asked}" if unknown else ""
    return ""


def _ranks_problem(answer: RankingAnswer, n_responses: int) -> str:
    expected = list(ascii_uppercase[:n_responses])
    got = sorted(answer.ranks)
    return "" if got == expected else f"ranks: every response needs one, expected {expected}, got {got}"


def check_label(label: Label) -> Record:
    """Validate a label's answer against its task and its responses; returns the parsed answer."""
    answer = parse_answer(label.task, label.answer)
    if isinstance(answer, RankingAnswer):
        problem = _ranks_problem(answer, len(label.responses))
        if problem:
            raise RecordError(problem, where=f"label {label.label_id}")
    low, high = task(label.task).n_responses
    if not low <= len(label.responses) <= high:
        raise RecordError(
            f"responses: a {label.task} label judges {low} to {high}, got {len(label.responses)}",
            where=f"label {label.label_id}",
        )
    return answer


def label_table(labels: Iterable[Label]) -> pd.DataFrame:
    """Labels as the label table (`tables.LABELS`): one row a label and criterion, in the order given."""
    rows: list[dict[str, Any]] = []
    for label in labels:
        answer = check_label(label)
        letter = dict(zip(label.responses, ascii_uppercase, strict=False))
        shown = [letter[response] for response in label.order]
        context = {
            **label.model_dump(exclude={"answer", "responses", "order", "clauses", "flags"}),
            "answer": canonical_json(label.answer),
            "responses": canonical_json(label.responses),
            "order": canonical_json(label.order),
            "clauses": canonical_json(label.clauses),
            "flags": canonical_json(label.flags),
            "left": shown[0] if len(shown) == 2 else "",
            "right": shown[1] if len(shown) == 2 else "",
        }
        rows.extend(
            {**context, "label": row.label, "criterion": row.criterion, "strength": row.strength}
            for row in task(label.task).rows(answer)
        )
    return tables.frame(rows)


def item_table(items: Iterable[Item]) -> pd.DataFrame:
    """Items as the item table (`tables.ITEMS`): one row an item; texts of the first two responses."""
    rows = []
    for item in items:
        first, second = (*item.responses, None, None)[:2]
        rows.append(
            {
                "item": item.id,
                "prompt_id": item.prompt_id,
                "task": item.task,
                "category": item.category,
                "split": item.split,
                "prompt": item.prompt,
                "response_a": first.text if first else "",
                "response_b": second.text if second else "",
                "model_a": first.model if first else "",
                "model_b": second.model if second else "",
                "n_responses": len(item.responses),
                "has_gold": item.gold is not None,
            }
        )
    return tables.frame(rows, tables.ITEMS)
