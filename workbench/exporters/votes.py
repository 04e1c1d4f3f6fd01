"""One row a vote, so that a loss for hard labels sees soft ones."""

from __future__ import annotations

from fractions import Fraction
from math import floor, lcm
from typing import TYPE_CHECKING

from workbench.errors import ExportError
from workbench.exporters.rows import draw

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from workbench.exporters.rows import PreferenceRow

# Rows an item beyond which a batch would be mostly copies of itself.
MOST_ROWS = 60


def expand(
    rows: Sequence[PreferenceRow], tied: Collection[str], total: int | None
) -> tuple[tuple[PreferenceRow, ...], tuple[str, ...]]:
    """Rows by votes, and what there is to say about rounding. See `pairs.Preferences.by_votes`."""
    pairs: dict[tuple[str, frozenset[str]], PreferenceRow] = {}
    for row in rows:  # a tie written both ways is one pair
        pairs.setdefault((row.item, frozenset((row.chosen_id, row.rejected_id))), row)
    shares = {key: _share(row, row.item in tied) for key, row in pairs.items()}
    exact = lcm(*(_needed(pairs[key], share) for key, share in shares.items()))
    if total is None and exact > MOST_ROWS:
        raise ExportError(
            f"items have so different numbers of votes that {exact} rows an item would be needed",
            next_step="by_votes(total=12) rounds each share to the nearest of 12 rows",
        )
    n = exact if total is None else total
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ExportError(f"total is a number of rows, 1 or more, got {n!r}")
    alone = len({item for item, _ in pairs}) == len(pairs)
    made: list[PreferenceRow] = []
    off = Fraction(0)
    for key, row in pairs.items():
        times = _nearest(shares[key] * n, row.item)
        off = max(off, abs(Fraction(times, n) - shares[key]))
        one = row if alone else row.model_copy(update={"item": _pair_id(row)})
        made += [one] * times + [_reversed(one)] * (n - times)
    rounded = f", shares rounded by up to {float(off):.3f}" if off else ""
    return tuple(made), (f"one row a vote: {n} rows for each of {len(pairs)} pairs{rounded}",)


def _share(row: PreferenceRow, tied: bool) -> Fraction:
    """Share of the votes for the chosen response, exactly: `p_chosen` counts half votes."""
    if row.decided_by == "adjudicated":
        return Fraction(1, 2) if tied else Fraction(1)
    halves = 2 * sum(row.votes.values())
    return Fraction(round(row.p_chosen * halves), halves)


def _pair_id(row: PreferenceRow) -> str:
    return ":".join([row.item, "+".join(sorted((row.chosen_id, row.rejected_id)))])


def _needed(row: PreferenceRow, share: Fraction) -> int:
    """Rows that hold this share, one a vote."""
    votes = sum(row.votes.values())
    return votes if (share * votes).denominator == 1 else 2 * votes


def _nearest(rows: Fraction, item: str) -> int:
    below = floor(rows)
    rest = rows - below
    if rest == Fraction(1, 2):
        return below + (draw(f"half:{item}") < 1 / 2)
    return below + (rest > Fraction(1, 2))


def _reversed(row: PreferenceRow) -> PreferenceRow:
    change = {
        "chosen": row.rejected,
        "rejected": row.chosen,
        "chosen_id": row.rejected_id,
        "rejected_id": row.chosen_id,
        "chosen_model": row.rejected_model,
        "rejected_model": row.chosen_model,
        "p_chosen": round(1 - row.p_chosen, 6),
        "margin": 0.0 - row.margin,  # and never -0.0
    }
    p_model = getattr(row, "p_model", None)
    return row.model_copy(update=change if p_model is None else {**change, "p_model": round(1 - p_model, 6)})
