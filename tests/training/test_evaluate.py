"""Comparing answers of base and adapter: the arithmetic, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.errors import TrainingError
from workbench.records import Constraint, Prompt
from workbench.training import evaluate

if TYPE_CHECKING:
    from pathlib import Path

PROMPT = Prompt(
    id="p",
    prompt="Say it shortly, with a full stop.",
    category="short",
    constraints=(Constraint(id="c1", kind="max_words"), Constraint(id="c2", kind="ends_with")),
)


def pair(sample: int, base: str, adapter: str, finish: str = "stop") -> evaluate.AnswerPair:
    return evaluate.AnswerPair(
        prompt_id="p", sample=sample, seed=sample, base=base, adapter=adapter, base_finish=finish, adapter_finish="stop"
    )


def score(prompt: Prompt, text: str) -> list[bool]:
    return [len(text.split()) <= 3, text.endswith(".")]


def test_shares_words_and_kinds_by_hand() -> None:
    pairs = [pair(0, "one two three four", "one two.", "length"), pair(1, "one two three.", "one two three four.")]
    # base: sample 0 satisfies 0 of 2, sample 1 2 of 2 -> .5;  adapter: 2 of 2 and 1 of 2 -> .75
    (row,) = evaluate.compare(pairs, [PROMPT], score)
    assert row == {
        "prompt_id": "p",
        "category": "short",
        "n_samples": 2,
        "base": 0.5,
        "adapter": 0.75,
        "base_words": 3.5,
        "adapter_words": 3.0,
        "base_cut": 0.5,
        "adapter_cut": 0.0,
        "constraints": [
            {"kind": "max_words", "base": 1, "adapter": 1},
            {"kind": "ends_with", "base": 1, "adapter": 2},
        ],
    }


def test_a_prompt_without_answers_is_refused() -> None:
    with pytest.raises(TrainingError, match="no answers to prompt p"):
        evaluate.compare([], [PROMPT], score)


def test_a_score_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(TrainingError, match="score gave 1 verdicts for 2 constraints"):
        evaluate.compare([pair(0, "a", "b")], [PROMPT], lambda prompt, text: [True])


def test_a_folder_without_adapter_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no adapter here"):
        evaluate.load_adapter(tmp_path)
