"""Frozen records: the nouns of the workbench.

Records are what is stored, exported and passed between islands. They are immutable; a change is a new record
(`record.model_copy(update=...)`), and a correction of something stored is a new event that `supersedes` the old one.
A record that does not fit is refused with the field, the value and what is allowed (`RecordError`).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from workbench.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

TaskName = Literal[
    "pairwise", "ranking", "likert", "classification", "red_team", "instruction_following", "factual_accuracy"
]
Source = Literal["human", "model", "simulated"]
Split = Literal["train", "eval", "test"]
Cause = Literal[
    "ambiguous_item", "guideline_gap", "guideline_conflict", "annotator_error", "edge_case", "true_preference"
]

# What an item can be marked as and why it can be passed over, unless the guideline lists its own.
FLAGS = ("off topic", "hard to decide", "harmful", "guideline unclear")
# Put on an answer that was changed after the machine's verdicts had been seen.
SAW_CHECKS = "saw machine checks"
SKIP_REASONS = ("I do not understand it", "It is broken or empty", "I would rather not read this")

# Ids travel into file names, DOM attributes and SQL keys, so their alphabet is small on purpose.
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,127}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8, no NaN. The same value gives the same bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def content_id(prefix: str, *parts: object) -> str:
    """An id that is a hash of the content, so the same thing gets the same id on every machine.

    >>> content_id("p", "Write a haiku.")
    'p_f4b6ccc7c5d64b25'
    """
    return f"{prefix}_{hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]}"


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields, errors in the workbench's words."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    if not TYPE_CHECKING:  # the type checker keeps seeing the generated, typed constructor

        def __init__(self, **data: Any) -> None:
            try:
                super().__init__(**data)
            except ValidationError as error:
                raise _record_error(type(self).__name__, error) from None

        # Without this mark pydantic would call the constructor for nested records too and wrap their errors twice.
        __init__.__pydantic_base_init__ = True

    @model_validator(mode="after")
    def _is_unicode(self) -> Self:
        # Python strings may hold lone surrogates, which no file, database or browser takes.
        try:
            self.__pydantic_serializer__.to_json(self)
            for value in self.__dict__.values():  # whose keys the serializer would replace in silence
                if isinstance(value, dict):
                    "".join(value).encode()
        except (UnicodeEncodeError, ValueError):
            msg = "a text holds characters that are not valid Unicode (lone surrogates)"
            raise ValueError(msg) from None
        return self

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Build the record from untrusted data, or raise `RecordError` naming field, value and what is allowed."""
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise _record_error(cls.__name__, error) from None

    def canonical(self) -> str:
        """Canonical JSON of the record (see `canonical_json`)."""
        return canonical_json(self.model_dump(mode="json"))


def _record_error(name: str, error: ValidationError) -> RecordError:
    problems = []
    for detail in error.errors(include_url=False)[:5]:
        field = ".".join(str(part) for part in detail["loc"]) or "(record)"
        # A missing field has the whole record as its input, and a record may hold text nobody wants in a log.
        given = "" if detail["type"] == "missing" else f", got {_short(detail['input'])}"
        problems.append(f"{field}: {detail['msg']}{given}")
    more = len(error.errors()) - len(problems)
    if more > 0:
        problems.append(f"and {more} more")
    return RecordError(f"{name} refused: " + "; ".join(problems))


def _short(value: object, limit: int = 80) -> str:
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested thousands deep, or a number of thousands of digits
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Response(Record):
    """One response to a prompt, with where it came from.

    `params` are the sampling parameters; `model_sha256` is the hash of the weights that produced the text.
    """

    id: Id
    text: str
    model: str = ""
    model_sha256: Sha256 | None = None
    params: dict[str, JsonValue] = {}
    seed: int | None = None


class Constraint(Record):
    """One machine-checkable requirement of a prompt; `workbench.verifiers` holds the kinds and their parameters."""

    id: Id
    kind: str
    params: dict[str, JsonValue] = {}


class Gold(Record):
    """A known answer and how it is known. `by` says who vouches: a verifier, or a panel of people."""

    answer: dict[str, JsonValue]
    by: Literal["verifier", "panel"]
    explanation: str = ""
    clause: str = ""


