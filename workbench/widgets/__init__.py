"""Widgets: what people judge with. Records in, records out through a callback; no store and no statistics here."""

from workbench.widgets.annotate import AnnotateWidget, annotate_queue

__all__ = ["AnnotateWidget", "annotate_queue"]
