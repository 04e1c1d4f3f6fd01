"""Do labels help? Kinds of DPO against the start model, and the same on shuffled labels, at two levels of noise.

    .venv/bin/python benchmarks/proof.py --pilot brief [--seeds 3] [--keep FOLDER]
    .venv/bin/python benchmarks/proof.py --pilot pilots/instruction-following-smollm2

`brief` is a pilot made here (`brief_pilot.py`) in which every prompt asks for a short answer; another pilot is copied.
Its simulated annotators label it twice: as they are, and with their skill divided by --noise. On each, DPO, robust DPO
with the flip rate that the labels tell, and DPO on single votes train with the same seeds; plain DPO also on shuffled
labels, and so does DPO on single votes where `shuffled-votes` is among the arms. All answer the same held-out prompts,
with the same random numbers as the base. With --keep, a benchmark that was stopped goes on where it was. Prints
a Markdown table: 95 % intervals are over prompts, seeds averaged first.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import brief_pilot
from workbench import verifiers
from workbench.pilot import evaluation, open_pilot, toml
from workbench.stats import intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.pilot.opening import Pilot
    from workbench.training.runs import Run

ROOT = Path(__file__).resolve().parents[1]
ARMS: dict[str, dict[str, Any]] = {
    "dpo": {"loss": "sigmoid"},
    "robust": {"loss": "robust"},
    "votes": {"loss": "votes"},
    "shuffled": {"loss": "sigmoid", "placebo": True},
    "shuffled-votes": {"loss": "votes", "placebo": True},
}
# What an arm's effect is told against: the first of these that is trained.
AGAINST = {"votes": ("shuffled-votes", "shuffled")}
# Rows an item where votes are kept: as many as there are votes, so a tie among them is rounded.
VOTES = 3
_MADE = shutil.ignore_patterns("*.sqlite*", "runs", "rounds", "report", "preferences", "exports")


def prepared(asked: str, folder: Path, noise: float) -> dict[str, Pilot]:
    """The pilot with its labels, and with those of less able annotators on the same items and plan."""
    (folder / "pilots").mkdir(parents=True, exist_ok=True)
    if not (folder / "guidelines").exists():
        shutil.copytree(ROOT / "guidelines", folder / "guidelines")
    first = folder / "pilots" / "as-is"
    if not (first / "items.jsonl").exists():
        if asked == "brief":
            shutil.rmtree(first, ignore_errors=True)
            brief_pilot.write(first, Path("../../guidelines/instruction-following/v1.md"))
            print(open_pilot(first).generate(), file=sys.stderr)
        else:
            shutil.copytree(asked, first, ignore=_MADE)
    found: dict[str, Pilot] = {}
    for name, by in {"as-is": 1.0, **({f"skill-over-{noise:g}": noise} if noise != 1 else {})}.items():
        mine = folder / "pilots" / name
        if not mine.exists():
            shutil.copytree(first, mine, ignore=_MADE)
            config = open_pilot(first).config
            people = [one.model_copy(update={"skill": (one.skill or 0) / by}) for one in config.annotators]
            text = toml.text(config.model_copy(update={"annotators": tuple(people)}))
            (mine / "pilot.toml").write_text(text, encoding="utf-8")
        pilot = open_pilot(mine)
        if not pilot.store.counts(pilot.name).n_labels:
            pilot.plan()
            pilot.simulate()
        found[name] = pilot
    return found


def wrong(pilot: Pilot, rows: Sequence[Any]) -> tuple[int, int]:
    """Rows whose chosen answer meets fewer constraints than the rejected one, and rows where the checks decide."""
    items = pilot.items

    def met(row: Any, text: str) -> int:
        return verifiers.check_all(items[row.item].constraints, text).n_passed

    leads = [met(row, row.chosen) - met(row, row.rejected) for row in rows]
    return sum(lead < 0 for lead in leads), sum(lead != 0 for lead in leads)


def gains(pilot: Pilot, runs: Sequence[Run], after: str, before: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Change a held-out prompt, averaged over runs."""
    told = [evaluation.compared(pilot, run) for run in runs]
    found: np.ndarray[Any, np.dtype[np.float64]] = np.mean(
        [[row[after] - row[before] for row in rows] for rows in told], axis=0
    )
    return found


