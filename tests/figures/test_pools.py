"""Groups as drawn: the numbers given, sure differences first, and hidden groups counted and not named."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.figures import pools as figures
from workbench.stats import pools


def drawn(figure: Any) -> Any:
    return json.loads(figure.to_json())


def traces(figure: Any) -> dict[str, Any]:
    return {trace["name"]: trace for trace in drawn(figure)["data"] if "name" in trace}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Three groups of eight, one of which says yes more often; and two people of two more groups."""
    rng = np.random.default_rng(0)
    rows = []
    for k in range(26):
        group = f"g{k // 8}" if k < 24 else f"tiny{k}"
        rate = 0.8 if group == "g1" else 0.4
        rows += [(f"i{i}", f"o{k:02}", "yes" if rng.random() < rate else "no", group) for i in range(40)]
    return pd.DataFrame(rows, columns=["item", "annotator", "label", "group"])


def test_differences_are_drawn_surest_first_against_zero(table: pd.DataFrame) -> None:
    found = pools.share_differences(table[table["annotator"] < "o24"], "group")
    figure = figures.group_differences(found, title="Groups")
    marks = traces(figure)
    assert len(marks["differ (Holm)"]["x"]) == 2
    assert len(marks["no more than chance allows"]["x"]) == 1
    ticks = drawn(figure)["layout"]["yaxis"]["ticktext"]
    assert ticks[2] == "yes: g0 minus g2"
    first = min(found.differences, key=lambda one: one.p_value).difference
    assert marks["differ (Holm)"]["x"][0] == pytest.approx(first.value)
    assert marks["differ (Holm)"]["error_x"]["array"][0] == pytest.approx(first.high - first.value)
    assert drawn(figure)["layout"]["shapes"][0]["x0"] == 0


def test_hidden_groups_are_counted_and_not_named(table: pd.DataFrame) -> None:
    figure = figures.group_differences(pools.share_differences(table, "group"))
    assert "(3 groups too small to show)" in drawn(figure)["layout"]["xaxis"]["title"]["text"]
    assert "tiny" not in figure.to_json()


def test_agreement_within_and_between_groups(table: pd.DataFrame) -> None:
    found = pools.within_between(table[table["annotator"] < "o24"], "group", n_resamples=500)
    figure = figures.group_agreement(found)
    assert found.difference.low > 0
    marks = traces(figure)
    within = [found.all_within.value, *(one.value for one in found.within.values())]
    between = [found.all_between.value, *(one.value for one in found.between.values())]
    assert marks["within groups, differing from between"]["x"] == pytest.approx(within)
    assert marks["between groups"]["x"] == pytest.approx(between)
    assert drawn(figure)["layout"]["yaxis"]["ticktext"][:3] == ["within groups", "between groups", "within g0"]


def test_groups_no_further_apart_than_chance_are_not_told_apart(table: pd.DataFrame) -> None:
    mixed = {f"o{k:02}": f"h{k % 2}" for k in range(24)}
    found = pools.within_between(table[table["annotator"] < "o24"], mixed, n_resamples=500)
    assert found.p_value > 0.05
    (only,) = traces(figures.group_agreement(found))
    assert only == "within and between groups, no more apart than chance allows"
