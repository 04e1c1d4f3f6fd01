"""The server: Voilà in this process, with identity, limits and routes of its own.

Of Voilà it uses what renders a notebook with a live kernel and the scripts of the page. Its routes are replaced
(`handlers.routes`), its configuration files are not read, and its contents manager knows one packaged notebook.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import tornado.httpserver
import tornado.netutil
import tornado.web
import typer
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.config import Config
from voila.app import Voila
from voila.configuration import VoilaConfiguration

from workbench.errors import ServeError
from workbench.serve.files import EXTENSIONS, OWN_EXTENSION, find_files
from workbench.serve.guests import Guests
from workbench.serve.handlers import NOTEBOOK, Nothing, routes
from workbench.serve.identity import Invited, OwnKernels
from workbench.serve.kernels import Kernels, ThisPython
from workbench.serve.page import Served
from workbench.serve.secret import cookie_secret
from workbench.serve.sessions import Ending, Sessions
from workbench.serve.telling import Refusals, announce, start_log

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from workbench.pilot import Pilot
    from workbench.serve.guests import Guest
    from workbench.serve.options import Options
    from workbench.serve.sessions import Session

TEMPLATES = Path(__file__).parent / "templates"
LOOK_EVERY_S = 2.0
# A page's connection is asked for a sign of life so often, and closed when it has given none for so many times as long.
# Jupyter looks at that time before it asks, so with 1 it would close every connection instead of asking.
PING_MS = 30_000
PINGS = 3
# The largest message a page sends is an answer with its texts; a request has no body at all.
MOST_BYTES = 1 << 20
MOST_BODY = 1 << 14
STOP_WITHIN_S = 10.0
_log = logging.getLogger("workbench.serve")


class OneNotebook:
    """All the files that can be opened: the page's notebook."""

    async def get(self, path: str, **_: Any) -> dict[str, Any]:
        """The notebook, whatever is asked for."""
        notebook = nbformat.read(TEMPLATES / NOTEBOOK, as_version=4)
        return {"type": "notebook", "path": path, "content": notebook}


