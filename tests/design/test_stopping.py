"""Whether another round is worth its cost: three answers, and how many prompts would tell."""

from __future__ import annotations

import math

import pytest

from workbench import design
from workbench.errors import PlanError


@pytest.mark.parametrize(
    ("low", "high", "decision"), [(4.0, 9.0, "go on"), (1.0, 11.0, "cannot tell yet"), (-3.0, 3.9, "stop")]
)
def test_three_answers(low: float, high: float, decision: str) -> None:
    found = design.stop_rule((low + high) / 2, low, high, 50, cost=100, value_per_point=25)
    assert found.threshold == 4.0
    assert found.decision == decision


def test_how_many_prompts_would_tell() -> None:
    # 6 points, 5 to the lower end, 2 to the threshold: 50 x 2.5² = 312.5, so 313, of which 50 are there.
    found = design.stop_rule(6, 1, 11, 50, cost=100, value_per_point=25)
    assert found.more_prompts == 263
    assert str(found) == (
        "cannot tell yet: the last round gained +6.0 points (interval +1.0 to +11.0, 50 prompts); at 100.00 a round "
        "and 25.00 a point it pays from 4.0 points; about 263 more random prompts would tell"
    )
    # Below the threshold it is the upper end that has to come down: (12 - 2) / (5 - 2) = 10/3, 30 x 100/9 = 333.3.
    assert design.stop_rule(2, -8, 12, 30, least_gain=5).more_prompts == 334 - 30
    assert design.stop_rule(5, 0, 10, 30, least_gain=5).more_prompts is None
    assert design.stop_rule(6, 5, 7, 30, least_gain=5).more_prompts is None


def test_no_interval_is_no_answer() -> None:
    found = design.stop_rule(6, math.nan, math.nan, 3, least_gain=2)
    assert found.decision == "cannot tell yet"
    assert found.more_prompts is None
    assert "no interval" in str(found)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"cost": 100.0},
        {"value_per_point": 5.0},
        {"cost": 100.0, "value_per_point": 5.0, "least_gain": 1.0},
        {"cost": 100.0, "value_per_point": 0.0},
        {"cost": -1.0, "value_per_point": 5.0},
        {"least_gain": math.inf},
    ],
)
def test_a_stop_rule_without_a_price_is_refused(how: dict[str, float]) -> None:
    with pytest.raises(PlanError):
        design.stop_rule(6, 1, 11, 50, **how)
