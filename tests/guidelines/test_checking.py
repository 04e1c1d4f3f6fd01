"""What makes two annotators read a guideline differently is named, each with its place and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.guidelines.make import TEXT, changed, found, with_fields
from workbench.guidelines import check, load, parse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("old", "new", "severity", "where", "message"),
    [
        ("tie_rule: Choose tie when neither is ahead.\n", "", "error", "tie_rule", "no tie rule"),
        ("[correctness, clarity]", "[]", "error", "criteria", "no criteria"),
        ("[correctness, clarity]", "[clarity, clarity]", "error", "criteria", "the same value twice"),
        ("scale: [A, B, tie]\n", "", "error", "scale", "no scale"),
        ("[A, B, tie]", "[A, B, tie, left]", "error", "scale", "['left'] are no pairwise answers"),
        ("[A, B, tie]", "[A, B, tie, both_bad]", "error", "scale", "allow_both_bad is false"),
        ("allow_both_bad: false", "allow_both_bad: true", "error", "scale", "allow_both_bad is true"),
        ("date: 2026-01-31", "date: 31 January", "error", "date", "'31 January' is no date"),
        ("date: 2026-01-31", "date: '20260131'", "error", "date", "'20260131' is no date"),
        ("author: A team\n", "", "warning", "author", "no author"),
        ("version: v1", "version: v2", "warning", "parent", "v2 names no parent"),
        ("version: v1", "version: v2", "warning", "motivated_by", "nothing says why"),
        ("parent: null", "parent: v1", "error", "parent", "'v1' is no earlier version"),
        ("parent: null", "parent: other/v1", "error", "parent", "'other/v1' is no earlier version"),
        ("### C2. Then", "### C1. Then", "error", "C1", "two clauses have the id C1"),
        ("### E2. Short", "### E1. Short", "error", "E1", "two edge cases have the id E1"),
        ('Example: "Go left"', '"Go left"', "warning", "C2", "a clause without an example"),
        ("Read both answers.", "## Clauses\n### C7. Empty\n", "error", "C7", "a clause without a rule"),
        ("**Answer:** tie\n", "", "error", "E1", "an edge case without an answer"),
        ("**Answer:** tie", "**Answer:** neither", "error", "E1", "the answer 'neither' is not on the scale"),
        ("**Why:** Only B is true (C1).", "", "error", "E2", "an answer that is not explained"),
        ("**Why:** Only B is true (C1).", "**Why:** Sure.", "error", "E2", "an answer that is not explained"),
        ("**Why:** Only B is true (C1).", "**Why:** Only B is true.", "error", "E2", "cites no clause"),
        ("Only B is true (C1)", "Only B is true (C5)", "error", "E2", "cites C5, which is no clause"),
        ("Fewer false", "As in C8, fewer false", "error", "C1", "cites C8, which is no clause"),
        ("### E2. Short and wrong", "### E1b. Short\n### E2. Short", "error", "E1b", "an edge case without an answer"),
        ("Fewer false statements win", "The better answer wins", "warning", "C1", '"better" means something else'),
        ("[correctness, clarity]", "[helpful]", "warning", "criteria", '"helpful" means something else'),
        ("when neither is ahead", "when both are good", "warning", "tie_rule", '"good" means something else'),
    ],
)
def test_check_names_the_weakness_and_its_place(old: str, new: str, severity: str, where: str, message: str) -> None:
    hits = [one for one in check(changed(old, new)) if one.where == where and message in one.message]
    assert [one.severity for one in hits] == [severity]
    assert hits[0].next_step
    assert str(hits[0]).startswith(f"{severity}: ")


def test_edge_cases_are_three_to_five() -> None:
    start = TEXT.index("### E2.")
    assert ("edge cases", "only 1 edge case") in found(parse(TEXT[:start]), "error")
    more = "".join(f"\n### E{n}. More\nA case.\n**Answer:** A\n**Why:** A is true (C1).\n" for n in range(4, 7))
    assert found(parse(TEXT + more), "error") == []
    assert found(parse(TEXT + more), "warning") == [("edge cases", "6 edge cases")]


def test_a_defined_or_quoted_word_is_not_vague() -> None:
    vague = changed("Fewer false statements win", "The better one wins")
    assert found(vague, "warning")
    defined = vague.text.replace("Read both answers.", '"Better" means: with fewer false statements.')
    assert found(parse(defined)) == []
    assert found(changed('"Go left" wins', '"The good, better one" wins')) == []


def test_a_task_without_ties_needs_no_tie_rule() -> None:
    text = TEXT.replace("task: pairwise", "task: likert").replace("tie_rule: Choose tie when neither is ahead.\n", "")
    assert ("tie_rule", "no tie rule") not in found(parse(text))


def test_errors_come_before_warnings() -> None:
    severities = [one.severity for one in check(parse("---\nname: x\nversion: v2\ntask: pairwise\n---\n"))]
    assert severities == sorted(severities)
    assert {"error", "warning"} == set(severities)


def test_the_file_is_named_as_its_version(tmp_path: Path) -> None:
    path = tmp_path / "other" / "v2.md"
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    messages = [(one.severity, one.message) for one in check(load(path), path=path)]
    assert messages == [
        ("error", "the file v2.md holds version v1"),
        ("warning", "tiny stands in the folder other"),
    ]


LIKERT = ("anchors: {correctness: [wrong, right], clarity: [muddled, clear]}",)


@pytest.mark.parametrize(
    ("task", "lines", "severity", "where", "message"),
    [
        ("pairwise", ["ask: [reason, reason]"], "error", "ask", "the same value twice in ['reason', 'reason']"),
        ("pairwise", ["flags: [a, a]"], "error", "flags", "the same value twice"),
        ("pairwise", ["flags: ['']"], "error", "flags", "'' is empty or longer than 200 characters"),
        ("pairwise", [f"skip_reasons: [{'x' * 201}]"], "error", "skip_reasons", "is empty or longer than 200"),
        ("pairwise", ["anchors: {speed: fast}"], "error", "anchors", "anchors for 'speed', which is not asked"),
        ("pairwise", ["anchors: {clarity: [a, b]}"], "error", "anchors", "2 anchors for 'clarity'"),
        ("pairwise", ["multi_label: true"], "error", "multi_label", "a pairwise item has no classes"),
        ("pairwise", ["machine_checks: after"], "warning", "machine_checks", "pairwise items have no checklist"),
        ("pairwise", ["gold_feedback: live"], "warning", "gold_feedback", "gold is revealed during live work"),
        (
            "pairwise",
            ["calibration: {n: 8, min_correct: 5, max_mistakes: 2}"],
            "warning",
            "calibration",
            "8 items with at most 2 mistakes mean 6 right, and min_correct is 5",
        ),
        ("ranking", ["anchors: {clarity: read once}"], "error", "anchors", "anchors for 'clarity', which is not asked"),
        ("ranking", ["ask: [strength]"], "error", "ask", "strength is not asked of ranking items"),
        ("likert", ["anchors: {clarity: [clear]}"], "error", "clarity", "fewer than two steps"),
        ("likert", [f"anchors: {{clarity: [{', '.join('abcdefghijk')}]}}"], "error", "clarity", "11 steps"),
        ("likert", ["anchors: {tone: [rude, kind]}"], "error", "anchors", "anchors for 'tone', which is not asked"),
        ("likert", [*LIKERT, "ask: [criteria]"], "error", "ask", "criteria is not asked of likert items"),
        ("classification", ["anchors: {A: [x, y]}"], "error", "anchors", "2 anchors for 'A'"),
        ("classification", ["anchors: {clarity: x}"], "error", "anchors", "anchors for 'clarity', which is not asked"),
        ("red_team", ["anchors: {severity: [none, some]}"], "error", "anchors", "2 anchors for 'severity'"),
        ("red_team", ["multi_label: true"], "error", "multi_label", "a red_team item has no classes"),
        ("instruction_following", ["anchors: {A: x}"], "error", "anchors", "anchors for 'A', which is not asked"),
        ("factual_accuracy", ["anchors: {supported: [x, y]}"], "error", "anchors", "2 anchors for 'supported'"),
        (
            "factual_accuracy",
            ["anchors: {true: x}".replace("true", "'true'")],
            "error",
            "anchors",
            "anchors for 'true'",
        ),
    ],
)
def test_what_is_asked_must_fit_the_task(task: str, lines: list[str], severity: str, where: str, message: str) -> None:
    hits = [one for one in check(parse(with_fields(*lines, task=task))) if one.where == where]
    assert [one.severity for one in hits if message in one.message] == [severity], hits
    assert all(one.next_step for one in hits)


@pytest.mark.parametrize(
    ("task", "lines"),
    [
        ("pairwise", ["ask: [strength, criteria, reason]", "anchors: {clarity: read once}"]),
        ("pairwise", ["calibration: {n: 8, min_correct: 6, max_mistakes: 2}", "flags: [a]", "skip_reasons: []"]),
        ("ranking", ["ask: [reason]"]),
        ("likert", [*LIKERT]),
        ("classification", ["multi_label: true", "anchors: {A: x, tie: y}"]),
        ("red_team", ["anchors: {severity: [a, b, c, d, e], A: x}"]),
        ("instruction_following", ["machine_checks: after"]),
        ("factual_accuracy", ["anchors: {supported: x, source_unavailable: y}"]),
    ],
)
def test_what_fits_has_no_finding(task: str, lines: list[str]) -> None:
    assert found(parse(with_fields(*lines, task=task))) == []


@pytest.mark.parametrize(
    ("task", "message"),
    [("likert", "fewer than two steps"), ("classification", "fewer than two classes"), ("red_team", "attack categor")],
)
def test_fewer_than_two_of_what_is_chosen_among(task: str, message: str) -> None:
    text = with_fields(task=task).replace("[A, B, tie]", "[A]")
    assert any(message in said for _, said in found(parse(text), "error"))
