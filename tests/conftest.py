"""Fixtures that several test files share: the two databases, and real label data where it is at hand."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import pytest

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

# CI looks at the same examples each time, so a change is red for its own reason; elsewhere new ones are tried.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with real label data, one folder a data set; it is not part of the repository."""
    folder = Path(os.environ.get("WORKBENCH_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data: set WORKBENCH_DATA to a folder that holds pandalm/ and mtbench_turn1/")
    return folder


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.sqlite'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    import psycopg

    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        yield f"{server.replace('postgresql://', 'postgresql+psycopg://')}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of our own on 127.0.0.1, as `postgresql://user:password@host:port`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    initdb = found[-1] if found else Path(shutil.which("initdb") or "")
    if not initdb.is_file():
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # PostgreSQL refuses to run as root, and its user cannot enter pytest's own temporary folders.
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="workbench-postgres-"))
    user, group, home = (account.pw_uid, account.pw_gid, folder) if account else (None, None, folder)
    try:
        password = folder / "password"
        password.write_text("open-sesame", encoding="utf-8")
        if account:
            for path in (folder, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        data = folder / "data"
        create: list[str | Path] = [
            initdb,
            "-D",
            data,
            "-U",
            "workbench",
            "-E",
            "UTF8",
            "--locale=C",
            "-A",
            "scram-sha-256",
        ]
        create += ["--pwfile", password]
        subprocess.run(create, check=True, capture_output=True, user=user, group=group, cwd=home, timeout=120)
        port = free_port()
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [initdb.parent / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder],
                stdout=log, stderr=log, user=user, group=group, cwd=home,
            )  # fmt: skip
        try:
            _wait_until_open(server, port, folder / "log")
            yield f"postgresql://workbench:open-sesame@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)  # end the sessions, write everything, stop
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_open(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    import psycopg

    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        try:
            psycopg.connect(f"postgresql://workbench:open-sesame@127.0.0.1:{port}/postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")
