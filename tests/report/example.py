"""A summary with every section, of invented numbers: input for the tests, evidence of nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.economics.cost import Prices, break_even, estimate
from workbench.exporters import LedgerEntry
from workbench.records import Clause, EdgeCase, Guideline
from workbench.stats.estimate import Estimate, verdict

if TYPE_CHECKING:
    from workbench.report.shape import DisputedItem, Summary

PEOPLE = ["ada", "ben", "cho", "dee", "eli", "fay"]
PROMPT = "Summarise the meeting in **at most 40 words**, as a list of exactly three bullets."
GOOD = "- Budget approved, 12 % below plan\n- Launch moves to May\n- Open: who writes the release notes"
LONG = (
    "# Summary\n\nThe meeting covered many topics. First, the budget was discussed at length…\n\n"
    "| topic | result |\n|---|---|\n| budget | approved |"
)


def share(name: str, label: str, count: int, n: int, low: float, high: float) -> Estimate:
    return Estimate(name, count / n, low, high, n, 1, n, "Wilson interval", label=label)


def score(label: str, value: float, low: float, high: float, n: int = 240, reason: str = "") -> Estimate:
    name = label.replace(" ", "_")
    return Estimate(
        name, value, low, high, n, 6, 3 * n, "item bootstrap, 10,000 resamples, seed 0", reason=reason, label=label
    )


def change(name: str, label: str, value: float, low: float, high: float) -> Estimate:
    return Estimate(name, value, low, high, 60, 0, 120, "paired bootstrap by prompt, 10,000 resamples", label=label)


def disputed(k: int) -> DisputedItem:
    return {
        "item": f"i_{k:04d}",
        "category": ("summary", "e-mail", "json")[k % 3],
        "prompt": PROMPT,
        "responses": [
            {"letter": "A", "model": "SmolLM2-135M-Instruct", "text": GOOD},
            {"letter": "B", "model": "SmolLM2-135M-Instruct", "text": LONG},
        ],
        "votes": {"A": 1, "B": 1, "tie": 1} if k < 3 else {"A": 2, "B": 1},
        "disagreement": 1.0 if k < 3 else 2 / 3,
        "reasons": [
            {"annotator": "ada", "label": "A", "text": "three bullets, as asked"},
            {"annotator": "ben", "label": "B", "text": "reads better although it is longer"},
        ],
    }


def guideline() -> Guideline:
    return Guideline(
        name="instruction-following",
        version="v1",
        task="pairwise",
        criteria=("follows every instruction", "correct", "clear"),
        scale=("A", "tie", "B"),
        tie_rule="A tie only when both follow the same instructions and differ in wording alone.",
        author="the pilot team",
        date="2026-01-15",
        clauses=(
            Clause(
                id="C1",
                title="Instructions first",
                text="A response that breaks a **stated limit** loses, however well it reads.",
            ),
            Clause(id="C2", title="Length", text="Longer is not better. `40 words` means 40 words."),
        ),
        edge_cases=(
            EdgeCase(
                id="E1",
                title="Both break one limit",
                text="Count the limits each breaks.",
                answer="the one that breaks fewer",
                clause="C1",
            ),
        ),
        text="---\nname: instruction-following\nversion: v1\n---\n# Instruction following\n…",
        sha256="3f" * 32,
    )


def summary() -> Summary:
    alpha = score("Krippendorff's alpha", 0.612, 0.548, 0.671)
    raw = score("percent agreement", 0.781, 0.744, 0.816)
    kinds = score("alpha: json", 0.34, 0.18, 0.49, 40)
    none = score("alpha: arithmetic", math.nan, math.nan, math.nan, 8, "no variation: every label is 'A'")
    free = Prices(name="free tier", judgment="0.40", platform_fee="0.05", source="price page, January 2026")
    plan = Prices(name="monthly plan", judgment="0.40", plan_per_month="29", source="price page, January 2026")
    verdicts = [
        verdict("Do annotators agree beyond chance?", alpha, 0.6),
        verdict("Do two annotators give the same answer?", raw, 0.7),
        verdict("Is the JSON part reliable?", kinds, 0.6),
    ]
    return {
        "title": "Instruction following, pilot 1",
        "generated_from": {
            "labels sha256": "9b" * 32,
            "guideline sha256": "3f" * 32,
            "code": "preference-workbench 0.1.0, git 4f1c2aa",
            "store": "pilot.sqlite, schema 1",
        },
        "sources": {"simulated": 756},
        "red_flags": [
            {"severity": "high", "text": "All labels are simulated. Nothing here is evidence about people."},
            {
                "severity": "medium",
                "text": "Chosen responses are shorter in 64 % of pairs: watch for a brevity effect.",
            },
            {"severity": "low", "text": "One of twelve slices has fewer than ten items."},
        ],
        "verdicts": verdicts,
        "design": {
            "items": "240, of which 24 gold",
            "annotators": "6",
            "overlap": "3 labels an item",
            "gold share": "10 %",
            "hidden repeats": "5 %, sides swapped",
            "sides": "A on the left in 50.0 % of assignments",
            "seed": "7",
        },
        "agreement": {
            "estimates": [alpha, score("Fleiss' kappa", 0.611, 0.547, 0.67), raw],
            "slices": [score("alpha: summary", 0.71, 0.61, 0.8, 60), kinds, none],
            "threshold": 0.6,
            "pairs": {
                "name": "Cohen's kappa",
                "annotators": PEOPLE,
                "values": [
                    [
                        None if i == j else round(0.95 - 0.11 * abs(i - j), 2) if i + j != 5 else math.nan
                        for j in range(6)
                    ]
                    for i in range(6)
                ],
                "counts": [[0 if i == j or i + j == 5 else 40 + i + j for j in range(6)] for i in range(6)],
            },
        },
        "annotators": [
            {
                "annotator": name,
                "source": "simulated",
                "n_labels": 120,
                "agreement": score(name, 0.62 - k / 20, 0.5 - k / 20, 0.72 - k / 20, 120),
                "gold_error": share("gold_error", name, k, 12, 0.02 + k / 20, 0.3 + k / 15),
                "gold_decision": "fail" if k == 5 else "inconclusive",
                "p_left": share("p_left", name, 52 + k, 100, 0.42 + k / 100, 0.62 + k / 100),
                "tie_share": share("tie_share", name, 18, 120, 0.1, 0.22),
                "self_agreement": share("self_agreement", name, 5, 6, 0.44, 0.97) if k else None,
                "median_seconds": 31.5 + k if k != 2 else None,
            }
            for k, name in enumerate(PEOPLE)
        ],
        "disagreements": {"n_items": 240, "n_disputed": 88, "rows": [disputed(k) for k in range(8)]},
        "cost": {
            "estimates": [estimate(50_000, p, repeat_share=0.05, seconds_per_judgment=34) for p in (free, plan)],
            "break_evens": [break_even(free, plan)],
            "notes": ["Prices are what a platform lists; a pilot's pace sets the wage."],
        },
        "preferences": {
            "n_rows": 171,
            "n_labels": 756,
            "n_used": 513,
            "ledger": [
                LedgerEntry("gold", "gold item: its answer is already known", 72, 24),
                LedgerEntry("repeat", "hidden repeat: measures the annotator", 36, 36),
                LedgerEntry("tie", "the consensus is a tie, and ties were dropped", 135, 45),
            ],
            "sha256": "c4" * 32,
            "splits": {"train": 154, "eval": 17},
        },
        "training": {
            "run": "dpo-s0-001",
            "config": {
                "loss": "sigmoid",
                "beta": 0.1,
                "learning_rate": 5e-5,
                "lora": {"r": 16, "targets": "all-linear"},
            },
            "manifest": {"model": "SmolLM2-135M-Instruct", "model_sha256": "ab" * 32, "device": "cpu", "seed": 0},
            "metrics": [
                {"step": k, "loss": 0.69 * math.exp(-k / 60), "margin": k / 40, "accuracy": min(1.0, 0.5 + k / 90)}
                for k in range(1, 41)
            ],
            "base": change("base", "base, constraints met", 0.352, 0.27, 0.43),
            "adapter": change("adapter", "adapter, constraints met", 0.421, 0.33, 0.51),
            "difference": change("satisfaction", "adapter - base", 0.069, 0.012, 0.128),
            "length": change("words", "change in length, words", -9.4, -13.1, -5.9),
            "pair_accuracy": change("pair_accuracy", "held-out pairs preferred", 0.71, 0.47, 0.87),
            "by_kind": [
                {"label": "max_words", "base": 0.41, "adapter": 0.72, "low": 0.14, "high": 0.47, "n": 22},
                {"label": "exact_bullets", "base": 0.2, "adapter": 0.12, "low": -0.2, "high": 0.05, "n": 14},
                {"label": "valid_json", "base": 0.1, "adapter": 0.1, "low": None, "high": None, "n": 5},
            ],
            "notes": [
                "The gain is largest where short answers win, and answers are 9 words shorter: part of it is brevity."
            ],
        },
        "rounds": {
            "rows": [
                {"round": 0, "answers of": "the start model", "items": 240, "labels": 720, "cost so far": "$302.40"},
                {"round": 1, "answers of": "dpo-s0-001", "items": 40, "labels": 120, "cost so far": "$352.80"},
            ],
            "win_rates": [share("win_rate", "round 1", 24, 40, 0.45, 0.74)],
            "notes": ["another round? not settled: +10.0 points [-5.0, +24.0]"],
        },
        "guideline": guideline(),
        "methods": [
            {
                "what": "Agreement",
                "how": "Nominal alpha; intervals resample items 10,000 times.",
                "command": "workbench agreement pilots/p1",
            },
            {
                "what": "Everything on this page",
                "how": "From the stored events.",
                "command": "workbench report pilots/p1",
            },
        ],
        "packages": {"numpy": "2.3.1", "pandas": "3.0.0", "trl": "1.16.0"},
    }
