"""Held-out pairs and how far a model tells them apart: one number a pair, whatever rows the pair was trained as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.records import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def one_a_pair(rows: Sequence[Mapping[str, Any]], margins: Sequence[float]) -> tuple[list[str], list[float]]:
    """Prompt and margin of each pair of responses, above 0 where the model is with the majority of its rows.

    Rows of single votes, or both directions of a tie, are of one pair and no evidence of their own: the side with more
    rows is the chosen one, and a pair with as many either way says nothing and is left out.

    Parameters
    ----------
    rows
        `{prompt, …}`, and `item`, `chosen_id`, `rejected_id` where they come from a pilot; without these each row is a
        pair.
    margins
        Of the chosen over the rejected response, one a row.
    """
    found: dict[object, list[Any]] = {}
    for place, (row, margin) in enumerate(zip(rows, margins, strict=True)):
        sides = (row.get("chosen_id"), row.get("rejected_id"))
        key: object = (row["item"], frozenset(sides)) if row.get("item") and all(sides) else place
        # Prompt, the first row's sides, its margin, and rows that agree with it less rows that do not.
        pair = found.setdefault(key, [canonical_json({"prompt": row["prompt"]}), sides, float(margin), 0])
        pair[3] += 1 if pair[1] == sides else -1
    kept = [(prompt, margin if net > 0 else -margin) for prompt, _, margin, net in found.values() if net]
    return [prompt for prompt, _ in kept], [margin for _, margin in kept]
