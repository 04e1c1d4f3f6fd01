"""What is a word, a line, a sentence, a bullet, a number: the measures that constraints rest on.

A guideline has to give its annotators these definitions, because gold answers rest on them. They are meant for English
prose; scripts that put no space between words are not counted sensibly.

word
    A run of characters between white space (an em dash or `--` also separates) that holds a letter or a digit.
    `well-known`, `don't`, `and/or` and `3.5` are one word each; `-`, `&` and an emoji are none. The marker of a
    bullet or a numbered item (`-`, `2.`) is not a word.
line
    What `str.splitlines` returns, when it holds a letter or a digit; other lines are not counted.
paragraph
    Lines up to the next line of nothing but white space. `---` alone is no paragraph: it holds no word.
sentence
    Words up to one that ends in `.`, `!`, `?` or `…` (closing quotes, brackets and `*` may follow). A title (`Dr.`),
    an initial (`J.`), an abbreviation before a small letter or a digit (`etc. and`, `no. 5`) and three dots before a
    small letter do not end one. A paragraph, a bullet and a numbered item always end the sentence they hold, with or
    without a full stop.
bullet
    A line that starts with `-`, `*`, `+` or an en dash and a space, or with `•`, `‣` or `◦`, and holds a word.
    Nested bullets count. `**Bold**` and `-5` are none.
numbered item
    A line that starts with digits and `.` or `)` and a space (`**1. Bold**` too), and holds a word besides.
phrase
    Found as whole words, in any case, whatever the white space or the form of the apostrophe: `cat` is in `Cat's` and
    `cat-like`, not in `cats`.
number
    Digits with optional thousands commas and decimals, a leading minus or currency sign: `$1,200.50` is 1200.5.
    Numbers spelled as words and digits that follow a letter (`H2O`) are none. `3/4` is two numbers.
empty
    A text without a letter or a digit.

All measures take time linear in the text, so hostile text costs no more than plain text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from decimal import Decimal

# Signs that look alike are written by number, so that nobody mistakes one for another.
_SINGLE, _DOUBLE = "\u2018\u2019", "\u201c\u201d\u00ab\u00bb"
CLOSERS = f"\"'{_SINGLE}{_DOUBLE})]}}*_`"
OPENERS = f"\"'{_SINGLE}{_DOUBLE}([{{*_`#> "
_BULLET = re.compile("[ \t]*(?:[-*+\u2013][ \t]|[•‣◦])")
_NUMBERED = re.compile(r"[ \t]*(?:\*\*|__)?([0-9]{1,4})[.)](?=[\s*_])")
# Possessive (`*+`), so that a long run of digits is read once. No letter or digit stands before a number.
_NUMBER = re.compile("([-\u2212]?)[$€£]?" + r"(?<![^\W_])(?:([0-9][0-9,]*+)(\.[0-9]++)?|(\.[0-9]++))")
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "st", "mt", "vs", "e.g", "i.e"})
_SHORTENED = frozenset(
    {"etc", "a.m", "p.m", "approx", "inc", "ltd", "co", "dept", "u.s", "u.k", "ca", "cf", "al", "no", "fig", "jr", "sr"}
)


def words(text: str) -> list[str]:
    """The words of a text, list markers left out.

    >>> words("- a well-known fact — don't ask")
    ['a', 'well-known', 'fact', "don't", 'ask']
    """
    found = []
    for line in text.splitlines():
        spaced = _without_marker(line).replace("—", " ").replace("--", " ")
        found += [token for token in spaced.split() if has_word(token)]
    return found


def lines(text: str) -> list[str]:
    """The lines that hold a letter or a digit."""
    return [line for line in text.splitlines() if has_word(line)]


def paragraphs(text: str) -> list[str]:
    """Blocks of lines between blank lines, those without a word left out."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in ("\n".join(part) for part in blocks) if has_word(block)]


