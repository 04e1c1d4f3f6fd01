"""Everything a pilot's report shows, as the dictionary `report.render` reads. Red flags come first."""

from __future__ import annotations

import hashlib
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.pilot import proof
from workbench.pilot.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.pilot.opening import Pilot
    from workbench.pilot.results import Agreement, Evaluation, Quality
    from workbench.report.shape import Method, RedFlag, Summary
    from workbench.training.runs import Run

PACKAGES = (
    "pandas",
    "numpy",
    "scipy",
    "statsmodels",
    "plotly",
    "pydantic",
    "sqlalchemy",
    "torch",
    "transformers",
    "trl",
)
# More than this share of one answer makes chance-corrected coefficients low however well people agree.
PREVALENT = 0.85
SHOWN_DISPUTES = 12


def summarise(pilot: Pilot, *, scale_to: int = 10_000) -> Summary:
    """Compute every section that the pilot has what it takes for; the others say why they are missing.

    `scale_to` is the number of usable items the cost section is about.
    """
    found: dict[str, Any] = {
        "title": pilot.config.title or pilot.name,
        "generated_from": generated_from(pilot),
        "sources": dict(sorted(pilot.sources.items())),
        "design": pilot.card().facts | _balance(pilot),
        "guideline": pilot.labelled_under() if pilot.sources else pilot.guideline,
        "methods": _methods(pilot),
        "packages": _packages(),
    }
    missing: dict[str, str] = {}

    agreement = _try(pilot.agreement, missing, "agreement")
    quality = _try(pilot.quality, missing, "annotators")
    if agreement:
        found["agreement"] = {
            "estimates": agreement.estimates,
            "slices": agreement.slices,
            "threshold": pilot.config.thresholds.agreement,
        }
    if quality:
        found["annotators"] = _annotators(quality)
    if agreement or quality:
        found["verdicts"] = [*(agreement.verdicts if agreement else ()), *(quality.gold if quality else ())]
    sections: dict[str, Callable[[], Any]] = {
        "disagreements": lambda: _disagreements(pilot),
        "cost": lambda: _cost(pilot, scale_to),
        "preferences": lambda: _preferences(pilot),
    }
    if pilot.config.round:
        sections["rounds"] = lambda: _rounds(pilot)
    for name, make in sections.items():
        made = _try(make, missing, name)
        if made is not None:
            found[name] = made
    run = _last_done(pilot.runs())
    evaluation = None
    if run is None:
        missing["training"] = "no run of this pilot is done: pilot.train('dpo')"
    else:
        evaluation = evaluate(pilot, run)
        found["training"] = _training(run, evaluation) | _proof(pilot, run)
    found["red_flags"] = red_flags(pilot, agreement, quality, evaluation, run)
    found["missing"] = missing
    return found  # type: ignore[return-value]  # built section by section; report.render checks the keys


def generated_from(pilot: Pilot) -> dict[str, str]:
    """Hashes and versions the numbers rest on."""
    from workbench.training.runfiles import git_revision

    items = pilot.folder / "items.jsonl"
    labels = "".join(sorted(label.canonical() + "\n" for label in pilot.label_records()))
    revision = git_revision(pilot.folder)
    git = "not in a git checkout" if revision is None else str(revision["revision"])
    if revision and revision["changed"]:
        git += " (with uncommitted changes)"
    return {
        "pilot": pilot.name,
        "items sha256": hashlib.sha256(items.read_bytes()).hexdigest() if items.exists() else "no items",
        "labels sha256": hashlib.sha256(labels.encode()).hexdigest(),
        "guideline": pilot.guideline.ref,
        "guideline sha256": pilot.guideline.sha256,
        "workbench": __version__,
        "git revision": git,
    }


def red_flags(
    pilot: Pilot,
    agreement: Agreement | None,
    quality: Quality | None,
    evaluation: Evaluation | None,
    run: Run | None,
) -> list[RedFlag]:
    """What a reviewer must know before reading a number, worst first."""
    flags: list[RedFlag] = []

    def flag(severity: Any, text: str) -> None:
        flags.append({"severity": severity, "text": text})

    if pilot.simulated_notice:
        flag("high", f"{pilot.simulated_notice}. Nothing here is evidence about human judgment.")
    for verdict in agreement.verdicts if agreement else ():
        if verdict.decision == "fail":
            flag("high", str(verdict))
        elif verdict.decision == "inconclusive":
            flag("medium", str(verdict))
    for verdict in quality.gold if quality else ():
        if verdict.decision == "fail":
            flag("high", str(verdict))
    for name, page in quality.pages.items() if quality else ():
        for suggestion in page.suggestions:
            flag("medium", f"worth a look, no reason to exclude anybody: {name} {suggestion}")
    if quality:
        shares = pilot.labels().query("criterion == ''")["label"].value_counts(normalize=True)
        if len(shares) and shares.iloc[0] > PREVALENT:
            flag(
                "medium",
                f"{shares.iloc[0]:.0%} of labels are {shares.index[0]!r}: kappa and alpha are low by that alone",
            )
    versions = sorted({label.guideline for label in pilot.label_records()})
    if len(versions) > 1:
        flag("medium", f"labels were given under several guideline versions: {', '.join(versions)}")
    aside = pilot.store.counts(pilot.name).n_quarantined
    if aside:
        flag("medium", f"{aside} rows could not be read and are kept aside, with the reason")
    if run is not None and evaluation is not None:
        if run.manifest().get("source") == "simulated":
            flag("high", f"run {run.path.name} was trained on simulated labels")
        for note in evaluation.notes:
            flag("medium", f"training: {note}")
    return sorted(flags, key=lambda found: ("high", "medium", "low").index(found["severity"]))


