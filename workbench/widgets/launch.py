"""Start a training run from a form: kind, data, settings, what it will cost, and only then the button.

A pilot gives what there is to choose, estimates and starts; nothing here knows a trainer. Once started, the run is
shown in the form's place.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, Protocol

import traitlets

from workbench.errors import RecordError
from workbench.records import canonical_json
from workbench.safe_html import escape
from workbench.widgets.page import STATIC
from workbench.widgets.training import Followed, TrainingWidget, one_line, readable

if TYPE_CHECKING:
    from collections.abc import Mapping

# Settings in the order they are asked: label, what the page says beneath it.
_WORDS = {
    "desirable": ("Wanted classes", "all others count as not wanted"),
    "ties": ("Ties", "left out, written in both directions, or split: half of them each way"),
    "model": ("Start model", "a model hub's name or a local folder"),
    "loss": ("Loss", ""),
    "algorithm": ("Algorithm", ""),
    "beta": ("Beta", "pull to the start model"),
    "label_smoothing": ("Epsilon", "share of labels taken for flipped, below 0.5"),
    "sft_weight": ("Imitation", "weight of chosen answers' likelihood"),
    "learning_rate": ("Learning rate", ""),
    "epochs": ("Epochs", "passes over the data"),
    "max_pairs": ("Rows at most", "empty: all there are"),
    "time_budget_s": ("Time budget, minutes", "empty: none"),
    "seed": ("Seed", ""),
}
# A setting that another one switches off is not asked for and not passed on.
_ONLY_WITH = {"label_smoothing": ("loss", ("robust",))}
_MINUTES = {"time_budget_s"}
_WHOLE = {"max_pairs", "seed"}
_NUMBERS = {"label_smoothing"}
_MAY_BE_EMPTY = {"max_pairs", "time_budget_s"}
_ESTIMATED = ("steps", "tokens", "memory_mb", "seconds")
# Settings that were estimated and may be started; older ones are estimated again.
_REMEMBERED = 200


class Launching(Protocol):
    """Something that runs can be started from; a `Pilot` is.

    `launch_options()` returns::

        {"kinds": {name: {"label": str,              # what the kind is called; default: its name
                          "rows": int | None, "held_out": int | None,  # None: options decide it
                          "summary": str,            # the ledger in one line
                          "problem": str,            # why it cannot be run; empty when it can
                          "defaults": {option: value},
                          "choices": {option: [value, …]},
                          "suggestions": {option: [value, …]},
                          "hints": {option: str}}},
         "notices": [str]}

    Only options in `defaults` are asked for. `max_pairs`, `time_budget_s` and options whose default is None may be left
    empty, which is None. `choices` are all there are, of an option whose default is a list any number but none at all;
    `suggestions` are some. `estimate` returns `steps`, `tokens`,
    `memory_mb`, `seconds` (None where unknown) and `lines`, and raises a `WorkbenchError` for settings that make no
    run. Both are called from threads of their own.
    """

    def launch_options(self) -> Mapping[str, Any]: ...
    def estimate(self, kind: str, **options: Any) -> Mapping[str, Any]: ...
    def train(self, kind: str, **options: Any) -> Followed: ...


class LaunchWidget(TrainingWidget):
    """The form, and the run once it is started; made by `launch_form`."""

    _esm = STATIC / "launch.js"
    _css = STATIC / "launch.css"
    form = traitlets.Dict().tag(sync=True)
    launched = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, pilot: Launching, *, every_s: float = 0.5) -> None:
        self._pilot = pilot
        self._asking = threading.Lock()
        self._waiting: dict[str, dict[str, Any]] = {}
        self._estimating = False
        self._starting = False
        self._affordable: dict[str, None] = {}
        super().__init__(None, every_s=every_s)
        try:
            self.form = _form(pilot.launch_options())
        except Exception as error:  # noqa: BLE001 - said on the page
            self.form = {"kinds": [], "notices": []}
            self.trouble = one_line(error)

    def estimate(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a run with these settings, as typed into the form, would take.

        Raises
        ------
        RecordError
            For a setting that is no number, or missing.
        WorkbenchError
            What the pilot says of settings that make no run.
        """
        options = self._options(kind, given)
        found = self._pilot.estimate(kind, **options)
        told = {name: found.get(name) for name in _ESTIMATED}
        with self._asking:
            self._affordable[_key(kind, options)] = None
            while len(self._affordable) > _REMEMBERED:
                self._affordable.pop(next(iter(self._affordable)))
        return {**told, "lines": [readable(str(line)) for line in found.get("lines", ())]}

    def start(self, kind: str, given: Mapping[str, Any]) -> Followed:
        """Start a run with settings that were estimated, and show it in place of the form.

        Raises
        ------
        RecordError
            When they were not estimated, or a run has been started from this form already.
        """
        options = self._options(kind, given)
        with self._asking:
            if self._starting or self.launched:
                raise RecordError("a run has been started from this form already", next_step="run the cell again")
            if _key(kind, options) not in self._affordable:
                raise RecordError("these settings were not estimated yet", next_step="wait for the estimate")
            self._starting = True
        try:
            run = self._pilot.train(kind, **options)
            self._take(run)
            self.launched = True
        finally:
            self._starting = False
        return run

    def _options(self, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
        asked = next((one for one in self.form["kinds"] if one["name"] == kind), None)
        if asked is None:
            raise RecordError(f"no kind of run {str(kind)[:40]!r}")
        if asked["problem"]:
            raise RecordError(asked["problem"])
        values = {}
        for field in asked["fields"]:
            only = field["only"]
            if only is None or str(given.get(only["name"], "")) in only["values"]:
                values[field["name"]] = _value(field, given.get(field["name"], ""))
        return values

    def _handle(self, content: dict[str, Any]) -> None:
        kind = content.get("type")
        if kind not in ("estimate", "start"):
            super()._handle(content)
            return
        request = {
            "type": kind,
            "id": str(content.get("id", ""))[:60],
            "kind": str(content.get("kind", "")),
            "given": content["options"] if isinstance(content.get("options"), dict) else {},
        }
        if kind == "start":
            threading.Thread(target=self._answer, args=(request,), daemon=True).start()
            return
        with self._asking:
            self._waiting[str(content.get("viewer", ""))[:60]] = request  # only a viewer's newest question counts
            if self._estimating:
                return
            self._estimating = True
        threading.Thread(target=self._estimate_all, daemon=True).start()

    def _estimate_all(self) -> None:
        while True:
            with self._asking:
                if not self._waiting:
                    self._estimating = False
                    return
                _, request = self._waiting.popitem()
            self._answer(request)

    def _answer(self, request: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"type": request["type"], "id": request["id"], "trouble": ""}
        try:
            if request["type"] == "estimate":
                reply["estimate"] = self.estimate(request["kind"], request["given"])
            else:
                self.start(request["kind"], request["given"])
        except Exception as error:  # noqa: BLE001 - said beside the form
            reply["trouble"] = one_line(error)
        with self._lock:
            self._say(reply)

    def _lines(self) -> list[str]:
        if self.launched or self.trouble:
            return super()._lines()
        lines = [f"{one['label']}: {one['problem'] or one['summary']}" for one in self.form["kinds"]]
        return [*self.form["notices"], "Start a training run (the form needs a running kernel)", *lines]

    def _static_html(self) -> str:
        if self.launched:
            return super()._static_html()
        text = "".join(f"<p>{escape(line)}</p>" for line in self._lines())
        return f'<div class="mathjax_ignore">{text}</div>'


def launch_form(pilot: Launching, *, every_s: float = 0.5) -> LaunchWidget:
    """A form that starts a training run; see `Launching` for what the pilot gives.

    Returns
    -------
    LaunchWidget
        Show it as the last line of a cell. `run` is the run once it has been started.
    """
    return LaunchWidget(pilot, every_s=every_s)


def _form(given: Mapping[str, Any]) -> dict[str, Any]:
    kinds = []
    for name, kind in given["kinds"].items():
        defaults = kind.get("defaults", {})
        names = [*(one for one in _WORDS if one in defaults), *(one for one in defaults if one not in _WORDS)]
        kinds.append(
            {
                "name": str(name),
                "label": readable(str(kind.get("label", name))),
                "rows": _count(kind.get("rows", 0)),
                "held_out": _count(kind.get("held_out", 0)),
                "summary": readable(str(kind.get("summary", ""))),
                "problem": readable(str(kind.get("problem", ""))),
                "fields": [_field(one, defaults[one], kind) for one in names],
            }
        )
    return {"kinds": kinds, "notices": [readable(str(one)) for one in given.get("notices", ())]}


def _field(name: str, default: Any, kind: Mapping[str, Any]) -> dict[str, Any]:
    label, hint = _WORDS.get(name, (name.replace("_", " ").capitalize(), ""))
    choices = [str(one) for one in kind.get("choices", {}).get(name, ())]
    of = "text"
    if isinstance(default, list):
        of = "several"
    elif choices:
        of = "choice"
    elif isinstance(default, bool):
        of, choices = "choice", ["True", "False"]
    elif name in _WHOLE or (isinstance(default, int) and name not in _MINUTES):
        of = "whole"
    elif isinstance(default, int | float) or name in _MINUTES | _NUMBERS:
        of = "number"
    shown = default / 60 if name in _MINUTES and default is not None else default
    if isinstance(shown, float):
        shown = f"{shown:.12g}".replace("e-0", "e-")
    only = _ONLY_WITH.get(name)
    applies = only is not None and only[0] in kind["defaults"]
    return {
        "name": name,
        "label": label,
        "hint": readable(str(kind.get("hints", {}).get(name) or hint)),
        "type": of,
        "truth": isinstance(default, bool),
        "value": "" if shown is None or of == "several" else str(shown),
        "optional": default is None or name in _MAY_BE_EMPTY,
        "choices": choices,
        "shown": [readable(one) for one in choices],
        "suggestions": [str(one) for one in kind.get("suggestions", {}).get(name, ())],
        "only": {"name": only[0], "values": list(only[1])} if only is not None and applies else None,
    }


def _value(field: Mapping[str, Any], typed: object) -> Any:
    """What was typed or ticked, as the option's value."""
    label = field["label"]
    if field["type"] == "several":
        return _ticked(field, typed)
    text = str(typed).strip()
    if not text:
        if field["optional"]:
            return None
        raise RecordError(f"{label} is missing")
    if field["type"] == "choice":
        if text not in field["choices"]:
            raise RecordError(f"{label} is {text[:40]!r}, and has to be one of {', '.join(field['choices'])}")
        return text == "True" if field["truth"] else text
    if field["type"] == "text":
        return text
    try:
        value: float = int(text) if field["type"] == "whole" else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        kind = "a whole number" if field["type"] == "whole" else "a number, such as 0.1 or 5e-5"
        raise RecordError(f"{label} is {text[:40]!r}, and has to be {kind}")
    return value * 60 if field["name"] in _MINUTES else value


def _count(n: int | None) -> int | None:
    return None if n is None else int(n)  # numpy's are no JSON


def _ticked(field: Mapping[str, Any], given: object) -> list[str]:
    ticked = [str(one) for one in given] if isinstance(given, list) else []
    strangers = [one for one in ticked if one not in field["choices"]]
    if strangers:
        raise RecordError(f"{field['label']}: there is no {strangers[0][:40]!r}")
    if not ticked:
        raise RecordError(f"{field['label']}: tick at least one")
    return [one for one in field["choices"] if one in ticked]


def _key(kind: str, options: Mapping[str, Any]) -> str:
    return canonical_json({"kind": kind, **options})
