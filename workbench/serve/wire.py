"""Which messages pass between a page and its kernel.

Both sides speak `PROTOCOL`: a count and offsets of 8 bytes each, little-endian, then channel,
header, parent, metadata, content and buffers. Anything else is dropped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PROTOCOL = "v1.kernel.websocket.jupyter.org"
# A page asks which widgets there are and sends them messages of their own. It runs nothing, ends nothing, makes no
# widgets of its own in the kernel and changes none but by what their Python side does with a message.
IN = frozenset({"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"})
OPENS = frozenset({"jupyter.widget.control"})
METHODS = frozenset({"custom", "request_state", "request_states"})
# Nothing that was printed, no code, no error with its traceback.
OUT = frozenset({"comm_open", "comm_msg", "comm_close", "comm_info_reply", "kernel_info_reply", "status"})
# What an open page says by itself while nobody does anything.
BY_ITSELF = frozenset({"here", "hello", "fetch", "more"})


@dataclass(frozen=True)
class Sent:
    """A message of a page. `is_deed` when somebody did something, so that the page is in use."""

    kind: str
    is_deed: bool


def incoming(message: str | bytes) -> Sent | None:
    """What a page sent; None when it may not, or cannot be read."""
    parts = _parts(message)
    if parts is None:
        return None
    header, content = parts
    kind = header.get("msg_type")
    if not isinstance(kind, str) or kind not in IN or not isinstance(content, dict):
        return None
    if kind == "comm_open":
        return Sent(kind, is_deed=False) if _named(content, "target_name") in OPENS else None
    if kind != "comm_msg":
        return Sent(kind, is_deed=False)
    data = content.get("data")
    method = _named(data, "method")
    if method not in METHODS or not isinstance(data, dict):
        return None
    return Sent(kind, is_deed=method == "custom" and _named(data.get("content"), "type") not in BY_ITSELF)


def may_go_out(message: str | bytes | dict[str, Any]) -> bool:
    """Whether a kernel's message is one that a page needs."""
    if isinstance(message, dict):
        header = message.get("header")
    else:
        parts = _parts(message)
        header = parts[0] if parts else None
    return isinstance(header, dict) and _named(header, "msg_type") in OUT


def _named(fields: object, name: str) -> str:
    """The text in a field; empty where there is none."""
    found = fields.get(name) if isinstance(fields, dict) else None
    return found if isinstance(found, str) else ""


def _parts(message: str | bytes) -> tuple[dict[str, Any], Any] | None:
    """Header and content of a message in the binary form; None for anything else."""
    if not isinstance(message, bytes) or len(message) < 8:
        return None
    n = int.from_bytes(message[:8], "little")
    if not 6 <= n <= 64 or len(message) < 8 * (n + 1):
        return None
    at = [int.from_bytes(message[8 * (k + 1) : 8 * (k + 2)], "little") for k in range(n)]
    try:
        header, content = json.loads(message[at[1] : at[2]]), json.loads(message[at[4] : at[5]])
    except (ValueError, RecursionError):
        return None
    return (header, content) if isinstance(header, dict) else None
