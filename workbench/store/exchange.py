"""The text form of a store: canonical JSON lines that git can compare, and that any program can read."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import sqlalchemy as sa

from workbench.errors import StoreError, WorkbenchError
from workbench.records import (
    Adjudication,
    Annotator,
    Guideline,
    Label,
    Quarantined,
    canonical_json,
)
from workbench.store.rules import EVENTS, Appended, Incoming, add, keep, put_aside
from workbench.store.schema import events, guidelines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PARSER = "store.export/1"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,127}")


@dataclass(frozen=True)
class Row:
    """One line to write. `payload` is canonical JSON already."""

    kind: str
    id: str
    received_at: str
    payload: str
    seq: int


@dataclass(frozen=True)
class Line:
    """One line read. `error` says why it is no event, empty where it is one; `seq` orders the file's events."""

    number: int
    raw: str
    sha256: str
    origin: str
    error: str = ""
    kind: str = ""
    received_at: str = ""
    seq: int = 0
    record: dict[str, Any] = field(default_factory=dict)

    def quarantined(self, error: str, pilot: str) -> Quarantined:
        """The line as a record to keep aside, under the pilot it names if that is one."""
        own = self.record.get("pilot")
        if isinstance(own, str) and _ID.fullmatch(own):
            pilot = own
        return Quarantined(
            sha256=self.sha256,
            pilot=pilot,
            raw=self.raw,
            error=error,
            origin=self.origin,
            line=self.number,
            parser=PARSER,
        )


def write(path: str | Path, rows: Iterable[Row]) -> int:
    """Write rows sorted by kind and id; the file appears whole or not at all."""
    target = Path(path)
    listed = sorted(rows, key=lambda row: (row.kind, row.id))
    part = target.with_name(f".{target.name}.{uuid4().hex}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for row in listed:
                # The keys are in canonical order and the payload is canonical, so the line is too.
                file.write(
                    f'{{"kind":{canonical_json(row.kind)},"received_at":{canonical_json(row.received_at)},'
                    f'"record":{row.payload},"seq":{row.seq}}}\n'
                )
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StoreError(
            f"cannot write the export: {error.strerror}", where=str(target), next_step="name a folder that is there"
        ) from None
    return len(listed)


def read_lines(path: str | Path) -> list[Line]:
    """All lines that are not blank, each either an event or with the reason why it is none."""
    source = Path(path)
    try:
        with source.open("rb") as file:
            raws = [(number, raw.rstrip(b"\r\n")) for number, raw in enumerate(file, 1)]
    except OSError as error:
        raise StoreError(f"cannot read the export: {error.strerror}", where=str(source)) from None
    return [_line(number, raw, source.name) for number, raw in raws if raw.strip()]


def _line(number: int, raw: bytes, origin: str) -> Line:
    text = raw.decode("utf-8", errors="backslashreplace")
    known: dict[str, Any] = {
        "number": number,
        "raw": text,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "origin": origin,
    }
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return Line(**known, error=f"not JSON: {error}")
    record = data.get("record") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or not isinstance(record, dict):
        return Line(**known, error='not an event: it needs "kind" (text) and "record" (object)')
    known["record"] = record
    seq = data.get("seq", number)
    if not isinstance(seq, int) or isinstance(seq, bool):
        return Line(**known, error=f"seq: expected a whole number, got {seq!r}")
    try:
        received = datetime.fromisoformat(data["received_at"])
        if received.tzinfo is None:
            raise ValueError("it has no time zone")  # noqa: TRY301 - one place that words the reason
        moment = received.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return Line(**known, error=f"received_at: {type(error).__name__}: {error}")
    text_moment = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return Line(**known, kind=data["kind"], received_at=text_moment, seq=seq)


def exported(connection: sa.Connection, pilot: str | None, *, attributes: bool) -> list[Row]:
    """The rows of a pilot, or of everything; `seq` is an event's rank in the order of arrival."""
    query = sa.select(events).where(events.c.kind != "annotator")
    if pilot is not None:
        query = query.where(events.c.pilot == pilot)
    found = connection.execute(query).all()
    people = connection.execute(sa.select(events).where(events.c.kind == "annotator")).all()
    texts = connection.execute(sa.select(guidelines).order_by(guidelines.c.received_at, guidelines.c.sha256)).all()
    if pilot is not None:
        annotators, named = {row.annotator for row in found}, {row.guideline_sha256 for row in found}
        people = [row for row in people if row.id in annotators]
        texts = [row for row in texts if row.sha256 in named]
    listed = sorted([*found, *people], key=lambda row: int(row.seq))
    return [
        *(
            Row("guideline", f"{row.name}/{row.version}@{row.sha256}", row.received_at, row.payload, seq)
            for seq, row in enumerate(texts)
        ),
        *(
            Row(row.kind, row.id, row.received_at, row.payload if attributes else _without_attributes(row), seq)
            for seq, row in enumerate(listed)
        ),
    ]


def _without_attributes(row: Any) -> str:
    if row.kind != "annotator":
        return str(row.payload)
    return Annotator.parse({**json.loads(row.payload), "attributes": {}}).canonical()


def load(connection: sa.Connection, lines: Sequence[Line], pilot: str, moment: str) -> Appended:
    """Insert what can be inserted of a file's lines and put the others aside; see `Store.load`."""
    bad: dict[int, WorkbenchError] = {}
    texts: list[tuple[Line, Guideline]] = []
    incoming: list[Incoming] = []
    for line in sorted(lines, key=lambda line: line.seq):
        try:
            if line.error:
                raise StoreError(line.error)
            if line.kind == "guideline":
                texts.append((line, Guideline.parse(line.record)))
            elif line.kind in EVENTS:
                incoming.append(Incoming(EVENTS[line.kind].parse(line.record), line.received_at, line.number))
            else:
                raise StoreError(f"no event kind {line.kind!r}; allowed are {sorted([*EVENTS, 'guideline'])}")
        except WorkbenchError as error:
            bad[line.number] = error
    n_new = 0
    for line, guideline in texts:
        try:
            n_new += keep(connection, guideline, line.received_at)
        except WorkbenchError as error:
            bad[line.number] = error
    n_new += add(connection, _corrections_last(incoming), refused=bad)
    first = next((one.record.pilot for one in incoming if not isinstance(one.record, Annotator)), pilot)
    put_aside(
        connection, [line.quarantined(str(bad[line.number]), first) for line in lines if line.number in bad], moment
    )
    return Appended(n_new, len(lines) - n_new - len(bad), len(bad))


def _corrections_last(incoming: Sequence[Incoming]) -> list[Incoming]:
    """The same order, except that a correction in a file without arrival order comes after what it corrects."""
    places = {one.key: place for place, one in reversed(list(enumerate(incoming)))}
    order: list[int] = []
    placed: set[int] = set()
    for start in range(len(incoming)):
        chain: list[int] = []
        place: int | None = start
        while place is not None and place not in placed:
            placed.add(place)
            chain.append(place)
            one = incoming[place]
            target = one.record.supersedes if isinstance(one.record, Label | Adjudication) else None
            place = None if target is None else places.get((one.key[0], target))
        order += reversed(chain)
    return [incoming[place] for place in order]
