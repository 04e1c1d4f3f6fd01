"""Guideline files: read, check, hash, freeze, compare, and draft the next version.

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

The front matter is plain YAML data. `load` reads what can be read, so that `check` can name everything that is missing
at once. A version that has labels is frozen: `freeze` refuses it under any other text.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from workbench.errors import GuidelineError, RecordError
from workbench.records import Clause, EdgeCase, Guideline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_CHARS = 200_000
FIELDS: dict[str, type] = {
    "name": str,
    "version": str,
    "task": str,
    "criteria": list,
    "scale": list,
    "tie_rule": str,
    "allow_both_bad": bool,
    "author": str,
    "date": str,
    "parent": str,
    "motivated_by": list,
}
NEEDED = ("name", "version", "task")
CHOICES = ("A", "B", "tie", "both_bad")
# Words on which two readers differ until the guideline says what they mean ("better" means …).
VAGUE = (
    *("good", "better", "best", "bad", "worse", "worst", "helpful", "quality", "appropriate", "natural", "nice"),
    *("reasonable", "engaging", "useful", "suitable", "high-quality", "sensible"),
)

_HEADING = re.compile(r"### +([A-Za-z][A-Za-z0-9_-]*)[.:] +(\S.*)")
_ANSWER = re.compile(r"\*\*Answer:\*\*(.*)")
_WHY = re.compile(r"\*\*Why:\*\*(.*)", re.DOTALL)
_CITED = re.compile(r"\bC[0-9]+\b")
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


@dataclass(frozen=True)
class ClauseChange:
    """One difference between two versions.

    Attributes
    ----------
    part
        `clause`, `edge_case`, or `metadata` (a front-matter field, the introduction or the layout).
    id
        Id of the clause or edge case, or name of the field.
    old, new
        The full texts; empty where added or removed.
    text
        Both in one text: `[-removed-]` and `{+added+}` words.
    """

    part: Literal["clause", "edge_case", "metadata"]
    id: str
    change: Literal["added", "removed", "changed"]
    old: str
    new: str
    text: str


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
    return sorted(guidelines, key=lambda one: (one.name, _number(one.version)))


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
    front, body = _split(whole, where)
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


def freeze(guideline: Guideline, frozen: Mapping[str, str]) -> Guideline:
    """Return the guideline if labels may be given under it.

    Parameters
    ----------
    frozen
        `name/version` of every version that has labels -> SHA-256 of the text they were given under.

    Raises
    ------
    GuidelineError
        When this version has labels under another text, or the record's hash is not that of its text.
    """
    if guideline.sha256 != sha256(guideline.text):
        raise GuidelineError("the hash is not that of the text", where=guideline.ref, next_step="load the file again")
    known = frozen.get(guideline.ref, guideline.sha256)
    if known != guideline.sha256:
        version, following = guideline.version, f"v{_number(guideline.version) + 1}"
        raise GuidelineError(
            f"{version} is frozen: it has labels under text {known[:12]}, the file now holds {guideline.sha256[:12]}",
            where=guideline.ref,
            next_step=f"put the old text back and write {following} with parent {version} (guidelines.draft makes it)",
        )
    return guideline


def check(guideline: Guideline, *, path: str | Path | None = None) -> list[Finding]:
    """Everything that would make two annotators read the guideline differently, errors first.

    With `path` the file's name is compared with the version, and its folder with the name.
    """
    found = [*_check_metadata(guideline), *_check_clauses(guideline), *_check_edge_cases(guideline), *_vague(guideline)]
    if path is not None:
        named = Path(path)
        if named.stem != guideline.version:
            message = f"the file {named.name} holds version {guideline.version}"
            found.append(Finding("error", "version", message, f"name the file {guideline.version}.md"))
        if named.absolute().parent.name != guideline.name:
            message = f"{guideline.name} stands in the folder {named.absolute().parent.name}"
            found.append(Finding("warning", "name", message, f"move it to {guideline.name}/"))
    return sorted(found, key=lambda finding: finding.severity)


def diff(old: Guideline, new: Guideline) -> list[ClauseChange]:
    """What changed, field by field, clause by clause and edge case by edge case; empty only for the same text."""
    changes = [
        *_changes("metadata", _metadata(old), _metadata(new)),
        *_changes("clause", _texts(old.clauses), _texts(new.clauses)),
        *_changes("edge_case", _texts(old.edge_cases), _texts(new.edge_cases)),
    ]
    if not changes and old.sha256 != new.sha256:
        text = "order, layout or text outside the clauses and edge cases"
        changes.append(ClauseChange("metadata", "layout", "changed", old.text, new.text, text))
    return changes


def draft(guideline: Guideline, *, motivated_by: Iterable[str] = (), author: str = "", on: date | None = None) -> str:
    """Text of the next version's file: version + 1, this one as parent, body unchanged for the author to edit.

    Parameters
    ----------
    motivated_by
        What the change rests on: ids of adjudications or items, or causes in words.
    on
        The new version's date, today (UTC) unless given.
    """
    changed = {
        "version": f"v{_number(guideline.version) + 1}",
        "author": author or guideline.author,
        "date": (on or datetime.now(UTC).date()).isoformat(),
        "parent": guideline.version,
        "motivated_by": [*motivated_by],
    }
    meta = guideline.model_dump(mode="json", include=set(FIELDS)) | changed
    front = yaml.safe_dump(
        {name: meta[name] for name in FIELDS}, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )
    return canonical(f"---\n{front}---\n{_split(guideline.text, guideline.ref)[1]}")


def _number(version: str) -> int:
    return int(version.removeprefix("v"))


def _split(whole: str, where: str) -> tuple[str, str]:
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
    keys = [str(key.value) for key, _ in node.value]
    wrong = sorted(set(keys) - set(FIELDS)) or sorted({key for key in keys if keys.count(key) > 1})
    if wrong:
        what = "unknown fields" if set(wrong) - set(FIELDS) else "fields given twice:"
        raise GuidelineError(f"{what} {wrong}; allowed are {list(FIELDS)}", where=where)
    meta = {name: value.isoformat() if type(value) is date else value for name, value in meta.items()}
    missing = [name for name in NEEDED if not meta.get(name)]
    if missing:
        raise GuidelineError(f"front matter without {missing}", where=where, next_step="add them at the top")
    for name, value in meta.items():
        texts = not isinstance(value, list) or all(isinstance(one, str) for one in value)
        if value is not None and not (isinstance(value, FIELDS[name]) and texts):
            wanted = {list: "a list of texts", bool: "true or false", str: "a text"}[FIELDS[name]]
            raise GuidelineError(
                f"{name} must be {wanted}, got {str(value)[:80]!r}", where=where, next_step="put quotes around a text"
            )
    return {name: value for name, value in meta.items() if value is not None}


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
    answer, why = _ANSWER.search(text), _WHY.search(text)
    cited = _CITED.findall(why[1]) if why else []
    case = text.replace(answer[0], "", 1) if answer else text
    return EdgeCase(
        id=id_,
        title=title,
        text=re.sub(r"\n{3,}", "\n\n", case).strip(),
        answer=answer[1].strip() if answer else "",
        clause=cited[0] if cited else "",
    )


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
    for name in ("criteria", "scale"):
        values = getattr(guideline, name)
        if len(set(values)) != len(values):
            yield Finding("error", name, f"the same value twice in {list(values)}", "remove one")
    try:
        date.fromisoformat(guideline.date)
        iso = re.fullmatch(r"\d{4}-\d{2}-\d{2}", guideline.date) is not None
    except ValueError:
        iso = False
    if not iso:
        yield Finding("error", "date", f"{guideline.date!r} is no date", "write it as year-month-day: 2026-01-31")
    if not guideline.author.strip():
        yield Finding("warning", "author", "no author", "name who answers questions about it")
    number, parent = _number(guideline.version), guideline.parent
    if parent is not None:
        named = re.fullmatch(rf"(?:{re.escape(guideline.name)}/)?v([1-9][0-9]*)", parent)
        if named is None or int(named[1]) >= number:
            yield Finding("error", "parent", f"{parent!r} is no earlier version", "name the version this one replaces")
    elif number > 1:
        yield Finding("warning", "parent", f"{guideline.version} names no parent", f"write parent: v{number - 1}")
    if number > 1 and not guideline.motivated_by:
        message = "nothing says why this version was written"
        yield Finding("warning", "motivated_by", message, "name the disagreements or adjudications behind it")


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
        why = _WHY.search(case.text)
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
    for cited in sorted(set(_CITED.findall(text)) - known):
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


def _metadata(guideline: Guideline) -> dict[str, str]:
    values = guideline.model_dump(mode="json", include=set(FIELDS))
    body = _split(guideline.text, guideline.ref)[1]
    texts = {name: "; ".join(value) if isinstance(value, list) else str(value or "") for name, value in values.items()}
    texts["allow_both_bad"] = str(guideline.allow_both_bad).lower()
    return {name: texts[name] for name in FIELDS} | {"introduction": f"\n{body}".split("\n## ")[0].strip()}


def _texts(entries: Iterable[Clause | EdgeCase]) -> dict[str, str]:
    return {
        one.id: f"{one.title}\n\n{one.text}" + (f"\n\nAnswer: {one.answer}" if isinstance(one, EdgeCase) else "")
        for one in entries
    }


def _changes(
    part: Literal["clause", "edge_case", "metadata"], old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[ClauseChange]:
    for id_ in [*new, *(gone for gone in old if gone not in new)]:
        before, after = old.get(id_, ""), new.get(id_, "")
        if before != after:
            change: Literal["added", "removed", "changed"] = (
                "changed" if before and after else "added" if after else "removed"
            )
            yield ClauseChange(part, id_, change, before, after, _word_diff(before, after))


def _word_diff(old: str, new: str) -> str:
    """Both texts in one, white space kept: `[-removed-]`, `{+added+}`."""
    before, after = (re.findall(r"\s+|\S+", text) for text in (old, new))
    parts = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append("".join(before[i1:i2]))
            continue
        if i2 > i1:
            parts.append(f"[-{''.join(before[i1:i2])}-]")
        if j2 > j1:
            parts.append(f"{{+{''.join(after[j1:j2])}+}}")
    return "".join(parts)
