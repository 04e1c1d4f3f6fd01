"""One coefficient seen from several sides: by slice, over time, without each annotator, before and after a change."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from workbench import tables
from workbench.errors import TableError
from workbench.stats.agreement.formulas import (
    alpha_statistic,
    fleiss_statistic,
    gwet_statistic,
    percent_statistic,
)
from workbench.stats.coding import Coded, Level, encode
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, check_resampling, percentile
from workbench.stats.naming import coded_names
from workbench.stats.patterns import Patterns, left_out, patterns
from workbench.stats.resampling import Statistic, affordable, estimate, jackknife, multiplicities

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Coefficient = Literal["krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac1"]
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
        p = patterns(encode(mine, level, categories))
        label = f"{column} {value}"
        if p.n_items < least:
            found.append(_nothing(coefficient, p, confidence, f"{p.n_items} items: fewer than {least}", label))
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
        found.append(_of(patterns(encode(mine, level, categories)), coefficient, level, label, how))
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
    p, weights = left_out(coded, least=_least(coefficient))
    statistic = _statistic(p, coefficient, level)
    value = float(statistic(p.weight[None, :].astype(float))[0]) if p.n_items else math.nan
    one_out = statistic(weights) if p.n_items else np.full(len(coded.annotators), np.nan)
    table = pd.DataFrame({"annotator": coded.annotators, "value": one_out, "change": one_out - value})
    return table.sort_values(["change", "annotator"], ascending=[False, True], ignore_index=True)


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
    p, weights = left_out(coded, least=_least(coefficient))
    if not p.n_items:
        return _nothing(coefficient, p, confidence, "no item has labels of two annotators", label)
    statistic = _statistic(p, coefficient, level)
    value = float(statistic(p.weight[None, :].astype(float))[0])
    took_part = np.bincount(coded.annotator, minlength=len(coded.annotators)) > 0
    how: dict[str, Any] = {"confidence": confidence, "method": _method(coefficient, level), "label": label}
    return jackknife(coefficient, value, statistic(weights)[took_part], p=p, **how)


def difference(
    before: Any,
    after: Any,
    coefficient: Coefficient = "krippendorff_alpha",
    level: Level = "nominal",
    *,
    categories: Sequence[Any] | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
    label: str = "",
) -> Estimate:
    """A coefficient after a change minus before it, over the items that have two labels in both tables.

    Items are resampled together with both their sets of labels, so what makes an item hard cancels out: this is the
    comparison for the same items labelled again under a new guideline. Where the tables share no item the two are
    resampled apart, and the method says so.
    """
    check_resampling(n_resamples, confidence, seed)
    first, second = encode(before, level, categories), encode(after, level, categories)
    least = _least(coefficient)
    shared = pd.Index(_with_two(first), tupleize_cols=False)
    shared = shared[shared.isin(pd.Index(_with_two(second), tupleize_cols=False))]
    name = f"difference in {coefficient}"
    if len(shared):
        first, second = (_only_items(coded, shared) for coded in (first, second))
    p, q = (patterns(coded, least=least, trace=True) for coded in (first, second))
    n_items = len(shared) or p.n_items + q.n_items
    people = len({name for coded in (first, second) for name in coded.annotators[np.unique(coded.annotator)].tolist()})

    def result(value: float, low: float, high: float, method: str, reason: str) -> Estimate:
        return Estimate(
            name, value, low, high, n_items, people, p.n_labels + q.n_labels, method, confidence, reason, label
        )

    if not p.n_items or not q.n_items:
        return result(math.nan, math.nan, math.nan, name, "one side has no item with labels of two annotators")
    one, other = _statistic(p, coefficient, level), _statistic(q, coefficient, level)
    value = float(other(q.weight[None, :].astype(float))[0] - one(p.weight[None, :].astype(float))[0])
    if math.isnan(value):
        return result(value, value, value, name, "one side is undefined: all its labels are the same")
    if n_resamples == 0:
        return result(value, math.nan, math.nan, f"{_method(coefficient, level)} after minus before", "")
    sides = _drawn_together(p, q, n_resamples, seed) if len(shared) else _drawn_apart(p, q, n_resamples, seed)
    drawn = np.concatenate([other(after) - one(before) for before, after in sides])
    low, high, undefined = percentile(drawn, confidence)
    units = f"{n_items} items of both tables together" if len(shared) else "no item in common, so each table apart"
    fewer = f" instead of {n_resamples:,}, to bound the time" if len(drawn) < n_resamples else ""
    how = f"percentile bootstrap of {units} ({len(drawn)} resamples{fewer}, seed {seed})"
    cautions = [f"{undefined} of {len(drawn)} resamples undefined"] if undefined else []
    if low == high:
        cautions.append("every resample has the same difference, so no real interval")
    method = f"{_method(coefficient, level)} after minus before; {how}"
    return result(value, low, high, method, "; ".join(cautions))


def _drawn_together(p: Patterns, q: Patterns, n_resamples: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Pattern weights of resamples of items that have a pattern in both, in chunks."""
    assert p.of_item is not None  # traced above
    assert q.of_item is not None
    joint, n = np.unique(np.stack([p.of_item, q.of_item]), axis=1, return_counts=True)
    places = np.arange(joint.shape[1])
    one, other = (
        sparse.csr_matrix((np.ones(len(places)), (side, places)), shape=(r.counts.shape[0], len(places)))
        for side, r in zip(joint, (p, q), strict=True)
    )
    width = max(*p.counts.shape, *q.counts.shape)
    for drawn in multiplicities(n, affordable(n_resamples, len(n)), seed, width=width):
        yield (one @ drawn.T).T, (other @ drawn.T).T


