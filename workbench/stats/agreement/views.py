"""One coefficient seen from several sides: by slice, over time, without each annotator, before and after a change."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats.agreement.named import Coefficient, fewest_labels, method_of, statistic_of
from workbench.stats.coding import Level, encode
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, check_resampling
from workbench.stats.naming import coded_names
from workbench.stats.patterns import Patterns, left_out, patterns
from workbench.stats.resampling import estimate, jackknife

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A slice with fewer items has an interval as wide as the scale.
SMALLEST_SLICE = 15
# The question without a criterion, among slices by criterion.
OVERALL = "overall"


def by(
    labels: Any,
    column: str,
    coefficient: Coefficient = "krippendorff_alpha",
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
    least: int = SMALLEST_SLICE,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Estimate]:
    """A coefficient for each value of a column (category, criterion, clause, pool), in the order of the values.

    Parameters
    ----------
    column
        A column of the table. Where it holds lists, or text that is a JSON list (`clauses`), a label counts for each
        value of its list. In `criterion` the empty value is the overall question, named `overall`.
    least
        Slices with fewer items of two labels have NaN with the reason: their interval would say nothing.

    Notes
    -----
    The intervals are of each slice alone. With many slices some are far out by luck; `Verdicts against` says which
    differences remain.

    Raises
    ------
    TableError
        See `workbench.stats.coding.encode`; values of the column that are no names of slices.
    """
    check_resampling(n_resamples, confidence, seed)
    fewest = fewest_labels(coefficient)
    table = _pandas(labels)
    tables.require_names(list(table.columns), [*tables.NEEDED, column])
    table = table.assign(**{column: table[column].map(_listed)}).explode(column)
    if column == "criterion":
        table[column] = table[column].fillna("").replace("", OVERALL)
    table = table[table[column].notna() & (table[column] != "")]
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed}
    found = []
    code, values = coded_names(table[column])
    for k, value in enumerate(values.tolist()):
        mine = table[code == k]
        if column == "criterion":
            mine = mine.drop(columns=column)  # else the overall question would be looked for in each slice
        p = patterns(encode(mine, level, categories), least=fewest)
        label = f"{column} {value}"
        n_shared = int(p.weight[p.size >= 2].sum())
        if n_shared < least:
            found.append(_nothing(coefficient, p, confidence, f"{n_shared} items: fewer than {least}", label))
        else:
            found.append(_of(p, coefficient, level, label, how))
    return found


def over_time(
    labels: Any,
    coefficient: Coefficient = "krippendorff_alpha",
    level: Level = "nominal",
    *,
    windows: int = 4,
    categories: Sequence[Any] | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Estimate]:
    """A coefficient in consecutive windows with equally many items, by the time an item's last label came in.

    Raises
    ------
    TableError
        Without a `submitted_at` column, or where it is empty: an import without times has none.
    ValueError
        Windows that are no whole number of 1 or more.
    """
    check_resampling(n_resamples, confidence, seed)
    if not isinstance(windows, int | np.integer) or windows < 1:
        msg = f"windows must be a whole number, 1 or more, got {windows!r}"
        raise ValueError(msg)
    table = _pandas(labels)
    tables.require_names(list(table.columns), [*tables.NEEDED, "submitted_at"])
    time = pd.to_datetime(table["submitted_at"], utc=True, errors="coerce")
    if time.isna().all():
        raise TableError("no label has a time", next_step="agreement over time needs submitted_at")
    last = time.groupby(table["item"]).max().dropna().sort_values(kind="stable")
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed}
    found = []
    for chunk in np.array_split(np.arange(len(last)), min(windows, len(last))):
        mine = table[table["item"].isin(last.index[chunk])]
        label = f"{last.iloc[chunk[0]]:%Y-%m-%d %H:%M} to {last.iloc[chunk[-1]]:%Y-%m-%d %H:%M}"
        p = patterns(encode(mine, level, categories), least=fewest_labels(coefficient))
        found.append(_of(p, coefficient, level, label, how))
    return found


def without_each(
    labels: Any,
    coefficient: Coefficient = "krippendorff_alpha",
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
) -> pd.DataFrame:
    """What the coefficient is without each annotator: `annotator, value, change`, largest rise first.

    A rise says that this annotator disagrees with the others, which may be an error or a point of view.
    """
    coded = encode(labels, level, categories)
    p, weights = left_out(coded, least=fewest_labels(coefficient))
    statistic = statistic_of(p, coefficient, level)
    value = float(statistic(p.weight[None, :].astype(float))[0]) if p.n_items else math.nan
    one_out = statistic(weights) if p.n_items else np.full(len(coded.annotators), np.nan)
    table = pd.DataFrame({"annotator": coded.annotators, "value": one_out, "change": one_out - value})
    # Equal changes stay in the order of annotators, whose names may be of several types.
    return table.sort_values("change", ascending=False, ignore_index=True, kind="stable")


def annotator_jackknife(
    labels: Any,
    coefficient: Coefficient = "krippendorff_alpha",
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
    confidence: float = 0.95,
    label: str = "",
) -> Estimate:
    """A coefficient with an interval over annotators: how it could have been with other people of the same kind.

    The intervals of `krippendorff_alpha` and the others take the annotators as given and resample items. With few
    annotators this one is the wider and the more honest of the two for a statement about people in general.
    """
    check_confidence(confidence)
    coded = encode(labels, level, categories)
    p, weights = left_out(coded, least=fewest_labels(coefficient))
    if not p.weight[p.size >= 2].any():
        return _nothing(coefficient, p, confidence, "no item has labels of two annotators", label)
    statistic = statistic_of(p, coefficient, level)
    value = float(statistic(p.weight[None, :].astype(float))[0])
    took_part = np.bincount(coded.annotator, minlength=len(coded.annotators)) > 0
    how: dict[str, Any] = {"confidence": confidence, "method": method_of(coefficient, level), "label": label}
    return jackknife(coefficient, value, statistic(weights)[took_part], p=p, **how)


def _pandas(labels: Any) -> pd.DataFrame:
    tables.require(labels)
    frame = nw.from_native(labels)
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    table: pd.DataFrame = frame.to_pandas()
    return table


def _listed(one: Any) -> list[Any]:
    """The values of one cell: those of a list or of text that is a JSON list, else itself; each once."""
    if isinstance(one, str) and one.startswith("["):
        try:
            one = json.loads(one)
        except json.JSONDecodeError:
            return [one]  # text that happens to start with a bracket
    if not isinstance(one, list | tuple | np.ndarray):
        return [one]
    try:
        return list(dict.fromkeys(one))
    except TypeError:
        raise TableError(
            f"a list of slices holds names, got {str(one)[:40]}", next_step="give each slice a name"
        ) from None


def _of(p: Patterns, coefficient: Coefficient, level: Level, label: str, how: dict[str, Any]) -> Estimate:
    method = method_of(coefficient, level)
    if not (p.size >= 2).any():
        return _nothing(coefficient, p, how["confidence"], "no item has labels of two annotators", label)
    return estimate(coefficient, p, statistic_of(p, coefficient, level), method=method, label=label, **how)


def _nothing(name: str, p: Patterns, confidence: float, reason: str, label: str) -> Estimate:
    nan = math.nan
    return Estimate(name, nan, nan, nan, p.n_items, p.n_annotators, p.n_labels, name, confidence, reason, label)
