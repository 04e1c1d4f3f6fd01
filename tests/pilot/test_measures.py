"""A pilot's gold, annotators, consensus and systems: what is shown is what the statistics say of its labels."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.pilot import small
from workbench.errors import PilotError, TableError
from workbench.pilot import Pilot, open_pilot, show
from workbench.pilot.bring_in import import_into
from workbench.stats import aggregation, agreement, annotators, gold

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """A copy of the shipped pilot; six simulated annotators with known faults."""
    folder = tmp_path_factory.mktemp("pilots")
    ignored = shutil.ignore_patterns("*.sqlite*", "runs", "report", "preferences")
    shutil.copytree(ROOT / "guidelines", folder / "guidelines")
    name = "instruction-following-smollm2"
    shutil.copytree(ROOT / "pilots" / name, folder / "pilots" / name, ignore=ignored)
    return open_pilot(folder / "pilots" / name)


def test_gold_decides_by_the_answers_in_their_order(shipped: Pilot) -> None:
    found = shipped.gold(acceptable=0.05, unacceptable=0.3)
    labels = shipped.labels()
    asked = labels[labels["is_gold"] & ~labels["is_repeat"]].sort_values("submitted_at")
    keys = {item.id: item.gold.answer["choice"] for item in shipped.items.values() if item.gold}
    careless = asked[asked["annotator"] == "s6"]
    right = [label == keys[item] for item, label in zip(careless["item"], careless["label"], strict=True)]
    alone = gold.sequential(right, acceptable=0.05, unacceptable=0.3)
    (test,) = [one for one in found.tests if one.label == "s6"]
    assert (test.right, test.decision, test.decided_at) == (alone.right, "fail", alone.decided_at)
    assert found.table().set_index("annotator").loc["s6", "decision"] == "fail"
    assert any("s6: FAIL" in line for line in found.lines())
    assert found.lines()[0].startswith("SIMULATED")
    # Only items that were asked as gold, though verifiers know more answers.
    assert {one.item for one in found.audit.items} == set(asked["item"]) < set(keys)
    assert found.figure() is not None
    with pytest.raises(PilotError, match="has no gold answers"):
        found.boundary("nobody")


def test_gold_defaults_to_the_pilots_threshold(shipped: Pilot) -> None:
    rule = shipped.gold().tests[0].rule
    assert rule.unacceptable == shipped.config.thresholds.gold_error == 0.15
    assert rule.acceptable == pytest.approx(0.05)


def test_gold_of_ratings_is_right_within_a_step(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "likert", task="likert", people=["ann"])
    with pytest.raises(PilotError, match="no labels yet"):
        pilot.gold()


def test_no_gold_says_where_gold_comes_from(tmp_path: Path) -> None:
    with pytest.raises(PilotError, match="no answer to a gold item yet"):
        votes(tmp_path).gold()


def test_a_page_is_that_of_the_statistics(shipped: Pilot) -> None:
    page = shipped.annotator("s5")
    labels = shipped.labels()
    side = annotators.side_bias(labels)
    (mine,) = [one for one in side.annotators if one.annotator == "s5"]
    assert page.page.side is not None
    assert page.page.side.p_left.value == mine.p_left.value
    assert any("chose the left response" in line for line in page.lines())
    assert "p left" in set(page.table()["what"])
    assert page.page.gold_error is not None
    assert page.page.gold_error.n_labels == 12
    assert page.figure() is not None
    assert page.drift("pace", "decades").layout.annotations
    quality = shipped.quality()
    assert any(line.startswith("s5: chose the left response") for line in quality.lines())
    assert set(quality.pages) == {f"s{k}" for k in range(1, 7)}
    with pytest.raises(TableError, match="no annotator 'zoe'"):
        shipped.annotator("zoe")


def test_leaving_somebody_out_is_looked_at_and_not_done(shipped: Pilot) -> None:
    before = len(shipped.labels())
    found = shipped.without("s6")
    assert found.impact.excluded == ("s6",)
    assert "no evidence of better labels" in "\n".join(found.lines())
    table = found.table().set_index("what")
    assert str(table.loc["alpha", "after"]) > str(table.loc["alpha", "before"])
    assert any(what.startswith("category ") for what in table.index)
    assert len(shipped.labels()) == before


def test_consensus_is_that_of_the_model(shipped: Pilot) -> None:
    found = shipped.consensus()
    fitted = aggregation.dawid_skene(shipped.labels(), smoothing=0.5)
    pd.testing.assert_frame_equal(found.result.items, fitted.items)
    voted = aggregation.majority(shipped.labels()).set_index("item")["consensus_label"].dropna()
    merged = fitted.items.set_index("item")["consensus_label"].reindex(voted.index)
    assert found.changed == int((voted != merged).sum())
    # The careless one is known as such.
    assert found.table()["annotator"].iloc[-1] == "s6"
    assert found.items()["consensus_quality_score"].is_monotonic_increasing
    assert len(found.models()) == 9
    assert found.flip_rate.defined
    assert found.figure().data
    assert found.confusion("s1", "s6").data
    assert shipped.consensus("glad").model == "glad"
    with pytest.raises(PilotError, match="no model 'best'"):
        shipped.consensus("best")  # type: ignore[arg-type]


def votes(tmp_path: Path) -> Pilot:
    """Votes between three models: x beats y beats z, mostly."""
    rows = []
    for k in range(60):
        a, b = [("x", "y"), ("y", "z"), ("x", "z")][k % 3]
        rows += [
            {
                "item": f"i{k}",
                "annotator": who,
                "label": "B" if (k + n) % 5 == 0 else "A",
                "prompt": f"Prompt {k // 2}",
                "response_a": f"answer {a} {k}",
                "response_b": f"answer of {b} {k}",
                "model_a": a,
                "model_b": b,
            }
            for n, who in enumerate(("ann", "bea"))
        ]
    path = tmp_path / "votes.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    import_into(tmp_path / "votes", path)
    return open_pilot(tmp_path / "votes")


def test_models_are_ranked_where_there_are_several(shipped: Pilot, tmp_path: Path) -> None:
    with pytest.raises(PilotError, match="all responses are of one model"):
        shipped.systems()
    found = votes(tmp_path).systems(n_resamples=200)
    assert [one.system for one in found.ranking.systems] == ["x", "y", "z"]
    assert "30 values of prompt_id" in found.ranking.method
    assert found.ranking.method.startswith("Bradley-Terry")
    assert found.lines()[0].startswith("1. x ")
    assert found.figure().data
    assert found.win_rates().data
    styled = votes(tmp_path).systems("bradley_terry", style=["words"], n_resamples=100)
    assert len(styled.ranking.style) == 1
    with pytest.raises(PilotError, match="no model 'elo'"):
        votes(tmp_path).systems("elo")  # type: ignore[arg-type]


def test_a_cell_says_in_a_line_what_cannot_be_shown(shipped: Pilot, capsys: pytest.CaptureFixture[str]) -> None:
    show(shipped.systems)
    assert capsys.readouterr().out.startswith("all responses are of one model, so there is nothing to rank -> compare")
    with pytest.raises(ZeroDivisionError):  # a defect is not hidden
        show(lambda: 1 // 0)


def test_groups_of_judges_are_compared(shipped: Pilot, data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(PilotError, match="no two groups of 5 annotators or more"):
        shipped.pools()
    import_into(tmp_path / "mtbench", data_dir / "mtbench_turn1", shape="mtbench")
    pilot = open_pilot(tmp_path / "mtbench")
    found = pilot.pools(n_resamples=200)
    labels = pilot.labels()
    within = agreement.percent_agreement(labels[labels["pool"] == "expert"], n_resamples=0)
    assert found.agreement.within["expert"].value == pytest.approx(within.value)
    table = found.table().set_index("what")
    assert {"alpha within author", "alpha within expert", "equal pairs between author and expert"} <= set(table.index)
    assert "by shuffling people" in found.lines()[0]
    assert found.figure().data
    assert found.differences().data
