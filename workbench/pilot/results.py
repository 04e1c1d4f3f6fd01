"""The results a pilot hands out: frozen, with the numbers on them and a way to show themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.errors import PilotError
from workbench.pilot.views import Shown, estimate_row, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from plotly.graph_objects import Figure

    from workbench.design import Balance
    from workbench.economics.cost import BreakEven, CostEstimate
    from workbench.pilot.questions import Question
    from workbench.stats.agreement import PairwiseKappa
    from workbench.stats.annotators import AnnotatorPage, AnnotatorSummary
    from workbench.stats.estimate import Estimate, Verdict


@dataclass(frozen=True, repr=False)
class Card(Shown):
    """A pilot at a glance."""

    title: str
    facts: dict[str, str]
    simulated: str
    balance: Balance | None

    def lines(self) -> list[str]:
        """Title and, where it applies, the notice that labels are simulated."""
        return [self.title, *([self.simulated] if self.simulated else [])]

    def table(self) -> pd.DataFrame:
        """One fact a row."""
        return pd.DataFrame({"fact": list(self.facts), "value": list(self.facts.values())})


@dataclass(frozen=True, repr=False)
class Agreement(Shown):
    """Verdicts against the pilot's thresholds, the coefficients that fit the task, and alpha by question and category.

    `estimates` begin with one alpha a question. `pairs` has kappa of every two annotators (None for rankings, which
    have no kappa). `over_people` asks how it could have been with other annotators, not other items.
    """

    verdicts: tuple[Verdict, ...]
    estimates: tuple[Estimate, ...]
    slices: tuple[Estimate, ...]
    simulated: str
    slice_verdicts: tuple[Verdict, ...] = ()
    cautions: tuple[str, ...] = ()
    pairs: PairwiseKappa | None = None
    over_people: tuple[Estimate, ...] = ()
    question: Question | None = None

    def lines(self) -> list[str]:
        """One line a verdict, then the cautions."""
        notice = [self.simulated] if self.simulated else []
        slices = (
            [f"the {len(self.slices)} largest slices are shown: with so many, one is far out by luck alone"]
            if len(self.slices) > 1
            else []
        )
        return [*notice, *(str(verdict) for verdict in self.verdicts), *self.cautions, *slices]

    def table(self) -> pd.DataFrame:
        """One row a coefficient or slice."""
        return pd.DataFrame([estimate_row(e) for e in (*self.estimates, *self.over_people, *self.slices)])

    def figure(self) -> Figure:
        """Forest plot of all rows, with the threshold for alpha and the verdicts."""
        from workbench.figures import agreement

        rows = [*self.estimates, *self.over_people, *self.slices]
        threshold = next((v.threshold for v in self.verdicts if "alpha" in v.estimate.name), None)
        known = [*self.verdicts, *self.slice_verdicts]
        verdicts = [next((v for v in known if v.estimate == row), None) for row in rows]
        return agreement.forest(rows, threshold, verdicts)

    def annotator_matrix(self) -> Figure:
        """Kappa of every two annotators, with the number of items both judged."""
        from workbench.figures import agreement, theme

        if self.pairs is None:
            return theme.empty("no two annotators with labels that have a kappa")
        kappa, counts = self.pairs.matrix()
        return agreement.matrix(kappa, self.pairs.annotators, counts)

    def without_each(self) -> pd.DataFrame:
        """Alpha without each annotator, largest rise first: whose labels differ most from the others'."""
        from workbench.stats import agreement

        asked = self._asked()
        return agreement.without_each(asked.labels, level=asked.level)

    def over_time(self, windows: int = 4) -> Figure:
        """Alpha in consecutive windows of items, by when their last label came in."""
        from workbench.figures import agreement as figures
        from workbench.stats import agreement

        asked = self._asked()
        return figures.forest(agreement.over_time(asked.labels, level=asked.level, windows=windows))

    def _asked(self) -> Question:
        if self.question is None:
            raise PilotError("rankings and sets of classes have no view by annotator or time yet")
        return self.question


