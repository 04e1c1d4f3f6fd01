"""Which messages pass between a page and its kernel."""

from __future__ import annotations

import json

import pytest

from tests.serve.server import message
from workbench.serve import wire


def custom(kind: str) -> bytes:
    return message("comm_msg", {"comm_id": "c", "data": {"method": "custom", "content": {"type": kind}}})


def test_what_the_widget_needs_goes_in() -> None:
    for sent in (
        message("kernel_info_request", {}),
        message("comm_info_request", {}),
        message("comm_open", {"comm_id": "c", "target_name": "jupyter.widget.control", "data": {}}),
        message("comm_msg", {"comm_id": "c", "data": {"method": "request_states"}}),
        message("comm_close", {"comm_id": "c", "data": {}}),
        custom("answer"),
    ):
        assert wire.incoming(sent) is not None


@pytest.mark.parametrize(
    "kind",
    ["execute_request", "complete_request", "inspect_request", "history_request", "is_complete_request",
     "shutdown_request", "interrupt_request", "debug_request", "input_reply", "", "COMM_MSG"],
)  # fmt: skip
def test_nothing_that_runs_looks_or_ends_goes_in(kind: str) -> None:
    for channel in ("shell", "control", "stdin"):
        assert wire.incoming(message(kind, {"code": "1"}, channel)) is None


def test_a_page_makes_no_widgets_and_changes_none() -> None:
    assert wire.incoming(message("comm_open", {"comm_id": "c", "target_name": "jupyter.widget", "data": {}})) is None
    update = {"method": "update", "state": {"settings": {}}, "buffer_paths": []}
    assert wire.incoming(message("comm_msg", {"comm_id": "c", "data": update})) is None
    assert wire.incoming(message("comm_msg", {"comm_id": "c", "data": {}})) is None


def test_only_what_people_do_counts_as_use() -> None:
    for kind in ("answer", "skip", "say", "begin"):
        sent = wire.incoming(custom(kind))
        assert sent is not None
        assert sent.is_deed
    for kind in ("here", "hello", "fetch", "more"):
        sent = wire.incoming(custom(kind))
        assert sent is not None
        assert not sent.is_deed


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0" * 7, b"\xff" * 64, b"\x07" + b"\0" * 7, (7).to_bytes(8, "little") + b"\xff" * 56, "text",
     json.dumps({"header": {"msg_type": "comm_msg"}, "channel": "shell"})],
)  # fmt: skip
def test_what_cannot_be_read_is_dropped(raw: str | bytes) -> None:
    assert wire.incoming(raw) is None
    assert not wire.may_go_out(raw)


def test_fields_of_the_wrong_kind_are_dropped() -> None:
    contents: list[dict[str, object]] = [{"target_name": ["jupyter.widget.control"]}, {"target_name": {}}, {}]
    for content in contents:
        assert wire.incoming(message("comm_open", content)) is None
    datas: list[object] = [[], "x", {"method": ["custom"]}, {"method": {}}, None]
    for data in datas:
        assert wire.incoming(message("comm_msg", {"comm_id": "c", "data": data})) is None
    deep = message("comm_msg", {"comm_id": "c", "data": "DEEP"}).replace(b'"DEEP"', b"[" * 3 + b"]" * 3)
    assert wire.incoming(deep) is None


def test_no_code_no_print_and_no_traceback_goes_out() -> None:
    for kind in ("comm_open", "comm_msg", "comm_close", "status", "kernel_info_reply", "comm_info_reply"):
        assert wire.may_go_out(message(kind, {}, "iopub"))
    for kind in (
        "execute_input",
        "stream",
        "error",
        "display_data",
        "execute_result",
        "execute_reply",
        "input_request",
    ):
        assert not wire.may_go_out(message(kind, {}, "iopub"))
    assert wire.may_go_out({"header": {"msg_type": "status"}})
    assert not wire.may_go_out({"header": None})
