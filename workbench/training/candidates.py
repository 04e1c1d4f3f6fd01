"""Several answers a prompt, and those of them worth judging together.

Answers are diverse on purpose (several temperatures), every one records model, weights hash, parameters and seed,
and a job that was killed continues from its file without repeating an answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import progress as bars
from workbench.errors import RecordError, TrainingError
from workbench.records import Id, Prompt, Record, Response, canonical_json, content_id
from workbench.training import models, sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Generated(Record):
    """One answer to one prompt. `response.params` holds the sampling parameters, `n_tokens`, and `finish`: `stop`
    when the model ended the answer itself, `length` when it was cut at `max_new_tokens`.
    """

    prompt_id: Id
    response: Response


class _Ask(Record):
    prompt: Prompt
    tokens: tuple[int, ...]
    temperature: float
    seed: int


def generate(
    prompts: Sequence[Prompt],
    model: str = models.EMBEDDED,
    *,
    n: int = 4,
    temperatures: Sequence[float] = (0.7, 1.0),
    top_p: float = 0.95,
    max_new_tokens: int = 128,
    seed: int = 0,
    batch_size: int = 64,
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
        `smollm2-135m-instruct`, a local folder or a hub id (see `models.resolve`).
    n
        Answers a prompt, 1 to 8; answer k is drawn at `temperatures[k % len(temperatures)]`.
    temperatures
        0 takes the most likely token.
    top_p
        Share of the probability mass that is drawn from.
    max_new_tokens
        Longer answers are cut and marked `finish: length`.
    batch_size
        Answers computed at once. Part of what the texts depend on (float rounding), so keep it when repeating a call.
    path
        JSONL file that grows batch by batch; a second call reads what is there and only draws what is missing.
        Several models or settings may share one file.
    progress
        Show a bar with time left.

    Raises
    ------
    TrainingError
        For settings out of range, a prompt that does not fit the model, or a file that holds something else.
    """
    _check_settings(prompts, n, temperatures, top_p, max_new_tokens, batch_size)
    ref = models.resolve(model)
    fixed = {"top_p": top_p, "max_new_tokens": max_new_tokens, "run_seed": seed}
    found = _read(Path(path), ref.sha256, fixed) if path is not None else {}
    # Loading is the dear part of a call that finds everything in its file, so look there first.
    wanted = [(prompt, k, answer_seed(seed, prompt, k)) for prompt in prompts for k in range(n)]
    temperature = {k: float(temperatures[k % len(temperatures)]) for k in range(n)}
    keys = [(prompt.id, own_seed, temperature[k]) for prompt, k, own_seed in wanted]
    if any(key not in found for key in keys):
        loaded, tokenizer = models.load(ref)
        asks = []
        for prompt, k, own_seed in wanted:
            tokens = sampling.chat_tokens(tokenizer, prompt.prompt)
            sampling.check_length(tokens, max_new_tokens, loaded, f"prompt {prompt.id}")
            asks.append(_Ask(prompt=prompt, tokens=tokens, temperature=temperature[k], seed=own_seed))
        # Longest first: a batch that does not fit the memory fails at once, and time left is never too hopeful.
        asks.sort(key=lambda ask: -len(ask.tokens))
        with bars.bar("answers", len(asks), "answer") if progress else bars.silent() as shown:
            # The batches are those of the whole job, finished or not, so a resumed job computes what it would have.
            for start in range(0, len(asks), batch_size):
                batch = asks[start : start + batch_size]
                if any(_key(ask) not in found for ask in batch):
                    new = [one for one in _answer(loaded, tokenizer, ref, batch, fixed) if _found_key(one) not in found]
                    if path is not None:
                        _append(Path(path), new)
                    found |= {_found_key(one): one for one in new}
                shown.update(len(batch))
    return [found[key] for key in keys]


def different(responses: Iterable[Response]) -> list[Response]:
    """The responses without those that say the same as another (case and white space apart), in order of their ids."""
    # Of texts alike the first id stays. A text drawn twice has one id, and its last draw stays.
    ordered = sorted(responses, key=lambda response: response.id, reverse=True)
    return sorted({_fold(response.text): response for response in ordered}.values(), key=lambda response: response.id)


def choose_set(
    responses: Sequence[Response], size: int = 2, *, score: Callable[[str], float] | None = None
) -> tuple[Response, ...] | None:
    """The `size` responses that differ most, or None when fewer are different.

    The difference of two is 1 minus `overlap`, plus the gap in `score` where one is given (a number in [0, 1], for
    example the share of constraints satisfied). Of all sets the one is taken whose two closest responses differ most,
    among equals the one whose pairs differ most in sum. Answers that were cut at the length limit are used only when
    there are not enough others, and empty ones last. The set comes in the order of the response ids, which are
    hashes, so neither places nor choice depend on which is better or on the order given.

    Raises
    ------
    RecordError
        When `size` is less than two.
    """
    if size < 2:
        raise RecordError(f"a set has at least two responses, got size {size}")
    usable = different(responses)
    written = [response for response in usable if response.text.strip()]
    whole = [response for response in written if response.params.get("finish") != "length"]
    pool = next((some for some in (whole, written, usable) if len(some) >= size), None)
    if pool is None:
        return None
    scores = {response.id: score(response.text) if score else 0.0 for response in pool}
    difference = {
        (one.id, other.id): abs(scores[one.id] - scores[other.id]) + 1 - overlap(one.text, other.text)
        for one, other in combinations(pool, 2)
    }

    def spread(chosen: tuple[Response, ...]) -> tuple[float, float]:
        gaps = [difference[one.id, other.id] for one, other in combinations(chosen, 2)]
        return min(gaps), sum(gaps)

    return max(combinations(pool, size), key=spread)  # max keeps the first of equals: deterministic


