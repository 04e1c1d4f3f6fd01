"""How many pages there may be, whose they are, and which has to go: nothing of it needs a server."""

from __future__ import annotations

import pytest

from workbench.serve.guests import Guest
from workbench.serve.options import Options
from workbench.serve.sessions import AWAY_S, STARTING_S, STARTS_A_MINUTE, Ending, FullError, Session, Sessions


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Wire:
    """A page's connection."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        raise AssertionError("sessions close nothing themselves")


def guest(name: str) -> Guest:
    return Guest("p", name, "2026-01-01T00:00:00+00:00")


def everybody(_: Guest) -> bool:
    return True


class House:
    """Sessions with a clock, and pages that open."""

    def __init__(self, **options: float) -> None:
        self.clock = Clock()
        self.sessions = Sessions(Options(**options), self.clock)  # type: ignore[arg-type]
        self.n = 0

    def open(self, name: str, *, connected: bool = True) -> tuple[Session, Wire]:
        self.clock.now += 30
        session, going = self.sessions.admit(guest(name))
        self.gone = [(one.guest.annotator, one.kernel, why) for one, why in going]
        self.n += 1
        session.kernel = f"kernel-{self.n}"
        wire = Wire()
        if connected:
            self.sessions.connect(session, wire)
        return session, wire

    def due(self) -> list[tuple[str, Ending]]:
        return [(one.guest.annotator, why) for one, why in self.sessions.due(everybody)]


def test_a_kernel_belongs_to_who_started_it() -> None:
    house = House()
    house.open("ana")
    house.open("ben")
    assert house.sessions.owns("ana", "kernel-1")
    assert not house.sessions.owns("ben", "kernel-1")
    assert not house.sessions.owns("ana", "kernel-2")
    session, _ = house.sessions.admit(guest("cho"))
    assert session.kernel == ""
    assert not house.sessions.owns("cho", "")


def test_a_third_page_of_one_person_ends_the_one_that_is_gone_else_the_oldest() -> None:
    house = House()
    first, _ = house.open("ana")
    second, wire = house.open("ana")
    assert house.gone == []
    house.sessions.disconnect(second, wire)
    third, _ = house.open("ana")
    assert house.gone == [("ana", "kernel-2", Ending.REPLACED)]
    house.open("ana")
    assert house.gone == [("ana", "kernel-1", Ending.REPLACED)]
    assert third in house.sessions
    assert first not in house.sessions


def test_when_all_places_are_taken_only_pages_that_are_gone_make_room() -> None:
    house = House(max_sessions=2)
    house.open("ana")
    ben, wire = house.open("ben")
    with pytest.raises(FullError) as full:
        house.open("cho")
    assert (full.value.retry_s, full.value.yours) == (60, False)
    house.sessions.disconnect(ben, wire)
    house.open("cho")
    assert house.gone == [("ben", "kernel-2", Ending.LEFT)]
    assert len(house.sessions) == 2
    house.open("ana")
    assert house.gone == [("ana", "kernel-1", Ending.REPLACED)], "a full house keeps nobody from their own page"


def test_a_full_house_still_lets_people_open_their_own_page_again() -> None:
    house = House(max_sessions=1)
    house.open("ana")
    house.open("ana")
    assert house.gone == [("ana", "kernel-1", Ending.REPLACED)]


def test_opening_pages_without_end_is_slowed_down() -> None:
    house = House()
    for _ in range(STARTS_A_MINUTE):
        house.sessions.admit(guest("ana"))
    with pytest.raises(FullError) as full:
        house.sessions.admit(guest("ana"))
    assert full.value.yours
    assert full.value.retry_s == 61
    house.sessions.admit(guest("ben"))
    house.clock.now += 61
    house.sessions.admit(guest("ana"))
    assert len(house.sessions) <= 3


def test_a_page_without_deeds_is_ended_after_its_time() -> None:
    house = House(idle_minutes=20)
    session, _ = house.open("ana")
    house.clock.now += 20 * 60 - 1
    assert house.due() == []
    house.sessions.touch(session)
    house.clock.now += 20 * 60
    assert house.due() == []
    house.clock.now += 1
    assert house.due() == [("ana", Ending.IDLE)]


def test_the_time_in_which_a_page_is_made_is_not_idle() -> None:
    house = House(idle_minutes=1)
    session, wire = house.open("ana", connected=False)
    house.clock.now += 50
    house.sessions.connect(session, wire)
    house.clock.now += 60
    assert house.due() == []
    house.sessions.disconnect(session, wire)
    house.sessions.connect(session, wire)  # connecting again is no deed
    house.clock.now += 1
    assert house.due() == [("ana", Ending.IDLE)]


def test_a_page_that_lost_its_connection_may_come_back_for_a_while() -> None:
    house = House()
    session, wire = house.open("ana")
    house.sessions.disconnect(session, wire)
    house.clock.now += AWAY_S
    assert house.due() == []
    house.sessions.connect(session, wire)
    house.clock.now += AWAY_S
    assert house.due() == []
    house.sessions.disconnect(session, wire)
    house.clock.now += AWAY_S + 1
    assert house.due() == [("ana", Ending.LEFT)]


def test_a_page_that_says_it_is_closed_ends_when_its_connection_does() -> None:
    house = House()
    session, wire = house.open("ana")
    session.leaving = True
    assert house.due() == [], "somebody who is asked whether to leave may stay"
    house.sessions.disconnect(session, wire)
    assert house.due() == [("ana", Ending.LEFT)]
    house.sessions.connect(session, wire)
    assert house.due() == []


def test_a_page_that_never_connects_is_given_up() -> None:
    house = House()
    house.open("ana", connected=False)
    house.clock.now += STARTING_S
    assert house.due() == []
    house.clock.now += 1
    assert house.due() == [("ana", Ending.LEFT)]


def test_who_is_not_invited_any_more_has_to_go_at_once() -> None:
    house = House()
    house.open("ana")
    house.open("ben")
    due = house.sessions.due(lambda one: one.annotator == "ben")
    assert [(one.guest.annotator, why) for one, why in due] == [("ana", Ending.UNINVITED)]
    assert house.sessions.drop(due[0][0])
    assert not house.sessions.drop(due[0][0])


def test_the_page_has_words_for_every_ending() -> None:
    from workbench.serve.files import OWN

    script = OWN["page.js"].read_text()
    for ending in Ending:
        assert ending is Ending.STOPPING or f"    {ending.code}: " in script, "page.js says why a page ended"
