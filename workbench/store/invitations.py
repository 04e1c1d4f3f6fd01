"""Who may label from outside: one secret link a person. Only a link's hash is kept, and none of it is exported."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from workbench.store.rules import utc_text
from workbench.store.schema import invitations

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True)
class Invitation:
    """An invitation as it is kept. `revoked_at` is None while it has not been taken back."""

    pilot: str
    annotator: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def valid(self, moment: datetime | None = None) -> bool:
        """Whether its link still opens the page."""
        return self.revoked_at is None and (moment or datetime.now(UTC)) < self.expires_at


def digest(token: str) -> str:
    """SHA-256 of a token. A token has 256 random bits, so its plain hash cannot be guessed back."""
    # A token comes from a link, so it can be any text, also one that is not valid Unicode.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def invite(connection: sa.Connection, pilot: str, annotator: str, valid_for: timedelta) -> str:
    """Keep a new invitation and return its token, which is nowhere else."""
    token = secrets.token_urlsafe(32)
    made = datetime.now(UTC)
    connection.execute(
        invitations.insert(),
        {
            "token_sha256": digest(token),
            "pilot": pilot,
            "annotator": annotator,
            "made_at": utc_text(made),
            "expires_at": utc_text(made + valid_for),
            "revoked_at": None,
        },
    )
    return token


def find(connection: sa.Connection, token: str) -> Invitation | None:
    """The invitation of a token, valid or not."""
    row = connection.execute(sa.select(invitations).where(invitations.c.token_sha256 == digest(token))).first()
    return None if row is None else _invitation(row)


def listed(connection: sa.Connection, pilot: str) -> list[Invitation]:
    """A pilot's invitations, the oldest first."""
    query = (
        sa.select(invitations)
        .where(invitations.c.pilot == pilot)
        .order_by(invitations.c.made_at, invitations.c.annotator)
    )
    return [_invitation(row) for row in connection.execute(query)]


def revoke(connection: sa.Connection, pilot: str, annotator: str) -> int:
    """Take an annotator's invitations back; returns how many had not been taken back before."""
    done = connection.execute(
        invitations.update()
        .where(
            invitations.c.pilot == pilot,
            invitations.c.annotator == annotator,
            invitations.c.revoked_at.is_(None),
        )
        .values(revoked_at=utc_text(None))
    )
    return done.rowcount


def _invitation(row: Any) -> Invitation:
    ended = None if row.revoked_at is None else datetime.fromisoformat(row.revoked_at)
    return Invitation(
        row.pilot, row.annotator, datetime.fromisoformat(row.made_at), datetime.fromisoformat(row.expires_at), ended
    )
