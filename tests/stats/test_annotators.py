"""Annotators: hand-worked numbers, independent implementations, planted faults that must be found, and real crowds."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import time
from typing import TYPE_CHECKING, Any

import krippendorff
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import integrate, special, stats
from sklearn.linear_model import LogisticRegression
from statsmodels.api import GLM, Logit, add_constant
from statsmodels.genmod.families import Binomial
from statsmodels.stats.multitest import multipletests

from workbench.errors import TableError
from workbench.stats import agreement, annotators, coding, reading
from workbench.stats.annotators import changes, ridge, shrinkage, similarity, straight
from workbench.stats.intervals import proportion
from workbench.stats.multiple import holm

if TYPE_CHECKING:
    from pathlib import Path


def labels(rows: list[tuple[Any, ...]], *more: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["item", "annotator", "label", *more])


def crowd(n_items: int, n_people: int, seed: int, *, right: float = 0.75) -> pd.DataFrame:
    """Independent annotators who each give the item's own label with probability `right`, over days, sides swapped."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n_items)
    hit = rng.random((n_people, n_items)) < right
    value = np.where(hit, truth, 1 - truth)
    person, item = np.meshgrid(np.arange(n_people), np.arange(n_items), indexing="ij")
    left = np.where(rng.random(person.size) < 0.5, "A", "B")
    start = pd.Timestamp("2025-03-01T09:00", tz="UTC")
    return pd.DataFrame(
        {
            "item": [f"i{k:04}" for k in item.ravel()],
            "annotator": [f"o{k:02}" for k in person.ravel()],
            "label": np.where(value.ravel() == 0, "A", "B").astype(object),
            "left": left,
            "right": np.where(left == "A", "B", "A"),
            "duration_s": rng.lognormal(math.log(40), 0.4, person.size),
            "submitted_at": start + pd.to_timedelta(item.ravel(), unit="min"),
            "is_repeat": False,
        }
    )


# --- several looks ---------------------------------------------------------------------------------------------


def test_holm_equals_statsmodels_and_passes_over_what_is_unknown() -> None:
    p = np.random.default_rng(0).random(30) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    # Three looks, not four: .01 x 3, then max(.03, .02 x 2), then .5.
    assert holm([0.02, math.nan, 0.5, 0.01]) == pytest.approx([0.04, math.nan, 0.5, 0.03], nan_ok=True)


# --- side ------------------------------------------------------------------------------------------------------


def test_shrunk_shares_equal_direct_integration() -> None:
    k, n = np.array([3.0, 14.0, 9.0]), np.array([10.0, 16.0, 20.0])

    def density(r: float, m: float) -> float:
        s = (1 - r) / r
        return float(
            np.exp((special.betaln(m * s + k, (1 - m) * s + n - k) - special.betaln(m * s, (1 - m) * s)).sum())
        )

    def posterior(f: Any) -> float:
        box: Any = (0, 1, 1e-9, 1 - 1e-9)
        above = integrate.dblquad(lambda r, m: f(r, m) * density(r, m), *box, epsabs=0, epsrel=1e-5)[0]
        return float(above / integrate.dblquad(density, *box, epsabs=0, epsrel=1e-5)[0])

    found = shrinkage.shrink(k, n)
    assert found.mean == pytest.approx(posterior(lambda r, m: m), abs=2e-3)
    assert found.spread == pytest.approx(posterior(lambda r, m: r), abs=2e-3)
    for at in range(3):
        own = posterior(lambda r, m, at=at: (m * (1 - r) / r + k[at]) / ((1 - r) / r + n[at]))
        assert found.value[at] == pytest.approx(own, abs=2e-3)
        assert found.low[at] < min(own, k[at] / n[at]) < max(own, k[at] / n[at]) < found.high[at]


def test_shrunk_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(1)
    covered, population = [], []
    for _ in range(40):
        p = rng.beta(12, 8, 15)
        n = rng.integers(5, 60, 15)
        found = shrinkage.shrink(rng.binomial(n, p), n)
        covered.append((found.low <= p) & (p <= found.high))
        population.append(found.interval.low <= 0.6 <= found.interval.high)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(population) >= 0.85


def test_one_with_a_side_is_found_and_the_others_are_not() -> None:
    table = crowd(120, 12, seed=2)
    mine = table["annotator"] == "o03"
    rng = np.random.default_rng(3)
    table.loc[mine, "label"] = np.where(rng.random(mine.sum()) < 0.8, table.loc[mine, "left"], table.loc[mine, "right"])
    found = annotators.side_bias(table)
    assert [one.annotator for one in found.flagged] == ["o03"]
    one = found.flagged[0]
    k = round(one.p_left.value * one.p_left.n_labels)
    assert one.p_value == pytest.approx(stats.binomtest(k, one.p_left.n_labels).pvalue)
    assert one.p_left == annotators.p_left(table[mine], label="o03")
    # Drawn to the rest, but not far: it has 120 labels of its own.
    assert found.population.value < one.shrunk.value < one.p_left.value
    assert found.population.low < 0.5 + 0.3 / 12 < found.population.high


def test_a_side_that_never_changes_and_no_side_at_all_have_reasons() -> None:
    table = crowd(20, 3, seed=4).assign(left="A", right="B")
    found = annotators.side_bias(table)
    assert math.isnan(found.population.value)
    assert found.population.reason == "A always stood on the left, so side and quality cannot be told apart"
    nothing = annotators.side_bias(table.assign(left="", right=""))
    assert nothing.population.reason == "no decided choice with a known side"
    with pytest.raises(TableError, match="left"):
        annotators.side_bias(table[["item", "annotator", "label"]])


# --- length and format ------------------------------------------------------------------------------------------


def test_the_batched_regression_equals_sklearn_and_statsmodels() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(600, 2))
    group, cluster = rng.integers(0, 3, 600), rng.integers(0, 80, 600)
    y = (rng.random(600) < special.expit(0.3 + x @ [0.8, -0.5])).astype(float)
    found = ridge.fit(x, y, group, cluster, 3, penalty=2.0)
    for g in range(3):
        theirs = LogisticRegression(C=1 / 2.0, tol=1e-10).fit(x[group == g], y[group == g])
        ours = found.coefficients[g]
        assert ours == pytest.approx([float(theirs.intercept_[0]), *theirs.coef_[0]], abs=1e-4)
    free = ridge.fit(x, y, np.zeros(600, dtype=np.int64), cluster, 1, penalty=1e-9)
    model = Logit(y, add_constant(x)).fit(
        disp=False, cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    assert free.coefficients[0] == pytest.approx(model.params, abs=1e-5)
    assert free.errors[0] == pytest.approx(model.bse, rel=1e-4)
    assert not found.separated.any()


def test_length_bias_is_told_from_quality_that_goes_with_length() -> None:
    rng = np.random.default_rng(6)
    n_items, n_people = 400, 8
    longer = rng.normal(size=n_items)  # log ratio of the lengths
    quality = 0.9 * longer + 0.6 * rng.normal(size=n_items)  # longer responses are better, too
    rows = []
    for person in range(n_people):
        bias = 1.5 if person == 0 else 0.0
        felt = 2 * quality + bias * longer + rng.logistic(size=n_items)
        rows += [(f"i{k:03}", f"o{person}", "A" if felt[k] > 0 else "B") for k in range(n_items)]
    features = pd.DataFrame({"item": [f"i{k:03}" for k in range(n_items)]})
    features["words_a"], features["words_b"] = np.expm1(6 + longer / 2), np.expm1(6 - longer / 2)
    table = labels(rows)
    naive = annotators.content_bias(table, features, given_others=False)
    fair = annotators.content_bias(table, features)
    assert naive.pooled[0].low > 1  # quality passes for bias where nothing holds it fixed
    assert max(fair.p_holm, key=lambda name: fair.annotators[name][0].value) == "o0"
    assert fair.p_holm["o0"][0] < 1e-4
    assert fair.annotators["o0"][0].value > 1
    assert np.median([fair.annotators[f"o{k}"][0].value for k in range(1, 8)]) < naive.pooled[0].value / 2
    assert fair.scales["words"] == pytest.approx(longer.std())
    # The same as statsmodels with one more column and hardly any penalty.
    free = annotators.content_bias(table, pl.from_pandas(features), penalty=1e-9)
    wide = table.assign(y=(table["label"] == "A") * 1.0, x=np.tile(longer / longer.std(), n_people))
    others = (wide.groupby("item")["y"].transform("sum") - wide["y"]) / (n_people - 1)
    code = pd.factorize(wide["item"])[0]
    model = GLM(wide["y"], add_constant(np.column_stack([wide["x"], 2 * others - 1])), family=Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": code, "use_correction": False}
    )
    z = stats.norm.ppf(0.975)
    ours = free.pooled[0]
    assert ours.value == pytest.approx(model.params.iloc[1], abs=1e-4)
    assert (ours.high - ours.value) / z == pytest.approx(model.bse.iloc[1], rel=1e-3)


def test_separation_and_too_few_choices_are_said() -> None:
    features = pd.DataFrame({"item": [f"i{k}" for k in range(60)], "words_a": np.arange(60) + 1.0, "words_b": 30.0})
    always = [(f"i{k}", "longest", "A" if k > 29 else "B") for k in range(60)]
    few = [(f"i{k}", "few", "A" if k % 2 else "B") for k in range(12)]
    found = annotators.content_bias(labels(always + few), features, given_others=False)
    (longest,), (little,) = found.annotators["longest"], found.annotators["few"]
    assert longest.value > 1
    assert math.isnan(longest.low)
    assert longest.reason.startswith("choices are separated")
    assert little.reason == "too few: the rarer choice was made 6 times, 10 are needed for 1 coefficients"
    assert math.isnan(found.p_holm["few"][0])
    with pytest.raises(TableError, match="no features"):
        annotators.content_bias(labels(always), features[["item", "words_a"]])
    with pytest.raises(TableError, match="differs equally"):
        annotators.content_bias(labels(always), features.assign(words_a=10.0))
    with pytest.raises(TableError, match="two rows"):
        annotators.content_bias(labels(always), pd.concat([features, features]))


# --- straight-lining --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.8, 0.2), (0.6, 0.3, 0.1), (1.0, 0.0)])
def test_the_chance_of_a_run_equals_counting_every_sequence(shares: tuple[float, ...]) -> None:
    n = 7
    for longest in range(1, n + 1):
        total = 0.0
        for sequence in itertools.product(range(len(shares)), repeat=n):
            run = max(len(list(group)) for _, group in itertools.groupby(sequence))
            total += math.prod(shares[c] for c in sequence) * (run >= longest)
        found = straight.run_chance(np.array([shares]), np.array([n]), np.array([longest]))
        assert found[0] == pytest.approx(total, abs=1e-12)


def test_runs_of_several_people_at_once() -> None:
    values = np.array([0, 0, 1, 1, 1, 0, 2, 2, 1])
    people = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    longest, value = straight.longest_runs(values, people, 3)
    assert (longest.tolist(), value.tolist()[:2]) == ([3, 2, 0], [1, 2])
    chance = straight.run_chance(np.array([[0.5, 0.5], [0.8, 0.2]]), np.array([3, 9]), np.array([3, 5]))
    alone = straight.run_chance(np.array([[0.8, 0.2]]), np.array([9]), np.array([5]))
    # Three of three equal with even shares: 2 / 8.
    assert chance == pytest.approx([0.25, alone[0]])


def test_a_run_is_flagged_only_where_the_order_is_known() -> None:
    table = crowd(100, 6, seed=7)
    mine = (table["annotator"] == "o02").to_numpy()
    run = mine & (table["item"] >= "i0030") & (table["item"] < "i0060")
    table.loc[run, "label"] = "A"
    found = {one.annotator: one for one in annotators.straight_lining(table)}
    assert [name for name, one in found.items() if one.flagged] == ["o02"]
    assert found["o02"].longest_run >= 30
    assert "in a row" in found["o02"].reason
    unknown = annotators.straight_lining(table.drop(columns="submitted_at"))
    assert not any(one.flagged for one in unknown)
    assert all(math.isnan(one.run_chance) for one in unknown)


def test_shares_and_entropy_by_hand() -> None:
    rows = [(f"i{k}", "ana", "A") for k in range(4)] + [(f"i{k}", "ben", v) for k, v in enumerate("AABB")]
    ana, ben = annotators.straight_lining(labels(rows))
    assert (ana.answer, ana.share.value, ana.pool_share) == ("A", 1.0, 0.5)
    assert (ana.entropy, ana.pool_entropy, ben.entropy, ben.pool_entropy) == pytest.approx((0, 1, 1, 0))
    assert not ana.flagged  # four labels are nothing rare
    alone = annotators.straight_lining(labels([("x", "ana", "A")]))
    assert math.isnan(alone[0].pool_share)
    assert annotators.straight_lining(labels([])) == ()


# --- speed ------------------------------------------------------------------------------------------------------


def test_speed_against_reading_time_by_hand() -> None:
    # 238 words take 60 s to read; a third of that is 20 s.
    rows = [("x", "ana", "A", 19.0), ("y", "ana", "A", 21.0), ("z", "ana", "B", None), ("x", "ben", "A", None)]
    table = labels(rows, "duration_s").astype({"duration_s": "Float64"})
    features = pd.DataFrame({"item": list("xyz"), "words_a": [200, 200, 200], "words_b": 38})
    found = annotators.too_fast(table, features)
    assert (found["ana"].value, found["ana"].n_labels) == (0.5, 2)
    assert found["ben"].reason == "no durations were recorded"
    assert annotators.too_fast(table, {"x": 238, "y": 238}, fraction=0.5)["ana"].value == 1.0
    assert annotators.too_fast(table.drop(columns="duration_s"), {})["ana"].reason == "the table has no durations"
    assert annotators.too_fast(table, {"other": 5})["ana"].reason == "no words are known for the items"
    with pytest.raises(TableError, match="starts with 'words'"):
        annotators.too_fast(table, features[["item"]])
    with pytest.raises(ValueError, match="fraction"):
        annotators.too_fast(table, features, fraction=0)


# --- drift ------------------------------------------------------------------------------------------------------


def test_the_path_by_hand() -> None:
    # Ten ones, then ten zeros: less the mean of .5 over the deviation of .5 each step is 1 / root 20; ten steps up.
    found = annotators.cusum([1.0] * 10 + [0.0] * 10, n_permutations=199)
    assert found.path[9] == pytest.approx(10 / math.sqrt(20))
    assert found.path[-1] == pytest.approx(0, abs=1e-12)
    assert (found.turned_at, found.before, found.after) == (9, 1, 0)
    # Of the 184,756 orders two are as far, this one and its mirror image.
    assert found.p_value <= 2 / 200
    assert found.alarm is not None
    assert found.alarm <= 9


def test_false_alarms_are_as_rare_as_stated_whatever_the_values() -> None:
    rng = np.random.default_rng(8)
    p = np.array([annotators.cusum(rng.lognormal(0, 2, 30), n_permutations=39, seed=k).p_value for k in range(600)])
    # 30 expected at .05 of 600; exact, so no more than chance allows.
    assert stats.binomtest(int((p <= 0.05).sum()), 600, 0.05).pvalue > 0.001
    alarms = [annotators.cusum(rng.random(30), n_permutations=39, seed=k).alarm is not None for k in range(600)]
    assert stats.binomtest(sum(alarms), 600, 0.05).pvalue > 0.001


def test_fatigue_within_sessions_is_told_from_drift_over_days() -> None:
    rng = np.random.default_rng(9)
    session = np.repeat(np.arange(4), 40)
    tired = np.tile(np.r_[np.zeros(20), -2 * np.ones(20)], 4) + rng.normal(size=160)
    within = annotators.cusum(tired, session, scope="session", n_permutations=499)
    assert within.alarm is not None
    assert abs(within.turned_at % 40 - 19) <= 4  # type: ignore[operator]
    assert within.before > within.after + 1
    steady = np.repeat([0.0, -1.0, -2.0, -3.0], 40) + rng.normal(size=160)
    assert annotators.cusum(steady, session, scope="session", n_permutations=499).p_value > 0.05
    assert annotators.cusum(steady, session, n_permutations=499).p_value < 0.01
    # The rough p-value is of the same order, and is what leaves out charts before the exact test.
    assert changes.rough_p_value(steady, session, "session") > 0.05
    assert changes.rough_p_value(tired, session, "session") < 0.01


def test_charts_of_an_annotator_and_why_there_are_none() -> None:
    table = crowd(120, 5, seed=10)
    mine = (table["annotator"] == "o01").to_numpy()
    late = mine & (table["item"] >= "i0060").to_numpy()
    table.loc[late, "label"] = np.random.default_rng(0).choice(["A", "B"], late.sum())
    table.loc[late, "duration_s"] /= 4
    table.loc[(table["item"] >= "i0060").to_numpy(), "submitted_at"] += pd.Timedelta(days=1)
    charts = {(one.signal, one.scope): one for one in annotators.drift_charts(table, "o01", n_permutations=499)}
    pace = charts["pace", "days"]
    assert pace.turned_at == 59
    assert math.exp(pace.before - pace.after) == pytest.approx(4, rel=0.4)
    assert set(charts["pace", "session"].session.tolist()) == {0, 1}
    assert charts["pace", "session"].alarm is None
    few = annotators.drift_charts(table[table["item"] < "i0010"], "o01")
    assert {one.reason for one in few} == {"10 judgments: a chart needs 20"}
    unknown = annotators.drift_charts(table[["item", "annotator", "label"]], "o01")
    assert all("order" in one.reason and not one.defined for one in unknown)
    assert annotators.cusum([1.0] * 30).reason == "all values are the same"
    assert annotators.cusum([]).reason == "no value is known"
    with pytest.raises(TableError, match="no annotator"):
        annotators.drift_charts(table, "nobody")
    with pytest.raises(TableError, match="permutations"):
        annotators.cusum([1.0, 2.0] * 20, n_permutations=5)


# --- repeats ----------------------------------------------------------------------------------------------------


def test_repeats_in_percent_beyond_chance_and_by_side() -> None:
    first = [("x", "A", "A"), ("y", "B", "A"), ("z", "A", "B"), ("w", "B", "B"), ("v", "A", "A"), ("u", "B", "B")]
    again = [("x", "A", "A"), ("y", "B", "A"), ("z", "B", "A"), ("w", "B", "A"), ("v", "B", "B"), ("u", "B", "B")]
    rows = [(i, "ana", v, side, False) for i, v, side in first] + [(i, "ana", v, side, True) for i, v, side in again]
    found = annotators.repeats(labels(rows, "left", "is_repeat"))
    assert (found.percent.value, found.percent.n_labels) == (4 / 6, 6)
    assert (found.same_side.value, found.same_side.n_labels) == (1, 3)  # x, y, u
    assert (found.swapped.value, found.swapped.n_labels) == (1 / 3, 3)  # of z, w, v only w
    assert found.swap_effect.value == pytest.approx(-2 / 3)
    data = [[0, 1, 0, 1, 0, 1], [0, 1, 1, 1, 1, 1]]
    theirs = krippendorff.alpha(reliability_data=np.array(data, dtype=float), level_of_measurement="nominal")
    assert found.alpha.value == pytest.approx(theirs)
    assert found.percent == annotators.self_agreement(labels(rows, "left", "is_repeat"))
    none = annotators.repeats(labels([("x", "ana", "A")]))
    assert math.isnan(none.percent.value)
    assert none.alpha.reason == "no hidden repeats"


# --- similarity -------------------------------------------------------------------------------------------------


def test_a_copied_pair_is_found_and_independent_people_are_not() -> None:
    table = crowd(200, 8, seed=11)
    copied = table[table["annotator"] == "o02"].set_index("item")["label"]
    mine = (table["annotator"] == "o05").to_numpy() & (np.random.default_rng(0).random(len(table)) < 0.7)
    table.loc[mine, "label"] = table.loc[mine, "item"].map(copied)
    found = annotators.similar_pairs(table)
    assert found.flagged[["a", "b"]].to_numpy().tolist() == [["o02", "o05"]]
    assert found.look_at[0].startswith("look at o02 and o05: on ")
    assert found.n_looked_at == 28


def test_the_expected_number_of_shared_answers_is_right_for_independent_people() -> None:
    shared = expected = 0.0
    small = []
    for seed in range(6):
        pairs = annotators.similar_pairs(crowd(150, 10, seed=100 + seed, right=0.7)).pairs
        shared, expected = shared + pairs["n_shared_rare"].sum(), expected + pairs["expected"].sum()
        small += (pairs["p_value"] < 0.05).tolist()
    assert shared == pytest.approx(expected, rel=0.15)
    assert np.mean(small) < 0.07


def test_two_strict_raters_are_not_called_similar() -> None:
    rng = np.random.default_rng(12)
    truth = rng.random(300) < 0.3
    rows = []
    for k in range(10):
        say = truth | (rng.random(300) < (0.5 if k < 2 else 0.05))  # two call much more unsafe, each on their own
        rows += [(f"i{i}", f"o{k}", "unsafe" if one else "safe") for i, one in enumerate(say)]
    found = annotators.similar_pairs(labels(rows))
    pair = found.pairs[(found.pairs["a"] == "o0") & (found.pairs["b"] == "o1")].iloc[0]
    assert pair["n_shared_rare"] > 30
    assert pair["p_holm"] > 0.05


def test_shared_rare_answers_are_counted_by_hand() -> None:
    # x: o0, o1 say B where o2, o3 say A: shared and rare. y: all A. z: the others split, so no consensus.
    given = {"x": "BBAA", "y": "AAAA", "z": "BBAB"}
    rows = [(item, f"o{k}", v) for item, said in given.items() for k, v in enumerate(said)]
    coded = coding.encode(labels(rows))
    key, sums = similarity._pair_sums(coded, similarity._tilt(coded, reading.others(coded)))
    pair = dict(zip(key.tolist(), sums.tolist(), strict=True))[0 * 4 + 1]
    assert pair[:3] == [3, 2, 1]


def test_reasons_in_the_same_words() -> None:
    text = "A is longer and it gives the sources it used."
    rows = [
        ("x", "ana", "A", text),
        ("y", "ben", "A", text.upper().replace(" ", "  ")),
        ("x", "ben", "B", "B is better"),
        ("y", "cam", "B", "B is better"),
    ]
    found = annotators.similar_pairs(labels(rows, "reason"))
    assert found.pairs[["a", "b", "n_same_reasons"]].to_numpy().tolist() == [["ana", "ben", 1]]
    assert found.flagged.empty  # once may be chance


# --- pages ------------------------------------------------------------------------------------------------------


def test_pages_of_a_decent_crowd_suggest_nothing() -> None:
    table = crowd(150, 8, seed=13)
    features = pd.DataFrame({"item": sorted(set(table["item"]))})
    rng = np.random.default_rng(0)
    features["words_a"], features["words_b"] = rng.integers(20, 60, (2, len(features)))
    found = annotators.pages(table, features=features, gold={"i0000": "A"})
    assert list(found) == [f"o{k:02}" for k in range(8)]
    assert [one.suggestions for one in found.values() if one.suggestions] == []
    assert all(one.content[0].defined and one.side is not None and one.skill is None for one in found.values())


def test_a_page_gathers_what_is_wrong_and_never_excludes() -> None:
    table = crowd(150, 8, seed=14)
    mine = (table["annotator"] == "o04").to_numpy()
    table.loc[mine, "label"] = table.loc[mine, "left"]
    table.loc[mine, "duration_s"] = 2.0
    again = table[table["item"] < "i0040"].assign(is_repeat=True)
    again["left"], again["right"] = again["right"], again["left"]
    again.loc[again["annotator"] == "o04", "label"] = again["left"]
    features = pd.DataFrame({"item": sorted(set(table["item"])), "words_prompt": 40, "words_a": 100, "words_b": 100})
    gold = dict(table[table["annotator"] == "o00"].set_index("item")["label"].head(60))
    skill = pd.DataFrame({"annotator": ["o04"], "annotator_quality": [0.51]})
    whole = pd.concat([table, again], ignore_index=True)
    # A feature that differs equally on every item is no reason for any choice; what is to be read is still counted.
    same = annotators.page(whole, "o04", features=features)
    assert same.content == ()
    assert same.too_fast.value == 1
    features["words_a"] += np.arange(len(features))
    page = annotators.page(whole, "o04", gold=gold, features=features, skill=skill)
    told = "\n".join(page.suggestions)
    assert "chose the left response in 100.0%" in told
    assert "less than a third of the reading time" in told
    assert "says what most of the others say on" in told
    assert "answers hidden repeats as the first time on 0.0%" in told
    assert "is wrong on gold on" in told
    assert "exclu" not in told
    assert page.skill is not None
    assert page.skill.value == 0.51
    assert len(page.drift) == 4
    assert "look: chose the left" in str(page)
    of_all = annotators.pages(whole, gold=gold, features=features, skill=skill)["o04"]
    assert of_all.suggestions == page.suggestions
    assert (of_all.side, of_all.straight, of_all.gold_error) == (page.side, page.straight, page.gold_error)


def test_bad_tables_are_refused_and_empty_ones_have_no_pages() -> None:
    assert annotators.pages(labels([])) == {}
    twice = labels([("x", "ana", "A"), ("x", "ana", "B")])
    with pytest.raises(TableError, match="second one"):
        annotators.pages(twice)
    with pytest.raises(TableError, match="missing columns"):
        annotators.pages(pd.DataFrame({"item": ["x"]}))
    with pytest.raises(TableError, match="no annotator"):
        annotators.page(labels([("x", "ana", "A")]), "ben")
    with pytest.raises(TableError, match="annotator_quality"):
        annotators.pages(labels([("x", "ana", "A")]), skill=pd.DataFrame({"annotator": ["ana"]}))


def test_annotators_named_by_numbers_have_pages() -> None:
    table = crowd(30, 3, seed=18)
    numbered = table.assign(annotator=table["annotator"].str[1:].astype(int))
    page = annotators.page(numbered, "1", features={"i0000": 10})
    assert (page.annotator, page.n_labels, len(page.drift)) == ("1", 30, 4)
    assert page.median_seconds == table.loc[table["annotator"] == "o01", "duration_s"].median()


def test_polars_and_pandas_give_the_same_pages() -> None:
    table = crowd(60, 4, seed=15)
    theirs = annotators.pages(pl.from_pandas(table))
    ours = annotators.pages(table)
    for name, page in ours.items():
        assert (page.side, page.straight, page.agreement) == (
            theirs[name].side,
            theirs[name].straight,
            theirs[name].agreement,
        )


# --- filter impact ----------------------------------------------------------------------------------------------


def test_filter_impact_by_hand() -> None:
    given = {"x": "AAB", "y": "ABB", "z": "AB", "w": "B"}
    rows = [(item, f"o{k}", v) for item, said in given.items() for k, v in enumerate(said)]
    table = labels(rows).assign(topic=["t1"] * 6 + ["t2"] * 3)
    found = annotators.filter_impact(table, ["o0", "stranger"], slices=["topic"], overlap=2, n_resamples=500)
    assert found.excluded == ("o0",)
    assert found.labels_lost.value == pytest.approx(4 / 9)
    # A: o0 gave 3, o1 gave 1 of 9 labels; after, 1 of 5.
    mix = found.label_mix["A"]
    assert (mix.before.value, mix.after.value) == pytest.approx((4 / 9, 1 / 5))
    assert mix.difference.value == pytest.approx(1 / 5 - 4 / 9)
    assert mix.difference.low <= mix.difference.value <= mix.difference.high
    sliced = found.slices["topic", "t1"]
    assert (sliced.before.value, sliced.after.value) == pytest.approx((6 / 9, 4 / 5))
    assert (found.short_items.before.value, found.short_items.after.value) == (0.25, 0.5)
    assert found.items_lost == 1
    before = agreement.krippendorff_alpha(table[["item", "annotator", "label"]], n_resamples=500)
    after = agreement.krippendorff_alpha(
        table[table["annotator"] != "o0"][["item", "annotator", "label"]], n_resamples=500
    )
    assert (found.alpha.before.value, found.alpha.after.value) == pytest.approx((before.value, after.value))
    assert found.alpha.difference.value == pytest.approx(after.value - before.value)
    equal = found.percent_agreement
    assert equal.difference.value == pytest.approx(equal.after.value - equal.before.value)
    with pytest.raises(TableError, match="nobody of"):
        annotators.filter_impact(table, ["stranger"])
    with pytest.raises(TableError, match="all annotators"):
        annotators.filter_impact(table, ["o0", "o1", "o2"])


def test_a_filter_that_removes_a_group_says_so_and_small_groups_stay_hidden() -> None:
    table = crowd(40, 24, seed=16)
    group = {f"o{k:02}": "north" if k < 6 else "south" if k < 20 else "few" for k in range(24)}
    found = annotators.filter_impact(table, [f"o{k:02}" for k in range(6)], groups=group, n_resamples=200)
    # "few" has four people, and with it hidden "north", the smallest of the rest, would tell its size.
    assert list(found.groups) == ["south"]
    assert (found.groups_lost, found.n_hidden_groups_lost) == ((), 1)
    assert any("groups too small to show" in one for one in found.warnings)
    whole = {name: where if where != "few" else "south" for name, where in group.items()}
    lost = annotators.filter_impact(table, [f"o{k:02}" for k in range(6)], groups=whole, n_resamples=200)
    assert lost.groups_lost == ("north",)
    assert lost.groups["north"].after.value == 0
    assert "nobody of group north would be left" in lost.warnings
    some = annotators.filter_impact(table, [f"o{k:02}" for k in range(4)], groups=whole, n_resamples=200)
    assert some.groups["north"].after.reason == "fewer than 5 people would be left"
    assert math.isnan(some.groups["north"].difference.value)


# --- real crowds ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dices(data_dir: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """123 raters of 350 conversations (Yes: unsafe), and expert labels of half of them."""
    wide = pd.read_csv(data_dir / "dices350" / "ratings_wide.csv.gz", dtype=str)
    table = wide.melt("item_id", var_name="annotator", value_name="label").rename(columns={"item_id": "item"})
    gold = pd.read_csv(data_dir / "dices350" / "expert_gold_half.csv", dtype=str)
    return table, dict(zip(gold["item_id"], gold["safety_gold"], strict=True))


def test_both_straight_liners_of_dices_are_flagged(dices: tuple[pd.DataFrame, dict[str, str]]) -> None:
    table, gold = dices
    pages = annotators.pages(table, gold=gold)
    yes = table.assign(yes=table["label"] == "Yes").groupby("annotator")["yes"].mean()
    lowest, highest = str(yes.idxmin()), str(yes.idxmax())
    flagged = {name: page.straight.reason for name, page in pages.items() if page.straight.flagged}
    assert {lowest, highest} <= set(flagged)
    assert (yes.min(), round(yes.max(), 3)) == (0, 0.997)
    assert "answered Yes to 99.7% of 350 items" in flagged[highest]
    # Are the flagged worse than the median rater against the experts? The data say what they say.
    suggested = [name for name, page in pages.items() if page.suggestions]
    error = {name: page.gold_error.value for name, page in pages.items() if page.gold_error is not None}
    median = float(np.median(list(error.values())))
    sets: tuple[tuple[str, list[str]], ...] = (("straight-lining", list(flagged)), ("any suggestion", suggested))
    for title, names in sets:
        worse = sum(error[name] > median for name in names)
        n = len(names)
        print(title, proportion("precision", worse, n, n_items=len(gold), n_annotators=n))
    assert 2 <= len(flagged) < 20 < len(suggested) < 60


def test_agreeing_with_the_dices_crowd_is_not_agreeing_with_experts(dices: tuple[pd.DataFrame, dict[str, str]]) -> None:
    found = annotators.crowd_against_experts(*dices, n_resamples=2_000)
    assert found.missed == "Yes"
    recall = {one.label: one for one in found.recall}
    assert recall["experts say Yes"].value == pytest.approx(0.392, abs=5e-4)
    assert recall["experts say Yes"].n_items == 97
    assert found.accuracy.value == pytest.approx(0.629, abs=5e-4)
    assert found.warning.startswith("agreeing with this crowd is not agreeing with the experts: the majority finds 39%")
    assert "filtering by agreement would make the labels worse" in found.warning
    assert found.by_agreement.high < 0
    assert found.change.value == pytest.approx(found.filtered.value - recall["experts say Yes"].value)
    assert found.change.high < 0
    table, gold = dices
    majority = table.groupby("item")["label"].agg(lambda column: column.mode().iloc[0])
    unsafe = [item for item, one in gold.items() if one == "Yes"]
    assert recall["experts say Yes"].value == pytest.approx((majority.loc[unsafe] == "Yes").mean())
    with pytest.raises(TableError, match="no expert label"):
        annotators.crowd_against_experts(table, {"elsewhere": "Yes"})


def test_a_crowd_that_finds_what_experts_find_gets_no_warning() -> None:
    table = crowd(120, 15, seed=17, right=0.85)
    truth = table.groupby("item")["label"].agg(lambda column: column.mode().iloc[0]).to_dict()
    found = annotators.crowd_against_experts(table, truth, n_resamples=200)
    assert found.accuracy.value == 1
    assert found.warning == ""
    # One item that the majority misses is no evidence against it.
    wrong = {"i0000": "A" if truth["i0000"] == "B" else "B", "i0001": truth["i0001"]}
    assert annotators.crowd_against_experts(table, wrong, n_resamples=0).warning == ""


@pytest.mark.slow
def test_the_pages_of_a_large_real_crowd_are_made_in_seconds(data_dir: Path) -> None:
    folder = data_dir / "ukpconvarg"
    with gzip.open(folder / "arguments.jsonl.gz", "rt", encoding="utf-8") as lines:
        words = {(one["topic"], one["arg_id"]): len(one["text"].split()) for one in map(json.loads, lines)}
    rows, features = [], []
    with gzip.open(folder / "pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for pair in map(json.loads, lines):
            item, topic = f"{pair['topic']}/{pair['pair_id']}", pair["topic"]
            features.append((item, words[topic, pair["arg1"]], words[topic, pair["arg2"]]))
            said = {"a1": "A", "a2": "B", "equal": "tie"}
            rows += [
                (item, one["worker"], said[one["value"]], one["reason"], one["accept"], one["submit"])
                for one in pair["assignments"]
            ]
    table = labels(rows, "reason", "accept", "submit")
    table["submitted_at"] = pd.to_datetime(table["submit"], utc=True)
    table["duration_s"] = (table["submitted_at"] - pd.to_datetime(table["accept"], utc=True)).dt.total_seconds()
    assert (len(table), table["annotator"].nunique()) == (84_445, 3_815)
    start = time.process_time()
    pages = annotators.pages(table, features=pd.DataFrame(features, columns=["item", "words_a", "words_b"]))
    spent = time.process_time() - start
    print(f"{spent:.2f} s of processor time for {len(pages)} pages")
    assert len(pages) == 3_815
    assert spent < 60  # 4.5 s where it was measured
