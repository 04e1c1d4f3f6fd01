"""A small guideline without a weakness, and what it is after a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.guidelines import check, parse

if TYPE_CHECKING:
    from workbench.records import Guideline

TEXT = """\
---
name: tiny
version: v1
task: pairwise
criteria: [correctness, clarity]
scale: [A, B, tie]
tie_rule: Choose tie when neither is ahead.
allow_both_bad: false
author: A team
date: 2026-01-31
parent: null
motivated_by: []
---

Read both answers.

## Clauses

### C1. Facts first
Fewer false statements win. Example: "2 + 2 = 4" wins over "2 + 2 = 5".

### C2. Then clarity
The one understood at first reading wins. Example: "Go left" wins over "Left the go".

## Edge cases

### E1. Both wrong
"1 + 1 = 3" and "1 + 1 = 4".

**Answer:** tie

**Why:** Each has one error (C1), and both are short (C2).

### E2. Short and wrong
"No." and "Rome, I think."

**Answer:** B

**Why:** Only B is true (C1).

### E3. Muddled
"It the is cat" and "It is the cat".
**Answer:** B
**Why:** B is understood at first reading (C2).
"""


def changed(old: str, new: str) -> Guideline:
    assert TEXT.count(old) == 1, old
    return parse(TEXT.replace(old, new))


def found(guideline: Guideline, severity: str | None = None) -> list[tuple[str, str]]:
    return [(one.where, one.message) for one in check(guideline) if severity in (None, one.severity)]


def with_fields(*lines: str, task: str = "pairwise") -> str:
    """The text with further lines of front matter."""
    more = "".join(f"{line}\n" for line in lines)
    return TEXT.replace("task: pairwise", f"task: {task}").replace("author: A team\n", f"{more}author: A team\n")
