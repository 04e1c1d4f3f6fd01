"""Ties by choice, one row a vote, and what a model of the annotators adds."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exporters import make
from workbench import exporters
from workbench.errors import ExportError
from workbench.exporters import ModelledRow, Preferences
from workbench.exporters.rows import draw
from workbench.exporters.votes import MOST_ROWS


def export(votes: dict[str, str], how: str = "majority", **options: Any) -> Preferences:
    """Preferences from votes written as letters, `t` a tie; the most frequent decides."""
    items = [make.item(name) for name in votes]
    labels = [
        make.label(one, f"s{k}", {"choice": "tie" if letter == "t" else letter})
        for one in items
        for k, letter in enumerate(votes[one.id])
    ]
    decisions: dict[str, tuple[str | None, str]] = {}
    for name, given_votes in votes.items():
        counts = Counter(given_votes).most_common()
        leads = len(counts) == 1 or counts[0][1] > counts[1][1]
        winner = {"t": "tie"}.get(counts[0][0], counts[0][0]) if leads else None
        decisions[name] = (winner, how if winner else "unresolved")
    decisions |= options.pop("decided", {})
    return exporters.preferences(items, labels, decisions, guideline=make.guideline(), **{"eval_share": 0.0, **options})


def directions(made: Preferences) -> dict[str, Counter[str]]:
    """item -> how often each response is chosen."""
    found: dict[str, Counter[str]] = {}
    for row in made.rows:
        found.setdefault(row.item, Counter())[row.chosen_id[-1]] += 1
    return found


def test_two_to_one_becomes_two_rows_and_one() -> None:
    made = export({"x": "AAB", "y": "BBB"}).by_votes()
    assert directions(made) == {"x": {"a": 2, "b": 1}, "y": {"b": 3}}
    first, second, turned = made.rows[:3]
    assert first == second
    assert (first.chosen, first.rejected, first.p_chosen, first.margin) == ("x says a", "x says b", 0.666667, 0.333333)
    assert (turned.chosen, turned.rejected, turned.chosen_model) == ("x says b", "x says a", "mb")
    assert (turned.p_chosen, turned.margin) == (0.333333, -0.333333)
    assert made.notes == ("one row a vote: 3 rows for each of 2 pairs",)
    assert (made.n_labels, made.n_used, made.ledger) == (6, 6, ())


def test_a_tie_vote_is_half_a_row_each_way_so_everything_doubles() -> None:
    # x: 2 for A, 1 tie of 3 is 5 of 6; y: 3 of 3 is 6 of 6; t: even.
    made = export({"x": "AAt", "y": "BBB", "t": "ttA"}, ties="both").by_votes()
    assert directions(made) == {"x": {"a": 5, "b": 1}, "y": {"b": 6}, "t": {"a": 4, "b": 2}}


def test_different_numbers_of_votes_meet_at_a_common_total() -> None:
    # 2 of 3 and 3 of 4: twelve rows each, 8 and 9 of them for the winner.
    made = export({"x": "AAB", "y": "BBBA"}).by_votes()
    assert directions(made) == {"x": {"a": 8, "b": 4}, "y": {"b": 9, "a": 3}}


def test_too_many_rows_are_refused_and_can_be_rounded() -> None:
    votes = {"x": "A" * 4 + "B" * 3, "y": "B" * 8 + "A" * 3}  # 7 x 11 = 77 rows
    with pytest.raises(ExportError, match=r"77 rows an item would be needed.*total=12"):
        export(votes).by_votes()
    made = export(votes).by_votes(total=4)
    # 4/7 of 4 is 2.29 -> 2; 8/11 of 4 is 2.91 -> 3. Farthest off: 4/7 - 2/4 = .071.
    assert directions(made) == {"x": {"a": 2, "b": 2}, "y": {"b": 3, "a": 1}}
    assert made.notes == ("one row a vote: 4 rows for each of 2 pairs, shares rounded by up to 0.071",)
    for bad in (0, -1, True, 2.5):
        with pytest.raises(ExportError, match="a number of rows"):
            export(votes).by_votes(total=bad)  # type: ignore[arg-type]


def test_an_exact_half_goes_either_way_by_the_items_name() -> None:
    votes = {f"i{k}": "AAAB" for k in range(200)}  # 3/4 of 2 rows is one and a half
    ups = [found["a"] == 2 for found in directions(export(votes).by_votes(total=2)).values()]
    assert 70 < sum(ups) < 130
    assert ups == [draw(f"half:{name}") < 0.5 for name in sorted(votes)]


def test_an_adjudicated_pair_has_all_its_rows_one_way() -> None:
    decided = {"x": ("B", "adjudicated"), "t": ("tie", "adjudicated")}
    for ties in ("both", "split"):
        made = export({"x": "AAB", "t": "AAB", "y": "AAB"}, decided=decided, ties=ties).by_votes()
        counts = directions(made)
        n = sum(counts["y"].values())
        assert counts["x"] == {"b": n}
        assert counts["t"] == {"a": n / 2, "b": n / 2}
        assert counts["y"]["a"] * 3 == 2 * n


VOTES = st.dictionaries(
    st.sampled_from([f"i{k}" for k in range(12)]),
    st.text("ABt", min_size=1, max_size=4),
    min_size=1,
)


@settings(deadline=None, max_examples=60)
@given(votes=VOTES, ties=st.sampled_from(["drop", "both", "split"]))
def test_every_item_weighs_the_same_and_keeps_its_share(votes: dict[str, str], ties: str) -> None:
    try:
        made = export(votes, ties=ties)
    except ExportError:
        return
    assert made.n_used + sum(entry.n_labels for entry in made.ledger) == made.n_labels == sum(map(len, votes.values()))
    expanded = made.by_votes()
    counts = directions(expanded)
    assert len({sum(count.values()) for count in counts.values()}) == 1
    assert sum(next(iter(counts.values())).values()) <= MOST_ROWS
    for name, count in counts.items():
        share = Fraction(2 * votes[name].count("A") + votes[name].count("t"), 2 * len(votes[name]))
        assert Fraction(count["a"], sum(count.values())) == share
    assert set(counts) == {row.item for row in made.rows}


def test_split_ties_are_one_row_an_item_half_of_them_each_way_and_stay() -> None:
    names = [f"t{k}" for k in range(400)]
    made = export(dict.fromkeys(names, "tt"), ties="split")
    assert [row.item for row in made.rows] == sorted(names)
    first = sum(row.chosen_id.endswith(".a") for row in made.rows)
    assert 160 < first < 240  # four standard deviations of a fair coin
    assert {row.p_chosen for row in made.rows} == {0.5}
    assert {row.margin for row in made.rows} == {0.0}
    fewer = export(dict.fromkeys(names[:50], "tt"), ties="split")
    assert {row.canonical() for row in fewer.rows} <= {row.canonical() for row in made.rows}
    assert made.ledger == ()
    assert made.tied == frozenset(names)


def test_unknown_ties_are_refused() -> None:
    with pytest.raises(ExportError, match="one of drop, both, split, got 'keep'"):
        export({"x": "AAB"}, ties="keep")


def test_the_models_posterior_stands_beside_the_votes() -> None:
    posteriors = {"x": {"A": 0.7, "B": 0.1, "tie": 0.2}, "y": {"A": 0.6, "B": 0.4, "tie": 0.0}}
    plain = export({"x": "AAB", "y": "BBA"})
    made = export({"x": "AAB", "y": "BBA"}, posteriors=posteriors)
    x, y = made.rows
    assert isinstance(x, ModelledRow)
    assert isinstance(y, ModelledRow)
    # x: .7 and half of the tie's .2; y was decided B by votes, which the model doubts.
    assert (x.p_model, y.p_model) == (0.8, 0.4)
    assert (x.margin, y.margin) == (0.333333, 0.333333)
    without = [{k: v for k, v in row.model_dump().items() if k != "p_model"} for row in made.rows]
    assert without == [row.model_dump() for row in plain.rows]
    by_model = export({"x": "AAB", "y": "BBA"}, posteriors=posteriors, margin="model")
    assert [row.margin for row in by_model.rows] == [0.6, -0.2]
    turned = by_model.by_votes().rows[2]
    assert isinstance(turned, ModelledRow)
    assert (turned.chosen_id, turned.p_model, turned.margin) == ("x.b", 0.2, -0.6)
    with pytest.raises(ExportError, match="needs posteriors"):
        export({"x": "AAB"}, margin="model")


def test_rows_are_plain_columns_for_trl() -> None:
    made = export({"x": "AAB"})
    assert exporters.trl_rows(made.rows, "dpo") == [{"prompt": "x?", "chosen": "x says a", "rejected": "x says b"}]
    assert exporters.trl_rows(made.rows, "reward")[0]["margin"] == 0.333333
