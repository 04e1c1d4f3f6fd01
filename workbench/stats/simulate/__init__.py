"""Simulated annotators with known faults, for planning, for checking intervals, and for the shipped pilot.

pairs        pairwise answers: skill, biases, drift, fatigue, spam, collusion, groups that value something else
classes      one class or a set of classes an item, by confusion matrices
scales       ratings with leniency, scale use and noise; rankings with ties
known        gold answers of which a stated share is wrong
population   the true value of a coefficient, from a very large population of items
drawing      who labels what, reading times, and `Simulated`, the one shape of a result

Everything made here is `source: simulated` and is called simulated wherever it is shown. The truth is an input, so a
statistic can be checked against it. Each kind of draw has a random stream of its own, so a new one does not disturb the
others and the same seed goes on giving the same labels.
"""

from workbench.stats.simulate.classes import categorical, categorical_codes, multi_label
from workbench.stats.simulate.drawing import WORDS_PER_MINUTE, Simulated
from workbench.stats.simulate.known import gold_answers
from workbench.stats.simulate.pairs import NEEDED, SimulatedAnnotator, pairwise, preferences
from workbench.stats.simulate.population import TrueValue, superpopulation
from workbench.stats.simulate.scales import ordinal, ordinal_codes, ranking

__all__ = [
    "NEEDED",
    "WORDS_PER_MINUTE",
    "Simulated",
    "SimulatedAnnotator",
    "TrueValue",
    "categorical",
    "categorical_codes",
    "gold_answers",
    "multi_label",
    "ordinal",
    "ordinal_codes",
    "pairwise",
    "preferences",
    "ranking",
    "superpopulation",
]
