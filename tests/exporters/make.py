"""Items, labels and guidelines made by hand, for every task type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.records import Guideline, Item, Label, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.exporters import Exported

SHA = "a" * 64


def guideline(task: str = "pairwise", scale: tuple[str, ...] = ("A", "tie", "B")) -> Guideline:
    """A guideline whose labels carry `SHA`."""
    fields: dict[str, Any] = {"task": task, "scale": scale, "clauses": (), "edge_cases": (), "criteria": ("c",)}
    return Guideline(
        name="g", version="v1", tie_rule="t", author="a", date="2026-01-01", text="t", sha256=SHA, **fields
    )


def item(name: str, task: str = "pairwise", n: int = 2, **more: Any) -> Item:
    """An item with `n` responses; its prompt is its own unless `prompt_id` and `prompt` are given."""
    letters = "abcdefgh"[:n]
    responses = tuple(Response(id=f"{name}.{k}", text=f"{name} says {k}", model=f"m{k}") for k in letters)
    fields = {"prompt_id": f"p.{name}", "prompt": f"{name}?", "responses": responses, **more}
    kind: Any = task
    return Item(id=name, task=kind, **fields)


def label(of: Item, annotator: str, answer: dict[str, Any], **more: Any) -> Label:
    """One label; the same annotator twice on an item needs a `label_id`."""
    shown = tuple(response.id for response in of.responses)
    fields: dict[str, Any] = {
        "label_id": f"{of.id}-{annotator}-{more.get('is_repeat', False)}",
        "pilot": "p",
        "batch": "b",
        "source": "human",
        "responses": shown,
        "order": shown,
        "guideline": "g/v1",
        "guideline_sha256": SHA,
    }
    return Label(
        item=of.id, prompt_id=of.prompt_id, task=of.task, annotator=annotator, answer=answer, **{**fields, **more}
    )


def awkward(of: Item, answer: dict[str, Any]) -> list[Label]:
    """Labels that no kind of rows may use: a repeat, another guideline's, one of somebody excluded, gold."""
    return [
        label(of, "a", answer, is_repeat=True),
        label(of, "v2", answer, guideline="g/v2", guideline_sha256="b" * 64),
        label(of, "out", answer),
        label(of, "known", answer, is_gold=True),
    ]


def unused(exported: Exported[Any]) -> dict[str, int]:
    """Labels not used, by reason."""
    return {entry.reason: entry.n_labels for entry in exported.ledger}


def balanced(exported: Exported[Any], labels: Iterable[Label]) -> bool:
    """The invariant: every label is used or counted, once."""
    listed = list(labels)
    counted = exported.n_used + sum(entry.n_labels for entry in exported.ledger)
    return counted == exported.n_labels == len(listed) and exported.n_used <= len({one.label_id for one in listed})
