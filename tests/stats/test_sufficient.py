"""The three counts give the same integers in every engine, and the coefficients the same numbers.

Spark needs Java and `pip install pyspark`, which are no part of the test environment: its cases are skipped with that
reason where either is missing.
"""

from __future__ import annotations

import os
import shutil
from itertools import combinations
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

from tests.stats.test_agreement_pairs import random_table
from workbench.errors import TableError
from workbench.stats import agreement, sufficient

if TYPE_CHECKING:
    from collections.abc import Iterator

# What two libraries announce: Narwhals that its Dask half will move to a package of its own, PySpark 4.3 that it does
# not yet know all of pandas 3. Spark also leaves its socket to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Dask support is moving out:FutureWarning"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
LAZY = ("polars-lazy", "duckdb", "dask", "spark")
ENGINES = ("pandas", "polars", "pyarrow", *LAZY)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install pyspark (and Java)")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java: apt-get install default-jre-headless")
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    yield session
    session.stop()


def in_engine(name: str, table: pd.DataFrame, request: pytest.FixtureRequest) -> Any:
    if name == "pandas":
        return table
    if name.startswith("polars"):
        import polars as pl

        frame = pl.from_pandas(table)
        return frame.lazy() if name.endswith("lazy") else frame
    if name == "pyarrow":
        import pyarrow as pa

        return pa.Table.from_pandas(table, preserve_index=False)
    if name == "duckdb":
        import duckdb

        return duckdb.connect().from_df(table)
    if name == "dask":
        import dask.dataframe as dd

        return dd.from_pandas(table, npartitions=3)
    return request.getfixturevalue("spark").createDataFrame(table.to_dict("records"))


def as_rows(frame: Any, columns: list[str]) -> list[tuple[Any, ...]]:
    found: Any = nw.from_native(frame)
    eager = found.collect() if isinstance(found, nw.LazyFrame) else found
    return sorted(eager.to_pandas()[columns].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def labels() -> pd.DataFrame:
    table: pd.DataFrame = random_table(31, n_items=80)
    return table


@pytest.mark.parametrize("engine", ENGINES)
def test_item_value_counts(engine: str, labels: pd.DataFrame, request: pytest.FixtureRequest) -> None:
    found = as_rows(sufficient.item_value_counts(in_engine(engine, labels, request)), ["item", "label", "n"])
    by_hand = labels.groupby(["item", "label"]).size()
    assert found == sorted(by_hand.reset_index(name="n").itertuples(index=False, name=None))


@pytest.mark.parametrize("engine", ENGINES)
def test_pattern_histogram(engine: str, labels: pd.DataFrame, request: pytest.FixtureRequest) -> None:
    table = in_engine(engine, labels, request)
    found = as_rows(sufficient.pattern_histogram(table, [1, 2, 3, 4], 6), ["code", "size", "n_items"])
    codes = labels.groupby("item")["label"].agg(lambda mine: sum(7 ** (one - 1) for one in mine))
    expected = pd.DataFrame({"code": codes, "size": labels.groupby("item").size()}).value_counts()
    assert found == sorted(expected.reset_index(name="n").itertuples(index=False, name=None))


@pytest.mark.parametrize("engine", ENGINES)
def test_pair_confusion(engine: str, labels: pd.DataFrame, request: pytest.FixtureRequest) -> None:
    columns = ["a", "b", "label_a", "label_b", "n"]
    found = as_rows(sufficient.pair_confusion(in_engine(engine, labels, request)), columns)
    expected: dict[tuple[Any, ...], int] = {}
    for _, mine in labels.groupby("item"):
        for (a, x), (b, y) in combinations(sorted(zip(mine["annotator"], mine["label"], strict=True)), 2):
            expected[a, b, x, y] = expected.get((a, b, x, y), 0) + 1
    assert found == sorted((*cell, n) for cell, n in expected.items())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("level", ["nominal", "ordinal", "ratio"])
def test_alpha_is_the_same_number(
    engine: str, level: Any, labels: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    found = agreement.krippendorff_alpha(in_engine(engine, labels, request), level, n_resamples=200)
    expected = agreement.krippendorff_alpha(labels, level, n_resamples=200)
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert (found.n_items, found.n_annotators, found.n_labels) == (
        expected.n_items,
        expected.n_annotators,
        expected.n_labels,
    )


@pytest.mark.parametrize("engine", ["polars-lazy", "duckdb", "dask"])
def test_bad_tables_are_refused_where_they_lie(
    engine: str, labels: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    twice = in_engine(engine, pd.concat([labels, labels.iloc[[0]].assign(label=4)], ignore_index=True), request)
    with pytest.raises(TableError, match="second one of the same annotator"):
        agreement.krippendorff_alpha(twice)
    nobody = labels.assign(annotator=labels["annotator"].mask(labels.index == 0))
    with pytest.raises(TableError, match="1 rows have no item or no annotator"):
        agreement.krippendorff_alpha(in_engine(engine, nobody, request))
    with pytest.raises(TableError, match="not among the categories"):
        agreement.krippendorff_alpha(in_engine(engine, labels, request), categories=[1, 2])
    with pytest.raises(TableError, match="missing columns"):
        agreement.krippendorff_alpha(in_engine(engine, labels.rename(columns={"label": "x"}), request))


@pytest.mark.parametrize("engine", ["polars-lazy", "duckdb", "dask"])
def test_repeats_criteria_and_gaps_where_they_lie(
    engine: str, labels: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    rng = np.random.default_rng(0)
    table = labels.assign(label=labels["label"].where(rng.random(len(labels)) < 0.9), is_repeat=False, criterion="")
    again = table.assign(is_repeat=True)
    other = table.assign(criterion="clarity", label=1.0)
    mixed = pd.concat([table, again, other], ignore_index=True)
    found = agreement.percent_agreement(in_engine(engine, mixed, request), n_resamples=100)
    assert found == agreement.percent_agreement(table, n_resamples=100)


@pytest.mark.parametrize("engine", ["polars-lazy", "duckdb", "dask"])
def test_no_label_at_all(engine: str, labels: pd.DataFrame, request: pytest.FixtureRequest) -> None:
    empty = in_engine(engine, labels.iloc[:0] if engine != "dask" else labels.assign(label=np.nan), request)
    found = agreement.krippendorff_alpha(empty)
    assert not found.defined
    assert found.reason == "no item has labels of two annotators"


def test_many_categories_are_counted_in_memory() -> None:
    import duckdb

    labels = random_table(32, n_items=40, n_values=60)
    with pytest.raises(TableError, match="do not fit into exact codes"):
        sufficient.pattern_histogram(labels, list(range(1, 61)), 6)
    found = agreement.krippendorff_alpha(duckdb.connect().from_df(labels), n_resamples=50)
    assert found == agreement.krippendorff_alpha(labels, n_resamples=50)
