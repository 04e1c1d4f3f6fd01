"""Length and format bias: whether what is longer, or has more lists, is chosen for that alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from workbench.errors import TableError
from workbench.stats import coding
from workbench.stats.annotators.ridge import Fit, fit
from workbench.stats.estimate import Estimate
from workbench.stats.multiple import holm
from workbench.stats.reading import item_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

# Fewer choices of the rarer side than this for each coefficient, and the coefficients are mostly noise (Peduzzi 1996).
FEWEST_PER_COEFFICIENT = 10
UNIT = "log-odds of choosing A for each standard deviation of the difference"


@dataclass(frozen=True)
class ContentBias:
    """How features of the responses move choices, in log-odds for each standard deviation of the difference.

    Attributes
    ----------
    pooled
        One estimate a feature, over everybody.
    annotators
        Annotator -> one estimate a feature; NaN with the reason where there is too little to tell.
    p_holm
        Annotator -> one p-value a feature, adjusted over all annotators and features (Holm); NaN where there is none.
    scales
        Feature -> the standard deviation that one unit stands for, as difference of logarithms of (1 + count).
    given_others
        Whether the choices of the others on the same item were held fixed.
    """

    pooled: tuple[Estimate, ...]
    annotators: dict[str, tuple[Estimate, ...]]
    p_holm: dict[str, tuple[float, ...]]
    scales: dict[str, float]
    given_others: bool


def content_bias(
    labels: Any,
    features: Any,
    *,
    columns: Sequence[str] = (),
    given_others: bool = True,
    penalty: float = 1.0,
    confidence: float = 0.95,
    label: str = "",
) -> ContentBias:
    """Regularised logistic regression of choosing A on how the two responses differ.

    Parameters
    ----------
    labels
        A label table of pairs; ties are passed over, and so are repeats.
    features
        One row an item: `item` and counts such as `words_a, words_b`, `lists_a, lists_b`, `code_a, code_b`.
    columns
        Features to look at (`words`); all that come as `…_a` and `…_b` where left out.
    given_others
        Hold fixed what the others chose on the same item (share for A minus share for B), so that a longer response
        that is also better is no bias. A bias that all share is then partly taken for quality: compare with False.
    penalty
        Ridge penalty on the coefficients (not on the intercept), as a normal prior of variance 1 / penalty. It draws
        towards 0, keeps coefficients finite under separation, and matters little with many labels.

    Raises
    ------
    TableError
        No such features, or a feature that is the same everywhere.

    Notes
    -----
    Counts enter as the difference of log(1 + count), since 10 words more matter to 20 and not to 500, divided by its
    standard deviation over items. Intervals are sandwich (Huber-White) intervals clustered by item: labels of one item
    stand or fall together. For one annotator each item is its own cluster.
    """
    table = coding.select(labels)
    decided = table[table["label"].isin(["A", "B"])]
    differences, scales = _differences(item_features(features), columns)
    decided = decided[decided["item"].isin(differences.index)].reset_index(drop=True)
    names = list(differences.columns)
    if decided.empty:
        reason = "no choice of A or B on an item with features"
        none = tuple(_undefined(name, 0, 0, 0, confidence, reason) for name in names)
        return ContentBias(none, {}, {}, scales, given_others)
    item, items = pd.factorize(decided["item"])
    annotator, people = pd.factorize(decided["annotator"], sort=True)
    chose_a: Floats = np.asarray(decided["label"] == "A", dtype=np.float64)
    x = differences.loc[list(items)].to_numpy(dtype=float)[item]
    if given_others:
        x = np.column_stack([x, _said_by_others(item, chose_a, len(items))])
    missing = np.isnan(x).any(axis=1)
    x, chose_a, item, annotator = x[~missing], chose_a[~missing], item[~missing], annotator[~missing]
    everybody = np.zeros(len(item), dtype=np.int64)
    counts = (len(np.unique(item)), len(np.unique(annotator)), len(item))
    together = fit(x, chose_a, everybody, item, 1, penalty=penalty)
    pooled = _estimates(together, 0, names, counts, confidence, label, _too_few(chose_a, everybody, 1, x.shape[1])[0])
    alone = fit(x, chose_a, annotator, item, len(people), penalty=penalty)
    few = _too_few(chose_a, annotator, len(people), x.shape[1])
    n = np.bincount(annotator, minlength=len(people))
    each = {
        str(name): _estimates(alone, k, names, (int(n[k]), 1, int(n[k])), confidence, str(name), few[k])
        for k, name in enumerate(people)
    }
    p_values = _p_values(alone, few, len(names))
    adjusted = holm(p_values.ravel()).reshape(p_values.shape)
    p_holm = {str(name): tuple(adjusted[k].tolist()) for k, name in enumerate(people)}
    return ContentBias(pooled, each, p_holm, scales, given_others)


def _differences(features: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, float]]:
    pairs = [name[:-2] for name in features.columns if name.endswith("_a") and f"{name[:-2]}_b" in features]
    unknown = [name for name in columns if name not in pairs]
    if unknown or not pairs:
        raise TableError(
            f"no features {unknown or ''} of both responses; the features have {list(features.columns)}",
            next_step="give two columns for each, such as words_a and words_b",
        )
    found, scales = {}, {}
    for name in columns or pairs:
        a, b = (features[f"{name}_{side}"].to_numpy(dtype=float, na_value=np.nan) for side in "ab")
        if (a < 0).any() or (b < 0).any():
            raise TableError(f"feature {name!r} must count something, got {np.nanmin([a, b]):g}")
        difference = np.log1p(a) - np.log1p(b)
        scale = float(np.nanstd(difference)) if len(difference) else 0.0
        if not scale > 0:
            raise TableError(f"feature {name!r} differs equally on every item", next_step="leave it out of columns")
        found[name], scales[name] = difference / scale, scale
    return pd.DataFrame(found, index=features.index), scales


def _said_by_others(item: Ints, chose_a: Floats, n_items: int) -> Floats:
    """Share of the others' choices for A minus share for B; 0 where nobody else chose."""
    total = np.bincount(item, minlength=n_items)[item] - 1
    for_a = np.bincount(item, weights=chose_a, minlength=n_items)[item] - chose_a
    return np.divide(2 * for_a - total, total, out=np.zeros(len(item)), where=total > 0)


