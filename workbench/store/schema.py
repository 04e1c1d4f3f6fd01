"""Tables and migrations. A released step is never edited; a change of the schema is one more step at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workbench.errors import StoreError
from workbench.store.engine import shown, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Below the number of parameters a statement may have in any SQLite since 3.8.
CHUNK = 400

_metadata = sa.MetaData()

# `payload` is the record's canonical JSON, the truth; the other columns are copies of its fields to select by.
# `supersedes` is NULL where nothing is corrected, so that uniqueness makes a history a chain and never a fork.
events = sa.Table(
    "events",
    _metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("kind", sa.Text),
    sa.Column("id", sa.Text),
    sa.Column("pilot", sa.Text),
    sa.Column("batch", sa.Text),
    sa.Column("item", sa.Text),
    sa.Column("annotator", sa.Text),
    sa.Column("supersedes", sa.Text),
    sa.Column("guideline_sha256", sa.Text),
    sa.Column("payload", sa.Text),
    sa.Column("received_at", sa.Text),
)
guidelines = sa.Table(
    "guidelines",
    _metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("task", sa.Text),
    sa.Column("payload", sa.Text),
    sa.Column("received_at", sa.Text),
)
quarantine = sa.Table(
    "quarantine",
    _metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("pilot", sa.Text),
    sa.Column("sha256", sa.Text),
    sa.Column("payload", sa.Text),
    sa.Column("received_at", sa.Text),
)
# What follows is work in hand and not what happened: it may change, and it is never exported.
holds = sa.Table(
    "holds",
    _metadata,
    sa.Column("pilot", sa.Text),
    sa.Column("batch", sa.Text),
    sa.Column("item", sa.Text),
    sa.Column("annotator", sa.Text),
    sa.Column("is_repeat", sa.Integer),
    sa.Column("is_gold", sa.Integer),
    sa.Column("position", sa.Integer),
    sa.Column("display_order", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("expires_at", sa.Text),
)
invitations = sa.Table(
    "invitations",
    _metadata,
    sa.Column("token_sha256", sa.Text, primary_key=True),
    sa.Column("pilot", sa.Text),
    sa.Column("annotator", sa.Text),
    sa.Column("made_at", sa.Text),
    sa.Column("expires_at", sa.Text),
    sa.Column("revoked_at", sa.Text),
)
meta = sa.Table("meta", _metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text))


def _tables(connection: sa.Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    seq = "INTEGER PRIMARY KEY AUTOINCREMENT" if sqlite else "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    made = f"seq {seq}"
    kept = "payload TEXT NOT NULL, received_at TEXT NOT NULL"
    tables = {
        "meta": "key TEXT PRIMARY KEY, value TEXT NOT NULL",
        "guidelines": f"sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL, task TEXT NOT NULL, {kept}",
        "events": (
            f"{made}, kind TEXT NOT NULL, id TEXT NOT NULL, pilot TEXT NOT NULL, batch TEXT NOT NULL, "
            "item TEXT NOT NULL, annotator TEXT NOT NULL, supersedes TEXT, "
            f"guideline_sha256 TEXT REFERENCES guidelines (sha256), {kept}, "
            "UNIQUE (kind, id), UNIQUE (kind, supersedes)"
        ),
        "quarantine": f"{made}, pilot TEXT NOT NULL, sha256 TEXT NOT NULL, {kept}, UNIQUE (pilot, sha256)",
    }
    for name, columns in tables.items():
        connection.exec_driver_sql(f"CREATE TABLE {name} ({columns})")
    connection.exec_driver_sql("CREATE INDEX events_by_pilot ON events (pilot, kind, seq)")
    connection.exec_driver_sql("CREATE INDEX events_by_guideline ON events (guideline_sha256)")


def _append_only(connection: sa.Connection) -> None:
    """Let the database itself refuse changes, also those of other programs."""
    keys = {
        "events": "(kind = NEW.kind AND id = NEW.id) OR seq = NEW.seq",
        "guidelines": "sha256 = NEW.sha256",
        "quarantine": "(pilot = NEW.pilot AND sha256 = NEW.sha256) OR seq = NEW.seq",
    }
    if connection.dialect.name == "sqlite":
        for table, same in keys.items():
            refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("UPDATE", "DELETE"):
                connection.exec_driver_sql(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {refuse}"
                )
            # INSERT OR REPLACE deletes without a DELETE trigger unless a pragma of the connection says otherwise.
            exists = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - constants of this module
            connection.exec_driver_sql(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} {exists} {refuse}")
        return
    connection.exec_driver_sql(
        "CREATE FUNCTION workbench_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
    )
    for table in keys:
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION workbench_append_only()"
        )


def _serving(connection: sa.Connection) -> None:
    """Handing out questions, and inviting people."""
    connection.exec_driver_sql(
        "CREATE TABLE holds (pilot TEXT NOT NULL, batch TEXT NOT NULL, item TEXT NOT NULL, annotator TEXT NOT NULL, "
        "is_repeat INTEGER NOT NULL, is_gold INTEGER NOT NULL, position INTEGER NOT NULL, "
        "display_order TEXT NOT NULL, state TEXT NOT NULL, expires_at TEXT NOT NULL, "
        "PRIMARY KEY (pilot, batch, item, annotator, is_repeat), UNIQUE (pilot, batch, annotator, position))"
    )
    connection.exec_driver_sql(
        "CREATE TABLE invitations (token_sha256 TEXT PRIMARY KEY, pilot TEXT NOT NULL, annotator TEXT NOT NULL, "
        "made_at TEXT NOT NULL, expires_at TEXT NOT NULL, revoked_at TEXT)"
    )
    # Each answer looks for another to its question, which must not take longer the more labels there are.
    connection.exec_driver_sql("CREATE INDEX events_by_item ON events (pilot, kind, item)")


MIGRATIONS: tuple[Callable[[sa.Connection], None], ...] = (_tables, _append_only, _serving)


def migrate(engine: sa.Engine, steps: Sequence[Callable[[sa.Connection], None]] | None = None) -> int:
    """Bring the database to the newest schema in one transaction; returns the number of steps applied.

    Raises
    ------
    StoreError
        When the database is newer than this program, or holds tables that are not a store's.
    """
    wanted = MIGRATIONS if steps is None else tuple(steps)
    with transaction(engine, writes=False) as connection:
        if _version(connection) == len(wanted):
            return 0
    with transaction(engine, writes=True) as connection:
        # Read again under the write lock: another process may have migrated meanwhile.
        have = _version(connection)
        if have > len(wanted):
            raise StoreError(
                f"the store has schema version {have}, and this workbench knows up to {len(wanted)}",
                where=shown(engine.url),
                next_step="update the workbench: pip install --upgrade preference-workbench",
            )
        for step in wanted[have:]:
            step(connection)
        if have == 0:
            connection.execute(meta.insert(), {"key": "schema_version", "value": str(len(wanted))})
        else:
            connection.execute(
                meta.update().where(meta.c.key == "schema_version").values(value=str(len(wanted))),
            )
        return len(wanted) - have


def _version(connection: sa.Connection) -> int:
    tables = sa.inspect(connection).get_table_names()
    if not tables:
        return 0
    found = None
    if "meta" in tables and {"key", "value"} <= {c["name"] for c in sa.inspect(connection).get_columns("meta")}:
        found = connection.execute(sa.select(meta.c.value).where(meta.c.key == "schema_version")).scalar()
    if found is None or not str(found).isdigit() or int(found) < 1:
        raise StoreError(
            f"the database holds tables that are not a store's: {sorted(tables)[:5]}",
            where=shown(connection.engine.url),
            next_step="give the workbench a file or a database of its own",
        )
    return int(found)
