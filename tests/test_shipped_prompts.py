"""The prompts of the shipped pilot: valid, varied, balanced, and split so that the held-out ones are really new."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from workbench import verifiers
from workbench.records import Prompt, content_id

PATH = Path(__file__).parents[1] / "pilots" / "instruction-following-smollm2" / "prompts.jsonl"
LINES = PATH.read_text(encoding="utf-8").splitlines()
PROMPTS = [Prompt.parse(json.loads(line)) for line in LINES]
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# What the prompt has to say where a constraint has no parameter a reader could look for.
SAID = {
    "all_lowercase": r"lowercase|capital letters|small letters",
    "all_uppercase": r"capital letters",
    "no_commas": r"commas",
    "no_digits": r"digits",
    "no_markdown": r"plain text",
    "answer_equals": r"number",
}
# Kinds that a shorter answer keeps more easily, and kinds that ask for more text.
SHORTER = {"max_words", "max_sentences", "max_lines", "no_commas", "no_digits", "must_not_contain"}
LONGER = {
    "min_words",
    "min_sentences",
    "word_range",
    "exact_bullets",
    "numbered_items",
    "exact_paragraphs",
    "exact_lines",
}


def fivegrams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9']+", text.casefold())
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def test_the_file_is_canonical_and_its_ids_are_content_hashes() -> None:
    text = PATH.read_bytes().decode("utf-8")
    assert text == "".join(prompt.canonical() + "\n" for prompt in PROMPTS)
    assert [prompt.id for prompt in PROMPTS] == sorted(content_id("p", prompt.prompt) for prompt in PROMPTS)
    assert all(prompt.id == content_id("p", prompt.prompt) for prompt in PROMPTS)


def test_there_are_300_different_prompts_60_of_them_held_out() -> None:
    assert len({prompt.prompt.casefold() for prompt in PROMPTS}) == len(PROMPTS) == 300
    assert Counter(prompt.split for prompt in PROMPTS) == {"train": 240, "test": 60}


def test_each_category_has_the_same_share_in_both_splits() -> None:
    counts = Counter((prompt.category, prompt.split) for prompt in PROMPTS)
    categories = {prompt.category for prompt in PROMPTS}
    assert len(categories) >= 8
    assert {counts[category, "train"] for category in categories} == {24}
    assert {counts[category, "test"] for category in categories} == {6}


def test_every_prompt_has_one_to_three_valid_constraints() -> None:
    for prompt in PROMPTS:
        assert [one.id for one in prompt.constraints] == ["c1", "c2", "c3"][: len(prompt.constraints)]
        assert prompt.constraints
        for one in prompt.constraints:
            verifiers.validate(one)


def said(value: object, text: str) -> bool:
    """Whether a prompt says a parameter: a phrase word for word, a number as digits or as a word."""
    if isinstance(value, int):
        return re.search(rf"\b({value}|{NUMBERS[value] if value <= 10 else value})\b", text.casefold()) is not None
    if isinstance(value, list):
        return all(said(one, text) for one in value)
    return str(value) in text


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)
def test_the_prompt_says_each_of_its_constraints(prompt: Prompt) -> None:
    for one in prompt.constraints:
        if one.kind in SAID:
            assert re.search(SAID[one.kind], prompt.prompt), one
        else:
            assert one.params
            assert all(said(value, prompt.prompt) for value in one.params.values() if value is not True), one
        if one.kind == "valid_json_keys":
            assert ("no other keys" in prompt.prompt) is one.params.get("exact", False), one
            assert bool(re.search(r"\bonly\b", prompt.prompt, re.IGNORECASE)) is not one.params.get(
                "anywhere", False
            ), one


def test_no_kind_dominates_and_the_held_out_prompts_ask_the_same_kinds() -> None:
    kinds = Counter(one.kind for prompt in PROMPTS for one in prompt.constraints)
    assert set(kinds) == set(verifiers.KINDS)
    assert max(kinds.values()) < 0.2 * kinds.total()
    assert min(kinds.values()) >= 10
    held_out = {one.kind for prompt in PROMPTS if prompt.split == "test" for one in prompt.constraints}
    assert held_out == set(kinds)


@pytest.mark.parametrize("split", ["train", "test"])
def test_being_brief_is_not_a_way_to_keep_most_constraints(split: str) -> None:
    kinds = Counter(one.kind for prompt in PROMPTS if prompt.split == split for one in prompt.constraints)
    shorter, longer = (sum(kinds[kind] for kind in group) for group in (SHORTER, LONGER))
    assert 0.75 < shorter / longer < 1.33
    # The one-word answer that keeps every upper limit keeps less than half of all that is asked.
    asked = [one for prompt in PROMPTS if prompt.split == split for one in prompt.constraints]
    kept = sum(verifiers.check(one, "yes.").passed for one in asked)
    assert kept < 0.5 * len(asked)


def test_no_constraint_contradicts_another_of_its_prompt() -> None:
    for prompt in PROMPTS:
        kinds = {one.kind: one.params for one in prompt.constraints}
        assert len(kinds) == len(prompt.constraints), prompt
        assert not {"numbered_items", "answer_equals"} & set(kinds) or "no_digits" not in kinds, prompt
        assert not {"exact_bullets", "no_markdown"} <= set(kinds), prompt
        assert not {"all_lowercase", "all_uppercase"} <= set(kinds), prompt
        assert "valid_json_keys" not in kinds or len(kinds) == 1, prompt
        wanted = [
            value for kind in ("starts_with", "must_contain", "ends_with") for value in kinds.get(kind, {}).values()
        ]
        banned = [one for one in prompt.constraints if one.kind == "must_not_contain"]
        assert all(verifiers.check(one, f"text {wanted}").passed for one in banned), prompt


def test_no_held_out_prompt_nearly_repeats_a_training_prompt() -> None:
    grams = [(prompt, fivegrams(prompt.prompt)) for prompt in PROMPTS]
    close = [
        (len(a & b) / len(a | b), one.prompt, other.prompt)
        for one, a in grams
        if one.split == "test"
        for other, b in grams
        if other.split == "train"
    ]
    assert max(close)[0] < 0.5
