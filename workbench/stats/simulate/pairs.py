"""Simulated pairwise answers: what an annotator sees, and everything that comes between seeing and saying."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats.simulate import drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NEEDED = ("item", "annotator", "left", "quality_a", "quality_b", "words_a", "words_b")
Spam = Literal["", "constant", "alternating", "random", "copy"]
# Felt advantages at which strength goes from 1 to 2 and to 3, in units of the noise above the tie threshold.
STEPS = (1.5, 3.0)
_NUMBERS = ("skill", "tie_threshold", "length_bias", "side_bias", "skill_drift", "side_drift", "fatigue")


@dataclass(frozen=True)
class SimulatedAnnotator:
    """How a simulated annotator chooses between two responses.

    The felt advantage of A over B is `skill * (quality_a - quality_b) + length_bias * log(words_a / words_b)
    + side_bias * (1 if A is left else -1) + noise`, with standard logistic noise. It is a tie when its size is under
    `tie_threshold`. With probability `carelessness` the answer is drawn blindly: left, right or tie with equal chance.

    Attributes
    ----------
    skill
        Weight of true quality; 0 sees nothing, 4 rarely errs on a clear difference of one.
    tie_threshold
        Felt advantages smaller than this are called a tie; 0 never ties.
    length_bias, side_bias
        Preference for longer text (per log ratio) and for the left side, in units of the noise.
    carelessness
        Share of answers given without looking.
    skill_drift, side_drift
        What is added to `skill` and `side_bias` by the end of the annotator's sequence, growing evenly from 0.
    fatigue
        What is added to `carelessness` by the end of the sequence, growing evenly from 0.
    spam
        `constant` always says left, `alternating` left and right in turn, `random` anything, `copy` what the annotator
        named in `copies` says; none of them looks.
    copies, copy_share
        Collusion: whose answers are taken over, and on which share of the items both have. The other may not copy
        in turn.
    values
        The quality this annotator judges by: `helpfulness` reads the columns `helpfulness_a, helpfulness_b`. Groups
        that value different things differ in this.
    both_bad_below
        `both_bad` where even the better response feels worse than this quality; None never says so.
    """

    id: str
    skill: float
    tie_threshold: float = 0.5
    length_bias: float = 0.0
    side_bias: float = 0.0
    carelessness: float = 0.0
    skill_drift: float = 0.0
    side_drift: float = 0.0
    fatigue: float = 0.0
    spam: Spam = ""
    copies: str = ""
    copy_share: float = 0.0
    values: str = "quality"
    both_bad_below: float | None = None


def pairwise(
    assignments: Any, annotators: Sequence[SimulatedAnnotator], *, strength: bool = False, seed: int = 0
) -> pd.DataFrame:
    """Simulated pairwise answers, one for each row of `assignments`, in its order.

    Parameters
    ----------
    assignments
        Any data frame with `item, annotator, left` (canonical letter shown on the left: A or B), `quality_a, quality_b`
        (the truth, any common scale; and those of other qualities that annotators value) and `words_a, words_b`. Rows
        of one annotator are in the order of their work.
    strength
        Add `strength`, from -3 (A far better) to 3 (B far better), 0 where the answer prefers neither. Who does not
        look says 1.

    Returns
    -------
    DataFrame
        `item, annotator, label` (A, B, tie or both_bad), `duration_s` (reading at 238 words a minute times log-normal
        variation; answers given without looking take a few seconds).

    Raises
    ------
    TableError
        Missing columns or values, numbers that are not finite or below 0 words, an annotator in `assignments` that is
        not described, two annotators of one name, a description that makes no sense.
    ValueError
        A seed that is no whole number of 0 or more.
    """
    tables.require(assignments, NEEDED, where="assignments")
    assignments = nw.from_native(assignments, eager_only=True).to_pandas().reset_index(drop=True)
    drawing.check_seed(seed)
    described = {annotator.id: annotator for annotator in annotators}
    if len(described) < len(annotators):
        raise TableError(f"simulated annotators need different names, got {[one.id for one in annotators][:12]}")
    _check_assignments(assignments)
    strangers = sorted(set(assignments["annotator"]) - set(described), key=str)
    if strangers:
        raise TableError(f"no simulated annotator {strangers[:5]}; there are {sorted(described)}")
    for annotator in annotators:
        _check(annotator, described)
    n = len(assignments)
    # One generator and one draw of each kind for all rows: the same seed gives the same answers on every machine.
    # These four are what the first version drew; whatever came later has a stream of its own.
    rng = np.random.default_rng(seed)
    noise, blind, pick, pace = rng.logistic(size=n), rng.random(n), rng.integers(0, 3, n), rng.normal(size=n)
    who, people = pd.factorize(assignments["annotator"])

    def trait(name: str) -> Any:
        return np.asarray([getattr(described[one], name) for one in people])[who]

    done = _progress(who)
    quality_a, quality_b = _valued(assignments, trait("values"))
    # A response without words takes as long as one of one word, and has a logarithm.
    words_a, words_b = (np.maximum(_finite(assignments, c), 1) for c in ("words_a", "words_b"))
    a_is_left = np.where((assignments["left"] == "A").to_numpy(), 1.0, -1.0)
    skill = trait("skill") + trait("skill_drift") * done
    felt = (
        skill * (quality_a - quality_b)
        + trait("length_bias") * np.log(words_a / words_b)
        + (trait("side_bias") + trait("side_drift") * done) * a_is_left
        + noise
    )
    threshold = trait("tie_threshold")
    looked = np.where(np.abs(felt) < threshold, "tie", np.where(felt > 0, "A", "B")).astype(object)
    floor = trait("both_bad_below").astype(float)
    doubt = drawing.stream(seed, "both bad").logistic(size=n)
    looked[skill * (np.fmax(quality_a, quality_b) - floor) + doubt < 0] = "both_bad"  # never where the floor is NaN
    left, right = np.where(a_is_left > 0, "A", "B"), np.where(a_is_left > 0, "B", "A")
    careless = blind < trait("carelessness") + trait("fatigue") * done
    label = np.where(careless, np.choose(pick, [left, right, np.full(n, "tie")]), looked)
    level = np.where(careless, 1, 1 + np.digitize(np.abs(felt) - threshold, STEPS))
    label, level, unseen = _without_looking(assignments, trait, label, level, left, right, pick, seed)
    careless = careless | unseen
    seconds = np.where(careless, 3.0, 4.0 + (words_a + words_b) / (drawing.WORDS_PER_MINUTE / 60)) * np.exp(0.35 * pace)
    answers = pd.DataFrame(
        {
            "item": assignments["item"].to_numpy(),
            "annotator": assignments["annotator"].to_numpy(),
            "label": label.astype(object),
            "duration_s": np.round(seconds, 1),
        }
    )
    if strength:
        answers.insert(3, "strength", np.select([label == "A", label == "B"], [-level, level], 0))
    return answers


def preferences(
    items: int,
    annotators: Sequence[SimulatedAnnotator],
    *,
    overlap: int | tuple[int, int] = 3,
    design: drawing.Design = "partial",
    gap: float = 1.0,
    qualities: Sequence[str] = ("quality",),
    words: float = 80,
    per_prompt: int = 1,
    repeats: float = 0.0,
    strength: bool = False,
    seed: int = 0,
) -> drawing.Simulated:
    """Pairwise labels of made-up items: qualities are independent and normal, sides are balanced for each annotator.

    Parameters
    ----------
    items
        How many.
    overlap, design
        Labels wanted an item (or from .. to), and who gives them; see `drawing.assign`.
    gap
        Standard deviation of quality between responses.
    qualities
        Names of the qualities responses have, for annotators who value different ones. The truth is by the first.
    words
        Typical length of a response.
    repeats
        Share of labels that are asked for a second time, marked `is_repeat`.

    Returns
    -------
    Simulated
        `truth` has `truth` (the response of higher first quality), the qualities and the words.

    Raises
    ------
    TableError
        A gap that is not finite, no qualities, words that are not above 0; as `pairwise` and `drawing.assign`.
    """
    if isinstance(qualities, str) or not len(qualities) or len(set(qualities)) < len(qualities):
        raise TableError(f"qualities must be one or more different names, got {qualities!r}", next_step='("quality",)')
    if not 0 <= gap < math.inf:
        raise TableError(f"gap must be a finite number, 0 or more, got {gap!r}")
    words = drawing.length(words)
    names = drawing.named([one.id for one in annotators])
    rows = drawing.assign(
        items, len(names), overlap=overlap, design=design, per_prompt=per_prompt, repeats=repeats, seed=seed
    )
    rng = drawing.stream(seed, "qualities")
    columns = {f"{name}_{side}": gap * rng.normal(size=items) for name in qualities for side in "ab"}
    length = drawing.stream(seed, "words")
    for side in "ab":
        columns[f"words_{side}"] = np.maximum(1, np.round(words * np.exp(0.4 * length.normal(size=items))))
    better = np.where(columns[f"{qualities[0]}_a"] > columns[f"{qualities[0]}_b"], "A", "B").astype(object)
    position = drawing.positions(rows, seed)
    order = np.lexsort((position, rows.annotator))
    # Every other question of an annotator shows A on the left.
    left = np.where(position % 2 == 0, "A", "B").astype(object)
    asked = pd.DataFrame(
        {
            "item": rows.item[order],
            "annotator": np.asarray(names, dtype=object)[rows.annotator[order]],
            "left": left[order],
            **{name: column[rows.item[order]] for name, column in columns.items()},
        }
    )
    if "quality" not in qualities:
        asked[["quality_a", "quality_b"]] = asked[[f"{qualities[0]}_a", f"{qualities[0]}_b"]]
    answers = pairwise(asked, annotators, strength=strength, seed=seed)
    answers.index = pd.Index(order)
    answers = answers.sort_index()
    labels = drawing.table(
        rows,
        names,
        answers["label"].to_numpy(),
        words=words,
        seed=seed,
        left=left,
        seconds=answers["duration_s"].to_numpy(),
        pool=[one.values for one in annotators],
    )
    if strength:
        labels.insert(3, "strength", answers["strength"].to_numpy())
    people = pd.DataFrame([asdict(one) for one in annotators]).rename(columns={"id": "annotator"})
    categories = ("A", "B", "tie", "both_bad") if any(one.both_bad_below is not None for one in annotators) else ()
    method = f"simulated pairwise answers, {design} design, overlap {overlap}, seed {seed}"
    truth = drawing.truth_table(rows, better, **columns)
    return drawing.Simulated(labels, truth, people, categories or ("A", "B", "tie"), method, seed)


def _progress(who: NDArray[Any]) -> Floats:
    """How far each row is in its annotator's sequence, from 0 at the first to 1 at the last."""
    by = pd.Series(who).groupby(who)
    last = np.maximum(by.transform("size").to_numpy() - 1, 1)
    return np.asarray(by.cumcount().to_numpy() / last, dtype=float)


