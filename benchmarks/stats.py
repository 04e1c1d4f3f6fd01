"""How quick the statistics are, beside the packages people would use, same arrays, one run.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/stats.py [name ...] [--repeats 5] [--large] [--list]

CPU seconds of this process, median of the repeats, ours and theirs in turn; peak memory in processes of their own, less
what importing and holding the data takes. `--large` adds the counts over 100 million labels.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from workbench.stats import aggregation, agreement, annotators, ranking, sufficient
from workbench.stats.coding import Coded, encode, from_codes

if TYPE_CHECKING:
    from collections.abc import Callable

# Public data sets that are no part of the project.
DATA = Path(os.environ.get("WORKBENCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Case:
    """One line of the table: what, ours and theirs on the same data, and how often theirs has to be counted."""

    name: str
    make: Callable[[], Any]
    ours: Callable[[Any], Any]
    theirs: Callable[[Any], Any] | None
    peer: str
    target: str
    times: int = 1  # theirs runs one part in so many, and is multiplied
    memory: bool = False


def crowd(n_items: int, n_annotators: int, per_item: int, n_classes: int, seed: int = 0) -> Coded:
    """Labels of annotators of unequal skill, each item with as many, in no order."""
    rng = np.random.default_rng(seed)
    item = np.repeat(np.arange(n_items), per_item)
    # Distinct annotators an item: a random start and equal random steps that do not come round.
    start, step = rng.integers(0, n_annotators, n_items), rng.integers(1, n_annotators // per_item + 1, n_items)
    turn = np.tile(np.arange(per_item), n_items)
    annotator = (np.repeat(start, per_item) + turn * np.repeat(step, per_item)) % n_annotators
    truth = np.repeat(rng.integers(0, n_classes, n_items), per_item)
    skill = rng.uniform(0.4, 0.95, n_annotators)
    value = np.where(rng.random(len(item)) < skill[annotator], truth, rng.integers(0, n_classes, len(item)))
    order = rng.permutation(len(item))
    return from_codes(item[order], annotator[order], value[order])


def counts_of(coded: Coded) -> np.ndarray[Any, Any]:
    """Items x values, the table the krippendorff package takes."""
    table = np.zeros((len(coded.items), coded.n_categories), dtype=int)
    np.add.at(table, (coded.item, coded.value), 1)
    return table


def matrix_of(coded: Coded) -> np.ndarray[Any, Any]:
    """Annotators x items with gaps, the other table it takes."""
    table = np.full((len(coded.annotators), len(coded.items)), np.nan)
    table[coded.annotator, coded.item] = coded.value
    return table


def loop(table: np.ndarray[Any, Any], form: str, n: int, axis: int) -> list[float]:
    """An item bootstrap as a reader of the package's manual would write it."""
    import krippendorff

    rng = np.random.default_rng(0)
    found = []
    for _ in range(n):
        drawn = np.take(table, rng.integers(0, table.shape[axis], table.shape[axis]), axis=axis)
        found.append(krippendorff.alpha(**{form: drawn}, level_of_measurement="nominal"))
    return found


def alpha_counts(coded: Coded) -> float:
    import krippendorff

    return float(krippendorff.alpha(value_counts=counts_of(coded), level_of_measurement="nominal"))


def kappa_pairs(coded: Coded) -> list[float]:
    from itertools import combinations

    from sklearn.metrics import cohen_kappa_score

    frame = pd.DataFrame({"item": coded.item, "annotator": coded.annotator, "label": coded.value})
    mine = {name: part.set_index("item")["label"] for name, part in frame.groupby("annotator")}
    found = []
    for a, b in combinations(mine, 2):
        both = pd.concat([mine[a], mine[b]], axis=1, join="inner")
        if len(both):
            found.append(float(cohen_kappa_score(both.iloc[:, 0], both.iloc[:, 1])))
    return found


def as_crowdkit(coded: Coded) -> tuple[Coded, pd.DataFrame]:
    return coded, pd.DataFrame({"task": coded.item, "worker": coded.annotator, "label": coded.value})


ITERATIONS = 10


def crowdkit_dawid_skene(data: tuple[Coded, pd.DataFrame]) -> Any:
    from crowdkit.aggregation import DawidSkene

    return DawidSkene(n_iter=ITERATIONS, tol=-1).fit(data[1])


def our_dawid_skene(data: tuple[Coded, pd.DataFrame]) -> Any:
    return aggregation.dawid_skene(data[0], max_iter=ITERATIONS, tolerance=0)


