"""A small pilot to serve, and the people who are invited to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.pilot import small
from workbench.pilot import build, open_pilot
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot

OPEN = 'queue = "open"\nhold_minutes = {hold_minutes}\n'


def pilot(folder: Path, *, n: int = 10, queue: str = "open", hold_minutes: float = 30) -> Pilot:
    """A pilot of `n` pairs, three labels each, without gold and repeats; `queue="open"` hands them out bit by bit."""
    small.make(folder, simulated=False, n=n + 2)
    config = folder / "pilot.toml"
    text = (
        config.read_text()
        .replace("gold_share = 0.2", "gold_share = 0.0")
        .replace("repeat_share = 0.05", "repeat_share = 0.0")
    )
    if queue == "open":
        text = text.replace("[design]\n", "[design]\n" + OPEN.format(hold_minutes=hold_minutes))
    config.write_text(text)
    opened = open_pilot(folder)
    asked = [prompt for prompt in opened.prompts if prompt.split == "train"]
    generated = [Generated.parse(json.loads(line)) for line in (folder / "responses.jsonl").read_text().splitlines()]
    opened._write_items(build.items("pairwise", 2, asked, generated).items)
    assert len(opened.items) == n
    return opened
