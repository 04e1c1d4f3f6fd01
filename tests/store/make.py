"""Records to store, each valid as it is made."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from workbench.records import Adjudication, Assignment, Guideline, Label, Quarantined

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NASTY = "nul \0, emoji 🧑‍🔬, rtl \u202e, line \u2028 end, quote ' \" ; DROP TABLE events; -- %s ? :x \\u0000"


def guideline(text: str = "Prefer the response that follows the instruction.", version: str = "v1") -> Guideline:
    return Guideline(
        name="helpful",
        version=version,
        task="pairwise",
        criteria=(),
        scale=("A", "tie", "B"),
        tie_rule="when equal",
        author="the team",
        date="2026-01-01",
        clauses=(),
        edge_cases=(),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def label(name: str, **changes: Any) -> Label:
    fields: dict[str, Any] = {
        "label_id": name,
        "pilot": "p",
        "batch": "b1",
        "item": "i1",
        "prompt_id": "q1",
        "task": "pairwise",
        "annotator": "ana",
        "source": "human",
        "answer": {"choice": "A"},
        "responses": ("r1", "r2"),
        "order": ("r2", "r1"),
        "guideline": "helpful/v1",
        "guideline_sha256": guideline().sha256,
    }
    return Label(**{**fields, **changes})


def adjudication(name: str, **changes: Any) -> Adjudication:
    fields: dict[str, Any] = {
        "adjudication_id": name,
        "pilot": "p",
        "item": "i1",
        "answer": {"choice": "tie"},
        "cause": "edge_case",
        "annotator": "lead",
        "source": "human",
        "guideline": "helpful/v1",
        "guideline_sha256": guideline().sha256,
    }
    return Adjudication(**{**fields, **changes})


def assignment(name: str, **changes: Any) -> Assignment:
    fields: dict[str, Any] = {"pilot": "p", "batch": "b1", "item": "i1", "annotator": "ana", "order": ("r1", "r2")}
    return Assignment(**{**fields, "id": name, "position": 0, **changes})


def quarantined(raw: str, pilot: str = "p", line: int = 7) -> Quarantined:
    sha = hashlib.sha256(raw.encode()).hexdigest()
    return Quarantined(sha256=sha, pilot=pilot, raw=raw, error="no label", origin="f.csv", line=line, parser="t/1")
