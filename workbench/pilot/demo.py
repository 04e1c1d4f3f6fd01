"""The main job from end to end on one pilot, told step by step with its times."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from workbench.pilot.opening import open_pilot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run(folder: Path, *, pairs: int = 64) -> Path:
    """Open, agreement, disagreements, cost, export, train, evaluate, report; returns the report's path."""
    began = time.monotonic()
    with _step("open the pilot"):
        pilot = open_pilot(folder)
        typer.echo(pilot.card())
    with _step("agreement, with intervals that resample items"):
        typer.echo(pilot.agreement())
    with _step("annotators against gold, sides and repeats"):
        typer.echo(pilot.quality())
    with _step("the worst disagreements"):
        typer.echo(pilot.disagreements(5))
    with _step("what 10,000 items would cost"):
        typer.echo(pilot.cost(scale_to=10_000))
    with _step("export preference pairs"):
        preferences = pilot.preferences()
        typer.echo(f"{preferences}\nwritten to {pilot.folder / 'preferences'}")
    with _step(f"train a DPO adapter on {pairs} pairs, in a process of its own"):
        training = pilot.train("dpo", preferences, max_pairs=pairs)
        typer.echo(f"run folder {training.path}")
        training.wait()
        typer.echo(training)
    with _step("base model against adapter on held-out prompts"):
        typer.echo(pilot.evaluate(training))
    with _step("report"):
        path = pilot.report()
    typer.echo(f"\nwhole loop in {time.monotonic() - began:.0f} s. Open the report in a browser; it needs no network:")
    typer.echo(path)
    return path


@contextmanager
def _step(title: str) -> Iterator[None]:
    typer.secho(f"\n== {title}", bold=True)
    began = time.monotonic()
    yield
    typer.secho(f"   ({time.monotonic() - began:.1f} s)", dim=True)
