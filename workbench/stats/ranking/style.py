"""What a response looks like apart from what it says: length and Markdown, as numbers to control for."""

from __future__ import annotations

import math
import re

STYLE = ("words", "log_words", "headers", "bold", "lists", "code_blocks", "markdown")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_HEADER = re.compile(r"^ {0,3}#{1,6}(?=\s)", re.MULTILINE)
_BOLD = re.compile(r"\*\*(?=\S)(?:[^*\n]|\*(?!\*))+?\*\*|(?<!\w)__(?=\S)[^\n]+?__(?!\w)")
_LIST = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+\S", re.MULTILINE)


def style_of(text: str) -> dict[str, float]:
    """Words, Markdown headers, bold spans, list entries and fenced code blocks of a text.

    Marks inside of fenced code are code and not counted; its words are. `log_words` is log(1 + words), so a difference
    of it is a log length ratio; `markdown` is headers + bold + lists. Blocks indented as code are not told apart.

    >>> style_of("# Plan\\n- **first**\\n- second")["markdown"]
    4.0
    """
    prose = _FENCE.sub("\n", text)
    n_words = len(text.split())
    headers, bold, lists = (len(mark.findall(prose)) for mark in (_HEADER, _BOLD, _LIST))
    return {
        "words": float(n_words),
        "log_words": math.log1p(n_words),
        "headers": float(headers),
        "bold": float(bold),
        "lists": float(lists),
        "code_blocks": float(len(_FENCE.findall(text))),
        "markdown": float(headers + bold + lists),
    }
