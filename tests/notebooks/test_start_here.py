"""The first notebook, unchanged, on two public data sets; `make notebooks` runs it on the shipped pilot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.notebooks.running import ROOT, executed, shown
from workbench.pilot.bring_in import import_into

if TYPE_CHECKING:
    from pathlib import Path

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stripped_and_their_cells_are_short(path: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs, f"{path.name}: outputs are kept in git; run nbstripout"
            assert cell.execution_count is None
            assert "def " not in cell.source, "algorithms live in workbench/, not in a cell"
    assert "widgets" not in notebook.metadata


def run(pilot: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Execute the notebook on a pilot; cell id -> everything it showed as text."""
    notebook = executed("00_start_here.ipynb", pilot, monkeypatch, timeout=900)
    for cell in notebook.cells:
        if cell.id in ("agreement", "disagreements"):
            kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
            assert "application/vnd.plotly.v1+json" in kinds, f"cell {cell.id} shows no figure"
    return {cell.id: shown(cell) for cell in notebook.cells}


def value(text: str, name: str) -> float:
    found = re.search(rf"{name} (-?[0-9.]+)", text)
    assert found, f"no {name} in {text[:300]}"
    return float(found.group(1))


pytestmark = pytest.mark.filterwarnings(
    # zmq's asyncio channel is left to the garbage collector by the client when the kernel stops.
    "ignore:unclosed:ResourceWarning",
)


@pytest.mark.notebook
@pytest.mark.train
@pytest.mark.parametrize(
    ("folder", "alpha", "items"), [("pandalm", 0.864, 999), ("mtbench_turn1", 0.477, 910)], ids=["pandalm", "mtbench"]
)
def test_on_public_data(
    folder: str, alpha: float, items: int, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = tmp_path / folder
    told = import_into(pilot, data_dir / folder)
    assert told["items"] == items
    shown = run(pilot, monkeypatch)
    assert "SIMULATED" not in shown["open"]
    assert value(shown["agreement"], "krippendorff_alpha") == pytest.approx(alpha, abs=5e-4)
    assert "held-out pairs" in shown["evaluate"]
    assert "human" in shown["open"]
