"""What a page's kernel does: it opens the pilot as it is when somebody comes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.pilot import small
from workbench.serve import page

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_kernel_that_was_warm_before_a_change_asks_as_the_pilot_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = small.opened(tmp_path / "p", design={"queue": "open", "overlap": 1, "gold_share": 0})
    for name, value in page.Served(str(pilot.folder)).environment(pilot.storage).items():
        monkeypatch.setenv(name, value)
    page.warm()
    opened = page.pilot()
    assert page.pilot() is opened, "what has not changed is opened once"

    small.second_version(pilot)
    second = page.pilot()
    assert second is not opened
    assert second.guideline.version == "v2"
    assert page.pilot().annotate("ana").settings["guideline"]["ref"] == second.guideline.ref

    rules = pilot.folder / "guideline" / "v2.md"
    rules.write_text(rules.read_text() + "\nOne more sentence.\n")
    assert page.pilot().guideline.sha256 != second.guideline.sha256, "a draft that was changed"

    items = pilot.folder / "items.jsonl"
    items.write_text("".join(items.read_text().splitlines(keepends=True)[:-1]))
    assert len(page.pilot().items) == len(second.items) - 1

    latest = page.pilot()
    os.utime(items, ns=(1, 1))
    assert page.pilot() is not latest
