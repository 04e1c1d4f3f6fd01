"""Guidelines of every task type as they may be written, items for them, and the answers their forms allow."""

from __future__ import annotations

import hashlib
from string import ascii_uppercase
from typing import Any

from hypothesis import strategies as st

from workbench import tasks
from workbench.records import Constraint, Guideline, Item, Response

TEXT = "Paris is the capital of France. It has 2 million people. 🚀 It rains."
NAMES = st.text("aB1 .é🚀_|-/", min_size=1, max_size=6)


def guideline(task: str, **changes: Any) -> Guideline:
    fields: dict[str, Any] = {
        "name": "tiny",
        "version": "v1",
        "task": task,
        "criteria": ("correct", "clear"),
        "scale": ("low", "middle", "high"),
        "tie_rule": "",
        "author": "test",
        "date": "2026-01-01",
        "clauses": (),
        "edge_cases": (),
        "text": "x\n",
        "sha256": hashlib.sha256(b"x\n").hexdigest(),
    }
    return Guideline(**(fields | changes))


def item(task: str, n_responses: int | None = None, **changes: Any) -> Item:
    n = tasks.task(task).n_responses[0] if n_responses is None else n_responses
    fields: dict[str, Any] = {
        "id": "SecretItem",
        "prompt_id": "SecretPromptId",
        "task": task,
        "prompt": "SecretPrompt",
        "category": "SecretCategory",
        "responses": tuple(Response(id=f"r{k}", text=f"{TEXT} {k}", model="SecretModel") for k in range(n)),
    }
    return Item(**(fields | changes))


def constraints(*names: str) -> tuple[Constraint, ...]:
    return tuple(Constraint(id=name, kind="no_commas") for name in names)


@st.composite
def guidelines(draw: st.DrawFn, task: str) -> Guideline:
    """Any guideline of a task that leaves something to choose."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    scale = draw(st.lists(NAMES, min_size=2, max_size=10, unique=True))
    own = st.lists(NAMES, min_size=2, max_size=10).map(tuple) if task == "likert" else NAMES.map(lambda one: (one,))
    anchored = names if task in ("likert", "pairwise") else scale
    extra = {} if task == "ranking" else draw(st.dictionaries(st.sampled_from(anchored), own, max_size=3))
    return guideline(
        task,
        criteria=tuple(names),
        scale=tuple(scale),
        anchors=extra,
        ask=tuple(draw(st.sets(st.sampled_from(["strength", "criteria"])))) if task == "pairwise" else (),
        allow_both_bad=task == "pairwise" and draw(st.booleans()),
        multi_label=task == "classification" and draw(st.booleans()),
    )


@st.composite
def items(draw: st.DrawFn, task: str) -> Item:
    """Any item of a task; ranking items have two to eight responses, checklists come with and without constraints."""
    listed = draw(st.sampled_from([(), ("c1",), ("c1", "c2", "c3")])) if task == "instruction_following" else ()
    n = draw(st.integers(2, 8)) if task == "ranking" else None
    return item(task, n, constraints=constraints(*listed))


@st.composite
def allowed(draw: st.DrawFn, judged: Item, under: Guideline) -> dict[str, Any]:
    """An answer read off the form, as a page does."""
    form = tasks.task(judged.task).form(under)
    if judged.task == "pairwise":
        choice = draw(st.sampled_from(form["choices"]))
        answer: dict[str, Any] = {"choice": choice}
        if form["strength"]:
            low, high = form["strength"]
            sides = {"A": st.integers(low, -1), "B": st.integers(1, high), "tie": st.just(0), "both_bad": st.just(0)}
            answer["strength"] = draw(sides[choice])
        answer["criteria"] = {one["name"]: draw(st.sampled_from(form["choices"])) for one in form["criteria"]}
        return answer
    if judged.task == "ranking":
        n = len(judged.responses)
        return {"ranks": {letter: draw(st.integers(1, n)) for letter in ascii_uppercase[:n]}}
    if judged.task == "likert":
        return {"ratings": {one["name"]: draw(st.integers(1, len(one["steps"]))) for one in form["dimensions"]}}
    if judged.task == "classification":
        names = [one["name"] for one in form["classes"]]
        most = len(names) if form["several"] else 1
        return {"classes": draw(st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True))}
    if judged.task == "red_team":
        success = draw(st.booleans())
        turn = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "text": NAMES})
        return {
            "turns": draw(st.lists(turn, min_size=1, max_size=4)),
            "attack_category": draw(st.sampled_from([one["name"] for one in form["categories"]])),
            "success": success,
            "severity": draw(st.integers(0, len(form["severities"]) - 1)) if success else 0,
        }
    if judged.task == "instruction_following":
        names = list(tasks.checklist(judged, under))
        return {"checks": {name: draw(st.sampled_from(form["verdicts"])) for name in names}}
    ends = sorted(draw(st.sets(st.integers(0, len(judged.responses[0].text)), max_size=8)))
    spans = list(zip(ends[::2], ends[1::2], strict=False))
    verdicts = st.sampled_from([one["name"] for one in form["verdicts"]])
    return {"claims": [_claim(draw(verdicts), start, end, form["need_source"]) for start, end in spans]}


def _claim(verdict: str, start: int, end: int, need_source: list[str]) -> dict[str, Any]:
    return {"start": start, "end": end, "verdict": verdict, "quote": "as printed" if verdict in need_source else ""}
