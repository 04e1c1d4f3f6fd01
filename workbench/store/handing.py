"""Handing questions out to people who come and go: who holds which item until when.

A hold is a promise and no event: it changes, expires and is never exported. The label that comes of it is an event like
any other. All of this happens under the store's write lock, so two people can never be handed the same last place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.records import Label, Skip
from workbench.store.rules import utc_text
from workbench.store.schema import events, holds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.records import Assignment

R = TypeVar("R", Label, Skip)
State = Literal["held", "done", "expired", "released"]


@dataclass(frozen=True)
class Wanted:
    """A question to hand out: which item, in which order of responses."""

    item: str
    order: tuple[str, ...]
    is_gold: bool = False
    is_repeat: bool = False


@dataclass(frozen=True)
class Hold:
    """A question that was handed out. `expired` may be taken by somebody else, `released` was given back."""

    item: str
    annotator: str
    position: int
    order: tuple[str, ...]
    is_gold: bool
    is_repeat: bool
    state: State
    expires_at: datetime
    batch: str

    @property
    def counts(self) -> bool:
        """Whether it takes one of the item's places: gold and repeats are beside the overlap."""
        return self.state in ("held", "done") and not self.is_gold and not self.is_repeat


def now(connection: sa.Connection) -> datetime:
    """The database's clock, so that programs on several machines agree on what has expired."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)


def read(connection: sa.Connection, pilot: str, moment: datetime, **only: str) -> list[Hold]:
    """A pilot's holds, or those of `only` one batch, item or annotator, by batch, annotator and position."""
    query = (
        sa.select(*_READ)
        .where(holds.c.pilot == pilot, *(holds.c[name] == only[name] for name in only))
        .order_by(holds.c.batch, holds.c.annotator, holds.c.position)
    )
    text = utc_text(moment)
    return [_hold(row, text) for row in connection.execute(query)]


def hand_out(
    connection: sa.Connection,
    pilot: str,
    batch: str,
    annotator: str,
    choose: Callable[[Sequence[Hold]], Sequence[Wanted]],
    overlap: int,
    seconds: float,
) -> list[Hold]:
    """Renew what an annotator holds, add what `choose` wants, and return all they hold; see `Store.hand_out`."""
    moment = now(connection)
    renew(connection, pilot, batch, annotator, seconds, moment)
    there = read(connection, pilot, moment, batch=batch)
    mine = {(hold.item, hold.is_repeat): hold for hold in there if hold.annotator == annotator}
    had = {key for key, hold in mine.items() if hold.state != "expired"}
    places = _places(there)
    position = max((hold.position for hold in mine.values()), default=-1) + 1
    for wanted in choose(there):
        key = wanted.item, wanted.is_repeat
        if key in had:
            raise StoreError(f"{annotator} was handed item {wanted.item} already")
        had.add(key)
        if not wanted.is_gold and not wanted.is_repeat:
            if places.get(wanted.item, 0) >= overlap:
                raise StoreError(f"item {wanted.item} has {overlap} annotators already")
            places[wanted.item] = places.get(wanted.item, 0) + 1
        until = utc_text(moment + timedelta(seconds=seconds))
        if key in mine:
            # In the order and at the position of the first time, as it may still be on their screen.
            _update(connection, pilot, batch, mine[key], state="held", expires_at=until)
            continue
        connection.execute(holds.insert(), _row(pilot, batch, annotator, position, wanted, "held", until))
        position += 1
    return [hold for hold in read(connection, pilot, moment, batch=batch, annotator=annotator) if hold.state == "held"]


def renew(
    connection: sa.Connection, pilot: str, batch: str, annotator: str, seconds: float, moment: datetime | None = None
) -> None:
    """Put off the expiry of what an annotator still holds."""
    moment = moment or now(connection)
    connection.execute(
        holds.update()
        .where(
            holds.c.pilot == pilot,
            holds.c.batch == batch,
            holds.c.annotator == annotator,
            holds.c.state == "held",
            holds.c.expires_at > utc_text(moment),
        )
        .values(expires_at=utc_text(moment + timedelta(seconds=seconds)))
    )


def finish(connection: sa.Connection, asked: Assignment, overlap: int) -> bool:
    """Turn a hold into a finished one; False when it had expired and its place went to somebody else."""
    moment = now(connection)
    there = read(connection, asked.pilot, moment, batch=asked.batch, item=asked.item)
    mine = _mine(there, asked)
    for field in ("order", "position", "is_gold"):
        if getattr(mine, field) != getattr(asked, field):
            raise StoreError(
                f"item {asked.item} was handed to {asked.annotator} with {field} {getattr(mine, field)!r}, "
                f"not {getattr(asked, field)!r}"
            )
    if mine.state != "done":
        needs_place = not (mine.counts or mine.is_gold or mine.is_repeat)
        if needs_place and _places(there).get(asked.item, 0) >= overlap:
            return False
        _update(connection, asked.pilot, asked.batch, mine, state="done")
    return True


