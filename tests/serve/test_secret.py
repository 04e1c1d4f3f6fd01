"""The cookie secret: kept, readable by one account, taken in by no version control."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from workbench.errors import ServeError
from workbench.serve.secret import cookie_secret

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_made_once_and_kept(tmp_path: Path) -> None:
    first = cookie_secret(tmp_path)
    assert len(first) == 32
    assert cookie_secret(tmp_path) == first
    (tmp_path / "other").mkdir()
    assert cookie_secret(tmp_path / "other") != first


def test_only_this_account_can_read_it_and_git_leaves_it_alone(tmp_path: Path) -> None:
    cookie_secret(tmp_path)
    assert (tmp_path / ".serve").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".serve" / "cookie-secret").stat().st_mode & 0o777 == 0o600
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    told = subprocess.run(
        ["git", "-C", tmp_path, "status", "--short", "-uall"], check=True, capture_output=True, text=True
    )
    assert told.stdout == ""


def test_servers_that_start_together_agree_on_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: cookie_secret(tmp_path), range(8)))
    assert len(keys) == 1
    assert [path.name for path in sorted((tmp_path / ".serve").iterdir())] == [".gitignore", "cookie-secret"]


def test_one_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    cookie_secret(tmp_path)
    path = tmp_path / ".serve" / "cookie-secret"
    path.chmod(0o640)
    with pytest.raises(ServeError, match=r"other accounts.*chmod 600"):
        cookie_secret(tmp_path)
    path.chmod(0o600)
    for text in ("", "00" * 31, "not hex at all", "é" * 32):
        path.write_text(text)
        with pytest.raises(ServeError, match="not a cookie secret"):
            cookie_secret(tmp_path)
