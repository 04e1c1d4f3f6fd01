"""Labels of a pilot's simulated annotators, marked `source: simulated` for good. The same seed gives the same bytes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import PilotError
from workbench.pilot.build import satisfied
from workbench.records import Label, content_id
from workbench.stats import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.pilot.config import PilotConfig
    from workbench.records import Assignment, Guideline, Item


def labels(
    items: Mapping[str, Item], assignments: Sequence[Assignment], config: PilotConfig, guideline: Guideline
) -> list[Label]:
    """Labels of the pilot's simulated annotators for every assignment of theirs, marked `source: simulated`.

    The truth behind them is the share of constraints a response satisfies, counted twice, plus a hidden part no
    verifier sees (normal, `simulation.hidden_quality`), drawn once a response.

    Raises
    ------
    PilotError
        When the task is not pairwise, the pilot has no `[simulation]`, or an annotator who is not simulated has
        assignments in this call.
    """
    if config.task != "pairwise":
        raise PilotError(
            f"only pairwise labels can be simulated, this pilot's task is {config.task}",
            next_step="label it: pilot.annotate('name')",
        )
    if config.simulation is None:
        raise PilotError(
            "this pilot has no [simulation] in pilot.toml",
            next_step="label it: pilot.annotate('name'), or describe simulated annotators as the shipped pilot does",
        )
    people = {person.id: person for person in config.annotators}
    described = [people[name].simulated for name in sorted({a.annotator for a in assignments}) if name in people]
    quality = _quality(items.values(), config.simulation.hidden_quality, config.simulation.seed)
    rows = []
    for asked in assignments:
        first, second = items[asked.item].responses
        rows.append(
            {
                "item": asked.item,
                "annotator": asked.annotator,
                "left": "A" if asked.order[0] == first.id else "B",
                "quality_a": quality[first.id],
                "quality_b": quality[second.id],
                "words_a": len(first.text.split()),
                "words_b": len(second.text.split()),
            }
        )
    answers = simulate.pairwise(
        pd.DataFrame(rows, columns=list(simulate.NEEDED)), described, seed=config.simulation.seed
    )
    clock: dict[str, float] = defaultdict(float)
    given = []
    for asked, answer in zip(assignments, answers.to_dict("records"), strict=True):
        # `assignments` come in each annotator's order, so a running sum of durations is their clock.
        seconds = float(answer["duration_s"])
        clock[asked.annotator] += seconds
        item, person = items[asked.item], people[asked.annotator]
        given.append(
            Label(
                label_id=content_id("l", asked.id, config.simulation.seed),
                pilot=asked.pilot,
                batch=asked.batch,
                round=asked.round,
                item=item.id,
                prompt_id=item.prompt_id,
                task=item.task,
                annotator=person.id,
                source="simulated",
                pool=person.pool,
                answer={"choice": answer["label"]},
                responses=tuple(response.id for response in item.responses),
                order=asked.order,
                position=asked.position,
                is_gold=asked.is_gold,
                is_repeat=asked.is_repeat,
                duration_s=seconds,
                submitted_at=config.simulation.started + timedelta(seconds=round(clock[asked.annotator], 1)),
                guideline=guideline.ref,
                guideline_sha256=guideline.sha256,
            )
        )
    return given


def _quality(items: Iterable[Item], hidden: float, seed: int) -> dict[str, float]:
    found = {}
    for item in items:
        for response in item.responses:
            # Seeded by the response, so adding items does not change the truth of the others.
            digest = hashlib.sha256(response.id.encode()).digest()
            rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
            found[response.id] = 2 * satisfied(item.constraints, response.text) + hidden * float(rng.normal())
    return found
