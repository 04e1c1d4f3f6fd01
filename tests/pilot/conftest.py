"""The small pilot, opened and labelled, for every test here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pilot import small

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    """The small pilot with items, a plan and simulated labels."""
    return small.labelled(tmp_path / "small")
