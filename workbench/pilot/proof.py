"""Whether the labels helped: runs on them against runs on the same rows with shuffled labels, paired by prompt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import PilotError
from workbench.pilot import evaluation
from workbench.pilot.results import kinds, signed
from workbench.pilot.views import Shown, number
from workbench.stats import intervals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plotly.graph_objects import Figure

    from workbench.pilot.opening import Pilot
    from workbench.stats.estimate import Estimate
    from workbench.training.runs import Run

Rows = list[dict[str, Any]]


@dataclass(frozen=True, repr=False)
class Proof(Shown):
    """Gain over the base of runs on the labels and of runs on shuffled ones, and what is left: the labels' effect.

    Each is a mean over held-out prompts of the change in the share of constraints satisfied, every prompt's change
    being averaged over its samples and over the runs first; intervals resample prompts. `length` and `placebo_length`
    are the changes in words. `seeds` has one row a run: its seed, whether it is a placebo, its own gain.
    """

    gain: Estimate
    placebo: Estimate | None
    effect: Estimate | None
    length: Estimate
    placebo_length: Estimate | None
    by_kind: tuple[dict[str, Any], ...]
    seeds: tuple[dict[str, Any], ...]
    base: float
    simulated: bool
    notes: tuple[str, ...]

    @property
    def helped(self) -> bool | None:
        """Whether the labels' effect excludes zero from below; None without a placebo."""
        return None if self.effect is None else bool(self.effect.low > 0)

    def lines(self) -> list[str]:
        """Effect first, then what it is made of."""
        told = ["the labels are simulated, not given by people"] if self.simulated else []
        if self.effect is not None:
            verdict = {True: "the labels helped", False: "no effect of the labels to show"}[bool(self.helped)]
            if self.effect.high < 0:
                verdict = "the labels did harm"
            told.append(f"{verdict}: effect (gain - placebo) {signed(self.effect, 3)}")
        told.append(f"gain over the base ({number(self.base)}): {signed(self.gain, 3)}")
        if self.placebo is not None:
            told.append(f"gain with shuffled labels: {signed(self.placebo, 3)}")
        shuffled = "" if self.placebo_length is None else f"; with shuffled labels {signed(self.placebo_length, 1)}"
        told.append(f"length: {signed(self.length, 1)} words an answer{shuffled}")
        return [*told, *self.notes]

    def table(self) -> pd.DataFrame:
        """One row a run."""
        return pd.DataFrame(
            [
                {
                    "run": row["run"],
                    "labels": "shuffled" if row["placebo"] else "as given",
                    "seed": row["seed"],
                    "gain": signed(row["gain"], 3),
                    "words": f"{row['words']:+.1f}",
                }
                for row in self.seeds
            ]
        )

    def kinds(self) -> pd.DataFrame:
        """One row a kind of constraint: base, the runs' mean, and the difference with its interval."""
        return kinds(self.by_kind)

    def figure(self) -> Figure:
        """Effect, gain and placebo's gain with their intervals, and each run's own."""
        from workbench.figures import training

        whole = [one for one in (self.effect, self.gain, self.placebo) if one is not None]
        return training.effects(whole, self.run_gains())

    def run_gains(self) -> list[Estimate]:
        """Each run's own gain, named by seed and labels."""
        names = [f"seed {row['seed']}, {'shuffled' if row['placebo'] else 'as given'}" for row in self.seeds]
        return [row["gain"].named(name) for row, name in zip(self.seeds, names, strict=True)]


def prove(pilot: Pilot, runs: Sequence[Run], placebos: Sequence[Run]) -> Proof:
    """See `Pilot.proof`."""
    if not runs:
        raise PilotError("no run to look at", next_step="start one: pilot.train('dpo')")
    _check(runs, placebos)
    made = [evaluation.compared(pilot, run) for run in (*runs, *placebos)]
    if not all(made):
        raise PilotError(
            "a run has no answers to held-out prompts with constraints",
            next_step="give the pilot prompts of split test with constraints, and train again",
        )
    asked = [[row["prompt_id"] for row in rows] for rows in made]
    if any(names != asked[0] for names in asked):
        raise PilotError("the runs answered different held-out prompts", next_step="compare runs of the same prompts")
    ours, theirs = made[: len(runs)], made[len(runs) :]
    gain, placebo = _gains(ours, "adapter", "base"), _gains(theirs, "adapter", "base")
    words, placebo_words = _gains(ours, "adapter_words", "base_words"), _gains(theirs, "adapter_words", "base_words")
    return Proof(
        gain=_mean(gain, "gain"),
        placebo=_mean(placebo, "gain, labels shuffled") if theirs else None,
        effect=_mean(gain - placebo, "effect of the labels") if theirs else None,
        length=_mean(words, "words"),
        placebo_length=_mean(placebo_words, "words, labels shuffled") if theirs else None,
        by_kind=tuple(evaluation.by_kind(_pooled(ours))),
        seeds=tuple(
            _seed(run, rows, number >= len(runs))
            for number, (run, rows) in enumerate(zip((*runs, *placebos), made, strict=True))
        ),
        base=float(np.mean([[row["base"] for row in rows] for rows in ours])),
        simulated=any(run.manifest()["source"] == "simulated" for run in runs),
        notes=(*_notes(runs, placebos, words, gain), *_spread(runs, placebos, ours, theirs)),
    )


