"""Who may come in: by the store as it was within the last second, whatever a cookie or a token says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workbench.errors import StoreError
from workbench.records import Annotator
from workbench.serve.guests import Guest, Guests
from workbench.store import Invitation, open_store

if TYPE_CHECKING:
    from workbench.store import Store

ANA = Annotator(id="ana", source="human")
DAY = timedelta(days=1)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def guest(store: Store, token: str) -> Guest:
    found = store.invitation(token)
    assert found is not None
    return Guest(found.pilot, found.annotator, found.made_at.isoformat())


def test_a_link_is_good_until_it_expires_or_is_taken_back(store_url: str) -> None:
    with open_store(store_url) as store:
        token = store.invite("p", ANA, DAY)
        over = store.invite("p", Annotator(id="ben", source="human"), timedelta(seconds=-1))
        elsewhere = store.invite("q", ANA, DAY)
        guests = Guests(store, "p", clock := Clock())

        async def visit() -> None:
            found = await guests.redeem(token)
            assert found is not None
            assert found[0] == guest(store, token)
            assert await guests.check(found[0])
            for other in (over, elsewhere, token[:-1], "", "\ud800", "x" * 100_000):
                assert await guests.redeem(other) is None
            store.revoke("p", "ana")
            assert await guests.redeem(token) is None
            clock.now += 1.01
            assert not await guests.check(found[0])

        asyncio.run(visit())


def test_what_is_known_is_read_again_after_a_second(store_url: str) -> None:
    clock = Clock()
    with open_store(store_url) as store:
        ana = guest(store, store.invite("p", ANA, DAY))
        guests = Guests(store, "p", clock)

        async def visit() -> None:
            assert await guests.check(ana)
            store.revoke("p", "ana")
            assert await guests.check(ana)
            clock.now += 1.01
            assert not await guests.check(ana)
            again = guest(store, store.invite("p", ANA, DAY))
            clock.now += 1.01
            assert await guests.check(again)
            assert not await guests.check(ana), "a new invitation does not bring an old one back"

        asyncio.run(visit())


def test_a_cookie_names_an_invitation_of_this_pilot_or_nothing() -> None:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    invitation = Invitation("p", "ana", made, made + DAY, None)
    guests = Guests(Listing([invitation]), "p")
    asyncio.run(guests.refresh())
    ana = Guest("p", "ana", made.isoformat())
    assert guests.may_stay(ana, made)
    assert not guests.may_stay(ana, made + DAY)
    for other in (Guest("q", "ana", ana.invited_at), Guest("p", "ben", ana.invited_at), Guest("p", "ana", "2026")):
        assert not guests.may_stay(other, made)
    assert Guest.from_text(ana.to_text().encode()) == ana
    for text in (b"", b"null", b"[1, 2]", b'["p", "ana"]', b'{"annotator": "ana"}', b"\xff"):
        assert Guest.from_text(text) is None


class Listing:
    """A store of which only the list is asked; it fails when told to."""

    def __init__(self, listed: list[Invitation]) -> None:
        self.listed = listed
        self.fails = False
        self.n_asked = 0

    def invitation(self, token: str) -> Invitation | None:
        return None

    def invitations(self, pilot: str) -> list[Invitation]:
        self.n_asked += 1
        if self.fails:
            raise StoreError("the database is away")
        return self.listed


def test_many_requests_at_once_ask_the_store_once() -> None:
    book = Listing([])
    guests = Guests(book, "p")

    async def visit() -> None:
        await asyncio.gather(*(guests.check(None) for _ in range(50)))

    asyncio.run(visit())
    assert book.n_asked == 1


def test_a_store_that_cannot_be_read_throws_nobody_out() -> None:
    now = datetime.now(UTC)
    book = Listing([Invitation("p", "ana", now, now + DAY, None)])
    guests = Guests(book, "p", clock := Clock())
    ana = Guest("p", "ana", now.isoformat())

    async def visit() -> None:
        assert await guests.check(ana)
        book.fails = True
        clock.now += 60
        assert await guests.check(ana)
        assert not await guests.check(Guest("p", "ben", now.isoformat()))

    asyncio.run(visit())
