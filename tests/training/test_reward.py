"""Reward models: what is refused, what the loss is, and that scores are those of the model that was trained."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import tiny
from workbench.errors import RecordError, TrainingError
from workbench.training import dpo, evaluate, models, reward, runfiles, running

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.training.runs import Run

WORDS = ["red", "blue", "green", "black", "white", "brown", "pink", "grey"]
PAIRS: list[dict[str, Any]] = [
    {
        "prompt": f"Say {a}.",
        "chosen": f"{a} and {b}",
        "rejected": f"nothing of {b} today" + " or so" * i,
        "margin": 1 / (i + 1),
    }
    for i, a in enumerate(WORDS)
    for b in ("one", "two")
]
TRAINED = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


def test_margins_that_trl_would_ignore_are_refused() -> None:
    wanted = reward.RunConfig(margin_scale=0.5)
    reward.check_rows(PAIRS, config=wanted)
    reward.check_rows([{**row, "margin": None} for row in PAIRS])  # nobody asks for them
    for wrong in (None, "1", True, math.inf):
        rows = [*PAIRS[:2], {**PAIRS[2], "margin": wrong}, *PAIRS[3:]]
        with pytest.raises(TrainingError, match="margin must be a number") as caught:
            reward.check_rows(rows, "rows", config=wanted)
        assert caught.value.where == "rows:3"
    with pytest.raises(TrainingError, match="every margin is 0"):
        reward.check_rows([{**row, "margin": 0} for row in PAIRS], config=wanted)


def test_rows_and_settings_that_cannot_train_are_refused() -> None:
    with pytest.raises(TrainingError, match="too few pairs: 7, and a run needs at least 8"):
        reward.check_rows(PAIRS[:7])
    with pytest.raises(TrainingError, match="the same text"):
        reward.check_rows([*PAIRS[:8], {"prompt": "p", "chosen": "a", "rejected": "a"}])
    for name, value in (("margin_scale", -1), ("center", 2), ("beta", 0.1), ("learning_rate", 0)):
        with pytest.raises(RecordError, match=name):
            reward.RunConfig.parse({name: value})


def test_a_folder_that_is_no_reward_run_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a run folder"):
        reward.check_run(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"kind": "dpo", "config": {}}))
    (tmp_path / "status.json").write_text(json.dumps({"state": "done", "created": 0}))
    with pytest.raises(TrainingError, match="a run of kind 'dpo', not a reward run"):
        reward.check_run(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"kind": "reward", "config": {}}))
    (tmp_path / "status.json").write_text(json.dumps({"state": "failed", "created": 0}))
    with pytest.raises(TrainingError, match="the reward run is failed"):
        reward.check_run(tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.make(tmp_path_factory.mktemp("tiny")))


def run_of(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Run:
    config = reward.RunConfig(model=model, batch_size=16, max_length=128, **settings)
    return tiny.work(tiny.prepared("reward", PAIRS, config, tmp_path, monkeypatch, held_out=PAIRS[:5]))


@pytest.mark.usefixtures("float32")
class TestTrained:
    pytestmark = TRAINED

    def test_the_head_computes_in_float32_whatever_the_model_does(self, model: str) -> None:
        import torch

        ref = models.resolve(model)
        loaded, tokenizer = models.load(ref, "bfloat16", scalar=True)
        assert loaded.model.embed_tokens.weight.dtype == torch.bfloat16
        assert loaded.score.weight.dtype == torch.float32
        ids = torch.tensor([tokenizer("Say red.")["input_ids"]])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            assert loaded(input_ids=ids).logits.dtype == torch.float32

    def test_loss_is_that_of_the_lead_over_the_margin_and_of_scores_off_centre(
        self, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # one step over all pairs, of next to nothing: what was saved is what the loss was computed with
        run = run_of(
            model, tmp_path, monkeypatch, learning_rate=1e-12, max_steps=1, margin_scale=2.0, center=0.1, seed=3
        )
        scores = reward.score(
            [(row["prompt"], row[side]) for row in PAIRS for side in ("chosen", "rejected")], *reward.load(run.path)
        )
        numbers = [float(one) for one in scores if one is not None]
        assert len(numbers) == 32
        loss = 0.0
        for row, chosen, rejected in zip(PAIRS, numbers[::2], numbers[1::2], strict=True):
            loss += math.log1p(math.exp(-(chosen - rejected - 2.0 * row["margin"]))) / 16
            loss += 0.1 * (chosen + rejected) ** 2 / 16
        (line,) = run.metrics()
        assert line["loss"] == pytest.approx(loss, rel=1e-4)
        leads = [a - b for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        assert line["margin"] == pytest.approx(sum(leads) / 16, abs=1e-5)
        assert line["accuracy"] == sum(lead > 0 for lead in leads) / 16
        assert line["reward"] == pytest.approx(sum(numbers) / 32, abs=1e-5)

    def test_what_was_learned_is_saved_head_included_and_scores_pairs(
        self, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = run_of(model, tmp_path, monkeypatch, learning_rate=1e-2, epochs=6, eval_every=6)
        losses = [row["loss"] for row in run.metrics() if "loss" in row]
        assert losses[-1] < losses[0] - 0.2
        assert [row["step"] for row in run.metrics() if "eval_loss" in row] == [6]
        scores = run.scores()
        assert [one["row"] for one in scores["held_out"]] == [0, 1, 2, 3, 4]
        assert len(scores["train"]) == len({one["row"] for one in scores["train"]}) == 5
        assert all(one["chosen"] > one["rejected"] for one in scores["held_out"])

        loaded, tokenizer = reward.load(run.path)
        asked = [(row["prompt"], row["chosen"]) for row in PAIRS[:5]]
        told = [one["chosen"] for one in scores["held_out"]]
        assert reward.score(asked, loaded, tokenizer) == pytest.approx(told, abs=1e-5)
        # neither neighbours nor padding change a score, and a text is the same as its one turn
        turns: list[tuple[Any, str]] = [([{"role": "user", "content": prompt}], answer) for prompt, answer in asked]
        assert reward.score(turns, loaded, tokenizer, batch_size=1) == pytest.approx(told, abs=1e-5)
        # the model knows 512 tokens
        assert reward.score([("Say red.", "red " * 600), asked[0]], loaded, tokenizer)[0] is None
        assert reward.provenance(run.path)["run"] == run.path.name
        with pytest.raises(TrainingError, match="a reward model gives scores and no answers"):
            evaluate.load_adapter(run.path)

        manifest = json.loads((run.path / "manifest.json").read_text())
        manifest["model"]["sha256"] = "0" * 64
        (run.path / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(TrainingError, match="has other weights now than this run was trained on"):
            reward.load(run.path)

    def test_a_pair_too_long_to_train_on_is_not_scored_as_trained(
        self, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = reward.RunConfig(model=model, batch_size=16, max_length=128, max_steps=1)
        long = {"prompt": "Say red.", "chosen": "red " * 200, "rejected": "blue"}  # the model knows 512 tokens
        run = tiny.work(
            tiny.prepared("reward", [long, *PAIRS], config, tmp_path, monkeypatch, held_out=[*PAIRS, PAIRS[0]])
        )
        scores = run.scores()
        assert [one["row"] for one in scores["train"]] == list(range(1, 17))
        assert len(scores["held_out"]) == 17

    def test_a_stopped_run_goes_on_with_the_head_it_had(
        self, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = reward.RunConfig(
            model=model, batch_size=8, max_length=128, learning_rate=1e-2, epochs=1, save_every=1, lora_r=4
        )
        run = tiny.prepared("reward", PAIRS, config, tmp_path, monkeypatch)
        saved = running.save
        monkeypatch.setattr(running, "save", lambda *_: None)  # the checkpoints stay
        tiny.work(run)
        (run.path / "checkpoints" / "checkpoint-2" / "trainer_state.json").unlink()
        monkeypatch.setattr(running, "save", saved)
        tiny.work(run)
        first, second, again = runfiles.read_jsonl(run.path / "metrics.jsonl")
        assert [first["step"], second["step"], again["step"]] == [1, 2, 2]
        assert again["loss"] == pytest.approx(second["loss"], abs=1e-5)
        assert abs(second["loss"] - first["loss"]) > 1e-3

    def test_all_weights_may_be_trained(self, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        run = run_of(model, tmp_path, monkeypatch, learning_rate=1e-3, lora_r=0, max_steps=2)
        loaded, tokenizer = reward.load(run.path)
        told = [one["rejected"] for one in run.scores()["held_out"]]
        asked = [(row["prompt"], row["rejected"]) for row in PAIRS[:5]]
        assert reward.score(asked, loaded, tokenizer) == pytest.approx(told, abs=1e-5)
        assert not (run.path / "adapter").exists()

    def test_another_kind_of_run_has_no_scores(
        self, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = tiny.prepared("dpo", PAIRS, dpo.RunConfig(model=model), tmp_path, monkeypatch)
        assert run.scores() == {}
