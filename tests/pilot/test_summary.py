"""The dictionary behind a report: red flags first, reasons for what is missing, nothing of this machine in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.pilot import small
from workbench import report
from workbench.pilot import open_pilot
from workbench.pilot.summary import red_flags, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot


def test_simulated_comes_first(pilot: Pilot) -> None:
    summary = summarise(pilot)
    assert summary["red_flags"][0]["severity"] == "high"
    assert "SIMULATED: 36 of 36" in summary["red_flags"][0]["text"]
    order = [("high", "medium", "low").index(flag["severity"]) for flag in summary["red_flags"]]
    assert order == sorted(order)
    assert "no run of this pilot is done" in summary["missing"]["training"]


def test_the_page_is_the_same_bytes_and_names_no_folder_of_this_machine(pilot: Pilot) -> None:
    first = pilot.report().read_bytes()
    assert pilot.report(pilot.folder / "again.html").read_bytes() == first
    assert str(pilot.folder.parent).encode() not in first
    assert b"Simulated labels" in first


def test_hashes_follow_the_labels(pilot: Pilot) -> None:
    before = summarise(pilot)["generated_from"]
    label = pilot.label_records()[0]
    choice = "B" if label.answer["choice"] != "B" else "A"
    pilot.store.append(
        [label.model_copy(update={"label_id": "changed", "answer": {"choice": choice}, "supersedes": label.label_id})]
    )
    after = summarise(pilot)["generated_from"]
    assert before["labels sha256"] != after["labels sha256"]
    assert before["items sha256"] == after["items sha256"]


def test_an_empty_pilot_still_has_a_page_that_says_why(tmp_path: Path) -> None:
    summary = summarise(open_pilot(small.make(tmp_path / "small", simulated=False)))
    assert {"agreement", "annotators", "disagreements", "cost", "preferences", "training"} <= set(summary["missing"])
    assert "no labels yet" in summary["missing"]["agreement"]
    assert "no labels yet" in report.render(summary)


def test_what_is_worth_a_look_is_told_and_not_held_against_anybody(pilot: Pilot) -> None:
    quality = pilot.quality()
    page = replace(quality.pages["s1"], suggestions=("chose the left response in 90 % of 40",))
    flags = red_flags(pilot, None, replace(quality, pages={"s0": quality.pages["s0"], "s1": page}), None, None)
    told = [flag for flag in flags if "s1" in flag["text"]]
    assert [flag["severity"] for flag in told] == ["medium"]
    assert "no reason to exclude anybody: s1 chose the left response in 90 % of 40" in told[0]["text"]


def test_quarantined_rows_are_flagged(pilot: Pilot) -> None:
    flags = red_flags(pilot, None, None, None, None)
    assert not any("kept aside" in flag["text"] for flag in flags)
    (pilot.folder / "bad.jsonl").write_text(json.dumps({"kind": "label"}) + "\n")
    pilot.store.load(pilot.folder / "bad.jsonl", pilot.name)
    flags = red_flags(pilot, None, None, None, None)
    assert any("1 rows could not be read" in flag["text"] for flag in flags)
