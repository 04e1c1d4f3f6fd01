"""The store itself: `open_store`, `Store.append` and the views on what was appended."""

from __future__ import annotations

import json
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

import sqlalchemy as sa

from workbench.errors import RecordError, StoreError
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
from workbench.store import exchange, judging
from workbench.store.engine import make_engine, prepare, shown, store_url, transaction
from workbench.store.rules import KINDS, Appended, Event, Incoming, add, keep, put_aside, utc_text
from workbench.store.schema import events, guidelines, migrate, quarantine
from workbench.store.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Counts:
    """How much a pilot holds. `n_labels` counts current labels, `n_superseded` those that were corrected."""

    n_items: int
    n_annotators: int
    n_assignments: int
    n_labels: int
    n_superseded: int
    n_adjudications: int
    n_quarantined: int


def open_store(url: str | Path | sa.URL) -> Store:
    """Open a store, creating or migrating it where needed.

    Parameters
    ----------
    url
        A file path or `sqlite:///path` (one file on a local disk), or `postgresql+psycopg://user:password@host/database`.

    Raises
    ------
    StoreError
        When it cannot be opened: a network file system, another program's database, a newer schema.
    MissingExtraError
        When PostgreSQL is asked for and psycopg is not installed.
    """
    engine = make_engine(store_url(url))
    try:
        prepare(engine)
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine)


