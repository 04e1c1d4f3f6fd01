"""Preference rows from pairwise labels.

A `(prompt, chosen, rejected)` triplet cannot hold a tie, a doubt or a source, so rows carry votes, margin, guideline
and who judged beside it; trainers ignore columns they do not know.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.errors import ExportError
from workbench.exporters import votes as expanding
from workbench.exporters.ledger import Books, Choice, Exported, provenance
from workbench.exporters.rows import ModelledRow, PreferenceRow, draw, item_split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workbench.records import Guideline, Item, Label, Response

Ties = Literal["drop", "both", "split"]
TIES = ("drop", "both", "split")
Margin = Literal["votes", "model"]


@dataclass(frozen=True, repr=False)
class Preferences(Exported[PreferenceRow]):
    """Preference rows and the ledger: `n_labels == n_used + sum of the ledger's n_labels`, always.

    `tied` are the items whose consensus is a tie, where ties were kept; `excluded` the annotators left out on request.
    """

    tied: frozenset[str] = frozenset()
    excluded: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """What a row is called."""
        return "preference rows"

    def by_votes(self, total: int | None = None) -> Preferences:
        """One row a vote: 2-1 becomes A > B twice and B > A once, and the mean DPO loss the soft-label loss.

        Every item gets the same number of rows, so none weighs more than another, and each row carries its item's id.
        Where rankings gave an item several pairs, each pair does, and the id is that of item and responses. A tie is
        half a vote each way. An adjudicated pair has all its rows one way: somebody looked again and decided. Order
        and split are those of the pairs.

        Parameters
        ----------
        total
            Rows an item. By default the smallest number that needs no rounding: the least common multiple of the
            items' numbers of votes, doubled where a tie leaves half a vote. With another number shares are rounded to
            the nearest, at most half a row an item, and the result says by how much; an exact half goes up or down by
            a hash of the item's id.

        Raises
        ------
        ExportError
            Without `total`, where more than `votes.MOST_ROWS` rows an item would be needed.
        """
        rows, notes = expanding.expand(self.rows, self.tied, total)
        return replace(self, rows=rows, notes=(*self.notes, *notes))


def preferences(
    items: Iterable[Item],
    labels: Iterable[Label],
    decisions: Mapping[str, tuple[str | None, str]],
    *,
    guideline: Guideline,
    ties: Ties = "drop",
    keep_gold: bool = False,
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
    posteriors: Mapping[str, Mapping[str, float]] | None = None,
    margin: Margin = "votes",
) -> Preferences:
    """Turn pairwise labels into preference rows under one guideline version.

    Parameters
    ----------
    items, labels
        The pilot's pairwise items and current labels.
    decisions
        item -> (consensus label A, B, tie, both_bad or None, how it was decided), for example from majority vote or
        adjudication.
    guideline
        Labels given under another version are not used, and counted.
    ties
        `drop` leaves tied items out (and counts them). `both` writes both directions, so the mean loss pulls to
        indifference. `split` writes one row, whose direction is a hash of the item's id: one way or the other with
        even chances, so over many items the mean loss pulls to indifference too, rows stay one an item, and an item
        keeps its direction when the batch grows.
    keep_gold
        Use gold items for training too.
    eval_share
        Share of prompts whose rows go to split `eval`, chosen by a hash of the prompt id, so a prompt keeps its side
        when the batch grows. Items with split `test` keep it.
    exclude
        Annotators whose labels are left out on request, and counted.
    posteriors
        item -> label -> probability that it is the true one, by a model of the annotators. Rows are then
        `ModelledRow` with `p_model`; an item without posterior takes its vote share.
    margin
        `votes`, or `model`: 2 `p_model` - 1.

    Raises
    ------
    ExportError
        No label could be used; labels of items that are not given; a task other than pairwise; unknown `ties`; a
        model's margin without posteriors.
    """
    check_ties(ties)
    if margin == "model" and posteriors is None:
        raise ExportError("the model's margin needs posteriors", next_step="pilot.preferences(decide='model')")
    choice = Choice(guideline, keep_gold, eval_share, tuple(exclude))

    def refused(label: Label, item: Item) -> str:
        barred = choice.refused(label, item)
        if barred:
            return barred
        decided, _ = decisions.get(label.item, (None, "unresolved"))
        if decided is None:
            return "unresolved"
        return decided if decided == "both_bad" or (decided == "tie" and ties == "drop") else ""

    books = Books(items, labels, refused, "pairwise")
    rows: list[PreferenceRow] = []
    for name in sorted(books.used):
        item, used = books.items[name], books.used[name]
        decided, how = decisions[name]
        a, b = item.responses
        pair = Pair(name, Side("A", a), Side("B", b), Counter(str(label.answer["choice"]) for label in used))
        made = pair_rows(pair, decided, how, item, used, choice, ties)
        posterior = None if posteriors is None else posteriors.get(name, {})
        rows += made if posterior is None else [_modelled(row, pair, posterior, margin) for row in made]
    books.need_rows(rows, "preferences")
    tied = frozenset(name for name in books.used if decisions[name][0] == "tie")
    return Preferences(tuple(rows), books.ledger(), books.n_labels, books.n_used, tied=tied, excluded=tuple(exclude))


class Side(NamedTuple):
    """One response of a pair and the letter votes for it are counted under."""

    letter: str
    response: Response


class Pair(NamedTuple):
    """Two responses to one prompt and the votes on them: by letter, `tie` and `both_bad`."""

    item: str
    a: Side
    b: Side
    votes: Counter[str]


def pair_rows(
    pair: Pair,
    decided: str | None,
    how: str,
    item: Item,
    labels: Sequence[Label],
    choice: Choice,
    ties: Ties,
) -> list[PreferenceRow]:
    """The rows of one pair: one where it is decided, none to two where it is a tie."""
    a, b, votes = pair.a, pair.b, pair.votes
    if decided == "tie":
        both = [(a, b), (b, a)]
        directions = {"drop": [], "both": both, "split": [both[draw(f"tie:{pair.item}") < 1 / 2]]}[ties]
    else:
        directions = [(a, b)] if decided == a.letter else [(b, a)]
    total = sum(votes.values())

    def lead(better: Side, worse: Side) -> float:
        found = round((votes[better.letter] - votes[worse.letter]) / total, 6)
        # Who looked again may have overruled the votes; a margin below 0 would tell training to keep the error.
        return max(found, 0.0) if how == "adjudicated" else found

    given: Any = provenance(labels, choice.guideline)
    return [
        PreferenceRow(
            item=pair.item,
            prompt_id=item.prompt_id,
            split=item_split(item, choice.eval_share),
            prompt=item.prompt,
            chosen=better.response.text,
            rejected=worse.response.text,
            chosen_id=better.response.id,
            rejected_id=worse.response.id,
            chosen_model=better.response.model,
            rejected_model=worse.response.model,
            category=item.category,
            votes=dict(sorted(votes.items())),
            p_chosen=round((votes[better.letter] + (votes["tie"] + votes["both_bad"]) / 2) / total, 6),
            margin=lead(better, worse),
            decided_by=how,
            **given,
        )
        for better, worse in directions
    ]


def majority(votes: Mapping[str, int]) -> str | None:
    """The vote there is most of, None where two share the lead."""
    top = max(votes.values(), default=0)
    leaders = [vote for vote, n in votes.items() if n == top]
    return leaders[0] if len(leaders) == 1 else None


def check_ties(ties: str) -> None:
    """Raise `ExportError` for a treatment of ties there is not."""
    if ties not in TIES:
        raise ExportError(f"ties must be one of {', '.join(TIES)}, got {ties!r}")


def _modelled(row: PreferenceRow, pair: Pair, posterior: Mapping[str, float], margin: Margin) -> ModelledRow:
    letter = pair.a.letter if row.chosen_id == pair.a.response.id else pair.b.letter
    sure = posterior.get(letter, 0.0) + (posterior.get("tie", 0.0) + posterior.get("both_bad", 0.0)) / 2
    p_model = round(sure, 6) if posterior else row.p_chosen
    fields = {name: getattr(row, name) for name in type(row).model_fields}
    if margin == "model":
        fields["margin"] = round(2 * p_model - 1, 6)
    return ModelledRow(**fields, p_model=p_model)
