"""A pilot folder from prompts to preference rows, without a model: what each step reads, keeps and says."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.pilot import small
from workbench.errors import GuidelineError, PilotError
from workbench.pilot import build, new_pilot, open_pilot
from workbench.records import Label
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot


def test_gold_is_what_the_verifiers_vouch_for(pilot: Pilot) -> None:
    for item in pilot.items.values():
        assert item.gold is not None
        right = item.responses[0 if item.gold.answer["choice"] == "A" else 1]
        assert len(right.text.split()) <= 6
        assert "at most 6 words" in item.gold.explanation
    assert all(item.split == "train" for item in pilot.items.values())
    assert len(pilot.items) == 10


def test_identical_responses_make_no_item(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "small")
    opened = open_pilot(folder)
    generated = [Generated.parse(json.loads(line)) for line in (folder / "responses.jsonl").read_text().splitlines()]
    built = build.items("pairwise", 2, opened.prompts, [generated[0], generated[0], *generated[2:]])
    assert built.left_out == {generated[0].prompt_id: "different responses: 1, needed: 2"}


def test_everything_says_simulated(pilot: Pilot) -> None:
    for view in (pilot.card(), pilot.agreement(n_resamples=50), pilot.disagreements(3), pilot.quality()):
        assert "SIMULATED" in str(view)
        assert "SIMULATED" in view.html()
    assert set(pilot.sources) == {"simulated"}


def test_the_same_folder_gives_the_same_bytes(pilot: Pilot, tmp_path: Path) -> None:
    first = pilot.export().read_bytes()
    other = tmp_path / "again"
    shutil.copytree(pilot.folder, other, ignore=shutil.ignore_patterns("*.sqlite*", "exports"))
    again = open_pilot(other)
    again.plan()
    again.simulate()
    assert again.export().read_bytes() == first
    assert again.simulate() == 0


def test_a_clone_without_a_store_reads_the_export(pilot: Pilot, tmp_path: Path) -> None:
    pilot.export()
    clone = tmp_path / "small-clone"
    shutil.copytree(pilot.folder, clone, ignore=shutil.ignore_patterns("*.sqlite*"))
    assert open_pilot(clone).label_records() == pilot.label_records()


def test_repeats_are_swapped_and_out_of_the_agreement(pilot: Pilot) -> None:
    labels = pilot.labels()
    assert labels["is_repeat"].sum() == sum(a.is_repeat for a in pilot.assignments()) == 6
    result = pilot.agreement(n_resamples=50)
    assert result.estimates[0].n_labels == 30


def test_views_escape_hostile_text(pilot: Pilot) -> None:
    assert "<b>pilot</b>" not in pilot.card().html()
    assert "&lt;b&gt;pilot&lt;/b&gt;" in pilot.card().html()


def test_preferences_are_written_with_their_ledger(pilot: Pilot) -> None:
    made = pilot.preferences()
    assert made.n_labels == len(pilot.label_records())
    ledger = json.loads((pilot.folder / "preferences" / "ledger.json").read_text())
    assert ledger["n_used"] + sum(entry["n_labels"] for entry in ledger["not_used"]) == ledger["n_labels"]
    assert {"gold"} <= {entry["reason"] for entry in ledger["not_used"]}


def test_cost_uses_the_measured_pace_and_the_plan(pilot: Pilot) -> None:
    (estimate,) = pilot.cost(1000).estimates
    assert estimate.overlap == 3
    assert estimate.gold_share == 0.2
    assert estimate.seconds_per_judgment == pytest.approx(float(pilot.labels()["duration_s"].median()))
    # 1000 / .8 = 1250 items x 3 = 3750, and 20 % repeats: 750; x $0.40.
    assert float(estimate.total) == pytest.approx((3750 + 750) * 0.40)


def test_prices_are_never_guessed(tmp_path: Path) -> None:
    opened = open_pilot(small.make(tmp_path / "small", simulated=False))
    with pytest.raises(PilotError, match="not guessed"):
        opened.cost(1000)


def test_no_labels_says_what_to_do(tmp_path: Path) -> None:
    opened = new_pilot(tmp_path / "fresh")
    with pytest.raises(PilotError, match="no labels yet"):
        opened.agreement()


def test_a_pilot_is_never_overwritten(tmp_path: Path) -> None:
    new_pilot(tmp_path / "fresh")
    with pytest.raises(PilotError, match="already"):
        new_pilot(tmp_path / "fresh")
    with pytest.raises(PilotError, match="is its id"):
        new_pilot(tmp_path / "not an id!")


def test_folders_that_are_no_pilot_say_so(tmp_path: Path) -> None:
    with pytest.raises(PilotError, match="workbench new"):
        open_pilot(tmp_path)
    (tmp_path / "pilot.toml").write_text("name = ")
    with pytest.raises(PilotError, match="TOML"):
        open_pilot(tmp_path)
    (tmp_path / "pilot.toml").write_text('name = "x"\ntitle = "x"\ntask = "essay"\nguideline = "g.md"')
    with pytest.raises(PilotError, match="'essay'"):
        open_pilot(tmp_path)


def test_a_broken_items_file_names_the_line(pilot: Pilot) -> None:
    path = pilot.folder / "items.jsonl"
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(PilotError, match=r"items\.jsonl:11"):
        _ = open_pilot(pilot.folder).items


def test_items_stay_once_there_are_labels(pilot: Pilot) -> None:
    with pytest.raises(PilotError, match="items stay"):
        pilot.generate()


def test_a_guideline_with_labels_is_frozen(pilot: Pilot) -> None:
    path = pilot.folder / pilot.config.guideline
    path.write_text(path.read_text() + "\nOne more sentence.\n")
    with pytest.raises(GuidelineError, match="frozen"):
        _ = open_pilot(pilot.folder).guideline


def test_a_person_labels_beside_the_simulated(pilot: Pilot) -> None:
    widget = pilot.annotate("visitor", n=10)
    mine = [a for a in pilot.assignments() if a.annotator == "visitor"]
    assert len(mine) == 10
    item = pilot.items[mine[0].item]
    label = Label(
        label_id="l-visitor",
        pilot=pilot.name,
        batch=mine[0].batch,
        item=item.id,
        prompt_id=item.prompt_id,
        task="pairwise",
        annotator="visitor",
        source="human",
        answer={"choice": "tie"},
        responses=tuple(r.id for r in item.responses),
        order=mine[0].order,
        guideline=pilot.guideline.ref,
        guideline_sha256=pilot.guideline.sha256,
    )
    before = pilot.label_records()
    before.clear()  # the caller's own list
    assert pilot.sources["human"] == 0
    open_pilot(pilot.folder).store.append([label])  # as another process does
    assert pilot.sources["human"] == 1
    assert pilot.label_records(history=True)[-1] == label
    table = pilot.labels()
    table.loc[table.index[0], "label"] = "changed"
    table["annotator"] = "nobody"
    assert not pilot.labels()["label"].eq("changed").any()
    assert "visitor" in set(pilot.labels()["annotator"])
    assert str(pilot.card()).count("SIMULATED") == 1
    widget.close()
    with pytest.raises(PilotError, match="is simulated"):
        pilot.annotate("s0")
