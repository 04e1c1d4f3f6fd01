"""How long DPO takes: our run beside a bare TRL script, on the same pairs of the shipped pilot, in one go.

    .venv/bin/python benchmarks/dpo.py [--pairs 48] [--held-out 16] [--epochs 1] [--repeats 3]
    .venv/bin/python benchmarks/dpo.py --levers [--pairs 16]      # each of our levers switched off, one at a time

Every measurement is a process of its own, the sides in turn (A B A B), and all sides have the same pairs, loss, beta,
adapter, batch size, epochs, learning rate and seed. The bare script is what TRL's documentation leads to: the model as
`from_pretrained` gives it (float32), DPOConfig, DPOTrainer, LoraConfig, and their defaults otherwise, which are
bfloat16 autocast, gradient checkpointing, the reference model run at every step, and rows shuffled whatever their
length. Two more bare scripts switch off first the one and then the other of what costs most on a CPU.

CPU seconds are those of the process and of the system for it; beside other work on the machine they say more than
the clock. Training runs from the loaded model to the last step: tokens, reference log-probabilities and steps. The
final loss is measured after that, by one function for all, in float32 on pairs of prompts that were not trained on.

On a machine with a GPU all sides use it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PILOT = "instruction-following-smollm2"
OURS = "ours"
BARE: dict[str, dict[str, Any]] = {
    "bare TRL": {},
    "bare TRL, bf16=False": {"bf16": False},
    "bare TRL, bf16=False, no checkpointing": {"bf16": False, "activation_checkpointing": False},
}
# What is switched off in our run, one at a time.
LEVERS = {
    "beginnings computed once": "packing",
    "one pass over the head": "head",
    "answers scored only": "answers",
    "batches of like length": "lengths",
    "references computed once": "references",
    "dtype of the hardware": "dtype",
    "no gradient checkpointing": "checkpointing",
    "memory kept": "malloc",
    "threads that sleep": "waiting",
}
KEPT = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")


class Clock:
    """Seconds since the process began (about), by the wall and of CPU."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.marks: dict[str, tuple[float, float]] = {}

    def mark(self, name: str) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.marks[name] = (time.monotonic() - self.began, used.ru_utime + used.ru_stime)

    def between(self, start: str, end: str) -> dict[str, float]:
        (wall, cpu), (wall_end, cpu_end) = self.marks[start], self.marks[end]
        return {"wall": wall_end - wall, "cpu": cpu_end - cpu}


