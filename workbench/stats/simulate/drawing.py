"""What all simulations share: random streams, who labels what, reading times, and the shape of the result."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats import coding
from workbench.stats.intervals import check_resampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

Design = Literal["complete", "partial", "unequal"]
# Silent reading of English non-fiction, Brysbaert (2019); `economics.cost` plans with the same pace.
WORDS_PER_MINUTE = 238
STARTED = datetime(2026, 1, 5, 9, tzinfo=UTC)
# Scores of who takes which item are drawn for so many cells at a time (about 32 MB).
_CELLS = 4_000_000


@dataclass(frozen=True)
class Simulated:
    """Simulated labels with the truth they were made from.

    Attributes
    ----------
    labels
        The label table: `item, annotator, label, left, prompt_id, position, is_repeat, pool, source, duration_s,
        submitted_at` (and `strength` where it was asked for), in the order of items. `left` is empty but for pairs.
    truth
        One row an item: `item, prompt_id, truth` and what else made it.
    people
        One row an annotator: `annotator` and the true parameters.
    categories
        All labels allowed, in order; empty where they are not fixed beforehand (rankings, sets).
    method
        How the labels were made, in words.
    seed
        The same seed and inputs give the same labels.
    """

    labels: pd.DataFrame
    truth: pd.DataFrame
    people: pd.DataFrame
    categories: tuple[Any, ...]
    method: str
    seed: int

    def coded(self, cluster: str | None = None) -> coding.Coded:
        """The labels as integer codes, for any statistic; the order of the categories is kept."""
        return coding.encode(self.labels, "nominal", list(self.categories) or None, cluster)


@dataclass(frozen=True)
class Rows:
    """Who labels what, one entry a label, in the order of items; repeats are a second row of the same two."""

    item: Ints
    annotator: Ints
    is_repeat: NDArray[np.bool_]
    n_items: int
    n_annotators: int
    prompt: Ints  # one entry an item


def check_seed(seed: int) -> None:
    """Raise ValueError unless the seed is a whole number of 0 or more."""
    check_resampling(0, 0.95, seed)


def whole(number: Any, what: str) -> int:
    """A whole number, also one of numpy's.

    Raises
    ------
    TableError
        Anything else.
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TableError(f"{what} must be a whole number, got {number!r:.80}")
    return int(number)


def length(words: float) -> float:
    """A typical number of words, above 0.

    Raises
    ------
    TableError
        Anything else.
    """
    if not 0 < words < math.inf:
        raise TableError(f"words must be a finite number above 0, got {words!r}")
    return float(words)


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one kind of draw: independent of all others, and of `default_rng(seed)`."""
    check_seed(seed)
    # A trailing zero would make the stream equal to that of the bare seed; no checksum of a name here is 0.
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def reading_seconds(words: ArrayLike) -> Floats:
    """Seconds to read so many words silently."""
    return np.asarray(words, dtype=float) / (WORDS_PER_MINUTE / 60)


def named(annotators: int | Sequence[str]) -> list[str]:
    """Names of simulated annotators; a number makes them up as `sim01`.

    Raises
    ------
    TableError
        No annotators, or a name twice.
    """
    if np.ndim(annotators) == 0:
        names = [f"sim{k + 1:02d}" for k in range(whole(annotators, "annotators"))]
    else:
        names = list(annotators)  # type: ignore[arg-type]
    if not names or len(set(names)) != len(names):
        raise TableError(f"simulated annotators must be one or more, with different names, got {names[:12]}")
    return names


def each(value: ArrayLike, n: int, what: str) -> Floats:
    """One finite number for each annotator, from one for all or one each.

    Raises
    ------
    TableError
        Another number of values.
    """
    array = np.asarray(value, dtype=float)
    if array.shape not in ((), (n,)) or not np.isfinite(array).all():
        raise TableError(f"{what} must be one finite number, or one for each of the {n} annotators, got {value!r:.80}")
    return np.broadcast_to(array, (n,)).astype(float)


def share(value: float, what: str) -> float:
    """A number from 0 to 1.

    Raises
    ------
    TableError
        Anything else.
    """
    if not 0 <= value <= 1:
        raise TableError(f"{what} must lie between 0 and 1, got {value!r}")
    return float(value)


def volumes(n_annotators: int, design: Design) -> Floats:
    """How likely each annotator is to take an item, relative to the others: 1, 1/2, 1/3 ... where volumes are unequal.

    Raises
    ------
    TableError
        An unknown design.
    """
    if design not in ("complete", "partial", "unequal"):
        raise TableError(f"no design {design!r}; allowed are complete, partial, unequal")
    return 1 / np.arange(1, n_annotators + 1) if design == "unequal" else np.ones(n_annotators)


def assign(
    n_items: int,
    n_annotators: int,
    *,
    overlap: int | tuple[int, int],
    design: Design,
    per_prompt: int,
    repeats: float,
    seed: int,
) -> Rows:
    """Who labels what: `overlap` annotators an item (or from .. to as many), drawn without replacement.

    With `unequal` the first annotator does most and the last little, the heavy tail of open crowds.

    Raises
    ------
    TableError
        No items, an overlap that the annotators cannot give, an unknown design.
    """
    weight = volumes(n_annotators, design)
    least, most = (
        whole(one, "overlap")
        for one in ((overlap, overlap) if np.ndim(overlap) == 0 else overlap)  # type: ignore[union-attr]
    )
    n_items, per_prompt = whole(n_items, "items"), whole(per_prompt, "per_prompt")
    if design == "complete":
        least = most = n_annotators
    if n_items < 1 or per_prompt < 1 or not 1 <= least <= most <= n_annotators:
        raise TableError(
            f"cannot draw {least} to {most} of {n_annotators} annotators for {n_items} items, {per_prompt} a prompt",
            next_step="overlap is at least 1 and at most the number of annotators",
        )
    rng = stream(seed, "who labels what")
    size = rng.integers(least, most + 1, n_items)
    step = max(1, _CELLS // n_annotators)
    items, people = [], []
    for start in range(0, n_items, step):
        here = size[start : start + step]
        # The largest of log weight + Gumbel noise are a draw without replacement in proportion to weight.
        keys = np.log(weight) + rng.gumbel(size=(len(here), n_annotators))
        rank = np.argsort(np.argsort(-keys, axis=1), axis=1)
        item, annotator = np.nonzero(rank < here[:, None])
        items.append(item + start)
        people.append(annotator)
    item, annotator = np.concatenate(items), np.concatenate(people)
    again = stream(seed, "repeats").random(len(item)) < share(repeats, "repeats")
    is_repeat = np.concatenate([np.zeros(len(item), dtype=bool), np.ones(int(again.sum()), dtype=bool)])
    item, annotator = np.concatenate([item, item[again]]), np.concatenate([annotator, annotator[again]])
    order = np.lexsort((is_repeat, annotator, item))
    prompt = np.arange(n_items) // per_prompt
    return Rows(item[order], annotator[order], is_repeat[order], n_items, n_annotators, prompt)


def positions(rows: Rows, seed: int) -> Ints:
    """Place of each row in its annotator's work, from 1: any order, repeats after all else."""
    key = stream(seed, "order of work").random(len(rows.item)) + rows.is_repeat
    order = np.lexsort((key, rows.annotator))
    sorted_by = rows.annotator[order]
    first = np.searchsorted(sorted_by, sorted_by)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - first + 1
    return place


