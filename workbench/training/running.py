"""What all trainers share: the model as trained, TRL's arguments, rows as it takes them, checkpoints, saving."""

from __future__ import annotations

import importlib.util
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import TrainingError
from workbench.training import launching, metrics, models, rows, runfiles, settings, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

CHECKPOINTS = "checkpoints"
SAVING = ".saving"  # the result until it is whole
PREPARED = "prepared"  # rows as several processes read them, and what was computed of them
_KEPT_CHECKPOINTS = 2


@dataclass(frozen=True)
class Setup:
    """A run with its start model loaded, and what was decided with it at hand."""

    run_dir: Path
    config: settings.RunSettings
    reporter: runfiles.Reporter
    model: Any
    tokenizer: Any
    bf16: bool
    gradient_checkpointing: bool


def processes() -> tuple[int, int]:
    """This process's rank, and how many train together (1 without a launcher)."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def read(run_dir: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows to train on, and the rows held out."""
    return runfiles.read_jsonl(run_dir / "data.jsonl"), runfiles.read_jsonl(run_dir / "held_out.jsonl")


def load(run_dir: Path, config: settings.RunSettings, reporter: runfiles.Reporter, *, scalar: bool = False) -> Setup:
    """Load the start model, and write down in the manifest what it is and what was chosen for it.

    Parameters
    ----------
    scalar
        With a head of one number in place of the vocabulary's, for a reward model.
    """
    models.require_train()
    workers.use_device()
    reporter.phase("loading the model")
    ref = models.resolve(config.model)
    if last_checkpoint(run_dir):
        runfiles.check_base(run_dir, config.model, ref.sha256)
    import torch
    from datasets.utils.logging import disable_progress_bar
    from transformers import set_seed

    disable_progress_bar()
    set_seed(config.seed)  # before the scalar head is drawn
    model, tokenizer = models.load(ref, attention=_attention(config.attention), scalar=scalar)
    threads = models.use_threads()
    cuda = model.device.type == "cuda"
    large = sum(weight.numel() for weight in model.parameters()) >= settings.LARGE
    checkpointing = config.gradient_checkpointing if config.gradient_checkpointing is not None else cuda and large
    bf16 = model.dtype == torch.bfloat16
    if not config.lora_r and bf16:
        model.float()  # steps of 1e-5 vanish in bfloat16 weights; autocast still computes in bfloat16
    reporter.manifest(
        {
            "model": {"id": ref.id, "sha256": ref.sha256},
            "device": torch.cuda.get_device_name() if cuda else "cpu",
            "dtype": "bfloat16" if bf16 else "float32",
            "attention": str(getattr(model.config, "_attn_implementation", "") or "default"),
            "gradient_checkpointing": checkpointing,
            "threads": threads,
            "processes": processes()[1],
        }
    )
    return Setup(run_dir, config, reporter, model, tokenizer, bf16, checkpointing)


def arguments(setup: Setup, *, evaluates: bool) -> dict[str, Any]:
    """The arguments that every TRL trainer takes, as its `…Config` wants them.

    Parameters
    ----------
    evaluates
        Whether there are held-out rows to measure while training.
    """
    config, model, world = setup.config, setup.model, processes()[1]
    share = launching.share(config.batch_size, config.accumulation, world)
    return {
        "output_dir": str(setup.run_dir / CHECKPOINTS),
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "linear",
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps or -1,
        "per_device_train_batch_size": share,
        "per_device_eval_batch_size": share,
        "gradient_accumulation_steps": config.accumulation,
        "activation_checkpointing": setup.gradient_checkpointing,
        "bf16": setup.bf16,
        "use_cpu": model.device.type == "cpu",
        # Every weight of a dense model takes part in every step; looking for some that do not costs a pass a step.
        "ddp_find_unused_parameters": hasattr(model.config, "output_router_logits") if world > 1 else None,
        "dataloader_pin_memory": model.device.type == "cuda",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # else a loss that is no number is logged as 0, and training goes on
        "disable_tqdm": True,
        "report_to": "none",
        "eval_strategy": "steps" if evaluates and config.eval_every else "no",
        "eval_steps": config.eval_every if evaluates else None,
        "save_strategy": "steps" if config.save_every else "no",
        "save_steps": config.save_every or 500,
        "save_total_limit": _KEPT_CHECKPOINTS,
        "seed": config.seed,
        "data_seed": config.seed,
    }


def adapter(config: settings.RunSettings, task: str = "CAUSAL_LM") -> Any:
    """The LoRA settings, or None where all weights are trained."""
    if not config.lora_r:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=config.lora_r, lora_alpha=2 * config.lora_r, target_modules="all-linear", task_type=task, use_rslora=False
    )


