"""What tables hold in practice: marks of repeats, labels and names of any type, columns of groups."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.stats.test_agreement_pairs import random_table
from workbench.errors import TableError
from workbench.stats import agreement
from workbench.stats.coding import encode, from_codes
from workbench.stats.disagreement import by_item
from workbench.stats.reading import rows


def relabelled(names: list[Any], seed: int = 61) -> pd.DataFrame:
    """A random table of three labels under other names."""
    labels = random_table(seed, n_values=3)
    return labels.assign(label=pd.Series([names[one - 1] for one in labels["label"]], dtype=object))


MARKS: dict[str, Any] = {
    "missing in an object column": lambda n: pd.Series([False] * (n - 6) + [None] * 5 + [True], dtype=object),
    "missing in a nullable column": lambda n: pd.array([False] * (n - 6) + [None] * 5 + [True], dtype="boolean"),
    "objects": lambda n: pd.Series([False] * (n - 1) + [True], dtype=object),
    "numpy objects": lambda n: pd.Series([np.False_] * (n - 1) + [np.True_], dtype=object),
    "0 and 1": lambda n: [0] * (n - 1) + [1],
    "0.0, 1.0 and gaps": lambda n: [0.0] * (n - 6) + [np.nan] * 5 + [1.0],
}


@pytest.mark.parametrize("frame", ["pandas", "polars", "polars-lazy"])
@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
def test_a_row_without_a_mark_is_no_repeat(frame: str, marks: Any) -> None:
    labels = random_table(62)
    repeat = labels.iloc[[0]].assign(label=4)
    table = pd.concat([labels, repeat], ignore_index=True)
    table["is_repeat"] = marks(len(table))
    given: Any = table
    if frame != "pandas":
        given = pl.from_pandas(table.convert_dtypes()) if "float" not in str(table["is_repeat"].dtype) else None
        given = pl.from_pandas(table) if given is None else given
        given = given.lazy() if frame.endswith("lazy") else given
    found, plain = (agreement.percent_agreement(t, n_resamples=0) for t in (given, labels))
    assert (found.value, found.n_labels) == (plain.value, plain.n_labels)
    if frame == "pandas":
        assert rows(table, repeats=True)["is_repeat"].tolist() == [False] * len(labels) + [True]


@pytest.mark.parametrize("mark", ["False", 2, "yes"])
def test_marks_that_say_neither_are_refused(mark: Any) -> None:
    with pytest.raises(TableError, match="is_repeat must be true or false"):
        agreement.percent_agreement(random_table(63).assign(is_repeat=mark))


KINDS: dict[str, list[Any]] = {
    "tuples": [(1, "a"), (1, "b"), (2, "a")],
    "dates": [pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02"), pd.Timestamp("2021-01-01")],
    "days": [dt.date(2020, 1, 1), dt.date(2020, 1, 2), dt.date(2021, 1, 1)],
    "numbers beyond floats": [1, 2, 10**400],
}


@pytest.mark.parametrize("names", KINDS.values(), ids=KINDS)
def test_nominal_takes_any_label_that_can_be_sorted(names: list[Any]) -> None:
    table = relabelled(names)
    plain = agreement.krippendorff_alpha(relabelled([1, 2, 3]), n_resamples=50)
    assert agreement.krippendorff_alpha(table, n_resamples=50) == plain
    assert agreement.gwet_ac1(table, n_resamples=0).defined
    assert agreement.cohen_kappa(table, "a0", "a1", n_resamples=0).defined
    assert len(agreement.recommend(table, n_resamples=0).estimates) == 4
    for level in ("ordinal", "interval", "ratio"):
        with pytest.raises(TableError, match=f"{level} needs numbers"):
            agreement.krippendorff_alpha(table, level)
    in_order = agreement.krippendorff_alpha(table, "ordinal", categories=names, n_resamples=0)
    assert in_order.value == agreement.krippendorff_alpha(relabelled([1, 2, 3]), "ordinal", n_resamples=0).value


def test_lazy_dates_are_counted_in_memory() -> None:
    table = relabelled(KINDS["dates"]).infer_objects()
    found = agreement.krippendorff_alpha(pl.from_pandas(table).lazy(), n_resamples=50)
    assert found == agreement.krippendorff_alpha(relabelled([1, 2, 3]), n_resamples=50)


@pytest.mark.parametrize("names", [[["a"], ["b"], ["c"]], [{"a"}, {"b"}, {"c"}], [{"x": 1}, {"x": 2}, {"y": 1}]])
def test_labels_that_are_collections_are_refused_by_name(names: list[Any]) -> None:
    with pytest.raises(TableError, match="cannot be counted") as told:
        agreement.krippendorff_alpha(relabelled(names))
    assert "set_alpha" in str(told.value)


@pytest.mark.parametrize("names", [[1j, 2j, 3j], [frozenset("a"), frozenset("b"), frozenset("ab")], [1, (1,), (2,)]])
def test_labels_without_an_order_are_refused_by_name(names: list[Any]) -> None:
    with pytest.raises(TableError, match="cannot be sorted"):
        agreement.krippendorff_alpha(relabelled(names))
    # Their order can be given.
    plain = agreement.krippendorff_alpha(relabelled([1, 2, 3]), n_resamples=0)
    assert agreement.krippendorff_alpha(relabelled(names), categories=names, n_resamples=0).value == plain.value


def test_names_of_any_type() -> None:
    labels = random_table(64)
    plain = agreement.krippendorff_alpha(labels, n_resamples=0)
    items = {name: [k, str(k), (k,)][k % 3] for k, name in enumerate(sorted(labels["item"].unique()))}
    mixed = labels.assign(item=pd.Series([items[one] for one in labels["item"]], dtype=object))
    assert agreement.krippendorff_alpha(mixed, n_resamples=0) == plain
    # Before and after are paired by name, whatever the order of the rows.
    changed = labels.assign(label=labels["label"].where(labels.index % 4 > 0, 1))
    expected = agreement.difference(labels, changed, n_resamples=200)
    turned = changed.assign(item=mixed["item"]).iloc[::-1]
    found = agreement.difference(mixed, turned, n_resamples=200)
    assert found.value == pytest.approx(expected.value)
    assert found.high - found.low == pytest.approx(expected.high - expected.low, rel=0.2)
    with pytest.raises(TableError, match="column 'item' holds lists"):
        agreement.krippendorff_alpha(labels.assign(item=pd.Series([[1]] * len(labels))))


def test_groups_keep_the_name_of_their_column() -> None:
    table = random_table(65).assign(prompt_id=lambda t: t["item"].str[-2:], batch=1)
    coded = encode(table, cluster="prompt_id")
    whole = agreement.krippendorff_alpha(table, cluster="prompt_id", n_resamples=100)
    assert agreement.krippendorff_alpha(coded, cluster="prompt_id", n_resamples=100) == whole
    with pytest.raises(TableError, match="groups of 'prompt_id', not of 'batch'"):
        agreement.krippendorff_alpha(coded, cluster="batch")


def test_numbers_that_are_no_codes_are_refused() -> None:
    with pytest.raises(TableError, match="they are no codes"):
        from_codes(np.asarray([0, 10**13]), [0, 1], [0, 1])
    with pytest.raises(TableError, match="they are no codes"):
        from_codes([0, 1], [0, 1], [0, 10**13])


def test_no_number_is_a_missing_label_in_lazy_tables() -> None:
    import duckdb

    labels = random_table(66).assign(label=lambda t: t["label"].where(t.index % 7 > 0).astype(float))
    plain = agreement.krippendorff_alpha(labels, n_resamples=50)
    frame = pl.DataFrame({name: labels[name].to_numpy() for name in labels})
    assert frame["label"].is_nan().any()
    for given in (frame, frame.lazy(), duckdb.from_arrow(frame.to_arrow())):
        assert agreement.krippendorff_alpha(given, n_resamples=50) == plain


def test_a_column_that_is_there_twice_is_refused() -> None:
    labels = random_table(67)
    with pytest.raises(TableError, match="column 'label' is there twice"):
        agreement.krippendorff_alpha(pd.concat([labels, labels[["label"]]], axis=1))


def test_items_of_several_types_are_listed_by_disagreement() -> None:
    names: list[Any] = [2, "b", (1,)]
    rows_of = [
        (item, who, label)
        for item, two in zip(names, ("AA", "AB", "AB"), strict=True)
        for who, label in zip("xy", two, strict=True)
    ]
    table = pd.DataFrame(
        {
            name: pd.Series(column, dtype=object)
            for name, column in zip(("item", "annotator", "label"), zip(*rows_of, strict=True), strict=True)
        }
    )
    assert by_item(table)["item"].tolist() == ["b", (1,), 2]


def test_classes_are_sets_in_any_form() -> None:
    # Half the items p says a|b and q says b|a: the same set.
    text = pd.DataFrame(
        [(k, who, ("a|b" if who == "p" else "b|a") if k % 2 else "a") for k in range(40) for who in "pq"],
        columns=["item", "annotator", "label"],
    )
    lists = text.assign(label=text["label"].map(lambda one: one.split("|")))
    arrays = text.assign(label=text["label"].map(lambda one: np.asarray(one.split("|"))))
    frames = [text, lists, arrays, pl.from_pandas(lists), encode(text)]
    for given in frames:
        alpha, share = agreement.recommend(given, "classification", n_resamples=50).estimates
        assert (alpha.name, alpha.value) == ("set_alpha", 1)
        assert (share.name, share.value) == ("percent_agreement", 1)
    gap = text.assign(label=text["label"].where(text.index > 0)).astype({"label": "string"})
    assert agreement.set_alpha(gap, n_resamples=50).n_labels == 78


def test_slices_are_the_values_as_they_are() -> None:
    labels = random_table(68)
    bracket = agreement.by(labels.assign(clause="[unclear] x"), "clause", n_resamples=0)
    assert [one.label for one in bracket] == ["clause [unclear] x"]
    both = pd.concat([labels.assign(criterion=""), labels.assign(criterion="clarity", label=1)])
    found = agreement.by(both, "criterion", n_resamples=0)
    assert [one.label for one in found] == ["criterion clarity", "criterion overall"]
    assert found[1].value == agreement.krippendorff_alpha(labels, n_resamples=0).value
    mixed = labels.assign(pool=pd.Series([1 if k % 2 else "y" for k in range(len(labels))], dtype=object))
    assert {one.label for one in agreement.by(mixed, "pool", least=1, n_resamples=0)} == {"pool 1", "pool y"}
    with pytest.raises(TableError, match="a list of slices holds names"):
        agreement.by(labels.assign(clause='[["a"], ["b"]]'), "clause")
    timed = labels.assign(submitted_at=pd.date_range("2020", periods=len(labels), freq="h"))
    for windows in (0, -1, 2.5):
        with pytest.raises(ValueError, match="windows must be a whole number"):
            agreement.over_time(timed, windows=windows)  # type: ignore[arg-type]


def test_tau_says_why_it_is_undefined() -> None:
    ranked = pd.DataFrame([(k, who, "A=B") for k in range(8) for who in "xyz"], columns=["item", "annotator", "label"])
    assert agreement.kendall_tau(ranked).reason == "no item has two rankings that order anything"
    alone = ranked[ranked["annotator"] == "x"]
    assert agreement.kendall_tau(alone).reason == "no item has two rankings"
    nameless = ranked.assign(item=ranked["item"].mask(ranked.index == 0).astype(object))
    for coefficient in (agreement.kendall_tau, agreement.rank_alpha):
        with pytest.raises(TableError, match="1 rows have no item or no annotator"):
            coefficient(nameless)
        with pytest.raises(TableError, match="column 'item' holds lists"):
            coefficient(ranked.assign(item=pd.Series([[1]] * len(ranked))))
        with pytest.raises(TableError, match="got a list"):
            coefficient(ranked.assign(label=pd.Series([["A", "B"]] * len(ranked))))


@pytest.mark.parametrize("coefficient", ["krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac1"])
def test_a_slice_is_the_coefficient_of_its_rows(coefficient: Any) -> None:
    labels = random_table(69, share=0.4).assign(pool="p")
    whole = getattr(agreement, coefficient)(labels, n_resamples=100)
    timed = labels.assign(submitted_at="2020-01-01")
    for part in (
        *agreement.by(labels, "pool", coefficient, n_resamples=100),
        *agreement.over_time(timed, coefficient, windows=1, n_resamples=100),
    ):
        assert (part.value, part.low, part.n_items) == (whole.value, whole.low, whole.n_items)
    with pytest.raises(TableError, match="no coefficient 'kappa'"):
        agreement.by(labels, "pool", "kappa", least=10_000)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [[0, 0.5], [0, np.nan], ["0", "1"]])
def test_codes_are_whole_numbers(wrong: Any) -> None:
    with pytest.raises(TableError, match="codes are whole numbers"):
        from_codes([0, 1], [0, 1], wrong)
