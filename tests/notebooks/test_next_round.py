"""The notebook of rounds, unchanged, on a copy of the shipped pilot."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.notebooks.running import ROOT, executed, shown

if TYPE_CHECKING:
    from pathlib import Path

NAME = "instruction-following-smollm2"
MADE = shutil.ignore_patterns("*.sqlite*", "runs", "report", "preferences", "rounds")

# `make notebooks` runs it too, beside the others and on the run that the first of them has made.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.notebook,
    pytest.mark.train,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


def test_two_rounds_from_top_to_bottom_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "pilots" / NAME, tmp_path / "pilots" / NAME, ignore=MADE)
    shutil.copytree(ROOT / "guidelines", tmp_path / "guidelines")
    pilot = tmp_path / "pilots" / NAME
    told = [
        {cell.id: shown(cell) for cell in executed("09_next_round.ipynb", pilot, monkeypatch, timeout=900).cells}
        for _ in range(2)
    ]
    once, again = told
    assert "SIMULATED" in once["label"]
    assert "SIMULATED" in once["gain"]
    assert "another round?" in once["rounds"]
    assert "round 2" in once["rounds"]
    assert "rows of 2 rounds" in once["second-run"]
    # Everything that was made is found again, so the same numbers come out and nothing is trained or asked twice.
    assert again["rounds"] == once["rounds"]
    assert sorted(path.name for path in (pilot / "rounds").iterdir()) == ["1", "2"]
    assert len(list((pilot / "runs").iterdir())) == len(list((pilot / "rounds/1/runs").iterdir())) == 1