class Item(Record):
    """One thing to judge: a prompt and 0-8 responses in canonical order (A, B, C …).

    Red teaming starts from an empty item (no response yet); every other task has at least one.
    """

    id: Id
    prompt_id: Id
    task: TaskName
    prompt: str
    responses: Annotated[tuple[Response, ...], Field(max_length=8)] = ()
    category: str = ""
    constraints: tuple[Constraint, ...] = ()
    gold: Gold | None = None
    split: Split = "train"

    @model_validator(mode="after")
    def _responses_are_distinct(self) -> Self:
        ids = [response.id for response in self.responses]
        if len(set(ids)) != len(ids):
            msg = f"responses must have distinct ids, got {ids}"
            raise ValueError(msg)
        return self


class Prompt(Record):
    """A prompt before any model has answered it. Rows are counted and spread by `category`; empty is one too."""

    id: Id
    prompt: str
    category: str = ""
    constraints: tuple[Constraint, ...] = ()
    split: Split = "train"


class Annotator(Record):
    """Who judges. `attributes` are optional, used for pool audits only, and never exported by default."""

    id: Id
    source: Source
    pool: str = ""
    attributes: dict[str, str] = {}


class Assignment(Record):
    """One judgment that is asked of one annotator: which item, shown in which order, at which position."""

    id: Id
    pilot: Id
    batch: Id
    round: Annotated[int, Field(ge=0)] = 0
    item: Id
    annotator: Id
    order: tuple[Id, ...]
    position: Annotated[int, Field(ge=0)]
    is_gold: bool = False
    is_repeat: bool = False


class Label(Record):
    """One judgment, as given. `answer` is checked against the task's schema by `workbench.tasks`.

    `reason` says why the answer is what it is; `comment` is a word about the item to whoever runs the pilot.
    `responses` is the canonical order and `order` the order on the screen, so position bias is always computable.
    `submitted_at` is the server's clock (None where an imported source recorded no time); `duration_s` seconds
    measured by the browser.
    """

    label_id: Id
    pilot: Id
    batch: Id
    round: Annotated[int, Field(ge=0)] = 0
    item: Id
    prompt_id: Id
    task: TaskName
    annotator: Id
    source: Source
    pool: str = ""
    answer: dict[str, JsonValue]
    responses: tuple[Id, ...]
    order: tuple[Id, ...]
    position: Annotated[int, Field(ge=0)] | None = None
    is_gold: bool = False
    is_repeat: bool = False
    reason: str = ""
    comment: str = ""
    clauses: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    submitted_at: AwareDatetime | None = None
    guideline: str
    guideline_sha256: Sha256
    supersedes: Id | None = None

    @model_validator(mode="after")
    def _order_shows_the_responses(self) -> Self:
        if sorted(self.order) != sorted(self.responses):
            msg = f"order must show exactly the responses {list(self.responses)}, got {list(self.order)}"
            raise ValueError(msg)
        return self


class Skip(Record):
    """An annotator's decision not to judge an item, with the reason. The label table does not hold it."""

    skip_id: Id
    pilot: Id
    batch: Id
    round: Annotated[int, Field(ge=0)] = 0
    item: Id
    annotator: Id
    source: Source
    position: Annotated[int, Field(ge=0)]
    is_repeat: bool = False
    reason: str
    submitted_at: AwareDatetime
    guideline: str
    guideline_sha256: Sha256


class Practice(Record):
    """One answer of a calibration: a gold item, judged before live work and answered with feedback.

    `attempt` counts from 1. Kept apart from labels, because feedback has been given on it.
    """

    practice_id: Id
    pilot: Id
    item: Id
    task: TaskName
    annotator: Id
    source: Source
    attempt: Annotated[int, Field(ge=1)]
    position: Annotated[int, Field(ge=0)]
    answer: dict[str, JsonValue]
    order: tuple[Id, ...]
    correct: bool
    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    submitted_at: AwareDatetime
    guideline: str
    guideline_sha256: Sha256


