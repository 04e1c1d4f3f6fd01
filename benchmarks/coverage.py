"""How often each interval covers the true value, at the sizes people use: one Markdown table.

    .venv/bin/python -m benchmarks.coverage [--simulations 1000] [--resamples 500] [--only alpha] [--workers 2]

Labels are simulated by people with known faults (`stats.simulate`); the true value is the statistic of half a million
items (`simulate.superpopulation`). A 95 % interval should cover it in 95 % of the simulations; 92 to 97 % is called
good, and what misses that is said so. Proportions are not simulated but added up over all outcomes.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from benchmarks.coverage_designs import Study, studies
from workbench.stats import intervals
from workbench.stats.simulate import superpopulation

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOOD = (0.92, 0.97)
CHUNK = 50  # simulations a worker does at a time
HEAD = "| interval | design | true value | coverage | Monte-Carlo 95 % | mean width | |\n|---|---|---|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """One line of the table.

    `n` intervals were made, of which `n_covered` cover; `n_none` simulations gave none. Where coverage was added up and
    not simulated, it is `exact`.
    """

    interval: str
    design: str
    true: float
    width: float
    n: int = 0
    n_covered: int = 0
    n_none: int = 0
    exact: float = math.nan

    @property
    def coverage(self) -> float:
        """Share of intervals that hold the true value, of those that exist."""
        return self.n_covered / self.n if self.n else self.exact

    @property
    def verdict(self) -> str:
        """In words: whether the coverage is good."""
        if math.isnan(self.coverage):
            return "no intervals"
        low, high = GOOD
        return "good" if low <= self.coverage <= high else "TOO LOW" if self.coverage < low else "too high"

    def __str__(self) -> str:
        made = "exact"
        if self.n:
            low, high, _ = intervals.wilson(self.n_covered, self.n)
            made = f"{low:.1%} to {high:.1%}"
        none = f"; {self.n_none} without interval" if self.n_none else ""
        true = "" if math.isnan(self.true) else f"{self.true:.3f}"
        cells = (self.interval, self.design, true, f"{self.coverage:.1%}", made, f"{self.width:.3f}")
        return f"| {' | '.join(cells)} | {self.verdict}{none} |"


def exact() -> list[Row]:
    """Coverage of the intervals of proportions, added up over all outcomes."""
    rows = []
    shares = np.linspace(0.02, 0.98, 97)
    for name, interval in (("Wilson", intervals.wilson), ("Beta posterior (Jeffreys)", intervals.beta_interval)):
        for n in (20, 50, 200):
            ends = np.asarray([interval(k, n)[:2] for k in range(n + 1)])
            for p in (0.05, 0.1, 0.5, 0.9):
                covered, width = _binomial(ends, p)
                rows.append(Row(name, f"{n} trials", p, width, exact=covered))
            covered, width = np.mean([_binomial(ends, p) for p in shares], axis=0)
            rows.append(Row(name, f"{n} trials, mean over shares .02 to .98", math.nan, width, exact=covered))
    for n_1, n_2 in ((30, 30), (60, 30), (200, 200)):
        made = [
            [intervals.difference_of_shares("", (i, n_1), (j, n_2)) for j in range(n_2 + 1)] for i in range(n_1 + 1)
        ]
        low, high = (np.asarray([[getattr(one, end) for one in row] for row in made]) for end in ("low", "high"))
        for p_1, p_2 in ((0.9, 0.9), (0.9, 0.7), (0.5, 0.5), (0.05, 0.1)):
            chance = np.multiply.outer(_chances(n_1, p_1), _chances(n_2, p_2))
            held = (low <= p_2 - p_1) & (p_2 - p_1 <= high)
            design, width = f"{p_1:g} of {n_1} before, {p_2:g} of {n_2} after", float((chance * (high - low)).sum())
            rows.append(
                Row("difference of shares, Newcombe", design, p_2 - p_1, width, exact=float(chance[held].sum()))
            )
    return rows


def _chances(n: int, p: float) -> NDArray[np.float64]:
    return np.asarray(stats.binom.pmf(np.arange(n + 1), n, p))


def _binomial(ends: NDArray[np.float64], p: float) -> tuple[float, float]:
    """Coverage and mean width of intervals of 0, 1, ... successes when the share is p."""
    chance, (low, high) = _chances(len(ends) - 1, p), ends.T
    return float(chance[(low <= p) & (p <= high)].sum()), float(chance @ (high - low))


def true_values(study: Study, n_items: int | None = None) -> list[float]:
    """What each interval of the study should cover; `n_items` is the size of each block of the population."""
    known: dict[Any, float] = {}
    # All statistics of the study look at the same ten blocks of the population.
    draw = lru_cache(maxsize=10)(study.population or study.draw)
    values = []
    for shown in study.shown:
        true = shown.true
        if callable(true):
            if true not in known:
                known[true] = superpopulation(
                    draw, true, n_items=n_items or study.population_items, seed=1_000_000
                ).value
            values.append(known[true])
        else:
            values.append(true)
    return values


def count(study: Study, true: list[float], seeds: range, n_resamples: int) -> NDArray[np.float64]:
    """Intervals made, those that cover, simulations without one, and widths: summed over seeds, a row an interval."""
    found = np.zeros((len(study.shown), 4))
    for seed in seeds:
        data = study.draw(study.n, seed)
        for k, shown in enumerate(study.shown):
            one = shown.estimate(data, seed, n_resamples)
            if math.isnan(one.low) or math.isnan(one.high):
                found[k, 2] += 1
            else:
                found[k] += (1, one.low <= true[k] <= one.high, 0, one.high - one.low)
    return found


def rows(study: Study, true: list[float], found: NDArray[np.float64]) -> list[Row]:
    """Lines of the table from the counts of one study."""
    return [
        Row(shown.name, study.design, value, float(width / n) if n else math.nan, int(n), int(covered), int(none))
        for shown, value, (n, covered, none, width) in zip(study.shown, true, found, strict=True)
    ]


def run(n_simulations: int, n_resamples: int, workers: int, only: str = "") -> list[Row]:
    """The whole table, with progress on the error stream."""
    began = time.perf_counter()
    table = exact()
    chosen = [(k, study) for k, study in enumerate(studies()) if any(only in shown.name for shown in study.shown)]
    # One thread a worker, or the workers' linear algebra fights for the same cores. Workers are fresh interpreters:
    # forking one that has threads may hang.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        values = [pool.submit(_true_values, place) for place, _ in chosen]
        for (place, study), value in zip(chosen, values, strict=True):
            true = value.result()
            parts = [
                pool.submit(_count, place, true, start, min(start + CHUNK, n_simulations), n_resamples)
                for start in range(0, n_simulations, CHUNK)
            ]
            table += rows(study, true, np.sum([part.result() for part in parts], axis=0))
            print(f"{time.perf_counter() - began:6.0f} s  {study.design}", file=sys.stderr, flush=True)
    return [row for row in table if only in row.interval]


def _true_values(place: int) -> list[float]:
    return true_values(studies()[place])


def _count(place: int, true: list[float], start: int, stop: int, n_resamples: int) -> NDArray[np.float64]:
    return count(studies()[place], true, range(start, stop), n_resamples)


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=1_000)
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="only intervals whose name holds this text")
    asked = parser.parse_args()
    table = run(asked.simulations, asked.resamples, asked.workers, asked.only)
    print(f"{asked.simulations:,} simulations, {asked.resamples:,} resamples, 95 % intervals\n\n{HEAD}")
    for row in sorted(table, key=lambda row: row.interval):
        print(row)


if __name__ == "__main__":
    main()
