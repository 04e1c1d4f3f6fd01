"""Import outside data into a pilot folder, making the folder where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from workbench import importers
from workbench.errors import PilotError
from workbench.pilot.opening import open_pilot
from workbench.pilot.template import write_new

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workbench.importers import Imported

SHAPES = ("auto", "pandalm", "mtbench", "table")
TABLE_TASKS = ("pairwise", "classification", "likert")


def import_into(
    folder: Path,
    source: Path,
    *,
    shape: str = "auto",
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
    imported = read(source, shape, pilot=name, columns=columns, task=task)
    if not (folder / "pilot.toml").exists():
        kind = imported.items[0].task if imported.items else task
        write_new(folder, task=kind, title=f"{name}, imported", guideline_text=imported.guideline.text)
    return open_pilot(folder, storage).bring_in(imported)


def read(
    source: Path, shape: str = "auto", *, pilot: str, columns: Mapping[str, str] | None = None, task: str = "pairwise"
) -> Imported:
    """Read one of the known shapes into records; `auto` looks at the source, and a table where columns are named."""
    if shape == "auto" and not columns:
        found = importers.sniff(source)
        if found is not importers.long_table:
            return found(source, pilot=pilot)
        shape = "table"
    if shape == "pandalm":
        return importers.pandalm(source, pilot=pilot)
    if shape == "mtbench":
        return importers.mtbench(source, pilot=pilot)
    if shape in ("auto", "table"):
        if task not in TABLE_TASKS:
            raise PilotError(f"a table holds {', '.join(TABLE_TASKS)} labels, got task {task!r}")
        return importers.long_table(source, pilot=pilot, columns=columns, task=cast("Any", task))
    raise PilotError(f"no importer {shape!r}; there are {', '.join(SHAPES)}", next_step="workbench import --help")
