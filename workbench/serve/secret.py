"""The key that signs cookies: a file that only this account can read, and that no version control takes in.

It is kept so that people stay signed in when the server starts again. It is not in the store, because a copy of the
store, which is made to be copied, would let its holder come in as anybody.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from workbench.errors import ServeError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".serve"
NAME = "cookie-secret"
N_BYTES = 32


def cookie_secret(pilot: Path) -> bytes:
    """The key of the pilot in this folder, made at the first call.

    Raises
    ------
    ServeError
        When other accounts can read the file, or it holds something else.
    """
    folder = pilot / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    path = folder / NAME
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise ServeError(
            "other accounts on this machine can read the cookie secret",
            where=str(path),
            next_step=f"delete it if somebody may have (everybody opens their link again), else: chmod 600 {path}",
        )
    text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != N_BYTES:
        raise ServeError(
            "this is not a cookie secret", where=str(path), next_step="delete it; everybody opens their link again"
        )
    return key


def _make(path: Path) -> None:
    """Write a new key; of two servers that start together one makes it and both use it."""
    fresh = path.with_name(f"{NAME}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_hex(N_BYTES))
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
