"""From labels to what a trainer reads, with a ledger of every label that was not used, and why."""

from workbench.exporters.pairs import (
    REASONS,
    LedgerEntry,
    PreferenceRow,
    Preferences,
    Ties,
    card,
    preferences,
    rows_as_dicts,
    write,
)

__all__ = [
    "REASONS",
    "LedgerEntry",
    "PreferenceRow",
    "Preferences",
    "Ties",
    "card",
    "preferences",
    "rows_as_dicts",
    "write",
]
