"""Machine-checkable constraints: what makes a gold answer true rather than invented.

A `records.Constraint` names a kind of `KINDS` and its parameters; `check` looks at nothing but the text. The
definitions below are the ones a guideline has to give its annotators, because gold answers rest on them. They are
meant for English prose; scripts that put no space between words are not counted sensibly.

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
JSON
    The answer is one JSON object and nothing else, save a ```json fence around all of it; with `anywhere` the first
    object in the answer counts, whatever stands around it. A key that stands twice and NaN are errors, as in strict
    parsers. Keys are compared letter by letter; further keys are allowed unless `exact`.
empty
    A text without a letter or a digit follows no instruction: every check fails on it, also `no_commas`.

All checks take time linear in the text, so hostile text costs no more than plain text.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workbench.records import Constraint

Param = Literal["count", "number", "text", "phrases", "flag"]

MAX_PARAM_CHARS = 200
_MAX_BRACES = 50
PARAMS: dict[Param, str] = {
    "count": "a whole number from 1 to 10000",
    "number": "a finite number",
    "text": f"a text of 1 to {MAX_PARAM_CHARS} characters with a letter, digit or sign in it",
    "phrases": f"a list of 1 to 20 different texts of 1 to {MAX_PARAM_CHARS} characters",
    "flag": "true or false",
}

# Signs that look alike are written by number, so that nobody mistakes one for another.
_SINGLE, _DOUBLE = "\u2018\u2019", "\u201c\u201d\u00ab\u00bb"
_CLOSERS = f"\"'{_SINGLE}{_DOUBLE})]}}*_`"
_OPENERS = f"\"'{_SINGLE}{_DOUBLE}([{{*_`#> "
_COMMAS = ",\u060c\u3001\uff0c"  # Latin, Arabic, ideographic, full-width
_BULLET = re.compile("[ \t]*(?:[-*+\u2013][ \t]|[•‣◦])")
_NUMBERED = re.compile(r"[ \t]*(?:\*\*|__)?([0-9]{1,4})[.)](?=[\s*_])")
# Possessive (`*+`), so that a long run of digits is read once. No letter or digit stands before a number.
_NUMBER = re.compile("([-\u2212]?)[$€£]?" + r"(?<![^\W_])(?:([0-9][0-9,]*+)(\.[0-9]++)?|(\.[0-9]++))")
_TITLES = frozenset({"mr", "mrs", "ms", "dr", "prof", "st", "mt", "vs", "e.g", "i.e"})
_SHORTENED = frozenset(
    {"etc", "a.m", "p.m", "approx", "inc", "ltd", "co", "dept", "u.s", "u.k", "ca", "cf", "al", "no", "fig", "jr", "sr"}
)


@dataclass(frozen=True)
class Verdict:
    """What a check found: `found` is a short text for people ("73 words, at most 50 asked")."""

    constraint: str
    kind: str
    passed: bool
    found: str


@dataclass(frozen=True)
class Satisfaction:
    """Verdicts on one text, in the order of the constraints.

    Where there was nothing to check, `share` is NaN and `all_passed` is False: nothing vouches for the text.
    """

    verdicts: tuple[Verdict, ...]

    @property
    def n_passed(self) -> int:
        return sum(verdict.passed for verdict in self.verdicts)

    @property
    def n_total(self) -> int:
        return len(self.verdicts)

    @property
    def share(self) -> float:
        return self.n_passed / self.n_total if self.verdicts else math.nan

    @property
    def all_passed(self) -> bool:
        return bool(self.verdicts) and self.n_passed == self.n_total

    @property
    def passed_ids(self) -> frozenset[str]:
        return frozenset(verdict.constraint for verdict in self.verdicts if verdict.passed)


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


def words(text: str) -> list[str]:
    """The words of a text, list markers left out.

    >>> words("- a well-known fact — don't ask")
    ['a', 'well-known', 'fact', "don't", 'ask']
    """
    found = []
    for line in text.splitlines():
        spaced = _without_marker(line).replace("—", " ").replace("--", " ")
        found += [token for token in spaced.split() if _has_word(token)]
    return found


def lines(text: str) -> list[str]:
    """The lines that hold a letter or a digit."""
    return [line for line in text.splitlines() if _has_word(line)]


def paragraphs(text: str) -> list[str]:
    """Blocks of lines between blank lines, those without a word left out."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in ("\n".join(part) for part in blocks) if _has_word(block)]


def bullets(text: str) -> list[str]:
    """The texts of the bullets, without their markers."""
    return [_without_marker(line) for line in text.splitlines() if _BULLET.match(line) and _has_word(line)]


