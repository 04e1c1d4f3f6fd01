"""Who may label from outside, as `workbench invite` shows and changes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from workbench.errors import RecordError, ServeError
from workbench.pilot import labelling
from workbench.records import Annotator
from workbench.serve.options import checked_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.pilot import Pilot

LONGEST_DAYS = 366


@dataclass(frozen=True)
class Link:
    """An invitation that was just made. `url` opens the page as `annotator` and is written nowhere else."""

    annotator: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class Standing:
    """How one annotator's newest invitation stands, and what they have done."""

    annotator: str
    state: Literal["open", "expired", "revoked"]
    expires_at: datetime
    n_open: int
    n_labels: int


def invite(pilot: Pilot, annotators: Sequence[str], *, days: float = 14, url: str) -> list[Link]:
    """Make one secret link for each annotator; only its hash is kept, so it cannot be shown again.

    Raises
    ------
    ServeError
        When nobody is named, a name cannot be an annotator's id, `days` or `url` cannot be meant, or the pilot has no
        items to label. Nobody is invited then, nor with the next.
    PilotError
        When an annotator is simulated.
    """
    if not annotators:
        raise ServeError("nobody to invite", next_step="name them: workbench invite PILOT ana ben")
    if not 0 < days <= LONGEST_DAYS:
        raise ServeError(f"a link is good for up to {LONGEST_DAYS} days, got {days:g}", next_step="--days 14")
    page = checked_url(url)
    for name in annotators:
        try:
            Annotator(id=name, source="human")
        except RecordError:
            raise ServeError(
                f"{name!r} cannot be an annotator's id",
                next_step="use up to 128 letters, digits and . _ : @ + - (the first a letter or digit)",
            ) from None
    people = [labelling.annotator(pilot, name) for name in dict.fromkeys(annotators)]
    if not pilot.items:
        raise ServeError("this pilot has no items to label", next_step="workbench generate, or workbench import")
    valid_for = timedelta(days=days)
    made = []
    for person in people:
        until = datetime.now(UTC) + valid_for
        made.append(Link(person.id, f"{page}?token={pilot.store.invite(pilot.name, person, valid_for)}", until))
    return made


def invitations(pilot: Pilot) -> list[Standing]:
    """How everybody's invitations stand, by name."""
    n_labels = Counter(label.annotator for label in pilot.label_records())
    listed = pilot.store.invitations(pilot.name)
    standing = []
    for name in sorted({one.annotator for one in listed}):
        theirs = [one for one in listed if one.annotator == name]
        open_ones = [one for one in theirs if one.valid()]
        shown = max(open_ones or theirs, key=lambda one: one.expires_at)
        state: Literal["open", "expired", "revoked"] = (
            "open" if open_ones else "expired" if shown.revoked_at is None else "revoked"
        )
        standing.append(Standing(name, state, shown.expires_at, len(open_ones), n_labels[name]))
    return standing


def revoke(pilot: Pilot, annotator: str) -> int:
    """Take back all of an annotator's links, also while their page is open; returns how many there were.

    Raises
    ------
    ServeError
        When they were never invited.
    """
    n = pilot.store.revoke(pilot.name, annotator)
    if not n and all(one.annotator != annotator for one in pilot.store.invitations(pilot.name)):
        raise ServeError(f"{annotator} was never invited", next_step="workbench invite PILOT --list")
    return n
