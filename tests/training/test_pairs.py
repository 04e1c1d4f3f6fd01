"""Which answers are judged together: different, never the same text, and balanced over a batch."""

from __future__ import annotations

import pytest

from workbench.errors import RecordError
from workbench.records import Response
from workbench.training import pairs


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
