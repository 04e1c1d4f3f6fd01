"""The server as anybody can ask it: links, cookies, addresses, headers, other people's kernels."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
import websocket

from tests.serve.server import kernel_of, kinds, message
from workbench import serve
from workbench.serve.wire import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.serve.server import Running, Visitor

    Visit = Callable[..., Visitor]

pytestmark = pytest.mark.server

NO_KERNEL = "00000000-0000-0000-0000-000000000000"
# Every address that Voilà or Jupyter's server has, and what it is here. `{kernel}` is one's own.
ADDRESSES = [
    ("GET", "api/kernels", 404),
    ("POST", "api/kernels", 404),
    ("DELETE", "api/kernels/{kernel}", 405),
    ("PATCH", "api/kernels/{kernel}", 405),
    ("POST", "api/kernels/{kernel}/restart", 404),
    ("POST", "api/kernels/{kernel}/interrupt", 404),
    ("GET", "api/kernelspecs", 404),
    ("GET", "api/sessions", 404),
    ("GET", "api/contents", 404),
    ("GET", "api/contents/pilot.toml", 404),
    ("PUT", "api/contents/x.ipynb", 404),
    ("GET", "api/config/notebook", 404),
    ("GET", "api/terminals", 404),
    ("POST", "api/terminals", 404),
    ("GET", "api/me", 404),
    ("GET", "api/status", 404),
    ("POST", "api/shutdown", 404),
    ("GET", "files/pilot.toml", 404),
    ("GET", "lab", 404),
    ("GET", "tree", 404),
    ("GET", "notebooks/label.ipynb", 404),
    ("GET", "label.ipynb", 404),
    ("GET", "login", 404),
    ("POST", "login", 404),
    ("GET", "logout", 404),
    ("GET", "metrics", 404),
    ("GET", "static/logo/logo.png", 404),
    ("GET", "voila/api/contents/", 404),
    ("GET", "voila/api/themes/@jupyterlab/theme-light-extension/index.css", 404),
    ("GET", "voila/api/shutdown/{kernel}", 405),
    ("GET", "voila/execution/{kernel}", 404),
    ("GET", "voila/files/store.sqlite", 404),
    ("GET", "voila/files/../store.sqlite", 404),
    ("GET", "voila/labextensions/anywidget/package.json", 404),
    ("GET", "voila/query/{kernel}", 404),
    ("GET", "voila/render/label.ipynb", 404),
    ("GET", "voila/static/voila.js", 404),
    ("GET", "voila/templates/lab/static/index.css", 404),
    ("GET", "voila/tree", 404),
    ("GET", "scripts/0000000000000000/page.js", 404),
    ("POST", "", 405),
    ("PUT", "", 405),
    ("HEAD", "", 405),
]


def send(visitor: Visitor, method: str, address: str) -> httpx.Response:
    return visitor.http.request(method, address, headers={"Origin": visitor.origin})


def test_without_a_link_every_address_says_the_same(server: Running, visit: Visit) -> None:
    nobody = visit(server)
    first = nobody.http.get("")
    assert first.status_code == 401
    assert "You need your personal link" in first.text
    own = [("GET", f"api/kernels/{NO_KERNEL}", 0), ("POST", f"voila/api/shutdown/{NO_KERNEL}", 0), ("GET", "x", 0)]
    for method, address, _ in [*ADDRESSES, *own]:
        answer = send(nobody, method, address.format(kernel=NO_KERNEL))
        assert answer.status_code == 401, (method, address)
        assert method == "HEAD" or answer.text == first.text
        assert "set-cookie" not in answer.headers
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        nobody.connect(NO_KERNEL)
    assert refused.value.status_code == 401


def test_wrong_expired_and_revoked_links_cannot_be_told_apart(server: Running, visit: Visit) -> None:
    links = {name: server.invite(name) for name in ("expired", "revoked")}
    serve.revoke(server.pilot, "revoked")
    with sqlite3.connect(server.pilot.folder / "store.sqlite") as connection:
        connection.execute("UPDATE invitations SET expires_at = '2026-01-01T00:00:00Z' WHERE annotator = 'expired'")
    links |= {
        "wrong": f"{server.url}?token=nonsense",
        "empty": f"{server.url}?token=",
        "odd": f"{server.url}?token=%ff%00",
    }
    answers = {name: visit(server).enter(link) for name, link in links.items()}
    assert {answer.status_code for answer in answers.values()} == {403}
    assert len({answer.text for answer in answers.values()}) == 1
    for answer in answers.values():
        assert "This link does not open the page" in answer.text
        assert "set-cookie" not in answer.headers
        ignored = ("date", "etag", "content-security-policy")
        assert [name for name in answer.headers if name not in ignored] == [
            name for name in answers["wrong"].headers if name not in ignored
        ]


def test_a_link_becomes_a_cookie_and_a_clean_address(server: Running, visit: Visit) -> None:
    ana = visit(server)
    answer = ana.enter(server.invite("ana"))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie
    assert "; Path=/" in cookie
    assert "; expires=" in cookie
    assert "secure" not in cookie.lower(), "over http no browser would keep it"
    assert cookie.startswith(f"workbench-127-0-0-1-{server.port}=")
    assert server.tokens["ana"] not in str(answer.headers)
    page = ana.http.get("")
    assert page.status_code == 200
    assert server.tokens["ana"] not in page.text
    assert "<title>Small &lt;b&gt;pilot&lt;/b&gt;</title>" in page.text
    assert str(server.pilot.folder) not in page.text
    again = visit(server).enter(f"{server.url}?token={server.tokens['ana']}")
    assert again.status_code == 303, "a link opens the page on another day and device too"


def test_nothing_in_an_address_or_a_header_says_who_somebody_is(server: Running, visit: Visit) -> None:
    for query in ("?who=ben", "?annotator=ben&template=reveal&theme=dark", "?voila-theme=x"):
        answer = visit(server, "ana").http.get(query)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    token = server.tokens["ana"]
    nobody = visit(server, Authorization=f"token {token}", **{"X-Forwarded-User": "ana", "Remote-User": "ana"})
    assert nobody.http.get("").status_code == 401
    assert nobody.http.get(f"x?token={token}").status_code == 401, "a token opens one address"


def test_a_cookie_that_was_not_signed_here_is_nobody(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    (good,) = ana.http.cookies.jar
    assert good.value is not None
    forged = [good.value[:-1] + ("0" if good.value[-1] != "0" else "1"), good.value.replace("2|1:", "1|", 1), "x", ""]
    for value in forged:
        answer = httpx.get(server.url, headers={"Cookie": f"{good.name}={value}"}, trust_env=False, timeout=60)
        assert answer.status_code == 401, value


def test_what_a_page_may_load(server: Running, visit: Visit) -> None:
    page = visit(server, "ana").http.get("")
    csp = page.headers["content-security-policy"]
    nonce = csp.partition("'nonce-")[2].partition("'")[0]
    assert len(nonce) >= 22
    assert page.text.count(f'nonce="{nonce}"') == 2
    assert visit(server, "ana").http.get("").headers["content-security-policy"] != csp, "a nonce is used once"
    assert page.text.count("<script") == page.text.count("<script nonce=") + page.text.count("<script src=") + (
        page.text.count('<script id="jupyter-config-data" type="application/json">')
        + page.text.count('<script type="application/vnd.voila.cell-output+json">')
    )
    assert "http://" not in page.text.replace(server.url, "")
    assert "https://" not in page.text


def test_every_answer_has_the_headers(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    page = ana.http.get("")
    script = page.text.partition('<script src="/')[2].partition('"')[0]
    answers = [page, visit(server).http.get(""), ana.http.get("nothing"), ana.http.get(script), ana.http.post("")]
    answers += [ana.http.get(f"api/kernels/{kernel_of(page.text)}"), ana.enter(f"{server.url}?token=x")]
    for answer in answers:
        for name in (
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "cache-control",
            "cross-origin-opener-policy",
        ):
            assert name in answer.headers, (answer.url, name)
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    assert "no-store" in page.headers["cache-control"]
    assert answers[3].status_code == 200
    assert answers[3].headers["cache-control"] == "private, max-age=31536000, immutable"


def test_what_is_not_needed_is_not_there(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    kernel = ana.open_page()
    for method, address, status in ADDRESSES:
        answer = send(ana, method, address.format(kernel=kernel))
        assert answer.status_code == status, (method, address)
    raw = b"GET /scripts/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert b" 401 " in _raw(server, raw)


def test_voila_has_no_address_that_was_not_decided_on() -> None:
    code = (
        "import sys; from voila.app import Voila; from voila.configuration import VoilaConfiguration as C\n"
        "found = set()\n"
        "for preheat, progressive, notebook in ((0, 1, ''), (1, 0, ''), (0, 0, sys.argv[1])):\n"
        "    app = Voila(); app.notebook_path = notebook or None; app.token = 'x'; app.initialize([])\n"
        "    app.voila_configuration.preheat_kernel = False\n"
        "    app.connection_dir = '/tmp'; app.init_settings()\n"
        "    app.voila_configuration.preheat_kernel = bool(preheat)\n"
        "    app.voila_configuration.progressive_rendering = bool(progressive)\n"
        "    found |= {route[0] for route in app.init_handlers()}\n"
        "print(*sorted(found), sep='\\n')\n"
    )
    notebook = "workbench/serve/templates/label.ipynb"
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, notebook], capture_output=True, text=True, check=True, timeout=240
    )
    kernel = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
    path = r"(?P<path>(?:(?:/[^/]+)+|/?))"
    assert out.stdout.split() == sorted(
        [
            "/",  # the tree of notebooks; here the page
            "/(.*)",  # the page of one notebook; here only at /
            rf"/api/kernels/{kernel}",  # here GET alone, of one's own
            rf"/api/kernels/{kernel}/channels",  # here of one's own
            "/login",  # not here
            "/logout",  # not here
            rf"/voila/api/contents{path}",  # not here
            "/voila/api/shutdown/(.*)",  # here of one's own, and it only says that the page is left
            "/voila/api/themes/(.*)",  # not here
            rf"/voila/execution/{kernel}",  # not here
            "/voila/files/(.*)",  # not here
            "/voila/labextensions/(.*)",  # here below scripts/
            rf"/voila/query/{kernel}",  # not here
            "/voila/render/(.*)",  # not here
            "/voila/static/(.*)",  # here below scripts/
            "/voila/templates/(.*)",  # not here
            rf"/voila/tree{path}",  # not here
        ]
    )


def test_nobody_reaches_somebody_elses_kernel(server: Running, visit: Visit) -> None:
    ana, ben, nobody = visit(server, "ana"), visit(server, "ben"), visit(server)
    kernel = ana.open_page()
    address, leave = f"api/kernels/{kernel}", f"voila/api/shutdown/{kernel}"
    assert ana.http.get(address).json()["id"] == kernel
    for other, status in ((ben, 404), (nobody, 401)):
        assert other.http.get(address).status_code == status
        assert send(other, "POST", leave).status_code == status
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            other.connect(kernel)
        assert refused.value.status_code == status
    missing = ben.http.get(f"api/kernels/{NO_KERNEL}")
    assert missing.status_code == 404
    assert missing.text == ben.http.get(address).text, "theirs looks like one that never was"
    socket = ana.connect(kernel)
    socket.close()
    assert send(ana, "POST", leave).status_code == 204


def test_other_sites_can_neither_connect_nor_post(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    kernel = ana.open_page()
    for origin in ("http://evil.example", "http://127.0.0.1:1", f"https://127.0.0.1:{server.port}", "null", None):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            ana.connect(kernel, origin=origin)
        assert refused.value.status_code == 403, origin
        headers = {"Origin": origin} if origin else {}
        assert ana.http.post(f"voila/api/shutdown/{kernel}", headers=headers).status_code == 403


def test_no_page_connects_by_an_older_protocol(server: Running, visit: Visit) -> None:
    """In which a hundred bytes say that there are a thousand million parts, and the server makes room for them."""
    eve = visit(server, "eve")
    kernel = eve.open_page()
    offers: list[tuple[str, ...]] = [(), ("x",), (f"{PROTOCOL}.x",)]
    for offered in offers:
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            eve.connect(kernel, protocols=offered)
        assert refused.value.status_code == 400, offered
    socket = eve.connect(kernel, protocols=("x", PROTOCOL))
    assert socket.getsubprotocol() == PROTOCOL
    socket.close()


def test_a_page_can_use_its_widget_and_run_nothing(server: Running, visit: Visit) -> None:
    ana = visit(server, "ana")
    socket = ana.connect(ana.open_page())
    for kind in ("execute_request", "shutdown_request", "history_request"):
        socket.send_binary(message(kind, {"code": "print('run')", "silent": False, "restart": False}))
        socket.send_binary(message(kind, {"code": "print('run')", "restart": False}, "control"))
    socket.send("not binary")
    assert set(kinds(socket, 1.5)) <= {"status"}
    control = {"comm_id": "c1", "target_name": "jupyter.widget.control", "data": {}}
    socket.send_binary(message("comm_open", control, metadata={"version": "1.0.0"}))
    socket.send_binary(message("comm_msg", {"comm_id": "c1", "data": {"method": "request_states"}}))
    assert "comm_msg" in kinds(socket, 30, "comm_msg")
    socket.close()


def _raw(server: Running, request: bytes) -> bytes:
    import socket

    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        return connection.recv(4096)
