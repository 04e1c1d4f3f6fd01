"""The picture of rounds, looked at through its traces."""

from __future__ import annotations

import json

import pytest

from workbench.figures import rounds as figures
from workbench.stats.estimate import Estimate


def rate(number: int, value: float, low: float, high: float) -> Estimate:
    return Estimate("win_rate", value, low, high, 20, 3, 60, "", label=f"round {number}")


def test_one_line_a_round_and_a_line_at_one_half() -> None:
    drawn = json.loads(figures.win_rates([rate(1, 0.6, 0.45, 0.75), rate(2, 0.7, 0.55, 0.8)]).to_json())
    (trace,) = drawn["data"]
    assert trace["x"] == [0.6, 0.7]
    assert trace["error_x"]["arrayminus"] == pytest.approx([0.15, 0.15])
    assert drawn["layout"]["yaxis"]["ticktext"] == ["round 1", "round 2"]
    assert [shape["x0"] for shape in drawn["layout"]["shapes"]] == [0.5]
    assert drawn["layout"]["xaxis"]["range"] == [-0.02, 1.02]


def test_without_labels_it_says_so() -> None:
    drawn = json.loads(figures.win_rates([]).to_json())
    assert "no round has labels" in json.dumps(drawn["layout"]["annotations"])
