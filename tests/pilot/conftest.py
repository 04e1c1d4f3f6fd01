"""The small pilot, opened and labelled, for every test here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.pilot import small
from workbench.pilot import build, open_pilot
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """The small pilot with items, a plan and simulated labels."""
    folder = small.make(tmp_path / "small")
    opened = open_pilot(folder)
    asked = [prompt for prompt in opened.prompts if prompt.split == "train"]
    generated = [Generated.parse(json.loads(line)) for line in (folder / "responses.jsonl").read_text().splitlines()]
    opened._write_items(build.items("pairwise", 2, asked, generated).items)
    opened.plan()
    assert opened.simulate() > 0
    return opened
