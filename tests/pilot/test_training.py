"""Which rows a pilot's run trains on, what a placebo shuffles, and what goes to the manifest. No model is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.pilot import small
from workbench.errors import PilotError
from workbench.exporters import rows_as_dicts
from workbench.pilot import training
from workbench.training import models, policy, processes, runfiles

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot


@pytest.fixture
def pilot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pilot:
    """The small pilot with forty prompts, labelled; runs are written and not started."""
    monkeypatch.setattr(models, "require_train", lambda: None)
    monkeypatch.setattr(processes, "launch", lambda run_dir: None)
    return small.labelled(tmp_path / "small", n=40)


def test_every_kind_starts_on_rows_of_its_own(pilot: Pilot) -> None:
    for kind, columns in (
        ("dpo", {"chosen", "rejected"}),
        ("reward", {"chosen", "rejected", "margin"}),
        ("sft", {"completion"}),
        ("kto", {"completion", "label"}),
    ):
        run = pilot.train(kind)
        rows = runfiles.read_jsonl(run.path / "data.jsonl")
        assert len(rows) >= 8
        assert all(columns < set(row) for row in rows)
        manifest = run.manifest()
        assert (manifest["kind"], manifest["source"], manifest["placebo"]) == (kind, "simulated", False)
        assert manifest["guideline_sha256"] == pilot.labelled_under().sha256
        assert (run.path / "prompts.jsonl").exists() is (kind != "reward")
        assert all("chosen" in row for row in run.pairs())
    with pytest.raises(PilotError, match="no trainer 'ppo'"):
        pilot.train("ppo")
    with pytest.raises(PilotError, match="betta"):
        pilot.train("dpo", betta=1)
    with pytest.raises(PilotError, match="a run of kind kto cannot train on preference rows"):
        pilot.train("kto", pilot.preferences())


def test_votes_take_one_row_a_vote_and_robust_the_flip_rate_of_its_rows(pilot: Pilot) -> None:
    votes = pilot.train("dpo", loss="votes", max_pairs=10)
    rows = runfiles.read_jsonl(votes.path / "data.jsonl")
    counts = {row["item"]: sum(other["item"] == row["item"] for other in rows) for row in rows}
    assert len(counts) == 10
    assert len(set(counts.values())) == 1
    robust = pilot.train("dpo", loss="robust")
    epsilon = pilot.flip_rate().epsilon
    assert epsilon is not None
    assert robust.config().config.model_dump()["label_smoothing"] == epsilon
    kept = pilot.train("dpo", loss="robust", label_smoothing=None, ties="both")  # as the form asks
    of_ties = pilot.flip_rate(pilot.preferences(ties="both")).epsilon
    assert kept.config().config.model_dump()["label_smoothing"] == of_ties
    told = pilot.estimate("dpo", loss="robust", label_smoothing=None, ties="both", samples=0)["lines"]
    assert told[1].startswith(f"epsilon {of_ties:.3f}, the flip rate of these rows: ")
    assert pilot.train("dpo", loss="robust", label_smoothing=0.2).config().config.model_dump()["label_smoothing"] == 0.2


def test_a_run_says_how_its_rows_were_made_and_is_measured_on_pairs_made_so(pilot: Pilot) -> None:
    labels = pilot.label_records()
    somebody = labels[0].annotator
    run = pilot.train("kto", exclude=(somebody,), clear=0.3)
    assert run.manifest()["row_options"] == {"exclude": [somebody], "clear": 0.3}
    assert pilot.train("kto").manifest()["row_options"] == {}
    held_out = pilot.rows("dpo", exclude=[somebody]).split("eval")
    assert run.pairs() == rows_as_dicts(held_out) != rows_as_dicts(pilot.rows("dpo").split("eval"))
    pilot.train("dpo", ties="both")
    again = pilot.train("dpo", loss="votes", by_votes=3)
    assert again.manifest()["row_options"] == {"by_votes": 3}
    written = runfiles.read_jsonl(pilot.folder / "preferences" / "train.jsonl")
    assert written == rows_as_dicts(pilot.rows("dpo", ties="both").split("train"))


def test_a_placebo_keeps_texts_and_loses_what_was_said(pilot: Pilot) -> None:
    run, placebo = pilot.train("dpo", seed=4), pilot.train("dpo", seed=4, placebo=True)
    given, shuffled = (runfiles.read_jsonl(one.path / "data.jsonl") for one in (run, placebo))
    turned = 0
    for one, other in zip(given, shuffled, strict=True):
        assert {one["chosen"], one["rejected"]} == {other["chosen"], other["rejected"]}
        same = one["chosen"] == other["chosen"]
        assert (one["chosen_id"] == other["chosen_id"]) is same
        assert (one["rejected_model"], one["item"]) == (other["rejected_model"], other["item"])
        turned += not same
    assert 0 < turned < len(given)
    assert placebo.manifest()["placebo"] is True
    assert runfiles.read_jsonl(placebo.path / "held_out.jsonl") == runfiles.read_jsonl(run.path / "held_out.jsonl")
    assert pilot.train("dpo", seed=4, placebo=True).manifest()["rows_sha256"] == placebo.manifest()["rows_sha256"]
    answers = rows_as_dicts(pilot.rows("kto").split("train"))
    permuted = training.shuffled("kto", answers, 0)
    assert sum(row["label"] for row in permuted) == sum(row["label"] for row in answers)
    assert [row["completion"] for row in permuted] == [row["completion"] for row in answers]
    assert permuted != answers
    with pytest.raises(PilotError, match="no label to shuffle"):
        pilot.train("sft", placebo=True)


def test_the_same_run_is_not_started_twice_when_asked_so(pilot: Pilot) -> None:
    run = pilot.train("dpo", seed=4, samples=1)
    assert pilot.train("dpo", seed=4, samples=1, reuse=True).path == run.path
    for change in ({"seed": 5}, {"placebo": True}, {"max_pairs": 9}, {"beta": 0.2}, {"samples": 2}):
        given: dict[str, Any] = {"seed": 4, "samples": 1} | change
        assert pilot.train("dpo", reuse=True, **given).path != run.path
    assert pilot.train("reward", seed=4, samples=1, reuse=True).config().kind == "reward"
    assert pilot.train("dpo", seed=4, samples=1).path != run.path
    run.cancel()
    last = pilot.train("dpo", seed=4, samples=1, reuse=True)
    assert last.path != run.path


def test_an_items_rows_are_turned_together(pilot: Pilot) -> None:
    rows = rows_as_dicts(pilot.rows("dpo", by_votes=True).split("train"))
    whole: dict[str, set[bool]] = {}
    for one, other in zip(rows, training.shuffled("dpo", rows, 1), strict=True):
        whole.setdefault(one["item"], set()).add(one["chosen"] == other["chosen"])
    assert {len(turns) for turns in whole.values()} == {1}


def test_few_rows_are_spread_over_categories_and_the_shorter_side(pilot: Pilot) -> None:
    rows: Any = pilot.preferences().split("train")
    some = training.choose_rows(rows, 4)
    assert [row.item for row in some] == [row.item for row in training.choose_rows(list(reversed(rows)), 4)]
    assert len({row.category for row in some}) == 2
    assert training.choose_rows(rows, None) != []
    assert {row.item for row in training.choose_rows(rows, None)} == {row.item for row in rows}


def test_no_pair_is_held_out_whose_prompt_is_trained_on(pilot: Pilot) -> None:
    whole = pilot.train("kto", pilot.rows("kto", eval_share=0))
    assert whole.pairs() == []
    part = pilot.train("kto")
    trained = {row["prompt_id"] for row in runfiles.read_jsonl(part.path / "data.jsonl")}
    assert part.pairs()
    assert not trained & {row["prompt_id"] for row in part.pairs()}


def test_epsilon_is_of_the_rows_with_the_same_people_left_out(pilot: Pilot) -> None:
    left_out = pilot.config.annotators[-1].id
    rows = pilot.preferences(exclude=[left_out])
    assert rows.excluded == (left_out,)
    run = pilot.train("dpo", rows, loss="robust")
    epsilon = pilot.flip_rate(rows, exclude=[left_out]).epsilon
    assert epsilon is not None
    assert run.config().config.model_dump()["label_smoothing"] == epsilon
    elsewhere = replace(rows, rows=(rows.rows[0].model_copy(update={"item": "i_of_another_round"}), *rows.rows[1:]))
    with pytest.raises(PilotError, match=r"of other rounds.* -> pass label_smoothing"):
        pilot.train("dpo", elsewhere, loss="robust")


def test_a_run_without_answers_is_not_taken_for_one_with(pilot: Pilot) -> None:
    prompts = pilot.prompts
    pilot.__dict__["prompts"] = [prompt for prompt in prompts if prompt.split != "test"]
    before = pilot.train("dpo", reuse=True)
    assert pilot.train("dpo", reuse=True).path == before.path
    pilot.__dict__["prompts"] = prompts
    assert pilot.train("dpo", reuse=True).path != before.path


def test_fewer_rows_than_one_are_refused(pilot: Pilot) -> None:
    with pytest.raises(PilotError, match="max_pairs must be at least 1, got -1"):
        pilot.train("dpo", max_pairs=-1)


def test_a_run_that_answered_other_prompts_is_not_taken_for_this_one(pilot: Pilot) -> None:
    before = pilot.train("dpo", reuse=True)
    held_out = next(prompt for prompt in pilot.prompts if prompt.split == "test")
    pilot.__dict__["prompts"] = [*pilot.prompts, held_out.model_copy(update={"id": "p-more", "prompt": "Another one."})]
    after = pilot.train("dpo", reuse=True)
    assert after.path != before.path
    assert pilot.train("dpo", reuse=True).path == after.path


def test_prompts_of_several_turns_count_each(pilot: Pilot) -> None:
    [row, *_] = pilot.rows("policy").split("train")
    rows = [row.model_copy(update={"prompt": f"{row.prompt} {k}"}) for k in range(5)]
    assert len(training.choose_rows(rows, 2)) == 2


def test_a_policy_rests_on_the_labels_behind_its_scores(pilot: Pilot, tmp_path: Path) -> None:
    judge = tmp_path / "reward-1"
    judge.mkdir()
    runfiles.write_json(judge / "manifest.json", {"source": "simulated"})
    config = policy.RunConfig(reward_run=str(judge))
    assert training._source([{"source": ["human"]}], config) == "simulated"
    assert training._source([{"source": []}], config) == "simulated"
    assert training._source([{"source": ["human"]}], policy.RunConfig()) == "human"
