"""One label an item from several: which model fits, how sure it is, how often a single label is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from workbench.errors import PilotError
from workbench.pilot import measures
from workbench.pilot.questions import questions
from workbench.pilot.views import Shown, estimate_row, number
from workbench.stats import aggregation as stats

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from workbench.pilot.opening import Pilot
    from workbench.stats.estimate import Estimate

Model = Literal["dawid_skene", "one_coin", "ordinal", "mace", "glad"]
# Under this posterior an item deserves another look before its label is used.
UNSURE = 0.8


@dataclass(frozen=True, repr=False)
class Consensus(Shown):
    """The labels a model makes of all labels, and how it compares with others on labels it has not seen."""

    model: str
    result: stats.Aggregation
    comparison: stats.Comparison
    flip_rate: Estimate
    changed: int
    simulated: str

    def lines(self) -> list[str]:
        """Which model predicts best, what differs from a majority vote, how often a single label is wrong."""
        notice = [self.simulated] if self.simulated else []
        best = max(self.comparison.models, key=lambda one: one.value)
        items = self.result.items
        unsure = int((items["consensus_quality_score"] < UNSURE).sum())
        unresolved = int(items["consensus_label"].isna().sum())
        told = (
            f"{len(items)} items by {self.model}: {self.changed} get another label than by majority, {unsure} are less "
            f"than {UNSURE:.0%} sure, {unresolved} stay unresolved"
        )
        return [
            *notice,
            told,
            f"best on labels it had not seen: {best.label or best.name} ({number(best.value)} log-likelihood a label)",
            f"a single label is wrong: {self.flip_rate}",
        ]

    def table(self) -> pd.DataFrame:
        """One row an annotator: the accuracy the model expects of them."""
        table = self.result.annotator_quality.sort_values("annotator_quality", ascending=False, ignore_index=True)
        return table.assign(annotator_quality=table["annotator_quality"].map(lambda one: number(one, 2)))

    def items(self) -> pd.DataFrame:
        """One row an item, least sure first: consensus, how sure, votes."""
        return self.result.items.sort_values("consensus_quality_score", kind="stable", ignore_index=True)

    def models(self) -> pd.DataFrame:
        """Log-likelihood a label on labels the model had not seen, and the differences from a majority vote."""
        return pd.DataFrame([estimate_row(one) for one in (*self.comparison.models, *self.comparison.differences)])

    def figure(self) -> Figure:
        """How sure the model is of each item."""
        from workbench.figures import aggregation

        return aggregation.posterior_histogram(self.result)

    def confusion(self, *annotators: str) -> Figure:
        """What each annotator answers where the model takes another answer to be true."""
        from workbench.figures import aggregation

        return aggregation.confusion(self.result, list(annotators) or None)


def consensus(pilot: Pilot, model: Model, *, seed: int) -> Consensus:
    """See `Pilot.consensus`."""
    labels = measures.some_labels(pilot)
    asked, *_ = questions(pilot, labels)
    fit: dict[str, Any] = {
        "dawid_skene": lambda table: stats.dawid_skene(table, smoothing=0.5),
        "one_coin": lambda table: stats.dawid_skene(table, model="one_coin", smoothing=0.5),
        "ordinal": stats.ordinal_dawid_skene,
        "mace": lambda table: stats.mace(table, seed=seed),
        "glad": stats.glad,
    }
    if model not in fit:
        raise PilotError(f"no model {model!r}", next_step=f"one of {', '.join(fit)}")
    result = fit[model](asked.labels)
    names: list[Any] = ["majority", "dawid_skene", "one_coin", "mace", "glad"]
    if asked.level == "ordinal":
        names.append("ordinal")
    voted = stats.majority(asked.labels).set_index("item")["consensus_label"]
    items = result.items.set_index("item")["consensus_label"]
    changed = int((voted.notna() & items.notna() & (voted != items.reindex(voted.index))).sum())
    return Consensus(
        model,
        result,
        stats.compare(asked.labels, names, n_resamples=2_000, seed=seed),
        stats.flip_rate(asked.labels, seed=seed),
        changed,
        pilot.simulated_notice,
    )
