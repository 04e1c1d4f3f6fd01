"""Rows of single answers from comparisons: what won is worth imitating, what lost is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.errors import ExportError
from workbench.exporters.ledger import REASONS, Exported, LedgerEntry
from workbench.exporters.rows import AnswerRow, JudgedRow, PreferenceRow
from workbench.exporters.singles import one_sided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.exporters.pairs import Preferences

# Two thirds of the votes more: of three annotators two for and none against.
CLEAR = 0.5


@dataclass
class _Answer:
    """One answer to one prompt, over all comparisons it stood in."""

    won: list[PreferenceRow] = field(default_factory=list)
    lost: list[PreferenceRow] = field(default_factory=list)

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(sorted({row.item for row in (*self.won, *self.lost)}))

    @property
    def p_desirable(self) -> float:
        """Share of the votes for it, over all its comparisons."""
        halves = sum(_halves(row) for row in self.won) + sum(2 * _total(row) - _halves(row) for row in self.lost)
        return round(halves / (2 * sum(map(_total, (*self.won, *self.lost)))), 6)

    def fields(self) -> dict[str, Any]:
        rows = [*self.won, *self.lost]
        one, side = (self.won[0], "chosen") if self.won else (self.lost[0], "rejected")
        shared = ("prompt_id", "split", "prompt", "category", "guideline", "guideline_sha256")
        return {
            **{name: getattr(one, name) for name in shared},
            "source": tuple(sorted({source for row in rows for source in row.source})),
            "items": self.items,
            "completion": getattr(one, side),
            "completion_id": getattr(one, f"{side}_id"),
            "completion_model": getattr(one, f"{side}_model"),
            "p_desirable": self.p_desirable,
        }


def _total(row: PreferenceRow) -> int:
    return sum(row.votes.values())


def _halves(row: PreferenceRow) -> int:
    """Half votes for the chosen response: exact, where `p_chosen` is rounded."""
    return round(2 * row.p_chosen * _total(row))


def chosen_answers(preferences: Preferences, *, clear: float = CLEAR) -> Exported[AnswerRow]:
    """Rows for SFT: the chosen answers of clear pairs, each once, unless it lost another clear pair.

    Parameters
    ----------
    preferences
        Made with `ties="drop"`.
    clear
        Smallest margin, (votes for chosen - votes for rejected) / all votes, of a pair that counts. An adjudicated
        pair always does.

    Raises
    ------
    ExportError
        No pair is that clear; `clear` outside 0 to 1; preferences with ties in them.
    """
    answers, dropped = _answers(preferences, clear)
    winners = [one for one in answers if one.won and not one.lost]
    rows = [AnswerRow(**one.fields()) for one in winners]
    return _exported(preferences, rows, dropped, "sft", ())


def sorted_answers(preferences: Preferences, *, clear: float = 0.0) -> Exported[JudgedRow]:
    """Rows for KTO: answers that only won are wanted (True), answers that only lost are not (False).

    An answer that won one pair and lost another says neither, and makes no row.

    Raises
    ------
    ExportError
        See `chosen_answers`.
    """
    answers, dropped = _answers(preferences, clear)
    rows = [JudgedRow(**one.fields(), label=bool(one.won)) for one in answers if not (one.won and one.lost)]
    return _exported(preferences, rows, dropped, "kto", one_sided([row.label for row in rows]))


def _answers(preferences: Preferences, clear: float) -> tuple[list[_Answer], set[str]]:
    """Answers in the order they first appear, and the items that have no clear pair."""
    if not 0 <= clear <= 1:
        raise ExportError(f"clear is a margin from 0 to 1, got {clear!r}")
    if preferences.tied:
        raise ExportError("a tied pair has no chosen answer", next_step="preferences with ties='drop'")
    found: dict[tuple[str, str], _Answer] = {}
    kept = [row for row in preferences.rows if row.decided_by == "adjudicated" or row.margin >= clear]
    for row in kept:
        found.setdefault((row.prompt_id, row.chosen.strip()), _Answer()).won.append(row)
        found.setdefault((row.prompt_id, row.rejected.strip()), _Answer()).lost.append(row)
    return list(found.values()), {row.item for row in preferences.rows} - {row.item for row in kept}


def _exported(
    preferences: Preferences, rows: Sequence[Any], unclear: set[str], kind: Any, notes: tuple[str, ...]
) -> Exported[Any]:
    """The rows with the ledger of the pairs, and in it the items that gave pairs and no row."""
    # The votes on any pair of an item are its labels: one a label.
    n_labels = {row.item: sum(row.votes.values()) for row in preferences.rows}
    used = {item for row in rows for item in row.items}
    more: Counter[str] = Counter()
    items: Counter[str] = Counter()
    for item in set(n_labels) - used:
        reason = "unclear" if item in unclear else "mixed"
        more[reason] += n_labels[item]
        items[reason] += 1
    ledger = sorted(
        (*preferences.ledger, *(LedgerEntry(name, REASONS[name], more[name], items[name]) for name in more)),
        key=lambda entry: list(REASONS).index(entry.reason),
    )
    if not rows:
        counts = ", ".join(f"{entry.n_labels} {entry.reason}" for entry in ledger)
        raise ExportError(f"no pair gives an answer ({counts})", next_step="lower clear, or label more")
    made = tuple(sorted(rows, key=lambda row: (row.items, row.completion_id)))
    return Exported(made, tuple(ledger), preferences.n_labels, preferences.n_used - sum(more.values()), kind, notes)
