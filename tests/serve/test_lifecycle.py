"""Pages and kernels from beginning to end: revoked, replaced, idle, full, left; servers stopped, killed, proxied."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import websocket

from tests.serve import make
from tests.serve.server import ROOT, Running, Visitor, message, running
from workbench import serve
from workbench.serve.sessions import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    Visit = Callable[..., Visitor]

pytestmark = pytest.mark.server


def closing(socket: websocket.WebSocket, within: float = 120) -> int:
    """The code with which the server closes a connection."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        socket.settimeout(max(0.1, until - time.monotonic()))
        opcode, data = socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")
    raise AssertionError("the connection was not closed")


def wait(for_what: Callable[[], bool], within: float = 120) -> None:
    until = time.monotonic() + within
    while not for_what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def answer(socket: websocket.WebSocket) -> None:
    """Do something on the page."""
    socket.send_binary(
        message("comm_msg", {"comm_id": "c", "data": {"method": "custom", "content": {"type": "answer"}}})
    )


def test_revoking_ends_an_open_page_and_its_kernel_within_seconds(server: Running, visit: Visit) -> None:
    ana, ben = visit(server, "ana"), visit(server, "ben")
    kernel = ana.open_page()
    one, other = ana.connect(kernel), ben.connect(ben.open_page())
    process = server.process_of(kernel)
    began = time.monotonic()
    serve.revoke(server.pilot, "ana")
    assert closing(one) == Ending.UNINVITED.code
    assert time.monotonic() - began < 60, "2 s on an idle machine"
    wait(lambda: not alive(process))
    refused = ana.http.get("")
    assert refused.status_code == 403
    assert "ana" not in refused.text
    assert ben.http.get("").status_code == 200
    other.ping()
    for socket in (one, other):
        socket.close()
    assert "ana: page closed, the invitation ended" in server.said()


