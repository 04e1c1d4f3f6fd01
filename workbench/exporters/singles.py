"""Rows from tasks that judge one response at a time: ratings, classes, checklists, claims.

Each label says whether the response is wanted (True, False, or nothing) and gives it a score. The first makes rows for
SFT and KTO, the second pairs of responses to one prompt. What that means for a task is handed in as two functions, so a
new task type needs none of this.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from workbench.errors import ExportError
from workbench.exporters.ledger import Books, Choice, Exported, provenance
from workbench.exporters.pairs import Preferences
from workbench.exporters.rows import AnswerRow, JudgedRow, PreferenceRow, item_split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from workbench.records import Guideline, Item, Label

_Says = TypeVar("_Says", bool, float)


class Wanted(NamedTuple):
    """How many labels call a response wanted, and how many not."""

    yes: int
    no: int


def judged(
    items: Iterable[Item],
    labels: Iterable[Label],
    wanted: Callable[[Label], bool | None],
    *,
    task: str,
    guideline: Guideline,
    keep_gold: bool = False,
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
) -> Exported[JudgedRow]:
    """Rows for KTO: every response that most labels call wanted (True) or not (False).

    Parameters
    ----------
    wanted
        Label -> whether it calls the response wanted, None where it does not say.

    Raises
    ------
    ExportError
        No label could be used; labels of items that are not given, or of another task.
    """
    choice = Choice(guideline, keep_gold, eval_share, tuple(exclude))
    books, found = _by_item(items, labels, wanted, task, choice)
    rows = [
        JudgedRow(**_answer(books, name, votes, choice), label=votes.yes > votes.no) for name, votes in found.items()
    ]
    books.need_rows(rows, "rows of wanted and unwanted answers")
    return Exported(
        tuple(rows), books.ledger(), books.n_labels, books.n_used, "kto", one_sided([row.label for row in rows])
    )


def wanted_answers(
    items: Iterable[Item],
    labels: Iterable[Label],
    wanted: Callable[[Label], bool | None],
    *,
    task: str,
    guideline: Guideline,
    keep_gold: bool = False,
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
) -> Exported[AnswerRow]:
    """Rows for SFT: every response that most labels call wanted; see `judged`."""
    choice = Choice(guideline, keep_gold, eval_share, tuple(exclude))
    books, found = _by_item(items, labels, wanted, task, choice)
    for name in [name for name, votes in found.items() if votes.yes < votes.no]:
        books.drop(name, "undesirable")
    rows = [AnswerRow(**_answer(books, name, found[name], choice)) for name in sorted(books.used)]
    books.need_rows(rows, "answers to imitate", "lower the bar (threshold, desirable), or label more")
    return Exported(tuple(rows), books.ledger(), books.n_labels, books.n_used, "sft")


def one_sided(labels: Sequence[bool]) -> tuple[str, ...]:
    """What to say of rows for KTO that are all wanted or all unwanted."""
    if len(set(labels)) != 1:
        return ()
    kind = "wanted" if labels[0] else "unwanted"
    return (f"all {len(labels)} answers are {kind}: KTO needs both kinds, add rows of the other",)


def _by_item(
    items: Iterable[Item],
    labels: Iterable[Label],
    wanted: Callable[[Label], bool | None],
    task: str,
    choice: Choice,
) -> tuple[Books, dict[str, Wanted]]:
    """The books, and the votes of every item that has a majority."""
    books, said = _said(items, labels, wanted, task, choice)
    found = {}
    for name in sorted(books.used):
        count = Counter(said[label.label_id] for label in books.used[name])
        if count[True] == count[False]:
            books.drop(name, "unresolved")
        else:
            found[name] = Wanted(count[True], count[False])
    return books, found


def _said(
    items: Iterable[Item], labels: Iterable[Label], says: Callable[[Label], _Says | None], task: str, choice: Choice
) -> tuple[Books, dict[str, _Says]]:
    """The books of labels that say something, and what each says."""
    said: dict[str, _Says] = {}

    def refused(label: Label, item: Item) -> str:
        barred = choice.refused(label, item)
        if barred:
            return barred
        one = says(label)
        if one is None:
            return "says_nothing"
        said[label.label_id] = one
        return ""

    return Books(items, labels, refused, task), said


def _answer(books: Books, name: str, votes: Wanted, choice: Choice) -> dict[str, Any]:
    item = books.items[name]
    (response,) = item.responses
    return {
        "items": (name,),
        "prompt_id": item.prompt_id,
        "split": item_split(item, choice.eval_share),
        "prompt": item.prompt,
        "completion": response.text,
        "completion_id": response.id,
        "completion_model": response.model,
        "p_desirable": round(votes.yes / (votes.yes + votes.no), 6),
        "category": item.category,
        **provenance(books.used[name], choice.guideline),
    }


def scored_preferences(
    items: Iterable[Item],
    labels: Iterable[Label],
    score: Callable[[Label], float | None],
    *,
    task: str,
    guideline: Guideline,
    span: float,
    min_gap: float,
    keep_gold: bool = False,
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
) -> Preferences:
    """Pairs of responses to one prompt whose mean scores differ by at least `min_gap`.

    Parameters
    ----------
    score
        Label -> number, more is better; None where it does not say.
    span
        Largest difference there can be (steps of the scale minus one).
    min_gap
        Smallest difference that makes a pair, above 0, in units of the score.

    Returns
    -------
    Preferences
        `margin` is the difference of the means divided by `span`. `votes` count pairs of labels, one of each response:
        for the `A` (first by id) or `B` response or `tie`; `p_chosen` is their share with a tie as half. All pairs of
        a prompt are written, and they are not independent of each other.

    Raises
    ------
    ExportError
        No two responses differ enough; see also `judged`.
    """
    if not 0 < min_gap <= span:
        raise ExportError(f"min_gap is above 0 and at most {span:g}, got {min_gap!r}")
    choice = Choice(guideline, keep_gold, eval_share, tuple(exclude))
    books, said = _said(items, labels, score, task, choice)
    by_prompt: dict[tuple[str, str], list[str]] = {}
    for name in sorted(books.used):
        item = books.items[name]
        by_prompt.setdefault((item.prompt_id, item.prompt), []).append(name)
    scores = {name: [said[one.label_id] for one in used] for name, used in books.used.items()}
    rows = []
    for names in by_prompt.values():
        paired: set[str] = set()
        for one, other in combinations(names, 2):
            gap = float(np.mean(scores[one]) - np.mean(scores[other]))
            same = books.items[one].responses[0].text.strip() == books.items[other].responses[0].text.strip()
            # A mean of thirds may miss a gap by rounding alone.
            if abs(gap) >= min_gap - 1e-9 and not same:
                better, worse = (one, other) if gap > 0 else (other, one)
                rows.append(_scored(books, better, worse, scores, abs(gap) / span, choice))
                paired |= {one, other}
        for name in names:
            if name not in paired:
                books.drop(name, "alone" if len(names) == 1 else "close")
    rows.sort(key=lambda row: row.item)
    books.need_rows(
        rows, "preferences", "lower min_gap, or generate several responses a prompt ([candidates] in pilot.toml)"
    )
    return Preferences(tuple(rows), books.ledger(), books.n_labels, books.n_used)


def _scored(
    books: Books, better: str, worse: str, scores: Mapping[str, Sequence[float]], margin: float, choice: Choice
) -> PreferenceRow:
    first, second = sorted((better, worse))
    votes = Counter(
        "A" if one > other else "B" if other > one else "tie" for one in scores[first] for other in scores[second]
    )
    won, lost = books.items[better], books.items[worse]
    chosen, rejected = won.responses[0], lost.responses[0]
    letter = "A" if better == first else "B"
    return PreferenceRow(
        item=f"{first}+{second}",
        prompt_id=won.prompt_id,
        split=item_split(won, choice.eval_share),
        prompt=won.prompt,
        chosen=chosen.text,
        rejected=rejected.text,
        chosen_id=chosen.id,
        rejected_id=rejected.id,
        chosen_model=chosen.model,
        rejected_model=rejected.model,
        category=won.category,
        votes=dict(sorted(votes.items())),
        p_chosen=round((votes[letter] + votes["tie"] / 2) / sum(votes.values()), 6),
        margin=round(margin, 6),
        decided_by="score",
        **provenance([*books.used[better], *books.used[worse]], choice.guideline),
    )
