"""Every number is worked out by hand in the comment beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from workbench.economics.cost import BreakEven, Prices, break_even, estimate, money, read_seconds
from workbench.errors import PlanError, RecordError


def prices(**fields: Any) -> Prices:
    return Prices(**{"name": "list", "judgment": "0.40", "source": "test", **fields})


# A plan of $29 a month against a fee of 5 % (20 % in the last row) of the pay: 29 / (fee x price).
@pytest.mark.parametrize(
    ("price", "fee", "exact", "first_month"),
    [
        ("0.40", "0.05", "1450", 1450),  # 29 / .02
        ("0.10", "0.05", "5800", 5800),  # 29 / .005
        ("0.30", "0.05", "1933.333333", 1934),  # 29 / .015
        ("0.75", "0.05", "773.333333", 774),  # 29 / .0375
        ("1.50", "0.05", "386.666667", 387),  # 29 / .075
        ("5.00", "0.05", "116", 116),  # 29 / .25
        ("3.87", "0.05", "149.870801", 150),  # 29 / .1935: the only price at which 150 tasks pay for the plan
        ("0.40", "0.20", "362.5", 363),  # 29 / .08
    ],
)
def test_a_plan_against_a_fee(price: str, fee: str, exact: str, first_month: int) -> None:
    free = prices(name="free", judgment=price, platform_fee=fee)
    plan = prices(name="plan", judgment=price, plan_per_month="29")
    for found in (break_even(free, plan), break_even(plan, free)):
        assert found.judgments is not None
        assert found.judgments.quantize(Decimal("0.000001")) == Decimal(exact)
        assert (found.first_month, found.below, found.above) == (first_month, "free", "plan")
    # The month before, the fee is still the cheaper one; from there on the plan is.
    fees = [Decimal(n) * Decimal(price) * Decimal(fee) for n in (first_month - 1, first_month)]
    assert fees[0] < 29 <= fees[1]


def test_break_even_without_a_crossing() -> None:
    cheap, dear = prices(name="cheap"), prices(name="dear", plan_per_month="29", platform_fee="0.05")
    assert break_even(dear, cheap) == BreakEven(None, None, "cheap", "cheap")
    assert str(break_even(dear, cheap)) == "cheap is never dearer"
    same = break_even(prices(name="x"), prices(name="y"))
    assert (same.first_month, str(same)) == (None, "x and y always cost the same")
    # Same plan fee, different price: the lower price wins from the first judgment on.
    assert break_even(prices(name="x", judgment="0.5"), prices(name="y")).above == "y"


@pytest.mark.parametrize("other", [{"unit": "claim"}, {"currency": "EUR"}])
def test_break_even_refuses_what_cannot_be_compared(other: dict[str, str]) -> None:
    with pytest.raises(PlanError, match="cannot be compared"):
        break_even(prices(), prices(**other))


def test_quality_control_is_part_of_the_cost() -> None:
    # 100,000 / .9 = 111,111 items, 11,111 of them gold; x 3 = 333,333 judgments; x $.40 = $133,333.20.
    run = estimate(100_000, prices())
    assert (run.n_gold, run.n_judgments) == (11_111, 333_333)
    assert run.total == run.pay == Decimal("133333.20")
    assert money(run.per_item) == "$1.33"
    assert "111,111 items x 3 labels = 333,333 judgments" in run.notes[0]
    # One label an item and no gold, as such sums are usually given: $40,000.
    assert estimate(100_000, prices(), overlap=1, gold_share=0).total == 40_000


def test_fees_on_top_of_the_same_run() -> None:
    bare: dict[str, Any] = {"overlap": 1, "gold_share": 0}
    assert estimate(100_000, prices(platform_fee="0.20"), **bare).platform_fees == 8_000  # .20 x 40,000
    assert estimate(100_000, prices(platform_fee="0.05"), **bare).platform_fees == 2_000  # .05 x 40,000
    plan = estimate(100_000, prices(plan_per_month="29"), **bare, months=4)
    assert plan.platform_fees == 0
    assert plan.plan_fees == 116  # 4 x 29
    assert plan.total == 40_116
    assert any("recurs every month" in note and "4 months" in note for note in plan.notes)


def test_gold_and_repeats_are_counted() -> None:
    # 216 / .9 = 240 items, 24 gold; x 3 = 720; 5 % of 720 = 36 repeats; 756 judgments x $.40 = $302.40.
    run = estimate(216, prices(), repeat_share=0.05)
    assert (run.n_gold, run.n_repeats, run.n_judgments, run.total) == (24, 36, 756, Decimal("302.40"))
    assert run.per_item == Decimal("1.4")  # 302.40 / 216
    # 216 x 3 = 648, 24 x 3 = 72 and 36 judgments at $.40.
    assert run.parts["pay, usable items"] == Decimal("259.20")
    assert run.parts["pay, gold"] == Decimal("28.80")
    assert run.parts["pay, repeats"] == Decimal("14.40")
    assert sum(run.parts.values()) == run.total


def test_the_wage_behind_a_price() -> None:
    # Two responses of 250 words and a prompt of 50: 550 / 238 x 60 = 138.66 s; $.10 / 138.66 s x 3600 s = $2.596.
    assert read_seconds(550) == pytest.approx(138.655, abs=0.001)
    run = estimate(1_000, prices(judgment="0.10"), words=550)
    assert run.hourly_wage is not None
    assert money(run.hourly_wage) == "$2.60"
    assert run.hours == pytest.approx(3_333 * 138.655 / 3600, rel=1e-5)  # 1,111 items x 3
    assert any("upper bound" in note for note in run.notes)
    # The platform's share is not the annotator's: a fee leaves the wage as it is.
    with_fee = estimate(1_000, prices(judgment="0.10", platform_fee="0.2"), words=550)
    assert with_fee.hourly_wage == run.hourly_wage
    measured = estimate(10, prices(judgment="0.10"), seconds_per_judgment=36)  # 100 judgments an hour x $.10
    assert measured.hourly_wage == pytest.approx(10.0)
    assert "$10.00 an hour" in str(measured)


def test_without_a_time_there_is_no_wage_and_the_note_says_so() -> None:
    run = estimate(10, prices())
    assert run.hourly_wage is run.hours is None
    assert any("no wage" in note for note in run.notes)
    assert "an hour" not in str(run)


def test_a_missing_price_is_asked_for() -> None:
    unknown = prices(name="vendor", judgment=None, unit="session")
    with pytest.raises(PlanError, match=r"price of one session is not known .*vendor.* -> ask for it"):
        estimate(10, unknown)
    with pytest.raises(PlanError, match="price of one session is not known"):
        break_even(prices(unit="session"), unknown)


@pytest.mark.parametrize("unit", ["response", "claim"])
def test_units_that_a_judgment_may_hold_several_of_are_asked_for(unit: str) -> None:
    with pytest.raises(PlanError, match="units_per_judgment"):
        estimate(10, prices(unit=unit))
    run = estimate(10, prices(unit=unit), overlap=1, gold_share=0, units_per_judgment=2)
    assert run.pay == 8  # 10 judgments x 2 x $.40
    assert f"one judgment is 2 x one {unit}" in run.notes


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_items": 0}, "n_items must be 1 or more, got 0"),
        ({"overlap": 0}, "overlap must be 1 or more"),
        ({"gold_share": 1.0}, "gold_share must be at least 0 and below 1"),
        ({"gold_share": float("nan")}, "gold_share"),
        ({"repeat_share": 1.5}, "repeat_share must lie between 0 and 1"),
        ({"months": 0}, "months must be 1 or more"),
        ({"seconds_per_judgment": 0.0}, "seconds_per_judgment must be above 0"),
        ({"seconds_per_judgment": 9.0, "words": 10}, "both seconds_per_judgment and words"),
        ({"words": 0}, "words must be 1 or more"),
        ({"units_per_judgment": -1.0}, "units_per_judgment must be above 0"),
    ],
)
def test_what_cannot_be_costed_is_refused(change: dict[str, Any], said: str) -> None:
    arguments = {"n_items": 10, **change}
    with pytest.raises(PlanError, match=said):
        estimate(arguments.pop("n_items"), prices(), **arguments)


@pytest.mark.parametrize(
    "bad", [{"judgment": "-1"}, {"judgment": "NaN"}, {"platform_fee": "5"}, {"unit": "hour"}, {"currency": "$"}]
)
def test_prices_refuse_nonsense(bad: dict[str, str]) -> None:
    with pytest.raises(RecordError, match=next(iter(bad))):
        prices(**bad)


def test_a_price_given_as_a_float_is_the_price_that_was_written() -> None:
    assert prices(judgment=0.1).judgment == Decimal("0.1")


def test_money_rounds_half_up_and_names_other_currencies() -> None:
    assert money(Decimal("0.125")) == "$0.13"
    assert money(Decimal("1234567.891"), "EUR") == "€1,234,567.89"
    assert money(3, "CHF") == "CHF 3.00"
