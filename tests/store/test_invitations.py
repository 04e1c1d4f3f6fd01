"""Invitations: the link is known to who got it and to nobody who reads the database or an export."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.store.make import label
from workbench.errors import StoreError
from workbench.records import Annotator
from workbench.store import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

WEEK = timedelta(days=7)
ANA, BEN = Annotator(id="ana", source="human", attributes={"age": "61"}), Annotator(id="ben", source="human")


def test_a_token_opens_its_invitation_until_it_expires(store: Store) -> None:
    before = datetime.now(UTC)
    token = store.invite("p", ANA, WEEK)
    assert len(token) >= 43, "256 random bits"
    found = store.invitation(token)
    assert found is not None
    assert (found.pilot, found.annotator, found.revoked_at) == ("p", "ana", None)
    assert before <= found.made_at <= datetime.now(UTC)
    assert found.expires_at == found.made_at + WEEK
    assert found.valid()
    assert found.valid(found.expires_at - timedelta(microseconds=1))
    assert not found.valid(found.expires_at)
    assert store.annotators() == [ANA]
    short = store.invite("p", BEN, timedelta(milliseconds=1))
    time.sleep(0.002)
    expired = store.invitation(short)
    assert expired is not None
    assert not expired.valid()


def test_other_texts_open_nothing(store: Store) -> None:
    token = store.invite("p", ANA, WEEK)
    kept = hashlib.sha256(token.encode()).hexdigest()
    for other in (
        "",
        "x",
        token[:-1],
        token + " ",
        token.swapcase(),
        kept,
        "\0",
        "\ud800",
        "' OR 1=1 --",
        "é" * 10_000,
    ):
        assert store.invitation(other) is None


def test_somebody_may_have_several_and_revoking_ends_all_of_one_pilot(store: Store) -> None:
    mine = [store.invite("p", ANA, WEEK) for _ in range(3)]
    elsewhere, bens = store.invite("p2", ANA, WEEK), store.invite("p", BEN, WEEK)
    assert len({*mine, elsewhere, bens}) == 5
    assert [one.annotator for one in store.invitations("p")] == ["ana", "ana", "ana", "ben"]
    assert store.annotators() == [ANA, BEN], "invited again is the same person"
    assert store.revoke("p", "ana") == 3
    ended = store.invitation(mine[0])
    assert ended is not None
    assert ended.revoked_at is not None
    assert not any(one.valid() for one in store.invitations("p") if one.annotator == "ana")
    for token in (elsewhere, bens):
        found = store.invitation(token)
        assert found is not None
        assert found.valid()
    assert store.revoke("p", "ana") == store.revoke("p", "nobody") == 0
    assert store.invitation(mine[0]) == ended, "the time of the first revocation stays"
    new = store.invitation(store.invite("p", ANA, WEEK))
    assert new is not None
    assert new.valid()


def test_an_invitation_does_not_change_who_somebody_is(store: Store) -> None:
    store.append([ANA])
    store.invite("p", Annotator(id="ana", source="human"), WEEK)
    with pytest.raises(StoreError, match="annotator ana is in the store with other content"):
        store.invite("p", Annotator(id="ana", source="simulated"), WEEK)
    assert len(store.invitations("p")) == 1
    assert store.annotators() == [ANA]


def test_only_a_hash_is_kept(store: Store, store_url: str, tmp_path: Path) -> None:
    tokens = [store.invite("p", ANA, WEEK), store.invite("p", BEN, WEEK)]
    hashes = [hashlib.sha256(token.encode()).hexdigest() for token in tokens]
    store.append([label("l1")])
    path = tmp_path / "out.jsonl"
    for pilot in (None, "p"):
        store.export(path, pilot, attributes=True)
        text = path.read_text(encoding="utf-8")
        assert not any(secret in text for secret in (*tokens, *hashes))
    with open_store(tmp_path / "again.sqlite") as again:
        again.load(path)
        assert again.invitations("p") == []
    with store._engine.connect() as connection:
        rows = str(connection.execute(sa.text("SELECT * FROM invitations")).all())
    assert all(kept in rows for kept in hashes)
    assert not any(token in rows for token in tokens)
    if store_url.startswith("sqlite"):
        raw = b"".join(file.read_bytes() for file in tmp_path.glob("store.sqlite*"))  # and its journal
        assert all(kept.encode() in raw for kept in hashes), "the search would find them"
        assert not any(token.encode() in raw for token in tokens)
