"""Who may come in right now: the store's invitations as the server last saw them.

Every request asks here, so this answers from memory and reads the store again when what it knows is older than a
second. A store that cannot be read leaves things as they were: nobody can be invited or turned away then either.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from workbench.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.store import Invitation

FRESH_S = 1.0
LONGEST_TOKEN = 200
_log = logging.getLogger("workbench.serve")


class Book(Protocol):
    """The part of a store that is needed here."""

    def invitation(self, token: str) -> Invitation | None:
        """The invitation a token belongs to."""

    def invitations(self, pilot: str) -> list[Invitation]:
        """All invitations of a pilot."""


@dataclass(frozen=True)
class Guest:
    """Who somebody is, and by which invitation. This is what a cookie says; it holds no token."""

    pilot: str
    annotator: str
    invited_at: str

    def to_text(self) -> str:
        """As it is signed."""
        return json.dumps([self.pilot, self.annotator, self.invited_at])

    @classmethod
    def from_text(cls, text: bytes) -> Guest | None:
        """Back from what was signed; None for anything else."""
        try:
            pilot, annotator, invited_at = json.loads(text)
        except (ValueError, TypeError):
            return None
        return cls(str(pilot), str(annotator), str(invited_at))


class Guests:
    """The guests of one pilot. All of it runs in the server's event loop; the store is read in other threads."""

    def __init__(self, book: Book, pilot: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._pilot = pilot
        self._clock = clock
        self._known: dict[tuple[str, str], Invitation] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def refresh(self, older_than: float = FRESH_S) -> None:
        """Read the store again, if what is known is older than so many seconds."""
        async with self._reading:
            if self._clock() - self._read_at <= older_than:
                return
            began = self._clock()
            try:
                listed = await asyncio.to_thread(self._book.invitations, self._pilot)
            except StoreError as error:
                _log.error("invitations cannot be read: %s", error)
                return
            self._take(listed)
            self._read_at = began

    def _take(self, listed: Sequence[Invitation]) -> None:
        self._known = {(one.annotator, one.made_at.isoformat()): one for one in listed}

    def may_stay(self, guest: Guest, moment: datetime | None = None) -> bool:
        """Whether the invitation still holds, as far as is known."""
        found = self._known.get((guest.annotator, guest.invited_at))
        return guest.pilot == self._pilot and found is not None and found.valid(moment or datetime.now(UTC))

    async def check(self, guest: Guest | None) -> bool:
        """Whether the invitation holds, by what the store said within the last second."""
        await self.refresh()
        return guest is not None and self.may_stay(guest)

    async def redeem(self, token: str) -> tuple[Guest, datetime] | None:
        """Who a link's token belongs to, and until when it is good; None if it opens nothing.

        Raises
        ------
        StoreError
            When the store cannot be read.
        """
        found = await asyncio.to_thread(self._book.invitation, token[:LONGEST_TOKEN])
        if found is None or found.pilot != self._pilot or not found.valid():
            return None
        await self.refresh(older_than=0)
        return Guest(found.pilot, found.annotator, found.made_at.isoformat()), found.expires_at
