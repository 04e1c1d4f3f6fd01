"""The ledger: every label is used or counted under exactly one reason, whatever the kind of rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from workbench.errors import ExportError
from workbench.exporters.rows import Kind, TrainingRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from workbench.records import Guideline, Item, Label, Split

# Why a label is not in the export; each label not used is counted under exactly one of these.
REASONS = {
    "repeat": "hidden repeat: measures the annotator's consistency, not the item",
    "gold": "gold item: checks annotators, and its answer is already known",
    "no_text": "the prompt's or a response's text is not in the data",
    "same_text": "both responses say the same, so there is nothing to prefer",
    "other_guideline": "given under another guideline version",
    "excluded_annotator": "annotator left out on request",
    "tie": "the consensus is a tie, and ties were dropped",
    "both_bad": "the consensus is that both responses are bad",
    "unresolved": "no label has a majority and nobody adjudicated",
    "says_nothing": "the answers do not say whether the response is wanted",
    "undesirable": "the response is not wanted, and only wanted answers are imitated",
    "unclear": "the response won by less than the margin asked for",
    "mixed": "the responses won one comparison and lost another",
    "close": "no other response to the prompt differs by the score asked for",
    "alone": "the only response to its prompt, so there is nothing to compare it with",
    "not_needed": "these rows are prompts, and no label is read for them",
}

Row = TypeVar("Row", bound=TrainingRow, covariant=True)


@dataclass(frozen=True)
class LedgerEntry:
    """How many labels (and items) were not used for one reason."""

    reason: str
    meaning: str
    n_labels: int
    n_items: int


@dataclass(frozen=True, repr=False)
class Exported(Generic[Row]):
    """Rows of one kind and the ledger: `n_labels == n_used + sum of the ledger's n_labels`, always."""

    rows: tuple[Row, ...]
    ledger: tuple[LedgerEntry, ...]
    n_labels: int
    n_used: int
    kind: Kind = "dpo"
    notes: tuple[str, ...] = ()

    def split(self, name: Split) -> tuple[Row, ...]:
        """The rows of one split. Splits are by prompt."""
        return tuple(row for row in self.rows if row.split == name)

    def jsonl(self) -> str:
        """Canonical JSON lines, sorted by item: the same labels give the same bytes."""
        return "".join(row.canonical() + "\n" for row in self.rows)

    @property
    def sha256(self) -> str:
        """Hash of `jsonl()`; training manifests and reports name it."""
        return hashlib.sha256(self.jsonl().encode()).hexdigest()

    @property
    def what(self) -> str:
        """What a row is called."""
        return f"{self.kind} rows"

    def __str__(self) -> str:
        unused = ", ".join(f"{entry.n_labels} {entry.reason}" for entry in self.ledger) or "none"
        told = f"{len(self.rows)} {self.what} from {self.n_used} of {self.n_labels} labels (not used: {unused})"
        return "\n".join([told, *self.notes])

    __repr__ = __str__


@dataclass(frozen=True)
class Choice:
    """Which labels may be used at all: under this guideline, by these annotators, with or without gold."""

    guideline: Guideline
    keep_gold: bool = False
    eval_share: float = 0.1
    exclude: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.eval_share < 1:
            raise ExportError(f"eval_share is a share from 0 to below 1, got {self.eval_share!r}")

    def refused(self, label: Label, item: Item) -> str:
        """The reason that bars this label from any rows, or an empty string. The first that applies counts."""
        if label.is_repeat:
            return "repeat"
        if label.annotator in self.exclude:
            return "excluded_annotator"
        if label.guideline_sha256 != self.guideline.sha256:
            return "other_guideline"
        if not has_texts(label, item):
            return "no_text"
        if len(item.responses) > 1 and len({response.text.strip() for response in item.responses}) == 1:
            return "same_text"
        return "gold" if label.is_gold and not self.keep_gold else ""


def has_texts(label: Label, item: Item) -> bool:
    """Whether the prompt and all responses are there; of an attack, turns that end with a reply to the attacker."""
    if label.task == "red_team":
        given: Any = label.answer["turns"]
        replies = [place for place, turn in enumerate(given) if turn["role"] == "assistant"]
        asked = given[: replies[-1] + 1] if replies else []
        return len(asked) > 1 and asked[-2]["role"] == "user" and all(turn["text"].strip() for turn in asked)
    texts = [item.prompt, *(response.text for response in item.responses)]
    return len(texts) > 1 and all(text.strip() for text in texts)


class Books:
    """Labels sorted into used and not used while rows are made; ends as a ledger.

    Raises
    ------
    ExportError
        Labels of items that are not given, or of another task than `task`.
    """

    def __init__(
        self, items: Iterable[Item], labels: Iterable[Label], refused: Callable[[Label, Item], str], task: str
    ) -> None:
        self.items = {item.id: item for item in items}
        listed = list(labels)
        self.task = task
        self.n_labels = len(listed)
        self._check(listed, task)
        self.used: dict[str, list[Label]] = {}
        self._unused: dict[str, list[Label]] = {}
        for label in listed:
            reason = refused(label, self.items[label.item])
            (self._unused.setdefault(reason, []) if reason else self.used.setdefault(label.item, [])).append(label)

    def drop(self, item: str, reason: str) -> None:
        """None of an item's labels is used, for this reason."""
        self._unused.setdefault(reason, []).extend(self.used.pop(item))

    def drop_label(self, label: Label, reason: str) -> None:
        """One label is not used, for this reason."""
        self.used[label.item].remove(label)
        if not self.used[label.item]:
            del self.used[label.item]
        self._unused.setdefault(reason, []).append(label)

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """What was not used, in the order of `REASONS`."""
        return tuple(
            LedgerEntry(reason, meaning, len(found), len({label.item for label in found}))
            for reason, meaning in REASONS.items()
            if (found := self._unused.get(reason))
        )

    @property
    def n_used(self) -> int:
        """How many labels the rows rest on."""
        return sum(map(len, self.used.values()))

    def need_rows(self, rows: Sequence[TrainingRow], what: str, next_step: str = "label or adjudicate first") -> None:
        """Raise `ExportError` with the counts where there is no row."""
        if rows:
            return
        ledger = self.ledger()
        counts = ", ".join(f"{entry.n_labels} {entry.reason}" for entry in ledger) or "no labels at all"
        texts = {
            "pairwise": "import the table again with the columns prompt, response_a and response_b",
            "likert": "import the table again with the columns prompt and response_a",
            "classification": "import the table again with the columns prompt and response_a",
        }
        without = any(entry.reason == "no_text" for entry in ledger)
        raise ExportError(
            f"no label can be used for {what} ({counts})",
            next_step=texts.get(self.task, next_step) if without else next_step,
        )

    def _check(self, labels: Sequence[Label], task: str) -> None:
        other = sorted({label.task for label in labels} - {task})
        if other:
            raise ExportError(
                f"{'preference' if task == 'pairwise' else 'these'} rows are made from {task} labels, "
                f"these are {', '.join(other)}",
                next_step=f"pass the {task} labels only",
            )
        strangers = sorted({label.item for label in labels} - set(self.items))
        if strangers:
            raise ExportError(f"{len(strangers)} labelled items are not given, first {strangers[0]}")


def provenance(labels: Sequence[Label], guideline: Guideline) -> Mapping[str, object]:
    """The fields of a row that say who judged, under which guideline."""
    return {
        "source": tuple(sorted({label.source for label in labels})),
        "guideline": guideline.ref,
        "guideline_sha256": guideline.sha256,
    }
