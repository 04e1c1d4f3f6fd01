"""Comparisons counted into cells, what they leave undecided, and resamples of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from workbench.errors import TableError
from workbench.stats.ranking.comparing import TIE, Compared, encode
from workbench.stats.ranking.likelihood import Counts, Design

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from workbench.stats.ranking.likelihood import Floats, Model

# Replicates are fitted in chunks whose largest array stays near this many numbers.
_CHUNK_CELLS = 2_000_000


@dataclass(frozen=True)
class Cells:
    """Comparisons ready to fit.

    `table` counts outcomes of ordered pairs, shape (systems, systems, 3); `seen` those of cells, shape (3 x cells):
    all firsts, all seconds, all ties. `by_cluster` splits the latter by cluster, sparse (3 x cells, clusters), None
    where comparisons are resampled one by one. `spread` is what each style covariate was divided by.
    `halves` says that a tie counts as half a win of each.
    """

    coded: Compared
    design: Design
    table: NDArray[np.int64]
    seen: Floats
    by_cluster: Any
    halves: bool
    spread: Floats
    position: bool

    @property
    def n_units(self) -> int:
        """Number of clusters, or of comparisons where these are resampled."""
        return self.coded.n if self.by_cluster is None else int(self.by_cluster.shape[1])

    @property
    def outcomes(self) -> NDArray[np.int64]:
        """Wins, losses and ties of each system, shape (3, systems)."""
        first, second, tie = self.table.transpose(2, 0, 1)
        return np.stack(
            [
                first.sum(axis=1) + second.sum(axis=0),
                second.sum(axis=1) + first.sum(axis=0),
                tie.sum(axis=1) + tie.sum(axis=0),
            ]
        )

    @property
    def units_of(self) -> NDArray[np.int64]:
        """In how many of the units that are resampled each system was compared."""
        if self.by_cluster is None:
            return np.asarray(self.outcomes.sum(axis=0))
        sides = abs(self.design.rows[:, : self.design.n_systems])
        return np.asarray((sparse.vstack([sides] * 3).T @ self.by_cluster > 0).sum(axis=1), dtype=np.int64)

    @property
    def annotators_of(self) -> NDArray[np.int64]:
        """How many annotators compared each system, 0 where the table names none."""
        m, who = len(self.coded.names), self.coded.annotator
        if who is None:
            return np.zeros(m, dtype=np.int64)
        width = int(who.max()) + 1
        seen = sum(
            np.bincount(side * width + who, minlength=m * width) for side in (self.coded.first, self.coded.second)
        )
        return np.asarray((np.reshape(seen, (m, width)) > 0).sum(axis=1), dtype=np.int64)

    @property
    def n_annotators(self) -> int:
        """Number of annotators, 0 where the table names none."""
        return 0 if self.coded.annotator is None else len(np.unique(self.coded.annotator))

    @property
    def units(self) -> str:
        """What is resampled, in words."""
        return "single comparisons" if self.by_cluster is None else f"values of {self.coded.cluster_name}"

    def counts(self, seen: Floats) -> Counts:
        """Outcome counts (3 x cells, weightings) as the likelihood wants them."""
        first, second, tie = np.split(seen, 3)
        if self.halves:
            first, second, tie = first + tie / 2, second + tie / 2, np.zeros_like(tie)
        return Counts(first, second, tie)

    def resamples(self, n_resamples: int, seed: int) -> Iterator[Counts]:
        """Counts of resamples in chunks: clusters drawn with replacement, or comparisons where there are none."""
        rng = np.random.default_rng(seed)
        widest = max(len(self.seen), self.design.n_parameters**2, self.n_units if self.by_cluster is not None else 0)
        step = max(1, _CHUNK_CELLS // widest)
        occurs = np.flatnonzero(self.seen)
        for start in range(0, n_resamples, step):
            size = min(step, n_resamples - start)
            if self.by_cluster is None:
                drawn = np.zeros((len(self.seen), size))
                drawn[occurs] = rng.multinomial(self.coded.n, self.seen[occurs] / self.coded.n, size=size).T
            else:
                times = rng.multinomial(self.n_units, np.full(self.n_units, 1 / self.n_units), size=size)
                drawn = self.by_cluster @ times.T.astype(float)
            yield self.counts(drawn)


def cells(
    comparisons: Any,
    model: Model,
    *,
    ties: str,
    style: Sequence[str],
    position: bool,
    cluster: str | None,
) -> Cells:
    """Read, check and count comparisons.

    Raises
    ------
    TableError
        As `encode`; nothing left; a covariate that never varies or that the systems already explain.
    """
    coded = encode(comparisons, cluster=cluster, style=style, position=position)
    if ties == "drop":
        coded = coded.decided()
    if not coded.n:
        raise TableError("no comparisons are left to rank by")
    coded = coded.left_first() if position else coded
    if coded.style is not None:
        # With covariates comparisons are resampled by their place, which should not change with the table's rows.
        coded = coded.in_order()
    m = len(coded.names)
    key = (coded.first * m + coded.second) * 3 + coded.outcome
    table = np.bincount(key, minlength=3 * m * m).reshape(m, m, 3)
    spread = np.zeros(0)
    if coded.style is None:
        design, seen, place_of = _pair_cells(table, position)
    else:
        # About 0 and not about the mean, because which of two systems is called the first has no meaning.
        spread = _size(coded.style)
        flat = [name for name, size in zip(coded.style_names, spread, strict=True) if not size > 0]
        if flat:
            raise TableError(f"style {flat} never differs between two responses, so it cannot be controlled for")
        covariates = np.hstack([np.ones((coded.n, int(position))), coded.style / spread])
        design, place_of = Design(m, coded.first, coded.second, covariates), None
        place = coded.outcome * coded.n + np.arange(coded.n)
        seen = np.zeros(3 * coded.n)
        seen[place] = 1
    by_cluster = None
    if cluster is not None and coded.cluster is not None:
        _, group = np.unique(coded.cluster, return_inverse=True)
        place = place if place_of is None else place_of[key]
        by_cluster = sparse.csr_array((np.ones(coded.n), (place, group)), shape=(len(seen), int(group.max()) + 1))
    made = Cells(coded, design, table, seen, by_cluster, model == "bradley_terry", spread, position)
    _check_told_apart(made)
    tied = int(table[:, :, TIE].sum())
    if model != "bradley_terry" and not 0 < tied < coded.n:
        raise TableError(
            f"{'all' if tied else 'none'} of {coded.n} comparisons of {m} systems are "
            "ties, so there is no tie parameter to estimate",
            next_step="use bradley_terry",
        )
    return made


def _size(style: Floats) -> Floats:
    """Root mean square of each covariate, whatever its unit: squares of large numbers would have no float."""
    peak = np.abs(style).max(axis=0)
    scaled = style / np.where(peak > 0, peak, 1)
    found: Floats = peak * np.sqrt((scaled**2).mean(axis=0))
    return found


def _pair_cells(table: NDArray[np.int64], position: bool) -> tuple[Design, Floats, NDArray[np.int64]]:
    """Pairs of systems as cells: the design, how often each cell had each outcome, and where each key is counted.

    With `position` the order of a pair matters; without, both orders are one cell with the earlier system first.
    """
    m = len(table)
    if not position:
        table = np.triu((table + table.transpose(1, 0, 2)[:, :, [1, 0, 2]]).transpose(2, 0, 1)).transpose(1, 2, 0)
    first, second = np.nonzero(table.any(axis=2))
    n = len(first)
    place = np.zeros((m, m, 3), dtype=np.int64)
    place[first, second] = np.arange(n)[:, None] + np.array([0, n, 2 * n])
    if not position:
        place[second, first] = np.arange(n)[:, None] + np.array([n, 0, 2 * n])
    design = Design(m, first, second, np.ones((n, int(position))))
    return design, table[first, second].T.ravel().astype(float), place.ravel()


def _check_told_apart(made: Cells) -> None:
    extra = made.design.n_parameters - made.design.n_systems
    if not extra:
        return
    n = made.seen.reshape(3, -1).sum(axis=0)
    gram = (made.design.products @ n).reshape(made.design.n_parameters, -1)
    free = made.design.n_systems - len(groups(made, both_ways=False)) + extra
    if np.linalg.matrix_rank(gram / n.sum(), tol=1e-9, hermitian=True) < free:
        raise TableError(
            "position or style cannot be told apart from the systems: the same systems always had the same difference",
            next_step="leave a covariate out, or compare the systems both ways round",
        )


def groups(made: Cells, *, both_ways: bool) -> list[list[str]]:
    """Systems that comparisons join; with `both_ways`, in both directions: each can be reached by wins or ties.

    Without a prior every rating is finite exactly if there is one group both ways (Ford 1957).
    """
    first, second, tie = made.table.transpose(2, 0, 1)
    beat = first + second.T + tie + tie.T
    beaten = beat > 0
    if (beaten | np.eye(len(beat), dtype=bool)).all():
        return [sorted(made.coded.names)]  # everybody beat everybody: no graph needs to be searched
    n, group = sparse.csgraph.connected_components(beaten, directed=True, connection="strong" if both_ways else "weak")
    return sorted([made.coded.names[k] for k in np.flatnonzero(group == one)] for one in range(n))


def separated(design: Design, counts: Counts) -> NDArray[np.bool_]:
    """For each weighting, whether some system cannot be reached from another by wins or ties.

    Transitive closure of all weightings at once by squaring, in chunks of its own because it is (weightings, M, M).
    """
    m, n = design.n_systems, counts.first.shape[1]
    found = np.zeros(n, dtype=bool)
    step = max(1, _CHUNK_CELLS // (m * m))
    for start in range(0, n, step):
        stop = min(n, start + step)
        reach = np.zeros((stop - start, m, m), dtype=np.float32)
        up, down = (counts.first + counts.tie)[:, start:stop] > 0, (counts.second + counts.tie)[:, start:stop] > 0
        cell, replicate = np.nonzero(up)
        reach[replicate, design.first[cell], design.second[cell]] = 1
        cell, replicate = np.nonzero(down)
        reach[replicate, design.second[cell], design.first[cell]] = 1
        reach[:, np.arange(m), np.arange(m)] = 1
        for _ in range(max(1, int(np.ceil(np.log2(m))))):
            reach = (reach @ reach > 0).astype(np.float32)
        found[start:stop] = ~reach.all(axis=(1, 2))
    return found
