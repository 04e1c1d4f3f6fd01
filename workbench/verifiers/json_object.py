"""The JSON of an answer, read strictly.

JSON
    The answer is one JSON object and nothing else, save a ```json fence around all of it (`whole_answer`); with
    `anywhere` the first object in the answer counts, whatever stands around it (`first_object`). A key that stands
    twice and NaN are errors, as in strict parsers.
"""

from __future__ import annotations

import json
from typing import Any

_MAX_BRACES = 50


class JsonError(ValueError):
    """What is wrong with the JSON, in words for people; other `ValueError`s are the parser's own."""


def whole_answer(text: str) -> object:
    """The JSON value that a text is, a fence around it left out.

    Raises
    ------
    ValueError
        When the text as a whole is not valid JSON; `JsonError` where its message says why.
    RecursionError
        When it is nested too deep.
    """
    return json.loads(_unfenced(text), **_STRICT)


def first_object(text: str) -> object:
    """The first JSON object that stands in a text; only so many braces are tried, to bound the time."""
    decoder, start = json.JSONDecoder(**_STRICT), -1
    for _ in range(_MAX_BRACES):
        start = text.index("{", start + 1)
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError) as error:
            if isinstance(error, JsonError):
                raise
    raise JsonError(f"no JSON object at the first {_MAX_BRACES} braces")


def _unfenced(text: str) -> str:
    body = text.strip()
    if body.startswith("```") and body.endswith("```"):
        return body[3:-3].removeprefix("json").removeprefix("JSON")
    return body


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        msg = "JSON with the same key twice"
        raise JsonError(msg)
    return dict(pairs)


def _no_constant(name: str) -> None:
    msg = f"{name} is not valid JSON"
    raise JsonError(msg)


_STRICT: dict[str, Any] = {"object_pairs_hook": _distinct, "parse_constant": _no_constant}
