"""Guideline files to records, and the hash that says which text a label was given under.

A guideline is one Markdown file a version, `guidelines/<name>/<version>.md`:

    ---
    name: instruction-following
    version: v1
    task: pairwise
    criteria: [correctness, clarity]
    scale: [A, B, tie]
    tie_rule: Choose tie when …
    allow_both_bad: false
    author: Who answers for it
    date: 2026-01-31
    parent: null              # v2 names v1
    motivated_by: []          # what the change from the parent rests on
    ---
    Free text for annotators.

    ## Clauses
    ### C1. Title
    Text. Example: …

    ## Edge cases
    ### E1. Title
    The case.
    **Answer:** A
    **Why:** The reason, citing clauses (C1).

What a task type needs beyond that (all optional; `records.Guideline` says what each does):

    ask: [strength, criteria, reason]          # pairwise: what else is asked; `reason` for any task
    anchors: {tone: [rude, plain, kind]}       # what each step of a dimension, or one class or category, means
    multi_label: true                          # classification
    machine_checks: after                      # instruction following: show the verifiers' verdict afterwards
    calibration: {n: 8, min_correct: 6, max_mistakes: 2, attempts: 2}
    gold_feedback: live
    flags: [off topic]
    skip_reasons: [Not my language]

The front matter is plain YAML data. `load` reads what can be read, so that `check` can name everything that is missing
at once.
"""

from __future__ import annotations

import hashlib
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from workbench.errors import GuidelineError, RecordError
from workbench.records import Calibration, Clause, EdgeCase, Guideline

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CHARS = 200_000
# What a field of the front matter may hold, as an error says it.
TEXT, TEXTS, SWITCH = "a text", "a list of texts", "true or false"
NAMED_TEXTS, NAMED_NUMBERS = "lines of `name: text` or `name: [texts]`", "lines of `name: whole number`"
FIELDS: dict[str, str] = {
    "name": TEXT,
    "version": TEXT,
    "task": TEXT,
    "criteria": TEXTS,
    "scale": TEXTS,
    "tie_rule": TEXT,
    "allow_both_bad": SWITCH,
    "anchors": NAMED_TEXTS,
    "ask": TEXTS,
    "multi_label": SWITCH,
    "machine_checks": TEXT,
    "gold_feedback": TEXT,
    "calibration": NAMED_NUMBERS,
    "flags": TEXTS,
    "skip_reasons": TEXTS,
    "author": TEXT,
    "date": TEXT,
    "parent": TEXT,
    "motivated_by": TEXTS,
}
NEEDED = ("name", "version", "task")

_HEADING = re.compile(r"### +([A-Za-z][A-Za-z0-9_-]*)[.:] +(\S.*)")
_ANSWER = re.compile(r"\*\*Answer:\*\*(.*)")
WHY = re.compile(r"\*\*Why:\*\*(.*)", re.DOTALL)
CITED = re.compile(r"\bC[0-9]+\b")


def canonical(text: str) -> str:
    """The text as it is hashed: no byte order mark, LF line ends, no trailing white space, one final newline.

    Markdown's line break by two spaces at the end of a line is lost; a backslash does the same and stays.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def sha256(text: str) -> str:
    """SHA-256 of the canonical text, so an editor that changes line ends or trailing spaces makes no new version."""
    return hashlib.sha256(canonical(text).encode("utf-8")).hexdigest()


def load(path: str | Path) -> Guideline:
    """Read a guideline file.

    Raises
    ------
    GuidelineError
        When the file cannot be read or is no guideline (see `parse`).
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise GuidelineError(f"cannot read the guideline: {reason}", where=str(path)) from None
    return parse(text, where=str(path))