def _drawn_apart(p: Patterns, q: Patterns, n_resamples: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    n_resamples = affordable(n_resamples, len(p.weight) + len(q.weight))
    width = max(*p.counts.shape, *q.counts.shape)
    one, other = (
        multiplicities(r.weight, n_resamples, side, width=width)
        for side, r in zip((seed, seed + 1), (p, q), strict=True)
    )
    return zip(one, other, strict=True)


def _only_items(coded: Coded, items: pd.Index[Any]) -> Coded:
    """The labels of these items, whose codes are their places here: the same item has the same code in two tables."""
    place = items.get_indexer(pd.Index(coded.items, tupleize_cols=False))
    kept = place[coded.item] >= 0
    return replace(coded.only(kept), item=place[coded.item][kept].astype(np.int64), items=items.to_numpy())


def _with_two(coded: Coded) -> NDArray[Any]:
    return coded.items[np.bincount(coded.item, minlength=len(coded.items)) >= 2]


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
    method = _method(coefficient, level)
    if not p.n_items:
        return _nothing(coefficient, p, how["confidence"], "no item has labels of two annotators", label)
    return estimate(coefficient, p, _statistic(p, coefficient, level), method=method, label=label, **how)


def _nothing(name: str, p: Patterns, confidence: float, reason: str, label: str) -> Estimate:
    nan = math.nan
    return Estimate(name, nan, nan, nan, p.n_items, p.n_annotators, p.n_labels, name, confidence, reason, label)


def _least(coefficient: Coefficient) -> int:
    return 1 if coefficient in ("gwet_ac1", "fleiss_kappa") else 2


def _method(coefficient: Coefficient, level: Level) -> str:
    return f"{level} alpha" if coefficient == "krippendorff_alpha" else coefficient.replace("_", " ")


def _statistic(p: Patterns, coefficient: Coefficient, level: Level) -> Statistic:
    if coefficient == "krippendorff_alpha":
        return alpha_statistic(p, level)
    if coefficient == "percent_agreement":
        return percent_statistic(p)
    if coefficient == "fleiss_kappa":
        return fleiss_statistic(p)
    if coefficient == "gwet_ac1":
        return gwet_statistic(p, "nominal")
    raise TableError(f"no coefficient {coefficient!r}", next_step="one of " + ", ".join(get_args(Coefficient)))
