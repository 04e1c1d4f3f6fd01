"""Widgets: what people judge with, and see how judging and training come along.

Records and numbers in, records out through callbacks; no store, no statistics and no trainer here. `annotate`,
`progress` and `launch` take a pilot, which knows all three, and `training` takes a run; `annotate_queue` and `follow`
are what a pilot calls, and work without one.
"""

from __future__ import annotations

from typing import Any, Protocol

from workbench.widgets.annotate import AnnotateWidget, annotate_queue
from workbench.widgets.launch import Launching, LaunchWidget, launch_form
from workbench.widgets.progress import ProgressWidget, follow
from workbench.widgets.training import Followed, TrainingWidget, follow_run


class Labelled(Protocol):
    """Something that can be labelled and followed; a `Pilot` is."""

    def annotate(self, annotator: str, **options: Any) -> AnnotateWidget: ...
    def progress(self, **options: Any) -> ProgressWidget: ...


def annotate(pilot: Labelled, annotator: str, **options: Any) -> AnnotateWidget:
    """The labelling widget of a pilot for one annotator; see `Pilot.annotate` for the options."""
    return pilot.annotate(annotator, **options)


def progress(pilot: Labelled, **options: Any) -> ProgressWidget:
    """How a pilot's batch comes along; see `Pilot.progress` for the options."""
    return pilot.progress(**options)


def training(run: Followed, **options: Any) -> TrainingWidget:
    """A training run: how it stands, its curves, its log, and a button that stops it; see `follow_run`."""
    return follow_run(run, **options)


def launch(pilot: Launching, **options: Any) -> LaunchWidget:
    """Start a training run from a form that says what it will cost; see `launch_form`."""
    return launch_form(pilot, **options)


__all__ = [
    "AnnotateWidget",
    "Followed",
    "LaunchWidget",
    "Launching",
    "ProgressWidget",
    "TrainingWidget",
    "annotate",
    "annotate_queue",
    "follow",
    "follow_run",
    "launch",
    "launch_form",
    "progress",
    "training",
]
