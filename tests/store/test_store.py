"""The store on both databases: what was acknowledged is there, once, unchanged; everything else is refused by name."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.store.make import NASTY, T0, adjudication, assignment, guideline, label, quarantined
from workbench.errors import MissingExtraError, RecordError, StoreError
from workbench.records import Annotator, Label
from workbench.store import Appended, Store, engine, exchange, open_store, schema
from workbench.store.engine import file_system, make_engine, prepare

ROOT = Path(__file__).parents[2]


def test_what_is_appended_is_read_back_equal_and_in_order_of_arrival(store: Store) -> None:
    people = [Annotator(id="zoe", source="human", pool="expert"), Annotator(id="ana", source="simulated")]
    asked = [assignment("a9"), assignment("a1", annotator="zoe")]
    given = [label("l9", duration_s=1.5, submitted_at=T0), label("l1", item="i2"), label("other", pilot="p2")]
    decided = [adjudication("d1")]
    assert store.append([*people, *asked, *given, *decided]) == Appended(n_new=8, n_known=0)
    assert store.annotators() == people
    assert store.assignments("p") == asked
    assert store.labels("p") == given[:2]
    assert store.labels("p2") == given[2:]
    assert store.labels("nowhere") == []
    assert store.adjudications("p") == decided
    assert store.guideline("helpful/v1") == store.guideline(guideline().sha256) == guideline()


def test_the_same_content_again_adds_nothing(store: Store) -> None:
    given = [label("l1"), label("l2", item="i2")]
    assert store.append(given) == Appended(2, 0)
    assert store.append([*given, label("l3", item="i3"), label("l3", item="i3")]) == Appended(1, 3)
    assert not store.keep_guideline(guideline())
    assert len(store.labels("p", history=True)) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (label("x"), label("x", answer={"choice": "B"})),
        (assignment("x"), assignment("x", position=3)),
        (adjudication("x"), adjudication("x", reason="other")),
        (Annotator(id="x", source="human"), Annotator(id="x", source="simulated")),
    ],
    ids=lambda record: type(record).__name__,
)
def test_an_id_with_other_content_is_refused_and_nothing_of_the_call_is_kept(
    store: Store, first: Any, second: Any
) -> None:
    store.append([first])
    with pytest.raises(StoreError, match="x is in the store with other content"):
        store.append([label("innocent", item="i7"), second])
    with pytest.raises(StoreError, match="other content"):
        store.append([label("once", item="i8"), label("once", item="i8", reason="twice")])
    assert [one.label_id for one in store.labels("p", history=True)] == (["x"] if isinstance(first, Label) else [])
    # The same id of another kind is another thing.
    other = adjudication("x") if isinstance(first, Label) else label("x")
    assert store.append([other]) == Appended(1, 0)


def test_a_correction_replaces_in_the_current_view_and_stays_in_history(store: Store) -> None:
    first, second, third = label("l1"), label("l2", supersedes="l1"), label("l3", supersedes="l2", reason="sure")
    other = label("l0", annotator="ben")
    store.append([first, other])
    store.append([second, third])
    assert store.labels("p") == [other, third]
    assert store.labels("p", history=True) == [first, other, second, third]
    store.append([adjudication("d1"), adjudication("d2", annotator="second_lead", supersedes="d1")])
    assert [one.adjudication_id for one in store.adjudications("p")] == ["d2"]
    assert [one.adjudication_id for one in store.adjudications("p", history=True)] == ["d1", "d2"]
    counts = store.counts("p")
    assert (counts.n_labels, counts.n_superseded, counts.n_adjudications) == (2, 2, 1)
    assert (counts.n_items, counts.n_annotators, counts.n_assignments, counts.n_quarantined) == (1, 2, 0, 0)


def test_every_event_changes_the_state_of_its_pilot_alone(store: Store) -> None:
    assert store.state("p") == (0, 0)
    seen = [store.state("p")]
    for one in (label("l1"), label("l2", supersedes="l1"), adjudication("d1")):
        store.append([one])
        seen.append(store.state("p"))
    assert len(set(seen)) == 4
    store.append([label("l1")])  # known already
    assert store.state("p") == seen[-1]
    assert store.state("q") == (0, 0)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"supersedes": "missing"}, "supersedes 'missing', which is not in the store"),
    ({"supersedes": "l1", "annotator": "ben"}, "of annotator 'ana', but is of 'ben'"),
    ({"supersedes": "l1", "item": "i2"}, "of item 'i1', but is of 'i2'"),
    ({"supersedes": "l1", "pilot": "p2"}, "of pilot 'p', but is of 'p2'"),
    ({"supersedes": "l1", "is_repeat": True}, "of is_repeat False, but is of True"),
    ({"supersedes": "l0"}, "which 'l1' has corrected already"),
    ({"supersedes": "bad"}, "supersedes 'bad', which is not in the store"),
    ({"guideline_sha256": "0" * 64}, "guideline helpful/v1 with sha256 000000000000… is not in the store"),
    ({"guideline": "helpful/v2"}, "is guideline helpful/v1, not helpful/v2"),
    ({"task": "likert", "answer": {"ratings": {"x": 1}}, "responses": ("r",), "order": ("r",)}, "for pairwise"),
]


def test_a_label_that_breaks_a_rule_is_refused_by_name(store: Store) -> None:
    store.append([label("l0"), label("l1", supersedes="l0")])
    for changes, message in BROKEN:
        with pytest.raises(StoreError) as caught:
            store.append([label("bad", **changes)])
        assert message in str(caught.value)
        assert len(store.labels("p", history=True)) == 2


def test_answers_are_checked_against_the_task(store: Store) -> None:
    with pytest.raises(RecordError, match="choice"):
        store.append([label("l1", answer={"choice": "C"})])
    with pytest.raises(RecordError, match="choice"):
        store.append([adjudication("d1", answer={"choice": "left"})])
    # A frozen record may still be changed inside; what no JSON text can hold stops here at the latest.
    broken = label("l1")
    broken.answer["strength"] = float("nan")
    with pytest.raises(RecordError, match="not storable"):
        store.append([broken])
    with pytest.raises(StoreError, match="cannot append a Quarantined; allowed are"):
        store.append([quarantined("x")])  # type: ignore[list-item]
    with pytest.raises(StoreError, match="time zone"):
        store.append([label("l1")], received_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
    assert store.labels("p", history=True) == []


def test_a_guideline_version_is_free_until_it_has_labels_and_frozen_after(store: Store) -> None:
    draft = guideline("Prefer the shorter response.")
    assert store.frozen() == {}
    assert store.keep_guideline(draft, received_at=T0 + timedelta(days=1))
    assert store.guideline("helpful/v1") == draft, "the latest draft counts while nothing is labelled"
    store.append([label("l1")])
    assert store.frozen() == store.frozen("p") == {"helpful/v1": guideline().sha256}
    assert store.frozen("another_pilot") == {}
    assert store.guideline("helpful/v1") == guideline(), "the text that labels name counts"
    with pytest.raises(StoreError, match="is frozen"):
        store.append([label("l2", guideline_sha256=draft.sha256)])
    with pytest.raises(StoreError, match="is frozen"):
        store.keep_guideline(guideline("Prefer the longer response."))
    assert store.keep_guideline(guideline("Prefer the longer response.", version="v2"))
    with pytest.raises(StoreError, match="sha256 is not that of its text"):
        store.keep_guideline(guideline().model_copy(update={"text": "swapped", "version": "v3"}))
    with pytest.raises(StoreError, match=r"there are \['helpful/v1', 'helpful/v2'\]"):
        store.guideline("helpful/v9")


def test_two_texts_of_one_version_cannot_both_get_labels_in_one_call(store: Store) -> None:
    draft = guideline("Prefer the shorter response.")
    store.keep_guideline(draft)
    with pytest.raises(StoreError, match="is frozen"):
        store.append([label("l1"), label("l2", item="i2", guideline_sha256=draft.sha256)])
    assert store.frozen() == {}


CHANGES = {
    "sqlite": ("UPDATE {} SET payload = '{{}}'", "DELETE FROM {}", "INSERT OR REPLACE INTO {} SELECT * FROM {}"),
    "postgresql": ("UPDATE {} SET payload = '{{}}'", "DELETE FROM {}", "TRUNCATE {} CASCADE"),
}


@pytest.mark.parametrize("table", ["events", "guidelines", "quarantine"])
def test_the_database_refuses_changes_from_any_program(store: Store, store_url: str, table: str) -> None:
    store.append([label("l1")])
    store.quarantine([quarantined("raw")])
    # A plain connection without this package's settings, as another program would open it.
    plain = sa.create_engine(store_url, poolclass=sa.NullPool)
    for statement in CHANGES[plain.dialect.name]:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), plain.begin() as connection:
            connection.exec_driver_sql(statement.format(table, table))
    assert store.labels("p") == [label("l1")]
    assert store.guideline("helpful/v1") == guideline()
    assert store.quarantined("p") == [quarantined("raw")]


def test_any_text_survives_and_hostile_ids_never_get_in(store: Store, tmp_path: Path) -> None:
    long = "long " * 400_000
    given = [label("l1", reason=NASTY, flags=(NASTY,)), label("l2", reason=long, item="i2")]
    store.append([*given, Annotator(id="ana", source="human", attributes={NASTY: NASTY})])
    assert store.labels("p") == given
    store.export(tmp_path / "out.jsonl", "p", attributes=True)
    with open_store(tmp_path / "again.sqlite") as again:
        again.load(tmp_path / "out.jsonl")
        assert again.labels("p") == given
        assert again.annotators() == store.annotators()
    assert store.labels(NASTY.replace("\0", "")) == []
    for bad in ("../x", "a b", "x'; DROP TABLE events; --", "", "é", "a\n", "a\0", "x" * 129):
        with pytest.raises(RecordError):
            label(bad)


def test_quarantine_keeps_a_raw_row_once_a_pilot(store: Store) -> None:
    rows = [quarantined("a,b"), quarantined(NASTY, line=8), quarantined("", line=9)]
    assert store.quarantine(rows) == Appended(3, 0)
    assert store.quarantine([*rows, quarantined("a,b", pilot="p2"), quarantined("a,b", line=70)]) == Appended(1, 4)
    assert store.quarantined("p") == rows
    assert store.counts("p").n_quarantined == 3


def test_export_is_canonical_and_reads_back_to_the_same_bytes_and_order(store: Store, tmp_path: Path) -> None:
    store.append(
        [assignment("a2"), assignment("a1"), label("z")], received_at=T0.astimezone(timezone(timedelta(hours=2)))
    )
    store.append([Annotator(id="ben", source="human"), Annotator(id="ana", source="human")])
    store.append(
        [label("b", supersedes="z", reason=NASTY), adjudication("d1"), label("a", pilot="p2", annotator="ben")]
    )
    store.keep_guideline(guideline("unused", version="v2"))
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert store.export(first, "p") == 7
    lines = first.read_bytes().split(b"\n")
    assert lines.pop() == b""
    keys = [(json.loads(line)["kind"], next(iter(_ids(json.loads(line)["record"])))) for line in lines]
    assert keys == [
        ("adjudication", "d1"),
        ("annotator", "ana"),
        ("assignment", "a1"),
        ("assignment", "a2"),
        ("guideline", "helpful"),
        ("label", "b"),
        ("label", "z"),
    ]
    assert json.loads(lines[2])["received_at"] == "2026-01-02T03:04:05.000000Z"
    with open_store(tmp_path / "again.sqlite") as again:
        assert again.load(first) == Appended(7, 0, 0)
        assert again.labels("p", history=True) == store.labels("p", history=True), "arrival order survives"
        assert again.assignments("p") == store.assignments("p") == [assignment("a2"), assignment("a1")]
        assert again.export(second, "p") == 7
        assert second.read_bytes() == first.read_bytes()
        assert again.load(first) == Appended(0, 7, 0)
        assert store.export(first) == 10
        assert again.load(first) == Appended(3, 7, 0)
        assert again.frozen() == store.frozen()


def test_attributes_of_annotators_leave_the_store_only_when_asked_for(store: Store, tmp_path: Path) -> None:
    person = Annotator(id="ana", source="human", pool="crowd", attributes={"age": "sixty-one"})
    store.append([person, label("l1")])
    path = tmp_path / "out.jsonl"
    store.export(path, "p")
    # Not digits, which a time of arrival may hold too.
    assert "sixty-one" not in path.read_text(encoding="utf-8")
    assert store.load(path) == Appended(0, 3, 0), "the same person, as exports show them"
    assert store.annotators() == [person]
    with pytest.raises(StoreError, match="other content"):
        store.append([person.model_copy(update={"attributes": {"age": "sixteen"}})])
    with pytest.raises(StoreError, match="other content"):
        store.append([Annotator(id="ana", source="human", pool="expert")])
    store.export(path, "p", attributes=True)
    assert '"attributes":{"age":"sixty-one"}' in path.read_text(encoding="utf-8")


def _ids(record: dict[str, Any]) -> list[str]:
    return [record[key] for key in ("label_id", "adjudication_id", "id", "name") if key in record]


def test_bad_lines_of_an_export_are_kept_aside_and_the_rest_comes_in(store: Store, tmp_path: Path) -> None:
    store.append([label("l1"), label("l2", supersedes="l1"), label("l3", item="i3")])
    path = tmp_path / "out.jsonl"
    store.export(path, "p")
    good = path.read_bytes()
    event = json.loads(good.split(b"\n")[1])
    changed = {**event, "record": {**event["record"], "reason": "forged"}}
    orphan = {**event, "record": {**event["record"], "label_id": "l9", "supersedes": "nobody"}}
    bad = [
        b'{"kind": "label"',
        b"\xff\xfe binary \x00",
        b"[1, 2]",
        json.dumps({**event, "kind": "gossip"}).encode(),
        json.dumps({**event, "received_at": "yesterday"}).encode(),
        json.dumps({**event, "received_at": "2026-01-01T00:00:00"}).encode(),
        json.dumps({**event, "seq": "first"}).encode(),
        json.dumps({**event, "record": {"label_id": "x", "pilot": "../../etc"}}).encode(),
        json.dumps(changed).encode(),
        json.dumps(orphan).encode(),
        b"[" * 100_000,
        b'{"kind":"label","received_at":"2026-01-01T00:00:00Z","record":{"label_id":' + b"9" * 5000 + b"}}",
    ]
    path.write_bytes(good + b"\n".join(bad) + b"\n\n")
    with open_store(tmp_path / "again.sqlite") as again:
        assert again.load(path) == Appended(4, 0, len(bad))
        aside = again.quarantined("p")
        assert [row.line for row in aside] == list(range(5, 5 + len(bad)))
        assert "with other content" in aside[8].error
        assert "supersedes 'nobody'" in aside[9].error
        assert aside[0].raw == '{"kind": "label"'
        assert aside[1].sha256 == hashlib.sha256(bad[1]).hexdigest()
        assert again.load(path) == Appended(0, 4, len(bad))
        assert len(again.quarantined("p")) == len(bad)
        assert again.labels("p") == store.labels("p")


def test_an_export_without_arrival_order_still_puts_corrections_after_what_they_correct(tmp_path: Path) -> None:
    with open_store(tmp_path / "a.sqlite") as store:
        store.keep_guideline(guideline())
        store.append([label("z"), label("m", supersedes="z"), label("a", supersedes="m")])
        store.export(tmp_path / "out.jsonl")
    events = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    bare = [json.dumps({key: value for key, value in event.items() if key != "seq"}) for event in events]
    (tmp_path / "bare.jsonl").write_text("\n".join(bare), encoding="utf-8")
    with open_store(tmp_path / "b.sqlite") as again:
        assert again.load(tmp_path / "bare.jsonl") == Appended(4, 0, 0)
        assert [one.label_id for one in again.labels("p", history=True)] == ["z", "m", "a"]
        with pytest.raises(StoreError, match="cannot read the export"):
            again.load(tmp_path / "missing.jsonl")
        with pytest.raises(StoreError, match="cannot write the export"):
            again.export(tmp_path / "no" / "folder.jsonl")
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


def _write_many(url: str, writer: int, n: int) -> None:
    with open_store(url) as store:
        store.keep_guideline(guideline())
        for number in range(n):
            store.append([label(f"w{writer}_{number}", item=f"i{number}", annotator=f"w{writer}")])


def _write_and_tell(url: str, log: str) -> None:
    with open_store(url) as store, Path(log).open("ab", buffering=0) as told:
        for number in range(1_000_000):
            store.append([label(f"k{number}", item=f"i{number}")])
            told.write(f"k{number}\n".encode())


def test_processes_that_open_and_write_at_once_lose_and_double_nothing(store_url: str, processes: Any) -> None:
    writers = [processes.Process(target=_write_many, args=(store_url, writer, 50)) for writer in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=120)
    assert [writer.exitcode for writer in writers] == [0] * 6
    with open_store(store_url) as store:
        found = [one.label_id for one in store.labels("p")]
    assert len(found) == 300
    assert set(found) == {f"w{writer}_{number}" for writer in range(6) for number in range(50)}
    for writer in range(6):
        own = [name for name in found if name.startswith(f"w{writer}_")]
        assert own == [f"w{writer}_{number}" for number in range(50)], "each writer's labels keep their order"


def test_what_was_acknowledged_survives_a_killed_writer(
    store: Store, store_url: str, tmp_path: Path, processes: Any
) -> None:
    log = tmp_path / "told"
    log.touch()
    writer = processes.Process(target=_write_and_tell, args=(store_url, str(log)))
    writer.start()
    until = time.monotonic() + 240
    while log.read_bytes().count(b"\n") < 60 and time.monotonic() < until:
        time.sleep(0.01)
    writer.kill()
    writer.join(timeout=30)
    told = log.read_text(encoding="utf-8").split("\n")[:-1]
    assert len(told) >= 60
    found = [one.label_id for one in store.labels("p")]
    # The one being written when the kill came may be there too, unacknowledged; a retry then counts it as known.
    assert found[: len(told)] == told
    assert len(found) - len(told) in (0, 1)
    again = store.append([label(f"k{number}", item=f"i{number}") for number in range(len(told) + 1)])
    assert again.n_known == len(found)


def test_threads_share_one_store_and_only_one_of_many_corrections_wins(store: Store) -> None:
    store.append([label("first")])
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def correct(number: int) -> None:
        barrier.wait()
        try:
            store.append([label(f"c{number}", supersedes="first")])
            outcomes.append("kept")
        except StoreError as error:
            outcomes.append("corrected already" if "has corrected already" in str(error) else str(error))
        for extra in range(10):
            store.append([label(f"t{number}_{extra}", item="i2", annotator=f"t{number}")])

    threads = [threading.Thread(target=correct, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(outcomes) == ["corrected already"] * 7 + ["kept"]
    assert len(store.labels("p")) == 81


def test_an_older_database_is_migrated_and_keeps_its_rows(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old = make_engine(engine.store_url(store_url))
    prepare(old)
    assert schema.migrate(old, schema.MIGRATIONS[:1]) == 1
    with Store(old) as before:
        before.keep_guideline(guideline())
        before.append([label("l1")])
    with open_store(store_url) as opened:
        assert opened.labels("p") == [label("l1")]
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), opened._engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM events")
    assert schema.migrate(old) == 0

    def add_column(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE events ADD COLUMN note TEXT")

    def fail(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half_done (x TEXT)")
        connection.exec_driver_sql("SELECT 1 FROM nowhere")

    with pytest.raises(StoreError, match="nowhere"):
        schema.migrate(old, [*schema.MIGRATIONS, add_column, fail])
    inspector = sa.inspect(old)
    assert "half_done" not in inspector.get_table_names(), "a failed migration leaves nothing behind"
    assert "note" not in {column["name"] for column in inspector.get_columns("events")}
    with open_store(store_url) as opened:
        assert opened.labels("p") == [label("l1")]

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_column))
    with open_store(store_url) as opened:
        assert opened.append([label("l2", item="i2")]) == Appended(1, 0)
    assert "note" in {column["name"] for column in sa.inspect(old).get_columns("events")}
    monkeypatch.undo()
    with pytest.raises(StoreError, match="schema version 4, and this workbench knows up to 3") as caught:
        open_store(store_url)
    assert "update the workbench" in caught.value.next_step
    old.dispose()


def test_another_programs_database_is_left_alone(store_url: str) -> None:
    other = sa.create_engine(store_url)
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match=r"tables that are not a store's: \['recipes'\]"):
        open_store(store_url)
    assert sa.inspect(other).get_table_names() == ["recipes"]
    other.dispose()


def test_sqlite_is_set_up_for_durability_on_every_connection(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        held = [store._engine.connect() for _ in range(3)]
        for connection in held:
            values = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
            ]
            assert values == ["wal", 2, 60_000, 1]
            connection.close()


def test_a_reader_is_not_blocked_by_a_writer(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        store.keep_guideline(guideline())
        with engine.transaction(store._engine, writes=True):
            started = time.monotonic()
            assert store.labels("p") == []
            assert time.monotonic() - started < 50, "who is blocked waits for 60 s"


def test_network_file_systems_are_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/sdb /home/local ext4 rw 0 0\n"
        "me@host:/x /mnt/my\\040share fuse.sshfs rw 0 0\nbad line\n/dev/sdc /over ext4 rw 0 0\nz /over cifs rw 0 0\n",
        encoding="utf-8",
    )
    kinds = {
        place: file_system(Path(place), mounts)
        for place in ("/tmp/x", "/home/ana/s.sqlite", "/home/local/s", "/mnt/my share/s", "/over/s", "/homework/s")
    }
    assert list(kinds.values()) == ["ext4", "nfs4", "ext4", "fuse.sshfs", "cifs", "ext4"]
    assert file_system(tmp_path, tmp_path / "no-such-list") == ""
    for kind in ("nfs4", "cifs", "9p", "lustre", "fuse.sshfs", "fuse.s3fs", "smb3"):
        monkeypatch.setattr(engine, "file_system", lambda _, kind=kind: kind)
        with pytest.raises(StoreError, match=f"network file system, and this folder is on {kind}") as caught:
            open_store(tmp_path / "s.sqlite")
        assert "postgresql+psycopg" in caught.value.next_step
    for kind in ("ext4", "overlay", "fuse.mergerfs", "tmpfs", ""):
        monkeypatch.setattr(engine, "file_system", lambda _, kind=kind: kind)
        open_store(tmp_path / "s.sqlite").close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "a store needs a plain file"),
        ("sqlite:///:memory:", "a store needs a plain file"),
        ("sqlite:///x.sqlite?mode=ro", "a store needs a plain file"),
        ("mysql://u:hunter2@h/d", "no store on 'mysql'; allowed are sqlite and postgresql"),
        ("postgresql+asyncpg2:hunter2", "cannot be read"),
        ("postgresql+psycopg://u:hunter2@h:port/d", "cannot be read"),
    ],
)
def test_urls_that_are_no_store_are_refused_without_repeating_a_password(url: str, message: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_paths_that_cannot_hold_a_store_are_refused_in_one_line(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to be read as one " * 40, encoding="utf-8")
    cases = {
        tmp_path / "no" / "s.sqlite": "folder does not exist",
        tmp_path: "is a folder",
        text: "not a database",
        Path("/proc/s.sqlite"): "unable to open",
    }
    for path, message in cases.items():
        with pytest.raises(StoreError, match=message) as caught:
            open_store(path)
        assert "\n" not in str(caught.value)
        assert caught.value.next_step
    assert text.read_text(encoding="utf-8").startswith("not a database")


def test_a_path_and_its_url_are_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for where in (tmp_path / "s.sqlite", str(tmp_path / "s.sqlite"), "s.sqlite", "sqlite:///s.sqlite"):
        with open_store(where) as store:
            store.keep_guideline(guideline())
            assert repr(store) == f"Store('sqlite:///{tmp_path / 's.sqlite'}')"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.sqlite"]


@pytest.mark.postgres
def test_a_password_is_in_no_message(postgres_server: str) -> None:
    url = postgres_server.replace("postgresql://", "postgresql+psycopg://").replace("open-sesame", "hunter2")
    for wrong in (f"{url}/postgres", f"{url}/postgres?password=hunter2&options=-c%20hunter2%3D1"):
        with pytest.raises(StoreError, match="PostgreSQL refused") as caught:
            open_store(wrong)
        shown = f"{caught.value} {caught.value.__cause__} {caught.value!r}"
        assert "hunter2" not in shown
        assert "\n" not in str(caught.value)
    assert "hunter2" not in repr(Store(make_engine(sa.make_url(f"{url}/postgres?password=hunter2"))))


@pytest.mark.postgres
def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: str) -> None:
    import psycopg

    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
        admin.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
        with pytest.raises(StoreError, match="encoding is LATIN1"):
            open_store(f"{postgres_server}/latin")
        admin.execute("DROP DATABASE latin WITH (FORCE)")


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'preference-workbench\[postgres\]'"):
        open_store("postgresql+psycopg://u:p@127.0.0.1/d")


def test_a_read_only_store_can_be_read_and_says_so_on_writing(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        store.keep_guideline(guideline())
        store.append([label("l1")])
        sa.event.listen(store._engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only=ON"))
        store.close()
        assert store.labels("p") == [label("l1")]
        with pytest.raises(StoreError, match="readonly") as caught:
            store.append([label("l2", item="i2")])
        assert "\n" not in str(caught.value)
        assert "writable" in str(caught.value)


FILL = """
import resource, sys
from tests.store.make import guideline, label
from workbench.errors import StoreError
from workbench.store import open_store
with open_store(sys.argv[1]) as store:
    store.keep_guideline(guideline())
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    try:
        for number in range(10_000):
            store.append([label(f"l{number}", item=f"i{number}", reason="x" * 5_000)])
            print(number, flush=True)
    except StoreError as error:
        print("refused:", error)
