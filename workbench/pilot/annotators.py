"""A pilot's annotators: a page each, and what leaving some of them out would do before anybody does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.pilot import measures
from workbench.pilot.gold import EXACT, known_labels
from workbench.pilot.questions import questions
from workbench.pilot.views import Shown, estimate_row, number
from workbench.stats import annotators as stats
from workbench.stats import ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from workbench.pilot.opening import Pilot


@dataclass(frozen=True, repr=False)
class Page(Shown):
    """Everything one annotator's labels say about how they work."""

    page: stats.AnnotatorPage
    simulated: str

    def lines(self) -> list[str]:
        """What is worth a look. Never a reason to exclude somebody by itself: ask first."""
        notice = [self.simulated] if self.simulated else []
        name, found = self.page.annotator, self.page.suggestions
        return [*notice, *(f"{name}: {one}" for one in found)] if found else [*notice, f"{name}: nothing to look at"]

    def table(self) -> pd.DataFrame:
        """One row a measure."""
        one = self.page
        measured = [one.agreement, one.side.p_left if one.side else None, one.straight.share, one.too_fast]
        measured += [one.self_agreement, one.gold_error, one.skill, *one.content]
        return pd.DataFrame([estimate_row(each, each.name.replace("_", " ")) for each in measured if each is not None])

    def figure(self) -> Figure | None:
        """The first drift chart that alarms, else the first there is."""
        charts = sorted(self.page.drift, key=lambda one: one.alarm is None)
        return self.drift(charts[0].signal, charts[0].scope) if charts else None

    def drift(self, signal: str, scope: str) -> Figure:
        """One CUSUM chart: `signal` is agreement or pace, `scope` is session or days."""
        from workbench.figures import annotators, theme

        for one in self.page.drift:
            if (one.signal, one.scope) == (signal, scope):
                return annotators.drift_chart(one)
        return theme.empty(f"no chart of {signal} over {scope}: it takes times and enough labels")


@dataclass(frozen=True, repr=False)
class Filter(Shown):
    """What leaving annotators out does to labels, slices, groups and agreement."""

    impact: stats.FilterImpact
    simulated: str

    def lines(self) -> list[str]:
        """What a reader has to know first."""
        notice = [self.simulated] if self.simulated else []
        one = self.impact
        told = (
            f"without {', '.join(one.excluded)}: {number(one.labels_lost.value, 2)} of labels go, {one.items_lost} "
            "items keep no label"
        )
        return [*notice, told, *one.warnings]

    def table(self) -> pd.DataFrame:
        """One row a number: before, after, change with interval."""
        one = self.impact
        rows: list[tuple[str, stats.Change]] = [
            ("alpha", one.alpha),
            ("percent agreement", one.percent_agreement),
            ("items short of labels", one.short_items),
            *((f"label {label}", change) for label, change in one.label_mix.items()),
            *((f"{column} {value}", change) for (column, value), change in one.slices.items()),
            *((f"group {name}", change) for name, change in one.groups.items()),
        ]
        return pd.DataFrame(
            [
                {
                    "what": what,
                    "before": number(change.before.value),
                    "after": number(change.after.value),
                    "change": number(change.difference.value),
                    "interval": f"{number(change.difference.low)} to {number(change.difference.high)}",
                    "note": change.difference.reason,
                }
                for what, change in rows
            ]
        )


def pages(pilot: Pilot) -> dict[str, stats.AnnotatorPage]:
    """A page for each annotator, of the first question asked."""
    return stats.pages(**_given(pilot))


def page(pilot: Pilot, annotator: str) -> Page:
    """See `Pilot.annotator`."""
    return Page(stats.page(annotator=annotator, **_given(pilot)), pilot.simulated_notice)


def filter_impact(pilot: Pilot, exclude: Sequence[str], *, n_resamples: int, seed: int) -> Filter:
    """See `Pilot.without`."""
    labels = measures.some_labels(pilot)
    asked = questions(pilot, labels)[0].labels
    category = asked["item"].map({item.id: item.category for item in pilot.items.values()})
    pool = "pool" if asked["pool"].nunique() > 1 else None
    impact = stats.filter_impact(
        asked.assign(category=category.fillna("")),
        exclude,
        groups=pool,
        slices=["category"] if category.nunique() > 1 else [],
        n_resamples=n_resamples,
        seed=seed,
    )
    return Filter(impact, pilot.simulated_notice)


def _given(pilot: Pilot) -> dict[str, Any]:
    """Labels of the first question, what is right of gold, and counts of words and marks of each text."""
    labels = measures.some_labels(pilot)
    asked = questions(pilot, labels)[0].labels
    gold = None
    if pilot.config.task in EXACT:
        gold = known_labels(pilot)
    return {"labels": asked, "gold": gold or None, "features": _features(pilot)}


def _features(pilot: Pilot) -> pd.DataFrame:
    """Words to read, and words and list marks of both responses where there are two."""
    rows = []
    for item in pilot.items.values():
        row: dict[str, Any] = {"item": item.id, "words_prompt": len(item.prompt.split())}
        for letter, response in zip("abcdefgh", item.responses, strict=False):
            style = ranking.style_of(response.text)
            row |= {f"{name}_{letter}": count for name, count in style.items() if name in ("words", "lists")}
        rows.append(row)
    return pd.DataFrame(rows).fillna(0)
