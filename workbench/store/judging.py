"""Judgments as they are given: the newest answer to a question counts, whatever program gave the one before."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.records import Label, Quarantined, canonical_json
from workbench.store.questions import answered, question_of
from workbench.store.rules import Incoming, add
from workbench.store.schema import events, quarantine

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
    question = question_of(label)
    if question is not None:
        label = label.model_copy(update={"supersedes": answered(connection, [label]).get(question)})
    add(connection, [Incoming(one, moment) for one in ([asked] if asked else []) + [label]])
    return label


def too_late(label: Label, overlap: int) -> Quarantined:
    """A judgment as it is put aside where its place was taken; the same judgment sent again is the same row."""
    return Quarantined(
        sha256=hashlib.sha256(_judgment(label).encode()).hexdigest(),
        pilot=label.pilot,
        raw=label.canonical(),
        error=f"too late: {label.annotator} no longer held item {label.item}, and {overlap} others have it",
        origin="hold",
        line=label.position or 0,
        parser="store.judge_held/1",
    )


def is_aside(connection: sa.Connection, row: Quarantined) -> bool:
    """Whether this row was put aside before."""
    there = sa.exists().where(quarantine.c.pilot == row.pilot, quarantine.c.sha256 == row.sha256)
    return bool(connection.execute(sa.select(there)).scalar())


def _judgment(label: Label) -> str:
    """What makes a label sent again the same judgment: all but when it arrived and what it took the place of."""
    return canonical_json(label.model_dump(mode="json", exclude={"submitted_at", "supersedes"}))
