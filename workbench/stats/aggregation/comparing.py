"""Which way of aggregating predicts labels it has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit

from workbench.errors import TableError
from workbench.stats.aggregation.confusions import dawid_skene
from workbench.stats.aggregation.difficulty import glad
from workbench.stats.aggregation.ordinal import ordinal_dawid_skene
from workbench.stats.aggregation.spamming import mace
from workbench.stats.coding import encode
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import FEWEST, check_resampling, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from workbench.stats.aggregation.result import Aggregation
    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]
    Predict = Callable[[Coded, Coded], Floats]  # labels to learn from, labels to predict -> probability of each

Name = Literal["majority", "dawid_skene", "one_coin", "ordinal", "mace", "glad"]
# Half a label a cell (Jeffreys): without it an answer not seen in training has probability 0.
_SMOOTHING = 0.5
# Indices of resampled items drawn at a time, 32 MB.
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Comparison:
    """Held-out log-likelihood a label (natural logarithm, higher is better) of each model, in the order asked for.

    `differences` are model minus majority on the same labels, without majority itself. `n_left_out` labels were never
    held out, being the only one of their item.
    """

    models: tuple[Estimate, ...]
    differences: tuple[Estimate, ...]
    n_left_out: int


def compare(
    labels: Any,
    models: Sequence[Name] = ("majority", "dawid_skene", "one_coin", "mace", "glad"),
    *,
    folds: int = 5,
    categories: Sequence[Any] | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare models by how well each predicts held-out labels.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`, or a `Coded`.
    models
        `majority` is the baseline: an item's other votes plus one vote spread as all labels are. It is added where it
        is missing. `ordinal` needs numbers, or text with `categories` in order.
    folds
        Labels are dealt to so many parts, those of an item to different ones where that is possible; each part is
        predicted from all others. So an item with two labels or more is always seen, if with fewer labels.

    Raises
    ------
    TableError
        Unknown model; fewer than two annotators an item everywhere; what a model raises of the whole table, or of what
        is left of it without one of the folds.
    ValueError
        Fewer than two folds; see `intervals.check_resampling`.

    Notes
    -----
    A label's probability is sum over classes of P(class | the item's other labels) P(label | class, annotator); GLAD
    has the item's difficulty in the second factor. An annotator without other labels is predicted as the average one.
    Intervals resample items; with a million of them a few hundred resamples do. Confusion matrices are smoothed with
    half a label a cell. What predicts labels well need not name the truth more often: shared errors are predictable
    too.
    """
    check_resampling(n_resamples, confidence, seed)
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 2:
        msg = f"folds must be a whole number, 2 or more, got {folds!r}"
        raise ValueError(msg)
    names = list(dict.fromkeys(["majority", *models])) if "majority" not in models else list(dict.fromkeys(models))
    strangers = [name for name in names if name not in _PREDICT]
    if strangers:
        raise TableError(f"no model {strangers[:5]}; there are {list(_PREDICT)}")
    coded = encode(labels, "ordinal" if "ordinal" in names else "nominal", categories)
    fold = _deal(coded, folds, np.random.default_rng(seed))
    held = fold >= 0
    if not held.any():
        raise TableError(
            "no item has labels of two annotators, so none can be predicted from another",
            next_step="collect a second label on some items",
        )
    log = np.zeros((len(names), len(coded.item)))
    for part in range(folds):
        here = fold == part
        if here.any():
            for row, name in enumerate(names):
                log[row, here] = _log_chances(name, coded, here, f"fold {part + 1} of {folds}")
    items, unit = np.unique(coded.item[held], return_inverse=True)
    count = np.bincount(unit).astype(float)
    sums = np.stack([np.bincount(unit, weights=row[held]) for row in log])
    base = sums[names.index("majority")]
    rivals = [row for row, name in enumerate(names) if name != "majority"]
    values = np.concatenate([sums, sums[rivals] - base])
    drawn = _replicates(values, count, n_resamples, seed) if len(items) >= FEWEST and n_resamples else None
    n_annotators = len(np.unique(coded.annotator[held]))
    method = f"held-out log-likelihood a label, {folds} folds, seed {seed}"

    def estimate(row: int, name: str, label: str) -> Estimate:
        low, high = math.nan, math.nan
        how, reason = method, "" if drawn is not None or not n_resamples else f"{len(items)} items: too few to resample"
        if drawn is not None:
            low, high, _ = percentile(drawn[row], confidence)
            how = f"{method}; percentile bootstrap over items ({n_resamples} resamples)"
        value = float(values[row].sum() / count.sum())
        return Estimate(
            name, value, low, high, len(items), n_annotators, int(held.sum()), how, confidence, reason, label
        )

    return Comparison(
        tuple(estimate(row, "held_out_log_likelihood", name) for row, name in enumerate(names)),
        tuple(estimate(len(names) + k, "difference", f"{names[row]} minus majority") for k, row in enumerate(rivals)),
        int((~held).sum()),
    )


