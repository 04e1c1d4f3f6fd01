"""A pilot's gold: who passes, decided answer by answer; and the gold itself under examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench import tasks
from workbench.errors import PilotError
from workbench.pilot import measures
from workbench.pilot.results import share
from workbench.pilot.views import Shown, number
from workbench.stats import gold as stats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plotly.graph_objects import Figure

    from workbench.pilot.opening import Pilot
    from workbench.stats.estimate import Estimate

# Answers of these tasks are right only when they equal the key, so labels and keys can be compared as they stand.
EXACT = {"pairwise", "ranking", "classification"}
# What an annotator may err and still be fine, as a part of what is too much.
ACCEPTABLE_PART = 1 / 3
RIGHT = "right"


@dataclass(frozen=True, repr=False)
class Gold(Shown):
    """One sequential test an annotator, their error rates, and the audit of the gold items."""

    tests: tuple[stats.SequentialTest, ...]
    errors: tuple[Estimate, ...]
    audit: stats.GoldAudit
    prompts: Mapping[str, str]
    simulated: str

    def lines(self) -> list[str]:
        """Decisions, how often they err, suspect keys, signs of wear, and what could not be looked at."""
        rule = self.tests[0].rule
        exact = self.tests[0].operating
        told = [self.simulated] if self.simulated else []
        decided = {name: sum(one.decision == name for one in self.tests) for name in ("pass", "fail", "inconclusive")}
        told.append(
            f"{decided['pass']} pass, {decided['fail']} fail, {decided['inconclusive']} are not decided yet: an error "
            f"of {rule.acceptable:.0%} is fine, {rule.unacceptable:.0%} is too much"
        )
        told.append(
            f"looked at after every answer, this fails somebody who is fine in {exact.acceptable.p_fail:.1%} of cases "
            f"and passes somebody who is not in {exact.unacceptable.p_pass:.1%}"
        )
        told.extend(str(one) for one in self.tests if one.decision == "fail")
        suspects = self.audit.suspects
        if suspects:
            told.append(f"{len(suspects)} keys are suspect, good annotators mostly fail them: see the table")
        told.extend(self.audit.leakage.signs)
        told.extend(self.audit.notes)
        return told

    def table(self) -> pd.DataFrame:
        """One row an annotator."""
        errors = {one.label: one for one in self.errors}
        return pd.DataFrame(
            [
                {
                    "annotator": one.label,
                    "decision": one.decision,
                    "at answer": one.decided_at or "–",
                    "wrong": f"{one.n_wrong} of {one.n}",
                    "gold error": share(errors[one.label]) if one.label in errors else "–",
                    "expected answers": " / ".join(number(n, 0) for n in one.expected_answers),
                }
                for one in self.tests
            ]
        )

    def items(self) -> pd.DataFrame:
        """One row a gold item, suspect ones first: who errs, the usual wrong answer, the start of the prompt."""
        ranked = sorted(
            self.audit.items,
            key=lambda one: (not one.suspect, -_known(one.error_of_good.value), -_known(one.error.value)),
        )
        return pd.DataFrame(
            [
                {
                    "item": one.item,
                    "key": one.gold,
                    "look at it": "yes" if one.suspect else "",
                    "error": share(one.error),
                    "error of who is good elsewhere": share(one.error_of_good),
                    "usual wrong answer": "–" if one.common_wrong is None else one.common_wrong,
                    "prompt": self.prompts.get(one.item, "")[:80],
                }
                for one in ranked
            ]
        )

    def figure(self) -> Figure | None:
        """The evidence about the annotator who is nearest to failing, or failed first."""
        return self.boundary(max(self.tests, key=lambda one: one.toward_fail[-1] if one.n else -1e9).label)

    def boundary(self, annotator: str) -> Figure:
        """The evidence about one annotator after each gold answer, with both boundaries.

        Raises
        ------
        PilotError
            When there is no test of this annotator.
        """
        from workbench.figures import gold

        for one in self.tests:
            if one.label == annotator:
                return gold.boundary(one, title=annotator)
        known = ", ".join(one.label for one in self.tests[:12])
        raise PilotError(f"{annotator!r} has no gold answers", next_step=f"one of: {known}")


def gold(pilot: Pilot, *, acceptable: float | None, unacceptable: float | None) -> Gold:
    """See `Pilot.gold`."""
    labels = measures.some_labels(pilot)
    marked = measures.marked_gold(pilot, labels)
    used = set(marked["item"])
    known = [item for item in pilot.items.values() if item.gold and item.id in used]
    table = pd.DataFrame(
        {
            "item": [item.id for item in known],
            "label": [RIGHT] * len(known),
            "by": [item.gold.by if item.gold else "" for item in known],
            "task": [pilot.config.task] * len(known),
        }
    )
    if table.empty or marked.empty:
        raise PilotError(
            "no answer to a gold item yet",
            next_step="gold comes from verifiers (constraints in prompts.jsonl) or a panel; see [design] gold_share",
        )
    too_much = unacceptable if unacceptable is not None else pilot.config.thresholds.gold_error
    fine = acceptable if acceptable is not None else too_much * ACCEPTABLE_PART
    answers = marked.assign(label=[RIGHT if right else "wrong" for right in marked["label"]])
    tests = stats.sequential_by_annotator(answers, table, acceptable=fine, unacceptable=too_much)
    errors = stats.error_rates(answers, dict.fromkeys(table["item"], RIGHT))
    if pilot.config.task in EXACT:
        # Of one response or one order a label says all, so the audit may tell which wrong answer is the usual one.
        whole = labels[labels["criterion"] == ""]
        keys = table.assign(label=table["item"].map(known_labels(pilot)))
        audit = stats.audit(whole, keys, items=pilot.item_table(), threshold=too_much)
    else:
        audit = stats.audit(answers, table, threshold=too_much)
    return Gold(tuple(tests), tuple(errors), audit, {item.id: item.prompt for item in known}, pilot.simulated_notice)


def _known(value: float) -> float:
    """The value, or below any share where there is none."""
    return -1.0 if value != value else value


def known_labels(pilot: Pilot) -> dict[str, Any]:
    """item -> the label that its known answer becomes in the label table, of items that were asked as gold.

    More items may have a known answer than the design hides as gold; numbers about gold are about those it hides.
    """
    task = tasks.task(pilot.config.task)
    asked = {label.item for label in pilot.label_records() if label.is_gold}
    return {
        item.id: task.rows(tasks.parse_answer(task.name, item.gold.answer))[0].label
        for item in pilot.items.values()
        if item.gold and item.id in asked
    }
