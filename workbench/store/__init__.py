"""The store: append-only events in SQLite (one file, the default) or PostgreSQL (a team), behind one URL.

Nothing in here is ever changed or removed: a correction is a new event that `supersedes` the old one, and triggers in
the database refuse UPDATE and DELETE from anyone. What `append` has returned for is on disk.

`engine` knows the two databases, `schema` the tables and their migrations, `rules` what may be stored, `events` the
store itself, `judging` answers that replace answers, `serving` (with `handing` and `invitations`) people who come and
go, and `exchange` the text format that travels in git.
"""

from workbench.store.events import Counts, Store, open_store
from workbench.store.handing import Hold, Wanted
from workbench.store.invitations import Invitation
from workbench.store.rules import Appended

__all__ = ["Appended", "Counts", "Hold", "Invitation", "Store", "Wanted", "open_store"]
