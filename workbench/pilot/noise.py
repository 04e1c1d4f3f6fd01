"""How often a label, and a row made of several, names the wrong response: the epsilon of robust training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.errors import PilotError
from workbench.pilot import measures, rows
from workbench.pilot.views import Shown, estimate_row, number
from workbench.stats import aggregation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from workbench.exporters import Preferences
    from workbench.pilot.opening import Pilot
    from workbench.stats.estimate import Estimate

# TRL takes a flip rate below one half; close to it the loss divides by next to nothing.
TOO_MUCH = 0.45


@dataclass(frozen=True, repr=False)
class FlipRate(Shown):
    """Flip rates of single votes and of the rows that are trained on, each by three ways of telling.

    `votes` and `rows` hold an `Estimate` each from how often annotators differ (`pairs`), from Dawid and Skene's model
    (`model`), and against gold (`gold`). `epsilon` is what to pass to robust training, None where nothing tells it or
    rows are no better than chance; `basis` names the estimate it is. `n_adjudicated` of the `n_rows` rows were decided
    by somebody who looked again; they are in no estimate.
    """

    votes: dict[str, Estimate]
    rows: dict[str, Estimate]
    epsilon: float | None
    basis: str
    n_rows: int
    n_adjudicated: int
    simulated: str

    def lines(self) -> list[str]:
        """What to pass, what bounds it from above and below, and what gold says."""
        notice = [self.simulated] if self.simulated else []
        gold = self.rows["gold"]
        told = [*notice, self._advice()]
        ceiling = max((one for one in self.votes.values() if one.defined), key=lambda one: one.value, default=None)
        if ceiling is not None and ceiling.value >= (self.epsilon or 0):
            told.append(
                f"upper bound {number(ceiling.value)} ({_interval(ceiling)}): a single vote, {ceiling.label}. It is "
                "the epsilon only where single votes become rows"
            )
        floor = next((self.rows[by] for by in ("model", "pairs") if self.rows[by].defined), None)
        if floor is not None:
            told.append(
                f"lower bound {number(floor.value)} ({_interval(floor)}): rows, {floor.label}, if annotators err "
                "independently; errors they share come on top"
            )
        if gold.defined:
            told.append(
                f"gold says {number(gold.value)} ({_interval(gold)}) of rows on {gold.n_items} gold items: it sees "
                "shared errors too, but gold that was chosen because it is clear is easier than the rest"
            )
        if self.n_adjudicated:
            told.append(f"{self.n_adjudicated} of {self.n_rows} rows were adjudicated and are in none of these")
        return [*told, "loss='votes' takes no epsilon: its rows already hold the doubt"]

    def _advice(self) -> str:
        if self.epsilon is None:
            return f"no epsilon to pass: {self.basis}"
        one = self.rows[self.basis]
        return (
            f"pass RunConfig(loss='robust', label_smoothing={self.epsilon:g}): the flip rate of the {self.n_rows} rows "
            f"trained on, {one.label} ({_interval(one)})"
        )

    def estimates(self) -> list[Estimate]:
        """All six, votes first."""
        return [
            one.named(f"{what}, {one.label}")
            for what, found in (("a vote", self.votes), ("a row", self.rows))
            for one in found.values()
        ]

    def table(self) -> pd.DataFrame:
        """One row an estimate."""
        return pd.DataFrame([estimate_row(one) for one in self.estimates()])

    def figure(self) -> Figure:
        """All six with their intervals."""
        from workbench.figures import agreement

        return agreement.forest(self.estimates())


def flip_rate(
    pilot: Pilot, preferences: Preferences | None, *, exclude: Sequence[str], n_resamples: int, seed: int
) -> FlipRate:
    """See `Pilot.flip_rate`."""
    if pilot.config.task != "pairwise":
        raise PilotError(
            f"flip rates are of pairs, and this pilot's labels are {pilot.config.task}",
            next_step="pilot.consensus() says how often a single label is wrong",
        )
    made = rows.preferences(pilot, exclude=exclude) if preferences is None else preferences
    if any(row.item not in pilot.items for row in made.rows):
        raise PilotError(
            "some rows are of other rounds, so this pilot's labels do not tell how many are wrong",
            next_step="pass label_smoothing; each round's own flip_rate() says what to expect",
        )
    labels = measures.usable(pilot, exclude)
    options: dict[str, Any] = {"n_resamples": n_resamples, "seed": seed}
    names: tuple[tuple[Any, str], ...] = (("pairs", "from differing pairs of votes"), ("model", "by Dawid-Skene"))
    gold = {item.id: item.gold.answer.get("choice") for item in pilot.items.values() if item.gold}
    marked = labels[labels["is_gold"] & (labels["criterion"] == "")]
    voted = [(row.item, _side(pilot, row.item, row.chosen_id)) for row in made.rows if row.decided_by != "adjudicated"]
    votes = {by: aggregation.flip_rate(labels, by=by, label=name, **options) for by, name in names}
    of_rows = {by: aggregation.decided_flip_rate(labels, voted, by=by, label=name, **options) for by, name in names}
    votes["gold"] = aggregation.gold_flip_rate(marked, gold, label="against gold", **options)
    of_rows["gold"] = aggregation.gold_flip_rate(
        _decided(made, pilot, marked, exclude), gold, label="against gold", **options
    )
    epsilon, basis = _choose(of_rows)
    return FlipRate(votes, of_rows, epsilon, basis, len(made.rows), len(made.rows) - len(voted), pilot.simulated_notice)


def _choose(found: dict[str, Estimate]) -> tuple[float | None, str]:
    """The estimate to train with. Gold comes first only where it settles that there are more errors than told."""
    basis = next((by for by in ("model", "pairs", "gold") if found[by].defined), None)
    if basis is None:
        return None, found["pairs"].reason or "nothing tells how often rows are wrong"
    if found["gold"].low > found[basis].high:
        basis = "gold"
    value = found[basis].value
    if value >= TOO_MUCH:
        return None, f"{value:.2f} of rows are wrong, next to chance: no loss makes up for that"
    return round(value, 4), basis


def _decided(made: Preferences, pilot: Pilot, marked: pd.DataFrame, exclude: Sequence[str]) -> pd.DataFrame:
    """What gold items would be as rows: one decision an item, by the votes on it."""
    modelled = any(row.decided_by == "model" for row in made.rows)
    decisions = rows.modelled(pilot, exclude)[0] if modelled else measures.decisions(pilot, exclude)
    asked = sorted(set(marked["item"]))
    found = [(item, decisions.get(item, (None, "unresolved"))) for item in asked]
    decided = [(item, "consensus", label) for item, (label, how) in found if label is not None and how != "adjudicated"]
    return pd.DataFrame(decided, columns=["item", "annotator", "label"], dtype=object)


def _side(pilot: Pilot, item: str, response: str) -> str:
    return "AB"[[one.id for one in pilot.items[item].responses].index(response)]


def _interval(one: Estimate) -> str:
    if one.low != one.low:
        return one.reason or "no interval"
    return f"{one.confidence:.0%} interval {number(one.low)} to {number(one.high)}"
