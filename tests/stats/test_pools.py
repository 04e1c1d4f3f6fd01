"""Groups of annotators: nobody is shown alone, and what is said of groups equals independent computations."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.optimize import linprog
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests

from workbench.errors import TableError
from workbench.stats import agreement, pools
from workbench.stats.pools.cells import _with_sums

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = {
    "United States": 0.462,
    "United Kingdom": 0.425,
    "Australia": 0.408,
    "South Africa": 0.351,
    "Singapore": 0.344,
}
SIX = ["nationality", "age", "education", "ethnicity", "gender", "politic"]


@pytest.fixture(scope="module")
def everything(data_dir: Path) -> pd.DataFrame:
    """CREHate: posts judged as hate by people of five countries, with 19 second labels of the same person on a post."""
    raw = pd.read_csv(data_dir / "crehate" / "CREHate_raw_annotations.csv.gz", dtype={"annotator_id": str})
    return raw.rename(columns={"ID": "item", "annotator_id": "annotator", "annotation": "label"})


@pytest.fixture(scope="module")
def hate(everything: pd.DataFrame) -> pd.DataFrame:
    """Without "don't know"; of two labels of a person on a post the later one counts."""
    current = everything.drop_duplicates(["item", "annotator"], keep="last")
    assert len(everything) - len(current) == 19
    return current[current["label"] != 2]


def two_groups(n_items: int, n_people: int, seed: int, *, shift: float = 0.0, shifted: int = 0) -> pd.DataFrame:
    """Yes or no with item rates; in the first `shifted` items group g2 says yes `shift` more often."""
    rng = np.random.default_rng(seed)
    rate = rng.beta(2, 3, n_items)
    rows = []
    for k in range(n_people):
        group = "g1" if k % 2 else "g2"
        p = rate + (shift * (np.arange(n_items) < shifted) if group == "g2" else 0)
        said = rng.random(n_items) < np.clip(p, 0, 1)
        rows += [(f"i{i:03}", f"o{k:02}", int(one), group) for i, one in enumerate(said)]
    return pd.DataFrame(rows, columns=["item", "annotator", "label", "group"])


# --- cells ------------------------------------------------------------------------------------------------------


def ends_of(
    cell: tuple[Any, ...], counts: dict[tuple[Any, ...], int], hidden: set[tuple[Any, ...]]
) -> tuple[float, float]:
    """Least and most people a hidden cell may have, by what is shown: linear programming over all tables alike."""
    full = [key for key in counts if None not in key]
    place = {key: k for k, key in enumerate(full)}
    rows, totals = [], []
    for key, n in counts.items():
        if key in hidden:
            continue
        row = np.zeros(len(full))
        for one in full:
            row[place[one]] = all(part is None or part == other for part, other in zip(key, one, strict=True))
        rows.append(row)
        totals.append(n)
    aim = np.zeros(len(full))
    for one in full:
        aim[place[one]] = all(part is None or part == other for part, other in zip(cell, one, strict=True))
    solved = [linprog(sign * aim, A_eq=np.array(rows), b_eq=totals, bounds=(0, None)).fun for sign in (1, -1)]
    return solved[0], -solved[1]


def test_hiding_by_hand() -> None:
    counts = {("a",): 2, ("b",): 9, ("c",): 30, (None,): 41}
    assert pools.hide(counts) == {("a",), ("b",)}  # a alone would be 41 - 39
    assert pools.hide({("a",): 2, ("b",): 3, ("c",): 30, (None,): 35}) == {("a",), ("b",)}  # together five: enough
    assert pools.hide({("a",): 1, ("b",): 2, ("c",): 30, (None,): 33}) == {("a",), ("b",), ("c",)}
    assert pools.hide({("a",): 7, ("b",): 9, (None,): 16}) == set()


@pytest.mark.parametrize("seed", range(12))
def test_no_small_cell_follows_from_what_is_shown(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ["x", "y", "z"][: 2 + seed % 2]
    people = pd.DataFrame({"annotator": [f"o{k}" for k in range(120)]})
    for name in names:
        people[name] = rng.choice(list("abcd"), 120, p=[0.5, 0.3, 0.15, 0.05])
    counts = _with_sums(people, names)
    hidden = pools.hide(counts)
    small = {key for key, n in counts.items() if 0 < n < pools.SMALLEST_CELL}
    assert small
    assert small <= hidden
    for key in sorted(small, key=str)[:6]:
        low, high = ends_of(key, counts, hidden)
        assert high - low > 0.5


def test_people_of_crehate_are_not_shown_alone(everything: pd.DataFrame) -> None:
    once = everything.drop_duplicates("annotator")
    alone = once.groupby(SIX, dropna=False)["annotator"].transform("size") == 1
    assert (len(once), int(alone.sum())) == (1_064, 824)
    with pytest.raises(TableError, match="6 attributes: between 1 and 3"):
        pools.sizes(everything, SIX)
    found = pools.sizes(everything, ["nationality", "gender", "politic"])
    assert found.table["n_annotators"].min() >= 5
    assert found.n_hidden > 50
    assert found.n_unknown == 1
    country = pools.sizes(everything, ["nationality"]).table.set_index("nationality")["n_annotators"]
    assert country.to_dict() == {
        "Australia": 216,
        "Singapore": 102,
        "South Africa": 173,
        "United Kingdom": 406,
        "United States": 167,
        "all": 1_064,
    }
    # What one person typed is not even named.
    assert not any(str(one).startswith("Other") for one in pools.sizes(everything, ["politic"]).table["politic"])


def test_groups_have_to_be_clear_and_large_enough() -> None:
    table = two_groups(10, 12, seed=0)
    with pytest.raises(TableError, match="has two values"):
        pools.sizes(pd.concat([table, table.head(1).assign(group="g9")]), ["group"])
    with pytest.raises(TableError, match="no column"):
        pools.sizes(table, ["country"])
    with pytest.raises(TableError, match="0 groups have at least 5 people"):
        pools.within_between(table, {"o00": "a", "o01": "b"})
    with pytest.raises(TableError, match="missing columns"):
        pools.share_differences(table, "country")
    with pytest.raises(TableError, match="0 groups"):
        pools.share_differences(table.head(0), "group")


# --- within and between -----------------------------------------------------------------------------------------


def test_within_and_between_equal_counting_pairs() -> None:
    table = two_groups(30, 11, seed=1).sample(frac=0.8, random_state=0)
    within, between = [0, 0], [0, 0]
    for _, rows in table.groupby("item"):
        for (_, a), (_, b) in itertools.combinations(rows.iterrows(), 2):
            pair = within if a["group"] == b["group"] else between
            pair[0] += a["label"] == b["label"]
            pair[1] += 1
    found = pools.within_between(table, "group", n_resamples=500)
    assert found.all_within.value == pytest.approx(within[0] / within[1])
    assert found.all_between.value == pytest.approx(between[0] / between[1])
    assert found.difference.value == pytest.approx(within[0] / within[1] - between[0] / between[1])
    assert found.difference.low < found.difference.value < found.difference.high
    assert found.p_value > 0.05  # the groups are made up, whatever an interval over items alone says
    for name in ("g1", "g2"):
        own = table.loc[table["group"] == name, ["item", "annotator", "label"]]
        assert found.alpha[name].value == pytest.approx(agreement.krippendorff_alpha(own, n_resamples=0).value)
        assert found.within[name].value == pytest.approx(agreement.percent_agreement(own, n_resamples=0).value)
        counts = agreement.krippendorff_alpha(own, n_resamples=0)
        assert (found.alpha[name].n_items, found.alpha[name].n_labels) == (counts.n_items, counts.n_labels)
    assert pools.within_between(pl.from_pandas(table), "group", n_resamples=500).difference == found.difference
    of = dict(zip(table["annotator"], table["group"], strict=True))
    assert pools.within_between(table, of, n_resamples=500).difference == found.difference


def test_countries_of_crehate_agree_as_published(hate: pd.DataFrame) -> None:
    every = agreement.krippendorff_alpha(hate[["item", "annotator", "label"]], n_resamples=0)
    assert every.value == pytest.approx(0.373, abs=5e-4)
    found = pools.within_between(hate, "nationality", n_resamples=2_000, n_permutations=99)
    assert {name: round(one.value, 3) for name, one in found.alpha.items()} == PUBLISHED
    assert all(one.low < one.value < one.high for one in found.alpha.values())
    gap = found.alpha_differences["Singapore", "United States"]
    assert gap.value == pytest.approx(0.344 - 0.462, abs=1e-3)
    assert gap.high < 0
    # People agree a little more with their own country than with others.
    assert found.difference.value == pytest.approx(0.016, abs=1e-3)
    assert found.difference.low > 0
    assert found.p_value == pytest.approx(2 / 100)
    assert found.n_hidden == 0


def test_small_groups_of_crehate_are_hidden_in_results(hate: pd.DataFrame) -> None:
    once = hate.dropna(subset=["politic"]).drop_duplicates("annotator")
    found = pools.within_between(
        hate, dict(zip(once["annotator"], once["politic"], strict=True)), n_resamples=100, n_permutations=9
    )
    assert not any(str(name).startswith("Other") for name in found.alpha)
    assert (len(found.alpha), found.n_unknown) == (5, 1)
    assert found.n_hidden > 10


# --- shares -----------------------------------------------------------------------------------------------------


def test_share_differences_equal_clustered_regressions(hate: pd.DataFrame) -> None:
    found = pools.share_differences(hate, "nationality")
    assert {category for _, category in found.shares} == {1}
    for name in PUBLISHED:
        rows = hate[hate["nationality"] == name]
        model = OLS((rows["label"] == 1).astype(float), np.ones(len(rows))).fit(
            cov_type="cluster", cov_kwds={"groups": pd.factorize(rows["annotator"])[0]}, use_t=True
        )
        ours = found.shares[name, 1]
        assert ours.value == pytest.approx(model.params.iloc[0])
        assert (ours.low, ours.high) == pytest.approx(tuple(model.conf_int().to_numpy()[0]), rel=1e-6)
    p = [one.p_value for one in found.differences]
    assert [one.p_holm for one in found.differences] == pytest.approx(multipletests(p, method="holm")[1])
    beyond = {(one.first, one.second) for one in found.differences if one.p_holm < 0.05}
    assert ("Singapore", "United States") in beyond
    assert ("Australia", "Singapore") not in beyond


def test_a_person_with_many_labels_counts_as_one() -> None:
    # Ten people of each group; one of g1 has 300 labels, all yes. Single labels would make that a sure difference.
    rng = np.random.default_rng(2)
    rows = [(f"i{i}", "loud", 1, "g1") for i in range(300)]
    rows += [
        (f"i{i}", f"{g}{k}", int(rng.random() < 0.5), g) for g in ("g1", "g2") for k in range(9) for i in range(20)
    ]
    table = pd.DataFrame(rows, columns=["item", "annotator", "label", "group"])
    (found,) = pools.share_differences(table, "group").differences
    assert found.difference.value > 0.2
    assert found.difference.low < 0 < found.difference.high
    alike = pools.share_differences(table.assign(label=["b", "a"] * (len(table) // 2)).assign(label="a"), "group")
    assert alike.shares["g1", "a"].reason == "all annotators give it equally often: no interval"
    assert all(math.isnan(one.p_holm) for one in alike.differences)


# --- items ------------------------------------------------------------------------------------------------------


def test_the_variance_between_groups_by_hand() -> None:
    # g1 says 1 1 1 0 0, g2 says 0 0 0 0 1 (3/5 and 1/5). Each label: SS between = 5 (.2^2 + .2^2) = .4, 1 degree;
    # SS within = 5 (.24 + .16) = 2, 8 degrees: .25; n_0 = 5. (.4 - .25) / 5 = .03, for both labels the same.
    said = {"g1": [1, 1, 1, 0, 0], "g2": [0, 0, 0, 0, 1]}
    rows = [("x", f"{g}{k}", v, g) for g, given in said.items() for k, v in enumerate(given)]
    table = pd.DataFrame(rows, columns=["item", "annotator", "label", "group"])
    found = pools.heterogeneity(table, "group", n_permutations=99)
    assert found.between.value == pytest.approx(0.03)
    assert found.items.loc[0, "between"] == pytest.approx(0.03)
    # Of the 252 ways to make two groups of five from four ones and six zeros, 2 x (60 + 6) have 3 or 4 ones in one.
    assert found.p_value == pytest.approx(132 / 252, abs=0.15)


def test_items_where_groups_part_come_first_and_without_them_nothing_does() -> None:
    table = two_groups(60, 40, seed=3, shift=0.6, shifted=6)
    found = pools.heterogeneity(table, "group", n_permutations=199)
    assert found.p_value == pytest.approx(1 / 200)
    assert set(found.items["item"].head(4)) <= {f"i{k:03}" for k in range(6)}
    assert (found.items["shrunk"].head(4) < found.items["between"].head(4)).all()
    assert 0 < found.reliability < 1
    nothing = pools.heterogeneity(two_groups(60, 40, seed=4), "group", n_permutations=199)
    assert nothing.p_value > 0.05
    assert nothing.items["p_holm"].min() > 0.05
    assert nothing.reliability < 0.5
    assert nothing.between.low < 0.005


def test_the_permutation_test_keeps_its_level() -> None:
    p = [
        pools.heterogeneity(two_groups(8, 12, seed=k), "group", n_permutations=19, n_resamples=20).p_value
        for k in range(100)
    ]
    # 10 of 100 expected at .1; more than 20 would come up once in a thousand.
    assert np.mean(np.array(p) <= 0.1) <= 0.2


def test_countries_of_crehate_part_on_some_posts(hate: pd.DataFrame) -> None:
    found = pools.heterogeneity(hate, "nationality", n_permutations=99, n_resamples=1_000)
    assert found.p_value == pytest.approx(0.01)
    assert found.between.low > 0
    assert 0.1 < found.reliability < 0.5
    assert (found.items["shrunk"].to_numpy()[:-1] >= found.items["shrunk"].to_numpy()[1:]).all()


def test_items_of_one_group_only_cannot_be_compared() -> None:
    table = two_groups(12, 12, seed=5)
    apart = table[(table["group"] == "g1") == (table["item"] < "i006")]
    with pytest.raises(TableError, match="no item has labels of two groups"):
        pools.heterogeneity(apart, "group", n_permutations=9)
