"""Column contracts: the label table and the item table every statistic, figure and export reads.

The label table has one row a label, or one row a criterion or claim where a task asks several questions
(`criterion` is empty for the overall question). Statistics need only `item, annotator, label`; the other
columns are context to slice by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# column -> pandas dtype. `answer`, `responses`, `order`, `clauses` and `flags` hold canonical JSON text, so a table
# survives CSV and Parquet unchanged. `left` and `right` are canonical letters (A, B): `label == left` means the
# annotator chose the response on the left.
LABELS: dict[str, str] = {
    "label_id": "str",
    "pilot": "str",
    "batch": "str",
    "round": "int64",
    "item": "str",
    "prompt_id": "str",
    "task": "str",
    "annotator": "str",
    "source": "str",
    "pool": "str",
    "answer": "str",
    "label": "object",
    "criterion": "str",
    "strength": "Int64",
    "left": "str",
    "right": "str",
    "responses": "str",
    "order": "str",
    "position": "Int64",
    "is_gold": "bool",
    "is_repeat": "bool",
    "reason": "str",
    "comment": "str",
    "clauses": "str",
    "flags": "str",
    "duration_s": "Float64",
    "submitted_at": "datetime64[us, UTC]",
    "guideline": "str",
    "guideline_sha256": "str",
    "supersedes": "str",
}

ITEMS: dict[str, str] = {
    "item": "str",
    "prompt_id": "str",
    "task": "str",
    "category": "str",
    "split": "str",
    "prompt": "str",
    "response_a": "str",
    "response_b": "str",
    "model_a": "str",
    "model_b": "str",
    "n_responses": "int64",
    "has_gold": "bool",
}

NEEDED = ("item", "annotator", "label")


def frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str] = LABELS) -> pd.DataFrame:
    """Rows to a data frame with exactly the contract's columns and dtypes, in the contract's order.

    Raises
    ------
    TableError
        When a row has a column the contract does not know.
    """
    listed = list(rows)
    unknown = sorted({key for row in listed for key in row} - set(columns))
    if unknown:
        raise TableError(f"unknown columns {unknown}", next_step=f"use {list(columns)}")
    table = pd.DataFrame(listed, columns=list(columns))
    dtype: Any  # pandas-stubs list every dtype by name; the contract's are checked by the tests
    for name, dtype in columns.items():
        if dtype == "str":
            table[name] = table[name].astype(object).where(table[name].notna(), "").astype("str")
        elif dtype.startswith("datetime"):
            table[name] = pd.to_datetime(table[name], utc=True).astype(dtype)
        elif dtype == "bool":
            table[name] = table[name].astype(object).where(table[name].notna(), False).astype("bool")
        else:
            table[name] = table[name].astype(dtype)
    return table


def require(table: Any, columns: Sequence[str] = NEEDED, *, where: str = "label table") -> None:
    """Raise `TableError` unless the frame (any frame with `.columns`) has these columns."""
    if not hasattr(table, "columns"):
        raise TableError(
            f"expected a data frame, got {type(table).__name__}",
            where=where,
            next_step="pass a pandas, Polars or Arrow table with the columns " + ", ".join(columns),
        )
    require_names(list(table.columns), columns, where=where)


def require_names(have: Sequence[str], columns: Sequence[str] = NEEDED, *, where: str = "label table") -> None:
    """Raise `TableError` unless all of `columns` are among the names a table has."""
    missing = [name for name in columns if name not in have]
    if missing:
        raise TableError(
            f"missing columns {missing}; the table has {have}",
            where=where,
            next_step="rename yours, for example df.rename(columns={'worker': 'annotator'})",
        )
