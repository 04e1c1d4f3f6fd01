"""How different texts are: by hand, and against another implementation."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from workbench.errors import RecordError
from workbench.records import Response
from workbench.training import diversity
from workbench.training.candidates import Generated

TEXTS = st.lists(st.text(alphabet="ab c\n", max_size=14), min_size=2, max_size=5)


def test_overlap_by_hand() -> None:
    # words: {ab, bc} and {ab, bd} share 1 of 3; characters of "a b c" and "a b d": "a b", " b ", "b c" / "b d" 2 of 4
    assert diversity.overlap("a b c", "a b d") == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert diversity.overlap("same text", "same text") == 1
    assert diversity.overlap("Same  TEXT", "same text") == 1
    assert diversity.overlap("abc", "xyz") == 0
    # One word and two characters are compared whole.
    assert diversity.overlap("ab", "ab") == 1
    assert diversity.overlap("ab", "ab cd") == 0
    # Nothing is like nothing, and like no word.
    assert diversity.overlap("", " ") == 1
    assert diversity.overlap("", "word") == 0


@given(TEXTS)
def test_overlap_is_symmetric_and_a_share(texts: list[str]) -> None:
    for one, other in combinations(texts, 2):
        assert 0 <= diversity.overlap(one, other) == diversity.overlap(other, one) <= 1
    assert diversity.overlap(texts[0], texts[0]) == 1


def test_distinct_n_by_hand() -> None:
    # bigrams: a b | b a | a b  ->  2 different of 3
    assert diversity.distinct_n(["a b a b"]) == pytest.approx(2 / 3)
    assert diversity.distinct_n(["A b", "a B"], n=1) == pytest.approx(2 / 4)
    assert math.isnan(diversity.distinct_n(["one"], n=2))
    with pytest.raises(RecordError):
        diversity.distinct_n(["a"], n=0)


def test_self_bleu_by_hand() -> None:
    # Words of each in the other: 2 of 3, pairs 1 of 2, triples 0.1 (smoothed) of 1; both are equally long.
    assert diversity.self_bleu(["a b c", "a b d"], n=3) == pytest.approx((2 / 3 * 1 / 2 * 0.1) ** (1 / 3))
    # "a a" has the a twice, any other text once; its pair is nowhere. The others: a is there, they have no pair.
    assert diversity.self_bleu(["a a", "a", "a"], n=2) == pytest.approx(
        (math.sqrt(1 / 2 * 0.1 / 1) + 2 * math.sqrt(1 * 0.1)) / 3
    )
    # Half as long as its reference: brevity exp(1 - 2/1); the longer one has half its words in the other.
    assert diversity.self_bleu(["a", "a b"], n=1) == pytest.approx((math.exp(-1) + 1 / 2) / 2)
    assert diversity.self_bleu(["a b", "c d"]) == 0
    assert diversity.self_bleu(["", "a"]) == 0
    assert math.isnan(diversity.self_bleu(["a b c d"]))


@given(TEXTS)
def test_self_bleu_is_what_nltk_computes(texts: list[str]) -> None:
    words = [diversity.words_of(text) for text in texts]
    smooth = SmoothingFunction().method1
    theirs = [
        sentence_bleu(words[:i] + words[i + 1 :], own, smoothing_function=smooth) if own else 0
        for i, own in enumerate(words)
    ]
    assert diversity.self_bleu(texts) == pytest.approx(sum(theirs) / len(theirs), abs=1e-12)


def test_the_diversity_of_a_prompts_answers_by_hand() -> None:
    found = diversity.of_texts(["a b c", "a b d", "a"])
    # Words a b c a b d a: 4 different of 7; pairs ab bc ab bd: 3 of 4.
    assert (found.n, found.distinct_1, found.distinct_2) == (3, 4 / 7, 3 / 4)
    # Lengths 3, 3, 1: mean 7/3, squared distances 4/9 + 4/9 + 16/9 = 8/3, over n - 1 = 2.
    assert (found.shortest, found.longest, found.mean_words) == (1, 3, 7 / 3)
    assert found.sd_words == pytest.approx(math.sqrt(4 / 3))
    # The first two as above, "a" shares no pair of words and no three characters with either.
    assert found.max_overlap == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert found.mean_overlap == pytest.approx(found.max_overlap / 3)


def test_one_text_has_no_spread_and_none_no_diversity() -> None:
    one = diversity.of_texts(["a b"])
    assert all(math.isnan(value) for value in (one.self_bleu, one.mean_overlap, one.max_overlap, one.sd_words))
    assert one.distinct_1 == 1
    for measure in (diversity.of_texts, diversity.of_batch):
        with pytest.raises(RecordError, match="no diversity"):
            measure([])


def answer(prompt: str, text: str, **params: int) -> Generated:
    return Generated(prompt_id=prompt, response=Response(id="r", text=text, params=dict(params)))


BATCH = [
    answer("p1", "a b c", tries=3, draw=1),
    answer("p1", "a b d", tries=2),  # drawn again for nothing: the first draw stayed
    answer("p2", "x y z"),
    answer("p2", "X y z"),
    answer("p2", "x  y z"),
    answer("p3", "alone"),
]


def test_a_batch_by_hand() -> None:
    found = diversity.of_batch(BATCH)
    assert (found.n_answers, found.n_pairs, found.n_alike) == (6, 1 + 3, 3)
    assert (found.n_tried, found.n_redraws, found.n_replaced) == (2, 3, 1)
    # distinct-1: 4 of 6 words, 3 of 9, 1 of 1; distinct-2: 3 of 4 and 2 of 6, the last prompt has no pair of words.
    assert found.distinct_1 == pytest.approx((4 / 6 + 3 / 9 + 1) / 3)
    assert found.distinct_2 == pytest.approx((3 / 4 + 2 / 6) / 2)
    assert found.mean_overlap == pytest.approx(((1 / 3 + 2 / 4) / 2 + 1) / 2)
    assert found.mean_words == pytest.approx((3 + 3 + 1) / 3)
    assert found.sd_words == 0
    assert diversity.of_batch(BATCH, limit=0.4).n_alike == 4


@given(st.permutations(BATCH))
def test_the_order_of_a_batch_does_not_matter(batch: list[Generated]) -> None:
    assert diversity.of_batch(batch) == diversity.of_batch(BATCH)


def test_a_batch_shows_itself() -> None:
    found = diversity.of_batch(BATCH)
    assert str(found).splitlines() == [
        "6 answers to 3 prompts: 2 words on average, within a prompt +- 0.0",
        "3 of 4 pairs of answers to one prompt are near-duplicates (overlap 0.8 or more)",
        f"means over prompts: distinct-1 0.667, distinct-2 0.542, self-BLEU {found.self_bleu:.3f}, overlap 0.708",
        "2 answers were drawn again, 3 times in all; another draw stayed for 1",
    ]
    table = found.table()
    assert list(table["prompt"]) == ["p2", "p1", "p3"]  # the most alike first, what cannot be compared last
    assert list(table["n"]) == [3, 2, 1]
    assert table["max_overlap"].max() == 1
    assert len(diversity.of_batch(BATCH[2:]).lines()) == 3
