"""A real `workbench serve` on 127.0.0.1, and what talks to it without a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import websocket

from tests.ports import free_port
from workbench import serve
from workbench.serve.wire import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workbench.pilot import Pilot

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A server that runs: where, which process, what it has logged."""

    pilot: Pilot
    port: int
    log: Path
    process: subprocess.Popen[bytes]
    arguments: tuple[str, ...] = ()
    tokens: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def invite(self, name: str) -> str:
        """A link for somebody; its token is remembered, to be looked for where it must not be."""
        (link,) = serve.invite(self.pilot, [name], url=self.url)
        self.tokens[name] = link.url.partition("token=")[2]
        return link.url

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def children(self) -> list[int]:
        """The kernels' process ids."""
        found = []
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            if f"PPid:\t{self.process.pid}\n" in text:
                found.append(int(status.parent.name))
        return found

    def process_of(self, kernel: str) -> int:
        """The process id of a kernel."""
        for pid in self.children():
            with suppress(OSError):  # one that has ended meanwhile
                if kernel in Path(f"/proc/{pid}/cmdline").read_text():
                    return pid
        raise AssertionError(f"no process of kernel {kernel}")

    def kill(self) -> None:
        """As when the machine fails."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)

    def start(self) -> None:
        """Start it, or start it again on the same port."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"} | self.environment
        command = [sys.executable, "-m", "workbench", "serve", str(self.pilot.folder), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, *self.arguments], env=environment, stdout=log, stderr=log)
        until = time.monotonic() + 240
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError(f"the server did not start:\n{self.said()[-2000:]}")

    def stop(self) -> int:
        """Stop it as Ctrl-C does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def running(pilot: Pilot, *arguments: str, **environment: str) -> Iterator[Running]:
    """Serve a pilot; stopped with all its kernels at the end."""
    log = pilot.folder / "server.log"
    server = Running(pilot, free_port(), log, None, arguments, environment=environment)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Visitor:
    """Somebody with a browser's manners and no browser: keeps cookies, follows to the clean address when told to."""

    def __init__(self, server: Running, **headers: str) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, headers=headers, trust_env=False, timeout=60)
        self.sockets: list[Any] = []

    def enter(self, link: str) -> httpx.Response:
        """Open a link, without going where it leads."""
        return self.http.get(link)

    def open_page(self) -> str:
        """The labelling page's kernel."""
        answer = self.http.get("")
        assert answer.status_code == 200, answer.text
        return kernel_of(answer.text)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.server.url)
        return f"{parts.scheme}://{parts.netloc}"

    def connect(
        self, kernel: str, origin: str | None = "own", protocols: Sequence[str] = (PROTOCOL,)
    ) -> websocket.WebSocket:
        """The page's connection to its kernel."""
        address = f"ws://127.0.0.1:{self.server.port}/api/kernels/{kernel}/channels?session_id=abc"
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies.jar)
        asked: dict[str, Any] = {"suppress_origin": True}
        if origin is not None:
            asked = {"origin": self.origin if origin == "own" else origin}
        made: Any = websocket.WebSocket()
        self.sockets.append(made)
        made.settimeout(20)
        made.connect(address, cookie=cookies, subprotocols=[*protocols], **asked)
        return made  # type: ignore[no-any-return]  # websocket-client has no types

    def close(self) -> None:
        for one in self.sockets:
            one.shutdown()
        self.http.close()


def kernel_of(html: str) -> str:
    """The kernel a page was given."""
    found = re.search(r'dataset\.kernelId = "([0-9a-f-]{36})"', html)
    assert found is not None, html
    return found[1]


def message(
    kind: str, content: dict[str, Any], channel: str = "shell", metadata: dict[str, Any] | None = None
) -> bytes:
    """A message as a page sends it."""
    header = {"msg_id": os.urandom(8).hex(), "msg_type": kind, "username": "", "session": "abc", "version": "5.3"}
    parts = [channel.encode(), *(json.dumps(part).encode() for part in (header, {}, metadata or {}, content))]
    at = [8 * (len(parts) + 2)]
    for part in parts:
        at.append(at[-1] + len(part))
    numbers = [len(at), *at]
    return b"".join(number.to_bytes(8, "little") for number in numbers) + b"".join(parts)


def kinds(socket: websocket.WebSocket, seconds: float, wanted: str = "") -> list[str]:
    """The types of the messages that come within a time, or up to the first that is wanted."""
    found: list[str] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until and not (wanted and wanted in found):
        socket.settimeout(max(0.05, until - time.monotonic()))
        try:
            data = socket.recv()
        except (websocket.WebSocketTimeoutException, websocket.WebSocketConnectionClosedException):
            break
        assert isinstance(data, bytes)
        start = int.from_bytes(data[16:24], "little")
        end = int.from_bytes(data[24:32], "little")
        found.append(json.loads(data[start:end])["msg_type"])
    return found