def load_all(folder: str | Path) -> list[Guideline]:
    """All guidelines `<folder>/<name>/<version>.md` and `<folder>/<version>.md`, by name and version number.

    Raises
    ------
    GuidelineError
        When a file is no guideline, or two files hold the same version of the same guideline.
    """
    root = Path(folder)
    if not root.is_dir():
        raise GuidelineError("no such folder", where=str(root), next_step="make it, one sub-folder a guideline")
    found: dict[str, Path] = {}
    guidelines = []
    for path in sorted({*root.glob("v[0-9]*.md"), *root.glob("*/v[0-9]*.md")}):
        guideline = load(path)
        if guideline.ref in found:
            raise GuidelineError(
                f"{guideline.ref} is in two files",
                where=f"{found[guideline.ref]} and {path}",
                next_step="give one of them the next version number",
            )
        found[guideline.ref] = path
        guidelines.append(guideline)
    return sorted(guidelines, key=lambda one: (one.name, version_number(one.version)))


def parse(text: str, *, where: str = "guideline") -> Guideline:
    """Text of a guideline file to a record whose `text` is canonical.

    Fields, clauses and edge cases that are missing are left empty for `check` to name; what is there must be readable.

    Raises
    ------
    GuidelineError
        With the line: no front matter, front matter that is not plain YAML data, an unknown or ill-typed field, no
        name, version or task, or a heading that is not `### C1. Title`.
    """
    whole = canonical(text)
    if len(whole) > MAX_CHARS:
        raise GuidelineError(f"a guideline has at most {MAX_CHARS} characters, this has {len(whole)}", where=where)
    front, body = split_front_matter(whole, where)
    meta = _front_matter(front, where)
    entries = list(_entries(body, front.count("\n") + 3, where))
    empty: dict[str, Any] = {"criteria": (), "scale": (), "tie_rule": "", "author": "", "date": ""}
    clauses = [entry for part, *entry in entries if part == "clause"]
    try:
        return Guideline(
            **(empty | meta),
            clauses=tuple(Clause(id=id_, title=title, text=rule) for id_, title, rule in clauses),
            edge_cases=tuple(_edge_case(*entry) for part, *entry in entries if part == "edge_case"),
            text=whole,
            sha256=sha256(whole),
        )
    except RecordError as error:
        raise GuidelineError(error.what, where=where, next_step="correct the front matter or the id") from None


def version_number(version: str) -> int:
    """The 2 of `v2`."""
    return int(version.removeprefix("v"))


def split_front_matter(whole: str, where: str) -> tuple[str, str]:
    """Canonical text -> front matter and body."""
    if not whole.startswith("---\n") or "\n---\n" not in whole[3:]:
        raise GuidelineError(
            "no front matter",
            where=f"{where}:1",
            next_step="start it with ---, one field a line, and ---",
        )
    front, body = whole[3:].split("\n---\n", 1)
    return front.removeprefix("\n"), body


def _front_matter(front: str, where: str) -> dict[str, Any]:
    try:
        if any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in yaml.scan(front)):
            raise GuidelineError("YAML anchors and aliases are not read", where=where, next_step="write the value out")
        node = yaml.compose(front, Loader=yaml.SafeLoader)
        meta = yaml.safe_load(front)
    except yaml.YAMLError as error:
        mark = getattr(error, "context_mark", None) or getattr(error, "problem_mark", None)
        line = f"{where}:{mark.line + 2}" if mark else where
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise GuidelineError(f"front matter is not plain YAML data: {problem}", where=line) from None
    except (ValueError, RecursionError) as error:  # a date such as 2026-13-45, or thousands of open brackets
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise GuidelineError(f"front matter is not plain YAML data: {reason}", where=where) from None
    if not isinstance(node, yaml.MappingNode) or not isinstance(meta, dict):
        raise GuidelineError("front matter must be lines of `field: value`", where=where)
    unknown = sorted({str(key.value) for key, _ in node.value} - set(FIELDS))
    if unknown:
        raise GuidelineError(f"unknown fields {unknown}; allowed are {list(FIELDS)}", where=where)
    _check_given_once(node, where)
    meta = {name: value.isoformat() if type(value) is date else value for name, value in meta.items()}
    missing = [name for name in NEEDED if not meta.get(name)]
    if missing:
        raise GuidelineError(f"front matter without {missing}", where=where, next_step="add them at the top")
    for name, value in meta.items():
        if name == "anchors" and isinstance(value, dict):
            meta[name] = {key: [words] if isinstance(words, str) else words for key, words in value.items()}
        if value is not None and not _is(meta[name], FIELDS[name]):
            raise GuidelineError(
                f"{name} must be {FIELDS[name]}, got {str(value)[:80]!r}",
                where=where,
                next_step="put quotes around a text",
            )
    if meta.get("calibration") is not None:
        _check_calibration(meta["calibration"], where)
    return {name: value for name, value in meta.items() if value is not None}


