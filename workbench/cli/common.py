"""What commands share: their arguments, and how they speak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.pilot import Pilot

Folder = Annotated[Path, typer.Argument(help="the pilot's folder, for example pilots/instruction-following-smollm2")]
RunFolder = Annotated[Path, typer.Argument(help="a run folder, pilots/…/runs/…")]
Storage = Annotated[
    str | None,
    typer.Option(
        envvar="WORKBENCH_STORAGE",
        show_envvar=True,
        help="database URL, for example postgresql+psycopg://… for a team; by default a SQLite file in the folder",
    ),
]

# How labels become rows.
Ties = Annotated[str, typer.Option(help="drop (and count), both directions, or split: half of them each way")]
Desirable = Annotated[list[str] | None, typer.Option(help="for classes: one that is wanted; may repeat")]
Undesirable = Annotated[list[str] | None, typer.Option(help="for classes: one that is not; may repeat")]


def open_(folder: Path, storage: str | None) -> Pilot:
    """The folder's pilot."""
    from workbench.pilot import open_pilot

    return open_pilot(folder, storage)


def warn(pilot: Pilot) -> None:
    """Say on stderr what is unfinished in the guideline that people are about to be shown."""
    warning = pilot.guideline_warning()
    if warning:
        typer.secho(f"warning: {warning}", err=True, fg=typer.colors.YELLOW)


def one_of(given: str, allowed: Sequence[str], option: str) -> None:
    """Refuse what an option does not allow, as wrong usage."""
    if given and given not in allowed:
        raise typer.BadParameter(f"got {given!r}; allowed are {', '.join(allowed)}", param_hint=option)


def pairs_of(given: list[str], option: str, form: str) -> dict[str, str]:
    """What was given as `name=value`, once or more."""
    for text in given:
        if "=" not in text:
            raise typer.BadParameter(f"write {form}, got {text!r}", param_hint=option)
    return dict(text.split("=", 1) for text in given)


def say(what: Any) -> None:
    """A line, or several, on standard output."""
    typer.echo(str(what))
