"""What a browser may send. The page can be changed by its reader, so nothing in a message is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from workbench.errors import RecordError
from workbench.records import Record, Sha256
from workbench.safe_html import well_formed

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Key = Annotated[str, StringConstraints(pattern=r"^q_[0-9a-f]{16}$")]
Text = Annotated[str, Field(max_length=20_000)]


class Hello(Record):
    """A page has opened, or has heard nothing for long."""

    type: Literal["hello"]


class Here(Record):
    """A page is open and looked at: what was handed to it stays its own."""

    type: Literal["here"]


class Fetch(Record):
    """The texts of these questions are wanted."""

    type: Literal["fetch"]
    questions: Annotated[tuple[Key, ...], Field(max_length=100)]


class More(Record):
    """Further questions are wanted, where they are handed out one by one."""

    type: Literal["more"]


class Begin(Record):
    """Go on from practice: to live work, or to the next attempt."""

    type: Literal["begin"]


class Answer(Record):
    """A judgment; `answer` is in the task's schema, with responses named as the screen shows them.

    `guideline` is the sha256 of the version that was beside the item, which may be an earlier one than is in use now.
    """

    type: Literal["answer"]
    uuid: Uuid
    question: Key
    guideline: Sha256
    answer: dict[str, JsonValue]
    reason: Text = ""
    comment: Text = ""
    clauses: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    flags: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Skip(Record):
    """The item is passed over; `guideline` as for an answer."""

    type: Literal["skip"]
    uuid: Uuid
    question: Key
    guideline: Sha256
    reason: Annotated[str, Field(min_length=1, max_length=2_000)]


class Say(Record):
    """A message to the model under attack."""

    type: Literal["say"]
    uuid: Uuid
    question: Key
    text: Annotated[str, Field(min_length=1, max_length=20_000)]


Message = Hello | Here | Fetch | More | Begin | Answer | Skip | Say
_KINDS: dict[str, type[Message]] = {
    "hello": Hello,
    "here": Here,
    "fetch": Fetch,
    "more": More,
    "begin": Begin,
    "answer": Answer,
    "skip": Skip,
    "say": Say,
}


def read(content: object) -> Message:
    """The message, or `RecordError` naming what is wrong with it."""
    kind = content.get("type") if isinstance(content, Mapping) else None
    if not isinstance(content, Mapping) or not isinstance(kind, str) or kind not in _KINDS:
        shown = repr(kind[:40]) if isinstance(kind, str) else f"of {type(kind).__name__}"
        raise RecordError(f"no message type {shown}; allowed are {sorted(_KINDS)}")
    return _KINDS[kind].parse(content)


def uuid_of(content: object) -> str:
    """The id a reply to a message names, however wrong the message is."""
    uuid = content.get("uuid") if isinstance(content, Mapping) else None
    return well_formed(uuid[:64]) if isinstance(uuid, str) else ""
