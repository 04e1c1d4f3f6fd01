"""The files a new pilot starts from."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import guidelines, tasks
from workbench.errors import PilotError
from workbench.records import Annotator

if TYPE_CHECKING:
    from workbench.records import Guideline

_CONFIG = """\
name = {name}
title = {title}
task = {task}
guideline = {guideline}

# How `workbench generate` answers prompts.jsonl; not used for imported labels.
[candidates]
model = "smollm2-135m-instruct"      # or several: ["…", "runs/…"]
n = 4                 # responses to each prompt; an item shows those that differ most
shown = 3             # of a ranking: how many of the n
temperatures = [0.7, 1.0]
# systems = ["", "Answer briefly."]      # system prompts, mixed like temperatures
max_new_tokens = 128
redraws = 3           # times a near-duplicate is drawn again
balance = true        # neither the shorter answer nor a model shall be the better one more often

[design]
# queue = "open"      # anybody who is invited is handed free questions; without it `workbench plan` shares them out
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

# The shipped guideline of each task type, which a new pilot's starts from.
DRAFTS: dict[str, str] = {
    "pairwise": "instruction-following",
    "ranking": "ranking",
    "likert": "likert",
    "classification": "classification",
    "red_team": "red-team",
    "instruction_following": "instruction-checklist",
    "factual_accuracy": "factual-accuracy",
}
# Stands in a draft until somebody has read it and answers for it.
NOBODY = "your name"


def write_new(
    folder: Path,
    *,
    task: str = "pairwise",
    title: str = "",
    guideline: str | None = None,
    guideline_text: str = "",
    gold_share: float = 0.0,
) -> None:
    """Write `pilot.toml` and, unless one is named, a guideline: the text given, or the task's shipped one as a draft.

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
        text = guideline_text or draft(task, name)
        (folder / guideline).write_text(text, encoding="utf-8", newline="\n")
    # JSON strings are TOML strings, so a title with quotes or backslashes stays what it is.
    values = {"name": name, "title": title or name, "task": task, "guideline": guideline}
    quoted = {key: json.dumps(value) for key, value in values.items()}
    (folder / "pilot.toml").write_text(_CONFIG.format(**quoted, gold_share=gold_share), encoding="utf-8", newline="\n")


def draft(task: str, name: str) -> str:
    """The shipped guideline of a task type under another name, for its new author to adapt."""
    text = (_shipped() / DRAFTS[task] / "v1.md").read_text(encoding="utf-8")
    today = datetime.now(UTC).date().isoformat()
    for field, value in {"name": json.dumps(name), "author": json.dumps(NOBODY), "date": json.dumps(today)}.items():
        text = re.sub(rf"(?m)^{field}: .*$", f"{field}: {value}", text, count=1)
    return text


def unfinished(guideline: Guideline) -> list[str]:
    """What keeps a guideline from being used: a draft nobody has signed, and the errors of `guidelines.check`."""
    errors = [str(one) for one in guidelines.check(guideline) if one.severity == "error"]
    if guideline.author == NOBODY:
        errors.insert(0, f"a draft that nobody has adapted yet: its author is {NOBODY!r}")
    return errors


def _shipped() -> Path:
    """The folder of shipped guidelines: inside an installed package, beside the package in a clone."""
    package = Path(guidelines.__file__).parent
    inside = package / "shipped"
    return inside if inside.is_dir() else package.parents[1] / "guidelines"
