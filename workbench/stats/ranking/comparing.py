"""From a comparisons table to integer codes: the one door to every ranking, so bad tables are refused once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats.naming import coded_names
from workbench.stats.reading import check_single

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NEEDED = ("a", "b", "winner")
FIRST, SECOND, TIE = 0, 1, 2
OUTCOME = {"A": FIRST, "B": SECOND, "tie": TIE, "both_bad": TIE}


@dataclass(frozen=True)
class Compared:
    """Comparisons as integer codes, one entry a comparison.

    Attributes
    ----------
    first, second
        Positions in `names` of the two systems.
    outcome
        0 the first won, 1 the second won, 2 a tie.
    names
        The systems, sorted.
    cluster, cluster_name
        The group (prompt) each comparison is resampled with, and the column it came from; None without one.
    annotator
        Who compared, None where the table does not say.
    first_is_left
        Whether the first was shown on the left; None unless asked for.
    style, style_names
        Differences first minus second, shape (comparisons, covariates).
    notes
        What was left out, for the warnings of a result.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    outcome: NDArray[np.int64]
    names: list[str]
    cluster: NDArray[np.int64] | None = None
    cluster_name: str | None = None
    annotator: NDArray[np.int64] | None = None
    first_is_left: NDArray[np.bool_] | None = None
    style: NDArray[np.float64] | None = None
    style_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of comparisons."""
        return len(self.first)

    def decided(self) -> Compared:
        """The comparisons that are no ties; the systems stay the same."""
        return self._taken(np.flatnonzero(self.outcome != TIE))

    def in_order(self) -> Compared:
        """The same comparisons in an order that does not depend on the table's; equal ones are interchangeable."""
        style = [] if self.style is None else list(np.transpose(self.style))
        return self._taken(np.lexsort((*style, self.outcome, self.second, self.first)))

    def _taken(self, rows: NDArray[np.int64]) -> Compared:
        def kept(column: Any) -> Any:
            return None if column is None else column[rows]

        return replace(
            self,
            first=self.first[rows],
            second=self.second[rows],
            outcome=self.outcome[rows],
            cluster=kept(self.cluster),
            annotator=kept(self.annotator),
            first_is_left=kept(self.first_is_left),
            style=kept(self.style),
        )

    def left_first(self) -> Compared:
        """The same comparisons with the system shown on the left as the first."""
        if self.first_is_left is None:
            raise TableError("these comparisons were encoded without `left`", next_step="encode(..., position=True)")
        swap = ~self.first_is_left
        won = np.where(swap & (self.outcome != TIE), 1 - self.outcome, self.outcome)
        return replace(
            self,
            first=np.where(swap, self.second, self.first),
            second=np.where(swap, self.first, self.second),
            outcome=won,
            first_is_left=np.ones(self.n, dtype=bool),
            style=None if self.style is None else np.where(swap[:, None], -self.style, self.style),
        )


def encode(
    table: Any, *, cluster: str | None = "prompt_id", style: Sequence[str] = (), position: bool = False
) -> Compared:
    """Encode a comparisons table as integers; a `Compared` comes back as it is, if it holds what is asked for.

    Parameters
    ----------
    table
        Any data frame with `a, b, winner` (A, B, tie or both_bad, which counts as a tie).
    cluster
        The column that says which comparisons belong together, for intervals that resample these.
    style
        Covariates: `words` means the difference of the columns `words_a` and `words_b`, or else the column `words`,
        which then already is a difference a minus b.
    position
        Read `left` (A or B: which was shown on the left).

    Raises
    ------
    TableError
        Missing columns or values; a winner that is none of the four; fewer than two systems; text or infinity as style;
        lists where names belong.
    """
    if isinstance(table, Compared):
        return _again(table, cluster, tuple(style), position)
    names = column_names(table, NEEDED, "comparisons table")
    if cluster is not None and cluster not in names:
        raise TableError(
            f"no column {cluster!r} to resample by; the table has {names}",
            where="comparisons table",
            next_step="name another column with cluster=..., or cluster=None if every comparison is independent",
        )
    if position and "left" not in names:
        raise TableError("no column 'left', so nothing says which was shown on the left", where="comparisons table")
    sides = [(name, *_style_columns(name, names)) for name in style]
    extra = [cluster, "left" if position else None, "annotator" if "annotator" in names else None]
    wanted = [*NEEDED, *(name for name in extra if name), *(column for _, *columns in sides for column in columns)]
    frame = to_pandas(table, list(dict.fromkeys(wanted)))
    notes = []
    for name in NEEDED:
        check_single(frame[name], where="comparisons table")
    code, seen = pd.factorize(frame["winner"])
    strange = [value for value in seen if value not in OUTCOME]
    if strange:
        raise TableError(
            f"winner {str(strange[0])[:40]!r} is none of {list(OUTCOME)}",
            where="comparisons table",
            next_step="for example df['winner'].replace({'model_a': 'A', 'model_b': 'B'})",
        )
    outcome = np.asarray([*(OUTCOME[value] for value in seen), -1], dtype=np.int64)[code]
    system, systems = _systems(frame)
    first, second = system[: len(frame)], system[len(frame) :]
    keep = (outcome >= 0) & (first != second)
    if (outcome < 0).any():
        notes.append(f"{int((outcome < 0).sum())} comparisons without a winner are left out")
    if (first == second).any():
        notes.append(f"{int((first == second).sum())} comparisons of a system with itself are left out")
    if not keep.all():
        frame, outcome, first, second = frame[keep], outcome[keep], first[keep], second[keep]
    met = np.bincount(first, minlength=len(systems)) + np.bincount(second, minlength=len(systems))
    if len(systems) < 2 or not met.all():
        alone = [systems[k][:40] for k in np.flatnonzero(met == 0)]
        raise TableError(
            f"a ranking needs two systems and a comparison of each; got {len(systems)}, without comparisons {alone[:5]}"
        )
    return Compared(
        first,
        second,
        outcome,
        systems,
        _codes(frame, cluster),
        cluster,
        _codes(frame, "annotator" if "annotator" in frame else None),
        _is_left(frame) if position else None,
        np.column_stack([_difference(frame, columns) for _, *columns in sides]) if sides else None,
        tuple(style),
        tuple(notes),
    )


