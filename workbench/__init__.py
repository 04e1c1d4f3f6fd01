"""A Jupyter workbench for human preference data.

    import workbench as wb
    pilot = wb.open_pilot("pilots/instruction-following-smollm2")

Importing this is light: each room loads when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench import (
        design,
        economics,
        exporters,
        figures,
        guidelines,
        importers,
        records,
        report,
        stats,
        store,
        tables,
        tasks,
        training,
        verifiers,
        widgets,
    )
    from workbench.pilot import Pilot, new_pilot, open_pilot, show

__version__ = "0.1.0"

_ROOMS = (
    "design",
    "economics",
    "exporters",
    "figures",
    "guidelines",
    "importers",
    "records",
    "report",
    "stats",
    "store",
    "tables",
    "tasks",
    "training",
    "verifiers",
    "widgets",
)
_FROM_PILOT = ("Pilot", "new_pilot", "open_pilot", "show")

__all__ = [
    "Pilot",
    "__version__",
    "design",
    "economics",
    "exporters",
    "figures",
    "guidelines",
    "importers",
    "new_pilot",
    "open_pilot",
    "records",
    "report",
    "show",
    "stats",
    "store",
    "tables",
    "tasks",
    "training",
    "verifiers",
    "widgets",
]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return import_module(f"workbench.{name}")
    if name in _FROM_PILOT:
        return getattr(import_module("workbench.pilot"), name)
    msg = f"module 'workbench' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
