"""Plans hold what they promise: overlap, loads, gold, repeats, balanced sides, and the same bytes for a seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.design.make import items, people
from workbench import design
from workbench.errors import PlanError


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 60),
    n_people=st.integers(1, 7),
    overlap=st.integers(1, 4),
    repeat=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 5),
)
def test_every_plan_keeps_its_promises(n: int, n_people: int, overlap: int, repeat: float, seed: int) -> None:
    overlap = min(overlap, n_people)
    given_items = items(n, n_gold=n)
    made = design.plan(
        given_items, people(n_people), pilot="p", overlap=overlap, gold_share=0.1, repeat_share=repeat, seed=seed
    )
    live = [a for a in made if not a.is_repeat]
    assert set(Counter(a.item for a in live).values()) == {overlap}
    assert len({(a.item, a.annotator) for a in live}) == len(live)
    loads = Counter(a.annotator for a in live)
    assert max(loads.values()) - min(loads.get(p.id, 0) for p in people(n_people)) <= 1
    assert len({a.item for a in live if a.is_gold}) == round(0.1 * n)
    tests = Counter(a.annotator for a in live if a.is_gold)
    assert not tests or max(tests.values()) - min(tests.get(p.id, 0) for p in people(n_people)) <= 1
    assert len({a.id for a in made}) == len(made)
    for name in loads:
        mine = [a for a in made if a.annotator == name]
        assert [a.position for a in mine] == list(range(len(mine)))
    for again in (a for a in made if a.is_repeat):
        (first,) = [a for a in live if (a.item, a.annotator) == (again.item, again.annotator)]
        assert again.order == first.order[::-1]
        assert again.position > first.position
        assert not first.is_gold


def test_sides_are_balanced_within_items_and_annotators() -> None:
    given_items = items(240, n_gold=60)
    made = design.plan(given_items, people(6), pilot="p", overlap=3)
    facts = design.balance(made, given_items)
    # 240 x 3 / 6 = 120 each, plus round(.05 x 120) = 6 repeats.
    assert set(facts.per_annotator.values()) == {126}
    assert (facts.n_gold, facts.n_repeats, facts.overlap) == (24, 36, {3: 240})
    assert all(abs(share - 0.5) <= 0.04 for share in facts.a_left_share.values())
    for item in given_items:
        straight = sum(a.order[0] == item.responses[0].id for a in made if a.item == item.id and not a.is_repeat)
        assert straight in (1, 2)


def test_annotators_meet_each_other_evenly() -> None:
    made = design.plan(items(120), people(6), pilot="p", overlap=3, gold_share=0, repeat_share=0)
    together = Counter(
        (a.annotator, b.annotator) for a in made for b in made if a.item == b.item and a.annotator < b.annotator
    )
    # 120 items x 3 pairs / 15 pairs of annotators = 24 on average.
    assert len(together) == 15
    assert min(together.values()) >= 16


def test_same_seed_same_plan() -> None:
    one, again, other = (
        [a.canonical() for a in design.plan(items(40, 10), people(4), pilot="p", seed=seed)] for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other


def test_rankings_stand_at_each_place() -> None:
    made = design.plan(items(8, n_responses=4), people(4), pilot="p", overlap=4, gold_share=0, repeat_share=0)
    for k in range(8):
        orders = [a.order for a in made if a.item == f"i{k}"]
        assert all(len({order[place] for order in orders}) == 4 for place in range(4))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"overlap": 4}, "needs as many annotators, there are 3"),
        ({"gold_share": 0.5}, "asks for 5 gold items, 2 have an answer"),
        ({"gold_share": 10}, "10 % is 0.1"),
    ],
)
def test_plans_that_cannot_be_are_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        design.plan(items(10, n_gold=2), people(3), pilot="p", **options)  # type: ignore[arg-type]


def test_no_items_and_twins_are_refused() -> None:
    with pytest.raises(PlanError, match="no items"):
        design.plan([], people(3), pilot="p")
    with pytest.raises(PlanError, match="twice"):
        design.plan(items(3) + items(1), people(3), pilot="p", gold_share=0)
