"""Kinds of intervals: BCa, clusters, the pairs-of-labels bootstrap kept for comparison."""

from __future__ import annotations

import math
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.stats.test_agreement_pairs import random_table
from workbench.errors import TableError
from workbench.stats import agreement


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
