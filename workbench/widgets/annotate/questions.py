"""One question as it is asked: what the browser gets to know, and what an answer on the screen means."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from workbench import tasks
from workbench.errors import PlanError, RecordError
from workbench.records import Label, canonical_json
from workbench.safe_html import render, well_formed
from workbench.widgets.annotate.desk import try_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.records import Annotator, Assignment, Guideline, Item
    from workbench.widgets.annotate.messages import Answer


@dataclass(frozen=True)
class Requirement:
    """One line of a checklist. `verdict` and `found` are what a machine says of it, empty where none can."""

    name: str
    text: str
    verdict: str = ""
    found: str = ""


@dataclass(frozen=True)
class Question:
    """One assignment with its item: what is asked, in the order it is shown.

    `key` is what a browser knows it by (see `Asker.key`).
    """

    assignment: Assignment
    item: Item
    key: str
    requirements: tuple[Requirement, ...] = ()
    _to_canonical: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        canonical = [response.id for response in self.item.responses]
        letters = {
            screen: ascii_uppercase[canonical.index(one)]
            for screen, one in zip(ascii_uppercase, self.assignment.order, strict=False)
        }
        object.__setattr__(self, "_to_canonical", letters)

    @property
    def place(self) -> tuple[str, str, bool]:
        """What labels of this question carry: batch, item, and whether it is a repeat."""
        return self.assignment.batch, self.item.id, self.assignment.is_repeat

    def for_browser(self) -> dict[str, Any]:
        """Everything the browser gets to know about this question before it is answered."""
        place = f"item {self.item.id}"
        texts = {response.id: response.text for response in self.item.responses}
        return {
            "key": self.key,
            "prompt": _shown(self.item.prompt, f"{place}, prompt"),
            "responses": [_shown(texts[one], f"{place}, response {one}") for one in self.assignment.order],
            "checks": [{"name": one.name, "text": well_formed(one.text)} for one in self.requirements],
        }

    def canonical(self, on_screen: Mapping[str, Any]) -> dict[str, Any]:
        """The answer with responses named in canonical order, from one that names them as the screen shows them.

        Raises
        ------
        RecordError
            When it is no answer of this task.
        """
        return self._turned(on_screen, self._to_canonical)

    def on_screen(self, canonical: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `canonical`."""
        return self._turned(canonical, {one: other for other, one in self._to_canonical.items()})

    def checked(self, sent: Answer, guideline: Guideline) -> dict[str, Any]:
        """The canonical answer of what a browser sent, or `RecordError` where the guideline does not provide for it."""
        answer = self.canonical(sent.answer)
        task = tasks.task(self.item.task)
        problem = task.problem(tasks.parse_answer(self.item.task, answer), guideline, self.item)
        if problem:
            raise RecordError(problem, next_step="undo and choose again")
        for what, given, allowed in (
            ("clause", sent.clauses, [clause.id for clause in guideline.clauses]),
            ("flag", sent.flags, guideline.flags),
        ):
            unknown = sorted(set(given) - set(allowed))
            if unknown:
                raise RecordError(f"guideline {guideline.ref} has no {what} {unknown}")
        if "reason" in guideline.ask and not sent.reason.strip():
            raise RecordError(f"guideline {guideline.ref} asks for a reason with every answer")
        return answer

    def _turned(self, answer: Mapping[str, Any], letters: Mapping[str, str]) -> dict[str, Any]:
        task = tasks.task(self.item.task)
        given = tasks.parse_answer(self.item.task, answer)
        if isinstance(given, tasks.RankingAnswer) and set(given.ranks) != set(letters):
            raise RecordError(f"ranks: expected one for each of {sorted(letters)}, got {sorted(given.ranks)}")
        turned: dict[str, Any] = task.turned(given, letters).model_dump(mode="json", exclude_defaults=True)
        return turned

    def label(
        self, sent: Answer, answer: dict[str, Any], annotator: Annotator, guideline: Guideline, supersedes: str | None
    ) -> Label:
        """The judgment as a record, stamped by this machine's clock."""
        asked = self.assignment
        return Label(
            label_id=sent.uuid,
            pilot=asked.pilot,
            batch=asked.batch,
            round=asked.round,
            item=asked.item,
            prompt_id=self.item.prompt_id,
            task=self.item.task,
            annotator=annotator.id,
            source=annotator.source,
            pool=annotator.pool,
            answer=answer,
            responses=tuple(response.id for response in self.item.responses),
            order=asked.order,
            position=asked.position,
            is_gold=asked.is_gold,
            is_repeat=asked.is_repeat,
            reason=sent.reason,
            comment=sent.comment,
            clauses=tuple(dict.fromkeys(sent.clauses)),
            flags=tuple(dict.fromkeys(sent.flags)),
            duration_s=sent.duration_s,
            submitted_at=datetime.now(UTC),
            guideline=guideline.ref,
            guideline_sha256=guideline.sha256,
            supersedes=supersedes,
        )


