"""Guideline files: read, check, hash, freeze, compare, and draft the next version.

- `reading`: a Markdown file, laid out as described there, to a record with a hash;
- `checking`: what would make two annotators read it differently;
- `changing`: freeze what has labels, compare versions, draft the next.
"""

from workbench.guidelines.changing import ClauseChange, diff, draft, freeze
from workbench.guidelines.checking import CHOICES, VAGUE, Finding, check
from workbench.guidelines.reading import FIELDS, MAX_CHARS, NEEDED, canonical, load, load_all, parse, sha256

__all__ = [
    "CHOICES",
    "FIELDS",
    "MAX_CHARS",
    "NEEDED",
    "VAGUE",
    "ClauseChange",
    "Finding",
    "canonical",
    "check",
    "diff",
    "draft",
    "freeze",
    "load",
    "load_all",
    "parse",
    "sha256",
]
