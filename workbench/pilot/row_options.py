"""What may be said of how labels become rows: the options of each task and kind, and their types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, field_validator

from workbench.errors import PilotError
from workbench.exporters import Ties
from workbench.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

Decide = Literal["votes", "model"]
COMPARED = {"pairwise": {"ties", "decide", "posterior"}, "ranking": {"ties", "pairs"}}
_JUDGED = {
    "likert": {"criterion"},
    "classification": {"desirable", "undesirable"},
    "instruction_following": set(),
    "factual_accuracy": set(),
}
# What decides between two responses holds for held-out pairs of the same labels, too.
OF_PAIRS = {"decide", "pairs", "keep_gold", "eval_share", "exclude"}

Finite = Annotated[float, Field(allow_inf_nan=False)]


class RowOptions(Record):
    """Options of `Pilot.rows`, of which only those given count; what each means stands there."""

    ties: Ties = "drop"
    decide: Decide = "votes"
    posterior: StrictBool = False
    pairs: Literal["all", "best_worst"] = "all"
    by_votes: StrictBool | StrictInt = False
    clear: Finite = 0.0
    criterion: str = ""
    threshold: Finite = 0.0
    min_gap: Finite = 0.0
    desirable: tuple[str, ...] = ()
    undesirable: tuple[str, ...] = ()
    withstood: Literal["drop", "wanted"] = "drop"
    keep_gold: StrictBool = False
    eval_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    exclude: tuple[str, ...] = ()

    @field_validator("desirable", "undesirable", "exclude", mode="before")
    @classmethod
    def _is_a_list(cls, given: object) -> object:
        # A single name is a sequence of letters, of which each might be somebody's name.
        if isinstance(given, str):
            raise ValueError(f"this is a list of names: [{given!r}]")  # noqa: TRY004 - pydantic wants a ValueError
        return given


def options_of(task: str, kind: str) -> set[str]:
    """The options that rows of this kind read for this task, all of which change something."""
    if task == "red_team":
        return {"withstood", "eval_share", "exclude"}
    if kind == "policy":
        return {"eval_share"}
    allowed = {"keep_gold", "eval_share", "exclude"}
    if task in COMPARED:
        single = {"clear", *(COMPARED[task] - {"ties", "posterior"})}
        return allowed | (COMPARED[task] | {"by_votes"} if kind in ("dpo", "reward") else single)
    allowed |= _JUDGED[task]
    if kind in ("dpo", "reward"):
        return allowed | {"min_gap"}
    return allowed | ({"threshold"} if task == "likert" else set())


def checked(task: str, kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, of the types they have.

    Raises
    ------
    PilotError
        For one that would change nothing.
    RecordError
        For a value that is none of the option's.
    """
    allowed = options_of(task, kind)
    unknown = sorted(set(options) - allowed)
    if unknown:
        raise PilotError(
            f"{kind} rows of {task} labels have no option {', '.join(unknown)}",
            next_step=f"options are {', '.join(sorted(allowed))}",
        )
    return RowOptions.parse(options).model_dump(exclude_unset=True)
