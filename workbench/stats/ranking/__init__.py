"""Ranking systems (models) by who won when two were compared.

from_labels labels and items to a comparisons table
comparing   comparisons to integer codes
win_rates   wins, ties and win rates of every pair, counted
models      Bradley-Terry, Rao-Kupper, Davidson; control for style and position
tie_models  which of the last two the data make more likely
style       length and Markdown of a text as numbers
likelihood  the three likelihoods and Newton's method on many resamples at once
data        comparisons counted into cells; resamples; what the comparisons leave open
summary     centring, intervals, simultaneous ranks

Ratings are log-odds with mean 0, or 0 at an anchor. Intervals resample prompts with all their comparisons.
"""

from workbench.stats.ranking.comparing import Compared, encode
from workbench.stats.ranking.from_labels import comparisons
from workbench.stats.ranking.models import bradley_terry, davidson, rao_kupper
from workbench.stats.ranking.result import Ranking, System
from workbench.stats.ranking.style import style_of
from workbench.stats.ranking.tie_models import TieModels, compare_tie_models
from workbench.stats.ranking.win_rates import WinRates, win_rates

__all__ = [
    "Compared",
    "Ranking",
    "System",
    "TieModels",
    "WinRates",
    "bradley_terry",
    "compare_tie_models",
    "comparisons",
    "davidson",
    "encode",
    "rao_kupper",
    "style_of",
    "win_rates",
]
