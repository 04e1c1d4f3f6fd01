"""The result record and the three-way verdict."""

from __future__ import annotations

import math

import pytest

from workbench.stats.estimate import Estimate, verdict


def estimate(value: float, low: float, high: float, n: int = 200) -> Estimate:
    return Estimate("krippendorff_alpha", value, low, high, n, 3, 3 * n, "nominal alpha")


def test_pass_fail_inconclusive() -> None:
    assert verdict("q", estimate(0.7, 0.61, 0.79), 0.6).decision == "pass"
    assert verdict("q", estimate(0.5, 0.41, 0.59), 0.6).decision == "fail"
    assert verdict("q", estimate(0.55, 0.4, 0.7), 0.6).decision == "inconclusive"
    assert verdict("q", estimate(0.05, 0.01, 0.09), 0.1, higher_is_better=False).decision == "pass"
    assert verdict("q", estimate(0.25, 0.11, 0.4), 0.1, higher_is_better=False).decision == "fail"


def test_more_items_follows_the_square_root_law() -> None:
    # Upper reach .11 must shrink to the distance .05: 200 (.11/.05)^2 = 968, so 768 more.
    assert verdict("q", estimate(0.55, 0.44, 0.66), 0.6).more_items == 768
    assert verdict("q", estimate(0.7, 0.61, 0.79), 0.6).more_items is None


def test_an_estimate_on_the_threshold_is_never_settled_by_items() -> None:
    assert verdict("q", estimate(0.6, 0.5, 0.7), 0.6).more_items is None


def test_undefined_is_inconclusive_and_says_why() -> None:
    undefined = Estimate("krippendorff_alpha", math.nan, math.nan, math.nan, 0, 1, 0, "alpha", reason="one annotator")
    assert verdict("q", undefined, 0.6).decision == "inconclusive"
    assert "one annotator" in str(undefined)
    with pytest.raises(ValueError, match="finite"):
        verdict("q", undefined, math.nan)


def test_text_carries_counts_interval_and_method() -> None:
    text = str(estimate(0.7, 0.61, 0.79))
    assert "0.700" in text
    assert "0.610 to 0.790" in text
    assert "200 items, 3 annotators, 600 labels" in text
