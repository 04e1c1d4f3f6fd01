"""A `pilot.toml` from its record: what is written reads back to the same record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workbench.pilot.config import PilotConfig


def text(config: PilotConfig, head: str = "") -> str:
    """The file's text, under a comment of one line. Times and money are written as text, which is exact."""
    plain = config.model_dump(mode="json", exclude_none=True)
    tables = {name: value for name, value in plain.items() if isinstance(value, dict)}
    lists = {name: value for name, value in plain.items() if _of_tables(value)}
    blocks = [_lines({name: value for name, value in plain.items() if name not in tables | lists})]
    blocks += [f"[{name}]\n{_lines(values)}" for name, values in tables.items()]
    blocks += [f"[[{name}]]\n{_lines(values)}" for name, listed in lists.items() for values in listed]
    return (f"# {head}\n" if head else "") + "\n".join(blocks)


def _lines(values: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in values.items())


def _value(value: Any) -> str:
    # JSON's strings, numbers, booleans and lists are TOML's too, but for one character that TOML has escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
