"""How different texts are, by hand."""

from __future__ import annotations

import math

import pytest

from workbench.errors import RecordError
from workbench.training import diversity


def test_overlap_by_hand() -> None:
    # words: {ab, bc} and {ab, bd} share 1 of 3; characters of "a b c" and "a b d": "a b", " b ", "b c" / "b d" 2 of 4
    assert diversity.overlap("a b c", "a b d") == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert diversity.overlap("same text", "same text") == 1
    assert diversity.overlap("abc", "xyz") == 0


def test_distinct_n_by_hand() -> None:
    # bigrams: a b | b a | a b  ->  2 different of 3
    assert diversity.distinct_n(["a b a b"]) == pytest.approx(2 / 3)
    assert diversity.distinct_n(["A b", "a B"], n=1) == pytest.approx(2 / 4)
    assert math.isnan(diversity.distinct_n(["one"], n=2))
    with pytest.raises(RecordError):
        diversity.distinct_n(["a"], n=0)