def _too_few(chose_a: Floats, group: Ints, n_groups: int, n_coefficients: int) -> list[str]:
    """Why a group's coefficients would be noise, or nothing."""
    n = np.bincount(group, minlength=n_groups)
    a = np.bincount(group, weights=chose_a, minlength=n_groups)
    rarer, needed = np.minimum(a, n - a).astype(int), FEWEST_PER_COEFFICIENT * n_coefficients
    return [
        f"too few: the rarer choice was made {have} times, {needed} are needed for {n_coefficients} coefficients"
        if have < needed
        else ""
        for have in rarer.tolist()
    ]


def _estimates(
    found: Fit, k: int, names: list[str], counts: tuple[int, int, int], confidence: float, label: str, few: str
) -> tuple[Estimate, ...]:
    if few:
        return tuple(_undefined(name, *counts, confidence, few, label) for name in names)
    z = float(special.ndtri(0.5 + confidence / 2))
    caution = (
        "choices are separated: the size is set by the penalty, only the sign is known" if found.separated[k] else ""
    )
    made = []
    for c, name in enumerate(names, 1):  # coefficient 0 is the intercept
        value, error = float(found.coefficients[k, c]), float(found.errors[k, c])
        ends = (math.nan, math.nan) if found.separated[k] else (value - z * error, value + z * error)
        title = f"{label}: {name}" if label else name
        made.append(Estimate(f"bias_{name}", value, *ends, *counts, _METHOD, confidence, caution, title))
    return tuple(made)


def _undefined(name: str, items: int, people: int, n: int, confidence: float, reason: str, label: str = "") -> Estimate:
    nan, title = math.nan, f"{label}: {name}" if label else name
    return Estimate(f"bias_{name}", nan, nan, nan, items, people, n, _METHOD, confidence, reason, title)


def _p_values(found: Fit, few: list[str], n_features: int) -> Floats:
    told = np.asarray([not why for why in few]) & ~found.separated
    z = np.divide(found.coefficients, found.errors, out=np.full_like(found.errors, np.nan), where=found.errors > 0)[
        :, 1 : n_features + 1
    ]
    return np.where(told[:, None], 2 * special.ndtr(-np.abs(z)), np.nan)


_METHOD = f"ridge logistic regression, {UNIT}, sandwich interval clustered by item"
