"""The names behind codes: which labels there are and in what order, and items and annotators of any type."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workbench.stats.coding import Level


def factorized(labels: pd.Series[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Codes of labels, and the different ones in the order they come."""
    try:
        code, seen = pd.factorize(labels.to_numpy(dtype=object))
    except TypeError:
        example = next(one for one in labels if _is_no_key(one))
        raise TableError(
            f"labels that are a {type(example).__name__} cannot be counted (for example {str(example)[:40]})",
            next_step="agreement.set_alpha takes sets of classes; else turn them into text: df['label'].map(str)",
        ) from None
    return code.astype(np.int64), list(seen)


def coded_names(column: pd.Series[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Codes of items or annotators in sorted order; in the order they come where they cannot be sorted."""
    try:
        code, names = pd.factorize(column, sort=True)
    except TypeError:
        if any(_is_no_key(one) for one in column):
            raise TableError(
                f"column {column.name!r} holds lists or other values that are no names",
                next_step=f"df[{column.name!r}] = df[{column.name!r}].map(str)",
            ) from None
        code, names = pd.factorize(column)
    return code.astype(np.int64), np.asarray(names)


def _is_no_key(one: Any) -> bool:
    try:
        hash(one)
    except TypeError:
        return True
    return False


def named_categories(
    seen: Sequence[Any], level: Level, categories: Sequence[Any] | None
) -> tuple[list[Any], NDArray[np.float64] | None]:
    """The categories in order, and as numbers where they are numbers; raises as `encode` does."""
    is_text = [isinstance(value, str) for value in seen]
    if any(is_text) and not all(is_text):
        example = next(value for value, text in zip(seen, is_text, strict=True) if not text)
        raise TableError(
            f"labels mix text and {type(example).__name__} (for example {example!r})",
            next_step="convert the column first: df['label'].astype(str)",
        )
    text = bool(is_text) and all(is_text)
    if text and level in ("interval", "ratio"):
        raise TableError(f"{level} needs numbers, the labels are text such as {str(seen[0])[:40]!r}")
    if text and level == "ordinal" and categories is None:
        raise TableError(
            f"ordinal needs an order, the labels are text such as {str(seen[0])[:40]!r}",
            next_step="pass categories=[lowest, ..., highest]",
        )
    named = _in_order(seen) if categories is None else list(categories)
    if any(_is_no_key(value) for value in named):
        raise TableError(
            f"categories must be single values, got {named[:12]}",
            next_step="agreement.set_alpha takes sets of classes as labels",
        )
    if len(set(named)) != len(named):
        raise TableError(f"categories must be distinct, got {named[:12]}")
    if text or not named or any(isinstance(value, str) for value in named):
        return named, None
    try:
        numbers = np.asarray([float(value) for value in named])
    except (TypeError, ValueError, OverflowError):
        if level in ("interval", "ratio") or (level == "ordinal" and categories is None):
            raise TableError(
                f"{level} needs numbers, the labels are such as {str(named[-1])[:40]} ({type(named[-1]).__name__})",
                next_step="convert the column to float first" + (", or pass categories=" if level == "ordinal" else ""),
            ) from None
        return named, None
    if not np.isfinite(numbers).all():
        raise TableError(f"labels must be finite numbers, got {numbers[~np.isfinite(numbers)][0]:g}")
    if level == "ratio" and (numbers < 0).any():
        raise TableError(f"ratio needs numbers that are not negative, got {numbers.min():g}")
    return named, numbers


def _in_order(seen: Sequence[Any]) -> list[Any]:
    # Of two sets neither need be the smaller, so sorting them means nothing though it raises nothing.
    if not any(isinstance(value, frozenset) for value in seen):
        with suppress(TypeError):
            return sorted(seen)
    kinds = sorted({type(value).__name__ for value in seen})
    raise TableError(
        f"labels of the kinds {', '.join(kinds)} cannot be sorted",
        next_step="df['label'].astype(str), or pass categories= in the order wanted",
    )
