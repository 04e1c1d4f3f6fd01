"""The pages of all annotators in one pass over the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from workbench import tables
from workbench.errors import TableError
from workbench.stats import coding, reading
from workbench.stats.annotators import changes, sides, similarity, speed, straight
from workbench.stats.annotators import suggestions as words
from workbench.stats.annotators.content import ContentBias, content_bias
from workbench.stats.annotators.reliability import pairs_of_looks
from workbench.stats.annotators.suggestions import AnnotatorPage
from workbench.stats.estimate import Estimate
from workbench.stats.gold import error_rates
from workbench.stats.intervals import check_confidence, proportion
from workbench.stats.multiple import holm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.stats.annotators.changes import Chart
    from workbench.stats.reading import Floats

# Of charts of somebody who does not change, so many still alarm: one in a thousand, however many people are looked at.
FALSE_ALARMS = 0.001
_PERMUTATIONS = 999
# Charts whose rough p-value is above this are not drawn for everybody's pages: they would hardly alarm.
_WORTH_DRAWING = 0.01


@dataclass(frozen=True)
class _Shares:
    """A share of each annotator, that of everybody, and the adjusted p-values of being below (or above) it."""

    each: dict[str, Estimate]
    everybody: float
    p_holm: dict[str, float]


def page(
    labels: Any,
    annotator: str,
    *,
    gold: Mapping[Any, Any] | None = None,
    features: Any = None,
    skill: Mapping[str, Estimate] | pd.DataFrame | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> AnnotatorPage:
    """The page of one annotator, with all four drift charts; adjusted for as many annotators as the table has.

    Parameters and errors as `pages`; also `TableError` where there is no such annotator.
    """
    found = _pages(labels, gold, features, skill, confidence, seed, annotator)
    if annotator not in found:
        raise TableError(f"no annotator {annotator!r} in the label table", next_step=f"there are {sorted(found)[:6]}")
    return found[annotator]


def pages(
    labels: Any,
    *,
    gold: Mapping[Any, Any] | None = None,
    features: Any = None,
    skill: Mapping[str, Estimate] | pd.DataFrame | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, AnnotatorPage]:
    """A page for each annotator, sorted by name.

    Parameters
    ----------
    labels
        The label table of everybody; what it has beyond `item, annotator, label` decides what can be told.
    gold
        item -> right label.
    features
        One row an item: `item`, and counts such as `words_a, words_b, words_prompt, lists_a, lists_b`; all columns
        `words…` together are what has to be read. Or only that, as item -> words.
    skill
        From an aggregation model: annotator -> estimate, or a frame with `annotator, annotator_quality`.

    Notes
    -----
    Suggestions are adjusted for the number of annotators (Holm) at 1 - confidence a kind, but for drift charts, which
    alarm falsely once in a thousand (`FALSE_ALARMS`).
    """
    return _pages(labels, gold, features, skill, confidence, seed, None)


def _pages(
    labels: Any,
    gold: Mapping[Any, Any] | None,
    features: Any,
    skill: Mapping[str, Estimate] | pd.DataFrame | None,
    confidence: float,
    seed: int,
    only: str | None,
) -> dict[str, AnnotatorPage]:
    check_confidence(confidence)
    alpha = 1 - confidence
    wanted = ("submitted_at", "position", "duration_s", "reason", "left", "right", "flags")
    looks = reading.rows(labels, (), wanted, repeats=True)
    table = looks[~looks["is_repeat"]].drop(columns="is_repeat").reset_index(drop=True)
    coded = coding.encode(table)
    said = reading.others(coded)
    names = [str(name) for name in coded.annotators]
    lined = straight.of_coded(coded, said, reading.in_order(table), confidence)
    agreement = _agreement(coded, said, names, confidence)
    itself = _self_agreement(looks, confidence)
    side = {one.annotator: one for one in _sides(looks, confidence)}
    content = _content(table, features, confidence)
    fast = _speed(looks, features, confidence)
    alike = similarity.of_coded(coded, table, said, confidence=confidence)
    drift = _drift(table, said.agreement, seed, only)
    errors = _gold(table, gold, confidence)
    skills = skill_estimates(skill, confidence)
    # An import without times has a column that knows nothing.
    timed = table.assign(duration_s=pd.to_numeric(table["duration_s"])) if "duration_s" in table else None
    seconds = {} if timed is None else timed.groupby("annotator")["duration_s"].median().dropna().to_dict()
    pairs = _sentences(alike)
    found = {}
    for k, name in enumerate(names):
        moved = content.annotators.get(name, ()) if content else ()
        charts = drift.get(name, ())
        told = [
            *words.side_words(side.get(name)),
            *words.content_words(moved, content.p_holm.get(name, ()) if content else (), alpha),
            *([lined[k].reason] if lined[k].flagged else []),
            *words.speed_words(fast[name]),
            *words.drift_words(charts),
            *_lower(agreement, name, alpha, "says what most of the others say on"),
            *_lower(itself, name, alpha, "answers hidden repeats as the first time on"),
            *_lower(errors, name, alpha, "is wrong on gold on"),
            *_first(pairs.get(name, ())),
        ]
        found[name] = AnnotatorPage(
            name,
            lined[k].share.n_labels,
            float(seconds.get(coded.annotators[k], math.nan)),
            agreement.each[name],
            side.get(name),
            moved,
            lined[k],
            fast[name],
            itself.each.get(name) or _share("self_agreement", 0, 0, confidence, name),
            charts,
            pairs.get(name, ()),
            errors.each.get(name) if gold else None,
            skills.get(name),
            tuple(told),
        )
    return found


def skill_estimates(
    skill: Mapping[str, Estimate] | pd.DataFrame | None, confidence: float = 0.95
) -> dict[str, Estimate]:
    """Skill as estimates, from a mapping or a frame `annotator, annotator_quality` (and `low`, `high`, `n_labels`)."""
    if skill is None:
        return {}
    if not isinstance(skill, pd.DataFrame):
        return {str(name): one for name, one in skill.items()}
    missing = [name for name in ("annotator", "annotator_quality") if name not in skill]
    if missing:
        raise TableError(f"skill has no column {missing}", next_step="give annotator, annotator_quality")
    ends = [skill[name] if name in skill else pd.Series(np.nan, skill.index) for name in ("low", "high")]
    n = skill["n_labels"] if "n_labels" in skill else pd.Series(0, skill.index)
    columns = (skill["annotator"], skill["annotator_quality"], *ends, n)
    return {
        str(name): Estimate(
            "annotator_quality", float(value), float(low), float(high), int(count), 1, int(count),
            "as the model gave it", confidence, "" if value == value else "the model gave none", str(name),
        )
        for name, value, low, high, count in zip(*columns, strict=True)
    }  # fmt: skip


def _agreement(coded: coding.Coded, said: reading.Others, names: list[str], confidence: float) -> _Shares:
    led = said.leader >= 0
    of = coded.annotator[led]
    n = np.bincount(of, minlength=len(names))
    k = np.bincount(of[coded.value[led] == said.leader[led]], minlength=len(names))
    return _shares("consensus_agreement", names, k, n, confidence)


def _self_agreement(looks: pd.DataFrame, confidence: float) -> _Shares:
    both = pairs_of_looks(looks)
    same = pd.Series((both["label_again"] == both["label_first"]).to_numpy(dtype=bool), index=both["annotator"])
    by = same.groupby(level=0, sort=True).agg(["sum", "size"])
    return _shares(
        "self_agreement", [str(name) for name in by.index], by["sum"].to_numpy(), by["size"].to_numpy(), confidence
    )


def _gold(table: pd.DataFrame, gold: Mapping[Any, Any] | None, confidence: float) -> _Shares:
    if not gold:
        return _Shares({}, math.nan, {})
    rates = error_rates(table[list(tables.NEEDED)], gold, confidence=confidence)
    n = np.asarray([one.n_labels for one in rates])
    wrong = np.asarray([round(one.value * one.n_labels) if one.n_labels else 0 for one in rates])
    each = {one.label: one for one in rates}
    everybody = float(wrong.sum() / n.sum()) if n.sum() else math.nan
    p = _tail(n - wrong, n, 1 - everybody)
    return _Shares(each, everybody, dict(zip(each, holm(p).tolist(), strict=True)))


def _shares(name: str, names: list[str], k: Any, n: Any, confidence: float) -> _Shares:
    everybody = float(k.sum() / n.sum()) if n.sum() else math.nan
    each = {
        one: _share(name, int(hits), int(total), confidence, one) for one, hits, total in zip(names, k, n, strict=True)
    }
    return _Shares(each, everybody, dict(zip(names, holm(_tail(k, n, everybody)).tolist(), strict=True)))


def _share(name: str, k: int, n: int, confidence: float, label: str) -> Estimate:
    return proportion(name, k, n, n_items=n, n_annotators=1, confidence=confidence, label=label)


def _tail(k: Any, n: Any, share: float) -> Floats:
    """Probability of so few hits by everybody's share; NaN without trials."""
    found = special.bdtr(np.asarray(k, dtype=float), np.asarray(n, dtype=np.int64), share)
    return np.where(np.asarray(n) > 0, found, np.nan)


