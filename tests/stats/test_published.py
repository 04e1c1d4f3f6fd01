"""The coefficients on real labels give the numbers their authors published."""

from __future__ import annotations

import gzip
import json
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from workbench import importers
from workbench.stats import agreement
from workbench.tasks import label_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def pandalm(data_dir: Path) -> pd.DataFrame:
    """999 pairs x 3 annotators."""
    return label_table(importers.pandalm(data_dir / "pandalm").labels)


@pytest.fixture(scope="module")
def mtbench(data_dir: Path) -> pd.DataFrame:
    """1,689 votes of 65 judges, first turn."""
    return label_table(importers.mtbench(data_dir / "mtbench_turn1").labels)


def test_pandalm_kappas_and_alpha(pandalm: pd.DataFrame) -> None:
    names = sorted(pandalm["annotator"].unique())
    kappas = [agreement.cohen_kappa(pandalm, a, b, n_resamples=0).value for a, b in combinations(names, 2)]
    # Printed as .85, .88, .86; the fourth digits were recomputed from the same file.
    assert kappas == pytest.approx([0.8520, 0.8789, 0.8617], abs=5e-5)
    alpha = agreement.krippendorff_alpha(pandalm)
    assert alpha.value == pytest.approx(0.8642, abs=5e-5)
    assert agreement.fleiss_kappa(pandalm, n_resamples=0).value == pytest.approx(0.8642, abs=5e-5)
    assert (alpha.n_items, alpha.n_annotators, alpha.n_labels) == (999, 3, 2997)
    assert alpha.low < 0.8642 < alpha.high


