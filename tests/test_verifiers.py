"""Constraints: every kind on texts that keep it, break it, and sit on the edge of the definition."""

from __future__ import annotations

import json
import math
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import verifiers
from workbench.errors import RecordError
from workbench.records import Constraint
from workbench.verifiers import Verdict, check, check_all, describe, prefer, validate


def constraint(kind: str, id_: str = "c1", /, **params: Any) -> Constraint:
    return Constraint(id=id_, kind=kind, params=params)


def passes(kind: str, text: str, /, **params: Any) -> bool:
    return check(constraint(kind, **params), text).passed


# One valid constraint a kind, with a text that keeps it and one that breaks it.
EXAMPLES: dict[str, tuple[dict[str, Any], str, str]] = {
    "max_words": ({"n": 3}, "one two three", "one two three four"),
    "min_words": ({"n": 3}, "one two three", "one two"),
    "word_range": ({"low": 2, "high": 3}, "one two", "one"),
    "max_sentences": ({"n": 2}, "One. Two.", "One. Two. Three."),
    "min_sentences": ({"n": 2}, "One. Two.", "One."),
    "exact_sentences": ({"n": 2}, "One. Two!", "One."),
    "exact_paragraphs": ({"n": 2}, "One.\n\nTwo.", "One.\nTwo."),
    "max_lines": ({"n": 2}, "one\n\ntwo", "one\ntwo\nthree"),
    "exact_lines": ({"n": 2}, "one\ntwo\n", "one"),
    "exact_bullets": ({"n": 2}, "- one\n- two", "1. one\n2. two"),
    "numbered_items": ({"n": 2}, "1. one\n2. two", "- one\n- two"),
    "must_contain": ({"phrases": ["cat", "old dog"]}, "An old dog and a cat.", "An old cat."),
    "contains_any": ({"phrases": ["cat", "dog"]}, "A dog.", "A cow."),
    "must_not_contain": ({"phrases": ["cat", "dog"]}, "A cow.", "A dog."),
    "starts_with": ({"text": "Dear"}, "Dear Ana, hello.", "Hello, dear Ana."),
    "ends_with": ({"text": "home"}, "They went home.", "Home they went."),
    "valid_json_keys": ({"keys": ["a", "b"]}, '{"a": 1, "b": [2]}', '{"a": 1}'),
    "answer_equals": ({"value": 42}, "The answer is 42.", "The answer is 41."),
    "all_lowercase": ({}, "all small, 3 words", "All small"),
    "all_uppercase": ({}, "ALL BIG, 3 WORDS", "ALL BIg"),
    "no_commas": ({}, "one and two", "one, two"),
    "no_digits": ({}, "one and two", "1 and two"),
    "no_markdown": ({}, "plain text\n1. numbered", "some **bold** text"),
}


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(verifiers.KINDS)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_kind_tells_a_text_that_keeps_it_from_one_that_breaks_it(kind: str) -> None:
    params, good, bad = EXAMPLES[kind]
    asked = constraint(kind, "c7", **params)
    kept, broken = check(asked, good), check(asked, bad)
    assert (kept.constraint, kept.kind, kept.passed) == ("c7", kind, True)
    assert not broken.passed
    assert kept.found
    assert broken.found
    assert kept.found != broken.found


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize(
    "text", ["", " \n\t ", "…", "🙂 - ,", "​"], ids=["none", "blank", "dots", "signs", "zero-width"]
)
def test_an_answer_without_a_word_follows_nothing(kind: str, text: str) -> None:
    assert check(constraint(kind, **EXAMPLES[kind][0]), text) == Verdict("c1", kind, False, "the answer is empty")