def bare(asked: dict[str, Any], rows: list[dict[str, str]], changed: dict[str, Any], clock: Clock) -> Any:
    """The script a researcher would write."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    model = AutoModelForCausalLM.from_pretrained(asked["path"])
    tokenizer = AutoTokenizer.from_pretrained(asked["path"])
    clock.mark("loaded")
    data = Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": row["prompt"]}],
                "chosen": [{"role": "assistant", "content": row["chosen"]}],
                "rejected": [{"role": "assistant", "content": row["rejected"]}],
            }
            for row in rows
        ]
    )
    args = DPOConfig(
        output_dir=asked["folder"],
        learning_rate=asked["learning_rate"],
        num_train_epochs=asked["epochs"],
        per_device_train_batch_size=asked["batch_size"],
        beta=asked["beta"],
        seed=asked["seed"],
        report_to="none",
        **changed,
    )
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = DPOTrainer(model=model, args=args, train_dataset=data, processing_class=tokenizer, peft_config=lora)
    trainer.train()
    clock.mark("trained")
    trainer.save_model(str(Path(asked["folder"]) / "adapter"))
    return [float(row["loss"]) for row in trainer.state.log_history if "loss" in row]


def ours(asked: dict[str, Any], rows: list[dict[str, str]], off: str, clock: Clock) -> Any:
    """Our run, as its process does it."""
    from workbench.training import dpo, jobs, processes, runfiles, running

    config = dpo.RunConfig(
        model=asked["model"],
        learning_rate=asked["learning_rate"],
        epochs=asked["epochs"],
        batch_size=asked["batch_size"],
        beta=asked["beta"],
        seed=asked["seed"],
        gradient_checkpointing=True if off == "checkpointing" else None,
    )
    with mock.patch.object(processes, "launch"):
        run = jobs.start("dpo", rows, config, asked["folder"])
    load, save = running.load, running.save

    def loads(*given: Any, **more: Any) -> Any:
        base = load(*given, **more)
        clock.mark("loaded")
        return base

    def saves(*given: Any, **more: Any) -> None:
        clock.mark("trained")
        save(*given, **more)

    reporter = runfiles.Reporter(run.path)
    with mock.patch.object(running, "load", loads), mock.patch.object(running, "save", saves), without(off):
        dpo.train(run.path, config, reporter)
    reporter.end("done")
    shutil.move(run.path / "adapter", Path(asked["folder"]) / "adapter")
    return [row["loss"] for row in run.metrics()]


@contextlib.contextmanager
def without(off: str) -> Iterator[None]:
    """Our run with one lever switched off; those of the environment and the settings are switched elsewhere."""
    from workbench.training import models, packing, rows, running, scoring

    @contextlib.contextmanager
    def nothing(*_: Any) -> Iterator[bool]:
        yield False

    def shuffled(places: Any, lengths: Any, batch_size: int, seed: int) -> list[int]:  # noqa: ARG001
        return random.Random(seed).sample(list(places), len(places))

    with contextlib.ExitStack() as stack:
        if off == "packing":
            stack.enter_context(mock.patch.object(packing, "packed", nothing))
        if off in ("head", "answers"):
            stack.enter_context(mock.patch.object(scoring, "quick_head", nothing))
        if off == "answers":
            stack.enter_context(mock.patch.object(running, "score_answers_only", nothing))
        if off == "lengths":
            stack.enter_context(mock.patch.object(rows, "batch_order", shuffled))
        if off == "dtype":
            native = models.best_dtype(models.best_device())
            other = {"float32": "bfloat16", "bfloat16": "float32"}[native]
            stack.enter_context(mock.patch.object(models, "best_dtype", return_value=other))
        if off == "references":
            import trl

            config = trl.DPOConfig
            each_step = lambda **given: config(**{**given, "precompute_ref_log_probs": False})  # noqa: E731
            stack.enter_context(mock.patch.object(trl, "DPOConfig", each_step))
        yield


def loss_of(folder: Path, asked: dict[str, Any], rows: list[dict[str, str]]) -> float:
    """Mean DPO loss of a saved adapter on the held-out pairs, in float32."""
    import torch
    from peft import PeftModel

    from workbench.training import likelihood, models

    base, tokenizer = models.load(models.resolve(asked["model"]), "float32")
    model = PeftModel.from_pretrained(base, folder / "adapter").eval()
    margins = likelihood.implicit_rewards(rows, model, tokenizer, beta=asked["beta"])
    return float(torch.nn.functional.softplus(-torch.tensor(margins)).mean())


def work(side: str, asked: dict[str, Any]) -> None:
    """One measurement, in this process."""
    clock = Clock()
    clock.mark("began")
    rows = json.loads(Path(asked["pairs"]).read_text(encoding="utf-8"))
    name, _, off = side.partition(" without ")
    losses = ours(asked, rows, off, clock) if name == OURS else bare(asked, rows, BARE[side], clock)
    clock.mark("ended")
    found: dict[str, Any] = {
        "training": clock.between("loaded", "trained"),
        "whole": clock.between("began", "ended"),
        "peak_mb": peak_mb(),
        "losses": losses,
    }
    if asked["measures"]:
        held_out = json.loads(Path(asked["held_out"]).read_text(encoding="utf-8"))
        found["loss"] = loss_of(Path(asked["folder"]), asked, held_out)
    Path(asked["result"]).write_text(json.dumps(found), encoding="utf-8")


def peak_mb() -> float:
    """Most memory held so far, in megabytes."""
    from workbench.training import metrics

    return metrics.memory_mb()


def pairs(n: int, n_held: int, seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Pairs of the shipped pilot to train on, and pairs of other prompts."""
    from workbench.pilot import open_pilot

    with tempfile.TemporaryDirectory(prefix="workbench-benchmark-") as made:
        folder = Path(made) / "pilots" / PILOT
        shutil.copytree(ROOT / "pilots" / PILOT, folder, ignore=shutil.ignore_patterns("store.*", "runs", "reports"))
        shutil.copytree(ROOT / "guidelines", Path(made) / "guidelines")
        listed = [dict(row) for row in open_pilot(folder).rows("dpo").rows]
    held = [row for row in listed if row["split"] != "train"]
    trained = [row for row in listed if row["split"] == "train"]
    draw = random.Random(seed)
    if min(len(trained) - n, len(held) - n_held) < 0:
        raise SystemExit(f"there are {len(trained)} pairs to train on and {len(held)} held out")
    keep = ("prompt", "chosen", "rejected")
    one, other = draw.sample(trained, n), draw.sample(held, n_held)
    return [{name: row[name] for name in keep} for row in one], [{name: row[name] for name in keep} for row in other]


