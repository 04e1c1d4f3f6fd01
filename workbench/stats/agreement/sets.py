"""Answers that are sets of classes, and how far two sets are apart."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats.coding import Coded, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def with_sets(labels: Any, cluster: str | None = None) -> pd.DataFrame | Coded:
    """The labels with each as a canonical JSON list of its classes; a table, or encoded where they were encoded."""
    if isinstance(labels, Coded):
        named, place = np.unique([_canonical(one) for one in labels.categories], return_inverse=True)
        of_value = place[labels.value] if len(labels.value) else labels.value
        return replace(labels, value=of_value, categories=named.tolist(), numbers=None, ordered=False)
    table = select(labels, (cluster,) if cluster else ())
    seen: dict[Any, str] = {}
    table["label"] = [None if _missing(one) else seen.setdefault(_key(one), _canonical(one)) for one in table["label"]]
    return table


def holds_sets(labels: Any) -> bool:
    """Whether any label names more than one class, or is a list of them."""
    seen = labels.categories if isinstance(labels, Coded) else select(labels)["label"]
    return any(_is_collection(one) or (isinstance(one, str) and ("|" in one or one.startswith("["))) for one in seen)


def distance(categories: Sequence[str]) -> NDArray[np.float64]:
    """MASI distance between sets given as JSON lists, shape (sets, sets)."""
    sets = [set(json.loads(one)) for one in categories]
    classes = sorted(set().union(*sets)) if sets else []
    has = np.array([[one in members for one in classes] for members in sets], dtype=float).reshape(
        len(sets), len(classes)
    )
    size = has.sum(axis=1)
    both = has @ has.T
    either = size[:, None] + size[None, :] - both
    jaccard = np.divide(both, either, out=np.ones_like(both), where=either > 0)
    smaller = np.minimum(size[:, None], size[None, :])
    kind = np.where(both == either, 1.0, np.where(both == smaller, 2 / 3, np.where(both > 0, 1 / 3, 0.0)))
    return np.asarray(1 - jaccard * kind)


def _missing(one: Any) -> bool:
    return not _is_collection(one) and bool(pd.isna(one))


def _key(one: Any) -> Any:
    return one if isinstance(one, str) else tuple(sorted(map(str, one))) if _is_collection(one) else one


def _is_collection(one: Any) -> bool:
    return isinstance(one, list | tuple | set | frozenset | np.ndarray)


def _canonical(one: Any) -> str:
    if isinstance(one, str):
        try:
            parsed = json.loads(one) if one.startswith("[") else [part for part in one.split("|") if part]
        except ValueError:
            parsed = [one]
        one = parsed
    if not _is_collection(one):
        raise TableError(
            f"a set of classes is a list, or text as 'a|b', got {one!r:.60}",
            next_step="for one class an item use krippendorff_alpha",
        )
    return json.dumps(sorted(set(map(str, one))), ensure_ascii=False)
