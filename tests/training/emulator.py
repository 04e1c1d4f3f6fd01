"""An emulator of a server that speaks the OpenAI chat protocol, on this machine: it replies what a test tells it to."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Emulator:
    """What it was asked, and what it answers: a status, and lines that are sent one by one."""

    url: str = ""
    status: int = 200
    lines: list[str] = field(default_factory=list)
    # Lines before this one are sent at once, the others once `go_on` is set.
    pause_before: int | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    # Announced length of the body beyond what is sent: the connection breaks off.
    missing: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


def piece(text: str | None, **more: Any) -> str:
    return f"data: {json.dumps({'choices': [{'delta': {'content': text}} | more]})}"


@contextmanager
def emulator() -> Iterator[Emulator]:
    told = Emulator()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((self.path, dict(self.headers), json.loads(body)))
            lines = [f"{line}\n\n".encode() for line in told.lines]
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(sum(map(len, lines)) + told.missing))
            self.end_headers()
            for number, line in enumerate(lines):
                if number == told.pause_before:
                    assert told.go_on.wait(120)
                self.wfile.write(line)
                self.wfile.flush()
            self.close_connection = bool(told.missing)

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Who asked has gone away, as some tests do."""

    server = Server(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        told.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()
