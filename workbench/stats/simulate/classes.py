"""Simulated classes: one an item by each annotator's confusion matrix, or a set an item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats.simulate import drawing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


def categorical(
    items: int,
    annotators: int | Sequence[str],
    *,
    confusion: float | ArrayLike | Mapping[str, ArrayLike] = 0.8,
    prevalence: Sequence[float] | Mapping[Any, float] = (0.5, 0.5),
    overlap: int | tuple[int, int] = 3,
    design: drawing.Design = "partial",
    per_prompt: int = 1,
    hard: float = 0.0,
    repeats: float = 0.0,
    words: float = 150,
    seed: int = 0,
) -> drawing.Simulated:
    """Labels drawn from each annotator's confusion matrix, given the item's true class (Dawid and Skene 1979).

    Parameters
    ----------
    items
        How many.
    annotators
        How many, or their names.
    confusion
        P(label | truth): one number (that share right, the rest spread evenly), or one a person; a matrix (truth x
        label) for all, one a person (annotators x truth x label), or a mapping from name to matrix.
    prevalence
        Share of each class; a mapping names the classes, else they are `c0`, `c1`, ...
    overlap
        Labels wanted an item, or (from, to).
    design
        `complete`: everybody labels everything; `partial`: `overlap` of them, all as often; `unequal`: as often as
        1, 1/2, 1/3, ... (the heavy tail of open crowds).
    per_prompt, hard
        Items that belong to one prompt, and the share of prompts whose items nobody can judge: their labels are drawn
        by prevalence, whatever is true.
    repeats
        Share of labels that are asked for again, marked `is_repeat`.
    words
        Typical length of an item, for the durations.

    Returns
    -------
    Simulated
        `truth` has the true class and `hard`; `people` has `accuracy` (at this prevalence), `confusion` (matrix as
        nested tuples) and `volume` (how often, relative to the others).

    Raises
    ------
    TableError
        Rows that are no probabilities, wrong shapes, an overlap that the annotators cannot give.

    Examples
    --------
    >>> made = categorical(100, 5, confusion=0.9, prevalence={"safe": 0.8, "unsafe": 0.2}, seed=1)
    >>> len(made.labels), sorted(set(made.truth["truth"]))
    (300, ['safe', 'unsafe'])
    """
    names = drawing.named(annotators)
    classes, shares = _classes(prevalence)
    matrices = _matrices(confusion, names, len(classes))
    rows = drawing.assign(
        items, len(names), overlap=overlap, design=design, per_prompt=per_prompt, repeats=repeats, seed=seed
    )
    truth, is_hard, value = _drawn(rows, matrices, shares, hard, seed)
    named = np.empty(len(classes), dtype=object)
    named[:] = classes
    people = pd.DataFrame(
        {
            "annotator": names,
            "accuracy": np.einsum("akk,k->a", matrices, shares),
            "confusion": [tuple(map(tuple, matrix.tolist())) for matrix in matrices],
            "volume": drawing.volumes(len(names), design),
        }
    )
    return drawing.Simulated(
        drawing.table(rows, names, named[value], words=words, seed=seed),
        drawing.truth_table(rows, named[truth], hard=is_hard),
        people,
        tuple(classes),
        f"simulated labels by confusion matrices, {design} design, overlap {overlap}, seed {seed}",
        seed,
    )


def categorical_codes(
    items: int,
    annotators: int | Sequence[str],
    *,
    confusion: float | ArrayLike | Mapping[str, ArrayLike] = 0.8,
    prevalence: Sequence[float] | Mapping[Any, float] = (0.5, 0.5),
    overlap: int | tuple[int, int] = 3,
    design: drawing.Design = "partial",
    per_prompt: int = 1,
    hard: float = 0.0,
    seed: int = 0,
) -> Coded:
    """The labels of `categorical` with the same arguments as integer codes.

    There is no table of text behind it, so a million items take a second. Where a prompt has several items, the codes
    know which, and statistics asked with `cluster="prompt_id"` resample prompts.
    """
    names = drawing.named(annotators)
    classes, shares = _classes(prevalence)
    rows = drawing.assign(
        items, len(names), overlap=overlap, design=design, per_prompt=per_prompt, repeats=0.0, seed=seed
    )
    _, _, value = _drawn(rows, _matrices(confusion, names, len(classes)), shares, hard, seed)
    return drawing.coded(rows, value, classes)


def multi_label(
    items: int,
    annotators: int | Sequence[str],
    *,
    prevalence: Mapping[str, float],
    hit: ArrayLike = 0.8,
    false_alarm: ArrayLike = 0.05,
    none: str = "",
    overlap: int | tuple[int, int] = 3,
    design: drawing.Design = "partial",
    per_prompt: int = 1,
    repeats: float = 0.0,
    words: float = 150,
    seed: int = 0,
) -> drawing.Simulated:
    """Sets of classes: each class is true of an item, and seen by an annotator, independently of the others.

    Parameters
    ----------
    prevalence
        Class -> share of items of which it is true.
    hit, false_alarm
        Chance that an annotator names a class that is true, and one that is not; one number, or one a person.
    none
        How a set without classes is written; an answer in a pilot needs a class such as `none`.

    Returns
    -------
    Simulated
        `label` and `truth` are the classes in order, joined by `|` as in the label table.
    """
    names = drawing.named(annotators)
    classes = list(prevalence)
    if not classes or any(not isinstance(one, str) or "|" in one or not one for one in classes):
        raise TableError(f"classes need names without '|', got {classes[:12]}")
    classes.sort()
    shares = np.asarray([drawing.share(prevalence[one], f"prevalence of {one}") for one in classes])
    seen, wrong = (drawing.each(v, len(names), w) for v, w in ((hit, "hit"), (false_alarm, "false_alarm")))
    for chance in (seen, wrong):
        drawing.share(float(chance.min()), "hit and false_alarm")
        drawing.share(float(chance.max()), "hit and false_alarm")
    rows = drawing.assign(
        items, len(names), overlap=overlap, design=design, per_prompt=per_prompt, repeats=repeats, seed=seed
    )
    truth = drawing.stream(seed, "truth").random((items, len(classes))) < shares
    chance = np.where(truth[rows.item], seen[rows.annotator][:, None], wrong[rows.annotator][:, None])
    named = drawing.stream(seed, "labels").random(chance.shape) < chance
    people = pd.DataFrame(
        {"annotator": names, "hit": seen, "false_alarm": wrong, "volume": drawing.volumes(len(names), design)}
    )
    return drawing.Simulated(
        drawing.table(rows, names, _joined(named, classes, none), words=words, seed=seed),
        drawing.truth_table(rows, _joined(truth, classes, none)),
        people,
        (),
        f"simulated sets of classes, {design} design, overlap {overlap}, seed {seed}",
        seed,
    )


def _drawn(
    rows: drawing.Rows, matrices: Floats, shares: Floats, hard: float, seed: int
) -> tuple[Ints, NDArray[np.bool_], Ints]:
    """True class and hardness of each item, and the label of each row."""
    truth = _by_chance(shares[None, :], drawing.stream(seed, "truth").random(rows.n_items))
    n_prompts = int(rows.prompt[-1]) + 1
    is_hard = (drawing.stream(seed, "hard").random(n_prompts) < drawing.share(hard, "hard"))[rows.prompt]
    lot = drawing.stream(seed, "labels").random(len(rows.item))
    chances = np.where(is_hard[rows.item, None], shares, matrices[rows.annotator, truth[rows.item]])
    return truth, is_hard, _by_chance(chances, lot)


def _by_chance(chances: Floats, lot: Floats) -> Ints:
    """The class whose part of the unit interval each lot falls in; `chances` is (lots or 1) x classes."""
    # The last edge is 1 but for rounding, and a lot above it would have no class.
    return np.asarray((lot[:, None] >= np.cumsum(chances, axis=1)[:, :-1]).sum(axis=1), dtype=np.int64)


def _classes(prevalence: Sequence[float] | Mapping[Any, float]) -> tuple[list[Any], Floats]:
    if isinstance(prevalence, Mapping):
        classes, shares = list(prevalence), np.asarray(list(prevalence.values()), dtype=float)
    else:
        shares = np.asarray(list(prevalence), dtype=float)
        classes = [f"c{k}" for k in range(len(shares))]
    if len(classes) < 2 or not _are_chances(shares[None, :]):
        raise TableError(f"prevalence must be two or more shares that sum to 1, got {prevalence!r:.80}")
    return classes, shares


def _matrices(confusion: Any, names: list[str], n_classes: int) -> Floats:
    """One matrix an annotator, shape (annotators, truth, label)."""
    n = len(names)
    if isinstance(confusion, Mapping):
        missing = sorted(set(names) - set(confusion))
        if missing:
            raise TableError(f"no confusion matrix for {missing[:5]}")
        confusion = [confusion[name] for name in names]
    given = np.asarray(confusion, dtype=float)
    if given.ndim <= 1:
        right = drawing.each(given, n, "confusion")
        rest = (1 - right) / (n_classes - 1)
        given = rest[:, None, None] + (right - rest)[:, None, None] * np.eye(n_classes)
    shape = (n, n_classes, n_classes)
    if given.shape not in (shape, shape[1:]):
        raise TableError(f"confusion has shape {given.shape}, needed is {shape[1:]} (truth x label) or {shape}")
    if not _are_chances(given):
        raise TableError("each row of a confusion matrix must be shares that sum to 1")
    return np.broadcast_to(given, shape)


def _are_chances(rows: Floats) -> bool:
    return bool((rows >= 0).all() and np.allclose(rows.sum(axis=-1), 1, atol=1e-9))


def _joined(members: NDArray[np.bool_], classes: list[str], none: str) -> NDArray[Any]:
    """Rows of memberships as text; each different set is written once."""
    sets, which = np.unique(members, axis=0, return_inverse=True)
    texts = np.empty(len(sets), dtype=object)
    texts[:] = [
        "|".join(name for name, inside in zip(classes, row, strict=True) if inside) or none for row in sets.tolist()
    ]
    return texts[which.ravel()]
