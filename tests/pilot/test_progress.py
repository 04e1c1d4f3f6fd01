"""The numbers of the progress page: against hand counts, and against the pages that show the same later."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.pilot import open_pilot
from workbench.pilot.progress import snapshot
from workbench.records import Annotator, content_id

if TYPE_CHECKING:
    from workbench.pilot import Pilot

ROOT = Path(__file__).parents[2]
NAME = "instruction-following-smollm2"


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """A copy of the shipped pilot."""
    folder = tmp_path / "pilots" / NAME
    shutil.copytree(ROOT / "pilots" / NAME, folder, ignore=shutil.ignore_patterns("*.sqlite*", "runs", "report"))
    shutil.copytree(ROOT / "guidelines", tmp_path / "guidelines")
    return open_pilot(folder)


def test_the_shipped_pilot_in_numbers(pilot: Pilot) -> None:
    shown = snapshot(pilot)
    assert (shown.labels, shown.wanted) == (756, 756)
    assert (shown.items_done, shown.items) == (240, 240)
    assert shown.notices == ("SIMULATED: 756 of 756 labels are simulated, not given by people",)
    (alpha,) = shown.agreement
    later = pilot.agreement().estimates[0]
    assert alpha.value == pytest.approx(later.value)
    assert alpha.low == pytest.approx(later.low, abs=0.02)
    assert [person.name for person in shown.people] == ["s1", "s2", "s3", "s4", "s5", "s6"]
    gold = {verdict.estimate.label: verdict.estimate for verdict in pilot.quality().gold}
    for person in shown.people:
        assert (person.done, person.asked, person.source) == (126, 126, "simulated")
        assert person.gold is not None
        assert (person.gold.value, person.gold.low, person.gold.high, person.gold.n) == (
            gold[person.name].value,
            gold[person.name].low,
            gold[person.name].high,
            12,
        )


def test_somebody_who_gets_careless_is_noticed(pilot: Pilot) -> None:
    """The last 40 answers of s1, given again by a new name: all left, in half a second each."""
    labels = [label for label in pilot.label_records() if label.annotator == "s1"]
    labels.sort(key=lambda label: label.position or 0)
    careless = []
    for place, label in enumerate(labels):
        late = place >= len(labels) - 40
        careless.append(
            label.model_copy(
                update={
                    "label_id": content_id("l", "careless", label.label_id),
                    "annotator": "careless",
                    "answer": {"choice": "B"} if late else label.answer,
                    "duration_s": 0.5 + place / 1000 if late else label.duration_s,
                }
            )
        )
    pilot.store.append([Annotator(id="careless", source="simulated"), *careless])
    person = next(one for one in snapshot(pilot).people if one.name == "careless")
    told = sorted(remark.split(":")[0] for remark in person.remarks)
    assert told == ["agrees less with the others lately", "quicker lately", "the last 40 answers are all B"]
    assert all(not one.remarks for one in snapshot(pilot).people if one.name == "s1")
