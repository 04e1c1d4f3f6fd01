"""Speed against reading time: answers given faster than the texts can be read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.stats import reading
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, proportion
from workbench.stats.simulate import WORDS_PER_MINUTE

if TYPE_CHECKING:
    import pandas as pd

# Skimming is a third of the reading time; nobody takes in a text at three times the speed of reading.
FRACTION = 1 / 3


def too_fast(labels: Any, words: Any, *, fraction: float = FRACTION, confidence: float = 0.95) -> dict[str, Estimate]:
    """Share of each annotator's judgments that took less than a fraction of the time it takes to read what was shown.

    Parameters
    ----------
    labels
        A label table with `duration_s`; repeats count.
    words
        Words on the page of each item: item -> words, or a frame with `item` and columns `words…` (added up).
    fraction
        Of the reading time at `WORDS_PER_MINUTE` words a minute.

    Returns
    -------
    dict
        Annotator -> share with its Wilson interval; NaN with the reason where durations or words are missing.

    Notes
    -----
    Silent reading of English non-fiction by adults is 238 words a minute on average: Brysbaert (2019), *How many words
    do we read per minute?*. A text that was shown before (the same prompt again) need not be read twice.
    """
    check_confidence(confidence)
    if not fraction > 0:
        msg = f"fraction must be above 0, got {fraction!r} (a third of the reading time is 1/3)"
        raise ValueError(msg)
    table = reading.rows(labels, (), ("duration_s",), repeats=True)
    return of_rows(table, reading.words_to_read(words), fraction, confidence)


def of_rows(table: pd.DataFrame, words: Any, fraction: float, confidence: float) -> dict[str, Estimate]:
    """As `too_fast`, for rows and words read already."""
    names = sorted(table["annotator"].dropna().unique())
    if "duration_s" not in table:
        return {str(name): _none(str(name), "the table has no durations", confidence) for name in names}
    seconds = table["duration_s"].to_numpy(dtype=float, na_value=np.nan)
    needed = table["item"].map(words).to_numpy(dtype=float) * 60 / WORDS_PER_MINUTE
    timed = ~np.isnan(seconds)
    known = timed & ~np.isnan(needed)
    marked = table[["annotator", "item"]].assign(timed=timed, known=known, fast=known & (seconds < fraction * needed))
    by = marked.groupby("annotator", sort=True)[["timed", "known", "fast"]].sum()
    found = {}
    for name, n_timed, n, fast in zip(
        by.index, by["timed"].tolist(), by["known"].tolist(), by["fast"].tolist(), strict=True
    ):
        if not n:
            why = "no words are known for the items" if n_timed else "no durations were recorded"
            found[str(name)] = _none(str(name), why, confidence)
            continue
        found[str(name)] = proportion(
            "too_fast", int(fast), int(n), n_items=int(n), n_annotators=1, confidence=confidence, label=str(name)
        )
    return found


def _none(name: str, reason: str, confidence: float) -> Estimate:
    nan = math.nan
    return Estimate("too_fast", nan, nan, nan, 0, 1, 0, "Wilson score interval", confidence, reason, name)
