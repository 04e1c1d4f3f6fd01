"""Statistics: label table in, frozen result out. No pictures, no storage; numpy, scipy and pandas only at import."""

from workbench.stats import aggregation, agreement, annotators, disagreement, drift, gold, intervals, simulate
from workbench.stats.estimate import Estimate, Verdict, verdict

__all__ = [
    "Estimate",
    "Verdict",
    "aggregation",
    "agreement",
    "annotators",
    "disagreement",
    "drift",
    "gold",
    "intervals",
    "simulate",
    "verdict",
]