HOSTILE = {
    "dots": "." * 100_000 + "a",
    "hyphens": "-" * 100_000 + "1",
    "thousands": "1," * 50_000 + "1234",
    "letters": "a " * 50_000,
    "brackets": "[" * 100_000 + "1",
    "blanks": " " * 100_000 + "x",
    "tabbed lines": "\n\t" * 50_000 + "x",
    "letter-digit": "x5" * 50_000,
    "stars": "*" * 100_000 + "a",
    "fences": "`" * 99_999 + "a",
    "numbers": "1. " * 33_000 + "x",
    "digits": "9" * 100_000,
    "expanding": "ﷺ" * 30_000,
    "accents": "a\u0301" * 50_000,
    "empty bullets": "- \n" * 33_000 + "a",
}


@pytest.mark.parametrize("kind", EXAMPLES)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_checked_in_linear_time_and_reported_in_short(kind: str, text: str) -> None:
    asked = constraint(kind, **EXAMPLES[kind][0])
    start = time.process_time()
    verdict = check(asked, text)
    # The slowest takes 0.15 s of processor time; a quadratic scan of 100 kB would take minutes.
    assert time.process_time() - start < 5
    assert len(verdict.found) < 300


@given(st.text(max_size=300), st.sampled_from(sorted(EXAMPLES)))
def test_no_text_makes_a_check_fail_to_answer(text: str, kind: str) -> None:
    asked = constraint(kind, **EXAMPLES[kind][0])
    assert check(asked, text) == check(asked, text)
    assert check(asked, text).constraint == "c1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a well-known fact", 3),
        ("don't can\u2019t and/or 3.5", 4),
        ("yes — no", 2),
        ("yes—no", 2),
        ("yes--no", 2),
        ("fish & chips 🙂 !", 2),
        ("- one\n* two\n• three\n•four\n1. five\n12) six", 6),
        ("**1. Bold** text", 2),
        ("# Title\n\n---\n\ntext", 2),
        ("naïve Übung Ωmega 東京", 4),
        ("one\u00a0two\u2003three", 3),
    ],
)
def test_words(text: str, expected: int) -> None:
    assert len(verifiers.words(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four…", 4),
        ("What?! No... Yes.", 3),
        ("Well... maybe so.", 1),
        ('He said "Stop." Then (at last.) it **ended.** So.', 4),
        ("Dr. Lee and Mrs. Ray met J. K. Bell.", 1),
        ("It costs $3.50 at 9 a.m. on weekdays.", 1),
        ("We ate figs, nuts, etc. Then we left.", 2),
        ("See no. 5 there. I said no. You left.", 3),
        ("So am I. You too.", 2),
        ("no full stop here", 1),
        ("Things:\n- one\n- two. And more.\n\nEnd", 5),
        ("1. First.\n2. Second.", 2),
        ("A line that goes\non and ends.", 1),
        ("small letters too. all of them.", 2),
    ],
)
def test_sentences(text: str, expected: int) -> None:
    assert len(verifiers.sentences(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n* b\n+ c\n\u2013 d\n• e\n◦f\n‣ g", 7),
        ("  - nested\n\t* deeper", 2),
        ("-5 degrees\n**Bold** start\n*emphasis*\n-no space", 0),
        ("- \n-\n* * *\n---\nx", 0),
        ("1. one\n2. two", 0),
        ("a - b - c", 0),
    ],
)
def test_bullets(text: str, expected: int) -> None:
    assert len(verifiers.bullets(text)) == expected


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("1. a\n2. b\n3. c", True),
        ("Here:\n1) a\n\n2) b\n   more\n3) c\nDone.", True),
        ("**1. A**\n**2. B**\n**3. C**", True),
        ("1. a\n2. b", False),
        ("1. a\n2. b\n3. c\n4. d", False),
        ("1. a\n1. b\n1. c", False),
        ("2. a\n1. b\n3. c", False),
        ("1. a\n2. \n3. c", False),
        ("1.5 a\n2. b\n3. c", False),
        ("1. a 2. b 3. c", False),
    ],
)
def test_numbered_items_run_from_one_in_order(text: str, passed: bool) -> None:
    assert passes("numbered_items", text, n=3) is passed