@dataclass(frozen=True)
class Asker:
    """Makes questions of assignments: the items, what they are judged under, and their checklists.

    `earlier` finds the version that an answer was given under where that is not `guideline`. `secret` is of whoever
    keeps the answers.
    """

    items: Mapping[str, Item]
    guideline: Guideline
    checklist: Callable[[Item], Sequence[Requirement]] | None = None
    earlier: Callable[[str], Guideline | None] | None = None
    secret: str = field(default="", repr=False)

    def key(self, assignment: Assignment) -> str:
        """A name that is the same in every session and says nothing about the item.

        An assignment's id is a hash of what is asked, so without the secret somebody who knows the texts and the models
        could try which item, order and kind gives this name.
        """
        named = canonical_json([assignment.pilot, assignment.batch, assignment.id])
        return f"q_{hmac.new(self.secret.encode(), named.encode(), hashlib.sha256).hexdigest()[:16]}"

    def rules(self, sha256: str) -> Guideline:
        """The guideline version an answer was given under.

        Raises
        ------
        RecordError
            When it is not known, or is another guideline altogether.
        NotSavedError
            When it cannot be looked up now.
        """
        ours = self.guideline
        if sha256 == ours.sha256:
            return ours
        look = self.earlier
        found = None if look is None else try_to(lambda: look(sha256))
        if found is None or (found.name, found.task) != (ours.name, ours.task):
            raise RecordError(
                f"this was given under another guideline than {ours.ref}, which is not known here",
                next_step="look at the item again and answer it under the guideline that is shown",
            )
        return found

    def question(self, assignment: Assignment) -> Question:
        """The question an assignment asks.

        Raises
        ------
        PlanError
            When its item is not among the items.
        RecordError
            When item, assignment and guideline do not fit together.
        """
        place = f"assignment {assignment.id}"
        item, guideline = self.items.get(assignment.item), self.guideline
        if item is None:
            raise PlanError(f"item {assignment.item!r} is not among the {len(self.items)} items", where=place)
        if item.task != guideline.task:
            raise RecordError(
                f"item {item.id!r} is a {item.task} item, and guideline {guideline.ref} is for {guideline.task} items",
                where=place,
            )
        tasks.check_item(item)
        requirements = self._requirements(item)
        if item.task == "instruction_following" and not requirements:
            raise RecordError(
                f"item {item.id!r} has no constraints, and guideline {guideline.ref} has no criteria to check instead",
                where=place,
            )
        responses = [response.id for response in item.responses]
        if sorted(assignment.order) != sorted(responses):
            raise RecordError(f"order must show the responses {responses}, got {list(assignment.order)}", where=place)
        return Question(assignment, item, self.key(assignment), requirements)

    def _requirements(self, item: Item) -> tuple[Requirement, ...]:
        if item.task != "instruction_following":
            return ()
        listed = self.checklist(item) if self.checklist is not None else ()
        return tuple(listed) or tuple(Requirement(name, name) for name in tasks.checklist(item, self.guideline))


def _shown(text: str, where: str) -> dict[str, str]:
    """A text as the browser gets it: safe HTML, and as written."""
    return {"html": render(text, where=where), "raw": well_formed(text)}