def test_a_message_after_revoking_goes_nowhere(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    socket = ana.connect(ana.open_page())
    serve.revoke(server.pilot, "ana")
    time.sleep(1.1)
    assert ana.http.get("").status_code == 403  # so the server has seen it, whatever its own round has done
    answer(socket)
    assert closing(socket) == Ending.UNINVITED.code


def test_a_connection_is_kept_while_it_answers_and_closed_when_it_does_not(tmp_path: Path, visit: Visit) -> None:
    often = tmp_path / "often"
    often.mkdir()
    # Loaded when the server's interpreter starts.
    (often / "sitecustomize.py").write_text("from workbench.serve import app\napp.PING_MS = 5000\n", encoding="utf-8")
    with running(make.pilot(tmp_path / "small"), PYTHONPATH=f"{often}:{ROOT}") as server:
        ana, ben = visit(server, "ana"), visit(server, "ben")
        silent, kernel = ben.connect(ben.open_page()), ana.open_page()
        socket = ana.connect(kernel)
        for one in (socket, silent):
            one.settimeout(120)
        asked, until = 0, time.monotonic() + 120
        while asked < 2 and time.monotonic() < until:
            opcode, _ = socket.recv_data(control_frame=True)  # which answers, within 15 s even here
            assert opcode != websocket.ABNF.OPCODE_CLOSE, f"closed after {asked} questions"
            asked += opcode == websocket.ABNF.OPCODE_PING
        assert asked == 2
        heard = 0
        silent.pong = lambda *_: None  # type: ignore[method-assign]
        while True:
            opcode, _ = silent.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                break
            heard += opcode == websocket.ABNF.OPCODE_PING
        assert heard >= 1, "it was asked before it was closed"
        assert "ping_timeout" not in server.said()


def test_a_third_page_replaces_the_oldest_and_a_full_house_says_when_to_come(tmp_path: Path, visit: Visit) -> None:
    with running(make.pilot(tmp_path / "small"), "--max-sessions", "2") as server:
        ana, ben = visit(server, "ana"), visit(server, "ben")
        first, second = (ana.connect(ana.open_page()) for _ in range(2))
        full = ben.http.get("")
        assert full.status_code == 503
        assert full.headers["retry-after"] == full.headers["refresh"] == "60"
        assert "All places are taken just now" in full.text
        third = ana.connect(ana.open_page())
        assert closing(first) == Ending.REPLACED.code
        for socket in (second, third):
            socket.ping()
        second.close()
        wait(lambda: ben.http.get("").status_code == 200)
        assert "Traceback" not in server.said(), server.said()


def test_a_page_in_use_is_not_idle_and_a_closed_one_is_gone(tmp_path: Path, visit: Visit) -> None:
    with running(make.pilot(tmp_path / "small"), "--idle-minutes", "0.25") as server:
        ana = visit(server, "ana")
        kernel = ana.open_page()
        socket = ana.connect(kernel)
        for _ in range(17):
            answer(socket)
            time.sleep(1)
        assert ana.http.get(f"api/kernels/{kernel}").status_code == 200
        assert ana.http.post(f"voila/api/shutdown/{kernel}", headers={"Origin": ana.origin}).status_code == 204
        assert ana.http.get(f"api/kernels/{kernel}").status_code == 200, "who is asked whether to leave may stay"
        socket.close()
        wait(lambda: ana.http.get(f"api/kernels/{kernel}").status_code == 404)
        socket = ana.connect(ana.open_page())
        assert closing(socket) == Ending.IDLE.code
        assert "Traceback" not in server.said(), server.said()


def test_a_kernel_that_dies_ends_its_page(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    kernel = ana.open_page()
    socket = ana.connect(kernel)
    os.kill(server.process_of(kernel), signal.SIGKILL)
    assert closing(socket) == Ending.KERNEL_DIED.code


def test_secrets_are_in_no_command_line_and_no_environment(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    ana.open_page()
    secret = (server.pilot.folder / ".serve" / "cookie-secret").read_text()
    (cookie,) = ana.http.cookies.jar
    assert cookie.value is not None
    hidden = [secret, bytes.fromhex(secret).decode("latin-1"), cookie.value, *server.tokens.values()]
    looked_at = [server.process.pid, *server.children()]
    assert len(looked_at) >= 2
    n_read = 0
    for pid in looked_at:
        for name in ("cmdline", "environ"):
            try:
                held = Path(f"/proc/{pid}/{name}").read_bytes().decode("latin-1")
            except OSError:  # a kernel that has ended meanwhile
                continue
            assert not any(one in held for one in hidden), (pid, name)
            n_read += 1
    assert n_read >= 4
    assert not any(one in server.said() for one in hidden)


def test_what_cannot_be_opened_is_said_calmly_and_logged(tmp_path: Path, visit: Visit) -> None:
    pilot = make.pilot(tmp_path / "small")
    with running(pilot) as server:
        ana = visit(server, "ana")
        guideline = pilot.folder / "guideline" / "v1.md"
        kept = guideline.read_text()
        time.sleep(0.1)
        guideline.write_text("no guideline at all")
        while "There is nothing to label here just now" not in (page := ana.http.get("")).text:
            time.sleep(2)  # the kernel kept ready had read it before
        assert page.status_code == 200
        for word in ("Traceback", "GuidelineError", str(pilot.folder)):
            assert word not in page.text
        assert "ana: " in server.said()
        guideline.write_text(kept)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_with_all_its_kernels(tmp_path: Path, visit: Visit, number: signal.Signals) -> None:
    with running(make.pilot(tmp_path / "small")) as server:
        socket = (ana := visit(server, "ana")).connect(ana.open_page())
        kernels = server.children()
        connections = Path(f"/proc/{kernels[0]}/cwd").readlink()
        assert connections.stat().st_mode & 0o777 == 0o700
        server.process.send_signal(number)
        assert closing(socket) == Ending.STOPPING.code
        assert server.process.wait(timeout=120) == 0
        wait(lambda: not any(alive(pid) for pid in kernels))
        assert "Traceback" not in server.said()
        assert not connections.exists()


def test_killed_and_started_again_people_are_still_signed_in(tmp_path: Path, visit: Visit) -> None:
    with running(make.pilot(tmp_path / "small")) as server:
        ana = visit(server, "ana")
        kernel = ana.open_page()
        kernels = server.children()
        server.kill()
        wait(lambda: not any(alive(pid) for pid in kernels))
        server.start()
        assert ana.http.get(f"api/kernels/{kernel}").status_code == 404
        assert ana.http.get("").status_code == 200


def test_a_port_that_is_taken_is_one_line_with_the_next_step(server: Running) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "workbench", "serve", str(server.pilot.folder), "--port", str(server.port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert told.returncode == 1
    assert "cannot listen on 127.0.0.1 port" in told.stderr
    assert "--port 8867" in told.stderr
    assert "Traceback" not in told.stderr


def test_behind_a_proxy_with_tls_cookies_go_over_tls_alone(server: Running, tmp_path: Path) -> None:
    answered = httpx.get(server.invite("ana"), headers={"X-Forwarded-Proto": "https"}, trust_env=False, timeout=60)
    assert "Secure" not in answered.headers["set-cookie"], "not believed unless told to"
    pilot = make.pilot(tmp_path / "small")
    with running(pilot, "--url", "https://label.lab.example/") as proxied:
        answered = httpx.get(proxied.invite("ana"), headers={"Host": "label.lab.example"}, trust_env=False, timeout=60)
        assert answered.headers["set-cookie"].startswith("__Host-workbench-label-lab-example=")
        assert "; Secure" in answered.headers["set-cookie"]
        assert "WARNING" not in proxied.said()
    with running(pilot, "--behind-proxy") as proxied:
        answered = httpx.get(proxied.invite("ana"), headers={"X-Forwarded-Proto": "https"}, trust_env=False, timeout=60)
        assert "; Secure" in answered.headers["set-cookie"]


def test_below_a_path_and_on_all_addresses_it_warns(tmp_path: Path) -> None:
    pilot = make.pilot(tmp_path / "small")
    with running(pilot, "--url", "http://127.0.0.1:1/pilots/one", "--ip", "0.0.0.0") as server:
        token = server.invite("ana").partition("?token=")[2]
        with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:
            assert http.get("").status_code == 401
            entered = http.get(f"pilots/one/?token={token}")
            assert (entered.status_code, entered.headers["location"]) == (303, "/pilots/one/")
            assert "Path=/pilots/one/" in entered.headers["set-cookie"]
            page = http.get("pilots/one/")
            assert page.status_code == 200
            script = page.text.partition('<script src="/')[2].partition('"')[0]
            assert script.startswith("pilots/one/scripts/")
            assert http.get(script).status_code == 200
        assert "WARNING: 0.0.0.0 can be reached from other machines" in server.said()


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
