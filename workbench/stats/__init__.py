"""Statistics: label table in, frozen result out. No pictures, no storage; each part is loaded on first use.

agreement     how far annotators agree beyond chance, by slice, over time, without each of them
disagreement  the items they differ on
gold          errors on known answers, sequential tests, audits of the gold itself
annotators    how each of them works: sides, content, speed, drift, repeats, copying; what leaving them out would do
pools         groups of annotators, small cells hidden
aggregation   several labels an item to one
ranking       systems by who won
calibration   whether stated probabilities come true
drift         whether somebody works otherwise lately
planning      whether thresholds can be met together
simulate      annotators with known faults, and the truth behind their labels

Shared by all: `coding` (any table to integer codes), `patterns` and `sufficient` (items compressed to what a
coefficient needs), `resampling` and `intervals`, `multiple` (several looks at once), `estimate` (the one shape of a
result).
"""

from importlib import import_module
from typing import TYPE_CHECKING

from workbench.stats.estimate import Estimate, Verdict, verdict

if TYPE_CHECKING:
    from workbench.stats import (
        aggregation,
        agreement,
        annotators,
        calibration,
        coding,
        disagreement,
        drift,
        gold,
        intervals,
        multiple,
        planning,
        pools,
        ranking,
        simulate,
    )

__all__ = [
    "Estimate",
    "Verdict",
    "aggregation",
    "agreement",
    "annotators",
    "calibration",
    "coding",
    "disagreement",
    "drift",
    "gold",
    "intervals",
    "multiple",
    "planning",
    "pools",
    "ranking",
    "simulate",
    "verdict",
]
_NOT_ROOMS = {"Estimate", "Verdict", "verdict"}


def __getattr__(name: str) -> object:
    # A notebook that only labels should not wait for scipy's distributions and optimisers.
    if name in __all__ and name not in _NOT_ROOMS:
        return import_module(f"workbench.stats.{name}")
    msg = f"module 'workbench.stats' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return __all__
