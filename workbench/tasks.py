"""The seven task types: for each its answer schema, its level of measurement, and what it says about preference.

A new task type is one entry in `TASKS`. Everything else (store, tables, widgets, exporters) reads this module.
Letters A, B, C … name an item's responses in canonical order, whatever order the screen showed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from string import ascii_uppercase
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from workbench import tables
from workbench.errors import RecordError
from workbench.records import Item, Label, Record, canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd

Level = Literal["nominal", "ordinal", "interval", "ratio"]
Choice = Literal["A", "B", "tie", "both_bad"]
Letter = Literal["A", "B", "C", "D", "E", "F", "G", "H"]
Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


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

    ratings: Annotated[dict[Name, Annotated[int, Field(ge=1, le=10)]], Field(min_length=1)]


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
    """One claim marked in the response (character offsets), its verdict and the source consulted."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    verdict: Literal["supported", "contradicted", "not_enough_evidence", "source_unavailable"]
    source_url: Annotated[str, Field(max_length=2_000)] = ""
    quote: Text = ""

    @model_validator(mode="after")
    def _shape(self) -> Claim:
        if self.end <= self.start:
            msg = f"a claim ends after it starts, got start {self.start}, end {self.end}"
            raise ValueError(msg)
        if self.verdict in ("supported", "contradicted") and not (self.source_url or self.quote):
            msg = f"verdict {self.verdict!r} needs a source_url or a quote"
            raise ValueError(msg)
        return self


class FactualAccuracyAnswer(Record):
    """A verdict claim by claim."""

    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]


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


@dataclass(frozen=True)
class Task:
    """All the workbench knows about one task type.

    Attributes
    ----------
    answer
        The answer's schema (a pydantic model; `answer.model_json_schema()` is what a platform is sent).
    level
        Level of measurement of the label, which decides the distance an agreement coefficient uses.
    n_responses
        Smallest and largest number of responses of an item.
    rows
        Answer -> label-table rows, overall question first.
    pairs
        Answer -> the preferences it implies between responses of the same item.
    desirable
        Answer -> whether the single response is wanted (for unpaired training data), None where it does not say.
    """

    name: str
    title: str
    answer: type[Record]
    level: Level
    n_responses: tuple[int, int]
    rows: Callable[[Any], list[Row]]
    pairs: Callable[[Any], list[Pair]]
    desirable: Callable[[Any], bool | None]


def _no_pairs(_: Any) -> list[Pair]:
    return []


def _says_nothing(_: Any) -> bool | None:
    return None


def _pairwise_rows(answer: PairwiseAnswer) -> list[Row]:
    return [
        Row(answer.choice, strength=answer.strength),
        *(Row(choice, criterion) for criterion, choice in sorted(answer.criteria.items())),
    ]


def _pairwise_pairs(answer: PairwiseAnswer) -> list[Pair]:
    if answer.choice in ("tie", "both_bad"):
        return [Pair("A", "B", tie=True)]
    return [Pair("A", "B") if answer.choice == "A" else Pair("B", "A")]


def ranking_text(ranks: Mapping[str, int]) -> str:
    """Canonical text of a ranking, for example `B>A=C`: best first, ties by letter."""
    levels = sorted(set(ranks.values()))
    return ">".join("=".join(sorted(letter for letter in ranks if ranks[letter] == level)) for level in levels)


def _ranking_pairs(answer: RankingAnswer) -> list[Pair]:
    pairs = []
    for one, other in combinations(sorted(answer.ranks), 2):
        gap = answer.ranks[one] - answer.ranks[other]
        pairs.append(Pair(other, one) if gap > 0 else Pair(one, other, tie=gap == 0))
    return pairs


def _red_team_rows(answer: RedTeamAnswer) -> list[Row]:
    return [
        Row("success" if answer.success else "failure"),
        Row(answer.attack_category, "attack_category"),
        Row(answer.severity, "severity"),
    ]


def _all_followed(answer: InstructionFollowingAnswer) -> bool | None:
    verdicts = [verdict for verdict in answer.checks.values() if verdict != "not_applicable"]
    return all(verdict == "yes" for verdict in verdicts) if verdicts else None


def _instruction_rows(answer: InstructionFollowingAnswer) -> list[Row]:
    followed = _all_followed(answer)
    overall = "not_applicable" if followed is None else "followed" if followed else "violated"
    return [Row(overall), *(Row(verdict, name) for name, verdict in sorted(answer.checks.items()))]


def _accurate(answer: FactualAccuracyAnswer) -> bool | None:
    verdicts = {claim.verdict for claim in answer.claims}
    if "contradicted" in verdicts:
        return False
    return True if verdicts == {"supported"} else None


