"""Pairs of annotators who share rare answers or reasons. Two people may simply think alike: look, do not accuse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from workbench.stats import coding, reading
from workbench.stats.intervals import check_confidence
from workbench.stats.multiple import holm
from workbench.stats.pairing import alpha, tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

# Fewer shared items on which the others have a consensus say nothing about a pair.
FEWEST_SHARED = 10
# The same words of so many people are a phrase everybody uses ("both are equal"), and short ones are no evidence.
MOST_PEOPLE = 5
FEWEST_WORDS = 6
_ROWS = 1_000_000

COLUMNS = {
    "a": "str",
    "b": "str",
    "n_items": "int64",
    "n_consensus": "int64",
    "n_shared_rare": "int64",
    "expected": "float64",
    "p_value": "float64",
    "p_holm": "float64",
    "n_same_reasons": "int64",
}


@dataclass(frozen=True)
class Similarity:
    """Pairs of annotators, most surprising first.

    `pairs` has the columns `a, b` (names in order), `n_items` (judged by both), `n_consensus` (those where the others
    agree on a leading label), `n_shared_rare` (where the two gave the same label and it is another one), `expected`
    (how many such by independence), `p_value`, `p_holm` (over all pairs looked at) and `n_same_reasons`.
    """

    pairs: pd.DataFrame
    n_looked_at: int
    confidence: float

    @property
    def flagged(self) -> pd.DataFrame:
        """Pairs that share rare answers beyond chance, or the same written reason more than once."""
        odd = (self.pairs["p_holm"] < 1 - self.confidence) | (self.pairs["n_same_reasons"] > 1)
        return self.pairs[odd]

    @property
    def look_at(self) -> tuple[str, ...]:
        """One sentence a flagged pair."""
        return tuple(_sentence(row) for row in self.flagged.itertuples(index=False))


def similar_pairs(labels: Any, *, fewest_shared: int = FEWEST_SHARED, confidence: float = 0.95) -> Similarity:
    """Pairs who agree where the others agree on something else, more often than independent annotators would.

    Parameters
    ----------
    labels
        A label table; with `reason`, identical reasons are counted (case, punctuation and spaces apart) that have at
        least `FEWEST_WORDS` words and at most `MOST_PEOPLE` people.
    fewest_shared
        Pairs with fewer items of a consensus of the others are left out, unless they share reasons.

    Notes
    -----
    For a pair and an item, the others are all who labelled it but these two; it counts where at least two did and one
    label leads. By independence an annotator gives label c there with probability proportional to the item's share of
    c times how much more often than everybody this annotator gives c where the consensus is what it is here. An item's
    shares are Dirichlet given the others' votes, with everybody's shares before them as strong as nominal alpha says,
    and how far two people go together because of the doubt about them is measured on all other pairs; each one's rare
    answers are brought to as many as they gave. So neither a hard item nor two strict raters alone make a pair
    surprising.
    The tail probability is that of a binomial with the mean of these chances, which is at least that of their sum
    (Hoeffding 1956), so p-values are on the safe side.
    """
    check_confidence(confidence)
    table = reading.rows(labels, (), ("reason",))
    coded = coding.encode(table)
    return of_coded(coded, table, reading.others(coded), fewest_shared=fewest_shared, confidence=confidence)


def of_coded(
    coded: Coded,
    table: pd.DataFrame,
    said: reading.Others,
    *,
    fewest_shared: int = FEWEST_SHARED,
    confidence: float = 0.95,
) -> Similarity:
    """As `similar_pairs`, for labels encoded already and the rows they come from."""
    key, sums = _pair_sums(coded, _tilt(coded, said))
    n_people = max(len(coded.annotators), 1)
    sums = np.column_stack([sums[:, :3], _expected(key, sums, n_people)])
    wanted = sums[:, 1] >= fewest_shared
    reasons = _same_reasons(table, coded)
    listed = wanted | np.isin(key, list(reasons))
    key, sums, wanted = key[listed], sums[listed], wanted[listed]
    n, shared, expected = sums[:, 1], sums[:, 2], sums[:, 3]
    mean = np.minimum(np.divide(expected, n, out=np.zeros(len(n)), where=n > 0), 1.0)
    tail = np.where(shared > 0, special.betainc(np.maximum(shared, 1), np.maximum(n - shared, 0) + 1, mean), 1.0)
    # Below its mean a sum of unequal chances is not bounded by the binomial; there is no surprise there anyway.
    p_value = np.where(wanted, np.where(shared >= expected + 1, tail, 1.0), np.nan)
    extra = sorted(set(reasons) - set(key.tolist()))
    key = np.r_[key, np.asarray(extra, dtype=np.int64)]
    blank = np.zeros((len(extra), 4))
    sums, p_value = np.vstack([sums, blank]), np.r_[p_value, np.full(len(extra), np.nan)]
    names = np.asarray([str(name) for name in coded.annotators], dtype=object)
    pairs = pd.DataFrame(
        {
            "a": names[key // n_people] if len(key) else [],
            "b": names[key % n_people] if len(key) else [],
            "n_items": sums[:, 0],
            "n_consensus": sums[:, 1],
            "n_shared_rare": sums[:, 2],
            "expected": sums[:, 3],
            "p_value": p_value,
            "p_holm": holm(p_value),
            "n_same_reasons": [reasons.get(one, 0) for one in key.tolist()],
        }
    ).astype(COLUMNS)
    order = pairs.sort_values(["p_value", "n_same_reasons", "a", "b"], ascending=[True, False, True, True])
    return Similarity(order.reset_index(drop=True), int(wanted.sum()), confidence)


def _tilt(coded: Coded, said: reading.Others) -> Floats:
    """How much more often than everybody an annotator gives each label where the others lead to each.

    Shape (annotators, leading label, label); smoothed by one label spread as everybody's.
    """
    width = max(coded.n_categories, 1)
    led = said.leader >= 0
    shape = (len(coded.annotators), width, width)
    cell = (coded.annotator[led] * width + said.leader[led]) * width + coded.value[led]
    counts = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape).astype(float)
    every = counts.sum(axis=0) + 1e-3
    every /= every.sum(axis=1, keepdims=True)
    own = (counts + every[None]) / (counts.sum(axis=2, keepdims=True) + 1)
    found: Floats = own / every[None]
    return found


def _pair_sums(coded: Coded, tilt: Floats) -> tuple[Ints, Floats]:
    """For each pair (first x annotators + second), sums over their items.

    Columns: items shared; those with a consensus of the others; shared rare answers; expected from how each of the two
    answers; what the item in common adds to that; rare answers of the first and of the second; and expected ones.
    """
    width, n_people = max(coded.n_categories, 1), max(len(coded.annotators), 1)
    order = np.lexsort((coded.annotator, coded.item))
    item, annotator, value = coded.item[order], coded.annotator[order], coded.value[order]
    size = np.bincount(coded.item, minlength=len(coded.items))
    counted = tally(coded)
    counts = counted.counts
    pool = counts.sum(axis=0) / max(counts.sum(), 1)
    strength = _strength(float(alpha(counted.sums.sum(axis=0))))
    keys: list[Ints] = []
    sums: list[Floats] = []
    step = max(1, _ROWS // width)
    for lag in range(1, int(size.max(initial=1))):
        first = np.flatnonzero(item[lag:] == item[:-lag])
        for start in range(0, len(first), step):
            x = first[start : start + step]
            y = x + lag
            rest = counts[item[x]]
            at = np.arange(len(x))
            rest[at, value[x]] -= 1
            rest[at, value[y]] -= 1
            leader = reading.strict_leader(rest)
            use = (leader >= 0) & (size[item[x]] >= 4)
            lead = np.where(use, leader, 0)
            weight = rest + strength * pool
            total = weight.sum(axis=1, keepdims=True)
            share = weight / total
            p = share * tilt[annotator[x], lead]
            q = share * tilt[annotator[y], lead]
            p, q = p / p.sum(axis=1, keepdims=True), q / q.sum(axis=1, keepdims=True)
            # Both meet the same item, whose true share the votes of the others leave in doubt: so far do their chances
            # go together, carried from the share's variance to theirs on the scale of logits.
            spread = np.maximum(share * (1 - share) * (total + 1), 1e-9)
            shared = np.minimum(p * (1 - p) * q * (1 - q) / spread, np.minimum(p, q) - p * q)
            apart, together = (((part.sum(axis=1) - part[at, lead]) * use) for part in (p * q, shared))
            rare = use & (value[x] == value[y]) & (value[x] != lead)
            keys.append(annotator[x] * n_people + annotator[y])
            odd = [use & (value[one] != lead) for one in (x, y)]
            means = [(1 - one[at, lead]) * use for one in (p, q)]
            sums.append(np.column_stack([np.ones(len(x)), use, rare, apart, together, *odd, *means]))
            if sum(map(len, keys)) > 4 * _ROWS:
                key, total = _gather(keys, sums)
                keys, sums = [key], [total]
    return _gather(keys, sums)


def _expected(key: Ints, sums: Floats, n_people: int) -> Floats:
    """Shared rare answers a pair would have if the two work on their own.

    Each one's rare answers are brought to as many as they gave, and what items add is measured on all other pairs, so
    the model of an item's shares need not be right in size.
    """
    people = np.concatenate([key // n_people, key % n_people])
    given, modelled = (
        np.bincount(people, weights=np.concatenate([sums[:, first], sums[:, first + 1]]), minlength=n_people) + 1
        for first in (5, 7)
    )
    own = given / modelled
    apart = sums[:, 3] * own[key // n_people] * own[key % n_people]
    rest = [column.sum() - column for column in (sums[:, 2], apart, sums[:, 4])]
    measured = np.clip((rest[0] - rest[1] + 1) / (rest[2] + 1), 0, 2)
    found: Floats = apart + measured * sums[:, 4]
    return found


def _strength(agreement: float) -> float:
    """Votes that everybody's shares count for beside the others' on an item: the more, the less items matter.

    If an item's shares are drawn from a Dirichlet distribution, two labels of it correlate by 1 / (1 + strength), and
    nominal alpha estimates that correlation.
    """
    return 1 / min(max(agreement, 0.01), 0.99) - 1 if not math.isnan(agreement) else 1.0


def _gather(keys: list[Ints], sums: list[Floats]) -> tuple[Ints, Floats]:
    if not keys:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 9))
    key, index = np.unique(np.concatenate(keys), return_inverse=True)
    together = np.concatenate(sums)
    return key, np.stack([np.bincount(index, weights=column, minlength=len(key)) for column in together.T], axis=1)


def _same_reasons(table: pd.DataFrame, coded: Coded) -> dict[int, int]:
    """Pair key -> number of different reasons that both wrote in the same words."""
    if "reason" not in table:
        return {}
    text = table["reason"].fillna("").astype(str).str.casefold().str.replace(r"[\W_]+", " ", regex=True).str.strip()
    written = pd.DataFrame({"annotator": table["annotator"], "text": text})[text.str.count(" ") >= FEWEST_WORDS - 1]
    written = written.drop_duplicates()
    people = written.groupby("text")["annotator"].transform("size")
    written = written[(people > 1) & (people <= MOST_PEOPLE)]
    place = {name: k for k, name in enumerate(coded.annotators.tolist())}
    written = written.assign(code=written["annotator"].map(place)).dropna(subset=["code"])
    both = written.merge(written, on="text")
    both = both[both["code_x"] < both["code_y"]]
    key = both["code_x"].astype("int64") * max(len(place), 1) + both["code_y"].astype("int64")
    return {int(one): int(n) for one, n in key.value_counts().items()}  # type: ignore[call-overload]


def _sentence(row: Any) -> str:
    said = f"look at {row.a} and {row.b}: "
    parts = []
    if row.n_consensus:
        parts.append(
            f"on {row.n_consensus} items where the others have a consensus they share {row.n_shared_rare} other "
            f"answers, {row.expected:.1f} expected of independent work"
            + (f" (p = {row.p_holm:.2g} over all pairs)" if row.p_holm == row.p_holm else "")
        )
    if row.n_same_reasons:
        parts.append(f"{row.n_same_reasons} reason{'s' * (row.n_same_reasons != 1)} in the same words")
    return said + "; ".join(parts)
