"""Rankings against hand-worked numbers, published values, statsmodels, evalica and direct maximisation."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import evalica
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special
from statsmodels.stats.proportion import proportion_confint

from workbench import importers, tables
from workbench.errors import TableError
from workbench.stats import ranking
from workbench.stats.ranking import data, likelihood
from workbench.tasks import item_table, label_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WINNER = {"A": evalica.Winner.X, "B": evalica.Winner.Y, "tie": evalica.Winner.Draw}
TRUTH = {"p": 0.9, "q": 0.3, "r": -0.2, "s": -1.0}


def simulated(
    n: int,
    *,
    seed: int = 0,
    model: likelihood.Model = "bradley_terry",
    tie: float = 0.0,
    left: float = 0.0,
    longer: float = 0.0,
) -> pd.DataFrame:
    """Comparisons of the systems in TRUTH, with log advantages of the left and of one more in `length`."""
    rng = np.random.default_rng(seed)
    names, ratings = np.array(list(TRUTH)), np.array(list(TRUTH.values()))
    a = rng.integers(0, 4, n)
    b = (a + rng.integers(1, 4, n)) % 4
    a_left = rng.random(n) < 0.5
    length = rng.normal(size=(2, n)) + 0.4 * ratings[[a, b]]
    eta = ratings[a] - ratings[b] + left * np.where(a_left, 1, -1) + longer * (length[0] - length[1])
    first, second, _ = np.exp(likelihood.log_probabilities(model, eta, np.asarray(tie)))
    u = rng.random(n)
    return pd.DataFrame(
        {
            "a": names[a],
            "b": names[b],
            "winner": np.where(u < first, "A", np.where(u < first + second, "B", "tie")),
            "prompt_id": rng.integers(0, 60, n),
            "annotator": rng.integers(0, 7, n),
            "left": np.where(a_left, "A", "B"),
            "length_a": length[0],
            "length_b": length[1],
        }
    )


def values(ranked: ranking.Ranking) -> pd.Series[float]:
    return ranked.table.set_index("system")["rating"].sort_index()


def sides(table: pd.DataFrame, names: list[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Regression columns: 1 for a, -1 for b, the first system being the reference."""
    return np.column_stack([(table["a"] == name) * 1.0 - (table["b"] == name) * 1.0 for name in names[1:]])


