"""Label a queue of items in a notebook: one key per judgment, saved only when the callback says so.

Python sends every question once and then only answers messages; `annotate.js` keeps each answer in an outbox until
Python has acknowledged it. What the browser is sent holds the texts and nothing else: no model name, no item id, no
category, no gold or repeat mark. It answers in screen sides, which are turned into canonical letters here.

Messages from the browser

    {"type": "hello"}
    {"type": "answer", "uuid", "question", "choice": left | right | tie | both_bad, "reason", "clauses", "duration_s"}

and to it

    {"type": "state", "answers": {question: {"uuid", "choice", "reason", "clauses"}}}
    {"type": "ack", "uuid", "question", "answer"}            the label is committed
    {"type": "refused", "uuid", "message", "final"}          it is not; `final` if sending it again cannot help
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anywidget
import traitlets
from pydantic import Field, StringConstraints

from workbench.errors import PlanError, RecordError, WorkbenchError
from workbench.records import Annotator, Assignment, Guideline, Item, Label, Record, content_id
from workbench.safe_html import escape, render, well_formed
from workbench.tasks import check_item, check_label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Side = Literal["left", "right", "tie", "both_bad"]

# What each action answers to; the names are those of KeyboardEvent.key.
KEYS: dict[str, tuple[str, ...]] = {
    "left": ("ArrowLeft", "a", "1"),
    "right": ("ArrowRight", "b", "2"),
    "tie": ("t", "0"),
    "both_bad": ("x",),
    "undo": ("u",),
    "skip": ("s",),
    "reason": ("r",),
    "clauses": ("c",),
    "guideline": ("g",),
    "raw": ("m",),
    "down": ("j",),
    "up": ("k",),
}
_log = logging.getLogger(__name__)


class Sent(Record):
    """An answer as the browser sends it. The page can be changed by its reader, so nothing in it is trusted."""

    type: Literal["answer"]
    uuid: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    question: str
    choice: Side
    reason: Annotated[str, Field(max_length=20_000)] = ""
    clauses: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    duration_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


@dataclass(frozen=True)
class Question:
    """One assignment with its item: what is asked, in the order it is shown."""

    assignment: Assignment
    item: Item

    @property
    def key(self) -> str:
        """A name that is the same in every session and says nothing about the item."""
        return content_id("q", self.assignment.pilot, self.assignment.batch, self.assignment.id)

    def for_browser(self) -> dict[str, Any]:
        """Everything the browser gets to know about this question."""
        place = f"item {self.item.id}"
        texts = {response.id: response.text for response in self.item.responses}
        return {
            "key": self.key,
            "prompt": _shown(self.item.prompt, f"{place}, prompt"),
            "responses": [_shown(texts[one], f"{place}, response {one}") for one in self.assignment.order],
        }

    def choice(self, side: Side) -> str:
        """The canonical answer (A, B, tie, both_bad) that a choice on the screen means."""
        if side in ("tie", "both_bad"):
            return side
        chosen = self.assignment.order[0 if side == "left" else 1]
        return "A" if chosen == self.item.responses[0].id else "B"

    def side(self, choice: object) -> Side:
        """Where on the screen a canonical answer stands: the inverse of `choice`."""
        return next(side for side in ("left", "right", "tie", "both_bad") if self.choice(side) == choice)

    def label(self, sent: Sent, annotator: Annotator, guideline: Guideline, supersedes: str | None) -> Label:
        """The judgment as a record, stamped by this machine's clock."""
        assignment = self.assignment
        return Label(
            label_id=sent.uuid,
            pilot=assignment.pilot,
            batch=assignment.batch,
            round=assignment.round,
            item=assignment.item,
            prompt_id=self.item.prompt_id,
            task=self.item.task,
            annotator=annotator.id,
            source=annotator.source,
            pool=annotator.pool,
            answer={"choice": self.choice(sent.choice)},
            responses=tuple(response.id for response in self.item.responses),
            order=assignment.order,
            position=assignment.position,
            is_gold=assignment.is_gold,
            is_repeat=assignment.is_repeat,
            reason=sent.reason,
            clauses=sent.clauses,
            duration_s=sent.duration_s,
            submitted_at=datetime.now(UTC),
            guideline=guideline.ref,
            guideline_sha256=guideline.sha256,
            supersedes=supersedes,
        )


