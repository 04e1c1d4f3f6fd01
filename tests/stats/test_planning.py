"""Thresholds set against each other, by hand and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.errors import TableError
from workbench.stats import agreement, planning
from workbench.stats.coding import from_codes


def test_two_answers_by_hand() -> None:
    # Error .1 of two answers: .81 + .01 = .82 agree; chance .5; alpha (.82 - .5) / .5 = .64. Alpha .6 is .8 of pairs.
    found = planning.consistency(0.6, 0.8, 0.1, [0.5, 0.5])
    assert found.raw_at_gold_error == pytest.approx(0.82)
    assert found.agreement_at_gold_error == pytest.approx(0.64)
    assert found.raw_for_agreement == pytest.approx(0.8)
    # 2 e^2 - 2 e + .2 = 0.
    assert found.gold_error_for_raw == pytest.approx((1 - math.sqrt(0.6)) / 2)
    assert found.notes == ()


def test_what_cannot_be_met_together_is_told() -> None:
    found = planning.consistency(0.6, 0.8, 0.15, [1, 1])
    assert len(found.notes) == 2
    assert "agree on about 74%, less than the 80% asked for: that takes an error of 11% or less" in found.notes[0]
    assert "alpha is about 0.49, less than the 0.6 asked for" in found.notes[1]


def test_a_threshold_that_never_decides_is_told() -> None:
    # Nine of ten say A: chance is .82, so alpha .6 is 92.8 % of pairs and asking for 80 % says nothing.
    found = planning.consistency(0.6, 0.8, 0.01, [90, 10])
    (note,) = found.notes
    assert note.startswith("with answers used as here alpha 0.6 is 93% of equal pairs, and 80% are asked for: alpha")


@pytest.mark.parametrize(("k", "error"), [(2, 0.12), (3, 0.2), (5, 0.3)])
def test_simulated_annotators_agree_as_said(k: int, error: float) -> None:
    rng = np.random.default_rng(k)
    n = 40_000
    truth = rng.integers(0, k, n)
    said = [np.where(rng.random(n) < error, (truth + rng.integers(1, k, n)) % k, truth) for _ in range(2)]
    coded = from_codes(np.tile(np.arange(n), 2), np.repeat([0, 1], n), np.concatenate(said))
    found = planning.consistency(0.6, 0.8, error, [1] * k)
    assert found.raw_at_gold_error == pytest.approx(agreement.percent_agreement(coded, n_resamples=0).value, abs=0.01)
    alpha = agreement.krippendorff_alpha(coded, n_resamples=0).value
    assert found.agreement_at_gold_error == pytest.approx(alpha, abs=0.01)
    again = planning.consistency(found.agreement_at_gold_error, found.raw_at_gold_error, error, [1] * k)
    assert again.gold_error_for_raw == pytest.approx(error)
    assert again.gold_error_for_agreement == pytest.approx(error)


@pytest.mark.parametrize("shares", [[1.0], [0, 5], [-1, 2, 2], [math.nan, 1, 1], []])
def test_fewer_than_two_answers_are_refused(shares: list[float]) -> None:
    with pytest.raises(TableError, match="two answers or more"):
        planning.consistency(0.6, 0.8, 0.15, shares)


def test_thresholds_are_shares() -> None:
    with pytest.raises(TableError, match="80 % is 0"):
        planning.consistency(0.6, 80, 0.15, [1, 1])
    assert math.isnan(planning.consistency(0.6, 0.1, 0.15, [1, 1]).gold_error_for_raw)
