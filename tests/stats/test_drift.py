"""Change over time: hand-worked numbers, an independent implementation, and no verdict without evidence."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from workbench.stats import drift
from workbench.stats.intervals import difference_of_shares


def test_the_difference_of_shares_is_newcombes_example() -> None:
    # Newcombe (1998), table II, contrast a: 56/70 and 48/80, method 10: 0.2000, 0.0524 to 0.3339
    found = difference_of_shares("d", (48, 80), (56, 70))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    turned = difference_of_shares("d", (56, 70), (48, 80))
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


@pytest.mark.parametrize(("before", "after"), [((3, 20), (11, 30)), ((0, 10), (10, 10)), ((7, 7), (0, 3))])
def test_the_difference_of_shares_equals_statsmodels(before: tuple[int, int], after: tuple[int, int]) -> None:
    found = difference_of_shares("d", before, after)
    low, high = confint_proportions_2indep(*after, *before, compare="diff", method="newcomb")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_nothing_to_compare_has_no_number() -> None:
    found = difference_of_shares("d", (0, 0), (3, 4))
    assert math.isnan(found.value)
    assert found.reason == "nothing to compare"


def test_a_share_that_falls_is_seen_and_one_that_stays_is_not() -> None:
    fell = drift.share_change([True] * 60 + [True, False] * 15)
    assert fell.value == pytest.approx(-0.5)
    assert fell.high < 0
    stays = drift.share_change([True, True, False] * 40)
    assert stays.low < 0 < stays.high


def test_few_judgments_are_no_evidence() -> None:
    found = drift.share_change([True] * 30 + [False] * 9)
    assert not found.defined
    assert found.reason == "39 judgments: a change needs 10 before the last 30"
    assert not drift.pace_change([3.0] * 35).defined


def test_pace_is_a_ratio_with_welchs_interval() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.lognormal(3, 0.4, 50), rng.lognormal(3 - math.log(2), 0.4, 30)
    found = drift.pace_change([*before, *after])
    welch = stats.ttest_ind(np.log(after), np.log(before), equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((math.exp(welch.low), math.exp(welch.high)))
    assert found.value == pytest.approx(0.5, rel=0.2)
    assert found.high < 1
    # times that cannot be are passed over; equal times have no interval
    assert drift.pace_change([0.0, -1.0, *before, *after]) == found
    same = drift.pace_change([2.0] * 50)
    assert same.value == pytest.approx(1)
    assert same.reason == "all times are the same"


def test_the_run_at_the_end() -> None:
    assert drift.last_run([]) == (None, 0, 1.0)
    # before: A once of two, so (1 + 1) / (2 + 2) each time
    assert drift.last_run(["A", "B", "A", "A", "A"]) == ("A", 3, 0.5**3)
    # never seen before the run: (0 + 1) / (4 + 2)
    answer, length, chance = drift.last_run(["A"] * 4 + ["B"] * 2)
    assert (answer, length) == ("B", 2)
    assert chance == pytest.approx((1 / 6) ** 2)