class AnnotateWidget(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget is not followed by mypy
    """The labelling widget; made by `annotate`. It knows neither store nor statistics.

    Messages may arrive on another thread than the one that runs the cells, so everything below happens under one
    lock and `submit` must be safe to call from any thread.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = Path(__file__).with_suffix(".css")
    questions = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    # Read when a page asks for it (first display, reload), never pushed: a push a label would send them all each time.
    answers = traitlets.Dict().tag(sync=True, to_json=lambda _, widget: widget.state())

    def __init__(
        self,
        questions: Sequence[Question],
        *,
        annotator: Annotator,
        guideline: Guideline,
        submit: Callable[[Label], object],
        answered: Sequence[Label] = (),
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self._lock = Lock()
        self._questions = {question.key: question for question in questions}
        self._annotator = annotator
        self._guideline = guideline
        self._submit = submit
        self._known: dict[str, str] = {}  # label id -> question
        self._unsaved: dict[str, Label] = {}  # label id -> what the callback has refused so far
        self._current: dict[str, Label] = {}  # question -> the label that counts
        self._resume(answered)
        first = questions[0].assignment
        super().__init__(
            questions=[question.for_browser() for question in questions],
            settings={
                "storage": f"workbench:annotate:{first.pilot}/{first.batch}/{annotator.id}",
                "pilot": first.pilot,
                "batch": first.batch,
                "annotator": annotator.id,
                "keys": {action: list(names) for action, names in _keys(keys or {}).items()},
                "guideline": _guideline_for_browser(guideline),
            },
        )
        self.on_msg(lambda _widget, content, _buffers: self._handle(content))

    def _resume(self, answered: Sequence[Label]) -> None:
        places = {
            (q.assignment.round, q.assignment.item, q.assignment.position): key for key, q in self._questions.items()
        }
        first = next(iter(self._questions.values())).assignment
        corrected = {label.supersedes for label in answered}
        for label in answered:
            key = places.get((label.round, label.item, label.position if label.position is not None else -1))
            same = (label.pilot, label.batch, label.annotator) == (first.pilot, first.batch, first.annotator)
            if key is not None and same:
                self._known[label.label_id] = key
                if label.label_id not in corrected:
                    self._current[key] = label

    @property
    def n_saved(self) -> int:
        """How many questions have a label that the callback has taken."""
        return len(self._current)

    @property
    def n_total(self) -> int:
        """How many questions there are."""
        return len(self._questions)

    def state(self) -> dict[str, dict[str, Any]]:
        """The labels that count, by question, as the browser knows them."""
        with self._lock:
            return {key: self._as_seen(key) for key in self._questions if key in self._current}

    def _as_seen(self, key: str) -> dict[str, Any]:
        label = self._current[key]
        return {
            "uuid": label.label_id,
            "choice": self._questions[key].side(label.answer["choice"]),
            "reason": label.reason,
            "clauses": list(label.clauses),
        }

    def _handle(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one message of the browser, and return the reply that was sent."""
        if content.get("type") == "hello":
            reply: dict[str, Any] = {"type": "state", "answers": self.state()}
        else:
            reply = self._answer(content)
        self.send(reply)
        return reply

    def _answer(self, content: Mapping[str, Any]) -> dict[str, Any]:
        uuid = str(content.get("uuid", ""))[:64]
        try:
            sent = Sent.parse(content)
            with self._lock:
                if sent.uuid not in self._known:
                    # Sent again after a failure it is the same record, so a callback that failed late can tell.
                    label = self._unsaved.get(sent.uuid) or self._label(sent)
                    self._unsaved[sent.uuid] = label
                    if (trouble := self._commit(label)) is not None:
                        return {"type": "refused", "uuid": uuid, "message": trouble, "final": False}
                    del self._unsaved[sent.uuid]
                    self._known[label.label_id] = sent.question
                    self._current[sent.question] = label
                key = self._known[sent.uuid]
                return {"type": "ack", "uuid": sent.uuid, "question": key, "answer": self._as_seen(key)}
        except RecordError as error:  # the answer itself is wrong; sending it again changes nothing
            return {"type": "refused", "uuid": uuid, "message": _one_line(error), "final": True}

    def _commit(self, label: Label) -> str | None:
        """Hand the label over; what went wrong in one line, None once it is committed."""
        try:
            self._submit(label)
        except Exception as error:  # noqa: BLE001 - whatever the callback raises, the annotator must see NOT SAVED
            if not isinstance(error, WorkbenchError):
                _log.exception("a label could not be saved")
            return _one_line(error)
        return None

    def _label(self, sent: Sent) -> Label:
        """The label an answer becomes. A second answer to a question is kept as a correction of the first."""
        question = self._questions.get(sent.question)
        if question is None:
            raise RecordError("this answer is to a question that is not in this queue", where="another batch or pilot?")
        if sent.choice == "both_bad" and not self._guideline.allow_both_bad:
            raise RecordError(f"guideline {self._guideline.ref} has no 'both bad'", next_step="undo and choose again")
        unknown = sorted(set(sent.clauses) - {clause.id for clause in self._guideline.clauses})
        if unknown:
            raise RecordError(f"guideline {self._guideline.ref} has no clause {unknown}")
        before = self._current.get(question.key)
        label = question.label(sent, self._annotator, self._guideline, before.label_id if before else None)
        check_label(label)
        return label

    def __repr__(self) -> str:
        first = next(iter(self._questions.values())).assignment
        return (
            f"{self.n_saved} of {self.n_total} labels saved in batch {first.batch} of pilot {first.pilot}"
            f" by annotator {self._annotator.id} ({self._annotator.source}), guideline {self._guideline.ref}"
        )

    def _static_html(self) -> str:
        """What a page without a kernel shows: plain, and without any of the items."""
        first = next(iter(self._questions.values())).assignment
        rows = {
            "pilot": first.pilot,
            "batch": first.batch,
            "annotator": f"{self._annotator.id} ({self._annotator.source})",
            "labels saved": f"{self.n_saved} of {self.n_total}",
            "guideline": f"{self._guideline.ref} (sha256 {self._guideline.sha256[:12]})",
        }
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        return f"<p><b>Labelling</b></p><table>{cells}</table><p>Open this in a running notebook to label.</p>"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        static = {"text/plain": repr(self), "text/html": self._static_html()}
        if type(self.comm).__name__ == "DummyComm":  # no kernel: there is nobody to answer a live view
            return static, {}
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, **static}, metadata


