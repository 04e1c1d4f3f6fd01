"""How well a reward run tells chosen from rejected on pairs it never saw, and whether it is as sure as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.errors import PilotError
from workbench.pilot.evaluation import as_json
from workbench.pilot.margins import one_a_pair
from workbench.pilot.views import Shown, number
from workbench.stats import calibration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plotly.graph_objects import Figure

    from workbench.stats.calibration import Bin
    from workbench.stats.estimate import Estimate
    from workbench.training.runs import Run

# A distance between the shares right on pairs trained on and held out, above which it is said.
_GAP = 0.1


@dataclass(frozen=True, repr=False)
class RewardEvaluation(Shown):
    """A reward model on held-out pairs: `accuracy`, `brier`, `calibration_error`, and reliability by `bins`.

    `train_accuracy` is on as many pairs it was trained on, and no evidence of anything but learning by heart.
    """

    run: str
    accuracy: Estimate
    brier: Estimate
    calibration_error: Estimate
    bins: tuple[Bin, ...]
    train_accuracy: Estimate | None
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """Accuracy first, then whether the probabilities come true, then the notes."""
        pairs = f"{self.accuracy.n_labels} pairs of {self.accuracy.n_items} prompts"
        return [
            f"held-out accuracy {_told(self.accuracy)} on {pairs}; a coin gets .5",
            f"Brier score {_told(self.brier)}; always saying one half gets .25",
            f"calibration error {_told(self.calibration_error)}; {self.calibration_error.reason}",
            *self.notes,
        ]

    def table(self) -> pd.DataFrame:
        """One row a bin of confidence."""
        return pd.DataFrame(
            [
                {
                    "how sure": f"{one.low:.0%} to {one.high:.0%}",
                    "said": number(one.confidence, 2),
                    "right": number(one.observed.value, 2),
                    "interval": f"{number(one.observed.low, 2)} to {number(one.observed.high, 2)}" if one.n else "–",
                    "pairs": one.n,
                }
                for one in self.bins
            ]
        )

    def figure(self) -> Figure:
        """Reliability diagram."""
        from workbench.figures import calibration as figures

        return figures.reliability(self.bins)


def evaluate(run: Run) -> RewardEvaluation:
    """Accuracy and calibration of a reward run from the scores its process wrote; kept as the run's `evaluation.json`.

    Raises
    ------
    PilotError
        When the run is of another kind, is not done, or no pairs were held out from it.
    """
    kind, status = run.config().kind, run.status()
    if kind != "reward":
        raise PilotError(f"the run is of kind {kind}, so it has no scores", where=str(run.path))
    if status.state != "done":
        raise PilotError(f"the run is {status.state}, so there is nothing to evaluate", where=str(run.path))
    scores = run.scores()
    if not scores.get("held_out"):
        raise PilotError(
            "no held-out pair was scored", where=str(run.path), next_step="start the run with held-out pairs"
        )
    units, margins = _read(run, scores["held_out"], "held_out.jsonl")
    trained = accuracy(*_read(run, scores["train"], "data.jsonl")) if scores.get("train") else None
    found = RewardEvaluation(
        run=run.path.name,
        accuracy=accuracy(units, margins),
        brier=calibration.brier(units, margins),
        calibration_error=calibration.expected_calibration_error(units, margins),
        bins=tuple(calibration.reliability(margins)),
        train_accuracy=trained,
        notes=(*_notes(accuracy(units, margins), trained), *status.notes),
    )
    run.write_evaluation(as_json(found))
    return found


def accuracy(prompts: Sequence[str], margins: Sequence[float]) -> Estimate:
    """Share of pairs whose chosen answer is ahead, with an interval over prompts; `margins` are score differences."""
    return calibration.accuracy(prompts, margins)


def _read(run: Run, scores: Sequence[Mapping[str, Any]], name: str) -> tuple[list[str], list[float]]:
    """Prompt and margin of each scored pair."""
    from workbench.training import runfiles

    rows = runfiles.read_jsonl(run.path / name)
    leads = [float(one["chosen"]) - float(one["rejected"]) for one in scores]
    return one_a_pair([rows[one["row"]] for one in scores], leads)


def _notes(held_out: Estimate, trained: Estimate | None) -> list[str]:
    notes = []
    if not held_out.low > 0.5:
        notes.append("not shown to be better than a coin: more pairs, or more training, before it rewards anything")
    if trained is not None and trained.value - held_out.value > _GAP:
        notes.append(
            f"on pairs it was trained on it is right {number(trained.value, 2)} of the time: learned by heart in part, "
            "so train for fewer epochs or on more pairs"
        )
    return notes


def _told(estimate: Estimate) -> str:
    if estimate.low != estimate.low:
        return number(estimate.value)
    return f"{number(estimate.value)} (95 % interval {number(estimate.low)} to {number(estimate.high)})"
