"""Judgments as they are given: the newest answer to a question counts, whatever program gave the one before."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.records import SAW_CHECKS, Exchange, Label, Practice, Quarantined, Skip, canonical_json
from workbench.store.questions import answers_to, question_of
from workbench.store.rules import KINDS, Incoming, add, event_id
from workbench.store.schema import events, quarantine

if TYPE_CHECKING:
    from workbench.records import Assignment

Given = TypeVar("Given", Label, Skip, Practice, Exchange)


def judge(
    connection: sa.Connection, label: Label, moment: str, asked: Assignment | None = None, *, first: bool = False
) -> Label:
    """Insert a judgment as the one in force, and return it as it is kept; see `Store.judge`."""
    kept = sent_before(connection, label)
    before = in_force(connection, label)
    if kept is not None or (before is not None and first):
        return before or kept or label
    if question_of(label) is not None:
        label = label.model_copy(update={"supersedes": before.label_id if before else None})
    add(connection, [Incoming(one, moment) for one in ([asked] if asked else []) + [label]])
    return label


def in_force(connection: sa.Connection, given: Label | Skip) -> Label | None:
    """The answer that counts now to the question of a label or a skip."""
    if given.position is None:  # it was imported
        return None
    question = given.pilot, given.batch, given.item, given.annotator, given.is_repeat
    name = answers_to(connection, [question]).get(question)
    if name is None:
        return None
    text = connection.execute(sa.select(events.c.payload).where(events.c.kind == "label", events.c.id == name)).scalar()
    return Label.parse(json.loads(str(text)))


def practise(connection: sa.Connection, practice: Practice, moment: str) -> Practice:
    """Insert an answer of a calibration unless its item was answered; returns the one that counts."""
    kept = sent_before(connection, practice)
    if kept is not None:
        return kept
    same = sa.select(events.c.payload).where(
        events.c.pilot == practice.pilot,
        events.c.kind == "practice",
        events.c.item == practice.item,
        events.c.annotator == practice.annotator,
        events.c.guideline_sha256 == practice.guideline_sha256,
    )
    for text in connection.execute(same.order_by(events.c.seq)).scalars():
        before = Practice.parse(json.loads(text))
        if before.attempt == practice.attempt:
            return before
    add(connection, [Incoming(practice, moment)])
    return practice


def sent_before(connection: sa.Connection, given: Given) -> Given | None:
    """What was kept when this was given through the same program or another, or None; `StoreError` if it differs."""
    kind, name = KINDS[type(given)], event_id(given)
    stored = connection.execute(sa.select(events.c.payload).where(events.c.kind == kind, events.c.id == name)).scalar()
    if stored is None:
        return None
    kept = type(given).parse(json.loads(stored))
    if _judgment(kept) != _judgment(given):
        raise StoreError(f"{kind} {name} is in the store with other content", next_step="use another id")
    return kept


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


def _judgment(given: Label | Skip | Practice | Exchange) -> str:
    """What makes a judgment sent again the same one: all that is not added on its arrival, by whichever program."""
    added = {"submitted_at", "supersedes"} | ({"duration_s"} if isinstance(given, Exchange) else set())
    fields = given.model_dump(mode="json", exclude=added)
    if isinstance(given, Label):  # whether machine checks had been seen depends on what the program knew
        fields["flags"] = [flag for flag in fields["flags"] if flag != SAW_CHECKS]
    return canonical_json(fields)
