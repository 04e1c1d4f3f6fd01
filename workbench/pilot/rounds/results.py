"""All rounds of a pilot side by side: agreement, labels, cost, win rate, satisfaction; and whether another one pays.

Numbers that compare rounds rest on the part of each that was drawn at random; the rest was chosen for being hard.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from workbench import design
from workbench.economics import cost as economics
from workbench.errors import PilotError
from workbench.pilot import build
from workbench.pilot.questions import cluster, questions
from workbench.pilot.results import signed
from workbench.pilot.rounds.folders import asked_of, chain, run_of, system_of
from workbench.pilot.views import Shown, number
from workbench.stats import agreement, intervals, ranking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from plotly.graph_objects import Figure

    from workbench.economics.cost import Prices
    from workbench.pilot.opening import Pilot
    from workbench.stats.estimate import Estimate


@dataclass(frozen=True)
class RoundResult:
    """One round.

    Attributes
    ----------
    counts
        Prompts by the reason they were chosen for; empty for round 0.
    agreement
        Krippendorff's alpha; of the random part where prompts were chosen. None without labels.
    win_rate
        How often the round's adapter is preferred to round 0's model, a tie as half; None for round 0.
    gain
        Win rate against the round before, in points above 50.
    satisfaction, satisfaction_gain
        Share of machine-checked constraints that the round's model satisfies, and the difference to round 0's model
        on the same prompts.
    cost, cost_so_far
        What the labels of the round, and of all up to it, cost at the first price list; None without prices.
    """

    number: int
    pilot: str
    run: str
    n_items: int
    counts: dict[str, int]
    n_labels: int
    agreement: Estimate | None
    win_rate: Estimate | None
    gain: Estimate | None
    satisfaction: Estimate | None
    satisfaction_gain: Estimate | None
    cost: Decimal | None
    cost_so_far: Decimal | None
    notes: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Rounds(Shown):
    """The rounds of a pilot, first one first. `stop` is None before a round has labels of its adapter."""

    rounds: tuple[RoundResult, ...]
    stop: design.StopRule | None
    currency: str
    simulated: str
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """Whether another round pays, what the last adapter gained, and what to beware of."""
        notice = [self.simulated] if self.simulated else []
        last = next((one for one in reversed(self.rounds) if one.win_rate), None)
        told = [f"another round? {self.stop}"] if self.stop else ["no round has labels of its adapter yet"]
        if last and last.win_rate:
            told.append(f"win rate of round {last.number} against round 0: {last.win_rate}")
        if last and last.satisfaction_gain:
            told.append(
                f"constraints satisfied, round {last.number} less round 0: {signed(last.satisfaction_gain, 3)} on "
                f"{last.satisfaction_gain.n_items} prompts"
            )
        each = [f"round {one.number}: {note}" for one in self.rounds for note in one.notes]
        return [*notice, *told, *self.notes, *each]

    def table(self) -> pd.DataFrame:
        """One row a round."""
        return pd.DataFrame(
            [
                {
                    "round": one.number,
                    "answers of": one.run or "the start model",
                    "items": one.n_items,
                    "chosen": ", ".join(f"{n} {reason}" for reason, n in one.counts.items() if n) or "all",
                    "labels": one.n_labels,
                    "agreement": _cell(one.agreement),
                    "win rate against round 0": _cell(one.win_rate),
                    "points gained": _cell(one.gain, 1),
                    "constraints satisfied": _cell(one.satisfaction),
                    "cost so far": "–" if one.cost_so_far is None else economics.money(one.cost_so_far, self.currency),
                }
                for one in self.rounds
            ]
        )

    def figure(self) -> Figure:
        """Win rate of each round's adapter against round 0."""
        from workbench.figures import rounds as figures

        return figures.win_rates([one.win_rate for one in self.rounds if one.win_rate])


class _Part(NamedTuple):
    """The prompts that estimates rest on, and what they are; all prompts where none were chosen."""

    prompts: set[str]
    note: str