def half_wins(table: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(table["winner"].map({"A": 1.0, "B": 0.0, "tie": 0.5}), dtype=np.float64)


def centred(numbers: Any) -> Any:
    return np.asarray(numbers) - np.mean(numbers)


# ---- values -----------------------------------------------------------------------------------------------------


def test_two_systems_by_hand() -> None:
    # 6 wins, 2 losses, 4 ties, half each: 8 to 4, so the ratings are log 2 apart; without ties log 3.
    table = pd.DataFrame([("x", "y", w) for w in ["A"] * 6 + ["B"] * 2 + ["tie"] * 4], columns=["a", "b", "winner"])
    half = ranking.bradley_terry(table, prior=0, cluster=None)
    assert [one.rating.value for one in half.systems] == pytest.approx([math.log(2) / 2, -math.log(2) / 2])
    assert half.win_probability.loc["x", "y"] == pytest.approx(2 / 3)
    # 12 comparisons: 8 log(2/3) + 4 log(1/3).
    assert half.log_likelihood == pytest.approx(8 * math.log(2 / 3) + 4 * math.log(1 / 3))
    dropped = ranking.bradley_terry(table, ties="drop", prior=0, cluster=None, anchor="y")
    assert dropped.rating("x").value == pytest.approx(math.log(3))
    assert (dropped.rating("y").value, dropped.rating("y").low, dropped.rating("y").high) == (0, 0, 0)
    assert (dropped.n_comparisons, dropped.n_ties) == (8, 0)
    # Davidson reproduces all three shares of a single pair: nu = ties / sqrt(wins losses), difference log(wins/losses).
    david = ranking.davidson(table, prior=0, cluster=None, anchor="y")
    assert david.ties is not None
    assert david.ties.value == pytest.approx(4 / math.sqrt(12))
    assert david.rating("x").value == pytest.approx(math.log(3))
    # Rao-Kupper: s(d - k) = 1/2 gives d = k; s(-d - k) = 1/6 gives d + k = log 5. So theta = sqrt 5.
    rao = ranking.rao_kupper(table, prior=0, cluster=None, anchor="y")
    assert rao.ties is not None
    assert rao.ties.value == pytest.approx(math.sqrt(5))
    assert rao.rating("x").value == pytest.approx(math.log(5) / 2)
    assert rao.log_likelihood == pytest.approx(david.log_likelihood)  # both are saturated
    assert rao.win_probability.loc["x", "y"] == pytest.approx(1 / 2 + 1 / 6)


def test_citations_of_four_journals(data_dir: Path) -> None:
    records = json.loads((data_dir / "reference_values_dev" / "reference_values.json").read_text())
    (known,) = [record for record in records if record["id"] == "bt-citations"]
    names, cited = known["data"]["order"], known["data"]["cited_rows_x_citing_cols"]
    table = pd.DataFrame(
        [(names[i], names[j], "A") for i in range(4) for j in range(4) if i != j for _ in range(cited[i][j])],
        columns=["a", "b", "winner"],
    )
    ranked = ranking.bradley_terry(table, anchor="Biometrika", prior=0, cluster=None)
    assert ranked.names == ["JRSS-B", "Biometrika", "JASA", "Comm Statist"]
    for name, value in known["expected"].items():
        assert ranked.rating(name).value == pytest.approx(value, abs=known["tolerance"])
    assert [(one.best_rank, one.worst_rank) for one in ranked.systems] == [(k, k) for k in (1, 2, 3, 4)]


def test_bradley_terry_is_the_binomial_regression_and_evalica() -> None:
    table = simulated(1500, model="davidson", tie=-0.5)
    ours = values(ranking.bradley_terry(table, prior=0, n_resamples=0))
    names = list(ours.index)
    regression = sm.GLM(half_wins(table), sides(table, names), family=sm.families.Binomial()).fit()
    assert ours.to_numpy() == pytest.approx(centred([0, *regression.params]), abs=1e-7)
    scores = evalica.bradley_terry(
        table["a"].tolist(), table["b"].tolist(), [WINNER[w] for w in table["winner"]]
    ).scores
    assert ours.to_numpy() == pytest.approx(centred(np.log(scores.sort_index())), abs=1e-5)
    table = table[table["winner"] != "tie"]  # halves are no likelihood, and statsmodels adds a constant for them
    regression = sm.GLM(half_wins(table), sides(table, names), family=sm.families.Binomial()).fit()
    assert ranking.bradley_terry(table, prior=0, n_resamples=0).log_likelihood == pytest.approx(regression.llf)


def test_the_prior_is_comparisons_with_an_average_system() -> None:
    table = simulated(60, seed=3)
    ours = values(ranking.bradley_terry(table, prior=2.0, n_resamples=0))
    columns = np.column_stack([(table["a"] == n) * 1.0 - (table["b"] == n) * 1.0 for n in ours.index])
    # Two comparisons each with an opponent of rating 0, half won: rows of the identity with outcome 1/2, weight 2.
    design, outcome = np.vstack([columns, np.eye(4)]), np.append(half_wins(table), np.full(4, 0.5))
    weights = np.append(np.ones(len(table)), np.full(4, 2.0))
    regression = sm.GLM(outcome, design, family=sm.families.Binomial(), freq_weights=weights).fit()
    assert ours.to_numpy() == pytest.approx(centred(regression.params), abs=1e-7)
    plain = values(ranking.bradley_terry(table, prior=0, n_resamples=0))
    assert np.ptp(ours) < np.ptp(plain)


def test_style_and_position_are_the_joint_logistic_regression() -> None:
    table = simulated(1200, seed=1, left=0.3, longer=0.5)
    table["headers"] = np.random.default_rng(7).poisson(1.0, len(table)) - 1.0  # a difference already
    ranked = ranking.bradley_terry(table, style=["length", "headers"], position=True, prior=0, n_resamples=200)
    names = sorted(TRUTH)
    covariates = np.column_stack([table["length_a"] - table["length_b"], table["headers"]])
    spread = np.sqrt((covariates**2).mean(axis=0))
    left = np.where(table["left"] == "A", 1.0, -1.0)
    design = np.column_stack([sides(table, names), left, covariates / spread])
    regression = sm.GLM(half_wins(table), design, family=sm.families.Binomial()).fit()
    assert values(ranked).to_numpy() == pytest.approx(centred([0, *regression.params[:3]]), abs=1e-7)
    assert ranked.position is not None
    found = [ranked.position.value, *(one.value for one in ranked.style)]
    assert found == pytest.approx(regression.params[3:], abs=1e-7)
    assert [one.label for one in ranked.style] == ["length", "headers"]
    # The bootstrap's spread is about the regression's standard error: comparisons are independent here.
    for one, error in zip([ranked.position, *ranked.style], regression.bse[3:], strict=True):
        assert (one.high - one.low) / (2 * 1.96) == pytest.approx(error, rel=0.25)
    assert ranked.style[0].low > 0  # length was simulated, headers not
    assert ranked.style[1].low < 0 < ranked.style[1].high
    assert ranked.without_style is not None
    without = ranking.bradley_terry(table, position=True, prior=0, n_resamples=200)
    assert ranked.without_style.table.equals(without.table)


def rao_kupper_1967(p: float, q: float, theta: float) -> tuple[float, float, float]:
    won, lost = p / (p + theta * q), q / (theta * p + q)
    return won, lost, p * q * (theta**2 - 1) / ((p + theta * q) * (theta * p + q))


def davidson_1970(p: float, q: float, nu: float) -> tuple[float, float, float]:
    total = p + q + nu * math.sqrt(p * q)
    return p / total, q / total, nu * math.sqrt(p * q) / total


@pytest.mark.parametrize(
    ("fit", "paper", "offset"),
    [(ranking.rao_kupper, rao_kupper_1967, 1.0), (ranking.davidson, davidson_1970, 0.0)],
    ids=["rao_kupper", "davidson"],
)
def test_tie_models_maximise_the_likelihood_of_their_papers(
    fit: Callable[..., ranking.Ranking], paper: Callable[[float, float, float], tuple[float, ...]], offset: float
) -> None:
    table = simulated(900, seed=2, model="rao_kupper", tie=0.5)
    names = sorted(TRUTH)
    cells: Any = table.groupby(["a", "b", "winner"]).size()
    place = {"A": 0, "B": 1, "tie": 2}

    def minus_log_likelihood(x: np.ndarray[Any, np.dtype[np.float64]]) -> float:
        worth = dict(zip(names, np.exp([0, *x[:3]]), strict=True))
        tie = offset + math.exp(x[3])
        rows = ((n, paper(worth[a], worth[b], tie)[place[w]]) for (a, b, w), n in cells.items())
        return -float(sum(n * math.log(p) for n, p in rows))

    best = optimize.minimize(minus_log_likelihood, np.zeros(4), method="BFGS", options={"gtol": 1e-7})
    ranked = fit(table, prior=0, n_resamples=200)
    assert values(ranked).to_numpy() == pytest.approx(centred([0, *best.x[:3]]), abs=1e-5)
    assert ranked.ties is not None
    assert ranked.ties.value == pytest.approx(offset + math.exp(best.x[3]), abs=1e-5)
    assert ranked.ties.low < ranked.ties.value < ranked.ties.high
    assert ranked.log_likelihood == pytest.approx(-best.fun, abs=1e-7)
    worth = {name: math.exp(ranked.rating(name).value) for name in names}
    won, _, tied = paper(worth["p"], worth["s"], ranked.ties.value)
    assert ranked.win_probability.loc["p", "s"] == pytest.approx(won + tied / 2)


@pytest.mark.parametrize("model", ["bradley_terry", "rao_kupper", "davidson"])
def test_slopes_are_the_derivatives_of_the_log_likelihood(model: likelihood.Model) -> None:
    table = simulated(200, seed=4, model="davidson", tie=-0.3)
    made = data.cells(table, model, ties="model", style=("length",), position=True, cluster=None)
    counts = made.counts(made.seen[:, None])
    at = np.array([0.4, -0.1, 0.2, -0.6, 0.3, -0.2, 0.7])[: 6 + (model != "bradley_terry"), None]

    def log_likelihood(x: Any) -> float:
        logs = likelihood.log_likelihoods(made.design, counts, model, x)
        return float((logs * np.column_stack([part[:, 0] for part in counts])).sum())

    def gradient(x: Any) -> Any:
        return likelihood._slopes(made.design, counts, model, x[:, None], 1e-300)[0][:, 0]

    slope, bend = likelihood._slopes(made.design, counts, model, at, 1e-300)
    assert slope[:, 0] == pytest.approx(optimize.approx_fprime(at[:, 0], log_likelihood, 1e-6), rel=1e-4, abs=1e-3)
    assert -bend[0] == pytest.approx(optimize.approx_fprime(at[:, 0], gradient, 1e-7), rel=1e-4, abs=1e-3)


def test_simulated_parameters_are_found_again() -> None:
    cases: list[tuple[likelihood.Model, float, Callable[..., ranking.Ranking]]] = [
        ("bradley_terry", 0.0, ranking.bradley_terry),
        ("rao_kupper", 0.4, ranking.rao_kupper),
        ("davidson", -0.4, ranking.davidson),
    ]
    for model, tie, fit in cases:
        table = simulated(30_000, seed=6, model=model, tie=tie, left=0.25, longer=0.4)
        ranked = fit(table, style=["length"], position=True, n_resamples=0)
        assert values(ranked).to_numpy() == pytest.approx(list(TRUTH.values()), abs=0.06)
        assert ranked.position is not None
        assert ranked.position.value == pytest.approx(0.25, abs=0.05)
        spread = math.sqrt(((table["length_a"] - table["length_b"]) ** 2).mean())
        assert ranked.style[0].value / spread == pytest.approx(0.4, abs=0.05)
        if ranked.ties is not None:
            assert math.log(ranked.ties.value) == pytest.approx(tie, abs=0.05)
        assert ranked.without_style is not None
        # Better systems write longer here, so control takes something from the lead.
        assert np.ptp(values(ranked.without_style)) > np.ptp(values(ranked)) + 0.1


@pytest.mark.parametrize(("model", "tie"), [("rao_kupper", 0.6), ("davidson", 0.0)])
def test_the_tie_model_that_made_the_data_is_more_likely(model: likelihood.Model, tie: float) -> None:
    # Where ratings are close the two nearly agree; stretched ratings tell them apart.
    rng = np.random.default_rng(8)
    n, spread = 6000, np.array([-3.0, -1.0, 1.0, 3.0])
    a = rng.integers(0, 4, n)
    b = (a + rng.integers(1, 4, n)) % 4
    first, second, _ = np.exp(likelihood.log_probabilities(model, spread[a] - spread[b], np.asarray(tie)))
    u = rng.random(n)
    winner = np.where(u < first, "A", np.where(u < first + second, "B", "tie"))
    table = pd.DataFrame({"a": a, "b": b, "winner": winner, "prompt_id": np.arange(n)})
    compared = ranking.compare_tie_models(table, n_resamples=0, prior=0)
    assert compared.better == model
    gain = compared.davidson.log_likelihood - compared.rao_kupper.log_likelihood
    assert compared.difference.value == pytest.approx(gain)
    # Every comparison its own prompt: the same standard error as without clusters.
    alone = ranking.compare_tie_models(table, n_resamples=0, prior=0, cluster=None).difference
    assert (alone.low, alone.high) == pytest.approx((compared.difference.low, compared.difference.high))


def test_ties_only_are_no_proof_of_equality() -> None:
    table = pd.DataFrame(
        {"a": ["x", "y", "z"] * 10, "b": ["y", "z", "x"] * 10, "winner": "tie", "prompt_id": range(30)}
    )
    for prior in (0, 1):
        ranked = ranking.bradley_terry(table, prior=prior, n_resamples=100)
        for one in ranked.systems:
            assert one.rating.value == pytest.approx(0)
            assert math.isnan(one.rating.low)
            assert "all 30 comparisons are ties" in one.rating.reason
            assert (one.best_rank, one.worst_rank) == (1, 3)
        assert any("all 30 comparisons are ties" in warning for warning in ranked.warnings)
    # A win each way on every prompt: no ties, and no resample that differs.
    level = pd.DataFrame({"a": "x", "b": "y", "winner": ["A", "B"] * 10, "prompt_id": np.repeat(range(10), 2)})
    (first, _) = ranking.bradley_terry(level, n_resamples=100).systems
    assert math.isnan(first.rating.low)
    assert first.rating.reason == "every resample has the same rating, so no interval"


# ---- intervals and ranks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["bradley_terry", "rao_kupper", "davidson"])
def test_a_resample_is_the_table_with_its_prompts_repeated(model: likelihood.Model) -> None:
    table = simulated(300, seed=9, model="davidson", tie=-0.5)
    table["prompt_id"] = table["prompt_id"] % 20
    made = data.cells(table, model, ties="half", style=(), position=True, cluster="prompt_id")
    (counts,) = made.resamples(4, seed=11)
    together = likelihood.fit(made.design, counts, model, prior=1.0).parameters
    times = np.random.default_rng(11).multinomial(20, np.full(20, 1 / 20), size=4)
    order = sorted(table["prompt_id"].unique())
    fit = getattr(ranking, model)
    for k in range(4):
        repeats = table["prompt_id"].map(dict(zip(order, times[k], strict=True)))
        repeated = table.loc[table.index.repeat(repeats)]
        alone = fit(repeated, position=True, n_resamples=0)
        assert centred(together[:4, k]) == pytest.approx(values(alone).to_numpy(), abs=1e-7)
        assert alone.position is not None
        assert together[4, k] == pytest.approx(alone.position.value, abs=1e-7)


def test_clusters_widen_the_interval_and_without_them_it_is_the_naive_bootstrap() -> None:
    table = simulated(150, seed=10)
    alone = ranking.bradley_terry(table, cluster=None, prior=0, n_resamples=4000)
    copied = pd.concat([table.assign(prompt_id=range(150))] * 4, ignore_index=True)
    clustered = ranking.bradley_terry(copied, prior=0, n_resamples=4000)
    naive = ranking.bradley_terry(copied, cluster=None, prior=0, n_resamples=4000)
    for name in TRUTH:
        width = alone.rating(name).high - alone.rating(name).low
        # Four copies of each comparison say nothing new; taken as independent they halve the interval.
        assert clustered.rating(name).high - clustered.rating(name).low == pytest.approx(width, rel=0.08)
        assert naive.rating(name).high - naive.rating(name).low == pytest.approx(width / 2, rel=0.08)
    winners = [WINNER[w] for w in table["winner"]]
    theirs = evalica.bootstrap(
        evalica.bradley_terry, table["a"].tolist(), table["b"].tolist(), winners, n_resamples=300,
        bootstrap_method="percentile", random_state=0,
    )  # fmt: skip
    logs = np.log(theirs.distribution)
    spread = (logs.sub(logs.mean(axis=1), axis=0)).quantile([0.025, 0.975])
    for name in TRUTH:
        assert alone.rating(name).low == pytest.approx(spread.loc[0.025, name], abs=0.12)
        assert alone.rating(name).high == pytest.approx(spread.loc[0.975, name], abs=0.12)


def test_ranks_are_open_where_the_data_leave_them_open() -> None:
    # x and y draw even, both beat z nearly always.
    rows = [("x", "y", "A")] * 20 + [("x", "y", "B")] * 20
    rows += [(name, "z", "A") for name in "xy" for _ in range(38)] + [(name, "z", "B") for name in "xy" for _ in "ab"]
    table = pd.DataFrame(rows, columns=["a", "b", "winner"])
    ranked = ranking.bradley_terry(table, cluster=None)
    assert {s.system: (s.best_rank, s.worst_rank) for s in ranked.systems} == {"x": (1, 2), "y": (1, 2), "z": (3, 3)}
    assert [s.rank for s in ranked.systems] == [1, 1, 3]
    assert [(s.n_wins, s.n_ties, s.n_losses) for s in ranked.systems] == [(58, 0, 22), (58, 0, 22), (4, 0, 76)]


def test_same_seed_same_numbers_and_any_frame() -> None:
    table = simulated(400, seed=12)
    one = ranking.bradley_terry(table, style=["length"], n_resamples=100, seed=3)
    assert one.table.equals(ranking.bradley_terry(table, style=["length"], n_resamples=100, seed=3).table)
    assert not one.table.equals(ranking.bradley_terry(table, style=["length"], n_resamples=100, seed=4).table)
    for other in (pl.from_pandas(table), pl.from_pandas(table).lazy(), pa.Table.from_pandas(table)):
        again = ranking.bradley_terry(other, style=["length"], n_resamples=100, seed=3)
        pd.testing.assert_frame_equal(one.table, again.table)
    encoded = ranking.encode(table, style=["length"], position=True)
    assert one.table.equals(ranking.bradley_terry(encoded, style=["length"], n_resamples=100, seed=3).table)
    assert values(ranking.davidson(simulated(400, model="davidson"), n_resamples=0)).notna().all()


@settings(max_examples=8)
@given(st.integers(0, 10_000), st.booleans())
def test_turning_a_comparison_round_changes_nothing(seed: int, position: bool) -> None:
    table = simulated(120, seed=seed, model="davidson", tie=-0.5)
    swap = np.random.default_rng(seed).random(len(table)) < 0.5
    turned = table.rename(columns={"a": "b", "b": "a", "length_a": "length_b", "length_b": "length_a"})
    letters = {"A": "B", "B": "A", "tie": "both_bad"}
    turned = turned.assign(winner=table["winner"].map(letters), left=table["left"].map(letters))
    mixed = pd.concat([table[~swap], turned[swap]]).sample(frac=1, random_state=seed)
    for fit in (ranking.bradley_terry, ranking.davidson, ranking.rao_kupper):
        one = fit(table, position=position, style=["length"], n_resamples=0)
        other = fit(mixed, position=position, style=["length"], n_resamples=0)
        assert values(one).to_numpy() == pytest.approx(values(other).to_numpy(), abs=1e-6)
        assert one.style[0].value == pytest.approx(other.style[0].value, abs=1e-6)
        assert one.log_likelihood == pytest.approx(other.log_likelihood)


def good_and_bad_days(rng: np.random.Generator, ratings: Any, day: float) -> pd.DataFrame:
    """60 prompts on each of which every system has a good or a bad day; all 6 pairs of 4 systems by 4 annotators."""
    i, j = np.triu_indices(4, 1)
    advantage = ratings + rng.normal(scale=day, size=(60, 4))
    won = rng.random((4, 60, 6)) < special.expit(advantage[:, i] - advantage[:, j])
    names = np.array(list("wxyz"))
    return pd.DataFrame(
        {
            "a": np.tile(names[i], 240),
            "b": np.tile(names[j], 240),
            "winner": np.where(won, "A", "B").ravel(),
            "prompt_id": np.tile(np.repeat(np.arange(60), 6), 4),
        }
    )


@pytest.mark.slow
def test_clustered_intervals_cover_and_single_comparisons_do_not() -> None:
    rng = np.random.default_rng(0)
    ratings, day, runs = np.array([0.8, 0.2, -0.3, -0.7]), 0.8, 400
    i, j = np.triu_indices(4, 1)
    # What the ratings converge to with ever more prompts: the fit of the average probabilities over days.
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    apart = ratings[i] - ratings[j]
    share = (special.expit(apart[:, None] + math.sqrt(2) * day * nodes) @ weights) / weights.sum()
    counts = likelihood.Counts(share[:, None], 1 - share[:, None], np.zeros((6, 1)))
    truth = likelihood.fit(likelihood.Design(4, i, j, np.zeros((6, 0))), counts).parameters[:, 0]
    inside: dict[str | None, int] = {"prompt_id": 0, None: 0}
    for run in range(runs):
        table = good_and_bad_days(rng, ratings, day)
        for cluster in inside:
            found = ranking.bradley_terry(table, cluster=cluster, n_resamples=400, seed=run).table
            found = found.sort_values("system")
            inside[cluster] += int(((found["low"] <= truth) & (truth <= found["high"])).sum())
    coverage = {cluster: count / (4 * runs) for cluster, count in inside.items()}
    assert 0.92 <= coverage["prompt_id"] <= 0.97, coverage
    assert coverage[None] < 0.85, coverage


@pytest.mark.slow
def test_equal_systems_are_seldom_put_in_an_order() -> None:
    rng = np.random.default_rng(1)
    claimed: dict[str | None, int] = {"prompt_id": 0, None: 0}
    for run in range(500):
        table = good_and_bad_days(rng, np.zeros(4), 0.8)
        for cluster in claimed:
            ranked = ranking.bradley_terry(table, cluster=cluster, n_resamples=400, seed=run)
            claimed[cluster] += any((one.best_rank, one.worst_rank) != (1, 4) for one in ranked.systems)
    # 5 % of the time at least one of six pairs is called different; four or five times as often without clusters.
    assert 0.02 <= claimed["prompt_id"] / 500 <= 0.09, claimed
    assert claimed[None] / 500 > 0.15, claimed


# ---- where the data do not say ----------------------------------------------------------------------------------

NEVER_LOST = [("x", "y", "A")] * 8 + [("y", "z", "A")] * 6 + [("y", "z", "B")] * 4 + [("x", "z", "A")] * 5
APART = [("p", "q", w) for w in "AAAAAB"] * 5 + [("x", "y", w) for w in "AB"] * 5


@pytest.mark.parametrize(
    ("rows", "said"), [(NEVER_LOST, "x never lost"), (APART, "no comparison joins these groups: p, q | x, y")]
)
def test_ratings_the_data_leave_infinite(rows: list[tuple[str, str, str]], said: str) -> None:
    table = pd.DataFrame(rows, columns=["a", "b", "winner"])
    with pytest.raises(TableError, match="without a prior some ratings are infinite") as caught:
        ranking.bradley_terry(table, cluster=None, prior=0)
    assert said in str(caught.value)
    ranked = ranking.bradley_terry(table, cluster=None)
    assert said in ranked.warnings
    best = ranked.systems[0]
    assert "infinite" in best.rating.reason or "no comparison joins" in best.rating.reason
    assert math.isfinite(best.rating.value)
    if rows is APART:
        assert math.isnan(best.rating.low)
        ranks = {one.system: (one.best_rank, one.worst_rank) for one in ranked.systems}
        assert ranks == {"p": (1, 3), "q": (2, 4), "x": (1, 4), "y": (1, 4)}  # p beat q; nobody of them met x or y
    else:
        # No resample shows x losing, so the bootstrap alone would claim to know; the curvature does not.
        assert best.rating.high - best.rating.low > 2
        assert best.rating.low < best.rating.value < best.rating.high


def test_groups_that_are_only_beaten_are_named() -> None:
    rows = [(a, b, w) for a, b in (("p", "q"), ("x", "y")) for w in "AB"] * 4 + [("p", "x", "A")] * 3
    ranked = ranking.bradley_terry(pd.DataFrame(rows, columns=["a", "b", "winner"]), cluster=None, n_resamples=50)
    assert ranked.warnings == ("one of these groups never won against another: p, q | x, y",)


def test_undefined_resamples_are_counted() -> None:
    table = pd.DataFrame([("x", "y", w) for w in "AAAAAAAAAB"], columns=["a", "b", "winner"])
    plain = ranking.bradley_terry(table, cluster=None, prior=0, n_resamples=2000)
    # A resample of ten without the one loss: .9^10 = .349.
    (counted,) = plain.warnings
    assert int(counted.split()[0]) / 2000 == pytest.approx(0.9**10, abs=0.04)
    assert plain.rating("x").reason == counted == f"{counted.split()[0]} of 2000 resamples undefined"
    assert ranking.bradley_terry(table, cluster=None, n_resamples=200).warnings == ()


def test_too_few_prompts_have_no_interval() -> None:
    table = simulated(200).assign(prompt_id=lambda t: t["prompt_id"] % 4)
    ranked = ranking.bradley_terry(table)
    assert math.isnan(ranked.systems[0].rating.low)
    assert ranked.systems[0].rating.reason == "4 values of prompt_id: too few for an interval"
    assert ranked.systems[0].best_rank is None
    assert ranked.systems[0].rating.n_items == 4
    assert ranked.systems[0].rating.n_annotators == 7
    assert sum(s.rating.n_labels for s in ranked.systems) == 400
    assert ranked.table["best_rank"].isna().all()
    assert "rank" not in str(ranked).splitlines()[1]


def bad(**columns: Any) -> pd.DataFrame:
    return simulated(60).assign(**columns)


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (bad().drop(columns="winner"), {}, "missing columns ['winner']"),
        (bad().drop(columns="prompt_id"), {}, "no column 'prompt_id' to resample by"),
        (bad(winner="model_a"), {}, "winner 'model_a' is none of"),
        (bad(winner=None), {}, "a ranking needs two systems"),
        (bad(a="x", b="x"), {}, "a ranking needs two systems"),
        (bad().head(0), {}, "a ranking needs two systems"),
        (bad(a=None), {}, "names no system"),
        (bad(a=""), {}, "names no system"),
        (bad(prompt_id=np.nan), {}, "60 comparisons have no prompt_id"),
        (bad(winner="tie"), {"ties": "drop"}, "no comparisons are left"),
        (bad(), {"ties": "both"}, "ties must be 'half' or 'drop'"),
        (bad(), {"anchor": "gpt"}, "no system 'gpt' to anchor at"),
        (bad(), {"prior": -1}, "prior must be 0 or more"),
        (bad(a=lambda t: [[name] for name in t["a"]]), {}, "a must be single values, got ["),
        (bad(winner=lambda t: [[name] for name in t["winner"]]), {}, "winner must be single values"),
        (bad(prompt_id=lambda t: [[name] for name in t["prompt_id"]]), {}, "no names"),
        (bad(bold_a=1e308, bold_b=-1e308), {"style": ["bold"]}, "must be finite numbers"),
        (bad(left=""), {"position": True}, "do not say which was left"),
        (bad().drop(columns="left"), {"position": True}, "no column 'left'"),
        (bad(), {"style": ["bold"]}, "missing columns ['bold']"),
        (bad(bold_a=1), {"style": ["bold"]}, "missing columns ['bold_b']"),
        (bad(bold="much"), {"style": ["bold"]}, "must be numbers"),
        (bad(bold=np.inf), {"style": ["bold"]}, "must be finite numbers"),
        (bad(bold=0), {"style": ["bold"]}, "never differs"),
        (
            bad(bold=lambda t: t["a"].map(TRUTH) - t["b"].map(TRUTH)),
            {"style": ["bold"]},
            "cannot be told apart from the systems",
        ),
        (bad(winner=lambda t: t["left"]), {"position": True}, "the fit has no end"),
        ([1, 2], {}, "expected a data frame, got list"),
    ],
)
def test_what_cannot_be_ranked_is_refused_by_name(table: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(TableError) as caught:
        ranking.bradley_terry(table, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize("fit", [ranking.bradley_terry, ranking.davidson, ranking.compare_tie_models])
@pytest.mark.parametrize(
    "options",
    [{"n_resamples": -1}, {"n_resamples": 3}, {"n_resamples": 1.5}, {"seed": -1}, {"confidence": 0},
     {"confidence": 1}, {"confidence": math.nan}],
)  # fmt: skip
def test_resampling_that_cannot_be_is_refused(fit: Callable[..., Any], options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        fit(simulated(60, model="davidson"), **options)


def test_too_many_systems_are_refused_at_once() -> None:
    def ring(n: int) -> pd.DataFrame:
        return pd.DataFrame({"a": range(n), "b": np.roll(range(n), 1), "winner": "A"})

    with pytest.raises(TableError, match=r"501 systems are more than 500.*win_rates"):
        ranking.bradley_terry(ring(501), cluster=None)
    assert len(ranking.win_rates(ring(501)).names) == 501
    with pytest.raises(TableError, match="2,001 systems are more than 2,000"):
        ranking.win_rates(ring(2001))


@pytest.mark.parametrize("cluster", ["prompt_id", None])
@pytest.mark.parametrize("style", [(), ("length",)])
def test_rankings_do_not_depend_on_the_order_of_rows(cluster: str | None, style: tuple[str, ...]) -> None:
    table = simulated(200, seed=3)
    asked: dict[str, Any] = {"style": style, "cluster": cluster, "n_resamples": 40}
    one = ranking.bradley_terry(table, **asked)
    other = ranking.bradley_terry(table.sample(frac=1, random_state=5), **asked)
    numbers, again = (found.table.drop(columns="system").to_numpy(float) for found in (one, other))
    assert numbers == pytest.approx(again)
    assert one.names == other.names


def test_style_in_any_unit_gives_the_same_ranking() -> None:
    table = simulated(200, seed=3)
    huge = table.assign(length_a=table["length_a"] * 1e300, length_b=table["length_b"] * 1e300)
    one, other = (ranking.bradley_terry(t, style=["length"], n_resamples=0) for t in (table, huge))
    assert values(other).to_numpy() == pytest.approx(values(one).to_numpy())
    assert other.style[0].value == pytest.approx(one.style[0].value)


def test_tie_models_need_ties_and_wins() -> None:
    with pytest.raises(TableError, match="none of 60 comparisons of 4 systems are ties"):
        ranking.davidson(bad())
    with pytest.raises(TableError, match="all of 60 comparisons"):
        ranking.rao_kupper(bad(winner="tie"))
    with pytest.raises(ValueError, match="confidence"):
        ranking.rao_kupper(bad(), confidence=95)


def test_encoded_comparisons_answer_only_what_they_hold() -> None:
    encoded = ranking.encode(bad(), cluster=None)
    for options, said in (({}, "prompt_id"), ({"cluster": None, "style": ["length"]}, "style"), ({"position": True, "cluster": None}, "left")):  # fmt: skip  # noqa: E501
        with pytest.raises(TableError, match=said):
            ranking.bradley_terry(encoded, **options)


def test_comparisons_that_say_nothing_are_left_out_and_told() -> None:
    table = bad()
    table["winner"] = [None, *table["winner"][1:]]
    table["b"] = [table["b"][0], table["a"][1], *table["b"][2:]]
    ranked = ranking.bradley_terry(table, n_resamples=0)
    assert ranked.n_comparisons == 58
    assert ranked.warnings == (
        "1 comparisons without a winner are left out",
        "1 comparisons of a system with itself are left out",
    )
    assert ranking.win_rates(table).warnings == ranked.warnings


def test_few_ties_leave_resamples_without_any() -> None:
    table = bad()
    table.loc[[3, 7], "winner"] = "tie"
    for fit, limit in ((ranking.davidson, 0.0), (ranking.rao_kupper, 1.0)):
        ranked = fit(table, cluster=None, n_resamples=400)
        assert ranked.ties is not None
        assert ranked.ties.low == pytest.approx(limit, abs=1e-5)  # e^-2 of the resamples have none
        assert ranked.ties.value > limit
        assert ranked.warnings == ()


# ---- win rates --------------------------------------------------------------------------------------------------


def test_win_rates_by_hand_and_wilson_of_statsmodels() -> None:
    rows = [("x", "y", w) for w in ["A"] * 5 + ["B"] * 2 + ["tie"] * 3] + [("y", "x", "A")] + [("z", "y", "both_bad")]
    rates = ranking.win_rates(pd.DataFrame(rows, columns=["a", "b", "winner"]))
    assert rates.names == ("x", "z", "y")
    found: Any = {(row["system"], row["opponent"]): row for row in rates.table.to_dict("records")}
    row = found["x", "y"]
    # 11 comparisons: 5 won, 3 tied, 3 lost; (5 + 1.5) / 11.
    assert (row["n_wins"], row["n_ties"], row["n_total"]) == (5, 3, 11)
    assert row["win_rate"] == pytest.approx(6.5 / 11)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(6.5, 11, method="wilson"))
    assert found["y", "x"]["win_rate"] == pytest.approx(4.5 / 11)
    assert found["y", ""]["win_rate"] == pytest.approx((3 + 4 / 2) / 12)
    assert ("x", "z") not in found
    assert np.isnan(rates.rates[0, 1])
    assert rates.wins.tolist() == [[0, 0, 5], [0, 0, 0], [3, 0, 0]]
    assert rates.ties.tolist() == rates.ties.T.tolist() == [[0, 0, 3], [0, 0, 1], [3, 1, 0]]
    assert rates.n.tolist() == [[0, 0, 11], [0, 0, 1], [11, 1, 0]]


# ---- from labels ------------------------------------------------------------------------------------------------


def items(**columns: Any) -> pd.DataFrame:
    rows = [
        {"item": f"i{k}", "prompt_id": f"p{k // 2}", "model_a": "x", "model_b": "y" if k % 2 else "z", "n_responses": 2}
        for k in range(4)
    ]
    return tables.frame(rows, tables.ITEMS).assign(response_a="one two", response_b="# h\n- three", **columns)


def labels(given: list[tuple[Any, str, Any]], **columns: Any) -> pd.DataFrame:
    rows = [{"item": i, "annotator": who, "label": label, "round": 1, "left": "A"} for i, who, label in given]
    return tables.frame(rows).assign(**columns)


def test_comparisons_of_labels() -> None:
    given = [("i0", "n", "A"), ("i1", "n", "B"), ("i1", "m", "tie"), ("i3", "m", "both_bad"), ("i2", "m", "B>A")]
    made = ranking.comparisons(labels(given), items(), style=True)
    assert made[["a", "b", "winner", "prompt_id", "annotator", "item", "left"]].to_numpy().tolist() == [
        ["x", "z", "A", "p0", "n", "i0", "A"],
        ["x", "y", "B", "p0", "n", "i1", "A"],
        ["x", "y", "tie", "p0", "m", "i1", "A"],
        ["x", "y", "both_bad", "p1", "m", "i3", "A"],
        ["x", "z", "B", "p1", "m", "i2", "A"],
    ]
    assert made["words_a"].tolist() == [2] * 5
    assert made["markdown_b"].tolist() == [2] * 5
    unknown = ranking.comparisons(labels(given, flags='["order_unknown"]'), items())
    assert unknown["left"].tolist() == [""] * 5
    for kind in ("nan", "none", "list"):
        unflagged = labels(given).assign(flags=pd.Series([{"nan": math.nan, "none": None, "list": []}[kind]] * 5))
        assert ranking.comparisons(unflagged, items())["left"].tolist() == ["A"] * 5
    repeated = labels([*given, ("i0", "n", "B")])
    repeated.loc[5, "is_repeat"] = True
    assert len(ranking.comparisons(repeated, items())) == 5
    assert len(ranking.comparisons(pl.from_pandas(repeated.astype({"label": "str"})), pl.from_pandas(items()))) == 5


@pytest.mark.parametrize(
    ("given", "things", "said"),
    [
        ([("i0", "n", "A"), ("i0", "n", "A")], items(), "a second one of the same annotator"),
        ([("i0", "n", "good")], items(), "label 'good' is no comparison of two"),
        ([("i0", "n", "A>B>C")], items(), "label 'A>B>C' is no comparison of two"),
        ([("i9", "n", "A")], items(), "on items that the item table does not have, first 'i9'"),
        ([("i0", "n", "A")], items(n_responses=3), "4 items have more than two responses"),
        ([("i0", "n", "A")], pd.concat([items(), items()]), "two rows of one item"),
        ([("i0", "n", "A")], items().drop(columns="model_b"), "missing columns ['model_b']"),
        ([("i0", "n", "A")], items(model_b=""), "do not name both models"),
        ([("i0", "n", ["A"])], items(), "label must be single values, got ['A']"),
        ([("i0", "n", "A")], items().assign(item=pd.Series([["i0"]] * 4)), "item must be single values"),
    ],
)
def test_labels_that_are_no_comparisons(given: list[tuple[Any, str, Any]], things: pd.DataFrame, said: str) -> None:
    with pytest.raises(TableError) as caught:
        ranking.comparisons(labels(given), things)
    assert said in str(caught.value)


def test_items_that_are_lists_are_refused() -> None:
    given = labels([("i0", "n", "A"), ("i1", "n", "A")])
    for column in ("item", "annotator"):
        listed = pl.from_pandas(given[["item", "annotator", "label"]]).with_columns(
            pl.concat_list(column).alias(column)
        )
        with pytest.raises(TableError, match=f"{column} must be single values"):
            ranking.comparisons(listed, items())


def test_a_response_without_text_has_no_style() -> None:
    things = items()
    things.loc[1, "response_b"] = None
    assert ranking.comparisons(labels([("i0", "n", "A")]), things, style=True)["words_a"].tolist() == [2]
    assert len(ranking.comparisons(labels([("i1", "n", "A")]), things)) == 1
    with pytest.raises(TableError, match=r"1 labels are on items that lack a text.*first 'i1'"):
        ranking.comparisons(labels([("i0", "n", "A"), ("i1", "n", "A")]), things, style=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"words": 0, "log_words": 0.0, "headers": 0, "bold": 0, "lists": 0, "code_blocks": 0}),
        ("# A\n## B\n#not\n####### seven", {"headers": 2}),
        ("**bold** and __bold__ but 2 ** 3 ** 4 and __init__name and *em*", {"bold": 2}),
        ("- a\n  * b\n+ c\n1. d\n22) e\n-no\n1.no\n**b** x", {"lists": 5, "bold": 1}),
        (
            "```py\n# no header\n- no list\n```\n# yes\n~~~\n**x**\n~~~",
            {"code_blocks": 2, "headers": 1, "lists": 0, "bold": 0},
        ),
        ("```\nnever closed\n# x", {"code_blocks": 1, "headers": 0, "words": 5}),
    ],
)
def test_style_of_a_text(text: str, found: dict[str, float]) -> None:
    style = ranking.style_of(text)
    assert {name: style[name] for name in found} == found
    assert style["markdown"] == style["headers"] + style["bold"] + style["lists"]
    assert style["log_words"] == pytest.approx(math.log(1 + style["words"]))