def bullets(text: str) -> list[str]:
    """The texts of the bullets, without their markers."""
    return [_without_marker(line) for line in text.splitlines() if _BULLET.match(line) and has_word(line)]


def numbered(text: str) -> list[int]:
    """The numbers of the numbered items, in the order they stand."""
    matches = ((_NUMBERED.match(line), line) for line in text.splitlines())
    return [int(match[1]) for match, line in matches if match and has_word(line[match.end() :])]


def sentences(text: str) -> list[str]:
    """The sentences of a text, white space collapsed, list markers left out.

    >>> sentences("Dr. Lee paid $3.50. Why?\\n- a bullet")
    ['Dr. Lee paid $3.50.', 'Why?', 'a bullet']
    """
    found = []
    for block in _blocks(text):
        tokens, start = block.split(), 0
        for end, token in enumerate(tokens, start=1):
            if _ends_sentence(token, tokens[end] if end < len(tokens) else ""):
                found.append(" ".join(tokens[start:end]))
                start = end
        found.append(" ".join(tokens[start:]))
    return [sentence for sentence in found if has_word(sentence)]


def last_number(text: str) -> Decimal | None:
    """The last number of a text, None where there is none.

    >>> last_number("That makes $1,200.50.")
    Decimal('1200.50')
    """
    matches = deque(_NUMBER.finditer(text), maxlen=1)
    if not matches:
        return None
    match = matches[0]
    sign, whole, decimals, bare = match.groups()
    groups = (whole or "").rstrip(",").split(",")
    # One number when there is a single group or the commas stand at the thousands; else "1,2,3" is three numbers.
    whole_is_one = len(groups) == 1 or (len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]))
    digits = bare or ("".join(groups) if whole_is_one else groups[-1]) + (decimals or "")
    before = text[match.start() - 1] if match.start() else " "
    # "10-5" and "2019-2020" hold no negative number; "= -5" and "(-5)" do.
    negative = bool(sign) and whole_is_one and not (before.isalnum() or before in ")]")
    return -Decimal(digits) if negative else Decimal(digits)


def has_word(text: str) -> bool:
    """Whether a text holds a letter or a digit."""
    return any(character.isalnum() for character in text)


def fold(text: str) -> str:
    """Text as phrases are compared: one form of every sign, no case, single spaces."""
    plain = unicodedata.normalize("NFKC", text).translate(dict.fromkeys(map(ord, _SINGLE), "'"))
    return " ".join(plain.casefold().split())


def holds(text: str, phrase: str) -> bool:
    """Whether the folded text holds the phrase as whole words. Underscores are Markdown, not letters."""
    wanted = fold(phrase)
    left = r"(?<![^\W_])" if wanted[0].isalnum() else ""
    right = r"(?![^\W_])" if wanted[-1].isalnum() else ""
    return re.search(left + re.escape(wanted) + right, text) is not None


def _without_marker(line: str) -> str:
    match = _BULLET.match(line) or _NUMBERED.match(line)
    return line[match.end() :].strip() if match else line.strip()


def _blocks(text: str) -> list[str]:
    """Stretches no sentence crosses: paragraphs, cut before every list item."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if not line.strip() or _BULLET.match(line) or _NUMBERED.match(line):
            blocks.append([])
        blocks[-1].append(_without_marker(line))
    return [" ".join(block) for block in blocks]


def _ends_sentence(token: str, following: str) -> bool:
    bare = token.rstrip(CLOSERS)
    if not bare.endswith((".", "!", "?", "…")):
        return False
    after = following.lstrip(OPENERS)[:1]
    if bare.endswith(("...", "…")):
        return not after.islower()
    if not bare.endswith(".") or not following:
        return True
    stem = bare.lstrip(OPENERS).removesuffix(".").casefold()
    initial = len(stem) == 1 and stem.isalpha() and stem != "i"
    return not (stem in _TITLES or initial or (stem in _SHORTENED and (after.islower() or after.isdigit())))
