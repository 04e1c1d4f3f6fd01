"""Questions for whoever asks: nobody is asked twice, no item has too many people, and the batch gets done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.design.make import items
from workbench.design import Open, choose_gold, n_left, next_questions
from workbench.design.handing import REPEAT_AFTER, Question
from workbench.errors import PlanError

if TYPE_CHECKING:
    from workbench.records import Item


@dataclass(frozen=True)
class Held:
    """A question that was handed out, as a store keeps it."""

    item: str
    annotator: str
    position: int
    order: tuple[str, ...]
    is_gold: bool = False
    is_repeat: bool = False
    state: str = "held"

    @property
    def counts(self) -> bool:
        return self.state in ("held", "done") and not self.is_gold and not self.is_repeat


@dataclass
class Desk:
    """What a store does with questions, in memory; each call is checked against what is promised."""

    batch: list[Item]
    rules: Open
    exclude: set[str] = field(default_factory=set)
    holds: list[Held] = field(default_factory=list)

    def ask(self, name: str, n: int) -> list[Question]:
        asked = next_questions(self.batch, self.holds, name, self.rules, n=n, exclude=self.exclude)
        assert asked == next_questions(self.batch, self.holds, name, self.rules, n=n, exclude=self.exclude)
        assert len(asked) <= n
        for one in asked:
            self._check(one, name)
            before = self.of(name, one.item, one.is_repeat)
            if before is not None:
                assert before.state == "expired", "nothing is asked twice"
                assert (one.order, one.is_gold) == (before.order, before.is_gold), "it is still on the screen"
                self.turn(before, "held")
            else:
                position = sum(hold.annotator == name for hold in self.holds)
                self.holds.append(Held(one.item, name, position, one.order, one.is_gold, one.is_repeat))
        return asked

    def _check(self, one: Question, name: str) -> None:
        item = next(item for item in self.batch if item.id == one.item)
        assert sorted(one.order) == sorted(response.id for response in item.responses)
        assert one.item not in self.exclude
        gold = choose_gold(self.batch, self.rules.gold_share, self.rules.seed)
        assert one.is_gold == (one.item in gold)
        if one.is_repeat:
            first = self.of(name, one.item, False)
            assert first is not None
            assert (first.state, first.is_gold, one.order) == ("done", False, first.order[::-1])
            before = self.of(name, one.item, True)
            position = before.position if before else sum(hold.annotator == name for hold in self.holds)
            assert position - first.position >= REPEAT_AFTER
        elif not one.is_gold:
            places = self.places()
            assert places[one.item] < self.rules.overlap
            if self.of(name, one.item, False) is None:
                rivals = [
                    places[other.id]
                    for other in self.batch
                    if other.id not in gold | self.exclude
                    and self.of(name, other.id, False) is None
                    and places[other.id] < self.rules.overlap
                ]
                assert places[one.item] == max(rivals), "what has been begun is finished first"

    def of(self, name: str, item: str, is_repeat: bool) -> Held | None:
        key = (name, item, is_repeat)
        return next((one for one in self.holds if (one.annotator, one.item, one.is_repeat) == key), None)

    def turn(self, hold: Held, state: str) -> None:
        self.holds[self.holds.index(hold)] = replace(hold, state=state)

    def open(self, name: str) -> list[Held]:
        return [hold for hold in self.holds if hold.annotator == name and hold.state == "held"]

    def places(self) -> Counter[str]:
        return Counter(hold.item for hold in self.holds if hold.counts)

    def all_live(self) -> list[str]:
        gold = choose_gold(self.batch, self.rules.gold_share, self.rules.seed)
        return [item.id for item in self.batch if item.id not in gold]


def rules(overlap: int = 2, gold: float = 0.0, repeat: float = 0.0, seed: int = 0) -> Open:
    return Open(overlap=overlap, gold_share=gold, repeat_share=repeat, seed=seed)


@given(
    n_items=st.integers(1, 40),
    n_responses=st.sampled_from([1, 2, 3]),
    asked=st.builds(
        rules,
        overlap=st.integers(1, 4),
        gold=st.sampled_from([0.0, 0.1, 0.25, 1.0]),
        repeat=st.sampled_from([0.0, 0.05, 0.4]),
        seed=st.integers(0, 3),
    ),
    excluded=st.sets(st.integers(0, 9), max_size=3),
    steps=st.lists(
        st.tuples(
            st.sampled_from("abcd"), st.sampled_from(["ask", "done", "done", "expired", "released"]), st.integers(0, 6)
        ),
        max_size=60,
    ),
)
def test_whatever_people_do_nothing_is_asked_that_may_not_be(
    n_items: int, n_responses: int, asked: Open, excluded: set[int], steps: list[tuple[str, str, int]]
) -> None:
    desk = Desk(items(n_items, n_items, n_responses), asked, {f"i{k}" for k in excluded})
    for name, action, n in steps:
        if action == "ask":
            desk.ask(name, n)
        for hold in desk.open(name)[:n] if action != "ask" else []:
            desk.turn(hold, action)
        assert max(desk.places().values(), default=0) <= asked.overlap
        left = n_left(desk.batch, desk.holds, name, asked, exclude=desk.exclude)
        more = next_questions(desk.batch, desk.holds, name, asked, n=1000, exclude=desk.exclude)
        assert left == len({one.item for one in more if not one.is_gold and not one.is_repeat})


@given(
    share=st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.5, 1.0]),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    seed=st.integers(0, 50),
    excluded=st.sets(st.integers(0, 59), max_size=10),
)
def test_gold_comes_once_in_each_stretch_as_long_as_there_is_some(
    share: float, sizes: list[int], seed: int, excluded: set[int]
) -> None:
    asked = rules(overlap=1, gold=share, repeat=0.05, seed=seed)
    desk = Desk(items(60, 60), asked, {f"i{k}" for k in excluded})
    for n in sizes:
        desk.ask("ana", n)
        for hold in desk.open("ana"):
            desk.turn(hold, "done")
    marks = [hold.is_gold for hold in desk.holds]
    stretch = round(1 / share)
    n_gold = len(choose_gold(desk.batch, share, seed) - desk.exclude)
    for start in range(0, len(marks) - stretch + 1, stretch):
        assert sum(marks[start : start + stretch]) == (start // stretch < n_gold)


def test_gold_stands_at_another_place_for_everybody_and_in_an_order_of_their_own() -> None:
    desk = Desk(items(200, 200), rules(overlap=3, gold=0.1))
    for name in "abcdefghij":
        desk.ask(name, 40)
    where = {
        name: tuple(hold.position for hold in desk.holds if hold.annotator == name and hold.is_gold)
        for name in "abcdefghij"
    }
    assert len(set(where.values())) == 10
    assert len({place[0] for place in where.values()}) >= 4
    which = {
        tuple(hold.item for hold in desk.holds if hold.annotator == name and hold.is_gold) for name in "abcdefghij"
    }
    assert len(which) == 10


@pytest.mark.parametrize("share", [0.15, 0.3, 0.4, 0.7])
def test_a_share_comes_out_where_one_over_it_is_no_whole_number(share: float) -> None:
    desk = Desk(items(200, 200), rules(overlap=1, gold=share))
    desk.ask("ana", 100)
    assert abs(sum(hold.is_gold for hold in desk.holds) - 100 * share) <= 1


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_repeats_come_at_their_share_once_there_is_something_to_repeat(share: float) -> None:
    desk = Desk(items(200, 200), rules(overlap=1, gold=0.2, repeat=share))
    for _ in range(120):
        desk.ask("ana", 1)
        desk.turn(desk.open("ana")[0], "done")
    repeats = [hold for hold in desk.holds if hold.is_repeat]
    assert abs(len(repeats) - 120 * share) <= 1, "a repeat that met a gold item, or nothing to repeat, comes later"
    assert len({hold.item for hold in repeats}) == len(repeats)
    assert all(hold.position >= REPEAT_AFTER for hold in repeats)


@given(
    n_items=st.integers(1, 25),
    overlap=st.integers(1, 4),
    gold=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 10_000),
)
def test_a_batch_handed_to_random_comers_ends_complete(n_items: int, overlap: int, gold: float, seed: int) -> None:
    luck = Random(seed)
    desk = Desk(items(n_items, n_items), rules(overlap, gold=gold, repeat=0.1, seed=seed))
    patient = [f"p{k}" for k in range(overlap)]
    visitors = [f"v{k}" for k in range(6)]
    for _ in range(4 * n_items):
        name = luck.choice(patient + visitors)
        desk.ask(name, luck.randint(0, 4))
        for hold in desk.open(name):
            desk.turn(hold, luck.choice(["done", "held", "expired", *(["released"] if name in visitors else [])]))
    # In the end the visitors have gone for good, and their holds with them.
    for hold in list(desk.holds):
        if hold.state == "held":
            desk.turn(hold, "expired")
    while any(desk.ask(name, 3) for name in luck.sample(patient, overlap)):
        for name in patient:
            for hold in desk.open(name):
                desk.turn(hold, "done")
    done = Counter(hold.item for hold in desk.holds if hold.counts)
    assert {name: done[name] for name in desk.all_live()} == dict.fromkeys(desk.all_live(), overlap)
    assert all(n_left(desk.batch, desk.holds, name, desk.rules) == 0 for name in patient + visitors)


@given(overlap=st.integers(1, 5), seed=st.integers(0, 1000))
def test_an_item_is_shown_on_both_sides_as_evenly_as_its_overlap_allows(overlap: int, seed: int) -> None:
    luck = Random(seed)
    desk = Desk(items(20), rules(overlap, seed=seed))
    while any(desk.ask(name, luck.randint(1, 3)) for name in luck.sample("abcdef", 6)):
        pass
    for item in desk.batch:
        canonical = tuple(response.id for response in item.responses)
        straight = [hold.order == canonical for hold in desk.holds if hold.item == item.id]
        assert len(straight) == overlap
        assert abs(2 * sum(straight) - overlap) <= 1


def test_people_see_both_sides_too() -> None:
    desk = Desk(items(120, 120), rules(overlap=3, gold=0.1, repeat=0.05))
    while sum(len(desk.ask(name, 3)) for name in "abcdef"):
        for hold in [hold for hold in desk.holds if hold.state == "held"]:
            desk.turn(hold, "done")
    for name in "abcdef":
        straight = [hold.order[0].endswith(".0") for hold in desk.holds if hold.annotator == name]
        assert 0.4 <= sum(straight) / len(straight) <= 0.6


def test_a_place_that_falls_free_is_filled_with_the_side_that_may_come_back() -> None:
    """Who let a hold expire answers on the side they were shown, where they come back in time."""
    for seed in range(20):
        desk = Desk(items(1), rules(overlap=2, seed=seed))
        (first,) = desk.ask("ana", 1)
        desk.turn(desk.open("ana")[0], "expired")
        (second,) = desk.ask("ben", 1)
        assert second.order == first.order[::-1]
        assert desk.ask("ana", 1) == [first]


def test_what_expired_comes_first_and_only_while_its_place_is_free() -> None:
    desk = Desk(items(6), rules(overlap=1))
    mine = desk.ask("ana", 2)
    for hold in desk.open("ana"):
        desk.turn(hold, "expired")
    other = desk.ask("ben", 1)
    assert other[0].item == mine[0].item
    again = desk.ask("ana", 2)
    assert again[0] == mine[1]
    assert again[1].item not in {one.item for one in mine}
    assert desk.ask("ana", 0) == []


def test_what_is_excluded_later_is_neither_repeated_nor_taken_up_again() -> None:
    desk = Desk(items(40), rules(overlap=1, repeat=1.0))
    desk.ask("ana", REPEAT_AFTER)
    for hold in desk.open("ana"):
        desk.turn(hold, "done")
    (repeat,) = desk.ask("ana", 1)
    assert repeat.is_repeat
    desk.ask("ana", 1)
    for hold in desk.open("ana"):
        desk.turn(hold, "expired")
    desk.exclude = {hold.item for hold in desk.holds}
    more = desk.ask("ana", 40)
    assert len(more) == 40 - len(desk.exclude)
    assert not {one.item for one in more} & desk.exclude


def test_what_was_passed_over_is_not_asked_again() -> None:
    desk = Desk(items(1), rules(overlap=1))
    desk.ask("ana", 1)
    desk.turn(desk.open("ana")[0], "released")
    assert desk.ask("ana", 1) == []
    assert n_left(desk.batch, desk.holds, "ana", desk.rules) == 0
    assert n_left(desk.batch, desk.holds, "ben", desk.rules) == 1
    assert len(desk.ask("ben", 1)) == 1


def test_how_many_are_left_counts_what_others_hold_as_taken() -> None:
    desk = Desk(items(10, 10), rules(overlap=1, gold=0.2))
    assert n_left(desk.batch, [], "ana", desk.rules) == 8
    assert n_left(desk.batch, [], "ana", desk.rules, exclude=desk.all_live()[:3]) == 5
    n = sum(not one.is_gold for one in desk.ask("ben", 4))
    assert n_left(desk.batch, desk.holds, "ana", desk.rules) == 8 - n
    for hold in desk.open("ben"):
        desk.turn(hold, "expired")
    assert n_left(desk.batch, desk.holds, "ana", desk.rules) == 8


def test_an_item_that_was_taken_out_of_the_batch_is_forgotten() -> None:
    desk = Desk(items(5), rules(overlap=1))
    (gone,) = desk.ask("ana", 1)
    left = [item for item in desk.batch if item.id != gone.item]
    more = next_questions(left, desk.holds, "ana", desk.rules, n=9)
    assert {one.item for one in more} == {item.id for item in left}


def test_longer_lists_have_an_order_for_each_person() -> None:
    desk = Desk(items(1, n_responses=4), rules(overlap=8))
    orders = {desk.ask(name, 1)[0].order for name in "abcdefgh"}
    assert len(orders) >= 5


def test_more_gold_than_there_is_is_refused() -> None:
    with pytest.raises(PlanError, match="asks for 5 gold items, 2 have an answer"):
        next_questions(items(10, 2), [], "ana", rules(gold=0.5), n=1)
