"""Several answers a prompt, different on purpose: models, system prompts and temperatures mixed by a plan.

Every answer records model, weights hash, parameters and seed; near-duplicates are drawn again; and a job that was
killed continues from its file without repeating an answer. `pairs` chooses what is judged together, `diversity` says
how different the answers are.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workbench.errors import TrainingError
from workbench.records import Prompt, canonical_json
from workbench.training import drawing, models, speakers, variants
from workbench.training.diversity import ALIKE, overlap
from workbench.training.drawing import Ask, Generated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.training.variants import Variant

__all__ = ["Generated", "answer_seed", "generate"]

_WHERE = "candidates.generate"
_MOST_VARIANTS = 64


def generate(
    prompts: Sequence[Prompt],
    model: str | Sequence[str] = models.EMBEDDED,
    *,
    n: int = 4,
    temperatures: Sequence[float] = (0.7, 1.0),
    systems: Sequence[str] = (),
    top_p: float = 0.95,
    max_new_tokens: int = 128,
    seed: int = 0,
    batch_size: int = 64,
    max_overlap: float = ALIKE,
    redraws: int = 3,
    path: str | Path | None = None,
    progress: bool = True,
) -> list[Generated]:
    """`n` answers to every prompt, in the order of the prompts.

    Every answer has its own random stream, seeded from `seed`, the prompt and its number, so the same call gives the
    same texts on the same machine; processors that round differently can, rarely, give another word.

    Parameters
    ----------
    prompts
        What to answer; ids are distinct.
    model
        `smollm2-135m-instruct`, a local folder or a hub id (see `models.resolve`), the folder of a training run or
        of an adapter (see `speakers.find`), or several of these.
    n
        Answers a prompt, 1 to 8. With one model and no system prompts, answer k is drawn at
        `temperatures[k % len(temperatures)]`. With several models or with system prompts, all combinations of model,
        system prompt and temperature are shared out by `variants.rotate`: each is used equally often, at every k.
    temperatures
        0 takes the most likely token.
    systems
        System prompts; an empty one among them adds no system turn.
    top_p
        Share of the probability mass that is drawn from.
    max_new_tokens
        Longer answers are cut and marked `finish: length`.
    batch_size
        Answers computed at once. Part of what the texts depend on (float rounding), so keep it when repeating a call.
    max_overlap
        An answer whose `diversity.overlap` with another one to the same prompt reaches this is drawn again.
    redraws
        How often an answer is drawn again, with a new seed each time; 0 leaves near-duplicates. Of all draws the one
        stays that is least like the others, so some may stay alike: `diversity.of_batch` counts both.
    path
        JSONL file that grows batch by batch; a second call reads what is there and only draws what is missing.
        Several models or settings may share one file, and it keeps the draws that were replaced.
    progress
        Show a bar with time left.

    Raises
    ------
    TrainingError
        For settings out of range, a prompt that does not fit the model, or a file that holds something else.
    """
    _check_prompts(prompts)
    _check_settings(n, temperatures, systems, top_p, max_new_tokens, batch_size, max_overlap, redraws)
    found = speakers.find(model)
    mixed = len(found) > 1 or any(systems)
    if mixed:
        _check_mix(len(found), systems, temperatures)
    ways = variants.cross([one.name for one in found], systems, temperatures)
    planned = variants.rotate(prompts, ways, n, seed) if mixed else variants.repeat(prompts, ways, n)
    named, by_id = {one.name: one for one in found}, {prompt.id: prompt for prompt in prompts}

    def ask(prompt: Prompt, k: int, draw: int) -> Ask:
        way = planned[prompt.id][k]
        own_seed = answer_seed(seed, prompt, k, draw)
        return Ask(prompt, named[way.model], way.temperature, way.system, own_seed, draw)

    settings = drawing.Settings(top_p, max_new_tokens, seed, batch_size)
    drawer = drawing.Drawer(settings, Path(path) if path is not None else None, progress=progress)
    draws = {prompt.id: [[ask(prompt, k, 0)] for k in range(n)] for prompt in prompts}
    drawer.fill([one for answers in draws.values() for (one,) in answers], "answers")
    kept = dict.fromkeys(draws, (0,) * n)
    if redraws:
        kept = _replace(
            drawer, draws, lambda prompt, k: ask(by_id[prompt], k, len(draws[prompt][k])), max_overlap, redraws
        )
    return [
        _noted(drawer[answer[number]], len(answer), way if mixed else None)
        for prompt in prompts
        for answer, number, way in zip(draws[prompt.id], kept[prompt.id], planned[prompt.id], strict=True)
    ]


def answer_seed(seed: int, prompt: Prompt, k: int, draw: int = 0) -> int:
    """The seed of answer `k` to this prompt in a job with this seed; `draw` counts fresh draws of the same answer."""
    # The text belongs to the seed: an edited prompt under an old id must not look finished in a resumed file.
    parts = [seed, prompt.id, prompt.prompt, k, *([draw] if draw else [])]
    digest = hashlib.sha256(canonical_json(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big")  # 32 bits survive every JSON reader


class Settled(NamedTuple):
    """The number of the draw that stays of each answer, and the answers to draw again."""

    kept: tuple[int, ...]
    again: tuple[int, ...]


def settle(draws: Sequence[Sequence[str]], temperatures: Sequence[float], *, limit: float = ALIKE) -> Settled:
    """Of each answer keep the draw least like the answers before it; ask again where that one is too alike.

    A pure function of the texts, so a job that is resumed comes to the same decisions.

    Parameters
    ----------
    draws
        The draws of each answer of one prompt, the first one first.
    temperatures
        That of each answer. The colder come first, because drawn again they would say much the same (at 0 exactly the
        same, so those are never asked for again), and it is the warmer ones that have to differ.
    limit
        The `diversity.overlap` from which on two answers are too alike.
    """
    kept: dict[int, int] = {}
    again = []
    for place in sorted(range(len(draws)), key=lambda place: (temperatures[place], place)):
        said = [draws[other][number] for other, number in kept.items()]
        nearness = [max((overlap(text, other) for other in said), default=0.0) for text in draws[place]]
        kept[place] = nearness.index(min(nearness))
        if min(nearness) >= limit and temperatures[place] > 0:
            again.append(place)
    return Settled(tuple(kept[place] for place in range(len(draws))), tuple(sorted(again)))


def _replace(
    drawer: drawing.Drawer,
    draws: dict[str, list[list[Ask]]],
    fresh: Callable[[str, int], Ask],
    max_overlap: float,
    redraws: int,
) -> dict[str, tuple[int, ...]]:
    """Draw near-duplicates again until none is left or all tries are used up; `draws` grows.

    Gives, for each prompt, the number of the draw that stays of each answer.
    """
    kept: dict[str, tuple[int, ...]] = {}
    open_prompts = list(draws)
    rounds = 0
    while open_prompts:
        again: dict[str, list[int]] = {}
        for prompt in open_prompts:
            texts = [[drawer[one].response.text for one in answer] for answer in draws[prompt]]
            temperatures = [answer[0].temperature for answer in draws[prompt]]
            kept[prompt], alike = settle(texts, temperatures, limit=max_overlap)
            again[prompt] = [k for k in alike if len(texts[k]) <= redraws]
        open_prompts = [prompt for prompt in open_prompts if again[prompt]]
        more = [(prompt, k, fresh(prompt, k)) for prompt in open_prompts for k in again[prompt]]
        for prompt, k, one in more:
            draws[prompt][k].append(one)
        rounds += 1
        if more:
            drawer.fill([one for _, _, one in more], f"near-duplicates again ({rounds})")
    return kept


def _noted(one: Generated, tries: int, way: Variant | None) -> Generated:
    """The answer with what only the whole job knows, which the line in the file therefore does not hold."""
    more: Mapping[str, int | str] = {
        **({"tries": tries} if tries > 1 else {}),
        **({"variant": way.name} if way else {}),
    }
    if not more:
        return one
    response = one.response.model_copy(update={"params": {**one.response.params, **more}})
    return one.model_copy(update={"response": response})


def _check_prompts(prompts: Sequence[Prompt]) -> None:
    if not prompts:
        raise TrainingError("no prompts", where=_WHERE)
    twice = sorted(one for one, count in Counter(prompt.id for prompt in prompts).items() if count > 1)
    if twice:
        raise TrainingError(f"prompt ids repeat: {twice[:3]}", where=_WHERE)


def _check_settings(
    n: int,
    temperatures: Sequence[float],
    systems: Sequence[str],
    top_p: float,
    max_new_tokens: int,
    batch_size: int,
    max_overlap: float,
    redraws: int,
) -> None:
    problems = [
        (isinstance(systems, str), f"systems are a list of texts, got the one text {str(systems)[:60]!r}"),
        (len(set(systems)) < len(systems), f"a system prompt stands twice in {list(systems)}"),
        (not 1 <= n <= 8, f"n must be 1 to 8, got {n}"),
        (
            not temperatures or not all(0 <= value <= 5 for value in temperatures),
            f"temperatures must be one or more numbers from 0 to 5, got {list(temperatures)}",
        ),
        (not 0 < top_p <= 1, f"top_p must be in (0, 1], got {top_p}"),
        (max_new_tokens < 1, f"max_new_tokens must be at least 1, got {max_new_tokens}"),
        (batch_size < 1, f"batch_size must be at least 1, got {batch_size}"),
        (not 0 < max_overlap <= 1, f"max_overlap must be in (0, 1], got {max_overlap}"),
        (not 0 <= redraws <= 20, f"redraws must be 0 to 20, got {redraws}"),
    ]
    for wrong, message in problems:
        if wrong:
            raise TrainingError(message, where=_WHERE)


def _check_mix(n_models: int, systems: Sequence[str], temperatures: Sequence[float]) -> None:
    # Alone, a temperature named twice says how often; in a mix it would be the same variant twice.
    if len(set(temperatures)) < len(temperatures):
        raise TrainingError(
            f"a temperature stands twice in {list(temperatures)}, and in a mix all are used equally often",
            where=_WHERE,
            next_step="name each temperature once",
        )
    ways = n_models * max(1, len(systems)) * len(temperatures)
    if ways > _MOST_VARIANTS:
        raise TrainingError(
            f"{ways} combinations of model, system prompt and temperature, at most {_MOST_VARIANTS} are allowed",
            where=_WHERE,
        )
