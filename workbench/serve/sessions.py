"""Who has which kernel, how many there may be, and which has to go. Knows no server: times and sockets are given.

A session is one open page with its kernel. Ending one loses nothing: what is acknowledged is in the store, what is not
waits in the browser's own storage and is sent when the page is opened again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workbench.serve.guests import Guest
    from workbench.serve.options import Options

# A page whose connection broke may come back within this, for example after a change of network or a short sleep.
AWAY_S = 300.0
# A page that has not connected so long after its kernel was asked for is not going to.
STARTING_S = 150.0
# Opening pages faster than this is no labelling.
STARTS_A_MINUTE = 8


class Ending(Enum):
    """Why a session ends: the close code its page is told, and the words for the log (the page has its own)."""

    STOPPING = (1001, "the server stops")
    IDLE = (4001, "nothing was done")
    REPLACED = (4002, "opened once more elsewhere")
    UNINVITED = (4003, "the invitation ended")
    KERNEL_DIED = (4004, "its kernel died")
    LEFT = (4005, "the page was closed")

    @property
    def code(self) -> int:
        """The close code of the page's connection."""
        return self.value[0]

    @property
    def why(self) -> str:
        """The reason in a few words."""
        return self.value[1]


class Socket(Protocol):
    """A page's connection to its kernel."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close it and say why."""


@dataclass(eq=False)
class Session:
    """One open page. `kernel` is empty until it has started."""

    guest: Guest
    began: float
    active_at: float
    kernel: str = ""
    sockets: set[Socket] = field(default_factory=set)
    away_since: float | None = None
    leaving: bool = False

    @property
    def is_starting(self) -> bool:
        """Whether its page has not connected yet."""
        return not self.sockets and self.away_since is None


class FullError(Exception):
    """There is no room for another session; `retry_s` says when to try again."""

    def __init__(self, retry_s: int, *, yours: bool = False) -> None:
        self.retry_s = retry_s
        self.yours = yours
        super().__init__(retry_s)


class Sessions:
    """All sessions of a server."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock = clock
        self._all: list[Session] = []
        self._starts: dict[str, list[float]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._all))

    def __contains__(self, session: object) -> bool:
        return session in self._all

    def of_kernel(self, kernel: str) -> Session | None:
        """The session a kernel belongs to."""
        return next((one for one in self._all if kernel and one.kernel == kernel), None)

    def owns(self, annotator: str, kernel: str) -> bool:
        """Whether an annotator started this kernel."""
        session = self.of_kernel(kernel)
        return session is not None and session.guest.annotator == annotator

    def admit(self, guest: Guest) -> tuple[Session, list[tuple[Session, Ending]]]:
        """A place for one more page, and the sessions that have to end for it.

        Of the same annotator the one whose page is gone goes first, then the oldest. Of others only one whose page is
        gone. Where all places are taken, somebody who has one keeps it for their new page.

        Raises
        ------
        FullError
            When all places are taken by pages that are open, or this annotator opens pages too fast.
        """
        now = self._clock()
        recent = [at for at in self._starts.get(guest.annotator, ()) if now - at < 60]
        if len(recent) >= STARTS_A_MINUTE:
            raise FullError(int(60 - (now - recent[0])) + 1, yours=True)
        mine = [one for one in self._all if one.guest.annotator == guest.annotator]
        mine.sort(key=lambda one: (_is_open(one), one.began))
        n_over = max(0, len(mine) + 1 - self._options.per_annotator)
        going = [(one, Ending.REPLACED) for one in mine[:n_over]]
        if len(self._all) - n_over >= self._options.max_sessions:
            gone = [one for one in self._all if not _is_open(one) and one not in mine[:n_over]]
            gone.sort(key=lambda one: one.away_since or 0)
            if gone:
                going.append((gone[0], Ending.LEFT))
            elif mine[n_over:]:
                going.append((mine[n_over], Ending.REPLACED))
            else:
                raise FullError(60)
        for session, _ in going:
            self._all.remove(session)
        session = Session(guest, began=now, active_at=now)
        self._all.append(session)
        self._starts[guest.annotator] = [*recent, now]
        return session, going

    def drop(self, session: Session) -> bool:
        """Take a session out; False if it was out already."""
        if session in self._all:
            self._all.remove(session)
            return True
        return False

    def connect(self, session: Session, socket: Socket) -> None:
        """A page has connected to its kernel. Idle time begins when it first does, not while it is being made."""
        if session.is_starting:
            self.touch(session)
        session.sockets.add(socket)
        session.away_since = None
        session.leaving = False

    def disconnect(self, session: Session, socket: Socket) -> None:
        """A page's connection has closed."""
        session.sockets.discard(socket)
        if not session.sockets:
            session.away_since = self._clock()

    def touch(self, session: Session) -> None:
        """Somebody did something on the page."""
        session.active_at = self._clock()

    def due(self, may_stay: Callable[[Guest], bool]) -> list[tuple[Session, Ending]]:
        """The sessions that have to end now, and why."""
        ends = []
        for session in self._all:
            why = self._ending(session, may_stay)
            if why is not None:
                ends.append((session, why))
        return ends

    def _ending(self, session: Session, may_stay: Callable[[Guest], bool]) -> Ending | None:
        now = self._clock()
        if not may_stay(session.guest):
            return Ending.UNINVITED
        if session.sockets:
            return Ending.IDLE if now - session.active_at > 60 * self._options.idle_minutes else None
        if session.leaving:
            return Ending.LEFT
        since, patience = (session.began, STARTING_S) if session.is_starting else (session.away_since or now, AWAY_S)
        return Ending.LEFT if now - since > patience else None


def _is_open(session: Session) -> bool:
    return bool(session.sockets) or (session.is_starting and not session.leaving)
