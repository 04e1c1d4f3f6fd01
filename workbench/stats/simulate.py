"""Simulated annotators with known faults, for planning, for checking intervals, and for the shipped pilot.

Everything made here is `source: simulated` and is called simulated wherever it is shown. The truth is an input, so a
statistic can be checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

NEEDED = ("item", "annotator", "left", "quality_a", "quality_b", "words_a", "words_b")
_WORDS_PER_SECOND = 238 / 60  # silent reading of English non-fiction, Brysbaert (2019)


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
    """

    id: str
    skill: float
    tie_threshold: float = 0.5
    length_bias: float = 0.0
    side_bias: float = 0.0
    carelessness: float = 0.0


def pairwise(assignments: pd.DataFrame, annotators: Sequence[SimulatedAnnotator], *, seed: int = 0) -> pd.DataFrame:
    """Simulated pairwise answers, one for each row of `assignments`, in its order.

    Parameters
    ----------
    assignments
        Columns `item, annotator, left` (canonical letter shown on the left), `quality_a, quality_b` (the truth, any
        common scale) and `words_a, words_b`.

    Returns
    -------
    DataFrame
        `item, annotator, label` (A, B or tie), `duration_s` (reading at 238 words a minute times log-normal variation;
        careless answers take a few seconds).

    Raises
    ------
    TableError
        Missing columns, or an annotator in `assignments` that is not described.
    """
    tables.require(assignments, NEEDED, where="assignments")
    described = {annotator.id: annotator for annotator in annotators}
    strangers = sorted(set(assignments["annotator"]) - set(described))
    if strangers:
        raise TableError(f"no simulated annotator {strangers[:5]}; there are {sorted(described)}")
    n = len(assignments)
    # One generator and one draw of each kind for all rows: the same seed gives the same answers on every machine.
    rng = np.random.default_rng(seed)
    noise, blind, pick, pace = rng.logistic(size=n), rng.random(n), rng.integers(0, 3, n), rng.normal(size=n)

    def trait(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.asarray([getattr(described[a], name) for a in assignments["annotator"]], dtype=float)

    words_a, words_b = (np.maximum(assignments[c].to_numpy(dtype=float), 1) for c in ("words_a", "words_b"))
    a_is_left = np.where((assignments["left"] == "A").to_numpy(), 1.0, -1.0)
    felt = (
        trait("skill") * (assignments["quality_a"] - assignments["quality_b"]).to_numpy(dtype=float)
        + trait("length_bias") * np.log(words_a / words_b)
        + trait("side_bias") * a_is_left
        + noise
    )
    looked = np.where(np.abs(felt) < trait("tie_threshold"), "tie", np.where(felt > 0, "A", "B"))
    left, right = np.where(a_is_left > 0, "A", "B"), np.where(a_is_left > 0, "B", "A")
    careless = blind < trait("carelessness")
    label = np.where(careless, np.choose(pick, [left, right, np.full(n, "tie")]), looked)
    seconds = np.where(careless, 3.0, 4.0 + (words_a + words_b) / _WORDS_PER_SECOND) * np.exp(0.35 * pace)
    return pd.DataFrame(
        {
            "item": assignments["item"].to_numpy(),
            "annotator": assignments["annotator"].to_numpy(),
            "label": label.astype(object),
            "duration_s": np.round(seconds, 1),
        }
    )
