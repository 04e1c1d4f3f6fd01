"""Calibration against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.stats import calibration, intervals

# sigmoid(log 3) = 3/4, sigmoid(log 19) = 19/20
SURE, SURER = math.log(3), math.log(19)
# .75 said, 3 of 4 right; .95 said, 2 of 4 right
MARGINS = [SURE, SURE, SURE, -SURE, SURER, SURER, -SURER, -SURER]
PROMPTS = [f"p{i}" for i in range(8)]


def test_accuracy_is_the_share_ahead_with_wilsons_interval() -> None:
    found = calibration.accuracy(PROMPTS, MARGINS)
    assert found.value == 5 / 8
    assert (found.low, found.high) == intervals.wilson(5, 8)[:2]
    assert (found.n_items, found.n_labels) == (8, 8)


def test_a_tie_counts_half() -> None:
    assert calibration.accuracy(["a", "b", "c", "d", "e"], [1.0, 1.0, 0.0, -1.0, 2.0]).value == 3.5 / 5


def test_brier_is_the_squared_distance_from_what_happened() -> None:
    # 3 x (1/4)^2, (3/4)^2; 2 x (1/20)^2, 2 x (19/20)^2
    worked = (3 / 16 + 9 / 16 + 2 / 400 + 2 * 361 / 400) / 8
    assert calibration.brier(PROMPTS, MARGINS).value == pytest.approx(worked)
    assert calibration.brier(PROMPTS, [0.0] * 8).value == 0.25


def test_reliability_puts_what_was_said_beside_what_came_true() -> None:
    bins = calibration.reliability(MARGINS)
    assert [one.n for one in bins] == [0, 0, 4, 0, 4]
    assert [one.confidence for one in bins if one.n] == pytest.approx([0.75, 0.95])
    assert [one.observed.value for one in bins if one.n] == [0.75, 0.5]
    assert (bins[2].observed.low, bins[2].observed.high) == intervals.wilson(3, 4)[:2]
    assert math.isnan(bins[0].observed.value)
    assert bins[0].observed.reason == "no pair in this bin"
    assert [one.high for one in bins[:-1]] == [one.low for one in bins[1:]]


def test_calibration_error_weighs_bins_by_their_pairs() -> None:
    found = calibration.expected_calibration_error(PROMPTS, MARGINS, n_resamples=200)
    assert found.value == pytest.approx((4 * 0.0 + 4 * 0.45) / 8)
    assert found.low < found.value < found.high
    assert "a perfectly calibrated judge would show 0." in found.reason


def test_what_a_perfect_judge_would_show_is_the_mean_error_of_one_bin() -> None:
    # 4 pairs at 3/4: |right/4 - 3/4| has mean 27/64 x 1/4 + 27/128 x 1/4 + 3/64 x 1/2 + 1/256 x 3/4 (+ 81/256 x 1/4)
    chances = {0: 1 / 256, 1: 12 / 256, 2: 54 / 256, 3: 108 / 256, 4: 81 / 256}
    worked = sum(chance * abs(right / 4 - 0.75) for right, chance in chances.items())
    found = calibration.expected_calibration_error(PROMPTS[:4], MARGINS[:4], n_resamples=20_000)
    told = float(found.reason.split("show ")[1].split()[0])
    assert told == pytest.approx(worked, abs=0.004)
    assert math.isnan(found.low)  # four prompts are too few
    assert found.reason.startswith("4 units: too few")


def test_pairs_of_one_prompt_are_resampled_together() -> None:
    rng = np.random.default_rng(1)
    margins = rng.normal(0.5, 1, 40)
    once = calibration.brier([str(i) for i in range(40)], margins, n_resamples=500)
    twice = calibration.brier([str(i) for i in range(40)] * 2, np.tile(margins, 2), n_resamples=500)
    assert twice.value == pytest.approx(once.value)
    assert twice.high - twice.low == pytest.approx(once.high - once.low, rel=0.15)  # as if nothing had been added
    assert (twice.n_items, twice.n_labels) == (40, 80)
    assert calibration.accuracy([str(i) for i in range(40)] * 2, np.tile(margins, 2)).low < once.value + 0.5


def test_without_evidence_there_is_no_number() -> None:
    empty = calibration.expected_calibration_error([], [])
    assert math.isnan(empty.value)
    assert empty.reason == "nothing to count"
    assert math.isnan(calibration.accuracy([], []).value)
    few = calibration.brier(["a", "a", "b"], [1.0, 2.0, 3.0])
    assert math.isnan(few.low)
    assert few.reason == "2 units: too few for an interval"


@pytest.mark.parametrize(("units", "margins"), [(["a"], [1.0, 2.0]), (["a"], [math.nan]), (["a"], [[1.0]])])
def test_margins_that_are_none_are_refused(units: list[str], margins: list[float]) -> None:
    with pytest.raises(ValueError, match="margins"):
        calibration.accuracy(units, margins)