def rounds(
    pilot: Pilot,
    *,
    least_gain: float | None = None,
    value_per_point: float | None = None,
    prices: Prices | None = None,
    n_resamples: int = 2_000,
    seed: int = 0,
) -> Rounds:
    """See `Pilot.rounds`."""
    pilots = chain(pilot)
    price = prices or next(iter(pilots[0].config.prices), None)
    if value_per_point is not None and price is None:
        raise PilotError(
            "this pilot has no prices, so a round's cost is not known",
            next_step="pilot.rounds(value_per_point=…, prices=Prices(name='ours', judgment='0.40')) or least_gain=…",
        )
    runs = [path.name for path in map(run_of, pilots) if path]
    tables: list[pd.DataFrame] = []
    found: list[RoundResult] = []
    for k, one in enumerate(pilots):
        part, labels = _part(one), one.labels()
        mine = labels[labels["prompt_id"].isin(part.prompts)]
        if k and len(mine):
            tables.append(_comparisons(one, mine, runs))
        won = _won(tables, k, n_resamples, seed) if k and len(mine) else (None, None)
        kept = _satisfied(one, part, runs, n_resamples, seed)
        spent = _cost(labels["label_id"].nunique(), price)
        found.append(
            RoundResult(
                k,
                one.name,
                runs[k - 1] if k else "",
                len(one.items),
                _counts(one),
                int(labels["label_id"].nunique()),
                _alpha(one, mine, n_resamples, seed) if len(mine) else None,
                *won,
                *kept,
                spent,
                None if spent is None else sum((r.cost for r in found if r.cost is not None), spent),
                (*(one.config.round.notes if one.config.round else ()), *([part.note] if part.note else [])),
            )
        )
    stop, notes = _stop(found, least_gain, value_per_point)
    if price and len(pilots) > 1:
        notes.append(f"cost is that of the labels at {price.name}; computing time is not in it")
    return Rounds(tuple(found), stop, price.currency if price else "USD", _simulated(pilots), tuple(notes))


def _part(pilot: Pilot) -> _Part:
    """The prompts of a round that stand for prompts in general."""
    if pilot.config.round is None:
        return _Part({item.prompt_id for item in pilot.items.values()}, "")
    drawn = [one for one in asked_of(pilot) if one.reason == "random"]
    fresh = {one.prompt_id for one in drawn if not one.trained}
    every = {one.prompt_id for one in drawn}
    if len(fresh) >= intervals.FEWEST or fresh == every:
        return _Part(fresh, "")
    return _Part(every, "its estimates rest on prompts that an adapter was trained on, which flatters it")


def _counts(pilot: Pilot) -> dict[str, int]:
    asked = asked_of(pilot)
    return {reason: sum(one.reason == reason for one in asked) for reason in design.REASONS} if asked else {}


def _alpha(pilot: Pilot, labels: pd.DataFrame, n_resamples: int, seed: int) -> Estimate:
    main = questions(pilot, labels)[0]
    return agreement.krippendorff_alpha(
        main.labels, main.level, cluster=cluster(labels), n_resamples=n_resamples, seed=seed
    )


def _comparisons(pilot: Pilot, labels: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Who won between the rounds' models; of an item with more labels than the overlap (gold) the first ones count."""
    items = pilot.item_table()
    for side in ("model_a", "model_b"):
        items[side] = [system_of(str(model), runs) for model in items[side]]
    table = ranking.comparisons(labels, items)
    return table.groupby("item", sort=False).head(pilot.config.design.overlap)


def _won(
    tables: Sequence[pd.DataFrame], k: int, n_resamples: int, seed: int
) -> tuple[Estimate | None, Estimate | None]:
    """Win rate of this round's adapter against round 0's model, and the gain over the round before in points."""
    table = pd.concat(tables, ignore_index=True)
    new, before = f"round {k}", f"round {k - 1}"
    if before not in {*table["a"], *table["b"]}:
        before = "round 0"  # nobody has labelled the round before
    how: dict[str, Any] = {"n_resamples": n_resamples, "seed": seed}

    def against(other: str) -> Estimate:
        fitted = ranking.bradley_terry(table, anchor=other, **how)
        rating = fitted.rating(new)
        value, low, high = (float(expit(one)) for one in (rating.value, rating.low, rating.high))
        method = f"Bradley-Terry, ties half a win, {rating.method}"
        reason = "; ".join(one for one in (rating.reason, *fitted.warnings) if one)
        return replace(
            rating, name="win_rate", value=value, low=low, high=high, method=method, reason=reason, label=new
        )

    rate = against("round 0")
    step = rate if before == "round 0" else against(before)
    points = {side: 100 * (getattr(step, side) - 0.5) for side in ("value", "low", "high")}
    return rate, replace(step, name="points_gained", label=f"{new} over {before}", **points)


def _satisfied(
    pilot: Pilot, part: _Part, runs: Sequence[str], n_resamples: int, seed: int
) -> tuple[Estimate | None, Estimate | None]:
    """Share of constraints satisfied by the round's model, by prompt; and the difference to round 0's."""
    prompts = {one.id: one for one in pilot.prompts if one.constraints and one.id in part.prompts}
    about = pilot.config.round
    new = f"round {about.number}" if about else "round 0"
    kept: dict[str, dict[str, list[float]]] = {}
    path = pilot.folder / "responses.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    for line in lines:
        row = json.loads(line) if line else {}
        prompt = prompts.get(row.get("prompt_id", ""))
        if prompt:
            system = system_of(str(row["response"].get("model", "")), runs)
            share = build.satisfied(prompt.constraints, row["response"]["text"])
            kept.setdefault(system, {}).setdefault(prompt.id, []).append(share)
    mine = {prompt: fmean(shares) for prompt, shares in kept.get(new, {}).items()}
    if not mine:
        return None, None
    how: dict[str, Any] = {"n_resamples": n_resamples, "seed": seed}
    level = intervals.mean(list(mine.values()), name="satisfaction", label=new, **how)
    start = {prompt: fmean(shares) for prompt, shares in kept.get("round 0", {}).items()} if about else {}
    both = sorted(mine.keys() & start.keys())
    if not both:
        return level, None
    before, after = np.array([(start[name], mine[name]) for name in both]).T
    return level, intervals.paired_difference(before, after, name="satisfaction_gain", label=new, **how)


def _cost(n_labels: int, price: Prices | None) -> Decimal | None:
    if price is None or not n_labels:
        return None
    # Labels as they were given, gold and repeats included: nothing is planned on top of them.
    units = 2.0 if price.unit == "response" else None
    made = economics.estimate(n_labels, price, overlap=1, gold_share=0, repeat_share=0, units_per_judgment=units)
    return made.total


def _stop(
    found: Sequence[RoundResult], least_gain: float | None, value_per_point: float | None
) -> tuple[design.StopRule | None, list[str]]:
    last = next((one for one in reversed(found) if one.gain), None)
    if last is None or last.gain is None:
        return None, []
    how: Mapping[str, float | None]
    notes = []
    if value_per_point is not None:
        how = {"cost": float(last.cost or 0), "value_per_point": value_per_point}
        if least_gain is not None:
            raise PilotError("give value_per_point or least_gain, not both")
    else:
        how = {"least_gain": 0.0 if least_gain is None else least_gain}
        if least_gain is None:
            notes.append("any gain counts, whatever it costs: say what a point is worth with value_per_point=…")
    gain = last.gain
    return design.stop_rule(gain.value, gain.low, gain.high, gain.n_items, **how), notes


def _simulated(pilots: Sequence[Pilot]) -> str:
    n = sum(one.sources["simulated"] for one in pilots)
    total = sum(one.sources.total() for one in pilots)
    return f"SIMULATED: {n} of {total} labels of all rounds are simulated, not given by people" if n else ""


def _cell(estimate: Estimate | None, digits: int = 3) -> str:
    if estimate is None or not estimate.defined:
        return "–"
    if estimate.low != estimate.low:
        return number(estimate.value, digits)
    return f"{number(estimate.value, digits)} ({number(estimate.low, digits)} to {number(estimate.high, digits)})"
