"""A pilot's agreement page for each task type: the coefficient that fits, one verdict a question."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.pilot import small
from workbench.records import Label, content_id
from workbench.stats import agreement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.pilot import Pilot
    from workbench.records import TaskName

PEOPLE = ("ann", "bea", "cyd")


def labelled(tmp_path: Path, task: TaskName, answer: Callable[[random.Random, int], dict[str, Any]]) -> Pilot:
    """A pilot of this task where three people judged everything; `answer` gets a generator and the item's number."""
    pilot = small.opened(tmp_path / task, task=task, people=PEOPLE, n=26, design={"gold_share": 0})
    pilot.plan()
    pilot.store.keep_guideline(pilot.guideline)
    number = {item: k for k, item in enumerate(sorted(pilot.items))}
    rng = random.Random(task)
    labels = []
    for asked in pilot.assignments():
        item = pilot.items[asked.item]
        labels.append(
            Label(
                label_id=content_id("l", asked.id),
                pilot=pilot.name,
                batch=asked.batch,
                item=item.id,
                prompt_id=item.prompt_id,
                task=task,
                annotator=asked.annotator,
                source="human",
                answer=answer(rng, number[item.id]),
                responses=tuple(response.id for response in item.responses),
                order=asked.order,
                position=asked.position,
                is_gold=asked.is_gold,
                is_repeat=asked.is_repeat,
                submitted_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
                guideline=pilot.guideline.ref,
                guideline_sha256=pilot.guideline.sha256,
            )
        )
    pilot.store.append(labels)
    return pilot


def near(rng: random.Random, k: int, most: int = 5) -> int:
    return min(most, max(1, k % most + 1 + rng.choice([-1, 0, 0, 0, 1])))


def test_likert_has_a_verdict_a_dimension(tmp_path: Path) -> None:
    pilot = labelled(
        tmp_path, "likert", lambda rng, k: {"ratings": {"helpful": near(rng, k), "polite": rng.randint(1, 5)}}
    )
    found = pilot.agreement(n_resamples=300)
    questions = [verdict.question for verdict in found.verdicts]
    assert questions[:2] == ["Agreement beyond chance on helpful", "Agreement beyond chance on polite"]
    helpful, polite = found.estimates[:2]
    assert (helpful.label, polite.label) == ("alpha: helpful", "alpha: polite")
    assert helpful.value > 0.6 > polite.value
    labels = pilot.labels()
    again = agreement.krippendorff_alpha(labels[labels["criterion"] == "helpful"], "ordinal", n_resamples=0)
    assert helpful.value == pytest.approx(again.value)
    assert any("2 questions were asked" in line for line in found.lines())
    assert {"gwet ac2: helpful", "percent agreement: helpful"} <= {one.label for one in found.estimates}
    # Two responses of a prompt are two items: they are resampled together.
    assert "clusters of items" in helpful.method
    worst = pilot.disagreements(5)
    assert set(worst.rows["criterion"]) <= {"helpful", "polite"}
    assert "criterion" in worst.table().columns
    assert worst.rows["item"].is_unique


def test_rankings_agree_by_the_choices_they_imply(tmp_path: Path) -> None:
    def answer(rng: random.Random, k: int) -> dict[str, Any]:
        best, other = ("A", "B") if rng.random() < (0.9 if k % 2 else 0.1) else ("B", "A")
        return {"ranks": {best: 1, other: 2, "C": rng.choice([2, 3])}}

    pilot = labelled(tmp_path, "ranking", answer)
    found = pilot.agreement(n_resamples=300)
    assert [one.name for one in found.estimates] == ["rank_alpha", "kendall_tau"]
    assert found.pairs is None
    assert len(found.verdicts) == 1
    assert "no two annotators" in found.annotator_matrix().layout.annotations[0].text


def test_several_classes_a_label_are_sets(tmp_path: Path) -> None:
    pilot = labelled(
        tmp_path,
        "classification",
        lambda rng, k: {"classes": ["lowest", "highest"][: 1 + (k + rng.randint(0, 3) // 3) % 2]},
    )
    found = pilot.agreement(n_resamples=300)
    assert found.estimates[0].name == "set_alpha"
    assert found.estimates[0].defined


def test_people_are_set_against_each_other(tmp_path: Path) -> None:
    pilot = labelled(tmp_path, "pairwise", lambda rng, k: {"choice": "A" if rng.random() < (k % 10) / 9 else "B"})
    found = pilot.agreement(n_resamples=300)
    (over,) = found.over_people
    assert over.label == "alpha, over annotators"
    assert over.value == pytest.approx(found.estimates[0].value)
    assert found.pairs is not None
    assert found.pairs.annotators == PEOPLE
    figure = found.annotator_matrix()
    assert sum(len(trace.x) for trace in figure.data) == 3
    assert any("3 annotators: the interval resamples items" in line for line in found.lines())
    assert "alpha, over annotators" in found.html()


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        (
            "factual_accuracy",
            lambda rng, k: {"claims": [{"start": 0, "end": 5, "quote": "q", "verdict": near_verdict(rng, k)}]},
        ),
        ("instruction_following", lambda rng, k: {"checks": {"c1": "yes" if rng.random() < (k % 2) else "no"}}),
    ],
)
def test_claims_and_checks(tmp_path: Path, task: TaskName, answer: Any) -> None:
    pilot = labelled(tmp_path, task, answer)
    found = pilot.agreement(n_resamples=200)
    assert found.verdicts[0].question == "Agreement beyond chance"
    assert found.estimates[0].defined


def near_verdict(rng: random.Random, k: int) -> str:
    return "supported" if rng.random() < (0.9 if k % 2 else 0.1) else "contradicted"


def test_strength_has_a_line_of_its_own(tmp_path: Path) -> None:
    def answer(rng: random.Random, k: int) -> dict[str, Any]:
        felt = max(-3, min(3, k % 7 - 3 + rng.choice([-1, 0, 0, 1])))
        return {"choice": "B" if felt > 0 else "A" if felt < 0 else "tie", "strength": felt}

    pilot = labelled(tmp_path, "pairwise", answer)
    (found,) = [one for one in pilot.agreement(n_resamples=100).estimates if one.label == "alpha of strength"]
    labels = pilot.labels()
    table = labels.assign(label=labels["strength"].astype(int))
    again = agreement.krippendorff_alpha(table, "interval", n_resamples=0)
    assert found.value == pytest.approx(again.value)
    assert found.value > 0.8
