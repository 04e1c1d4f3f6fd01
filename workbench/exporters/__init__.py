"""From labels to what a trainer reads, with a ledger of every label that was not used, and why.

rows        the record of each kind of rows; `trl_rows` gives what TRL reads and no more
ledger      `Exported`: rows and ledger; labels = used + the reasons' counts, whatever the kind
pairs       `preferences`: pairwise labels to preference rows; `Preferences.by_votes`
votes       one row a vote
rankings    `ranked_preferences`: rankings to preference rows
singles     `judged`, `wanted_answers`, `scored_preferences`: from tasks that judge one response at a time
responses   `chosen_answers`, `sorted_answers`: single answers from comparisons
attacks     `attack_rows`: from red teaming
prompts     `prompt_rows`: for a policy
writing     files, ledger and card
"""

from workbench.exporters.attacks import attack_rows
from workbench.exporters.ledger import REASONS, Exported, LedgerEntry
from workbench.exporters.pairs import TIES, Preferences, Ties, preferences
from workbench.exporters.prompts import prompt_rows
from workbench.exporters.rankings import ranked_preferences
from workbench.exporters.responses import chosen_answers, sorted_answers
from workbench.exporters.rows import (
    KINDS,
    AnswerRow,
    JudgedRow,
    Kind,
    ModelledRow,
    PreferenceRow,
    PromptRow,
    TrainingRow,
    rows_as_dicts,
    trl_rows,
)
from workbench.exporters.singles import judged, scored_preferences, wanted_answers
from workbench.exporters.writing import card, write

__all__ = [
    "KINDS",
    "REASONS",
    "TIES",
    "AnswerRow",
    "Exported",
    "JudgedRow",
    "Kind",
    "LedgerEntry",
    "ModelledRow",
    "PreferenceRow",
    "Preferences",
    "PromptRow",
    "Ties",
    "TrainingRow",
    "attack_rows",
    "card",
    "chosen_answers",
    "judged",
    "preferences",
    "prompt_rows",
    "ranked_preferences",
    "rows_as_dicts",
    "scored_preferences",
    "sorted_answers",
    "trl_rows",
    "wanted_answers",
    "write",
]
