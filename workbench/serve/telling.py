"""What a server says: how to use it, to whoever started it, and what happens, to its log. Never a link."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from workbench.serve.options import PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.pilot import Pilot
    from workbench.serve.options import Options

REFUSALS_A_MINUTE = 5
_log = logging.getLogger("workbench.serve")


def announce(options: Options, pilot: Pilot) -> None:
    """Say where the page is, how to invite people, and what is unsafe."""
    folder = pilot.folder
    n_invited = len({one.annotator for one in pilot.store.invitations(pilot.name) if one.valid()})
    place = str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)
    where = f" --url {options.public_url}" if options.url or options.port != PORT else ""
    invited = f"{n_invited} invited" if n_invited else "nobody is invited yet"
    typer.echo(f"{pilot.name}: the labelling page is at {options.public_url} ({invited})")
    typer.echo(f"invite people:  workbench invite {place} NAME …{where}")
    typer.echo(f"turn away:      workbench invite {place} --revoke NAME")
    if pilot.config.task == "red_team" and not options.model:
        typer.secho(
            "WARNING: no model is connected, so people paste what some model answered. --model NAME lets one answer",
            fg=typer.colors.YELLOW,
            err=True,
        )
    if not options.is_loopback:
        typer.secho(
            f"WARNING: {options.ip} can be reached from other machines; without TLS links and answers can be read on "
            "the way. Put a proxy with TLS in front and listen on 127.0.0.1: see docs/serving.md",
            fg=typer.colors.YELLOW,
            err=True,
        )
    typer.echo("Ctrl-C stops it.")
    sys.stdout.flush()


def start_log() -> None:
    """Log to the standard error stream, one line an event."""
    if not _log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        _log.addHandler(handler)
        _log.setLevel(logging.INFO)
        _log.propagate = False


class Refusals:
    """Logs refused links, a few a minute at most and the others by their number, so that nobody can fill the disk."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: list[float] = []
        self._n_unsaid = 0

    def note(self, ip: str | None) -> None:
        """A link that opens nothing was refused."""
        now = self._clock()
        self._said = [at for at in self._said if now - at < 60]
        if len(self._said) >= REFUSALS_A_MINUTE:
            self._n_unsaid += 1
            return
        self._said.append(now)
        more = f", and {self._n_unsaid} more since the last line" if self._n_unsaid else ""
        self._n_unsaid = 0
        _log.warning("a link that opens nothing was refused (from %s)%s", ip, more)
