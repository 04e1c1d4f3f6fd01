"""The seven task types: for each its answer schema, its level of measurement, and what an answer means.

A new task type is one entry in `kinds.TASKS`. Everything else (store, tables, widgets, exporters) reads it from here.

- `answers`: the schemas;
- `meaning`: rows, preferences, turned screens, equality with a known answer;
- `forms`: what a guideline asks, and answers it does not provide for;
- `table`: checks of items and labels, and the tables they become.
"""

from workbench.tasks.answers import (
    Choice,
    Claim,
    ClassificationAnswer,
    FactualAccuracyAnswer,
    InstructionFollowingAnswer,
    LikertAnswer,
    PairwiseAnswer,
    RankingAnswer,
    RedTeamAnswer,
    Turn,
)
from workbench.tasks.forms import checklist
from workbench.tasks.kinds import TASKS, Level, Task, task
from workbench.tasks.meaning import Pair, Row, ranking_text
from workbench.tasks.table import check_item, check_label, item_table, label_table, parse_answer

__all__ = [
    "TASKS",
    "Choice",
    "Claim",
    "ClassificationAnswer",
    "FactualAccuracyAnswer",
    "InstructionFollowingAnswer",
    "Level",
    "LikertAnswer",
    "Pair",
    "PairwiseAnswer",
    "RankingAnswer",
    "RedTeamAnswer",
    "Row",
    "Task",
    "Turn",
    "check_item",
    "check_label",
    "checklist",
    "item_table",
    "label_table",
    "parse_answer",
    "ranking_text",
    "task",
]
