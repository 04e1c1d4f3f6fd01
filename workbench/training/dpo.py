"""Direct preference optimisation with TRL, as a LoRA adapter.

DPO (Rafailov et al. 2023) raises the log-probability of the chosen answer over the rejected one, relative to the
start model: loss = -log sigmoid(beta x margin). `robust` (rDPO, Chowdhury et al. 2024) undoes a known share of
flipped labels; `ipo` (Azar et al. 2023) regresses the margin to 1 / (2 beta), so it cannot run away on clean pairs.

Several votes a pair need no loss of their own: write one row a vote (2-1 is chosen > rejected twice and the reverse
once), the same number of rows for every item, and the mean loss is the soft-label loss.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from workbench.errors import TrainingError
from workbench.records import Record
from workbench.training import models, runfiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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


class RunConfig(Record):
    """Settings of one DPO run, all of which TRL really uses.

    The learning rate is modest on purpose: on a small model 2e-4 mostly teaches "shorter is better" (in one
    200-prompt trial the mean answer fell from 36 to 12 words), so raise it only with an eye on length and on every
    kind of prompt.

    Attributes
    ----------
    loss
        `sigmoid` is DPO, `robust` rDPO with flip rate `label_smoothing`, `ipo` IPO.
    beta
        Strength of the pull to the start model; for `ipo` the regularisation tau.
    label_smoothing
        Probability that a label is flipped, 0 <= epsilon < 0.5; `robust` only, because TRL ignores it elsewhere.
    epochs, max_steps, time_budget_s
        Passes over the pairs; training ends earlier at `max_steps` optimiser steps or after so many seconds.
    batch_size
        Pairs an optimiser step.
    lora_r
        Rank of the adapter on all linear layers; its scale is 2 (alpha = 2 r).
    max_length
        Tokens of prompt and answer together. Longer pairs are left out and counted, never cut: a cut answer would
        teach the model not to end.
    gradient_checkpointing
        Less memory for about a third more time; for models of billions of parameters.
    """

    model: str = models.EMBEDDED
    loss: Literal["sigmoid", "robust", "ipo"] = "sigmoid"
    beta: Annotated[float, Field(gt=0, le=10)] = 0.1
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 5e-5
    epochs: Annotated[float, Field(gt=0, le=100)] = 2.0
    max_steps: Annotated[int, Field(ge=1)] | None = None
    time_budget_s: Annotated[float, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 8
    lora_r: Annotated[int, Field(ge=1, le=256)] = 16
    max_length: Annotated[int, Field(ge=16, le=131_072)] = 512
    gradient_checkpointing: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @model_validator(mode="after")
    def _label_smoothing_is_used(self) -> RunConfig:
        if self.label_smoothing > 0 and self.loss != "robust":
            msg = f"label_smoothing is ignored by loss {self.loss!r}; use loss='robust', or set it to 0"
            raise ValueError(msg)
        return self


def check_rows(rows: Sequence[Mapping[str, Any]], where: str = "rows", *, least: int = MIN_PAIRS) -> None:
    """Raise `TrainingError` unless there are at least `least` rows, each with a prompt and two different answers."""
    for number, row in enumerate(rows, start=1):
        for name in ("prompt", "chosen", "rejected"):
            value = row.get(name)
            if not isinstance(value, str) or not value.strip():
                raise TrainingError(
                    f"{name} must be a text that is not empty, got {str(value)[:60]!r}",
                    where=f"{where}:{number}",
                    next_step="rows are {prompt, chosen, rejected}; other columns are carried along unused",
                )
        if row["chosen"] == row["rejected"]:
            raise TrainingError("chosen and rejected are the same text", where=f"{where}:{number}")
    if len(rows) < least:
        raise TrainingError(
            f"too few pairs: {len(rows)}, and a run needs at least {least}",
            where=where,
            next_step="label more items, or keep ties out of fewer of them",
        )


def train(rows_path: Path, run_dir: Path, config: RunConfig, reporter: runfiles.Reporter) -> None:
    """Train in this process and save `adapter/` in the run folder.

    Rows go to TRL as conversations, one user turn and one assistant turn, so TRL applies the model's own chat template
    to prompt and answer together: the tokens are those that generation sees, nothing is added twice (a rendered text
    would get a second begin-of-text token from many tokenizers), and only the answer carries the loss.

    Raises
    ------
    TrainingError
        When there are too few usable pairs.
    """
    models.require_train()
    rows = runfiles.read_jsonl(rows_path)
    check_rows(rows, rows_path.name)
    reporter.phase("loading the model")
    ref = models.resolve(config.model)
    import torch
    from datasets import Dataset
    from datasets.utils.logging import disable_progress_bar
    from peft import LoraConfig
    from transformers import set_seed
    from trl import DPOConfig, DPOTrainer

    disable_progress_bar()
    threads = models.use_threads()
    model, tokenizer = models.load(ref)
    bf16 = model.dtype == torch.bfloat16
    used = _fitting(rows, tokenizer, config, reporter)
    reporter.manifest(
        {
            "model": {"id": ref.id, "sha256": ref.sha256},
            "device": torch.cuda.get_device_name() if model.device.type == "cuda" else "cpu",
            "dtype": "bfloat16" if bf16 else "float32",
            "threads": threads,
            "pairs": {"given": len(rows), "used": len(used), "too_long": len(rows) - len(used)},
        }
    )
    set_seed(config.seed)
    arguments = DPOConfig(
        output_dir=str(run_dir / "checkpoints"),
        loss_type=[config.loss],
        beta=config.beta,
        label_smoothing=config.label_smoothing,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        per_device_train_batch_size=config.batch_size,
        max_length=config.max_length,
        gradient_checkpointing=config.gradient_checkpointing,
        precompute_ref_log_probs=True,
        bf16=bf16,
        use_cpu=model.device.type == "cpu",
        dataloader_pin_memory=model.device.type == "cuda",
        logging_steps=1,
        disable_tqdm=True,
        report_to="none",
        save_strategy="no",
        train_sampling_strategy="sequential",  # `batch_order` has shuffled
        seed=config.seed,
        data_seed=config.seed,
    )
    reporter.phase("reference log-probabilities")
    with _score_answers_only():
        trainer = DPOTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list([_conversation(row, tokenizer) for row in used]),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=config.lora_r, lora_alpha=2 * config.lora_r, target_modules="all-linear", task_type="CAUSAL_LM"
            ),
            callbacks=[_callback(reporter, config.time_budget_s)],
        )
        trainer.train()
    reporter.phase("saving")
    trainer.model.save_pretrained(run_dir / "adapter")


def conversation_tokens(tokenizer: Any, prompt: str, answer: str) -> tuple[list[int], list[int]]:
    """Tokens of the prompt, and of the answer with its end, exactly as `train` has TRL make them."""
    row = _conversation({"prompt": prompt, "chosen": answer, "rejected": answer}, tokenizer)

    def tokens(turns: list[dict[str, str]], ask: bool) -> list[int]:
        made = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=ask, return_dict=True)
        return list(made["input_ids"])

    head, whole = tokens(row["prompt"], True), tokens(row["prompt"] + row["chosen"], False)
    shared = next((i for i, (a, b) in enumerate(zip(head, whole, strict=False)) if a != b), len(head))
    return head[:shared], whole[shared:]


def _conversation(row: Mapping[str, Any], tokenizer: Any) -> dict[str, list[dict[str, str]]]:
    def turn(role: str, name: str) -> list[dict[str, str]]:
        return [{"role": role, "content": models.plain(row[name], tokenizer)}]

    return {
        "prompt": turn("user", "prompt"),
        "chosen": turn("assistant", "chosen"),
        "rejected": turn("assistant", "rejected"),
    }


def _fitting(
    rows: Sequence[Mapping[str, Any]], tokenizer: Any, config: RunConfig, reporter: runfiles.Reporter
) -> list[Mapping[str, Any]]:
    """The rows that fit `max_length`, in the order they are trained on."""

    def length(row: Mapping[str, Any]) -> int:
        return max(sum(map(len, conversation_tokens(tokenizer, row["prompt"], row[side]))) for side in _SIDES)

    lengths = [length(row) for row in rows]
    used = [place for place, tokens in enumerate(lengths) if tokens <= config.max_length]
    if len(used) < len(rows):
        left_out = len(rows) - len(used)
        reporter.note(f"{left_out} of {len(rows)} pairs left out: longer than {config.max_length} tokens")
    if len(used) < MIN_PAIRS:
        raise TrainingError(
            f"too few pairs: {len(used)} of {len(rows)} fit max_length {config.max_length}",
            next_step="raise max_length, or shorten the prompts",
        )
    return [rows[place] for place in batch_order(used, lengths, config.batch_size, config.seed)]


def batch_order(places: Sequence[int], lengths: Sequence[int], batch_size: int, seed: int) -> list[int]:
    """An order whose consecutive batches hold texts of about one length, the batches themselves shuffled.

    Padding is computed like text, so mixed batches of short and long pairs waste much of a CPU's time. Ties in length
    are broken at random; a last batch that is not full holds the shortest and stays last.
    """
    random = np.random.default_rng(seed)
    shuffled = [places[i] for i in random.permutation(len(places))]
    ranked = sorted(shuffled, key=lambda place: -lengths[place])
    batches = [ranked[start : start + batch_size] for start in range(0, len(ranked), batch_size)]
    rest = [batches.pop()] if len(ranked) % batch_size else []
    return [place for i in random.permutation(len(batches)) for place in batches[i]] + [p for one in rest for p in one]


@contextmanager
def _score_answers_only() -> Iterator[None]:
    """Let TRL compute log-probabilities at the answers' tokens only, on a CPU as it does on a GPU.

    Its fused head skips prompts and padding only where Triton runs, to spare other accelerators a recompilation for
    every shape; a CPU has nothing to recompile, and spends about half of a step of a small model on them.
    """
    from trl.trainer import utils

    before = utils._use_triton
    utils._use_triton = lambda _: True  # read by `add_fused_lm_head` alone; the kernels ask for themselves
    try:
        yield
    finally:
        utils._use_triton = before


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(float(value)) else None


def _callback(reporter: runfiles.Reporter, budget: float | None) -> Any:
    from transformers import TrainerCallback

    class Report(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
        """One line of metrics a step, and the end of the time budget."""

        began = 0.0
        last = 0.0
        tokens = 0.0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            self.began = self.last = time.monotonic()
            reporter.phase("training", int(state.max_steps))

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
            if not logs or "loss" not in logs:
                return
            now = time.monotonic()
            tokens = float(logs.get("num_tokens", self.tokens))
            step = int(state.global_step)
            if not math.isfinite(float(logs["loss"])):
                raise TrainingError(
                    f"the loss is {logs['loss']} at step {step}", next_step="lower learning_rate, or raise beta"
                )
            reporter.metrics(
                {
                    "step": step,
                    "steps": int(state.max_steps),
                    "epoch": round(float(state.epoch or 0), 4),
                    **{name: _finite(logs.get(key)) for name, key in _LOGGED.items()},
                    "tokens_per_s": round((tokens - self.tokens) / max(now - self.last, 1e-9), 1),
                    "seconds": round(now - self.began, 3),
                    "eta_s": round((now - self.began) / max(step, 1) * max(int(state.max_steps) - step, 0), 1),
                }
            )
            reporter.advance(step)
            self.tokens, self.last = tokens, now

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            spent = time.monotonic() - self.began
            if budget is not None and spent > budget and state.global_step < state.max_steps:
                reporter.note(f"stopped at step {state.global_step} of {state.max_steps}: time budget of {budget:g} s")
                control.should_training_stop = True

    return Report()
