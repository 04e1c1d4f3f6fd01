"""Simulated ratings and rankings: a hidden quality, seen with noise, said on a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import TableError
from workbench.stats.simulate import drawing
from workbench.tasks.meaning import ranking_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from workbench.stats.coding import Coded

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LETTERS = "ABCDEFGH"
FIVE_POINTS = (-1.5, -0.5, 0.5, 1.5)


def ordinal(
    items: int,
    annotators: int | Sequence[str],
    *,
    thresholds: Sequence[float] = FIVE_POINTS,
    leniency: ArrayLike = 0.0,
    spread: ArrayLike = 1.0,
    noise: ArrayLike = 0.5,
    overlap: int | tuple[int, int] = 3,
    design: drawing.Design = "partial",
    per_prompt: int = 1,
    prompt_share: float = 0.0,
    repeats: float = 0.0,
    words: float = 150,
    seed: int = 0,
) -> drawing.Simulated:
    """Ratings 1, 2, ... of a standard normal quality: `spread * (quality + noise) + leniency`, cut at the thresholds.

    Parameters
    ----------
    thresholds
        Where one rating ends and the next begins, rising; four of them make a five-point scale.
    leniency
        How much higher this annotator rates everything; one number for all, or one a person.
    spread
        Scale use: below 1 stays in the middle, above 1 goes to the ends.
    noise
        Standard deviation of what is seen around the quality.
    prompt_share
        Share of the variance of quality that is the prompt's, the same for its `per_prompt` items.

    Returns
    -------
    Simulated
        Labels are numbers from 1. `truth` is the rating of somebody without noise and leniency, beside `quality`;
        `people` has `leniency, spread, noise, volume`. For the other parameters see `categorical`.

    Raises
    ------
    TableError
        Thresholds that do not rise, a noise below 0, a spread that is not above 0, and as `drawing.assign`.
    """
    names = drawing.named(annotators)
    rows = drawing.assign(
        items, len(names), overlap=overlap, design=design, per_prompt=per_prompt, repeats=repeats, seed=seed
    )
    traits = _traits(leniency, spread, noise, len(names))
    cuts = _cuts(thresholds)
    quality, value = _rated(rows, cuts, traits, prompt_share, seed)
    people = pd.DataFrame(
        {
            "annotator": names,
            **dict(zip(("leniency", "spread", "noise"), traits, strict=True)),
            "volume": drawing.volumes(len(names), design),
        }
    )
    return drawing.Simulated(
        drawing.table(rows, names, value + 1, words=words, seed=seed),
        drawing.truth_table(rows, np.digitize(quality, cuts) + 1, quality=quality),
        people,
        tuple(range(1, len(cuts) + 2)),
        f"simulated ratings of 1 to {len(cuts) + 1}, {design} design, overlap {overlap}, seed {seed}",
        seed,
    )


def ordinal_codes(
    items: int,
    annotators: int | Sequence[str],
    *,
    thresholds: Sequence[float] = FIVE_POINTS,
    leniency: ArrayLike = 0.0,
    spread: ArrayLike = 1.0,
    noise: ArrayLike = 0.5,
    overlap: int | tuple[int, int] = 3,
    design: drawing.Design = "partial",
    per_prompt: int = 1,
    prompt_share: float = 0.0,
    seed: int = 0,
) -> Coded:
    """The labels of `ordinal` with the same arguments as integer codes; see `categorical_codes`."""
    names = drawing.named(annotators)
    rows = drawing.assign(
        items, len(names), overlap=overlap, design=design, per_prompt=per_prompt, repeats=0.0, seed=seed
    )
    cuts = _cuts(thresholds)
    _, value = _rated(rows, cuts, _traits(leniency, spread, noise, len(names)), prompt_share, seed)
    return drawing.coded(rows, value, list(range(1, len(cuts) + 2)))


def ranking(
    items: int,
    annotators: int | Sequence[str],
    *,
    responses: int = 3,
    skill: ArrayLike = 2.0,
    tie_threshold: ArrayLike = 0.0,
    overlap: int | tuple[int, int] = 3,
    design: drawing.Design = "partial",
    per_prompt: int = 1,
    repeats: float = 0.0,
    words: float = 80,
    seed: int = 0,
) -> drawing.Simulated:
    """Rankings of responses with standard normal qualities: `skill * quality` plus Gumbel noise, best first.

    Without ties this is the Plackett-Luce model: the first is chosen with chance proportional to
    exp(skill * quality), the second among the rest in the same way (Luce 1959, Plackett 1975; Yellott 1977 for the
    noise).

    Parameters
    ----------
    responses
        How many an item shows, 2 to 8.
    tie_threshold
        Neighbours in the felt order that are nearer than this share a rank; 0 never ties.
    words
        Typical length of a response.

    Returns
    -------
    Simulated
        Labels such as `B>A=C`; `truth` is the ranking by quality, beside `quality_a`, `quality_b`, ...

    Raises
    ------
    TableError
        Another number of responses, a tie threshold below 0, and as `drawing.assign`.
    """
    names = drawing.named(annotators)
    if not 2 <= drawing.whole(responses, "responses") <= len(LETTERS):
        raise TableError(f"a ranking shows 2 to {len(LETTERS)} responses, got {responses}")
    weight, near = drawing.each(skill, len(names), "skill"), drawing.each(tie_threshold, len(names), "tie_threshold")
    if near.min() < 0:
        raise TableError(f"tie_threshold must be 0 or more, got {near.min():g}")
    rows = drawing.assign(
        items, len(names), overlap=overlap, design=design, per_prompt=per_prompt, repeats=repeats, seed=seed
    )
    quality = drawing.stream(seed, "qualities").normal(size=(items, responses))
    noise = drawing.stream(seed, "labels").gumbel(size=(len(rows.item), responses))
    felt = weight[rows.annotator, None] * quality[rows.item] + noise
    people = pd.DataFrame(
        {
            "annotator": names,
            "skill": weight,
            "tie_threshold": near,
            "volume": drawing.volumes(len(names), design),
        }
    )
    seen = {f"quality_{LETTERS[k].lower()}": quality[:, k] for k in range(responses)}
    return drawing.Simulated(
        drawing.table(rows, names, _ranked(felt, near[rows.annotator]), words=words * responses, seed=seed),
        drawing.truth_table(rows, _ranked(quality, np.zeros(items)), **seen),
        people,
        (),
        f"simulated rankings of {responses}, {design} design, overlap {overlap}, seed {seed}",
        seed,
    )


def _rated(
    rows: drawing.Rows, cuts: Floats, traits: tuple[Floats, Floats, Floats], prompt_share: float, seed: int
) -> tuple[Floats, Ints]:
    """Quality of each item and the rating of each row, from 0."""
    leniency, spread, noise = traits
    shared = drawing.share(prompt_share, "prompt_share")
    of_prompt = drawing.stream(seed, "prompts").normal(size=int(rows.prompt[-1]) + 1)[rows.prompt]
    own = drawing.stream(seed, "qualities").normal(size=rows.n_items)
    quality = np.sqrt(shared) * of_prompt + np.sqrt(1 - shared) * own
    seen = quality[rows.item] + noise[rows.annotator] * drawing.stream(seed, "labels").normal(size=len(rows.item))
    return quality, np.digitize(spread[rows.annotator] * seen + leniency[rows.annotator], cuts).astype(np.int64)


def _traits(leniency: ArrayLike, spread: ArrayLike, noise: ArrayLike, n: int) -> tuple[Floats, Floats, Floats]:
    found = tuple(
        drawing.each(value, n, name) for name, value in (("leniency", leniency), ("spread", spread), ("noise", noise))
    )
    if found[1].min() <= 0 or found[2].min() < 0:
        raise TableError(f"spread must be above 0 and noise 0 or more, got {found[1].min():g} and {found[2].min():g}")
    return found[0], found[1], found[2]


def _cuts(thresholds: Sequence[float]) -> Floats:
    cuts = np.asarray(list(thresholds), dtype=float)
    if not len(cuts) or not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        raise TableError(f"thresholds must be one or more finite numbers that rise, got {list(thresholds)[:12]}")
    return cuts


def _ranked(felt: Floats, near: Floats) -> NDArray[np.object_]:
    """Each row of values as a ranking, the highest first; each different one is written once."""
    order = np.argsort(-felt, axis=1, kind="stable")
    falling = np.take_along_axis(felt, order, axis=1)
    apart = (falling[:, :-1] - falling[:, 1:]) >= near[:, None]
    place = np.concatenate([np.ones((len(felt), 1), dtype=np.int64), 1 + np.cumsum(apart, axis=1)], axis=1)
    ranks = np.empty_like(place)
    np.put_along_axis(ranks, order, place, axis=1)
    different, which = np.unique(ranks, axis=0, return_inverse=True)
    texts = np.empty(len(different), dtype=object)
    texts[:] = [ranking_text(dict(zip(LETTERS, row, strict=False))) for row in different.tolist()]  # type: ignore[arg-type]
    return texts[which.ravel()]