class Store(Serving):
    """An open store; get one from `open_store`. Safe to use from several threads, and a context manager.

    Every method is one transaction. After a failed call nothing of it was kept, and the same call may be made again.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._pid = os.getpid()
        # A notebook forgets stores without closing them; a connection left open is a warning, and on a server a slot.
        weakref.finalize(self, _dispose, engine, self._pid)

    def __repr__(self) -> str:
        return f"Store({shown(self._engine.url)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. A closed store opens new ones when it is used again."""
        self._engine.dispose()

    def append(self, records: Iterable[Event], received_at: datetime | None = None) -> Appended:
        """Store records, all or none; a record that is there already with the same content is counted as known.

        Parameters
        ----------
        records
            Events of any kind (labels, assignments, skips …), in the order they shall be read back.
        received_at
            When they arrived (with a time zone); now, unless the caller knows better.

        Raises
        ------
        RecordError
            When an answer does not fit its task.
        StoreError
            When an id is taken by other content, a guideline is not kept or differs from the frozen text, a question
            has an answer already that this is no correction of, or a correction names something that is not there,
            belongs to somebody else or was corrected already.
        """
        moment = utc_text(received_at)
        incoming = []
        for record in records:
            if type(record) not in KINDS:
                raise StoreError(
                    f"cannot append a {type(record).__name__}; allowed are {sorted(k.__name__ for k in KINDS)}",
                    next_step="pass a list of records; guidelines go to keep_guideline",
                )
            incoming.append(Incoming(record, moment))
        with self._transaction(writes=True) as connection:
            n_new = add(connection, incoming)
        return Appended(n_new, len(incoming) - n_new)

    def judge(self, label: Label, *, first: bool = False) -> Label:
        """Store a judgment as the one that counts for its question, and return it as it is kept.

        A question is one showing of an item to one annotator. What was answered before, by this program or another,
        is superseded; with `first` it stands, and is returned. Where the same judgment is sent again (same id), the one
        in force is returned: itself as it was kept, or what superseded it.

        Raises
        ------
        RecordError, StoreError
            As `append`; also when the id is taken by another judgment.
        """
        with self._transaction(writes=True) as connection:
            return judging.judge(connection, label, utc_text(None), first=first)

    def in_force(self, label: Label) -> Label | None:
        """The label that counts for the question of this one; None where it has no answer, or was not asked here."""
        with self._transaction() as connection:
            return judging.in_force(connection, label)

    def keep_guideline(self, guideline: Guideline, received_at: datetime | None = None) -> bool:
        """Keep a guideline's full text, which labels need before they can name it; returns whether it is new.

        Raises
        ------
        StoreError
            When its sha256 is not its text's, or its version has labels under another text (it is frozen).
        """
        with self._transaction(writes=True) as connection:
            return keep(connection, guideline, utc_text(received_at))

    def guideline(self, ref_or_sha: str) -> Guideline:
        """The guideline of this sha256, or of this `name/version`: the frozen text, else the latest kept draft."""
        with self._transaction() as connection:
            table = guidelines
            name, _, version = ref_or_sha.partition("/")
            used = sa.exists().where(events.c.guideline_sha256 == table.c.sha256)
            payload = connection.execute(
                sa.select(table.c.payload)
                .where(sa.or_(table.c.sha256 == ref_or_sha, (table.c.name == name) & (table.c.version == version)))
                .order_by(sa.case((used, 0), else_=1), table.c.received_at.desc(), table.c.sha256)
                .limit(1)
            ).scalar()
            if payload is None:
                known = connection.execute(sa.select(table.c.name, table.c.version).distinct()).all()
                raise StoreError(
                    f"no guideline {ref_or_sha!r} in the store; there are {sorted('/'.join(row) for row in known)}",
                    where=repr(self),
                    next_step="store.keep_guideline(guideline)",
                )
        return read(Guideline, payload)

    def answerable(self, sha256: str) -> Guideline | None:
        """The kept guideline of this sha256, None where there is none or another text of its version has answers."""
        with self._transaction() as connection:
            table = guidelines
            found = connection.execute(
                sa.select(table.c.name, table.c.version, table.c.payload).where(table.c.sha256 == sha256)
            ).first()
            if found is None:
                return None
            other = sa.exists().where(
                table.c.name == found.name,
                table.c.version == found.version,
                table.c.sha256 != sha256,
                events.c.guideline_sha256 == table.c.sha256,
            )
            if connection.execute(sa.select(other)).scalar():
                return None
        return read(Guideline, found.payload)

    def frozen(self, pilot: str | None = None) -> dict[str, str]:
        """Guideline versions that events name (of one pilot, or of any): `name/version` -> sha256."""
        query = (
            sa.select(guidelines.c.name, guidelines.c.version, guidelines.c.sha256)
            .join(events, events.c.guideline_sha256 == guidelines.c.sha256)
            .distinct()
        )
        if pilot is not None:
            query = query.where(events.c.pilot == pilot)
        with self._transaction() as connection:
            return {f"{name}/{version}": sha for name, version, sha in sorted(connection.execute(query))}

    def labels(self, pilot: str, *, history: bool = False) -> list[Label]:
        """A pilot's labels in the order of arrival: those in force, or with `history` all."""
        return self._records(Label, pilot, history=history)

    def assignments(self, pilot: str) -> list[Assignment]:
        """A pilot's assignments in the order of arrival."""
        return self._records(Assignment, pilot, history=True)

    def adjudications(self, pilot: str, *, history: bool = False) -> list[Adjudication]:
        """A pilot's adjudications in the order of arrival: those in force, or with `history` all."""
        return self._records(Adjudication, pilot, history=history)

    def skips(self, pilot: str) -> list[Skip]:
        """Items of a pilot that annotators passed over, in the order of arrival."""
        return self._records(Skip, pilot, history=True)

    def practice(self, pilot: str) -> list[Practice]:
        """Answers given while calibrating, in the order of arrival."""
        return self._records(Practice, pilot, history=True)

    def exchanges(self, pilot: str) -> list[Exchange]:
        """Messages to models under attack and their replies, in the order of arrival."""
        return self._records(Exchange, pilot, history=True)

    def annotators(self) -> list[Annotator]:
        """All annotators of the store, of whatever pilot, in the order of arrival."""
        return self._records(Annotator, "", history=True)

    def quarantine(self, records: Iterable[Quarantined], received_at: datetime | None = None) -> Appended:
        """Keep rows aside that could not be read; a pilot keeps the same raw row once, with its first error."""
        moment = utc_text(received_at)
        listed = list(records)
        with self._transaction(writes=True) as connection:
            n_new = put_aside(connection, listed, moment)
        return Appended(n_new, len(listed) - n_new)

    def quarantined(self, pilot: str) -> list[Quarantined]:
        """Rows of a pilot that were kept aside, in the order of arrival."""
        query = sa.select(quarantine.c.payload).where(quarantine.c.pilot == pilot).order_by(quarantine.c.seq)
        with self._transaction() as connection:
            payloads = connection.execute(query).scalars().all()
        return [read(Quarantined, payload) for payload in payloads]

    def state(self, pilot: str) -> tuple[int, int]:
        """Two numbers that change with every event of a pilot: how many there are, and the last one's place.

        What was read while they were the same is still what the store holds. Both are needed: on PostgreSQL an event
        may become visible after one that has a later place.
        """
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(events.c.seq), 0)).where(
            events.c.pilot == pilot
        )
        with self._transaction() as connection:
            n, last = connection.execute(query).one()
        return int(n), int(last)

    def counts(self, pilot: str) -> Counts:
        """How much a pilot holds, without reading the records."""
        label = (events.c.pilot == pilot) & (events.c.kind == "label")
        n = sa.func.count
        with self._transaction() as connection:
            kinds = {
                kind: (total, corrections)
                for kind, total, corrections in connection.execute(
                    sa.select(events.c.kind, n(), n(events.c.supersedes))
                    .where(events.c.pilot == pilot)
                    .group_by(events.c.kind)
                )
            }
            items, people = connection.execute(
                sa.select(n(events.c.item.distinct()), n(events.c.annotator.distinct())).where(label)
            ).one()
            aside = connection.execute(sa.select(n()).where(quarantine.c.pilot == pilot)).scalar_one()
        labels, superseded = kinds.get("label", (0, 0))
        decisions, revised = kinds.get("adjudication", (0, 0))
        assignments, _ = kinds.get("assignment", (0, 0))
        return Counts(items, people, assignments, labels - superseded, superseded, decisions - revised, aside)

    def export(self, path: str | Path, pilot: str | None = None, *, attributes: bool = False) -> int:
        """Write a pilot (or everything) as canonical JSON lines; returns the number of lines.

        One line an event, sorted by kind, then id: `{"kind":…,"received_at":…,"record":…,"seq":…}`. `seq` numbers the
        events in their order of arrival, so a store that reads the file back lists them in the same order. With the
        events come the annotators and the guidelines they name. The same store gives the same bytes. Quarantined
        rows are not exported, and annotators' attributes only when asked for.
        """
        with self._transaction() as connection:
            rows = exchange.exported(connection, pilot, attributes=attributes)
        return exchange.write(path, rows)

    def load(self, path: str | Path, pilot: str = "unknown") -> Appended:
        """Read an export back, in one transaction; what is there already is counted as known.

        A line that cannot be read, or that the store refuses, goes to quarantine with its line number and the reason
        (under the pilot it names, else the file's first, else `pilot`); the rest comes in.
        """
        lines = exchange.read_lines(path)
        with self._transaction(writes=True) as connection:
            return exchange.load(connection, lines, pilot, utc_text(None))

    def _records(self, kind: type[R], pilot: str, *, history: bool) -> list[R]:
        name = KINDS[kind]
        query = sa.select(events.c.payload).where(events.c.pilot == pilot, events.c.kind == name).order_by(events.c.seq)
        if not history:
            later = events.alias()
            query = query.where(~sa.exists().where(later.c.kind == name, later.c.supersedes == events.c.id))
        with self._transaction() as connection:
            payloads = connection.execute(query).scalars().all()
        return [read(kind, payload) for payload in payloads]

    def _transaction(self, *, writes: bool = False) -> Any:
        if os.getpid() != self._pid:
            # After a fork the child must not talk over the parent's connections, nor close them.
            self._engine.dispose(close=False)
            self._pid = os.getpid()
        return transaction(self._engine, writes=writes)


def _dispose(engine: sa.Engine, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must leave its parent's connections alone
        engine.dispose()


def read(kind: type[R], payload: str) -> R:
    """A record from its stored text."""
    try:
        return kind.parse(json.loads(payload))
    except RecordError as error:
        raise StoreError(
            f"a stored {kind.__name__} does not fit this version of the workbench: {error.what}",
            next_step="open the store with the version that wrote it, export, and load the export here",
        ) from None
