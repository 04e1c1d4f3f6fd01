"""Import outside data into a pilot folder, making the folder where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench import importers
from workbench.errors import PilotError
from workbench.pilot.opening import open_pilot
from workbench.pilot.template import write_new

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workbench.importers import Imported

SHAPES = ("pandalm", "mtbench", "table")


def import_into(
    folder: Path,
    shape: str,
    source: Path,
    *,
    columns: Mapping[str, str] | None = None,
    task: str = "pairwise",
    storage: str | None = None,
) -> dict[str, int]:
    """Read `source`, make the pilot if needed, store what could be read; returns counts.

    Raises
    ------
    PilotError
        For an unknown shape.
    ImportFormatError
        When nothing in the source can be read.
    """
    name = folder.resolve().name
    imported = read(shape, source, pilot=name, columns=columns, task=task)
    if not (folder / "pilot.toml").exists():
        kind = imported.items[0].task if imported.items else task
        write_new(folder, task=kind, title=f"{name}, imported", guideline_text=imported.guideline.text)
    return open_pilot(folder, storage).bring_in(imported)


def read(
    shape: str, source: Path, *, pilot: str, columns: Mapping[str, str] | None = None, task: str = "pairwise"
) -> Imported:
    """Read one of the known shapes into records."""
    if shape == "pandalm":
        return importers.pandalm(source, pilot=pilot)
    if shape == "mtbench":
        return importers.mtbench(source, pilot=pilot)
    if shape == "table":
        return importers.long_table(source, pilot=pilot, columns=columns, task=task)
    raise PilotError(f"no importer {shape!r}; there are {', '.join(SHAPES)}", next_step="workbench import --help")
