"""Preference rows from rankings of two to eight responses."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from workbench import tasks
from workbench.errors import ExportError
from workbench.exporters.ledger import Books, Choice
from workbench.exporters.pairs import Pair, Preferences, Side, Ties, check_ties, majority, pair_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.exporters.rows import PreferenceRow
    from workbench.records import Guideline, Item, Label

Which = Literal["all", "best_worst"]
WHICH = ("all", "best_worst")


def ranked_preferences(
    items: Iterable[Item],
    labels: Iterable[Label],
    *,
    guideline: Guideline,
    pairs: Which = "all",
    ties: Ties = "drop",
    keep_gold: bool = False,
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
) -> Preferences:
    """Turn rankings into preference rows: each pair of responses is decided by the majority of the rankings.

    Parameters
    ----------
    pairs
        `all` pairs of an item's responses, n (n - 1) / 2 of them, which are not independent of each other; or
        `best_worst`, at most one row an item: the response with the best mean rank against that with the worst.
    ties, keep_gold, eval_share, exclude
        As for `pairs.preferences`. A pair is a tie where most rankings give both the same rank.

    Returns
    -------
    Preferences
        `votes` count rankings by the letters of the two responses and `tie`. Pairs without a majority make no row; a
        label is used where its item has a row. `both_bad` does not occur.

    Raises
    ------
    ExportError
        As `pairs.preferences`; unknown `pairs`.
    """
    check_ties(ties)
    if pairs not in WHICH:
        raise ExportError(f"pairs must be one of {', '.join(WHICH)}, got {pairs!r}")
    choice = Choice(guideline, keep_gold, eval_share, tuple(exclude))
    books = Books(items, labels, choice.refused, "ranking")
    rows: list[PreferenceRow] = []
    tied: set[str] = set()
    for name in sorted(books.used):
        item, used = books.items[name], books.used[name]
        made: list[PreferenceRow] = []
        decided: set[str | None] = set()
        compared, otherwise = _pairs(item, used, pairs)
        for pair in compared:
            winner = majority(pair.votes)
            decided.add(winner)
            if winner is not None:
                how = "unanimous" if len(pair.votes) == 1 else "majority"
                made += pair_rows(pair, winner, how, item, used, choice, ties)
        rows += made
        tied |= {name} if "tie" in decided and ties != "drop" else set()
        if not made:
            books.drop(name, "tie" if "tie" in decided else "unresolved" if decided else otherwise)
    books.need_rows(rows, "preferences")
    return Preferences(tuple(rows), books.ledger(), books.n_labels, books.n_used, tied=frozenset(tied))


def _pairs(item: Item, labels: Sequence[Label], which: Which) -> tuple[list[Pair], str]:
    """The pairs of different texts that are asked for, with their votes; and the reason where there is none."""
    sides = {chr(ord("A") + k): response for k, response in enumerate(item.responses)}
    votes: dict[tuple[str, str], Counter[str]] = {pair: Counter() for pair in combinations(sides, 2)}
    ranks: Counter[str] = Counter()
    for label in labels:
        answer = tasks.parse_answer("ranking", label.answer)
        for one in tasks.task("ranking").pairs(answer):
            first, second = sorted((one.better, one.worse))
            votes[first, second]["tie" if one.tie else one.better] += 1
        ranks.update(answer.ranks)  # type: ignore[attr-defined]  # the schema of this task
    chosen = list(votes)
    if which == "best_worst":
        ends = [[letter for letter in sorted(ranks) if ranks[letter] == end(ranks.values())] for end in (min, max)]
        if list(map(len, ends)) != [1, 1]:  # several share an end, so there is no one best or worst
            return [], "tie"
        a, b = sorted(ends[0] + ends[1])
        chosen = [(a, b)]
    found = [
        Pair(item.id, Side(a, sides[a]), Side(b, sides[b]), votes[a, b])
        for a, b in chosen
        if sides[a].text.strip() != sides[b].text.strip()
    ]
    return found, "same_text"
