"""Supervised fine-tuning with TRL: answers to imitate, such as those that annotators chose.

The loss is the negative log-likelihood of the answer's tokens, the prompt being context only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.training import rows, runfiles, running
from workbench.training.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MIN_ROWS = 8
_ANSWER = ("completion",)
_LOGGED = {
    "loss": "loss",
    "accuracy": "mean_token_accuracy",
    "entropy": "entropy",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}


class RunConfig(RunSettings):
    """Settings of one run of supervised fine-tuning. `accuracy` in its metrics is of the next token."""


def check_rows(
    listed: Sequence[Mapping[str, Any]],
    where: str = "rows",
    *,
    config: RunSettings | None = None,  # noqa: ARG001 - every trainer's check is asked alike
    least: int = MIN_ROWS,
) -> None:
    """Raise `TrainingError` unless there are at least `least` rows, each with a prompt and a completion."""
    rows.check(listed, _ANSWER, where, least=least, what="examples")


def train(run_dir: Path, config: RunConfig, reporter: runfiles.Reporter) -> None:
    """Train on data.jsonl in this process and save `adapter/` (or `model/`) in the run folder.

    Raises
    ------
    TrainingError
        When there are too few usable rows.
    """
    check_rows(running.read(run_dir)[0], "data.jsonl")
    setup = running.load(run_dir, config, reporter)
    data = running.datasets(setup, _ANSWER, least=MIN_ROWS, what="examples", at_end=True)
    from trl import SFTConfig, SFTTrainer

    arguments = SFTConfig(
        **running.arguments(setup, evaluates=data[1] is not None),
        max_length=config.max_length,
        completion_only_loss=True,
        packing=False,
        train_sampling_strategy="sequential",  # `rows.batch_order` has shuffled
    )
    with running.score_answers_only():
        running.fit(setup, SFTTrainer, arguments, data, _LOGGED)