def overlap(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1: mean of the Jaccard overlaps of word bigrams and character trigrams.

    Texts of the same words in another order, or with other endings, come out between 0 and 1; a text with itself 1.
    """
    words = [_ngrams(_words(text), 2) for text in (one, other)]
    characters = [_ngrams(list(_fold(text)), 3) for text in (one, other)]
    return (_jaccard(*words) + _jaccard(*characters)) / 2


def distinct_n(texts: Sequence[str], n: int = 2) -> float:
    """Share of the word n-grams of all texts together that are different: 1 nothing repeats, near 0 all repeats.

    Li et al. (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models". Falls with the
    amount of text, so compare only sets of about the same size. NaN when no text has n words.

    >>> distinct_n(["a b c", "a b d"])  # ab bc ab bd: 3 of 4
    0.75
    """
    if n < 1:
        raise RecordError(f"n must be at least 1, got {n}")
    grams = [gram for text in texts for gram in _ngram_list(_words(text), n)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def answer_seed(seed: int, prompt: Prompt, k: int) -> int:
    """The seed of answer `k` to this prompt in a job with this seed."""
    # The text belongs to the seed: an edited prompt under an old id must not look finished in a resumed file.
    digest = hashlib.sha256(canonical_json([seed, prompt.id, prompt.prompt, k]).encode()).digest()
    return int.from_bytes(digest[:4], "big")  # 32 bits survive every JSON reader


def _answer(
    model: object, tokenizer: object, ref: models.ModelRef, asks: Sequence[_Ask], fixed: dict[str, float]
) -> list[Generated]:
    draws = [sampling.Draw(ask.tokens, ask.temperature, ask.seed) for ask in asks]
    drawn = sampling.sample(model, tokenizer, draws, top_p=fixed["top_p"], max_new_tokens=int(fixed["max_new_tokens"]))
    return [
        Generated(
            prompt_id=ask.prompt.id,
            response=Response(
                id=content_id("r", ask.prompt.id, one.text, ref.sha256),
                text=one.text,
                model=ref.id,
                model_sha256=ref.sha256,
                params={**fixed, "temperature": ask.temperature, "n_tokens": one.n_tokens, "finish": one.finish},
                seed=ask.seed,
            ),
        )
        for ask, one in zip(asks, drawn, strict=True)
    ]


def _key(ask: _Ask) -> tuple[str, int, float]:
    return ask.prompt.id, ask.seed, ask.temperature


def _found_key(one: Generated) -> tuple[str, int, float]:
    return one.prompt_id, one.response.seed or 0, float(str(one.response.params["temperature"]))


def _read(path: Path, sha256: str, fixed: dict[str, float]) -> dict[tuple[str, int, float], Generated]:
    """Answers of this model and these settings in the file; a last line cut off by a kill is removed from it."""
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        with path.open("r+b") as handle:
            handle.truncate(len(whole))
    found = {}
    for number, line in enumerate(whole.decode("utf-8", errors="replace").splitlines(), start=1):
        try:
            one = Generated.parse(json.loads(line))
        except (ValueError, TypeError) as error:
            raise TrainingError(
                f"not a candidate: {str(error)[:200]}", where=f"{path}:{number}", next_step="give another path"
            ) from error
        params = one.response.params
        if one.response.model_sha256 == sha256 and all(params.get(name) == value for name, value in fixed.items()):
            found[_found_key(one)] = one
    return found


def _append(path: Path, new: Sequence[Generated]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as handle:
            handle.write("".join(one.canonical() + "\n" for one in new))
    except OSError as error:
        raise TrainingError(f"cannot write the answers: {error.strerror}", where=str(path)) from error


def _check_settings(
    prompts: Sequence[Prompt],
    n: int,
    temperatures: Sequence[float],
    top_p: float,
    max_new_tokens: int,
    batch_size: int,
) -> None:
    ids = [prompt.id for prompt in prompts]
    problems = [
        (not prompts, "no prompts"),
        (len(set(ids)) != len(ids), f"prompt ids repeat: {sorted({i for i in ids if ids.count(i) > 1})[:3]}"),
        (not 1 <= n <= 8, f"n must be 1 to 8, got {n}"),
        (
            not temperatures or not all(0 <= value <= 5 for value in temperatures),
            f"temperatures must be one or more numbers from 0 to 5, got {list(temperatures)}",
        ),
        (not 0 < top_p <= 1, f"top_p must be in (0, 1], got {top_p}"),
        (max_new_tokens < 1, f"max_new_tokens must be at least 1, got {max_new_tokens}"),
        (batch_size < 1, f"batch_size must be at least 1, got {batch_size}"),
    ]
    for wrong, message in problems:
        if wrong:
            raise TrainingError(message, where="candidates.generate")


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _ngram_list(parts: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(parts[i : i + n]) for i in range(len(parts) - n + 1)]


def _ngrams(parts: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return set(_ngram_list(parts, min(n, len(parts)) or 1))


def _jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    union = one | other
    return len(one & other) / len(union) if union else 1.0
