"""Points of a run: read line by line, thinned by means, and given out so that nobody misses or keeps a wrong one."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.widgets.runs import rows
from workbench.widgets.history import History, Tail

if TYPE_CHECKING:
    from pathlib import Path


def column(message: dict[str, Any], name: str) -> list[float | None]:
    place = message["columns"].index(name)
    return [point[place] for point in message["points"]]


def test_only_whole_new_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    assert tail.read() == ([], False)
    path.write_text('{"step": 1}\n{"step": 2}\n{"st')
    assert tail.read() == ([{"step": 1}, {"step": 2}], False)
    assert tail.read() == ([], False)
    with path.open("a") as file:
        file.write('ep": 3}\n')
    assert tail.read() == ([{"step": 3}], False)
    path.write_text('{"step": 9}\n')
    assert tail.read() == ([{"step": 9}], True)
    (tmp_path / "other").write_text('{"step": 7}\n{"step": 8}\n')
    (tmp_path / "other").replace(path)
    assert tail.read() == ([{"step": 7}, {"step": 8}], True)


def test_lines_that_are_no_objects_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'no\n[1]\n\n{"step": 1}\n\xff\xfe\n' + b"[" * 100_000 + b"\n")
    tail = Tail(path)
    assert tail.read() == ([{"step": 1}], False)
    assert tail.unreadable == 4


def test_a_held_out_line_joins_its_step_and_a_resumed_run_forgets_what_it_repeats() -> None:
    history = History()
    history.add([{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}, {"step": 2, "eval_loss": 2.5}])
    message = history.message()
    assert column(message, "step") == [1, 2]
    assert (column(message, "loss"), column(message, "eval_loss")) == ([3.0, 2.0], [None, 2.5])
    before = history.epoch
    history.add([{"step": 3, "loss": 1.0}, {"step": 4, "loss": 0.5}, {"step": 2, "loss": 9.0}])
    assert column(history.message(), "loss") == [3.0, 9.0]
    assert history.epoch != before, "whoever holds the old points has to ask again"


def test_what_is_no_number_is_no_point() -> None:
    history = History()
    hostile: list[dict[str, Any]] = [
        {"step": None, "loss": 1},
        {"step": "1", "loss": 1},
        {"step": True, "loss": 1},
        {"loss": 1},
        {"step": 10**400, "loss": 1},
        {"step": 1, "loss": math.nan, "margin": math.inf, "accuracy": "<b>", "kl": [1], "reward": 2, "__proto__": 1},
    ]
    history.add(hostile)
    message = json.loads(json.dumps(history.message(), allow_nan=False))
    assert len(message["points"]) == 1
    assert {name: column(message, name)[0] for name in message["columns"] if column(message, name)[0] is not None} == {
        "step": 1,
        "reward": 2,
    }


def test_many_steps_become_means() -> None:
    history = History(most=4)
    history.add({"step": step, "loss": float(step)} for step in range(1, 11))
    # 4 points hold 4 steps; the fifth makes means of 2, the ninth means of 4: (1..4), (5..8), (9, 10).
    message = history.message()
    assert message["width"] == 4
    assert (column(message, "step"), column(message, "loss")) == ([4, 8, 10], [2.5, 6.5, 9.5])


def test_the_means_are_those_of_numpy_and_10000_steps_stay_small() -> None:
    made = rows(10_000)
    history = History()
    history.add(made)
    message = history.message()
    assert message["width"] == 16
    blocks = [made[start : start + 16] for start in range(0, 10_000, 16)]
    for name in ("loss", "accuracy"):
        expected = [float(np.mean([one[name] for one in block])) for block in blocks]
        assert np.allclose(np.array(column(message, name), dtype=float), expected, rtol=1e-5)
    held_out = [value for value in column(message, "eval_loss") if value is not None]
    assert len(held_out) == 10, "few held-out values are all kept"
    assert len(json.dumps(message)) < 80_000


def test_a_viewer_that_applies_every_message_holds_what_the_history_holds() -> None:
    history = History(most=16)
    epoch = ""
    held: list[list[float | None]] = []
    for one in rows(200):
        history.add([one])
        news = history.news()
        assert news is not None
        if news["epoch"] != epoch:
            assert news["from"] == 0
            epoch, held = news["epoch"], []
        assert news["from"] <= len(held)
        held[news["from"] :] = news["points"]
        assert len(news["points"]) <= 2 or news["from"] == 0
        assert held == history.message()["points"]
    assert history.news() is None


def test_a_viewer_is_given_what_it_lacks() -> None:
    history = History()
    history.add(rows(50))
    assert history.message(history.epoch, 50)["from"] == 49, "the last point may have changed"
    assert history.message(history.epoch, 20)["from"] == 19
    for epoch, have in (("other", 20), (history.epoch, 0), (history.epoch, 51), (history.epoch, "x"), (None, None)):
        assert history.message(epoch, have)["from"] == 0


def test_only_columns_with_values_are_given_and_a_new_one_is_asked_for_anew() -> None:
    history = History()
    history.add([{"step": 1, "loss": 0.5, "reward": 1.0, "clip_ratio": None}])
    message = history.message()
    assert message["columns"] == ["step", "loss", "reward"]
    assert message["points"] == [[1, 0.5, 1.0]]
    history.news()
    history.add([{"step": 2, "loss": 0.25, "kl": 0.125}])
    news = history.news()
    assert news is not None
    assert (news["epoch"] != message["epoch"], news["from"]) == (True, 0)
    assert news["columns"] == ["step", "loss", "kl", "reward"]
    assert news["points"] == [[1, 0.5, None, 1.0], [2, 0.25, 0.125, None]]
