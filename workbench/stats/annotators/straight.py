"""Straight-lining: one answer nearly always, or over and over, whatever is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.stats import coding, reading
from workbench.stats.intervals import check_confidence, proportion
from workbench.stats.multiple import holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.coding import Coded
    from workbench.stats.estimate import Estimate

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

# One answer to this share of the items is straight-lining where the others do not give it as often.
NEARLY_ALL = 0.95
# With fewer labels the same answer throughout is nothing rare.
FEWEST = 20
# A run shorter than this is not worth a word, however unlikely.
LONG_RUN = 10


@dataclass(frozen=True)
class StraightLining:
    """How far one annotator gives one answer whatever is shown.

    Attributes
    ----------
    answer, share
        The label given most often and its share, with a Wilson interval.
    pool_share
        Share of the others who gave that label on the same items, mean over these items; NaN without others.
    entropy, pool_entropy
        Of the annotator's label shares and of the others' on the same items, in bits.
    longest_run, run_answer, run_chance
        Most equal answers in a row in the order judged, and how likely a run as long was somewhere among as many
        independent answers with the annotator's own shares; 0, None and NaN where the table does not say the order.
    run_holm
        `run_chance` adjusted for the number of annotators (Holm).
    reason
        Why this is flagged, with the numbers; empty where it is not.
    """

    annotator: str
    answer: Any
    share: Estimate
    pool_share: float
    entropy: float
    pool_entropy: float
    longest_run: int
    run_answer: Any
    run_chance: float
    run_holm: float
    reason: str

    @property
    def flagged(self) -> bool:
        """Whether there is a reason to look."""
        return bool(self.reason)


def straight_lining(labels: Any, *, confidence: float = 0.95) -> tuple[StraightLining, ...]:
    """One result an annotator, sorted by name.

    Parameters
    ----------
    labels
        A label table; runs need `submitted_at` or `position`, because the order of rows is no evidence of the order of
        work.

    Notes
    -----
    Flagged is who gives one label to `NEARLY_ALL` of at least `FEWEST` items while the others give it to a share below
    the whole interval; and who has a run of at least `LONG_RUN` that independent answers with the same shares would
    hardly have (Holm over annotators, at 1 - confidence). Repeats are passed over.
    """
    check_confidence(confidence)
    table = reading.rows(labels, (), ("submitted_at", "position"))
    coded = coding.encode(table)
    return of_coded(coded, reading.others(coded), reading.in_order(table), confidence)


def of_coded(
    coded: Coded, said: reading.Others, ordered: pd.DataFrame | None, confidence: float
) -> tuple[StraightLining, ...]:
    """As `straight_lining`, for labels encoded already and rows in the order judged (None where it is unknown)."""
    n_annotators, width = len(coded.annotators), max(coded.n_categories, 1)
    if not n_annotators:
        return ()
    counts = np.zeros((n_annotators, width))
    np.add.at(counts, (coded.annotator, coded.value), 1)
    n = counts.sum(axis=1)
    most = counts.argmax(axis=1)
    own = counts / n[:, None]
    entropy, pool_entropy = _entropy(own), _entropy(said.shares)
    runs = _runs(coded, ordered, own)
    chance = run_chance(own, n.astype(np.int64), runs[0]) if ordered is not None else np.full(n_annotators, np.nan)
    adjusted = holm(np.where(n >= FEWEST, chance, np.nan))
    found = []
    for k, name in enumerate(str(one) for one in coded.annotators):
        total, top = int(n[k]), int(counts[k, most[k]])
        share = proportion(
            "most_frequent_share", top, total, n_items=total, n_annotators=1, confidence=confidence, label=name
        )
        one = StraightLining(
            name,
            coded.categories[most[k]],
            share,
            float(said.shares[k, most[k]]),
            float(entropy[k]),
            float(pool_entropy[k]),
            int(runs[0][k]),
            coded.categories[runs[1][k]] if runs[0][k] else None,
            float(chance[k]),
            float(adjusted[k]),
            "",
        )
        found.append(replace(one, reason=_reason(one, total, 1 - confidence)))
    return tuple(found)


def longest_runs(values: Ints, group: Ints, n_groups: int) -> tuple[Ints, Ints]:
    """Length and value of the longest run in each group; `values` in order within each group."""
    order = np.argsort(group, kind="stable")
    v, g = values[order], group[order]
    starts = np.flatnonzero(np.r_[True, (v[1:] != v[:-1]) | (g[1:] != g[:-1])]) if len(v) else np.zeros(0, np.int64)
    length = np.diff(np.r_[starts, len(v)])
    by = np.lexsort((-np.arange(len(starts)), length, g[starts]))  # the last of a group is its longest, earliest run
    last = np.flatnonzero(np.r_[g[starts][by][1:] != g[starts][by][:-1], True]) if len(by) else by
    longest, value = np.zeros(n_groups, dtype=np.int64), np.zeros(n_groups, dtype=np.int64)
    chosen = by[last]
    longest[g[starts][chosen]], value[g[starts][chosen]] = length[chosen], v[starts][chosen]
    return longest, value


def run_chance(shares: Floats, n: Ints, longest: Ints) -> Floats:
    """Probability that n independent labels with these shares have a run of at least `longest`, of any label.

    Parameters
    ----------
    shares
        Shape (annotators, categories).
    n, longest
        One entry an annotator.

    Notes
    -----
    Exact. Let a_t(c) be the probability that t labels have no such run and end in a block of c, and S_t their sum over
    c (S_0 = 1). A block has 1 to L - 1 labels and follows one of another label, so a_t(c) = sum over j < L of
    p_c^j (S_{t-j} - a_{t-j}(c)), a window that is moved on by one term a step. All annotators are moved together.
    """
    order = np.argsort(-n, kind="stable")
    p, size, limit = shares[order], n[order], np.maximum(longest[order], 1)
    start = np.r_[0, np.cumsum(size + 1)][:-1]
    # What a block can follow, for each step of each annotator: S - a(c).
    before = np.zeros((int((size + 1).sum()), shares.shape[1]))
    before[start] = 1.0
    window, beyond = np.zeros_like(p), p ** (limit - 1)[:, None].astype(float)
    none = np.ones(len(n))
    for t in range(1, int(size.max(initial=0)) + 1):
        active = int(np.searchsorted(-size, -t, side="right"))
        left = t - limit[:active]
        gone = np.where((left >= 0)[:, None], before[start[:active] + np.maximum(left, 0)], 0.0)
        window[:active] = p[:active] * (window[:active] + before[start[:active] + t - 1] - beyond[:active] * gone)
        total = window[:active].sum(axis=1)
        before[start[:active] + t] = total[:, None] - window[:active]
        none[:active] = total
    found = np.empty(len(n))
    found[order] = np.clip(1 - none, 0, 1)
    return found


def _runs(coded: Coded, ordered: pd.DataFrame | None, own: Floats) -> tuple[Ints, Ints]:
    if ordered is None:
        return np.zeros(len(own), dtype=np.int64), np.zeros(len(own), dtype=np.int64)
    table = ordered[ordered["label"].notna()]
    place = {label: k for k, label in enumerate(coded.categories)}
    seen, names = pd.factorize(table["label"].to_numpy(dtype=object))
    value = np.asarray([place[name] for name in names], dtype=np.int64)[seen]
    annotator = np.searchsorted(coded.annotators, table["annotator"].to_numpy(dtype=coded.annotators.dtype))
    return longest_runs(value, annotator.astype(np.int64), len(own))


def _entropy(shares: Floats) -> Floats:
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    found: Floats = np.maximum(-(shares * logs).sum(axis=1), 0.0)
    return found


def _reason(one: StraightLining, n: int, alpha: float) -> str:
    said = []
    rarer = math.isnan(one.pool_share) or one.pool_share < one.share.low
    if n >= FEWEST and one.share.value >= NEARLY_ALL and rarer:
        others = "" if math.isnan(one.pool_share) else f"; the others gave it to {one.pool_share:.1%} of the same items"
        ends = f"{one.share.confidence:.0%} interval {one.share.low:.1%} to {one.share.high:.1%}"
        said.append(f"answered {one.answer} to {one.share.value:.1%} of {n} items ({ends}){others}")
    if one.longest_run >= LONG_RUN and one.run_holm < alpha:
        chance = f"probability {one.run_chance:.1e} with the own shares"
        said.append(f"{one.longest_run} answers {one.run_answer} in a row ({chance})")
    return "; ".join(said)
