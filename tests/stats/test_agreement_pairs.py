"""Kappa of two annotators and of all pairs, against hand-worked numbers, printed ones and scikit-learn."""

from __future__ import annotations

import json
import math
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from workbench.errors import TableError
from workbench.stats import agreement
from workbench.stats.coding import from_codes

if TYPE_CHECKING:
    from pathlib import Path


def random_table(
    seed: int, n_items: int = 60, n_annotators: int = 6, n_values: int = 4, share: float = 0.6
) -> pd.DataFrame:
    """Labels of annotators who each see a share of the items."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, n_values + 1, n_items)
    rows = [
        (f"i{i:03}", f"a{a}", int(truth[i] if rng.random() < 0.6 else rng.integers(1, n_values + 1)))
        for i in range(n_items)
        for a in range(n_annotators)
        if rng.random() < share
    ]
    return pd.DataFrame(rows, columns=["item", "annotator", "label"])


@pytest.mark.parametrize("weights", ["nominal", "linear", "quadratic"])
def test_every_pair_equals_scikit_learn(weights: Literal["nominal", "linear", "quadratic"]) -> None:
    labels = random_table(1)
    wide = labels.pivot(index="item", columns="annotator", values="label")
    found = agreement.pairwise_kappa(labels, weights=weights, n_resamples=0).table.set_index(["a", "b"])
    assert len(found) == 15
    for a, b in combinations(wide.columns, 2):
        both = wide[[a, b]].dropna()
        theirs = cohen_kappa_score(
            both[a], both[b], labels=[1, 2, 3, 4], weights=None if weights == "nominal" else weights
        )
        assert found.loc[(a, b), "kappa"] == pytest.approx(theirs, abs=1e-12)
        assert found.loc[(a, b), "n_items"] == len(both)
        assert found.loc[(a, b), "agreement"] == pytest.approx(float((both[a] == both[b]).mean()))


def test_one_pair_equals_the_row_of_all_pairs() -> None:
    labels = random_table(2)
    table = agreement.pairwise_kappa(labels, n_resamples=500).table
    for row in table.itertuples():
        one = agreement.cohen_kappa(labels, str(row.a), str(row.b), n_resamples=500)
        assert (one.value, one.low, one.high, one.n_items) == pytest.approx((row.kappa, row.low, row.high, row.n_items))


def test_weighted_kappa_printed_by_sas(data_dir: Path) -> None:
    records = {r["id"]: r for r in json.loads((data_dir / "reference_values_dev/reference_values.json").read_text())}
    cells = records["cohen-sas"]["data"]["table"]
    rows = [
        (f"i{k}", name, value)
        for k, (x, y) in enumerate((x, y) for x in range(3) for y in range(3) for _ in range(cells[x][y]))
        for name, value in (("a", x), ("b", y))
    ]
    labels = pd.DataFrame(rows, columns=["item", "annotator", "label"])
    kappa = agreement.weighted_kappa(labels, weights="linear")
    assert kappa.value == pytest.approx(0.4701, abs=5e-5)
    assert kappa.low == pytest.approx(0.1845, abs=0.06)  # the printed interval is the large-sample one
    assert kappa.high == pytest.approx(0.7558, abs=0.06)


def test_weighted_kappa_worked_by_hand() -> None:
    # Items (1,1) (1,2) (3,3) (3,1): squared differences 0 1 0 4, mean 1.25. Margins of a: 1/2 at 1, 1/2 at 3; of b:
    # 1/2 at 1, 1/4 at 2, 1/4 at 3. Expected: (1,1)0 (1,2)1/8 (1,3)4/8 (3,1)4/4 (3,2)1/8 (3,3)0 = 1.75.
    # kappa = 1 - 1.25 / 1.75 = 0.285714.
    labels = pd.DataFrame(
        {"item": [1, 2, 3, 4] * 2, "annotator": ["a"] * 4 + ["b"] * 4, "label": [1, 1, 3, 3, 1, 2, 3, 1]}
    )
    assert agreement.weighted_kappa(labels).value == pytest.approx(1 - 1.25 / 1.75)


@pytest.mark.parametrize("weights", ["nominal", "linear", "quadratic"])
def test_perfect_agreement_on_unequal_items_is_one(weights: Any) -> None:
    labels = pd.DataFrame(
        [("i1", "a", 1), ("i2", "a", 2), ("i3", "a", 3), ("i2", "b", 2), ("i3", "b", 3), ("i4", "b", 1)],
        columns=["item", "annotator", "label"],
    )
    found = agreement.pairwise_kappa(labels, weights=weights)
    assert found.table["kappa"].tolist() == [1.0]
    assert found.table["n_items"].tolist() == [2]
    assert agreement.weighted_kappa(labels, weights=weights).value == 1.0


def test_a_pair_with_one_label_only_has_no_kappa() -> None:
    labels = pd.DataFrame({"item": [1, 2, 1, 2], "annotator": list("aabb"), "label": ["x"] * 4})
    found = agreement.pairwise_kappa(labels)
    assert math.isnan(found.table["kappa"].iloc[0])
    assert found.table["agreement"].iloc[0] == 1
    kappa, counts = found.matrix()
    assert counts == [[0, 2], [2, 0]]
    assert math.isnan(kappa[0][1])


def test_annotators_who_share_nothing_are_in_no_row() -> None:
    labels = pd.DataFrame({"item": [1, 2], "annotator": list("ab"), "label": ["x", "y"]})
    found = agreement.pairwise_kappa(labels)
    assert len(found.table) == 0
    assert found.annotators == ("a", "b")
    assert found.matrix()[1] == [[0, 0], [0, 0]]


def test_a_matrix_nobody_reads_is_refused() -> None:
    labels = pd.DataFrame({"item": [1] * 201, "annotator": [f"a{k}" for k in range(201)], "label": [1, 2, 3] * 67})
    found = agreement.pairwise_kappa(labels)
    assert len(found.table) == 201 * 200 // 2
    assert found.table["low"].isna().all()
    with pytest.raises(TableError, match="cannot be read"):
        found.matrix()


def test_text_needs_an_order_for_weights() -> None:
    labels = pd.DataFrame({"item": [1, 2, 1, 2], "annotator": list("aabb"), "label": ["low", "high", "low", "low"]})
    with pytest.raises(TableError, match="categories="):
        agreement.weighted_kappa(labels)
    assert agreement.weighted_kappa(labels, categories=["low", "high"]).value == 0.0


def test_annotators_go_by_the_names_they_have() -> None:
    labels = random_table(41, n_annotators=2, share=1)
    truth = agreement.cohen_kappa(labels, n_resamples=0).value
    numbered = labels.assign(annotator=labels["annotator"].map({"a0": 1, "a1": 2}))
    assert agreement.cohen_kappa(numbered, 1, 2, n_resamples=0).value == pytest.approx(truth)
    # 1 and "1" are two people, whose kappa is not that of one person with themself.
    alike = labels.assign(annotator=labels["annotator"].map({"a0": 1, "a1": "1"}))
    for a, b in ((None, None), (1, "1")):
        assert agreement.cohen_kappa(alike, a, b, n_resamples=0).value == pytest.approx(truth)
        assert agreement.weighted_kappa(alike, a, b, n_resamples=0).value < 1
    pairs = agreement.pairwise_kappa(alike, n_resamples=0)
    assert pairs.table[["a", "b"]].to_numpy().tolist() == [[1, "1"]]
    kappa, counts = pairs.matrix()
    assert kappa[0][1] == kappa[1][0] == pytest.approx(truth)
    assert (counts[0][1], counts[0][0]) == (60, 0)


def test_nobody_is_set_against_themself() -> None:
    for kappa in (agreement.cohen_kappa, agreement.weighted_kappa):
        with pytest.raises(TableError, match="against themself"):
            kappa(random_table(42), "a0", "a0")


def test_kappa_of_many_different_labels_needs_no_matrix() -> None:
    rng = np.random.default_rng(0)
    n = 30_000
    value = rng.integers(0, 10**6, (n, 2))
    value[:, 1] = np.where(rng.random(n) < 0.4, value[:, 0], value[:, 1])
    labels = from_codes(np.repeat(np.arange(n), 2), np.tile([0, 1], n), pd.factorize(value.ravel())[0])
    assert labels.n_categories > 40_000
    expected = cohen_kappa_score(*labels.value.reshape(-1, 2)[:300].T)
    few = labels.only(labels.item < 300)
    assert agreement.cohen_kappa(few, n_resamples=0).value == pytest.approx(expected)
    whole = agreement.cohen_kappa(labels, n_resamples=0).value
    assert whole == pytest.approx(0.4, abs=0.02)
    assert agreement.pairwise_kappa(labels, n_resamples=0).table["kappa"].item() == pytest.approx(whole)
    for kappa in (agreement.weighted_kappa, lambda t: agreement.pairwise_kappa(t, weights="linear")):
        with pytest.raises(TableError, match="at most 2000 different ones"):
            kappa(labels)


def test_too_many_pairs_are_refused() -> None:
    crowd = from_codes(np.zeros(7_000, dtype=int), np.arange(7_000), np.arange(7_000) % 3)
    with pytest.raises(TableError, match="24,496,500 pairs of labels"):
        agreement.pairwise_kappa(crowd)
