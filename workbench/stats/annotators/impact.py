"""What leaving some annotators out would do, before anybody does it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TableError
from workbench.stats import coding, reading
from workbench.stats.agreement import krippendorff_alpha, percent_agreement
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence, percentile, proportion
from workbench.stats.pairing import Tally, alpha, percent, replicates, tally
from workbench.stats.pools.cells import SMALLEST_CELL, hide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from workbench.stats.reading import Bools, Floats


@dataclass(frozen=True)
class Change:
    """A number before and after leaving annotators out, and the difference with its interval (paired by item)."""

    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True)
class FilterImpact:
    """What is lost and what moves when annotators are left out.

    Attributes
    ----------
    excluded
        Names left out, sorted.
    labels_lost
        Share of labels that go.
    label_mix
        Label -> its share, before and after.
    slices
        (column, value) -> share of all labels that are in this slice, before and after.
    groups
        Group -> share of labels that are from this group, before and after. Groups of fewer than
        `pools.SMALLEST_CELL` people are not shown, nor the share after where so few would be left.
    groups_lost, n_hidden_groups_lost
        Groups of which nobody would be left: those that may be named, and how many that are too small to be.
    alpha, percent_agreement
        Agreement, nominal, before and after.
    short_items
        Share of items with fewer labels than `overlap`, before and after.
    items_lost
        Items without any label left.
    warnings
        In plain words, what a reader has to know first.
    """

    excluded: tuple[str, ...]
    labels_lost: Estimate
    label_mix: dict[Any, Change]
    slices: dict[tuple[str, Any], Change]
    groups: dict[Any, Change]
    groups_lost: tuple[Any, ...]
    n_hidden_groups_lost: int
    alpha: Change
    percent_agreement: Change
    short_items: Change
    items_lost: int
    warnings: tuple[str, ...]


def filter_impact(
    labels: Any,
    exclude: Sequence[str],
    *,
    groups: str | Mapping[str, Any] | None = None,
    slices: Sequence[str] = (),
    overlap: int | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> FilterImpact:
    """Label mix, slices, groups, agreement and coverage with and without these annotators.

    Parameters
    ----------
    exclude
        Annotators to leave out.
    groups
        annotator -> group, or the column that says it (`pool`).
    slices
        Columns of the label table (`category`, `batch`).
    overlap
        Labels wanted an item; the most common number of labels where left out.

    Raises
    ------
    TableError
        Nobody of `exclude` is in the table, or nobody else is.

    Notes
    -----
    Both sides of each difference are computed on the same resampled items (10,000 by default), so an interval is about
    the change and not about the items. Nominal agreement.
    """
    check_confidence(confidence)
    table = reading.rows(labels, [*slices, *([groups] if isinstance(groups, str) else [])])
    table = table[table["label"].notna()].reset_index(drop=True)
    coded = coding.encode(table)
    gone = sorted(set(exclude) & set(table["annotator"]))
    if not gone:
        raise TableError(f"nobody of {list(exclude)[:6]} is in the label table")
    stays = ~table["annotator"].isin(gone).to_numpy()
    if not stays.any():
        raise TableError("all annotators would be left out", next_step="name fewer")
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed}
    counted = (len(coded.items), len(coded.annotators), len(table))
    paired = _Paired(tally(coded), tally(coded, stays), counted, how)
    before, after = paired.before.counts, paired.after.counts
    both = (table, table[stays])
    wanted = overlap or int(np.bincount(paired.before.size.astype(int)).argmax())
    grouped, lost, n_hidden_lost = _groups(paired, coded, table, stays, groups)
    made = FilterImpact(
        tuple(gone),
        proportion(
            "labels_lost", int((~stays).sum()), len(table), n_items=counted[0], n_annotators=len(gone),
            confidence=confidence,
        ),
        {c: paired.share(str(c), before[:, k], after[:, k]) for k, c in enumerate(coded.categories)},
        {
            (name, value): paired.share(f"{name} {value}", *_by_item(coded, stays, (table[name] == value).to_numpy()))
            for name in slices
            for value in sorted(table[name].dropna().unique(), key=str)
        },
        grouped,
        lost,
        n_hidden_lost,
        paired.coefficient("krippendorff_alpha", alpha, *(krippendorff_alpha(one, **how) for one in both)),
        paired.coefficient("percent_agreement", percent, *(percent_agreement(one, **how) for one in both)),
        paired.short(wanted),
        int((paired.after.size == 0).sum()),
        (),
    )  # fmt: skip
    return replace(made, warnings=tuple(_warnings(made, wanted)))


@dataclass(frozen=True)
class _Paired:
    """The two tables as counts an item, and how intervals are asked for."""

    before: Tally
    after: Tally
    counted: tuple[int, int, int]
    how: Mapping[str, Any]

    def share(self, label: str, before: Floats, after: Floats) -> Change:
        """Change of a share of labels: what counts in each item, over all labels of the item."""
        sums = np.column_stack([before, self.before.size, after, self.after.size])
        return self._change(
            "share_of_labels", label, sums, lambda s: s[..., 0] / s[..., 1], lambda s: s[..., 2] / s[..., 3]
        )

    def short(self, overlap: int) -> Change:
        """Change of the share of items with fewer labels than wanted."""
        few = [(one.size < overlap).astype(float) for one in (self.before, self.after)]
        sums = np.column_stack([few[0], few[1], np.ones(len(few[0]))])
        return self._change(
            "short_items", f"fewer than {overlap} labels", sums, lambda s: s[..., 0] / s[..., 2],
            lambda s: s[..., 1] / s[..., 2],
        )  # fmt: skip

    def coefficient(
        self, name: str, statistic: Callable[[Floats], Floats], before: Estimate, after: Estimate
    ) -> Change:
        """Change of an agreement coefficient; its own intervals are those of `before` and `after`."""
        width = self.before.sums.shape[1]
        sums = np.hstack([self.before.sums, self.after.sums])
        change = self._change(name, "", sums, lambda s: statistic(s[..., :width]), lambda s: statistic(s[..., width:]))
        return Change(before, after, change.difference)

    def _change(
        self, name: str, label: str, sums: Floats, first: Callable[[Floats], Floats], second: Callable[[Floats], Floats]
    ) -> Change:
        with np.errstate(invalid="ignore", divide="ignore"):
            whole = sums.sum(axis=0)[None]
            values = [float(f(whole)[0]) for f in (first, second)]
            drawn = replicates(sums, self.how["n_resamples"], self.how["seed"])
            ends = [f(drawn) for f in (first, second)]
        method = f"percentile bootstrap over items ({self.how['n_resamples']} resamples, seed {self.how['seed']})"

        def made(title: str, value: float, spread: Floats) -> Estimate:
            low, high, lost = percentile(spread, self.how["confidence"])
            reason = "" if value == value else "undefined before or after"
            reason = reason or (f"{lost} resamples undefined" if lost else "")
            return Estimate(title, value, low, high, *self.counted, method, self.how["confidence"], reason, label)

        return Change(
            made(name, values[0], ends[0]),
            made(name, values[1], ends[1]),
            made(f"{name}_change", values[1] - values[0], ends[1] - ends[0]),
        )


def _groups(
    paired: _Paired, coded: coding.Coded, table: pd.DataFrame, stays: Bools, groups: str | Mapping[str, Any] | None
) -> tuple[dict[Any, Change], tuple[Any, ...], int]:
    """Changes of the groups that may be shown, those of them that would be lost, and how many others would be."""
    if groups is None:
        return {}, (), 0
    of = table[groups] if isinstance(groups, str) else table["annotator"].map(dict(groups))
    people = table["annotator"].groupby(of).nunique()
    left = table["annotator"][stays].groupby(of[stays]).nunique().reindex(people.index, fill_value=0)
    hidden = hide({**{(name,): int(n) for name, n in people.items()}, (None,): int(people.sum())})
    shown = sorted((name for name in people.index if (name,) not in hidden), key=str)
    changes = {}
    for name in shown:
        one = paired.share(f"group {name}", *_by_item(coded, stays, (of == name).to_numpy(dtype=bool)))
        few = 0 < left[name] < SMALLEST_CELL
        changes[name] = Change(one.before, _too_few(one.after), _too_few(one.difference)) if few else one
    lost = left.index[left == 0]
    named = tuple(name for name in shown if name in set(lost))
    return changes, named, len(lost) - len(named)


def _too_few(one: Estimate) -> Estimate:
    reason = f"fewer than {SMALLEST_CELL} people would be left"
    return replace(one, value=math.nan, low=math.nan, high=math.nan, reason=reason)


def _by_item(coded: coding.Coded, stays: Bools, here: Bools) -> tuple[Floats, Floats]:
    n = len(coded.items)
    return (
        np.bincount(coded.item[here], minlength=n).astype(float),
        np.bincount(coded.item[here & stays], minlength=n).astype(float),
    )


def _warnings(made: FilterImpact, overlap: int) -> list[str]:
    told = [f"nobody of group {group} would be left" for group in made.groups_lost]
    if made.n_hidden_groups_lost:
        told.append(f"{made.n_hidden_groups_lost} groups too small to show would lose all their people")
    if made.items_lost:
        told.append(f"{made.items_lost} items would have no label left")
    short = made.short_items
    if short.after.value > short.before.value:
        told.append(
            f"{short.after.value:.0%} of items would have fewer than {overlap} labels, "
            f"{short.before.value:.0%} have now"
        )
    for what, changes in (("label", made.label_mix), ("group", made.groups), ("slice", made.slices)):
        for name, one in changes.items():
            moved = one.difference
            if abs(moved.value) >= 0.02 and (moved.low > 0 or moved.high < 0):
                title = " ".join(map(str, name)) if isinstance(name, tuple) else name
                told.append(
                    f"the share of {what} {title} moves from {one.before.value:.1%} to {one.after.value:.1%} "
                    f"[{moved.low:+.1%}, {moved.high:+.1%}]"
                )
    gain = made.alpha.difference
    if gain.defined:
        told.append(
            f"alpha moves by {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]: leaving out who disagrees raises "
            "agreement by itself and is no evidence of better labels"
        )
    return told
