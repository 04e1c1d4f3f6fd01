"""Which prompts the next round asks: what earlier rounds say of each, and the choice by `design.next_round`."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench import design
from workbench.design import Candidate
from workbench.errors import PilotError
from workbench.pilot.questions import questions
from workbench.pilot.rounds.folders import run_of
from workbench.records import Prompt
from workbench.stats import disagreement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from workbench.design.rounds import Reason
    from workbench.pilot.opening import Pilot
    from workbench.training.runs import Run

# Margins are computed of so many prompts for each one that is wanted: of all, it would take as long as a round.
_LOOKED_AT = 8


class Known(NamedTuple):
    """What earlier rounds say of the prompts that could be asked."""

    prompts: dict[str, Prompt]
    covered: Counter[str]
    disagreement: dict[str, float]
    trained: set[str]


def known_of(pilots: Sequence[Pilot], run: Run, more: Sequence[Prompt]) -> Known:
    prompts: dict[str, Prompt] = {}
    asked: dict[str, str] = {}
    for pilot in pilots:
        for prompt in pilot.prompts:
            prompts.setdefault(prompt.id, prompt)
        for item in pilot.items.values():
            asked[item.prompt_id] = item.category
            if item.prompt:  # an import may know ids only
                prompts.setdefault(item.prompt_id, _prompt_of(item))
    for prompt in more:
        if prompts.setdefault(prompt.id, prompt).prompt != prompt.prompt or prompt.split != "train":
            raise PilotError(
                f"a further prompt is held out, or has the id of another one: {prompt.id}",
                next_step="split='train', and an id of its own: records.content_id('p', text)",
            )
    prompts = {name: prompt for name, prompt in prompts.items() if prompt.split == "train"}
    trained: set[str] = set()
    folders = [path for path in map(run_of, pilots) if path]
    for folder in {*folders, run.path.resolve()}:
        trained |= _trained_on(folder, prompts)
    return Known(prompts, Counter(asked.values()), _disagreement(pilots), trained)


def _prompt_of(item: Any) -> Prompt:
    return Prompt(
        id=item.prompt_id,
        prompt=item.prompt,
        category=item.category,
        constraints=item.constraints,
        split="test" if item.split == "test" else "train",
    )


def _trained_on(folder: Path, prompts: Mapping[str, Prompt]) -> set[str]:
    from workbench.training import runfiles

    rows = runfiles.read_jsonl(folder / "data.jsonl")
    ids = {str(row["prompt_id"]) for row in rows if row.get("prompt_id")}
    texts = {row["prompt"] for row in rows if isinstance(row.get("prompt"), str)}
    return ids | {name for name, prompt in prompts.items() if prompt.prompt in texts}


def _disagreement(pilots: Sequence[Pilot]) -> dict[str, float]:
    """Prompt -> entropy of its votes in bits, of its most disputed pair in the last round that asked it."""
    found: dict[str, float] = {}
    for pilot in pilots:
        labels = pilot.labels()
        if labels.empty:
            continue
        table = disagreement.by_item(questions(pilot, labels)[0].labels)
        prompt_of = dict(zip(labels["item"], labels["prompt_id"], strict=True))
        mine: dict[str, float] = {}
        for item, entropy in zip(table["item"], table["entropy"], strict=True):
            prompt = prompt_of[item]
            mine[prompt] = max(mine.get(prompt, 0.0), float(entropy))
        found |= mine
    return found


def margins_of(
    pilots: Sequence[Pilot],
    run: Run,
    known: Known,
    wanted: Mapping[Reason, int],
    seed: int,
) -> dict[str, float]:
    """Prompt -> how far a run tells the two responses of the prompt's last pair apart, for a sample of the prompts.

    For a reward model it is the difference of their rewards, for any other run DPO's margin of its adapter.
    """
    pairs_of = {
        item.prompt_id: item
        for pilot in pilots
        for item in pilot.items.values()
        if item.prompt_id in known.prompts and all(response.text.strip() for response in item.responses)
    }
    looked_at = sorted(pairs_of, key=lambda name: _luck(f"margins\0{seed}\0{name}"))[: _LOOKED_AT * wanted["uncertain"]]
    if not looked_at:
        return {}
    texts = {name: (known.prompts[name].prompt, *(one.text for one in pairs_of[name].responses)) for name in looked_at}
    whole = run.config()
    found = _rewards(run, texts) if whole.kind == "reward" else _implicit(run, texts, whole.config)
    return {name: value for name, value in found.items() if value is not None}


def _rewards(run: Run, texts: Mapping[str, tuple[str, ...]]) -> dict[str, float | None]:
    from workbench.training import reward

    answers = [(prompt, answer) for prompt, *both in texts.values() for answer in both]
    scores = reward.score(answers, *reward.load(run.path))
    both = zip(scores[::2], scores[1::2], strict=True)
    told = [None if first is None or second is None else first - second for first, second in both]
    return dict(zip(texts, told, strict=True))


def _implicit(run: Run, texts: Mapping[str, tuple[str, ...]], config: Any) -> dict[str, float | None]:
    from workbench.training import evaluate, likelihood

    rows = [dict(zip(("prompt", "chosen", "rejected"), one, strict=True)) for one in texts.values()]
    model, tokenizer = evaluate.load_adapter(run.path)
    told = likelihood.implicit_rewards(rows, model, tokenizer, beta=float(getattr(config, "beta", 1.0) or 1.0))
    return dict(zip(texts, told, strict=True))


def choose(
    known: Known, margins: Mapping[str, float], n: int, quotas: Mapping[Reason, int] | None, seed: int
) -> design.Choice:
    candidates = [
        Candidate(
            name,
            prompt.category,
            margins.get(name),
            known.disagreement.get(name),
            name in known.trained,
        )
        for name, prompt in known.prompts.items()
    ]
    return design.next_round(candidates, n, quotas, covered=known.covered, seed=seed)


def _luck(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
