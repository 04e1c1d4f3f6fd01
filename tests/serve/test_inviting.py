"""`workbench invite`: one secret link a person, shown once; who is invited; and taking links back."""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.pilot import small
from tests.serve import make
from workbench import serve
from workbench.cli import main
from workbench.errors import PilotError, ServeError
from workbench.pilot import open_pilot

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot

URL = "https://label.lab.example/"


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    return make.pilot(tmp_path / "small")


def test_each_person_gets_a_link_of_their_own_that_is_kept_nowhere(pilot: Pilot) -> None:
    ana, ben = serve.invite(pilot, ["ana", "ben"], days=3, url="https://label.lab.example")
    assert (ana.annotator, ben.annotator) == ("ana", "ben")
    tokens = [link.url.removeprefix(f"{URL}?token=") for link in (ana, ben)]
    assert tokens[0] != tokens[1]
    assert all(len(token) == 43 for token in tokens)
    assert timedelta(days=2.9) < ana.expires_at - datetime.now(UTC) < timedelta(days=3)
    found = pilot.store.invitation(tokens[0])
    assert found is not None
    assert (found.pilot, found.annotator) == ("small", "ana")
    pilot.store.close()
    for path in pilot.folder.rglob("*"):
        if path.is_file():
            assert all(token.encode() not in path.read_bytes() for token in tokens), path


def test_the_list_says_how_everybody_stands(pilot: Pilot) -> None:
    serve.invite(pilot, ["ana", "ben", "cho"], url=URL)
    serve.invite(pilot, ["ana"], days=30, url=URL)
    assert serve.revoke(pilot, "ben") == 1
    pilot.store.close()
    with sqlite3.connect(pilot.folder / "store.sqlite") as connection:
        connection.execute("UPDATE invitations SET expires_at = '2026-01-01T00:00:00.000000Z' WHERE annotator = 'cho'")
    stand = {one.annotator: one for one in serve.invitations(pilot)}
    assert {name: (one.state, one.n_open, one.n_labels) for name, one in stand.items()} == {
        "ana": ("open", 2, 0),
        "ben": ("revoked", 0, 0),
        "cho": ("expired", 0, 0),
    }
    assert stand["ana"].expires_at - datetime.now(UTC) > timedelta(days=29)


def test_revoking_takes_back_all_links_of_one_person(pilot: Pilot) -> None:
    links = [*serve.invite(pilot, ["ana"], url=URL), *serve.invite(pilot, ["ana"], url=URL)]
    other = serve.invite(pilot, ["ben"], url=URL)
    assert serve.revoke(pilot, "ana") == 2
    assert serve.revoke(pilot, "ana") == 0
    for link in [*links, *other]:
        found = pilot.store.invitation(link.url.partition("token=")[2])
        assert found is not None
        assert found.valid() is (link.annotator == "ben")
    with pytest.raises(ServeError, match=r"zoe was never invited.*--list"):
        serve.revoke(pilot, "zoe")


@pytest.mark.parametrize("name", ["a b", "", "-x", "ana<script>", "é", "x" * 129])
def test_a_name_that_is_no_id_is_refused_and_nobody_is_invited(pilot: Pilot, name: str) -> None:
    with pytest.raises(ServeError, match=r"cannot be an annotator's id.*letters, digits"):
        serve.invite(pilot, ["ana", name], url=URL)
    assert pilot.store.invitations("small") == []


def test_simulated_annotators_bad_times_and_empty_pilots_are_refused(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "small")
    simulated = open_pilot(folder)
    with pytest.raises(PilotError, match="s1 is simulated"):
        serve.invite(simulated, ["ana", "s1"], url=URL)
    with pytest.raises(ServeError, match="no items to label"):
        serve.invite(simulated, ["ana"], url=URL)
    with pytest.raises(ServeError, match="nobody to invite"):
        serve.invite(simulated, [], url=URL)
    for days in (0, -1, 400, float("nan")):
        with pytest.raises(ServeError, match="up to 366 days"):
            serve.invite(simulated, ["ana"], days=days, url=URL)
    assert simulated.store.invitations("small") == []


def test_the_command_prints_links_once_and_a_list_without_them(
    pilot: Pilot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["workbench", "invite", str(pilot.folder), *words])
        with pytest.raises(SystemExit):
            main()
        out, err = capsys.readouterr()
        return out + err

    made = call("ana", "ben", "--days", "2", "--url", URL)
    assert made.count(f"{URL}?token=") == 2
    assert "good for 2 days" in made
    listed = call("--list")
    assert "ana  open until " in listed
    assert "token" not in listed
    assert call("--revoke", "ana").startswith("1 links of ana taken back")
    assert "ana  revoked" in call("--list")
    assert call("--revoke", "zoe").startswith("error: zoe was never invited")
    assert call().startswith("error: nobody to invite")
