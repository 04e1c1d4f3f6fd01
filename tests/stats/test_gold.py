"""Gold: posteriors, sequential tests against an exact recursion of another make, and audits of planted faults."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from workbench.errors import TableError
from workbench.records import Gold
from workbench.stats import gold, intervals, multiple
from workbench.stats.gold import Rule, answers, exposure, mix, operating

if TYPE_CHECKING:
    from pathlib import Path

RATES: dict[str, Any] = {"acceptable": 0.1, "unacceptable": 0.25}
RULES = [
    Rule(low, high, alpha, beta, kind)
    for kind in get_args(operating.Kind)
    for low, high, alpha, beta in ((0.1, 0.25, 0.05, 0.05), (0.05, 0.15, 0.1, 0.01), (0.1, 0.3, 0.01, 0.1))
]


# ---- an annotator's error ----


@pytest.mark.parametrize(("wrong", "n"), [(0, 10), (3, 20), (10, 10), (37, 400)])
def test_posterior_equals_scipy_and_statsmodels(wrong: int, n: int) -> None:
    found = gold.posterior_error(wrong, n)
    assert (found.low, found.high) == pytest.approx(proportion_confint(wrong, n, method="jeffreys"), abs=1e-12)
    by_scipy = scipy_stats.beta(2 + wrong, 5 + n - wrong)
    other = gold.posterior_error(wrong, n, (2, 5), confidence=0.8)
    assert other.value == pytest.approx(by_scipy.mean())
    assert (other.low, other.high) == pytest.approx(by_scipy.ppf([0.1, 0.9]), abs=1e-12)
    assert "prior Beta(2, 5)" in other.method
    assert gold.p_above(wrong, n, 0.15, (2, 5)) == pytest.approx(by_scipy.sf(0.15), abs=1e-12)


def test_posterior_by_hand() -> None:
    # Uniform prior, 1 wrong of 2: Beta(2, 2), density 6x(1-x). P(x > 1/4) = 1 - (3/16 - 2/64) = 27/32.
    found = gold.posterior_error(1, 2, (1, 1))
    assert found.value == pytest.approx(1 / 2)
    assert gold.p_above(1, 2, 0.25, (1, 1)) == pytest.approx(27 / 32)


def test_without_answers_there_is_no_posterior() -> None:
    nothing = gold.posterior_error(0, 0)
    assert math.isnan(nothing.value)
    assert nothing.reason == "nothing to count"
    assert math.isnan(gold.p_above(0, 0, 0.15))
    low, high, _ = intervals.beta_interval(0, 0, (1, 1), 0.9)
    assert (low, high) == pytest.approx((0.05, 0.95))  # the uniform prior itself
    with pytest.raises(ValueError, match="above 0"):
        gold.posterior_error(1, 2, (0, 1))
    with pytest.raises(ValueError, match="successes <= n"):
        gold.p_above(3, 2, 0.1)
    with pytest.raises(TableError, match="between 0 and 1"):
        gold.p_above(1, 2, 15)


def label_table(rows: list[tuple[Any, ...]], *more: str) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["item", "annotator", "label", *more])


ANA = label_table([(f"g{k}", "ana", "A" if k < 17 else "B") for k in range(20)] + [("other", "ben", "A")])
KEY = {f"g{k}": "A" for k in range(20)}


def test_rates_of_a_table() -> None:
    ana, ben = gold.posterior_rates(ANA, KEY)
    assert ana == gold.posterior_error(3, 20, label="ana")
    assert math.isnan(ben.value)
    wilson, _ = gold.error_rates(pl.from_pandas(ANA), KEY)
    assert (wilson.low, wilson.high) == pytest.approx(proportion_confint(3, 20, method="wilson"), abs=1e-12)
    # A label that is missing is no answer, and so not a wrong one.
    missing = pd.concat([ANA, label_table([("g1", "ben", None), ("g2", "ben", "B")])])
    assert [one.n_labels for one in gold.error_rates(missing, KEY)] == [20, 1]
    # Nor is an item gold whose answer is not given.
    assert gold.error_rates(ANA, {**KEY, "g19": None})[0].n_labels == 19


@pytest.mark.parametrize("look", [gold.audit, gold.leakage, gold.representativeness])
@pytest.mark.parametrize(
    "options",
    [{"n_resamples": -1}, {"n_resamples": 3}, {"seed": -1}, {"confidence": 0}, {"confidence": 1},
     {"confidence": math.nan}],
)  # fmt: skip
def test_resampling_that_cannot_be_is_refused(look: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        look(ANA, KEY, **options)


def test_priors_that_are_none_are_refused_in_words() -> None:
    asked: dict[str, Any] = {**RATES, "kind": "beta_binomial"}
    for prior in ((1,), (1, 2, 3), 1.0, ("a", "b"), (0, 1), (math.inf, 1), None):
        with pytest.raises(TableError, match="a Beta prior needs two finite numbers"):
            gold.sequential([True], prior=prior, **asked)  # type: ignore[arg-type]
    with pytest.raises(TableError, match="for impossible"):
        gold.sequential([True, False], prior=(1e4, 1e4), **asked)
    listed: Any = [0.5, 0.5]
    assert gold.sequential([True], prior=listed, **asked) == gold.sequential([True], **asked)
    assert operating.characteristics(Rule(0.1, 0.25, prior=listed)) == operating.characteristics(Rule(0.1, 0.25))
    steep = gold.sequential([True] * 9, prior=(1, 300), **asked)
    assert all(map(math.isfinite, (*steep.toward_fail, *steep.toward_pass)))


def test_only_the_ends_of_what_is_undecided_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    evidence = Rule.evidence

    def counted(rule: Rule, wrong: Any, n: Any) -> Any:
        looked.append(len(wrong))
        return evidence(rule, wrong, n)

    monkeypatch.setattr(Rule, "evidence", counted)
    rule = Rule(0.1, 0.1013, kind="beta_binomial")
    found = gold.operating_characteristics(rule, 0.1, most=3_000)
    assert found.p_undecided > 0.9
    assert sum(looked) < 5 * 3_000


def test_the_same_answer_twice_is_no_new_evidence() -> None:
    once, _ = gold.error_rates(ANA, KEY)
    looks: list[Any] = [gold.error_rates, gold.posterior_rates, partial(gold.sequential_by_annotator, **RATES)]
    for rates in looks:
        with pytest.raises(TableError, match="a second one of the same annotator on the same gold item"):
            rates(pd.concat([ANA] * 10), KEY)
        with pytest.raises(TableError, match="a second one"):
            rates(pd.concat([ANA.assign(label_id="", submitted_at="2026-01-01T00:00:00Z")] * 2), KEY)
    # Rounds that are told apart are no mistake, and the first counts; hidden repeats are left out.
    rounds = pd.concat([ANA.assign(submitted_at="2026-01-01"), ANA.assign(label="A", submitted_at="2026-02-01")])
    assert gold.error_rates(rounds[::-1], KEY)[0] == once
    named = rounds.drop(columns="submitted_at").assign(label_id=range(len(rounds)))
    assert gold.error_rates(named, KEY)[0] == once
    assert gold.posterior_rates(named, KEY)[0] == gold.posterior_error(3, 20, label="ana")
    marked = pd.concat([ANA.assign(is_repeat=False), ANA.assign(is_repeat=True)])
    assert gold.error_rates(marked, KEY)[0] == once


def test_annotators_that_differ_in_type_only_are_not_made_one() -> None:
    table = label_table([("g0", 1, "A"), ("g1", "1", "B")])
    for look in (gold.error_rates, gold.leakage, gold.audit):
        with pytest.raises(TableError, match="the same name but for its type"):
            look(table, KEY)
    assert [one.label for one in gold.error_rates(label_table([("g0", 10, "A"), ("g1", 2, "B")]), KEY)] == ["10", "2"]


def test_lists_and_times_in_words_are_refused_in_words() -> None:
    listed = label_table([(["g0"], "ana", "A")])
    for look in (gold.error_rates, gold.leakage, gold.representativeness):
        with pytest.raises(TableError, match="item must be single values"):
            look(listed, KEY)
    with pytest.raises(TableError, match="item must be single values"):
        gold.usable(pl.DataFrame({"item": [["g0"]], "label": ["A"]}))
    with pytest.raises(TableError, match="label must be single values"):
        gold.usable(pd.DataFrame({"item": ["g0", "g1"], "label": [["A"], ["B"]]}))
    with pytest.raises(TableError, match="duration_s must be numbers of seconds, got 'quick'"):
        gold.leakage(ANA.assign(duration_s="quick"), KEY)
    endless = pd.concat([ANA.assign(is_repeat=again, duration_s=math.inf) for again in (False, True)])
    assert gold.leakage(endless, KEY).pace.reason == "no durations of a first and a second exposure"


def test_numbers_are_not_compared_with_text() -> None:
    with pytest.raises(TableError, match="nothing could ever be right"):
        gold.error_rates(label_table([("g0", "ana", 1)]), {"g0": "1"})
    with pytest.raises(TableError, match="single values"):
        gold.error_rates(label_table([("g0", "ana", ["A"])]), {"g0": ["A"]})
    with pytest.raises(TableError, match="no item or no annotator"):
        gold.error_rates(label_table([("g0", None, "A")]), KEY)
    with pytest.raises(TableError, match="expected a data frame, got list"):
        gold.error_rates([("g0", "ana", "A")], KEY)


# ---- which gold may be used ----


def test_a_preference_is_gold_only_where_somebody_vouches() -> None:
    table = pd.DataFrame(
        [
            ("a", "A", "verifier", "pairwise"),
            ("b", "B", "panel", "ranking"),
            ("c", "A", "majority", "pairwise"),
            ("d", "A", None, "pairwise"),
            ("e", "5", "majority", "likert"),
            ("f", "A", "author", None),
            ("h", None, "panel", "pairwise"),
        ],
        columns=["item", "label", "by", "task"],
    )
    found = gold.usable(table)
    assert found.answers == {"a": "A", "b": "B", "e": "5"}
    assert list(found.set_aside["item"]) == ["c", "d", "f", "h"]
    assert found.notes == (
        "2 gold answers not used: the origin is neither a verifier nor a panel",
        "1 gold answer not used: no origin says who vouches",
        "1 gold answer not used: no answer is given",
    )
    with pytest.raises(TableError, match="no gold answers given; 2 gold answers not used: no origin"):
        gold.error_rates(ANA, pd.DataFrame({"item": ["g0", "g1"], "label": ["A", "A"]}))
    with pytest.raises(TableError, match="two different known answers"):
        gold.usable(pd.DataFrame({"item": ["a", "a"], "label": ["A", "B"], "by": "panel"}))
    assert set(answers.VOUCHERS) == set(get_args(Gold.model_fields["by"].annotation))


# ---- the sequential test ----


def test_sprt_worked_by_hand() -> None:
    # Rates .1 and .25, alpha = beta = .05. Boundaries: log(.95 / .05) = log 19 = 2.944 and -2.944.
    # A wrong answer adds log(.25 / .1) = log 2.5 = 0.9163, a right one log(.75 / .9) = -0.1823.
    test = gold.sequential([True, False, False, True, False, False, True], **RATES)
    assert (test.upper, test.lower) == pytest.approx((math.log(19), -math.log(19)))
    # -0.182, 0.734, 1.650, 1.468, 2.384, 3.301 > 2.944: fails at the sixth answer, the seventh changes nothing.
    assert test.toward_fail[:6] == pytest.approx([-0.1823, 0.7340, 1.6503, 1.4680, 2.3843, 3.3006], abs=1e-4)
    assert test.toward_fail == test.toward_pass
    assert (test.decision, test.decided_at, test.n, test.n_wrong) == ("fail", 6, 7, 4)
    # Only right answers: 2.944 / 0.1823 = 16.15, so the seventeenth passes.
    assert [gold.sequential([True] * k, **RATES).decision for k in (16, 17)] == ["inconclusive", "pass"]
    # Wald: at .1 E(z) = .1 x .9163 - .9 x .1823 = -.07246, E(n) = (.95 x -2.944 + .05 x 2.944) / E(z) = 36.57;
    # at .25 E(z) = .25 x .9163 - .75 x .1823 = .09233, E(n) = (-.05 x 2.944 + .95 x 2.944) / E(z) = 28.70.
    assert test.expected_answers == pytest.approx((36.57, 28.70), abs=0.01)
    assert "alpha 0.05 (failing the acceptable)" in test.method


def test_beta_binomial_by_integrals() -> None:
    rule = Rule(0.1, 0.25, kind="beta_binomial", prior=(2, 3))
    prior = scipy_stats.beta(2, 3)

    def likelihood(error: float) -> float:
        return error**2 * (1 - error) ** 5

    def mean(low: float, high: float) -> float:
        weighted = integrate.quad(lambda error: likelihood(error) * prior.pdf(error), low, high)[0]
        return float(weighted / (prior.cdf(high) - prior.cdf(low)))

    fail, passed = rule.evidence(np.array([2]), 7)
    assert fail[0] == pytest.approx(math.log(mean(0.25, 1) / likelihood(0.1)))
    assert passed[0] == pytest.approx(-math.log(mean(0, 0.1) / likelihood(0.25)))
    assert (rule.upper, rule.lower) == pytest.approx((math.log(20), -math.log(20)))


@settings(max_examples=60)
@given(st.lists(st.booleans(), max_size=80), st.sampled_from(RULES))
def test_updates_give_what_all_answers_at_once_give(right: list[bool], rule: Rule) -> None:
    options: dict[str, Any] = {name: getattr(rule, name) for name in Rule.__dataclass_fields__}
    one_by_one = gold.sequential([], **options)
    assert one_by_one.decision == "inconclusive"
    assert one_by_one.reason == "no answer to gold"
    for answer in right:
        one_by_one = one_by_one.update(answer)
    assert one_by_one == gold.sequential(right, **options)


def by_fractions(rule: Rule, error: Fraction, most: int) -> tuple[float, float, float]:
    """P(pass), P(fail) and mean answers of an SPRT on the lattice of answers, in exact arithmetic of another make.

    Boundaries are compared as likelihood ratios, in whole numbers, not as sums of logarithms.
    """
    low, high, alpha, beta = (Fraction(str(x)) for x in (rule.acceptable, rule.unacceptable, rule.alpha, rule.beta))
    open_paths = {(0, 0): Fraction(1)}
    passed = failed = answers_given = Fraction(0)
    for _ in range(most):
        answers_given += sum(open_paths.values())
        grown: dict[tuple[int, int], Fraction] = {}
        for (right, wrong), chance in open_paths.items():
            for state, p in (((right + 1, wrong), 1 - error), ((right, wrong + 1), error)):
                ratio = (high / low) ** state[1] * ((1 - high) / (1 - low)) ** state[0]
                if ratio >= (1 - beta) / alpha:
                    failed += chance * p
                elif ratio <= beta / (1 - alpha):
                    passed += chance * p
                else:
                    grown[state] = grown.get(state, Fraction(0)) + chance * p
        open_paths = grown
    return float(passed), float(failed), float(answers_given)


@pytest.mark.parametrize("error", ["0.1", "0.25", "0.6"])
def test_operating_characteristics_equal_an_exact_recursion(error: str) -> None:
    rule = Rule(0.1, 0.25)
    found = gold.operating_characteristics(rule, float(error), most=90)
    passed, failed, mean = by_fractions(rule, Fraction(error), 90)
    assert (found.p_pass, found.p_fail, found.expected_answers) == pytest.approx((passed, failed, mean), abs=1e-10)
    assert found.p_undecided == pytest.approx(1 - passed - failed, abs=1e-10)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_stated_errors_are_kept_exactly(rule: Rule) -> None:
    good = gold.operating_characteristics(rule, rule.acceptable)
    bad = gold.operating_characteristics(rule, rule.unacceptable)
    assert max(good.p_undecided, bad.p_undecided) < 1e-6
    assert 0.1 * rule.alpha < good.p_fail <= rule.alpha
    assert 0.1 * rule.beta < bad.p_pass <= rule.beta
    # Whoever is better than acceptable fails less often still, whoever is worse than unacceptable passes less often.
    assert gold.operating_characteristics(rule, rule.acceptable / 2).p_fail < good.p_fail
    assert gold.operating_characteristics(rule, rule.unacceptable * 1.3).p_pass < bad.p_pass


def test_the_sprt_keeps_walds_bounds_and_says_where_it_exceeds_what_is_stated() -> None:
    over = []
    for low in (0.02, 0.05, 0.1, 0.2):
        for high in (0.1, 0.25, 0.4, 0.7):
            for alpha, beta in ((0.05, 0.05), (0.2, 0.05), (0.01, 0.1)):
                if high > low:
                    options: dict[str, Any] = {"acceptable": low, "unacceptable": high, "alpha": alpha, "beta": beta}
                    exact = gold.sequential([], **options).operating
                    assert exact.acceptable == gold.operating_characteristics(Rule(low, high, alpha, beta), low)
                    assert exact.acceptable.p_fail <= alpha / (1 - beta)
                    assert exact.unacceptable.p_pass <= beta / (1 - alpha)
                    over.append(exact.acceptable.p_fail > alpha or exact.unacceptable.p_pass > beta)
    # With .02 and .1, alpha .2 and beta .05, the unacceptable pass with probability .0531: more than stated, and said.
    assert 0 < sum(over) < 0.15 * len(over)


@pytest.mark.parametrize("unacceptable", [0.15, 0.2, 0.3, 0.5])
def test_walds_numbers_neglect_the_overshoot(unacceptable: float) -> None:
    rule = Rule(0.1, unacceptable)
    wald = operating.wald_answers(rule)
    # Overshoot is less than one step, so the path goes at most that much further than Wald's boundaries.
    up, down = math.log(rule.unacceptable / rule.acceptable), -math.log1p(-rule.unacceptable) + math.log1p(-0.1)
    for error, approximate in zip((rule.acceptable, rule.unacceptable), wald, strict=True):
        exact = gold.operating_characteristics(rule, error)
        drift = abs(error * up - (1 - error) * down)
        assert approximate < exact.expected_answers < approximate + (up + 0.3) / drift


def simulated(rule: Rule, error: float, n_annotators: int, seed: int, most: int) -> tuple[float, float, float]:
    """Shares of passes and fails and mean answers of simulated annotators, through the public function."""
    right = np.random.default_rng(seed).random((n_annotators, most)) >= error
    options: dict[str, Any] = {name: getattr(rule, name) for name in Rule.__dataclass_fields__}
    tests = [gold.sequential(mine, **options) for mine in right]
    n_pass, n_fail = (sum(test.decision == kind for test in tests) / n_annotators for kind in ("pass", "fail"))
    return n_pass, n_fail, float(np.mean([test.decided_at or most for test in tests]))


def check_simulation(rule: Rule, n_annotators: int, most: int) -> None:
    for error in (rule.acceptable, rule.unacceptable):
        exact = gold.operating_characteristics(rule, error, most=most)
        n_pass, n_fail, mean = simulated(rule, error, n_annotators, 3, most)
        for share, p in ((n_pass, exact.p_pass), (n_fail, exact.p_fail)):
            assert share == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / n_annotators) + 1e-9)
        assert mean == pytest.approx(exact.expected_answers, rel=6 / math.sqrt(n_annotators))
        # The exact numbers stay at or under the stated ones (another test); the simulated ones but for chance.
        share, stated = (n_fail, rule.alpha) if error == rule.acceptable else (n_pass, rule.beta)
        assert share <= stated + 3 * math.sqrt(stated * (1 - stated) / n_annotators)


@pytest.mark.parametrize("kind", get_args(operating.Kind))
def test_simulated_annotators_meet_the_exact_numbers(kind: operating.Kind) -> None:
    check_simulation(Rule(0.1, 0.3, kind=kind), 600, 120)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_twenty_thousand_simulated_annotators_meet_the_exact_numbers(rule: Rule) -> None:
    check_simulation(rule, 20_000, 200)


def test_looking_after_every_answer_with_a_fixed_interval_errs_more_often() -> None:
    # Why a sequential test: of people who err exactly at 10 %, Wilson's lower end exceeds 10 % at some answer for many.
    right = np.random.default_rng(5).random((300, 120)) >= 0.1
    wrong = np.cumsum(~right, axis=1)
    ever = [
        any(intervals.wilson(int(wrong[a, k]), k + 1).low > 0.1 for k in range(9, 120, 5)) for a in range(len(right))
    ]
    assert np.mean(ever) > 0.07
    assert gold.operating_characteristics(Rule(0.1, 0.25), 0.1).p_fail < 0.04


def test_by_annotator_goes_by_time_and_counts_first_answers_only() -> None:
    # In time ana errs four times at once and then is right; the table has it the other way round.
    rows = [(f"g{k}", "ana", "B" if k < 4 else "A", pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(k, "h"), False)
            for k in reversed(range(20))]  # fmt: skip
    rows += [("g0", "ana", "A", pd.Timestamp("2026-02-01", tz="UTC"), True)]
    rows += [("x", "ben", "A", pd.Timestamp("2026-01-01", tz="UTC"), False)]
    table = label_table(rows, "submitted_at", "is_repeat")
    ana, ben = gold.sequential_by_annotator(table, KEY, **RATES)
    assert (ana.label, ana.decision, ana.decided_at, ana.n) == ("ana", "fail", 4, 20)
    assert "in the order of submitted_at" in ana.method
    assert (ben.decision, ben.reason) == ("inconclusive", "no answer to gold")
    untimed, _ = gold.sequential_by_annotator(table.drop(columns="submitted_at"), KEY, **RATES)
    assert (untimed.decision, untimed.decided_at) == ("inconclusive", None)
    assert "in the order of the table" in untimed.method
    rounds, _ = gold.sequential_by_annotator(table.drop(columns="is_repeat"), KEY, **RATES)
    assert (rounds.right, rounds.reason) == (ana.right, "1 repeated answers not counted")


def test_times_may_be_text_but_must_be_times() -> None:
    table = label_table([("g0", "ana", "B", "2026-01-02T00:00:00.5Z"), ("g1", "ana", "A", "2026-01-01T00:00:00+00:00")],
                        "submitted_at")  # fmt: skip
    (ana,) = gold.sequential_by_annotator(table, KEY, **RATES)
    assert ana.right == (True, False)
    with pytest.raises(TableError, match="submitted_at cannot be read as times"):
        gold.sequential_by_annotator(table.assign(submitted_at="soon"), KEY, **RATES)


def test_nonsense_is_refused() -> None:
    for low, high in ((0.3, 0.1), (0.0, 0.1), (0.1, 1.0), (math.nan, 0.1)):
        with pytest.raises(TableError, match="acceptable < unacceptable"):
            gold.sequential([True], acceptable=low, unacceptable=high)
    with pytest.raises(TableError, match="alpha and beta"):
        gold.sequential([True], **RATES, alpha=5)
    with pytest.raises(TableError, match="no kind 'wald'"):
        gold.sequential([True], **RATES, kind="wald")  # type: ignore[arg-type]
    with pytest.raises(TableError, match="finite numbers above 0"):
        gold.sequential([True], **RATES, kind="beta_binomial", prior=(0, 1))
    for answer in (1, None, float("nan"), "A"):
        with pytest.raises(TableError, match="must be True"):
            gold.sequential([True, answer], **RATES)  # type: ignore[list-item]
    with pytest.raises(TableError, match="error rate from 0 to 1"):
        gold.operating_characteristics(Rule(0.1, 0.2), 15)


# ---- the audit ----


def pool(seed: int = 0, n_gold: int = 30, n_annotators: int = 14, bad: int = 3) -> pd.DataFrame:
    """Answers of a pool: all err 8 %, the last `bad` 45 %; everybody answers all gold in an order of their own."""
    rng = np.random.default_rng(seed)
    error = np.where(np.arange(n_annotators) < n_annotators - bad, 0.08, 0.45)
    wrong = rng.random((n_annotators, n_gold)) < error[:, None]
    start = pd.Timestamp("2026-03-01", tz="UTC")
    rows = []
    for a in range(n_annotators):
        # Days of their own, so an item's rank in the pool depends on the item and not only on the annotator.
        hours = rng.permutation(n_gold) * 10 + rng.random(n_gold)
        rows += [
            (f"g{k:02}", f"o{a:02}", "B" if wrong[a, k] else "A", start + pd.Timedelta(hours[k], "h"), 20.0, False)
            for k in range(n_gold)
        ]
    return label_table(rows, "submitted_at", "duration_s", "is_repeat")


POOL_KEY = {f"g{k:02}": "A" for k in range(30)}


def test_a_wrong_key_is_found_and_only_that() -> None:
    found = gold.audit(pool(), {**POOL_KEY, "g07": "B"}, n_resamples=200)
    assert [one.item for one in found.suspects] == ["g07"]
    suspect = found.suspects[0]
    labels = pool()
    said_a = int((labels.loc[labels["item"] == "g07", "label"] == "A").sum())
    assert (suspect.common_wrong, suspect.verdict.decision) == ("A", "fail")
    assert suspect.common_wrong_share.value == pytest.approx(said_a / 14)
    low, high = proportion_confint(said_a, 14, method="wilson")
    assert (suspect.error.low, suspect.error.high) == pytest.approx((low, high))
    # The jury, counted the long way: at most 15 % wrong on the 29 others. The three who err often are none of it.
    others = labels[labels["item"] != "g07"]
    jury = {name for name, mine in others.groupby("annotator") if (mine["label"] != "A").mean() <= 0.15}
    assert suspect.error_of_good.n_annotators == len(jury)
    assert len(jury) > 5
    assert not jury & {"o11", "o12", "o13"}
    table = found.table()
    assert list(table.loc[table["suspect"], "item"]) == ["g07"]
    assert table["n_exposures"].eq(14).all()


def test_an_item_does_not_make_its_own_jury() -> None:
    # Threshold 0: ana errs on x only. On x she is good, since the other five are right; on y she is not.
    items = ["x", "y", "p", "q", "r", "s"]
    rows = [(item, "ana", "B" if item == "x" else "A") for item in items] + [(item, "ben", "A") for item in items]
    found = gold.audit(label_table(rows), dict.fromkeys(items, "A"), threshold=0, n_resamples=50)
    n_good = {one.item: one.error_of_good.n_annotators for one in found.items}
    assert n_good == {"x": 2, "y": 1, "p": 1, "q": 1, "r": 1, "s": 1}
    assert found.items[0].error_of_good.value == pytest.approx(1 / 2)
    assert not found.suspects
    # With five items nobody has five others, so nobody is known to be good.
    few = gold.audit(label_table([row for row in rows if row[0] != "s"]), dict.fromkeys(items[:5], "A"), n_resamples=50)
    assert all(math.isnan(one.error_of_good.value) and one.error_of_good.reason for one in few.items)


def test_gold_that_nobody_answered_or_vouches_for_is_said() -> None:
    key = pd.DataFrame({"item": ["g00", "g01", "unseen"], "label": "A", "by": ["panel", "consensus", "verifier"]})
    found = gold.audit(pool(), key, n_resamples=50)
    assert [one.item for one in found.items] == ["g00", "unseen"]
    assert math.isnan(found.items[1].error.value)
    assert (found.items[1].n_exposures, found.items[1].common_wrong) == (0, None)
    assert list(found.set_aside["item"]) == ["g01"]
    assert found.notes == (
        "1 gold answer not used: the origin is neither a verifier nor a panel",
        (
            "2 of 2 keys could not be examined: fewer than 3 of the annotators who answered err at most 15% on 5 or "
            "more other gold items"
        ),
        "no context column (category, slice, words): gold and other items are compared by their labels only",
    )


def with_repeats(effect: float, speed: float) -> pd.DataFrame:
    """The pool, and half of its answers once more a month later: wrong ones put right with this probability."""
    rng = np.random.default_rng(11)
    first = pool(seed=2)
    again = first[rng.random(len(first)) < 0.5].copy()
    again["label"] = np.where(rng.random(len(again)) < effect, "A", again["label"])
    again["duration_s"] = again["duration_s"] * speed * rng.uniform(0.9, 1.1, len(again))
    again["submitted_at"] += pd.Timedelta(60, "D")
    again["is_repeat"] = True
    return pd.concat([first, again], ignore_index=True)


def test_second_looks_that_are_better_and_faster_are_seen() -> None:
    found = gold.leakage(with_repeats(0.9, 0.5), POOL_KEY, n_resamples=4_000)
    first, second = found.by_exposure
    assert (first.label, first.n_labels, second.label) == ("exposure 1", 420, "exposure 2")
    assert first.low < first.value < first.high
    # The interval is that of a ratio of sums over items: value ± 1.96 standard errors of the linearised ratio.
    cells = pool(seed=2).assign(wrong=lambda t: t["label"] != "A").groupby("item")["wrong"].agg(["sum", "size"])
    error = (cells["sum"] - first.value * cells["size"]).std() * math.sqrt(30) / cells["size"].sum()
    assert first.value == pytest.approx(cells["sum"].sum() / 420)
    assert (first.low, first.high) == pytest.approx((first.value - 1.96 * error, first.value + 1.96 * error), abs=0.006)
    assert found.change.high < 0
    assert found.pace.value == pytest.approx(0.5, abs=0.03)
    assert found.pace.low < found.pace.value < found.pace.high < 1
    assert [sign.split(" ")[0] for sign in found.signs] == ["the", "second"]
    # By hand: the mean over items of the mean change of the people who saw the item twice.
    table = with_repeats(0.9, 0.5)
    wide = table.assign(wrong=(table["label"] != "A").astype(float)).pivot_table(
        index=["item", "annotator"], columns="is_repeat", values="wrong"
    )
    by_hand = (wide[True] - wide[False]).dropna().groupby("item").mean().mean()
    assert found.change.value == pytest.approx(by_hand)


def test_second_looks_that_change_nothing_are_no_sign() -> None:
    found = gold.leakage(with_repeats(0.0, 1.0), POOL_KEY, n_resamples=500)
    assert found.change.value == 0
    assert found.signs == ()
    never = gold.leakage(pool(), POOL_KEY, n_resamples=50)
    assert math.isnan(never.change.value)
    assert never.change.reason == never.pace.reason == "nobody saw the same gold item twice"


def test_repeats_are_told_by_label_id_and_superseded_labels_are_none() -> None:
    rows = [("g00", "ana", "B", "1", ""), ("g00", "ana", "A", "2", ""), ("g01", "ana", "B", "3", ""),
            ("g01", "ana", "A", "4", "3")]  # fmt: skip
    table = label_table(rows, "label_id", "supersedes")
    known = answers.known_rows(table, POOL_KEY, repeats=True).rows
    assert list(zip(known["item"], known["exposure"], known["wrong"], strict=True)) == [
        ("g00", 1, True),
        ("g00", 2, False),
        ("g01", 1, False),
    ]
    with pytest.raises(TableError, match="a second one of the same annotator on the same gold item"):
        gold.leakage(table[["item", "annotator", "label"]], POOL_KEY)


def leaking(strength: float, seed: int) -> pd.DataFrame:
    """The pool, where a wrong answer is put right more often the more people have seen the item."""
    table = pool(seed=seed, bad=14)
    rank = table.groupby("item")["submitted_at"].rank()
    luck = np.random.default_rng(seed).random(len(table))
    table["label"] = np.where(luck < strength * np.log2(rank), "A", table["label"])
    return table


def test_trend_equals_a_regression_with_dummies() -> None:
    table = leaking(0.2, 4)
    found = gold.leakage(table, POOL_KEY, n_resamples=50).trend
    x = np.log2(table.groupby("item")["submitted_at"].rank().rename("x"))
    dummies = pd.get_dummies(table[["item", "annotator"]], drop_first=True, dtype=float)
    fit = sm.OLS((table["label"] != "A").astype(float), sm.add_constant(pd.concat([x, dummies], axis=1))).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(table["item"])[0], "use_correction": False}
    )
    assert found.value == pytest.approx(fit.params["x"], abs=1e-9)
    half = fit.bse["x"] * math.sqrt(30 / 29) * scipy_stats.t.ppf(0.975, 29)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=1e-9)
    assert found.high < 0  # and the planted leak is seen


def test_trend_without_a_leak_keeps_its_level() -> None:
    low, high = [], []
    for seed in range(60):
        found = exposure._trend(answers.known_rows(pool(seed, bad=7), POOL_KEY, repeats=True), 0.9)
        low.append(found.low)
        high.append(found.high)
    covers = np.mean((np.asarray(low) <= 0) & (np.asarray(high) >= 0))
    assert 0.78 <= covers <= 0.99  # 0.9 ± 3 standard errors of 60


def test_trend_needs_times_and_orders_that_differ() -> None:
    without = gold.leakage(pool().drop(columns="submitted_at"), POOL_KEY, n_resamples=50).trend
    assert math.isnan(without.value)
    assert "no complete submitted_at" in without.reason
    one_after_the_other = pool()
    one_after_the_other["submitted_at"] = pd.date_range("2026-01-01", periods=len(one_after_the_other), tz="UTC")
    same = gold.leakage(one_after_the_other, POOL_KEY, n_resamples=50).trend
    assert math.isnan(same.value)
    assert "order and annotator cannot be told apart" in same.reason


# ---- gold against the batch ----


def batch(gold_maths: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """200 items, half of them maths, 40 of them gold, of which this many are maths; three labels an item."""
    rng = np.random.default_rng(seed)
    category = np.repeat(["maths", "other"], 100)
    known = {f"i{k:03}": "A" for k in [*range(gold_maths), *range(100, 140 - gold_maths)]}
    items = pd.DataFrame({"item": [f"i{k:03}" for k in range(200)], "category": category})
    items["words"] = rng.integers(10, 400, 200)
    labels = label_table([(item, f"o{a}", "AB"[int(rng.random() < 0.4)]) for item in items["item"] for a in range(3)])
    return labels, items, known


def test_a_mix_that_is_not_the_batchs_is_seen() -> None:
    labels, items, known = batch(36)
    category, words, label = gold.representativeness(labels, known, items=items)
    assert [one.column for one in (category, words, label)] == ["category", "words", "label"]
    # 36 of 40 gold items are maths and 64 of the 160 others: .9 - .4 = .5, the same for `other`.
    assert category.total_variation.value == pytest.approx(0.5)
    assert category.p_value == pytest.approx(1 / 10_001)
    maths, other = category.differences
    assert maths == intervals.difference_of_shares("share_difference", (64, 160), (36, 40), label="category: maths")
    assert other.value == pytest.approx(-0.5)
    assert len(words.differences) == 4
    adjusted = multipletests([m.p_value for m in (category, words, label)], method="holm")[1]
    assert [m.p_holm for m in (category, words, label)] == pytest.approx(adjusted)


def test_holm_equals_statsmodels_and_passes_over_what_is_undefined() -> None:
    p_values = [0.03, 0.01, math.nan, 0.04, 0.6]
    adjusted = multipletests([p for p in p_values if not math.isnan(p)], method="holm")[1]
    found = multiple.holm(p_values).tolist()
    assert math.isnan(found.pop(2))
    assert found == pytest.approx(adjusted)


def test_permutation_p_value_equals_fishers_where_there_are_two_values() -> None:
    labels, items, known = batch(26)
    found = gold.representativeness(labels, known, items=items, columns=["category"], n_resamples=40_000)[0]
    # 26 of 40 against 74 of 160. The total variation orders the tables of these margins by |26 - 20|, so its
    # p-value is the hypergeometric probability of 20 ± 6 and beyond.
    margin = scipy_stats.hypergeom(200, 100, 40)
    exact = float(margin.cdf(14) + margin.sf(25))
    assert found.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact / 40_000))
    support = np.arange(41)
    distance = np.abs(support / 40 - (100 - support) / 160)
    assert found.expected == pytest.approx(float(margin.pmf(support) @ distance), abs=0.002)


def test_context_in_the_labels_bands_and_ties() -> None:
    labels, items, known = batch(20)
    inside = labels.merge(items, on="item")
    assert gold.representativeness(inside, known) == gold.representativeness(labels, known, items=items)
    assert gold.representativeness(pl.from_pandas(inside), known) == gold.representativeness(inside, known)
    tied = label_table([("i1", "a", "A"), ("i1", "b", "B"), ("i2", "a", "A"), ("i2", "b", "A")])
    (only,) = gold.representativeness(tied, {"i2": "A"})
    assert [one.label for one in only.differences] == ["label: (no most frequent label)", "label: A"]
    bands = mix._bands(pd.Series([*range(1, 9), None]))
    # Quartiles of 1..8 are 2.75, 4.5, 6.25.
    assert list(bands) == [*["to 2.75"] * 2, *["over 2.75 to 4.5"] * 2, *["over 4.5 to 6.25"] * 2, "over 6.25",
                           "over 6.25", "(missing)"]  # fmt: skip


def test_without_other_items_there_is_nothing_to_compare() -> None:
    (only,) = gold.representativeness(pool(), POOL_KEY)
    assert math.isnan(only.total_variation.value)
    assert only.total_variation.reason == "no item beside gold in the table"
    assert math.isnan(only.p_holm)
    for name in ("item", "label"):
        with pytest.raises(TableError, match=r"are no context to compare"):
            gold.audit(pool(), POOL_KEY, columns=[name])
    with pytest.raises(TableError, match=r"no column \['topic'\]"):
        gold.representativeness(pool(), POOL_KEY, columns=["topic"])
    labels, items, known = batch(20)
    with pytest.raises(TableError, match="stands twice"):
        gold.representativeness(labels, known, items=pd.concat([items, items[:1]]))


def test_real_labels_with_planted_wrong_keys(data_dir: Path) -> None:
    # 108 images, 39 people each, many images hard: whoever errs at most 30 % elsewhere is the jury.
    folder = data_dir / "crowd_gold"
    labels = pd.read_csv(folder / "bluebirds_labels.csv").rename(columns={"worker": "annotator"})
    key = dict(pd.read_csv(folder / "bluebirds_gold.csv").itertuples(index=False, name=None))
    right = gold.audit(labels, key, n_resamples=20, threshold=0.3)
    hard = {one.item for one in right.suspects}
    planted = np.random.default_rng(0).choice(sorted(set(key) - hard), 8, replace=False).tolist()
    spoilt = gold.audit(
        labels, {item: 1 - known if item in planted else known for item, known in key.items()},
        n_resamples=20, threshold=0.3,
    )  # fmt: skip
    assert len(hard) < 0.15 * len(key)
    assert {one.item for one in spoilt.suspects} >= set(planted)
