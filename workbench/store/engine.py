"""The two databases: where a store lives, how connections are set up, and their errors in one line."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from workbench.errors import StoreError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_S = 60
# One key for all writers of a store on PostgreSQL; it only has to differ from those of other programs.
WRITER_LOCK = 7_310_579_628_160_013

# SQLite's write-ahead log lives in shared memory, which processes on different machines do not have.
NETWORK_FILE_SYSTEMS = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "auristorfs", "ceph", "coda", "davfs", "gfs2", "glusterfs"),
    *("gpfs", "lustre", "ncpfs", "ocfs2", "orangefs", "pvfs2", "beegfs", "beegfs_nodev", "wekafs", "vboxsf", "vmhgfs"),
}
NETWORK_FUSE = re.compile(
    r"^fuse\.(sshfs|s3fs|gcsfuse|goofys|rclone|glusterfs|ceph|ceph-fuse|davfs2?|mount-s3|juicefs|blobfuse2?|curlftpfs|"
    r"vmhgfs-fuse|smbnetfs|gvfsd-fuse|geesefs|moosefs|mfs)"
)


def store_url(where: str | Path | sa.URL) -> sa.URL:
    """A path, `sqlite:///…` or `postgresql+psycopg://…` as a checked URL.

    Raises
    ------
    StoreError
        When the text is no such URL, the SQLite folder is missing, or the file would lie on a network file system.
    MissingExtraError
        When the URL is PostgreSQL's and psycopg is not installed.
    """
    if isinstance(where, sa.URL):
        url = where
    elif isinstance(where, str) and ("://" in where or where.startswith(("sqlite:", "postgres"))):
        try:
            url = sa.make_url(where)
        except (ArgumentError, ValueError):
            # The text may hold a password, so it is not repeated.
            raise StoreError(
                "the store's URL cannot be read",
                next_step="use a file path, sqlite:///path/to/file or postgresql+psycopg://user:password@host/database",
            ) from None
    else:
        url = sa.URL.create("sqlite", database=os.fspath(where))
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite":
        return _checked_file(url)
    if backend in ("postgresql", "postgres"):
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise missing_extra("postgres", "a store in PostgreSQL") from None
        return url.set(drivername="postgresql+psycopg")
    raise StoreError(f"no store on {url.drivername!r}; allowed are sqlite and postgresql+psycopg", where=shown(url))


def _checked_file(url: sa.URL) -> sa.URL:
    name = url.database or ""
    if name in ("", ":memory:") or name.startswith("file:") or url.query:
        raise StoreError(
            "a store needs a plain file: one in memory is gone with its process, and options are set by the workbench",
            where=shown(url),
            next_step="give a path such as pilots/mine/store.sqlite",
        )
    path = Path(name).expanduser().absolute()
    if not path.parent.is_dir():
        raise StoreError("the store's folder does not exist", where=str(path.parent), next_step="create it first")
    if path.is_dir():
        raise StoreError("the store's path is a folder", where=str(path), next_step="name a file in it")
    kind = file_system(path)
    if kind in NETWORK_FILE_SYSTEMS or NETWORK_FUSE.match(kind):
        raise StoreError(
            f"SQLite loses data on a network file system, and this folder is on {kind}",
            where=str(path.parent),
            next_step="use a local disk, or storage='postgresql+psycopg://…' where several machines write",
        )
    return sa.URL.create("sqlite", database=str(path))


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The type of the file system a path lies on, as the kernel lists it; empty where there is no such list."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    target = path.resolve()
    best, found = -1, ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))
        # Later lines cover earlier ones at the same point, hence >=.
        if target.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), fields[2]
    return found


def shown(url: sa.URL) -> str:
    """The URL as it may appear in messages: no password, neither in its place nor among the options."""
    return url.set(query={}).render_as_string(hide_password=True)


def make_engine(url: sa.URL) -> sa.Engine:
    """An engine whose connections are set up for durable writes by many threads and processes."""
    if url.drivername != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_timeout=BUSY_S, connect_args={"connect_timeout": 10})
    engine = sa.create_engine(
        url, pool_timeout=BUSY_S, connect_args={"check_same_thread": False, "timeout": BUSY_S, "isolation_level": None}
    )

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _: Any) -> None:
        # FULL: the journal is flushed at every commit, so what was acknowledged survives a power cut.
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "recursive_triggers=ON", f"busy_timeout={BUSY_S * 1000}"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads first and then writes must hold the write lock from the start: SQLite cannot
        # upgrade a snapshot that another writer has overtaken and fails at once, whatever the time-out.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def prepare(engine: sa.Engine) -> None:
    """Check what a connection cannot set up: the SQLite journal, the PostgreSQL encoding."""
    if engine.dialect.name == "sqlite":
        _write_ahead_log(Path(engine.url.database or ""))
        return
    with transaction(engine, writes=False) as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"the database's encoding is {encoding}, which cannot hold every text",
            where=shown(engine.url),
            next_step="create one with: createdb --encoding UTF8 --template template0 NAME",
        )


def _write_ahead_log(path: Path) -> None:
    # The journal mode is a property of the file. Changing it needs the file alone for a moment and does not wait for
    # other openers by itself, so the first openers take turns here.
    until = time.monotonic() + BUSY_S
    while True:
        connection = None
        try:
            connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                return
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.Error as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise _sqlite_error(str(error), str(path)) from None
            time.sleep(0.02)
        else:
            if mode != "wal":
                raise StoreError(f"SQLite keeps the journal mode {mode!r} here, not 'wal'", where=str(path))
            return
        finally:
            if connection is not None:
                connection.close()


@contextmanager
def transaction(engine: sa.Engine, *, writes: bool) -> Iterator[sa.Connection]:
    """One transaction, committed at the end of the block; writers of a store take turns.

    Taking turns costs little (a commit waits for the disk anyway) and makes "look, then insert" safe on both
    databases: two writers can neither correct the same label twice nor freeze one version with two texts.
    """
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.execution_options(writes=writes)
            elif not writes:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if writes and engine.dialect.name != "sqlite":
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_S}s'")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
                yield connection
    except SQLAlchemyError as error:
        raise _explained(error, engine.url) from None


def _explained(error: SQLAlchemyError, url: sa.URL) -> StoreError:
    cause = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    secrets = [url.password, *(value for key, value in url.query.items() if "pass" in key.lower())]
    for secret in secrets:
        if isinstance(secret, str) and secret:
            cause = cause.replace(secret, "***")
    line = next((part.strip() for part in cause.splitlines() if part.strip()), type(error).__name__)
    if url.drivername == "sqlite":
        return _sqlite_error(line, shown(url))
    return StoreError(
        f"PostgreSQL refused: {line}",
        where=shown(url),
        next_step="see that the server runs and the account may use the database, then do it again; "
        "what was stored already is recognised by its id",
    )


_SQLITE_ADVICE = {
    "is full": "free some space, then do it again; what was stored already is recognised by its id",
    "disk I/O error": "see that the disk has space and works, then do it again; nothing half-written was kept",
    "readonly": "make the file and its folder writable, or copy the store to where it is",
    "unable to open": "see that the folder can be written",
    "locked": f"another program has held the store for {BUSY_S} s: close it, then do it again",
    "not a database": "the file is something else: name another one",
    "malformed": "the file is damaged: restore a copy, or load the last export into a new store",
    "append-only": "append a new event that supersedes the old one",
}


def _sqlite_error(line: str, where: str) -> StoreError:
    advice = next((advice for sign, advice in _SQLITE_ADVICE.items() if sign in line), "")
    return StoreError(f"SQLite refused: {line}", where=where, next_step=advice)