def numbered(text: str) -> list[int]:
    """The numbers of the numbered items, in the order they stand."""
    matches = ((_NUMBERED.match(line), line) for line in text.splitlines())
    return [int(match[1]) for match, line in matches if match and _has_word(line[match.end() :])]


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
    return [sentence for sentence in found if _has_word(sentence)]


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


def _has_word(text: str) -> bool:
    return any(character.isalnum() for character in text)


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
    bare = token.rstrip(_CLOSERS)
    if not bare.endswith((".", "!", "?", "…")):
        return False
    after = following.lstrip(_OPENERS)[:1]
    if bare.endswith(("...", "…")):
        return not after.islower()
    if not bare.endswith(".") or not following:
        return True
    stem = bare.lstrip(_OPENERS).removesuffix(".").casefold()
    initial = len(stem) == 1 and stem.isalpha() and stem != "i"
    return not (stem in _TITLES or initial or (stem in _SHORTENED and (after.islower() or after.isdigit())))


def _folded(text: str) -> str:
    """Text as phrases are compared: one form of every sign, no case, single spaces."""
    plain = unicodedata.normalize("NFKC", text).translate(dict.fromkeys(map(ord, _SINGLE), "'"))
    return " ".join(plain.casefold().split())


def _holds(text: str, phrase: str) -> bool:
    """Whether the folded text holds the phrase as whole words. Underscores are Markdown, not letters."""
    wanted = _folded(phrase)
    left = r"(?<![^\W_])" if wanted[0].isalnum() else ""
    right = r"(?![^\W_])" if wanted[-1].isalnum() else ""
    return re.search(left + re.escape(wanted) + right, text) is not None


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _quoted(phrases: Sequence[str], conjunction: str) -> str:
    named = [f'"{phrase}"' for phrase in phrases]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} {conjunction} {named[-1]}"


