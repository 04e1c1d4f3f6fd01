"""`Imported`, and the one place where outside rows become records: `Collector`."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench import tasks
from workbench.errors import ImportFormatError, RecordError
from workbench.records import (
    Annotator,
    Guideline,
    Item,
    Label,
    Quarantined,
    Response,
    Source,
    TaskName,
    canonical_json,
    content_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.importers.files import Row

BATCH = "imported"
# On labels whose source does not say which response stood left: `order` is then only the canonical order.
ORDER_UNKNOWN = "order_unknown"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,127}")


@dataclass(frozen=True)
class Imported:
    """What a source held.

    Attributes
    ----------
    items, annotators, labels
        Records ready for a store, in the order of the source.
    quarantined
        Rows that could not become a label, with line and reason.
    guideline
        What the source says about the question that was asked, so that every label names a text.
    notes
        What a reader of the numbers must know: doubles, texts that are missing, ids that were replaced.
    n_rows
        Rows received. `n_same` of them repeat an earlier row exactly, so that always
        `len(labels) + len(quarantined) == n_rows - n_same`.
    renamed
        Ids that were made because the source's own did not fit -> the source's own.
    """

    items: tuple[Item, ...]
    annotators: tuple[Annotator, ...]
    labels: tuple[Label, ...]
    quarantined: tuple[Quarantined, ...]
    guideline: Guideline
    notes: tuple[str, ...]
    n_rows: int
    n_same: int = 0
    renamed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        counts = f"{len(self.items)} items, {len(self.annotators)} annotators, {len(self.labels)} labels"
        head = f"{counts}; {len(self.quarantined)} of {self.n_rows} rows kept aside, {self.n_same} exact doubles"
        return "\n".join([head, *(f"- {note}" for note in self.notes)])


@dataclass(frozen=True)
class Side:
    """One response as a source gives it."""

    text: str = ""
    model: str = ""


@dataclass(frozen=True)
class Vote:
    """One row of a source, understood. `left_first` says whether canonical A stood left, None where nobody knows."""

    item: str
    annotator: str
    answer: Mapping[str, Any]
    sides: Sequence[Side]
    left_first: bool | None = None
    prompt: str = ""
    category: str = ""
    pool: str = ""
    source: Source = "human"
    reason: str = ""
    duration_s: float | None = None
    submitted_at: str | None = None


class RowError(Exception):
    """Why a row is no label; the row is kept aside."""


class Collector:
    """Collects rows of one source and keeps the account: every distinct row ends as a label or in quarantine."""

    def __init__(self, pilot: str, task: TaskName, guideline: Guideline, parser: str, origin: str) -> None:
        self.pilot, self.task, self.guideline, self.parser, self.origin = pilot, task, guideline, parser, origin
        self.items: dict[str, Item] = {}
        self.annotators: dict[str, Annotator] = {}
        self.labels: dict[str, Label] = {}
        self.quarantined: list[Quarantined] = []
        self.notes: list[str] = []
        self.n_rows = self.n_same = self.n_again = self.n_repeats = 0
        self._raw_ids: dict[tuple[str, str], str] = {}
        self._rows: set[str] = set()
        self._repeated: set[tuple[str, str]] = set()
        self._first: dict[tuple[str, str], tuple[int, bool | None, str]] = {}

    def seen(self, row: Row) -> bool:
        """Count a row, and say whether the same row came before."""
        self.n_rows += 1
        if row.sha256 in self._rows:
            self.n_same += 1
            return True
        self._rows.add(row.sha256)
        return False

    def refuse(self, row: Row, error: str) -> None:
        """Keep a row aside."""
        self.quarantined.append(
            Quarantined(
                sha256=row.sha256,
                pilot=self.pilot,
                raw=row.raw.encode("utf-8", "backslashreplace").decode(),
                error=error,
                origin=self.origin,
                line=row.line,
                parser=self.parser,
            )
        )

    def take(self, row: Row, vote: Vote) -> None:
        """Turn a row into a label, with its item and annotator where they are new; or keep it aside."""
        try:
            self._take(row, vote)
        except (RowError, RecordError) as error:
            self.refuse(row, str(error))

    def _take(self, row: Row, vote: Vote) -> None:
        item = self._item(vote)
        person = self._annotator(vote)
        shown = tuple(response.id for response in item.responses)
        order = shown[::-1] if vote.left_first is False else shown
        again = self._first.get((item.id, person.id))
        is_repeat = False
        if again is not None:
            line, first_left, first_answer = again
            # The same pair with the sides swapped is a second judgment; the same showing twice is not.
            is_repeat = None not in (first_left, vote.left_first) and first_left != vote.left_first
            if not is_repeat or (item.id, person.id) in self._repeated:
                self.n_again += 1
                same = "the same" if canonical_json(vote.answer) == first_answer else "another"
                raise RowError(
                    f"a second label of this annotator on this item ({same} answer; the first is line {line})"
                )
        label = Label(
            # Who judged what, not how: read again with another answer, a store refuses it instead of holding both.
            label_id=content_id("l", self.pilot, item.id, person.id, is_repeat),
            pilot=self.pilot,
            batch=BATCH,
            item=item.id,
            prompt_id=item.prompt_id,
            task=self.task,
            annotator=person.id,
            source=vote.source,
            pool=person.pool,
            answer=dict(vote.answer),
            responses=shown,
            order=order,
            is_repeat=is_repeat,
            reason=vote.reason,
            flags=(ORDER_UNKNOWN,) if vote.left_first is None and len(shown) > 1 else (),
            duration_s=vote.duration_s,
            submitted_at=vote.submitted_at,
            guideline=self.guideline.ref,
            guideline_sha256=self.guideline.sha256,
        )
        tasks.check_label(label)
        # Only now is the row good; an item or annotator that no label names does not come in.
        self.items[item.id], self.annotators[person.id] = item, person
        self.labels[label.label_id] = label
        if is_repeat:
            self.n_repeats += 1
            self._repeated.add((item.id, person.id))
        else:
            self._first[item.id, person.id] = (row.line, vote.left_first, canonical_json(vote.answer))

    def _item(self, vote: Vote) -> Item:
        name = self._id("i", vote.item)
        prompt_id = content_id("p", vote.prompt) if vote.prompt else content_id("p", "of item", vote.item)
        ids = [
            content_id("r", prompt_id, side.model, side.text)
            if side.model or side.text
            else content_id("r", name, number)
            for number, side in enumerate(vote.sides)
        ]
        if len(set(ids)) < len(ids):
            ids = [content_id("r", prompt_id, side.model, side.text, n) for n, side in enumerate(vote.sides)]
        item = Item(
            id=name,
            prompt_id=prompt_id,
            task=self.task,
            prompt=vote.prompt,
            responses=tuple(
                Response(id=id_, text=side.text, model=side.model) for id_, side in zip(ids, vote.sides, strict=True)
            ),
            category=vote.category,
        )
        known = self.items.get(name)
        if known is not None and known != item:
            fields = [key for key in ("prompt", "responses", "category") if getattr(known, key) != getattr(item, key)]
            raise RowError(f"item {vote.item[:80]!r} came before with other content ({', '.join(fields)})")
        return item

    def _annotator(self, vote: Vote) -> Annotator:
        person = Annotator(id=self._id("w", vote.annotator), source=vote.source, pool=vote.pool)
        known = self.annotators.get(person.id)
        if known is not None and known != person:
            raise RowError(
                f"annotator {vote.annotator[:80]!r} came before in pool {known.pool!r}, now in {person.pool!r}"
            )
        return person

    def _id(self, prefix: str, raw: str) -> str:
        """The source's own id where it is one, else a hash of it."""
        if not raw.strip():
            raise RowError("the item has no id" if prefix == "i" else "the annotator has no id")
        name = raw if _ID.fullmatch(raw) else content_id(prefix, raw)
        # Somebody may name a thing like the hash of another one.
        if self._raw_ids.setdefault((prefix, name), raw) != raw:
            raise RowError(f"the id {raw[:80]!r} cannot be told from that of another row")
        return name

    def result(self) -> Imported:
        """The account, checked.

        Raises
        ------
        ImportFormatError
            When not a single row became a label.
        """
        if not self.labels:
            first = (
                f"; the first: line {self.quarantined[0].line}: {self.quarantined[0].error}" if self.quarantined else ""
            )
            raise ImportFormatError(
                f"no row could be read as a label ({self.n_rows} rows){first}",
                where=self.origin,
                next_step="these were read as "
                f"{self.task} labels: task= (--task) says what they are, columns= (--column) and label_map= (--label "
                "old=new) translate them",
            )
        renamed = {
            name: raw
            for (prefix, name), raw in self._raw_ids.items()
            if name != raw and name in (self.items if prefix == "i" else self.annotators)
        }
        notes = list(self.notes)
        if self.n_same:
            notes.append(f"{self.n_same} rows repeat an earlier row exactly and count once")
        if self.n_again:
            notes.append(f"{self.n_again} rows are a second label of an annotator on an item: the first counts")
        if self.n_repeats:
            notes.append(f"{self.n_repeats} labels judge an item again with the sides swapped: kept as repeats")
        if renamed:
            notes.append(f"{len(renamed)} ids did not fit and are hashes of the source's own (see `renamed`)")
        unknown = sum(ORDER_UNKNOWN in label.flags for label in self.labels.values())
        if unknown:
            notes.append(f"{unknown} labels do not say which response stood left: position bias cannot be computed")
        empty = sum(not response.text for item in self.items.values() for response in item.responses)
        if empty:
            notes.append(f"{empty} responses have an empty text")
        imported = Imported(
            tuple(self.items.values()),
            tuple(self.annotators.values()),
            tuple(self.labels.values()),
            tuple(self.quarantined),
            self.guideline,
            tuple(notes),
            self.n_rows,
            self.n_same,
            renamed,
        )
        if len(imported.labels) + len(imported.quarantined) != imported.n_rows - imported.n_same:
            raise ImportFormatError(
                f"the account does not close: {len(imported.labels)} labels and {len(imported.quarantined)} rows kept "
                f"aside from {imported.n_rows - imported.n_same} distinct rows",
                where=self.origin,
                next_step="please report this with the file",
            )
        return imported


def imported_guideline(pilot: str, task: TaskName, title: str, text: str, *, allow_both_bad: bool = False) -> Guideline:
    """A guideline that states what is known of the question a source asked, in the format of guideline files.

    It rests on the import's settings only, never on the rows, so a file that has grown keeps its guideline.
    """
    name = f"imported-{pilot}"[:120]
    fields: dict[str, Any] = {
        "name": name,
        "version": "v1",
        "task": task,
        "criteria": [],
        "scale": ["A", "B", "tie"] if task == "pairwise" else [],
        "tie_rule": "As the source's annotators were told; not known here." if task == "pairwise" else "",
        "allow_both_bad": allow_both_bad,
        "author": "the source",
        "date": "unknown",
        "parent": None,
        "motivated_by": [],
    }
    front = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
    whole = f"---\n{front}\n---\n\n# {title}\n\n{text.strip()}\n"
    return Guideline(
        **{**fields, "criteria": (), "scale": tuple(fields["scale"]), "motivated_by": ()},
        clauses=(),
        edge_cases=(),
        text=whole,
        sha256=hashlib.sha256(whole.encode()).hexdigest(),
    )
