"""Which labels answer the same question: one first answer to each, and corrections that stay with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.records import Adjudication, Label
from workbench.store.schema import CHUNK, events

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.records import Record

# What makes two labels answers to the same question: one showing of an item to one annotator.
SHOWING = ("pilot", "batch", "item", "annotator", "is_repeat")
Question = tuple[str, str, str, str, bool]


def question_of(record: Record) -> Question | None:
    """The question a label answers, where it was asked here (an imported label has no position)."""
    if not isinstance(record, Label) or record.position is None:
        return None
    return record.pilot, record.batch, record.item, record.annotator, record.is_repeat


def answered(connection: sa.Connection, records: Iterable[Record]) -> dict[Question, str]:
    """The answers in force to the questions of these records: question -> label id."""
    return answers_to(connection, {question for record in records if (question := question_of(record)) is not None})


def answers_to(connection: sa.Connection, questions: Iterable[Question]) -> dict[Question, str]:
    """The answers in force to these questions, and to others about the same items: question -> label id."""
    by_place: dict[tuple[str, str], set[str]] = {}
    for question in questions:
        by_place.setdefault(question[:2], set()).add(question[2])
    found: dict[Question, str] = {}
    for (pilot, batch), items in by_place.items():
        listed = sorted(items)
        for start in range(0, len(listed), CHUNK):
            query = sa.select(events.c.seq, events.c.payload).where(
                events.c.kind == "label",
                events.c.pilot == pilot,
                events.c.batch == batch,
                events.c.item.in_(listed[start : start + CHUNK]),
            )
            # The newest is in force: a correction comes after what it corrects. Sorted here, because SQLite would go
            # through all labels of the pilot to have them in this order.
            for _, payload in sorted((seq, payload) for seq, payload in connection.execute(query)):
                old = json.loads(payload)
                if old.get("position") is not None:
                    found[tuple(old[field] for field in SHOWING)] = old["label_id"]
    return found


def check_first(where: str, other: str | None) -> None:
    """Refuse a label that corrects nothing where its question has an answer, `other`."""
    if other is not None:
        raise StoreError(
            f"the question has an answer already, label {other!r}",
            where=where,
            next_step=f"a second answer is a correction: Store.judge(label), or supersedes={other!r}",
        )


def check_correction(record: Label | Adjudication, where: str, target: str | None, by: str | None) -> None:
    """Refuse a correction of what is not there (`target` is its text), was corrected (`by` which), or is another's."""
    if target is None:
        raise StoreError(f"supersedes {record.supersedes!r}, which is not in the store", where=where)
    if by is not None:
        raise StoreError(
            f"supersedes {record.supersedes!r}, which {by!r} has corrected already",
            where=where,
            next_step=f"read the labels again and supersede {by!r}",
        )
    old = json.loads(target)
    # Who decides may change between adjudications; a label is its annotator's own, and of one showing of the item.
    same = ("pilot", "item") if isinstance(record, Adjudication) else SHOWING
    for field in same:
        if old[field] != getattr(record, field):
            raise StoreError(
                f"supersedes {record.supersedes!r} of {field} {old[field]!r}, but is of {getattr(record, field)!r}",
                where=where,
                next_step="a correction is of the same annotator, item and batch",
            )