def _log_chances(name: Name, coded: Coded, here: NDArray[np.bool_], fold: str) -> Floats:
    """Log probability of the labels `here`, predicted from all others."""
    try:
        chance = _PREDICT[name](coded.only(~here), coded.only(here))
    except TableError as error:
        _PREDICT[name](coded, coded)  # what is wrong with the whole table is said of the whole table
        raise TableError(
            f"{name} cannot be fitted to the labels without {fold}: {error.what}",
            next_step="more folds (each then leaves out fewer labels), another seed, or more labels",
        ) from None
    return np.log(np.maximum(chance, 1e-10))


def _deal(coded: Coded, folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold of each label; -1 for the only label of its item. The order of the table does not matter."""
    n = len(coded.item)
    size = np.bincount(coded.item, minlength=len(coded.items))
    lot = np.empty(n)
    lot[np.lexsort((coded.annotator, coded.item))] = rng.random(n)
    order = np.lexsort((lot, coded.item))
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n) - np.repeat(np.cumsum(size) - size, size)
    offset = rng.integers(0, folds, len(coded.items))
    return np.where(size[coded.item] > 1, (rank + offset[coded.item]) % folds, -1)


def _replicates(values: Floats, count: Floats, n_resamples: int, seed: int) -> Floats:
    """Ratios of sums over resampled items, one row a row of `values`."""
    rng = np.random.default_rng(seed)
    n = len(count)
    drawn = np.empty((len(values), n_resamples))
    step = max(1, _CHUNK // n)
    for start in range(0, n_resamples, step):
        chosen = rng.integers(0, n, size=(min(step, n_resamples - start), n))
        total = count[chosen].sum(axis=1)
        for row, sums in enumerate(values):
            drawn[row, start : start + len(chosen)] = sums[chosen].sum(axis=1) / total
    return drawn


def _majority(seen: Coded, asked: Coded) -> Floats:
    width = seen.n_categories
    votes = np.bincount(seen.item * width + seen.value, minlength=len(seen.items) * width)
    total = np.bincount(seen.item, minlength=len(seen.items))
    share = np.bincount(seen.value, minlength=width) / len(seen.value)
    found: Floats = (votes[asked.item * width + asked.value] + share[asked.value]) / (total[asked.item] + 1)
    return found


def _by_confusion(fit: Callable[[Coded], Aggregation]) -> Predict:
    def predict(seen: Coded, asked: Coded) -> Floats:
        result = fit(seen)
        confusion = result.confusion
        known = ~np.isnan(confusion)
        average = np.where(known, confusion, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, confusion, average)
        chance: Floats = (result.posterior[asked.item] * filled[asked.annotator, :, asked.value]).sum(axis=1)
        return chance

    return predict


def _by_difficulty(seen: Coded, asked: Coded) -> Floats:
    result = glad(seen)
    logit = result.of_annotators["ability"][asked.annotator] / result.of_items["difficulty"][asked.item]
    right = expit(logit)
    true = result.posterior[asked.item, asked.value]
    chance: Floats = true * right + (1 - true) * (1 - right) / (seen.n_categories - 1)
    return chance


_PREDICT: dict[str, Predict] = {
    "majority": _majority,
    "dawid_skene": _by_confusion(lambda seen: dawid_skene(seen, smoothing=_SMOOTHING)),
    "one_coin": _by_confusion(lambda seen: dawid_skene(seen, model="one_coin", smoothing=_SMOOTHING)),
    "ordinal": _by_confusion(ordinal_dawid_skene),
    "mace": _by_confusion(lambda seen: mace(seen, restarts=3)),
    "glad": _by_difficulty,
}
