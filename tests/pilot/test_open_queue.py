"""A batch that is handed out bit by bit, through the messages of the pages of the people who label it."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.pilot import small
from tests.pilot.test_labelling import RULE, passes, practised, right, wrong
from tests.widgets.make import handle, message, skip_message
from workbench import design
from workbench.errors import PilotError
from workbench.pilot import open_pilot
from workbench.store import Wanted
from workbench.widgets.annotate.live import AHEAD

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot
    from workbench.widgets.annotate import AnnotateWidget


def opened(folder: Path, **changes: Any) -> Pilot:
    asked: dict[str, object] = {"queue": "open", "overlap": 2, "gold_share": 0, **changes.pop("design", {})}
    return small.opened(folder, design=asked, **changes)


def waiting(shown: AnnotateWidget) -> list[str]:
    """Questions on the page that wait for an answer."""
    state = handle(shown, {"type": "more"})
    return [key for key in state["queue"] if key not in state["given"] and key not in state["skipped"]]


def item_of(shown: AnnotateWidget, key: str) -> str:
    return shown._live._questions[key].item.id


def work(shown: AnnotateWidget, most: int = 1_000) -> int:
    """Answer what is handed out until nothing is; returns how many."""
    n = 0
    while n < most and (open_ones := waiting(shown)):
        assert handle(shown, message(shown, 0, "A", question=open_ones[0]))["type"] == "ack"
        n += 1
    return n


def counting(pilot: Pilot) -> Counter[str]:
    """Item -> how many people have it, gold and repeats aside."""
    holds = pilot.store.holds(pilot.name, "b1")
    return Counter(hold.item for hold in holds if hold.counts and hold.state == "done")


def test_two_people_end_with_each_item_judged_by_both(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p")
    ana, ben = pilot.annotate("ana"), pilot.annotate("ben")
    done = 0
    while step := work(ana, 3) + work(ben, 2):
        done += step
        held = Counter(hold.annotator for hold in pilot.store.holds(pilot.name, "b1") if hold.state == "held")
        assert max(held.values(), default=0) <= AHEAD
    assert done == 2 * len(pilot.items) == 44
    assert set(counting(pilot).values()) == {2}
    labels = pilot.label_records()
    assert len({(label.annotator, label.item) for label in labels}) == 44
    assert {label.batch for label in labels} == {"b1"}
    assert len(pilot.assignments()) == 44
    assert (handle(ana, {"type": "more"})["n_left"], ana.n_saved, ben.n_saved) == (0, 22, 22)
    with pytest.raises(PilotError, match="this pilot's batch is open"):
        pilot.plan()


def test_the_overlap_is_kept_when_more_come_than_are_needed(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"gold_share": 0.2})
    pages = [open_pilot(pilot.folder).annotate(name) for name in ("ana", "ben", "cy")]
    threads = [threading.Thread(target=work, args=(shown,)) for shown in pages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    gold = design.choose_gold(list(pilot.items.values()), 0.2, 0)
    assert set(counting(pilot)) == set(pilot.items) - gold
    assert set(counting(pilot).values()) == {2}
    labels = pilot.label_records()
    assert {label.item for label in labels if label.is_gold} <= gold
    assert len({(label.annotator, label.item) for label in labels}) == len(labels)
    assert sum(shown.n_saved for shown in pages) == len(labels)


def test_how_many_are_left_does_not_tell_which_were_gold_or_repeats(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"gold_share": 0.25, "repeat_share": 0.1})
    ana = pilot.annotate("ana")
    state, told = handle(ana, {"type": "hello"}), []
    while open_ones := [key for key in state["queue"] if key not in state["given"]]:
        told.append(state["n_left"])
        handle(ana, message(ana, 0, "A", question=open_ones[0]))
        state = handle(ana, {"type": "more"})
    labels = pilot.label_records()
    assert sum(label.is_gold for label in labels) >= 4
    assert any(label.is_repeat for label in labels)
    first, last = told[0], told.index(0)
    assert told[:last] == [first - k for k in range(last)], "one less a question, whatever it was"
    assert not any(told[last:])
    assert abs(len(labels) - (first + AHEAD)) <= 3, "and about right"


def test_a_skipped_item_goes_to_somebody_else(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1})
    ana, ben = pilot.annotate("ana"), pilot.annotate("ben")
    first = waiting(ana)[0]
    theirs = {item_of(ben, key) for key in waiting(ben)}
    assert item_of(ana, first) not in theirs
    assert handle(ana, skip_message(ana, 0, "not my language", question=first))["type"] == "ack"
    work(ana)
    work(ben)
    work(ana)
    assert set(counting(pilot)) == set(pilot.items)
    (label,) = [label for label in pilot.label_records() if label.item == item_of(ana, first)]
    assert label.annotator == "ben"
    (skip,) = pilot.store.skips(pilot.name)
    assert (skip.item, skip.annotator, skip.reason) == (label.item, "ana", "not my language")
    late = handle(ana, message(ana, 0, "A", question=first))
    assert late["type"] == "aside", "they may think better of it only while it is free"
    assert len(pilot.label_records()) == 22


def test_a_skipped_item_can_be_answered_while_it_is_free(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1})
    ana = pilot.annotate("ana")
    first = waiting(ana)[0]
    handle(ana, skip_message(ana, 0, question=first))
    assert handle(ana, message(ana, 0, "B", question=first))["type"] == "ack"
    assert [label.item for label in pilot.label_records()] == [item_of(ana, first)]
    assert ana.state()["skipped"] == {}


def test_a_late_answer_is_put_aside_and_told(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1, "hold_minutes": 0.002})
    ana, ben = pilot.annotate("ana"), pilot.annotate("ben")
    mine = waiting(ana)
    time.sleep(0.15)
    work(ben)
    sent = message(ana, 0, "A", question=mine[0])
    for _ in range(2):
        reply = handle(ana, sent)
        assert (reply["type"], reply["question"]) == ("aside", mine[0])
        assert reply["message"] == (
            "the time for this item was up and others have judged it; your answer was kept aside"
        )
    (row,) = pilot.store.quarantined(pilot.name)
    assert sent["uuid"] in row.raw
    assert "too late: ana no longer held item" in row.error
    assert {label.annotator for label in pilot.label_records()} == {"ben"}
    assert mine[0] not in handle(ana, {"type": "hello"})["queue"]
    assert ana.n_saved == 0


@pytest.mark.parametrize("others", [True, False])
def test_a_late_answer_fares_the_same_after_a_restart(tmp_path: Path, others: bool) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1, "hold_minutes": 0.002})
    ana, ben = pilot.annotate("ana"), pilot.annotate("ben")
    sent = message(ana, 0, "A", question=waiting(ana)[0])
    time.sleep(0.15)
    if others:
        work(ben)
    again = open_pilot(pilot.folder).annotate("ana")
    for _ in range(2):
        assert handle(again, sent)["type"] == ("aside" if others else "ack")
    assert [sent["uuid"] in row.raw for row in pilot.store.quarantined(pilot.name)] == [True] * others
    assert sum(label.annotator == "ana" for label in pilot.label_records()) == (not others)


def test_after_a_restart_what_was_passed_over_is_still_known(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1})
    ana = pilot.annotate("ana")
    key = waiting(ana)[0]
    skip, answer = skip_message(ana, 0, question=key), message(ana, 0, "B", question=key)
    handle(ana, skip)
    again = open_pilot(pilot.folder).annotate("ana")
    state = handle(again, {"type": "hello"})
    assert state["queue"][0] == key, "where it was"
    assert state["skipped"] == {key: skip["reason"]}
    assert len(waiting(again)) == AHEAD, "and beside what is handed out"
    assert handle(again, skip)["type"] == "ack", "its acknowledgement was lost with the kernel"
    assert len(pilot.store.skips(pilot.name)) == 1
    assert handle(again, answer)["type"] == "ack", "they thought better of it, and the place is free"
    assert key in handle(again, {"type": "hello"})["given"]
    assert again.n_saved == 1
    stray = message(again, 0, "A", question="q_0000000000000000")
    assert "not in this queue" in handle(again, stray)["message"]


def test_an_answer_after_the_hour_counts_where_nobody_took_the_place(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1, "hold_minutes": 0.002})
    ana = pilot.annotate("ana")
    mine = waiting(ana)
    time.sleep(0.15)
    assert handle(ana, message(ana, 0, "A", question=mine[0]))["type"] == "ack"
    assert pilot.store.quarantined(pilot.name) == []


def test_what_expired_on_the_screen_is_held_again_where_it_is_free(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1, "hold_minutes": 0.002})
    ana = pilot.annotate("ana")
    mine = waiting(ana)
    time.sleep(0.15)  # the computer slept
    expired = pilot.store.holds(pilot.name, "b1")
    assert {hold.state for hold in expired} == {"expired"}
    assert waiting(ana) == mine
    again = pilot.store.holds(pilot.name, "b1")
    assert [hold.item for hold in again] == [hold.item for hold in expired], "and nothing else"
    assert min(hold.expires_at for hold in again) > max(hold.expires_at for hold in expired)


def test_a_page_that_is_open_keeps_what_it_holds(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"overlap": 1})
    ana = pilot.annotate("ana")
    first = pilot.store.holds(pilot.name, "b1")
    assert len(first) == AHEAD
    assert ana._handle({"type": "here"}) is None
    later = pilot.store.holds(pilot.name, "b1")
    assert min(hold.expires_at for hold in later) > max(hold.expires_at for hold in first)
    assert [hold.item for hold in later] == [hold.item for hold in first]


def test_work_goes_on_where_it_stopped_when_the_pilot_is_opened_again(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"repeat_share": 0.2, "gold_share": 0.2})
    ana = pilot.annotate("ana")
    work(ana, 8)
    skipped = waiting(ana)[0]
    handle(ana, skip_message(ana, 0, question=skipped))
    before = handle(ana, {"type": "hello"})
    again = open_pilot(pilot.folder)
    page = again.annotate("ana")
    after = handle(page, {"type": "hello"})
    assert after["given"] == before["given"]
    assert after["queue"] == before["queue"]
    assert list(after["skipped"]) == list(before["skipped"]) == [skipped]
    assert after["n_left"] == before["n_left"]
    assert page.n_saved == 8
    key = next(iter(after["given"]))
    handle(page, message(page, 0, "B", question=key))
    assert len(again.label_records()) == 8
    assert len(again.label_records(history=True)) == 9
    work(page)
    labels = again.label_records()
    repeats = [label for label in labels if label.is_repeat]
    assert repeats
    for label in repeats:
        (first,) = [one for one in labels if one.item == label.item and not one.is_repeat]
        assert label.order == first.order[::-1]


def test_a_store_that_was_filled_from_an_export_goes_on_with_the_batch(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", design={"gold_share": 0.2, "repeat_share": 0.1})
    ana, ben = pilot.annotate("ana"), pilot.annotate("ben")
    key = waiting(ana)[0]
    passed_over = item_of(ana, key)
    handle(ana, skip_message(ana, 0, question=key))
    work(ana, 6)
    work(ben)
    pilot.export()
    shutil.copytree(pilot.folder, tmp_path / "q", ignore=shutil.ignore_patterns("store.sqlite*"))
    copy = open_pilot(tmp_path / "q")
    again = copy.annotate("ana")
    assert len(handle(again, {"type": "hello"})["given"]) == again.n_saved == 6
    assert passed_over not in {item_of(again, one) for one in waiting(again)}
    for state in ("done", "released"):
        there, here = (
            {
                (hold.annotator, hold.item, hold.is_repeat, hold.is_gold, hold.position)
                for hold in one.store.holds(one.name, "b1")
                if hold.state == state
            }
            for one in (pilot, copy)
        )
        assert there
        assert here == there
    key = next(iter(again.state()["given"]))
    assert handle(again, message(again, 0, "B", question=key))["type"] == "ack", "a correction"
    for name in ("ana", "ben", "cy", "dan"):
        work(copy.annotate(name))
    people = Counter(label.item for label in copy.label_records() if not label.is_gold and not label.is_repeat)
    gold = design.choose_gold(list(copy.items.values()), 0.2, 0)
    assert people == dict.fromkeys(set(copy.items) - gold, 2), "and nobody's third label becomes a fourth"
    assert copy.store.refill(copy.name, "b1", lambda skip: Wanted(skip.item, ())) == 0


def test_nothing_is_held_before_the_practice_is_passed_and_nothing_practised_is_asked_live(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", fields=[RULE], design={"gold_share": 0.2})
    gold = design.choose_gold(list(pilot.items.values()), 0.2, 0)
    for name in ("ana", "ben"):
        shown = pilot.annotate(name)
        if name == "ana":  # fails once, so that both attempts count
            for position in range(2):
                handle(shown, wrong(shown, position))
            handle(shown, {"type": "begin"})
        handle(shown, right(shown, 0))
        shown = open_pilot(pilot.folder).annotate(name)  # in the middle of it
        assert shown.state()["phase"] == "practice"
        assert name not in {hold.annotator for hold in pilot.store.holds(pilot.name, "b1")}
        for position in (1, 2):
            handle(shown, right(shown, position))
        assert handle(shown, {"type": "begin"})["phase"] == "live"
        assert work(shown, 3) == 3
        again = open_pilot(pilot.folder).annotate(name)
        work(again)
        assert open_pilot(pilot.folder).annotate(name).state()["phase"] == "live", "with most gold asked live by now"
        asked = {label.item for label in pilot.label_records() if label.annotator == name}
        answered = {one.item for one in pilot.store.practice(pilot.name) if one.annotator == name}
        assert len(answered) == (5 if name == "ana" else 3)
        assert not asked & answered
        assert not gold & answered
    assert max(counting(pilot).values()) <= 2


def test_a_new_guideline_asks_for_practice_again_on_what_was_not_asked_live(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", fields=[RULE])
    shown = pilot.annotate("ana")
    passes(shown)
    n = work(shown)
    assert n == len(pilot.items) - 3
    second = small.second_version(pilot)
    again = second.annotate("ana")
    assert again.state()["phase"] == "practice"
    asked = {label.item for label in second.label_records()}
    for attempt in (1, 2):
        assert not asked & set(practised(again)), "the same three, as all others were asked live"
        for position in range(2) if attempt == 1 else ():
            handle(again, wrong(again, position))
        handle(again, {"type": "begin"})
    passes(again)
    assert again.n_saved == n


def test_what_is_held_now_is_not_practised_on_under_a_new_guideline(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p", fields=[RULE], design={"overlap": 4})
    held = {}
    for name in ("ana", "ben", "cy"):
        shown = pilot.annotate(name)
        passes(shown)
        held[name] = {item_of(shown, key) for key in waiting(shown)}
    second = small.second_version(pilot)
    for name, theirs in held.items():
        again = second.annotate(name)
        for position in range(2):
            assert not theirs & set(practised(again))
            handle(again, wrong(again, position))
        handle(again, {"type": "begin"})
        assert not theirs & set(practised(again))


def test_a_pilot_without_items_has_nothing_to_hand_out(tmp_path: Path) -> None:
    pilot = opened(tmp_path / "p")
    (pilot.folder / "items.jsonl").write_text("")
    with pytest.raises(PilotError, match="no items to hand out"):
        open_pilot(pilot.folder).annotate("ana")