def test_mtbench_human_agreement(mtbench: pd.DataFrame) -> None:
    # Zheng et al. (2023), table 5, first turn, experts: 63 % of 721 vote pairs with ties, 81 % of 479 without.
    experts = mtbench[mtbench["pool"] == "expert"]
    for votes, pairs, published in ((experts, 721, 0.63), (experts[experts["label"] != "tie"], 479, 0.81)):
        result = agreement.percent_agreement(votes)
        sizes = votes.groupby("item").size()
        assert int((sizes * (sizes - 1) // 2).sum()) == pairs
        assert result.value == pytest.approx(published, abs=0.005)
        assert result.low < published < result.high


def test_mtbench_alpha_with_and_without_the_double_vote(mtbench: pd.DataFrame) -> None:
    # One judge voted twice on one comparison. Counted as two judges it gives the recomputed .478; as the repeat it
    # is, it measures that judge and not the item, and the alpha is .477.
    assert int(mtbench["is_repeat"].sum()) == 1
    assert agreement.krippendorff_alpha(mtbench, n_resamples=0).value == pytest.approx(0.4767, abs=5e-5)
    doubled = mtbench.assign(
        annotator=mtbench["annotator"].where(~mtbench["is_repeat"], "the same judge again"), is_repeat=False
    )
    assert agreement.krippendorff_alpha(doubled, n_resamples=0).value == pytest.approx(0.478, abs=5e-4)


def test_both_orders_of_a_model_pair_are_one_item(mtbench: pd.DataFrame) -> None:
    assert mtbench["item"].nunique() == 910
    shown = mtbench.groupby("item")["left"].nunique()
    assert (shown == 2).sum() > 0


def test_gpt4_against_expert_votes(mtbench: pd.DataFrame, data_dir: Path) -> None:
    # Same table, first turn: GPT-4's pairwise verdicts equal an expert's vote in 66 % of 1,343 cases with ties (a
    # verdict that flips with the order counts as a tie) and in 85 % of 859 without.
    verdicts = pd.read_csv(data_dir / "mtbench_turn1/gpt4_pair_votes.csv")
    humans = pd.read_csv(data_dir / "mtbench_turn1/human_votes.csv")
    votes = pd.concat([verdicts, humans[humans["judge"].str.startswith("expert")]], ignore_index=True)
    swapped = votes["model_a"] > votes["model_b"]
    first = votes["model_a"].where(~swapped, votes["model_b"])
    second = votes["model_b"].where(~swapped, votes["model_a"])
    side = votes["winner"].map({"model_a": "A", "model_b": "B"}).fillna("tie")
    label = side.where(~swapped, side.map({"A": "B", "B": "A", "tie": "tie"}))
    item = votes["question_id"].astype(str) + " " + first + " " + second
    table = pd.DataFrame({"item": item, "annotator": votes["judge"], "label": label})
    model = table[table["annotator"] == "gpt4_pair"]
    for wanted, pairs, published in (({"A", "B", "tie"}, 1343, 0.66), ({"A", "B"}, 859, 0.85)):
        judged = model[model["label"].isin(wanted)].set_index("item")["label"]
        people = table[(table["annotator"] != "gpt4_pair") & table["label"].isin(wanted)]
        met = people[people["item"].isin(judged.index)]
        assert len(met) == pairs
        # Each vote as an item of its own with two annotators, so that people are not set against each other.
        rows = [
            (k, who, what)
            for k, (i, v) in enumerate(zip(met["item"], met["label"], strict=True))
            for who, what in (("gpt4", judged[i]), ("expert", v))
        ]
        found = agreement.percent_agreement(pd.DataFrame(rows, columns=["item", "annotator", "label"]), n_resamples=0)
        assert found.value == pytest.approx(published, abs=0.005)


def test_arguments_of_two_sides(data_dir: Path) -> None:
    rows, n_gold = [], 0
    with gzip.open(data_dir / "ukpconvarg/pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            item = f"{pair['topic']} {pair['pair_id']}"
            rows += [(item, one["worker"], one["value"]) for one in pair["assignments"]]
            n_gold += pair["gold"] is not None
    labels = pd.DataFrame(rows, columns=["item", "annotator", "label"])
    alpha = agreement.krippendorff_alpha(labels, n_resamples=500)
    assert n_gold == 16_081  # Habernal & Gurevych (2016)
    assert (alpha.n_labels, alpha.n_items, alpha.n_annotators) == (84_445, 16_927, 3_815)
    assert alpha.value == pytest.approx(0.2668, abs=5e-5)
    assert alpha.low < 0.2668 < alpha.high


def test_ratings_of_unsafe_conversations(data_dir: Path) -> None:
    wide = pd.read_csv(data_dir / "dices350/ratings_wide.csv.gz").rename(columns={"item_id": "item"})
    labels = wide.melt(id_vars="item", var_name="annotator", value_name="label")
    alpha = agreement.krippendorff_alpha(labels, n_resamples=200)
    assert (alpha.n_labels, alpha.n_annotators) == (43_050, 123)
    assert alpha.value == pytest.approx(0.1609, abs=5e-5)


def test_hate_by_country(data_dir: Path) -> None:
    raw = pd.read_csv(data_dir / "crehate/CREHate_raw_annotations.csv.gz")
    assert len(raw) == 42_546
    # 19 judgments are a second one of the same person; the published numbers keep the later.
    labels = raw[raw["annotation"] != 2].drop_duplicates(["ID", "annotator_id"], keep="last")
    table = pd.DataFrame(
        {"item": labels["ID"], "annotator": labels["annotator_id"].astype(str), "label": labels["annotation"]}
    ).assign(country=labels["nationality"])
    assert agreement.krippendorff_alpha(table, n_resamples=0).value == pytest.approx(0.373, abs=5e-4)
    by_country = agreement.by(table, "country", n_resamples=200)
    assert len(by_country) == 5
    assert sorted(round(one.value, 3) for one in by_country) == [0.344, 0.351, 0.408, 0.425, 0.462]


def test_factual_summaries(data_dir: Path) -> None:
    raw = pd.read_csv(data_dir / "xsum_hallucination/factuality_annotations_xsum_summaries.csv.gz")
    item = raw["bbcid"].astype(str) + " " + raw["system"]
    labels = pd.DataFrame({"item": item, "annotator": raw["worker_id"], "label": raw["is_factual"]})
    complete = labels.dropna().groupby("item")["label"].transform("size") == 3
    whole = labels.dropna()[complete]
    kappa = agreement.fleiss_kappa(whole)
    assert kappa.n_items == 1848
    assert kappa.value == pytest.approx(0.774, abs=5e-4)
    # Nine of ten say no, and still people tell summaries apart: here the coefficients do not part much.
    ac1 = agreement.gwet_ac1(whole)
    assert ac1.value > kappa.value
