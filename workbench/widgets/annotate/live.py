"""Live work: which questions there are, what was answered, and the records that come of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workbench import tasks
from workbench.errors import RecordError
from workbench.records import SAW_CHECKS, Label, Skip
from workbench.widgets.annotate.desk import NotSavedError, try_to
from workbench.widgets.annotate.shown import feedback, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.records import Annotator
    from workbench.widgets.annotate import messages
    from workbench.widgets.annotate.attack import Attack
    from workbench.widgets.annotate.desk import Keeper, Options, Past
    from workbench.widgets.annotate.questions import Asker, Question

# Questions whose texts are sent with the widget itself, so that the first is on the screen at once.
FIRST = 10
# Questions that are held for somebody ahead of the one they look at, where they are handed out bit by bit.
AHEAD = 5
_FIRST_STANDS = "the right answer has been shown, so the first one stands"


class Live:
    """The live questions of one annotator in one batch. Not safe by itself: the widget's lock is around it."""

    def __init__(
        self,
        questions: Sequence[Question],
        asker: Asker,
        annotator: Annotator,
        keeper: Keeper,
        past: Past,
        attack: Attack,
        options: Options,
        place: tuple[str, str],
    ) -> None:
        self._asker = asker
        self._guideline = asker.guideline
        self._annotator = annotator
        self._keeper = keeper
        self._past = past
        self._attack = attack
        self._supply = options.hand_out
        self._ever_asked = options.ever_asked
        self.pilot, self.batch = place
        self._questions: dict[str, Question] = {}
        self._texts: dict[str, dict[str, Any]] = {}  # question -> what the browser was sent, made once
        self._n_left = 0
        self._trouble = ""  # why no further questions could be handed out
        self._ids: dict[str, tuple[str, str]] = {}  # label or skip id -> which of them it is, and the question
        self._kept: set[str] = set()  # those of them that the keeper has taken
        self._labels: dict[str, Label] = {}  # id -> as it was handed to the keeper
        self._unsaved_labels: dict[str, Label] = {}  # id -> what the keeper has refused so far
        self._unsaved_skips: dict[str, Skip] = {}
        self._current: dict[str, Label] = {}  # question -> the label that counts
        self._skipped: dict[str, str] = {}  # question -> why it was passed over
        self._gone: set[str] = set()  # handed to somebody else meanwhile, passed over long ago, or of another batch
        self._held: set[str] = set()  # handed to this annotator, done or not
        self._recalled = False  # whether what was passed over in earlier sessions is among the questions
        self._take_in(questions)

    @property
    def n_saved(self) -> int:
        """How many questions have a label that the keeper has taken."""
        return len(self._current.keys() - self._gone)

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
                self._take_id(label.label_id, "answer", key)
                self._labels[label.label_id] = label
                if label.label_id not in corrected:
                    self._current[key] = label
        for skip in self._past.skips:
            key = fresh.get((skip.batch, skip.item, skip.is_repeat))
            if key is not None and self._is_mine(skip):
                self._take_id(skip.skip_id, "skip", key)
                if key not in self._current:
                    self._skipped[key] = skip.reason

    def _take_id(self, name: str, kind: str, key: str) -> None:
        self._ids[name] = kind, key
        self._kept.add(name)

    def _is_mine(self, given: Label | Skip) -> bool:
        return (given.pilot, given.annotator) == (self.pilot, self._annotator.id)

    def state(self) -> dict[str, Any]:
        """As `AnnotateWidget.state`, for live work; asks for further questions where they are handed out."""
        if self._supply is not None:
            self._ask_for_more()
        queue = [key for key in self._questions if key not in self._gone]
        near = [key for key in queue if key not in self._current and key not in self._skipped][:FIRST]
        return {
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
        label, rules = self._current[key], self._guideline
        clauses = {clause.id for clause in rules.clauses}
        return {
            "uuid": label.label_id,
            "answer": self._questions[key].on_screen(label.answer),
            "reason": label.reason,
            "comment": label.comment,
            # What this guideline has of them, for the page to send again: not a mark of ours, nor an older version's.
            "clauses": [one for one in label.clauses if one in clauses],
            "flags": [one for one in label.flags if one in rules.flags],
        }

    def texts(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """What the browser is sent of these questions; those it cannot know of are left out."""
        return [self._text(key) for key in keys if key in self._questions]

    def gone(self, key: str) -> None:
        """A question that somebody else has now."""
        self._gone.add(key)

    def renew(self) -> None:
        """Their page is open: what was handed to them stays theirs."""
        if self._supply is not None:
            try_to(lambda: self._hand_out(0))

    def question(self, key: str) -> Question:
        """The question of this name, though it may have left the queue, or `RecordError` where there never was one."""
        if key not in self._questions and self._ever_asked is not None:
            before = [one for one in try_to(self._ever_asked) if self._asker.key(one) == key]
            self._take_in([self._asker.question(one) for one in before])
            self._gone.update([key] * len(before))
        asked = self._questions.get(key)
        if asked is None:
            raise RecordError("this answer is to a question that is not in this queue", where="another batch or pilot?")
        return asked

    def _is_kept(self, sent: messages.Answer | messages.Skip) -> bool:
        """Whether this judgment is kept already; `RecordError` where its id is that of another one."""
        mine = sent.type, sent.question
        if self._ids.setdefault(sent.uuid, mine) != mine:
            raise RecordError("the id is that of another judgment", next_step="reload the page")
        return sent.uuid in self._kept

    def judge(self, sent: messages.Answer, asked: Question) -> dict[str, Any]:
        """Keep an answer; what the page is told of it."""
        known = asked.item.gold is not None and asked.assignment.is_gold
        reveals = known and self._guideline.gold_feedback == "live"
        if not self._is_kept(sent):
            if reveals and sent.question in self._current:
                raise RecordError(_FIRST_STANDS)
            # Sent again after a failure it is the same record, so a keeper that failed late can tell.
            label = self._unsaved_labels.get(sent.uuid) or self._label(sent, asked)
            self._unsaved_labels[sent.uuid] = label
            keep = self._keeper.first if reveals and self._keeper.first else self._keeper.judge
            kept = try_to(lambda: keep(label)) or label
            del self._unsaved_labels[sent.uuid]
            self._current[sent.question] = kept
            if reveals and kept.label_id != sent.uuid:  # it was given through another page
                self._take_id(kept.label_id, "answer", sent.question)
                self._labels[kept.label_id] = kept
                raise RecordError(_FIRST_STANDS)
            self._kept.add(sent.uuid)
            if asked.assignment.batch == self.batch:
                self._gone.discard(sent.question)
            self._skipped.pop(sent.question, None)
            self._labels[label.label_id] = label
        else:
            self._look_again(sent)
        reply: dict[str, Any] = {"given": self._as_seen(sent.question)}
        if reveals:
            reply["feedback"] = feedback(asked, self._current[sent.question].answer, self._guideline)
        if self._guideline.machine_checks == "after":
            reply["checks"] = verdicts(asked)
        return reply

    def _look_again(self, sent: messages.Answer) -> None:
        """An answer was sent again: it may have been corrected through another kernel since it was kept."""
        look = self._keeper.in_force
        counts = None if look is None else try_to(lambda: look(self._labels[sent.uuid]))
        if counts is not None:
            self._current[sent.question] = counts

    def _label(self, sent: messages.Answer, asked: Question) -> Label:
        """The label an answer becomes. A second answer to a question is kept as a correction of the first."""
        rules = self._asker.rules(sent.guideline)
        answer = asked.checked(sent, rules)
        self._attack.check(asked, answer)
        before = self._current.get(asked.key)
        if before is not None and rules.machine_checks == "after":
            sent = sent.model_copy(update={"flags": (*(one for one in sent.flags if one != SAW_CHECKS), SAW_CHECKS)})
        label = asked.label(sent, answer, self._annotator, rules, before.label_id if before else None)
        tasks.check_label(label)
        return label

    def skip(self, sent: messages.Skip, asked: Question) -> dict[str, Any]:
        """Keep that an item is passed over; what the page is told of it."""
        if not self._is_kept(sent):
            if sent.question in self._current:
                raise _is_answered()
            skip = self._unsaved_skips.get(sent.uuid) or self._passed_over(sent, asked)
            self._unsaved_skips[sent.uuid] = skip
            kept = try_to(lambda: self._keeper.skip(skip))
            del self._unsaved_skips[sent.uuid]
            if isinstance(kept, Label):  # through another page
                self._take_id(kept.label_id, "answer", sent.question)
                self._labels[kept.label_id] = self._current[sent.question] = kept
                raise _is_answered()
            self._kept.add(sent.uuid)
            self._skipped[sent.question] = skip.reason
        return {"skipped": self._skipped.get(sent.question, sent.reason)}

    def _passed_over(self, sent: messages.Skip, asked: Question) -> Skip:
        rules = self._asker.rules(sent.guideline)
        return Skip(
            skip_id=sent.uuid,
            pilot=self.pilot,
            batch=asked.assignment.batch,
            round=asked.assignment.round,
            item=asked.item.id,
            annotator=self._annotator.id,
            source=self._annotator.source,
            position=asked.assignment.position,
            is_repeat=asked.assignment.is_repeat,
            reason=sent.reason,
            submitted_at=datetime.now(UTC),
            guideline=rules.ref,
            guideline_sha256=rules.sha256,
        )

    def _ask_for_more(self) -> None:
        try:
            try_to(lambda: self._hand_out(0))  # what is held already, by an earlier page too
            missing = AHEAD - self._n_waiting()
            if missing > 0:
                try_to(lambda: self._hand_out(missing))
            self._trouble = ""
        except NotSavedError as error:
            self._trouble = str(error)

    def _n_waiting(self) -> int:
        done = self._current.keys() | self._skipped.keys() | self._gone
        return len(self._held - done)

    def _hand_out(self, n: int) -> None:
        assert self._supply is not None  # only called where questions are handed out
        handed = self._supply.ask(n)
        questions = [self._asker.question(one) for one in handed.assignments]
        passed_over = [] if self._recalled else self._passed_over_before({one.place for one in questions})
        self._recalled = True
        self._n_left = handed.n_left
        self._take_in(sorted([*questions, *passed_over], key=lambda one: one.assignment.position))
        self._held = {one.key for one in questions}
        self._gone -= self._held  # it came free, and is theirs again

    def _passed_over_before(self, handed: set[tuple[str, str, bool]]) -> list[Question]:
        """What was passed over in earlier sessions: it is not handed out again, and may be answered all the same."""
        mine = {(one.batch, one.item, one.is_repeat) for one in self._past.skips if self._is_mine(one)}
        places = {place for place in mine - handed if place[0] == self.batch}
        if not places or self._ever_asked is None:
            return []
        known = [one for one in self._ever_asked() if one.item in self._asker.items]
        return [self._asker.question(one) for one in known if (one.batch, one.item, one.is_repeat) in places]


def _is_answered() -> RecordError:
    return RecordError("an item that is answered is not skipped", next_step="change the answer instead")
