"""The files a new pilot starts from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from workbench import tasks
from workbench.errors import PilotError
from workbench.records import Annotator

if TYPE_CHECKING:
    from pathlib import Path

_CONFIG = """\
name = {name}
title = {title}
task = {task}
guideline = {guideline}

[design]
overlap = 3           # labels wanted for each item
gold_share = {gold_share}      # share of the items with a known answer
repeat_share = 0.05   # share an annotator sees twice, sides swapped, to measure consistency
seed = 0

[thresholds]
agreement = 0.6       # Krippendorff's alpha
raw_agreement = 0.8   # share of equal label pairs
gold_error = 0.15     # an annotator's errors on gold

# Who labels; `workbench plan` shares the items out among them.
# [[annotators]]
# id = "ana"

# What a judgment costs; nothing is guessed.
# [[prices]]
# name = "our lab"
# judgment = "0.40"
# unit = "pair"
# source = "where and when you read it"
"""

_GUIDELINE = """\
---
name: {name}
version: v1
task: {task}
criteria: [{criterion}]
scale: [{scale}]
tie_rule: "Say when annotators should answer tie, and that they may."
author: "your name"
date: "{date}"
parent: null
motivated_by: []
---

# What to judge

Say in two sentences what the annotator sees and what the answer is used for.

## Clauses

### C1. Name one rule

State it so that two people read it the same way, with a number or an example.

## Edge cases

### E1. A case people would read differently

Describe it.

**Answer:** tie

**Why:** say which rule decides it (C1).
"""


def write_new(
    folder: Path,
    *,
    task: str = "pairwise",
    title: str = "",
    guideline: str | None = None,
    guideline_text: str = "",
    gold_share: float = 0.0,
) -> None:
    """Write `pilot.toml` and, unless one is named, a guideline to fill in.

    Raises
    ------
    PilotError
        When the folder holds a pilot already, or its name cannot be an id.
    RecordError
        When there is no such task.
    """
    tasks.task(task)
    if (folder / "pilot.toml").exists():
        raise PilotError("there is a pilot here already; nothing was changed", where=str(folder))
    try:
        name = Annotator(id=folder.resolve().name, source="human").id
    except ValueError:
        raise PilotError(
            f"a pilot's folder name is its id: letters, digits, '.', '_' and '-', got {folder.resolve().name!r}"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    if guideline is None:
        guideline = "guideline/v1.md"
        (folder / "guideline").mkdir(exist_ok=True)
        text = guideline_text or _GUIDELINE.format(
            name=name,
            task=task,
            criterion="name one",
            scale="A, tie, B" if task == "pairwise" else "lowest, highest",
            date=_today(),
        )
        (folder / guideline).write_text(text, encoding="utf-8", newline="\n")
    # JSON strings are TOML strings, so a title with quotes or backslashes stays what it is.
    values = {"name": name, "title": title or name, "task": task, "guideline": guideline}
    quoted = {key: json.dumps(value) for key, value in values.items()}
    (folder / "pilot.toml").write_text(_CONFIG.format(**quoted, gold_share=gold_share), encoding="utf-8", newline="\n")


def _today() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).date().isoformat()
