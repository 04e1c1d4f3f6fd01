"""What every look at annotators needs first: the rows that count, and what the others said of the same item."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats import coding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

# Labels x categories held at once; chunks keep it near 64 MB.
_CELLS = 8_000_000
TIES = ("tie", "both_bad")


@dataclass(frozen=True)
class Others:
    """For each label, what the other annotators said of the same item.

    Attributes
    ----------
    n, same
        Other labels on the item, and how many of them equal this one.
    leader
        Code of the label that most of the others gave; -1 where none leads or nobody else looked.
    shares
        Shape (annotators, categories): mean over an annotator's items of the share of the others who gave each label;
        NaN where nobody else looked.
    """

    n: Ints
    same: Ints
    leader: Ints
    shares: Floats

    @property
    def agreement(self) -> Floats:
        """Share of the others who gave the same label; NaN where nobody else looked."""
        found: Floats = np.divide(self.same, self.n, out=np.full(len(self.n), np.nan), where=self.n > 0)
        return found


def rows(
    labels: Any, needed: Sequence[str] = (), optional: Sequence[str] = (), *, repeats: bool = False
) -> pd.DataFrame:
    """The rows of a label table that are about the overall question, with these columns, in pandas.

    Parameters
    ----------
    needed, optional
        Columns beside `item, annotator, label`; of `optional` those that the table has.
    repeats
        Keep hidden repeats too, and the column `is_repeat`, which is False where the table has none.
    """
    try:
        frame = nw.from_native(labels)
    except TypeError:
        tables.require(labels)  # says what was given and what is needed
        raise
    names = frame.collect_schema().names()
    extra = [*needed, *(name for name in optional if name in names and name not in needed)]
    if not repeats:
        return coding.select(labels, extra)
    if "is_repeat" not in names:
        return coding.select(labels, extra).assign(is_repeat=False)
    # Under another name `select` does not know a repeat for one, and keeps it.
    renamed = frame.rename({"is_repeat": "seen_before"}).to_native()
    found = coding.select(renamed, [*extra, "seen_before"]).rename(columns={"seen_before": "is_repeat"})
    return found.assign(is_repeat=np.fromiter(map(coding.as_mark, found["is_repeat"]), dtype=bool))


def check_single(column: pd.Series[Any], *, where: str = "label table") -> None:
    """Refuse a column of lists or of whatever else cannot be told apart and counted.

    Raises
    ------
    TableError
        With an example of what the column holds.
    """
    try:
        pd.factorize(column)
    except TypeError:
        listed = next((one for one in column if not isinstance(one, Hashable)), column.iloc[0])
        raise TableError(
            f"{column.name} must be single values, got {str(listed)[:40]}",
            where=where,
            next_step=f"df[{column.name!r}].map(str)",
        ) from None


def order_unknown(flags: pd.Series[Any]) -> Bools:
    """Which rows are flagged `order_unknown`, with flags as text, as lists, or missing."""
    return np.fromiter(("order_unknown" in str(one) for one in flags), dtype=bool, count=len(flags))


def in_order(table: pd.DataFrame) -> pd.DataFrame | None:
    """Rows in the order they were judged (`submitted_at`, then `position`); None where the table does not say."""
    by = [name for name in ("submitted_at", "position") if name in table and table[name].notna().any()]
    return table.sort_values(by, kind="stable") if by else None


def others(coded: Coded) -> Others:
    """What the others said, for each label of `coded`."""
    width, n_annotators = max(coded.n_categories, 1), len(coded.annotators)
    n_items = len(coded.items)
    size = np.bincount(coded.item, minlength=n_items)
    cell = coded.item * width + coded.value
    same = _times(cell, n_items * width) - 1
    n = size[coded.item] - 1
    leader = np.full(len(coded.item), -1, dtype=np.int64)
    shares = np.zeros((n_annotators, width))
    step = max(1, _CELLS // width)
    order = np.argsort(coded.item, kind="stable")
    for start in range(0, len(order), step):
        part = order[start : start + step]
        first, last = coded.item[part[0]], coded.item[part[-1]]
        near = order[np.searchsorted(coded.item[order], first) : np.searchsorted(coded.item[order], last, "right")]
        counts = np.zeros((last - first + 1, width))
        np.add.at(counts, (coded.item[near] - first, coded.value[near]), 1)
        rest = counts[coded.item[part] - first]
        rest[np.arange(len(part)), coded.value[part]] -= 1
        leader[part] = strict_leader(rest)
        known = n[part] > 0
        share = rest[known] / n[part][known][:, None]
        for c in range(width):
            shares[:, c] += np.bincount(coded.annotator[part][known], weights=share[:, c], minlength=n_annotators)
    looked = np.bincount(coded.annotator[n > 0], minlength=n_annotators)
    shares = np.divide(shares, looked[:, None], out=np.full_like(shares, np.nan), where=looked[:, None] > 0)
    return Others(n, same, leader, shares)


def strict_leader(counts: Floats) -> Ints:
    """Column with the most votes in each row; -1 where two share the most or there is no vote."""
    best = counts.argmax(axis=1)
    most = counts[np.arange(len(counts)), best]
    alone = ((counts == most[:, None]).sum(axis=1) == 1) & (most > 0)
    return np.where(alone, best, -1).astype(np.int64)


def words_to_read(features: Any) -> Mapping[Any, float]:
    """item -> words on its page, from a mapping or a frame with `item` and columns `words…`, which are added up."""
    if not hasattr(features, "columns"):
        return {item: float(words) for item, words in dict(features).items()}
    table = item_features(features)
    counted = [name for name in table.columns if name.startswith("words")]
    if not counted:
        raise TableError(
            f"no column starts with 'words'; the features have {list(table.columns)}",
            next_step="give words_a, words_b and, where it was shown, words_prompt for each item",
        )
    total: dict[Any, float] = table[counted].astype(float).sum(axis=1, skipna=False).to_dict()
    return total


def item_features(features: Any) -> pd.DataFrame:
    """Features as a pandas frame indexed by item, from any eager frame with an `item` column.

    Raises
    ------
    TableError
        No `item` column, or an item in two rows.
    """
    tables.require(features, ["item"], where="features")
    table: pd.DataFrame = nw.from_native(features, eager_only=True).to_pandas().set_index("item")
    if not table.index.is_unique:
        twice = str(table.index[table.index.duplicated()][0])[:40]
        raise TableError(f"item {twice!r} has two rows of features", next_step="features.drop_duplicates('item')")
    return table


def _times(cell: Ints, n_cells: int) -> Ints:
    """How often each entry of `cell` occurs in it."""
    if n_cells <= _CELLS:
        return np.bincount(cell, minlength=n_cells)[cell]
    _, index, count = np.unique(cell, return_inverse=True, return_counts=True)
    found: Ints = count[index]
    return found
