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

from threading import Lock
from typing import TYPE_CHECKING, Any

import traitlets

from workbench import tasks
from workbench.errors import PlanError, RecordError, TooLateError
from workbench.safe_html import escape
from workbench.widgets.annotate import messages
from workbench.widgets.annotate.attack import Attack
from workbench.widgets.annotate.desk import NotSavedError, one_line
from workbench.widgets.annotate.keys import changed, defaults
from workbench.widgets.annotate.live import Live
from workbench.widgets.annotate.practising import Practising
from workbench.widgets.annotate.shown import guideline_for_browser
from workbench.widgets.page import STATIC, PageWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.records import Annotator
    from workbench.widgets.annotate.desk import Keeper, Options, Past
    from workbench.widgets.annotate.questions import Asker, Question


class AnnotateWidget(PageWidget):
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
        self._guideline = guideline = asker.guideline
        self._annotator = annotator
        # Looked up when something is said, since `send` is the widget's own only once it is made.
        self._attack = Attack(lambda content: self.send(content), annotator, keeper, options.partner, past.exchanges)
        place = pilot, batch
        self._live = Live(questions, asker, annotator, keeper, past, self._attack, options, place)
        self._practising = Practising(options.drill, asker, annotator, keeper, past.practice) if options.drill else None
        task = tasks.task(guideline.task)
        form = task.form(guideline)
        keys = changed(defaults(guideline.task, form), options.keys)
        super().__init__(
            settings={
                # Of no batch: what waits there from an earlier one is sent by the page of the next.
                "storage": f"workbench:annotate:{pilot}/{annotator.id}",
                "pilot": pilot,
                "batch": batch,
                "annotator": annotator.id,
                "task": guideline.task,
                "title": task.title,
                "form": form,
                "ask_reason": "reason" in guideline.ask,
                "flags": list(guideline.flags),
                "skip_reasons": list(guideline.skip_reasons),
                "keys": {action: list(names) for action, names in keys.items()},
                "guideline": guideline_for_browser(guideline),
                "break_after_min": options.break_after_min,
                "open": options.hand_out is not None,
                "partner": options.partner is not None,
                "waits": guideline.machine_checks == "after",
            },
        )
        self.on_msg(lambda _widget, content, _buffers: self._handle(content))

    @property
    def n_saved(self) -> int:
        """How many questions have a label that the keeper has taken."""
        return self._live.n_saved

    @property
    def n_total(self) -> int:
        """How many questions there are, as far as they have been handed out."""
        return self._live.n_total

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
        return {"phase": "live", **self._live.state()}

    def _handle(self, content: object) -> dict[str, Any] | None:
        """Answer one message of the browser, and return the reply that was sent."""
        reply = self._reply(content)
        if reply is not None:
            self.send(reply)
        return reply

    def _reply(self, content: object) -> dict[str, Any] | None:
        uuid = messages.uuid_of(content)
        try:
            sent = messages.read(content)
            with self._lock:
                return self._answer_to(sent)
        except (RecordError, PlanError, TooLateError) as error:  # sending it again changes nothing
            return {"type": "refused", "uuid": uuid, "message": one_line(error), "final": True}
        except NotSavedError as error:
            return {"type": "refused", "uuid": uuid, "message": str(error), "final": False}

    def _answer_to(self, sent: messages.Message) -> dict[str, Any] | None:
        if isinstance(sent, messages.Here):
            self._live.renew()
            return None
        if isinstance(sent, messages.Begin) and self._practising is not None:
            self._practising.go_on()
        if isinstance(sent, messages.Hello | messages.More | messages.Begin):
            return {"type": "state", **self._state()}
        if isinstance(sent, messages.Fetch):
            return {"type": "questions", "questions": self._live.texts(sent.questions)}
        ack = {"type": "ack", "uuid": sent.uuid, "question": sent.question}
        if self._practising is not None and not self._practising.over:
            if isinstance(sent, messages.Answer) and self._practising.asks(sent.question):
                return {**ack, **self._practising.answer(sent)}
            self._practising.look()
            if not self._practising.over and not self._is_of_before(sent):
                raise RecordError("the calibration comes before live work", next_step="reload the page")
        asked = self._live.question(sent.question)
        if isinstance(sent, messages.Say):
            self._attack.say(sent, asked)
            return None
        if isinstance(sent, messages.Skip):
            return {**ack, **self._live.skip(sent, asked)}
        try:
            return {**ack, **self._live.judge(sent, asked)}
        except TooLateError as error:
            self._live.gone(sent.question)
            return {**ack, "type": "aside", "message": one_line(error)}

    def _is_of_before(self, sent: messages.Message) -> bool:
        """Whether this was given before this version of the guideline, so that its practice was not asked for yet."""
        return isinstance(sent, messages.Answer | messages.Skip) and sent.guideline != self._guideline.sha256

    # What it looks like without a kernel ---------------------------------------------------------------------------

    def __repr__(self) -> str:
        return (
            f"{self.n_saved} of {self.n_total} labels saved in batch {self._live.batch} of pilot {self._live.pilot}"
            f" by annotator {self._annotator.id} ({self._annotator.source}), guideline {self._guideline.ref}"
        )

    def _static_html(self) -> str:
        """What a page without a kernel shows: plain, and without any of the items."""
        rows = {
            "task": tasks.task(self._guideline.task).title,
            "pilot": self._live.pilot,
            "batch": self._live.batch,
            "annotator": f"{self._annotator.id} ({self._annotator.source})",
            "labels saved": f"{self.n_saved} of {self.n_total}",
            "guideline": f"{self._guideline.ref} (sha256 {self._guideline.sha256[:12]})",
        }
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        text = f"<p><b>Labelling</b></p><table>{cells}</table><p>Open this in a running notebook to label.</p>"
        return f'<div class="mathjax_ignore">{text}</div>'  # else a name with two dollar signs becomes a formula
