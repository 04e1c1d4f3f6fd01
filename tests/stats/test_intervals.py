"""Intervals against printed numbers, an independent implementation, and their own promise of coverage."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from tests.stats.test_agreement_pairs import random_table
from workbench.stats import agreement, intervals


def test_wilson_of_three_gold_errors_in_twenty() -> None:
    # (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n) with p = .15, n = 20, z = 1.96: 5.2 % to 36.0 %.
    low, high, _ = intervals.wilson(3, 20)
    assert (round(low, 3), round(high, 3)) == (0.052, 0.360)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (1, 7), (250, 1000)])
def test_wilson_equals_statsmodels(k: int, n: int) -> None:
    low, high, _ = intervals.wilson(k, n)
    assert (low, high) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-9)


def test_wilson_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="successes <= n"):
        intervals.wilson(3, 2)
    with pytest.raises(ValueError, match=r"95 % is 0\.95"):
        intervals.wilson(1, 2, confidence=95)
    assert math.isnan(intervals.wilson(0, 0).low)


def test_paired_difference_is_the_mean_change_with_its_normal_width() -> None:
    rng = np.random.default_rng(1)
    before = rng.random(400)
    after = before + rng.normal(0.1, 0.2, 400)
    result = intervals.paired_difference(before, after)
    change = after - before
    half = 1.96 * change.std() / 20
    assert result.value == pytest.approx(change.mean())
    assert result.low == pytest.approx(change.mean() - half, abs=0.004)
    assert result.high == pytest.approx(change.mean() + half, abs=0.004)
    assert result.n_items == 400


def test_pairs_must_match() -> None:
    with pytest.raises(ValueError, match="equally long"):
        intervals.paired_difference([1, 2], [1, 2, 3])


@pytest.mark.parametrize(
    ("values", "reason"),
    [([0.4], "1 unit: too few"), ([0.1, 0.2, 0.3, 1.0], "4 units: too few"), ([0.4] * 60, "no variation")],
)
def test_where_resampling_shows_nothing_there_is_no_interval(values: list[float], reason: str) -> None:
    result = intervals.mean(values)
    assert result.value == pytest.approx(0.4)
    assert math.isnan(result.low)
    assert reason in result.reason


def test_undefined_replicates_are_counted() -> None:
    interval = intervals.percentile(np.array([math.nan, 1.0, 2.0, 3.0]))
    assert interval.n_undefined == 1
    assert 1 <= interval.low < interval.high <= 3


def test_mean_interval_covers() -> None:
    # 400 data sets of 60 prompts with three graded outcomes: a 95 % interval misses about 5 %.
    rng = np.random.default_rng(7)
    hits = 0
    for seed in range(400):
        values = rng.choice([0.0, 0.5, 1.0], p=[0.4, 0.35, 0.25], size=60)
        interval = intervals.mean(values, n_resamples=800, seed=seed)
        hits += interval.low <= 0.425 <= interval.high
    assert 0.91 <= hits / 400 <= 0.985


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_resamples": 1}, "0 for no interval, or at least 20"),
        ({"n_resamples": 19}, "0 for no interval, or at least 20"),
        ({"n_resamples": -1}, "0 for no interval, or at least 20"),
        ({"n_resamples": 100.0}, "0 for no interval, or at least 20"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"seed": None}, "seed must be a whole number"),
        ({"confidence": 0}, "between 0 and 1"),
        ({"confidence": 1}, "between 0 and 1"),
        ({"confidence": math.nan}, "between 0 and 1"),
    ],
)
def test_options_no_interval_can_have_are_refused_at_one_door(options: Any, words: str) -> None:
    labels = random_table(71, n_items=20)
    one = labels[labels["annotator"] == "a0"]  # nothing to agree with: the way out before any resampling
    rankings = one.assign(label="A>B")
    for call in (
        lambda: intervals.mean([1, 2, 3, 4, 5, 6], **options),
        lambda: intervals.mean([1], **options),
        lambda: intervals.paired_difference([1, 2], [2, 3], **options),
        lambda: agreement.krippendorff_alpha(one, **options),
        lambda: agreement.krippendorff_alpha(labels, interval="kalpha", **options),
        lambda: agreement.gwet_ac1(one, **options),
        lambda: agreement.set_alpha(labels.iloc[:0], **options),
        lambda: agreement.cohen_kappa(labels, "a0", "a1", **options),
        lambda: agreement.pairwise_kappa(one, **options),
        lambda: agreement.difference(one, labels, **options),
        lambda: agreement.by(labels, "annotator", least=1_000, **options),
        lambda: agreement.over_time(labels.assign(submitted_at="2020-01-01"), **options),
        lambda: agreement.kendall_tau(rankings, **options),
        lambda: agreement.rank_alpha(rankings, **options),
        lambda: agreement.recommend(one, **options),
    ):
        with pytest.raises(ValueError, match=words):
            call()
    for name in options.keys() & {"confidence"}:
        with pytest.raises(ValueError, match=words):
            agreement.annotator_jackknife(labels.iloc[:0], **{name: options[name]})
        with pytest.raises(ValueError, match=words):
            intervals.difference_of_shares("x", (0, 0), (1, 2), confidence=options[name])


def test_no_resamples_means_no_interval_and_no_complaint() -> None:
    found = intervals.mean([1, 2, 3, 4, 5, 6], n_resamples=0)
    assert (found.value, found.reason) == (3.5, "")
    assert math.isnan(found.low)
    labels = random_table(72, n_items=20)
    both = agreement.difference(labels, labels, n_resamples=0)
    assert (both.value, both.reason) == (0, "")
    assert math.isnan(both.low)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_mean_of_what_is_missing_is_undefined(bad: float) -> None:
    found = intervals.mean([1, 2, 3, 4, 5, bad])
    assert math.isnan(found.value)
    assert found.reason == "1 of 6 values are missing or infinite"
    change = intervals.paired_difference([1, 2, 3, 4, 5], [1, 2, 3, 4, bad])
    assert change.reason == "1 of 5 values are missing or infinite"
    with pytest.raises(ValueError, match="a list of numbers, got shape"):
        intervals.mean(np.ones((4, 3)))
