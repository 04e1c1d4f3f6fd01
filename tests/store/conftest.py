"""A store in each kind of database, and processes to use it from."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

import pytest

from tests.store.make import T0, guideline
from workbench.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        opened.keep_guideline(guideline(), received_at=T0)
        yield opened


@pytest.fixture(scope="package")
def processes() -> Any:
    # A server process that has imported these modules once, and forks before any thread or connection exists.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.store.test_store", "tests.store.test_judging", "tests.store.test_serving"])
    return context