def _again(coded: Compared, cluster: str | None, style: tuple[str, ...], position: bool) -> Compared:
    if cluster is not None and coded.cluster_name != cluster:
        raise TableError(f"encoded without {cluster!r}", next_step=f"encode(..., cluster={cluster!r}) or cluster=None")
    if style != coded.style_names and style:
        raise TableError(f"encoded with style {list(coded.style_names)}", next_step=f"encode(..., style={list(style)})")
    if position and coded.first_is_left is None:
        raise TableError("encoded without `left`", next_step="encode(..., position=True)")
    return replace(coded, style=coded.style if style else None, style_names=style)


def column_names(table: Any, needed: Sequence[str], where: str) -> list[str]:
    """The columns of any frame; `TableError` unless it has those needed."""
    try:
        names = list(nw.from_native(table).collect_schema().names())
    except TypeError:
        tables.require(table, needed, where=where)  # says what was given and what is needed
        raise
    tables.require_names(names, needed, where=where)
    return names


def to_pandas(table: Any, columns: Sequence[str]) -> pd.DataFrame:
    """These columns of any eager or lazy frame, in pandas."""
    chosen = nw.from_native(table).select(list(columns))
    eager = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    frame: pd.DataFrame = eager.to_pandas()
    return frame.reset_index(drop=True)


def _systems(frame: pd.DataFrame) -> tuple[NDArray[np.int64], list[str]]:
    """Codes of the first and then of the second systems, and their sorted names."""
    code, seen = pd.factorize(pd.concat([frame["a"], frame["b"]], ignore_index=True))
    names = [str(value).strip() for value in seen]
    if (code < 0).any() or "" in names:
        raise TableError("a comparison names no system in `a` or `b`", next_step="name both or leave the rows out")
    if len(set(names)) < len(names):
        raise TableError("two systems have the same name but for type or spaces", next_step="df['a'].astype(str)")
    order = np.argsort(names, kind="stable")
    return np.argsort(order)[code].astype(np.int64), [names[k] for k in order]


def _codes(frame: pd.DataFrame, column: str | None) -> NDArray[np.int64] | None:
    if column is None:
        return None
    code, _ = coded_names(frame[column])
    if (code < 0).any():
        raise TableError(
            f"{int((code < 0).sum())} comparisons have no {column}", next_step="name them or leave them out"
        )
    return code


def _is_left(frame: pd.DataFrame) -> NDArray[np.bool_]:
    unknown = ~frame["left"].isin(["A", "B"])
    if unknown.any():
        raise TableError(
            f"{int(unknown.sum())} comparisons do not say which was left ('A' or 'B' in `left`)",
            next_step="leave them out, or position=False",
        )
    return (frame["left"] == "A").to_numpy(dtype=bool)


def _style_columns(name: str, have: Sequence[str]) -> list[str]:
    sides = [f"{name}_a", f"{name}_b"]
    if all(side in have for side in sides):
        return sides
    tables.require_names(have, [name] if not any(side in have for side in sides) else sides, where="comparisons table")
    return [name]


def _difference(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    try:
        values = [frame[column].to_numpy(dtype=float) for column in columns]
    except (TypeError, ValueError):
        raise TableError(f"style {list(columns)} must be numbers") from None
    with np.errstate(over="ignore", invalid="ignore"):
        difference = values[0] - values[1] if len(values) == 2 else values[0]
    if not np.isfinite(difference).all():
        raise TableError(f"style {list(columns)} must be finite numbers, without gaps")
    return np.asarray(difference, dtype=float)
