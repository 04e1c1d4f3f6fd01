"""Batch design: who judges what, in which order, with gold and hidden repeats, sides balanced.

- `planning`: everybody's whole list beforehand, for a fixed group of people;
- `handing`: the next few questions for whoever asks, for people who come and go;
- `calibration`: gold for the practice before live work, and whether it was passed;
- `rounds`: which prompts to ask next once a model has been trained;
- `stopping`: whether another round is worth its cost.

The same items, people and seed give the same plan, byte for byte.
"""

from workbench.design.calibration import Standing, practice_items, standing
from workbench.design.handing import Open, n_left, n_to_come, next_questions
from workbench.design.planning import Balance, balance, choose_gold, plan
from workbench.design.rounds import REASONS, Candidate, Choice, Chosen, next_round, quotas_of, wanted_of
from workbench.design.stopping import StopRule, stop_rule

__all__ = [
    "REASONS",
    "Balance",
    "Candidate",
    "Choice",
    "Chosen",
    "Open",
    "Standing",
    "StopRule",
    "balance",
    "choose_gold",
    "n_left",
    "n_to_come",
    "next_questions",
    "next_round",
    "plan",
    "practice_items",
    "quotas_of",
    "standing",
    "stop_rule",
    "wanted_of",
]
