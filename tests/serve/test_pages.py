"""The headers, the plain pages, and the log of refusals; what whoever serves is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.pilot import new_pilot
from workbench.serve import Options, headers, pages
from workbench.serve.telling import REFUSALS_A_MINUTE, Refusals, announce

if TYPE_CHECKING:
    from pathlib import Path


def directives(policy: str) -> dict[str, str]:
    return {name: sources for name, _, sources in (part.partition(" ") for part in policy.split("; "))}


def test_a_labelling_page_loads_from_its_own_host_alone() -> None:
    csp = directives(headers.policy("abc", "label.lab.example:8443"))
    assert csp["script-src"] == "'self' 'nonce-abc' blob:"
    assert csp["connect-src"] == "'self' ws://label.lab.example:8443 wss://label.lab.example:8443"
    assert csp["default-src"] == "'self'"
    assert csp["img-src"] == "'self' data: blob:"
    for name in ("frame-ancestors", "base-uri", "object-src", "frame-src", "worker-src"):
        assert csp[name] == "'none'"
    assert csp["form-action"] == "'self'"
    text = headers.policy("abc", "h")
    assert "unsafe-eval" not in text
    assert "*" not in text
    assert "https:" not in text


@pytest.mark.parametrize("host", ["a b", "a;script-src *", "a\r\nX: y", "*", "", "[::1", "a:b:c", "é"])
def test_a_host_that_is_none_gets_into_no_policy(host: str) -> None:
    assert directives(headers.policy("abc", host))["connect-src"] == "'self'"


def test_a_plain_page_runs_no_script_at_all() -> None:
    csp = directives(headers.policy())
    assert csp["script-src"] == csp["default-src"] == csp["connect-src"] == "'none'"


def test_every_answer_keeps_to_itself() -> None:
    common = headers.common("x")
    assert common["X-Content-Type-Options"] == "nosniff"
    assert common["Referrer-Policy"] == "no-referrer"
    assert common["Cache-Control"] == "no-store"
    assert common["Cross-Origin-Opener-Policy"] == "same-origin"
    assert common["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 429, 500, 503])
def test_plain_pages_are_whole_and_say_what_to_do(status: int) -> None:
    html = pages.for_status(status)
    assert html.startswith("<!doctype html>")
    assert "<script" not in html
    assert "http" not in html
    assert html.count("<h1>") == html.count("<p>") == 1


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_refused_links_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals(clock := Clock())
    for _ in range(1000):
        refusals.note("192.0.2.7")
    assert len(caplog.messages) == REFUSALS_A_MINUTE
    clock.now = 61
    refusals.note("192.0.2.8")
    assert (
        caplog.messages[-1]
        == "a link that opens nothing was refused (from 192.0.2.8), and 995 more since the last line"
    )


def test_red_teaming_without_a_model_is_said_beforehand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pilot = new_pilot(tmp_path / "attacks", task="red_team")
    announce(Options(), pilot)
    assert "WARNING: no model is connected" in capsys.readouterr().err
    announce(Options(model="smollm2-135m-instruct"), pilot)
    announce(Options(), new_pilot(tmp_path / "pairs"))
    assert not capsys.readouterr().err