def _lower(shares: _Shares, name: str, alpha: float, what: str) -> Any:
    if name not in shares.each:
        return ()
    return words.lower_words(shares.each[name], shares.everybody, shares.p_holm[name], alpha, what)


def _sides(looks: pd.DataFrame, confidence: float) -> tuple[sides.Side, ...]:
    return sides.side_bias(looks, confidence=confidence).annotators if {"left", "right"} <= set(looks) else ()


def _content(table: pd.DataFrame, features: Any, confidence: float) -> ContentBias | None:
    """None where there is nothing to compare: no features of both responses, or labels that are no choices."""
    if features is None or not hasattr(features, "columns") or not table["label"].isin(["A", "B"]).any():
        return None
    both = [name[:-2] for name in features.columns if name.endswith("_a") and f"{name[:-2]}_b" in features.columns]
    here = features[features["item"].isin(table["item"])] if "item" in features.columns else features
    # What differs equally on every item (no lists anywhere) cannot be a reason for any choice.
    moving = [name for name in both if np.ptp(np.log1p(here[f"{name}_a"]) - np.log1p(here[f"{name}_b"])) > 0]
    return content_bias(table, features, columns=moving, confidence=confidence) if moving else None


def _speed(looks: pd.DataFrame, features: Any, confidence: float) -> dict[str, Estimate]:
    counted = not hasattr(features, "columns") or any(name.startswith("words") for name in features.columns)
    words_of = reading.words_to_read(features) if features is not None and counted else {}
    return speed.of_rows(looks, words_of, speed.FRACTION, confidence)