class Exchange(Record):
    """One message to a model under attack and what it replied, kept as it happened.

    `number` counts an item's exchanges from 0. A red-team label's turns are these, so nobody can make replies up.
    """

    exchange_id: Id
    pilot: Id
    batch: Id
    item: Id
    annotator: Id
    source: Source
    number: Annotated[int, Field(ge=0)]
    message: str
    reply: str
    model: str
    model_sha256: Sha256 | None = None
    params: dict[str, JsonValue] = {}
    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    submitted_at: AwareDatetime


class Adjudication(Record):
    """A decision on a disputed item. The annotators' own labels stay untouched beside it."""

    adjudication_id: Id
    pilot: Id
    item: Id
    answer: dict[str, JsonValue]
    cause: Cause
    clause: str = ""
    reason: str = ""
    annotator: Id
    source: Source
    submitted_at: AwareDatetime | None = None
    guideline: str
    guideline_sha256: Sha256
    supersedes: Id | None = None


class Quarantined(Record):
    """A row that could not be read, kept aside with the reason so it can be replayed after a fix."""

    sha256: Sha256
    pilot: Id
    raw: str
    error: str
    origin: str
    line: int
    parser: str


class Clause(Record):
    """One rule of a guideline, addressable by id in a label's `clauses`."""

    id: Id
    title: str
    text: str


class EdgeCase(Record):
    """A worked example: the case, the right answer and why, citing a clause."""

    id: Id
    title: str
    text: str
    answer: str
    clause: str


class Calibration(Record):
    """The practice before live work: `n` gold items with feedback, and what passes.

    Passed when at least `min_correct` of the `n` are right and at most `max_mistakes` wrong; `attempts` in all.
    """

    n: Annotated[int, Field(ge=1, le=100)]
    min_correct: Annotated[int, Field(ge=0)]
    max_mistakes: Annotated[int, Field(ge=0)]
    attempts: Annotated[int, Field(ge=1, le=20)] = 2

    @model_validator(mode="after")
    def _can_be_passed(self) -> Self:
        if self.min_correct > self.n:
            msg = f"min_correct {self.min_correct} is more than the {self.n} items there are"
            raise ValueError(msg)
        return self


class Guideline(Record):
    """One version of the instructions annotators work under; `sha256` is of the whole file's text.

    Attributes
    ----------
    criteria
        What is judged: criteria of a comparison, dimensions of a rating, requirements where an item has none.
    scale
        The answers there are: choices, steps from the lowest, classes, attack categories.
    anchors
        What a step of a dimension (all of them, in order), a criterion, a class or a category (one) means.
    ask
        What is asked beside the answer itself: a `strength`, a choice for each of the `criteria`, a `reason`.
    multi_label
        Whether an item may have several classes.
    machine_checks
        Whether annotators see what the verifiers found, after they have answered.
    gold_feedback
        Whether gold is revealed during live work, after the answer. Practice always reveals it.
    calibration
        The practice before live work, where there is one.
    flags, skip_reasons
        What an item can be marked as, and why it can be passed over.
    """

    name: Id
    version: Annotated[str, StringConstraints(pattern=r"^v[1-9][0-9]*$")]
    task: TaskName
    criteria: tuple[str, ...]
    scale: tuple[str, ...]
    tie_rule: str
    allow_both_bad: bool = False
    anchors: dict[str, tuple[str, ...]] = {}
    ask: tuple[Literal["strength", "criteria", "reason"], ...] = ()
    multi_label: bool = False
    machine_checks: Literal["hidden", "after"] = "hidden"
    gold_feedback: Literal["never", "live"] = "never"
    calibration: Calibration | None = None
    flags: tuple[str, ...] = FLAGS
    skip_reasons: tuple[str, ...] = SKIP_REASONS
    author: str
    date: str
    parent: str | None = None
    motivated_by: tuple[str, ...] = ()
    clauses: tuple[Clause, ...]
    edge_cases: tuple[EdgeCase, ...]
    text: str
    sha256: Sha256

    @property
    def ref(self) -> str:
        """`name/version`, as written on every label."""
        return f"{self.name}/{self.version}"