def _factual_rows(answer: FactualAccuracyAnswer) -> list[Row]:
    accurate = _accurate(answer)
    overall = "undecided" if accurate is None else "accurate" if accurate else "inaccurate"
    return [Row(overall), *(Row(claim.verdict, f"{claim.start}-{claim.end}") for claim in answer.claims)]


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            "pairwise",
            "Which response is better?",
            PairwiseAnswer,
            "nominal",
            (2, 2),
            _pairwise_rows,
            _pairwise_pairs,
            _says_nothing,
        ),
        Task(
            "ranking",
            "Rank the responses, best first",
            RankingAnswer,
            "nominal",
            (2, 8),
            lambda answer: [Row(ranking_text(answer.ranks))],
            _ranking_pairs,
            _says_nothing,
        ),
        Task(
            "likert",
            "Rate the response",
            LikertAnswer,
            "ordinal",
            (1, 1),
            lambda answer: [Row(rating, name) for name, rating in sorted(answer.ratings.items())],
            _no_pairs,
            _says_nothing,
        ),
        Task(
            "classification",
            "Which class fits the response?",
            ClassificationAnswer,
            "nominal",
            (1, 1),
            lambda answer: [Row("|".join(sorted(answer.classes)))],
            _no_pairs,
            _says_nothing,
        ),
        Task(
            "red_team",
            "Try to make the model fail",
            RedTeamAnswer,
            "nominal",
            (0, 1),
            _red_team_rows,
            _no_pairs,
            lambda answer: False if answer.success else None,
        ),
        Task(
            "instruction_following",
            "Was each instruction followed?",
            InstructionFollowingAnswer,
            "nominal",
            (1, 1),
            _instruction_rows,
            _no_pairs,
            _all_followed,
        ),
        Task(
            "factual_accuracy",
            "Is each claim true?",
            FactualAccuracyAnswer,
            "nominal",
            (1, 1),
            _factual_rows,
            _no_pairs,
            _accurate,
        ),
    )
}


def task(name: str) -> Task:
    """The task type of this name, or `RecordError` naming the seven there are."""
    try:
        return TASKS[name]
    except KeyError:
        raise RecordError(f"no task type {name!r}; allowed are {sorted(TASKS)}") from None


def parse_answer(name: str, answer: Mapping[str, Any]) -> Record:
    """Validate an answer against its task's schema; raises `RecordError` with field, value and what is allowed."""
    return task(name).answer.parse(answer)


def check_item(item: Item) -> Item:
    """Raise `RecordError` unless the item has as many responses as its task judges and its gold answer is valid."""
    low, high = task(item.task).n_responses
    if not low <= len(item.responses) <= high:
        raise RecordError(
            f"a {item.task} item has {low} to {high} responses, got {len(item.responses)}", where=f"item {item.id}"
        )
    if item.gold is not None:
        parse_answer(item.task, item.gold.answer)
    return item


def check_label(label: Label) -> Record:
    """Validate a label's answer against its task and its responses; returns the parsed answer."""
    answer = parse_answer(label.task, label.answer)
    if isinstance(answer, RankingAnswer):
        expected = list(ascii_uppercase[: len(label.responses)])
        if sorted(answer.ranks) != expected:
            raise RecordError(
                f"ranks: every response needs one, expected {expected}, got {sorted(answer.ranks)}",
                where=f"label {label.label_id}",
            )
    low, high = task(label.task).n_responses
    if not low <= len(label.responses) <= high:
        raise RecordError(
            f"responses: a {label.task} label judges {low} to {high}, got {len(label.responses)}",
            where=f"label {label.label_id}",
        )
    return answer


def label_table(labels: Iterable[Label]) -> pd.DataFrame:
    """Labels as the label table (`tables.LABELS`): one row a label and criterion, in the order given."""
    rows: list[dict[str, Any]] = []
    for label in labels:
        answer = check_label(label)
        letter = dict(zip(label.responses, ascii_uppercase, strict=False))
        shown = [letter[response] for response in label.order]
        context = {
            **label.model_dump(exclude={"answer", "responses", "order", "clauses", "flags"}),
            "answer": canonical_json(label.answer),
            "responses": canonical_json(label.responses),
            "order": canonical_json(label.order),
            "clauses": canonical_json(label.clauses),
            "flags": canonical_json(label.flags),
            "left": shown[0] if len(shown) == 2 else "",
            "right": shown[1] if len(shown) == 2 else "",
        }
        rows.extend(
            {**context, "label": row.label, "criterion": row.criterion, "strength": row.strength}
            for row in task(label.task).rows(answer)
        )
    return tables.frame(rows)


def item_table(items: Iterable[Item]) -> pd.DataFrame:
    """Items as the item table (`tables.ITEMS`): one row an item; texts of the first two responses."""
    rows = []
    for item in items:
        first, second = (*item.responses, None, None)[:2]
        rows.append(
            {
                "item": item.id,
                "prompt_id": item.prompt_id,
                "task": item.task,
                "category": item.category,
                "split": item.split,
                "prompt": item.prompt,
                "response_a": first.text if first else "",
                "response_b": second.text if second else "",
                "model_a": first.model if first else "",
                "model_b": second.model if second else "",
                "n_responses": len(item.responses),
                "has_gold": item.gold is not None,
            }
        )
    return tables.frame(rows, tables.ITEMS)
