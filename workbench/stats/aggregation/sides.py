"""Preference between two responses when annotators lean to one side of the screen, differ in skill, and call ties."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit, logsumexp, ndtri

from workbench.errors import TableError
from workbench.stats.coding import Coded, encode, select
from workbench.stats.estimate import Estimate
from workbench.stats.intervals import check_confidence
from workbench.stats.reading import check_single, order_unknown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Standard deviations of the normal priors: side bias (log odds), log skill, an annotator's log tie weight around
# everybody's, everybody's, and the logarithm of the spread of items around log 2.
_SIDE, _SKILL, _TIE, _TIES, _SPREAD = 1.0, 0.5, 1.0, 3.0, 1.0
_NODES = 21
# The covariance has three rows an annotator.
_MOST_ANNOTATORS = 1_500
_MAX_ITER = 500


@dataclass(frozen=True, eq=False)
class PairwiseBias:
    """Preferences freed from side bias, and the side bias of each annotator.

    Attributes
    ----------
    items
        `item`, `n_labels`, and what an annotator of average skill without side bias would answer: `p_a`, `p_b`, `p_tie`
        (they sum to 1, averaged over what the labels leave open of the item).
    p_left
        One `Estimate` an annotator, named by them: the probability of choosing the left of two equally good responses
        when choosing at all; .5 without bias.
    annotators
        `annotator`, `p_left`, `skill` (1 is average; multiplies what separates the responses), `tie_weight` (against 1
        for each response when they are equal), `n_labels`.
    spread
        Standard deviation over items of the log odds of A over B.
    """

    items: pd.DataFrame = field(repr=False)
    p_left: tuple[Estimate, ...] = field(repr=False)
    annotators: pd.DataFrame = field(repr=False)
    spread: float
    n_left_out: int
    converged: bool
    method: str


def pairwise_bias(labels: Any, *, confidence: float = 0.95) -> PairwiseBias:
    """Preference of each item and side bias of each annotator, estimated together.

    Parameters
    ----------
    labels
        Any data frame with `item, annotator, label` and `left`, the canonical letter shown on the left. Labels other
        than A, B and tie, and rows that do not say what stood left, are left out and counted.

    Raises
    ------
    TableError
        No usable labels; the same response always on the left; too many annotators; see `coding.select`.

    Notes
    -----
    Davidson's (1970) tie model for annotator a and item i: P(A) : P(B) : P(tie) = e^(x/2) : e^(-x/2) : e^n_a with
    x = s_a t_i + b_a where A stood left, s_a t_i - b_a where B did. Items t are Normal(0, spread) and integrated out on
    21 Gauss-Hermite nodes. Annotators are at the mode of their posterior with priors b ~ Normal(0, 1),
    log s ~ Normal(0, 0.5), n_a ~ Normal(n, 1), n ~ Normal(0, 3), log spread ~ Normal(log 2, 1); the priors are ours.

    What stands left must not depend on which response is better (sides drawn at random, or balanced): where it does,
    the model takes part of the quality for side bias. A share of left choices over all pairs (`annotators.p_left`)
    understates it, since clear pairs are decided by quality.

    Intervals are normal in b, with the information summed from the scores of items (not of single labels) plus the
    prior's; `p_left` is drawn towards .5 where an annotator has few labels.
    """
    check_confidence(confidence)
    coded, left, n_left_out = _read(labels)
    problem = _Problem(coded, left)
    a = len(coded.annotators)
    start = np.concatenate([np.zeros(2 * a), np.full(a + 1, -1.0), [math.log(2)]])
    from scipy.optimize import minimize

    found = minimize(problem.loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _MAX_ITER})
    side, skill, tie = found.x[:a], np.exp(found.x[a : 2 * a]), np.exp(found.x[2 * a : 3 * a])
    error = np.sqrt(np.diag(problem.covariance(found.x))[:a])
    reach = float(ndtri(0.5 + confidence / 2)) * error
    method = "Davidson ties, normal items integrated out, posterior mode; normal interval on the log odds"
    n_labels = np.bincount(coded.annotator, minlength=a)
    estimates = tuple(
        Estimate(
            "p_left",
            float(expit(side[k])),
            float(expit(side[k] - reach[k])),
            float(expit(side[k] + reach[k])),
            int(n_labels[k]),  # one label an item
            1,
            int(n_labels[k]),
            method,
            confidence,
            "",
            str(name),
        )
        for k, name in enumerate(coded.annotators)
    )
    table = {"annotator": coded.annotators, "p_left": expit(side), "skill": skill, "tie_weight": tie}
    return PairwiseBias(
        problem.items(found.x),
        estimates,
        pd.DataFrame({**table, "n_labels": n_labels}),
        float(math.exp(found.x[-1])),
        n_left_out,
        bool(found.success),
        method,
    )


def _read(labels: Any) -> tuple[Coded, Floats, int]:
    """Usable labels as codes (A, B, tie), +1 where A stood left and -1 where B did, and the number of other rows."""
    try:
        names = nw.from_native(labels).collect_schema().names()
    except TypeError:
        names = []  # `select` says what was given
    table = select(labels, ["left", *(["flags"] if "flags" in names else [])])
    for name in ("label", "left"):
        check_single(table[name])
    usable = table["label"].isin(["A", "B", "tie"]) & table["left"].isin(["A", "B"])
    if "flags" in table:
        usable &= ~order_unknown(table["flags"])
    kept = table[usable]
    if kept.empty:
        raise TableError("no label A, B or tie that says which response stood left", next_step="fill the column left")
    if kept["left"].nunique() == 1:
        raise TableError(
            f"{kept['left'].iloc[0]} always stood on the left, so side and quality cannot be told apart",
            next_step="swap sides for half of the labels",
        )
    coded = encode(kept[["item", "annotator", "label"]], "nominal", ["A", "B", "tie"])
    if len(coded.annotators) > _MOST_ANNOTATORS:
        raise TableError(
            f"{len(coded.annotators):,} annotators are more than {_MOST_ANNOTATORS:,}",
            next_step="take those with most labels",
        )
    return coded, np.where(kept["left"].to_numpy() == "A", 1.0, -1.0), int((~usable).sum())


class _Problem:
    """Penalised marginal likelihood.

    Parameters in order: side, log skill and log tie weight of each annotator, log tie weight and log spread of all.
    """

    def __init__(self, coded: Coded, left: Floats) -> None:
        self.coded, self.left = coded, left
        self.chose = (coded.value == 0) * 1.0 - (coded.value == 1)
        self.tied = (coded.value == 2) * 1.0
        nodes, weight = np.polynomial.hermite_e.hermegauss(_NODES)
        self.nodes, self.log_weight = nodes, np.log(weight / weight.sum())

    def _chances(self, x: Floats, tie: Floats) -> tuple[Floats, Floats, Floats]:
        """Probabilities of A and tie, and the log of the normaliser."""
        whole = np.logaddexp(np.logaddexp(x / 2, -x / 2), tie)
        return np.exp(x / 2 - whole), np.exp(tie - whole), whole

    def _odds(self, at: Floats, node: float) -> Floats:
        a = len(self.coded.annotators)
        skill = np.exp(at[a : 2 * a])[self.coded.annotator]
        return skill * math.exp(at[-1]) * node + at[:a][self.coded.annotator] * self.left

    def _responsibility(self, at: Floats) -> tuple[Floats, Floats]:
        """Posterior weight of each node for each item (items x nodes), and log-likelihood of each item."""
        a, n = len(self.coded.annotators), len(self.coded.items)
        tie = at[2 * a : 3 * a][self.coded.annotator]
        joint = np.empty((n, _NODES))
        for q, node in enumerate(self.nodes):
            x = self._odds(at, node)
            log = self.chose * x / 2 + self.tied * tie - self._chances(x, tie)[2]
            joint[:, q] = np.bincount(self.coded.item, weights=log, minlength=n) + self.log_weight[q]
        total = logsumexp(joint, axis=1)
        return np.exp(joint - total[:, None]), total

    def scores(self, at: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Log-likelihood of each item; of each label the slopes in side, log skill and log tie weight."""
        a = len(self.coded.annotators)
        weight, total = self._responsibility(at)
        tie = at[2 * a : 3 * a][self.coded.annotator]
        by_odds, by_effect, by_tie = (np.zeros(len(self.left)) for _ in range(3))
        for q, node in enumerate(self.nodes):
            x = self._odds(at, node)
            first, tied, whole = self._chances(x, tie)
            share = weight[self.coded.item, q]
            slope = share * (self.chose - first + np.exp(-x / 2 - whole)) / 2
            by_odds += slope
            by_effect += slope * (x - at[:a][self.coded.annotator] * self.left)
            by_tie += share * (self.tied - tied)
        return total, by_odds * self.left, by_effect, by_tie

    def loss(self, at: Floats) -> tuple[float, Floats]:
        """Negative log posterior a label, and its slope."""
        a = len(self.coded.annotators)
        total, by_side, by_effect, by_tie = self.scores(at)
        prior = self._precision() * (at - self._centre(at))
        value = total.sum() - float(prior @ (at - self._centre(at))) / 2
        who = self.coded.annotator
        sums = [np.bincount(who, weights=w, minlength=a) for w in (by_side, by_effect, by_tie)]
        slope = np.concatenate([*sums, [0.0, by_effect.sum()]]) - prior
        slope[-2] += prior[2 * a : 3 * a].sum()  # everybody's tie weight is the centre of each one's
        return -float(value) / len(who), -slope / len(who)

    def _precision(self) -> Floats:
        each = np.repeat([_SIDE, _SKILL, _TIE], len(self.coded.annotators))
        return 1 / np.concatenate([each, [_TIES, _SPREAD]]) ** 2

    def _centre(self, at: Floats) -> Floats:
        a = len(self.coded.annotators)
        return np.concatenate([np.zeros(2 * a), np.full(a, at[-2]), [0.0, math.log(2)]])

    def covariance(self, at: Floats) -> Floats:
        """Of all annotators' parameters and the spread, everybody's tie weight given."""
        a, n = len(self.coded.annotators), len(self.coded.items)
        _, *by = self.scores(at)
        who, item = self.coded.annotator, self.coded.item
        column = np.concatenate([who, who + a, who + 2 * a, np.full(len(who), 3 * a)])
        entry = np.concatenate([*by, by[1]])
        score = sparse.csr_matrix((entry, (np.tile(item, 4), column)), shape=(n, 3 * a + 1))
        information = (score.T @ score).toarray() + np.diag(np.delete(self._precision(), 3 * a))
        found: Floats = np.linalg.inv(information)
        return found

    def items(self, at: Floats) -> pd.DataFrame:
        """What an average annotator without side bias would answer."""
        weight, _ = self._responsibility(at)
        x = math.exp(at[-1]) * self.nodes
        first, tied, _ = self._chances(x, np.full(_NODES, at[-2]))
        p_a, p_tie = weight @ first, weight @ tied
        n_labels = np.bincount(self.coded.item, minlength=len(self.coded.items))
        table = {"item": self.coded.items, "n_labels": n_labels, "p_a": p_a, "p_b": 1 - p_a - p_tie, "p_tie": p_tie}
        return pd.DataFrame(table)