def duels(n: int, systems: int = 20) -> tuple[pd.DataFrame, ranking.Compared, list[Any], list[Any], list[Any]]:
    """Comparisons as a table, encoded, and as the lists evalica takes; all made outside the clock."""
    import evalica

    rng = np.random.default_rng(1)
    strength = np.sort(rng.normal(size=systems))
    a = rng.integers(0, systems, n)
    b = (a + rng.integers(1, systems, n)) % systems
    wins = rng.random(n) < 1 / (1 + np.exp(strength[b] - strength[a]))
    names = np.asarray([f"m{k:02}" for k in range(systems)], dtype=object)
    table = pd.DataFrame({"a": names[a], "b": names[b], "winner": np.where(wins, "A", "B")})
    winners = [evalica.Winner.X if one else evalica.Winner.Y for one in wins]
    return table, ranking.encode(table, cluster=None), a.tolist(), b.tolist(), winners


def our_fit(data: Any, n_resamples: int = 0) -> Any:
    return ranking.bradley_terry(data, cluster=None, prior=0, n_resamples=n_resamples)


def evalica_fit(data: Any) -> Any:
    import evalica

    return evalica.bradley_terry(*data[2:])


def evalica_bootstrap(data: Any) -> Any:
    import evalica

    return evalica.bootstrap(evalica.bradley_terry, *data[2:], n_resamples=1_000, bootstrap_method="percentile")


def parquet(n_items: int, per_item: int = 3) -> str:
    """Labels in Parquet, written in parts so that making them needs little memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(tempfile.gettempdir()) / f"workbench-labels-{n_items}.parquet"
    if path.exists():
        return str(path)
    schema = pa.schema([("item", pa.int32()), ("annotator", pa.int16()), ("label", pa.int8())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_items, 1_000_000):
            part = crowd(min(1_000_000, n_items - start), 2_000, per_item, 4, seed=start)
            writer.write_table(
                pa.table(
                    [(part.item + start).astype("i4"), part.annotator.astype("i2"), part.value.astype("i1")],
                    schema=schema,
                )
            )
    return str(path)


def histogram(engine: str) -> Callable[[str], Any]:
    def run(path: str) -> Any:
        if engine == "duckdb":
            import duckdb

            connection = duckdb.connect(config={"memory_limit": "700MB", "threads": "2"})
            return sufficient.pattern_histogram(connection.read_parquet(path), [0, 1, 2, 3], 3).fetchall()
        import polars as pl

        return sufficient.pattern_histogram(pl.scan_parquet(path), [0, 1, 2, 3], 3).collect(engine="streaming")

    return run


def convincing() -> pd.DataFrame:
    """UKPConvArg1: 84,445 judgments of 3,815 people with reasons and times, from the folder of public data."""
    rows = []
    with gzip.open(DATA / "ukpconvarg" / "pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            pair = json.loads(line)
            rows += [
                (f"{pair['topic']} {pair['pair_id']}", one["worker"], one["value"], one["reason"], one["submit"])
                for one in pair["assignments"]
            ]
    table = pd.DataFrame(rows, columns=["item", "annotator", "label", "reason", "submitted_at"])
    return table.assign(submitted_at=pd.to_datetime(table["submitted_at"], utc=True, errors="coerce"))


def quality_page(table: pd.DataFrame) -> Any:
    """All that the notebook computes of a table: agreement with intervals, everybody's page, consensus."""
    coded = encode(table)
    return (
        agreement.recommend(coded),
        agreement.without_each(coded),
        agreement.annotator_jackknife(coded),
        agreement.pairwise_kappa(coded),
        annotators.pages(table),
        aggregation.dawid_skene(coded),
    )


