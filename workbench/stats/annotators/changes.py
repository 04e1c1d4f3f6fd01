"""Drift and fatigue: whether somebody's agreement or pace moves over days, or within a sitting (CUSUM charts)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from workbench.errors import TableError
from workbench.stats import coding, reading
from workbench.stats.drift import FEWEST
from workbench.stats.intervals import check_confidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Scope = Literal["days", "session"]
SCOPES: tuple[Scope, ...] = ("days", "session")
# A pause longer than this ends a session.
GAP_MINUTES = 30.0
# Fewer judgments than this make no chart.
FEWEST_CHARTED = 2 * FEWEST
# Values permuted at once.
_CELLS = 4_000_000


@dataclass(frozen=True)
class Chart:
    """A CUSUM chart of one annotator's work in the order it was done.

    Attributes
    ----------
    signal, scope
        What is followed (`agreement`, `pace`), and over all judgments (`days`) or inside each sitting (`session`).
    path
        Sum of (value - mean) / (standard deviation x root of n) up to each judgment; for `session` anew in each.
        It rises while values are above the mean, and turns where they change. NaN where a judgment has no value.
    session
        Session of each judgment, counted from 0.
    boundary
        What the furthest point of the path exceeds in 1 - confidence of all orders of the same values.
    p_value
        Share of orders whose furthest point is at least as far, this one counted.
    alarm
        Position of the first judgment beyond the boundary; None where there is none.
    turned_at
        Position where the path is furthest from 0: the last judgment before the change. None without an alarm.
    before, after
        Mean value up to and from there (in that session); NaN without an alarm.
    reason
        Why there is no chart.
    """

    annotator: str
    signal: str
    scope: Scope
    path: Floats
    session: Ints
    boundary: float
    p_value: float
    alarm: int | None
    turned_at: int | None
    before: float
    after: float
    n_permutations: int
    confidence: float
    reason: str = ""

    @property
    def defined(self) -> bool:
        """Whether there is a chart at all."""
        return not self.reason


def drift_charts(
    labels: Any,
    annotator: str,
    *,
    gap_minutes: float = GAP_MINUTES,
    n_permutations: int = 1_999,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Chart, ...]:
    """Agreement with the others and pace of one annotator, over days and within sessions.

    Parameters
    ----------
    labels
        The label table of everybody, with `submitted_at` (or `position` alone: then all is one session); pace needs
        `duration_s`.
    gap_minutes
        A pause longer than this ends a session.

    Raises
    ------
    TableError
        No such annotator.
    """
    table = reading.rows(labels, (), ("submitted_at", "position", "duration_s"))
    coded = coding.encode(table)
    if annotator not in set(table["annotator"].dropna()):
        raise TableError(f"no annotator {annotator!r} in the label table")
    signals = of_table(table, reading.others(coded).agreement)
    if signals is None:
        reason = "the table does not say in what order labels were given (submitted_at, position)"
        return tuple(
            _none(annotator, signal, scope, reason, confidence) for signal in ("agreement", "pace") for scope in SCOPES
        )
    mine = signals[signals["annotator"] == annotator]
    session = sessions(mine["submitted_at"], gap_minutes) if "submitted_at" in mine else np.zeros(len(mine), np.int64)
    return tuple(
        cusum(
            mine[signal].to_numpy(),
            session,
            scope=scope,
            n_permutations=n_permutations,
            confidence=confidence,
            seed=seed,
            signal=signal,
            label=annotator,
        )
        for signal in ("agreement", "pace")
        for scope in SCOPES
    )


def of_table(table: pd.DataFrame, agreement: Floats) -> pd.DataFrame | None:
    """Rows with a label in the order judged, with the signals `agreement` and `pace` (log seconds, NaN unknown)."""
    known = table[table["label"].notna()].assign(agreement=agreement)
    seconds = (
        known["duration_s"].to_numpy(dtype=float, na_value=np.nan)
        if "duration_s" in known
        else np.full(len(known), np.nan)
    )
    pace = np.log(seconds, out=np.full(len(known), np.nan), where=seconds > 0)
    return reading.in_order(known.assign(pace=pace))


def sessions(submitted_at: Any, gap_minutes: float = GAP_MINUTES) -> Ints:
    """Session of each judgment, from 0: a new one after each pause longer than `gap_minutes`; times in order."""
    times = pd.to_datetime(pd.Series(submitted_at), utc=True)
    seconds = times.to_numpy(dtype="datetime64[ns]").astype(np.int64) / 1e9
    return np.cumsum(np.diff(seconds, prepend=seconds[:1]) > gap_minutes * 60).astype(np.int64)


def rough_p_value(values: Floats, session: Ints, scope: Scope) -> float:
    """What `cusum` would about give as its p-value, without permutations; NaN where there is no chart.

    Notes
    -----
    Kolmogorov's limit of the furthest point of a Brownian bridge, with Siegmund's (1985) 0.58 steps for a path seen at
    whole judgments only. To leave out what cannot alarm, before the exact test; never to alarm.
    """
    known = np.flatnonzero(~np.isnan(values))
    blocks = _blocks(session[known], scope)
    if _why_not(values[known], blocks, "value", scope):
        return math.nan
    scaled = _scaled(values[known], blocks)
    below = 1.0
    furthest = max(float(np.abs(np.cumsum(scaled[block])).max()) for block in blocks)
    for block in blocks:
        spread = math.sqrt(float((scaled[block] ** 2).sum()))
        below *= 1 - float(special.kolmogorov(furthest / spread + 0.58 / math.sqrt(len(block)))) if spread else 1.0
    return 1 - below


def cusum(
    values: ArrayLike,
    session: ArrayLike | None = None,
    *,
    scope: Scope = "days",
    n_permutations: int = 1_999,
    confidence: float = 0.95,
    seed: int = 0,
    signal: str = "value",
    label: str = "",
) -> Chart:
    """CUSUM chart of values in order, with a boundary from permutations of that order.

    Parameters
    ----------
    values
        One a judgment, in order; NaN ones are passed over.
    session
        Session of each value. With scope `session` values are centred and permuted inside theirs, so only change
        inside a sitting (fatigue, warming up) is told; with `days` the whole order is permuted.

    Notes
    -----
    Page (1954), as a chart of what is done already: with the mean taken out the path ends at 0, and its furthest point
    is the likelihood-ratio place of one change. If nothing changes, every order of the values is as likely as this
    one, so the share of false alarms is at most 1 - confidence exactly, whatever the values' distribution.
    """
    check_confidence(confidence)
    given = np.asarray(values, dtype=float)
    of = np.zeros(len(given), dtype=np.int64) if session is None else np.asarray(session).astype(np.int64)
    if of.shape != given.shape:
        raise TableError(f"values and sessions must be equally long, got {len(given)} and {len(of)}")
    known = np.flatnonzero(~np.isnan(given))
    if n_permutations < math.ceil(1 / (1 - confidence) - 1e-9) - 1:
        raise TableError(f"{n_permutations} permutations cannot show {1 - confidence:.2g}: take more")
    blocks = _blocks(of[known], scope)
    reason = _why_not(given[known], blocks, signal, scope)
    if reason:
        return _none(label, signal, scope, reason, confidence, of)
    scaled = _scaled(given[known], blocks)
    path = np.concatenate([np.cumsum(scaled[block]) for block in blocks])
    furthest = float(np.abs(path).max())
    drawn = _permuted(scaled, blocks, n_permutations, np.random.default_rng(seed))
    # Rounding must not part orders that are the same but for equal values.
    p_value = (1 + int((drawn >= furthest - 1e-9).sum())) / (1 + n_permutations)
    rank = math.ceil(confidence * (n_permutations + 1) - 1e-9)
    boundary = float(np.sort(drawn)[min(rank, n_permutations) - 1])
    full = np.full(len(given), np.nan)
    full[np.concatenate([known[block] for block in blocks])] = path
    beyond = np.flatnonzero(np.abs(full) > boundary + 1e-9)
    alarm = turned = None
    before = after = math.nan
    if len(beyond) and p_value <= 1 - confidence + 1e-9:
        alarm, turned = int(beyond[0]), int(np.nanargmax(np.abs(full)))
        here = of == of[turned] if scope == "session" else np.ones(len(given), dtype=bool)
        at = np.arange(len(given))
        before, after = (float(np.nanmean(given[here & side])) for side in (at <= turned, at > turned))
    return Chart(
        label, signal, scope, full, of, boundary, p_value, alarm, turned, before, after, n_permutations, confidence
    )


def _blocks(session: Ints, scope: Scope) -> list[Ints]:
    """Positions that may be permuted among each other: all, or those of each session long enough to say something."""
    if scope == "days":
        return [np.arange(len(session))]
    names, size = np.unique(session, return_counts=True)
    return [np.flatnonzero(session == name) for name in names[size >= FEWEST]]


def _why_not(values: Floats, blocks: Sequence[Ints], signal: str, scope: Scope) -> str:
    if not len(values):
        return f"no {signal} is known"
    if scope == "session" and not blocks:
        return f"no session has {FEWEST} judgments"
    if len(values) < FEWEST_CHARTED:
        return f"{len(values)} judgments: a chart needs {FEWEST_CHARTED}"
    if not any(np.ptp(values[block]) > 0 for block in blocks):
        return "all values are the same"
    return ""


def _scaled(values: Floats, blocks: Sequence[Ints]) -> Floats:
    """Values less the mean of their block, over the common deviation times the root of the block's size."""
    centred = np.zeros(len(values))
    for block in blocks:
        centred[block] = values[block] - values[block].mean()
    used = np.concatenate(blocks)
    deviation = math.sqrt(float((centred[used] ** 2).mean()))
    for block in blocks:
        centred[block] /= deviation * math.sqrt(len(block))
    return centred


def _permuted(scaled: Floats, blocks: Sequence[Ints], n_permutations: int, rng: np.random.Generator) -> Floats:
    """Furthest point of the path in random orders."""
    furthest = np.zeros(n_permutations)
    for block in blocks:
        step = max(1, _CELLS // len(block))
        for start in range(0, n_permutations, step):
            size = min(step, n_permutations - start)
            drawn = rng.permuted(np.broadcast_to(scaled[block], (size, len(block))), axis=1)
            np.cumsum(drawn, axis=1, out=drawn)
            part = furthest[start : start + size]
            np.maximum(part, np.maximum(drawn.max(axis=1), -drawn.min(axis=1)), out=part)
    return furthest


def _none(name: str, signal: str, scope: Scope, reason: str, confidence: float, session: Ints | None = None) -> Chart:
    of = np.zeros(0, dtype=np.int64) if session is None else session
    nan = math.nan
    return Chart(name, signal, scope, np.full(len(of), nan), of, nan, nan, None, None, nan, nan, 0, confidence, reason)
