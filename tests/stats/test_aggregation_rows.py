"""How often rows made of several votes are wrong, and labels against gold: worked by hand, and against known truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.errors import TableError
from workbench.stats import aggregation
from workbench.stats.intervals import wilson


def table(rows: list[str], prefix: str = "i") -> pd.DataFrame:
    """`["AAB", "BB"]` -> the labels of annotators a, b, c …; `t` is a tie."""
    return pd.DataFrame(
        [
            (f"{prefix}{k}", "abcdefgh"[n], {"t": "tie"}.get(letter, letter))
            for k, given in enumerate(rows)
            for n, letter in enumerate(given)
        ],
        columns=["item", "annotator", "label"],
    )


def noisy(n_items: int, error: list[float], each: int, seed: int) -> tuple[pd.DataFrame, list[tuple[str, str]], float]:
    """Labels of annotators with these errors, majority rows, and the share of these rows that are truly wrong."""
    rng = np.random.default_rng(seed)
    labels, rows, wrong = [], [], []
    for k in range(n_items):
        truth = "AB"[rng.integers(2)]
        votes = []
        for who in rng.choice(len(error), size=each, replace=False):
            said = truth if rng.random() > error[who] else "AB"[truth == "A"]
            votes.append(said)
            labels.append((f"i{k}", f"s{who}", said))
        if votes.count("A") != votes.count("B"):
            winner = max("AB", key=votes.count)
            rows.append((f"i{k}", winner))
            wrong.append(winner != truth)
    return pd.DataFrame(labels, columns=["item", "annotator", "label"]), rows, float(np.mean(wrong))


def test_rows_by_votes_worked_by_hand() -> None:
    # Pairs that differ: 2 of 3 in i0, none in i1 (3 pairs) and i2 (2 pairs wanted for a round number: 1 pair here).
    # d = 2/7, so e = (1 - sqrt(1 - 4/7)) / 2 = .17267. A lead of one vote is wrong with probability e; of three with
    # e^3 / (e^3 + (1-e)^3) = .00900; of two with e^2 / (e^2 + (1-e)^2) = .04171.
    labels = table(["AAB", "BBB", "AA"])
    rows = [("i0", "A"), ("i1", "B"), ("i2", "A")]
    e = (1 - math.sqrt(3 / 7)) / 2
    expected = np.mean([e**d / (e**d + (1 - e) ** d) for d in (1, 3, 2)])
    found = aggregation.decided_flip_rate(labels, rows, n_resamples=0)
    assert found.value == pytest.approx(expected)
    assert found.value == pytest.approx((0.17267 + 0.00900 + 0.04171) / 3, abs=1e-4)
    assert (found.n_items, found.n_labels, found.name) == (3, 8, "epsilon")
    assert found.value < aggregation.flip_rate(labels, n_resamples=0).value == pytest.approx(e)


def test_single_votes_as_rows_have_the_flip_rate_of_votes() -> None:
    labels = table(["AAB", "BBB", "AAA", "ABA"])
    e = aggregation.flip_rate(labels, n_resamples=0).value
    # Items with one vote more for their row, and none with more.
    assert aggregation.decided_flip_rate(labels, [("i0", "A"), ("i3", "A")], n_resamples=0).value == pytest.approx(e)


def test_tied_rows_are_chance() -> None:
    labels = table(["AAB", "BBB", "AB", "tt"])
    for by in ("pairs", "model"):
        ways: Any = by
        both = [("i2", "A"), ("i2", "B"), ("i3", "A"), ("i3", "B")]
        assert aggregation.decided_flip_rate(labels, both, by=ways, n_resamples=0).value == pytest.approx(0.5)


@pytest.mark.parametrize("by", ["pairs", "model"])
@pytest.mark.parametrize("each", [3, 5])
def test_the_rows_true_error_is_recovered(by: Any, each: int) -> None:
    labels, rows, wrong = noisy(1_500, [0.2] * 8, each, seed=5)
    found = aggregation.decided_flip_rate(labels, rows, by=by, n_resamples=100)
    # Of three votes with e = .2 most are wrong with probability .104, of five .058.
    assert wrong == pytest.approx({3: 0.104, 5: 0.058}[each], abs=0.015)
    assert found.value == pytest.approx(wrong, abs=0.015)
    assert found.low < wrong < found.high
    assert found.low <= found.value <= found.high
    assert found == aggregation.decided_flip_rate(labels, rows, by=by, n_resamples=100)


def test_the_model_knows_which_rows_rest_on_careless_annotators() -> None:
    labels, rows, wrong = noisy(2_000, [0.02, 0.02, 0.05, 0.1, 0.45, 0.45], 3, seed=6)
    by_model = aggregation.decided_flip_rate(labels, rows, by="model", n_resamples=0).value
    assert by_model == pytest.approx(wrong, abs=0.012)


def test_rows_interval_covers() -> None:
    hits = []
    for seed in range(60):
        labels, rows, _ = noisy(200, [0.2] * 8, 3, seed=seed)
        found = aggregation.decided_flip_rate(labels, rows, n_resamples=200)
        hits.append(found.low <= 0.104 <= found.high)  # 3 e^2 (1 - e) + e^3
    assert 0.85 <= np.mean(hits) <= 1


def test_rows_without_evidence_have_a_reason() -> None:
    alone = table(["A", "B", "A"])
    for by in ("pairs", "model"):
        ways: Any = by
        found = aggregation.decided_flip_rate(alone, [("i0", "A")], by=ways)
        assert math.isnan(found.value)
        assert "no item has labels of two annotators" in found.reason
    none = aggregation.decided_flip_rate(table(["AAB", "BBB"]), [])
    assert math.isnan(none.value)
    assert none.reason.startswith("no row")
    few = aggregation.decided_flip_rate(table(["AAB", "BBB", "AAA"]), [("i0", "A")], by="model", n_resamples=50)
    assert few.reason == "1 items: too few for an interval"
    with pytest.raises(TableError, match="2 rows are not of these labels, first"):
        aggregation.decided_flip_rate(table(["AAB", "BBB"]), [("x", "A"), ("i0", "C"), ("i1", "B")])


def test_gold_flip_rate_worked_by_hand() -> None:
    # Sided labels on gold: i0 one of 3 wrong, i1 none of 2 (a tie left out), i2 is known to be a tie, i4 has no gold.
    labels = table(["AAB", "BBt", "AAA", "", "AB"])
    found = aggregation.gold_flip_rate(labels, {"i0": "A", "i1": "B", "i2": "tie", "i9": "A"})
    assert found.value == pytest.approx(1 / 5)
    assert (found.n_items, found.n_labels, found.n_annotators) == (2, 5, 3)
    assert found.reason == "2 items: too few for an interval; 1 labels without a side left out"
    assert math.isnan(found.low)


def test_gold_resamples_items() -> None:
    # Twenty items of five labels each; on a quarter of the items all are wrong, which is what shared errors look like.
    labels = table(["BBBBB" if k % 4 == 0 else "AAAAA" for k in range(20)])
    gold = {f"i{k}": "A" for k in range(20)}
    found = aggregation.gold_flip_rate(labels, gold, n_resamples=2_000)
    assert found.value == 0.25
    # The standard error is that of 20 items, sqrt(.25 x .75 / 20) = .097, not of 100 labels (.043).
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.097, rel=0.2)
    # Annotators agree with each other, so nothing but gold sees it.
    assert aggregation.flip_rate(labels, n_resamples=0).value == 0


def test_gold_with_one_decision_an_item_is_a_share() -> None:
    labels = table(["A", "B", "A", "A"])
    found = aggregation.gold_flip_rate(labels, {f"i{k}": "A" for k in range(4)})
    assert (found.value, found.low, found.high) == (0.25, *wilson(1, 4)[:2])
    assert "Wilson" in found.method


def test_gold_without_a_miss_says_what_may_hide() -> None:
    labels = table(["AAA"] * 10)
    found = aggregation.gold_flip_rate(labels, {f"i{k}": "A" for k in range(10)}, n_resamples=50)
    assert (found.value, found.low, found.high) == (0, 0, 0)
    assert "up to 26% of items may still differ" in found.reason  # 1 - .05^(1/10)
    none = aggregation.gold_flip_rate(labels, {"x": "A"})
    assert math.isnan(none.value)
    assert none.reason == "no label with a side on an item with a known answer"
    with pytest.raises(TableError, match="ties must be a list"):
        aggregation.gold_flip_rate(labels, {"i0": "A"}, ties="tie")
