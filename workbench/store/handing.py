"""Handing questions out to people who come and go: who holds which item until when.

A hold is a promise and no event: it changes, expires and is never exported. The label that comes of it is an event like
any other. All of this happens under the store's write lock, so two people can never be handed the same last place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.store.rules import utc_text
from workbench.store.schema import holds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.records import Assignment

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

    @property
    def counts(self) -> bool:
        """Whether it takes one of the item's places: gold and repeats are beside the overlap."""
        return self.state in ("held", "done") and not self.is_gold and not self.is_repeat


def now(connection: sa.Connection) -> datetime:
    """The database's clock, so that programs on several machines agree on what has expired."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    moment = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)


def read(connection: sa.Connection, pilot: str, batch: str, moment: datetime) -> list[Hold]:
    """All holds of a batch, by annotator and position."""
    query = (
        sa.select(holds)
        .where(holds.c.pilot == pilot, holds.c.batch == batch)
        .order_by(holds.c.annotator, holds.c.position)
    )
    return [_hold(row, moment) for row in connection.execute(query)]


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
    there = read(connection, pilot, batch, moment)
    taken = {(hold.item, hold.is_repeat): hold for hold in there if hold.annotator == annotator}
    places = _places(there)
    position = max((hold.position for hold in taken.values()), default=-1) + 1
    for wanted in choose(there):
        before = taken.get((wanted.item, wanted.is_repeat))
        if before is not None and before.state != "expired":
            raise StoreError(f"{annotator} was handed item {wanted.item} already")
        if not wanted.is_gold and not wanted.is_repeat:
            if places.get(wanted.item, 0) >= overlap:
                raise StoreError(f"item {wanted.item} has {overlap} annotators already")
            places[wanted.item] = places.get(wanted.item, 0) + 1
        until = utc_text(moment + timedelta(seconds=seconds))
        if before is not None:
            _update(connection, pilot, batch, before, state="held", expires_at=until)
            continue
        connection.execute(
            holds.insert(),
            {
                "pilot": pilot,
                "batch": batch,
                "item": wanted.item,
                "annotator": annotator,
                "is_repeat": int(wanted.is_repeat),
                "is_gold": int(wanted.is_gold),
                "position": position,
                "display_order": json.dumps(wanted.order),
                "state": "held",
                "expires_at": until,
            },
        )
        position += 1
    return [
        hold for hold in read(connection, pilot, batch, moment) if (hold.annotator, hold.state) == (annotator, "held")
    ]


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
    there = read(connection, asked.pilot, asked.batch, moment)
    mine = _mine(there, asked)
    if mine.state != "done":
        full = _places(there).get(asked.item, 0) >= overlap and not mine.counts
        if full and not mine.is_gold and not mine.is_repeat:
            return False
        _update(connection, asked.pilot, asked.batch, mine, state="done")
    return True


def release(connection: sa.Connection, asked: Assignment) -> None:
    """Give an unfinished question back, for somebody else."""
    mine = _mine(read(connection, asked.pilot, asked.batch, now(connection)), asked)
    if mine.state != "done":
        _update(connection, asked.pilot, asked.batch, mine, state="released")


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


def _hold(row: Any, moment: datetime) -> Hold:
    expires = datetime.fromisoformat(row.expires_at)
    state: State = "expired" if row.state == "held" and expires <= moment else row.state
    order = tuple(json.loads(row.display_order))
    return Hold(row.item, row.annotator, row.position, order, bool(row.is_gold), bool(row.is_repeat), state, expires)
