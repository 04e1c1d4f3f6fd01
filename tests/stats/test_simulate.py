"""Simulated annotators show the faults they were given."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from math import exp
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from workbench.economics import cost
from workbench.errors import TableError
from workbench.stats import agreement, simulate
from workbench.stats.simulate import Simulated, SimulatedAnnotator, pairwise
from workbench.tasks.answers import PairwiseAnswer


def batch(n: int, annotator: str, *, gap: float = 1.0, words_a: int = 50, words_b: int = 50) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "item": [f"i{k}" for k in range(n)],
            "annotator": annotator,
            "left": np.where(np.arange(n) % 2 == 0, "A", "B"),
            "quality_a": gap,
            "quality_b": 0.0,
            "words_a": words_a,
            "words_b": words_b,
        }
    )


def share(result: pd.DataFrame, label: str) -> float:
    return float((result["label"] == label).mean())


def test_skill_is_the_logistic_chance_of_the_better_one() -> None:
    # P(A) = 1 / (1 + exp(-skill * gap)) = 1 / (1 + e^-2) = .881 without ties.
    result = pairwise(batch(20_000, "s"), [SimulatedAnnotator("s", skill=2, tie_threshold=0)], seed=1)
    assert share(result, "A") == pytest.approx(0.881, abs=0.01)
    assert share(result, "tie") == 0


def test_tie_threshold_makes_ties() -> None:
    # Without skill the felt advantage is logistic noise: P(|noise| < 1) = 2 / (1 + e^-1) - 1 = .462.
    result = pairwise(batch(20_000, "s"), [SimulatedAnnotator("s", skill=0, tie_threshold=1)], seed=1)
    assert share(result, "tie") == pytest.approx(0.462, abs=0.01)


def test_side_bias_prefers_the_left() -> None:
    frame = batch(20_000, "s", gap=0)
    result = pairwise(frame, [SimulatedAnnotator("s", skill=1, tie_threshold=0, side_bias=1)], seed=2)
    assert float((result["label"] == frame["left"]).mean()) == pytest.approx(0.731, abs=0.01)


def test_length_bias_prefers_the_longer() -> None:
    frame = batch(20_000, "s", gap=0, words_a=100, words_b=50)
    result = pairwise(frame, [SimulatedAnnotator("s", skill=1, tie_threshold=0, length_bias=1)], seed=3)
    # log 2 = .693: P(A) = 2 / 3.
    assert share(result, "A") == pytest.approx(2 / 3, abs=0.01)


def test_carelessness_is_a_third_each_and_quick() -> None:
    result = pairwise(batch(9_000, "s", gap=5), [SimulatedAnnotator("s", skill=9, carelessness=1)], seed=4)
    assert [share(result, label) for label in ("A", "B", "tie")] == pytest.approx([1 / 3] * 3, abs=0.02)
    assert result["duration_s"].median() < 5


def test_same_seed_same_labels() -> None:
    who = [SimulatedAnnotator("s", skill=1)]
    assert pairwise(batch(50, "s"), who, seed=5).equals(pairwise(batch(50, "s"), who, seed=5))
    assert not pairwise(batch(50, "s"), who, seed=5).equals(pairwise(batch(50, "s"), who, seed=6))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"quality_a": np.nan}, "quality_a must be finite numbers"),
        ({"quality_b": "good"}, "quality_b must be numbers"),
        ({"words_a": np.nan}, "words_a must be finite numbers"),
        ({"words_b": -5}, "words_b must be 0 or more"),
        ({"left": "X"}, "left must be A or B, got 'X'"),
        ({"left": None}, "left must be A or B"),
        ({"annotator": None}, "no item or no annotator"),
        ({"item": np.nan}, "no item or no annotator"),
    ],
)
def test_assignments_that_say_nothing_are_no_answer_b(change: dict[str, Any], said: str) -> None:
    with pytest.raises(TableError, match=said):
        pairwise(batch(4, "s").assign(**change), [SimulatedAnnotator("s", skill=1)])


@pytest.mark.parametrize("name", ["skill", "length_bias", "side_bias", "skill_drift", "fatigue", "both_bad_below"])
def test_descriptions_without_numbers_are_refused(name: str) -> None:
    for number in (math.nan, math.inf, "much"):
        one = SimulatedAnnotator(**{"id": "s", "skill": 1, name: number})  # type: ignore[arg-type]
        with pytest.raises(TableError, match=f"{name} of s must be a finite number"):
            pairwise(batch(4, "s"), [one])
    with pytest.raises(TableError, match="tie_threshold of s must be 0 or more"):
        pairwise(batch(4, "s"), [SimulatedAnnotator("s", skill=1, tie_threshold=-1)])
    with pytest.raises(TableError, match="different names"):
        pairwise(batch(4, "s"), [SimulatedAnnotator("s", skill=1), SimulatedAnnotator("s", skill=2)])


def test_impossible_sizes_and_seeds_are_refused_in_words() -> None:
    one = [SimulatedAnnotator("s", skill=1)]
    options: list[dict[str, Any]] = [
        {"words": -500}, {"words": 0}, {"words": math.nan}, {"gap": math.nan}, {"qualities": ()},
        {"qualities": "quality"}, {"qualities": ("q", "q")}, {"per_prompt": 1.5}, {"overlap": 1.5},
        {"seed": -1}, {"seed": 1.5},
    ]  # fmt: skip
    for asked in options:
        with pytest.raises(ValueError, match="must be"):
            simulate.preferences(4, one, **{"overlap": 1, **asked})

    def batch_of(n: int, seed: int) -> Any:
        return simulate.categorical_codes(n, 3, seed=seed)

    def value_of(labels: Any) -> Any:
        return agreement.percent_agreement(labels, n_resamples=0)

    for call in (
        lambda: simulate.categorical(4, 3, words=-1),
        lambda: simulate.ordinal(4, 3, words=math.inf),
        lambda: simulate.categorical(4.5, 3),  # type: ignore[arg-type]
        lambda: simulate.categorical(4, 3, seed=-1),
        lambda: simulate.categorical(4, 2.5),  # type: ignore[arg-type]
        lambda: simulate.ranking(4, 3, responses=2.5),  # type: ignore[arg-type]
        lambda: simulate.superpopulation(batch_of, value_of, blocks=2.5),  # type: ignore[arg-type]
        lambda: pairwise(batch(4, "s"), one, seed=-1),
    ):
        with pytest.raises(ValueError, match="must be"):
            call()


def test_numbers_of_numpy_and_other_frames_do_as_well() -> None:
    plain = simulate.categorical(20, 4, overlap=2, seed=3)
    same = simulate.categorical(np.int64(20), np.int64(4), overlap=np.int64(2), seed=np.int64(3))  # type: ignore[arg-type]
    assert same.labels.equals(plain.labels)
    assert len(simulate.ordinal(9, 4, overlap=(np.int64(1), np.int64(2))).labels) >= 9  # type: ignore[arg-type]
    asked, who = batch(30, "s"), [SimulatedAnnotator("s", skill=1)]
    assert pairwise(pl.from_pandas(asked), who).equals(pairwise(asked, who))
    assert pairwise(asked.set_index(asked.index[::-1]), who).equals(pairwise(asked, who))


def test_classes_that_are_no_text_are_refused() -> None:
    with pytest.raises(TableError, match="classes need names"):
        simulate.multi_label(4, 3, prevalence={1: 0.5, "b": 0.5})  # type: ignore[dict-item]


def test_wrong_gold_is_never_the_truth_by_another_name() -> None:
    made = simulate.categorical(50, 3, prevalence={"x": 0.5, "y": 0.5})
    with pytest.raises(TableError, match="categories must be distinct"):
        simulate.gold_answers(made, error=1, categories=["x", "y", "x"])
    found = simulate.gold_answers(made, share=1, error=1, categories=["x", "y", "z"])
    assert (found["gold"] != found["truth"]).all()


def test_strangers_are_refused() -> None:
    with pytest.raises(TableError, match=r"no simulated annotator \['x'\]"):
        pairwise(batch(2, "x"), [SimulatedAnnotator("s", skill=1)])


# ---- pairs: what was added later --------------------------------------------------------------------------------


def chosen_left(frame: pd.DataFrame, result: pd.DataFrame) -> pd.Series[bool]:
    return result["label"] == frame["left"]


def test_the_first_version_s_answers_come_out_unchanged() -> None:
    # The digest is of what the first version wrote for these rows; the shipped pilot's labels rest on the same draws.
    rng = np.random.default_rng(0)
    n = 4_000
    rows = pd.DataFrame(
        {
            "item": [f"i{k}" for k in range(n)],
            "annotator": rng.choice(["x", "y", "z"], n),
            "left": rng.choice(["A", "B"], n),
            "quality_a": rng.normal(size=n),
            "quality_b": rng.normal(size=n),
            "words_a": rng.integers(1, 200, n),
            "words_b": rng.integers(1, 200, n),
        }
    )
    who = [
        SimulatedAnnotator("x", 1.3, 0.5, 0.2, 0.1, 0.05),
        SimulatedAnnotator("y", 3, 0.0, -0.2, 0.0, 0.2),
        SimulatedAnnotator("z", 0.2, 1.0),
    ]
    assert hashlib.sha256(pairwise(rows, who, seed=4).to_csv().encode()).hexdigest().startswith("ea6725bea3cd5499")


def test_a_new_fault_of_one_leaves_the_answers_of_the_others() -> None:
    rows = pd.concat([batch(300, "s"), batch(300, "t")], ignore_index=True)
    plain = pairwise(rows, [SimulatedAnnotator("s", 1), SimulatedAnnotator("t", 1)], seed=1)
    faults: list[dict[str, Any]] = [
        {"skill_drift": 3},
        {"side_drift": 3},
        {"fatigue": 1},
        {"spam": "alternating"},
        {"copies": "s", "copy_share": 0.5},
        {"both_bad_below": 2},
    ]
    for fault in faults:
        changed = pairwise(rows, [SimulatedAnnotator("s", 1), SimulatedAnnotator("t", 1, **fault)], seed=1)
        assert changed[:300].equals(plain[:300]), fault
        assert not changed[300:].equals(plain[300:]), fault


def test_skill_and_side_drift_over_the_sequence() -> None:
    # Progress runs from 0 to 1, so the last tenth has 95 % of the drift: skill 1.9, P(A) = 1 / (1 + e^-1.9) = .870.
    result = pairwise(batch(60_000, "s"), [SimulatedAnnotator("s", skill=0, skill_drift=2, tie_threshold=0)], seed=1)
    assert share(result[:6_000], "A") == pytest.approx(1 / (1 + exp(-0.1)), abs=0.02)
    assert share(result[-6_000:], "A") == pytest.approx(1 / (1 + exp(-1.9)), abs=0.02)
    frame = batch(60_000, "s", gap=0)
    sides = chosen_left(
        frame, pairwise(frame, [SimulatedAnnotator("s", skill=1, side_drift=2, tie_threshold=0)], seed=2)
    )
    assert float(sides[:6_000].mean()) == pytest.approx(1 / (1 + exp(-0.1)), abs=0.02)
    assert float(sides[-6_000:].mean()) == pytest.approx(1 / (1 + exp(-1.9)), abs=0.02)


def test_fatigue_makes_the_end_careless_and_quick() -> None:
    result = pairwise(batch(30_000, "s", gap=9), [SimulatedAnnotator("s", skill=9, fatigue=1)], seed=3)
    # Nearly all of the last tenth is blind (95 %): A with a third of that and the 5 % who look.
    assert share(result[:3_000], "A") == pytest.approx(1 - 0.05 * 2 / 3, abs=0.02)
    assert share(result[-3_000:], "A") == pytest.approx(1 - 0.95 * 2 / 3, abs=0.03)
    assert result["duration_s"][-3_000:].median() < 5 < 20 < result["duration_s"][:3_000].median()


def test_each_kind_of_spam() -> None:
    frame = batch(900, "s", gap=5)
    said = {
        kind: pairwise(frame, [SimulatedAnnotator("s", skill=9, spam=kind)], seed=4)
        for kind in ("constant", "alternating", "random")
    }
    assert chosen_left(frame, said["constant"]).all()
    # Left, right, left ... while the better response changes sides too: always the same letter here.
    assert chosen_left(frame, said["alternating"]).tolist() == [k % 2 == 0 for k in range(900)]
    assert [share(said["random"], label) for label in ("A", "B", "tie")] == pytest.approx([1 / 3] * 3, abs=0.06)
    assert all(result["duration_s"].median() < 5 for result in said.values())
    both = pd.concat([batch(900, "t", gap=0), frame.assign(quality_a=0)], ignore_index=True)
    copied = pairwise(both, [SimulatedAnnotator("t", 1), SimulatedAnnotator("s", 9, spam="copy", copies="t")])
    assert copied["label"][:900].tolist() == copied["label"][900:].tolist()


def test_collusion_shows_as_agreement_beyond_that_of_the_others() -> None:
    # t takes over 60 % of s; on the rest, and with u, two answers of equal items without quality agree by chance.
    rows = pd.concat([batch(9_000, name, gap=0) for name in "stu"], ignore_index=True)
    who = [
        SimulatedAnnotator("s", 1, tie_threshold=0),
        SimulatedAnnotator("t", 1, tie_threshold=0, copies="s", copy_share=0.6),
        SimulatedAnnotator("u", 1, tie_threshold=0),
    ]
    table = agreement.pairwise_kappa(pairwise(rows, who, seed=5), n_resamples=0).table.set_index(["a", "b"])
    assert table["agreement"].round(2).tolist() == pytest.approx([0.8, 0.5, 0.5], abs=0.02)
    assert table["kappa"].loc["s", "t"] == pytest.approx(0.6, abs=0.03)


def test_groups_value_different_qualities() -> None:
    rows = pd.concat([batch(5_000, "s", gap=1), batch(5_000, "t", gap=1)], ignore_index=True)
    rows["safety_a"], rows["safety_b"] = 0.0, 1.0
    who = [SimulatedAnnotator("s", 3, 0), SimulatedAnnotator("t", 3, 0, values="safety")]
    result = pairwise(rows, who, seed=6)
    assert share(result[:5_000], "A") == pytest.approx(1 / (1 + exp(-3)), abs=0.01)
    assert share(result[5_000:], "B") == pytest.approx(1 / (1 + exp(-3)), abs=0.01)
    with pytest.raises(TableError, match="missing columns"):
        pairwise(rows.drop(columns="safety_b"), who)


def test_strength_agrees_with_the_choice_and_grows_with_the_gap() -> None:
    rows = batch(2_000, "s", gap=1)
    weak, strong = (
        pairwise(rows.assign(quality_a=gap), [SimulatedAnnotator("s", 2)], strength=True, seed=7) for gap in (0.2, 3)
    )
    for row in weak.drop_duplicates(["label", "strength"]).to_dict("records"):
        PairwiseAnswer.parse({"choice": row["label"], "strength": row["strength"]})  # refuses what does not agree
    assert set(weak["strength"]) == {-3, -2, -1, 0, 1, 2, 3}
    # Felt advantage 6 and threshold .5: beyond the last step (3.5) with chance 1 / (1 + e^-2.5) = .924.
    assert float((strong["strength"] == -3).mean()) == pytest.approx(0.924, abs=0.02)


def test_both_bad_where_even_the_better_one_is_bad() -> None:
    # The better quality is 1; below 2 with skill 1: P(1 - 2 + noise < 0) = 1 / (1 + e^-1) = .731.
    result = pairwise(batch(9_000, "s"), [SimulatedAnnotator("s", 1, both_bad_below=2)], strength=True, seed=8)
    assert share(result, "both_bad") == pytest.approx(0.731, abs=0.015)
    assert set(result["strength"][result["label"] == "both_bad"]) == {0}


def test_descriptions_that_make_no_sense_are_refused() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"spam": "sometimes"}, "no spam"),
        ({"carelessness": 1.5}, "between 0 and 1"),
        ({"copies": "t"}, "copy_share"),
        ({"copy_share": 0.5}, "copy_share"),
        ({"copies": "t", "copy_share": 0.5}, "copies 't'"),
        ({"copies": "s", "copy_share": 0.5}, "copies 's'"),
    ]
    for fault, message in cases:
        with pytest.raises(TableError, match=message):
            pairwise(batch(2, "s"), [SimulatedAnnotator("s", 1, **fault)])


def test_preferences_are_a_label_table_with_its_truth() -> None:
    who = [SimulatedAnnotator("s", 2), SimulatedAnnotator("t", 2, side_bias=1), SimulatedAnnotator("u", 0)]
    made = simulate.preferences(2_000, who, overlap=2, repeats=0.1, strength=True, seed=9)
    labels = made.labels[~made.labels["is_repeat"]].merge(made.truth, on="item")
    decided = labels[labels["label"] != "tie"]
    right = (decided["label"] == decided["truth"]).groupby(decided["annotator"]).mean()
    assert right["s"] > right["t"] > 0.65
    assert right["u"] == pytest.approx(0.5, abs=0.05)
    left = (decided["label"] == decided["left"]).groupby(decided["annotator"]).mean()
    assert left["t"] > 0.6 > 0.55 > left["s"] > 0.45
    assert made.labels.groupby("annotator")["left"].value_counts(normalize=True).round(2).eq(0.5).all()


# ---- classes ----------------------------------------------------------------------------------------------------


def test_confusion_matrices_are_recovered() -> None:
    matrices = {
        "one": [[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.3, 0.7]],
        "two": [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.3, 0.3, 0.4]],
    }
    made = simulate.categorical(
        30_000,
        ["one", "two"],
        confusion=matrices,
        prevalence={"x": 0.5, "y": 0.3, "z": 0.2},
        design="complete",
        seed=1,
    )
    both = made.labels.merge(made.truth, on="item")
    for name, matrix in matrices.items():
        mine = both[both["annotator"] == name]
        counted = pd.crosstab(mine["truth"], mine["label"], normalize="index").to_numpy()
        assert counted == pytest.approx(np.asarray(matrix), abs=0.02)
    assert made.truth["truth"].value_counts(normalize=True).to_dict() == pytest.approx(
        {"x": 0.5, "y": 0.3, "z": 0.2}, abs=0.01
    )
    # .5 x .5 + .3 x 1 + .2 x .4 = .63
    assert made.people["accuracy"].tolist() == pytest.approx([0.5 * 0.9 + 0.3 * 0.7 + 0.2 * 0.7, 0.63])


def test_designs_say_who_labels_how_much() -> None:
    complete = simulate.categorical(100, 4, design="complete").labels
    assert complete.groupby("item").size().eq(4).all()
    partial = simulate.categorical(3_000, 6, overlap=(1, 3), seed=2).labels
    assert partial.groupby("item").size().value_counts(normalize=True).to_dict() == pytest.approx(
        {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}, abs=0.03
    )
    assert partial["annotator"].value_counts(normalize=True).tolist() == pytest.approx([1 / 6] * 6, abs=0.02)
    unequal = simulate.categorical(6_000, 6, overlap=1, design="unequal", seed=2)
    # Shares 1, 1/2 ... 1/6 of their sum, 2.45.
    want = (unequal.people["volume"] / 2.45).tolist()
    assert unequal.labels["annotator"].value_counts(normalize=True).sort_index().tolist() == pytest.approx(
        want, abs=0.02
    )


def test_hard_prompts_are_answered_by_prevalence() -> None:
    made = simulate.categorical(20_000, 3, confusion=1.0, prevalence=(0.7, 0.3), hard=0.25, per_prompt=4, seed=3)
    both = made.labels.merge(made.truth, on="item")
    right = (both["label"] == both["truth"]).groupby(both["hard"]).mean()
    assert right[False] == 1
    assert right[True] == pytest.approx(0.7**2 + 0.3**2, abs=0.02)
    assert made.truth.groupby("prompt_id")["hard"].nunique().eq(1).all()
    assert float(made.truth["hard"].mean()) == pytest.approx(0.25, abs=0.02)


def test_repeats_are_a_second_row_after_all_else() -> None:
    labels = simulate.categorical(400, 4, repeats=0.2, seed=4).labels
    repeats = labels[labels["is_repeat"]]
    assert len(repeats) == pytest.approx(240, abs=45)
    assert not labels[~labels["is_repeat"]].duplicated(["item", "annotator"]).any()
    assert labels.groupby("annotator")["position"].apply(lambda p: sorted(p) == list(range(1, len(p) + 1))).all()
    last = labels[~labels["is_repeat"]].groupby("annotator")["position"].max()
    assert (repeats.groupby("annotator")["position"].min() > last).all()
    assert set(labels["source"]) == {"simulated"}
    ordered = labels.sort_values(["annotator", "position"])
    assert ordered.groupby("annotator")["submitted_at"].apply(lambda t: t.is_monotonic_increasing).all()


def test_codes_are_the_labels_of_the_table() -> None:
    options: dict[str, Any] = {"overlap": (1, 3), "design": "unequal", "per_prompt": 5, "seed": 5}
    for table, codes in (
        (simulate.categorical(200, 6, hard=0.2, **options), simulate.categorical_codes(200, 6, hard=0.2, **options)),
        (simulate.ordinal(200, 6, **options), simulate.ordinal_codes(200, 6, **options)),
    ):
        coded = table.coded("prompt_id")
        assert coded.categories == codes.categories
        for name in ("item", "annotator", "value", "cluster"):
            assert np.array_equal(getattr(coded, name), getattr(codes, name)), name


def test_sets_of_classes() -> None:
    made = simulate.multi_label(
        20_000,
        2,
        prevalence={"b": 0.5, "a": 0.2},
        hit=[1.0, 0.8],
        false_alarm=[0.0, 0.1],
        none="none",
        seed=6,
        overlap=2,
    )
    both = made.labels.merge(made.truth, on="item")
    first, second = (both[both["annotator"] == name] for name in ("sim01", "sim02"))
    assert (first["label"] == first["truth"]).all()
    assert set(both["label"]) == {"none", "a", "b", "a|b"}
    has_b, says_b = (second[column].str.contains("b") for column in ("truth", "label"))
    assert float(says_b[has_b].mean()) == pytest.approx(0.8, abs=0.02)
    assert float(says_b[~has_b].mean()) == pytest.approx(0.1, abs=0.02)
    assert agreement.set_alpha(made.labels, n_resamples=0).value > 0.4


# ---- scales -----------------------------------------------------------------------------------------------------


def test_leniency_spread_and_noise_show_in_ratings() -> None:
    made = simulate.ordinal(
        20_000,
        ["plain", "lenient", "narrow", "noisy"],
        leniency=[0, 1, 0, 0],
        spread=[1, 1, 0.3, 1],
        noise=[0, 0, 0, 2],
        design="complete",
        seed=7,
    )
    table = made.labels.pivot(index="item", columns="annotator", values="label")
    truth = made.truth.set_index("item")["truth"]
    assert (table["plain"] == truth).all()
    # Leniency of one threshold step moves every rating up by one, to the end of the scale; 1 has no lower end.
    inner = truth > 1
    assert (table["lenient"][inner] == np.minimum(truth + 1, 5)[inner]).all()
    assert table["narrow"].std() < 0.5 * table["plain"].std()
    # Correlation of quality with quality + noise is 1 / sqrt(1 + 4) = .447; cutting into five takes a little.
    assert table["noisy"].corr(made.truth.set_index("item")["quality"]) == pytest.approx(0.447, abs=0.04)
    # Shares of the five ratings: Phi(-1.5) = .067, Phi(-.5) - Phi(-1.5) = .242, .383 and the same again.
    assert truth.value_counts(normalize=True).sort_index().tolist() == pytest.approx(
        [0.067, 0.242, 0.383, 0.242, 0.067], abs=0.01
    )


def test_prompts_share_quality() -> None:
    truth = simulate.ordinal(40_000, 2, overlap=1, per_prompt=4, prompt_share=0.5, seed=8).truth
    by_prompt = truth.groupby("prompt_id")["quality"]
    # Variance of a prompt's mean of four: .5 + .5 / 4 = .625.
    assert float(by_prompt.mean().var()) == pytest.approx(0.625, abs=0.03)
    assert float(truth["quality"].var()) == pytest.approx(1, abs=0.03)


def test_rankings_are_plackett_luce() -> None:
    made = simulate.ranking(3_000, 4, responses=3, skill=1.5, design="complete", seed=9)
    both = made.labels.merge(made.truth, on="item")
    strength = np.exp(1.5 * both[["quality_a", "quality_b", "quality_c"]].to_numpy())
    a, b, c = strength.T
    # P(A>B>C) = a / (a + b + c) x b / (b + c)
    want = float((a / (a + b + c) * b / (b + c)).mean())
    assert float((both["label"] == "A>B>C").mean()) == pytest.approx(want, abs=0.01)
    first = both["label"].str[0]
    assert float(((first == "A") - a / (a + b + c)).mean()) == pytest.approx(0, abs=0.01)
    assert not both["label"].str.contains("=").any()


def test_rankings_tie_where_the_felt_gap_is_small() -> None:
    made = simulate.ranking(5_000, 1, responses=2, skill=0, tie_threshold=1, overlap=1, seed=10)
    # The difference of two Gumbel draws is logistic: P(|d| < 1) = .462.
    shares = Counter(made.labels["label"])
    assert shares["A=B"] / 5_000 == pytest.approx(0.462, abs=0.02)
    assert set(shares) == {"A=B", "A>B", "B>A"}
    assert set(simulate.ranking(20, 1, responses=3, tie_threshold=99, overlap=1).labels["label"]) == {"A=B=C"}


# ---- gold, time, truth ------------------------------------------------------------------------------------------


def test_gold_has_the_stated_error() -> None:
    made = simulate.categorical(20_000, 2, prevalence=(0.5, 0.3, 0.2), overlap=1, seed=11)
    gold = simulate.gold_answers(made, share=0.5, error=0.1, seed=1)
    assert len(gold) == 10_000
    assert float(gold["is_wrong"].mean()) == pytest.approx(0.1, abs=0.01)
    assert ((gold["gold"] != gold["truth"]) == gold["is_wrong"]).all()
    assert gold["truth"].tolist() == made.truth.set_index("item")["truth"].loc[gold["item"]].tolist()
    assert gold["item"].is_monotonic_increasing
    with pytest.raises(TableError, match="two or more categories"):
        simulate.gold_answers(simulate.ranking(10, 3), error=0.1)


def test_one_reading_pace_in_the_whole_workbench() -> None:
    assert simulate.WORDS_PER_MINUTE == cost.WORDS_PER_MINUTE
    seconds = simulate.categorical(5_000, 3, words=238, overlap=1).labels["duration_s"]
    # 4 s and a minute, half of them longer.
    assert float(seconds.median()) == pytest.approx(64, rel=0.05)


MAKERS: dict[str, Any] = {
    "categorical": lambda seed: simulate.categorical(60, 4, seed=seed),
    "ordinal": lambda seed: simulate.ordinal(60, 4, seed=seed),
    "ranking": lambda seed: simulate.ranking(60, 4, seed=seed),
    "multi_label": lambda seed: simulate.multi_label(60, 4, prevalence={"a": 0.5}, seed=seed),
    "preferences": lambda seed: simulate.preferences(
        60, [SimulatedAnnotator(one, 1) for one in "stu"], overlap=2, seed=seed
    ),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_seeds_reproduce(make: Any) -> None:
    one, same, other = make(1), make(1), make(2)
    assert isinstance(one, Simulated)
    for name in ("labels", "truth", "people"):
        assert getattr(one, name).equals(getattr(same, name)), name
    assert not one.labels["label"].equals(other.labels["label"])
    assert not one.labels["duration_s"].equals(other.labels["duration_s"])


def test_streams_are_independent_of_each_other_and_of_the_bare_seed() -> None:
    names = ["labels", "truth", "pace", "who labels what", "copying"]
    draws = np.stack(
        [np.random.default_rng(3).random(20_000), *(simulate.drawing.stream(3, name).random(20_000) for name in names)]
    )
    apart = np.corrcoef(draws)[~np.eye(len(draws), dtype=bool)]
    assert np.abs(apart).max() < 0.03
    # More confusion changes labels only: truth, who labels what and times stay.
    one, other = (simulate.categorical(200, 5, confusion=c, seed=1) for c in (0.9, 0.6))
    assert one.truth.equals(other.truth)
    assert one.labels.drop(columns="label").equals(other.labels.drop(columns="label"))


def test_the_true_value_is_that_of_the_population() -> None:
    # Two classes at .5, both right with .9: agreement .82, chance .5, alpha (.82 - .5) / .5 = .64.
    true = simulate.superpopulation(
        lambda n, seed: simulate.categorical_codes(n, 5, confusion=0.9, seed=seed),
        lambda labels: agreement.krippendorff_alpha(labels, n_resamples=0),
        n_items=20_000,
    )
    assert true.value == pytest.approx(0.64, abs=4 * true.standard_error)
    assert 0.0005 < true.standard_error < 0.003
    assert true.n_items == 200_000
    with pytest.raises(ValueError, match="blocks"):
        simulate.superpopulation(lambda n, seed: simulate.categorical_codes(n, 5), agreement.gwet_ac1, blocks=1)


def test_bad_inputs_are_named_errors() -> None:
    cases: list[tuple[Any, str]] = [
        (lambda: simulate.categorical(10, 2, overlap=3), "cannot draw 3 to 3 of 2"),
        (lambda: simulate.categorical(0, 3), "0 items"),
        (lambda: simulate.categorical(10, 0), "one or more"),
        (lambda: simulate.categorical(10, ["a", "a", "b"]), "different names"),
        (lambda: simulate.categorical(10, 3, design="best"), "no design"),  # type: ignore[arg-type]
        (lambda: simulate.categorical(10, 3, prevalence=(0.5, 0.6)), "sum to 1"),
        (lambda: simulate.categorical(10, 3, prevalence=(1.0,)), "two or more"),
        (lambda: simulate.categorical(10, 3, confusion=1.2), "sum to 1"),
        (lambda: simulate.categorical(10, 3, confusion=[0.9, 0.8]), "one for each of the 3"),
        (lambda: simulate.categorical(10, 3, confusion=np.eye(3)), "has shape"),
        (lambda: simulate.categorical(10, ["a", "b", "c"], confusion={"a": np.eye(2)}), "no confusion matrix"),
        (lambda: simulate.categorical(10, 3, hard=2), "hard must lie"),
        (lambda: simulate.ordinal(10, 3, thresholds=(1, 1)), "rise"),
        (lambda: simulate.ordinal(10, 3, noise=-1), "noise 0 or more"),
        (lambda: simulate.ordinal(10, 3, spread=0), "spread must be above 0"),
        (lambda: simulate.ordinal(10, 3, leniency=float("nan")), "finite"),
        (lambda: simulate.ranking(10, 3, responses=9), "2 to 8"),
        (lambda: simulate.ranking(10, 3, tie_threshold=-1), "0 or more"),
        (lambda: simulate.multi_label(10, 3, prevalence={"a|b": 0.5}), "without"),
        (lambda: simulate.multi_label(10, 3, prevalence={"a": 0.5}, hit=1.5), "between 0 and 1"),
    ]
    for make, message in cases:
        with pytest.raises(TableError, match=message):
            make()
