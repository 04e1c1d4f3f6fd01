"""Judgments as they are given: the newest answer to a question counts, whatever program gave the one before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.records import Label
from workbench.store.rules import Incoming, add, question_of
from workbench.store.schema import events

if TYPE_CHECKING:
    from workbench.records import Assignment


def judge(connection: sa.Connection, label: Label, moment: str, asked: Assignment | None = None) -> Label:
    """Insert a judgment as the one in force, and return it as it is kept; see `Store.judge`."""
    stored = connection.execute(
        sa.select(events.c.payload).where(events.c.kind == "label", events.c.id == label.label_id)
    ).scalar()
    if stored is not None:
        kept = Label.parse(json.loads(stored))
        if _judgment(kept) != _judgment(label):
            raise StoreError(f"label {label.label_id} is in the store with other content", next_step="use another id")
        return kept
    label = label.model_copy(update={"supersedes": in_force(connection, label)})
    add(connection, [Incoming(one, moment) for one in ([asked] if asked else []) + [label]])
    return label


def in_force(connection: sa.Connection, label: Label) -> str | None:
    """The id of the label that counts for the same question so far."""
    later = events.alias()
    query = sa.select(events.c.payload).where(
        events.c.kind == "label",
        events.c.pilot == label.pilot,
        events.c.batch == label.batch,
        events.c.item == label.item,
        events.c.annotator == label.annotator,
        ~sa.exists().where(later.c.kind == "label", later.c.supersedes == events.c.id),
    )
    found = [Label.parse(json.loads(payload)) for payload in connection.execute(query).scalars()]
    return next((one.label_id for one in found if question_of(one) == question_of(label)), None)


def _judgment(label: Label) -> dict[str, Any]:
    """What makes a label sent again the same judgment: all but when it arrived and what it took the place of."""
    return label.model_dump(exclude={"submitted_at", "supersedes"})