def _try(make: Callable[[], Any], missing: dict[str, str], name: str) -> Any:
    try:
        return make()
    except WorkbenchError as error:
        missing[name] = str(error)
        return None


def _balance(pilot: Pilot) -> dict[str, str]:
    made = pilot.card().balance
    if made is None:
        return {}
    return {
        "overlap": ", ".join(f"{n} items with {labels} labels" for labels, n in made.overlap.items()),
        "gold items": str(made.n_gold),
        "hidden repeats": str(made.n_repeats),
        "A shown on the left": ", ".join(f"{name} {share:.0%}" for name, share in made.a_left_share.items()),
    }


def _annotators(quality: Quality) -> list[dict[str, Any]]:
    gold = {verdict.estimate.label: verdict for verdict in quality.gold}
    return [
        {
            "annotator": one.annotator,
            "source": one.source,
            "n_labels": one.n_labels,
            "gold_error": gold[one.annotator].estimate if one.annotator in gold else None,
            "gold_decision": gold[one.annotator].decision if one.annotator in gold else None,
            "p_left": one.p_left,
            "tie_share": one.tie_share,
            "self_agreement": one.self_agreement,
            "median_seconds": None if one.median_seconds != one.median_seconds else one.median_seconds,
        }
        for one in quality.annotators
    ]


def _disagreements(pilot: Pilot) -> dict[str, Any]:
    worst = pilot.disagreements(SHOWN_DISPUTES)
    rows = []
    for name, votes, share in zip(worst.rows["item"], worst.rows["votes"], worst.rows["disagreement"], strict=True):
        item = pilot.items[name]
        rows.append(
            {
                "item": name,
                "category": item.category,
                "prompt": item.prompt,
                "responses": [
                    {"letter": letter, "model": response.model, "text": response.text}
                    for letter, response in zip("ABCDEFGH", item.responses, strict=False)
                ],
                "votes": {str(label): n for label, n in votes.items()},
                "disagreement": share,
                "reasons": [
                    {"annotator": label.annotator, "label": str(label.answer.get("choice", "")), "text": label.reason}
                    for label in pilot.label_records()
                    if label.item == name and label.reason
                ],
            }
        )
    return {"n_items": worst.n_items, "n_disputed": worst.n_disputed, "rows": rows}


def _cost(pilot: Pilot, scale_to: int) -> dict[str, Any]:
    made = pilot.cost(scale_to)
    notes = [made.simulated] if made.simulated else []
    return {"estimates": made.estimates, "break_evens": made.break_evens, "notes": notes}


def _preferences(pilot: Pilot) -> dict[str, Any]:
    made = pilot.preferences()
    return {
        "n_rows": len(made.rows),
        "n_labels": made.n_labels,
        "n_used": made.n_used,
        "ledger": made.ledger,
        "sha256": made.sha256,
        "splits": {split: len(made.split(split)) for split in ("train", "eval") if made.split(split)},
    }


def _last_done(runs: Sequence[Run]) -> Run | None:
    """The newest run that a page is about: of a model that writes, and on the labels as they were given."""
    done = (run for run in reversed(runs) if run.status().state == "done")
    return next((run for run in done if run.config().kind != "reward" and not run.manifest().get("placebo")), None)


def _proof(pilot: Pilot, run: Run) -> dict[str, Any]:
    """The run and its like against placebos, where there are some; then the notes on one run alone are not true."""
    runs, placebos = proof.comparable(pilot.runs())
    if not placebos or run.path not in {one.path for one in runs}:
        return {}
    found = proof.prove(pilot, runs, placebos)
    whole = [one for one in (found.effect, found.gain, found.placebo) if one is not None]
    return {"proof": whole, "proof_runs": found.run_gains(), "notes": (*found.lines()[:2], *found.notes)}


def _training(run: Run, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "run": run.path.name,
        "config": run.config().config.model_dump(mode="json"),
        "manifest": run.manifest(),
        "metrics": run.metrics(),
        "base": evaluation.base,
        "adapter": evaluation.adapter,
        "difference": evaluation.satisfaction,
        "length": evaluation.length,
        "pair_accuracy": evaluation.pair_accuracy,
        "margin": evaluation.margin,
        "divergence": evaluation.divergence,
        "reward": evaluation.reward,
        "by_kind": evaluation.by_kind,
        "notes": evaluation.notes,
    }


def _rounds(pilot: Pilot) -> dict[str, Any]:
    found = pilot.rounds()
    return {
        "rows": found.table().to_dict("records"),
        "win_rates": [one.win_rate.named(f"round {one.number}") for one in found.rounds if one.win_rate],
        "notes": found.lines(),
    }


def _methods(pilot: Pilot) -> list[Method]:
    folder = f"pilots/{pilot.folder.name}"
    return [
        {
            "what": "agreement, gold errors, sides, repeats, disagreements",
            "how": "label table of current labels, hidden repeats left out; intervals resample items (10,000 "
            "resamples, seed 0), shares have Wilson intervals",
            "command": f"workbench agreement {folder}",
        },
        {
            "what": "cost",
            "how": "judgments = items / (1 - gold share) x overlap + repeats; median pace of the pilot",
            "command": f"workbench cost {folder} --scale-to 10000",
        },
        {
            "what": "preference rows and ledger",
            "how": "majority vote an item, adjudications first; splits by prompt",
            "command": f"workbench export {folder}",
        },
        {
            "what": "base against adapter",
            "how": "same prompts and random numbers for both; difference paired by prompt, bootstrap over prompts",
            "command": f"workbench train {folder}",
        },
        {
            "what": "this page",
            "how": "everything above, rendered from one dictionary",
            "command": f"workbench report {folder}",
        },
    ]


def _packages() -> dict[str, str]:
    found = {"Python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
