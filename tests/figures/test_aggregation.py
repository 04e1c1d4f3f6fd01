"""Figures of aggregation, looked at through their traces."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.figures import aggregation as figures
from workbench.stats import aggregation

HOSTILE = '<a href="http://evil.invalid">$x$</a>'


def drawn(figure: Any) -> Any:
    return json.loads(figure.to_json())


def traces(figure: Any) -> dict[str, Any]:
    return {trace["name"]: trace for trace in drawn(figure)["data"]}


def texts(figure: Any) -> list[str]:
    return [a["text"] for a in drawn(figure)["layout"]["annotations"]]


def fitted(rows: list[str], names: list[str], **options: Any) -> aggregation.Aggregation:
    labels = [(f"i{k}", names[a], v) for k, row in enumerate(rows) for a, v in enumerate(row) if v != "."]
    return aggregation.dawid_skene(pd.DataFrame(labels, columns=["item", "annotator", "label"]), **options)


def test_each_annotator_has_a_matrix_with_the_truth_in_rows() -> None:
    result = fitted(["AAB", "BBB", "AA.", "BB."], ["ana", "ben", HOSTILE], max_iter=1)
    figure = figures.confusion(result, ["ben", HOSTILE])
    found = traces(figure)
    ben, other = found.values()
    # Rows from the top: true A, then true B.
    assert (ben["x"], ben["y"]) == ([0, 1, 0, 1], [0, 0, 1, 1])
    assert ben["marker"]["color"] == pytest.approx(result.confusion[1].ravel())
    assert ben["text"] == [f"{v:.2f}" for v in result.confusion[1].ravel()]
    layout = drawn(figure)["layout"]
    assert layout["yaxis"]["range"] == [1.5, -0.5]  # first class on top
    assert layout["xaxis"]["ticktext"] == ["A", "B"]
    assert (ben["xaxis"], other["xaxis"]) == ("x", "x2")
    assert layout["xaxis"]["domain"][1] < layout["xaxis2"]["domain"][0]  # panels beside each other
    assert "label given" in texts(figure)
    assert "true class" in texts(figure)
    assert any("ben" in text and "4 labels" in text for text in texts(figure))
    assert "<a" not in figure.to_json()
    assert {trace["type"] for trace in found.values()} == {"scatter"}  # the report's bundle has no heat map


def test_a_class_an_annotator_never_met_is_an_open_square() -> None:
    result = fitted(["AAA", "AAA", "BB.", "BB."], ["ana", "ben", "cyd"])
    cyd = traces(figures.confusion(result))["cyd"]
    assert cyd["marker"]["symbol"] == ["square", "square", "square-open", "square-open"]
    assert cyd["text"][2:] == ["", ""]
    assert cyd["hovertext"][2] == "cyd<br>B labelled A: no evidence"


def test_many_annotators_many_classes_and_strangers() -> None:
    names = [f"a{k:02}" for k in range(11)]
    result = fitted(["A" * 11, "B" * 10, "AB" * 4, "BA" * 3], names)
    figure = figures.confusion(result)
    assert list(traces(figure)) == names[:9]  # those with most labels
    assert "9 of 11 annotators" in texts(figure)
    layout = drawn(figure)["layout"]
    for k in range(2, 10):
        for axis in ("xaxis", "yaxis"):
            low, high = layout[f"{axis}{k}"]["domain"]
            assert 0 <= low < high <= 1
    assert layout["yaxis4"]["domain"][1] < layout["yaxis"]["domain"][0]  # second row under the first
    with pytest.raises(WorkbenchError, match="no annotators"):
        figures.confusion(result, ["zoe"])
    assert texts(figures.confusion(result, [])) == ["no annotators to show"]
    letters = "ABCDEFGHIJKLM"
    many = fitted([2 * v for v in letters], ["ana", "ben"])
    assert texts(figures.confusion(many)) == ["13 classes are too many for a picture: read result.confusion"]


def test_posteriors_are_counted_by_how_items_were_decided() -> None:
    rows = ["AAB", "BBB", "AAA", "ABB", "BAA", "AAA"]
    result = fitted(rows, ["ana", "ben", "cyd"], gold={"i5": "A"}, model="one_coin", smoothing=1)
    figure = figures.posterior_histogram(result, bins=10)
    found = traces(figure)
    sizes = result.items["source"].value_counts()
    assert set(found) == {f"{source} ({n})" for source, n in sizes.items()}
    assert sum(sum(trace["y"]) for trace in found.values()) == len(rows)
    assert found["adjudicated (1)"]["y"] == [0] * 9 + [1]  # certain, so in the last bar
    # Two classes: the leading one has at least one half.
    assert found["adjudicated (1)"]["x"] == pytest.approx([0.525 + 0.05 * k for k in range(10)])
    assert figure.layout.barmode == "stack"
    assert len({trace["marker"]["pattern"]["shape"] for trace in found.values()}) == len(found)
    with pytest.raises(WorkbenchError, match="bins"):
        figures.posterior_histogram(result, bins=0)


def test_unresolved_items_stand_at_the_low_end() -> None:
    result = fitted(["AB", "BA"], ["ana", "ben"], model="one_coin")
    found = traces(figures.posterior_histogram(result, bins=5))
    assert list(found) == ["unresolved (2)"]
    assert found["unresolved (2)"]["y"] == [2, 0, 0, 0, 0]
