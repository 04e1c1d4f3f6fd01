"""KTO: what is refused, weights by hand, and a run on a tiny model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import tiny
from workbench.errors import RecordError, TrainingError
from workbench.training import evaluate, kto, likelihood

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {"prompt": f"Say {i}.", "completion": f"It is {i}" if i % 4 else "nothing at all", "label": bool(i % 4)}
    for i in range(16)
]


def test_rows_of_both_labels_are_wanted() -> None:
    kto.check_rows(ROWS)
    for change, said in (
        ([{**row, "label": True} for row in ROWS], "one class only: all 16 answers are wanted"),
        ([{**row, "label": False} for row in ROWS], "one class only: all 16 answers are unwanted"),
        ([*ROWS[:15], {**ROWS[15], "label": 1}], "label must be true"),
        (ROWS[:15], "too few examples: 15, and a run needs at least 16"),
        ([*ROWS[:15], {**ROWS[15], "completion": " "}], "completion must be a text"),
    ):
        with pytest.raises(TrainingError, match=said):
            kto.check_rows(change)


def test_classes_weigh_the_same_unless_told() -> None:
    labels = [True] * 12 + [False] * 4
    assert kto.weights(labels, kto.RunConfig()) == (1.0, 3.0)
    assert kto.weights(labels[::-1][:8], kto.RunConfig()) == (1.0, 1.0)
    assert kto.weights(labels, kto.RunConfig(desirable_weight=2.0)) == (2.0, 6.0)
    assert kto.weights(labels, kto.RunConfig(undesirable_weight=6.0)) == (2.0, 6.0)
    assert kto.weights(labels, kto.RunConfig(desirable_weight=1.0, undesirable_weight=1.0)) == (1.0, 1.0)
    with pytest.raises(TrainingError, match="one class only"):
        kto.weights([True, True], kto.RunConfig())
    with pytest.raises(RecordError, match="at least 2 rows"):
        kto.RunConfig(batch_size=4, accumulation=4)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_wanted_answers_rise_and_unwanted_ones_fall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = str(tiny.make(tmp_path / "tiny"))
    config = kto.RunConfig(model=model, batch_size=8, learning_rate=5e-3, max_length=128, epochs=4, lora_r=8)
    run = tiny.work(tiny.prepared("kto", ROWS, config, tmp_path / "runs", monkeypatch))
    metrics = run.metrics()
    assert [row["step"] for row in metrics] == list(range(1, 9))
    # At the start both rewards are 0 and kl is 0: the loss of either class is 1 - sigmoid(0) times its weight.
    assert run.manifest()["desirable_weight"] == 1.0
    assert run.manifest()["undesirable_weight"] == 3.0
    assert 0.5 <= metrics[0]["loss"] <= 1.5
    assert metrics[-1]["reward_chosen"] > metrics[-1]["reward_rejected"]
    assert all(row["kl"] is not None and row["kl"] >= 0 and math.isfinite(row["kl"]) for row in metrics)
    after, tokenizer = evaluate.load_adapter(run.path)
    pairs = [{"prompt": f"Say {i}.", "chosen": f"It is {i}", "rejected": "nothing at all"} for i in (1, 2, 3)]
    assert min(likelihood.implicit_rewards(pairs, after, tokenizer, beta=1.0)) > 0


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_row_that_would_be_alone_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = str(tiny.make(tmp_path / "tiny"))
    config = kto.RunConfig(model=model, batch_size=8, max_length=128, lora_r=4, epochs=1)
    rows = [*ROWS, {"prompt": "Say 16.", "completion": "It is 16", "label": True}]
    run = tiny.work(tiny.prepared("kto", rows, config, tmp_path / "runs", monkeypatch))
    assert [row["step"] for row in run.metrics()] == [1, 2]
    assert "1 row left out: it would have been alone in the last part of a batch" in run.status().notes
