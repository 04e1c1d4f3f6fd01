"""The labelling widget: one key per judgment, saved only when the keeper says so.

Python sends the first questions with the widget and the others when the page asks for them; `js/annotate/` keeps each
answer in an outbox until Python has acknowledged it. What the browser is sent holds the texts and nothing else: no
model name, no item id, no category, no gold or repeat mark. It answers in the order of the screen, which is turned into
canonical letters here (`questions`). `messages` lists what a browser may send; to it go

    {"type": "state", …}                                      where everything stands (see `state`)
    {"type": "questions", "questions": […]}                   texts that were asked for
    {"type": "ack", "uuid", "question", "given", …}           the record is committed; `feedback` and `checks` where
                                                              the guideline shows them
    {"type": "aside", "uuid", "question", "message"}          the answer came too late and does not count
    {"type": "refused", "uuid", "message", "final"}           it is not saved; `final` if sending it again cannot help
    {"type": "said", "uuid", "question", "text", "done"}      what the model under attack says, piece by piece
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from workbench import tasks
from workbench.errors import PlanError, RecordError, TooLateError, WorkbenchError
from workbench.records import Label, Skip
from workbench.safe_html import escape
from workbench.widgets.annotate import messages
from workbench.widgets.annotate.attack import Attack
from workbench.widgets.annotate.desk import Keeper, NotSavedError, Options, Past
from workbench.widgets.annotate.keys import changed, defaults
from workbench.widgets.annotate.practising import Practising
from workbench.widgets.annotate.questions import Asker
from workbench.widgets.annotate.shown import feedback, guideline_for_browser, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.records import Annotator, Assignment, Guideline, Item
    from workbench.widgets.annotate.questions import Question

STATIC = Path(__file__).parents[1] / "static"
# Questions sent with the widget itself, so that the first is on the screen at once; the page asks for the others.
FIRST = 10
# Questions that are held for somebody ahead of the one they look at, where they are handed out bit by bit.
AHEAD = 5
# Put on an answer that was changed after the machine's verdicts had been seen.
SAW_CHECKS = "saw machine checks"
_log = logging.getLogger(__name__)


class AnnotateWidget(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget is not followed by mypy
    """The labelling widget; made by `annotate_queue`. It knows neither store nor statistics nor models.

    Messages may arrive on another thread than the one that runs the cells, so everything below happens under one
    lock, and the keeper's functions must be safe to call from any thread.
    """

    _esm = STATIC / "annotate.js"
    _css = STATIC / "annotate.css"
    settings = traitlets.Dict().tag(sync=True)
    # Read when a page asks for it (first display, reload), never pushed: a push a label would send it all each time.
    start = traitlets.Dict().tag(sync=True, to_json=lambda _, widget: widget.state())

    def __init__(
        self,
        questions: Sequence[Question],
        asker: Asker,
        *,
        annotator: Annotator,
        keeper: Keeper,
        past: Past,
        options: Options,
        pilot: str,
        batch: str,
    ) -> None:
        self._lock = Lock()
        self._asker = asker
        self._guideline = guideline = asker.guideline
        self._annotator = annotator
        self._keeper = keeper
        self._options = options
        self._pilot, self._batch = pilot, batch
        self._questions: dict[str, Question] = {}
        self._texts: dict[str, dict[str, Any]] = {}  # question -> what the browser was sent, made once
        self._n_left = 0
        self._trouble = ""  # why no further questions could be handed out
        self._known: dict[str, str] = {}  # label or skip id -> question
        self._unsaved_labels: dict[str, Label] = {}  # id -> what the keeper has refused so far
        self._unsaved_skips: dict[str, Skip] = {}
        self._current: dict[str, Label] = {}  # question -> the label that counts
        self._skipped: dict[str, str] = {}  # question -> why it was passed over
        self._gone: set[str] = set()  # handed to somebody else meanwhile
        self._past = past
        self._take_in(questions)
        self._practising = Practising(options.drill, asker, annotator, keeper, past.practice) if options.drill else None
        self._attack = Attack(lambda content: self.send(content), annotator, keeper, options.partner, past.exchanges)
        form = tasks.task(guideline.task).form(guideline)
        super().__init__(
            settings={
                "storage": f"workbench:annotate:{pilot}/{batch}/{annotator.id}",
                "pilot": pilot,
                "batch": batch,
                "annotator": annotator.id,
                "task": guideline.task,
                "title": tasks.task(guideline.task).title,
                "form": form,
                "ask_reason": "reason" in guideline.ask,
                "flags": list(guideline.flags),
                "skip_reasons": list(guideline.skip_reasons),
                "keys": {
                    action: list(names)
                    for action, names in changed(defaults(guideline.task, form), options.keys).items()
                },
                "guideline": guideline_for_browser(guideline),
                "break_after_min": options.break_after_min,
                "open": options.hand_out is not None,
                "partner": options.partner is not None,
                "waits": guideline.machine_checks == "after",
            },
        )
        self.on_msg(lambda _widget, content, _buffers: self._handle(content))

    # What there is -------------------------------------------------------------------------------------------------

    @property
    def n_saved(self) -> int:
        """How many questions have a label that the keeper has taken."""
        return len(self._current)

    @property
    def n_total(self) -> int:
        """How many questions there are, as far as they have been handed out."""
        return len(self._questions)

    def _take_in(self, questions: Sequence[Question]) -> None:
        """Add questions, with what was given to them before."""
        fresh = {one.place: one.key for one in questions if one.key not in self._questions}
        self._questions |= {one.key: one for one in questions if one.key not in self._questions}
        corrected = {label.supersedes for label in self._past.labels}
        for label in self._past.labels:
            key = fresh.get((label.batch, label.item, label.is_repeat))
            if key is not None and self._is_mine(label) and label.position is not None:
                self._known[label.label_id] = key
                if label.label_id not in corrected:
                    self._current[key] = label
        for skip in self._past.skips:
            key = fresh.get((skip.batch, skip.item, skip.is_repeat))
            if key is not None and self._is_mine(skip):
                self._known[skip.skip_id] = key
                self._skipped[key] = skip.reason

    def _is_mine(self, given: Label | Skip) -> bool:
        return (given.pilot, given.batch, given.annotator) == (self._pilot, self._batch, self._annotator.id)

    def state(self) -> dict[str, Any]:
        """Where everything stands, as the browser knows it.

        `queue` names all questions in the order they are asked, `questions` holds the texts of the first that are
        open, `given` what was answered, `skipped` what was passed over. `phase` is `practice`, with how it `stands`,
        or `live`.
        """
        with self._lock:
            return self._state()

    def _state(self) -> dict[str, Any]:
        if self._practising is not None and not self._practising.over:
            return {"phase": "practice", **self._practising.state()}
        if self._options.hand_out is not None:
            self._ask_for_more()
        queue = [key for key in self._questions if key not in self._gone]
        near = [key for key in queue if key not in self._current and key not in self._skipped][:FIRST]
        return {
            "phase": "live",
            "queue": queue,
            "questions": [self._text(key) for key in near or queue[-1:]],
            "given": {key: self._as_seen(key) for key in queue if key in self._current},
            "skipped": {key: self._skipped[key] for key in queue if key in self._skipped},
            "n_left": self._n_left,
            "trouble": self._trouble,
            "turns": self._attack.turns({key: self._questions[key] for key in queue}),
        }

    def _text(self, key: str) -> dict[str, Any]:
        if key not in self._texts:
            self._texts[key] = self._questions[key].for_browser()
        return self._texts[key]

    def _as_seen(self, key: str) -> dict[str, Any]:
        label = self._current[key]
        return {
            "uuid": label.label_id,
            "answer": self._questions[key].on_screen(label.answer),
            "reason": label.reason,
            "comment": label.comment,
            "clauses": list(label.clauses),
            "flags": list(label.flags),
        }

    # What comes in -------------------------------------------------------------------------------------------------

    def _handle(self, content: Mapping[str, Any]) -> dict[str, Any] | None:
        """Answer one message of the browser, and return the reply that was sent."""
        reply = self._reply(content)
        if reply is not None:
            self.send(reply)
        return reply

    def _reply(self, content: Mapping[str, Any]) -> dict[str, Any] | None:
        uuid = str(content.get("uuid", ""))[:64]
        try:
            sent = messages.read(content)
            with self._lock:
                return self._answer_to(sent)
        except TooLateError as error:
            key = str(content.get("question", ""))[:64]
            self._gone.add(key)
            return {"type": "aside", "uuid": uuid, "question": key, "message": one_line(error)}
        except (RecordError, PlanError) as error:  # sending it again changes nothing
            return {"type": "refused", "uuid": uuid, "message": one_line(error), "final": True}
        except NotSavedError as error:
            return {"type": "refused", "uuid": uuid, "message": str(error), "final": False}

    def _answer_to(self, sent: messages.Message) -> dict[str, Any] | None:
        if isinstance(sent, messages.Here):
            if self._options.hand_out is not None:
                self._try(lambda: self._hand_out(0))
            return None
        if isinstance(sent, messages.Hello | messages.More):
            return {"type": "state", **self._state()}
        if isinstance(sent, messages.Begin):
            if self._practising is not None:
                self._practising.go_on()
            return {"type": "state", **self._state()}
        if isinstance(sent, messages.Fetch):
            wanted = [key for key in sent.questions if key in self._questions]
            return {"type": "questions", "questions": [self._text(key) for key in wanted]}
        if isinstance(sent, messages.Answer) and self._practising is not None and self._practising.asks(sent.question):
            reply = self._practising.answer(sent, self._try)
            return {"type": "ack", "uuid": sent.uuid, "question": sent.question, **reply}
        if self._practising is not None and not self._practising.over:
            raise RecordError("the calibration comes before live work", next_step="reload the page")
        asked = self._asked(sent.question)
        if isinstance(sent, messages.Say):
            self._attack.say(sent, asked)
            return None
        if isinstance(sent, messages.Skip):
            return self._skip(sent, asked)
        return self._judge(sent, asked)

    def _asked(self, key: str) -> Question:
        asked = self._questions.get(key)
        if asked is None:
            raise RecordError("this answer is to a question that is not in this queue", where="another batch or pilot?")
        return asked

    def _judge(self, sent: messages.Answer, asked: Question) -> dict[str, Any]:
        reveals = asked.assignment.is_gold and self._guideline.gold_feedback == "live"
        if sent.uuid not in self._known:
            if reveals and sent.question in self._current:
                raise RecordError("the right answer has been shown, so the first one stands")
            # Sent again after a failure it is the same record, so a keeper that failed late can tell.
            label = self._unsaved_labels.get(sent.uuid) or self._label(sent, asked)
            self._unsaved_labels[sent.uuid] = label
            kept = self._try(lambda: self._keeper.judge(label))
            del self._unsaved_labels[sent.uuid]
            self._known[sent.uuid] = sent.question
            self._current[sent.question] = kept if isinstance(kept, Label) else label
            self._skipped.pop(sent.question, None)
        key = self._known[sent.uuid]
        reply = {"type": "ack", "uuid": sent.uuid, "question": key, "given": self._as_seen(key)}
        if reveals:
            reply["feedback"] = feedback(asked, self._current[key].answer, self._guideline)
        if self._guideline.machine_checks == "after":
            reply["checks"] = verdicts(asked)
        return reply

    def _label(self, sent: messages.Answer, asked: Question) -> Label:
        """The label an answer becomes. A second answer to a question is kept as a correction of the first."""
        answer = asked.checked(sent, self._guideline)
        self._attack.check(asked, answer)
        before = self._current.get(asked.key)
        if before is not None and self._guideline.machine_checks == "after":
            sent = sent.model_copy(update={"flags": (*sent.flags, SAW_CHECKS)})
        label = asked.label(sent, answer, self._annotator, self._guideline, before.label_id if before else None)
        tasks.check_label(label)
        return label

    def _skip(self, sent: messages.Skip, asked: Question) -> dict[str, Any]:
        if sent.question in self._current:
            raise RecordError("an item that is answered is not skipped", next_step="change the answer instead")
        if sent.uuid not in self._known:
            skip = self._unsaved_skips.get(sent.uuid) or Skip(
                skip_id=sent.uuid,
                pilot=self._pilot,
                batch=self._batch,
                round=asked.assignment.round,
                item=asked.item.id,
                annotator=self._annotator.id,
                source=self._annotator.source,
                position=asked.assignment.position,
                is_repeat=asked.assignment.is_repeat,
                reason=sent.reason,
                submitted_at=datetime.now(UTC),
                guideline=self._guideline.ref,
                guideline_sha256=self._guideline.sha256,
            )
            self._unsaved_skips[sent.uuid] = skip
            self._try(lambda: self._keeper.skip(skip))
            del self._unsaved_skips[sent.uuid]
            self._known[sent.uuid] = sent.question
            self._skipped[sent.question] = sent.reason
        return {"type": "ack", "uuid": sent.uuid, "question": sent.question, "skipped": self._skipped[sent.question]}

    def _try(self, keep: Callable[[], object]) -> object:
        """What a keeper's function returns; what it raises becomes `NotSavedError`, in one line."""
        try:
            return keep()
        except TooLateError:
            raise
        except Exception as error:
            if not isinstance(error, WorkbenchError):
                _log.exception("a judgment could not be saved")
            raise NotSavedError(one_line(error)) from error

    # Questions that are handed out bit by bit ----------------------------------------------------------------------

    def _ask_for_more(self) -> None:
        waiting = sum(
            key not in self._current and key not in self._skipped and key not in self._gone for key in self._questions
        )
        try:
            self._try(lambda: self._hand_out(max(0, AHEAD - waiting)))
            self._trouble = ""
        except NotSavedError as error:
            self._trouble = str(error)

    def _hand_out(self, n: int) -> None:
        assert self._options.hand_out is not None  # only called where questions are handed out
        handed = self._options.hand_out(n)
        self._n_left = handed.n_left
        self._take_in([self._asker.question(one) for one in handed.assignments])

    # What it looks like without a kernel ---------------------------------------------------------------------------

    def __repr__(self) -> str:
        return (
            f"{self.n_saved} of {self.n_total} labels saved in batch {self._batch} of pilot {self._pilot}"
            f" by annotator {self._annotator.id} ({self._annotator.source}), guideline {self._guideline.ref}"
        )

    def _static_html(self) -> str:
        """What a page without a kernel shows: plain, and without any of the items."""
        rows = {
            "task": tasks.task(self._guideline.task).title,
            "pilot": self._pilot,
            "batch": self._batch,
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


def one_line(error: Exception) -> str:
    """What went wrong, as an annotator reads it."""
    said = " ".join(str(error).split()) or "no reason given"
    return (said if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {said}")[:300]


def annotate_queue(
    assignments: Sequence[Assignment],
    items: Mapping[str, Item],
    *,
    annotator: Annotator,
    guideline: Guideline,
    keeper: Keeper,
    past: Past | None = None,
    options: Options | None = None,
) -> AnnotateWidget:
    """A widget that asks one annotator a queue of questions of the guideline's task type.

    Parameters
    ----------
    assignments
        The queue of this annotator in one batch of one pilot; asked by `position`. May be empty where questions are
        handed out bit by bit (`Options.hand_out`).
    items
        The items by id; every assignment's must be there.
    annotator
        Who labels.
    guideline
        The version labelled under: shown beside the item, named on every label. Its task decides the controls, its
        other fields what is asked.
    keeper
        Where judgments go; `Keeper(judge=store.judge)` at the least.
    past
        What this annotator has given already: the widget resumes after it.
    options
        Keys, breaks, and what some task types need beside (see `Options`).

    Returns
    -------
    AnnotateWidget
        Show it as the last line of a cell.

    Raises
    ------
    PlanError
        If the queue is empty, mixes annotators, batches or pilots, or names an item that is not there.
    RecordError
        If an item does not fit the guideline or its assignment, or a key is taken twice.
    """
    options = options or Options()
    if not assignments and options.hand_out is not None:
        assignments = options.hand_out(AHEAD).assignments
    if not assignments:
        raise PlanError(f"there is nothing to label for annotator {annotator.id!r}", next_step="plan a batch first")
    queues = {(one.pilot, one.batch, one.annotator) for one in assignments}
    if len(queues) > 1 or assignments[0].annotator != annotator.id:
        found = sorted(queues)[:3]
        raise PlanError(f"a queue is of one pilot, batch and annotator; for {annotator.id!r} there were {found}")
    asker = Asker(items, guideline, options.checklist)
    questions = [asker.question(one) for one in sorted(assignments, key=lambda one: one.position)]
    return AnnotateWidget(
        questions,
        asker,
        annotator=annotator,
        keeper=keeper,
        past=past or Past(),
        options=options,
        pilot=assignments[0].pilot,
        batch=assignments[0].batch,
    )