def main() -> None:
    """Train what was not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pilot", default="brief", help="brief, or a pilot's folder (default brief)")
    parser.add_argument("--noise", type=float, default=8.0, help="what divides skills (default 8); 1: as is only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pairs", type=int, help="train on at most so many pairs")
    parser.add_argument("--samples", type=int, default=4, help="answers a held-out prompt (default 4)")
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--beta", type=float, default=0.1)
    parser.add_argument("--sft-weight", type=float, default=0.0)
    parser.add_argument("--arms", nargs="+", choices=tuple(ARMS), default=("dpo", "robust", "votes", "shuffled"))
    parser.add_argument("--keep", type=Path, help="where pilots and runs are kept; left out, they are not")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        pilots = prepared(given.pilot, (given.keep or Path(passing)).resolve(), given.noise)
        settings = {
            "max_pairs": given.pairs,
            "samples": given.samples,
            "learning_rate": given.learning_rate,
            "epochs": given.epochs,
            "beta": given.beta,
            "sft_weight": given.sft_weight,
            "save_every": None,
        }
        named = (
            "labels",
            "rows, wrong",
            "loss",
            "gain over the base",
            "by seed",
            "effect of the labels",
            "words",
            "minutes",
        )
        print(f"| {' | '.join(named)} |\n|{'---|' * len(named)}")
        for name, pilot in pilots.items():
            report(name, pilot, given, settings)


def report(name: str, pilot: Pilot, given: argparse.Namespace, settings: dict[str, Any]) -> None:
    """The rows of one set of labels."""
    rows = pilot.preferences()
    n_wrong, n_told = wrong(pilot, rows.split("train"))
    runs: dict[str, list[Run]] = {}
    for arm in sorted(given.arms, key=lambda arm: not is_placebo(arm)):  # what effects are told against comes first
        runs[arm] = []
        for seed in range(given.seeds):
            made = rows.by_votes(VOTES) if ARMS[arm]["loss"] == "votes" else rows
            run = pilot.train("dpo", made, seed=seed, reuse=True, **ARMS[arm], **settings)
            run.wait(progress=False)
            runs[arm].append(run)
        change = gains(pilot, runs[arm], "adapter", "base")
        effect = ""
        placebo = next((one for one in AGAINST.get(arm, ("shuffled",)) if one in runs), None)
        if placebo and not is_placebo(arm):
            effect = shown(change - gains(pilot, runs[placebo], "adapter", "base"))
        words = float(np.mean(gains(pilot, runs[arm], "adapter_words", "base_words")))
        smoothing = getattr(runs[arm][0].config().config, "label_smoothing", 0)
        told = f"{arm} (epsilon {smoothing:.3f})" if smoothing else arm
        minutes = float(np.median([spent(run) for run in runs[arm]]))
        counts = f"{len(rows.split('train'))}, {n_wrong} of {n_told}"
        each = " ".join(f"{float(np.mean(gains(pilot, [run], 'adapter', 'base'))):+.3f}" for run in runs[arm])
        cells = (name, counts, told, shown(change), each, effect or "–", f"{words:+.1f}", f"{minutes:.1f}")
        print(f"| {' | '.join(cells)} |", flush=True)


def is_placebo(arm: str) -> bool:
    """Whether its labels are shuffled."""
    return bool(ARMS[arm].get("placebo"))


def shown(values: Any) -> str:
    """A mean over prompts with its interval."""
    mean = intervals.mean(values, name="gain", label="gain")
    return f"{mean.value:+.3f} [{mean.low:+.3f}, {mean.high:+.3f}]"


def spent(run: Run) -> float:
    """Minutes from a run's first sign of life to its end."""
    status = run.status()
    return ((status.ended or 0) - (status.started or 0)) / 60


if __name__ == "__main__":
    main()
