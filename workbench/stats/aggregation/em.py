"""Expectation-maximisation shared by models in which an answer depends on annotator and true class only.

The labels are a sparse matrix of items x cells, a cell being a pair of annotator and label that occurs. Given the true
class k, an annotator's answer has probability `table[k, cell]`, so the E-step is one sparse product and the M-step sees
nothing but expected counts of class and cell. Arrays are class-major: a softmax over few classes on the last axis would
be several times slower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from workbench.stats.aggregation.reading import Clamp
    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]
    # expected counts (classes x cells), posterior (classes x items) -> log table (classes x cells), log prior (classes)
    Maximise = Callable[[Floats, Floats], tuple[Floats, Floats]]

CLIP = 1e-10
# Items times classes a block, so that it stays in the processor's cache.
_BLOCK = 81_920


@dataclass(frozen=True)
class Cells:
    """Labels as a matrix of items x cells; `annotator` and `label` say what each cell stands for.

    `blocks` are the rows of `matrix` in pieces, and `labelled` flags the items with a label.
    """

    matrix: sparse.csr_matrix
    annotator: NDArray[np.int64]
    label: NDArray[np.int64]
    n_annotators: int
    n_classes: int
    blocks: tuple[tuple[slice, sparse.csr_matrix, sparse.csc_matrix], ...]
    labelled: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        matrix: sparse.csr_matrix,
        annotator: NDArray[np.int64],
        label: NDArray[np.int64],
        n_annotators: int,
        n_classes: int,
    ) -> Cells:
        """Cut the matrix into blocks, which share its column numbers.

        An entry above 1 is an annotator who gave an item the same label again; each counts, as in Dawid & Skene (1979).
        """
        # A block's counts are as long as there are cells, so it should have no fewer labels than that.
        few = max(1, _BLOCK // n_classes)
        step = max(few, math.ceil(matrix.shape[0] * matrix.shape[1] / max(matrix.nnz, 1)))
        starts = range(0, matrix.shape[0], step)
        ends = [matrix.indptr[start : start + step + 1] for start in starts]
        again = bool((matrix.data > 1).any())
        ones = np.ones(max((int(end[-1] - end[0]) for end in ends), default=0))
        blocks = []
        for start, end in zip(starts, ends, strict=True):
            columns = matrix.indices[end[0] : end[-1]]
            shape = (len(end) - 1, matrix.shape[1])
            times = matrix.data[end[0] : end[-1]].astype(float) if again else ones[: len(columns)]
            rows = sparse.csr_matrix((times, columns, end - end[0]), shape=shape)
            blocks.append((slice(start, start + shape[0]), rows, rows.T))
        labelled = np.diff(matrix.indptr) > 0
        return cls(matrix, annotator, label, n_annotators, n_classes, tuple(blocks), labelled)

    def resampled(self, rows: NDArray[np.int64]) -> Cells:
        """The same cells with these items, which may repeat."""
        return Cells.of(self.matrix[rows], self.annotator, self.label, self.n_annotators, self.n_classes)

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return int(self.matrix.data.sum(dtype=np.int64))

    def counts(self, posterior: Floats) -> Floats:
        """Expected number of labels of each true class (rows) and cell (columns)."""
        found = np.zeros((self.matrix.shape[1], self.n_classes))
        for place, _, across in self.blocks:
            found += across @ np.ascontiguousarray(posterior[:, place].T)
        return np.ascontiguousarray(found.T)

    def class_shares(self, posterior: Floats) -> Floats:
        """Mean posterior over the items that have a label."""
        kept = posterior if self.labelled.all() else posterior[:, self.labelled]
        shares: Floats = kept.mean(axis=1)
        return shares

    def per_annotator(self, counts: Floats) -> Floats:
        """Sum over an annotator's cells; shape (classes, annotators)."""
        return np.stack([np.bincount(self.annotator, weights=row, minlength=self.n_annotators) for row in counts])

    def dense(self, table: Floats, rest: Floats | float = 0.0) -> Floats:
        """Classes x cells to annotators x true classes x labels; `rest` where an annotator never gave a label."""
        full = np.empty((self.n_annotators, self.n_classes, self.n_classes))
        full[:] = rest
        full[self.annotator, :, self.label] = table.T
        return full


