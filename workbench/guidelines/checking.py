"""What would make two annotators read a guideline differently, each with its place and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from workbench.guidelines.reading import CITED, WHY, version_number
from workbench.tasks.answers import LONGEST_NAME, MOST_STEPS, Choice, Verdict
from workbench.tasks.forms import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.records import Guideline

CHOICES: tuple[str, ...] = get_args(Choice)
# Words on which two readers differ until the guideline says what they mean ("better" means …).
VAGUE = (
    *("good", "better", "best", "bad", "worse", "worst", "helpful", "quality", "appropriate", "natural", "nice"),
    *("reasonable", "engaging", "useful", "suitable", "high-quality", "sensible"),
)
_EXAMPLE = re.compile(r"\b(?:examples?|for instance)\b|\be\.g\.", re.IGNORECASE)
_QUOTED = re.compile('"[^"\n]*"|\u201c[^\u201d\n]*\u201d|`[^`\n]*`|^ *>.*$', re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """A weakness of a guideline: where it is (a clause, an edge case, a field), what it is and what to do."""

    severity: Literal["error", "warning"]
    where: str
    message: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.message} [{self.where}] -> {self.next_step}"


def check(guideline: Guideline, *, path: str | Path | None = None) -> list[Finding]:
    """Everything that would make two annotators read the guideline differently, errors first.

    With `path` the file's name is compared with the version, and its folder with the name.
    """
    found = [
        *_check_metadata(guideline),
        *_check_asked(guideline),
        *_check_clauses(guideline),
        *_check_edge_cases(guideline),
        *_vague(guideline),
    ]
    if path is not None:
        named = Path(path)
        if named.stem != guideline.version:
            message = f"the file {named.name} holds version {guideline.version}"
            found.append(Finding("error", "version", message, f"name the file {guideline.version}.md"))
        if named.absolute().parent.name != guideline.name:
            message = f"{guideline.name} stands in the folder {named.absolute().parent.name}"
            found.append(Finding("warning", "name", message, f"move it to {guideline.name}/"))
    return sorted(found, key=lambda finding: finding.severity)


def _check_metadata(guideline: Guideline) -> Iterator[Finding]:
    if not guideline.criteria:
        yield Finding("error", "criteria", "no criteria", "list what is compared, the most important first")
    if not guideline.scale:
        yield Finding("error", "scale", "no scale", "list the answers an annotator can give")
    if guideline.task in ("pairwise", "ranking") and not guideline.tie_rule.strip():
        yield Finding("error", "tie_rule", "no tie rule", "say when to choose a tie, and when not")
    if guideline.task == "pairwise":
        unknown = [point for point in guideline.scale if point not in CHOICES]
        if unknown:
            yield Finding("error", "scale", f"{unknown} are no pairwise answers", f"use {list(CHOICES)}")
        if guideline.scale and ("both_bad" in guideline.scale) != guideline.allow_both_bad:
            allowed = str(guideline.allow_both_bad).lower()
            message = f"allow_both_bad is {allowed}, but the scale is {list(guideline.scale)}"
            yield Finding("error", "scale", message, "make them agree")
    for name in ("criteria", "scale", "ask", "flags", "skip_reasons"):
        values = getattr(guideline, name)
        if len(set(values)) != len(values):
            yield Finding("error", name, f"the same value twice in {list(values)}", "remove one")
        for value in values:
            if not value.strip() or len(value) > LONGEST_NAME:
                message = f"{value[:40]!r} is empty or longer than {LONGEST_NAME} characters"
                yield Finding("error", name, message, "name it shortly, and explain it in a clause")
    try:
        date.fromisoformat(guideline.date)
        iso = re.fullmatch(r"\d{4}-\d{2}-\d{2}", guideline.date) is not None
    except ValueError:
        iso = False
    if not iso:
        yield Finding("error", "date", f"{guideline.date!r} is no date", "write it as year-month-day: 2026-01-31")
    if not guideline.author.strip():
        yield Finding("warning", "author", "no author", "name who answers questions about it")
    number, parent = version_number(guideline.version), guideline.parent
    if parent is not None:
        named = re.fullmatch(rf"(?:{re.escape(guideline.name)}/)?v([1-9][0-9]*)", parent)
        if named is None or int(named[1]) >= number:
            yield Finding("error", "parent", f"{parent!r} is no earlier version", "name the version this one replaces")
    elif number > 1:
        yield Finding("warning", "parent", f"{guideline.version} names no parent", f"write parent: v{number - 1}")
    if number > 1 and not guideline.motivated_by:
        message = "nothing says why this version was written"
        yield Finding("warning", "motivated_by", message, "name the disagreements or adjudications behind it")


_NEEDS_TWO = {
    "likert": ("steps", "list the steps from the lowest, or anchors for each criterion"),
    "classification": ("classes", "list the classes"),
    "red_team": ("attack categories", "list what an attack can be"),
}


def _check_asked(guideline: Guideline) -> Iterator[Finding]:
    """What is asked must fit the task: steps, classes, anchors, practice."""
    what, advice = _NEEDS_TWO.get(guideline.task, ("", ""))
    lists = {name: guideline.anchors.get(name) or guideline.scale for name in guideline.criteria}
    if guideline.task != "likert":
        lists = {"scale": guideline.scale} if what else {}
    for name, words in lists.items():
        if len(words) < 2:
            yield Finding("error", name, f"fewer than two {what}", advice)
        if guideline.task == "likert" and len(words) > MOST_STEPS:
            yield Finding("error", name, f"{len(words)} steps", f"at most {MOST_STEPS} can be told apart")
    known = {
        "likert": guideline.criteria,
        "classification": guideline.scale,
        "red_team": (*guideline.scale, "severity"),
        "factual_accuracy": get_args(Verdict),
        "pairwise": guideline.criteria,
    }.get(guideline.task, ())
    for name in sorted(set(guideline.anchors) - set(known)):
        advice = f"use one of {list(known)}" if known else f"{guideline.task} guidelines have none"
        yield Finding("error", "anchors", f"anchors for {name!r}, which is not asked", advice)
    # A dimension has as many as it has steps.
    for name in sorted(set(guideline.anchors) & set(known) if guideline.task != "likert" else ()):
        n, shown = len(guideline.anchors[name]), 1
        if (guideline.task, name) == ("red_team", "severity"):
            shown = len(SEVERITIES)
        if n != shown:
            yield Finding("error", "anchors", f"{n} anchors for {name!r}", f"write {shown}, so many are shown")
    for extra in guideline.ask:
        if extra != "reason" and guideline.task != "pairwise":
            yield Finding("error", "ask", f"{extra} is not asked of {guideline.task} items", "remove it")
    if guideline.multi_label and guideline.task != "classification":
        yield Finding("error", "multi_label", f"a {guideline.task} item has no classes", "remove it")
    if guideline.machine_checks == "after" and guideline.task != "instruction_following":
        yield Finding("warning", "machine_checks", f"{guideline.task} items have no checklist", "remove it")
    if guideline.gold_feedback == "live":
        message = "gold is revealed during live work, so it measures what annotators remember"
        yield Finding("warning", "gold_feedback", message, "keep it to the calibration: never")
    rule = guideline.calibration
    if rule is not None and rule.n - rule.max_mistakes > rule.min_correct:
        message = f"{rule.n} items with at most {rule.max_mistakes} mistakes mean {rule.n - rule.max_mistakes} right"
        yield Finding("warning", "calibration", f"{message}, and min_correct is {rule.min_correct}", "make them agree")


def _check_clauses(guideline: Guideline) -> Iterator[Finding]:
    if not guideline.clauses:
        yield Finding("error", "clauses", "no clauses", "write ## Clauses with ### C1. Title and a rule below it")
    yield from _twice("clause", [clause.id for clause in guideline.clauses])
    known = {clause.id for clause in guideline.clauses}
    for clause in guideline.clauses:
        if not clause.text:
            yield Finding("error", clause.id, "a clause without a rule", "write the rule below its title")
        elif not _EXAMPLE.search(clause.text):
            yield Finding("warning", clause.id, "a clause without an example", "add a line that starts with Example:")
        yield from _unknown(clause.id, clause.text, known)


def _check_edge_cases(guideline: Guideline) -> Iterator[Finding]:
    n = len(guideline.edge_cases)
    if n < 3:
        message = "only 1 edge case" if n == 1 else f"only {n} edge cases"
        yield Finding("error", "edge cases", message, "explain 3 to 5 cases on which readers would differ")
    if n > 5:
        yield Finding("warning", "edge cases", f"{n} edge cases", "keep the 3 to 5 that are hardest, nobody reads more")
    yield from _twice("edge case", [case.id for case in guideline.edge_cases])
    known = {clause.id for clause in guideline.clauses}
    for case in guideline.edge_cases:
        why = WHY.search(case.text)
        if not case.answer:
            yield Finding("error", case.id, "an edge case without an answer", "add a line **Answer:** A")
        elif guideline.task == "pairwise" and guideline.scale and case.answer not in guideline.scale:
            message = f"the answer {case.answer!r} is not on the scale {list(guideline.scale)}"
            yield Finding("error", case.id, message, "use one of the scale")
        if why is None or len(why[1].split()) < 3:
            yield Finding("error", case.id, "an answer that is not explained", "add a line **Why:** … (C1)")
        elif not case.clause:
            yield Finding("error", case.id, "an explanation that cites no clause", "add the clause's id, such as (C1)")
        yield from _unknown(case.id, case.text, known)


def _twice(what: str, ids: list[str]) -> Iterator[Finding]:
    for id_ in sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        yield Finding("error", id_, f"two {what}s have the id {id_}", "give each its own, and no old one's")


def _unknown(where: str, text: str, known: set[str]) -> Iterator[Finding]:
    for cited in sorted(set(CITED.findall(text)) - known):
        yield Finding("error", where, f"cites {cited}, which is no clause", f"cite one of {sorted(known)}")


def _vague(guideline: Guideline) -> Iterator[Finding]:
    parts = {clause.id: clause.text for clause in guideline.clauses}
    parts |= {case.id: case.text for case in guideline.edge_cases}
    parts |= {"tie_rule": guideline.tie_rule, "criteria": ", ".join(guideline.criteria)}
    for where, text in parts.items():
        own_words = _QUOTED.sub(" ", text).casefold()
        for word in VAGUE:
            if re.search(rf"\b{word}\b", own_words) and not _defined(word, guideline.text):
                message = f'"{word}" means something else to every reader'
                advice = f'say what can be seen or counted instead, or define it once: "{word}" means …'
                yield Finding("warning", where, message, advice)


def _defined(word: str, text: str) -> bool:
    return re.search(rf"\b{word}\b[\"*\u201d]* means\b", text, re.IGNORECASE) is not None
