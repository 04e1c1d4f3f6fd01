"""Disagreement, majority, gold, annotators: hand-made tables small enough to check by eye."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from workbench.errors import TableError
from workbench.stats import aggregation, annotators, disagreement, gold


def labels(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["item", "annotator", "label"])


VOTES = labels(
    [
        (item, f"o{k}", v)
        for item, given in {"x": "AAB", "y": "AAA", "z": "ABT", "s": "A"}.items()
        for k, v in enumerate(given)
    ]
)


def test_most_disputed_first_single_labels_left_out() -> None:
    ranked = disagreement.by_item(VOTES)
    assert list(ranked["item"]) == ["z", "x", "y"]
    # z: all 3 pairs differ; x: 2 of 3; y: none. Entropy of x: -(2/3 log2 2/3 + 1/3 log2 1/3) = 0.918.
    assert list(ranked["disagreement"]) == pytest.approx([1, 2 / 3, 0])
    assert list(ranked["entropy"]) == pytest.approx([math.log2(3), 0.9182958, 0])
    assert ranked.loc[1, "votes"] == {"A": 2, "B": 1}
    assert ranked.loc[0, "most"] is None


def test_majority_says_ties_out_loud() -> None:
    result = aggregation.majority(VOTES).set_index("item")
    assert result.loc["x", "consensus_label"] == "A"
    assert result.loc["x", "source"] == "majority"
    assert result.loc["x", "consensus_quality_score"] == pytest.approx(2 / 3)
    assert result.loc["y", "source"] == "unanimous"
    assert result.loc["z", "consensus_label"] is None
    assert result.loc["z", "source"] == "unresolved"
    assert result["n_labels"].sum() == len(VOTES)


def test_empty_tables_give_empty_results() -> None:
    empty = labels([])
    assert list(disagreement.by_item(empty).columns) == list(disagreement.COLUMNS)
    assert len(aggregation.majority(empty)) == 0


def test_gold_errors_carry_wilson_intervals() -> None:
    table = labels([(f"g{k}", "ana", "A" if k < 17 else "B") for k in range(20)] + [("other", "ben", "A")])
    ana, ben = gold.error_rates(table, {f"g{k}": "A" for k in range(20)})
    assert (ana.label, ana.value, ana.n_items) == ("ana", 0.15, 20)
    assert (round(ana.low, 3), round(ana.high, 3)) == (0.052, 0.360)
    assert ben.label == "ben"
    assert math.isnan(ben.value)
    with pytest.raises(TableError, match="no gold"):
        gold.error_rates(table, {})


def test_side_and_self_agreement() -> None:
    rows = [
        # item, label, left, right, is_repeat: chooses left, left, right, tie; then repeats x the same and y otherwise
        ("x", "A", "A", "B", False),
        ("y", "B", "B", "A", False),
        ("z", "A", "B", "A", False),
        ("w", "tie", "A", "B", False),
        ("x", "A", "B", "A", True),
        ("y", "A", "A", "B", True),
    ]
    table = pd.DataFrame(rows, columns=["item", "label", "left", "right", "is_repeat"]).assign(
        annotator="ana", source="simulated", duration_s=[10, 20, 30, 40, 50, 60]
    )
    (ana,) = annotators.summarise(table)
    # Decided: x left, y left, z right, x again right, y again left: 3 of 5 left.
    assert ana.p_left.value == pytest.approx(3 / 5)
    assert ana.p_left.n_labels == 5
    assert ana.self_agreement.value == pytest.approx(1 / 2)
    assert ana.tie_share.value == pytest.approx(1 / 4)
    assert (ana.n_labels, ana.median_seconds, ana.source) == (4, 35, "simulated")


def test_p_left_is_not_claimed_where_one_response_always_stood_left() -> None:
    table = pd.DataFrame({"item": list("xyz"), "label": list("AAB"), "left": "A", "right": "B"})
    result = annotators.p_left(table)
    assert math.isnan(result.value)
    assert result.reason == "A always stood on the left, so side and quality cannot be told apart"


def test_ratings_have_annotators_but_neither_ties_nor_sides() -> None:
    table = pd.DataFrame({"item": list("xyz"), "label": [1, 2, 3], "left": "", "right": ""}).assign(
        annotator="ana", source="human", criterion="tone", is_repeat=False, duration_s=5.0
    )
    (ana,) = annotators.summarise(table)
    assert ana.n_labels == 3
    assert math.isnan(ana.tie_share.value)
    assert math.isnan(ana.p_left.value)
