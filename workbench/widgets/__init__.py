"""Widgets: what people judge with, and see how judging comes along.

Records and numbers in, records out through callbacks; no store and no statistics here. `annotate` and `progress` take a
pilot, which knows both; `annotate_queue` and `follow` are what a pilot calls, and work without one.
"""

from __future__ import annotations

from typing import Any, Protocol

from workbench.widgets.annotate import AnnotateWidget, annotate_queue
from workbench.widgets.progress import ProgressWidget, follow


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


__all__ = ["AnnotateWidget", "ProgressWidget", "annotate", "annotate_queue", "follow", "progress"]
