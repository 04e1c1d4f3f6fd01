"""DPO settings and rows: what is refused before anything is loaded, and the order of batches."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.errors import RecordError, TrainingError
from workbench.training import dpo, rows, running

ROWS: list[dict[str, Any]] = [{"prompt": f"q{i}", "chosen": f"good {i}", "rejected": f"bad {i}"} for i in range(8)]


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
def test_label_smoothing_that_trl_would_ignore_is_refused(loss: str) -> None:
    with pytest.raises(RecordError, match="label_smoothing is ignored by loss"):
        dpo.RunConfig.parse({"loss": loss, "label_smoothing": 0.1})
    assert dpo.RunConfig(loss="robust", label_smoothing=0.1).label_smoothing == 0.1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("loss", "cdpo"),
        ("loss", "robust "),
        ("label_smoothing", 0.5),
        ("label_smoothing", -0.1),
        ("beta", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", 1.0),
        ("epochs", 0),
        ("batch_size", 0),
        ("lora_r", -1),
        ("accumulation", 3),
        ("attention", "fast"),
        ("max_length", 4),
        ("max_steps", 0),
        ("seed", -1),
        ("learningrate", 1e-4),
    ],
)
def test_settings_out_of_range_are_refused_by_name(field: str, value: Any) -> None:
    settings = {"loss": "robust", field: value}
    with pytest.raises(RecordError, match=field):
        dpo.RunConfig.parse(settings)


def test_rows_that_cannot_train_are_refused_with_their_number() -> None:
    dpo.check_rows(ROWS)
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"chosen": ""}, "chosen must be a text"),
        ({"chosen": None}, "chosen must be a text"),
        ({"prompt": ["a"]}, "prompt must be a text"),
        ({"prompt": [{"role": "assistant", "content": "x"}]}, "turns that end with the user"),
        ({"rejected": "good 3"}, "the same text"),
    )
    for change, said in changes:
        rows: list[dict[str, Any]] = [*ROWS[:3], {**ROWS[3], **change}, *ROWS[4:]]
        with pytest.raises(TrainingError, match=said) as caught:
            dpo.check_rows(rows, "rows")
        assert caught.value.where == "rows:4"


def test_votes_take_as_many_rows_for_every_item() -> None:
    config = dpo.RunConfig(loss="votes")
    turned = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in ROWS]
    both = [{**row, "item": row["prompt"]} for row in (*ROWS, *ROWS, *turned)]
    dpo.check_rows(both, config=config)
    for wrong in (ROWS, both[:-1], both[:8]):
        with pytest.raises(TrainingError, match="one row a vote"):
            dpo.check_rows(wrong, config=config)
    dpo.check_rows(both[:-1])


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(TrainingError, match="too few pairs: 7, and a run needs at least 8"):
        dpo.check_rows(ROWS[:7])
    with pytest.raises(TrainingError, match="too few pairs: 0"):
        dpo.check_rows([])


def test_batches_hold_like_lengths_and_every_row_once() -> None:
    lengths = [30, 10, 90, 50, 20, 80, 40, 60, 70, 100]
    order = rows.batch_order(range(10), lengths, 4, seed=0)
    assert sorted(order) == list(range(10))
    batches = [sorted(lengths[place] for place in order[start : start + 4]) for start in (0, 4, 8)]
    assert sorted(batches[:2]) == [[30, 40, 50, 60], [70, 80, 90, 100]]
    assert batches[2] == [10, 20]  # the batch that is not full stays last
    assert rows.batch_order(range(10), lengths, 4, seed=0) == order
    orders = {tuple(rows.batch_order(range(10), lengths, 2, seed=seed)) for seed in range(20)}
    assert len(orders) > 10  # the order of batches is not that of their lengths


@pytest.mark.train
def test_trl_still_asks_where_to_score_answers_only() -> None:
    """`score_answers_only` leans on one name inside TRL: an upgrade that moves it would slow training in silence."""
    import inspect

    from trl.kernels import chunked_logprob
    from trl.trainer import utils

    source = inspect.getsource(utils)
    assert source.count("_use_triton(") == 1
    assert "compact = _use_triton(hidden_states.device)" in inspect.getsource(utils.add_fused_lm_head)
    before = utils._use_triton
    with running.score_answers_only():
        assert utils._use_triton("cpu")
        assert chunked_logprob._use_triton is before
    assert utils._use_triton is before
