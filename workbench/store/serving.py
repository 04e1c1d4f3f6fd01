"""What a store does for people who come and go: hand questions out, take answers to them, invite and turn away."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.store import handing, invitations, judging
from workbench.store.questions import SHOWING
from workbench.store.rules import Incoming, add, put_aside, utc_text
from workbench.store.schema import meta

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from workbench.records import Annotator, Assignment, Exchange, Label, Practice, Skip
    from workbench.store.handing import Hold, Wanted
    from workbench.store.invitations import Invitation


class Serving:
    """This part of `Store`; each method is one transaction."""

    def _transaction(self, *, writes: bool = False) -> Any:
        raise NotImplementedError

    def judge_held(self, label: Label, asked: Assignment, overlap: int, *, first: bool = False) -> Label | None:
        """As `judge`, for a question that was handed out: its assignment is stored with the first answer.

        Returns
        -------
        Label or None
            None when the hold had expired and `overlap` others have the item: the answer is then quarantined and does
            not count.

        Raises
        ------
        RecordError, StoreError
            As `judge`; also when this was never asked of the annotator.
        """
        for field in (*SHOWING, "order", "position", "is_gold"):
            if getattr(label, field) != getattr(asked, field):
                raise StoreError(
                    f"the answer's {field} is {getattr(label, field)!r}, asked was {getattr(asked, field)!r}",
                    where=f"label {label.label_id}",
                )
        late = judging.too_late(label, overlap)
        with self._transaction(writes=True) as connection:
            # Once put aside it stays aside when it is sent again, though its place may be free by then.
            if not judging.is_aside(connection, late) and handing.finish(connection, asked, overlap):
                return judging.judge(connection, label, utc_text(None), asked, first=first)
            put_aside(connection, [late], utc_text(None))
            return None

    def skip(self, skip: Skip, asked: Assignment | None = None) -> Skip | Label:
        """Store that an annotator passes an item over; one that was handed out (`asked`) goes to somebody else.

        Sent again (same id), here as below, it is returned as it was kept the first time. Where the question has an
        answer it is not passed over: nothing is stored, and the answer is returned.
        """
        with self._transaction(writes=True) as connection:
            kept = judging.sent_before(connection, skip)
            if kept is None:
                answer = judging.in_force(connection, skip)
                if answer is not None:
                    return answer
                add(connection, [Incoming(skip, utc_text(None))])
            if asked is not None:
                handing.release(connection, asked)
            return kept or skip

    def practise(self, practice: Practice) -> Practice:
        """Store an answer given while calibrating; returns the one that counts: an item's first in an attempt."""
        with self._transaction(writes=True) as connection:
            return judging.practise(connection, practice, utc_text(None))

    def converse(self, exchange: Exchange) -> Exchange:
        """Store a message to a model under attack with its reply, and return it as it is kept."""
        with self._transaction(writes=True) as connection:
            kept = judging.sent_before(connection, exchange)
            if kept is None:
                add(connection, [Incoming(exchange, utc_text(None))])
            return kept or exchange

    def hand_out(
        self,
        pilot: str,
        batch: str,
        annotator: str,
        choose: Callable[[Sequence[Hold]], Sequence[Wanted]],
        *,
        overlap: int,
        seconds: float,
    ) -> list[Hold]:
        """Hold further questions for an annotator, and renew what they hold.

        Parameters
        ----------
        choose
            Given all holds of the batch, says what to hand out (see `design.next_questions`). Called under the store's
            write lock, so it must be quick and must not use the store.
        overlap
            No item is held or finished by more people than this, gold and repeats aside.
        seconds
            How long a hold lasts without being renewed.

        Returns
        -------
        list
            All the annotator holds now, by position.

        Raises
        ------
        StoreError
            When `choose` wants an item whose places are taken, or that this annotator has had (an expired hold may be
            wanted again, and keeps its order and position).
        """
        with self._transaction(writes=True) as connection:
            return handing.hand_out(connection, pilot, batch, annotator, choose, overlap, seconds)

    def refill(self, pilot: str, batch: str, passed_over: Callable[[Skip], Wanted]) -> int:
        """Know again what was handed out, where answers and skips were loaded from an export, which has no holds.

        Parameters
        ----------
        passed_over
            The question a skip was of. The order it was shown in is not in the record, so it comes back in the item's.

        Returns
        -------
        int
            How many holds were made: `done` of answers, `released` of skips, none where all is known.
        """
        with self._transaction(writes=True) as connection:
            return handing.refill(connection, pilot, batch, passed_over)

    def renew(self, pilot: str, batch: str, annotator: str, seconds: float) -> None:
        """Put off the expiry of all an annotator still holds: their page is open."""
        with self._transaction(writes=True) as connection:
            handing.renew(connection, pilot, batch, annotator, seconds)

    def holds(self, pilot: str, batch: str | None = None, *, annotator: str | None = None) -> list[Hold]:
        """Questions of a pilot that were handed out, of one batch or annotator or all, by annotator and position."""
        only = {name: text for name, text in (("batch", batch), ("annotator", annotator)) if text is not None}
        with self._transaction() as connection:
            return handing.read(connection, pilot, handing.now(connection), **only)

    def secret(self, pilot: str) -> str:
        """A random text of this pilot, made when it is first asked for and never exported."""
        wanted = sa.select(meta.c.value).where(meta.c.key == f"secret:{pilot}")
        with self._transaction() as connection:
            found = connection.execute(wanted).scalar()
        if found is None:
            with self._transaction(writes=True) as connection:
                found = connection.execute(wanted).scalar()  # another program may have been quicker
                if found is None:
                    found = secrets.token_hex(32)
                    connection.execute(meta.insert(), {"key": f"secret:{pilot}", "value": found})
        return str(found)

    def invite(self, pilot: str, annotator: Annotator, valid_for: timedelta) -> str:
        """Invite somebody; returns the secret token of their link, of which only the hash is kept."""
        with self._transaction(writes=True) as connection:
            add(connection, [Incoming(annotator, utc_text(None))])
            return invitations.invite(connection, pilot, annotator.id, valid_for)

    def invitation(self, token: str) -> Invitation | None:
        """The invitation a token belongs to, which may have expired or been revoked; None for any other text."""
        with self._transaction() as connection:
            return invitations.find(connection, token)

    def invitations(self, pilot: str) -> list[Invitation]:
        """A pilot's invitations, the oldest first."""
        with self._transaction() as connection:
            return invitations.listed(connection, pilot)

    def revoke(self, pilot: str, annotator: str) -> int:
        """Take back an annotator's invitations; returns how many had not been taken back before."""
        with self._transaction(writes=True) as connection:
            return invitations.revoke(connection, pilot, annotator)
