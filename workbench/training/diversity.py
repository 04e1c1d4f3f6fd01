"""How different texts are: n-gram overlap of two, distinct-n and self-BLEU of several, and how lengths spread.

All of it is counted on words and characters, so no model is needed and the same texts give the same numbers
everywhere. Words are runs of letters, digits and underscores, case apart; in scripts that write no spaces a whole
phrase counts as one word, and only `overlap`, which also looks at characters, says much.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from workbench.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.training.drawn import Generated

# Two answers of which more than this is shared say the same with a word or two changed. On the shipped pilots 1.3 %
# of the pairs of one prompt are above it, and nearly all of those are above .9 too.
ALIKE = 0.8


@dataclass(frozen=True)
class Diversity:
    """How different `n` texts are. Lengths are in words; NaN where there is no evidence (one text, too few words)."""

    n: int
    distinct_1: float
    distinct_2: float
    self_bleu: float
    mean_overlap: float
    max_overlap: float
    shortest: int
    longest: int
    mean_words: float
    sd_words: float


@dataclass(frozen=True)
class BatchDiversity:
    """The diversity of each prompt's answers, and over all prompts.

    The shares and overlaps are means over the prompts that have them (NaN when none has), `sd_words` too. A prompt's
    `n_alike` answers are those that overlap with an earlier one by `limit` or more; `n_replaced` were drawn again and
    the fresh draw kept.
    """

    prompts: dict[str, Diversity]
    n_answers: int
    n_replaced: int
    n_alike: int
    limit: float
    distinct_1: float
    distinct_2: float
    self_bleu: float
    mean_overlap: float
    mean_words: float
    sd_words: float


def overlap(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1: mean of the Jaccard overlaps of word bigrams and character trigrams.

    Texts of the same words in another order, or with other endings, come out between 0 and 1; a text with itself 1.
    """
    words = [_gram_set(words_of(text), 2) for text in (one, other)]
    characters = [_gram_set(list(fold(text)), 3) for text in (one, other)]
    return (_jaccard(*words) + _jaccard(*characters)) / 2


def distinct_n(texts: Sequence[str], n: int = 2) -> float:
    """Share of the word n-grams of all texts together that are different: 1 nothing repeats, near 0 all repeats.

    Li et al. (2016), "A Diversity-Promoting Objective Function for Neural Conversation Models". Falls with the
    amount of text, so compare only sets of about the same size. NaN when no text has n words.

    >>> distinct_n(["a b c", "a b d"])  # ab bc ab bd: 3 of 4
    0.75
    """
    _check_order(n)
    grams = [gram for text in texts for gram in _grams(words_of(text), n)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def self_bleu(texts: Sequence[str], n: int = 4) -> float:
    """How much each text repeats the others, 0 to 1: mean BLEU-n of a text with all other texts as its references.

    Zhu et al. (2018), "Texygen", section 3.2. An order without any match counts as 0.1 matches (Chen and Cherry,
    2014, smoothing 1), which keeps texts of a few words away from 0. Rises with the number of texts, so compare only
    sets of the same size. NaN for fewer than two texts.

    >>> self_bleu(["a b c d", "a b c d"])
    1.0
    """
    _check_order(n)
    if len(texts) < 2:
        return float("nan")
    words = [words_of(text) for text in texts]
    return _mean([_bleu(own, [*words[:i], *words[i + 1 :]], n) for i, own in enumerate(words)])


def of_texts(texts: Sequence[str]) -> Diversity:
    """The diversity of several texts, for example of all answers to one prompt.

    Raises
    ------
    RecordError
        When there is no text.
    """
    if not texts:
        raise RecordError("no texts, so no diversity")
    overlaps = [overlap(one, other) for one, other in combinations(texts, 2)]
    lengths = [len(words_of(text)) for text in texts]
    mean = sum(lengths) / len(lengths)
    # The divisor is n - 1: the answers are a sample of what the model would say.
    spread = math.sqrt(sum((one - mean) ** 2 for one in lengths) / (len(lengths) - 1)) if len(lengths) > 1 else math.nan
    return Diversity(
        n=len(texts),
        distinct_1=distinct_n(texts, 1),
        distinct_2=distinct_n(texts, 2),
        self_bleu=self_bleu(texts),
        mean_overlap=_mean(overlaps),
        max_overlap=max(overlaps, default=math.nan),
        shortest=min(lengths),
        longest=max(lengths),
        mean_words=mean,
        sd_words=spread,
    )


def of_batch(generated: Iterable[Generated], *, limit: float = ALIKE) -> BatchDiversity:
    """The diversity of what `candidates.generate` returned, prompt by prompt and over all.

    Parameters
    ----------
    limit
        The `overlap` from which on two answers count as alike.

    Raises
    ------
    RecordError
        When there is no answer.
    """
    answers: dict[str, list[str]] = {}
    n_replaced = 0
    for one in generated:
        answers.setdefault(one.prompt_id, []).append(one.response.text)
        n_replaced += bool(one.response.params.get("draw"))
    if not answers:
        raise RecordError("no answers, so no diversity")
    prompts = {prompt: of_texts(texts) for prompt, texts in answers.items()}
    found = list(prompts.values())
    return BatchDiversity(
        prompts=prompts,
        n_answers=sum(one.n for one in found),
        n_replaced=n_replaced,
        n_alike=sum(n_alike(answers[prompt], limit) for prompt, one in prompts.items() if one.max_overlap >= limit),
        limit=limit,
        distinct_1=_mean([one.distinct_1 for one in found]),
        distinct_2=_mean([one.distinct_2 for one in found]),
        self_bleu=_mean([one.self_bleu for one in found]),
        mean_overlap=_mean([one.mean_overlap for one in found]),
        mean_words=_mean([one.mean_words for one in found]),
        sd_words=_mean([one.sd_words for one in found]),
    )


def n_alike(texts: Sequence[str], limit: float = ALIKE) -> int:
    """How many texts overlap with an earlier one by `limit` or more."""
    return sum(any(overlap(text, earlier) >= limit for earlier in texts[:i]) for i, text in enumerate(texts))


def fold(text: str) -> str:
    """The text without what makes no difference: case, and how much white space."""
    return " ".join(text.casefold().split())


def words_of(text: str) -> list[str]:
    """The words of a text, case apart."""
    return re.findall(r"\w+", text.casefold())


def _bleu(own: Sequence[str], references: Sequence[Sequence[str]], n: int) -> float:
    logs = []
    for order in range(1, n + 1):
        counts = Counter(_grams(own, order))
        allowed: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            allowed |= Counter(_grams(reference, order))  # the most that any one reference has
        matched = sum((counts & allowed).values())
        if order == 1 and not matched:
            return 0.0
        logs.append(math.log((matched or 0.1) / max(1, counts.total())))
    closest = min((len(reference) for reference in references), key=lambda length: (abs(length - len(own)), length))
    brevity = min(1.0, math.exp(1 - closest / len(own)))
    return brevity * math.exp(math.fsum(logs) / n)


def _check_order(n: int) -> None:
    if n < 1:
        raise RecordError(f"n must be at least 1, got {n}")


def _grams(parts: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(parts[i : i + n]) for i in range(len(parts) - n + 1)]


def _gram_set(parts: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return set(_grams(parts, min(n, len(parts)) or 1))


def _jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    union = one | other
    return len(one & other) / len(union) if union else 1.0


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan
