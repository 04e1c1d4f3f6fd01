"""Which answers are judged together: different, never the same text, and balanced over a batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import RecordError
from workbench.records import Response
from workbench.training import pairs
from workbench.training.balancing import Balance, Shown, SourceBalance
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from pydantic import JsonValue


def response(name: str, text: str, finish: str = "stop") -> Response:
    return Response(id=name, text=text, params={"finish": finish})


def test_the_pair_is_the_most_different_one_in_the_order_of_ids() -> None:
    one = response("c", "The cat sat on the mat.")
    same = response("b", "The cat sat on the mat today.")
    other = response("a", "Quantum fields fluctuate everywhere, always.")
    # the longer of the two alike shares the smaller part of itself
    assert pairs.choose_set([one, same, other]) == (other, same)
    assert pairs.choose_set([other, same, one]) == (other, same)


def test_the_score_decides_between_pairs_of_equal_wording() -> None:
    texts = {"a": "aaa bbb", "b": "ccc ddd", "c": "eee fff"}
    found = pairs.choose_set(
        [response(name, text) for name, text in texts.items()], score=lambda text: float(text == "ccc ddd") / 2
    )
    assert found is not None
    assert "b" in {one.id for one in found}


def test_texts_that_differ_in_space_and_case_only_are_no_pair() -> None:
    assert pairs.choose_set([response("a", "Yes,  it is."), response("b", "yes, it\nis. ")]) is None
    assert pairs.choose_set([response("a", "Yes")]) is None


def test_cut_and_empty_answers_are_the_last_resort() -> None:
    fine = [response("a", "one two three"), response("b", "one two four")]
    cut = response("c", "nothing in common here", "length")
    assert pairs.choose_set([*fine, cut, response("d", " ")]) == (fine[0], fine[1])
    assert pairs.choose_set([fine[0], cut]) == (fine[0], cut)


def test_a_set_has_no_two_alike_where_it_need_not() -> None:
    texts = ("The cat sat on the mat.", "The cat sat on the mat today.", "Quantum fields fluctuate.", "Bread is baked.")
    found = pairs.choose_set([response(name, text) for name, text in zip("dcba", texts, strict=True)], 3)
    assert found is not None
    # Both others, and of the two alike the one that shares less with them.
    assert {one.id for one in found} > {"a", "b"}


def test_a_set_prefers_whole_answers_then_cut_ones_and_empty_ones_last() -> None:
    fine = [response("a", "one two three"), response("b", "one two four")]
    cut, empty = response("c", "one two five", "length"), response("d", " ")
    assert pairs.choose_set([*fine, cut, empty], 3) == (*fine, cut)
    assert pairs.choose_set([*fine, empty], 3) == (*fine, empty)
    assert pairs.choose_set([*fine, cut, empty], 4) == (*fine, cut, empty)
    assert pairs.choose_set(fine, 3) is None
    with pytest.raises(RecordError, match="at least two responses, got size 1"):
        pairs.choose_set(fine, 1)


# ---- over a batch -----------------------------------------------------------------------------------------------


def answered(prompt: str, name: str, text: str, model: str = "m", variant: str = "", finish: str = "stop") -> Generated:
    params: dict[str, JsonValue] = {"finish": finish, **({"variant": variant} if variant else {})}
    return Generated(prompt_id=prompt, response=Response(id=name, text=text, model=model, params=params))


def batch(n: int = 24, answers: int = 4, seed: int = 0) -> list[Generated]:
    """Answers of two models by four variants, of many lengths."""
    random = np.random.default_rng(seed)
    found = []
    for i in range(n):
        for k in range(answers):
            words = [f"w{word}" for word in random.integers(0, 500, size=int(random.integers(3, 30)))]
            found.append(answered(f"p{i}", f"r{i}-{k}", " ".join(words), f"m{k % 2}", f"v{k}"))
    return found


def quality(prompt: str, text: str) -> float:
    """The shorter an answer the better it is, so length gives it away."""
    del prompt
    return 1 / len(text.split())


def tilt(balance: Balance) -> int:
    """The sum of squares that `choose` lowers, without places and shares: counted anew from the counts."""
    sources = [*balance.models.values(), *balance.variants.values()]
    return (balance.shorter_better - balance.longer_better) ** 2 + sum(
        (one.better - one.worse) ** 2 + (one.shorter - one.longer) ** 2 for one in sources
    )


def test_balance_by_hand() -> None:
    # One pair: the first, of model m, is longer and worse than that of model o.
    generated = [answered("p", "a", "one two three", "m"), answered("p", "b", "four", "o")]
    found = pairs.choose(generated, score=quality).balance
    first = {"m": 1, "o": 0} if pairs.choose(generated, score=quality).sets["p"][0].id == "a" else {"m": 0, "o": 1}
    assert found.n_sets == 1
    assert (found.shorter_better, found.longer_better) == (1, 0)
    assert (found.shorter_first, found.longer_first) == (first["o"], first["m"])
    assert (found.better_first, found.worse_first) == (first["o"], first["m"])
    assert found.models["o"] == SourceBalance(
        shown=1, first=first["o"], last=first["m"], shorter=1, longer=0, better=1, worse=0
    )
    assert found.models["m"] == SourceBalance(
        shown=1, first=first["m"], last=first["o"], shorter=0, longer=1, better=0, worse=1
    )
    # No pair of words and no three characters in common: 1, and the scores differ by 1 - 1/3.
    assert found.difference == found.best_difference == pytest.approx(1 + 2 / 3)
    assert found.variants == {}


def test_places_are_balanced_between_the_shorter_the_better_and_the_models() -> None:
    found = pairs.choose(batch(), score=quality).balance
    assert abs(found.shorter_first - found.longer_first) <= 2
    assert abs(found.better_first - found.worse_first) <= 2
    for one in found.models.values():
        assert abs(one.first - one.last) <= 2


def test_a_choice_is_far_less_telling_than_the_most_different_pairs_and_nearly_as_different() -> None:
    def better(prompt: str, text: str) -> float:
        del prompt
        return len(text) % 7 / 6  # has nothing to do with the number of words

    generated = batch(60)
    free = pairs.choose(generated, score=better, within=0.5).balance
    bound = pairs.choose(generated, score=better, within=1).balance
    assert bound.difference == bound.best_difference
    assert free.best_difference == bound.best_difference
    assert free.difference >= 0.5 * free.best_difference
    assert tilt(bound) > 100
    assert tilt(free) <= tilt(bound) / 10


def test_a_model_is_shown_as_often_as_it_answered() -> None:
    # A third of the answers are the other model's, so are a third of those shown: 2 x 30 x 1/3 = 20.
    generated = [
        answered(f"p{i}", f"r{i}-{k}", f"w{i} {'abc'[k] * 5} {k}", "other" if k == 2 else "m")
        for i in range(30)
        for k in range(3)
    ]
    found = pairs.choose(generated, within=0).balance
    assert (found.models["m"].shown, found.models["other"].shown) == (40, 20)


def test_no_set_has_a_text_twice_and_every_prompt_is_accounted_for() -> None:
    generated = [
        *batch(6),
        answered("same", "s1", "Yes."),
        answered("same", "s2", " yes. "),
        answered("same", "s3", "YES."),
        answered("two", "t1", "Yes."),
        answered("two", "t2", "yes."),
        answered("two", "t3", "No, not at all."),
    ]
    found = pairs.choose(generated)
    assert found.left_out == {"same": "different responses: 1, needed: 2"}
    assert set(found.sets) == {"p0", "p1", "p2", "p3", "p4", "p5", "two"}
    for shown in found.sets.values():
        assert len({one.text.casefold().strip() for one in shown}) == len(shown) == 2
    three = pairs.choose(generated, 3)
    assert three.left_out["two"] == "different responses: 2, needed: 3"
    assert all(len(shown) == 3 for shown in three.sets.values())


@given(st.permutations(batch(5, 3)))
def test_the_order_in_which_answers_come_does_not_matter(generated: list[Generated]) -> None:
    found, other = pairs.choose(generated, score=quality), pairs.choose(batch(5, 3), score=quality)
    assert (found.sets, found.balance) == (other.sets, other.balance)


def test_every_response_of_a_set_can_stand_at_every_place() -> None:
    three = Shown(tuple(response(name, name) for name in "abc"), dict.fromkeys("abc", 0.0), (0, 0))
    orders = ["".join(one.id for one in order.responses) for order in three.orders()]
    assert orders == ["abc", "bca", "cab", "cba", "acb", "bac"]
    two = Shown(three.responses[:2], three.scores, (0, 0))
    assert ["".join(one.id for one in order.responses) for order in two.orders()] == ["ab", "ba"]


def test_a_balance_shows_itself() -> None:
    found = pairs.choose([answered("p", "a", "one two three", "m", "w"), answered("p", "b", "four", "o", "w")]).balance
    assert str(found).splitlines()[:2] == [
        "1 sets: difference 1.00, without balance 1.00",
        "better is the shorter in 0 pairs, the longer in 0",
    ]
    table = found.table()
    assert list(zip(table["kind"], table["name"], table["shown"], strict=True)) == [
        ("model", "m", 1),
        ("model", "o", 1),
        ("variant", "w", 2),
    ]


def test_nothing_gives_nothing_and_settings_out_of_range_are_refused() -> None:
    nothing = pairs.choose([])
    assert (nothing.sets, nothing.left_out, nothing.balance.n_sets) == ({}, {}, 0)
    assert math.isnan(nothing.balance.difference)
    with pytest.raises(RecordError, match="within must be between 0 and 1"):
        pairs.choose(batch(2), within=1.5)
    with pytest.raises(RecordError, match="at least two responses"):
        pairs.choose(batch(2), 1)
