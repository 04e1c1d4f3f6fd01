"""Direct preference optimisation with TRL.

DPO (Rafailov et al. 2023) raises the log-probability of the chosen answer over the rejected one, relative to the
start model: loss = -log sigmoid(beta x margin). `robust` (rDPO, Chowdhury et al. 2024) undoes a known share of
flipped labels; `ipo` (Azar et al. 2023) regresses the margin to 1 / (2 beta), so it cannot run away on clean pairs.

`votes` is for several votes a pair, and needs no loss of its own: the rows are one a vote (2-1 is chosen > rejected
twice and the reverse once), as many for every item, and the mean DPO loss over them is the soft-label loss.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from workbench.errors import TrainingError
from workbench.training import packing, rows, runfiles, running, scoring
from workbench.training.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MIN_PAIRS = 8
_SIDES = ("chosen", "rejected")
# our name -> TRL's
_LOGGED = {
    "loss": "loss",
    "margin": "rewards/margins",
    "accuracy": "rewards/accuracies",
    "reward_chosen": "rewards/chosen",
    "reward_rejected": "rewards/rejected",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}


class RunConfig(RunSettings):
    """Settings of one DPO run, all of which TRL really uses.

    The learning rate is modest on purpose: on a small model 2e-4 mostly teaches "shorter is better" (in one
    200-prompt trial the mean answer fell from 36 to 12 words), so raise it only with an eye on length and on every
    kind of prompt.

    Attributes
    ----------
    loss
        `sigmoid` is DPO, `robust` rDPO with flip rate `label_smoothing`, `ipo` IPO, `votes` DPO on one row a vote.
    beta
        Strength of the pull to the start model; for `ipo` the regularisation tau.
    label_smoothing
        Probability that a label is flipped, 0 <= epsilon < 0.5; `robust` only, because TRL ignores it elsewhere.
    sft_weight
        Weight of the chosen answers' negative log-likelihood beside the loss, per token; 0 leaves it out.
    """

    loss: Literal["sigmoid", "robust", "ipo", "votes"] = "sigmoid"
    beta: Annotated[float, Field(gt=0, le=10)] = 0.1
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    sft_weight: Annotated[float, Field(ge=0, le=100)] = 0.0

    @model_validator(mode="after")
    def _label_smoothing_is_used(self) -> RunConfig:
        if self.label_smoothing > 0 and self.loss != "robust":
            msg = f"label_smoothing is ignored by loss {self.loss!r}; use loss='robust', or set it to 0"
            raise ValueError(msg)
        return self


def check_rows(
    listed: Sequence[Mapping[str, Any]],
    where: str = "rows",
    *,
    config: RunSettings | None = None,
    least: int = MIN_PAIRS,
) -> None:
    """Raise `TrainingError` unless there are at least `least` rows, each with a prompt and two different answers.

    With `loss="votes"` every item must have as many rows as every other, or items with more votes would weigh more.
    """
    rows.check_pairs(listed, where, least=least)
    if isinstance(config, RunConfig) and config.loss == "votes":
        counts = Counter(str(row.get("item", "")) for row in listed)
        if "" in counts or len(set(counts.values())) > 1 or max(counts.values(), default=0) < 2:
            raise TrainingError(
                "loss 'votes' takes one row a vote, each with its item, and as many rows for every item",
                where=where,
                next_step="make the rows with Preferences.by_votes(), or use loss='sigmoid'",
            )


def train(run_dir: Path, config: RunConfig, reporter: runfiles.Reporter) -> None:
    """Train on data.jsonl in this process and save `adapter/` (or `model/`) in the run folder.

    Raises
    ------
    TrainingError
        When there are too few usable pairs.
    """
    check_rows(running.read(run_dir)[0], "data.jsonl", config=config)
    setup = running.load(run_dir, config, reporter)
    data = running.datasets(setup, _SIDES, least=MIN_PAIRS, what="pairs")
    from trl import DPOConfig, DPOTrainer

    loss = "sigmoid" if config.loss == "votes" else config.loss
    arguments = DPOConfig(
        **running.arguments(setup, evaluates=data[1] is not None),
        loss_type=[loss, "sft"] if config.sft_weight else [loss],
        loss_weights=[1.0, config.sft_weight] if config.sft_weight else None,
        beta=config.beta,
        label_smoothing=config.label_smoothing,
        max_length=config.max_length,
        precompute_ref_log_probs=True,
        train_sampling_strategy="sequential",  # `rows.batch_order` has shuffled
    )
    reporter.phase("reference log-probabilities")
    with running.score_answers_only(), scoring.quick_head(), packing.packed(setup.model) as packs:
        reporter.manifest({"packed": packs})
        running.fit(setup, DPOTrainer, arguments, data, _LOGGED)
