"""The reliability diagram, by its traces."""

from __future__ import annotations

import math

import pytest

from workbench.figures import calibration as figures
from workbench.stats import calibration


def test_points_are_what_was_said_and_what_came_true_with_intervals() -> None:
    lead = math.log(3)
    bins = calibration.reliability([lead, lead, lead, -lead])
    perfect, observed = figures.reliability(bins, title="Judge").to_dict()["data"]
    assert perfect["x"] == perfect["y"] == [0.5, 1]
    assert observed["x"] == pytest.approx([0.75])
    assert observed["y"] == [0.75]
    assert observed["text"] == ["4 pairs"]
    (used,) = [one for one in bins if one.n]
    assert observed["error_y"]["arrayminus"] == [0.75 - used.observed.low]
    assert observed["error_y"]["array"] == [used.observed.high - 0.75]


def test_without_pairs_the_figure_says_so() -> None:
    made = figures.reliability(calibration.reliability([])).to_dict()
    assert "no pairs to show" in str(made["layout"]["annotations"])
