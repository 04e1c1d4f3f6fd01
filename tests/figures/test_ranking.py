"""Pictures of a ranking, looked at through their traces."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from workbench.figures import ranking as figures
from workbench.stats import ranking

HOSTILE = '<a href="http://evil.invalid">$x$</a>'


def the_table(names: tuple[str, ...] = ("x", "y", "z")) -> pd.DataFrame:
    x, y, z = names
    rows = [(x, y, "A")] * 30 + [(y, x, "A")] * 10 + [(y, z, "A")] * 25 + [(z, y, "A")] * 10 + [(x, y, "tie")] * 4
    return pd.DataFrame(rows, columns=["a", "b", "winner"])


def as_drawn(figure: Any) -> Any:
    return json.loads(figure.to_json())


def test_ratings_are_drawn_best_first_with_interval_and_open_ranks() -> None:
    ranked = ranking.bradley_terry(the_table(), cluster=None, n_resamples=200)
    drawn = as_drawn(figures.ratings(ranked, title="Who leads"))
    (trace,) = drawn["data"]
    assert trace["x"] == pytest.approx([one.rating.value for one in ranked.systems])
    assert trace["x"] == sorted(trace["x"], reverse=True)
    highs = [one.rating.high - one.rating.value for one in ranked.systems]
    assert trace["error_x"]["array"] == pytest.approx(highs)
    axis = drawn["layout"]["yaxis"]
    first = ranked.systems[0]
    assert axis["ticktext"][0] == "x (rank 1)"
    assert (first.best_rank, first.worst_rank) == (1, 1)
    assert axis["range"][0] > axis["range"][1]
    assert "log-odds, mean 0" in drawn["layout"]["xaxis"]["title"]["text"]
    assert any(shape["x0"] == shape["x1"] == 0 for shape in drawn["layout"]["shapes"])


def test_ratings_with_open_ranks_without_intervals_and_without_systems() -> None:
    close = pd.DataFrame([("x", "y", "A")] * 11 + [("x", "y", "B")] * 10, columns=["a", "b", "winner"])
    ranked = ranking.bradley_terry(close, cluster=None, n_resamples=200)
    assert as_drawn(figures.ratings(ranked))["layout"]["yaxis"]["ticktext"] == ["x (rank 1–2)", "y (rank 1–2)"]
    bare = ranking.bradley_terry(close, cluster=None, n_resamples=0)
    drawn = as_drawn(figures.ratings(bare))
    assert drawn["layout"]["yaxis"]["ticktext"] == ["x (rank 1)", "y (rank 2)"]
    assert drawn["data"][0]["error_x"]["array"] == [None, None]
    nobody = figures.ratings(replace(bare, systems=()))
    assert as_drawn(nobody)["layout"]["annotations"][0]["text"] == "no systems to show"


def test_win_rates_are_squares_with_share_and_count() -> None:
    rates = ranking.win_rates(the_table())
    drawn = as_drawn(figures.win_rates(rates))
    traces = {trace["name"]: trace for trace in drawn["data"]}
    assert set(traces) == {"win rate", "not compared"}  # x never met z
    known = traces["win rate"]
    cells = dict(zip(zip(known["y"], known["x"], strict=True), known["text"], strict=True))
    assert drawn["layout"]["yaxis"]["ticktext"] == ["x", "y", "z"]
    assert cells[0, 1] == "0.73<br>44"  # (30 + 4 / 2) / 44
    assert cells[1, 0] == "0.27<br>44"
    assert len(traces["not compared"]["x"]) == 2
    assert all(x != y for x, y in zip(known["x"], known["y"], strict=True))
    assert known["marker"]["color"][0] == pytest.approx(32 / 44)


def test_names_of_systems_are_shown_as_text() -> None:
    table = the_table((HOSTILE, "y", "z"))
    ranked = ranking.bradley_terry(table, cluster=None, n_resamples=0)
    for figure in (figures.ratings(ranked, title=HOSTILE), figures.win_rates(ranking.win_rates(table), title=HOSTILE)):
        shown = figure.to_json().replace("\\u003c", "<")
        assert "<a " not in shown
        assert "&lt;a" in shown


def test_one_system_alone_has_no_matrix() -> None:
    rates = ranking.win_rates(the_table())
    alone = replace(rates, names=("x",))
    assert as_drawn(figures.win_rates(alone))["layout"]["annotations"][0]["text"] == "win rates need two systems"
