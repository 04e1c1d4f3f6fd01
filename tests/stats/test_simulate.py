"""Simulated annotators show the faults they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.errors import TableError
from workbench.stats.simulate import SimulatedAnnotator, pairwise


def batch(n: int, annotator: str, *, gap: float = 1.0, words_a: int = 50, words_b: int = 50) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [f"i{k}" for k in range(n)],
            "annotator": annotator,
            "left": np.where(np.arange(n) % 2 == 0, "A", "B"),
            "quality_a": gap,
            "quality_b": 0.0,
            "words_a": words_a,
            "words_b": words_b,
        }
    )


def share(result: pd.DataFrame, label: str) -> float:
    return float((result["label"] == label).mean())


def test_skill_is_the_logistic_chance_of_the_better_one() -> None:
    # P(A) = 1 / (1 + exp(-skill * gap)) = 1 / (1 + e^-2) = .881 without ties.
    result = pairwise(batch(20_000, "s"), [SimulatedAnnotator("s", skill=2, tie_threshold=0)], seed=1)
    assert share(result, "A") == pytest.approx(0.881, abs=0.01)
    assert share(result, "tie") == 0


def test_tie_threshold_makes_ties() -> None:
    # Without skill the felt advantage is logistic noise: P(|noise| < 1) = 2 / (1 + e^-1) - 1 = .462.
    result = pairwise(batch(20_000, "s"), [SimulatedAnnotator("s", skill=0, tie_threshold=1)], seed=1)
    assert share(result, "tie") == pytest.approx(0.462, abs=0.01)


def test_side_bias_prefers_the_left() -> None:
    frame = batch(20_000, "s", gap=0)
    result = pairwise(frame, [SimulatedAnnotator("s", skill=1, tie_threshold=0, side_bias=1)], seed=2)
    assert float((result["label"] == frame["left"]).mean()) == pytest.approx(0.731, abs=0.01)


def test_length_bias_prefers_the_longer() -> None:
    frame = batch(20_000, "s", gap=0, words_a=100, words_b=50)
    result = pairwise(frame, [SimulatedAnnotator("s", skill=1, tie_threshold=0, length_bias=1)], seed=3)
    # log 2 = .693: P(A) = 2 / 3.
    assert share(result, "A") == pytest.approx(2 / 3, abs=0.01)


def test_carelessness_is_a_third_each_and_quick() -> None:
    result = pairwise(batch(9_000, "s", gap=5), [SimulatedAnnotator("s", skill=9, carelessness=1)], seed=4)
    assert [share(result, label) for label in ("A", "B", "tie")] == pytest.approx([1 / 3] * 3, abs=0.02)
    assert result["duration_s"].median() < 5


def test_same_seed_same_labels() -> None:
    who = [SimulatedAnnotator("s", skill=1)]
    assert pairwise(batch(50, "s"), who, seed=5).equals(pairwise(batch(50, "s"), who, seed=5))
    assert not pairwise(batch(50, "s"), who, seed=5).equals(pairwise(batch(50, "s"), who, seed=6))


def test_strangers_are_refused() -> None:
    with pytest.raises(TableError, match=r"no simulated annotator \['x'\]"):
        pairwise(batch(2, "x"), [SimulatedAnnotator("s", skill=1)])
