"""A test that is updated with every gold answer and stops as soon as it knows.

A fixed-size interval that is looked at after every answer errs far more often than it states; a sequential test may be
looked at always. See `operating` for the two rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TableError
from workbench.stats.gold.answers import known_answers, known_rows
from workbench.stats.gold.operating import Characteristics, Expected, Kind, Rule, characteristics, expected_answers
from workbench.stats.gold.rates import JEFFREYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from workbench.stats.estimate import Decision


@dataclass(frozen=True)
class SequentialTest:
    """A sequential test of an error rate after some answers.

    Attributes
    ----------
    rule
        Error rates, stated alpha and beta, kind, prior; `rule.upper` and `rule.lower` are the boundaries.
    right
        The answers so far, in order: whether each was right.
    toward_fail, toward_pass
        Log evidence that the error rate is unacceptable after each answer. `toward_fail` at or above `upper` fails,
        `toward_pass` at or below `lower` passes. Of the SPRT the two are one and the same log-likelihood ratio.
    decision
        Of the first answer that crossed a boundary; later answers are recorded and do not change it.
    decided_at
        Number of that answer, counted from 1; None while inconclusive.
    expected_answers
        Mean number of answers until a decision, of an acceptable and of an unacceptable annotator: Wald's approximation
        for the SPRT, which neglects overshoot and so is some answers short.
    operating
        The exact error rates and mean numbers of answers at the two rates, beside the stated alpha and beta.
    """

    rule: Rule
    right: tuple[bool, ...]
    toward_fail: tuple[float, ...]
    toward_pass: tuple[float, ...]
    decision: Decision
    decided_at: int | None
    expected_answers: Expected
    operating: Characteristics
    method: str
    reason: str = ""
    label: str = ""

    @property
    def n(self) -> int:
        """Answers so far."""
        return len(self.right)

    @property
    def n_wrong(self) -> int:
        """Wrong answers so far."""
        return self.n - sum(self.right)

    @property
    def upper(self) -> float:
        """Boundary of failing."""
        return self.rule.upper

    @property
    def lower(self) -> float:
        """Boundary of passing."""
        return self.rule.lower

    def update(self, right: bool) -> SequentialTest:
        """The test after one more answer; the same numbers as `sequential` of all answers at once.

        Raises
        ------
        TableError
            When the answer is neither True nor False.
        """
        (last,) = _booleans([right])
        answers = (*self.right, bool(last))
        n, wrong = len(answers), len(answers) - sum(answers)
        fail, passed = self.rule.evidence(np.array([wrong]), np.array([n]))
        decision, decided_at = self.decision, self.decided_at
        if decided_at is None:
            decision, decided_at = _decide(self.rule, fail, passed, n)
        return replace(
            self,
            right=answers,
            toward_fail=(*self.toward_fail, float(fail[0])),
            toward_pass=(*self.toward_pass, float(passed[0])),
            decision=decision,
            decided_at=decided_at,
            reason="",
        )

    def __str__(self) -> str:
        when = f" at answer {self.decided_at}" if self.decided_at else ""
        caution = f"; {self.reason}" if self.reason else ""
        counts = f"{self.n_wrong} of {self.n} wrong"
        return f"{self.label or 'gold'}: {self.decision.upper()}{when} ({counts}; {self.method}{caution})"


def sequential(
    answers: Iterable[bool],
    *,
    acceptable: float,
    unacceptable: float,
    alpha: float = 0.05,
    beta: float = 0.05,
    kind: Kind = "sprt",
    prior: tuple[float, float] = JEFFREYS,
    label: str = "",
) -> SequentialTest:
    """Test an error rate answer by answer.

    Parameters
    ----------
    answers
        In the order given: True where right, False where wrong. May be empty, to be continued with `update`.
    acceptable, unacceptable
        An error rate that should pass, and a higher one that should fail.
    alpha, beta
        Probability of failing somebody acceptable, and of passing somebody unacceptable, that is aimed at. The SPRT
        keeps them to within Wald's bounds alpha / (1 - beta) and beta / (1 - alpha); overshoot leaves it below alpha
        and beta with most pairs of rates, not all. `beta_binomial` keeps them always. The exact numbers are in the
        result's `operating`.
    kind
        `sprt` needs fewest answers where annotators are near the two rates; `beta_binomial` guards every rate beyond.
    prior
        Beta prior of `beta_binomial`.

    Raises
    ------
    TableError
        Answers that are neither True nor False; see `operating.Rule` for the options.

    Examples
    --------
    >>> test = sequential([False] * 4, acceptable=0.1, unacceptable=0.25)
    >>> test.decision, test.decided_at
    ('fail', 4)
    """
    rule = Rule(acceptable, unacceptable, alpha, beta, kind, prior)
    return _test(rule, _booleans(answers), label)


def sequential_by_annotator(
    labels: Any,
    gold: Mapping[Any, Any] | Any,
    *,
    acceptable: float,
    unacceptable: float,
    alpha: float = 0.05,
    beta: float = 0.05,
    kind: Kind = "sprt",
    prior: tuple[float, float] = JEFFREYS,
) -> list[SequentialTest]:
    """One sequential test an annotator who has labels, sorted by name.

    Answers come in the order of `submitted_at`, else of the table; the method says which. Only the first answer to an
    item counts: a second look at the same gold is no new evidence.

    Parameters
    ----------
    labels, gold
        As in `error_rates`.

    Raises
    ------
    TableError
        As `error_rates` and `sequential`.
    """
    rule = Rule(acceptable, unacceptable, alpha, beta, kind, prior)
    known = known_rows(labels, known_answers(gold).answers)
    first = known.rows[known.rows["exposure"] == 1]
    right = {name: ~mine.to_numpy(bool) for name, mine in first.groupby("annotator")["wrong"]}
    seen = known.rows["annotator"].value_counts()
    found = []
    for name in known.everybody:
        answers = right.get(name, np.zeros(0, dtype=bool))
        again = int(seen.get(name, 0)) - len(answers)
        reason = "no answer to gold" if not len(answers) else f"{again} repeated answers not counted" if again else ""
        test = _test(rule, answers, name)
        found.append(replace(test, method=f"{test.method}; answers {known.order}", reason=reason))
    return found


def _test(rule: Rule, right: NDArray[np.bool_], label: str) -> SequentialTest:
    n = np.arange(1, len(right) + 1)
    fail, passed = rule.evidence(np.cumsum(~right), n)
    decision, decided_at = _decide(rule, fail, passed, 1)
    expected, how = expected_answers(rule)
    return SequentialTest(
        rule,
        tuple(right.tolist()),
        tuple(fail.tolist()),
        tuple(passed.tolist()),
        decision,
        decided_at,
        expected,
        characteristics(rule),
        f"{rule.method}; {how}",
        "" if len(right) else "no answer to gold",
        label,
    )


def _decide(
    rule: Rule, fail: NDArray[np.float64], passed: NDArray[np.float64], start: int
) -> tuple[Decision, int | None]:
    crossed = np.flatnonzero((fail >= rule.upper) | (passed <= rule.lower))
    if not len(crossed):
        return "inconclusive", None
    first = int(crossed[0])
    return ("fail" if fail[first] >= rule.upper else "pass"), start + first


def _booleans(answers: Iterable[Any]) -> NDArray[np.bool_]:
    listed = list(answers)
    strange = next((one for one in listed if not isinstance(one, bool | np.bool_)), None)
    if strange is not None or any(one is None for one in listed):
        raise TableError(
            f"answers must be True (right) or False (wrong), got {strange!r}",
            next_step="compare with the known answer: labels == gold",
        )
    return np.asarray(listed, dtype=bool)