@pytest.mark.parametrize(
    ("phrase", "text", "passed"),
    [
        ("cat", "The CAT sat.", True),
        ("cat", "cats", False),
        ("cat", "category", False),
        ("cat", "a bobcat", False),
        ("cat", "cat's and cat-like", True),
        ("cat", "_cat_ and **dog**", True),
        ("don't", "I don\u2019t know", True),
        ("New York", "new\n york", True),
        ("C++", "I like C++ best", True),
        ("café", "cafe\u0301", True),
        ("straße", "STRASSE", True),
        (".*", "anything", False),
    ],
)
def test_phrases_are_whole_words_in_any_form(phrase: str, text: str, passed: bool) -> None:
    assert passes("must_contain", text, phrases=[phrase]) is passed
    assert passes("contains_any", text, phrases=["zebra", phrase]) is passed
    assert passes("must_not_contain", text, phrases=[phrase]) is not passed


def test_every_phrase_must_be_there_and_the_missing_ones_are_named() -> None:
    verdict = check(constraint("must_contain", phrases=["sun", "moon", "star"]), "The moon.")
    assert verdict.found == '"sun" and "star" missing'


@pytest.mark.parametrize(
    ("wanted", "text", "passed"),
    [
        ("Dear", '  "Dear Ana"', True),
        ("dear", "**Dear** Ana", True),
        ("Dear", "Dearest Ana", False),
        ("Once upon a time", "Once  upon\na time there", True),
        ("Once upon a time", "Once upon a timer", False),
        ('"Hello', '"Hello," he said', True),
        ("The", "- The list", False),
        ("Dear", "Dear", True),
    ],
)
def test_starts_with(wanted: str, text: str, passed: bool) -> None:
    assert passes("starts_with", text, text=wanted) is passed


@pytest.mark.parametrize(
    ("wanted", "text", "passed"),
    [
        ("home", "We went home.", True),
        ("home", "We went HOME!**\n", True),
        ("home", 'He said: "home."', True),
        ("home", "We left Jerome", False),
        ("good night", "So good\nnight…", True),
        ("?", "Will you come?", True),
        ("?", '"Will you come?"', True),
        ("?", "Will you come? Yes.", False),
        ("?", "Really?!", False),
        (".", "The end.", True),
        ("!", "The end.", False),
        (")", "The end (really)", True),
    ],
)
def test_ends_with(wanted: str, text: str, passed: bool) -> None:
    assert passes("ends_with", text, text=wanted) is passed


@pytest.mark.parametrize(
    ("text", "passed", "found"),
    [
        ('{"a": 1, "b": {"c": 2}}', True, "JSON with all keys"),
        ('```json\n{"a": 1, "b": 2}\n```', True, "JSON with all keys"),
        ('```\n{"a": 1, "b": 2}\n```\n', True, "JSON with all keys"),
        ('{"a": 1, "b": 2, "z": 3}', True, "JSON with all keys"),
        ('{"a": 1}', False, 'JSON without the key "b"'),
        ('{"A": 1, "b": 2}', False, 'JSON without the key "a"'),
        ('Here: {"a": 1, "b": 2}', False, "the answer as a whole is not valid JSON"),
        ("{'a': 1, 'b': 2}", False, "the answer as a whole is not valid JSON"),
        ('{"a": 1, "b": 2,}', False, "the answer as a whole is not valid JSON"),
        ('{"a": 1, "a": 1, "b": 2}', False, "JSON with the same key twice"),
        ('{"a": NaN, "b": 2}', False, "NaN is not valid JSON"),
        ('["a", "b"]', False, "valid JSON, but no object"),
        ('"a b"', False, "valid JSON, but no object"),
    ],
)
def test_json_is_the_whole_answer_and_has_the_keys(text: str, passed: bool, found: str) -> None:
    verdict = check(constraint("valid_json_keys", keys=["a", "b"]), text)
    assert (verdict.passed, verdict.found) == (passed, found)


@pytest.mark.parametrize(
    ("text", "passed", "found"),
    [
        ('Here: {"a": 1, "b": 2}. Enjoy!', True, "JSON with all keys"),
        ('Use {braces} so:\n```json\n{"a": 1,\n "b": {"c": "}"}}\n```', True, "JSON with all keys"),
        ('{"a": 1} and {"b": 2}', False, 'JSON without the key "b"'),
        ('a set {1, 2} and {"a": 1', False, "no JSON object"),
        ('["a", "b"]', False, "no JSON object"),
        ('so {"a": 1, "a": 2, "b": 3}', False, "JSON with the same key twice"),
        ("{" * 60 + '{"a": 1, "b": 2}', False, "no JSON object at the first 50 braces"),
    ],
)
def test_json_anywhere_takes_the_first_object(text: str, passed: bool, found: str) -> None:
    verdict = check(constraint("valid_json_keys", keys=["a", "b"], anywhere=True), text)
    assert (verdict.passed, verdict.found) == (passed, found)


@pytest.mark.parametrize("text", ["{" * 100_000 + "a", '{"a":' * 20_000, '{"' + "{" * 100_000, '{"a":[{' * 12_000])
def test_json_anywhere_in_hostile_text_is_looked_for_in_bounded_time(text: str) -> None:
    start = time.process_time()
    assert not passes("valid_json_keys", text, keys=["a"], anywhere=True)
    assert time.process_time() - start < 5


def test_exact_keys_allow_no_others() -> None:
    verdict = check(constraint("valid_json_keys", keys=["a"], exact=True), '{"a": 1, "z": 3}')
    assert not verdict.passed
    assert verdict.found == "JSON with further keys: z"
    assert passes("valid_json_keys", '{"a": 1}', keys=["a"], exact=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So it is 1,200.", "1200"),
        ("That makes $1,200.50.", "1200.50"),
        ("12,345,678", "12345678"),
        ("first 3, then 4,", "4"),
        ("1,2,3", "3"),
        ("1,2345", "2345"),
        ("x = -5", "-5"),
        ("(\u22127)", "-7"),
        ("-$3.50", "-3.50"),
        ("$-5", "-5"),
        ("10-5", "5"),
        ("2019-2020", "2020"),
        (".5", "0.5"),
        ("42 is it. H2O and x5 and A20", "42"),
        ("5kg", "5"),
        ("**42**", "42"),
        (r"\boxed{42}", "42"),
        ("forty-two", None),
        ("٣", None),
    ],
)
def test_last_number(text: str, expected: str | None) -> None:
    assert verifiers.last_number(text) == (None if expected is None else Decimal(expected))


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(["{}", "The answer is {}.", "= ${}!"]))
def test_a_number_written_with_or_without_thousands_commas_is_found(number: Decimal, sentence: str) -> None:
    for text in (sentence.format(f"{number:,}"), sentence.format(f"{number:f}")):
        assert verifiers.last_number("First 17. Then " + text) == number


def test_the_answer_is_compared_exactly_unless_a_tolerance_is_given() -> None:
    assert passes("answer_equals", "It is 12.50 dollars.", value=12.5)
    assert passes("answer_equals", "It is 1,000.", value=1000)
    # 31 decimals are more than decimal arithmetic keeps: a difference would round to nought.
    assert not passes("answer_equals", "42." + "0" * 30 + "1", value=42)
    assert passes("answer_equals", "about 41.6", value=42, tolerance=0.5)
    assert not passes("answer_equals", "about 41.4", value=42, tolerance=0.5)
    assert check(constraint("answer_equals", value=7), "seven").found == "no number, 7 is right"


@pytest.mark.parametrize(
    ("kind", "text", "passed"),
    [
        ("all_lowercase", "ünder 5 €", True),
        ("all_lowercase", "Ünder", False),
        ("all_lowercase", "12 + 5", False),
        ("all_uppercase", "ÜNDER 5 €", True),
        ("all_uppercase", "STRAßE", False),
        ("no_commas", "one\uff0c two", False),
        ("no_commas", "semi; colon: stop.", True),
        ("no_digits", "four \u2463", False),
        ("no_markdown", "a * b * c = d, snake_case, ____", True),
        ("no_markdown", "# Title\ntext", False),
        ("no_markdown", "see [this](https://example.org)", False),
        ("no_markdown", "use `code`", False),
        ("no_markdown", "__bold__", False),
        ("no_markdown", "#hashtag", True),
        ("no_markdown", "| a | b |\n|---|---|", False),
    ],
)
def test_characters(kind: str, text: str, passed: bool) -> None:
    assert passes(kind, text) is passed