def annotate(
    assignments: Sequence[Assignment],
    items: Mapping[str, Item],
    *,
    annotator: Annotator,
    guideline: Guideline,
    submit: Callable[[Label], object],
    answered: Sequence[Label] = (),
    keys: Mapping[str, str] | None = None,
) -> AnnotateWidget:
    """A widget that asks one annotator a queue of pairwise questions.

    Parameters
    ----------
    assignments
        The queue of this annotator in one batch of one pilot; asked by `position`.
    items
        The items by id; every assignment's must be there.
    annotator
        Who labels.
    guideline
        The version labelled under: shown beside the item, named on every label.
    submit
        Called with each `Label`, from any thread; returns once the label is committed and raises if it is not. Must
        take the same `label_id` twice without harm. Whatever it raises is shown to the annotator as NOT SAVED, in one
        line.
    answered
        Labels this annotator has already given, with or without superseded ones: the widget resumes after them.
    keys
        Another key for an action, for example `{"tie": "e"}`; the actions are those of `KEYS`.

    Returns
    -------
    AnnotateWidget
        Show it as the last line of a cell.

    Raises
    ------
    PlanError
        If the queue is empty, mixes annotators, batches or pilots, or names an item that is not there.
    RecordError
        If an item is not a pairwise one or does not fit its assignment, or a key is taken twice.
    """
    if not assignments:
        raise PlanError(f"there is nothing to label for annotator {annotator.id!r}", next_step="plan a batch first")
    queues = {(one.pilot, one.batch, one.annotator) for one in assignments}
    if len(queues) > 1 or assignments[0].annotator != annotator.id:
        found = sorted(queues)[:3]
        raise PlanError(f"a queue is of one pilot, batch and annotator; for {annotator.id!r} there were {found}")
    if guideline.task != "pairwise":
        raise PlanError(f"guideline {guideline.ref} is for {guideline.task} items, and this widget asks pairwise ones")
    questions = [_question(one, items) for one in sorted(assignments, key=lambda one: one.position)]
    return AnnotateWidget(
        questions, annotator=annotator, guideline=guideline, submit=submit, answered=answered, keys=keys
    )


def _question(assignment: Assignment, items: Mapping[str, Item]) -> Question:
    place = f"assignment {assignment.id}"
    item = items.get(assignment.item)
    if item is None:
        raise PlanError(f"item {assignment.item!r} is not among the {len(items)} items", where=place)
    if item.task != "pairwise":
        raise RecordError(f"item {item.id!r} is a {item.task} item, and this widget asks pairwise ones", where=place)
    check_item(item)
    responses = [response.id for response in item.responses]
    if sorted(assignment.order) != sorted(responses):
        raise RecordError(f"order must show the responses {responses}, got {list(assignment.order)}", where=place)
    return Question(assignment, item)


def _keys(changes: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    unknown = sorted(set(changes) - set(KEYS))
    if unknown:
        raise RecordError(f"keys: no action {unknown}; allowed are {sorted(KEYS)}")
    keys = KEYS | {action: (key,) for action, key in changes.items()}
    owner: dict[str, str] = {}
    for action, names in keys.items():
        for name in names:
            if owner.setdefault(name.lower(), action) != action:
                raise RecordError(f"keys: {name!r} is both {owner[name.lower()]} and {action}")
    return keys


def _shown(text: str, where: str) -> dict[str, str]:
    return {"html": render(text, where=where), "raw": well_formed(text)}


def _guideline_for_browser(guideline: Guideline) -> dict[str, Any]:
    return {
        "ref": guideline.ref,
        "criteria": list(guideline.criteria),
        "tie_rule": render(guideline.tie_rule, breaks=False),
        "allow_both_bad": guideline.allow_both_bad,
        "clauses": [
            {"id": one.id, "title": one.title, "html": render(one.text, breaks=False)} for one in guideline.clauses
        ],
        "edge_cases": [
            {"title": one.title, "html": render(one.text, breaks=False), "answer": one.answer, "clause": one.clause}
            for one in guideline.edge_cases
        ],
    }


def _one_line(error: Exception) -> str:
    said = " ".join(str(error).split()) or "no reason given"
    return (said if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {said}")[:300]
