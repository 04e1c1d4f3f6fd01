"""The coefficients on real labels give the numbers their authors published."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from workbench import importers
from workbench.stats import agreement
from workbench.tasks import label_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


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