def cases(*, large: bool) -> list[Case]:
    def pilot() -> Coded:
        return crowd(500, 6, 3, 3)

    found = [
        Case(
            "alpha + 10,000 resamples, 500 items, against matrices",
            pilot,
            agreement.krippendorff_alpha,
            lambda c: loop(matrix_of(c), "reliability_data", 500, 1),
            "loop over krippendorff",
            ">= 20x",
            20,
        ),
        Case(
            "alpha + 10,000 resamples, 500 items, against counts",
            pilot,
            agreement.krippendorff_alpha,
            lambda c: loop(counts_of(c), "value_counts", 500, 0),
            "loop over krippendorff",
            ">= 10x",
            20,
        ),
        Case(
            "alpha, 3M labels from codes",
            lambda: crowd(1_000_000, 500, 3, 5),
            lambda c: agreement.krippendorff_alpha(c, n_resamples=0),
            alpha_counts,
            "krippendorff, table included",
            ">= 7x, peak <= 1/8",
            memory=True,
        ),
        Case(
            "alpha + 10,000 resamples, 30M labels, after encoding",
            lambda: crowd(10_000_000, 500, 3, 5),
            agreement.krippendorff_alpha,
            None,
            "-",
            "<= 1 s",
        ),
        Case(
            "kappa of all pairs, 150k labels",
            lambda: crowd(30_000, 50, 5, 4),
            lambda c: agreement.pairwise_kappa(c, n_resamples=0),
            kappa_pairs,
            "scikit-learn pair by pair",
            ">= 50x",
        ),
        Case(
            "Dawid-Skene, 10 iterations, 150k labels",
            lambda: as_crowdkit(crowd(30_000, 300, 5, 4)),
            our_dawid_skene,
            crowdkit_dawid_skene,
            "crowd-kit",
            ">= 20x",
        ),
        Case(
            "Dawid-Skene, 10 iterations, 3M labels",
            lambda: as_crowdkit(crowd(600_000, 3_000, 5, 4)),
            our_dawid_skene,
            crowdkit_dawid_skene,
            "crowd-kit",
            ">= 15x, peak <= 1/3",
            memory=True,
        ),
        Case(
            "Bradley-Terry, 150k encoded comparisons, 6 systems",
            lambda: duels(150_000, 6),
            lambda d: our_fit(d[1]),
            evalica_fit,
            "evalica",
            ">= 15x",
        ),
        Case(
            "Bradley-Terry, 150k encoded comparisons, 20 systems",
            lambda: duels(150_000),
            lambda d: our_fit(d[1]),
            evalica_fit,
            "evalica",
            ">= 15x",
        ),
        Case(
            "Bradley-Terry, 1,000 resamples of 1,500, 20 systems",
            lambda: duels(1_500),
            lambda d: our_fit(d[1], 1_000),
            evalica_bootstrap,
            "evalica.bootstrap",
            ">= 4x",
        ),
        Case(
            "pattern histogram, 30M labels in Parquet, DuckDB",
            lambda: parquet(10_000_000),
            histogram("duckdb"),
            None,
            "-",
            "<= 3 s, <= 1 GB",
            memory=True,
        ),
        Case(
            "pattern histogram, 30M labels in Parquet, Polars",
            lambda: parquet(10_000_000),
            histogram("polars"),
            None,
            "-",
            "<= 3 s",
            memory=True,
        ),
    ]
    if (DATA / "ukpconvarg").exists():
        found.append(Case("quality page of 84,445 judgments", convincing, quality_page, None, "-", "<= 10 s"))
    if large:
        found.append(
            Case(
                "pattern histogram, 100M labels in Parquet, DuckDB",
                lambda: parquet(33_333_334),
                histogram("duckdb"),
                None,
                "-",
                "<= 1 GB",
                memory=True,
            )
        )
    return found


def seconds(run: Callable[[Any], Any], data: Any) -> tuple[float, float]:
    """CPU and wall time of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    run(data)
    return time.process_time() - cpu, time.perf_counter() - wall


def peak(case: Case, side: str, data: Any) -> float:
    """MB that one call adds to a process that holds the data and has imported what it takes."""
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / "data.pickle"
        # Read back from a file, because making the data may take more memory than the work does.
        held.write_bytes(pickle.dumps(data, protocol=5))
        words = [sys.executable, __file__, "--peak", side, case.name, "--large", "--held", str(held)]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1])


def tell_peak(case: Case, side: str, held: str) -> None:
    run = case.ours if side == "ours" else case.theirs or case.ours
    small = crowd(50, 6, 3, 3)
    if isinstance(data := pickle.loads(Path(held).read_bytes()), Coded):
        run(small)
    elif isinstance(data, tuple):
        run(as_crowdkit(small))
    gc.collect()
    status = Path("/proc/self/status").read_text()
    now = int(status.split("VmRSS:")[1].split()[0])
    Path("/proc/self/clear_refs").write_text("5")  # the kernel counts the peak from here
    run(data)
    print((int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) - now) / 1024)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of lines to run; all without")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--held", help=argparse.SUPPRESS)
    parser.add_argument("--peak", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    chosen = [c for c in cases(large=asked.large) if not asked.names or any(name in c.name for name in asked.names)]
    if asked.list:
        print("\n".join(case.name for case in chosen))
        return
    if asked.peak:
        tell_peak(chosen[0], asked.peak, asked.held)
        return
    print("| work | ours, CPU s (wall) | theirs, CPU s | ratio | peak, ours / theirs MB | against | aim |")
    print("|---|---|---|---|---|---|---|")
    for case in chosen:
        data = case.make()
        mine, walls, others = [], [], []
        for _ in range(asked.repeats + 1):
            cpu, wall = seconds(case.ours, data)
            mine.append(cpu)
            walls.append(wall)
            if case.theirs:
                others.append(seconds(case.theirs, data)[0] * case.times)
        # The first round warms caches and imports.
        ours, wall = statistics.median(mine[1:]), statistics.median(walls[1:])
        theirs = statistics.median(others[1:]) if others else float("nan")
        memory = ""
        if case.memory:
            memory = " / ".join(f"{peak(case, side, data):.0f}" for side in ("ours", "theirs")[: 1 + bool(case.theirs)])
        del data
        ratio = f"{theirs / ours:.1f}x" if others else ""
        print(
            f"| {case.name} | {ours:.3g} ({wall:.3g}) | {theirs:.3g} | {ratio} | {memory} "
            f"| {case.peer} | {case.target} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
