"""The kinds of constraint: their parameters, what each looks for in a text, and how each reads in a sentence.

What a word, a sentence, a bullet and a phrase are stands in `text`, what JSON is in `json_object`. The keys of JSON are
compared letter by letter; further keys are allowed unless `exact`.

A check sees no empty text (`checking.check` answers for it), and takes time linear in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from workbench.verifiers.json_object import JsonError, first_object, whole_answer
from workbench.verifiers.text import (
    CLOSERS,
    OPENERS,
    bullets,
    fold,
    holds,
    last_number,
    lines,
    numbered,
    paragraphs,
    sentences,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Param = Literal["count", "number", "text", "phrases", "flag"]
MAX_PARAM_CHARS = 200
PARAMS: dict[Param, str] = {
    "count": "a whole number from 1 to 10000",
    "number": "a finite number",
    "text": f"a text of 1 to {MAX_PARAM_CHARS} characters with a letter, digit or sign in it",
    "phrases": f"a list of 1 to 20 different texts of 1 to {MAX_PARAM_CHARS} characters",
    "flag": "true or false",
}
_COMMAS = ",\u060c\u3001\uff0c"  # Latin, Arabic, ideographic, full-width


@dataclass(frozen=True)
class Kind:
    """One kind of constraint.

    Attributes
    ----------
    params
        Parameter name -> type of `PARAMS`. Parameters whose name is in `optional` may be left out.
    check
        (parameters, text) -> (passed, what was found). The text holds at least one letter or digit.
    describe
        Parameters -> an English sentence fragment ("at most 30 words").
    """

    params: Mapping[str, Param]
    check: Callable[[Mapping[str, Any], str], tuple[bool, str]]
    describe: Callable[[Mapping[str, Any]], str]
    optional: tuple[str, ...] = ()


def clip(text: str, limit: int = 40) -> str:
    """The start of a text on one line, for a message."""
    flat = " ".join(text[: 4 * limit].split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _quoted(phrases: Sequence[str], conjunction: str) -> str:
    named = [f'"{phrase}"' for phrase in phrases]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} {conjunction} {named[-1]}"


def _counts(noun: str, measure: Callable[[str], Sequence[object]], low: str = "", high: str = "") -> Kind:
    """A kind that counts something: at least `low`, at most `high` (names of parameters), or exactly when equal."""
    names = tuple(dict.fromkeys(name for name in (low, high) if name))

    def asked(params: Mapping[str, Any]) -> str:
        if low == high or (low and high and params[low] == params[high]):
            return f"exactly {_counted(params[low], noun)}"
        if low and high:
            return f"{params[low]} to {_counted(params[high], noun)}"
        return f"at least {_counted(params[low], noun)}" if low else f"at most {_counted(params[high], noun)}"

    def check(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
        n = len(measure(text))
        passed = (not low or n >= params[low]) and (not high or n <= params[high])
        return passed, f"{_counted(n, noun)}, {asked(params)} asked"

    return Kind(dict.fromkeys(names, "count"), check, asked)


def _numbered_items(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    found = numbered(text)
    shown = ", ".join(map(str, found[:12])) + (" …" if len(found) > 12 else "")
    there = f"items numbered {shown}" if found else "no numbered item"
    return found == [*range(1, params["n"] + 1)], f"{there}, 1 to {params['n']} in order asked"


def _must_contain(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    folded = fold(text)
    missing = [phrase for phrase in params["phrases"] if not holds(folded, phrase)]
    return not missing, f"{_quoted(missing, 'and')} missing" if missing else "all there"


def _contains_any(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    folded = fold(text)
    there = [phrase for phrase in params["phrases"] if holds(folded, phrase)]
    return bool(there), f"{_quoted(there, 'and')} there" if there else f"none of {_quoted(params['phrases'], 'or')}"


def _must_not_contain(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    there, found = _contains_any(params, text)
    return not there, found


def _starts_with(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    wanted, start = fold(params["text"]), fold(text)
    if wanted[0] not in OPENERS:
        start = start.lstrip(OPENERS)
    after = start[len(wanted) : len(wanted) + 1]
    passed = start.startswith(wanted) and not (wanted[-1].isalnum() and after.isalnum())
    return passed, f'starts with "{clip(text.lstrip())}"'


def _ends_with(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    wanted, end = fold(params["text"]), fold(text)
    if wanted[-1] not in CLOSERS:
        end = end.rstrip(CLOSERS + (" .!?,;:" if wanted[-1].isalnum() else " "))
    before = end[: -len(wanted)][-1:]
    passed = end.endswith(wanted) and not (wanted[0].isalnum() and before.isalnum())
    return passed, f'ends with "{clip(" ".join(text.rstrip()[-200:].split()[-4:]))}"'


def _valid_json_keys(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    try:
        value = first_object(text) if params.get("anywhere") else whole_answer(text)
    except (ValueError, RecursionError) as error:
        nothing = "no JSON object" if params.get("anywhere") else "the answer as a whole is not valid JSON"
        return False, str(error) if isinstance(error, JsonError) else nothing
    if not isinstance(value, dict):
        return False, "valid JSON, but no object"
    missing = [key for key in params["keys"] if key not in value]
    extra = [key for key in value if key not in params["keys"]] if params.get("exact") else []
    if missing:
        return False, f"JSON without the {'key' if len(missing) == 1 else 'keys'} {_quoted(missing, 'and')}"
    if extra:
        return False, f"JSON with further keys: {clip(', '.join(extra))}"
    return True, "JSON with all keys"


def _answer_equals(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    wanted, tolerance = Decimal(str(params["value"])), Decimal(str(params.get("tolerance", 0)))
    found = last_number(text)
    if found is None:
        return False, f"no number, {wanted:f} is right"
    shown = clip(f"{found:f}")
    # Without a tolerance the comparison is exact; a difference would be rounded to 28 digits.
    passed = abs(found - wanted) <= tolerance if tolerance else found == wanted
    return passed, f"last number is {shown}, {wanted:f} is right"


def _cased(wrong: Callable[[str], bool], name: str) -> Callable[[Mapping[str, Any], str], tuple[bool, str]]:
    def check(_: Mapping[str, Any], text: str) -> tuple[bool, str]:
        letters = sum(character.isalpha() for character in text)
        n = sum(wrong(character) for character in text)
        return letters > 0 and n == 0, f"{_counted(n, f'{name} letter')} of {letters}" if letters else "no letter"

    return check


def _absent(characters: Callable[[str], bool], noun: str) -> Callable[[Mapping[str, Any], str], tuple[bool, str]]:
    def check(_: Mapping[str, Any], text: str) -> tuple[bool, str]:
        n = sum(characters(character) for character in text)
        return n == 0, _counted(n, noun) if n else f"no {noun}"

    return check


def _no_markdown(_: Mapping[str, Any], text: str) -> tuple[bool, str]:
    marks = {
        "bold": "**" in text or re.search(r"__[^\s_]", text),
        "code": "`" in text,
        "a link": "](" in text,
        "a heading": any(line.lstrip().startswith(("# ", "## ", "### ", "#### ")) for line in text.splitlines()),
        "a bullet": bullets(text),
        "a table": sum(line.lstrip().startswith("|") for line in text.splitlines()) > 1,
    }
    there = [name for name, found in marks.items() if found]
    return not there, f"{' and '.join(there)}" if there else "no Markdown"


KINDS: dict[str, Kind] = {
    "max_words": _counts("word", words, high="n"),
    "min_words": _counts("word", words, low="n"),
    "word_range": _counts("word", words, low="low", high="high"),
    "max_sentences": _counts("sentence", sentences, high="n"),
    "min_sentences": _counts("sentence", sentences, low="n"),
    "exact_sentences": _counts("sentence", sentences, low="n", high="n"),
    "exact_paragraphs": _counts("paragraph", paragraphs, low="n", high="n"),
    "max_lines": _counts("line", lines, high="n"),
    "exact_lines": _counts("line", lines, low="n", high="n"),
    "exact_bullets": _counts("bullet", bullets, low="n", high="n"),
    "numbered_items": Kind({"n": "count"}, _numbered_items, lambda p: f"a list numbered from 1 to {p['n']}"),
    "must_contain": Kind({"phrases": "phrases"}, _must_contain, lambda p: f"contains {_quoted(p['phrases'], 'and')}"),
    "contains_any": Kind(
        {"phrases": "phrases"}, _contains_any, lambda p: f"contains at least one of {_quoted(p['phrases'], 'or')}"
    ),
    "must_not_contain": Kind(
        {"phrases": "phrases"}, _must_not_contain, lambda p: f"does not contain {_quoted(p['phrases'], 'or')}"
    ),
    "starts_with": Kind({"text": "text"}, _starts_with, lambda p: f'starts with "{p["text"]}"'),
    "ends_with": Kind({"text": "text"}, _ends_with, lambda p: f'ends with "{p["text"]}"'),
    "valid_json_keys": Kind(
        {"keys": "phrases", "exact": "flag", "anywhere": "flag"},
        _valid_json_keys,
        lambda p: (
            f"{'contains' if p.get('anywhere') else 'is nothing but'} JSON with the keys {_quoted(p['keys'], 'and')}"
            + (" and no others" if p.get("exact") else "")
        ),
        optional=("exact", "anywhere"),
    ),
    "answer_equals": Kind(
        {"value": "number", "tolerance": "number"},
        _answer_equals,
        lambda p: (
            f"the last number is {Decimal(str(p['value'])):f}"
            + (f", give or take {Decimal(str(p['tolerance'])):f}" if p.get("tolerance") else "")
        ),
        optional=("tolerance",),
    ),
    "all_lowercase": Kind({}, _cased(lambda c: c.isupper() or c.istitle(), "capital"), lambda _: "no capital letters"),
    "all_uppercase": Kind({}, _cased(str.islower, "small"), lambda _: "capital letters only"),
    "no_commas": Kind({}, _absent(lambda c: c in _COMMAS, "comma"), lambda _: "no commas"),
    "no_digits": Kind({}, _absent(str.isdigit, "digit"), lambda _: "no digits"),
    "no_markdown": Kind({}, _no_markdown, lambda _: "plain text without Markdown"),
}
