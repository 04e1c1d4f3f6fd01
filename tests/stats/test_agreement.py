"""Agreement coefficients against hand-worked numbers, published values and independent implementations."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, cast

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from workbench.errors import TableError
from workbench.stats import agreement
from workbench.stats.coding import Level, encode

if TYPE_CHECKING:
    from pathlib import Path

# Krippendorff (2011): 4 observers x 12 units, gaps as None.
CANONICAL = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def table(rows: list[list[Any]]) -> pd.DataFrame:
    """Observers x items matrix to a label table."""
    return pd.DataFrame(
        [(f"i{i:03}", f"o{o}", v) for o, row in enumerate(rows) for i, v in enumerate(row) if v is not None],
        columns=["item", "annotator", "label"],
    )


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)],
)
def test_alpha_of_the_canonical_example(level: Level, published: float) -> None:
    result = agreement.krippendorff_alpha(table(CANONICAL), level)
    assert result.value == pytest.approx(published, abs=5e-7)
    assert result.low < result.value <= result.high <= 1
    # Unit 12 has one label, so 11 units and 40 labels are pairable.
    assert (result.n_items, result.n_annotators, result.n_labels) == (11, 4, 40)


def test_alpha_worked_by_hand() -> None:
    # Items: (A, A), (A, B), (B, B). Coincidences: o_AA = 2, o_BB = 2, o_AB = o_BA = 1; n_A = n_B = 3, N = 6.
    # D_o = 2; D_e = 2 * 3 * 3 / 5 = 3.6; alpha = 1 - 2 / 3.6 = 0.4444.
    labels = table([["A", "A", "B"], ["A", "B", "B"]])
    assert agreement.krippendorff_alpha(labels).value == pytest.approx(1 - 2 / 3.6)
    # kappa: observed 2/3; chance (2/3)(1/3) + (1/3)(2/3) = 4/9; (2/3 - 4/9) / (5/9) = 0.4.
    assert agreement.cohen_kappa(labels).value == pytest.approx(0.4)
    # Fleiss: observed 2/3, chance 1/4 + 1/4; (2/3 - 1/2) / (1/2) = 1/3.
    assert agreement.fleiss_kappa(labels).value == pytest.approx(1 / 3)
    assert agreement.percent_agreement(labels).value == pytest.approx(2 / 3)


def test_percent_agreement_pools_pairs() -> None:
    # Item 1 has three labels A A B: 1 of 3 pairs agree. Item 2 has two labels A A: 1 of 1. Pooled 2 of 4.
    labels = table([["A", "A"], ["A", "A"], ["B", None]])
    assert agreement.percent_agreement(labels).value == pytest.approx(2 / 4)


REFERENCE = {
    "cohen-wiki-1": ([[20, 5], [10, 15]], 0.4),
    "cohen-wiki-2": ([[45, 15], [25, 15]], 0.1304),
    "cohen-wiki-3": ([[25, 35], [5, 35]], 0.2593),
}


@pytest.mark.parametrize(("cells", "published"), REFERENCE.values(), ids=REFERENCE)
def test_cohen_kappa_of_printed_tables(cells: list[list[int]], published: float) -> None:
    first = [x for x in range(2) for y in range(2) for _ in range(cells[x][y])]
    second = [y for x in range(2) for y in range(2) for _ in range(cells[x][y])]
    assert agreement.cohen_kappa(table([first, second])).value == pytest.approx(published, abs=5e-5)


LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(1, 6) | st.none(), min_size=7, max_size=7), min_size=2, max_size=5),
    level=st.sampled_from(LEVELS),
)
def test_alpha_equals_the_krippendorff_package(rows: list[list[int | None]], level: Level) -> None:
    matrix = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float)
    pairable = matrix[:, (~np.isnan(matrix)).sum(axis=0) >= 2]
    values = pairable[~np.isnan(pairable)]
    ours = agreement.krippendorff_alpha(table(cast("list[list[Any]]", rows)), level, n_resamples=0).value
    if len(np.unique(values)) < 2:
        assert math.isnan(ours)
    else:
        theirs = krippendorff.alpha(reliability_data=matrix, level_of_measurement=level)
        assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("label", [[], [None, None]])
def test_alpha_of_no_labels_is_undefined_at_every_level(level: Level, label: list[None]) -> None:
    labels = pd.DataFrame({"item": ["a"] * len(label), "annotator": ["x", "y"][: len(label)], "label": label})
    found = agreement.krippendorff_alpha(labels, level)
    assert not found.defined
    assert found.reason == "no item has labels of two annotators"


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(st.sampled_from("ABC"), min_size=6, max_size=6), min_size=2, max_size=4))
def test_kappas_equal_statsmodels_and_sklearn(rows: list[list[str]]) -> None:
    labels = table(cast("list[list[Any]]", rows))
    if len({v for row in rows for v in row}) < 2:
        assert math.isnan(agreement.fleiss_kappa(labels).value)
        return
    counts = np.array([[sum(row[i] == c for row in rows) for c in "ABC"] for i in range(6)])
    assert agreement.fleiss_kappa(labels, n_resamples=0).value == pytest.approx(statsmodels_fleiss(counts))
    if len({*rows[0], *rows[1]}) > 1:
        expected = cohen_kappa_score(rows[0], rows[1])
        ours = agreement.cohen_kappa(labels, "o0", "o1", n_resamples=0).value
        assert ours == pytest.approx(expected)


@pytest.mark.parametrize("level", LEVELS)
def test_perfect_agreement_with_partial_overlap_is_one(level: Level) -> None:
    labels = table([[1, 2, 3, None, None], [1, None, 3, 4, 5], [None, 2, None, 4, 5]])
    assert agreement.krippendorff_alpha(labels, level).value == pytest.approx(1)
    assert agreement.fleiss_kappa(labels).value == pytest.approx(1)
    assert agreement.percent_agreement(labels).value == pytest.approx(1)


@pytest.mark.parametrize(
    "coefficient",
    [agreement.krippendorff_alpha, agreement.fleiss_kappa, agreement.cohen_kappa],
    ids=lambda f: f.__name__,
)
def test_no_variation_is_undefined_never_one(coefficient: Any) -> None:
    result = coefficient(table([["A"] * 5, ["A"] * 5]))
    assert math.isnan(result.value)
    assert "same" in result.reason


def test_perfect_agreement_says_what_it_cannot_exclude() -> None:
    # None of 10 items disagrees: a share of 1 - .05^(1/10) = 25.9 % would still show none 5 % of the time.
    result = agreement.krippendorff_alpha(table([["A", "B"] * 5, ["A", "B"] * 5]))
    assert (result.value, result.low, result.high) == (1, 1, 1)
    assert "up to 26% of items may still disagree" in result.reason


def test_items_that_all_disagree_alike_are_not_called_agreement() -> None:
    result = agreement.percent_agreement(table([["A"] * 10, ["B"] * 10]))
    assert (result.value, result.low, result.high) == (0, 0, 0)
    assert result.reason == "all items look alike, so no real interval: up to 26% of items may still differ"


def test_one_annotator_is_undefined_with_the_reason() -> None:
    result = agreement.krippendorff_alpha(table([[1, 2, 3]]))
    assert math.isnan(result.value)
    assert result.reason == "no item has labels of two annotators"


def test_ordinal_text_follows_the_order_given() -> None:
    labels = table([["A", "tie", "B", "A"], ["tie", "tie", "B", "A"]])
    numbers = labels.assign(label=labels["label"].map({"A": 1, "tie": 2, "B": 3}))
    ours = agreement.krippendorff_alpha(labels, "ordinal", categories=["A", "tie", "B"])
    assert ours.value == pytest.approx(agreement.krippendorff_alpha(numbers, "ordinal").value)
    with pytest.raises(TableError, match="categories="):
        agreement.krippendorff_alpha(labels, "ordinal")


def test_interval_is_the_item_bootstrap() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 200)
    rows = [np.where(rng.random(200) < 0.7, truth, rng.integers(0, 3, 200)).tolist() for _ in range(3)]
    labels = table(rows)
    result = agreement.krippendorff_alpha(labels, n_resamples=4000)
    # The same bootstrap the slow way: resample whole items, ask the other package.
    matrix = np.array(rows, dtype=float)
    slow = [
        krippendorff.alpha(reliability_data=matrix[:, rng.integers(0, 200, 200)], level_of_measurement="nominal")
        for _ in range(400)
    ]
    low, high = np.quantile(slow, [0.025, 0.975])
    assert result.low == pytest.approx(low, abs=0.02)
    assert result.high == pytest.approx(high, abs=0.02)


def test_many_categories_use_the_hashed_path_and_agree() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 400, 60).tolist() for _ in range(3)]
    rows[1][:30] = rows[0][:30]
    assert 4 ** len({v for row in rows for v in row}) > 2**53
    for level in ("nominal", "ordinal", "interval"):
        ours = agreement.krippendorff_alpha(table(rows), level, n_resamples=200)
        theirs = krippendorff.alpha(reliability_data=np.array(rows, dtype=float), level_of_measurement=level)
        assert ours.value == pytest.approx(theirs, abs=1e-9)
        assert ours.low < ours.value < ours.high


def test_same_seed_same_interval_other_seed_other() -> None:
    labels = table(CANONICAL)
    one, again, other = (agreement.krippendorff_alpha(labels, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert (one.low, one.high) != (other.low, other.high) or one.method != other.method


def test_hidden_repeats_and_criteria_do_not_mix_in() -> None:
    labels = table([["A", "B"], ["A", "A"]]).assign(is_repeat=False, criterion="")
    repeat = labels.iloc[[0]].assign(is_repeat=True, label="B")
    criterion = labels.assign(criterion="clarity", label="tie")
    mixed = pd.concat([labels, repeat, criterion])
    assert agreement.percent_agreement(mixed) == agreement.percent_agreement(labels)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.rename(columns={"annotator": "worker"}), "missing columns"),
        (lambda t: pd.concat([t, t.iloc[[0]]]), "second one of the same annotator"),
        (lambda t: t.assign(label=[1, "x", 2, "y"]), "mix text"),
        (lambda t: t.assign(annotator=[None, "o0", "o1", "o1"]), "no item or no annotator"),
        (lambda t: t.assign(criterion=["a", "a", "b", "b"]), "mixes 2 questions"),
    ],
)
def test_bad_tables_are_refused_by_name(change: Any, words: str) -> None:
    with pytest.raises(TableError, match=words):
        agreement.krippendorff_alpha(change(table([["A", "B"], ["A", "A"]])))


def test_text_for_numbers_is_refused() -> None:
    with pytest.raises(TableError, match="needs numbers"):
        agreement.krippendorff_alpha(table([["A", "B"], ["A", "A"]]), "interval")


def test_missing_labels_are_left_out() -> None:
    labels = table([[1, 2, 3], [1, 2, 3]]).astype({"label": float})
    labels.loc[0, "label"] = np.nan
    result = agreement.krippendorff_alpha(labels)
    assert (result.n_items, result.n_labels) == (2, 4)
    assert encode(labels).n_missing == 1


def test_cohen_wants_two_names() -> None:
    with pytest.raises(TableError, match="name two"):
        agreement.cohen_kappa(table([["A"], ["B"], ["A"]]))
    with pytest.raises(TableError, match="no annotator 'zoe'"):
        agreement.cohen_kappa(table([["A"], ["B"]]), "o0", "zoe")


def test_arrow_tables_work_too() -> None:
    import pyarrow as pa

    labels = table(CANONICAL)
    assert agreement.krippendorff_alpha(pa.Table.from_pandas(labels)) == agreement.krippendorff_alpha(labels)


def test_reference_values_of_the_shared_data(data_dir: Path) -> None:
    records = {r["id"]: r for r in json.loads((data_dir / "reference_values_dev/reference_values.json").read_text())}
    counts = records["fleiss-wikipedia"]["data"]["counts"]
    rows = [[k for k, n in enumerate(item) for _ in range(n)] for item in counts]
    matrix = [list(observer) for observer in zip(*rows, strict=True)]
    assert agreement.fleiss_kappa(table(matrix)).value == pytest.approx(0.210, abs=5e-4)
    cells = records["cohen-sas"]["data"]["table"]
    first = [x for x in range(3) for y in range(3) for _ in range(cells[x][y])]
    second = [y for x in range(3) for y in range(3) for _ in range(cells[x][y])]
    kappa = agreement.cohen_kappa(table([first, second]))
    assert kappa.value == pytest.approx(0.4842, abs=5e-5)
    # The printed large-sample interval is 0.2137 to 0.7547; the bootstrap is another estimate of the same width.
    assert kappa.low == pytest.approx(0.2137, abs=0.05)
    assert kappa.high == pytest.approx(0.7547, abs=0.05)
