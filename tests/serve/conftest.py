"""One served pilot for the tests that only look at it, and servers of their own for those that need one."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.serve import make
from tests.serve.server import Running, Visitor, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with the usual options."""
    with running(make.pilot(tmp_path_factory.mktemp("served") / "small")) as one:
        yield one
        said = one.said()
        assert "Traceback" not in said, said
        for token in one.tokens.values():
            assert token not in said


@pytest.fixture
def visit() -> Iterator[Callable[..., Visitor]]:
    """Visitors; with a name they come in by a link of their own."""
    with ExitStack() as made:

        def come(server: Running, name: str = "", **headers: str) -> Visitor:
            visitor = Visitor(server, **headers)
            made.callback(visitor.close)
            if name:
                assert visitor.enter(server.invite(name)).status_code == 303
            return visitor

        yield come
