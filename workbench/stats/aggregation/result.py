"""What every aggregation model returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.stats.coding import votes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]

# Two classes whose posteriors are closer than rounding over many labels can tell apart share the lead.
_TIE = 1e-9
# Above it votes written as one number could overflow.
_LARGEST_KEY = 2**62


@dataclass(frozen=True, eq=False)
class Aggregation:
    """One label an item, how sure the model is of it, and what it learnt about the annotators.

    Attributes
    ----------
    method
        Model and options, enough to do it again.
    coded
        The labels it was fitted to, as codes; items, annotators and classes below are in its order.
    posterior
        Shape (items, classes): probability of each class given the labels.
    confusion
        Shape (annotators, classes, classes): probability that an annotator answers the last index where the truth is
        the middle one. NaN for a row without evidence (the annotator met no item of that class).
    prior
        Shape (classes,): how common each class is.
    log_likelihood
        One number an iteration: the log-likelihood of the labels, divided by their number.
    n_iter, converged
        Iterations done, and whether the posteriors had stopped moving by then.
    clamped
        One flag an item: whether its answer was given as gold.
    of_items, of_annotators
        Parameters that only this model has (`difficulty`, `ability`, `competence`), as further columns.
    """

    method: str
    coded: Coded = field(repr=False)
    posterior: Floats = field(repr=False)
    confusion: Floats = field(repr=False)
    prior: Floats = field(repr=False)
    log_likelihood: tuple[float, ...] = field(repr=False)
    n_iter: int
    converged: bool
    clamped: NDArray[np.bool_] = field(repr=False)
    of_items: Mapping[str, Floats] = field(default_factory=dict, repr=False)
    of_annotators: Mapping[str, Floats] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> list[Any]:
        """Names of the classes, in the order of the arrays."""
        return self.coded.categories

    @property
    def annotators(self) -> list[Any]:
        """Names of the annotators, in the order of the arrays."""
        names: list[Any] = self.coded.annotators.tolist()
        return names

    @cached_property
    def consensus(self) -> NDArray[np.int64]:
        """Position in `classes` of each item's most probable class; -1 where two share the lead or no label is."""
        best = np.asarray(self.posterior.argmax(axis=1), dtype=np.int64)
        top = self.posterior[np.arange(len(best)), best]
        tied = np.zeros(len(best), dtype=np.int64)
        for column in self.posterior.T:  # column by column: no second array of the posterior's size
            tied += column >= top - _TIE
        unknown = (np.bincount(self.coded.item, minlength=len(best)) == 0) & ~self.clamped
        best[(tied > 1) | unknown] = -1
        return best

    @cached_property
    def items(self) -> pd.DataFrame:
        """One row an item, made when first asked for.

        Returns
        -------
        DataFrame
            `item`; `consensus_label`, None where classes share the lead; `source`: `unanimous` (all labels are the
            consensus), `model`, `unresolved`, or `adjudicated` for a gold answer that was given;
            `consensus_quality_score`, the posterior of the leading class; `n_labels`; `votes`, a mapping
            label -> count; and what the model knows of items (`difficulty`).
        """
        n = len(self.coded.items)
        best = self.consensus
        n_labels = np.bincount(self.coded.item, minlength=n)
        agreeing = np.bincount(self.coded.item[best[self.coded.item] == self.coded.value], minlength=n)
        source = np.full(n, "model", dtype=object)
        source[(agreeing == n_labels) & (n_labels > 0)] = "unanimous"
        source[best < 0] = "unresolved"
        source[self.clamped] = "adjudicated"
        named = np.empty(len(self.classes) + 1, dtype=object)
        named[:-1] = self.classes
        named[-1] = None  # where -1 points to
        return pd.DataFrame(
            {
                "item": pd.Series(self.coded.items, dtype="object"),
                "consensus_label": pd.Series(named[best], dtype="object"),
                "source": pd.Series(source, dtype="object"),
                "consensus_quality_score": self.posterior.max(axis=1),
                "n_labels": n_labels,
                "votes": pd.Series(_votes(self.coded), dtype="object"),
                **self.of_items,
            }
        )

    @cached_property
    def annotator_quality(self) -> pd.DataFrame:
        """One row an annotator.

        Returns
        -------
        DataFrame
            `annotator`; `annotator_quality`, the accuracy the model expects on items as common as `prior` says (over
            the classes it has evidence on; NaN without labels); `n_labels`; and what the model knows of annotators.
        """
        right = np.diagonal(self.confusion, axis1=1, axis2=2)
        known = ~np.isnan(right)
        weight = np.where(known, self.prior, 0.0)
        total = weight.sum(axis=1)
        quality = np.full(len(right), np.nan)
        np.divide((weight * np.where(known, right, 0.0)).sum(axis=1), total, out=quality, where=total > 0)
        return pd.DataFrame(
            {
                "annotator": pd.Series(self.coded.annotators, dtype="object"),
                "annotator_quality": quality,
                "n_labels": np.bincount(self.coded.annotator, minlength=len(right)),
                **self.of_annotators,
            }
        )

    def __str__(self) -> str:
        shape = f"{len(self.coded.items)} items, {len(self.coded.annotators)} annotators, {len(self.coded.item)} labels"
        left = int((self.consensus < 0).sum())
        state = f"{self.n_iter} iterations" + ("" if self.converged else ", NOT CONVERGED: give a larger max_iter")
        return f"{self.method}: {shape}; {left} items unresolved; {state}"


def _votes(coded: Coded) -> list[dict[Any, int]]:
    """`coding.votes` of every item in the order of the codes, empty where an item has no label.

    Of a million items there are a few dozen different votes, so each kind is made once and copied.
    """
    n, width = len(coded.items), max(coded.n_categories, 1)
    size = np.bincount(coded.item, minlength=n)
    base = int(size.max(initial=0)) + 1
    if base**width >= _LARGEST_KEY:
        counted = votes(coded)
        return [counted.get(item, {}) for item in coded.items]
    # An item's counts as the digits of one number. The running total may wrap around; its differences do not.
    digit = base ** np.arange(width, dtype=np.int64)
    total = np.concatenate([[0], np.cumsum(digit[coded.value[np.argsort(coded.item, kind="stable")]])])
    end = np.cumsum(size)
    keys, kind = np.unique(total[end] - total[end - size], return_inverse=True)
    made = []
    for key in keys.tolist():
        count = [key // base**v % base for v in range(width)]
        order = sorted((v for v in range(width) if count[v]), key=lambda v: (-count[v], v))
        made.append({coded.categories[v]: count[v] for v in order})
    return [made[k].copy() for k in kind.tolist()]