def _clip(text: str, limit: int = 40) -> str:
    flat = " ".join(text[: 4 * limit].split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


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
    folded = _folded(text)
    missing = [phrase for phrase in params["phrases"] if not _holds(folded, phrase)]
    return not missing, f"{_quoted(missing, 'and')} missing" if missing else "all there"


def _contains_any(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    folded = _folded(text)
    there = [phrase for phrase in params["phrases"] if _holds(folded, phrase)]
    return bool(there), f"{_quoted(there, 'and')} there" if there else f"none of {_quoted(params['phrases'], 'or')}"


def _must_not_contain(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    there, found = _contains_any(params, text)
    return not there, found


def _starts_with(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    wanted, start = _folded(params["text"]), _folded(text)
    if wanted[0] not in _OPENERS:
        start = start.lstrip(_OPENERS)
    after = start[len(wanted) : len(wanted) + 1]
    passed = start.startswith(wanted) and not (wanted[-1].isalnum() and after.isalnum())
    return passed, f'starts with "{_clip(text.lstrip())}"'


def _ends_with(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    wanted, end = _folded(params["text"]), _folded(text)
    if wanted[-1] not in _CLOSERS:
        end = end.rstrip(_CLOSERS + (" .!?,;:" if wanted[-1].isalnum() else " "))
    before = end[: -len(wanted)][-1:]
    passed = end.endswith(wanted) and not (wanted[0].isalnum() and before.isalnum())
    return passed, f'ends with "{_clip(" ".join(text.rstrip()[-200:].split()[-4:]))}"'


def _valid_json_keys(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    try:
        value = _first_object(text) if params.get("anywhere") else json.loads(_unfenced(text), **_STRICT)
    except (ValueError, RecursionError) as error:
        nothing = "no JSON object" if params.get("anywhere") else "the answer as a whole is not valid JSON"
        return False, str(error) if isinstance(error, _JsonError) else nothing
    if not isinstance(value, dict):
        return False, "valid JSON, but no object"
    missing = [key for key in params["keys"] if key not in value]
    extra = [key for key in value if key not in params["keys"]] if params.get("exact") else []
    if missing:
        return False, f"JSON without the {'key' if len(missing) == 1 else 'keys'} {_quoted(missing, 'and')}"
    if extra:
        return False, f"JSON with further keys: {_clip(', '.join(extra))}"
    return True, "JSON with all keys"


class _JsonError(ValueError):
    pass


def _unfenced(text: str) -> str:
    body = text.strip()
    if body.startswith("```") and body.endswith("```"):
        return body[3:-3].removeprefix("json").removeprefix("JSON")
    return body


def _first_object(text: str) -> object:
    """The first JSON object that stands in a text; only so many braces are tried, to bound the time."""
    decoder, start = json.JSONDecoder(**_STRICT), -1
    for _ in range(_MAX_BRACES):
        start = text.index("{", start + 1)
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError) as error:
            if isinstance(error, _JsonError):
                raise
    raise _JsonError(f"no JSON object at the first {_MAX_BRACES} braces")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        msg = "JSON with the same key twice"
        raise _JsonError(msg)
    return dict(pairs)


def _no_constant(name: str) -> None:
    msg = f"{name} is not valid JSON"
    raise _JsonError(msg)


_STRICT: dict[str, Any] = {"object_pairs_hook": _distinct, "parse_constant": _no_constant}


def _answer_equals(params: Mapping[str, Any], text: str) -> tuple[bool, str]:
    wanted, tolerance = Decimal(str(params["value"])), Decimal(str(params.get("tolerance", 0)))
    found = last_number(text)
    if found is None:
        return False, f"no number, {wanted:f} is right"
    shown = _clip(f"{found:f}")
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


def validate(constraint: Constraint) -> Constraint:
    """Return the constraint, or raise `RecordError` naming the kind or parameter, the value and what is allowed."""
    where = f"constraint {constraint.id}"
    kind = KINDS.get(constraint.kind)
    if kind is None:
        raise RecordError(f"no constraint kind {constraint.kind!r}; allowed are {sorted(KINDS)}", where=where)
    wanted = f"{constraint.kind} takes {dict(kind.params) or 'no parameters'}"
    unknown = sorted(set(constraint.params) - set(kind.params))
    missing = sorted(set(kind.params) - set(kind.optional) - set(constraint.params))
    if unknown or missing:
        what = f"unknown parameters {unknown}" if unknown else f"missing parameters {missing}"
        raise RecordError(f"{what}; {wanted}", where=where)
    for name, value in constraint.params.items():
        if not _fits(kind.params[name], value):
            allowed = PARAMS[kind.params[name]]
            raise RecordError(f"{constraint.kind}: {name} must be {allowed}, got {_clip(repr(value), 80)}", where=where)
    params: Any = constraint.params
    if "low" in params and params["low"] > params["high"]:
        raise RecordError(f"word_range: low {params['low']} is above high {params['high']}", where=where)
    if params.get("tolerance", 0) < 0:
        raise RecordError(f"answer_equals: tolerance must not be negative, got {params['tolerance']}", where=where)
    return constraint


def _fits(param: Param, value: object) -> bool:
    if param == "flag":
        return isinstance(value, bool)
    if param == "count":
        return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000
    if param == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
    if param == "text":
        return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_PARAM_CHARS
    return (
        isinstance(value, list | tuple)
        and 1 <= len(value) <= 20
        and all(_fits("text", phrase) for phrase in value)
        and len({_folded(phrase) for phrase in value}) == len(value)
    )


def describe(constraint: Constraint) -> str:
    """The constraint as an English sentence fragment, for people.

    >>> from workbench.records import Constraint
    >>> describe(Constraint(id="c1", kind="max_words", params={"n": 30}))
    'at most 30 words'
    """
    validate(constraint)
    return KINDS[constraint.kind].describe(constraint.params)


def check(constraint: Constraint, text: str) -> Verdict:
    """Whether the text keeps the constraint, and what was found.

    Raises
    ------
    RecordError
        When the constraint is not valid (see `validate`).
    """
    validate(constraint)
    if not _has_word(text):
        return Verdict(constraint.id, constraint.kind, False, "the answer is empty")
    passed, found = KINDS[constraint.kind].check(constraint.params, text)
    return Verdict(constraint.id, constraint.kind, passed, found)


def check_all(constraints: Sequence[Constraint], text: str) -> Satisfaction:
    """Verdicts of every constraint on a text, in the order given.

    Raises
    ------
    RecordError
        When a constraint is not valid or two have the same id.
    """
    ids = [constraint.id for constraint in constraints]
    if len(set(ids)) != len(ids):
        raise RecordError(f"constraints must have distinct ids, got {ids}")
    return Satisfaction(tuple(check(constraint, text) for constraint in constraints))


def prefer(constraints: Sequence[Constraint], first_text: str, second_text: str) -> Literal["A", "B", "tie"] | None:
    """The pairwise answer that the constraints alone vouch for: the first text is A, the second B.

    A text wins when it keeps every constraint the other keeps and at least one more. `tie` means that both keep
    exactly the same constraints: a tie as far as constraints go, which says nothing about correctness or style. None
    means that nothing can be vouched for: each keeps one the other breaks, or there are no constraints.
    """
    first, second = (check_all(constraints, text).passed_ids for text in (first_text, second_text))
    if not constraints:
        return None
    if first == second:
        return "tie"
    if first > second:
        return "A"
    return "B" if second > first else None
