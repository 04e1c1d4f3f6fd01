"""The launch form's Python half: what it asks, what it passes on, and that nothing starts without an estimate."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.widgets.runs import HOSTILE, folder
from tests.widgets.test_progress import until
from workbench import widgets
from workbench.errors import PilotError, RecordError
from workbench.training.runs import Run
from workbench.widgets.launch import LaunchWidget

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DPO: dict[str, Any] = {
    "label": "DPO: preference pairs",
    "rows": 140,
    "held_out": 36,
    "summary": "176 of 210 labels used; 24 ties dropped, 10 kept aside",
    "defaults": {
        "model": "embedded",
        "seed": 0,
        "loss": "sigmoid",
        "beta": 0.1,
        "label_smoothing": 0.0,
        "learning_rate": 5e-5,
        "epochs": 2.0,
        "max_pairs": None,
        "time_budget_s": 900.0,
        "precompute": True,
    },
    "choices": {"loss": ["sigmoid", "robust", "ipo"]},
    "suggestions": {"model": ["embedded", "org/model-1b"]},
    "hints": {"label_smoothing": "flip rate measured here: 0.12 (0.05 to 0.2)"},
}
KTO: dict[str, Any] = {
    "label": "KTO: good and bad answers",
    "rows": None,
    "held_out": None,
    "summary": "The classes that are wanted say which rows there are.",
    "defaults": {"desirable": [], "beta": 0.1, "seed": 0},
    "choices": {"desirable": ["polite", "rude", "off, topic"]},
}
POLICY = {"rows": 0, "summary": "", "problem": "no reward model yet: train one first", "defaults": {"seed": 0}}


class Pilot:
    """Gives the form what it needs, and remembers what it was asked."""

    def __init__(self, path: Path, **changes: Any) -> None:
        self.path = path
        self.kind = DPO | changes
        self.estimated: list[dict[str, Any]] = []
        self.trained: list[dict[str, Any]] = []
        self.may_estimate = threading.Event()
        self.may_estimate.set()

    def launch_options(self) -> Mapping[str, Any]:
        return {"kinds": {"dpo": self.kind, "kto": KTO, "policy": POLICY}, "notices": ["SIMULATED: every label"]}

    def estimate(self, kind: str, **options: Any) -> Mapping[str, Any]:
        self.may_estimate.wait(10)
        self.estimated.append({"kind": kind, **options})
        if options["beta"] <= 0:
            raise RecordError("beta is 0.0, and has to be above 0\nand more", where="dpo.RunConfig")
        lines = ["36 steps of 8 pairs", "memory: 540 MB weights"]
        return {"steps": 36, "tokens": 50_400, "memory_mb": 2100.0, "seconds": 95.0, "lines": lines}

    def train(self, kind: str, **options: Any) -> Run:
        self.trained.append({"kind": kind, **options})
        if options["seed"] == 13:
            raise PilotError("the disk is full", next_step="free some space")
        return Run(folder(self.path / f"{kind}-{len(self.trained)}"))


class Heard(LaunchWidget):
    def __init__(self, pilot: Any, **options: Any) -> None:
        self.said: list[dict[str, Any]] = []
        super().__init__(pilot, **options)

    def send(self, content: Any, buffers: Any = None) -> None:
        self.said.append(json.loads(json.dumps(content, allow_nan=False)))

    def ask(self, kind: str, given: dict[str, Any], what: str = "estimate") -> dict[str, Any]:
        number = str(len(self.said))
        self._handle({"type": what, "id": number, "viewer": "one", "kind": kind, "options": given})
        until(lambda: any(one.get("id") == number for one in self.said))
        return next(one for one in self.said if one.get("id") == number)


def typed(shown: LaunchWidget, **changes: str) -> dict[str, str]:
    return {field["name"]: field["value"] for field in shown.form["kinds"][0]["fields"]} | changes


def test_the_form_asks_what_the_pilot_has_in_an_order_people_know(tmp_path: Path) -> None:
    shown = Heard(Pilot(tmp_path))
    dpo, _, policy = shown.form["kinds"]
    fields = {field["name"]: field for field in dpo["fields"]}
    assert list(fields)[:4] == ["model", "loss", "beta", "label_smoothing"]
    assert list(fields)[-1] == "precompute", "what the form has no words for comes last"
    assert fields["loss"]["choices"] == ["sigmoid", "robust", "ipo"]
    assert fields["label_smoothing"]["only"] == {"name": "loss", "values": ["robust"]}
    assert fields["label_smoothing"]["hint"].startswith("flip rate measured here")
    assert (fields["time_budget_s"]["value"], fields["time_budget_s"]["label"]) == ("15", "Time budget, minutes")
    assert fields["max_pairs"]["optional"]
    assert policy["problem"] == POLICY["problem"]
    assert shown.form["notices"] == ["SIMULATED: every label"]


def test_what_is_typed_reaches_the_pilot_as_values(tmp_path: Path) -> None:
    pilot = Pilot(tmp_path)
    shown = Heard(pilot)
    reply = shown.ask("dpo", typed(shown, learning_rate=" 1e-4 ", max_pairs="60", time_budget_s="2.5"))
    assert reply["trouble"] == ""
    assert reply["estimate"]["steps"] == 36
    assert pilot.estimated == [
        {
            "kind": "dpo",
            "model": "embedded",
            "loss": "sigmoid",
            "beta": 0.1,
            "learning_rate": 1e-4,
            "epochs": 2.0,
            "max_pairs": 60,
            "time_budget_s": 150.0,
            "seed": 0,
            "precompute": True,
        }
    ], "epsilon belongs to the robust loss and is not passed on with another"
    shown.ask("dpo", typed(shown, loss="robust", label_smoothing="0.12", max_pairs="", time_budget_s=""))
    last = pilot.estimated[-1]
    assert (last["label_smoothing"], last["max_pairs"], last["time_budget_s"]) == (0.12, None, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": "fast"}, "Learning rate is 'fast', and has to be a number"),
        ({"learning_rate": "nan"}, "has to be a number"),
        ({"learning_rate": ""}, "Learning rate is missing"),
        ({"seed": "1.5"}, "Seed is '1.5', and has to be a whole number"),
        ({"max_pairs": "1e3"}, "Rows at most is '1e3'"),
        ({"loss": "hinge"}, "Loss is 'hinge', and has to be one of sigmoid, robust, ipo"),
        ({"beta": "0"}, "beta is 0.0, and has to be above 0 and more [dpo.RunConfig]"),
    ],
)
def test_settings_that_make_no_run_are_one_line_beside_the_form(
    tmp_path: Path, changes: dict[str, str], words: str
) -> None:
    shown = Heard(Pilot(tmp_path))
    reply = shown.ask("dpo", typed(shown, **changes))
    assert words in reply["trouble"]
    assert "\n" not in reply["trouble"]
    assert "estimated yet" in shown.ask("dpo", typed(shown), "start")["trouble"]
    assert not shown.launched


def test_what_is_ticked_reaches_the_pilot_as_a_list(tmp_path: Path) -> None:
    pilot = Pilot(tmp_path)
    shown = Heard(pilot)
    given = {"beta": "0.1", "seed": "0"}
    for ticked, words in ((["kind"], "Wanted classes: there is no 'kind'"), ([], "Wanted classes: tick at least one")):
        assert shown.ask("kto", given | {"desirable": ticked})["trouble"] == words
    assert shown.ask("kto", given | {"desirable": "polite"})["trouble"] == "Wanted classes: tick at least one"
    assert shown.ask("kto", given | {"desirable": ["off, topic", "polite"]})["trouble"] == ""
    assert pilot.estimated == [{"kind": "kto", "desirable": ["polite", "off, topic"], "beta": 0.1, "seed": 0}]
    assert shown.ask("kto", given | {"desirable": ["polite", "off, topic"]}, "start")["trouble"] == ""
    assert pilot.trained[0]["desirable"] == ["polite", "off, topic"]
    assert "The classes that are wanted say which rows there are." in Heard(pilot)._static_html()


def test_nothing_starts_without_its_own_estimate(tmp_path: Path) -> None:
    pilot = Pilot(tmp_path)
    shown = Heard(pilot)
    assert "not estimated yet" in shown.ask("dpo", typed(shown), "start")["trouble"]
    shown.ask("dpo", typed(shown))
    assert "not estimated yet" in shown.ask("dpo", typed(shown, seed="1"), "start")["trouble"]
    assert shown.ask("policy", {}, "start")["trouble"] == POLICY["problem"]
    assert "no kind of run" in shown.ask("nothing", {}, "start")["trouble"]
    assert pilot.trained == []
    assert shown.run is None


def test_the_run_takes_the_forms_place_once(tmp_path: Path) -> None:
    pilot = Pilot(tmp_path)
    shown = Heard(pilot)
    assert "no run" not in shown._static_html()
    assert "176 of 210 labels used" in shown._static_html()
    shown.ask("dpo", typed(shown))
    assert shown.ask("dpo", typed(shown), "start")["trouble"] == ""
    assert shown.launched
    assert shown.shown["name"] == "dpo-1"
    assert len(shown.get_state()["history"]["points"]) == 40
    assert isinstance(shown.run, Run)
    assert "run dpo-1: running" in repr(shown)
    assert "already" in shown.ask("dpo", typed(shown), "start")["trouble"]
    assert len(pilot.trained) == 1


def test_a_start_that_fails_leaves_the_form(tmp_path: Path) -> None:
    shown = Heard(Pilot(tmp_path))
    shown.ask("dpo", typed(shown, seed="13"))
    reply = shown.ask("dpo", typed(shown, seed="13"), "start")
    assert reply["trouble"] == "the disk is full -> free some space"
    assert not shown.launched
    shown.ask("dpo", typed(shown))
    assert shown.ask("dpo", typed(shown), "start")["trouble"] == ""


def test_only_the_newest_question_of_a_viewer_is_answered(tmp_path: Path) -> None:
    pilot = Pilot(tmp_path)
    shown = Heard(pilot)
    pilot.may_estimate.clear()
    before = time.monotonic()
    for seed in range(20):
        options = typed(shown, seed=str(seed))
        shown._handle({"type": "estimate", "id": str(seed), "viewer": "one", "kind": "dpo", "options": options})
    assert time.monotonic() - before < 5, "the kernel is not kept waiting"
    pilot.may_estimate.set()
    until(lambda: any(one["id"] == "19" for one in shown.said))
    assert len(pilot.estimated) <= 3


def test_malformed_messages_are_refused_in_words(tmp_path: Path) -> None:
    shown = Heard(Pilot(tmp_path))
    malformed: tuple[Any, ...] = (None, [], {"learning_rate": {"a": 1}}, {})
    for options in malformed:
        shown.said.clear()
        shown._handle({"type": "estimate", "id": "x", "viewer": [], "kind": "dpo", "options": options})
        until(lambda: bool(shown.said))
        assert shown.said[0]["trouble"]


def test_a_pilot_that_cannot_say_what_there_is_makes_a_page_that_says_why(tmp_path: Path) -> None:
    class Broken(Pilot):
        def launch_options(self) -> Mapping[str, Any]:
            raise PilotError("no preferences yet", next_step="label first")

    shown = widgets.launch(Broken(tmp_path))
    assert shown.trouble == "no preferences yet -> label first"
    assert "no preferences yet" in shown._static_html()


def test_text_of_the_pilot_is_text(tmp_path: Path) -> None:
    shown = Heard(Pilot(tmp_path, label=HOSTILE, summary=HOSTILE, choices={"loss": [HOSTILE]}))
    assert "<img" not in shown._static_html()
    (loss,) = (field for field in shown.form["kinds"][0]["fields"] if field["name"] == "loss")
    assert loss["choices"] == [HOSTILE], "the value as the pilot has it"
    loss["choices"] = []
    assert "\x1b" not in json.dumps(shown.form, ensure_ascii=False), "and none of it shown as it is"
