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


def run(pilot: Path, monkeypatch: pytest.MonkeyPatch, *, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Execute the notebook on a pilot; cell id -> everything it showed as text."""
    notebook = executed("00_start_here.ipynb", pilot, monkeypatch, timeout=900, without=without)
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
@pytest.mark.timeout(1200)
def test_on_pandalm(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pilot = tmp_path / "pandalm"
    assert import_into(pilot, data_dir / "pandalm")["items"] == 999
    shown = run(pilot, monkeypatch)
    assert "SIMULATED" not in shown["open"]
    assert value(shown["agreement"], "krippendorff_alpha") == pytest.approx(0.864, abs=5e-4)
    assert "held-out pairs" in shown["evaluate"]
    assert "human" in shown["open"]


@pytest.mark.notebook
def test_on_mtbench(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the training, which takes minutes on answers of several hundred tokens."""
    pilot = tmp_path / "mtbench_turn1"
    assert import_into(pilot, data_dir / "mtbench_turn1")["items"] == 910
    shown = run(pilot, monkeypatch, without=("train", "evaluate"))
    assert "SIMULATED" not in shown["open"]
    assert value(shown["agreement"], "krippendorff_alpha") == pytest.approx(0.477, abs=5e-4)
    assert "human" in shown["open"]
    assert "report" in shown["report"]
