"""Runs against placebos, by hand: what is averaged, what is resampled, what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from workbench.errors import PilotError
from workbench.pilot import evaluation
from workbench.pilot.summary import summarise
from workbench.records import Constraint, Prompt
from workbench.report import render
from workbench.training import dpo, evaluate, jobs, models, processes, runfiles

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot
    from workbench.training.runs import Run

PROMPTS = [
    Prompt(
        id=f"t{k}",
        prompt=f"Question {k}?",
        category="short",
        constraints=(Constraint(id="c1", kind="max_words", params={"n": 3}),),
        split="test",
    )
    for k in range(6)
]
ROWS = [{"item": f"i{k}", "prompt": f"q{k}", "chosen": "yes", "rejected": "no", "source": ["human"]} for k in range(9)]
GOOD, BAD = "in three words", "this takes far more words"


@pytest.fixture
def made(pilot: Pilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs that are done, whose answers satisfy their constraint at chosen places."""
    monkeypatch.setattr(models, "require_train", lambda: None)
    monkeypatch.setattr(processes, "launch", lambda run_dir: None)
    pilot.__dict__["prompts"] = PROMPTS

    def run(base: str, adapter: str, *, seed: int = 0, placebo: bool = False, n: int = 8, **options: Any) -> Run:
        """One character a prompt and sample, two samples a prompt: + where the answer is good."""
        started = jobs.start(
            "dpo",
            ROWS[:n],
            dpo.RunConfig(seed=seed, **options),
            tmp_path / "runs",
            prompts=PROMPTS,
            answers=evaluate.AnswerConfig(samples=2, seed=seed),
            source="human",
            placebo=placebo,
            data_sha256="d" * 64,
        )
        manifest = {**started.manifest(), "rows": {"given": n}}  # as the run's process writes it
        runfiles.write_json(started.path / "manifest.json", manifest)
        answers = [
            evaluate.AnswerPair(
                prompt_id=PROMPTS[place // 2].id,
                sample=place % 2,
                seed=place,
                base=GOOD if before == "+" else BAD,
                adapter=GOOD if after == "+" else BAD,
                base_finish="stop",
                adapter_finish="stop",
            )
            for place, (before, after) in enumerate(zip(base, adapter, strict=True))
        ]
        runfiles.append_jsonl(started.path / "answers.jsonl", [one.model_dump(mode="json") for one in answers])
        status = runfiles.read_status(started.path)
        runfiles.write_status(started.path, status.model_copy(update={"state": "done"}))
        return started

    return run


def test_effect_is_gain_minus_placebo_by_prompt(pilot: Pilot, made: Any) -> None:
    #           t0 t1 t2 t3 t4 t5
    base = "+---++--+---"
    after = "+++-+++++-+-"  # gains  .5 .5 0 1 0 .5, mean 5/12
    other = "++--++++++--"  # gains  .5 0 0 1 .5 0, mean 4/12
    shuffled = "+-+-+---+---"  # gains 0 .5 -.5 0 0 0, mean 0
    runs = [made(base, after, seed=1), made(base, other, seed=2)]
    placebos = [made(base, shuffled, seed=seed, placebo=True) for seed in (2, 1)]
    found = pilot.proof(runs, placebos)
    assert found.gain.value == pytest.approx(4.5 / 12)
    assert found.placebo is not None
    assert found.placebo.value == pytest.approx(0)
    # by prompt: .5 .25 0 1 .25 .25 minus 0 .5 -.5 0 0 0
    assert found.effect is not None
    assert found.effect.value == pytest.approx((0.5 - 0.25 + 0.5 + 1 + 0.25 + 0.25) / 6)
    assert found.effect.n_items == 6
    assert found.helped is (found.effect.low > 0)
    assert found.base == pytest.approx(4 / 12)
    assert [row["seed"] for row in found.seeds] == [1, 2, 2, 1]
    assert [row["placebo"] for row in found.seeds] == [False, False, True, True]
    assert found.seeds[0]["gain"].value == pytest.approx(5 / 12)
    # GOOD has three words, BAD five: each gained sample is two words shorter
    assert found.length.value == pytest.approx(-2 * 4.5 / 12)
    (kind,) = found.by_kind
    assert (kind["label"], kind["n"]) == ("max_words", 6)
    assert kind["difference"] == pytest.approx(4.5 / 12)
    text = str(found)
    assert "2 seeds: other seeds may give another picture" in text
    # seed 1: 5/12 - 0, seed 2: 4/12 - 0, placebos both 0
    assert "effect of single seeds +0.333 to +0.417: intervals are over prompts, for these seeds" in text
    assert "shuffled" in text
    assert found.figure().data


def test_a_single_run_is_shown_and_says_what_is_missing(pilot: Pilot, made: Any) -> None:
    found = pilot.proof(made("--" * 6, "++" * 6))
    assert found.gain.value == 1
    assert found.effect is None
    assert found.helped is None
    assert any("no placebo" in note for note in found.notes)


def test_a_pilot_finds_what_can_be_compared_and_its_page_shows_it(pilot: Pilot, made: Any) -> None:
    with pytest.raises(PilotError, match="no run"):
        pilot.proof()
    old = made("--" * 6, "++" * 6, seed=1, beta=0.5)
    first = made("--" * 6, "+-" * 6, seed=1)
    again = made("--" * 6, "++" * 6, seed=1)  # the later run of a seed counts
    alone = made("--" * 6, "--" * 6, seed=2)
    pilot.__dict__["runs"] = lambda: [old, first, again, alone]
    assert pilot.proof().gain.value == 0.5
    page = summarise(pilot)
    assert page["training"]["run"] == alone.path.name
    assert "proof" not in page["training"]
    assert any("no placebo" in flag["text"] for flag in page["red_flags"])
    placebo = made("--" * 6, "-+" * 6, seed=1, placebo=True)
    other = made("--" * 6, "-+" * 6, seed=2, placebo=True)
    pilot.__dict__["runs"] = lambda: [old, first, again, alone, placebo, other]
    found = pilot.proof()
    assert found.effect is not None
    assert [row["run"] for row in found.seeds] == [run.path.name for run in (again, alone, placebo, other)]
    assert found.effect.value == pytest.approx(0)
    training = summarise(pilot)["training"]
    assert training["run"] == alone.path.name
    assert [one.value for one in training["proof"]] == pytest.approx([0, 0.5, 0.5])
    assert [one.label for one in training["proof_runs"]][:2] == ["seed 1, as given", "seed 2, as given"]
    assert "no effect of the labels to show" in training["notes"][0]
    assert "Labels against shuffled labels" in render(summarise(pilot))
    # without a placebo of its seed a run is left out of the comparison
    pilot.__dict__["runs"] = lambda: [again, alone, placebo]
    assert [row["seed"] for row in pilot.proof().seeds] == [1, 1]


def test_runs_that_differ_in_more_than_seed_and_labels_are_refused(pilot: Pilot, made: Any) -> None:
    run = made("--" * 6, "++" * 6, seed=1)
    for placebo, said in (
        (made("--" * 6, "++" * 6, seed=1), "is no placebo"),
        (made("--" * 6, "++" * 6, seed=2, placebo=True), "not those of the placebos"),
        (made("--" * 6, "++" * 6, seed=1, placebo=True, beta=0.3), "other settings"),
    ):
        with pytest.raises(PilotError, match=said):
            pilot.proof(run, placebo)
    with pytest.raises(PilotError, match="is a placebo"):
        pilot.proof(made("--" * 6, "++" * 6, placebo=True))
    with pytest.raises(PilotError, match="no run"):
        pilot.proof([])


def test_runs_on_fewer_rows_of_the_same_export_are_another_experiment(pilot: Pilot, made: Any) -> None:
    run, placebo = made("--" * 6, "++" * 6), made("--" * 6, "+-" * 6, placebo=True, n=9)
    with pytest.raises(PilotError, match="other settings or labels"):
        pilot.proof([run], [placebo])
    pilot.__dict__["runs"] = lambda: [run, placebo]
    assert pilot.proof().effect is None


def test_a_prompt_counts_once_however_many_constraints_of_a_kind_it_has() -> None:
    met = [{"kind": "keyword", "base": 0, "adapter": 2}, {"kind": "keyword", "base": 1, "adapter": 1}]
    rows = [{"n_samples": 2, "constraints": met}] * 4
    (kind,) = evaluation.by_kind(rows)
    assert (kind["n"], kind["base"], kind["adapter"], kind["difference"]) == (4, 0.25, 0.75, 0.5)
