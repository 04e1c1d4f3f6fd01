"""How different texts are: n-gram overlap of two, distinct-n and self-BLEU of several, and how lengths spread.

All of it is counted on words and characters, so no model is needed and the same texts give the same numbers
everywhere. Words are runs of letters, digits and underscores, case apart; in scripts that write no spaces a whole
phrase counts as one word, and only `overlap`, which also looks at characters, says much.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from workbench.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from workbench.training.drawing import Generated

# Two answers of which more than this is shared say the same with a word or two changed. On the shipped pilots 23 of the
# 1,680 pairs of answers to one prompt are above it, and all but one of those above .9 too.
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


@dataclass(frozen=True, repr=False)
class BatchDiversity:
    """The diversity of each prompt's answers, and over all prompts.

    The shares and overlaps are means over the prompts that have them (NaN when none has), `sd_words` too. Of `n_pairs`
    pairs of answers to one prompt `n_alike` overlap by `limit` or more. To `n_tried` answers further draws were made,
    `n_redraws` in all, and for `n_replaced` of them a further draw is the one that stayed.
    """

    prompts: dict[str, Diversity]
    n_answers: int
    n_pairs: int
    n_alike: int
    n_tried: int
    n_redraws: int
    n_replaced: int
    limit: float
    distinct_1: float
    distinct_2: float
    self_bleu: float
    mean_overlap: float
    mean_words: float
    sd_words: float

    def lines(self) -> list[str]:
        """What it says, most important first."""
        length = f"{self.mean_words:.0f} words on average, within a prompt +- {self.sd_words:.1f}"
        alike = f"{self.n_alike} of {self.n_pairs} pairs of answers to one prompt are near-duplicates"
        measures = {
            "distinct-1": self.distinct_1,
            "distinct-2": self.distinct_2,
            "self-BLEU": self.self_bleu,
            "overlap": self.mean_overlap,
        }
        lines = [
            f"{self.n_answers} answers to {len(self.prompts)} prompts: {length}",
            f"{alike} (overlap {self.limit:g} or more)",
            "means over prompts: " + ", ".join(f"{name} {value:.3f}" for name, value in measures.items()),
        ]
        if self.n_tried:
            again = f"{self.n_tried} answers were drawn again, {self.n_redraws} times in all"
            lines.append(f"{again}; another draw stayed for {self.n_replaced}")
        return lines

    def table(self) -> pd.DataFrame:
        """One row a prompt, the one whose answers are most alike first."""
        import pandas as pd

        rows = pd.DataFrame([{"prompt": prompt, **asdict(one)} for prompt, one in self.prompts.items()])
        return rows.sort_values(["max_overlap", "prompt"], ascending=[False, True], ignore_index=True)

    def __repr__(self) -> str:
        return "\n".join(self.lines())


def overlap(one: str, other: str) -> float:
    """How alike two texts are, from 0 to 1: mean of the Jaccard overlaps of word bigrams and character trigrams.

    Texts of the same words in another order, or with other endings, come out between 0 and 1; a text with itself 1.
    """
    words, characters = zip(_parts(one), _parts(other), strict=True)
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
    return len(set(grams)) / len(grams) if grams else math.nan


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
        return math.nan
    words = [words_of(text) for text in texts]
    precisions = [_log_precisions([Counter(_grams(own, order)) for own in words], order) for order in range(1, n + 1)]
    scores = []
    for i, own in enumerate(words):
        logs = [found[i] for found in precisions]
        _, closest = min((abs(len(other) - len(own)), len(other)) for k, other in enumerate(words) if k != i)
        brevity = min(1.0, math.exp(1 - closest / len(own))) if own else 0.0
        scores.append(brevity * math.exp(sum(logs) / n))
    return _mean(scores)


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
    lengths = [n_words(text) for text in texts]
    mean = sum(lengths) / len(lengths)
    # The divisor is n - 1: the answers are a sample of what the model would say.
    squares = math.fsum((one - mean) ** 2 for one in lengths)
    spread = math.sqrt(squares / (len(lengths) - 1)) if len(lengths) > 1 else math.nan
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
    redraws = []
    n_replaced = 0
    for one in generated:
        answers.setdefault(one.prompt_id, []).append(one.response.text)
        tries = one.response.params.get("tries")
        if isinstance(tries, int) and tries > 1:
            redraws.append(tries - 1)
            n_replaced += bool(one.response.params.get("draw"))
    if not answers:
        raise RecordError("no answers, so no diversity")
    prompts = {prompt: of_texts(texts) for prompt, texts in answers.items()}
    found = list(prompts.values())
    return BatchDiversity(
        prompts=prompts,
        n_answers=sum(one.n for one in found),
        n_pairs=sum(math.comb(one.n, 2) for one in found),
        n_alike=sum(n_alike(answers[prompt], limit) for prompt, one in prompts.items() if one.max_overlap >= limit),
        n_tried=len(redraws),
        n_redraws=sum(redraws),
        n_replaced=n_replaced,
        limit=limit,
        distinct_1=_mean([one.distinct_1 for one in found]),
        distinct_2=_mean([one.distinct_2 for one in found]),
        self_bleu=_mean([one.self_bleu for one in found]),
        mean_overlap=_mean([one.mean_overlap for one in found]),
        mean_words=_mean([one.mean_words for one in found]),
        sd_words=_mean([one.sd_words for one in found]),
    )


def n_alike(texts: Sequence[str], limit: float = ALIKE) -> int:
    """How many pairs of the texts overlap by `limit` or more."""
    return sum(overlap(one, other) >= limit for one, other in combinations(texts, 2))


def fold(text: str) -> str:
    """The text without what makes no difference: case, and how much white space."""
    return " ".join(text.casefold().split())


def words_of(text: str) -> list[str]:
    """The words of a text, case apart."""
    return re.findall(r"\w+", text.casefold())


@lru_cache(maxsize=4096)  # sets of the same answers are counted many times while they are balanced
def n_words(text: str) -> int:
    """How many words a text has."""
    return len(words_of(text))


def _log_precisions(counts: Sequence[Counter[tuple[str, ...]]], order: int) -> list[float]:
    """Of each text the log of the share of its n-grams that another text has, each as often as in any one other."""
    # The two highest counts of each n-gram say what the others have, whichever text is left out.
    most: Counter[tuple[str, ...]] = Counter()
    second: Counter[tuple[str, ...]] = Counter()
    for own in counts:
        for gram, count in own.items():
            second[gram] = max(second[gram], min(count, most[gram]))
            most[gram] = max(most[gram], count)
    logs = []
    for own in counts:
        matched = sum(min(count, second[gram] if count == most[gram] else most[gram]) for gram, count in own.items())
        # Not a word in common is 0, whatever the longer n-grams are smoothed to.
        logs.append(math.log((matched or 0.1) / max(1, own.total())) if matched or order > 1 else -math.inf)
    return logs


def _check_order(n: int) -> None:
    if n < 1:
        raise RecordError(f"n must be at least 1, got {n}")


def _grams(parts: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(parts[i : i + n]) for i in range(len(parts) - n + 1)]


@lru_cache(maxsize=256)  # each text of a prompt is compared with all others
def _parts(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Word bigrams and character trigrams; of a text shorter than that, the whole."""
    words, characters = words_of(text), fold(text)
    # No word holds a blank, so joined ones stay apart.
    bigrams = frozenset(" ".join(gram) for gram in _grams(words, min(2, len(words)) or 1))
    size = min(3, len(characters)) or 1
    return bigrams, frozenset(characters[i : i + size] for i in range(len(characters) - size + 1))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    union = one | other
    return len(one & other) / len(union) if union else 1.0


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan
