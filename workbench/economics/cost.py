"""Cost of a labelling run: judgments, pay, fees, the hourly wage a price implies, and when a plan beats a fee.

Money is `Decimal` in whole units of the currency (dollars, not cents) and is never rounded before it is shown.
A price that is not known is asked for, never filled in: prices differ by unit (pair, response, session, claim) as
much as by task, and a guess would be multiplied by every judgment of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Annotated, Literal

from pydantic import Field

from workbench.errors import PlanError
from workbench.records import Record

Unit = Literal["pair", "response", "session", "claim"]
Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False, max_digits=18)]
DecimalShare = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]

# Mean silent reading speed of English non-fiction by adults: M. Brysbaert (2019), "How many words do we read per
# minute?", Journal of Memory and Language 109, 104047 (238; fiction 260).
WORDS_PER_MINUTE = 238

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


class Prices(Record):
    """What one place charges. Write prices as text (`"0.40"`), which is exact.

    `judgment` is what the annotator is paid for one `unit`, in units of `currency` (None: not known yet);
    `platform_fee` the platform's share on top of the pay (`"0.05"` is 5 %); `plan_per_month` a fee that recurs every
    month whatever the volume; `source` says where the prices were read, and when.
    """

    name: str
    judgment: Money | None = None
    unit: Unit = "pair"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    platform_fee: DecimalShare = Decimal(0)
    plan_per_month: Money = Decimal(0)
    source: str = ""


@dataclass(frozen=True)
class CostEstimate:
    """A run's cost with everything it was computed from.

    Attributes
    ----------
    n_items
        Usable items: those that end up in the data. Gold comes on top of them.
    n_gold, n_repeats, n_judgments
        Gold items; judgments that are hidden repeats; all judgments that are paid.
    pay, platform_fees, plan_fees, total, per_item
        Money in units of the currency; `per_item` is the total over the usable items.
    seconds_per_judgment, hours, hourly_wage
        Time as given or as reading time; None where neither seconds nor words were given.
    notes
        What a reader must know beside the numbers.
    """

    prices: Prices
    n_items: int
    overlap: int
    gold_share: float
    repeat_share: float
    months: int
    n_gold: int
    n_repeats: int
    n_judgments: int
    pay: Decimal
    platform_fees: Decimal
    plan_fees: Decimal
    seconds_per_judgment: float | None
    notes: tuple[str, ...]

    @property
    def total(self) -> Decimal:
        """Pay and fees together."""
        return self.pay + self.platform_fees + self.plan_fees

    @property
    def parts(self) -> dict[str, Decimal]:
        """What the total is made of: pay for usable items, gold and repeats, then the fees."""
        each = self.pay / self.n_judgments
        gold, repeats = each * self.n_gold * self.overlap, each * self.n_repeats
        return {
            "pay, usable items": self.pay - gold - repeats,
            "pay, gold": gold,
            "pay, repeats": repeats,
            "platform fees": self.platform_fees,
            "plan fees": self.plan_fees,
        }

    @property
    def per_item(self) -> Decimal:
        """Cost of one usable item."""
        return self.total / self.n_items

    @property
    def hours(self) -> float | None:
        """Paid working time of the whole run, in hours."""
        return None if self.seconds_per_judgment is None else self.n_judgments * self.seconds_per_judgment / 3600

    @property
    def hourly_wage(self) -> float | None:
        """What an annotator earns in an hour at this price and pace."""
        return None if not self.hours else float(self.pay) / self.hours

    def __str__(self) -> str:
        wage = "" if self.hourly_wage is None else f"; {money(self.hourly_wage, self.prices.currency)} an hour"
        return (
            f"{self.prices.name}: {money(self.total, self.prices.currency)} for {self.n_judgments:,} judgments of "
            f"{self.n_items:,} usable items ({money(self.per_item, self.prices.currency)} an item{wage})"
        )


@dataclass(frozen=True)
class BreakEven:
    """Where two price lists cost the same.

    Attributes
    ----------
    judgments
        The exact volume a month at which both cost the same, None when one is never dearer.
    first_month
        Smallest whole number of judgments a month at which `above` is no dearer, None as before.
    below, above
        Names of the cheaper one below and above that volume; the same name twice when there is no crossing.
    """

    judgments: Decimal | None
    first_month: int | None
    below: str
    above: str

    def __str__(self) -> str:
        if self.first_month is None:
            same = self.below == self.above
            return f"{self.below} is never dearer" if same else f"{self.below} and {self.above} always cost the same"
        return f"{self.above} is no dearer than {self.below} from {self.first_month:,} judgments a month"


def estimate(
    n_items: int,
    prices: Prices,
    *,
    overlap: int = 3,
    gold_share: float = 0.1,
    repeat_share: float = 0.0,
    seconds_per_judgment: float | None = None,
    words: int | None = None,
    units_per_judgment: float | None = None,
    months: int = 1,
) -> CostEstimate:
    """What `n_items` usable items cost, quality control included.

    Judgments = items / (1 - gold share) x overlap, and `repeat_share` of them once more. Gold items are rounded to a
    whole number.

    Parameters
    ----------
    n_items
        Usable items wanted, gold not counted.
    overlap
        Labels per item, gold items included.
    gold_share
        Gold items as a share of all items shown, 0 up to but not including 1.
    repeat_share
        Share of the judgments that are asked a second time.
    seconds_per_judgment
        Median time of a judgment, best taken from a pilot.
    words
        Instead of seconds: words of prompt and responses together. The time is then reading time alone, so the true
        wage is lower.
    units_per_judgment
        How many priced units one judgment holds; needed where the unit is a response or a claim.
    months
        How many months the plan fee is paid.

    Raises
    ------
    PlanError
        A number outside its range, an unknown price, or a unit whose number per judgment is not given.

    Examples
    --------
    >>> run = estimate(100_000, Prices(name="free tier", judgment="0.40", platform_fee="0.05"), words=550)
    >>> print(run)
    free tier: $139,999.86 for 333,333 judgments of 100,000 usable items ($1.40 an item; $10.39 an hour)
    """
    _check(n_items, overlap, gold_share, repeat_share, months, seconds_per_judgment, words)
    units = _units(prices, units_per_judgment)
    if prices.judgment is None:
        raise PlanError(
            f"the price of one {prices.unit} is not known",
            where=f"prices {prices.name!r}",
            next_step=f"ask for it, then Prices(name={prices.name!r}, judgment='0.40', unit={prices.unit!r}, "
            "source='where and when you read it')",
        )
    n_gold = _whole(Decimal(n_items) / (1 - Decimal(str(gold_share))) - n_items)
    first = (n_items + n_gold) * overlap
    n_repeats = _whole(first * Decimal(str(repeat_share)))
    pay = (first + n_repeats) * units * prices.judgment
    notes = [
        f"{n_items:,} usable items + {n_gold:,} gold = {n_items + n_gold:,} items x {overlap} labels = {first:,} "
        f"judgments" + (f", + {n_repeats:,} repeats" if n_repeats else "")
    ]
    if units != 1:
        notes.append(f"one judgment is {units:f} x one {prices.unit}")
    if prices.plan_per_month:
        paid = f"{months} month" + ("s" if months > 1 else "")
        notes.append(f"the plan fee recurs every month; it is counted for {paid}")
    seconds = seconds_per_judgment
    if words is not None:
        seconds = read_seconds(words)
        notes.append(
            f"time is reading alone: {words:,} words at {WORDS_PER_MINUTE} a minute = {seconds:.0f} s; deciding takes "
            "longer, so the wage is an upper bound"
        )
    elif seconds is None:
        notes.append("no wage: give seconds_per_judgment from a pilot, or words to read")
    if not prices.source:
        notes.append("where the prices are from is not recorded")
    return CostEstimate(
        prices,
        n_items,
        overlap,
        gold_share,
        repeat_share,
        months,
        n_gold,
        n_repeats,
        first + n_repeats,
        pay,
        pay * prices.platform_fee,
        prices.plan_per_month * months,
        seconds,
        tuple(notes),
    )


def break_even(one: Prices, other: Prices) -> BreakEven:
    """The volume a month from which the list with the higher plan fee is worth it.

    n = difference of the plan fees / difference of price x (1 + fee).

    Raises
    ------
    PlanError
        When a price is missing, or unit or currency differ: those cannot be compared.

    Examples
    --------
    >>> free = Prices(name="free", judgment="0.40", platform_fee="0.05")
    >>> print(break_even(free, Prices(name="plan", judgment="0.40", plan_per_month="29")))
    plan is no dearer than free from 1,450 judgments a month
    """
    if (one.unit, one.currency) != (other.unit, other.currency):
        raise PlanError(
            f"prices per {one.unit} in {one.currency} and per {other.unit} in {other.currency} cannot be compared",
            where=f"prices {one.name!r} and {other.name!r}",
            next_step="state both for the same unit and currency",
        )
    # Ordered so that `low` has the lower plan fee; `high` must then be cheaper per judgment to catch up.
    (low, low_cost), (high, high_cost) = sorted(
        ((p, _per_judgment(p)) for p in (one, other)), key=lambda pair: (pair[0].plan_per_month, pair[1])
    )
    gap = high.plan_per_month - low.plan_per_month
    saved = low_cost - high_cost
    if not gap and not saved:
        return BreakEven(None, None, one.name, other.name)
    if saved <= 0:
        return BreakEven(None, None, low.name, low.name)
    volume = gap / saved
    return BreakEven(volume, int(volume.to_integral_value(ROUND_CEILING)), low.name, high.name)


def read_seconds(words: int) -> float:
    """Seconds to read this many English words silently at 238 words a minute (Brysbaert 2019).

    >>> round(read_seconds(550), 1)
    138.7
    """
    if words < 1:
        raise PlanError(f"words must be 1 or more, got {words}", next_step="count prompt and responses together")
    return words / WORDS_PER_MINUTE * 60


def money(amount: Decimal | float, currency: str = "USD") -> str:
    """An amount as it is shown: two decimals, thousands separated.

    >>> money(Decimal("133333.2")), money(5, "SEK")
    ('$133,333.20', 'SEK 5.00')
    """
    shown = Decimal(str(amount)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{_SIGNS.get(currency, currency + ' ')}{shown:,}"


def _per_judgment(prices: Prices) -> Decimal:
    if prices.judgment is None:
        raise PlanError(
            f"the price of one {prices.unit} is not known",
            where=f"prices {prices.name!r}",
            next_step="a break-even needs the pay as well as the fee: give judgment='…'",
        )
    return prices.judgment * (1 + prices.platform_fee)


def _units(prices: Prices, given: float | None) -> Decimal:
    if given is None:
        if prices.unit in ("response", "claim"):
            raise PlanError(
                f"a judgment may hold several of what is priced, one {prices.unit}; how many is not given",
                where=f"prices {prices.name!r}",
                next_step="give units_per_judgment=… (a pair has 2 responses; count claims in a pilot)",
            )
        return Decimal(1)
    if not 0 < given < float("inf"):
        raise PlanError(f"units_per_judgment must be above 0, got {given}")
    return Decimal(str(given))


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_UP))


def _check(
    n_items: int,
    overlap: int,
    gold_share: float,
    repeat_share: float,
    months: int,
    seconds: float | None,
    words: int | None,
) -> None:
    for name, count in (("n_items", n_items), ("overlap", overlap), ("months", months)):
        if count < 1:
            raise PlanError(f"{name} must be 1 or more, got {count}")
    if not 0 <= gold_share < 1:
        raise PlanError(f"gold_share must be at least 0 and below 1, got {gold_share}", next_step="give 0.1 for 10 %")
    if not 0 <= repeat_share <= 1:
        raise PlanError(f"repeat_share must lie between 0 and 1, got {repeat_share}", next_step="give 0.05 for 5 %")
    if seconds is not None and words is not None:
        raise PlanError("both seconds_per_judgment and words are given", next_step="give the measured seconds alone")
    if seconds is not None and not 0 < seconds < float("inf"):
        raise PlanError(f"seconds_per_judgment must be above 0, got {seconds}")