def datasets(
    setup: Setup,
    answers: Sequence[str],
    *,
    least: int,
    what: str,
    more: Sequence[str] = (),
    at_end: bool = False,
) -> tuple[Any, Any]:
    """The rows to train on as TRL takes them, in their order, and the held-out ones where they are to be measured.

    Parameters
    ----------
    answers
        The columns that hold answers.
    what
        What a row is called, in the plural.
    more
        Further columns that the trainer reads.
    at_end
        Measure held-out rows at the end where they are not measured while training (`eval_every`): for kinds of which
        nothing else tells how they do on them.

    Raises
    ------
    TrainingError
        When fewer than `least` rows fit `max_length`.
    """
    from datasets import Dataset

    config, reporter, tokenizer = setup.config, setup.reporter, setup.tokenizer
    listed, held_out = read(setup.run_dir)

    def columns(some: Sequence[Mapping[str, Any]]) -> Any:
        return Dataset.from_list(
            [
                rows.conversation(row, answers, tokenizer) | {name: row[name] for name in more if name in row}
                for row in some
            ]
        )

    def lengths(some: Sequence[Mapping[str, Any]]) -> list[int]:
        return [rows.length(row, answers, tokenizer) for row in some]

    context = int(getattr(setup.model.config, "max_position_embeddings", 0) or 0)
    most = min(config.max_length, context or config.max_length)  # a model reads nothing sensible beyond its context
    tokens = lengths(listed)
    used = [place for place, n in enumerate(tokens) if n <= most]
    reporter.manifest({"rows": {"given": len(listed), "used": len(used), "too_long": len(listed) - len(used)}})
    if len(used) < len(listed):
        reporter.note(f"{len(listed) - len(used)} of {len(listed)} {what} left out: longer than {most} tokens")
    if len(used) < least:
        beyond = most < config.max_length
        raise TrainingError(
            f"too few {what}: {len(used)} of {len(listed)} fit "
            + (f"the model's context of {most} tokens" if beyond else f"max_length {most}"),
            next_step="shorten the prompts" if beyond else "raise max_length, or shorten the prompts",
        )
    train = columns([listed[place] for place in rows.batch_order(used, tokens, config.batch_size, config.seed)])
    measured = held_out if config.eval_every is not None or at_end else []
    fits = [row for row, n in zip(measured, lengths(measured), strict=True) if n <= most]
    held = columns(fits) if fits else None
    if processes()[1] > 1:
        train = workers.shared(train, setup.run_dir / PREPARED / "train")
        held = None if held is None else workers.shared(held, setup.run_dir / PREPARED / "held_out")
    return train, held


@contextmanager
def score_answers_only() -> Iterator[None]:
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


def fit(
    setup: Setup,
    trainer: Callable[..., Any],
    arguments: Any,
    data: tuple[Any, Any],
    logged: Mapping[str, str],
    *,
    task: str = "CAUSAL_LM",
    **more: Any,
) -> None:
    """Train with one of TRL's trainers, from the last checkpoint where the run was stopped before, and save.

    Parameters
    ----------
    trainer, arguments
        TRL's class, and its `…Config`; `more` are further parameters of the class.
    data
        Rows to train on, and rows held out or None: what `datasets` returned.
    logged
        Our name of a measure -> TRL's (`metrics.callback`).
    task
        What peft calls the kind of model.
    """
    made = trainer(
        model=setup.model,
        args=arguments,
        train_dataset=data[0],
        eval_dataset=data[1],
        processing_class=setup.tokenizer,
        peft_config=adapter(setup.config, task),
        callbacks=[metrics.callback(setup.reporter, logged, setup.config.time_budget_s)],
        **more,
    )
    made.train(resume_from_checkpoint=last_checkpoint(setup.run_dir))
    every = setup.config.eval_every
    if data[1] is not None and (every is None or made.state.global_step % every):
        made.evaluate()
    save(made, setup)


def last_checkpoint(run_dir: Path) -> str | None:
    """The last whole checkpoint of a run, or None. One that was being written when the process died is passed over."""
    found = []
    for folder in (run_dir / CHECKPOINTS).glob("checkpoint-*"):
        number = folder.name.rpartition("-")[2]
        # the trainer's state is written last
        if number.isdigit() and (folder / "trainer_state.json").is_file():
            found.append((int(number), folder))
    return str(max(found)[1]) if found else None


def save(trainer: Any, setup: Setup) -> None:
    """Save `adapter/`, or `model/` where all weights were trained, and remove the checkpoints."""
    setup.reporter.phase("saving")
    run_dir, lora = setup.run_dir, bool(setup.config.lora_r)
    accelerator = trainer.accelerator
    state = accelerator.get_state_dict(trainer.model)  # gathers a sharded model, on every process
    if not accelerator.is_main_process:
        return
    model = accelerator.unwrap_model(trainer.model)
    folder = run_dir / SAVING
    shutil.rmtree(folder, ignore_errors=True)
    if lora:
        model.save_pretrained(folder, state_dict=state)
    else:
        import torch

        dtype = torch.bfloat16 if setup.bf16 else torch.float32
        model.to(dtype).save_pretrained(folder, state_dict={name: value.to(dtype) for name, value in state.items()})
        setup.tokenizer.save_pretrained(folder)
    folder.rename(run_dir / ("adapter" if lora else "model"))
    for name in (CHECKPOINTS, PREPARED):
        shutil.rmtree(run_dir / name, ignore_errors=True)


def saved(run_dir: Path) -> bool:
    """Whether the run's result is there already, so that what is left is to measure it."""
    return (run_dir / "adapter").is_dir() or (run_dir / "model").is_dir()


def _attention(asked: settings.Attention) -> str:
    if asked != "auto":
        return asked
    import torch

    flash = torch.cuda.is_available() and importlib.util.find_spec("flash_attn") is not None
    return "flash_attention_2" if flash else "sdpa"
