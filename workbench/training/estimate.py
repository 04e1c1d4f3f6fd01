"""What a run will take, said before it starts: steps, tokens, memory and time. Nothing here loads torch.

Tokens are counted with the model's own tokenizer where its files are on this machine. Memory is a sum over what a step
holds, from the model's shape. Time comes from runs on this machine where there are some, else from a short probe of
its arithmetic; a GPU on which nothing ran yet is not guessed at. `lines` say which of these a number rests on.
"""

from __future__ import annotations

import math
import platform
import statistics
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TrainingError, WorkbenchError
from workbench.training import kinds, launching, models, runfiles, runs, settings, shapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from workbench.training.settings import RunSettings
    from workbench.training.shapes import Shape

# What a row is read as: one text for each of these columns.
_READ = {
    "sft": ("completion",),
    "reward": ("chosen", "rejected"),
    "dpo": ("chosen", "rejected"),
    "kto": ("completion",),
}
CHARACTERS_A_TOKEN = 4

# Measured on two cores of an x86 CPU with the embedded model (135M, LoRA 16) against the peak of each run's process.
PROCESS_MB = 700  # Python, torch and TRL before there is a model
_LAYER_NUMBERS = (16, 6)  # that a layer keeps of each token for the backward pass: times hidden, times intermediate
# TRL scores answers in tiles of tokens by words; on a CPU so many copies of one are held.
_TILE, _TILES = (4096, 32_768), 8
# Share of the machine's float32 matrix speed that training reaches with float32 weights; bfloat16 is so much faster.
_REACHED, _BFLOAT16 = 0.6, 1.9
_FORWARD = 1 / 3  # of a step's time
_START_S = 20.0  # to load torch, TRL and a small model, and to save


@dataclass(frozen=True)
class Pace:
    """Tokens a second of training, and in words where the number comes from."""

    tokens_per_s: float
    basis: str


def estimate(
    kind: str,
    rows: Sequence[Mapping[str, Any]],
    config: RunSettings | None = None,
    *,
    launch: launching.Launch | None = None,
    runs_dir: str | Path | None = None,
    answers: int = 0,
    answer_tokens: int = 96,
) -> dict[str, Any]:
    """What a run of this kind on these rows would take.

    Parameters
    ----------
    runs_dir
        Where earlier runs lie, whose pace is taken.
    answers, answer_tokens
        Answers that base and adapter each write after training, and the most tokens of one.

    Returns
    -------
    dict
        `steps`; `tokens` read in all of them; `memory_mb`, the peak of one process, on the GPU where there is one;
        `seconds` from start to end, at most the time budget with what comes before and after; None where unknown; and
        `lines`, what these rest on.

    Raises
    ------
    TrainingError
        For rows or settings no run can be made of.
    """
    module = kinds.trainer(kind)
    config = config or module.RunConfig()
    launch = launch or launching.Launch()
    launching.check(launch, config)
    module.check_rows(rows, config=config)
    folder = shapes.folder(config.model)
    lengths, counted = _lengths(kind, rows, config, folder)
    used = [row for row in lengths if max(map(sum, row)) <= config.max_length]
    if not used:
        raise TrainingError(
            f"none of {len(rows)} rows fits max_length {config.max_length}", next_step="raise max_length"
        )
    steps, passes = _steps(kind, len(used), config)
    once = sum(sum(text) for row in used for text in row)
    tokens = round(once * passes)
    shape = shapes.shape(config.model)
    gpu = shapes.gpu()
    longest = max(sum(text) for row in used for text in row)
    lines = [f"{steps} steps of {config.batch_size} rows" + _left_out(len(lengths) - len(used), config)]
    lines.append(f"{tokens:,} tokens in all, {once:,} a pass, {longest:,} the longest text: {counted}")
    memory = None
    if shape is None:
        lines.append(f"memory unknown: the files of {config.model} are not on this machine")
    else:
        parts = memory_parts(kind, shape, config, used, launch, gpu=gpu is not None)
        memory = round(sum(parts.values()))
        said = ", ".join(f"{name} {value:,.0f}" for name, value in parts.items() if value >= 1)
        lines.append(f"about {memory:,} MB a process on {'the GPU' if gpu else 'the CPU'}: {said}")
        lines += _room(memory, launch, gpu)
    seconds, told = _seconds(kind, config, shape, tokens, once, launch, runs_dir, answers * answer_tokens, gpu)
    return {"steps": steps, "tokens": tokens, "memory_mb": memory, "seconds": seconds, "lines": [*lines, *told]}


