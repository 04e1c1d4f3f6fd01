"""The answers of a round and the pairs made of them: the adapter against the model it started from."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from workbench.errors import PilotError
from workbench.pilot import build, toml
from workbench.pilot.config import PilotConfig
from workbench.pilot.rounds.folders import HEAD, asked_of, chain, run_of, system_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.pilot.opening import Pilot
    from workbench.pilot.rounds.folders import Asked
    from workbench.records import Constraint, Prompt
    from workbench.training.candidates import Generated


def finish(pilot: Pilot) -> build.BuiltItems:
    """Answer a round's prompts and make its pairs; a job that was stopped goes on where it stopped.

    Each pair is an answer of the adapter and one of a rival: the model it started from and, from round 2 on, the
    adapter of the round before, in turns. For prompts drawn at random both answers are drawn too; for the others they
    are those that differ most, which teaches more and would exaggerate a win rate.
    """
    wanted = asked_of(pilot)
    prompts = {prompt.id: prompt for prompt in pilot.prompts}
    asked = [prompts[one.prompt_id] for one in wanted]
    generated = build.candidates(asked, pilot.config.candidates, pilot.folder / "responses.jsonl")
    paired = pairs(wanted, prompts, generated, [path.name for path in map(run_of, chain(pilot)) if path])
    built = build.items("pairwise", 2, asked, paired)
    if not built.items:
        raise PilotError(
            "no prompt gave two different answers",
            where=str(pilot.folder),
            next_step="remove this folder, and make the round again with higher temperatures or a larger n",
        )
    pilot._write_items(built.items)
    _settle(pilot, built)
    return built


def pairs(
    wanted: Sequence[Asked], prompts: Mapping[str, Prompt], generated: Iterable[Generated], runs: Sequence[str]
) -> list[Generated]:
    """The two answers of each prompt that are judged together; see `finish`. `runs` are named as in `system_of`."""
    answers: dict[str, dict[str, list[Generated]]] = {}
    for one in sorted(generated, key=lambda one: one.response.id):
        answers.setdefault(one.prompt_id, {}).setdefault(system_of(one.response.model, runs), []).append(one)
    new = f"round {len(runs)}"
    turns = Counter[str]()
    chosen: list[Generated] = []
    for asked in wanted:
        by = answers.get(asked.prompt_id, {})
        rivals = sorted(by.keys() - {new})
        if new not in by or not rivals:
            continue
        rival = rivals[turns[asked.reason] % len(rivals)]
        turns[asked.reason] += 1
        if asked.reason == "random":
            chosen += [min(by[name], key=lambda one: _luck(one.response.id)) for name in (new, rival)]
        else:
            constraints = prompts[asked.prompt_id].constraints
            options = [(_difference(one, other, constraints), one, other) for one in by[new] for other in by[rival]]
            _, one, other = max(options, key=lambda option: option[0])
            chosen += [one, other]
    return chosen


def _difference(first: Generated, second: Generated, constraints: Sequence[Constraint]) -> float:
    from workbench.training.diversity import overlap

    one, other = first.response.text, second.response.text
    return abs(build.satisfied(constraints, one) - build.satisfied(constraints, other)) + 1 - overlap(one, other)


def _settle(pilot: Pilot, built: build.BuiltItems) -> None:
    """Put down in `pilot.toml` what only the answers could tell: prompts without a pair, and too little gold."""
    config, notes = pilot.config, []
    about = config.round
    if about is None:
        return
    if built.left_out:
        why = "; ".join(f"{count} ({reason})" for reason, count in sorted(Counter(built.left_out.values()).items()))
        notes.append(f"prompts without a pair: {why}; two answers that are the same would be a tie")
    n_gold, share = sum(item.gold is not None for item in built.items), config.design.gold_share
    if round(share * len(built.items)) > n_gold:
        share = n_gold / len(built.items)
        notes.append(f"gold_share is {share:.3f}: {n_gold} of {len(built.items)} pairs have a known answer")
    if notes:
        changed = {
            **config.model_dump(),
            "design": {**config.design.model_dump(), "gold_share": share},
            "round": {**about.model_dump(), "notes": (*about.notes, *notes)},
        }
        text = toml.text(PilotConfig.parse(changed), HEAD)
        (pilot.folder / "pilot.toml").write_text(text, encoding="utf-8", newline="\n")


def _luck(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