def table(
    rows: Rows,
    names: Sequence[str],
    label: NDArray[Any],
    *,
    words: float,
    seed: int,
    left: NDArray[Any] | None = None,
    seconds: Floats | None = None,
    pool: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The label table of these rows, with times: each annotator works from `STARTED` on without a break."""
    position, words = positions(rows, seed), length(words)
    if seconds is None:
        # Items differ in length and people in pace; the same item is as long for everybody.
        read = words * np.exp(0.5 * stream(seed, "lengths").normal(size=rows.n_items))[rows.item]
        pace = np.exp(0.35 * stream(seed, "pace").normal(size=len(rows.item)))
        seconds = np.round((4 + reading_seconds(read)) * pace, 1)
    order = np.lexsort((position, rows.annotator))
    clock = np.empty(len(order))
    clock[order] = pd.Series(seconds[order]).groupby(rows.annotator[order]).cumsum().to_numpy()
    groups = np.asarray([""] * len(names) if pool is None else list(pool), dtype=object)
    return pd.DataFrame(
        {
            "item": codes("i", rows.n_items)[rows.item],
            "annotator": np.asarray(names, dtype=object)[rows.annotator],
            "label": label,
            "left": np.full(len(order), "", dtype=object) if left is None else left,
            "prompt_id": codes("p", rows.n_items)[rows.prompt[rows.item]],
            "position": position,
            "is_repeat": rows.is_repeat,
            "pool": groups[rows.annotator],
            "source": "simulated",
            "duration_s": seconds,
            "submitted_at": pd.Timestamp(STARTED) + pd.to_timedelta(np.round(clock * 1000), unit="ms"),
        }
    )


def truth_table(rows: Rows, truth: ArrayLike, **more: ArrayLike) -> pd.DataFrame:
    """One row an item: `item, prompt_id, truth` and further columns."""
    return pd.DataFrame(
        {
            "item": codes("i", rows.n_items),
            "prompt_id": codes("p", rows.n_items)[rows.prompt],
            "truth": truth,
            **more,
        }
    )


def codes(letter: str, n: int) -> NDArray[Any]:
    """Names that sort as their numbers: `i000`, `i001`, ..."""
    width = max(3, len(str(n - 1)))
    return np.asarray([f"{letter}{k:0{width}d}" for k in range(n)], dtype=object)


def coded(rows: Rows, value: Ints, categories: Sequence[Any]) -> coding.Coded:
    """The rows as integer codes; where a prompt has several items, `cluster="prompt_id"` resamples prompts."""
    made = coding.from_codes(rows.item, rows.annotator, value, categories)
    # Prompts of one item are no clusters: resampling items is the same, and quicker.
    several = rows.prompt[-1] < rows.n_items - 1
    return replace(made, cluster=rows.prompt, cluster_name="prompt_id") if several else made