def _is(value: object, kind: str) -> bool:
    """Whether a value is of this kind, one of those in `FIELDS`."""
    if kind == TEXTS:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if kind in (NAMED_TEXTS, NAMED_NUMBERS):
        named = isinstance(value, dict) and all(isinstance(name, str) for name in value)
        parts = value.values() if isinstance(value, dict) else ()
        return named and all(_is(one, TEXTS) if kind == NAMED_TEXTS else type(one) is int for one in parts)
    return isinstance(value, str if kind == TEXT else bool)


def _check_given_once(node: yaml.Node, where: str) -> None:
    """Refuse a name that stands twice in one mapping, of which YAML would keep the last in silence."""
    nodes = [(node, "")]
    for one, field in nodes:
        parts = one.value if isinstance(one, yaml.CollectionNode) else []
        if not isinstance(one, yaml.MappingNode):
            nodes += [(part, field) for part in parts]
            continue
        names = [str(key.value) for key, _ in parts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or "<<" in names:
            what = f"given twice: {twice}" if twice else "`<<` is not read"
            line = f"{where}:{one.start_mark.line + 2}" if field else where
            raise GuidelineError(f"{field or 'fields'} {what}", where=line, next_step="keep one of them")
        nodes += [(part, field or name) for name, (_, part) in zip(names, parts, strict=True)]


def _check_calibration(given: dict[str, int], where: str) -> None:
    fields = list(Calibration.model_fields)
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise GuidelineError(f"calibration has no {unknown}; allowed are {fields}", where=where)


def _entries(body: str, first: int, where: str) -> Iterator[tuple[Literal["clause", "edge_case"], str, str, str]]:
    """Part, id, title and text of each `###` entry; `first` is the line number of the line before the body."""
    sections: dict[str, Literal["clause", "edge_case"]] = {"clauses": "clause", "edge cases": "edge_case"}
    part: Literal["clause", "edge_case"] | None = None
    entry: tuple[Literal["clause", "edge_case"], str, str] | None = None
    lines: list[str] = []
    fenced = False
    for number, line in enumerate([*body.split("\n"), "## "], start=first + 1):
        fenced ^= line.startswith("```")
        heading = line.startswith(("# ", "## ", "### ")) and not fenced
        if not heading and line != "## ":
            lines.append(line)
            continue
        if entry:
            yield (*entry, "\n".join(lines).strip())
        entry, lines = None, []
        if not line.startswith("### "):
            part = sections.get(line.strip("# ").casefold())
        elif part:
            match = _HEADING.fullmatch(line)
            if match is None:
                raise GuidelineError(
                    f"cannot read the heading {line[:80]!r}",
                    where=f"{where}:{number}",
                    next_step=f"write it as ### {'C' if part == 'clause' else 'E'}1. Title",
                )
            entry = (part, match[1], match[2])


def _edge_case(id_: str, title: str, text: str) -> EdgeCase:
    """The answer and the first clause that the reason cites become fields; the reason stays in the text."""
    answer, why = _ANSWER.search(text), WHY.search(text)
    cited = CITED.findall(why[1]) if why else []
    case = text.replace(answer[0], "", 1) if answer else text
    return EdgeCase(
        id=id_,
        title=title,
        text=re.sub(r"\n{3,}", "\n\n", case).strip(),
        answer=answer[1].strip() if answer else "",
        clause=cited[0] if cited else "",
    )