def comparable(runs: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Of a pilot's runs, those that stand beside the newest: done, with its settings, the last of each seed.

    Returns runs on the labels as given, and placebos of the same seeds. Where no placebo has a seed of theirs there are
    none; where some have, only runs of those seeds are compared.
    """
    done = [run for run in runs if run.status().state == "done" and run.answers()]
    newest = next((run for run in reversed(done) if not run.manifest().get("placebo")), None)
    if newest is None:
        return [], []
    wanted = _settings(newest)
    found: tuple[dict[int, Run], dict[int, Run]] = ({}, {})
    for run in done:
        if _settings(run) == wanted:
            found[bool(run.manifest().get("placebo"))][run.config().config.seed] = run
    given, shuffled = found
    both = sorted(given.keys() & shuffled.keys())
    return [given[seed] for seed in both or sorted(given)], [shuffled[seed] for seed in both]


def _settings(run: Run) -> dict[str, Any]:
    """What must be alike: everything but the seeds. Fewer rows or other rows are another experiment too."""
    whole = run.config().model_dump(mode="json")
    whole["config"].pop("seed")
    (whole["answers"] or {}).pop("seed", None)
    manifest = run.manifest()
    # Of one export the rows are chosen by how many are wanted, whatever the labels say.
    data = (manifest["data_sha256"], (manifest.get("rows") or {}).get("given"))
    return {**{name: whole[name] for name in ("kind", "config", "answers")}, "data": data}


def _check(runs: Sequence[Run], placebos: Sequence[Run]) -> None:
    for run, wanted in [(run, False) for run in runs] + [(run, True) for run in placebos]:
        if bool(run.manifest().get("placebo")) != wanted:
            raise PilotError(
                f"{run.path.name} is {'no placebo' if wanted else 'a placebo'}",
                next_step="placebos are runs of pilot.train(…, placebo=True), and stand in placebos=",
            )

    first = _settings(runs[0])
    for run in (*runs, *placebos):
        if _settings(run) != first:
            raise PilotError(
                f"{run.path.name} has other settings or labels than {runs[0].path.name}",
                next_step="compare runs that differ in nothing but seed and labels",
            )
    seeds, shuffled = (Counter(run.config().config.seed for run in some) for some in (runs, placebos))
    if placebos and seeds != shuffled:
        raise PilotError(
            f"the seeds of the runs {sorted(seeds)} are not those of the placebos {sorted(shuffled)}",
            next_step="give one placebo a seed",
        )


def _gains(some: Sequence[Rows], after: str, before: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Change a prompt, averaged over runs; shape (prompts,)."""
    if not some:
        return np.zeros(0)
    found: np.ndarray[Any, np.dtype[np.float64]] = np.mean(
        [[row[after] - row[before] for row in rows] for rows in some], axis=0
    )
    return found


def _mean(values: Any, name: str) -> Estimate:
    return intervals.mean(values, name=name, label=name)


def _pooled(some: Sequence[Rows]) -> Rows:
    """The same prompts with the samples of all runs together."""

    def constraints(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"kind": each[0]["kind"], **{side: sum(one[side] for one in each) for side in ("base", "adapter")}}
            for each in zip(*(row["constraints"] for row in rows), strict=True)
        ]

    return [
        {"n_samples": sum(row["n_samples"] for row in rows), "constraints": constraints(rows)}
        for rows in zip(*some, strict=True)
    ]


def _seed(run: Run, rows: Rows, placebo: bool) -> dict[str, Any]:
    return {
        "run": run.path.name,
        "placebo": placebo,
        "seed": run.config().config.seed,
        "gain": intervals.paired_difference([row["base"] for row in rows], [row["adapter"] for row in rows]),
        "words": float(np.mean([row["adapter_words"] - row["base_words"] for row in rows])),
    }


def _spread(runs: Sequence[Run], placebos: Sequence[Run], ours: Sequence[Rows], theirs: Sequence[Rows]) -> list[str]:
    """How the effect differs from seed to seed, which no interval over prompts tells."""

    def by_seed(some: Sequence[Run], made: Sequence[Rows]) -> list[float]:
        told = [
            (run.config().config.seed, float(_gains([rows], "adapter", "base").mean()))
            for run, rows in zip(some, made, strict=True)
        ]
        return [gain for _, gain in sorted(told)]

    effects = [one - other for one, other in zip(by_seed(runs, ours), by_seed(placebos, theirs), strict=False)]
    if len(effects) < 2:
        return []
    low, high = min(effects), max(effects)
    return [f"effect of single seeds {low:+.3f} to {high:+.3f}: intervals are over prompts, for these seeds"]


def _notes(runs: Sequence[Run], placebos: Sequence[Run], words: Any, gain: Any) -> list[str]:
    n = len({run.config().config.seed for run in runs})
    notes = [f"{n} seed{'s' if n > 1 else ''}" + ("" if n >= 3 else ": other seeds may give another picture")]
    if not placebos:
        notes.append("no placebo: a gain may come from training at all, and not from what the labels say")
    length = _mean(words, "words")
    if float(np.mean(gain)) > 0 and length.high < 0:
        notes.append("answers became shorter: look at the kinds (kinds()) before calling this a gain")
    return notes
