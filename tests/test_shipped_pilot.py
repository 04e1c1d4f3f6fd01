"""The shipped pilot is what its README says: counts, sources, gold that is true, and labels that can be made again."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench import guidelines, verifiers
from workbench.pilot import open_pilot

if TYPE_CHECKING:
    from workbench.pilot import Pilot

ROOT = Path(__file__).parents[1]
NAME = "instruction-following-smollm2"
MADE = shutil.ignore_patterns("*.sqlite*", "runs", "report", "preferences", "rounds")


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """A copy, so that tests leave no store in the repository."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copytree(ROOT / "pilots" / NAME, folder / "pilots" / NAME, ignore=MADE)
    shutil.copytree(ROOT / "guidelines", folder / "guidelines")
    return open_pilot(folder / "pilots" / NAME)


def test_it_holds_what_it_says(pilot: Pilot) -> None:
    assert len(pilot.items) == 240
    assert len([prompt for prompt in pilot.prompts if prompt.split == "test"]) == 60
    assert len(Counter(item.category for item in pilot.items.values())) >= 8
    assert not guidelines.check(pilot.guideline)
    made = pilot.card().balance
    assert made is not None
    assert made.overlap == {3: 240}
    assert (made.n_gold, made.n_repeats) == (24, 36)
    assert set(made.per_annotator.values()) == {126}
    assert all(0.45 <= share <= 0.55 for share in made.a_left_share.values())


def test_every_label_is_marked_simulated_and_names_the_guideline(pilot: Pilot) -> None:
    labels = pilot.label_records()
    assert {label.source for label in labels} == {"simulated"}
    assert {label.guideline_sha256 for label in labels} == {pilot.guideline.sha256}
    assert len(labels) == 756


def test_responses_are_recorded_with_model_parameters_and_seed(pilot: Pilot) -> None:
    for item in pilot.items.values():
        first, second = item.responses
        assert first.text.strip() != second.text.strip()
        for response in item.responses:
            assert response.model == "smollm2-135m-instruct"
            assert response.model_sha256
            assert response.seed is not None
            assert {"temperature", "top_p", "max_new_tokens", "finish"} <= set(response.params)


def test_gold_is_true(pilot: Pilot) -> None:
    gold = {assignment.item for assignment in pilot.assignments() if assignment.is_gold}
    for name in gold:
        item = pilot.items[name]
        assert item.gold is not None
        better, worse = item.responses if item.gold.answer["choice"] == "A" else item.responses[::-1]
        passed, failed = (verifiers.check_all(item.constraints, r.text).passed_ids for r in (better, worse))
        assert failed < passed, "the gold answer satisfies all that the other does, and more"


def test_the_same_command_makes_the_same_bytes(pilot: Pilot, tmp_path: Path) -> None:
    shipped = (pilot.folder / "exports" / "events.jsonl").read_bytes()
    again = tmp_path / "pilots" / NAME
    shutil.copytree(pilot.folder, again, ignore=shutil.ignore_patterns("*.sqlite*", "exports", "preferences", "report"))
    shutil.copytree(ROOT / "guidelines", tmp_path / "guidelines")
    fresh = open_pilot(again)
    fresh.plan()
    fresh.simulate()
    assert fresh.export().read_bytes() == shipped


def test_the_simulated_faults_show_in_the_measures(pilot: Pilot) -> None:
    told = {one.annotator: one for one in pilot.quality().annotators}
    # s4 calls a tie below .8 of the noise, s1 below .5 with more skill: ties differ; s6 answers a fifth blindly.
    assert told["s4"].tie_share.value > told["s1"].tie_share.value
    assert told["s6"].tie_share.value > told["s1"].tie_share.value
