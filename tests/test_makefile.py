"""What `make lab` starts: a JupyterLab that shows the whole project and asks nobody for anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_lab_shows_the_whole_project_and_starts_for_root_too() -> None:
    told = subprocess.run(
        ["make", "-n", "lab"], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    ).stdout
    command = told[told.index("jupyter lab") :]
    assert "notebooks/00_start_here.ipynb" in command
    assert f'--ServerApp.root_dir="{ROOT}"' in command
    for flag in ("news_url=None", "NeverCheckForUpdate", "extension_manager=readonly"):
        assert flag in command
    assert ("--allow-root" in command) is (os.geteuid() == 0)
