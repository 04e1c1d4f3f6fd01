"""Annotators as drawn: traces hold the numbers that were given, and words from outside stay words."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.figures import annotators as figures
from workbench.stats import annotators
from workbench.stats.annotators import ContentBias, Side, SideBias
from workbench.stats.estimate import Estimate

HOSTILE = '<a href="http://evil.invalid">$\\href{javascript:x}{x}$</a><b onclick=x>'


def share(label: str, value: float, reason: str = "") -> Estimate:
    return Estimate("p_left", value, value - 0.1, value + 0.2, 40, 1, 60, "Wilson", reason=reason, label=label)


def drawn(figure: Any) -> Any:
    return json.loads(figure.to_json())


def traces(figure: Any) -> dict[str, Any]:
    return {trace["name"]: trace for trace in drawn(figure)["data"] if "name" in trace}


def texts(figure: Any) -> list[str]:
    return [one["text"] for one in drawn(figure)["layout"]["annotations"]]


def sides(*names: str) -> SideBias:
    each = tuple(
        Side(name, share(name, 0.7 - 0.1 * k), share(name, 0.6), 0.001 * (k + 1), 0.01 * (k + 1) ** 4, k == 0)
        for k, name in enumerate(names)
    )
    return SideBias(share("", 0.55), 0.02, each)


def test_sides_are_drawn_with_everybody_on_top_and_the_surest_first() -> None:
    figure = figures.side_forest(sides("ana", "ben", HOSTILE))
    found = traces(figure)
    assert found["depends on the side (Holm)"]["x"] == [0.7]
    assert found["depends on the side (Holm)"]["y"] == [1]
    assert found["no more than chance allows"]["x"] == pytest.approx([0.55, 0.6, 0.5])
    assert found["no more than chance allows"]["error_x"]["array"] == pytest.approx([0.2] * 3)
    assert found["no more than chance allows"]["error_x"]["arrayminus"] == pytest.approx([0.1] * 3)
    axis = drawn(figure)["layout"]["yaxis"]
    assert axis["ticktext"][:3] == ["everybody", "ana", "ben"]
    assert axis["range"][0] > axis["range"][1]
    assert "<a" not in json.dumps(drawn(figure))
    marks = [trace["marker"]["symbol"] for trace in found.values()]
    assert len(set(marks)) == 2  # colour never stands alone
    assert drawn(figure)["layout"]["shapes"][0]["x0"] == 0.5


def test_rows_that_do_not_fit_are_counted() -> None:
    figure = figures.side_forest(sides(*(f"o{k}" for k in range(5))), most=2)
    assert drawn(figure)["layout"]["yaxis"]["ticktext"] == ["everybody", "o0", "o1"]
    assert "(3 annotators not shown)" in drawn(figure)["layout"]["xaxis"]["title"]["text"]


def test_an_undefined_bias_says_why() -> None:
    none = Estimate("p_left", math.nan, math.nan, math.nan, 0, 0, 0, "x", reason="A always stood on the left")
    figure = figures.side_forest(SideBias(none, math.nan, ()))
    assert texts(figure) == ["undefined: A always stood on the left"]


def test_content_bias_is_drawn_against_zero() -> None:
    none = Estimate("bias_words", math.nan, math.nan, math.nan, 3, 1, 3, "x", reason="too few")
    bias = ContentBias(
        (share("words", 0.2),),
        {"ana": (share("ana: words", 0.9),), "ben": (share("ben: words", 0.1),), "few": (none,)},
        {"ana": (0.001,), "ben": (0.8,), "few": (math.nan,)},
        {"words": 0.4},
        given_others=True,
    )
    figure = figures.content_forest(bias, "words")
    assert traces(figure)["beyond chance (Holm)"]["x"] == [0.9]
    assert traces(figure)["no more than chance allows"]["x"] == [0.2, 0.1]
    assert drawn(figure)["layout"]["yaxis"]["ticktext"] == ["everybody", "ana", "ben"]
    assert drawn(figure)["layout"]["shapes"][0]["x0"] == 0
    with pytest.raises(ValueError, match="lists"):
        figures.content_forest(bias, "lists")


def test_a_drift_chart_has_its_path_boundary_and_alarm() -> None:
    chart = annotators.cusum([1.0] * 15 + [0.0] * 15, n_permutations=199, signal="agreement")
    found = traces(figures.drift_chart(chart, title="ana"))
    assert found["path"]["y"] == pytest.approx(chart.path.tolist())
    assert found["path"]["x"] == list(range(1, 31))
    lines = [one for one in drawn(figures.drift_chart(chart))["data"] if "boundary" in one["name"]]
    assert [line["y"][0] for line in lines] == pytest.approx([chart.boundary, -chart.boundary])
    assert found["likely change"]["x"] == [15]
    assert found["alarm"]["x"] == [chart.alarm + 1]  # type: ignore[operator]
    steady = annotators.cusum(np.tile([1.0, 0.0], 20), n_permutations=199)
    assert {"alarm", "likely change"}.isdisjoint(traces(figures.drift_chart(steady)))


def test_sessions_are_drawn_apart_and_no_chart_says_why() -> None:
    session = np.repeat([0, 1], 20)
    chart = annotators.cusum(np.tile([2.0, 1.0, 0.0, 1.0], 10), session, scope="session", n_permutations=99)
    path = traces(figures.drift_chart(chart))["path"]
    assert path["x"][20] is None
    assert len(path["x"]) == 41
    none = figures.drift_chart(annotators.cusum([1.0, 2.0], signal="pace"))
    assert texts(none) == ["no chart of pace: 2 judgments: a chart needs 20"]


def test_a_real_table_is_drawn() -> None:
    rng = np.random.default_rng(0)
    left = rng.choice(["A", "B"], 90)
    table = pd.DataFrame({"item": [f"i{k}" for k in range(30)] * 3, "annotator": np.repeat(["ana", "ben", "cam"], 30)})
    table = table.assign(label=rng.choice(["A", "B"], 90), left=left, right=np.where(left == "A", "B", "A"))
    figure = figures.side_forest(annotators.side_bias(table), title="Sides")
    assert len(drawn(figure)["layout"]["yaxis"]["ticktext"]) == 4