# ---- real votes -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mtbench(data_dir: Path) -> pd.DataFrame:
    """1,688 votes of 65 judges on six models, first turn."""
    read = importers.mtbench(data_dir / "mtbench_turn1")
    return ranking.comparisons(label_table(read.labels), item_table(read.items), style=True)


def test_mtbench_models_come_in_the_published_order(mtbench: pd.DataFrame) -> None:
    assert len(mtbench) == 1688  # one of 1,689 is a judge's second vote on a pair
    for fit in (ranking.bradley_terry, ranking.rao_kupper, ranking.davidson):
        ranked = fit(mtbench)
        assert ranked.names[0] == "gpt-4"
        assert set(ranked.names[1:3]) == {"claude-v1", "gpt-3.5-turbo"}
        assert ranked.names[3:] == ["vicuna-13b-v1.2", "alpaca-13b", "llama-13b"]
        assert [(s.best_rank, s.worst_rank) for s in ranked.systems[4:]] == [(5, 5), (6, 6)]
        assert ranked.systems[0].rating.n_items == 80
    rates = ranking.win_rates(mtbench)
    # Zheng et al. (2023): GPT-4 wins most against humans' eyes, LLaMA least.
    assert rates.names[0] == "gpt-4"
    assert rates.names[-1] == "llama-13b"
    assert rates.n.sum() == 2 * 1688


def test_mtbench_position_and_style(mtbench: pd.DataFrame) -> None:
    plain, single = ranking.bradley_terry(mtbench), ranking.bradley_terry(mtbench, cluster=None)
    for name in plain.names:  # votes on a prompt go together
        assert plain.rating(name).high - plain.rating(name).low > single.rating(name).high - single.rating(name).low
    sided = ranking.bradley_terry(mtbench, position=True)
    assert sided.position is not None
    assert sided.position.low < 0 < sided.position.high  # no habit can be seen
    written = mtbench[(mtbench["words_a"] > 0) & (mtbench["words_b"] > 0)]  # the texts of one model are missing
    styled = ranking.bradley_terry(written, style=["log_words"])
    assert styled.without_style is not None
    assert styled.style[0].value > 0  # longer answers win
    assert np.ptp(values(styled)) < np.ptp(values(styled.without_style))
