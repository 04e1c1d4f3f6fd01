"""A JupyterLab server of our own on 127.0.0.1, and a page that runs a notebook in it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

ROOT = Path(__file__).parents[2]
SETTINGS = """{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}"""


@dataclass(frozen=True)
class Lab:
    """A running server: address of a notebook (with the token; put the name in), its folder, its process id.

    `reset` in the address keeps JupyterLab from opening again what an earlier page had open.
    """

    address: str
    folder: Path
    pid: int


@contextmanager
def server(folder: Path) -> Iterator[Lab]:
    """Serve a folder. Stopped with all its kernels at the end."""
    port = free_port()
    token = secrets.token_hex(16)
    home = folder / "home"
    overrides = home / "data" / "lab" / "settings"
    overrides.mkdir(parents=True)
    (overrides / "overrides.json").write_text(SETTINGS, encoding="utf-8")
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = os.environ | {name: str(home / place) for name, place in places.items()}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly", f"--LabApp.app_settings_dir={overrides}",
    ]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        _wait(process, f"http://127.0.0.1:{port}/api/status?token={token}", folder / "server.log")
        yield Lab(f"http://127.0.0.1:{port}/lab/tree/{{notebook}}?reset&token={token}", folder, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=20)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook with these code cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}  # else JupyterLab asks which
    made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(made, path)


class Notebook:
    """A notebook open in JupyterLab, driven through its commands."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    def open(cls, context: BrowserContext, lab: Lab, name: str) -> Notebook:
        """Open a notebook in a tab of its own."""
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(lab.address.format(notebook=name))
        notebook = cls(page)
        notebook.ready()
        return notebook

    def ready(self) -> None:
        """Wait until the notebook is open and its kernel idle."""
        self.page.wait_for_function(
            """() => {
              const panel = window.jupyterapp?.shell.currentWidget;
              const session = panel?.sessionContext;
              return panel?.content?.widgets && session?.isReady
                && session.session?.kernel?.connectionStatus === "connected"
                && session.session.kernel.status === "idle";
            }""",
            timeout=90_000,
        )

    def run_all(self) -> None:
        """Run every cell, without waiting: a promise awaited inside `evaluate` would hang with the kernel."""
        self.page.evaluate("() => { window.running = jupyterapp.commands.execute('notebook:run-all-cells'); }")
