"""Policy optimisation against a trained reward model: what the literature calls RLHF with PPO.

TRL has no PPO any more. GRPO (Shao et al. 2024) is PPO's clipped objective (Schulman et al. 2017, eq. 7) whose baseline
is the mean reward of a group of answers to the same prompt instead of a learned critic; RLOO (Ahmadian et al. 2024)
takes the mean of the other answers of the group, and the whole answer as one action. Both are held near the start
model by `beta` times the KL divergence, in GRPO's loss and in RLOO's reward.

A policy learns what the reward model likes, faults included: a rising reward is no proof of better answers. Held-out
answers before and after, judged by somebody else, are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from workbench.errors import TrainingError
from workbench.training import reward, rows, running
from workbench.training.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.training import runfiles

_CLIP = 0.2
# our name -> TRL's. "reward" of RLOO has the KL taken off; the reward function's own mean is the same for both.
_LOGGED = {
    "loss": "loss",
    "reward": "rewards/reward_model/mean",
    "reward_std": "rewards/reward_model/std",
    "kl": "kl",
    "entropy": "entropy",
    "completion_length": "completions/mean_length",
    "cut": "completions/clipped_ratio",
    "clip_ratio": "clip_ratio/region_mean",
    "no_contrast": "frac_reward_zero_std",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}


class RunConfig(RunSettings):
    """Settings of one policy run, all of which TRL really uses.

    Its metrics: `reward` and `reward_std` of the answers drawn, `kl` to the start model in nats a token (RLOO's
    estimate of it may be below 0), `completion_length` in tokens, `cut`, the share of answers that ended at the limit,
    `clip_ratio`, the share of tokens (RLOO: answers) at which the clip held, and `no_contrast`, the share of prompts
    whose answers all got the same reward, so that nothing was learned from them.

    Attributes
    ----------
    reward_run
        Folder of a reward run that is done. Its model may be of another family: answers go over as texts.
    algorithm
        `grpo` or `rloo`.
    batch_size
        Answers an optimiser step, a multiple of `num_generations`.
    beta
        Weight of the KL divergence from the start model, of a token in GRPO's loss and of a whole answer in RLOO's
        reward; with 0 nothing holds the policy near it.
    num_generations
        Answers to a prompt that are compared with each other.
    max_completion_length
        Tokens of an answer; longer ones are cut and scored as they stand.
    max_length
        Tokens of prompt and longest answer together. Prompts that leave less room are left out and counted.
    temperature, top_p
        Of the answers drawn. Below 1, `top_p` draws from another distribution than the one that is trained.
    num_iterations
        Optimiser steps on the same answers.
    epsilon
        How far the ratio of probabilities may leave 1 before its gradient is clipped; None is 0.2. The ratio only moves
        when answers are used again, so with `num_iterations` 1 it is refused.
    scale_rewards
        GRPO only: rewards divided by their standard deviation within the `group` or the `batch`, or `none` (None is
        `group`).
    """

    reward_run: str = ""
    algorithm: Literal["grpo", "rloo"] = "grpo"
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 2e-5
    epochs: Annotated[float, Field(gt=0, le=100)] = 1.0
    batch_size: Annotated[int, Field(ge=2, le=4096)] = 16
    beta: Annotated[float, Field(ge=0, le=10)] = 0.04
    num_generations: Annotated[int, Field(ge=2, le=256)] = 4
    max_completion_length: Annotated[int, Field(ge=1, le=8192)] = 64
    temperature: Annotated[float, Field(gt=0, le=5)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    num_iterations: Annotated[int, Field(ge=1, le=64)] = 1
    epsilon: Annotated[float, Field(gt=0, lt=1)] | None = None
    scale_rewards: Literal["group", "batch", "none"] | None = None

    @field_validator("reward_run")
    @classmethod
    def _absolute(cls, given: str) -> str:
        return str(Path(given).expanduser().resolve()) if given else ""  # the run's process has its own folder

    @model_validator(mode="after")
    def _is_used(self) -> RunConfig:
        if self.batch_size % self.num_generations:
            msg = f"batch_size {self.batch_size} is not a multiple of num_generations {self.num_generations}"
            raise ValueError(msg)
        if self.algorithm == "rloo" and self.scale_rewards is not None:
            msg = "scale_rewards is ignored by rloo; leave it out, or use algorithm='grpo'"
            raise ValueError(msg)
        if self.epsilon is not None and self.num_iterations == 1:
            msg = "epsilon clips nothing while answers are used once; set num_iterations above 1, or leave it out"
            raise ValueError(msg)
        if self.max_completion_length >= self.max_length:
            msg = f"max_completion_length {self.max_completion_length} leaves no room for a prompt in max_length"
            raise ValueError(f"{msg} {self.max_length}")
        return self


def check_rows(
    listed: Sequence[Mapping[str, Any]],
    where: str = "rows",
    *,
    config: RunSettings | None = None,
    least: int = 1,
) -> None:
    """Raise `TrainingError` unless there are enough rows with a prompt each, and a reward run that is done.

    A step takes `batch_size` / `num_generations` prompts, and TRL drops those that do not fill one.
    """
    if isinstance(config, RunConfig):
        least = max(least, config.batch_size // config.num_generations)
    rows.check(listed, (), where, least=least, what="prompts")
    if isinstance(config, RunConfig):
        _reward_run(config)


def train(run_dir: Path, config: RunConfig, reporter: runfiles.Reporter) -> None:
    """Train on the prompts of data.jsonl in this process and save `adapter/` (or `model/`) in the run folder.

    Raises
    ------
    TrainingError
        When too few prompts leave room for an answer, or the reward model cannot be used.
    """
    check_rows(running.read(run_dir)[0], "data.jsonl", config=config)
    folder = _reward_run(config)
    setup = running.load(run_dir, config, reporter)
    data = _prompts(setup, config)
    reporter.manifest({"reward_run": reward.provenance(folder)})
    import trl

    parts = running.arguments(setup, evaluates=data[1] is not None)
    parts["per_device_eval_batch_size"] = config.num_generations  # whole groups
    given = {
        **parts,
        "beta": config.beta,
        "num_generations": config.num_generations,
        "max_completion_length": config.max_completion_length,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "num_iterations": config.num_iterations,
        "epsilon": config.epsilon or _CLIP,
    }
    if config.algorithm == "grpo":
        given["scale_rewards"] = config.scale_rewards or "group"
    name = config.algorithm.upper()
    arguments = getattr(trl, f"{name}Config")(**given)  # which chooses this process's GPU, for the reward model too
    judge, judge_tokenizer = reward.load(folder)
    with running.score_answers_only():
        trainer = getattr(trl, f"{name}Trainer")
        running.fit(setup, trainer, arguments, data, _LOGGED, reward_funcs=rewarding(judge, judge_tokenizer))


def rewarding(model: Any, tokenizer: Any) -> Callable[..., list[float | None]]:
    """The function TRL asks for rewards: the reward model's score of each answer, None beyond its context."""

    def reward_model(prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float | None]:
        asked = [(prompt, answer[0]["content"]) for prompt, answer in zip(prompts, completions, strict=True)]
        return reward.score(asked, model, tokenizer)

    return reward_model