def release(connection: sa.Connection, asked: Assignment) -> None:
    """Give an unfinished question back, for somebody else."""
    there = read(connection, asked.pilot, now(connection), batch=asked.batch, item=asked.item)
    mine = _mine(there, asked)
    if mine.state != "done":
        _update(connection, asked.pilot, asked.batch, mine, state="released")


def refill(connection: sa.Connection, pilot: str, batch: str, passed_over: Callable[[Skip], Wanted]) -> int:
    """Make holds of answers and skips that have none; see `Store.refill`."""
    of_batch = (events.c.pilot == pilot) & (events.c.batch == batch)
    skips = [_record(Skip, text) for text in _payloads(connection, of_batch & (events.c.kind == "skip"))]
    answers = of_batch & (events.c.kind == "label") & events.c.supersedes.is_(None)
    moment = now(connection)
    there = read(connection, pilot, moment, batch=batch)
    have = {(hold.annotator, hold.item, hold.is_repeat) for hold in there}
    n_answers = connection.execute(sa.select(sa.func.count()).where(answers)).scalar_one()
    rows: list[dict[str, Any]] = []

    def add(annotator: str, position: int, what: Wanted, state: State) -> None:
        if (annotator, what.item, what.is_repeat) not in have:
            have.add((annotator, what.item, what.is_repeat))
            rows.append(_row(pilot, batch, annotator, position, what, state, utc_text(moment)))

    # Usually each answer has its hold, and counting tells that without reading them.
    if n_answers > sum(hold.state == "done" for hold in there):
        for label in (_record(Label, text) for text in _payloads(connection, answers)):
            if label.position is not None:
                shown = Wanted(label.item, label.order, label.is_gold, label.is_repeat)
                add(label.annotator, label.position, shown, "done")
    for skip in skips:
        add(skip.annotator, skip.position, passed_over(skip), "released")
    if rows:
        _place_apart(rows, there)
        connection.execute(holds.insert(), rows)
    return len(rows)


def _payloads(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Sequence[str]:
    return connection.execute(sa.select(events.c.payload).where(which).order_by(events.c.seq)).scalars().all()


def _record(kind: type[R], text: str) -> R:
    return kind.parse(json.loads(text))


def _place_apart(rows: Sequence[dict[str, Any]], there: Sequence[Hold]) -> None:
    """Give rows whose position is taken (two histories were loaded into one store) one after all others."""
    taken: dict[str, set[int]] = {}
    for hold in there:
        taken.setdefault(hold.annotator, set()).add(hold.position)
    for row in rows:
        mine = taken.setdefault(row["annotator"], set())
        if row["position"] in mine:
            row["position"] = max(mine) + 1
        mine.add(row["position"])


def _row(
    pilot: str, batch: str, annotator: str, position: int, what: Wanted, state: State, expires_at: str
) -> dict[str, Any]:
    return {
        "pilot": pilot,
        "batch": batch,
        "item": what.item,
        "annotator": annotator,
        "is_repeat": int(what.is_repeat),
        "is_gold": int(what.is_gold),
        "position": position,
        "display_order": json.dumps(what.order),
        "state": state,
        "expires_at": expires_at,
    }


def _mine(there: Sequence[Hold], asked: Assignment) -> Hold:
    key = (asked.item, asked.annotator, asked.is_repeat)
    found = next((hold for hold in there if (hold.item, hold.annotator, hold.is_repeat) == key), None)
    if found is None:
        raise StoreError(f"item {asked.item} was never handed to {asked.annotator}")
    return found


def _places(there: Sequence[Hold]) -> dict[str, int]:
    places: dict[str, int] = {}
    for hold in there:
        if hold.counts:
            places[hold.item] = places.get(hold.item, 0) + 1
    return places


def _update(connection: sa.Connection, pilot: str, batch: str, hold: Hold, **values: str) -> None:
    connection.execute(
        holds.update()
        .where(
            holds.c.pilot == pilot,
            holds.c.batch == batch,
            holds.c.item == hold.item,
            holds.c.annotator == hold.annotator,
            holds.c.is_repeat == int(hold.is_repeat),
        )
        .values(**values)
    )


# In the order `_hold` takes them apart.
_NAMES = "item annotator position display_order is_gold is_repeat state expires_at batch"
_READ = tuple(holds.c[name] for name in _NAMES.split())


def _hold(row: Any, moment: str) -> Hold:
    item, annotator, position, order, is_gold, is_repeat, state, expires_at, batch = row
    if state == "held" and expires_at <= moment:
        state = "expired"
    expires = datetime.fromisoformat(expires_at)
    shown = tuple(json.loads(order))
    return Hold(item, annotator, position, shown, bool(is_gold), bool(is_repeat), state, expires, batch)
