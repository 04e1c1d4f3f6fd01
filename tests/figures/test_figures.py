"""Figures are looked at through their traces, never through pixels."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import plotly.io as pio
import pytest

from workbench.economics.cost import Prices, estimate
from workbench.errors import WorkbenchError
from workbench.figures import agreement, cost, disagreement, theme, training
from workbench.stats.estimate import Estimate, verdict

HOSTILE = '<a href="http://evil.invalid">$\\href{javascript:x}{x}$</a><b onclick=x>\nwide'


def an_estimate(label: str, value: float, low: float, high: float, reason: str = "") -> Estimate:
    return Estimate("krippendorff_alpha", value, low, high, 240, 6, 720, "item bootstrap", reason=reason, label=label)


NOTHING = an_estimate("safety", math.nan, math.nan, math.nan, "no variation: every label is 'tie'")
ESTIMATES = [
    an_estimate("overall", 0.62, 0.55, 0.69),
    an_estimate("accuracy", 0.71, 0.66, 0.8),
    an_estimate("style", 0.31, 0.22, 0.4),
    NOTHING,
]


def as_drawn(figure: Any) -> Any:
    return json.loads(figure.to_json())  # what plotly.js is given: lists, null for NaN


def texts(figure: Any) -> list[str]:
    return [a["text"] for a in as_drawn(figure)["layout"]["annotations"]]


def traces(figure: Any) -> dict[str, Any]:
    return {trace["name"]: trace for trace in as_drawn(figure)["data"] if "name" in trace}


def test_forest_draws_value_interval_and_verdict_of_every_estimate() -> None:
    verdicts = [verdict("trust", e, 0.6) for e in ESTIMATES]
    figure = agreement.forest(ESTIMATES, 0.6, verdicts)
    drawn = traces(figure)
    assert set(drawn) == {"pass", "fail", "inconclusive"}  # the undefined one has a verdict but no mark
    assert drawn["pass"]["x"] == [0.71]
    assert drawn["pass"]["y"] == [1]  # second row
    assert drawn["pass"]["error_x"]["array"] == pytest.approx([0.09])  # .80 - .71
    assert drawn["pass"]["error_x"]["arrayminus"] == pytest.approx([0.05])  # .71 - .66
    assert drawn["inconclusive"]["x"] == [0.62]
    # Colour never stands alone: three shapes, and the word beside the row.
    assert len({t["marker"]["symbol"] for t in drawn.values()}) == len({t["marker"]["color"] for t in drawn.values()})
    assert any(
        "pass" in text and "0.71" in text and "[0.66, 0.80]" in text and "n = 240" in text for text in texts(figure)
    )
    assert "undefined: no variation: every label is 'tie'" in texts(figure)
    assert "threshold 0.6" in texts(figure)
    axis = figure.to_dict()["layout"]["yaxis"]
    assert list(axis["ticktext"]) == ["overall", "accuracy", "style", "safety"]
    assert axis["range"][0] > axis["range"][1]  # first estimate on top


def test_forest_without_verdicts_and_with_nothing_defined() -> None:
    assert list(traces(agreement.forest(ESTIMATES))) == ["no verdict"]
    lonely = agreement.forest([NOTHING])
    assert any(text.startswith("undefined: ") for text in texts(lonely))
    assert texts(agreement.forest([])) == ["no estimates to show"]
    no_interval = agreement.forest([an_estimate("x", 0.5, math.nan, math.nan)])
    assert traces(no_interval)["no verdict"]["error_x"]["array"] == [None]
    assert any("[?, ?]" in text for text in texts(no_interval))


def test_forest_keeps_rows_of_the_same_name_apart() -> None:
    figure = agreement.forest([ESTIMATES[0], ESTIMATES[0]])
    assert traces(figure)["no verdict"]["y"] == [0, 1]


def test_forest_refuses_verdicts_that_do_not_match() -> None:
    with pytest.raises(WorkbenchError, match="4 estimates but 1 verdicts"):
        agreement.forest(ESTIMATES, 0.6, [None])


def test_matrix_shows_each_pair_once_with_its_overlap() -> None:
    values = [[None, 0.5, math.nan], [0.5, None, 0.9], [math.nan, 0.9, None]]
    figure = agreement.matrix(values, ["ann", "bob", "cyd"], [[0, 41, 0], [41, 0, 17], [0, 17, 0]])
    drawn = traces(figure)
    known, unknown = drawn["Cohen's kappa"], drawn["no value"]
    axes = figure.to_dict()["layout"]
    cells = {
        (axes["yaxis"]["ticktext"][y], axes["xaxis"]["ticktext"][x]): text
        for x, y, text in zip(known["x"], known["y"], known["text"], strict=True)
    }
    assert cells == {("bob", "ann"): "0.50<br>41", ("cyd", "bob"): "0.90<br>17"}
    assert known["marker"]["color"] == [0.5, 0.9]
    assert unknown["text"] == ["none<br>0"]
    assert unknown["hovertext"] == ["cyd and ann<br>none on 0 items"]
    assert {trace["type"] for trace in figure.to_dict()["data"]} == {"scatter"}  # the report's bundle has no heat map


def test_matrix_with_many_annotators_and_with_too_few() -> None:
    many = agreement.matrix([[0.5] * 30] * 30, [f"a{i}" for i in range(30)], [[5] * 30] * 30)
    assert len(many.data[0].x) == 30 * 29 / 2
    assert set(many.data[0].text) == {"0.50"}  # too small for two lines
    assert texts(agreement.matrix([[None]], ["a"], [[3]])) == ["agreement of pairs needs two annotators"]
    with pytest.raises(WorkbenchError, match="2 x 2"):
        agreement.matrix([[None, 1.0]], ["a", "b"], [[0, 0], [0, 0]])


def test_votes_are_stacked_in_one_order_whatever_order_they_came_in() -> None:
    rows = [{"item": "i1", "votes": {"B": 2, "tie": 1}}, {"item": "i2", "votes": {"both_bad": 1, "A": 1, "B": 1}}]
    figure = disagreement.votes(rows)
    drawn = {name: trace["x"] for name, trace in traces(figure).items()}
    assert list(drawn.items()) == [("A", [0, 1]), ("tie", [1, 0]), ("both bad", [0, 1]), ("B", [2, 1])]
    assert figure.layout.barmode == "stack"
    assert [trace.marker.pattern.shape for trace in figure.data] == ["", "/", "x", ""]
    assert list(figure.layout.yaxis.ticktext) == ["i1", "i2"]


def test_votes_of_other_tasks_and_more_items_than_fit() -> None:
    rows = [{"item": f"i{n}", "votes": {1: 2, 5: 1}} for n in range(25)]
    figure = disagreement.votes(rows, limit=10)
    assert {name: set(trace["x"]) for name, trace in traces(figure).items()} == {"1": {2}, "5": {1}}
    assert len(figure.data[0].y) == 10
    assert "10 of 25 items" in texts(figure)
    assert texts(disagreement.votes([])) == ["no items with two or more labels"]


def test_cost_bars_add_up_to_the_total_that_is_written() -> None:
    free = estimate(216, Prices(name="free", judgment="0.40", platform_fee="0.05"), repeat_share=0.05)
    plan = estimate(216, Prices(name="plan", judgment="0.40", plan_per_month="29"), gold_share=0, overlap=1)
    figure = cost.breakdown(free, plan)
    drawn = traces(figure)
    # 648, 72 and 36 judgments at $.40, and 5 % of $302.40; the plan alone: 216 x $.40 and $29.
    assert drawn["pay, usable items"]["x"] == pytest.approx([259.20, 86.40])
    assert drawn["pay, gold"]["x"] == pytest.approx([28.80, 0])
    assert drawn["pay, repeats"]["x"] == pytest.approx([14.40, 0])
    assert drawn["platform fees"]["x"] == pytest.approx([15.12, 0])
    assert drawn["plan fees"]["x"] == pytest.approx([0, 29])
    assert texts(figure) == ["<b>&#36;317.52</b>", "<b>&#36;115.40</b>"]
    assert "plan fees" not in traces(cost.breakdown(free))


def test_cost_refuses_two_currencies_and_says_when_there_is_none() -> None:
    euro = estimate(10, Prices(name="e", judgment="1", currency="EUR"))
    dollar = estimate(10, Prices(name="d", judgment="1"))
    with pytest.raises(WorkbenchError, match="EUR and USD cannot share an axis"):
        cost.breakdown(euro, dollar)
    assert texts(cost.breakdown()) == ["no cost estimate to show"]


def test_curves_draw_what_was_logged_and_name_what_was_not() -> None:
    metrics: list[dict[str, float | None]] = [
        {"step": 1, "loss": 0.69, "accuracy": 0.5},
        {"step": 2, "loss": 0.6, "accuracy": 0.7},
        {"step": 2, "eval_loss": 0.65, "margin": None},
    ]
    figure = training.curves(metrics)
    lines = [t for t in as_drawn(figure)["data"] if t.get("name")]
    assert [(t["name"], t["x"], t["y"]) for t in lines] == [
        ("train", [1, 2], [0.69, 0.6]),
        ("held out", [2], [0.65]),
        ("train", [1, 2], [0.5, 0.7]),
    ]
    assert [t["line"]["dash"] for t in lines] == ["solid", "dash", "solid"]
    assert [t["showlegend"] for t in lines] == [True, True, False]
    assert texts(figure) == ["Loss", "Reward margin", "Accuracy", "not recorded"]
    assert texts(training.curves([])) == ["no step has been logged yet"]


def test_before_after_draws_both_models_and_the_difference() -> None:
    rows = [
        {"label": "all kinds", "base": 0.35, "adapter": 0.42, "low": 0.01, "high": 0.13, "n": 200},
        {"label": "bullets", "base": 0.2, "adapter": 0.1, "low": None, "high": None, "n": 5},
        {"label": "json", "base": 0.5, "adapter": 0.5, "low": math.nan, "high": math.nan, "n": 1},
    ]
    figure = training.before_after(rows)
    drawn = traces(figure)
    assert drawn["base"]["x"] == [0.35, 0.2, 0.5]
    assert drawn["adapter"]["x"] == [0.42, 0.1, 0.5]
    assert drawn["difference"]["x"] == pytest.approx([0.07, -0.1, 0])
    bars = drawn["difference"]["error_x"]
    assert bars["array"] == [pytest.approx(0.06), None, None]  # .13 - .07
    assert bars["arrayminus"] == [pytest.approx(0.06), None, None]  # .07 - .01
    assert list(figure.layout.yaxis.ticktext) == ["all kinds (n = 200)", "bullets (n = 5)", "json (n = 1)"]
    assert drawn["base"]["marker"]["symbol"] != drawn["adapter"]["marker"]["symbol"]
    assert texts(training.before_after([])) == ["no evaluation to show"]


def hostile_figures() -> list[Any]:
    price = Prices(name=HOSTILE, judgment="1")
    row = {"label": HOSTILE, "base": 0.1, "adapter": 0.2, "low": 0.0, "high": 0.2, "n": 5}
    return [
        agreement.forest([an_estimate(HOSTILE, 0.5, 0.4, 0.6, HOSTILE)], title=HOSTILE),
        agreement.forest([an_estimate(HOSTILE, math.nan, math.nan, math.nan, HOSTILE)]),
        agreement.matrix([[None, 0.5], [0.5, None]], [HOSTILE, HOSTILE], [[0, 1], [1, 0]], name=HOSTILE),
        disagreement.votes([{"item": HOSTILE, "votes": {HOSTILE: 1, "A": 1}}], title=HOSTILE),
        cost.breakdown(estimate(10, price), title=HOSTILE),
        training.before_after([row], title=HOSTILE, what=HOSTILE),
    ]


@pytest.mark.parametrize("index", range(6))
def test_text_from_outside_is_never_markup_or_a_formula(index: int) -> None:
    figure = hostile_figures()[index]
    found = list(strings(figure.to_dict()["data"])) + list(
        strings({key: value for key, value in figure.to_dict()["layout"].items() if key != "template"})
    )
    assert any("&lt;a" in text for text in found)  # it is there, as text
    for text in found:
        assert "<a" not in text
        assert "onclick" not in text or "&lt;b" in text
        assert "$" not in text
        assert "\n" not in text


def strings(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings(one)


def test_plain_keeps_what_it_can_and_cuts_the_rest() -> None:
    assert theme.plain("a  b\n c") == "a b c"
    assert theme.plain("x" * 70) == "x" * 59 + "…"
    assert theme.plain("a<b & $1") == "a&lt;b &amp; &#36;1"


def test_the_same_numbers_give_the_same_bytes() -> None:
    for first, second in zip(hostile_figures(), hostile_figures(), strict=True):
        assert first.to_json() == second.to_json()


def test_titles_make_room_for_themselves() -> None:
    without, titled = agreement.forest(ESTIMATES), agreement.forest(ESTIMATES, title="Agreement")
    assert titled.layout.title.text == "Agreement"
    assert titled.layout.height - without.layout.height == titled.layout.margin.t - without.layout.margin.t > 20


def test_the_template_is_registered_by_the_first_figure_not_by_the_import() -> None:
    code = (
        "import plotly.io as pio; from workbench.figures import theme; before = 'workbench' in pio.templates; "
        "theme.template(); print(before, 'workbench' in pio.templates)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False True"
    assert theme.template().layout.colorway == theme.COLOURS
    assert pio.templates["workbench"].layout.plot_bgcolor == "white"
    # Neither can be read as a thin line or as text on white.
    assert not {theme.YELLOW, theme.SKY} & set(theme.COLOURS)
