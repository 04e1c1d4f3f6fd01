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
    task: str | None = None,
    label_map: Mapping[str, str] | None = None,
    storage: str | None = None,
) -> dict[str, int]:
    """Read `source`, make the pilot if needed, store what could be read; returns counts.

    The task is that of the pilot, of a new one `task` or pairwise. All is checked before anything is written.

    Raises
    ------
    PilotError
        For an unknown shape, or a task other than the pilot's.
    ImportFormatError
        When nothing in the source can be read, or it contradicts what was imported before.
    """
    name = folder.resolve().name
    pilot = open_pilot(folder, storage) if (folder / "pilot.toml").exists() else None
    if pilot is not None and task not in (None, pilot.config.task):
        raise PilotError(
            f"the pilot's task is {pilot.config.task}, not {task}",
            where=f"{folder / 'pilot.toml'}, task",
            next_step="leave --task out, or import into another folder",
        )
    task = pilot.config.task if pilot is not None else task or "pairwise"
    imported = read(source, shape, pilot=name, columns=columns, task=task, label_map=label_map)
    if pilot is None:
        kind = imported.items[0].task if imported.items else task
        write_new(folder, task=kind, title=f"{name}, imported", guideline_text=imported.guideline.text)
        pilot = open_pilot(folder, storage)
    return pilot.bring_in(imported)


def read(
    source: Path,
    shape: str = "auto",
    *,
    pilot: str,
    columns: Mapping[str, str] | None = None,
    task: str = "pairwise",
    label_map: Mapping[str, str] | None = None,
) -> Imported:
    """Read one of the known shapes into records; `auto` looks at the source, and a table where columns are named."""
    if shape == "auto" and not columns and not label_map:
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
            raise PilotError(
                f"a table holds {', '.join(TABLE_TASKS)} labels, got task {task!r}",
                next_step="items of this task are made from prompts: write prompts.jsonl, then workbench generate",
            )
        return importers.long_table(
            source, pilot=pilot, columns=columns, task=cast("Any", task), label_map=label_map or None
        )
    raise PilotError(f"no importer {shape!r}; there are {', '.join(SHAPES)}", next_step="workbench import --help")
