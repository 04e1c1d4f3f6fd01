"""What sets of responses would let somebody guess, counted, and sets exchanged until it is as little as can be."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from workbench.training.diversity import n_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from workbench.records import Response

# What an imbalance is called -> how large it is, with its sign; in steps of 1 / _STEPS, so that shares of up to eight
# answers are whole numbers and sums are exact and the same everywhere.
Imbalance = Counter[tuple[str, ...]]
_STEPS = 840
_SWEEPS = 50  # each sweep lowers the imbalance or is the last; a dozen is usual


@dataclass(frozen=True)
class SourceBalance:
    """One model (or variant) in the chosen sets. All but `shown` count pairs with an answer of another source.

    `first` stands before the other one (A before B). `better` and `worse` go by the score, where one was given.
    """

    shown: int
    first: int
    last: int
    shorter: int
    longer: int
    better: int
    worse: int


@dataclass(frozen=True, repr=False)
class Balance:
    """What the chosen sets would let somebody guess, in counts of pairs within sets.

    `difference` is the mean over sets of that between the two closest answers; `best_difference` what it would be
    without any balance. Lengths are in words; pairs of equal length or equal score count on neither side.
    """

    n_sets: int
    difference: float
    best_difference: float
    shorter_first: int
    longer_first: int
    better_first: int
    worse_first: int
    shorter_better: int
    longer_better: int
    models: dict[str, SourceBalance]
    variants: dict[str, SourceBalance]

    def lines(self) -> list[str]:
        """What it says, most important first."""
        return [
            f"{self.n_sets} sets: difference {self.difference:.2f}, without balance {self.best_difference:.2f}",
            f"better is the shorter in {self.shorter_better} pairs, the longer in {self.longer_better}",
            f"first is the shorter in {self.shorter_first} pairs, the longer in {self.longer_first}",
            f"first is the better in {self.better_first} pairs, the worse in {self.worse_first}",
        ]

    def table(self) -> pd.DataFrame:
        """One row a model, then one a variant; all but `shown` count pairs with another one."""
        import pandas as pd

        sources = [("model", self.models), ("variant", self.variants)]
        return pd.DataFrame(
            [{"kind": kind, "name": name, **asdict(one)} for kind, found in sources for name, one in found.items()]
        )

    def __repr__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True)
class Shown:
    """Responses that are shown together, their scores, and the smallest and the sum of their differences."""

    responses: tuple[Response, ...]
    scores: Mapping[str, float]
    spread: tuple[float, float]

    def pairs(self) -> list[tuple[Response, Response, int, int]]:
        """Pairs of responses, with +1 where the first is shorter and +1 where it is better (-1: the second)."""
        return [
            (
                one,
                other,
                _sign(n_words(other.text) - n_words(one.text)),
                _sign(self.scores[one.id] - self.scores[other.id]),
            )
            for one, other in combinations(self.responses, 2)
        ]

    def tells(self, pool: Sequence[Response]) -> Imbalance:
        """What the set adds to each imbalance of the batch, whatever its order."""
        found: Imbalance = Counter()
        for one, other, shorter, better in self.pairs():
            found["shorter better",] += shorter * better
            for source, versus in _sources(one, other):
                found["better", *source] += better
                found["better", *versus] -= better
                found["shorter", *source] += shorter
                found["shorter", *versus] -= shorter
        shown = Counter(source for one in self.responses for source in _names(one))
        answered = Counter(source for one in pool for source in _names(one))
        steps = Counter({key: _STEPS * value for key, value in found.items()})
        for source, n in answered.items():
            steps["shown", *source] = _STEPS * shown[source] - _STEPS * len(self.responses) * n // len(pool)
        return steps

    def tells_by_place(self) -> Imbalance:
        """What the order of the set adds to each imbalance of the batch."""
        found: Imbalance = Counter()
        for one, other, shorter, better in self.pairs():
            found["shorter first",] += shorter
            found["better first",] += better
            for source, versus in _sources(one, other):
                found["first", *source] += 1
                found["first", *versus] -= 1
        return found

    def orders(self) -> list[Shown]:
        """The set in the order of its ids, turned round and backwards: every response at every place."""
        ring = self.responses
        turned = [ring[i:] + ring[:i] for i in range(len(ring))]
        every = {tuple(one.id for one in order): order for order in [*turned, *(order[::-1] for order in turned)]}
        return [Shown(order, self.scores, self.spread) for order in every.values()]


def balanced(options: Mapping[str, Sequence[Shown]], tells: Mapping[str, Sequence[Imbalance]]) -> dict[str, Shown]:
    """One option a prompt, so that no single change lowers the sum of squares of all that they tell together."""
    taken = dict.fromkeys(options, 0)
    total: Imbalance = Counter()
    for told in tells.values():
        total.update(told[0])
    for _ in range(_SWEEPS):
        changed = False
        for prompt, told in tells.items():
            now = told[taken[prompt]]
            total.subtract(now)
            # Only what this option changes: (rest + told)^2 - rest^2, summed over what it tells.
            cost = [sum(value * (2 * total[key] + value) for key, value in one.items()) for one in told]
            if min(cost) < cost[taken[prompt]]:
                taken[prompt] = cost.index(min(cost))
                changed = True
            total.update(told[taken[prompt]])
        if not changed:
            break
    return {prompt: options[prompt][number] for prompt, number in taken.items()}


def count(sets: Sequence[Shown], best: Sequence[float]) -> Balance:
    counts: Imbalance = Counter()
    for chosen in sets:
        counts.update(("shown", *source) for one in chosen.responses for source in _names(one))
        for one, other, shorter, better in chosen.pairs():
            counts["shorter first", str(shorter)] += 1
            counts["better first", str(better)] += 1
            counts["shorter better", str(shorter * better)] += 1
            for source, versus in _sources(one, other):
                counts["first", *source] += 1
                counts["last", *versus] += 1
                for own, sign in ((source, 1), (versus, -1)):
                    counts["shorter", str(sign * shorter), *own] += 1
                    counts["better", str(sign * better), *own] += 1
    known = sorted({key[1:] for key in counts if key[0] == "shown"})
    by_source = {
        source: SourceBalance(
            shown=counts["shown", *source],
            first=counts["first", *source],
            last=counts["last", *source],
            shorter=counts["shorter", "1", *source],
            longer=counts["shorter", "-1", *source],
            better=counts["better", "1", *source],
            worse=counts["better", "-1", *source],
        )
        for source in known
    }
    return Balance(
        n_sets=len(sets),
        difference=sum(one.spread[0] for one in sets) / len(sets) if sets else float("nan"),
        best_difference=sum(best) / len(best) if best else float("nan"),
        shorter_first=counts["shorter first", "1"],
        longer_first=counts["shorter first", "-1"],
        better_first=counts["better first", "1"],
        worse_first=counts["better first", "-1"],
        shorter_better=counts["shorter better", "1"],
        longer_better=counts["shorter better", "-1"],
        models={name: found for (kind, name), found in by_source.items() if kind == "model"},
        variants={name: found for (kind, name), found in by_source.items() if kind == "variant"},
    )


def _names(one: Response) -> list[tuple[str, str]]:
    """The model of a response, and the variant of it where the answers were mixed on purpose."""
    variant = one.params.get("variant")
    return [("model", one.model), *([("variant", variant)] if isinstance(variant, str) else [])]


def _sources(one: Response, other: Response) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Model against model and variant against variant, where they are not the same."""
    return [(a, b) for a, b in zip(_names(one), _names(other), strict=False) if a != b]


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
