"""The next round's prompts, each for one reason, with a random part that stays one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import design
from workbench.design import Candidate
from workbench.design.rounds import REASONS, Reason
from workbench.errors import PlanError


def some(n: int) -> list[Candidate]:
    return [Candidate(f"p{k}", category="ab"[k % 2]) for k in range(n)]


def test_each_reason_takes_what_it_is_for() -> None:
    # Four candidates the model was trained on are never drawn at random, so the reasons have them to themselves.
    candidates = [
        Candidate("sure", "a", margin=-3.0, trained=True),
        Candidate("unsure", "a", margin=-0.1, trained=True),
        Candidate("split", "a", disagreement=0.67, trained=True),
        Candidate("more split", "a", disagreement=1.0, margin=0.5, trained=True),
        Candidate("agreed", "a", disagreement=0.0, trained=True),
        Candidate("rare", "b", trained=True),
        Candidate("free", "a"),
    ]
    quotas: dict[Reason, int] = {"random": 1, "uncertain": 1, "disagreeing": 1, "uncovered": 1}
    choice = design.next_round(candidates, 4, quotas, covered={"a": 9})
    assert [(one.prompt, one.reason, one.value) for one in choice.prompts] == [
        ("free", "random", None),
        ("unsure", "uncertain", 0.1),
        ("more split", "disagreeing", 1.0),
        ("rare", "uncovered", 0.0),
    ]
    assert choice.notes == ("1 random prompts are too few for an interval, which needs 5",)


def test_the_emptiest_category_comes_first_and_fills_no_further_than_enough() -> None:
    drawn = [Candidate("one", "full"), Candidate("two", "full")]
    others = [Candidate(f"{name}{k}", name, trained=True) for name in ("x", "y", "full") for k in range(4)]
    quotas: dict[Reason, int] = {"uncovered": 4}
    # x has 1 and y has 2 of 3: x, then x or y (x by name), then y, and then neither has fewer than 3.
    choice = design.next_round([*drawn, *others], 5, quotas, covered={"x": 1, "y": 2, "full": 3}, enough=3)
    uncovered = choice.of("uncovered")
    assert [name[0] for name in uncovered] == ["x", "x", "y"]
    values = [one.value for one in choice.prompts if one.reason == "uncovered"]
    assert values == [1.0, 2.0, 2.0]
    # The fourth is drawn at random.
    assert choice.counts == {"random": 2, "uncertain": 0, "disagreeing": 0, "uncovered": 3}
    assert choice.notes[0].startswith("too few candidates: 1 of 4 uncovered")


def test_what_a_reason_cannot_fill_is_drawn_at_random_and_said() -> None:
    candidates = [Candidate(f"p{k}", margin=1.0 if k < 2 else None) for k in range(40)]
    quotas: dict[Reason, int] = {"random": 10, "uncertain": 5, "disagreeing": 5}
    choice = design.next_round(candidates, 20, quotas)
    assert choice.counts["random"] + choice.counts["uncertain"] == 20
    assert choice.counts["uncertain"] <= 2
    assert "5 of 5 disagreeing" in choice.notes[0]
    assert "drawn at random instead" in choice.notes[0]


def test_the_random_part_is_a_random_sample_whatever_the_reasons_like() -> None:
    # 8 of 40 prompts are uncertain. Over 300 seeds the random part of 10 holds 10 x 8/40 = 2 of them on average, with a
    # standard error of sqrt(2 x .8 x 30/39 / 300) = .06; drawn after the reasons it would hold 10 x 4/36 = 1.1.
    candidates = [Candidate(f"p{k}", margin=0.1 if k < 8 else None) for k in range(40)]
    quotas: dict[Reason, int] = {"random": 10, "uncertain": 4}
    unsure = {f"p{k}" for k in range(8)}
    held = [len(unsure & set(design.next_round(candidates, 14, quotas, seed=seed).of("random"))) for seed in range(300)]
    assert sum(held) / len(held) == pytest.approx(2.0, abs=0.25)


def test_the_random_part_is_of_prompts_the_model_was_not_trained_on_while_there_are_enough() -> None:
    candidates = [Candidate(f"p{k}", trained=k >= 10) for k in range(30)]
    choice = design.next_round(candidates, 10, {"random": 10})
    assert {int(name[1:]) for name in choice.of("random")} == set(range(10))
    assert choice.notes == ()
    more = design.next_round(candidates, 20, {"random": 20})
    n_trained = sum(int(name[1:]) >= 10 for name in more.of("random"))
    assert n_trained == 10
    assert more.notes == (f"{n_trained} of the 20 random prompts are ones the model was trained on, which flatter it",)


def test_fewer_prompts_than_wanted_are_all_asked() -> None:
    choice = design.next_round(some(7), 20)
    assert len(choice.prompts) == 7
    assert choice.notes[0] == "20 prompts were wanted, there are 7: all are asked"


candidates_of = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.none() | st.floats(-5, 5),
        st.none() | st.sampled_from([0.0, 0.5, 1.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
).map(lambda rows: [Candidate(f"p{k}", *row) for k, row in enumerate(rows)])


@settings(max_examples=80)
@given(
    candidates=candidates_of,
    drawn=st.integers(1, 12),
    others=st.tuples(*[st.integers(0, 8)] * 3),
    seed=st.integers(0, 5),
    enough=st.integers(0, 6),
)
def test_every_round_keeps_its_promises(
    candidates: list[Candidate], drawn: int, others: tuple[int, int, int], seed: int, enough: int
) -> None:
    quotas: dict[Reason, int] = dict(zip(REASONS, (drawn, *others), strict=True))
    n = drawn + sum(others)
    choice = design.next_round(candidates, n, quotas, covered={"a": 2}, enough=enough, seed=seed)
    by_id = {one.prompt: one for one in candidates}
    names = [one.prompt for one in choice.prompts]
    assert len(names) == len(set(names)) == min(n, len(candidates))
    for reason, count in choice.counts.items():
        assert count >= min(drawn, len(candidates)) if reason == "random" else count <= quotas[reason]
    for one in choice.prompts:
        asked = by_id[one.prompt]
        assert one.reason != "uncertain" or abs(asked.margin or 0) == one.value
        assert one.reason != "disagreeing" or asked.disagreement == one.value
        assert one.reason != "uncovered" or (one.value or 0) < enough
    # No prompt left alone is more uncertain, or more disputed, than one that was chosen for it.
    left = [one for one in candidates if one.prompt not in set(names)]
    unsure = [one.value for one in choice.prompts if one.reason == "uncertain" and one.value is not None]
    assert all(abs(one.margin) >= max(unsure, default=0) for one in left if one.margin is not None)
    # The random part is the beginning of one order of the prompts, so a smaller round's is the beginning of it.
    pure = design.next_round(candidates, choice.counts["random"], {"random": choice.counts["random"]}, seed=seed)
    assert pure.of("random") == choice.of("random")
    again = design.next_round(candidates[::-1], n, quotas, covered={"a": 2}, enough=enough, seed=seed)
    assert again == choice


@pytest.mark.parametrize(
    ("n", "quotas", "said"),
    [
        (0, None, "one prompt or more"),
        (5, {"uncertain": 5}, "at least one random prompt"),
        (5, {"random": 2, "uncertain": 2}, "add up to 5"),
        (5, {"random": 5, "clever": 1}, "quotas are counts"),
        (5, {"random": 6, "uncertain": -1}, "quotas are counts"),
    ],
)
def test_quotas_that_make_no_round_are_refused(n: int, quotas: dict[Reason, int] | None, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        design.next_round(some(9), n, quotas)


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ([], "no prompts to choose from"),
        ([Candidate("p"), Candidate("p")], "twice"),
        ([Candidate("p", margin=math.nan)], "finite"),
        ([Candidate("p", disagreement=-0.5)], "0 or more"),
    ],
)
def test_candidates_that_say_nothing_are_refused(candidates: list[Candidate], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        design.next_round(candidates, 1)
