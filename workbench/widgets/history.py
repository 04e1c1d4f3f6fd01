"""The measurements of a run as a page draws them: read line by line as they are written, thinned where there are many.

A run of 10,000 steps has more measurements than a chart has pixels. `History` keeps at most `MOST` points; from there
on a point is the mean of 2, 4, 8 … steps, and says so.
"""

from __future__ import annotations

import json
import math
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST = 1000
# What metrics.jsonl may hold and a page shows. Other columns stay in the file.
CHARTED = ("loss", "margin", "accuracy", "kl", "reward", "reward_std", "completion_length", "clip_ratio")
COLUMNS = (*(f"{part}{name}" for name in CHARTED for part in ("", "eval_")), "learning_rate", "tokens_per_s")


class Tail:
    """New whole lines of a file that another process appends to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._file: tuple[int, int] | None = None
        self.unreadable = 0

    def read(self) -> tuple[list[dict[str, Any]], bool]:
        """The rows written since the last call, and whether the file was begun anew, so that they are all it has.

        Lines that are no JSON objects are passed over and counted in `unreadable`.
        """
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                identity = (found.st_dev, found.st_ino)
                anew = self._file is not None and (identity != self._file or found.st_size < self._at)
                self._file = identity
                if anew:
                    self._at = self.unreadable = 0
                file.seek(self._at)
                data = file.read()
        except FileNotFoundError:
            return [], False
        whole = data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        return list(self._rows(whole)), anew

    def _rows(self, whole: bytes) -> Iterable[dict[str, Any]]:
        for line in whole.split(b"\n"):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict):
                yield row
            else:
                self.unreadable += 1


@dataclass
class _Point:
    """The sum of some steps, by column."""

    step: float
    rows: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, other: _Point) -> None:
        self.step, self.rows = other.step, self.rows + other.rows
        for name, value in other.sums.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + other.counts[name]

    def plain(self, columns: Iterable[str]) -> list[float | None]:
        means = (self.sums[name] / self.counts[name] if name in self.sums else None for name in columns)
        return [self.step, *(None if mean is None else float(f"{mean:.6g}") for mean in means)]


class History:
    """At most `most` points of a run; `width` steps a point.

    `epoch` changes whenever points that were given out are no longer true, so that whoever holds them asks again. Only
    columns that have a value are given out, and a new one makes a new epoch: no kind of run has all of them.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._points: list[_Point] = []
        self._changed = 0
        self.clear()

    def __len__(self) -> int:
        return len(self._points)

    def clear(self) -> None:
        """Forget everything."""
        self._points.clear()
        self._columns: list[str] = []
        self.width = 1
        self._new_epoch()

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Take rows in the order they were written.

        A row of the step before it (held-out values) is joined to it. A step lower than the last one means that the run
        was resumed from a checkpoint: what came after that step is forgotten. Rows without a step are passed over.
        """
        for row in rows:
            step = number(row.get("step"))
            if step is None:
                continue
            if self._points and step < self._points[-1].step:
                while self._points and self._points[-1].step >= step:
                    self._points.pop()
                self._new_epoch()
            new = _Point(step, 1)
            for name in COLUMNS:
                value = number(row.get(name))
                if value is not None:
                    new.sums[name], new.counts[name] = value, 1
            if not new.sums.keys() <= set(self._columns):
                self._columns = [name for name in COLUMNS if name in self._columns or name in new.sums]
                self._new_epoch()
            last = self._points[-1] if self._points else None
            if last is not None and (last.step == step or last.rows < self.width):
                new.rows = 0 if last.step == step else 1
                last.add(new)
                self._changed = min(self._changed, len(self._points) - 1)
            else:
                self._points.append(new)
            if len(self._points) > self._most:
                self._halve()

    def message(self, epoch: object = None, have: object = 0) -> dict[str, Any]:
        """Points for somebody who has the first `have` of an `epoch`; the last of them may have changed since."""
        known = isinstance(have, int) and epoch == self.epoch and 0 < have <= len(self._points)
        return self._from(have - 1 if known and isinstance(have, int) else 0)

    def news(self) -> dict[str, Any] | None:
        """Points that are new or changed since the last call; None when there are none."""
        start, self._changed = self._changed, len(self._points)
        return self._from(start) if start < len(self._points) else None

    def _from(self, start: int) -> dict[str, Any]:
        points = [point.plain(self._columns) for point in self._points[start:]]
        return {
            "epoch": self.epoch,
            "width": self.width,
            "columns": ["step", *self._columns],
            "from": start,
            "points": points,
        }

    def _halve(self) -> None:
        old, self._points = self._points, []
        for place, point in enumerate(old):
            if place % 2:
                self._points[-1].add(point)
            else:
                self._points.append(point)
        self.width *= 2
        self._new_epoch()

    def _new_epoch(self) -> None:
        self.epoch = secrets.token_hex(4)  # not a counter: a page may hold points of an earlier kernel
        self._changed = 0


def number(value: object) -> float | None:
    """A finite number, or None: what a run's process wrote is not trusted to be one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        made = float(value)
    except OverflowError:
        return None
    return made if math.isfinite(made) else None
