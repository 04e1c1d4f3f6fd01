"""Practice on gold before live work, with feedback after each answer. Kept apart from labels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import PlanError, RecordError
from workbench.records import Practice
from workbench.widgets.annotate.desk import try_to
from workbench.widgets.annotate.shown import feedback, is_right

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.records import Annotator
    from workbench.widgets.annotate.desk import Drill, Keeper, Standing
    from workbench.widgets.annotate.messages import Answer
    from workbench.widgets.annotate.questions import Asker, Question

_ONCE = "a practice item is answered once: the right answer has been shown"


class Practising:
    """The practice of one annotator under one guideline version. Not safe by itself: the widget's lock is around it."""

    def __init__(
        self,
        drill: Drill,
        asker: Asker,
        annotator: Annotator,
        keeper: Keeper,
        given: Sequence[Practice],
    ) -> None:
        self._drill = drill
        self._asker = asker
        self._guideline = asker.guideline
        self._annotator = annotator
        self._keeper = keeper
        self._given = {one.practice_id: one for one in given}
        self._ids: dict[str, str] = {}  # id of an answer -> question
        self._unsaved: dict[str, Practice] = {}
        self._attempt = self.standing.attempt
        self._questions = self._ask()
        self.over = self.standing.state == "passed"

    @property
    def standing(self) -> Standing:
        """How it stands, by the answers that are kept."""
        return self._drill.standing(list(self._given.values()))

    def asks(self, key: str) -> bool:
        """Whether a question is one of this attempt."""
        return not self.over and key in self._questions

    def look(self) -> None:
        """Take in what was answered through other pages; over when it was passed in one of them."""
        if self._drill.given is not None:
            self._given = {one.practice_id: one for one in try_to(self._drill.given)}
            self.over = self.over or self.standing.state == "passed"

    def go_on(self) -> None:
        """On to live work when passed, on to the next attempt when failed; otherwise nothing changes."""
        self.look()
        now = self.standing
        attempt = now.attempt + (now.state == "failed")
        if now.state == "passed":
            self.over = True
        elif attempt > self._attempt:
            self._attempt = attempt
            self._questions = self._ask()

    def state(self) -> dict[str, Any]:
        """As `AnnotateWidget.state`, for the attempt at hand."""
        # Of several answers to an item the first counts, as in `standing`.
        mine = {one.item: one for one in reversed(self._given.values()) if one.attempt == self._attempt}
        by_item = {asked.item.id: key for key, asked in self._questions.items()}
        return {
            "queue": list(self._questions),
            "questions": [asked.for_browser() for asked in self._questions.values()],
            "given": {
                by_item[item]: {"uuid": one.practice_id, "answer": self._questions[by_item[item]].on_screen(one.answer)}
                for item, one in mine.items()
                if item in by_item
            },
            "skipped": {},
            "n_left": 0,
            "turns": {},
            "stands": self._stands(),
        }

    def answer(self, sent: Answer) -> dict[str, Any]:
        """Keep an answer, and return the feedback on it."""
        asked = self._questions[sent.question]
        self.look()
        kept = self._given.get(sent.uuid)
        if self._ids.setdefault(sent.uuid, sent.question) != sent.question or (
            kept is not None and (kept.item, kept.attempt) != (asked.item.id, self._attempt)
        ):
            raise RecordError("the id is that of another answer", next_step="reload the page")
        if kept is None:
            now = self.standing
            if now.attempt > self._attempt or (now.state != "practising" and now.attempt == self._attempt):
                raise RecordError("this attempt is over", next_step="go on to what comes next")
            if any((one.item, one.attempt) == (asked.item.id, self._attempt) for one in self._given.values()):
                raise RecordError(_ONCE)
            record = self._unsaved.setdefault(sent.uuid, self._record(sent, asked))
            taken = try_to(lambda: self._keeper.practice(record))
            del self._unsaved[sent.uuid]
            kept = taken if isinstance(taken, Practice) else record
            self._given[kept.practice_id] = kept
            if kept.practice_id != sent.uuid:  # another page was quicker
                raise RecordError(_ONCE)
        return {
            "given": {"uuid": kept.practice_id, "answer": asked.on_screen(kept.answer)},
            "feedback": feedback(asked, kept.answer, self._guideline),
            "stands": self._stands(),
        }

    def _record(self, sent: Answer, asked: Question) -> Practice:
        if sent.guideline != self._guideline.sha256:
            raise RecordError("this was given under another guideline", next_step="answer it under the one shown")
        answer = asked.checked(sent, self._guideline)
        return Practice(
            practice_id=sent.uuid,
            pilot=asked.assignment.pilot,
            item=asked.item.id,
            task=asked.item.task,
            annotator=self._annotator.id,
            source=self._annotator.source,
            attempt=self._attempt,
            position=asked.assignment.position,
            answer=answer,
            order=asked.assignment.order,
            correct=is_right(asked, answer),
            duration_s=sent.duration_s,
            submitted_at=datetime.now(UTC),
            guideline=self._guideline.ref,
            guideline_sha256=self._guideline.sha256,
        )

    def _stands(self) -> dict[str, Any]:
        now, rule = self.standing, self._guideline.calibration
        counts = {"state": "practising", "n_correct": 0, "n_mistakes": 0}
        if now.attempt == self._attempt:
            counts = {"state": now.state, "n_correct": now.n_correct, "n_mistakes": now.n_mistakes}
        assert rule is not None  # a drill is only given under a guideline with a calibration
        rules = {"n": rule.n, "min_correct": rule.min_correct, "max_mistakes": rule.max_mistakes}
        return {**counts, **rules, "attempt": self._attempt, "attempts": rule.attempts}

    def _ask(self) -> dict[str, Question]:
        asked = [self._asker.question(one) for one in self._drill.questions(self._attempt)]
        unknown = [one.item.id for one in asked if one.item.gold is None]
        if unknown:
            raise PlanError(f"items without a known answer cannot be practised on: {unknown[:3]}")
        return {one.key: one for one in asked}
