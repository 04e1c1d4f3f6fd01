"""Handing out: no item is held or answered by more people than asked for, and no answer is lost or counted twice."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.store.make import T0, assignment, guideline, label
from workbench.errors import StoreError
from workbench.records import Assignment, Label, Skip
from workbench.store import Hold, Store, Wanted, handing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONG, SHORT = 3600.0, 0.001
ORDER = ("r1", "r2")


def want(*items: str, **kind: bool) -> Callable[[Sequence[Hold]], list[Wanted]]:
    return lambda _: [Wanted(item, ORDER, **kind) for item in items]


def hand(
    store: Store, annotator: str, *items: str, seconds: float = LONG, overlap: int = 2, **kind: bool
) -> list[Hold]:
    held = store.hand_out("p", "b1", annotator, want(*items, **kind), overlap=overlap, seconds=seconds)
    if seconds == SHORT:
        time.sleep(2 * SHORT)
    return held


def asked(hold: Hold) -> Assignment:
    return assignment(
        f"{hold.item}.{hold.annotator}.{hold.is_repeat}",
        item=hold.item,
        annotator=hold.annotator,
        order=hold.order,
        position=hold.position,
        is_gold=hold.is_gold,
        is_repeat=hold.is_repeat,
    )


def answer(hold: Hold, name: str = "", **changes: Any) -> Label:
    given = asked(hold)
    fields: dict[str, Any] = {
        field: getattr(given, field) for field in ("item", "annotator", "order", "position", "is_gold", "is_repeat")
    }
    return label(name or f"l.{given.id}", **{**fields, "submitted_at": T0, **changes})


def skipped(hold: Hold) -> Skip:
    return Skip(
        skip_id=f"s.{hold.item}.{hold.annotator}",
        pilot="p",
        batch="b1",
        item=hold.item,
        annotator=hold.annotator,
        source="human",
        position=hold.position,
        reason="broken",
        submitted_at=T0,
        guideline="helpful/v1",
        guideline_sha256=guideline().sha256,
    )


def give(store: Store, hold: Hold, name: str = "", overlap: int = 2, **changes: Any) -> Label | None:
    return store.judge_held(answer(hold, name, **changes), asked(hold), overlap)


def states(store: Store, item: str = "i1") -> dict[str, str]:
    return {hold.annotator: hold.state for hold in store.holds("p", "b1") if hold.item == item}


def received(store: Store) -> int:
    return len(store.labels("p", history=True)) + len(store.quarantined("p"))


def test_what_is_handed_out_is_held_and_what_is_answered_is_done(store: Store) -> None:
    before = datetime.now(UTC)
    first, second = hand(store, "ana", "i1", "i2")
    assert (first.item, first.position, first.order, first.state) == ("i1", 0, ORDER, "held")
    assert (second.item, second.position) == ("i2", 1)
    assert timedelta(0) <= first.expires_at - before - timedelta(seconds=LONG) < timedelta(minutes=1)
    kept = give(store, first)
    assert kept == answer(first)
    assert store.labels("p") == [kept]
    assert store.assignments("p") == [asked(first)], "what was asked is stored with the answer to it"
    assert hand(store, "ana", "i3")[-1].position == 2
    assert [(hold.item, hold.state) for hold in store.holds("p", "b1")] == [
        ("i1", "done"),
        ("i2", "held"),
        ("i3", "held"),
    ]
    assert store.holds("p", "b2") == store.holds("p2", "b1") == []


def test_the_chooser_sees_all_holds_and_may_want_nothing(store: Store) -> None:
    hand(store, "ben", "i1")
    seen: list[Hold] = []

    def look(holds: Sequence[Hold]) -> list[Wanted]:
        seen.extend(holds)
        return []

    assert store.hand_out("p", "b1", "ana", look, overlap=2, seconds=LONG) == []
    assert seen == store.holds("p", "b1")
    with pytest.raises(ZeroDivisionError):
        store.hand_out("p", "b1", "ana", lambda _: [Wanted("i9", ORDER), 1 / 0], overlap=2, seconds=LONG)  # type: ignore[list-item]
    assert store.holds("p", "b1") == seen, "a chooser that fails leaves nothing behind"


def test_a_chooser_that_wants_too_much_gets_nothing_at_all(store: Store) -> None:
    ana = hand(store, "ana", "i1")
    give(store, ana[0])
    hand(store, "ben", "i1")
    cases: list[tuple[str, Callable[[Sequence[Hold]], list[Wanted]], str]] = [
        ("cleo", want("i2", "i1"), "item i1 has 2 annotators already"),
        ("ana", want("i2", "i1"), "ana was handed item i1 already"),
        ("ben", want("i2", "i1"), "ben was handed item i1 already"),
        ("cleo", want("i2", "i2"), "cleo was handed item i2 already"),
    ]
    for name, choose, message in cases:
        with pytest.raises(StoreError, match=message):
            store.hand_out("p", "b1", name, choose, overlap=2, seconds=LONG)
        assert states(store, "i2") == {}
    # Gold and repeats are beside the overlap; a repeat of one's own is another question.
    assert len(hand(store, "cleo", "i1", is_gold=True)) == 1
    assert [hold.is_repeat for hold in hand(store, "ana", "i1", is_repeat=True)] == [True]
    with pytest.raises(StoreError, match="ana was handed item i1 already"):
        hand(store, "ana", "i1", is_repeat=True)


def test_eight_people_at_once_never_share_three_places(store: Store) -> None:
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def come(number: int) -> None:
        barrier.wait()
        try:
            outcomes.append(hand(store, f"a{number}", "i1", overlap=3)[0].state)
        except StoreError as error:
            outcomes.append(error.what)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["held"] * 3 + ["item i1 has 3 annotators already"] * 5


def test_an_expired_hold_is_free_for_others_and_the_late_answer_is_put_aside_once(store: Store) -> None:
    (late,) = hand(store, "ana", "i1", seconds=SHORT, overlap=1)
    assert states(store) == {"ana": "expired"}
    (other,) = hand(store, "ben", "i1", overlap=1)
    assert give(store, late, overlap=1) is None
    assert (store.labels("p"), store.assignments("p")) == ([], [])
    (aside,) = store.quarantined("p")
    assert aside.raw == answer(late).canonical()
    assert aside.error == "too late: ana no longer held item i1, and 1 others have it"
    assert (aside.origin, aside.line) == ("hold", late.position)
    # The browser sends what it is unsure of again; the server's clock has gone on meanwhile.
    assert give(store, late, overlap=1, submitted_at=T0 + timedelta(seconds=5)) is None
    assert received(store) == 1
    assert give(store, other, overlap=1) == answer(other)
    assert give(store, late, overlap=1) is None
    assert received(store) == 2
    assert store.counts("p").n_quarantined == 1


def test_what_was_put_aside_stays_aside_when_the_place_comes_free(store: Store) -> None:
    (late,) = hand(store, "ana", "i1", seconds=SHORT, overlap=1)
    (other,) = hand(store, "ben", "i1", overlap=1)
    assert give(store, late, overlap=1) is None
    store.skip(skipped(other), asked(other))
    assert give(store, late, overlap=1) is None, "the same answer has the same fate"
    assert received(store) == 1
    # Asked again and answered again it is another answer.
    (again,) = hand(store, "ana", "i1", overlap=1)
    assert (again.position, again.order) == (late.position, late.order)
    assert give(store, again, "l2", overlap=1) == answer(again, "l2")
    assert received(store) == 2


def test_who_comes_back_to_a_free_place_can_still_answer(store: Store) -> None:
    (late,) = hand(store, "ana", "i1", seconds=SHORT)
    (other,) = hand(store, "ben", "i1")
    assert give(store, late) == answer(late)
    assert give(store, other) == answer(other)
    with pytest.raises(StoreError, match="item i1 has 2 annotators already"):
        hand(store, "cleo", "i1")
    assert store.quarantined("p") == []


def test_an_expired_hold_is_taken_up_again_where_it_was(store: Store) -> None:
    hand(store, "ana", "i1", "i2", seconds=SHORT)
    held = hand(store, "ana", "i2", "i3")
    assert [(hold.item, hold.position) for hold in held] == [("i2", 1), ("i3", 2)]
    assert states(store) == {"ana": "expired"}
    # Its order is the one that may be on the screen, whatever the chooser says now.
    turned = store.hand_out("p", "b1", "ana", lambda _: [Wanted("i1", ORDER[::-1])], overlap=2, seconds=LONG)
    assert turned[0].order == ORDER


def test_corrections_to_a_finished_question_need_no_place(store: Store) -> None:
    (mine,) = hand(store, "ana", "i1", overlap=1, seconds=0.2)
    give(store, mine, overlap=1)
    time.sleep(0.2)
    assert states(store) == {"ana": "done"}, "what is answered does not expire"
    with pytest.raises(StoreError, match="has 1 annotators already"):
        hand(store, "ben", "i1", overlap=1)
    changed = give(store, mine, "l2", overlap=1, answer={"choice": "B"})
    assert changed is not None
    assert changed.supersedes == answer(mine).label_id
    assert store.labels("p") == [changed]
    assert give(store, mine, overlap=1) == changed, "the first one sent again, it is told what counts now"
    assert store.labels("p") == [changed]
    assert received(store) == 2
    assert len(store.assignments("p")) == 1


def test_gold_and_repeats_are_never_too_late(store: Store) -> None:
    (gold,) = hand(store, "ana", "g1", is_gold=True, seconds=SHORT)
    (repeat,) = hand(store, "ana", "i1", is_repeat=True, seconds=SHORT, overlap=1)
    for name in ("ben", "cleo"):
        hand(store, name, "g1", is_gold=True)
    hand(store, "ben", "i1", overlap=1)
    assert give(store, gold) == answer(gold)
    assert give(store, repeat, overlap=1) == answer(repeat)


def test_a_skipped_item_goes_to_somebody_else_and_not_back(store: Store) -> None:
    (first,) = hand(store, "ana", "i1", overlap=1)
    store.skip(skipped(first), asked(first))
    store.skip(skipped(first), asked(first))
    assert store.skips("p") == [skipped(first)]
    assert states(store) == {"ana": "released"}
    with pytest.raises(StoreError, match="ana was handed item i1 already"):
        hand(store, "ana", "i1", overlap=1)
    (other,) = hand(store, "ben", "i1", overlap=1)
    assert give(store, other, overlap=1) == answer(other)
    # Who thinks better of a skip is late where somebody else has the item, and welcome where not.
    assert give(store, first, overlap=1) is None
    assert give(store, first, "l2", overlap=2) == answer(first, "l2")
    assert store.skip(skipped(other), asked(other)) == answer(other)
    assert states(store) == {"ana": "done", "ben": "done"}, "an answer is not skipped away"
    assert store.skips("p") == [skipped(first)]


def test_a_skip_names_the_question_only(store: Store) -> None:
    (hold,) = hand(store, "ana", "i1")
    store.skip(skipped(hold))
    assert states(store) == {"ana": "held"}, "one that was planned beforehand is nobody else's"
    # How it was shown does not matter any more.
    store.skip(skipped(hold), asked(hold).model_copy(update={"order": (), "position": 9}))
    assert states(store) == {"ana": "released"}


def test_renewing_keeps_what_is_held_and_revives_nothing(store: Store) -> None:
    hand(store, "ana", "i1", seconds=SHORT)
    hand(store, "ana", "i2", "i3", seconds=60)
    (other,) = hand(store, "ben", "i4", seconds=60)
    give(store, next(hold for hold in store.holds("p", "b1") if hold.item == "i3"))
    before = {hold.item: hold for hold in store.holds("p", "b1")}
    store.renew("p", "b1", "ana", LONG)
    after = {hold.item: hold for hold in store.holds("p", "b1")}
    assert {item for item in after if after[item] != before[item]} == {"i2"}
    assert after["i1"].state == "expired"
    assert after["i2"].expires_at - before["i2"].expires_at > timedelta(seconds=LONG - 61)
    # To ask for nothing more renews too.
    (renewed,) = hand(store, "ben")
    assert renewed.expires_at - other.expires_at > timedelta(seconds=LONG - 61)


def test_an_answer_fits_what_was_asked_and_handed_out(store: Store) -> None:
    (hold,) = hand(store, "ana", "i1")
    other = assignment("x", item="i9")
    with pytest.raises(StoreError, match="item i9 was never handed to ana"):
        store.judge_held(label("l", item="i9", position=0, order=ORDER), other, 2)
    with pytest.raises(StoreError, match="item i9 was never handed to ana"):
        store.skip(skipped(hold), other)
    assert store.skips("p") == []
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"item": "i2"}, "answer's item is 'i2', asked was 'i1'"),
        ({"annotator": "ben"}, "annotator is 'ben'"),
        ({"order": ORDER[::-1]}, r"order is \('r2', 'r1'\), asked was \('r1', 'r2'\)"),
        ({"position": None}, "position is None"),
        ({"is_gold": True}, "is_gold is True"),
    ]
    for changes, message in wrong:
        with pytest.raises(StoreError, match=message):
            give(store, hold, **changes)
    turned = asked(hold).model_copy(update={"order": ORDER[::-1]})
    with pytest.raises(StoreError, match="handed to ana with order"):
        store.judge_held(answer(hold, order=ORDER[::-1]), turned, 2)
    with pytest.raises(StoreError, match="sha256"):
        give(store, hold, guideline_sha256="0" * 64)
    assert (states(store), received(store)) == ({"ana": "held"}, 0), "what was refused changed nothing"


def test_holds_expire_by_the_databases_clock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    hand(store, "ana", "i1", seconds=60)

    class Ahead(datetime):
        """A machine whose clock is a day ahead."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(days=1)

    monkeypatch.setattr(handing, "datetime", Ahead)
    # A SQLite file is used from one machine only, so its programs share a clock anyway.
    on_sqlite = store._engine.dialect.name == "sqlite"
    assert states(store) == {"ana": "expired" if on_sqlite else "held"}
    if not on_sqlite:
        (held,) = hand(store, "ana", seconds=60)
        assert held.expires_at - datetime.now(UTC) < timedelta(minutes=2)


def test_answers_without_holds_get_them_each_at_a_place_of_its_own(store: Store) -> None:
    hand(store, "ana", "i1")
    store.append([label(f"l{item}", item=item, position=0) for item in ("i2", "i3")])
    store.append([label("l4", item="i4", annotator="ben", position=7), label("imported", item="i5")])
    assert store.refill("p", "b1", lambda skip: Wanted(skip.item, ORDER)) == 3
    found = [(hold.annotator, hold.item, hold.position, hold.state) for hold in store.holds("p", "b1")]
    mine = [("ana", "i1", 0, "held"), ("ana", "i2", 1, "done"), ("ana", "i3", 2, "done")]
    assert found == [*mine, ("ben", "i4", 7, "done")]
    assert store.refill("p", "b1", lambda skip: Wanted(skip.item, ORDER)) == 0
