"""Does a policy run raise what its reward model likes, and is that what the annotators wanted?

    .venv/bin/python benchmarks/policy.py [--algorithm grpo] [--seeds 1] [--keep FOLDER]

The pilot of `brief_pilot.py`, in which simulated annotators want short answers. A reward model is trained on its labels
and another on the same labels shuffled, and a policy run is optimised against each, on the same prompts with the same
seeds. Both answer the held-out prompts, with the same random numbers as the base; these answers are judged by checks
that no reward model has seen, and by the reward model of the true labels. With --keep, a benchmark that was stopped
goes on where it was. Prints a Markdown table: 95 % intervals are over prompts, seeds averaged first.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.proof import gains, prepared, shown, spent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.pilot.opening import Pilot
    from workbench.training.runs import Run

ARMS = {"shuffled": True, "as they are": False}
COLUMNS = (
    "labels of the reward model",
    "its accuracy",
    "reward, first and last tenth",
    "KL",
    "gain over the base",
    "by seed",
    "effect of the labels",
    "reward by true labels",
    "words",
    "minutes",
)


def main() -> None:
    """Train what was not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pilot", default="brief", help="brief, or a pilot's folder (default brief)")
    parser.add_argument("--algorithm", choices=("grpo", "rloo"), default="grpo")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samples", type=int, default=2, help="answers a held-out prompt (default 2)")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--beta", type=float, default=0.04)
    parser.add_argument("--generations", type=int, default=4)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--keep", type=Path, help="where pilot and runs are kept; left out, they are not")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        pilot = prepared(given.pilot, (given.keep or Path(passing)).resolve(), 1.0)["as-is"]
        judge = reward_run(pilot, placebo=False)
        print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
        against: Any = None
        judged: Any = pilot.evaluate  # whose result depends on the run's kind
        for labels, placebo in ARMS.items():
            rewards = reward_run(pilot, placebo=placebo)
            runs = [policy_run(pilot, rewards, given, seed) for seed in range(given.seeds)]
            change = gains(pilot, runs, "adapter", "base")
            each = " ".join(f"{float(np.mean(gains(pilot, [run], 'adapter', 'base'))):+.3f}" for run in runs)
            effect = "–" if against is None else shown(change - against)
            against = change if against is None else against
            words = float(np.mean(gains(pilot, runs, "adapter_words", "base_words")))
            minutes = float(np.median([spent(run) for run in runs]))
            cells = (
                labels,
                told(judged(rewards).accuracy, ".2f"),
                *trend(runs),
                shown(change),
                each,
                effect,
                ", ".join(told(judged(run, reward=judge).reward, "+.2f") for run in runs),
                f"{words:+.1f}",
                f"{minutes:.1f}",
            )
            print(f"| {' | '.join(cells)} |", flush=True)


def reward_run(pilot: Pilot, *, placebo: bool) -> Run:
    """A reward model of the pilot's labels, or of the same labels shuffled."""
    run = pilot.train("reward", placebo=placebo, reuse=True, save_every=None)
    run.wait(progress=False)
    return run


def policy_run(pilot: Pilot, rewards: Run, given: argparse.Namespace, seed: int) -> Run:
    """A policy that is optimised against a reward model."""
    run = pilot.train(
        "policy",
        reward_run=rewards,
        algorithm=given.algorithm,
        learning_rate=given.learning_rate,
        epochs=given.epochs,
        beta=given.beta,
        num_generations=given.generations,
        batch_size=given.batch,
        max_completion_length=96,
        samples=given.samples,
        seed=seed,
        save_every=None,
        reuse=True,
    )
    run.wait(progress=False)
    return run


def trend(runs: Sequence[Run]) -> tuple[str, str]:
    """Reward of the answers drawn in the first and last tenth of the steps, and the last tenth's KL, by seed."""
    risen, apart = [], []
    for run in runs:
        rewards = [step["reward"] for step in run.metrics() if step.get("reward") is not None]
        tenth = max(1, len(rewards) // 10)
        risen.append(f"{np.mean(rewards[:tenth]):+.2f} → {np.mean(rewards[-tenth:]):+.2f}")
        kl = [step["kl"] for step in run.metrics() if step.get("kl") is not None]
        apart.append(f"{np.mean(kl[-tenth:]):.3f}" if kl else "–")
    return ", ".join(risen), ", ".join(apart)


def told(estimate: Any, form: str) -> str:
    """A value with its interval."""
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


if __name__ == "__main__":
    main()
