"""The `workbench` command: thin calls of the functions a notebook uses.

start     the whole loop once, new pilots, labels from elsewhere, `doctor`
batch     answers, plan, simulated labels, and the pages on which people label
results   agreement, cost, rows for training, the report
training  runs: estimate, start, resume, stop
common    arguments and how commands speak

Exit codes: 0 done, 1 something you can act on (one line says what), 2 wrong usage.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from workbench import __version__
from workbench.cli import batch, results, start, training
from workbench.errors import WorkbenchError

app = typer.Typer(
    help="Preference data, from a guideline to a trained adapter and a report.\n\n"
    "A pilot is a folder with pilot.toml (see pilots/). Notebooks are the main interface; these commands do the same "
    "from a shell. Start with: workbench demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (start, batch, results, training):
    app.add_typer(group.commands)


def main() -> None:
    """Run the command line; errors a user can act on become one line and exit code 1."""
    try:
        app()
    except WorkbenchError as error:
        typer.secho(f"error: {error}", err=True, fg=typer.colors.RED)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.secho("stopped", err=True)
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="show the version")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
