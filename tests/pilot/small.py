"""A small pilot folder with known texts, for tests: twelve prompts, two of them held out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from workbench.pilot import build, open_pilot
from workbench.pilot.template import write_new
from workbench.records import Constraint, Prompt, Response, content_id
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.pilot import Pilot
    from workbench.records import TaskName

SIMULATED = """
[simulation]
seed = 3
started = 2026-01-05T09:00:00Z
hidden_quality = 0.1
"""
PERSON = """
[[annotators]]
id = "s{n}"
source = "simulated"
skill = {skill}
tie_threshold = 0.3
"""
PRICES = """
[[prices]]
name = "ours"
judgment = "0.40"
unit = "pair"
source = "test"
"""
RULES = """\
---
name: {name}
version: v1
task: pairwise
criteria: [name one]
scale: [A, tie, B]
tie_rule: "Say when annotators should answer tie, and that they may."
author: "the tests"
date: "2026-01-05"
parent: null
motivated_by: []
---

# What to judge

Say in two sentences what the annotator sees and what the answer is used for.

## Clauses

### C1. Name one rule

State it so that two people read it the same way, with a number or an example.

## Edge cases

"""
CASE = """\
### E{k}. A case people would read differently

Describe it.

**Answer:** tie

**Why:** say which rule decides it (C1).

"""


def make(folder: Path, *, simulated: bool = True, n: int = 12, three: bool = False) -> Path:
    """Write prompts, responses and pilot.toml; items and labels are for the pilot to make."""
    rules = RULES.format(name=folder.name) + "".join(CASE.format(k=k) for k in (1, 2, 3))
    write_new(folder, title="Small <b>pilot</b>", gold_share=0.2, guideline_text=rules)
    more = SIMULATED + "".join(PERSON.format(n=k, skill=skill) for k, skill in enumerate((3.0, 2.0, 1.0))) + PRICES
    if simulated:
        config = folder / "pilot.toml"
        config.write_text(config.read_text().replace("repeat_share = 0.05", "repeat_share = 0.2") + more)
    prompts, responses = [], []
    for k in range(n):
        text = f"Say something about topic {k} in at most 6 words."
        prompt = Prompt(
            id=content_id("p", text),
            prompt=text,
            category="short" if k % 2 else "long",
            constraints=(Constraint(id="c1", kind="max_words", params={"n": 6}),),
            split="test" if k >= n - 2 else "train",
        )
        prompts.append(prompt)
        texts = [f"Topic {k} is fine.", f"Well, topic {k} is one that takes very many words to explain."]
        for answer in [*texts, f"It is topic {k}."][: 3 if three else 2]:
            made = Response(id=content_id("r", prompt.id, answer), text=answer, model="m", params={"finish": "stop"})
            responses.append(Generated(prompt_id=prompt.id, response=made))
    (folder / "prompts.jsonl").write_text("".join(p.canonical() + "\n" for p in prompts))
    (folder / "responses.jsonl").write_text("".join(r.canonical() + "\n" for r in responses))
    return folder


def opened(
    folder: Path,
    *,
    task: TaskName = "pairwise",
    n: int = 24,
    design: dict[str, object] | None = None,
    fields: Sequence[str] = (),
    people: Sequence[str] = (),
) -> Pilot:
    """A pilot of people with its items, each of which has gold where its task can have it; nothing is planned.

    `design` changes lines of `[design]`, `fields` are lines of the guideline's front matter beside the usual ones.
    """
    make(folder, simulated=False, n=n, three=task == "ranking")
    config, rules = folder / "pilot.toml", folder / "guideline" / "v1.md"
    text = config.read_text().replace('task = "pairwise"', f'task = "{task}"')
    for name, value in {"repeat_share": 0, **(design or {})}.items():
        text = re.sub(rf"(?m)^{name} = .*\n", "", text).replace(
            "[design]\n", f"[design]\n{name} = {json.dumps(value)}\n"
        )
    config.write_text(text + "".join(f'\n[[annotators]]\nid = "{name}"\n' for name in people))
    text = rules.read_text().replace("task: pairwise", f"task: {task}").replace("name one", "polite")
    rules.write_text(text.replace("author:", "".join(f"{line}\n" for line in fields) + "author:", 1))
    pilot = open_pilot(folder)
    generated = [Generated.parse(json.loads(line)) for line in (folder / "responses.jsonl").read_text().splitlines()]
    asked = [prompt for prompt in pilot.prompts if prompt.split == "train"]
    pilot._write_items(build.items(task, pilot.config.n_shown, asked, generated).items)
    return open_pilot(folder)


def labelled(folder: Path, n: int = 12) -> Pilot:
    """The pilot with items, a plan and simulated labels."""
    make(folder, n=n)
    pilot = open_pilot(folder)
    asked = [prompt for prompt in pilot.prompts if prompt.split == "train"]
    generated = [Generated.parse(json.loads(line)) for line in (folder / "responses.jsonl").read_text().splitlines()]
    pilot._write_items(build.items("pairwise", 2, asked, generated).items)
    pilot.plan()
    assert pilot.simulate() > 0
    return pilot


def second_version(pilot: Pilot) -> Pilot:
    """The pilot opened under a second version of its guideline, which says the same."""
    rules, config = pilot.folder / "guideline", pilot.folder / "pilot.toml"
    text = (rules / "v1.md").read_text().replace("version: v1", "version: v2").replace("parent: null", "parent: v1")
    (rules / "v2.md").write_text(text)
    config.write_text(config.read_text().replace("guideline/v1.md", "guideline/v2.md"))
    return open_pilot(pilot.folder)
