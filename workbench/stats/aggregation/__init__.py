"""From several labels an item to one: by vote, or by a model that also learns how good each annotator is.

voting      `majority`
confusions  `dawid_skene`: each annotator's confusion matrix, or one accuracy an annotator
ordinal     `ordinal_dawid_skene`: a slope and cut points an annotator, for labels that have an order
spamming    `mace`: an annotator knows the answer or answers blindly
difficulty  `glad`: ability of the annotator times easiness of the item
flips       `flip_rate`: how often a single label is wrong, the epsilon of robust preference training
decided     `decided_flip_rate`: how often a training row is, made of several labels
known       `gold_flip_rate`: how often labels differ from answers that are known
sides       `pairwise_bias`: preferences freed from annotators' side bias
comparing   `compare`: which of these predicts labels it has not seen
result      `Aggregation`, what every model returns; `reading` and `em` are what they share
"""

from workbench.stats.aggregation.comparing import Comparison, compare
from workbench.stats.aggregation.confusions import dawid_skene
from workbench.stats.aggregation.decided import decided_flip_rate
from workbench.stats.aggregation.difficulty import glad
from workbench.stats.aggregation.flips import flip_rate
from workbench.stats.aggregation.known import gold_flip_rate
from workbench.stats.aggregation.ordinal import ordinal_dawid_skene
from workbench.stats.aggregation.result import Aggregation
from workbench.stats.aggregation.sides import PairwiseBias, pairwise_bias
from workbench.stats.aggregation.spamming import mace
from workbench.stats.aggregation.voting import majority

__all__ = [
    "Aggregation",
    "Comparison",
    "PairwiseBias",
    "compare",
    "dawid_skene",
    "decided_flip_rate",
    "flip_rate",
    "glad",
    "gold_flip_rate",
    "mace",
    "majority",
    "ordinal_dawid_skene",
    "pairwise_bias",
]