"""


def test_a_full_disk_is_one_line_and_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, tmp_path / "s.sqlite"], capture_output=True, text=True, cwd=ROOT, timeout=240
    )
    assert done.returncode == 0, done.stderr
    *told, last = done.stdout.splitlines()
    assert last.startswith("refused: SQLite refused: "), last
    assert "disk" in last
    assert len(told) > 5
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with open_store(tmp_path / "s.sqlite") as store:
        assert [one.label_id for one in store.labels("p")] == [f"l{number}" for number in told]
        assert store.append([label("after", item="after")]) == Appended(1, 0)


def test_a_forked_child_gets_connections_of_its_own(tmp_path: Path) -> None:
    code = """
import os, sys
from tests.store.make import guideline, label
from workbench.store import open_store
store = open_store(sys.argv[1]); store.keep_guideline(guideline()); store.append([label("parent")])
held = store._engine.pool.checkedin()
child = os.fork()
if child == 0:
    store.append([label("child", item="i2")])
    os._exit(0 if held else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
store.append([label("parent2", item="i3")])
print([one.label_id for one in store.labels("p")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "s.sqlite"], capture_output=True, text=True, cwd=ROOT, timeout=240
    )
    assert done.stdout.strip() == "['parent', 'child', 'parent2']", done.stderr


def test_a_stored_record_this_version_cannot_read_is_an_error_and_never_a_guess(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        store.keep_guideline(guideline())
        store.append([label("l1")])
    raw = sqlite3.connect(tmp_path / "s.sqlite")
    raw.execute(
        "INSERT INTO events (kind, id, pilot, batch, item, annotator, payload, received_at) "
        "VALUES ('label', 'l2', 'p', '', '', '', '{\"label_id\": \"l2\"}', '')"
    )
    raw.commit()
    raw.close()
    with open_store(tmp_path / "s.sqlite") as store, pytest.raises(StoreError, match="a stored Label does not fit"):
        store.labels("p")


def test_the_line_an_export_writes_is_canonical(tmp_path: Path) -> None:
    rows = [exchange.Row("label", "x", "2026-01-01T00:00:00.000000Z", '{"a":1}', 3)]
    assert exchange.write(tmp_path / "x.jsonl", rows) == 1
    assert (tmp_path / "x.jsonl").read_text(encoding="utf-8") == (
        '{"kind":"label","received_at":"2026-01-01T00:00:00.000000Z","record":{"a":1},"seq":3}\n'
    )
    assert os.listdir(tmp_path) == ["x.jsonl"]  # noqa: PTH208 - hidden leftovers count too