def _drift(table: pd.DataFrame, agreement: Floats, seed: int, only: str | None) -> dict[str, tuple[Chart, ...]]:
    """Charts that may alarm; all of them for `only`."""
    ordered = changes.of_table(table, agreement)
    if ordered is None:
        return {}
    enough = ordered["annotator"].map(ordered["annotator"].value_counts()) >= changes.FEWEST_CHARTED
    chosen = ordered["annotator"].astype(str) == only if only is not None else enough
    found = {}
    for name, mine in ordered[chosen].groupby("annotator", sort=True):
        timed = "submitted_at" in mine
        session = changes.sessions(mine["submitted_at"]) if timed else np.zeros(len(mine), dtype=np.int64)
        charts = []
        for signal in ("agreement", "pace"):
            for scope in changes.SCOPES:
                value = mine[signal].to_numpy(dtype=float)
                if only is None and not changes.rough_p_value(value, session, scope) <= _WORTH_DRAWING:
                    continue
                how: dict[str, Any] = {"scope": scope, "signal": signal, "label": str(name), "seed": seed}
                charts.append(
                    changes.cusum(value, session, n_permutations=_PERMUTATIONS, confidence=1 - FALSE_ALARMS, **how)
                )
        found[str(name)] = tuple(charts)
    return found


def _first(sentences: tuple[str, ...], most: int = 3) -> tuple[str, ...]:
    """The most surprising ones, and how many more there are."""
    more = len(sentences) - most
    return sentences if more <= 0 else (*sentences[:most], f"and {more} more pairs, see `similar`")


def _sentences(alike: similarity.Similarity) -> dict[str, tuple[str, ...]]:
    flagged = alike.flagged
    told: dict[str, list[str]] = {}
    for a, b, sentence in zip(flagged["a"], flagged["b"], alike.look_at, strict=True):
        told.setdefault(a, []).append(sentence)
        told.setdefault(b, []).append(sentence)
    return {name: tuple(sentences) for name, sentences in told.items()}
