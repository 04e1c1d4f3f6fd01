"""What an answer may look like: one schema a task type.

Letters A, B, C … name an item's responses: in canonical order where an answer is kept, in the order of the screen while
it is given (`meaning.turned` goes from one to the other).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from workbench.records import Record

Choice = Literal["A", "B", "tie", "both_bad"]
Verdict = Literal["supported", "contradicted", "not_enough_evidence", "source_unavailable"]
Letter = Literal["A", "B", "C", "D", "E", "F", "G", "H"]
Text = Annotated[str, Field(max_length=20_000)]
LONGEST_NAME = 200  # of a criterion, a class, a requirement
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
MOST_STEPS = 10  # of a rating


class PairwiseAnswer(Record):
    """Which of two responses is better; `both_bad` only where the guideline allows it.

    `strength` runs from -3 (A far better) over 0 (tie) to 3 (B far better) and must agree with `choice`.
    """

    choice: Choice
    strength: Annotated[int, Field(ge=-3, le=3)] | None = None
    criteria: dict[Name, Choice] = {}

    @model_validator(mode="after")
    def _strength_agrees(self) -> PairwiseAnswer:
        if self.strength is not None:
            side = "A" if self.strength < 0 else "B" if self.strength > 0 else "tie"
            if side != self.choice and not (side == "tie" and self.choice == "both_bad"):
                msg = f"strength {self.strength} means {side}, but choice is {self.choice}"
                raise ValueError(msg)
        return self


class RankingAnswer(Record):
    """A rank for every response, 1 is best; equal numbers are ties."""

    ranks: Annotated[dict[Letter, Annotated[int, Field(ge=1, le=8)]], Field(min_length=2, max_length=8)]


class LikertAnswer(Record):
    """A rating per dimension on the guideline's scale (1 is worst)."""

    ratings: Annotated[dict[Name, Annotated[int, Field(ge=1, le=MOST_STEPS)]], Field(min_length=1)]


class ClassificationAnswer(Record):
    """One class, or several for a multi-label task."""

    classes: Annotated[tuple[Name, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> ClassificationAnswer:
        if len(set(self.classes)) != len(self.classes):
            msg = f"classes must be distinct, got {list(self.classes)}"
            raise ValueError(msg)
        return self


class Turn(Record):
    """One message of an attack."""

    role: Literal["user", "assistant"]
    text: Text


class RedTeamAnswer(Record):
    """An attack log: the turns, what kind of attack, whether it worked, how bad (0 none - 4 severe), what broke."""

    turns: Annotated[tuple[Turn, ...], Field(min_length=1)]
    attack_category: Name
    success: bool
    severity: Annotated[int, Field(ge=0, le=4)]
    broke: Text = ""

    @model_validator(mode="after")
    def _severity_agrees(self) -> RedTeamAnswer:
        if not self.success and self.severity:
            msg = f"severity is 0 when the attack did not succeed, got {self.severity}"
            raise ValueError(msg)
        return self


class InstructionFollowingAnswer(Record):
    """A verdict per requirement of the checklist: followed, violated, or not applicable."""

    checks: Annotated[dict[Name, Literal["yes", "no", "not_applicable"]], Field(min_length=1)]


class Claim(Record):
    """One claim marked in the response, its verdict and the source consulted.

    `start` and `end` count characters (Unicode code points, as Python does) of the response as written.
    """

    NEED_SOURCE: ClassVar[tuple[str, ...]] = ("supported", "contradicted")

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    verdict: Verdict
    source_url: Annotated[str, Field(max_length=2_000, pattern=r"^(https?://\S+)?$")] = ""
    quote: Text = ""

    @model_validator(mode="after")
    def _shape(self) -> Claim:
        if self.end <= self.start:
            msg = f"a claim ends after it starts, got start {self.start}, end {self.end}"
            raise ValueError(msg)
        if self.verdict in self.NEED_SOURCE and not (self.source_url or self.quote):
            msg = f"verdict {self.verdict!r} needs a source_url or a quote"
            raise ValueError(msg)
        return self


class FactualAccuracyAnswer(Record):
    """A verdict claim by claim; empty where the response claims nothing that can be checked."""

    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _apart(self) -> FactualAccuracyAnswer:
        for one, other in pairwise(sorted(self.claims, key=lambda claim: claim.start)):
            if other.start < one.end:
                msg = f"claims may not overlap, got {one.start}-{one.end} and {other.start}-{other.end}"
                raise ValueError(msg)
        return self
