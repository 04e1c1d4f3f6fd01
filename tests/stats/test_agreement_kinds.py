"""Gwet's coefficients, sets of labels and rankings, against published values and independent implementations."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.metrics.agreement import AnnotationTask
from nltk.metrics.distance import masi_distance
from scipy.stats import kendalltau

from tests.stats.test_agreement import CANONICAL, table
from tests.stats.test_agreement_pairs import random_table
from workbench import importers
from workbench.errors import TableError
from workbench.stats import agreement
from workbench.tasks import label_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("weights", "published"),
    # The irrCAC package (0.4.4, Gwet's own method) on the canonical example.
    [("nominal", 0.7754441), ("ordinal", 0.8989398), ("linear", 0.8587391), ("quadratic", 0.9140007)],
)
def test_gwet_on_the_canonical_example(weights: Any, published: float) -> None:
    found = agreement.gwet_ac2(table(CANONICAL), weights)
    assert found.value == pytest.approx(published, abs=5e-8)
    assert found.low < found.value <= found.high
    # Unit 12 has one label: it counts for how often labels are used, not for agreement.
    assert (found.n_items, found.n_labels) == (12, 41)


def test_fleiss_on_the_canonical_example() -> None:
    # The same package, generalised Fleiss.
    assert agreement.fleiss_kappa(table(CANONICAL)).value == pytest.approx(0.7611693, abs=5e-8)


def test_ac1_worked_by_hand() -> None:
    # (A, A) (A, B) (A, A): observed 2/3; share of A 5/6; chance 2 (5/6)(1/6) / 1 = 10/36; (24/36 - 10/36) / (26/36).
    labels = table([["A", "A", "A"], ["A", "B", "A"]])
    assert agreement.gwet_ac1(labels).value == pytest.approx(14 / 26)


def test_the_prevalence_paradox() -> None:
    # 100 items, 96 of them A A, two A B and two B A: alpha near 0, AC1 near .95, from the same cells.
    labels = table([["A"] * 98 + ["B"] * 2, ["A"] * 96 + ["B"] * 2 + ["A"] * 2])
    alpha, ac1 = agreement.krippendorff_alpha(labels), agreement.gwet_ac1(labels)
    assert abs(alpha.value) < 0.05
    assert 0.94 < ac1.value < 0.97
    advice = agreement.recommend(labels)
    assert {one.name for one in advice.estimates} >= {"krippendorff_alpha", "gwet_ac1"}
    assert any("98% of labels are 'A'" in caution for caution in advice.cautions)
    assert any("differ because labels are used unevenly" in caution for caution in advice.cautions)


def test_categories_never_used_change_chance() -> None:
    labels = table([["A", "A", "B"], ["A", "B", "B"]])
    two, three = agreement.gwet_ac1(labels), agreement.gwet_ac1(labels, categories=["A", "B", "C"])
    # Chance 1/2 with two categories; 2 (1/4) / 2 = 1/4 with three.
    assert two.value == pytest.approx((2 / 3 - 1 / 2) / (1 / 2))
    assert three.value == pytest.approx((2 / 3 - 1 / 4) / (3 / 4))


@pytest.mark.parametrize("weights", ["nominal", "ordinal", "linear", "quadratic"])
def test_gwet_is_one_when_all_agree_and_undefined_without_variation(weights: Any) -> None:
    assert agreement.gwet_ac2(table([[1, 2, 3, None], [1, 2, None, 4]]), weights).value == pytest.approx(1)
    same = agreement.gwet_ac2(table([[1, 1], [1, 1]]), weights, categories=[1, 2, 3])
    assert math.isnan(same.value)
    assert "same" in same.reason
    alone = agreement.gwet_ac2(table([[1, 2]]), weights)
    assert alone.reason == "no item has labels of two annotators"


sets = st.frozensets(st.sampled_from("abcd"), max_size=4)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.lists(sets, min_size=6, max_size=6), min_size=2, max_size=4))
def test_set_alpha_equals_nltk(rows: list[list[frozenset[str]]]) -> None:
    if len({one for row in rows for one in row}) < 2:
        return
    data = [(f"o{o}", f"i{i}", one) for o, row in enumerate(rows) for i, one in enumerate(row)]

    def masi(x: frozenset[str], y: frozenset[str]) -> float:
        return 0.0 if x == y else float(masi_distance(x, y))  # nltk divides by zero for two empty sets

    expected = AnnotationTask(data, distance=masi).alpha()
    ours = agreement.set_alpha(table([[list(one) for one in row] for row in rows]), n_resamples=0)
    assert ours.value == pytest.approx(expected, abs=1e-9)


def test_sets_are_read_as_they_are_stored() -> None:
    # {a,b} and {b,a} are the same answer; "a|b" is how a label table holds it; "" is the empty set.
    lists = pd.DataFrame(
        {"item": [1, 1, 2, 2], "annotator": list("xyxy"), "label": [["a", "b"], ["b", "a"], [], ["a"]]}
    )
    text = lists.assign(label=["a|b", '["b", "a"]', "", "a"])
    assert agreement.set_alpha(lists, n_resamples=0) == agreement.set_alpha(text, n_resamples=0)
    with pytest.raises(TableError, match="a set of classes is a list"):
        agreement.set_alpha(lists.assign(label=1))


RANKINGS = ["A>B>C", "A>C>B", "B>A=C", "A=B>C", "C>B>A", "A=B=C"]


def test_tau_equals_scipy() -> None:
    rng = np.random.default_rng(5)
    rows = [[RANKINGS[k] for k in rng.integers(0, 6, 12)] for _ in range(3)]

    def ranks(text: str) -> list[int]:
        place = {one: level for level, names in enumerate(text.split(">")) for one in names.split("=")}
        return [place[one] for one in "ABC"]

    per_item = []
    for item in zip(*rows, strict=True):
        real = [one for one in item if one != "A=B=C"]
        taus = [kendalltau(ranks(x), ranks(y)).statistic for x, y in combinations(real, 2)]
        if taus:
            per_item.append(np.mean(taus))
    found = agreement.kendall_tau(table(rows))
    assert found.value == pytest.approx(np.mean(per_item))
    assert found.n_items == len(per_item)
    assert found.low < found.value < found.high


def test_rankings_become_the_choices_they_imply() -> None:
    pairs = agreement.as_pairs(pd.DataFrame({"item": ["i"], "annotator": ["x"], "label": ["B>A=C"]}))
    assert pairs[["item", "label"]].to_numpy().tolist() == [["i A-B", "B"], ["i A-C", "tie"], ["i B-C", "A"]]


def test_rank_alpha_worked_by_hand() -> None:
    # One item, A>B>C against A>C>B: choices (A, A), (A, A), (A, B) as +1 +1 | +1 +1 | +1 -1.
    # D_o = 2 x 4 = 8; values: five +1, one -1; D_e = 2 x 5 x 1 x 4 / 5 = 8; alpha 0. One item has no interval.
    labels = pd.DataFrame({"item": ["i", "i"], "annotator": ["x", "y"], "label": ["A>B>C", "A>C>B"]})
    found = agreement.rank_alpha(labels)
    assert found.value == pytest.approx(0)
    assert (found.n_items, found.n_annotators, found.n_labels) == (1, 2, 2)
    assert math.isnan(found.low)


def test_rank_alpha_resamples_rankings_not_choices() -> None:
    rng = np.random.default_rng(0)
    rows = [[RANKINGS[k] for k in rng.choice([0, 1, 2, 3, 4], 80, p=[0.4, 0.2, 0.2, 0.1, 0.1])] for _ in range(3)]
    labels = table(rows)
    found = agreement.rank_alpha(labels, n_resamples=2000)
    pairs = agreement.as_pairs(labels).replace({"label": {"A": 1, "tie": 0, "B": -1}}).infer_objects()
    narrow = agreement.krippendorff_alpha(pairs, "interval", n_resamples=2000)
    assert found.value == pytest.approx(narrow.value)
    assert found.high - found.low > 1.15 * (narrow.high - narrow.low)
    assert found.n_items == 80


@pytest.mark.parametrize(
    ("labels", "words"),
    [(["A", "B>A"], "no ranking"), (["A>A", "B>A"], "no ranking"), (["A>B", "A>B>C"], "different responses")],
)
def test_what_is_no_ranking_is_refused(labels: list[str], words: str) -> None:
    frame = pd.DataFrame({"item": ["i", "i"], "annotator": ["x", "y"], "label": labels})
    with pytest.raises(TableError, match=words):
        agreement.rank_alpha(frame)


def test_advice_for_pairs_separates_ties(data_dir: Path) -> None:
    labels = label_table(importers.mtbench(data_dir / "mtbench_turn1").labels)
    experts = labels[labels["pool"] == "expert"]
    advice = agreement.recommend(experts, "pairwise", n_resamples=500)
    shown = {one.label or one.name: one.value for one in advice.estimates}
    assert shown["percent agreement without ties"] == pytest.approx(0.81, abs=0.005)
    assert shown["percent_agreement"] == pytest.approx(0.63, abs=0.005)
    # A tie is half way, so calling one is a smaller disagreement than the other side.
    assert shown["alpha, tie between"] > shown["krippendorff_alpha"]
    assert len(advice.why) == len(advice.estimates)


def test_advice_by_task() -> None:
    ratings = table([[1, 2, 3, 4, 5], [1, 2, 3, 5, 5], [1, 3, 3, 4, 4]])
    names = [one.name for one in agreement.recommend(ratings, "likert").estimates]
    assert names == ["krippendorff_alpha", "gwet_ac2", "percent_agreement"]
    two = agreement.recommend(ratings[ratings["annotator"] != "o2"], "likert")
    assert two.estimates[-1].name == "weighted_kappa"
    several = table([["a", "a|b", "b"], ["a", "b", "b"]])
    assert agreement.recommend(several, "classification").estimates[0].name == "set_alpha"
    rankings = table([RANKINGS, RANKINGS])
    assert [one.name for one in agreement.recommend(rankings, "ranking").estimates] == ["rank_alpha", "kendall_tau"]
    with pytest.raises(TableError, match="no task 'pairs'"):
        agreement.recommend(ratings, "pairs")


def test_margins_far_apart_are_told() -> None:
    labels = table([["A"] * 30 + ["B"] * 30, ["A"] * 10 + ["B"] * 50])
    cautions = agreement.recommend(labels).cautions
    assert any("use 'A' 50% and 17% of the time on 60 shared items" in caution for caution in cautions)


def spread_out(change: Any = None) -> pd.DataFrame:
    """Ratings 0 to 2 of four people, some missing."""
    labels = random_table(51, n_items=60, n_annotators=4, n_values=3, share=0.7)
    return labels if change is None else labels.assign(label=labels["label"].map(change))


@pytest.mark.parametrize("far", [10**6, 10**8, 3 * 10**8, 10**12])
def test_what_is_not_compared_leaves_interval_alpha_alone(far: int) -> None:
    labels = spread_out()
    plain = agreement.krippendorff_alpha(labels, "interval", n_resamples=200)
    # A far label that nobody else judged, and a category nobody used.
    alone = pd.concat([labels, pd.DataFrame([("zz", "a0", far)], columns=labels.columns)])
    for found in (
        agreement.krippendorff_alpha(alone, "interval", n_resamples=200),
        agreement.krippendorff_alpha(labels, "interval", categories=[1, 2, 3, far], n_resamples=200),
    ):
        assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high), abs=1e-12)
        assert found.reason == ""
    # A far label in a pair counts, and where it is left out the others keep their digits.
    paired = pd.concat([alone, pd.DataFrame([("zz", "a1", 1)], columns=labels.columns)])
    without = agreement.without_each(paired, level="interval").set_index("annotator")["value"]
    rest = labels[labels["annotator"] != "a1"]
    expected = agreement.krippendorff_alpha(rest, "interval", n_resamples=0).value
    assert without["a1"] == pytest.approx(expected, abs=1e-12)


def test_weighted_kappa_does_not_see_categories_nobody_used() -> None:
    labels = spread_out()
    for weights in ("linear", "quadratic"):
        plain = agreement.weighted_kappa(labels, "a0", "a1", weights=weights, n_resamples=50)
        far = agreement.weighted_kappa(labels, "a0", "a1", weights=weights, categories=[1, 2, 3, 10**9], n_resamples=50)
        assert far.value == pytest.approx(plain.value, abs=1e-12)
        assert (far.low, far.high) == pytest.approx((plain.low, plain.high), abs=1e-12)
        every = agreement.pairwise_kappa(labels, weights=weights, categories=[1, 2, 3, 10**9], n_resamples=0).table
        assert every["kappa"].iloc[0] == pytest.approx(plain.value, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e9, 1e160, 1e300])
def test_the_unit_of_measurement_does_not_matter(scale: float) -> None:
    labels, scaled = spread_out(), spread_out(lambda one: one * scale)
    for level in ("interval", "ratio"):
        plain, found = (agreement.krippendorff_alpha(t, level, n_resamples=100) for t in (labels, scaled))
        assert (found.value, found.low) == pytest.approx((plain.value, plain.low), abs=1e-9)
    pairs = [agreement.weighted_kappa(t, "a0", "a1", n_resamples=0).value for t in (labels, scaled)]
    assert pairs[0] == pytest.approx(pairs[1], abs=1e-9)
    drawn = [agreement.krippendorff_alpha(t, "interval", interval="kalpha", n_resamples=50) for t in (labels, scaled)]
    assert drawn[0].low == pytest.approx(drawn[1].low, abs=1e-9)


def test_the_zero_of_measurement_does_not_matter() -> None:
    plain = agreement.krippendorff_alpha(spread_out(), "interval", n_resamples=100)
    found = agreement.krippendorff_alpha(spread_out(lambda one: one + 1e12), "interval", n_resamples=100)
    assert (found.value, found.low) == pytest.approx((plain.value, plain.low), abs=1e-12)
    # The same number as a float is no variation, though the categories differ.
    one = agreement.krippendorff_alpha(table([[2**53, 2**53 + 1] * 3, [2**53 + 1, 2**53] * 3]), "interval")
    assert math.isnan(one.value)
