"""What a pilot says of a reward run, from the numbers its process left."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from workbench.errors import PilotError
from workbench.pilot import reward
from workbench.stats import intervals
from workbench.training.runs import Run

if TYPE_CHECKING:
    from pathlib import Path

LEAD = math.log(3)  # sigmoid is 3/4


def a_run(folder: Path, scores: dict[str, Any] | None, kind: str = "reward", state: str = "done") -> Run:
    rows = [{"prompt": f"<b>{i}</b>", "chosen": "c", "rejected": "r"} for i in range(8)]
    (folder / "config.json").write_text(json.dumps({"kind": kind, "config": {}}))
    (folder / "status.json").write_text(json.dumps({"state": state, "created": 0, "notes": ["a note"]}))
    for name in ("held_out.jsonl", "data.jsonl"):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    if scores is not None:
        (folder / "scores.json").write_text(json.dumps(scores))
    return Run(folder)


def pairs(leads: list[float]) -> list[dict[str, Any]]:
    return [{"row": i, "chosen": 1 + lead, "rejected": 1.0} for i, lead in enumerate(leads)]


def test_a_reward_run_is_judged_on_the_pairs_held_out(tmp_path: Path) -> None:
    run = a_run(tmp_path, {"held_out": pairs([LEAD] * 6 + [-LEAD] * 2), "train": pairs([LEAD] * 8)})
    found = reward.evaluate(run)
    assert found.accuracy.value == 6 / 8
    assert (found.accuracy.low, found.accuracy.high) == intervals.wilson(6, 8)[:2]
    # six times (1/4)^2, twice (3/4)^2
    assert found.brier.value == pytest.approx((6 / 16 + 2 * 9 / 16) / 8)
    assert found.calibration_error.value == pytest.approx(0, abs=1e-9)  # .75 said, 6 of 8 right
    assert [one.n for one in found.bins] == [0, 0, 8, 0, 0]
    assert found.train_accuracy is not None
    assert found.train_accuracy.value == 1
    assert found.lines()[0].startswith("held-out accuracy 0.750 (95 % interval 0.409 to 0.929) on 8 pairs of 8 prompts")
    assert any("not shown to be better than a coin" in line for line in found.lines())
    assert any("on pairs it was trained on it is right 1.00" in line for line in found.lines())
    assert found.lines()[-1] == "a note"
    assert list(found.table()["pairs"]) == [0, 0, 8, 0, 0]
    assert "70% to 80%" in str(found)
    assert found.figure().to_dict()["data"][1]["y"] == [0.75]
    kept = run.evaluation()
    assert kept is not None
    assert kept["accuracy"]["value"] == 0.75
    assert kept["bins"][0]["observed"]["value"] is None


def test_what_is_no_reward_run_with_scores_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(PilotError, match="of kind sft, so it has no scores"):
        reward.evaluate(a_run(tmp_path, None, kind="sft"))
    with pytest.raises(PilotError, match="the run is cancelled"):
        reward.evaluate(a_run(tmp_path, None, state="cancelled"))
    with pytest.raises(PilotError, match="no held-out pair was scored"):
        reward.evaluate(a_run(tmp_path, {"held_out": [], "train": []}))
