"""Kinds of intervals: BCa, clusters, the pairs-of-labels bootstrap kept for comparison."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.stats.test_agreement_pairs import random_table
from workbench.errors import TableError
from workbench.stats import agreement, resampling
from workbench.stats.coding import Coded, encode, from_codes
from workbench.stats.patterns import patterns
from workbench.stats.resampling import affordable, estimate, multiplicities


def counts(labels: pd.DataFrame) -> Any:
    return labels.groupby(["item", "label"]).size().unstack(fill_value=0).to_numpy()


def test_bca_equals_scipy() -> None:
    labels = random_table(21, n_items=50)
    table = counts(labels)
    table = table[table.sum(axis=1) >= 2]

    def alpha(index: Any, axis: int = -1) -> Any:
        drawn = np.moveaxis(np.atleast_2d(index), axis, -1).reshape(-1, index.shape[axis])
        found = [krippendorff.alpha(value_counts=table[rows], level_of_measurement="nominal") for rows in drawn]
        return np.asarray(found).reshape(np.delete(index.shape, axis)) if index.ndim > 1 else found[0]

    theirs = stats.bootstrap(
        (np.arange(len(table)),), alpha, n_resamples=1500, method="BCa", rng=np.random.default_rng(0), axis=-1
    ).confidence_interval
    ours = agreement.krippendorff_alpha(labels, interval="bca", n_resamples=20_000)
    plain = agreement.krippendorff_alpha(labels, n_resamples=20_000)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)
    assert ours.low != plain.low
    assert "BCa" in ours.method


def test_clusters_are_resampled_whole() -> None:
    # Ten prompts of ten items that are all alike within a prompt: what is known is ten things, not a hundred.
    rng = np.random.default_rng(2)
    agree = rng.random(20) < 0.5
    rows = [
        (f"p{p}-{k}", f"p{p}", who, label)
        for p in range(20)
        for k in range(10)
        for who, label in (("a", "x" if k % 2 else "y"), ("b", ("x" if k % 2 else "y") if agree[p] else "z"))
    ]
    labels = pd.DataFrame(rows, columns=["item", "prompt_id", "annotator", "label"])
    whole = agreement.percent_agreement(labels, cluster="prompt_id", n_resamples=4000)
    items = agreement.percent_agreement(labels, n_resamples=4000)
    draws = agree[rng.integers(0, 20, (4000, 20))].mean(axis=1)
    assert (whole.low, whole.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.051)
    assert whole.high - whole.low > 2.5 * (items.high - items.low)
    assert "clusters of items" in whole.method
    again = agreement.percent_agreement(labels, cluster="prompt_id", interval="bca", n_resamples=2000)
    assert again.low < again.value < again.high


def test_few_clusters_have_no_interval() -> None:
    labels = random_table(22).assign(prompt_id=lambda t: t["item"].str[-1].map(lambda one: int(one) % 3))
    found = agreement.krippendorff_alpha(labels, cluster="prompt_id")
    assert math.isnan(found.low)
    assert found.reason == "3 clusters of items: no interval"


def test_an_item_in_two_clusters_is_refused() -> None:
    labels = random_table(23).assign(batch=lambda t: t["annotator"])
    with pytest.raises(TableError, match="stands in two groups of 'batch'"):
        agreement.krippendorff_alpha(labels, cluster="batch")
    with pytest.raises(TableError, match="have no batch"):
        agreement.krippendorff_alpha(labels.assign(batch=None), cluster="batch")


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_pairs_of_labels_as_in_the_macro(level: Any) -> None:
    labels = random_table(24, n_items=40, n_annotators=4, share=1)
    found = agreement.krippendorff_alpha(labels, level, interval="kalpha", n_resamples=4000)
    # The same the slow way: 240 pairs of values drawn from all ordered pairs within items, expected value fixed.
    table = counts(labels).astype(float)
    values = np.arange(1, 5, dtype=float)
    n = table.sum(axis=0)
    score = np.cumsum(n) - n / 2
    distance = {
        "nominal": 1 - np.eye(4),
        "ordinal": np.subtract.outer(score, score) ** 2,
        "interval": np.subtract.outer(values, values) ** 2,
        "ratio": (np.subtract.outer(values, values) / np.add.outer(values, values)) ** 2,
    }[level]
    together = np.sum([np.outer(row, row) - np.diag(row) for row in table], axis=0)
    expected = n @ distance @ n / (n.sum() - 1)
    rng = np.random.default_rng(1)
    cell = rng.choice(16, p=(together / together.sum()).ravel(), size=(4000, 240))
    slow = 1 - 2 * distance.ravel()[cell].sum(axis=1) / (4 - 1) / expected
    assert (found.low, found.high) == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.02)
    assert "too narrow" in found.reason


@pytest.mark.parametrize("interval", ["normal", "", None])
def test_an_unknown_interval_is_refused(interval: Any) -> None:
    with pytest.raises(ValueError, match="'percentile' or 'bca'"):
        agreement.krippendorff_alpha(random_table(25), interval=interval)


def as_table(rows: list[tuple[Any, Any]]) -> pd.DataFrame:
    """Labels of two people, one item a row."""
    return pd.DataFrame(
        [(f"i{k:03}", who, label) for k, two in enumerate(rows) for who, label in zip("ab", two, strict=True)],
        columns=["item", "annotator", "label"],
    )


def test_an_interval_of_no_width_says_why() -> None:
    # Every item disagrees, each in another way: they do not look alike.
    found = agreement.percent_agreement(as_table([(2 * k, 2 * k + 1) for k in range(30)]))
    assert found.low == found.high == 0
    assert found.reason.startswith("every resample has the same value, so no real interval: up to 10% of items")
    labels = random_table(81)
    assert "same difference" in agreement.difference(labels, labels).reason
    # Four people who all say the same: whoever is left out, the value is 1.
    alike = labels.assign(label=labels["item"].str[-1])
    assert "same whoever is left out" in agreement.annotator_jackknife(alike).reason


def test_resamples_with_one_label_have_no_ac1() -> None:
    # 19 items A A and one A B: .95^20 = 36 % of resamples lack that one, and with it a second label.
    labels = as_table([("A", "A")] * 19 + [("A", "B")])
    found = agreement.gwet_ac1(labels, n_resamples=4000)
    lost = int(found.reason.split(" of ")[0])
    assert lost / 4000 == pytest.approx(0.95**20, abs=0.03)
    assert found.high < 1
    without = agreement.without_each(labels, "gwet_ac1")
    assert without["value"].isna().all()


def test_bca_says_where_it_has_no_interval() -> None:
    p = patterns(encode(random_table(83, n_items=20)))
    # No resample reaches the value, so its bias has no normal quantile.
    how: dict[str, Any] = {"n_resamples": 50, "confidence": 0.95, "seed": 0, "method": "m", "interval": "bca"}
    found = estimate("x", p, lambda weight: np.full(len(weight), 2.0 if len(weight) == 1 else 1.0), **how)
    assert math.isnan(found.low)
    assert found.reason == "no BCa interval: all resamples lie on one side of the value"


@pytest.mark.parametrize("n", [0, 2])
def test_nothing_to_agree_on_is_undefined_everywhere(n: int) -> None:
    labels = pd.DataFrame({"item": ["x"] * n, "annotator": ["a", "b"][:n], "label": [None] * n})
    for found in (
        agreement.gwet_ac1(labels),
        agreement.gwet_ac2(labels),
        agreement.fleiss_kappa(labels),
        *agreement.recommend(labels).estimates,
    ):
        assert math.isnan(found.value)
        assert found.reason
    alone = pd.DataFrame({"item": list("wxyz"), "annotator": "a", "label": list("ABAB")})
    for coefficient in ("krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac1"):
        assert agreement.without_each(alone, coefficient)["value"].isna().all()
        assert math.isnan(agreement.annotator_jackknife(alone, coefficient).value)


def many_kinds(n_items: int, n_labels: int = 100_000) -> Coded:
    """Two people's labels of many classes, a third of the items agreed on, two items a prompt."""
    rng = np.random.default_rng(5)
    first = rng.integers(0, n_labels, n_items)
    second = np.where(rng.random(n_items) < 1 / 3, first, rng.integers(0, n_labels, n_items))
    coded = from_codes(
        np.repeat(np.arange(n_items), 2),
        np.tile([0, 1], n_items),
        pd.factorize(np.column_stack([first, second]).ravel())[0],
    )
    return replace(coded, cluster=np.arange(n_items) // 2, cluster_name="prompt_id")


def test_as_many_kinds_as_items_are_resampled_in_bounded_time() -> None:
    coded = many_kinds(60_000)
    start = time.process_time()
    found = agreement.percent_agreement(coded, n_resamples=1_000)
    whole = agreement.percent_agreement(coded, cluster="prompt_id", n_resamples=1_000)
    exact = agreement.percent_agreement(coded, interval="bca", n_resamples=1_000)
    assert time.process_time() - start < 120  # 4 s where it was measured
    share = found.value
    half = 1.96 * math.sqrt(share * (1 - share) / 60_000)
    for one in (found, whole, exact):
        assert (one.low, one.high) == pytest.approx((share - half, share + half), abs=half / 6)
    assert "2,000 groups of items" in exact.method


def test_fewer_resamples_than_asked_are_told() -> None:
    assert affordable(10_000, 20_000) == 10_000
    assert affordable(10_000, 100_000) == 2_500
    assert affordable(10_000, 10_000_000) == 1_000
    assert affordable(50, 10_000_000) == 50
    drawn = [size.shape for size in multiplicities(np.ones(3_000, dtype=np.int64), 30, 0, width=800_000)]
    assert drawn == [(10, 3_000)] * 3


def test_drawing_one_by_one_is_drawing_kinds() -> None:
    times = np.asarray([1, 2, 3] * 1_000)
    singly = np.concatenate(list(multiplicities(times, 400, 0)))
    assert (singly.sum(axis=1) == times.sum()).all()
    assert singly.mean(axis=0).reshape(-1, 3).mean(axis=0) == pytest.approx([1, 2, 3], rel=0.01)
    # Binomial: variance n p (1 - p), near the mean.
    assert singly.var(axis=0).reshape(-1, 3).mean(axis=0) == pytest.approx([1, 2, 3], rel=0.05)


def test_leaving_groups_out_is_leaving_items_out(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = random_table(82, n_items=400)
    exact = agreement.krippendorff_alpha(labels, interval="bca", n_resamples=4_000)
    monkeypatch.setattr(resampling, "_LEFT_OUT_SINGLY", 10)
    monkeypatch.setattr(resampling, "_GROUPS", 100)
    grouped = agreement.krippendorff_alpha(labels, interval="bca", n_resamples=4_000)
    assert (grouped.low, grouped.high) == pytest.approx((exact.low, exact.high), abs=0.004)
