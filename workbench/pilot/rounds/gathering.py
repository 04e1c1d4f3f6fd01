"""The labels of all rounds as rows for one run: an adapter that learns from the last round alone forgets the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import PilotError
from workbench.exporters import Preferences
from workbench.exporters.ledger import REASONS
from workbench.pilot.rounds.folders import chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.exporters import Exported
    from workbench.exporters.ledger import LedgerEntry
    from workbench.pilot.opening import Pilot


def all_rows(pilot: Pilot, kind: str, **options: Any) -> Exported[Any]:
    """See `Pilot.all_rows`."""
    labelled = [one for one in chain(pilot) if one.sources]
    if not labelled:
        raise PilotError("no round has labels yet", next_step="pilot.annotate('your name')")
    by_votes = options.pop("by_votes", False)
    made = [one.rows(kind, **options) for one in labelled]
    counts = ", ".join(f"{len(rows.rows)} of {one.name}" for one, rows in zip(labelled, made, strict=True))
    merged = replace(
        made[-1],
        rows=tuple(row for rows in made for row in rows.rows),
        ledger=_added([entry for rows in made for entry in rows.ledger]),
        n_labels=sum(rows.n_labels for rows in made),
        n_used=sum(rows.n_used for rows in made),
        notes=(f"rows of {len(made)} rounds: {counts}", *dict.fromkeys(note for rows in made for note in rows.notes)),
    )
    if isinstance(merged, Preferences):
        tied = frozenset(item for rows in made if isinstance(rows, Preferences) for item in rows.tied)
        merged = replace(merged, tied=tied)
        if by_votes is not False:  # of all rounds at once: as many rows for every item, whatever its round
            return replace(merged.by_votes(None if by_votes is True else by_votes), kind=merged.kind)
    return merged


def _added(entries: Sequence[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    """One entry a reason, in the ledger's order; items of different rounds are different items."""
    found: dict[str, LedgerEntry] = {}
    for entry in entries:
        known = found.get(entry.reason)
        found[entry.reason] = (
            replace(known, n_labels=known.n_labels + entry.n_labels, n_items=known.n_items + entry.n_items)
            if known
            else entry
        )
    return tuple(found[reason] for reason in REASONS if reason in found)
