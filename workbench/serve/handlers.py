"""Everything that answers a request. What is not listed in `routes` does not exist.

Each handler asks first who it is (`Guarded.prepare`); each that names a kernel asks whether it is theirs, and answers
404 where it is not, as for one that never was.
"""

from __future__ import annotations

import json
import re
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

import tornado.web
import tornado.websocket
from jupyter_client.jsonutil import json_default
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from tornado.iostream import StreamClosedError
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from workbench.errors import StoreError
from workbench.serve import headers, pages, wire
from workbench.serve.kernels import Starting
from workbench.serve.sessions import Ending, FullError

if TYPE_CHECKING:
    from workbench.serve.app import Server
    from workbench.serve.files import Files
    from workbench.serve.guests import Guest
    from workbench.serve.sessions import Session

KERNEL = r"(?P<kernel_id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
NOTEBOOK = "label.ipynb"
HEARTBEAT = "<script>window.voila_heartbeat()</script>\n"


class Guarded(JupyterHandler):  # type: ignore[misc]  # jupyter_server is not followed by mypy
    """What all handlers share: identity, headers, and errors that say nothing of the server."""

    guest: Guest | None = None
    nonce = ""

    @property
    def server(self) -> Server:
        """The server this belongs to."""
        server: Server = self.settings["workbench"]
        return server

    async def prepare(self) -> None:
        """Find out who asks; nobody else gets further.

        Raises
        ------
        HTTPError
            401 without a link, 403 with one that has ended or from another site, 404 for somebody else's kernel.
        """
        user = await self.server.identity_provider.get_user(self)
        self.current_user = self._jupyter_current_user = user
        if user is None:
            raise tornado.web.HTTPError(403 if self.server.identity_provider.guest(self) else 401)
        if self.request.method not in ("GET", "HEAD") and not self.is_same_origin():
            raise tornado.web.HTTPError(403)
        if "kernel_id" in self.path_kwargs and not self.server.sessions.owns(
            user.username, self.path_kwargs["kernel_id"]
        ):
            raise tornado.web.HTTPError(404)

    def is_same_origin(self) -> bool:
        """Whether the browser says that a page of ours asks. Every browser does for these requests."""
        origin = (self.request.headers.get("Origin") or "").lower()
        return origin in (self.server.options.origin, f"{self.request.protocol}://{self.request.host}".lower())

    def set_default_headers(self) -> None:
        """The headers of every answer."""
        self.clear_header("Server")
        for name, value in headers.common(headers.policy(self.nonce, self.request.host)).items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **_: Any) -> None:
        """A plain page in place of an error."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(pages.for_status(status_code))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Only what is unexpected is logged; what was asked for may hold a token and is not."""
        if not isinstance(value, tornado.web.HTTPError | tornado.websocket.WebSocketClosedError | StreamClosedError):
            self.server.log.error("failed: %s", self._request_summary(), exc_info=(typ, value, tb))

    def _request_summary(self) -> str:
        return f"{self.request.method} {self.request.path} ({self.request.remote_ip})"

    def refuse(self, status: int, retry_s: int = 0) -> None:
        """End with the page of a status."""
        self.set_status(status)
        if retry_s:
            self.set_header("Retry-After", str(retry_s))
            self.set_header("Refresh", str(retry_s))  # the browser tries again by itself
        self.write_error(status)


class Page(Guarded, TornadoVoilaHandler):  # type: ignore[misc]
    """The labelling page: exchanges a link's token for a cookie, and opens a session with a kernel of its own."""

    session: Session | None = None

    @property
    def kernel_manager(self) -> Any:
        """What Voilà starts the page's kernel with."""
        assert self.session is not None  # set before anything is rendered
        return Starting(self.server.kernel_manager, self.server.sessions, self.session)

    async def prepare(self) -> None:
        """As everywhere; but somebody with a token has still to be let in."""
        if "token" in self.request.query_arguments:
            self.current_user = self._jupyter_current_user = None
            return
        await super().prepare()

    async def get(self, path: str | None = None) -> None:  # noqa: ARG002
        """The page, under its one address."""
        if self.request.query:
            await self._enter()
            return
        guest = self.guest
        assert guest is not None  # `prepare` lets nobody else through
        try:
            self.session = self.server.open_session(guest)
        except FullError as error:
            self.refuse(429 if error.yours else 503, error.retry_s)
            return
        self.nonce = token_urlsafe(18)
        self.set_default_headers()
        try:
            async for html in self.get_generator():
                self.write("\n" if html == HEARTBEAT else html)
                await self.flush()
        except StreamClosedError:
            self.session.leaving = True  # its kernel ends when the cell has run
        except BaseException:
            await self.server.end_session(self.session, Ending.LEFT)
            raise

    async def _enter(self) -> None:
        """Take the token and go to the address without it; other queries are dropped, as nothing is asked that way."""
        if "token" in self.request.query_arguments:
            try:
                token = self.request.query_arguments["token"][-1].decode("utf-8", "replace")
                found = await self.server.guests.redeem(token)
            except StoreError:
                self.server.log.exception("a link could not be looked up")
                self.refuse(503, 30)
                return
            if found is None:
                self.server.refusals.note(self.request.remote_ip)
                self.refuse(403)
                return
            self.server.identity_provider.sign_in(self, *found)
        self.set_status(303)
        self.set_header("Location", self.base_url)
        await self.finish()

    def on_connection_close(self) -> None:
        """The browser went away before its page was complete."""
        super().on_connection_close()
        if self.session is not None:
            self.session.leaving = True


