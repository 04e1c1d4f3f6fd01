"""Widgets: what people judge with. Records in, records out through a callback; no store and no statistics here."""

from workbench.widgets.annotate import AnnotateWidget, annotate

__all__ = ["AnnotateWidget", "annotate"]
