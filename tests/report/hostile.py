"""Every string of a summary replaced by a hostile one, in every place where a reader's page will show it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from pydantic import BaseModel

# Values that the workbench itself makes and checks, never people or models.
OURS = {"severity", "gold_decision", "decision", "currency", "unit", "task", "version"}


def poison(value: Any, payload: str, key: str = "") -> Any:
    """The same structure with `payload` after every string in it, keys of open mappings included."""
    if isinstance(value, str):
        return value if key in OURS else f"{value} {payload}"
    if isinstance(value, dict):
        open_keys = key in {"generated_from", "design", "config", "manifest", "packages", "votes", "splits"}
        return {(f"{k} {payload}" if open_keys else k): poison(v, payload, str(k)) for k, v in value.items()}
    if isinstance(value, BaseModel):
        return value.model_copy(
            update={name: poison(getattr(value, name), payload, name) for name in type(value).model_fields}
        )
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: poison(getattr(value, f.name), payload, f.name) for f in fields(value)})
    if isinstance(value, list | tuple):
        return type(value)(poison(one, payload, key) for one in value)
    return value