@dataclass(frozen=True, repr=False)
class Disagreements(Shown):
    """The most disputed items, with their texts and votes."""

    rows: pd.DataFrame
    n_disputed: int
    n_items: int
    simulated: str

    def lines(self) -> list[str]:
        """How many items are disputed at all."""
        notice = [self.simulated] if self.simulated else []
        share = self.n_disputed / self.n_items if self.n_items else float("nan")
        told = f"{self.n_disputed} of {self.n_items} items with two or more labels are disputed ({number(share, 2)})"
        return [*notice, f"{told}; the {len(self.rows)} worst:"]

    def table(self) -> pd.DataFrame:
        """Item, votes, category and the start of each text."""
        shown = self.rows[["item", "category", "votes", "disagreement", "prompt", "response_a", "response_b"]].copy()
        if (self.rows["criterion"] != "").any():
            shown.insert(1, "criterion", self.rows["criterion"])
        shown["votes"] = [", ".join(f"{n} {label}" for label, n in votes.items()) for votes in shown["votes"]]
        shown["disagreement"] = shown["disagreement"].map(lambda value: number(value, 2))
        for column in ("prompt", "response_a", "response_b"):
            shown[column] = [text if len(text) <= 120 else text[:119] + "…" for text in shown[column]]
        return shown

    def figure(self) -> Figure | None:
        """Votes of the worst items."""
        from workbench.figures import disagreement

        rows: Any = self.rows.to_dict("records")
        return disagreement.votes(rows) if rows else None


@dataclass(frozen=True, repr=False)
class Quality(Shown):
    """Annotators: labels, gold error, side, consistency, pace; what is worth a look (`pages`). Never an exclusion."""

    annotators: tuple[AnnotatorSummary, ...]
    gold: tuple[Verdict, ...]
    simulated: str
    pages: Mapping[str, AnnotatorPage]

    def lines(self) -> list[str]:
        """One line an annotator whose gold error is settled as too high, else that there is none."""
        notice = [self.simulated] if self.simulated else []
        bad = [str(verdict) for verdict in self.gold if verdict.decision == "fail"]
        open_ones = sum(verdict.decision == "inconclusive" for verdict in self.gold)
        told = bad or (["no annotator's gold error is shown to be above the threshold"] if self.gold else [])
        unsettled = [f"{open_ones} of {len(self.gold)} gold verdicts are inconclusive: few gold items each"]
        looks = [f"{name}: {one}" for name, page in self.pages.items() for one in page.suggestions]
        return [*notice, *told, *(unsettled if open_ones else []), *looks]

    def table(self) -> pd.DataFrame:
        """One row an annotator; shares carry their interval."""
        gold = {verdict.estimate.label: verdict for verdict in self.gold}
        rows: list[dict[str, Any]] = []
        for one in self.annotators:
            verdict = gold.get(one.annotator)
            rows.append(
                {
                    "annotator": one.annotator,
                    "source": one.source,
                    "labels": one.n_labels,
                    "gold error": share(verdict.estimate) if verdict else "–",
                    "gold verdict": verdict.decision if verdict else "–",
                    "chose left": share(one.p_left),
                    "ties": share(one.tie_share),
                    "same on repeat": share(one.self_agreement),
                    "median seconds": number(one.median_seconds, 1),
                }
            )
        return pd.DataFrame(rows)


@dataclass(frozen=True, repr=False)
class Cost(Shown):
    """What scaling up costs under each price list, and where one overtakes another."""

    estimates: tuple[CostEstimate, ...]
    break_evens: tuple[BreakEven, ...]
    simulated: str

    def lines(self) -> list[str]:
        """One line a price list and a break-even, then the notes."""
        notes = list(dict.fromkeys(note for estimate in self.estimates for note in estimate.notes))
        notice = [self.simulated] if self.simulated else []
        return [*notice, *map(str, self.estimates), *map(str, self.break_evens), *notes]

    def table(self) -> pd.DataFrame:
        """One row a price list."""
        from workbench.economics.cost import money

        return pd.DataFrame(
            [
                {
                    "prices": e.prices.name,
                    "per judgment": money(e.prices.judgment or 0, e.prices.currency),
                    "judgments": f"{e.n_judgments:,}",
                    "pay": money(e.pay, e.prices.currency),
                    "fees": money(e.platform_fees + e.plan_fees, e.prices.currency),
                    "total": money(e.total, e.prices.currency),
                    "per usable item": money(e.per_item, e.prices.currency),
                    "hourly wage": "–" if e.hourly_wage is None else money(e.hourly_wage, e.prices.currency),
                    "prices from": e.prices.source or "not recorded",
                }
                for e in self.estimates
            ]
        )

    def figure(self) -> Figure | None:
        """Pay and fees of each price list."""
        from workbench.figures import cost

        return cost.breakdown(*self.estimates) if self.estimates else None


