"""What may be stored: the checks every event passes, inside the transaction that inserts it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workbench import tasks
from workbench.errors import RecordError, StoreError, WorkbenchError
from workbench.records import (
    Adjudication,
    Annotator,
    Assignment,
    Exchange,
    Guideline,
    Label,
    Practice,
    Quarantined,
    Record,
    Skip,
)
from workbench.store.questions import answered, check_correction, check_first, question_of
from workbench.store.schema import CHUNK, events, guidelines, quarantine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Event = Label | Assignment | Adjudication | Annotator | Skip | Practice | Exchange

EVENTS: dict[str, type[Event]] = {
    "annotator": Annotator,
    "assignment": Assignment,
    "label": Label,
    "adjudication": Adjudication,
    "skip": Skip,
    "practice": Practice,
    "exchange": Exchange,
}
KINDS: dict[type[Record], str] = {record: kind for kind, record in EVENTS.items()}
# The field that holds an event's id; what is not listed calls it `id`.
_ID_FIELDS = {kind: f"{kind}_id" for kind in ("label", "adjudication", "skip", "practice", "exchange")}


@dataclass(frozen=True)
class Appended:
    """What an append did: records that are new, that were there already, and (on `load`) that were kept aside."""

    n_new: int
    n_known: int
    n_quarantined: int = 0


@dataclass(frozen=True)
class Incoming:
    """A record on its way into the store."""

    record: Event
    received_at: str
    line: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Kind and id: what makes an event the same event."""
        return KINDS[type(self.record)], event_id(self.record)


def event_id(record: Event) -> str:
    """The id an event is known by, whatever the field is called."""
    return str(getattr(record, _ID_FIELDS.get(KINDS[type(record)], "id")))


def utc_text(moment: datetime | None) -> str:
    """A moment as fixed-width UTC text, which sorts as time does; None is now."""
    if moment is None:
        moment = datetime.now(UTC)
    if moment.tzinfo is None:
        raise StoreError(f"received_at needs a time zone, got {moment!r}", next_step="datetime.now(timezone.utc)")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def text_of(record: Record, what: str) -> str:
    try:
        text = record.canonical()
        text.encode()
    except ValueError as error:  # NaN, or half of a surrogate pair, put into an answer after it was checked
        raise RecordError(f"{type(record).__name__} refused: not storable ({error})", where=what) from None
    return text


