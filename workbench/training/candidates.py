"""Several answers a prompt, different on purpose: models, system prompts and temperatures mixed by a plan.

Every answer records model, weights hash, parameters and seed; near-duplicates are drawn again; and a job that was
killed continues from its file without repeating an answer. `pairs` chooses what is judged together, `diversity` says
how different the answers are.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import progress as bars
from workbench.errors import TrainingError
from workbench.records import Prompt, Response, canonical_json, content_id
from workbench.training import drawn, models, replacing, sampling, variants
from workbench.training.diversity import ALIKE
from workbench.training.drawn import Generated, Key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.training.variants import Variant

__all__ = ["Generated", "answer_seed", "generate"]


@dataclass(frozen=True)
class _Ask:
    prompt: Prompt
    variant: Variant
    draw: int
    seed: int
    key: Key


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
        `smollm2-135m-instruct`, a local folder or a hub id (see `models.resolve`), or several.
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
    names = [model] if isinstance(model, str) else list(model)
    _check_prompts(prompts)
    _check_settings(names, n, temperatures, systems, top_p, max_new_tokens, batch_size, max_overlap, redraws)
    refs = {name: models.resolve(name) for name in names}
    if len({ref.sha256 for ref in refs.values()}) < len(refs):
        raise TrainingError(f"two of the models {names} are one: their weights are the same", where=_WHERE)
    ways = variants.cross(names, systems, temperatures)
    mixed = len(names) > 1 or any(systems)
    planned = variants.rotate(prompts, ways, n, seed) if mixed else variants.repeat(prompts, ways, n)
    job = _Job(refs, top_p, max_new_tokens, seed, batch_size, Path(path) if path is not None else None, mixed, progress)

    draws = {prompt.id: [[job.ask(prompt, k, way)] for k, way in enumerate(planned[prompt.id])] for prompt in prompts}
    kept = {prompt.id: (0,) * n for prompt in prompts}
    job.fill([ask for answers in draws.values() for (ask,) in answers], "answers")
    unsettled = list(prompts) if redraws else []
    for draw in range(redraws + 1):
        again = []
        for prompt in unsettled:
            texts = [[job.found[ask.key].response.text for ask in answer] for answer in draws[prompt.id]]
            greedy = [answer[0].variant.temperature == 0 for answer in draws[prompt.id]]
            kept[prompt.id], alike = replacing.settle(texts, greedy, limit=max_overlap)
            again += [(prompt, k) for k in alike if len(draws[prompt.id][k]) <= redraws]
        if not again:
            break
        fresh = []
        for prompt, k in again:
            answer = draws[prompt.id][k]
            answer.append(job.ask(prompt, k, answer[0].variant, len(answer)))
            fresh.append(answer[-1])
        job.fill(fresh, f"near-duplicates again ({draw + 1})")
        unsettled = list({prompt.id: prompt for prompt, _ in again}.values())
    return [
        job.found[answer[number].key]
        for prompt in prompts
        for answer, number in zip(draws[prompt.id], kept[prompt.id], strict=True)
    ]


def answer_seed(seed: int, prompt: Prompt, k: int, draw: int = 0) -> int:
    """The seed of answer `k` to this prompt in a job with this seed; `draw` counts fresh draws of the same answer."""
    # The text belongs to the seed: an edited prompt under an old id must not look finished in a resumed file.
    parts = [seed, prompt.id, prompt.prompt, k, *([draw] if draw else [])]
    digest = hashlib.sha256(canonical_json(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big")  # 32 bits survive every JSON reader


class _Job:
    """The answers that are there, and the one loaded model that draws what is missing."""

    def __init__(
        self,
        refs: dict[str, models.ModelRef],
        top_p: float,
        max_new_tokens: int,
        seed: int,
        batch_size: int,
        path: Path | None,
        mixed: bool,
        progress: bool,
    ) -> None:
        self.refs, self.batch_size, self.path, self.mixed, self.progress = refs, batch_size, path, mixed, progress
        self.fixed: dict[str, float] = {"top_p": top_p, "max_new_tokens": max_new_tokens, "run_seed": seed}
        self.found: dict[Key, Generated] = drawn.read(path, self.fixed) if path else {}
        self._loaded: tuple[str, Any, Any] | None = None

    def ask(self, prompt: Prompt, k: int, way: Variant, draw: int = 0) -> _Ask:
        seed = answer_seed(int(self.fixed["run_seed"]), prompt, k, draw)
        key = Key(prompt.id, seed, way.temperature, way.system, self.refs[way.model].sha256)
        return _Ask(prompt, way, draw, seed, key)

    def fill(self, asks: Sequence[_Ask], what: str) -> None:
        """Draw what is missing of these, model by model."""
        # A model that is still loaded from the last round goes first.
        names = sorted(self.refs, key=lambda name: self._loaded is None or self._loaded[0] != name)
        with bars.bar(what, len(asks), "answer") if self.progress else bars.silent() as shown:
            for name in names:
                own = [ask for ask in asks if ask.variant.model == name]
                # Loading is the dear part of a call that finds everything in its file, so look there first.
                if all(ask.key in self.found for ask in own):
                    shown.update(len(own))
                    continue
                self._draw(name, own, shown)

    def _draw(self, name: str, asks: Sequence[_Ask], shown: Any) -> None:
        model, tokenizer = self._load(name)
        tokens: dict[tuple[str, str], tuple[int, ...]] = {}
        for ask in asks:
            chat = ask.prompt.id, ask.variant.system
            if chat not in tokens:
                tokens[chat] = sampling.chat_tokens(tokenizer, ask.prompt.prompt, system=ask.variant.system)
                sampling.check_length(tokens[chat], int(self.fixed["max_new_tokens"]), model, f"prompt {ask.prompt.id}")
        # Longest first: a batch that does not fit the memory fails at once, and time left is never too hopeful.
        ordered = sorted(asks, key=lambda ask: -len(tokens[ask.prompt.id, ask.variant.system]))
        # The batches are those of the whole job, finished or not, so a resumed job computes what it would have.
        for start in range(0, len(ordered), self.batch_size):
            batch = ordered[start : start + self.batch_size]
            if any(ask.key not in self.found for ask in batch):
                draws = [
                    sampling.Draw(tokens[ask.prompt.id, ask.variant.system], ask.variant.temperature, ask.seed)
                    for ask in batch
                ]
                said = sampling.sample(
                    model,
                    tokenizer,
                    draws,
                    top_p=self.fixed["top_p"],
                    max_new_tokens=int(self.fixed["max_new_tokens"]),
                )
                new = {
                    ask.key: self._record(ask, one)
                    for ask, one in zip(batch, said, strict=True)
                    if ask.key not in self.found
                }
                if self.path:
                    drawn.append(self.path, list(new.values()))
                self.found |= new
            shown.update(len(batch))

    def _load(self, name: str) -> tuple[Any, Any]:
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None  # let go of the last model before the next one takes memory
            self._loaded = (name, *models.load(self.refs[name]))
        return self._loaded[1:]

    def _record(self, ask: _Ask, one: sampling.Drawn) -> Generated:
        ref, way = self.refs[ask.variant.model], ask.variant
        params: dict[str, Any] = {
            **self.fixed,
            "temperature": way.temperature,
            "n_tokens": one.n_tokens,
            "finish": one.finish,
            **({"variant": way.name} if self.mixed else {}),
            **({"system": way.system} if way.system else {}),
            **({"draw": ask.draw} if ask.draw else {}),
        }
        response = Response(
            id=content_id("r", ask.prompt.id, one.text, ref.sha256),
            text=one.text,
            model=ref.id,
            model_sha256=ref.sha256,
            params=params,
            seed=ask.seed,
        )
        return Generated(prompt_id=ask.prompt.id, response=response)


_WHERE = "candidates.generate"


def _check_prompts(prompts: Sequence[Prompt]) -> None:
    if not prompts:
        raise TrainingError("no prompts", where=_WHERE)
    twice = sorted(one for one, count in Counter(prompt.id for prompt in prompts).items() if count > 1)
    if twice:
        raise TrainingError(f"prompt ids repeat: {twice[:3]}", where=_WHERE)


def _check_settings(
    names: Sequence[str],
    n: int,
    temperatures: Sequence[float],
    systems: Sequence[str],
    top_p: float,
    max_new_tokens: int,
    batch_size: int,
    max_overlap: float,
    redraws: int,
) -> None:
    ways = len(names) * max(1, len(systems)) * len(temperatures)
    mixed = len(names) > 1 or any(systems)
    problems = [
        (not names or len(set(names)) < len(names), f"models must be one or more different ones, got {list(names)}"),
        (len(set(systems)) < len(systems), f"a system prompt stands twice in {list(systems)}"),
        (not 1 <= n <= 8, f"n must be 1 to 8, got {n}"),
        (
            not temperatures or not all(0 <= value <= 5 for value in temperatures),
            f"temperatures must be one or more numbers from 0 to 5, got {list(temperatures)}",
        ),
        # Alone, a temperature named twice says how often; in a mix it would be the same variant twice.
        (
            mixed and len(set(temperatures)) < len(temperatures),
            f"a temperature stands twice in {list(temperatures)}, and all are used equally often",
        ),
        (mixed and ways > 64, f"{ways} combinations of model, system prompt and temperature, at most 64 are allowed"),
        (not 0 < top_p <= 1, f"top_p must be in (0, 1], got {top_p}"),
        (max_new_tokens < 1, f"max_new_tokens must be at least 1, got {max_new_tokens}"),
        (batch_size < 1, f"batch_size must be at least 1, got {batch_size}"),
        (not 0 < max_overlap <= 1, f"max_overlap must be in (0, 1], got {max_overlap}"),
        (not 0 <= redraws <= 20, f"redraws must be 0 to 20, got {redraws}"),
    ]
    for wrong, message in problems:
        if wrong:
            raise TrainingError(message, where=_WHERE)