def _prompts(setup: running.Setup, config: RunConfig) -> tuple[Any, Any]:
    """The prompts that leave room for an answer, and the held-out ones where they are asked for."""
    from datasets import Dataset

    tokenizer, reporter = setup.tokenizer, setup.reporter
    context = int(getattr(setup.model.config, "max_position_embeddings", 0) or config.max_length)
    room = min(config.max_length, context) - config.max_completion_length

    def fitting(some: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        asked = [{"prompt": rows.turns(row["prompt"], tokenizer)} for row in some]
        return [row for row in asked if _length(row["prompt"], tokenizer) <= room]

    listed, held_out = running.read(setup.run_dir)
    used, held = fitting(listed), fitting(held_out) if config.eval_every is not None else []
    reporter.manifest({"rows": {"given": len(listed), "used": len(used), "too_long": len(listed) - len(used)}})
    if len(used) < len(listed):
        reporter.note(f"{len(listed) - len(used)} of {len(listed)} prompts left out: longer than {room} tokens")
    if len(used) < config.batch_size // config.num_generations:
        raise TrainingError(
            f"too few prompts: {len(used)} of {len(listed)} have at most {room} tokens, and a step takes "
            f"{config.batch_size // config.num_generations}",
            next_step="raise max_length, lower max_completion_length, or shorten the prompts",
        )
    return Dataset.from_list(used), Dataset.from_list(held) if held else None


def _length(turns: list[dict[str, str]], tokenizer: Any) -> int:
    made = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=True, return_dict=True)
    return len(made["input_ids"])


def _reward_run(config: RunConfig) -> Path:
    if not config.reward_run:
        raise TrainingError(
            "a policy run needs reward_run, the folder of a reward run",
            next_step="pilot.train('reward') makes one",
        )
    return reward.check_run(config.reward_run)
