"""The coefficients that can be looked at from several sides, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from workbench.errors import TableError
from workbench.stats.agreement.formulas import (
    alpha_statistic,
    fleiss_statistic,
    gwet_statistic,
    percent_statistic,
)

if TYPE_CHECKING:
    from workbench.stats.coding import Level
    from workbench.stats.patterns import Patterns
    from workbench.stats.resampling import Statistic

Coefficient = Literal["krippendorff_alpha", "percent_agreement", "fleiss_kappa", "gwet_ac1"]


def fewest_labels(coefficient: Coefficient) -> int:
    """Labels an item needs to take part: one says how often answers are given, where chance is taken from all items."""
    if coefficient not in get_args(Coefficient):
        raise TableError(f"no coefficient {coefficient!r}", next_step="one of " + ", ".join(get_args(Coefficient)))
    return 1 if coefficient in ("gwet_ac1", "fleiss_kappa") else 2


def method_of(coefficient: Coefficient, level: Level) -> str:
    """How a result names its method."""
    return f"{level} alpha" if coefficient == "krippendorff_alpha" else coefficient.replace("_", " ")


def statistic_of(p: Patterns, coefficient: Coefficient, level: Level) -> Statistic:
    """The coefficient as a function of pattern weights."""
    if coefficient == "krippendorff_alpha":
        return alpha_statistic(p, level)
    if coefficient == "percent_agreement":
        return percent_statistic(p)
    if coefficient == "fleiss_kappa":
        return fleiss_statistic(p)
    return gwet_statistic(p, "nominal")
