"""One number a pair, by hand."""

from __future__ import annotations

from typing import Any

from workbench.pilot.margins import one_a_pair


def row(item: str, chosen: str, rejected: str) -> dict[str, Any]:
    return {"prompt": f"about {item}", "item": item, "chosen_id": chosen, "rejected_id": rejected}


def test_rows_of_votes_are_one_pair_and_the_majority_is_the_chosen_side() -> None:
    # Two of three prefer a; the model is with them by 2 nats. Row by row it would be right on two of three.
    rows = [row("one", "a", "b"), row("one", "b", "a"), row("one", "a", "b")]
    prompts, margins = one_a_pair(rows, [2.0, -2.0, 2.0])
    assert margins == [2.0]
    assert prompts == ['{"prompt":"about one"}']
    # The minority's row comes first: the pair is the same.
    assert one_a_pair([rows[1], rows[0], rows[2]], [-2.0, 2.0, 2.0])[1] == [2.0]


def test_a_tie_in_both_directions_says_nothing() -> None:
    assert one_a_pair([row("one", "a", "b"), row("one", "b", "a")], [2.0, -2.0]) == ([], [])


def test_pairs_of_a_ranking_stay_apart_under_their_prompt() -> None:
    rows = [row("one", "a", "b"), row("one", "b", "c"), row("one", "a", "c")]
    prompts, margins = one_a_pair(rows, [1.0, -1.0, 0.5])
    assert margins == [1.0, -1.0, 0.5]
    assert len(set(prompts)) == 1


def test_rows_from_elsewhere_are_a_pair_each() -> None:
    rows = [{"prompt": "p", "chosen": "x", "rejected": "y"}, {"prompt": "p", "chosen": "y", "rejected": "x"}]
    assert one_a_pair(rows, [1.0, -1.0])[1] == [1.0, -1.0]