def memory_parts(
    kind: str,
    shape: Shape,
    config: RunSettings,
    lengths: Sequence[Sequence[tuple[int, int]]],
    launch: launching.Launch,
    *,
    gpu: bool,
) -> dict[str, float]:
    """Megabytes that one process holds at the peak of a step, by what they are for.

    Parameters
    ----------
    lengths
        Tokens of prompt and answer of each text, by row.
    """
    bf16 = gpu or models.best_dtype() == "bfloat16"
    width = 2 if bf16 and config.lora_r else 4
    spread = launch.num_processes if launch.config_file in ("fsdp", "zero3") else 1
    trained = config.lora_r * shape.adapted if config.lora_r else shape.parameters
    rows = max(1, config.batch_size // config.accumulation // launch.num_processes)
    texts = rows * (1 if kind == "policy" else len(_READ[kind]))
    tokens = texts * max(sum(text) for row in lengths for text in row)
    scored = 0 if kind == "reward" else min(texts * max(text[1] for row in lengths for text in row), _TILE[0])
    large = shape.parameters >= settings.LARGE
    checkpointing = config.gradient_checkpointing if config.gradient_checkpointing is not None else gpu and large
    a_layer = _LAYER_NUMBERS[0] * shape.hidden + _LAYER_NUMBERS[1] * shape.intermediate
    kept = a_layer + shape.layers * shape.hidden if checkpointing else shape.layers * a_layer
    parts = {
        "program": 0 if gpu else PROCESS_MB,
        "weights": shape.parameters * width / spread / 1e6,
        "gradients and optimiser": trained * (16 if config.lora_r else 12) / spread / 1e6,
        "activations": tokens * kept * (2 if bf16 else 4) / 1e6,
        "logits": scored * min(shape.vocabulary, _TILE[1]) * 4 * (2 if gpu else _TILES) / 1e6,
    }
    if spread > 1:  # every process has the whole model before it is spread
        parts["loading"] = max(0.0, shape.parameters * width / 1e6 - (sum(parts.values()) - parts["program"]))
    return parts


def pace(kind: str, config: RunSettings, runs_dir: str | Path | None, shape: Shape | None) -> Pace | None:
    """Training speed on this machine from earlier runs: of this kind and model, else of others by their arithmetic."""
    same: list[float] = []
    other: list[float] = []
    for run in runs.list_runs(runs_dir) if runs_dir else []:
        try:
            whole, status, metrics = run.config(), runfiles.read_status(run.path), run.metrics()
        except WorkbenchError:
            continue
        speed = measured(metrics)
        if speed is None or status.host != platform.node() or whole.launch.num_processes != 1:
            continue
        if (
            whole.kind == kind
            and whole.config.model == config.model
            and bool(whole.config.lora_r) == bool(config.lora_r)
        ):
            same.append(speed)
        elif shape is not None and (theirs := shapes.shape(whole.config.model)) is not None:
            other.append(speed * _work(theirs, whole.config) / _work(shape, config))
    if same:
        last = same[-3:]
        return Pace(statistics.median(last), f"{len(last)} earlier {kind} runs of this model here")
    if other:
        return Pace(
            statistics.median(other[-3:]), "earlier runs here of other kinds or models, by the arithmetic of each"
        )
    return None


def measured(metrics: Sequence[Mapping[str, Any]]) -> float | None:
    """Tokens a second over all steps of a run, the first left out where there are more; None where none says."""
    steps = [row for row in metrics if row.get("tokens_per_s") and row.get("seconds")]
    spent = [(row["seconds"] - before["seconds"], row["tokens_per_s"]) for before, row in pairwise(steps)]
    spent = [(seconds, speed) for seconds, speed in spent if seconds > 0]
    if not spent:
        return float(steps[0]["tokens_per_s"]) if steps else None
    return float(sum(seconds * speed for seconds, speed in spent) / sum(seconds for seconds, _ in spent))


def probe(size: int = 1024) -> float:
    """Floating-point operations a second of all cores' float32 matrix product when nothing else runs; takes 0.2 s.

    Processor time is measured and not the clock's, or a busy machine would look like a slow one.
    """
    a = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    best = math.inf
    for _ in range(5):
        began = time.process_time()
        a @ a
        best = min(best, time.process_time() - began)
    return 2 * size**3 / best * models.cores()


def _seconds(
    kind: str,
    config: RunSettings,
    shape: Shape | None,
    tokens: int,
    once: int,
    launch: launching.Launch,
    runs_dir: str | Path | None,
    answered: int,
    gpu: tuple[str, float] | None,
) -> tuple[float | None, list[str]]:
    found = pace(kind, config, runs_dir, shape)
    if found is None:
        if shape is None or gpu is not None:
            why = f"nothing was trained on this {gpu[0]} yet" if gpu else "this model's size is not known"
            return None, [f"time unknown: {why}; a run with max_steps 5 in this folder tells"]
        faster = _BFLOAT16 if models.best_dtype() == "bfloat16" else 1.0
        speed = probe() * _REACHED * faster / _work(shape, config)
        found = Pace(
            speed, "a probe of this machine's arithmetic, for when nothing else runs; it may be off by a factor of 2"
        )
    n = launch.num_processes
    speed = found.tokens_per_s * (n if gpu else 1)  # processes on a CPU share its cores
    training = tokens / speed
    before = once * _FORWARD / speed if kind == "dpo" else 0.0
    after = 2 * answered * _FORWARD / speed
    lines = [f"{speed:,.0f} tokens a second: {found.basis}" + (f", times {n} GPUs" if gpu and n > 1 else "")]
    if config.time_budget_s is not None and training > config.time_budget_s:
        training = config.time_budget_s
        lines.append(
            f"the time budget of {config.time_budget_s:g} s ends training at about {training * speed / tokens:.0%}"
        )
    parts = {"to start and save": _START_S, "reference": before, "training": training, "answers": after}
    lines.append(", ".join(f"{name} {value:,.0f} s" for name, value in parts.items() if value >= 1))
    return round(sum(parts.values()), 1), lines


def _work(shape: Shape, config: RunSettings) -> float:
    """Floating-point operations a token of training: 2 a weight forward and back each, 2 more where it is trained."""
    return shape.parameters * (4.0 if config.lora_r else 6.0)


def _steps(kind: str, n: int, config: RunSettings) -> tuple[int, float]:
    """Optimiser steps, and passes over the rows in them."""
    told = config.model_dump()
    if kind == "policy":
        prompts = config.batch_size // told["num_generations"]
        a_pass = n // prompts * told["num_iterations"]
    else:
        a_pass = math.ceil(n / config.batch_size)
    if not a_pass:
        raise TrainingError(f"{n} rows make no step of {config.batch_size}", next_step="lower batch_size")
    steps = config.max_steps or math.ceil(config.epochs * a_pass)
    return steps, steps / a_pass


def _lengths(
    kind: str, rows: Sequence[Mapping[str, Any]], config: RunSettings, folder: Path | None
) -> tuple[list[list[tuple[int, int]]], str]:
    """Tokens of each text that is read of each row, and how they were counted."""
    texts = shapes.texts(folder) if folder else None
    told = config.model_dump()
    drawn = told["max_completion_length"] if kind == "policy" else 0

    def turns(prompt: Any) -> list[str]:
        return [prompt] if isinstance(prompt, str) else [turn["content"] for turn in prompt]

    listed = [[*turns(row["prompt"]), *(row[name] for name in _READ.get(kind, ()))] for row in rows]
    if texts is not None:
        flat = texts.count([text for row in listed for text in row])
        extra, counted = texts.around, "counted with the model's tokenizer"
    else:
        flat = [math.ceil(len(text) / CHARACTERS_A_TOKEN) for row in listed for text in row]
        extra, counted = 12, f"guessed from characters / {CHARACTERS_A_TOKEN}, the tokenizer being elsewhere"
    found, at = [], 0
    for row, mine in zip(rows, listed, strict=True):
        n = flat[at : at + len(mine)]
        at += len(mine)
        asked = len(turns(row["prompt"]))
        prompt = sum(n[:asked]) + extra
        if kind == "policy":
            found.append([(prompt, drawn)] * told["num_generations"])
        else:
            found.append([(prompt, answer) for answer in n[asked:]])
    if drawn:
        counted += f", answers as long as they may be ({drawn})"
    return found, counted


def _left_out(n: int, config: RunSettings) -> str:
    return f"; {n} rows left out, longer than {config.max_length} tokens" if n else ""


def _room(memory: float, launch: launching.Launch, gpu: tuple[str, float] | None) -> list[str]:
    has = gpu[1] if gpu else shapes.memory_mb()
    wants = memory if gpu else memory * launch.num_processes // launch.num_machines
    if has is None or wants <= 0.9 * has:
        return []
    helps = "lower batch_size or max_length, raise accumulation, or set gradient_checkpointing"
    return [f"that is more than the {has:,.0f} MB there are: {helps}"]
