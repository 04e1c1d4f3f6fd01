"""Rules of a sequential test on gold answers, and what each does in the long run.

Both rules weigh "the error rate is unacceptable" against "it is acceptable" after every answer:

- `sprt`: Wald's (1945) sequential probability ratio test of the two error rates, with his boundaries
  log((1 - beta) / alpha) and log(beta / (1 - alpha)).
- `beta_binomial`: for when nobody is exactly as bad as stated. The evidence for failing is the beta-binomial likelihood
  of the answers, with the prior cut to error rates of `unacceptable` and above, over their likelihood at `acceptable`;
  the evidence for passing is the same with the prior cut to `acceptable` and below, over the likelihood at
  `unacceptable`. Each has mean at most 1 wherever its error could be made, so by Ville's inequality it ever exceeds
  1 / alpha (1 / beta) with probability at most alpha (beta), however long it is looked at and wherever on that side the
  true rate lies (Robbins 1970, *Statistical methods related to the law of the iterated logarithm*).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy import special

from workbench.errors import TableError
from workbench.stats.gold.rates import JEFFREYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Kind = Literal["sprt", "beta_binomial"]
# What is still undecided with less probability than this is not followed further.
_NEGLIGIBLE = 1e-12
# Under this a prior's share of one side has no float that evidence could be divided by.
_IMPOSSIBLE = 1e-250


class Characteristics(NamedTuple):
    """What a rule really does at its two error rates.

    `acceptable.p_fail` and `unacceptable.p_pass` are the true values behind the stated alpha and beta.
    """

    acceptable: Operating
    unacceptable: Operating


class Expected(NamedTuple):
    """Mean number of gold answers until the decision, for two error rates."""

    acceptable: float
    unacceptable: float


@dataclass(frozen=True)
class Rule:
    """What a sequential test is told before the first answer.

    Attributes
    ----------
    acceptable, unacceptable
        An error rate that should pass, and a higher one that should fail. Between them either will do.
    alpha, beta
        Stated probability of failing somebody acceptable, and of passing somebody unacceptable.
    kind, prior
        `sprt` or `beta_binomial`, and the Beta prior of the latter.

    Raises
    ------
    TableError
        Unless 0 < acceptable < unacceptable < 1, alpha and beta are above 0 and together below 1, the kind is known
        and the prior has two finite numbers above 0 that leave both sides possible.
    """

    acceptable: float
    unacceptable: float
    alpha: float = 0.05
    beta: float = 0.05
    kind: Kind = "sprt"
    prior: tuple[float, float] = JEFFREYS

    def __post_init__(self) -> None:
        if not 0 < self.acceptable < self.unacceptable < 1:
            raise TableError(
                f"need 0 < acceptable < unacceptable < 1, got {self.acceptable!r} and {self.unacceptable!r}",
                next_step="for example acceptable=0.1, unacceptable=0.25",
            )
        if not (self.alpha > 0 and self.beta > 0 and self.alpha + self.beta < 1):
            raise TableError(
                f"alpha and beta must be above 0 and together below 1, got {self.alpha!r} and {self.beta!r}",
                next_step="5 % is 0.05",
            )
        if self.kind not in ("sprt", "beta_binomial"):
            raise TableError(f"no kind {self.kind!r}; allowed are sprt, beta_binomial")
        # A list would do as well, but a rule is looked up by what it holds.
        object.__setattr__(self, "prior", _two_numbers(self.prior))
        sides = special.betainc(*self.prior, self.acceptable), special.betaincc(*self.prior, self.unacceptable)
        if self.kind == "beta_binomial" and min(sides) < _IMPOSSIBLE:
            raise TableError(
                f"the prior {self.prior} holds an error rate below {self.acceptable:g} or above {self.unacceptable:g} "
                "for impossible, so no answer could show one",
                next_step="a prior of fewer answers: Jeffreys is (0.5, 0.5), uniform (1, 1)",
            )

    @property
    def upper(self) -> float:
        """Log evidence at or above which the test fails."""
        return math.log((1 - self.beta) / self.alpha) if self.kind == "sprt" else -math.log(self.alpha)

    @property
    def lower(self) -> float:
        """Log evidence at or below which the test passes."""
        return math.log(self.beta / (1 - self.alpha)) if self.kind == "sprt" else math.log(self.beta)

    @property
    def method(self) -> str:
        """The rule in words."""
        rates = f"acceptable {self.acceptable:g}, unacceptable {self.unacceptable:g}"
        errors = f"alpha {self.alpha:g} (failing the acceptable), beta {self.beta:g} (passing the unacceptable)"
        if self.kind == "sprt":
            return f"Wald's sequential probability ratio test; {rates}; {errors}"
        a, b = self.prior
        return f"sequential beta-binomial Bayes factors, prior Beta({a:g}, {b:g}) cut at the rates; {rates}; {errors}"

    def evidence(self, wrong: NDArray[np.int64], n: NDArray[np.int64] | int) -> tuple[Floats, Floats]:
        """Log evidence after `wrong` of `n` answers: the one held against `upper`, the one held against `lower`.

        Of the SPRT both are the log-likelihood ratio. -inf and inf stand for more than a float can hold, far beyond
        the boundary on the other side.
        """
        at_acceptable = wrong * math.log(self.acceptable) + (n - wrong) * math.log1p(-self.acceptable)
        at_unacceptable = wrong * math.log(self.unacceptable) + (n - wrong) * math.log1p(-self.unacceptable)
        if self.kind == "sprt":
            ratio: Floats = at_unacceptable - at_acceptable
            return ratio, ratio
        a, b = self.prior
        after = (a + wrong, b + n - wrong)
        whole = special.betaln(*after) - special.betaln(a, b)
        with np.errstate(divide="ignore"):
            above = np.log(special.betaincc(*after, self.unacceptable) / special.betaincc(a, b, self.unacceptable))
            below = np.log(special.betainc(*after, self.acceptable) / special.betainc(a, b, self.acceptable))
        return whole + above - at_acceptable, at_unacceptable - whole - below


def _two_numbers(prior: Any) -> tuple[float, float]:
    try:
        a, b = (float(one) for one in prior)
    except (TypeError, ValueError):
        a = b = math.nan
    if not (0 < a < math.inf and 0 < b < math.inf):
        raise TableError(
            f"a Beta prior needs two finite numbers above 0, got {prior!r}",
            next_step="Jeffreys is (0.5, 0.5), uniform (1, 1)",
        )
    return a, b


@dataclass(frozen=True)
class Operating:
    """What a rule does to annotators of one true error rate.

    `p_undecided` is the probability of no decision within `most` answers; `expected_answers` counts these as `most`.
    """

    error: float
    p_pass: float
    p_fail: float
    p_undecided: float
    expected_answers: float
    most: int
    method: str = "exact recursion over answers and wrong answers"


def operating_characteristics(rule: Rule, error: float, *, most: int = 10_000) -> Operating:
    """Probabilities of the decisions and the mean number of answers at a true error rate, exactly.

    Every count of wrong answers that can still be undecided carries its probability from answer to answer, so nothing
    is simulated and no overshoot is neglected.

    Parameters
    ----------
    error
        True error rate; answers are independent.
    most
        Answers after which an undecided test is given up.

    Raises
    ------
    TableError
        Unless 0 <= error <= 1 and most >= 1.
    """
    if not 0 <= error <= 1 or most < 1:
        raise TableError(
            f"need an error rate from 0 to 1 and at least one answer, got error={error!r}, most={most!r}",
            next_step="15 % is 0.15",
        )
    return _operating(rule, float(error), int(most))


def _decided(rule: Rule, first: int, size: int, n: int) -> tuple[int, int]:
    """Of `first`, `first + 1`, ... wrong answers of n, how many at the lower end pass and at the upper end fail.

    Evidence rises with the wrong answers, so what is undecided is one stretch, whose ends rarely move by more than one.
    """
    ends = [first, first + 1, first + size - 2, first + size - 1]
    if size > len(ends):
        toward_fail, toward_pass = rule.evidence(np.asarray(ends), n)
        passes, fails = toward_pass <= rule.lower, toward_fail >= rule.upper
        if not passes[1] and not fails[2]:
            return int(passes[0]), int(fails[3])
    toward_fail, toward_pass = rule.evidence(np.arange(first, first + size), n)
    return int((toward_pass <= rule.lower).sum()), int((toward_fail >= rule.upper).sum())


@lru_cache(maxsize=512)
def _operating(rule: Rule, error: float, most: int) -> Operating:
    first, chance = 0, np.ones(1)  # undecided with first, first + 1, ... wrong answers
    passed = failed = answers = 0.0
    for n in range(1, most + 1):
        left = float(chance.sum())
        if left < _NEGLIGIBLE:
            break
        answers += left
        grown = np.zeros(len(chance) + 1)
        grown[:-1] = chance * (1 - error)
        grown[1:] += chance * error
        n_pass, n_fail = _decided(rule, first, len(grown), n)
        undecided = slice(n_pass, len(grown) - n_fail)
        passed += float(grown[: undecided.start].sum())
        failed += float(grown[undecided.stop :].sum())
        first += n_pass
        chance = grown[undecided]
    return Operating(error, passed, failed, max(0.0, float(chance.sum())), answers, most)


def wald_answers(rule: Rule) -> Expected:
    """Wald's approximate mean sample numbers of the SPRT at the two error rates, overshoot neglected.

    E(n) = (P(pass) lower + P(fail) upper) / E(z), z the log-likelihood ratio of one answer (Wald 1945, *Sequential
    tests of statistical hypotheses*, eq. 4.8).
    """
    wrong = math.log(rule.unacceptable / rule.acceptable)
    right = math.log((1 - rule.unacceptable) / (1 - rule.acceptable))

    def mean(error: float, p_fail: float) -> float:
        return ((1 - p_fail) * rule.lower + p_fail * rule.upper) / (error * wrong + (1 - error) * right)

    return Expected(mean(rule.acceptable, rule.alpha), mean(rule.unacceptable, 1 - rule.beta))


def characteristics(rule: Rule) -> Characteristics:
    """`operating_characteristics` at the rule's own two error rates."""
    return Characteristics(*(operating_characteristics(rule, one) for one in (rule.acceptable, rule.unacceptable)))


def expected_answers(rule: Rule) -> tuple[Expected, str]:
    """Mean number of answers at both error rates, and how it was found: Wald's formula where there is one."""
    if rule.kind == "sprt":
        return wald_answers(rule), "expected answers by Wald's approximation"
    both = characteristics(rule)
    left = max(one.p_undecided for one in both)
    cut = f", tests cut at {both[0].most} answers (undecided: {left:.1%})" if left > 1e-6 else ""
    return Expected(*(one.expected_answers for one in both)), f"expected answers by {both[0].method}{cut}"