@dataclass(frozen=True, repr=False)
class Evaluation(Shown):
    """Base model against adapter, paired by prompt, on machine-checked constraints; and on held-out pairs.

    `satisfaction` is the change in the mean share of constraints satisfied; `base` and `adapter` the two levels;
    `by_kind` the same change for each kind of constraint; `length` the change in words. `pair_accuracy` is the share
    of held-out pairs whose chosen response gained more probability than the rejected one, `margin` the mean of that
    gain (nats times beta); `divergence` is how far the adapter moved from its base, in nats an answer; `reward` what a
    reward model makes of the change. `placebo` marks a run on shuffled labels.
    """

    run: str
    base: Estimate | None
    adapter: Estimate | None
    satisfaction: Estimate | None
    by_kind: tuple[dict[str, Any], ...]
    length: Estimate | None
    pair_accuracy: Estimate | None
    n_samples: int
    notes: tuple[str, ...]
    margin: Estimate | None = None
    divergence: Estimate | None = None
    reward: Estimate | None = None
    placebo: bool = False

    def lines(self) -> list[str]:
        """The difference first, then the notes (for example when a gain is only brevity)."""
        told = ["a placebo: the labels of this run were shuffled"] if self.placebo else []
        if self.satisfaction and self.base and self.adapter:
            told.append(
                f"constraints satisfied on {self.satisfaction.n_items} held-out prompts x {self.n_samples} samples: "
                f"base {number(self.base.value)}, adapter {number(self.adapter.value)}, difference "
                f"{signed(self.satisfaction, 3)}"
            )
        if self.length:
            told.append(f"length: {signed(self.length, 1)} words an answer")
        if self.pair_accuracy:
            told.append(f"held-out pairs: {self.pair_accuracy}")
        if self.margin:
            told.append(f"implicit reward of chosen over rejected: {signed(self.margin, 3)}")
        if self.reward:
            told.append(f"score of the reward model: {signed(self.reward, 3)}")
        if self.divergence:
            told.append(f"moved from the base by {signed(self.divergence, 2).lstrip('+')} nats an answer")
        return [*told, *self.notes]

    def table(self) -> pd.DataFrame:
        """One row a kind of constraint."""
        return kinds(self.by_kind)

    def figure(self) -> Figure | None:
        """Base and adapter by kind of constraint."""
        from workbench.figures import training

        return training.before_after(list(self.by_kind)) if self.by_kind else None


def kinds(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Base against adapter, one row a kind of constraint."""
    return pd.DataFrame(
        [
            {
                "constraint": row["label"],
                "base": number(row["base"]),
                "adapter": number(row["adapter"]),
                "difference": f"{row['difference']:+.3f}",
                "interval": "–" if row["low"] is None else f"{row['low']:+.3f} to {row['high']:+.3f}",
                "prompts": row["n"],
            }
            for row in rows
        ]
    )


def signed(estimate: Estimate, digits: int) -> str:
    """A difference with its sign and interval, or the reason why there is none."""
    if estimate.low != estimate.low:
        return f"{estimate.value:+.{digits}f} ({estimate.reason})"
    return f"{estimate.value:+.{digits}f} (95 % interval {estimate.low:+.{digits}f} to {estimate.high:+.{digits}f})"


def share(estimate: Estimate) -> str:
    """A share with its interval and n, for a table cell."""
    if not estimate.defined:
        return "–"
    return f"{number(estimate.value, 2)} ({number(estimate.low, 2)}–{number(estimate.high, 2)}, n {estimate.n_labels})"
