"""Slices, windows, leaving annotators out and changes, each against the slow way of doing it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stats.test_agreement_pairs import random_table
from workbench.errors import TableError
from workbench.stats import agreement
from workbench.stats.coding import encode, from_codes


@pytest.mark.parametrize("coefficient", ["krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac1"])
def test_without_each_equals_dropping_and_asking_again(coefficient: Any) -> None:
    labels = random_table(3)
    measure = getattr(agreement, coefficient)
    how = {"categories": [1, 2, 3, 4]} if coefficient == "gwet_ac1" else {}
    whole = measure(labels, n_resamples=0, **how).value
    found = agreement.without_each(labels, coefficient).set_index("annotator")
    for name in sorted(labels["annotator"].unique()):
        slow = measure(labels[labels["annotator"] != name], n_resamples=0, **how).value
        assert found.loc[name, "value"] == pytest.approx(slow)
        assert found.loc[name, "change"] == pytest.approx(slow - whole)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(1, 30) | st.none(), min_size=6, max_size=6), min_size=3, max_size=5),
    level=st.sampled_from(["nominal", "ordinal", "interval", "ratio"]),
)
def test_without_each_holds_at_every_level_and_with_many_categories(rows: list[list[int | None]], level: Any) -> None:
    cells = [(f"i{i}", f"o{o}", v) for o, row in enumerate(rows) for i, v in enumerate(row) if v is not None]
    labels = pd.DataFrame(cells, columns=["item", "annotator", "label"])
    if len(labels) == 0:
        return
    found = agreement.without_each(labels, level=level).set_index("annotator")["value"]
    for name in labels["annotator"].unique():
        rest = labels[labels["annotator"] != name]
        slow = agreement.krippendorff_alpha(rest, level, n_resamples=0).value
        assert found[name] == pytest.approx(slow, nan_ok=True)


def test_the_one_who_disagrees_comes_first() -> None:
    labels = random_table(4, n_items=100)
    odd = labels.copy()
    odd.loc[odd["annotator"] == "a3", "label"] = np.random.default_rng(0).integers(
        1, 5, (odd["annotator"] == "a3").sum()
    )
    assert agreement.without_each(odd)["annotator"].iloc[0] == "a3"


def test_the_jackknife_is_tukeys() -> None:
    labels = random_table(5)
    value = agreement.krippendorff_alpha(labels, n_resamples=0).value
    names = sorted(labels["annotator"].unique())
    out = [agreement.krippendorff_alpha(labels[labels["annotator"] != name], n_resamples=0).value for name in names]
    pseudo = len(names) * value - (len(names) - 1) * np.asarray(out)
    half = 2.5705818 * pseudo.std(ddof=1) / math.sqrt(6)  # t with 5 degrees of freedom at .975
    found = agreement.annotator_jackknife(labels)
    assert (found.value, found.low, found.high) == pytest.approx((value, value - half, value + half), abs=1e-6)


def test_two_annotators_have_no_jackknife() -> None:
    labels = random_table(6, n_annotators=2, share=1)
    found = agreement.annotator_jackknife(labels)
    assert math.isnan(found.low)
    assert "too few" in found.reason


def test_slices_equal_asking_for_each() -> None:
    labels = random_table(7).assign(category=lambda t: np.where(t["item"] < "i030", "easy", "hard"))
    easy, hard = agreement.by(labels, "category")
    assert (easy.label, hard.label) == ("category easy", "category hard")
    assert easy.value == agreement.krippendorff_alpha(labels[labels["category"] == "easy"]).value
    assert easy.low < easy.value < easy.high
    small = agreement.by(labels, "category", least=40)
    assert math.isnan(small[0].value)
    assert "fewer than 40" in small[0].reason


def test_a_label_counts_for_each_clause_it_cites() -> None:
    labels = random_table(8).assign(clauses=lambda t: np.where(t["item"] < "i030", '["c1", "c2"]', '["c2"]'))
    first, second = agreement.by(labels, "clauses", "percent_agreement")
    assert (first.label, second.label) == ("clauses c1", "clauses c2")
    assert second.n_items > first.n_items


def test_criteria_are_slices_too() -> None:
    labels = pd.concat([random_table(9).assign(criterion=name) for name in ("clear", "true")])
    assert [one.label for one in agreement.by(labels, "criterion")] == ["criterion clear", "criterion true"]


def test_windows_follow_the_clock() -> None:
    labels = random_table(10).assign(
        submitted_at=lambda t: (
            pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(t["item"].str[1:].astype(int), "h")
        )
    )
    found = agreement.over_time(labels, windows=3, n_resamples=200)
    assert len(found) == 3
    assert found[0].label.startswith("2026-01-01 00:00 to ")
    assert sum(one.n_items for one in found) == agreement.krippendorff_alpha(labels, n_resamples=0).n_items
    with pytest.raises(TableError, match="no label has a time"):
        agreement.over_time(labels.assign(submitted_at=None))


def test_a_change_is_paired_by_item() -> None:
    before = random_table(11, n_items=200)
    rng = np.random.default_rng(1)
    after = before.assign(label=np.where(rng.random(len(before)) < 0.9, before["label"], 1))
    found = agreement.difference(before, after)
    one, other = (agreement.krippendorff_alpha(t, n_resamples=0).value for t in (before, after))
    assert found.value == pytest.approx(other - one)
    apart = agreement.difference(before, after.assign(item="x" + after["item"]))
    assert apart.value == pytest.approx(found.value)
    # Hard items are hard both times: pairing takes that out.
    assert found.high - found.low < 0.8 * (apart.high - apart.low)
    assert "together" in found.method
    assert "no item in common" in apart.method
    same = agreement.difference(before, before)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_change_equals_the_slow_bootstrap() -> None:
    before = random_table(12, n_items=40)
    after = before.assign(label=np.where(before["item"] < "i010", 1, before["label"]))
    found = agreement.difference(before, after, "percent_agreement", n_resamples=4000)
    shared = [i for i, n in before.groupby("item").size().items() if n >= 2]
    rng = np.random.default_rng(3)

    def cells(table: pd.DataFrame) -> tuple[Any, Any]:
        n = table.groupby(["item", "label"]).size().unstack(fill_value=0).loc[shared].to_numpy()
        m = n.sum(axis=1)
        return (n * (n - 1)).sum(axis=1), m * (m - 1)

    (x, m), (y, _) = cells(before), cells(after)
    draws = rng.integers(0, len(shared), (4000, len(shared)))
    slow = (y[draws].sum(axis=1) - x[draws].sum(axis=1)) / m[draws].sum(axis=1)
    assert (found.low, found.high) == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.015)


def test_labels_encoded_once_serve_every_statistic() -> None:
    labels = random_table(13)
    coded = encode(labels)
    assert agreement.krippendorff_alpha(coded, "interval") == agreement.krippendorff_alpha(labels, "interval")
    assert agreement.percent_agreement(coded) == agreement.percent_agreement(labels)
    raw = from_codes(coded.item, coded.annotator, coded.value, categories=[1, 2, 3, 4])
    assert agreement.krippendorff_alpha(raw, "ratio") == agreement.krippendorff_alpha(labels, "ratio")
    with pytest.raises(TableError, match="encoded with the categories"):
        agreement.krippendorff_alpha(coded, categories=[4, 3, 2, 1])
    with pytest.raises(TableError, match="encoded without 'prompt_id'"):
        agreement.krippendorff_alpha(coded, cluster="prompt_id")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (([0, 0], [0, 0], [1, 0]), "two labels on the same item"),
        (([0, 1], [0], [1, 0]), "equally long"),
        (([0, -1], [0, 1], [1, 0]), "0 or more"),
    ],
)
def test_bad_codes_are_refused(arrays: Any, words: str) -> None:
    with pytest.raises(TableError, match=words):
        from_codes(*arrays)


def test_encoded_text_has_no_order_of_its_own() -> None:
    labels = random_table(14).assign(label=lambda t: t["label"].map({1: "low", 2: "mid", 3: "high", 4: "top"}))
    with pytest.raises(TableError, match="ordinal needs an order"):
        agreement.krippendorff_alpha(encode(labels), "ordinal")
    with pytest.raises(TableError, match="interval needs numbers"):
        agreement.krippendorff_alpha(encode(labels), "interval")
    order = ["low", "mid", "high", "top"]
    given = agreement.krippendorff_alpha(encode(labels, categories=order), "ordinal")
    assert given == agreement.krippendorff_alpha(labels, "ordinal", categories=order)


def test_clusters_are_resampled_only_where_asked_for() -> None:
    labels = random_table(15).assign(prompt_id=lambda t: t["item"].str[-2:].astype(int) // 5)
    coded = encode(labels, cluster="prompt_id")
    assert agreement.krippendorff_alpha(coded) == agreement.krippendorff_alpha(labels)
    clustered = agreement.krippendorff_alpha(labels, cluster="prompt_id")
    assert agreement.krippendorff_alpha(coded, cluster="prompt_id") == clustered
    assert clustered != agreement.krippendorff_alpha(labels)
