"""The dictionary a report is made of. `render` reads nothing else.

Sections hold finished results (`Estimate`, `Verdict`, `CostEstimate`, …); the page only shows them. A section that
is left out appears with the reason from `missing`, or with what it would have held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.economics.cost import BreakEven, CostEstimate
    from workbench.exporters import LedgerEntry
    from workbench.records import Guideline
    from workbench.stats.estimate import Decision, Estimate, Verdict


class RedFlag(TypedDict):
    """Something a reader must know first. `high` can change the conclusion, `low` is worth knowing."""

    severity: Literal["high", "medium", "low"]
    text: str


class Pairs(TypedDict):
    """Agreement of annotator pairs, n x n, with the number of items both judged (see `figures.agreement.matrix`)."""

    name: str
    annotators: Sequence[str]
    values: Sequence[Sequence[float | None]]
    counts: Sequence[Sequence[int]]


class Agreement(TypedDict, total=False):
    """`estimates` of the whole table, `slices` of parts of it (categories, criteria); the threshold of the figure."""

    estimates: Required[Sequence[Estimate]]
    slices: Sequence[Estimate]
    threshold: float | None
    pairs: Pairs


class AnnotatorRow(TypedDict, total=False):
    """One annotator. Estimates that are left out or None are shown as not measured."""

    annotator: Required[str]
    source: Required[str]
    n_labels: Required[int]
    agreement: Estimate | None
    gold_error: Estimate | None
    gold_decision: Decision | None
    p_left: Estimate | None
    tie_share: Estimate | None
    self_agreement: Estimate | None
    median_seconds: float | None


class Reason(TypedDict):
    """What an annotator wrote about a judgment."""

    annotator: str
    label: str
    text: str


class ShownResponse(TypedDict):
    """A response as it was judged; `letter` is its place in canonical order."""

    letter: str
    model: str
    text: str


class DisputedItem(TypedDict, total=False):
    """One item people disagree on, with its texts."""

    item: Required[str]
    prompt: Required[str]
    responses: Required[Sequence[ShownResponse]]
    votes: Required[Mapping[str, int]]
    disagreement: float
    category: str
    reasons: Sequence[Reason]


class Disagreements(TypedDict):
    """The worst items (`rows`, worst first) out of `n_disputed` of `n_items` with two or more labels."""

    n_items: int
    n_disputed: int
    rows: Sequence[DisputedItem]


class Cost(TypedDict, total=False):
    """One estimate a price list, for the same run; break-evens between lists; further notes."""

    estimates: Required[Sequence[CostEstimate]]
    break_evens: Sequence[BreakEven]
    notes: Sequence[str]


class PreferenceExport(TypedDict, total=False):
    """What went into the preference set and, label by label, what did not and why."""

    n_rows: Required[int]
    n_labels: Required[int]
    n_used: Required[int]
    ledger: Required[Sequence[LedgerEntry]]
    sha256: str
    splits: Mapping[str, int]


class KindRow(TypedDict):
    """Base against adapter for one kind of constraint; `low` and `high` bound the difference adapter - base."""

    label: str
    base: float
    adapter: float
    low: float | None
    high: float | None
    n: int


class Training(TypedDict, total=False):
    """One run. `base`, `adapter` and `difference` are shares of constraints met; `length` is a change in words.

    `margin` (nats), `divergence` (nats an answer) and `reward` (units of the reward model) are of the adapter. `proof`
    sets runs on the labels against runs on shuffled ones: effect, gain, gain of the shuffled; `proof_runs`, each run.
    """

    run: Required[str]
    config: Mapping[str, Any]
    manifest: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    base: Estimate | None
    adapter: Estimate | None
    difference: Estimate | None
    length: Estimate | None
    pair_accuracy: Estimate | None
    margin: Estimate | None
    divergence: Estimate | None
    reward: Estimate | None
    by_kind: Sequence[KindRow]
    notes: Sequence[str]
    proof: Sequence[Estimate]
    proof_runs: Sequence[Estimate]


class Rounds(TypedDict, total=False):
    """Rounds side by side: `rows` as shown (column -> text), `win_rates` against round 0, what to make of them."""

    rows: Required[Sequence[Mapping[str, Any]]]
    win_rates: Sequence[Estimate]
    notes: Sequence[str]


class Method(TypedDict):
    """How one number came about, and the command that gives it again."""

    what: str
    how: str
    command: str


class Summary(TypedDict, total=False):
    """Everything a report shows.

    `generated_from` names what the numbers rest on (hashes of data and guideline, code version, git revision, store);
    `sources` counts labels by source (human, model, simulated); `missing` says why a section is not there, by its key.
    `generated_at` is printed as given; without it the same inputs give the same bytes.
    """

    title: Required[str]
    generated_from: Required[Mapping[str, str]]
    sources: Required[Mapping[str, int]]
    generated_at: str
    red_flags: Sequence[RedFlag]
    verdicts: Sequence[Verdict]
    design: Mapping[str, str]
    agreement: Agreement
    annotators: Sequence[AnnotatorRow]
    disagreements: Disagreements
    cost: Cost
    preferences: PreferenceExport
    training: Training
    rounds: Rounds
    guideline: Guideline
    methods: Sequence[Method]
    packages: Mapping[str, str]
    missing: Mapping[str, str]


_NEEDED = ("title", "generated_from", "sources")

# Section -> its heading, and what is said where a report has none.
SECTIONS: dict[str, tuple[str, str]] = {
    "red_flags": ("Red flags", "Nobody looked for red flags: this says nothing about whether there are any."),
    "verdicts": ("Verdicts", "No question was put against a threshold."),
    "design": ("Design", "How the batch was planned is not recorded."),
    "agreement": ("Agreement", "Agreement was not computed. It needs items with labels of two or more annotators."),
    "annotators": ("Annotators", "No annotator was summarised."),
    "disagreements": ("Worst disagreements", "Disagreements were not listed. They need items with two or more labels."),
    "cost": ("Cost", "No prices were given, and prices are not guessed."),
    "preferences": ("Preference export", "No preference set was exported."),
    "training": ("Training", "No model was trained on these labels, or no run had ended."),
    "rounds": ("Rounds", "This is the first round, or the only one: there are no others to set it beside."),
    "guideline": ("Guideline", "The guideline's text was not handed to this report."),
    "methods": ("Methods", "How the numbers can be computed again is not recorded."),
    "packages": ("Software", "Package versions were not recorded."),
}


def check(summary: Mapping[str, Any]) -> None:
    """Raise `WorkbenchError` for a key that is missing or unknown: a misspelt section would vanish from the page."""
    known = [*Summary.__annotations__]
    unknown = sorted(set(summary) - set(known))
    if unknown:
        raise WorkbenchError(f"a report has no section {unknown}", where="summary", next_step=f"use one of {known}")
    unknown = sorted(set(summary.get("missing", {})) - set(SECTIONS))
    if unknown:
        raise WorkbenchError(
            f"`missing` explains {unknown}, which are no sections", where="summary", next_step=f"use {list(SECTIONS)}"
        )
    absent = [key for key in _NEEDED if key not in summary]
    if absent:
        raise WorkbenchError(f"a report needs {absent}", where="summary", next_step="see report.shape.Summary")
