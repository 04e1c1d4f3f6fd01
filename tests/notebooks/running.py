"""A notebook of the project, executed unchanged on a pilot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]


def executed(
    name: str, pilot: Path, monkeypatch: pytest.MonkeyPatch, *, timeout: int, without: Sequence[str] = ()
) -> NotebookNode:
    """The notebook with its outputs; `timeout` is seconds a cell, `without` the ids of cells that are left out."""
    monkeypatch.setenv("WORKBENCH_PILOT", str(pilot))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook: Any = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in without]
    folder = {"metadata": {"path": ROOT / "notebooks"}}
    patient = {"iopub_timeout": 120, "startup_timeout": 300}  # else outputs that come late are left out
    NotebookClient(notebook, timeout=timeout, kernel_name="python3", resources=folder, **patient).execute()
    return notebook


def shown(cell: Any) -> str:
    """Everything a cell showed as text."""
    return "\n".join(
        output.get("text", "") + str(output.get("data", {}).get("text/plain", "")) for output in cell.get("outputs", [])
    )
