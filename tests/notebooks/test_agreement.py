"""The notebook of agreement, unchanged, on public data; `make notebooks` runs it on the shipped pilot."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import pytest

from tests.notebooks.running import executed, shown
from tests.notebooks.test_start_here import value
from workbench.pilot.bring_in import import_into

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.notebook, pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]


def run(pilot: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Execute the notebook on a pilot; cell id -> everything it showed as text."""
    notebook = executed("04_agreement.ipynb", pilot, monkeypatch, timeout=900)
    return {cell.id: shown(cell) for cell in notebook.cells}


def test_votes_between_six_models(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import_into(tmp_path / "mtbench", data_dir / "mtbench_turn1", shape="mtbench")
    told = run(tmp_path / "mtbench", monkeypatch)
    assert value(told["agreement"], "krippendorff_alpha") == pytest.approx(0.477, abs=0.001)
    assert "no answer to a gold item yet" in told["gold"]
    # The published order of the six models; with prompts resampled the first two cannot be told apart.
    order = [line.split()[1] for line in told["systems"].splitlines() if line[:2] in {f"{k}." for k in range(1, 7)}]
    assert order[0] == "gpt-4"
    assert order[-2:] == ["alpaca-13b", "llama-13b"]
    assert "rank 1 to" in told["systems"]
    assert "equal pairs between author and expert" in told["pools"]
    assert "log-likelihood a label" in told["consensus"]


def test_a_crowd_that_votes_for_the_wrong_bird(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = csv.DictReader((data_dir / "crowd_gold/bluebirds_labels.csv").open())
    table = tmp_path / "birds.csv"
    with table.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["item", "annotator", "label"])
        writer.writerows((row["item"], row["worker"], "bunting" if row["label"] == "1" else "other") for row in rows)
    import_into(tmp_path / "birds", table, task="classification")
    told = run(tmp_path / "birds", monkeypatch)
    # All 39 people judged all 108 birds.
    assert "108 items, 39 annotators, 4212 labels" in told["agreement"]
    assert "best on labels it had not seen: dawid_skene" in told["consensus"]
    assert "no label has a time" in told["time"]
    assert "models are ranked by pairwise labels" in told["systems"]


def test_raters_with_one_answer_for_everything(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.decompress((data_dir / "dices350/ratings_wide.csv.gz").read_bytes()).decode()
    table = tmp_path / "ratings.csv"
    with table.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["item", "annotator", "label"])
        for row in csv.DictReader(io.StringIO(packed)):
            item = row.pop("item_id")
            writer.writerows((item, rater, label) for rater, label in row.items())
    import_into(tmp_path / "dices", table, task="classification")
    told = run(tmp_path / "dices", monkeypatch)
    assert value(told["agreement"], "krippendorff_alpha") == pytest.approx(0.161, abs=0.001)
    assert "350 items, 123 annotators, 43050 labels" in told["agreement"]
    assert "answered" in told["quality"]
