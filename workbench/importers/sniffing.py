"""Which importer reads a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ImportFormatError
from workbench.importers.files import read_rows
from workbench.importers.public import MTBENCH_FIELDS, PANDALM_FIELDS, mtbench, pandalm
from workbench.importers.table import NEEDED, long_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.importers.result import Imported


def sniff(path: str | Path) -> Callable[..., Imported]:
    """The importer for a file or folder, by the columns it has: call it with the path and `pilot=`.

    Raises
    ------
    ImportFormatError
        When none fits; it says what was seen.
    """
    source = Path(path)
    if source.is_dir():
        names = sorted(entry.name for entry in source.iterdir())
        for importer, stems in ((mtbench, ("human_votes.", "human.")), (pandalm, ("testset-v1.json",))):
            if any(name.startswith(stems) for name in names):
                return importer
        raise ImportFormatError(
            f"no known data set in the folder; it has {names[:20]}",
            where=str(source),
            next_step="name the file with the labels",
        )
    columns = set(read_rows(source).columns)
    if columns >= {*PANDALM_FIELDS, "annotator1"}:
        return pandalm
    if columns >= set(MTBENCH_FIELDS):
        return mtbench
    if columns >= set(NEEDED):
        return long_table
    raise ImportFormatError(
        f"none of the known shapes; the file has the columns {sorted(columns)[:30]}",
        where=str(source),
        next_step="long_table(path, pilot=…, columns={'item': …, 'annotator': …, 'label': …}), "
        "or workbench import --column item=… --column annotator=… --column label=…",
    )