def _valued(assignments: pd.DataFrame, values: NDArray[Any]) -> tuple[Floats, Floats]:
    """Quality of A and of B in the eyes of each row's annotator."""
    names = sorted(set(values)) or ["quality"]
    tables.require(assignments, [f"{name}_{side}" for name in names for side in "ab"], where="assignments")
    a, b = (
        np.select([values == name for name in names], [_finite(assignments, f"{name}_{side}") for name in names], 0.0)
        for side in "ab"
    )
    return a, b


def _without_looking(
    assignments: pd.DataFrame,
    trait: Any,
    label: NDArray[Any],
    level: NDArray[Any],
    left: NDArray[Any],
    right: NDArray[Any],
    pick: NDArray[Any],
    seed: int,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Spam and copies in place of own answers, and which rows these are."""
    spam, copies = trait("spam"), trait("copies")
    if not (spam != "").any() and not (copies != "").any():
        return label, level, np.zeros(len(label), dtype=bool)
    odd = pd.Series(spam).groupby(assignments["annotator"].to_numpy()).cumcount().to_numpy() % 2 == 1
    anything = np.choose(pick, [left, right, np.full(len(label), "tie")])
    made = [left, np.where(odd, right, left), anything, anything]
    label = np.select([spam == kind for kind in ("constant", "alternating", "random", "copy")], made, label)
    level = np.where(spam != "", 1, level)
    source = pd.DataFrame({"item": assignments["item"].to_numpy(), "annotator": assignments["annotator"].to_numpy()})
    source["row"] = np.arange(len(source))
    first = source.drop_duplicates(["item", "annotator"]).set_index(["item", "annotator"])["row"]
    row = first.reindex(pd.MultiIndex.from_arrays([source["item"], copies])).to_numpy(dtype=float)
    lot = drawing.stream(seed, "copying").random(len(label))
    copied = (lot < np.where(spam == "copy", 1.0, trait("copy_share"))) & ~np.isnan(row)
    from_row = row[copied].astype(np.int64)
    taken, strong = label.copy(), level.copy()
    taken[copied], strong[copied] = label[from_row], level[from_row]
    return taken, strong, (spam != "") | copied


def _check_assignments(assignments: pd.DataFrame) -> None:
    """Refuse rows that say not who was asked what, or not what stood left."""
    unknown = assignments["item"].isna() | assignments["annotator"].isna()
    if unknown.any():
        raise TableError(f"{int(unknown.sum())} rows have no item or no annotator", where="assignments")
    astray = ~assignments["left"].isin(["A", "B"])
    if astray.any():
        raise TableError(
            f"left must be A or B, got {str(assignments['left'][astray].iloc[0])[:40]!r}", where="assignments"
        )
    for name in ("words_a", "words_b"):
        if (_finite(assignments, name) < 0).any():
            raise TableError(f"{name} must be 0 or more, got {assignments[name].min()}", where="assignments")


def _finite(assignments: pd.DataFrame, name: str) -> Floats:
    """A column as finite numbers."""
    try:
        found = assignments[name].to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise TableError(f"{name} must be numbers", where="assignments") from None
    if not np.isfinite(found).all():
        raise TableError(f"{name} must be finite numbers, without gaps", where="assignments")
    return found


def _check(one: SimulatedAnnotator, described: dict[str, SimulatedAnnotator]) -> None:
    if one.spam not in get_args(Spam):
        raise TableError(f"no spam {one.spam!r} ({one.id}); allowed are {get_args(Spam)}")
    numbers = {name: getattr(one, name) for name in _NUMBERS}
    if one.both_bad_below is not None:
        numbers["both_bad_below"] = one.both_bad_below
    for name, number in numbers.items():
        if not isinstance(number, int | float | np.number) or not math.isfinite(number):
            raise TableError(f"{name} of {one.id} must be a finite number, got {number!r}")
    if one.tie_threshold < 0:
        raise TableError(f"tie_threshold of {one.id} must be 0 or more, got {one.tie_threshold!r}")
    for name in ("carelessness", "copy_share"):
        drawing.share(getattr(one, name), f"{name} of {one.id}")
    if bool(one.copies) != bool(one.copy_share or one.spam == "copy"):
        raise TableError(f"{one.id} needs both copies (whom) and a copy_share above 0, or neither")
    if one.copies:
        other = described.get(one.copies)
        if other is None or other.copies:
            raise TableError(f"{one.id} copies {one.copies!r}, who must be described and copy nobody")
