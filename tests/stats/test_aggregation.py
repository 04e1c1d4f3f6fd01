"""Aggregation models against hand-worked numbers, crowd-kit, simulated truth and crowd labels with known answers."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit
from scipy.stats import norm

from workbench.errors import TableError
from workbench.stats import aggregation, coding
from workbench.stats.aggregation import comparing, ordinal, sides
from workbench.stats.coding import Coded, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

MODELS: dict[str, Callable[..., aggregation.Aggregation]] = {
    "dawid_skene": aggregation.dawid_skene,
    "mace": aggregation.mace,
    "glad": aggregation.glad,
    "ordinal": aggregation.ordinal_dawid_skene,
}


def table(rows: list[str], annotators: str = "abcdefgh") -> pd.DataFrame:
    """One string an item, one letter an annotator, `.` where there is none."""
    return pd.DataFrame(
        [(f"i{k}", annotators[a], v) for k, row in enumerate(rows) for a, v in enumerate(row) if v != "."],
        columns=["item", "annotator", "label"],
    )


def simulated(
    n_items: int, accuracy: list[float], n_classes: int, *, labels_each: int | None = None, seed: int = 0
) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Labels of annotators with these accuracies, errors spread evenly, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_items)
    each = labels_each or len(accuracy)
    who = np.argsort(rng.random((n_items, len(accuracy))), axis=1)[:, :each].ravel()
    item = np.repeat(np.arange(n_items), each)
    right = rng.random(len(item)) < np.asarray(accuracy)[who]
    wrong = (truth[item] + rng.integers(1, n_classes, len(item))) % n_classes
    made = pd.DataFrame({"item": item, "annotator": who, "label": np.where(right, truth[item], wrong)})
    return made, truth


def error(result: aggregation.Aggregation, truth: Any) -> float:
    """Share of items whose consensus is not the truth; unresolved counts as wrong."""
    return float(np.mean([a != b for a, b in zip(result.items["consensus_label"], truth, strict=True)]))


# --- by hand


def test_one_iteration_worked_by_hand() -> None:
    # i0: A A B, i1: B B B. Vote shares: i0 (2/3, 1/3), i1 (0, 1); prior (1/3, 2/3).
    # a and b: P(A | A) = 1; P(A | B) = (1/3) / (4/3) = 1/4. c answers B whatever the truth.
    # i0: A 1/3 x 1 x 1 x 1 = 1/3; B 2/3 x 1/4 x 1/4 x 1 = 1/24; posterior of A 8/9. i1: only B, 2/3 x 9/16 = 3/8.
    # Likelihood: i0 1/3 + 1/24 = 3/8, i1 3/8. Then prior (4/9, 5/9); a: P(A | B) = (1/9) / (10/9) = 1/10.
    result = aggregation.dawid_skene(table(["AAB", "BBB"]), max_iter=1)
    assert result.posterior == pytest.approx(np.array([[8 / 9, 1 / 9], [0, 1]]), abs=1e-8)
    assert result.log_likelihood == pytest.approx([2 * math.log(3 / 8) / 6])
    assert result.prior == pytest.approx([4 / 9, 5 / 9])
    assert result.confusion[0] == pytest.approx(np.array([[1, 0], [0.1, 0.9]]), abs=1e-8)
    assert result.confusion[2] == pytest.approx(np.array([[0, 1], [0, 1]]), abs=1e-8)
    # Expected accuracy: a 4/9 x 1 + 5/9 x 9/10 = 17/18; c 5/9.
    assert list(result.annotator_quality["annotator_quality"]) == pytest.approx([17 / 18, 17 / 18, 5 / 9])
    assert (result.n_iter, result.converged) == (1, False)
    assert "NOT CONVERGED" in str(result)
    assert result.items.to_dict("records") == [
        {
            "item": "i0",
            "consensus_label": "A",
            "source": "model",
            "consensus_quality_score": pytest.approx(8 / 9),
            "n_labels": 3,
            "votes": {"A": 2, "B": 1},
        },
        {
            "item": "i1",
            "consensus_label": "B",
            "source": "unanimous",
            "consensus_quality_score": pytest.approx(1),
            "n_labels": 3,
            "votes": {"B": 3},
        },
    ]


def test_one_coin_worked_by_hand() -> None:
    # Vote shares as above. Accuracy: a (2/3 + 1) / 2 = 5/6, b 5/6, c (1/3 + 1) / 2 = 2/3.
    # i0: A 1/3 x 5/6 x 5/6 x 1/3 = 25/324; B 2/3 x 1/6 x 1/6 x 2/3 = 4/324; posterior of A 25/29.
    result = aggregation.dawid_skene(table(["AAB", "BBB"]), model="one_coin", max_iter=1)
    assert result.posterior[0] == pytest.approx([25 / 29, 4 / 29])


def test_smoothing_worked_by_hand() -> None:
    # Counts of a: true A: A 2/3; true B: A 1/3, B 1. One more in each cell: P(A | A) = (5/3) / (8/3) = 5/8,
    # P(A | B) = (4/3) / (10/3) = 2/5; c: P(B | A) = (2/3 + 1) / (2/3 + 2) = 5/8, P(B | B) = (7/3) / (10/3) = 7/10.
    # i0: A 1/3 x (5/8)^3; B 2/3 x (2/5)^2 x 7/10.
    a, b = (5 / 8) ** 3 / 3, 2 / 3 * (2 / 5) ** 2 * 7 / 10
    result = aggregation.dawid_skene(table(["AAB", "BBB"]), smoothing=1, max_iter=1)
    assert result.posterior[0, 0] == pytest.approx(a / (a + b))


def test_a_tie_in_the_posterior_is_left_open() -> None:
    # Two annotators who always contradict each other: nothing says who is right.
    result = aggregation.dawid_skene(table(["AB", "BA"]), model="one_coin")
    assert result.posterior == pytest.approx(np.full((2, 2), 0.5))
    assert list(result.items["consensus_label"]) == [None, None]
    assert list(result.items["source"]) == ["unresolved", "unresolved"]
    assert "2 items unresolved" in str(result)


# --- against crowd-kit


@pytest.fixture(scope="module")
def crowdkit() -> Any:
    # Its pandas calls are deprecated, which is not this project's to repair.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("crowdkit.aggregation", reason="the oracle is missing: pip install crowd-kit")


def theirs(model: Any, labels: pd.DataFrame, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(labels.rename(columns={"item": "task", "annotator": "worker"}), **options)


def difference(result: aggregation.Aggregation, fitted: Any) -> float:
    expected = fitted.probas_.loc[result.coded.items, result.classes].to_numpy()
    return float(np.abs(result.posterior - expected).max())


@pytest.mark.parametrize(("model", "theirs_name"), [("full", "DawidSkene"), ("one_coin", "OneCoinDawidSkene")])
@pytest.mark.parametrize("n_iter", [1, 7, 20])
def test_dawid_skene_equals_crowdkit_at_equal_iterations(
    crowdkit: Any, model: Any, theirs_name: str, n_iter: int
) -> None:
    labels, _ = simulated(150, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], 4, labels_each=4, seed=1)
    fitted = theirs(getattr(crowdkit, theirs_name)(n_iter=n_iter, tol=-math.inf), labels)
    result = aggregation.dawid_skene(labels, model=model, max_iter=n_iter, tolerance=0)
    assert result.n_iter == n_iter
    assert difference(result, fitted) < 1e-9
    assert result.prior == pytest.approx(fitted.priors_.loc[result.classes].to_numpy(), abs=1e-9)
    clear = result.consensus >= 0
    assert (result.consensus[clear] == fitted.labels_.loc[result.coded.items].to_numpy()[clear]).all()


def test_gold_equals_crowdkit(crowdkit: Any) -> None:
    labels, truth = simulated(150, [0.9, 0.7, 0.5, 0.4, 0.3], 3, labels_each=3, seed=2)
    gold = {i: int(truth[i]) for i in range(0, 150, 5)}
    fitted = theirs(crowdkit.DawidSkene(n_iter=15, tol=-math.inf), labels, true_labels=pd.Series(gold))
    result = aggregation.dawid_skene(labels, gold=gold, max_iter=15, tolerance=0)
    assert difference(result, fitted) < 1e-9


def test_majority_has_the_labels_of_crowdkit_where_votes_are_clear(crowdkit: Any) -> None:
    labels, _ = simulated(200, [0.9, 0.7, 0.6, 0.5], 3, seed=3)
    fitted = theirs(crowdkit.MajorityVote(), labels)
    ours = aggregation.majority(labels).dropna(subset=["consensus_label"])
    assert len(ours) > 100
    assert list(ours["consensus_label"]) == list(fitted.labels_.loc[ours["item"]])


@pytest.mark.parametrize(("training", "method"), [("variational", "vb"), ("em", "em")])
def test_mace_ends_where_crowdkit_ends(crowdkit: Any, training: Any, method: str) -> None:
    labels, _ = simulated(80, [0.9, 0.8, 0.7, 0.6], 3, seed=4)
    # crowd-kit mixes up habits unless labels and annotators first occur in sorted order.
    labels = labels.sort_values(["annotator", "label"])
    fitted = theirs(crowdkit.MACE(n_restarts=1, n_iter=80, method=method), labels)
    result = aggregation.mace(labels, training=training, restarts=2, tolerance=1e-8)
    assert result.converged
    assert difference(result, fitted) < 3e-3
    assert result.annotator_quality["competence"].to_numpy() == pytest.approx(fitted.spamming_[:, 1], abs=0.01)


def test_glad_ends_where_crowdkit_ends(crowdkit: Any) -> None:
    labels, _ = simulated(30, [0.95, 0.8, 0.7], 3, seed=5)
    fitted = theirs(crowdkit.GLAD(n_iter=8, tol=-math.inf, m_step_tol=1e-3), labels)
    result = aggregation.glad(labels, tolerance=1e-6)
    assert difference(result, fitted) < 1e-3
    ability = result.annotator_quality.set_index("annotator")["ability"]
    assert ability.loc[fitted.alphas_.index].to_numpy() == pytest.approx(fitted.alphas_.to_numpy(), abs=2e-3)
    beta = -np.log(result.items.set_index("item")["difficulty"])
    assert beta.loc[fitted.betas_.index].to_numpy() == pytest.approx(fitted.betas_.to_numpy(), abs=2e-3)


# --- simulated truth


def test_dawid_skene_recovers_confusions_prior_and_truth() -> None:
    rng = np.random.default_rng(7)
    n, each = 6_000, 5
    prior = np.array([0.5, 0.3, 0.2])
    confusion = np.array(
        [
            [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]],
            [[0.7, 0.2, 0.1], [0.1, 0.85, 0.05], [0.3, 0.1, 0.6]],
            [[0.8, 0.1, 0.1], [0.4, 0.5, 0.1], [0.1, 0.1, 0.8]],
            [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]],
            [[0.1, 0.1, 0.8], [0.2, 0.7, 0.1], [0.8, 0.1, 0.1]],  # mixes up the first and the last class
        ]
    )
    truth = rng.choice(3, n, p=prior)
    item, who = np.repeat(np.arange(n), each), np.tile(np.arange(5), n)
    label = (rng.random(len(item))[:, None] > np.cumsum(confusion[who, truth[item]], axis=1)).sum(axis=1)
    labels = pd.DataFrame({"item": item, "annotator": who, "label": label})
    result = aggregation.dawid_skene(labels)
    assert result.converged
    assert result.confusion == pytest.approx(confusion, abs=0.03)
    assert result.prior == pytest.approx(prior, abs=0.02)
    expected = (confusion * np.eye(3)).sum(axis=2) @ prior
    assert result.annotator_quality["annotator_quality"].to_numpy() == pytest.approx(expected, abs=0.02)
    # Posteriors mean what they say: of items at .7 to .9, about that share is right.
    score, right = result.posterior.max(axis=1), result.posterior.argmax(axis=1) == truth
    middle = (score > 0.7) & (score < 0.9)
    assert right[middle].mean() == pytest.approx(score[middle].mean(), abs=0.05)
    assert error(result, truth) < error(aggregation.dawid_skene(labels, model="one_coin"), truth)


def test_the_likelihood_never_falls() -> None:
    labels, _ = simulated(300, [0.9, 0.7, 0.6, 0.5, 0.3], 3, labels_each=3, seed=8)
    for model in ("full", "one_coin"):
        path = aggregation.dawid_skene(labels, model=model).log_likelihood
        assert (np.diff(path) > -1e-9).all()
        assert path[-1] > path[0]


def test_a_spammer_is_found_by_mace() -> None:
    rng = np.random.default_rng(9)
    labels, truth = simulated(400, [0.9, 0.9, 0.9, 0.9], 3, seed=9)
    spam = pd.DataFrame({"item": range(400), "annotator": 4, "label": rng.choice(3, 400, p=[0.8, 0.1, 0.1])})
    result = aggregation.mace(pd.concat([labels, spam]))
    competence = result.annotator_quality["competence"]
    # Accuracy .9 with even errors: knows with probability .85, and guesses right a third of the rest.
    assert competence[:4].to_numpy() == pytest.approx(0.85, abs=0.05)
    assert competence[4] < 0.1
    assert result.confusion[4].mean(axis=0) == pytest.approx([0.8, 0.1, 0.1], abs=0.06)
    assert error(result, truth) < 0.03
    again = aggregation.mace(pd.concat([labels, spam]))
    assert (again.posterior == result.posterior).all()


def test_glad_tells_hard_items_and_able_annotators() -> None:
    rng = np.random.default_rng(10)
    n, n_annotators = 300, 20
    truth, beta = rng.integers(0, 2, n), rng.normal(0.5, 1.0, n)
    ability = rng.normal(1.0, 0.7, n_annotators)
    right = rng.random((n, n_annotators)) < expit(ability * np.exp(beta)[:, None])
    label = np.where(right, truth[:, None], 1 - truth[:, None])
    item, who = np.indices(label.shape)
    labels = pd.DataFrame({"item": item.ravel(), "annotator": who.ravel(), "label": label.ravel()})
    result = aggregation.glad(labels)
    assert result.converged
    assert np.corrcoef(result.annotator_quality["ability"], ability)[0, 1] > 0.95
    rank = pd.Series(-np.log(result.items["difficulty"])).corr(pd.Series(beta), method="spearman")
    assert rank > 0.7
    assert error(result, truth) < 0.1


def ordered_labels(seed: int = 11) -> tuple[pd.DataFrame, NDArray[Any], NDArray[Any]]:
    """Five ordered classes, 40 annotators with detection 2 to 5, three labels an item."""
    rng = np.random.default_rng(seed)
    n, n_annotators, each = 500, 40, 3
    truth = rng.choice(5, n, p=[0.1, 0.2, 0.3, 0.25, 0.15])
    detection = rng.uniform(2, 5, n_annotators)
    cuts = detection[:, None] * (np.arange(4) + 0.5) + rng.normal(0, 0.5, (n_annotators, 1))
    who = np.argsort(rng.random((n, n_annotators)), axis=1)[:, :each].ravel()
    item = np.repeat(np.arange(n), each)
    below = expit(cuts[who] - (detection[who] * truth[item])[:, None])
    label = (rng.random(len(item))[:, None] > below).sum(axis=1)
    return pd.DataFrame({"item": item, "annotator": who, "label": label}), truth, detection


def test_the_ordinal_model_beats_the_others_where_its_assumptions_hold() -> None:
    labels, truth, detection = ordered_labels()
    result = aggregation.ordinal_dawid_skene(labels)
    assert result.converged
    wrong = error(result, truth)
    assert wrong < 0.16  # majority .22, nominal Dawid-Skene .21
    for other in (aggregation.dawid_skene(labels), aggregation.dawid_skene(labels, model="one_coin")):
        assert wrong < error(other, truth)
    assert np.corrcoef(result.annotator_quality["detection"], detection)[0, 1] > 0.5
    assert result.confusion.sum(axis=2) == pytest.approx(1.0)
    compared = aggregation.compare(labels, ["dawid_skene", "ordinal"], n_resamples=200)
    majority, nominal, order = compared.models
    assert order.value > max(nominal.value, majority.value)
    # Text needs its order, and gives the same with it.
    names = ["E", "D", "C", "B", "A"]
    text = labels.assign(label=[names[v] for v in labels["label"]])
    with pytest.raises(TableError, match="ordinal needs an order"):
        aggregation.ordinal_dawid_skene(text)
    assert aggregation.ordinal_dawid_skene(text, categories=names).posterior == pytest.approx(result.posterior)
    with pytest.raises(TableError, match="an order of 2"):
        aggregation.ordinal_dawid_skene(simulated(20, [0.9, 0.8], 2)[0])


def test_the_slope_of_the_ordinal_m_step(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(12)
    counts = rng.gamma(1, 5, (3, 4, 4))
    start = np.column_stack([rng.normal(size=(3, 3)), rng.normal(2, 0.5, 3)])
    seen: dict[str, Any] = {}
    real = minimize

    def spy(loss: Any, x: Any, **options: Any) -> Any:
        seen["loss"], seen["x"] = loss, x
        return real(loss, x, **options)

    monkeypatch.setattr("scipy.optimize.minimize", spy)
    ordinal._maximise(counts, start, 0.7)
    numeric = approx_fprime(seen["x"], lambda x: seen["loss"](x)[0], 1e-7)
    assert seen["loss"](seen["x"])[1] == pytest.approx(numeric, abs=1e-5)


# --- real labels


def crowd(data_dir: Path, name: str) -> tuple[pd.DataFrame, dict[Any, Any]]:
    folder = data_dir / "crowd_gold"
    (file,) = folder.glob(f"{name}_labels.csv*")
    gold = pd.read_csv(folder / f"{name}_gold.csv").set_index("item")["gold"]
    return pd.read_csv(file).rename(columns={"worker": "annotator"}), gold.to_dict()


def percent_wrong(items: pd.DataFrame, gold: dict[Any, Any]) -> float:
    """With the expected result of a fair draw where votes are tied."""
    wrong = []
    for item, label, votes in zip(items["item"], items["consensus_label"], items["votes"], strict=True):
        leaders = [v for v, n in votes.items() if n == max(votes.values())] if label is None else [label]
        if item in gold:
            wrong.append(1 - (gold[item] in leaders) / len(leaders))
    return 100 * float(np.mean(wrong))


@pytest.mark.parametrize(
    ("name", "by_vote", "low", "high"),
    [
        # Published: bluebirds 24.07 and 10.09 / 11.11 (Zhang et al. 2016), dogs 16.7-16.9, product matching accuracy
        # 89.66 and error 6.34 (Zheng et al. 2017).
        ("bluebirds", 24.07, 10.0, 11.2),
        ("dogs", 17.78, 15.6, 16.9),
        ("product_matching", 10.34, 6.0, 6.4),
        ("face_sentiment", 36.33, 35.7, 36.3),
    ],
)
def test_errors_on_crowd_labels_with_known_answers(
    data_dir: Path, name: str, by_vote: float, low: float, high: float
) -> None:
    labels, gold = crowd(data_dir, name)
    assert percent_wrong(aggregation.majority(labels), gold) == pytest.approx(by_vote, abs=0.005)
    result = aggregation.dawid_skene(labels)
    assert result.converged
    assert low <= percent_wrong(result.items, gold) <= high


def test_other_models_on_bluebirds(data_dir: Path) -> None:
    labels, gold = crowd(data_dir, "bluebirds")
    # crowd-kit 1.4 ends at the same errors: MACE 13.89 (variational) and 11.11 (EM), one coin 41.67, where many
    # annotators miss one of the two species and a single accuracy cannot say so.
    assert percent_wrong(aggregation.mace(labels).items, gold) == pytest.approx(13.89, abs=0.01)
    assert percent_wrong(aggregation.mace(labels, training="em").items, gold) == pytest.approx(11.11, abs=0.01)
    one_coin = aggregation.dawid_skene(labels, model="one_coin")
    assert percent_wrong(one_coin.items, gold) == pytest.approx(41.67, abs=0.01)
    # Held-out labels say so without gold.
    found = {e.label: e.value for e in aggregation.compare(labels, n_resamples=0).models}
    assert max(found, key=lambda name: found[name]) == "dawid_skene"


def test_anaesthesia_has_the_marginals_of_dawid_and_skene(data_dir: Path) -> None:
    # Rater 1 rated each patient three times. The paper counts all of them as labels of one rater; a label table keeps
    # one and calls the others repeats, so the paper's table is put together here by hand.
    rows = pd.read_csv(data_dir / "crowd_gold" / "anesthesia_labels.csv")
    item, items = pd.factorize(rows["item"])
    rater, raters = pd.factorize(rows["rater"], sort=True)
    value = rows["rating"].to_numpy() - 1
    coded = Coded(item, rater, value, np.asarray(items), np.asarray(raters), [1, 2, 3, 4], None, 0)
    result = aggregation.dawid_skene(coded)
    assert result.prior == pytest.approx([0.40, 0.42, 0.11, 0.07], abs=0.005)
    # Without the repeats: the class of two patients moves.
    repeat = rows.duplicated(["item", "rater"])
    once = rows.rename(columns={"rater": "annotator", "rating": "label"}).assign(is_repeat=repeat)
    assert aggregation.dawid_skene(once).prior == pytest.approx([0.40, 0.41, 0.12, 0.07], abs=0.005)


def test_caries_latent_classes(data_dir: Path) -> None:
    patterns = pd.read_csv(data_dir / "crowd_gold" / "caries_patterns.csv")
    teeth = patterns.loc[patterns.index.repeat(patterns["n"])].drop(columns="n").reset_index(drop=True)
    labels = teeth.reset_index(names="item").melt("item", var_name="annotator", value_name="label")
    result = aggregation.dawid_skene(labels, tolerance=1e-7)
    assert len(labels) == 5 * 3_859
    # The same two latent classes by direct maximum likelihood of the 32 pattern counts.
    seen, n = patterns.drop(columns="n").to_numpy() == 2, patterns["n"].to_numpy()

    def loss(x: NDArray[Any]) -> float:
        carious, chance = expit(x[0]), expit(x[1:]).reshape(2, 5)
        each = [np.where(seen, row, 1 - row).prod(axis=1) for row in chance]
        return -float(n @ np.log((1 - carious) * each[0] + carious * each[1]) / n.sum())

    found = minimize(loss, [-1, *[-2] * 5, *[1] * 5], method="BFGS")
    assert 5 * result.log_likelihood[-1] == pytest.approx(-found.fun, abs=1e-6)
    assert result.prior[1] == pytest.approx(expit(found.x[0]), abs=1e-3)
    assert result.confusion[:, :, 1].T.ravel() == pytest.approx(expit(found.x[1:]), abs=2e-3)
    assert result.prior == pytest.approx([0.80, 0.20], abs=0.005)
    # The fifth dentist sees caries everywhere: most found, most false alarms.
    assert result.confusion[:, 1, 1].argmax() == 4
    assert result.confusion[:, 0, 1].argmax() == 4


# --- gold


def test_gold_is_kept_and_teaches() -> None:
    labels, truth = simulated(300, [0.85, 0.3, 0.3, 0.3], 2, seed=13)
    # Three of four annotators are mostly wrong, so votes and models name the opposite; known answers turn it.
    assert error(aggregation.dawid_skene(labels), truth) > 0.5
    gold = {k: int(truth[k]) for k in range(120)}
    result = aggregation.dawid_skene(labels, gold=gold)
    unknown = result.items[120:]
    assert np.mean(unknown["consensus_label"] != truth[120:]) < 0.25
    known = result.items[:120]
    assert list(known["consensus_label"]) == list(truth[:120])
    assert set(known["source"]) == {"adjudicated"}
    assert (known["consensus_quality_score"] == 1).all()
    assert result.clamped.sum() == 120


@pytest.mark.parametrize("name", MODELS)
def test_every_model_keeps_gold(name: str) -> None:
    labels, truth = simulated(60, [0.9, 0.8, 0.7], 3, seed=14)
    wrong = (int(truth[5]) + 1) % 3
    result = MODELS[name](labels, gold={5: wrong, "elsewhere": 0})
    assert result.items.loc[5, "consensus_label"] == wrong
    assert result.posterior[5, wrong] == 1
    assert result.posterior.sum(axis=1) == pytest.approx(1.0)
    assert result.confusion.sum(axis=2) == pytest.approx(1.0)


def test_gold_that_does_not_fit_is_refused() -> None:
    labels = table(["AAB", "BBB"])
    with pytest.raises(TableError, match="none of the 1 gold items"):
        aggregation.dawid_skene(labels, gold={"elsewhere": "A"})
    with pytest.raises(TableError, match="are not among the labels"):
        aggregation.dawid_skene(labels, gold={"i0": "C"})
    result = aggregation.dawid_skene(labels, gold={"i0": "C"}, categories=["A", "B", "C"])
    assert result.items.loc[0, "consensus_label"] == "C"


# --- tables that a model cannot be fitted to


@pytest.mark.parametrize("name", MODELS)
def test_tables_without_evidence_are_refused(name: str) -> None:
    model = MODELS[name]
    with pytest.raises(TableError, match="no labels"):
        model(table([]))
    with pytest.raises(TableError, match="nothing to tell apart"):
        model(pd.DataFrame({"item": [1, 1, 2], "annotator": ["a", "b", "a"], "label": [3, 3, 3]}))
    with pytest.raises(TableError, match=r"no item has labels of two annotators \(1 in the table\)"):
        model(pd.DataFrame({"item": [1, 2, 3], "annotator": "a", "label": [1, 2, 3]}))
    with pytest.raises(TableError, match="a second one of the same annotator"):
        model(pd.DataFrame({"item": [1, 1], "annotator": "a", "label": [1, 2]}))
    with pytest.raises(TableError, match="missing columns"):
        model(pd.DataFrame({"item": [1]}))


def test_one_annotator_can_be_measured_against_gold() -> None:
    labels = pd.DataFrame({"item": range(40), "annotator": "a", "label": ["A", "B"] * 20})
    gold = {k: "B" if k % 2 or k % 8 == 0 else "A" for k in range(40)}
    result = aggregation.dawid_skene(labels, gold=gold)
    # 25 are B, of which a calls 5 A.
    assert result.confusion[0] == pytest.approx(np.array([[1, 0], [0.2, 0.8]]), abs=1e-8)


@pytest.mark.parametrize("name", MODELS)
def test_too_many_categories_are_refused_before_memory_is_taken(name: str) -> None:
    n = 100_000
    labels = pd.DataFrame({"item": np.arange(n) // 2, "annotator": np.arange(n) % 2, "label": np.arange(n)})
    with pytest.raises(TableError, match=r"100,000 categories are too many.*majority"):
        MODELS[name](labels)


def test_an_annotator_without_evidence_on_a_class_has_no_row() -> None:
    # c only ever met items of class A.
    result = aggregation.dawid_skene(table(["AAA", "AAA", "BB.", "BB.", "AAA"]))
    assert np.isnan(result.confusion[2, 1]).all()
    assert result.annotator_quality.loc[2, "annotator_quality"] == pytest.approx(1.0)
    coded = encode(table(["AAA", "ABA", "BBA", "BBB", "AAA"]))
    without = coded.only(coded.annotator != 2)
    for name in ("dawid_skene", "mace", "glad"):
        quality = MODELS[name](without).annotator_quality
        assert np.isnan(quality["annotator_quality"].to_numpy()[2])
        assert quality.loc[2, "n_labels"] == 0


def test_other_frames_shuffled_rows_and_codes_give_the_same() -> None:
    labels, _ = simulated(80, [0.9, 0.8, 0.6], 3, seed=15)
    labels = labels.astype(str)
    expected = aggregation.dawid_skene(labels)
    for same in (pl.from_pandas(labels), labels.sample(frac=1, random_state=0), encode(labels)):
        result = aggregation.dawid_skene(same)
        assert result.posterior == pytest.approx(expected.posterior, abs=1e-12)
        pd.testing.assert_frame_equal(result.items, expected.items)


def test_many_blocks_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, truth = simulated(200, [0.9, 0.8, 0.6, 0.4], 3, labels_each=3, seed=16)
    gold = {int(k): int(truth[k]) for k in (199, 3, 70)}
    whole = aggregation.dawid_skene(labels, gold=gold, max_iter=20)
    monkeypatch.setattr("workbench.stats.aggregation.em._BLOCK", 7)
    cut = aggregation.dawid_skene(labels, gold=gold, max_iter=20)
    assert cut.posterior == pytest.approx(whole.posterior, abs=1e-9)
    assert cut.log_likelihood == pytest.approx(whole.log_likelihood)


def test_options_that_make_no_sense() -> None:
    labels = table(["AAB", "BBB"])
    bad: list[Callable[[], object]] = [
        lambda: aggregation.dawid_skene(labels, model="two_coins"),  # type: ignore[arg-type]
        lambda: aggregation.dawid_skene(labels, smoothing=-1),
        lambda: aggregation.dawid_skene(labels, max_iter=0),
        lambda: aggregation.mace(labels, restarts=0),
        lambda: aggregation.glad(labels, max_iter=0),
        lambda: aggregation.ordinal_dawid_skene(labels, spread=0),
        lambda: aggregation.flip_rate(labels, by="feeling"),  # type: ignore[arg-type]
        lambda: aggregation.compare(labels, folds=1),
        lambda: aggregation.mace(labels, seed=-1),
    ]
    for call in bad:
        with pytest.raises(ValueError, match=r"must|need"):
            call()


# --- flip rate


def test_flip_rate_worked_by_hand() -> None:
    # Pairs: i0 3 of which 2 differ, i1 3 equal, i2 1 equal, i3 1 pair left when the tie goes: equal. d = 2/8 = 1/4;
    # e = (1 - sqrt(1 - 1/2)) / 2 = .1464.
    tie = pd.DataFrame({"item": ["i3"], "annotator": ["c"], "label": ["tie"]})
    labels = pd.concat([table(["AAB", "BBB", "AA", "AA"]), tie])
    result = aggregation.flip_rate(labels, label="pilot")
    assert result.value == pytest.approx((1 - math.sqrt(1 / 2)) / 2)
    assert result.name == "epsilon"
    assert result.low <= result.value <= result.high
    assert "1 labels without a side left out" in result.reason
    assert (result.n_items, result.n_annotators, result.n_labels, result.label) == (4, 3, 10, "pilot")


def test_flip_rate_of_more_than_two_answers() -> None:
    # K = 3, e = .3: d = 1 - .49 - .09 / 2 = .465, and back.
    labels, _ = simulated(4_000, [0.7] * 6, 3, labels_each=3, seed=17)
    assert aggregation.flip_rate(labels, n_resamples=0).value == pytest.approx(0.3, abs=0.015)


@pytest.mark.parametrize("by", ["pairs", "model"])
def test_flip_rate_recovers_a_known_error(by: Any) -> None:
    labels, _ = simulated(1_500, [0.85] * 8, 2, labels_each=3, seed=18)
    result = aggregation.flip_rate(labels, by=by, n_resamples=100)
    assert result.value == pytest.approx(0.15, abs=0.015)
    assert result.low < 0.15 < result.high
    assert result == aggregation.flip_rate(labels, by=by, n_resamples=100)


def test_the_model_knows_that_annotators_differ() -> None:
    accuracy = [0.98, 0.95, 0.9, 0.85, 0.6, 0.55]
    labels, _ = simulated(2_000, accuracy, 2, labels_each=4, seed=19)
    by_model = aggregation.flip_rate(labels, by="model", n_resamples=0).value
    by_pairs = aggregation.flip_rate(labels, n_resamples=0).value
    mean_error = 1 - float(np.mean(accuracy))
    assert by_model == pytest.approx(mean_error, abs=0.01)
    # Two different annotators are never both the best one, which makes pairs look worse: by s^2 / (n (1 - 2 e)).
    excess = float(np.var(accuracy, ddof=1)) / (6 * (1 - 2 * mean_error))
    assert by_pairs == pytest.approx(mean_error + excess, abs=0.01)


def test_flip_rate_interval_covers() -> None:
    hits = []
    for seed in range(100):
        labels, _ = simulated(150, [0.8] * 10, 2, labels_each=3, seed=seed)
        result = aggregation.flip_rate(labels, n_resamples=400)
        hits.append(result.low <= 0.2 <= result.high)
    assert 0.88 <= np.mean(hits) <= 1.0


def test_flip_rate_without_evidence_has_a_reason() -> None:
    alone = pd.DataFrame({"item": range(9), "annotator": "a", "label": list("AAABBBABA")})
    for by in ("pairs", "model"):
        result = aggregation.flip_rate(alone, by=by)
        assert math.isnan(result.value)
        assert "no item has labels of two annotators" in result.reason
    contrary = aggregation.flip_rate(table(["AB", "BA", "AB"]))
    assert math.isnan(contrary.value)
    assert "as often as by chance" in contrary.reason
    assert math.isnan(aggregation.flip_rate(table([])).value)
    only_ties = aggregation.flip_rate(pd.DataFrame({"item": [1, 1], "annotator": ["a", "b"], "label": "tie"}))
    assert math.isnan(only_ties.value)
    assert "2 labels without a side" in only_ties.reason
    agreed = aggregation.flip_rate(table(["AA", "BB", "AA"]))
    assert agreed.value == 0
    assert "may still" in agreed.reason


@pytest.mark.parametrize("n_classes", [2, 3, 40])
def test_votes_of_items_are_those_that_were_counted(n_classes: int) -> None:
    labels, _ = simulated(300, [0.5] * 6, n_classes, labels_each=4, seed=6)
    coded = encode(labels)
    part = coded.only(coded.item > 20)
    counted = coding.votes(part)
    items = aggregation.dawid_skene(part, max_iter=1).items
    assert items["votes"].tolist() == [counted.get(item, {}) for item in items["item"]]
    assert [list(one) for one in items["votes"][30:]] == [list(counted[item]) for item in items["item"][30:]]
    items["votes"][40]["more"] = 1  # one item's votes are its own
    assert sum("more" in one for one in items["votes"]) == 1


def test_numbers_beyond_reason_are_refused() -> None:
    for smoothing in (math.inf, math.nan, -1):
        with pytest.raises(ValueError, match="smoothing must be a finite number"):
            aggregation.dawid_skene(table(["AAB", "BBB"]), smoothing=smoothing)
    ratings = simulated(30, [0.8] * 3, 3)[0]
    for spread in (1e-200, 0, math.nan):
        with pytest.raises(ValueError, match="spread must be 1e-06 or more"):
            aggregation.ordinal_dawid_skene(ratings, spread=spread)
    assert np.isfinite(aggregation.ordinal_dawid_skene(ratings, spread=1e-6, max_iter=5).posterior).all()


def test_flags_may_be_lists_or_missing() -> None:
    plain, _, _ = side_labels(1, n_items=40)
    base = aggregation.pairwise_bias(plain)
    for flag in (None, math.nan, [], ["long"]):
        same = aggregation.pairwise_bias(plain.assign(flags=pd.Series([flag] * len(plain))))
        assert same.annotators.equals(base.annotators)
    marked: list[Any] = [["order_unknown"], *[[]] * (len(plain) - 1)]
    assert aggregation.pairwise_bias(plain.assign(flags=pd.Series(marked))).n_left_out == base.n_left_out + 1
    with pytest.raises(TableError, match="label must be single values"):
        aggregation.pairwise_bias(plain.assign(label=pd.Series([["A"]] * len(plain))))


def test_known_answers_that_are_lists_are_no_labels() -> None:
    for fit in (aggregation.dawid_skene, aggregation.mace, aggregation.glad):
        with pytest.raises(TableError, match=r"gold answers .* are not among the labels"):
            fit(table(["AAB", "BBB"]), gold={"i0": ["A"]})


def test_the_model_gives_no_flip_rate_where_pairs_give_none() -> None:
    contrary = table(["AB", "BA"] * 20)
    for labels in (contrary, table(["AAB"])):
        result = aggregation.flip_rate(labels, by="model", n_resamples=100)
        assert math.isnan(result.value)
        assert math.isnan(result.low)
        assert "as often as by chance" in result.reason
    few = aggregation.flip_rate(table(["AAA", "BBB", "AAB"]), by="model", n_resamples=100)
    assert 0 < few.value < 0.5
    assert math.isnan(few.low)
    assert few.reason == "3 items: too few for an interval"
    alike = aggregation.flip_rate(table(["AAA", "BBB"] * 40), by="model", n_resamples=100)
    assert alike.low == pytest.approx(alike.high, abs=1e-6)
    assert alike.reason == "every resample has the same value, so no real interval: up to 4% of items may still differ"


@pytest.mark.parametrize("by", ["pairs", "model"])
def test_flip_rate_of_a_part_counts_only_the_answers_in_it(by: Any) -> None:
    labels, _ = simulated(600, [0.85] * 6, 3, labels_each=3, seed=21)
    two = labels[labels["label"] != labels["label"].max()]
    coded = encode(labels)
    part = coded.only(coded.value < 2)
    assert aggregation.flip_rate(part, by=by, n_resamples=0).value == pytest.approx(
        aggregation.flip_rate(two, by=by, n_resamples=0).value
    )
    # Answers that the caller names are possible though nobody gave them, so agreement by chance is rarer.
    named = encode(two, categories=sorted(labels["label"].unique()))
    assert aggregation.flip_rate(named, n_resamples=0).value < aggregation.flip_rate(two, n_resamples=0).value


def test_ties_are_labels_and_no_pieces_of_text() -> None:
    with pytest.raises(TableError, match=r"ties must be a list of labels.*ties=\('tie',\)"):
        aggregation.flip_rate(table(["AB", "BB"]), ties="tie")
    with pytest.raises(TableError, match="ties must be a list of labels, got None"):
        aggregation.flip_rate(table(["AB", "BB"]), ties=None)  # type: ignore[arg-type]
    letters = table(["AAB", "BBB", "AAA", "ABB"]).replace({"label": {"A": "t", "B": "ie"}})
    assert aggregation.flip_rate(letters, ties=["tie"], n_resamples=0).n_labels == 12


@pytest.mark.parametrize("by", ["pairs", "model"])
@pytest.mark.parametrize(
    "options", [{"n_resamples": -1}, {"n_resamples": 3}, {"seed": -1}, {"confidence": 1}, {"confidence": math.nan}]
)
def test_resampling_that_cannot_be_is_refused(by: Any, options: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        aggregation.flip_rate(table(["AAB", "BBB"]), by=by, **options)


# --- side bias


def side_labels(
    seed: int, *, n_items: int = 400, n_annotators: int = 12
) -> tuple[pd.DataFrame, NDArray[Any], NDArray[Any]]:
    """Davidson labels, three an item: the table, the truth of items (log odds) and of side biases."""
    rng = np.random.default_rng(seed)
    effect, side = rng.normal(0, 2, n_items), rng.normal(0, 0.8, n_annotators)
    skill, tie = np.exp(rng.normal(0, 0.4, n_annotators)), np.exp(rng.normal(-0.5, 0.5, n_annotators))
    item = np.repeat(np.arange(n_items), 3)
    who = np.argsort(rng.random((n_items, n_annotators)), axis=1)[:, :3].ravel()
    left = rng.choice([-1, 1], len(item))
    x = skill[who] * effect[item] + side[who] * left
    weight = np.stack([np.exp(x / 2), np.exp(-x / 2), tie[who]], axis=1)
    drawn = (rng.random(len(item))[:, None] > np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    label = np.array(["A", "B", "tie"])[drawn]
    table = pd.DataFrame({"item": item, "annotator": who, "label": label, "left": np.where(left > 0, "A", "B")})
    return table, effect, side


def test_side_bias_and_preference_are_recovered_together() -> None:
    labels, effect, side = side_labels(0, n_items=1_500)
    result = aggregation.pairwise_bias(labels)
    assert result.converged
    assert result.spread == pytest.approx(2, abs=0.3)
    assert result.annotators["p_left"].to_numpy() == pytest.approx(expit(side), abs=0.08)
    weight = np.exp(np.stack([effect / 2, -effect / 2, np.full(len(effect), -0.5)]))
    truth = weight / weight.sum(axis=0)
    items = result.items
    assert items[["p_a", "p_b", "p_tie"]].sum(axis=1).to_numpy() == pytest.approx(1.0)
    for name, of_items in zip(("p_a", "p_b"), truth, strict=False):
        # Three labels an item: not known well, but right on average at every level of certainty.
        for low in (0.1, 0.3, 0.5, 0.7):
            near = (items[name] > low) & (items[name] < low + 0.2)
            assert of_items[near].mean() == pytest.approx(items.loc[near, name].mean(), abs=0.05)


def test_side_bias_intervals_cover() -> None:
    covered = []
    for seed in range(12):
        labels, _, side = side_labels(seed, n_items=200)
        found = aggregation.pairwise_bias(labels).p_left
        covered += [e.low <= p <= e.high for e, p in zip(found, expit(side), strict=True)]
    assert 0.90 <= np.mean(covered) <= 1.0


def test_the_share_of_left_choices_understates_what_the_model_recovers() -> None:
    # Clear pairs are decided by quality, so over all pairs a side bias shows less than on pairs of equal quality.
    labels, _, side = side_labels(1, n_items=3_000)
    decided = labels[labels["label"] != "tie"]
    share = (decided["label"] == decided["left"]).groupby(decided["annotator"]).mean().to_numpy()
    found = np.array([e.value for e in aggregation.pairwise_bias(labels).p_left])
    truth = expit(side)
    assert np.abs(share - 0.5).mean() < 0.75 * np.abs(truth - 0.5).mean()
    assert np.abs(found - 0.5).mean() == pytest.approx(np.abs(truth - 0.5).mean(), rel=0.1)
    assert np.abs(found - truth).mean() < 0.5 * np.abs(share - truth).mean()


def test_swapping_the_names_mirrors_the_preferences() -> None:
    labels, _, _ = side_labels(2, n_items=150)
    mirror = {"A": "B", "B": "A", "tie": "tie"}
    swapped = labels.assign(label=labels["label"].map(mirror), left=labels["left"].map(mirror))
    one, other = aggregation.pairwise_bias(labels), aggregation.pairwise_bias(pl.from_pandas(swapped))
    assert one.items["p_a"].to_numpy() == pytest.approx(other.items["p_b"].to_numpy(), abs=2e-3)
    assert [e.value for e in one.p_left] == pytest.approx([e.value for e in other.p_left], abs=2e-3)


def test_the_marginal_likelihood_of_side_bias_by_direct_integration() -> None:
    labels, _, _ = side_labels(3, n_items=6, n_annotators=3)
    coded, left, _ = sides._read(labels)
    at = np.random.default_rng(0).normal(0, 0.4, 3 * 3 + 2)
    problem = sides._Problem(coded, left)
    of_items = problem.scores(at)[0]

    def integrand(t: float, item: int) -> float:
        chance = float(norm.pdf(t, scale=np.exp(at[-1])))
        for k in np.flatnonzero(coded.item == item):
            a = coded.annotator[k]
            x = np.exp(at[3 + a]) * t + at[a] * left[k]
            weight = np.exp([x / 2, -x / 2, at[6 + a]])
            chance *= float(weight[coded.value[k]] / weight.sum())
        return chance

    expected = [math.log(quad(integrand, -15, 15, args=(item,), epsabs=1e-12)[0]) for item in range(6)]
    assert of_items == pytest.approx(expected, abs=1e-5)
    slope = approx_fprime(at, lambda x: problem.loss(x)[0], 1e-7)
    assert problem.loss(at)[1] == pytest.approx(slope, abs=1e-5)


def test_side_bias_without_evidence() -> None:
    labels, _, _ = side_labels(4, n_items=50)
    with pytest.raises(TableError, match="A always stood on the left"):
        aggregation.pairwise_bias(labels.assign(left="A"))
    with pytest.raises(TableError, match="no label A, B or tie"):
        aggregation.pairwise_bias(labels.assign(left=""))
    with pytest.raises(TableError, match="missing columns"):
        aggregation.pairwise_bias(labels.drop(columns="left"))
    with pytest.raises(TableError, match="expected a data frame"):
        aggregation.pairwise_bias([1, 2])
    unknown = ["order_unknown"] * 10 + [""] * (len(labels) - 10)
    assert aggregation.pairwise_bias(labels.assign(flags=unknown)).n_left_out == 10
    some = labels.assign(label=["both_bad"] * 5 + list(labels["label"][5:]))
    assert aggregation.pairwise_bias(some).n_left_out == 5


# --- comparing


def test_held_out_probabilities_by_hand() -> None:
    # The baseline: i0 has A A in training, all labels seen are A A B B B: P(B | i0) = (0 + 3/5) / (2 + 1).
    coded = encode(table(["AAB", "BBB"]))
    held = np.zeros(6, dtype=bool)
    held[2] = True
    assert comparing._majority(coded.only(~held), coded.only(held)) == pytest.approx([0.2])


def test_labels_are_dealt_so_that_items_stay_seen() -> None:
    coded = encode(table(["AAB", "BB.", "A..", "ABABABAB"]))
    fold = comparing._deal(coded, 3, np.random.default_rng(0))
    assert (fold[coded.item == 2] == -1).all()
    for item in (0, 1, 3):
        dealt = fold[coded.item == item]
        assert dealt.min() >= 0
        assert len(np.unique(dealt)) == min(len(dealt), 3)


def test_compare_prefers_the_model_that_made_the_labels() -> None:
    labels, _ = simulated(600, [0.95, 0.9, 0.8, 0.6, 0.5, 0.4], 3, labels_each=4, seed=20)
    result = aggregation.compare(labels, ["one_coin", "dawid_skene"], n_resamples=500)
    majority, one_coin, full = result.models
    assert [e.label for e in result.models] == ["majority", "one_coin", "dawid_skene"]
    assert one_coin.value > full.value > math.log(1 / 3)
    assert [e.label for e in result.differences] == ["one_coin minus majority", "dawid_skene minus majority"]
    assert result.differences[0].value == pytest.approx(one_coin.value - majority.value)
    assert result.differences[0].low > 0
    # Paired: the difference is known better than either model's own number.
    assert result.differences[0].high - result.differences[0].low < majority.high - majority.low + 0.05
    assert (one_coin.n_items, one_coin.n_labels, result.n_left_out) == (600, 2_400, 0)
    assert result == aggregation.compare(labels, ["one_coin", "dawid_skene"], n_resamples=500)


def test_a_fold_that_cannot_be_learnt_without_is_named() -> None:
    # The only B stands in some fold, and without it all labels are A; of the whole table that is not true.
    labels = table(["AAA"] * 5 + ["AAB"])
    with pytest.raises(TableError, match=r"dawid_skene cannot be fitted to the labels without fold \d of 3: all"):
        aggregation.compare(labels, ["dawid_skene"], folds=3)
    with pytest.raises(TableError, match=r"^all labels are 'A'"):
        aggregation.compare(table(["AAA"] * 6), ["dawid_skene"], folds=3)
    for options in ({"folds": 2.5}, {"n_resamples": -1}, {"seed": -1}, {"confidence": 0}, {"confidence": math.nan}):
        with pytest.raises(ValueError, match="must"):
            aggregation.compare(labels, ["dawid_skene"], **options)


def test_folds_do_not_depend_on_the_order_of_rows() -> None:
    labels, _ = simulated(80, [0.9, 0.8, 0.7, 0.6], 2, labels_each=3, seed=3)
    one = aggregation.compare(labels, ["one_coin"], n_resamples=50)
    other = aggregation.compare(labels.sample(frac=1, random_state=1), ["one_coin"], n_resamples=50)
    for left, right in zip((*one.models, *one.differences), (*other.models, *other.differences), strict=True):
        assert (left.value, left.low, left.high) == pytest.approx((right.value, right.low, right.high))


def test_compare_without_evidence() -> None:
    with pytest.raises(TableError, match="none can be predicted"):
        aggregation.compare(pd.DataFrame({"item": [1, 2], "annotator": "a", "label": ["x", "y"]}))
    with pytest.raises(TableError, match="no model"):
        aggregation.compare(table(["AAB"]), ["oracle"])  # type: ignore[list-item]
    few = aggregation.compare(table(["AAB", "BBB", "ABA"]), ["one_coin"], folds=2)
    assert math.isnan(few.models[0].low)
    assert few.models[0].reason == "3 items: too few to resample"
