"""Where the page is served, as it was asked for; what cannot be meant is refused with the next step."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.errors import ServeError
from workbench.serve import Options


def test_by_default_only_this_machine_can_connect() -> None:
    options = Options()
    assert (options.ip, options.is_loopback, options.behind_proxy) == ("127.0.0.1", True, False)
    assert options.public_url == "http://127.0.0.1:8866/"
    assert (options.base_path, options.origin, options.is_https) == ("/", "http://127.0.0.1:8866", False)


def test_a_proxy_in_front_gives_the_address_its_path_and_tls() -> None:
    options = Options(url="https://Label.Lab.example:8443/pilot-1")
    assert options.public_url == "https://Label.Lab.example:8443/pilot-1/"
    assert (options.base_path, options.is_https) == ("/pilot-1/", True)
    assert options.origin == "https://label.lab.example:8443"
    assert Options(ip="::1").public_url == "http://[::1]:8866/"
    assert not Options(ip="0.0.0.0").is_loopback


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"port": 0}, "no port: 0"),
        ({"port": 70000}, "no port: 70000"),
        ({"ip": "localhost"}, "no IP address: 'localhost'"),
        ({"max_sessions": 0}, "above 0"),
        ({"idle_minutes": 0}, "above 0"),
        ({"url": "label.lab.example"}, "no address of a page"),
        ({"url": "https://ana:pw@label.lab.example/"}, "no address of a page"),
        ({"url": "https://label.lab.example/?x=1"}, "no address of a page"),
        ({"url": "https://label.lab.example:port/"}, "no address of a page"),
        ({"model_url": "http://127.0.0.1:8000/v1"}, "needs the name of the model"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ServeError, match=said):
        Options(**changes)  # type: ignore[arg-type]


def test_neither_the_command_nor_the_room_loads_a_web_server() -> None:
    code = (
        "import sys, workbench.cli, workbench.serve; "
        "print([m for m in ('voila', 'tornado', 'jupyter_server', 'IPython') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_without_voila_the_error_carries_the_command_that_installs_it() -> None:
    code = (
        "import sys; sys.modules['voila'] = None\n"
        "from workbench import serve\n"
        "from workbench.errors import MissingExtraError\n"
        "try: serve.serve(None)\n"
        "except MissingExtraError as error: print(error)\n"
    )
    out = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert "pip install -e '.[serve]'" in out.stdout