class Server(Voila):  # type: ignore[misc]  # voila is not followed by mypy
    """Serves one pilot. Made by `run`."""

    config_file_paths: list[str] = []

    def __init__(self, pilot: Pilot, options: Options, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pilot = pilot
        self.options = options
        self.guests = Guests(pilot.store, pilot.name)
        self.sessions = Sessions(options)
        self.refusals = Refusals()
        self._tasks: set[asyncio.Task[object]] = set()
        self.config.VoilaExecutor = Config({"startup_timeout": 120, "timeout": 600})
        # Sockets in a folder of this account: on a port any account of the machine could listen in.
        self.config.KernelManager = Config({"transport": "ipc", "autorestart": False, "shutdown_wait_time": 3.0})
        self.config.MappingKernelManager = Config({"allow_tracebacks": False})

    # Voilà's own set-up ---------------------------------------------------------------------------------------------

    def set_up(self) -> tornado.web.Application:
        """Make everything that answers requests. Inside a running event loop.

        Raises
        ------
        ServeError
            When the cookie secret is unsafe, or parts of Voilà are missing.
        """
        self.log_level = logging.WARNING
        # Tornado has pings of its own, which nobody asks for: it reads Jupyter's milliseconds as seconds.
        logging.getLogger("tornado.general").addFilter(lambda said: "websocket_ping_timeout" not in said.getMessage())
        self.base_url = self.options.base_path
        self.cookie_secret = cookie_secret(self.pilot.folder)
        self.identity_provider_class = Invited
        self.authorizer_class = OwnKernels
        self.kernel_websocket_connection_class = ZMQChannelsWebsocketConnection
        self.voila_configuration = VoilaConfiguration(
            parent=self,
            allow_template_override="NO",
            allow_theme_override="NO",
            attempt_fix_notebook=False,
            extension_allowlist=list(EXTENSIONS),
            extension_denylist=[],
            file_allowlist=[],
            kernel_spec_manager_class=ThisPython,
            multi_kernel_manager_class=Kernels,
            page_config_hook=self._page_config,
            prelaunch_hook=self._prelaunch,
            show_tracebacks=False,
            strip_sources=True,
            theme="light",  # which loads none: the widget's own colours follow the system's
        )
        self.setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATES))
        # The name of a socket in it has at most about 100 bytes, of which Jupyter takes 50.
        short = None if len(tempfile.gettempdir()) < 30 else "/tmp"  # noqa: S108 - a folder of ours is made in it
        self.connection_dir = tempfile.mkdtemp(prefix="workbench-", dir=short)
        self.root_dir = self.connection_dir
        settings = self.init_settings()
        self.identity_provider.guests = self.guests
        self.identity_provider.is_https = self.options.is_https
        self.authorizer.sessions = self.sessions
        told = Served(str(self.pilot.folder), self.options.model, self.options.model_url)
        self.kernel_manager.environment = told.environment(self.pilot.storage)
        self.files = find_files(self.static_paths, self.labextensions_path)
        settings |= {
            "workbench": self,
            "contents_manager": OneNotebook(),
            "default_handler_class": Nothing,
            "log_function": self._log_request,
            "websocket_max_message_size": MOST_BYTES,
            "ws_ping_interval": PING_MS,
            "ws_ping_timeout": PINGS * PING_MS,
            "xsrf_cookies": False,  # `Guarded.is_same_origin` looks at what every browser sends instead
        }
        given = {"template_paths": self.template_paths, "config": self.config}
        given["voila_configuration"] = self.voila_configuration
        return tornado.web.Application(routes(self.base_url, self.files, given), **settings)

    def _prelaunch(self, handler: Any, notebook: Any, cwd: str) -> None:  # noqa: ARG002 - called by keyword
        """Write into the page's notebook whose page it is: the only way an annotator's id takes."""
        notebook.cells[-1].source = f"from workbench.serve.page import show\n\nshow({handler.guest.annotator!r})"
        notebook.metadata["title"] = self.pilot.config.title or self.pilot.name
        notebook.metadata["workbench"] = {
            "nonce": handler.nonce,
            "scripts": f"{self.base_url}scripts/{self.files.version}/",
        }

    def _page_config(self, config: dict[str, Any], **_: Any) -> dict[str, Any]:
        """What the page's script is told. Only this: the rest names folders of this machine."""
        scripts = f"{self.base_url}scripts/{self.files.version}"
        kept = ("appVersion", "progressiveRendering", "terminalsAvailable")
        return {name: config[name] for name in kept} | {
            "federated_extensions": [*config["federated_extensions"], OWN_EXTENSION],
            "appUrl": "voila/",
            "baseUrl": self.base_url,
            "themesUrl": f"{scripts}/none",
            "fullStaticUrl": f"{scripts}/voila",
            "fullLabextensionsUrl": f"{scripts}/lab",
            "extensionConfig": {},
            "mathjaxConfig": "none",
            "fullMathjaxUrl": f"{scripts}/mathjax.js",
        }

    # Sessions -------------------------------------------------------------------------------------------------------

    def open_session(self, guest: Guest) -> Session:
        """A session with a kernel that starts when the page is rendered.

        Raises
        ------
        FullError
            When there is no place.
        """
        session, going = self.sessions.admit(guest)
        for one, why in going:
            self._in_background(self._finish(one, why))
        _log.info("%s: page opened, %s of %s", guest.annotator, len(self.sessions), self.options.max_sessions)
        return session

    async def end_session(self, session: Session, why: Ending) -> None:
        """End a session and its kernel; nothing happens when it has ended."""
        if self.sessions.drop(session):
            await self._finish(session, why)

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, session: Session, why: Ending) -> None:
        for socket in list(session.sockets):
            socket.close(why.code, why.why)
        _log.info("%s: page closed, %s", session.guest.annotator, why.why)
        if session.kernel and session.kernel in self.kernel_manager:
            try:
                await self.kernel_manager.shutdown_kernel(session.kernel, now=why is not Ending.LEFT)
            except Exception:  # noqa: BLE001 - it may have ended by itself
                _log.exception("%s: the kernel of a closed page did not end well", session.guest.annotator)

    async def _look_after(self) -> None:
        """Every two seconds: who may still be here, which pages are gone, which kernels died."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.guests.refresh()
                ends = self.sessions.due(self.guests.may_stay)
                started = [one for one in self.sessions if one.kernel]
                ends += [(one, Ending.KERNEL_DIED) for one in started if not await self._is_alive(one.kernel)]
                await asyncio.gather(*(self.end_session(session, why) for session, why in ends))
            except Exception:  # noqa: BLE001 - the watch goes on
                _log.exception("looking after the sessions failed")

    async def _is_alive(self, kernel: str) -> bool:
        manager = self.kernel_manager
        return kernel in manager and bool(await manager.get_kernel(kernel).is_alive())

    # Running --------------------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Listen until SIGINT or SIGTERM, then end every page and kernel."""
        app = self.set_up()
        try:
            server = tornado.httpserver.HTTPServer(
                app,
                xheaders=self.options.behind_proxy,
                max_body_size=MOST_BODY,
                idle_connection_timeout=300,
                body_timeout=20,
            )
            server.add_sockets(self._bind())
            stopped = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stopped.set)
            self.kernel_manager.prepare_one()
            self._in_background(asyncio.to_thread(self.files.pack))
            watch = asyncio.create_task(self._look_after())
            announce(self.options, self.pilot)
            await stopped.wait()
            typer.echo("stopping …")
            server.stop()
            watch.cancel()
            for session in self.sessions:
                self.sessions.drop(session)
                for socket in list(session.sockets):
                    socket.close(Ending.STOPPING.code, Ending.STOPPING.why)
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.kernel_manager.shutdown_all(), STOP_WITHIN_S)
            shutil.rmtree(self.connection_dir, ignore_errors=True)

    def _bind(self) -> list[Any]:
        try:
            return tornado.netutil.bind_sockets(self.options.port, self.options.ip)
        except OSError as error:
            raise ServeError(
                f"cannot listen on {self.options.ip} port {self.options.port}: {error.strerror}",
                next_step="see whether it runs already, or give another one: --port 8867",
            ) from None

    # The log --------------------------------------------------------------------------------------------------------

    def _log_request(self, handler: Any) -> None:
        """One line for a page that was opened or failed; never a query, which may hold a token."""
        status = handler.get_status()
        if status >= 500 and status != 503:
            _log.error("%s %s %s", status, handler.request.method, handler.request.path)


def run(pilot: Pilot, options: Options) -> None:
    """Serve a pilot until the process is told to stop; see `workbench.serve.serve`."""
    pilot.store.invitations(pilot.name)  # a store that cannot be read is told now, not at the first visit
    start_log()
    Server.clear_instance()
    server = Server.instance(pilot=pilot, options=options)
    asyncio.run(server.serve())
