"""The seven task types, each one entry in `TASKS`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import RecordError
from workbench.tasks import answers, forms, meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workbench.records import Guideline, Item, Record
    from workbench.tasks.meaning import Pair, Row

Level = Literal["nominal", "ordinal", "interval", "ratio"]


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
    turned
        Answer and a map of letters -> the same answer with its responses named by the other letters.
    same
        Answer and a known answer -> whether it counts as right.
    form
        Guideline -> what is asked and what may be answered, as plain data for a page or a platform; `RecordError` for
        a guideline that leaves nothing to choose.
    problem
        Answer, guideline and item -> what in the answer the guideline does not provide for; empty where nothing.
    """

    name: str
    title: str
    answer: type[Record]
    level: Level
    n_responses: tuple[int, int]
    rows: Callable[[Any], list[Row]]
    pairs: Callable[[Any], list[Pair]]
    desirable: Callable[[Any], bool | None]
    turned: Callable[[Any, Mapping[str, str]], Any]
    same: Callable[[Any, Any], bool]
    form: Callable[[Guideline], dict[str, Any]]
    problem: Callable[[Any, Guideline, Item], str]


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="pairwise",
            title="Which response is better?",
            answer=answers.PairwiseAnswer,
            level="nominal",
            n_responses=(2, 2),
            rows=meaning.pairwise_rows,
            pairs=meaning.pairwise_pairs,
            desirable=meaning.says_nothing,
            turned=meaning.pairwise_turned,
            same=meaning.pairwise_same,
            form=forms.pairwise,
            problem=forms.pairwise_problem,
        ),
        Task(
            name="ranking",
            title="Rank the responses, best first",
            answer=answers.RankingAnswer,
            level="nominal",
            n_responses=(2, 8),
            rows=meaning.ranking_rows,
            pairs=meaning.ranking_pairs,
            desirable=meaning.says_nothing,
            turned=meaning.ranking_turned,
            same=meaning.ranking_same,
            form=forms.ranking,
            problem=forms.no_problem,
        ),
        Task(
            name="likert",
            title="Rate the response",
            answer=answers.LikertAnswer,
            level="ordinal",
            n_responses=(1, 1),
            rows=meaning.likert_rows,
            pairs=meaning.no_pairs,
            desirable=meaning.says_nothing,
            turned=meaning.unturned,
            same=meaning.likert_same,
            form=forms.likert,
            problem=forms.likert_problem,
        ),
        Task(
            name="classification",
            title="Which class fits the response?",
            answer=answers.ClassificationAnswer,
            level="nominal",
            n_responses=(1, 1),
            rows=meaning.classification_rows,
            pairs=meaning.no_pairs,
            desirable=meaning.says_nothing,
            turned=meaning.unturned,
            same=meaning.classification_same,
            form=forms.classification,
            problem=forms.classification_problem,
        ),
        Task(
            name="red_team",
            title="Try to make the model fail",
            answer=answers.RedTeamAnswer,
            level="nominal",
            n_responses=(0, 1),
            rows=meaning.red_team_rows,
            pairs=meaning.no_pairs,
            desirable=meaning.red_team_desirable,
            turned=meaning.unturned,
            same=meaning.red_team_same,
            form=forms.red_team,
            problem=forms.red_team_problem,
        ),
        Task(
            name="instruction_following",
            title="Was each instruction followed?",
            answer=answers.InstructionFollowingAnswer,
            level="nominal",
            n_responses=(1, 1),
            rows=meaning.instruction_rows,
            pairs=meaning.no_pairs,
            desirable=meaning.all_followed,
            turned=meaning.unturned,
            same=meaning.instruction_same,
            form=forms.instruction_following,
            problem=forms.instruction_problem,
        ),
        Task(
            name="factual_accuracy",
            title="Is each claim true?",
            answer=answers.FactualAccuracyAnswer,
            level="nominal",
            n_responses=(1, 1),
            rows=meaning.factual_rows,
            pairs=meaning.no_pairs,
            desirable=meaning.accurate,
            turned=meaning.unturned,
            same=meaning.factual_same,
            form=forms.factual_accuracy,
            problem=forms.factual_problem,
        ),
    )
}


def task(name: str) -> Task:
    """The task type of this name, or `RecordError` naming the seven there are."""
    try:
        return TASKS[name]
    except KeyError:
        raise RecordError(f"no task type {name!r}; allowed are {sorted(TASKS)}") from None
