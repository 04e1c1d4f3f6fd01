"""Preference rows and the ledger: nothing unused is silent, splits are by prompt, same labels, same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from workbench import exporters
from workbench.errors import ExportError
from workbench.records import Guideline, Item, Label, Response

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.exporters import Preferences

SHA = "a" * 64
GUIDELINE = Guideline(
    name="g",
    version="v1",
    task="pairwise",
    criteria=("c",),
    scale=("A", "tie", "B"),
    tie_rule="t",
    author="a",
    date="2026-01-01",
    clauses=(),
    edge_cases=(),
    text="t",
    sha256=SHA,
)


def item(name: str, **more: Any) -> Item:
    responses = (Response(id=f"{name}.a", text=f"{name} first"), Response(id=f"{name}.b", text=f"{name} second"))
    return Item(id=name, prompt_id=f"p.{name}", task="pairwise", prompt=f"{name}?", responses=responses, **more)


def label(name: str, annotator: str, choice: str, **more: Any) -> Label:
    fields: dict[str, Any] = {
        "label_id": f"{name}-{annotator}-{more.get('is_repeat', False)}",
        "pilot": "p",
        "batch": "b",
        "item": name,
        "prompt_id": f"p.{name}",
        "task": "pairwise",
        "annotator": annotator,
        "source": "human",
        "answer": {"choice": choice},
        "responses": (f"{name}.a", f"{name}.b"),
        "order": (f"{name}.b", f"{name}.a"),
        "guideline": "g/v1",
        "guideline_sha256": SHA,
    }
    return Label(**{**fields, **more})


LABELS = [
    *(label("x", who, choice) for who, choice in zip("abc", ["A", "A", "tie"], strict=True)),
    *(label("y", who, choice) for who, choice in zip("abc", ["B", "B", "A"], strict=True)),
    *(label("t", who, "tie") for who in "ab"),
    *(label("u", who, choice) for who, choice in zip("ab", "AB", strict=True)),
    *(label("g", who, "A", is_gold=True) for who in "ab"),
    label("x", "a", "A", is_repeat=True),
    label("x", "z", "A", guideline="g/v2", guideline_sha256="b" * 64),
]
ITEMS = [item(name) for name in "xytug"]
DECISIONS: dict[str, tuple[str | None, str]] = {
    "x": ("A", "majority"),
    "y": ("B", "majority"),
    "t": ("tie", "unanimous"),
    "u": (None, "unresolved"),
    "g": ("A", "unanimous"),
}


def export(**options: Any) -> Preferences:
    return exporters.preferences(ITEMS, LABELS, DECISIONS, guideline=GUIDELINE, **{"eval_share": 0.0, **options})


def test_rows_carry_votes_margin_and_text() -> None:
    x, y = export().rows
    assert (x.chosen, x.rejected) == ("x first", "x second")
    assert (y.chosen, y.rejected) == ("y second", "y first")
    assert x.votes == {"A": 2, "tie": 1}
    # x: (2 + .5) / 3 and (2 - 0) / 3; y: 2 of 3 for B, so 2/3 and 1/3.
    assert (x.p_chosen, x.margin) == pytest.approx((2.5 / 3, 2 / 3), abs=1e-6)
    assert (y.p_chosen, y.margin) == pytest.approx((2 / 3, 1 / 3), abs=1e-6)


def test_who_looked_again_is_not_contradicted_by_the_margin() -> None:
    decided = {**DECISIONS, "x": ("B", "adjudicated"), "y": ("B", "adjudicated")}
    x, y = exporters.preferences(ITEMS, LABELS, decided, guideline=GUIDELINE, eval_share=0.0).rows
    assert (x.chosen, x.margin) == ("x second", 0.0)  # two of three votes were for the first
    assert y.margin == pytest.approx(1 / 3, abs=1e-6)


def test_each_label_is_used_or_in_the_ledger_once() -> None:
    for options in ({}, {"ties": "both"}, {"keep_gold": True}, {"exclude": ["a"]}):
        made = export(**options)
        assert made.n_used + sum(entry.n_labels for entry in made.ledger) == made.n_labels == len(LABELS)
    ledger = {entry.reason: (entry.n_labels, entry.n_items) for entry in export().ledger}
    assert ledger == {"repeat": (1, 1), "gold": (2, 1), "other_guideline": (1, 1), "tie": (2, 1), "unresolved": (2, 1)}


def test_pairs_without_text_or_without_difference_are_counted() -> None:
    def with_texts(name: str, *texts: str) -> Item:
        return item(name).model_copy(
            update={"responses": tuple(Response(id=f"{name}.{k}", text=t) for k, t in zip("ab", texts, strict=True))}
        )

    given = [with_texts("x", "first", " "), with_texts("y", "same", "same "), *ITEMS[2:], item("z")]
    more = [*LABELS, label("z", "a", "A")]
    made = exporters.preferences(given, more, {**DECISIONS, "z": ("A", "unanimous")}, guideline=GUIDELINE)
    ledger = {entry.reason: entry.n_labels for entry in made.ledger}
    assert (ledger["no_text"], ledger["same_text"]) == (3, 3)
    assert [row.item for row in made.rows] == ["z"]


def test_ties_can_go_both_ways_by_choice() -> None:
    tied = [row for row in export(ties="both").rows if row.item == "t"]
    assert [(row.chosen, row.rejected) for row in tied] == [("t first", "t second"), ("t second", "t first")]
    assert [row.p_chosen for row in tied] == [0.5, 0.5]


def test_splits_are_by_prompt_and_stay_when_the_batch_grows() -> None:
    many = [item(f"i{k}") for k in range(300)]
    twins = [m.model_copy(update={"id": f"{m.id}.twin"}) for m in many]
    given = [label(m.id, "a", "A", prompt_id=m.prompt_id) for m in many + twins]
    given = [g.model_copy(update={"responses": ("r1", "r2"), "order": ("r1", "r2")}) for g in given]
    decisions: dict[str, tuple[str | None, str]] = {m.id: ("A", "unanimous") for m in many + twins}
    rows = exporters.preferences(many + twins, given, decisions, guideline=GUIDELINE, eval_share=0.2).rows
    by_prompt: dict[str, set[str]] = {}
    for row in rows:
        by_prompt.setdefault(row.prompt_id, set()).add(row.split)
    assert all(len(splits) == 1 for splits in by_prompt.values())
    assert 0.12 < sum(row.split == "eval" for row in rows) / len(rows) < 0.28
    half = exporters.preferences(many[:150], given[:150], decisions, guideline=GUIDELINE, eval_share=0.2).rows
    assert all(row.split in by_prompt[row.prompt_id] for row in half)


def test_held_out_items_stay_held_out() -> None:
    held = ITEMS[0].model_copy(update={"split": "test"})
    rows = exporters.preferences([held, *ITEMS[1:]], LABELS, DECISIONS, guideline=GUIDELINE).rows
    assert {row.item for row in rows if row.split == "test"} == {"x"}


def test_files_are_stable_and_the_card_says_who_judged(tmp_path: Path) -> None:
    first = exporters.write(export(), tmp_path / "one")
    second = exporters.write(
        exporters.preferences(ITEMS[::-1], LABELS[::-1], DECISIONS, guideline=GUIDELINE, eval_share=0.0),
        tmp_path / "two",
    )
    for name, path in first.items():
        assert path.read_bytes() == second[name].read_bytes()
    assert json.loads(first["train"].read_text().splitlines()[0])["chosen"] == "x first"
    assert "simulated" not in first["card"].read_text()
    fake = [found.model_copy(update={"source": "simulated"}) for found in LABELS]
    made = exporters.preferences(ITEMS, fake, DECISIONS, guideline=GUIDELINE)
    assert "**These labels are simulated, not given by people.**" in exporters.card(made)


def test_an_empty_export_is_an_error_that_counts() -> None:
    with pytest.raises(ExportError, match="2 unresolved"):
        exporters.preferences(ITEMS, [found for found in LABELS if found.item == "u"], DECISIONS, guideline=GUIDELINE)


def test_other_tasks_and_strangers_are_refused() -> None:
    rating = label("x", "a", "A").model_copy(update={"task": "likert"})
    with pytest.raises(ExportError, match="these are likert"):
        exporters.preferences(ITEMS, [rating], DECISIONS, guideline=GUIDELINE)
    with pytest.raises(ExportError, match="1 labelled items are not given, first u"):
        exporters.preferences(ITEMS[:3], LABELS[:10], DECISIONS, guideline=GUIDELINE)
