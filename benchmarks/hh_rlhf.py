"""How well a reward model, and DPO's implicit reward, tell chosen from rejected on hh-rlhf's harmless test pairs.

    .venv/bin/python benchmarks/hh_rlhf.py --data FOLDER [--train 160] [--held-out 200] [--minutes 8]

FOLDER holds harmless-base-test.jsonl.gz (Bai et al. 2022, github.com/anthropics/hh-rlhf, MIT licence; offensive
conversations). Prompts are conversations; they, and not pairs, are split. Both models train on the same pairs from the
embedded model and are asked about the same held-out ones, each pair judged by one crowd worker, so that 100 % cannot be
reached. Prints a Markdown table; a run is a subset where --train is below what there is, and the table says so.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.pilot import reward as judged
from workbench.training import dpo, jobs, models, reward, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.stats import Estimate
    from workbench.training.settings import RunSettings

FILE = "harmless-base-test.jsonl.gz"
_SPEAKER = re.compile(r"\n\n(Human|Assistant):")
_ROLE = {"Human": "user", "Assistant": "assistant"}


class Split(NamedTuple):
    """Pairs to train on and held out, no prompt in both; how many there are, and why others were left out."""

    train: list[dict[str, Any]]
    held_out: list[dict[str, Any]]
    available: int
    left_out: dict[str, int]


def turns(transcript: str) -> list[dict[str, str]]:
    """A transcript as turns, the last being the answer."""
    parts = _SPEAKER.split(transcript)
    return [
        {"role": _ROLE[speaker], "content": text.strip()}
        for speaker, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


def pair(chosen: str, rejected: str) -> dict[str, Any] | str:
    """A row `{prompt, chosen, rejected}`, or why the transcripts make none."""
    one, other = turns(chosen), turns(rejected)
    if not one or not other or one[:-1] != other[:-1]:
        return "conversations differ before the answer"
    roles = [turn["role"] for turn in one]
    if len(one) < 2 or roles != ["user", "assistant"] * (len(one) // 2):
        return "speakers do not take turns"
    if not all(turn["content"] for turn in (*one, *other)):
        return "an empty turn"
    if one[-1] == other[-1]:
        return "the same answer twice"
    return {"prompt": one[:-1], "chosen": one[-1]["content"], "rejected": other[-1]["content"]}


def read(folder: Path, n_train: int, n_held_out: int, max_length: int, seed: int) -> Split:
    """Pairs of at most `max_length` tokens, drawn at random and split by prompt."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(models.resolve().path)
    left_out: Counter[str] = Counter()
    groups: dict[str, list[dict[str, Any]]] = {}
    with gzip.open(folder / FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            made = pair(**json.loads(line))
            if isinstance(made, str):
                left_out[made] += 1
            else:
                groups.setdefault(json.dumps(made["prompt"]), []).append(made)
    train: list[dict[str, Any]] = []
    held_out: list[dict[str, Any]] = []
    for key in np.random.default_rng(seed).permutation(sorted(groups)).tolist():
        fits = [row for row in groups[key] if rows.length(row, ("chosen", "rejected"), tokenizer) <= max_length]
        left_out[f"of those looked at, longer than {max_length} tokens"] += len(groups[key]) - len(fits)
        if len(held_out) < n_held_out:
            held_out += fits
        else:
            train += fits
        if len(train) >= n_train:
            break
    return Split(train[:n_train], held_out, sum(map(len, groups.values())), dict(left_out))


def main() -> None:
    """Train both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"folder of {FILE}")
    parser.add_argument("--train", type=int, default=160, help="pairs to train on (default 160)")
    parser.add_argument("--held-out", type=int, default=200, help="pairs to ask about, at least (default 200)")
    parser.add_argument("--minutes", type=float, default=8.0, help="most time training takes, each (default 8)")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--max-length", type=int, default=160, help="tokens of prompt and answer (default 160)")
    parser.add_argument("--runs", type=Path, help="where the runs are kept; left out, they are not")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not (given.data / FILE).is_file():
        sys.exit(f"no {FILE} in {given.data}: get it from github.com/anthropics/hh-rlhf, harmless-base/test.jsonl.gz")
    split = read(given.data, given.train, given.held_out, given.max_length, given.seed)
    shared: dict[str, Any] = {
        "epochs": given.epochs,
        "max_length": given.max_length,
        "time_budget_s": given.minutes * 60,
        "seed": given.seed,
        "save_every": None,
    }
    configs: dict[str, RunSettings] = {"reward": reward.RunConfig(**shared), "dpo": dpo.RunConfig(**shared)}
    shorter = [len(row["chosen"]) < len(row["rejected"]) for row in split.held_out]
    table = [("chosen is the shorter", _accuracy(split.held_out, [1.0 if one else -1.0 for one in shorter]), "–", "–")]
    with tempfile.TemporaryDirectory() as passing:
        folder = given.runs or passing
        for kind, config in configs.items():
            began = time.monotonic()
            run = jobs.start(kind, split.train, config, folder, held_out=split.held_out)  # type: ignore[arg-type]
            run.wait()
            took = f"{(time.monotonic() - began) / 60:.1f} min"
            last = [row for row in run.metrics() if "loss" in row][-1]
            steps = f"{last['step']} of {last['steps']}"
            if kind == "dpo":
                table.append(("DPO, implicit reward", _accuracy(split.held_out, run.margins()), steps, took))
                continue
            found = judged.evaluate(run)
            table.append(("reward model", found.accuracy, steps, took))
            print(found, end="\n\n")
    prompts = len({json.dumps(row["prompt"]) for row in split.held_out})
    print(
        f"{len(split.train)} training pairs of {split.available - len(split.held_out)}, {len(split.held_out)} held out"
    )
    print(f"({prompts} prompts); seed {given.seed}; left out: {split.left_out}\n")
    print("| | held-out accuracy (95 % interval) | steps | time |\n|---|---|---|---|")
    for name, estimate, steps, took in table:
        print(f"| {name} | {estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}) | {steps} | {took} |")


def _accuracy(held_out: Sequence[dict[str, Any]], margins: Sequence[float]) -> Estimate:
    return judged.accuracy([json.dumps(row["prompt"]) for row in held_out], margins)


if __name__ == "__main__":
    main()
