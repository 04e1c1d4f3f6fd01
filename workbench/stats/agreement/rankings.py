"""Agreement of rankings: as the pairs of responses they decide, and as Kendall's tau."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats import intervals
from workbench.stats.agreement.coefficients import krippendorff_alpha
from workbench.stats.coding import select
from workbench.stats.naming import coded_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.stats.estimate import Estimate

PREFERENCE = ("B", "tie", "A")


def as_pairs(labels: Any) -> pd.DataFrame:
    """The choices between two responses that rankings imply: one row an annotator and pair of responses.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label`; labels are rankings such as `B>A=C`, best first.

    Returns
    -------
    DataFrame
        `item` (ranked item and pair, `i1 A-B`), `annotator`, `label` (`A` where the first of the pair is better, `B`,
        or `tie`), `ranked` (the item that was ranked: resample these, not pairs).

    Raises
    ------
    TableError
        A label that is no ranking, or two rankings of an item that rank different responses.
    """
    table = _rankings(labels)
    code, texts = pd.factorize(table["label"])
    made = [_implied(text) for text in texts.tolist()]
    size = np.asarray([len(pairs) for pairs in made], dtype=np.int64)[code]
    pairs = [pair for text in code.tolist() for pair, _ in made[text]]
    choice = [sign for text in code.tolist() for _, sign in made[text]]
    ranked = np.repeat(table["item"].to_numpy(dtype=object), size)
    return pd.DataFrame(
        {
            "item": [f"{item} {pair}" for item, pair in zip(ranked.tolist(), pairs, strict=True)],
            "annotator": np.repeat(table["annotator"].to_numpy(dtype=object), size),
            "label": pd.Series([PREFERENCE[sign + 1] for sign in choice], dtype=object),
            "ranked": ranked,
        }
    )


def rank_alpha(
    labels: Any, *, n_resamples: int = 10_000, confidence: float = 0.95, seed: int = 0, label: str = ""
) -> Estimate:
    """Krippendorff's alpha of the choices that rankings imply, a tie lying in the middle; resamples ranked items.

    Works for rankings of different numbers of responses. `n_items` counts ranked items, `n_labels` rankings.
    """
    table = as_pairs(labels).replace({"label": {"A": 1, "tie": 0, "B": -1}}).infer_objects()
    how: dict[str, Any] = {"n_resamples": n_resamples, "confidence": confidence, "seed": seed, "label": label}
    found = krippendorff_alpha(table, "interval", cluster="ranked", **how)
    shared = table.groupby("ranked")["annotator"].nunique()
    used = table[table["ranked"].isin(shared.index[shared > 1])]
    return replace(
        found,
        name="rank_alpha",
        n_items=int(used["ranked"].nunique()),
        n_labels=len(used.drop_duplicates(["ranked", "annotator"])),
        method="alpha of implied choices, tie between" + found.method.removeprefix("interval alpha"),
    )


def kendall_tau(
    labels: Any, *, n_resamples: int = 10_000, confidence: float = 0.95, seed: int = 0, label: str = ""
) -> Estimate:
    """Kendall's tau-b between annotators, averaged over the pairs of annotators of an item and then over items.

    1 is the same order everywhere, 0 none in common, -1 the reverse. A ranking that ties everything has no tau and is
    left out.

    Notes
    -----
    Kendall (1945), *The treatment of ties in ranking problems*. With signs s of all pairs of responses, tau-b of two
    rankings is s.t / (|s| |t|); the mean over pairs of n unit vectors is (|sum|^2 - n) / (n (n - 1)).
    """
    intervals.check_resampling(n_resamples, confidence, seed)
    table = _rankings(labels)
    signs = {text: np.asarray([sign for _, sign in _implied(text)], dtype=float) for text in table["label"].unique()}
    taus, n_labels, people, all_tied = [], 0, set(), False
    for _, mine in table.groupby("item", sort=True):
        units: list[NDArray[np.float64]] = []
        for text, annotator in zip(mine["label"], mine["annotator"], strict=True):
            length = float(np.linalg.norm(signs[text]))
            if length:
                units.append(signs[text] / length)
                people.add(annotator)
        n = len(units)
        all_tied |= n < 2 <= len(mine)
        if n > 1:
            together = np.sum(units, axis=0)
            taus.append((float(together @ together) - n) / (n * (n - 1)))
            n_labels += n
    found = intervals.mean(
        taus, name="kendall_tau", n_resamples=n_resamples, confidence=confidence, seed=seed, label=label
    )
    reason = found.reason if taus else "no item has two rankings" + (" that order anything" if all_tied else "")
    method = found.method.replace("mean", "mean tau-b of annotator pairs", 1).replace("units", "items")
    return replace(found, n_annotators=len(people) if taus else 0, n_labels=n_labels, reason=reason, method=method)


def _rankings(labels: Any) -> pd.DataFrame:
    table = select(labels)
    unknown = table["item"].isna() | table["annotator"].isna()
    if unknown.any():
        raise TableError(f"{int(unknown.sum())} rows have no item or no annotator", next_step="drop or name them")
    table = table[table["label"].notna()]
    lists = [type(one).__name__ for one in table["label"] if not isinstance(one, str)]
    if lists:
        raise TableError(
            f"a ranking is text such as B>A=C, got a {lists[0]}", next_step="'>'.join(responses, best first)"
        )
    for column in ("item", "annotator"):
        coded_names(table[column])  # refuses lists and the like by name
    twice = table.duplicated(["item", "annotator"])
    if twice.any():
        raise TableError(
            f"{int(twice.sum())} rankings are a second one of the same annotator on the same item",
            next_step="keep the current one, or mark repeats with is_repeat",
        )
    ranked = table["label"].map({text: _responses(text) for text in table["label"].unique()})
    differ = ranked.groupby(table["item"]).nunique()
    if (differ > 1).any():
        raise TableError(
            f"item {str(differ.index[differ > 1][0])[:40]!r} has rankings of different responses",
            next_step="each ranking of an item orders all its responses",
        )
    return table


def _responses(text: str) -> str:
    levels = [level.split("=") for level in text.split(">")]
    named = sorted(response for level in levels for response in level)
    if len(named) < 2 or len(set(named)) != len(named) or not all(named):
        raise TableError(f"{text[:60]!r} is no ranking of two responses or more", next_step="write it as B>A=C")
    return " ".join(named)


def _implied(text: str) -> list[tuple[str, int]]:
    """Each pair of responses in order of their letters: 1 where the first is better, -1 the second, 0 a tie."""
    place = {one: level for level, names in enumerate(text.split(">")) for one in names.split("=")}
    return [(f"{x}-{y}", int(np.sign(place[y] - place[x]))) for x, y in combinations(sorted(place), 2)]
