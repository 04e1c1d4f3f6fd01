"""Figures of gold, looked at through their traces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.figures import gold as figures
from workbench.figures import theme
from workbench.stats import gold
from workbench.stats.estimate import verdict
from workbench.stats.intervals import proportion

HOSTILE = '<a href="http://evil.invalid">$x$</a>'
RATES: dict[str, Any] = {"acceptable": 0.1, "unacceptable": 0.25}


def drawn(figure: Any) -> Any:
    return json.loads(figure.to_json())


def traces(figure: Any) -> dict[str, Any]:
    return {trace["name"]: trace for trace in drawn(figure)["data"]}


def texts(figure: Any) -> list[str]:
    return [a["text"] for a in drawn(figure)["layout"]["annotations"]]


def test_errors_are_a_forest_against_the_threshold() -> None:
    estimates = [
        proportion("gold_error", wrong, 40, n_items=40, n_annotators=1, label=name)
        for name, wrong in (("ana", 1), ("ben", 20), ("cyd", 6))
    ]
    figure = figures.errors([verdict("gold", e, 0.15, higher_is_better=False) for e in estimates])
    assert {name: (t["x"], t["y"]) for name, t in traces(figure).items()} == {
        "pass": ([0.025], [0]),
        "fail": ([0.5], [1]),
        "inconclusive": ([0.15], [2]),
    }
    assert "threshold 0.15" in texts(figure)
    assert texts(figures.errors([])) == ["no gold answers yet"]


def test_boundary_shows_path_boundaries_and_decision() -> None:
    test = gold.sequential([True, False, False, True, False, False, True], **RATES, label=HOSTILE)
    figure = figures.boundary(test)
    found = traces(figure)
    assert set(found) == {"evidence", "after the decision", "right", "wrong", "fail"}
    assert found["evidence"]["x"] == [1, 2, 3, 4, 5, 6]
    assert found["evidence"]["y"] == pytest.approx(test.toward_fail[:6])
    assert found["after the decision"]["x"] == [6, 7]
    assert found["after the decision"]["y"] == pytest.approx(test.toward_fail[5:])
    assert found["wrong"]["x"] == [2, 3, 5, 6]
    assert found["right"]["x"] == [1, 4, 7]
    assert found["right"]["marker"]["symbol"] != found["wrong"]["marker"]["symbol"]
    # The decision stands at its answer, in the shape and colour that fail has everywhere.
    assert (found["fail"]["x"], found["fail"]["y"]) == ([6], pytest.approx([test.toward_fail[5]]))
    assert found["fail"]["marker"]["symbol"] == theme.VERDICTS["fail"].symbol
    assert found["fail"]["marker"]["color"] == theme.VERDICTS["fail"].colour
    heights = sorted(shape["y0"] for shape in drawn(figure)["layout"]["shapes"])
    assert heights == pytest.approx([test.lower, test.upper])
    assert "✕ fail above 2.94" in texts(figure)
    assert "● pass below -2.94" in texts(figure)
    assert any("fail at answer 6, 4 of 7 wrong" in text and "&lt;a href" in text for text in texts(figure))
    assert "<a href" not in figure.to_json()
    assert "$" not in figure.to_json()


def test_boundary_of_a_test_still_open_and_of_two_paths() -> None:
    test = gold.sequential([True, False, True], **RATES, kind="beta_binomial")
    found = traces(figures.boundary(test))
    assert set(found) == {"towards fail", "towards pass", "right", "wrong"}
    assert found["towards fail"]["y"] == pytest.approx(test.toward_fail)
    assert found["towards pass"]["y"] == pytest.approx(test.toward_pass)
    assert "● pass below -3.00 (dashed path)" in texts(figures.boundary(test))
    assert found["towards pass"]["line"]["dash"] == "dash"
    assert found["towards fail"]["line"]["dash"] != found["towards pass"]["line"]["dash"]
    passed = gold.sequential([True] * 60, **RATES, kind="beta_binomial")
    mark = traces(figures.boundary(passed))["pass"]
    assert passed.decided_at is not None
    assert (mark["x"], mark["y"]) == ([passed.decided_at], pytest.approx([passed.toward_pass[passed.decided_at - 1]]))
    assert texts(figures.boundary(gold.sequential([], **RATES))) == ["no gold answer yet"]


def test_evidence_beyond_a_float_leaves_a_gap() -> None:
    endless = gold.sequential([True] * 3000, **RATES, kind="beta_binomial")
    assert endless.toward_fail[-1] == -float("inf")
    assert traces(figures.boundary(endless))["right"]["y"][-1] is None
