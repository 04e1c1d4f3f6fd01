"""From prompts to a labelled batch: candidates, items with gold, a plan, and simulated labels where asked for.

Each step reads the one before it from the pilot's folder, so a step can be repeated alone. The same inputs and seed
give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import verifiers
from workbench.errors import PilotError
from workbench.records import Gold, Item, Label, Prompt, content_id
from workbench.stats import simulate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from workbench.pilot.config import Candidates, PilotConfig
    from workbench.records import Assignment, Constraint, Guideline, Response
    from workbench.training.candidates import Generated


@dataclass(frozen=True)
class BuiltItems:
    """Items, and the prompts that gave none (with the reason), so nothing is dropped in silence."""

    items: tuple[Item, ...]
    left_out: dict[str, str]


def read_prompts(path: Path) -> list[Prompt]:
    """The prompts of a pilot, one JSON record a line; `PilotError` names the line that cannot be read."""
    prompts = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise PilotError("this pilot has no prompts.jsonl", where=str(path.parent)) from None
    for number, line in enumerate(lines, start=1):
        try:
            prompt = Prompt.parse(json.loads(line))
            for constraint in prompt.constraints:
                verifiers.validate(constraint)
        except (ValueError, TypeError) as error:
            raise PilotError(f"not a prompt: {str(error)[:200]}", where=f"{path}:{number}") from None
        prompts.append(prompt)
    return prompts


def candidates(prompts: Sequence[Prompt], settings: Candidates, path: Path) -> list[Generated]:
    """Generate (or finish generating) the responses to the prompts, kept in `path`."""
    from workbench.training.candidates import generate

    return generate(
        prompts,
        settings.model,
        n=settings.n,
        temperatures=settings.temperatures,
        top_p=settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        seed=settings.seed,
        batch_size=settings.batch_size,
        path=path,
    )


def pair_items(prompts: Sequence[Prompt], generated: Sequence[Generated]) -> BuiltItems:
    """One pairwise item a prompt: the two responses that differ most, counting constraints satisfied.

    An item carries a gold answer only where the verifiers vouch for it: one response satisfies all that the other
    does and more. That is narrower than "better", so such an answer is true by construction.
    """
    from workbench.training.candidates import choose_pair

    responses: dict[str, list[Response]] = {}
    for one in generated:
        responses.setdefault(one.prompt_id, []).append(one.response)
    items, left_out = [], {}
    for prompt in prompts:
        pair = choose_pair(
            responses.get(prompt.id, []),
            score=lambda text, asked=prompt.constraints: satisfied(asked, text),  # type: ignore[misc]
        )
        if pair is None:
            left_out[prompt.id] = "no two different responses"
            continue
        items.append(
            Item(
                id=content_id("i", "pairwise", prompt.id, *(response.id for response in pair)),
                prompt_id=prompt.id,
                task="pairwise",
                prompt=prompt.prompt,
                responses=pair,
                category=prompt.category,
                constraints=prompt.constraints,
                gold=_gold(prompt.constraints, *pair),
                split=prompt.split,
            )
        )
    return BuiltItems(tuple(sorted(items, key=lambda item: item.id)), left_out)


def satisfied(constraints: Sequence[Constraint], text: str) -> float:
    """Share of the constraints that a text satisfies, 0 to 1; 0 when nothing was asked (no evidence of quality)."""
    found = verifiers.check_all(constraints, text)
    return found.n_passed / found.n_total if found.n_total else 0.0


def _gold(constraints: Sequence[Constraint], first: Response, second: Response) -> Gold | None:
    answer = verifiers.prefer(constraints, first.text, second.text)
    if answer not in ("A", "B"):
        return None
    by_id = {constraint.id: constraint for constraint in constraints}
    better, worse = (first, second) if answer == "A" else (second, first)
    missed = [v for v in verifiers.check_all(constraints, worse.text).verdicts if not v.passed]
    kept = {v.constraint for v in verifiers.check_all(constraints, better.text).verdicts if v.passed}
    told = [
        f"{verifiers.describe(by_id[v.constraint])}: the other response has {v.found}"
        for v in missed
        if v.constraint in kept
    ]
    return Gold(answer={"choice": answer}, by="verifier", explanation="; ".join(told))


def simulated_labels(
    items: Mapping[str, Item], assignments: Sequence[Assignment], config: PilotConfig, guideline: Guideline
) -> list[Label]:
    """Labels of the pilot's simulated annotators for every assignment of theirs, marked `source: simulated`.

    The truth behind them is the share of constraints a response satisfies, counted twice, plus a hidden part no
    verifier sees (normal, `simulation.hidden_quality`), drawn once a response.

    Raises
    ------
    PilotError
        When the pilot has no `[simulation]`, or an annotator who is not simulated has assignments in this call.
    """
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
    labels = []
    for asked, answer in zip(assignments, answers.to_dict("records"), strict=True):
        # `assignments` come in each annotator's order, so a running sum of durations is their clock.
        seconds = float(answer["duration_s"])
        clock[asked.annotator] += seconds
        item, person = items[asked.item], people[asked.annotator]
        labels.append(
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
    return labels


def _quality(items: Iterable[Item], hidden: float, seed: int) -> dict[str, float]:
    found = {}
    for item in items:
        for response in item.responses:
            # Seeded by the response, so adding items does not change the truth of the others.
            digest = hashlib.sha256(response.id.encode()).digest()
            rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])
            found[response.id] = 2 * satisfied(item.constraints, response.text) + hidden * float(rng.normal())
    return found