@dataclass(frozen=True)
class Fit:
    """Where the iterations ended; `posterior` is classes x items, `counts` belong to it."""

    posterior: Floats
    counts: Floats
    log_likelihood: tuple[float, ...]
    converged: bool


def cells(coded: Coded) -> Cells:
    """The labels as a sparse matrix."""
    width = coded.n_categories
    key = coded.annotator * width + coded.value
    used = np.bincount(key, minlength=len(coded.annotators) * width) > 0
    column = (np.cumsum(used, dtype=np.int32) - 1)[key]
    kept = np.flatnonzero(used)
    del key
    shape = (len(coded.items), len(kept))
    # Blocks bring their own floats, so here the smallest type does.
    matrix = sparse.csr_matrix(
        (np.ones(len(column), dtype=np.int8), (coded.item.astype(np.int32), column)), shape=shape
    )
    return Cells.of(matrix, kept // width, kept % width, len(coded.annotators), width)


def vote_shares(given: Cells, clamp: Clamp) -> Floats:
    """Share of each class among an item's labels (classes x items), gold clamped: where the iterations start."""
    shares = np.empty((given.n_classes, given.matrix.shape[0]))
    each = np.eye(given.n_classes)[given.label]
    for place, rows, _ in given.blocks:
        shares[:, place] = (rows @ each).T
    total = shares.sum(axis=0)
    shares[:, total == 0] = 1.0
    shares /= np.where(total == 0, given.n_classes, total)
    clamp.on(shares)
    return shares


def sweep(given: Cells, table: Floats, prior: Floats, clamp: Clamp, posterior: Floats) -> tuple[Floats, float, float]:
    """E-step, and the counts that the next M-step needs, block by block while a block is in the cache.

    `posterior` (classes x items) is overwritten.

    Returns
    -------
    tuple
        Expected counts (classes x cells), log-likelihood of all labels, largest change of a posterior probability.
    """
    counts = np.zeros((given.matrix.shape[1], given.n_classes))
    of_cell = np.ascontiguousarray(table.T)
    total, change = 0.0, 0.0
    for place, rows, across in given.blocks:
        joint = np.ascontiguousarray((rows @ of_cell).T)
        joint += prior[:, None]
        new, part = normalise(joint, clamp.within(place))
        total += part
        old = posterior[:, place]
        np.subtract(new, old, out=old)
        change = max(change, float(old.max()), -float(old.min()))
        old[:] = new
        counts += across @ np.ascontiguousarray(new.T)
    return np.ascontiguousarray(counts.T), total, change


def normalise(joint: Floats, clamp: Clamp) -> tuple[Floats, float]:
    """Log joint probabilities (classes x items) to posteriors, in place, and their log-likelihood."""
    known = joint[clamp.label, clamp.item]
    peak = joint.max(axis=0)
    joint -= peak
    np.exp(joint, out=joint)
    total = joint.sum(axis=0)
    joint /= total
    np.log(total, out=total)
    total += peak
    total[clamp.item] = known
    clamp.on(joint)
    return joint, float(total.sum())


def iterate(
    given: Cells,
    start: Floats,
    maximise: Maximise,
    clamp: Clamp,
    *,
    max_iter: int,
    tolerance: float,
) -> Fit:
    """M- and E-steps in turn until no posterior moves by `tolerance`, from the posterior `start`, which is overwritten.

    Raises
    ------
    ValueError
        Unless max_iter >= 1 and tolerance >= 0.
    """
    if max_iter < 1 or not tolerance >= 0:
        msg = f"need max_iter >= 1 and tolerance >= 0, got {max_iter!r} and {tolerance!r}"
        raise ValueError(msg)
    counts = given.counts(start)
    path: list[float] = []
    change = math.inf
    while len(path) < max_iter and change >= tolerance:
        counts, total, change = sweep(given, *maximise(counts, start), clamp, start)
        path.append(total / given.n_labels)
    return Fit(start, counts, tuple(path), change < tolerance)
