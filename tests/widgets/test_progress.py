"""The progress page's Python half: when it reads, what it says without a kernel, and that its thread ends."""

from __future__ import annotations

import gc
import json
import math
import time
from datetime import UTC, datetime
from typing import Any

from workbench.errors import StoreError
from workbench.widgets import follow
from workbench.widgets.progress import Number, Person, Snapshot

HOSTILE = "<img src=x onerror=alert(1)>"


def snapshot(**changes: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "title": "a pilot",
        "taken_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "labels": 3,
        "wanted": 12,
        "items_done": 1,
        "items": 4,
        "aside": 2,
        "flags": {"off topic": 2},
        "agreement": (Number("alpha", 0.5, 0.2, 0.7, 4),),
        "agreement_wanted": 0.6,
        "gold_allowed": 0.15,
        "people": (
            Person("ana", "human", 2, 6, 1, 2, 12.25, Number("", 0.5, 0.1, 0.9, 2), ("quicker lately",)),
            Person("ben", "human", 1, 0, 0, 1, math.nan, None),
        ),
    }
    return Snapshot(**(fields | changes))


def until(happens: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_it_reads_only_when_something_has_changed() -> None:
    version, reads = [0], [0]

    def read() -> Snapshot:
        reads[0] += 1
        return snapshot(labels=reads[0])

    shown = follow(read, lambda: version[0])
    assert (reads[0], shown.snapshot["labels"]) == (1, 1)
    assert not shown.refresh()
    assert reads[0] == 1
    version[0] = 1
    assert shown.refresh()
    assert shown.snapshot["labels"] == 2


def test_it_follows_while_somebody_looks_and_stops_when_closed() -> None:
    version = [0]
    shown = follow(lambda: snapshot(labels=version[0]), lambda: version[0], every_s=0.02)
    version[0] = 1
    time.sleep(0.1)
    assert shown.snapshot["labels"] == 0, "nobody looks"
    shown._handle({"type": "nonsense"})
    shown._handle({"type": "watching"})
    until(lambda: shown.snapshot["labels"] == 1)
    version[0] = 5
    until(lambda: shown.snapshot["labels"] == 5)
    thread = shown._thread
    shown.close()
    thread.join(timeout=120)
    assert not thread.is_alive()


def test_a_forgotten_widget_ends_its_thread() -> None:
    shown = follow(snapshot, lambda: 0, every_s=0.02)
    shown._handle({"type": "watching"})
    thread = shown._thread
    from ipywidgets import Widget

    Widget.close_all()
    del shown
    gc.collect()
    thread.join(timeout=120)
    assert not thread.is_alive()


def test_trouble_is_said_and_passes() -> None:
    trouble: list[Exception] = []
    version = [0]

    def read() -> Snapshot:
        if trouble:
            raise trouble[0]
        return snapshot(labels=version[0])

    shown = follow(read, lambda: version[0])
    trouble.append(StoreError("the database is away", next_step="start it"))
    version[0] = 1
    assert not shown.refresh()
    assert shown.trouble == "the database is away -> start it"
    assert shown.snapshot["labels"] == 0, "what was known stays"
    trouble.clear()
    assert shown.refresh()
    assert (shown.trouble, shown.snapshot["labels"]) == ("", 1)


def test_trouble_from_the_start_is_a_page_too() -> None:
    def read() -> Snapshot:
        raise OSError("no\nsuch file")

    shown = follow(read, lambda: 0)
    assert shown.trouble == "OSError: no such file"
    assert "could not be read: OSError: no such file" in repr(shown)
    assert "OSError" in shown._static_html()


def test_what_is_sent_is_json_without_nan() -> None:
    shown = follow(
        lambda: snapshot(agreement=(Number("alpha", math.nan, math.nan, math.nan, 0, "no items"),)), lambda: 0
    )
    text = json.dumps(shown.get_state(["snapshot", "trouble"]), allow_nan=False)
    assert '"value": null' in text
    assert shown.snapshot["people"][1]["seconds"] is None


def test_without_a_kernel_it_is_an_escaped_table() -> None:
    person = Person(f"ana{HOSTILE}", "human", 2, 6, 1, 2, 12.25, Number("", 0.5, 0.1, 0.9, 2), (HOSTILE,))
    shown = follow(lambda: snapshot(title=HOSTILE, people=(person,), notices=(f"SIMULATED {HOSTILE}",)), lambda: 0)
    bundle, _ = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "<img" not in bundle["text/html"]
    for words in ("3 of 12 labels", "1 of 4 items complete", "2 of 6", "12.2", "0.50 [0.10, 0.90], n 2", "SIMULATED"):
        assert words in bundle["text/html"], words
    assert bundle["text/plain"].splitlines()[0].startswith("SIMULATED")