def test_what_was_found_is_said_in_words() -> None:
    assert check(constraint("max_words", n=2), "one two three").found == "3 words, at most 2 words asked"
    assert check(constraint("exact_sentences", n=1), "One. Two.").found == "2 sentences, exactly 1 sentence asked"
    assert check(constraint("numbered_items", n=2), "1. a\n1. b").found == "items numbered 1, 1, 1 to 2 in order asked"
    assert check(constraint("no_commas"), "a, b").found == "1 comma"


@given(st.lists(st.text(alphabet="abcXYZ'é7", min_size=1).filter(lambda w: any(c.isalnum() for c in w)), max_size=60))
def test_word_kinds_agree_with_counting_by_construction(words: list[str]) -> None:
    text, n = " ".join(words), len(words)
    assert len(verifiers.words(text)) == n
    if n:
        assert passes("word_range", text, low=n, high=n)
        assert passes("max_words", text, n=n)
        assert passes("min_words", text, n=n)
        assert not passes("min_words", text, n=n + 1)
        if n > 1:
            assert not passes("max_words", text, n=n - 1)


@given(st.integers(1, 30), st.sampled_from(["- ", "* ", "+ ", "• "]), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_lists_agree_with_counting_by_construction(n: int, marker: str, newline: str) -> None:
    bulleted = newline.join(f"{marker}thing" for _ in range(n))
    numbered = newline.join(f"{i + 1}. thing" for i in range(n))
    for text in (bulleted, numbered):
        assert passes("exact_sentences", text, n=n)
        assert passes("max_lines", text, n=n)
        assert len(verifiers.words(text)) == n
    assert passes("exact_bullets", bulleted, n=n)
    assert passes("numbered_items", numbered, n=n)
    assert not passes("numbered_items", numbered, n=n + 1)
    assert passes("exact_paragraphs", numbered, n=n if newline == "\n\n" else 1)


@pytest.mark.parametrize(
    ("kind", "params", "says"),
    [
        ("fewest_words", {}, "no constraint kind 'fewest_words'; allowed are ['all_lowercase'"),
        ("max_words", {}, "missing parameters ['n']"),
        ("max_words", {"n": 3, "m": 4}, "unknown parameters ['m']"),
        ("no_commas", {"n": 3}, "takes no parameters"),
        ("max_words", {"n": 0}, "n must be a whole number from 1 to 10000, got 0"),
        ("max_words", {"n": True}, "got True"),
        ("max_words", {"n": 2.0}, "got 2.0"),
        ("max_words", {"n": "3"}, "got '3'"),
        ("word_range", {"low": 5, "high": 4}, "low 5 is above high 4"),
        ("must_contain", {"phrases": []}, "phrases must be a list"),
        ("must_contain", {"phrases": "cat"}, "phrases must be a list"),
        ("must_contain", {"phrases": ["cat", "CAT"]}, "different texts"),
        ("must_contain", {"phrases": ["cat", " "]}, "phrases must be a list"),
        ("must_contain", {"phrases": ["x" * 201]}, "1 to 200 characters"),
        ("ends_with", {"text": ""}, "text must be a text"),
        ("valid_json_keys", {"keys": ["a"], "exact": 1}, "exact must be true or false"),
        ("answer_equals", {"value": math.nan}, "value must be a finite number"),
        ("answer_equals", {"value": "7"}, "value must be a finite number"),
        ("answer_equals", {"value": 7, "tolerance": -1}, "tolerance must not be negative"),
    ],
)
def test_a_constraint_that_does_not_fit_is_refused_with_what_is_allowed(
    kind: str, params: dict[str, Any], says: str
) -> None:
    bad = Constraint.model_construct(id="c9", kind=kind, params=params)
    for act in (validate, describe, lambda c: check(c, "a text")):
        with pytest.raises(RecordError) as caught:
            act(bad)
        assert says in str(caught.value)
        assert "c9" in caught.value.where


def test_describe_names_what_is_asked() -> None:
    described = {kind: describe(constraint(kind, **EXAMPLES[kind][0])) for kind in EXAMPLES}
    assert described["max_words"] == "at most 3 words"
    assert described["word_range"] == "2 to 3 words"
    assert described["exact_bullets"] == "exactly 2 bullets"
    assert described["must_contain"] == 'contains "cat" and "old dog"'
    assert described["must_not_contain"] == 'does not contain "cat" or "dog"'
    assert describe(constraint("valid_json_keys", keys=["a"], exact=True)) == (
        'is nothing but JSON with the keys "a" and no others'
    )
    assert describe(constraint("valid_json_keys", keys=["a"], anywhere=True)) == 'contains JSON with the keys "a"'
    assert describe(constraint("answer_equals", value=7.5, tolerance=0.1)) == "the last number is 7.5, give or take 0.1"
    assert len(set(described.values())) == len(described)


def test_constraints_survive_their_own_json() -> None:
    for kind, (params, good, bad) in EXAMPLES.items():
        read = Constraint.parse(json.loads(constraint(kind, **params).canonical()))
        assert check(read, good).passed
        assert not check(read, bad).passed


def test_check_all_counts() -> None:
    asked = [constraint("max_words", "c1", n=2), constraint("no_commas", "c2"), constraint("no_digits", "c3")]
    found = check_all(asked, "one two, three")
    assert [verdict.constraint for verdict in found.verdicts] == ["c1", "c2", "c3"]
    assert (found.n_passed, found.n_total, found.all_passed) == (1, 3, False)
    assert found.share == pytest.approx(1 / 3)
    assert found.passed_ids == {"c3"}
    assert check_all(asked, "one two").all_passed


def test_nothing_to_check_vouches_for_nothing() -> None:
    found = check_all([], "some text")
    assert math.isnan(found.share)
    assert not found.all_passed
    assert prefer([], "some text", "other") is None


def test_check_all_refuses_two_constraints_of_one_id() -> None:
    with pytest.raises(RecordError, match="distinct ids"):
        check_all([constraint("no_commas"), constraint("no_digits")], "text")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("one two", "one, two, 3", "A"),
        ("one, two, 3", "one two", "B"),
        ("one, two", "one, two, 3", "A"),
        ("one two", "three four", "tie"),
        ("one, 2", "three, 4", "tie"),
        ("one, two", "one 2", None),
        ("", "one, 2 three", "tie"),
        ("", "one two", "B"),
    ],
)
def test_prefer_vouches_only_where_one_keeps_all_the_other_keeps(first: str, second: str, expected: str | None) -> None:
    asked = [constraint("no_commas", "c1"), constraint("no_digits", "c2")]
    assert prefer(asked, first, second) == expected


@given(
    st.lists(st.sampled_from(sorted(EXAMPLES)), unique=True, min_size=1, max_size=4),
    st.sampled_from([text for _, *texts in EXAMPLES.values() for text in texts]),
    st.sampled_from([text for _, *texts in EXAMPLES.values() for text in texts]),
)
def test_prefer_is_symmetric(kinds: list[str], first: str, second: str) -> None:
    asked = [constraint(kind, f"c{i}", **EXAMPLES[kind][0]) for i, kind in enumerate(kinds)]
    swapped = {"A": "B", "B": "A", "tie": "tie", None: None}
    answer = prefer(asked, first, second)
    assert prefer(asked, second, first) == swapped[answer]
    gap = check_all(asked, first).n_passed - check_all(asked, second).n_passed
    allowed = ("A", None) if gap > 0 else ("B", None) if gap < 0 else ("tie", None)
    assert answer in allowed
    assert prefer(asked, first, first) == "tie"
