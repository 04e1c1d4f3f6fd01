"""Rounds: candidates of a trained adapter, prompts chosen on purpose beside a random part, and what came of it.

A round is a pilot folder of its own, so it is labelled, exported and reported like any other.

folders   which round follows which, whose answers it compares, why its prompts were chosen
choosing  what earlier rounds say of each prompt, and the choice
pairing   the answers, and which two of a prompt are judged together
making    the folder
gathering the labels of all rounds as rows for one run
results   all rounds side by side, and whether another one pays
"""

from workbench.pilot.rounds.gathering import all_rows
from workbench.pilot.rounds.making import next_round
from workbench.pilot.rounds.results import Rounds, rounds

__all__ = ["Rounds", "all_rows", "next_round", "rounds"]
