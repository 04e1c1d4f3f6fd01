"""What answers mean: the rows they become, the preferences they imply, how they look on a turned screen, when two are
the same. One function a task type and question; `kinds` puts them together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from workbench.tasks.answers import (
    ClassificationAnswer,
    FactualAccuracyAnswer,
    InstructionFollowingAnswer,
    LikertAnswer,
    PairwiseAnswer,
    RankingAnswer,
    RedTeamAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.tasks.answers import Letter

# A rating on several dimensions is close enough to a known one within this many steps.
NEAR_STEPS = 1


@dataclass(frozen=True)
class Row:
    """One row of the label table that an answer becomes: `criterion` is empty for the overall question."""

    label: object
    criterion: str = ""
    strength: int | None = None


@dataclass(frozen=True)
class Pair:
    """What an answer says about two responses: `better` beats `worse`, or they tie. Letters are canonical."""

    better: str
    worse: str
    tie: bool = False


def no_pairs(_: Any) -> list[Pair]:
    """For tasks that compare nothing."""
    return []


def says_nothing(_: Any) -> bool | None:
    """For tasks that do not say whether a response is wanted."""
    return None


def unturned(answer: Any, _letters: Mapping[str, str]) -> Any:
    """For answers that name no responses: they look the same on any screen."""
    return answer


# ---- pairwise ---------------------------------------------------------------------------------------------------


def pairwise_rows(answer: PairwiseAnswer) -> list[Row]:
    return [
        Row(answer.choice, strength=answer.strength),
        *(Row(choice, criterion) for criterion, choice in sorted(answer.criteria.items())),
    ]


def pairwise_pairs(answer: PairwiseAnswer) -> list[Pair]:
    if answer.choice in ("tie", "both_bad"):
        return [Pair("A", "B", tie=True)]
    return [Pair("A", "B") if answer.choice == "A" else Pair("B", "A")]


def pairwise_turned(answer: PairwiseAnswer, letters: Mapping[str, str]) -> PairwiseAnswer:
    strength = answer.strength
    if strength is not None and letters["A"] == "B":
        strength = -strength
    return PairwiseAnswer.parse(
        {
            "choice": letters.get(answer.choice, answer.choice),
            "strength": strength,
            "criteria": {name: letters.get(choice, choice) for name, choice in answer.criteria.items()},
        }
    )


def pairwise_same(answer: PairwiseAnswer, known: PairwiseAnswer) -> bool:
    return answer.choice == known.choice


# ---- ranking ----------------------------------------------------------------------------------------------------


def ranking_text(ranks: Mapping[Letter, int]) -> str:
    """Canonical text of a ranking, for example `B>A=C`: best first, ties by letter."""
    levels = sorted(set(ranks.values()))
    return ">".join("=".join(sorted(letter for letter in ranks if ranks[letter] == level)) for level in levels)


def ranking_rows(answer: RankingAnswer) -> list[Row]:
    return [Row(ranking_text(answer.ranks))]


def ranking_pairs(answer: RankingAnswer) -> list[Pair]:
    pairs = []
    for one, other in combinations(sorted(answer.ranks), 2):
        gap = answer.ranks[one] - answer.ranks[other]
        pairs.append(Pair(other, one) if gap > 0 else Pair(one, other, tie=gap == 0))
    return pairs


def ranking_turned(answer: RankingAnswer, letters: Mapping[str, str]) -> RankingAnswer:
    return RankingAnswer.parse({"ranks": {letters[letter]: rank for letter, rank in answer.ranks.items()}})


def ranking_same(answer: RankingAnswer, known: RankingAnswer) -> bool:
    return ranking_text(answer.ranks) == ranking_text(known.ranks)


# ---- one response -----------------------------------------------------------------------------------------------


def likert_rows(answer: LikertAnswer) -> list[Row]:
    return [Row(rating, name) for name, rating in sorted(answer.ratings.items())]


def likert_same(answer: LikertAnswer, known: LikertAnswer) -> bool:
    """Near enough on every dimension that is known: a rating has no exact right value."""
    return all(
        name in answer.ratings and abs(answer.ratings[name] - rating) <= NEAR_STEPS
        for name, rating in known.ratings.items()
    )


def classification_rows(answer: ClassificationAnswer) -> list[Row]:
    return [Row("|".join(sorted(answer.classes)))]


def classification_same(answer: ClassificationAnswer, known: ClassificationAnswer) -> bool:
    return set(answer.classes) == set(known.classes)


def red_team_rows(answer: RedTeamAnswer) -> list[Row]:
    return [
        Row("success" if answer.success else "failure"),
        Row(answer.attack_category, "attack_category"),
        Row(answer.severity, "severity"),
    ]


def red_team_desirable(answer: RedTeamAnswer) -> bool | None:
    return False if answer.success else None


def red_team_same(answer: RedTeamAnswer, known: RedTeamAnswer) -> bool:
    return answer.success == known.success


def all_followed(answer: InstructionFollowingAnswer) -> bool | None:
    verdicts = [verdict for verdict in answer.checks.values() if verdict != "not_applicable"]
    return all(verdict == "yes" for verdict in verdicts) if verdicts else None


def instruction_rows(answer: InstructionFollowingAnswer) -> list[Row]:
    followed = all_followed(answer)
    overall = "not_applicable" if followed is None else "followed" if followed else "violated"
    return [Row(overall), *(Row(verdict, name) for name, verdict in sorted(answer.checks.items()))]


def instruction_same(answer: InstructionFollowingAnswer, known: InstructionFollowingAnswer) -> bool:
    return all(answer.checks.get(name) == verdict for name, verdict in known.checks.items())


def accurate(answer: FactualAccuracyAnswer) -> bool | None:
    verdicts = {claim.verdict for claim in answer.claims}
    if "contradicted" in verdicts:
        return False
    return True if verdicts == {"supported"} else None


def factual_rows(answer: FactualAccuracyAnswer) -> list[Row]:
    right = accurate(answer)
    overall = "undecided" if right is None else "accurate" if right else "inaccurate"
    if not answer.claims:
        overall = "no_claims"
    return [Row(overall), *(Row(claim.verdict, f"{claim.start}-{claim.end}") for claim in answer.claims)]


def factual_same(answer: FactualAccuracyAnswer, known: FactualAccuracyAnswer) -> bool:
    """Every known claim has one that covers half of it or more and has the same verdict; none, where none is known."""
    if not known.claims:
        return not answer.claims

    def found(claim: Any) -> bool:
        return any(
            one.verdict == claim.verdict
            and 2 * (min(one.end, claim.end) - max(one.start, claim.start)) >= claim.end - claim.start
            for one in answer.claims
        )

    return all(found(claim) for claim in known.claims)
