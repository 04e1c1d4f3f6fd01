"""The kernels: one a page, started from this Python, with nothing in them that a browser said.

One kernel is kept ready with everything imported and the pilot opened, so a page does not wait for that. Whose it will
be is not known to it until the server runs its one cell.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Dict

if TYPE_CHECKING:
    from workbench.serve.sessions import Session, Sessions

# The page that is being opened shall have the processor first.
REFILL_AFTER_S = 1.0
# Not from the user's own settings: no history is written, no file of theirs is run, and what is printed goes to the
# server's log and not to the page.
ARGUMENTS = (
    "-f",
    "{connection_file}",
    "--HistoryManager.enabled=False",
    "--IPKernelApp.capture_fd_output=False",
    "--IPKernelApp.exec_PYTHONSTARTUP=False",
    "--IPKernelApp.exec_lines=from workbench.serve.page import warm; warm()",
)
# Of what the server's own environment may hold, kernels get nothing that opens a door.
WITHHELD = ("JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN")


class ThisPython(KernelSpecManager):  # type: ignore[misc]  # Jupyter's packages are not followed by mypy
    """The one kernel there is: ipykernel in the Python that runs the server, whatever else is installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The kernel, by any name."""
        argv = [sys.executable, "-m", "ipykernel_launcher", *ARGUMENTS]
        return KernelSpec(argv=argv, name=kernel_name, display_name="Python 3", language="python")

    def get_all_specs(self) -> dict[str, Any]:
        """The kernel as it is listed."""
        return {"python3": {"resource_dir": "", "spec": self.get_kernel_spec("python3").to_dict()}}


class Kernels(AsyncMappingKernelManager):  # type: ignore[misc]
    """Kernels of labelling pages. `environment` is what they are told beside the server's own environment."""

    environment = Dict()

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._spare: asyncio.Task[str] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def start_kernel(self) -> str:
        """A kernel for a page: the one that is ready, or a new one."""
        kernel = await self._ready_one()
        if kernel is None:
            kernel = await self._launch()
        task = asyncio.create_task(self._refill(REFILL_AFTER_S))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return kernel

    async def shutdown_all(self, now: bool = True) -> None:
        """End all kernels, also the one kept ready, however each of them takes it."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        if self._spare is not None:
            await asyncio.gather(self._spare, return_exceptions=True)
        ends = [self.shutdown_kernel(kernel, now=now) for kernel in self.list_kernel_ids()]
        await asyncio.gather(*ends, return_exceptions=True)

    def prepare_one(self) -> None:
        """Start getting a kernel ready, unless there is one."""
        if self._spare is None and not self._closing:
            self._spare = asyncio.create_task(self._launch())

    async def _refill(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.prepare_one()

    async def _ready_one(self) -> str | None:
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        try:
            kernel = await spare
            alive = kernel in self and await self.get_kernel(kernel).is_alive()
        except Exception:
            self.log.exception("the kernel kept ready did not start")
            return None
        if not alive and kernel in self:
            self.remove_kernel(kernel)
        return kernel if alive else None

    async def _launch(self) -> str:
        kept = {name: value for name, value in os.environ.items() if name not in WITHHELD}
        environment = {**kept, "IPYTHONDIR": os.path.join(self.connection_dir, "ipython"), **self.environment}  # noqa: PTH118
        kernel: str = await super().start_kernel(kernel_name="python3", cwd=self.connection_dir, env=environment)
        return kernel


class Starting:
    """The kernels as the rendering of one page sees them: the kernel it starts becomes the session's."""

    notebook_data: dict[str, Any] = {}

    def __init__(self, kernels: Kernels, sessions: Sessions, session: Session) -> None:
        self._kernels = kernels
        self._sessions = sessions
        self._session = session

    def get_pool_size(self, _: str) -> int:
        """Voilà keeps no rendered notebooks."""
        return 0

    async def start_kernel(self, **_: Any) -> str:
        """Start it; what was read off the request is left out.

        Raises
        ------
        HTTPError
            When the session has ended meanwhile.
        """
        kernel = await self._kernels.start_kernel()
        if self._session not in self._sessions:
            await self._kernels.shutdown_kernel(kernel, now=True)
            raise HTTPError(503)
        self._session.kernel = kernel
        return kernel

    def get_kernel(self, kernel: str) -> Any:
        """The kernel's manager."""
        return self._kernels.get_kernel(kernel)