class Kernel(Guarded):
    """What the page's script asks of its kernel once: that it is there."""

    def get(self, kernel_id: str) -> None:
        """The kernel's model."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self.kernel_manager.kernel_model(kernel_id), default=json_default))


class Leave(Guarded):
    """The page's last message: it is closed for good, so its kernel need not wait for it."""

    def post(self, kernel_id: str) -> None:
        """Mark the session as left; it ends when its connection has closed."""
        session = self.server.sessions.of_kernel(kernel_id)
        if session is not None:
            session.leaving = True
        self.set_status(204)
        self.finish()


class Channels(Guarded, VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """The connection of a page to its kernel: comm messages, and only while the invitation holds."""

    session: Session | None = None

    async def prepare(self) -> None:
        """As everywhere, and only from a page of ours.

        Raises
        ------
        HTTPError
            Also 400 for a session name, or another protocol, that no page of ours has.
        """
        await super().prepare()
        if not self.is_same_origin():
            raise tornado.web.HTTPError(403)
        if not re.fullmatch(r"[\w-]{1,64}", self.get_argument("session_id", "none")):
            raise tornado.web.HTTPError(400)
        # Jupyter's older protocol takes a message's first bytes for a count and makes room for as many parts.
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        if wire.PROTOCOL not in [one.strip() for one in offered.split(",")]:
            raise tornado.web.HTTPError(400)

    def check_origin(self, origin: str | None = None) -> bool:  # noqa: ARG002
        """Asked by tornado, though not where there is no such header; `prepare` has looked."""
        return self.is_same_origin()

    async def get(self, kernel_id: str) -> None:
        """Connect."""
        await KernelWebsocketHandler.get(self, kernel_id=kernel_id)

    async def open(self, kernel_id: str) -> None:
        """Connected: the page is there."""
        session = self.server.sessions.of_kernel(kernel_id)
        if session is None:
            self.close(Ending.LEFT.code, Ending.LEFT.why)
            return
        self.session = session
        self.server.sessions.connect(session, self)
        await super().open(kernel_id)

    def on_message(self, ws_message: str | bytes) -> None:
        """Pass a message on, if its sender may still be here."""
        if self.session is None or not self.server.guests.may_stay(self.session.guest):
            self.close(Ending.UNINVITED.code, Ending.UNINVITED.why)
            return
        if self.selected_subprotocol != wire.PROTOCOL:
            self.close(1002, "another protocol")
            return
        sent = wire.incoming(ws_message)
        if sent is None:
            return
        if sent.is_deed:
            self.server.sessions.touch(self.session)
        super().on_message(ws_message)

    def write_message(self, message: bytes | str | dict[str, Any], binary: bool = False) -> Any:
        """Send what a page needs of its kernel; what else kernels say stays here, and all of it once it is closed."""
        if self.ws_connection is None or self.ws_connection.is_closing() or not wire.may_go_out(message):
            return None
        sent = super().write_message(message, binary)
        sent.add_done_callback(lambda one: one.cancelled() or one.exception())  # it may close meanwhile
        return sent

    def on_close(self) -> None:
        """Disconnected; it may come back."""
        if self.session is not None:
            self.server.sessions.disconnect(self.session, self)
        if getattr(self, "connection", None) is not None:
            super().on_close()


class Scripts(Guarded):
    """The files of `files.Files`."""

    def initialize(self, files: Files) -> None:
        """Given by the route."""
        self.files = files

    def get(self, address: str) -> None:
        """One file, which browsers keep: its address changes when it does."""
        file = self.files.get(address)
        if file is None:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Type", file.content_type)
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")
        if re.search(r"\bgzip\b", self.request.headers.get("Accept-Encoding", "")):
            self.set_header("Content-Encoding", "gzip")
            self.finish(file.packed)
        else:
            self.finish(file.plain)


class Nothing(Guarded):
    """Every other address: 401 or 403 for who has no link, else 404."""

    async def prepare(self) -> None:
        """Nothing is here."""
        await super().prepare()
        raise tornado.web.HTTPError(404)


def routes(base: str, files: Files, voila: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All addresses there are, below the path `base`; `voila` is what Voilà's handler is given."""
    root = re.escape(base)
    return [
        (rf"{root}", Page, {"notebook_path": NOTEBOOK, **voila}),
        (rf"{root}api/kernels/{KERNEL}", Kernel),
        (rf"{root}api/kernels/{KERNEL}/channels", Channels),
        (rf"{root}voila/api/shutdown/{KERNEL}", Leave),
        (rf"{root}scripts/{files.version}/(.+)", Scripts, {"files": files}),
    ]
