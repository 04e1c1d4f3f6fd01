"""The gold itself under examination: suspect keys, wear by exposure, and whether it resembles the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TableError
from workbench.stats.coding import result_frame
from workbench.stats.estimate import Verdict, verdict
from workbench.stats.gold.answers import known_answers, known_rows
from workbench.stats.gold.exposure import Leakage, of_rows
from workbench.stats.gold.mix import COLUMNS, Mix, context_columns, representativeness
from workbench.stats.intervals import check_resampling, proportion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from workbench.stats.estimate import Estimate

# Fewer answers to other gold than this do not make anybody good, and fewer good annotators do not make a jury.
FEWEST_OTHERS = 5
FEWEST_GOOD = 3


@dataclass(frozen=True)
class GoldItem:
    """What the answers say of one gold item. Only first exposures count, but for `n_exposures`.

    Attributes
    ----------
    error
        Share of all annotators who answered it wrongly.
    error_of_good
        The same among annotators who are good on the *other* gold items.
    verdict
        Of `error_of_good` against one half: `fail` when the good are shown to mostly fail it, `pass` when shown not to.
    suspect
        Whether most of at least `FEWEST_GOOD` good annotators failed it: look at its key and its wording.
    common_wrong, common_wrong_share
        The most frequent wrong answer (None where none is wrong), and its share of all first answers.
    n_exposures
        How often it was answered, repeats included.
    """

    item: Any
    gold: Any
    error: Estimate
    error_of_good: Estimate
    verdict: Verdict
    suspect: bool
    common_wrong: Any
    common_wrong_share: Estimate
    n_exposures: int


@dataclass(frozen=True)
class GoldAudit:
    """Findings about a set of gold items.

    Attributes
    ----------
    items
        One a gold item, in the order of `gold`.
    leakage
        Traces of gold that is remembered or talked about.
    mix
        Gold against the other items, one a column.
    set_aside
        Gold that nobody may use (`item, by, reason`), see `usable`.
    notes
        What was not used or could not be looked at, in words.
    """

    items: tuple[GoldItem, ...]
    leakage: Leakage
    mix: tuple[Mix, ...]
    set_aside: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def suspects(self) -> tuple[GoldItem, ...]:
        """Items whose key is suspect, those that are shown most clearly first."""
        found = [one for one in self.items if one.suspect]
        return tuple(sorted(found, key=lambda one: -one.error_of_good.low))

    def table(self) -> pd.DataFrame:
        """One row an item, for a notebook."""
        rows = [
            (
                one.item,
                one.gold,
                one.error.value,
                one.error.low,
                one.error.high,
                one.error_of_good.value,
                one.error_of_good.n_annotators,
                one.suspect,
                one.verdict.decision,
                one.common_wrong,
                one.common_wrong_share.value,
                one.n_exposures,
            )
            for one in self.items
        ]
        return result_frame(
            rows,
            {
                "item": "object",
                "gold": "object",
                "error": "float64",
                "error_low": "float64",
                "error_high": "float64",
                "error_of_good": "float64",
                "n_good": "int64",
                "suspect": "bool",
                "decision": "str",
                "common_wrong": "object",
                "common_wrong_share": "float64",
                "n_exposures": "int64",
            },
        )


def audit(
    labels: Any,
    gold: Mapping[Any, Any] | Any,
    *,
    items: Any = None,
    columns: Sequence[str] | None = None,
    threshold: float = 0.15,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> GoldAudit:
    """Examine gold items by the answers they got.

    Parameters
    ----------
    labels
        A label table with all items and hidden repeats, so that gold can be compared with the rest.
    gold
        item -> known label, or a table for `usable`: what no verifier or panel vouches for is set aside and said.
    items, columns
        See `representativeness`.
    threshold
        An annotator is good for an item when their error on at least `FEWEST_OTHERS` other gold items is at most this.
        The item itself is left out, so that no item makes its own jury.

    Raises
    ------
    TableError
        No usable gold, a threshold outside 0 to 1; see `answers.known_rows` and `representativeness`.
    ValueError
        See `intervals.check_resampling`.
    """
    check_resampling(n_resamples, confidence, seed)
    if not 0 <= threshold <= 1:
        raise TableError(f"threshold must lie between 0 and 1, got {threshold!r}", next_step="15 % is 0.15")
    used = known_answers(gold)
    known = known_rows(labels, used.answers, repeats=True)
    options: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed}
    notes = list(used.notes)
    if known.n_missing:
        notes.append(f"{known.n_missing} labels of gold items are missing and not counted")
    found = _items(known.rows, used.answers, threshold, confidence)
    unjudged = sum(one.error_of_good.n_labels < FEWEST_GOOD for one in found)
    if unjudged:
        notes.append(
            f"{unjudged} of {len(found)} keys could not be examined: fewer than {FEWEST_GOOD} of the annotators who "
            f"answered err at most {threshold:.0%} on {FEWEST_OTHERS} or more other gold items"
        )
    if not context_columns(labels, items, columns):
        notes.append(
            f"no context column ({', '.join(COLUMNS)}): gold and other items are compared by their labels only"
        )
    return GoldAudit(
        found,
        of_rows(known, **options),
        representativeness(labels, used.answers, items=items, columns=columns, **options),
        used.set_aside,
        tuple(notes),
    )


def _items(rows: pd.DataFrame, answers: Mapping[Any, Any], threshold: float, confidence: float) -> tuple[GoldItem, ...]:
    exposures = rows["item"].value_counts()
    first = rows[rows["exposure"] == 1]
    good = _good_elsewhere(first, threshold)
    of_item = {item: np.asarray(places) for item, places in first.groupby("item").indices.items()}
    wrong, label = first["wrong"].to_numpy(bool), first["label"].to_numpy(dtype=object)
    none = np.zeros(0, dtype=np.int64)
    found = []
    for item, known in answers.items():
        mine = of_item.get(item, none)
        found.append(_item(item, known, wrong[mine], good[mine], label[mine], int(exposures.get(item, 0)), confidence))
    return tuple(found)


def _good_elsewhere(first: pd.DataFrame, threshold: float) -> NDArray[np.bool_]:
    """For each answer whether its annotator is good on the other gold items."""
    by = first.groupby("annotator")["wrong"]
    others = by.transform("size").to_numpy(float) - 1
    wrong_elsewhere = by.transform("sum").to_numpy(float) - first["wrong"].to_numpy(float)
    # Whole numbers on both sides but for the threshold, whose products may miss one by rounding (0.15 x 20).
    good: NDArray[np.bool_] = (others >= FEWEST_OTHERS) & (wrong_elsewhere <= threshold * others + 1e-9)
    return good


def _item(
    item: Any,
    known: Any,
    wrong: NDArray[np.bool_],
    good: NDArray[np.bool_],
    label: NDArray[Any],
    n_exposures: int,
    confidence: float,
) -> GoldItem:
    name = str(item)

    def share(what: str, count: int, n: int) -> Estimate:
        return proportion(what, count, n, n_items=1, n_annotators=n, confidence=confidence, label=name)

    n, n_good = len(wrong), int(good.sum())
    of_good = share("gold_error_of_good", int((wrong & good).sum()), n_good)
    given: dict[Any, int] = {}
    for one in label[wrong]:
        given[one] = given.get(one, 0) + 1
    common = min(given, key=lambda one: (-given[one], str(one))) if given else None
    return GoldItem(
        item,
        known,
        share("gold_error", int(wrong.sum()), n),
        of_good,
        verdict(f"Do good annotators fail {name[:40]}?", of_good, 0.5, higher_is_better=False),
        n_good >= FEWEST_GOOD and not math.isnan(of_good.value) and of_good.value > 0.5,
        common,
        share("common_wrong_share", given.get(common, 0), n),
        n_exposures,
    )