def measure(side: str, asked: dict[str, Any], *, measures: bool) -> dict[str, Any]:
    """One measurement, in a process of its own with the environment its side would have."""
    from workbench.training import processes

    env = {name: value for name, value in os.environ.items() if name not in KEPT}
    env |= {"TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false"}
    if side.startswith(OURS):
        env |= {} if side.endswith(" malloc") else processes._KEEP_MEMORY
        env |= {"OMP_WAIT_POLICY": "ACTIVE"} if side.endswith(" waiting") else {}
    with tempfile.TemporaryDirectory(prefix="workbench-benchmark-") as folder:
        result = Path(folder) / "result.json"
        told = {**asked, "folder": folder, "result": str(result), "measures": measures}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, "--work", side, json.dumps(told)],
            env=env,
            check=False,
            capture_output=True,
            text=True,
        )
        if not result.exists():
            raise SystemExit(f"{side}: {done.stderr[-3000:]}")
        return dict(json.loads(result.read_text(encoding="utf-8")))


def ratios(one: list[dict[str, Any]], other: list[dict[str, Any]], part: str, unit: str) -> float:
    """Median over the pairs of measurements of how many times as long the other took."""
    return statistics.median(theirs[part][unit] / mine[part][unit] for mine, theirs in zip(one, other, strict=True))


def table(found: dict[str, list[dict[str, Any]]], n: int) -> None:
    """Print seconds a pair, ratios to our run, peak memory and the final loss."""
    mine = found[OURS]
    print("| side | training, CPU s/pair | wall s/pair | with loading, CPU s | wall s | peak MB | held-out loss | "
          "CPU / ours | wall / ours |")  # fmt: skip
    print("|---|" + "---|" * 8)
    for side, runs in found.items():
        cpu, wall = (statistics.median(run["training"][unit] for run in runs) / n for unit in ("cpu", "wall"))
        whole = [statistics.median(run["whole"][unit] for run in runs) for unit in ("cpu", "wall")]
        peak = statistics.median(run["peak_mb"] for run in runs)
        loss = runs[0].get("loss")
        told = f"{loss:.5f} ({loss / mine[0]['loss'] - 1:+.2%})" if loss is not None else ""
        times = " | ".join(f"{ratios(mine, runs, 'training', unit):.2f}" for unit in ("cpu", "wall"))
        print(
            f"| {side} | {cpu:.2f} | {wall:.2f} | {whole[0]:.0f} | {whole[1]:.0f} | {peak:.0f} | {told} | {times} |",
            flush=True,
        )


def main() -> None:
    """Measure all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--held-out", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--levers", action="store_true", help="our run with each of its levers switched off instead")
    parser.add_argument("--only", nargs="+", metavar="SIDE", help="of the sides, or of the levers, these beside ours")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work[0], json.loads(given.work[1]))
        return
    from workbench.training import models

    others = {name: f"{OURS} without {key}" for name, key in LEVERS.items()} if given.levers else {k: k for k in BARE}
    if given.only:
        others = {name: side for name, side in others.items() if name in given.only}
    sides = {OURS: OURS, **others}
    with tempfile.TemporaryDirectory(prefix="workbench-benchmark-") as folder:
        asked = {
            "model": given.model,
            "path": models.resolve(given.model).path,
            "pairs": str(Path(folder) / "pairs.json"),
            "held_out": str(Path(folder) / "held_out.json"),
            "epochs": given.epochs,
            "batch_size": given.batch_size,
            "learning_rate": given.learning_rate,
            "beta": 0.1,
            "seed": given.seed,
        }
        for name, rows in zip(("pairs", "held_out"), pairs(given.pairs, given.held_out, given.seed), strict=True):
            Path(asked[name]).write_text(json.dumps(rows), encoding="utf-8")
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for repeat in range(given.repeats):
            for name, side in sides.items():
                measured = measure(side, asked, measures=repeat == 0 and not given.levers)
                found[name].append(measured)
                print(
                    f"{name}: training {measured['training']['cpu']:.1f} s CPU, {measured['training']['wall']:.1f} s",
                    file=sys.stderr,
                    flush=True,
                )
    print(
        f"{given.pairs} pairs of {PILOT}, {given.epochs:g} epochs, batches of {given.batch_size}, LoRA r=16, ", end=""
    )
    print(f"{models.best_device()}, {given.repeats} times in turn; load {os.getloadavg()[0]:.1f} on {os.cpu_count()}\n")
    if given.levers:
        print("'off' names the lever that is missing; the ratio says what it is worth.\n")
        found = {name if name == OURS else f"off: {name}": runs for name, runs in found.items()}
    table(found, given.pairs)


if __name__ == "__main__":
    main()