def _known(connection: sa.Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Payloads of the events there are, by kind and id."""
    found: dict[tuple[str, str], str] = {}
    for kind, ids in _by_kind(keys):
        query = sa.select(events.c.id, events.c.payload).where(events.c.kind == kind, events.c.id.in_(ids))
        found |= {(kind, name): payload for name, payload in connection.execute(query)}
    return found


def _corrected(connection: sa.Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Which of these events have been corrected, and by which."""
    found: dict[tuple[str, str], str] = {}
    for kind, ids in _by_kind(keys):
        query = sa.select(events.c.supersedes, events.c.id).where(events.c.kind == kind, events.c.supersedes.in_(ids))
        found |= {(kind, target): name for target, name in connection.execute(query)}
    return found


def _by_kind(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
    grouped: dict[str, list[str]] = {}
    for kind, name in dict.fromkeys(keys):
        grouped.setdefault(kind, []).append(name)
    for kind, names in grouped.items():
        for start in range(0, len(names), CHUNK):
            yield kind, names[start : start + CHUNK]


class _Guidelines:
    """Which guidelines may be named, looked up once a transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        rows = connection.execute(
            sa.select(
                guidelines.c.sha256,
                guidelines.c.name,
                guidelines.c.version,
                guidelines.c.task,
                sa.exists().where(events.c.guideline_sha256 == guidelines.c.sha256),
            )
        )
        self.kept: dict[str, tuple[str, str]] = {}
        self.frozen: dict[str, str] = {}
        for sha, name, version, task, used in rows:
            self.kept[sha] = (f"{name}/{version}", task)
            if used:
                self.frozen[f"{name}/{version}"] = sha

    def check(self, record: Label | Adjudication | Skip | Practice, where: str) -> str:
        """The task of the guideline a record names, or `StoreError`."""
        ref, sha = record.guideline, record.guideline_sha256
        if sha not in self.kept:
            raise StoreError(
                f"guideline {ref} with sha256 {sha[:12]}… is not in the store",
                where=where,
                next_step="store.keep_guideline(guideline) first, so that every label's text can be read later",
            )
        kept_ref, task = self.kept[sha]
        if kept_ref != ref:
            raise StoreError(f"sha256 {sha[:12]}… is guideline {kept_ref}, not {ref}", where=where)
        if self.frozen.setdefault(ref, sha) != sha:
            raise StoreError(_frozen_message(ref, self.frozen[ref], sha), where=where, next_step=_FROZEN_ADVICE)
        return task


_FROZEN_ADVICE = "write the change as the next version"


def _frozen_message(ref: str, frozen: str, other: str) -> str:
    return f"guideline {ref} has answers under sha256 {frozen[:12]}… and is frozen; got {other[:12]}…"


def keep(connection: sa.Connection, guideline: Guideline, moment: str) -> bool:
    """Insert a guideline unless it is there; see `Store.keep_guideline`."""
    text = text_of(guideline, guideline.ref)
    if hashlib.sha256(guideline.text.encode()).hexdigest() != guideline.sha256:
        raise StoreError(
            f"guideline {guideline.ref}: sha256 is not that of its text",
            next_step="load the guideline from its file again",
        )
    known = _Guidelines(connection)
    if guideline.sha256 in known.kept:
        kept = known.kept[guideline.sha256][0]
        if kept != guideline.ref:
            raise StoreError(f"this text is kept as {kept} already, and cannot be {guideline.ref} too")
        return False
    frozen = known.frozen.get(guideline.ref, guideline.sha256)
    if frozen != guideline.sha256:
        raise StoreError(_frozen_message(guideline.ref, frozen, guideline.sha256), next_step=_FROZEN_ADVICE)
    connection.execute(
        guidelines.insert(),
        {
            "sha256": guideline.sha256,
            "name": guideline.name,
            "version": guideline.version,
            "task": guideline.task,
            "payload": text,
            "received_at": moment,
        },
    )
    return True


def add(
    connection: sa.Connection, incoming: Sequence[Incoming], refused: dict[int, WorkbenchError] | None = None
) -> int:
    """Check and insert; returns how many were new. A refusal is raised, or kept in `refused` by line number."""
    targets = [
        (one.key[0], one.record.supersedes)
        for one in incoming
        if isinstance(one.record, Label | Adjudication) and one.record.supersedes is not None
    ]
    known = _known(connection, [*(one.key for one in incoming), *targets])
    corrected = _corrected(connection, targets)
    answers = answered(connection, [one.record for one in incoming])
    allowed = _Guidelines(connection)
    rows: list[dict[str, Any]] = []
    for one in incoming:
        try:
            row = _checked_row(one, known, corrected, allowed)
            question = question_of(one.record)
            if row is not None and row["supersedes"] is None and question is not None:
                check_first(f"label {one.key[1]}", answers.get(question))
        except WorkbenchError as error:
            if refused is None:
                raise
            refused[one.line] = error
            continue
        if row is not None:
            # What follows in the same call is checked as if this were in the database already.
            known[one.key] = row["payload"]
            if row["supersedes"] is not None:
                corrected[one.key[0], row["supersedes"]] = one.key[1]
            if question is not None:
                answers[question] = one.key[1]
            rows.append(row)
    if rows:
        connection.execute(events.insert(), rows)
    return len(rows)


def _checked_row(
    one: Incoming,
    known: Mapping[tuple[str, str], str],
    corrected: Mapping[tuple[str, str], str],
    allowed: _Guidelines,
) -> dict[str, Any] | None:
    """The event's row, None where it is there already."""
    record, (kind, name) = one.record, one.key
    where = f"{kind} {name}"
    payload = text_of(record, where)
    if isinstance(record, Label):
        tasks.check_label(record)
    if one.key in known:
        if known[one.key] != payload and not _same_record(record, known[one.key]):
            raise StoreError(
                f"{where} is in the store with other content",
                next_step="a correction needs an id of its own and supersedes=" + repr(name)
                if isinstance(record, Label | Adjudication)
                else "use another id",
            )
        return None
    supersedes, sha = None, None
    if isinstance(record, Label | Adjudication | Skip | Practice):
        sha = record.guideline_sha256
        task = allowed.check(record, where)
        if isinstance(record, Adjudication | Practice):
            tasks.parse_answer(task, record.answer)
        if isinstance(record, Label | Practice) and record.task != task:
            raise StoreError(f"a {record.task} answer under a guideline for {task}", where=where)
    if isinstance(record, Label | Adjudication) and record.supersedes is not None:
        supersedes = record.supersedes
        check_correction(record, where, known.get((kind, supersedes)), corrected.get((kind, supersedes)))
    return {
        "kind": kind,
        "id": name,
        "pilot": "" if isinstance(record, Annotator) else record.pilot,
        "batch": getattr(record, "batch", ""),
        "item": "" if isinstance(record, Annotator) else record.item,
        "annotator": record.id if isinstance(record, Annotator) else record.annotator,
        "supersedes": supersedes,
        "guideline_sha256": sha,
        "payload": payload,
        "received_at": one.received_at,
    }


def _same_record(record: Event, stored: str) -> bool:
    """Whether a stored text is this record: fields that came later have their default in it, and exports leave the
    attributes of annotators out."""
    try:
        old = type(record).parse(json.loads(stored))
    except RecordError:
        return False
    if isinstance(old, Annotator) and isinstance(record, Annotator) and not record.attributes:
        old = old.model_copy(update={"attributes": {}})
    # As texts: Python takes True for 1, and two moments for equal that are written differently.
    return old.canonical() == record.canonical()


def put_aside(connection: sa.Connection, records: Sequence[Quarantined], moment: str) -> int:
    """Insert quarantined rows that are not there; returns how many were new."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for record in records:
        payload = text_of(record, f"quarantined line {record.line}")
        row = {"pilot": record.pilot, "sha256": record.sha256, "payload": payload, "received_at": moment}
        rows.setdefault((record.pilot, record.sha256), row)
    keys = list(rows)
    for start in range(0, len(keys), CHUNK):
        query = sa.select(quarantine.c.pilot, quarantine.c.sha256).where(
            quarantine.c.sha256.in_([sha for _, sha in keys[start : start + CHUNK]])
        )
        for pilot, sha in connection.execute(query):
            rows.pop((pilot, sha), None)
    if rows:
        connection.execute(quarantine.insert(), list(rows.values()))
    return len(rows)
