"""From one version to the next: freeze what has labels, compare two versions, draft the one that follows.

A version that has labels is frozen: `freeze` refuses it under any other text.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal

import yaml

from workbench.errors import GuidelineError
from workbench.guidelines.reading import FIELDS, canonical, sha256, split_front_matter, version_number
from workbench.records import EdgeCase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workbench.records import Clause, Guideline


_ALWAYS = ("scale", "criteria", "tie_rule", "allow_both_bad", "author", "date")


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
        version, following = guideline.version, f"v{version_number(guideline.version) + 1}"
        raise GuidelineError(
            f"{version} is frozen: it has labels under text {known[:12]}, the file now holds {guideline.sha256[:12]}",
            where=guideline.ref,
            next_step=f"put the old text back and write {following} with parent {version} (guidelines.draft makes it)",
        )
    return guideline


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
        "version": f"v{version_number(guideline.version) + 1}",
        "author": author or guideline.author,
        "date": (on or datetime.now(UTC).date()).isoformat(),
        "parent": guideline.version,
        "motivated_by": [*motivated_by],
    }
    # What was left out stays out, so the draft differs from its parent where the author changes it.
    given = guideline.model_dump(mode="json", include=set(FIELDS), exclude_unset=True)
    meta = guideline.model_dump(mode="json", include=set(_ALWAYS)) | given | changed
    front = yaml.dump(
        {name: meta[name] for name in FIELDS if name in meta},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=None,
    )
    return canonical(f"---\n{front}---\n{split_front_matter(guideline.text, guideline.ref)[1]}")


class _Dumper(yaml.SafeDumper):
    """Quotes texts that begin or end with a space of any kind: at the end of a line `canonical` drops it."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text == text.strip() else '"')


_Dumper.add_representer(str, _represent_text)


def _metadata(guideline: Guideline) -> dict[str, str]:
    values = guideline.model_dump(mode="json", include=set(FIELDS))
    body = split_front_matter(guideline.text, guideline.ref)[1]
    texts = {name: _in_words(value) for name, value in values.items()}
    return {name: texts[name] for name in FIELDS} | {"introduction": f"\n{body}".split("\n## ")[0].strip()}


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_in_words(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value is None else str(value)


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
            yield ClauseChange(part, id_, change, before, after, word_diff(before, after))


def word_diff(old: str, new: str) -> str:
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
