"""Who may be shown as a group: cells of fewer than five people are hidden, and so is what would give them away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats import coding, reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Numbers about fewer people than this are numbers about persons.
SMALLEST_CELL = 5
# Crossing more attributes leaves nearly everybody alone in a cell.
MOST_CROSSED = 3
_ALL = "all"

Groups = str | Mapping[Any, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Sizes:
    """How many annotators each cell of some attributes has.

    `table` has one column an attribute (`all` where it is summed over) and `n_annotators`, for cells that may be shown.
    `n_hidden` counts the others, `n_unknown` annotators without a value in one of the attributes.
    """

    table: pd.DataFrame
    n_hidden: int
    n_unknown: int
    smallest: int


@dataclass(frozen=True)
class Grouped:
    """Labels as codes with the group of each annotator among `names`, -1 where it is unknown or hidden.

    `n_hidden` groups are left out because they, or a group they would give away, have too few people.
    """

    coded: coding.Coded
    of: NDArray[np.int64]
    names: list[Any]
    n_hidden: int
    n_unknown: int

    @property
    def n_people(self) -> NDArray[np.int64]:
        """Annotators a group."""
        return np.bincount(self.of[self.of >= 0], minlength=len(self.names))


def sizes(people: pd.DataFrame, attributes: Sequence[str], *, smallest: int = SMALLEST_CELL) -> Sizes:
    """Cells of crossed attributes with all their sums, safe to show.

    Parameters
    ----------
    people
        One row an annotator (or a label table: `annotator` and the attributes).
    attributes
        At most `MOST_CROSSED` columns.
    smallest
        Fewest people a shown cell may have.

    Raises
    ------
    TableError
        No such column; more attributes than `MOST_CROSSED`; an annotator with two values.

    Notes
    -----
    A cell below `smallest` is hidden. Where a sum is shown and only one of its parts is hidden, or the hidden parts
    come to fewer than `smallest` people, the smallest shown part is hidden too (complementary suppression), and where
    there is none the sum itself, until no hidden number follows from the shown sums, several together included. The
    number of all people is always shown. Hidden cells are not even named: what one person answered may be a free text.
    """
    chosen = list(attributes)
    if not 1 <= len(chosen) <= MOST_CROSSED:
        raise TableError(
            f"{len(chosen)} attributes: between 1 and {MOST_CROSSED} can be crossed, or people stand alone",
            next_step="choose those that the question is about",
        )
    once = _once(people, chosen)
    known = once.dropna(subset=chosen)
    counts = _with_sums(known, chosen)
    hidden = hide(counts, smallest)
    keys = sorted(set(counts) - hidden, key=lambda key: [(part is None, str(part)) for part in key])
    table = pd.DataFrame(
        {
            **{name: [_ALL if key[k] is None else key[k] for key in keys] for k, name in enumerate(chosen)},
            "n_annotators": np.asarray([counts[key] for key in keys], dtype=np.int64),
        }
    )
    return Sizes(table, len(hidden), len(once) - len(known), smallest)


def hide(counts: Mapping[Key, int], smallest: int = SMALLEST_CELL) -> set[Key]:
    """Keys of cells to hide, of cells with all their sums; a key has None where it is summed over.

    >>> sorted(hide({("a",): 2, ("b",): 9, ("c",): 30, (None,): 41}))
    [('a',), ('b',)]
    """
    total = next((key for key in counts if all(part is None for part in key)), None)
    hidden = {key for key, n in counts.items() if 0 < n < smallest and key != total}
    sums: dict[tuple[Key, int], list[Key]] = {}
    for key in counts:
        for k, part in enumerate(key):
            if part is not None:
                sums.setdefault(((*key[:k], None, *key[k + 1 :]), k), []).append(key)
    lines = [[line[0], *sums[line]] for line in sorted(sums, key=str)]
    while True:
        more = next((one for line in lines if (one := _too_open(line, counts, hidden, total, smallest))), None)
        more = more or _following(lines, counts, hidden, total, smallest)
        if more is None:
            return hidden
        hidden.add(more)


def _too_open(
    line: list[Key], counts: Mapping[Key, int], hidden: set[Key], total: Key | None, smallest: int
) -> Key | None:
    """What to hide next so that this sum (first) and its parts give no hidden one away; None where none does."""
    whole, *parts = line
    out = [key for key in parts if key in hidden]
    if whole in hidden:
        return None if out else _least([key for key in parts if counts[key]], counts)
    if not out or (len(out) > 1 and sum(counts[key] for key in out) >= smallest):
        return None
    shown = [key for key in parts if key not in hidden and counts[key]]
    return _least(shown, counts) if shown else None if whole == total or len(out) > 1 else whole


def _following(
    lines: list[list[Key]], counts: Mapping[Key, int], hidden: set[Key], total: Key | None, smallest: int
) -> Key | None:
    """What to hide next where a small cell follows from several sums together; None where none does."""
    unknown = sorted(hidden, key=str)
    place = {key: k for k, key in enumerate(unknown)}
    open_lines = [line for line in lines if any(key in place for key in line)]
    if not unknown:
        return None
    matrix = np.zeros((len(open_lines), len(unknown)))
    for row, (whole, *parts) in enumerate(open_lines):
        for key, sign in [(whole, -1.0), *((part, 1.0) for part in parts)]:
            if key in place:
                matrix[row, place[key]] = sign
    # A hidden count is free if some vector that changes no sum changes it.
    _, values, right = np.linalg.svd(matrix)
    free = right[int((values > 1e-9).sum()) :]
    fixed = {unknown[k] for k in np.flatnonzero((np.abs(free) < 1e-9).all(axis=0))}
    fixed = {key for key in fixed if counts[key] < smallest}
    shown = [key for key in counts if key not in hidden and key != total and counts[key]]
    near = [key for key in shown if any(key in line and fixed & set(line) for line in open_lines)]
    return _least(near or shown, counts) if fixed else None


def _least(keys: Sequence[Key], counts: Mapping[Key, int]) -> Key | None:
    return min(keys, key=lambda key: (counts[key], str(key)), default=None)


def grouped(labels: Any, group: Groups, *, smallest: int = SMALLEST_CELL) -> Grouped:
    """Encode labels with the group of each annotator, groups of fewer than `smallest` people left out.

    Parameters
    ----------
    labels
        A label table.
    group
        The column that says an annotator's group (`pool`, `country`), or annotator -> group.

    Raises
    ------
    TableError
        An annotator in two groups; fewer than two groups that may be shown.
    """
    if isinstance(group, str):
        table = reading.rows(labels, (group,))
        of = _once(table, [group]).set_index("annotator")[group].to_dict()
    else:
        table, of = reading.rows(labels), dict(group)
    coded = coding.encode(table)
    value = [of.get(name) for name in coded.annotators.tolist()]
    known = pd.Series(value, dtype=object)
    known = known.where(known.notna(), None)
    counts: dict[tuple[Any, ...], int] = {(name,): int(n) for name, n in known.value_counts().items()}
    hidden = {key[0] for key in hide({**counts, (None,): sum(counts.values())}, smallest)}
    names = sorted((key[0] for key in counts if key[0] not in hidden), key=str)
    if len(names) < 2:
        raise TableError(
            f"{len(names)} groups have at least {smallest} people and can be shown without giving others away",
            next_step="join groups, or choose an attribute with fewer values",
        )
    place = {name: k for k, name in enumerate(names)}
    codes = np.asarray([-1 if one is None else place.get(one, -1) for one in known], dtype=np.int64)
    return Grouped(coded, codes, names, len(hidden), int(known.isna().sum()))


def _once(people: pd.DataFrame, attributes: list[str]) -> pd.DataFrame:
    missing = [name for name in ["annotator", *attributes] if name not in people]
    if missing:
        raise TableError(f"no column {missing}; the table has {list(people.columns)}")
    by = people.groupby("annotator", sort=True)[attributes]
    twice = (by.nunique() > 1).any(axis=1)
    if twice.any():
        raise TableError(
            f"annotator {str(twice.index[twice][0])[:40]!r} has two values of {attributes}",
            next_step="each person belongs to one group: keep one value each",
        )
    once: pd.DataFrame = by.first().reset_index()  # the first that is known: some rows may lack it
    return once


def _with_sums(known: pd.DataFrame, attributes: list[str]) -> dict[tuple[Any, ...], int]:
    counts: dict[tuple[Any, ...], int] = {(None,) * len(attributes): len(known)}
    for width in range(1, len(attributes) + 1):
        for chosen in combinations(range(len(attributes)), width):
            names = [attributes[k] for k in chosen]
            for values, n in known.groupby(names, sort=True).size().items():
                key: list[Any] = [None] * len(attributes)
                for k, value in zip(chosen, values if isinstance(values, tuple) else (values,), strict=True):
                    key[k] = value
                counts[tuple(key)] = int(n)
    return counts
