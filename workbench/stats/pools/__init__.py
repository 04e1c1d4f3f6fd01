"""Groups of annotators: who may be shown, whether groups agree within and between, and where they part.

cells    group sizes with small cells hidden, also against subtraction
within   agreement within and between groups
shares   label shares of groups and their differences
items    items on which groups part

Attributes of annotators are optional and sensitive. Nothing here shows a group of fewer than `SMALLEST_CELL` people.
"""

from workbench.stats.pools.cells import SMALLEST_CELL, Sizes, hide, sizes
from workbench.stats.pools.items import Heterogeneity, heterogeneity
from workbench.stats.pools.shares import ShareDifference, ShareDifferences, share_differences
from workbench.stats.pools.within import WithinBetween, within_between

__all__ = [
    "SMALLEST_CELL",
    "Heterogeneity",
    "ShareDifference",
    "ShareDifferences",
    "Sizes",
    "WithinBetween",
    "heterogeneity",
    "hide",
    "share_differences",
    "sizes",
    "within_between",
]
