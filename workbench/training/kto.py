"""Kahneman-Tversky optimisation with TRL: answers that are each good or bad, with no pair needed.

Labels of classification and Likert tasks say of one answer whether it is wanted. KTO (Ethayarajh et al. 2024) raises
the log-probability of wanted answers and lowers that of unwanted ones, relative to the start model and to the mean
shift (`kl`, estimated on prompts with a neighbour's answer in the same batch), each with a value that saturates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from workbench.errors import TrainingError
from workbench.training import launching, rows, runfiles, running
from workbench.training.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MIN_ROWS = 16
_ANSWER = ("completion",)
_LOGGED = {
    "loss": "loss",
    "margin": "rewards/margins",
    "kl": "kl",
    "reward_chosen": "rewards/chosen",
    "reward_rejected": "rewards/rejected",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}


class RunConfig(RunSettings):
    """Settings of one KTO run, all of which TRL really uses.

    Attributes
    ----------
    loss
        `kto`, or `apo_zero_unpaired` (D'Oosterlinck et al. 2024), which measures against the start model itself and
        suits wanted answers better than what the model writes.
    beta
        Strength of the pull to the start model.
    desirable_weight, undesirable_weight
        Weights of wanted and unwanted answers. Left out, the rarer class is weighed up until both weigh the same in
        all; what was used is in the manifest.
    """

    least_rows: ClassVar[int] = 2

    loss: Literal["kto", "apo_zero_unpaired"] = "kto"
    beta: Annotated[float, Field(gt=0, le=10)] = 0.1
    desirable_weight: Annotated[float, Field(gt=0, le=1000)] | None = None
    undesirable_weight: Annotated[float, Field(gt=0, le=1000)] | None = None

    @model_validator(mode="after")
    def _parts_hold_two(self) -> RunConfig:
        if self.batch_size // self.accumulation < self.least_rows:
            msg = "KTO compares answers with their neighbours: a part of a batch needs at least 2 rows"
            raise ValueError(msg)
        return self


def check_rows(
    listed: Sequence[Mapping[str, Any]],
    where: str = "rows",
    *,
    config: RunSettings | None = None,  # noqa: ARG001 - every trainer's check is asked alike
    least: int = MIN_ROWS,
) -> None:
    """Raise `TrainingError` unless there are at least `least` rows `{prompt, completion, label}` of both labels."""
    rows.check(listed, _ANSWER, where, least=least, what="examples", more=", label")
    for number, row in enumerate(listed, start=1):
        if not isinstance(row.get("label"), bool):
            raise TrainingError(
                f"label must be true (wanted) or false, got {str(row.get('label'))[:60]!r}", where=f"{where}:{number}"
            )
    wanted = sum(row["label"] for row in listed)
    if least > 1 and wanted in (0, len(listed)):
        raise TrainingError(
            f"one class only: all {len(listed)} answers are {'wanted' if wanted else 'unwanted'}",
            where=where,
            next_step="choose a threshold or classes that divide them, or use SFT for answers that are all wanted",
        )


def train(run_dir: Path, config: RunConfig, reporter: runfiles.Reporter) -> None:
    """Train on data.jsonl in this process and save `adapter/` (or `model/`) in the run folder.

    Raises
    ------
    TrainingError
        When there are too few usable rows, or only of one class.
    """
    check_rows(running.read(run_dir)[0], "data.jsonl")
    setup = running.load(run_dir, config, reporter)
    data = running.datasets(setup, _ANSWER, least=MIN_ROWS, what="examples", more=("label",), at_end=True)
    part = launching.share(config.batch_size, config.accumulation, running.processes()[1])
    if running.processes()[1] == 1 and len(data[0]) % part == 1:
        # Its answer would be compared with itself, and the divergence estimated from that.
        reporter.note("1 row left out: it would have been alone in the last part of a batch")
        data = (data[0].select(range(len(data[0]) - 1)), data[1])
    desirable, undesirable = weights(data[0]["label"], config)
    reporter.manifest({"desirable_weight": desirable, "undesirable_weight": undesirable})
    from trl import KTOConfig, KTOTrainer

    arguments = KTOConfig(
        **running.arguments(setup, evaluates=data[1] is not None),
        loss_type=config.loss,
        beta=config.beta,
        desirable_weight=desirable,
        undesirable_weight=undesirable,
        max_length=config.max_length,
        precompute_ref_log_probs=True,
        train_sampling_strategy="sequential",  # `rows.batch_order` has shuffled
    )
    reporter.phase("reference log-probabilities")
    with running.score_answers_only():
        running.fit(setup, KTOTrainer, arguments, data, _LOGGED)


def weights(labels: Sequence[bool], config: RunConfig) -> tuple[float, float]:
    """Weights of wanted and unwanted answers; those left out make both classes weigh the same.

    Raises
    ------
    TrainingError
        When there is one class only.
    """
    wanted = sum(labels)
    unwanted = len(labels) - wanted
    if not wanted or not unwanted:
        raise TrainingError("one class only is left of the answers that fit", next_step="raise max_length")
    desirable, undesirable = config.desirable_weight, config.undesirable_weight
    if desirable is None and undesirable is None:
        most = max(wanted, unwanted)
        return most / wanted, most / unwanted
    if desirable is None:
        desirable = float(undesirable or 0) * unwanted / wanted
    if undesirable is None:
        undesirable = desirable * wanted / unwanted
    return desirable, undesirable
