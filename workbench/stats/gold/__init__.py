"""Gold: items whose answer is known, and what they say of annotators and of themselves.

- `answers`: which gold may be used, and label rows beside their known answer;
- `rates`: an annotator's error with a Wilson interval or a Beta posterior;
- `operating`: the rules of a sequential test and how often, and after how many answers, they decide;
- `sequential`: that test, answer by answer;
- `exposure`: whether gold wears out by being seen again, or by being talked about;
- `mix`: whether gold looks like the batch it hides in;
- `audit`: all of that for a set of gold items, with the items whose key is suspect.
"""

from workbench.stats.gold.answers import UsableGold, usable
from workbench.stats.gold.audit import GoldAudit, GoldItem, audit
from workbench.stats.gold.exposure import Leakage, leakage
from workbench.stats.gold.mix import Mix, representativeness
from workbench.stats.gold.operating import Characteristics, Operating, Rule, operating_characteristics
from workbench.stats.gold.rates import error_rates, p_above, posterior_error, posterior_rates
from workbench.stats.gold.sequential import SequentialTest, sequential, sequential_by_annotator

__all__ = [
    "Characteristics",
    "GoldAudit",
    "GoldItem",
    "Leakage",
    "Mix",
    "Operating",
    "Rule",
    "SequentialTest",
    "UsableGold",
    "audit",
    "error_rates",
    "leakage",
    "operating_characteristics",
    "p_above",
    "posterior_error",
    "posterior_rates",
    "representativeness",
    "sequential",
    "sequential_by_annotator",
    "usable",
]
