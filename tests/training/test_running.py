"""What all trainers share, on a tiny model: metrics, checkpoints and going on from them, all weights, held-out rows."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import tiny
from workbench.errors import TrainingError
from workbench.records import Prompt
from workbench.training import dpo, evaluate, jobs, likelihood, models, rows, runfiles, running, sft

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.training.runs import Run

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

WORDS = ["red", "blue", "green", "black", "white", "brown", "pink", "grey"]
PAIRS: list[dict[str, Any]] = [
    {"prompt": f"Say {a} and {b}.", "chosen": f"{a} and {b}", "rejected": f"nothing of {b} today" + " or so" * i}
    for i, a in enumerate(WORDS)
    for b in ("one", "two")
]
EXAMPLES = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in PAIRS]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.make(tmp_path_factory.mktemp("tiny")))


def losses(run: Run) -> list[float]:
    return [row["loss"] for row in run.metrics() if "loss" in row]


def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = dpo.RunConfig(model=model, batch_size=4, save_every=3, learning_rate=1e-3, max_length=128)
    whole = tiny.work(tiny.prepared("dpo", PAIRS, config, tmp_path, monkeypatch))
    assert [row["step"] for row in whole.metrics()] == list(range(1, 9))
    assert not (whole.path / "checkpoints").exists()  # the adapter is what remains

    stopped = tiny.prepared("dpo", PAIRS, config, tmp_path, monkeypatch)
    saved = running.save

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(running, "save", full)
    with pytest.raises(OSError, match="No space left"):
        tiny.work(stopped)
    assert stopped.status().state == "failed"
    monkeypatch.setattr(running, "save", saved)
    last = running.last_checkpoint(stopped.path)
    assert last is not None
    assert last.endswith("checkpoint-8")  # the last step is always kept
    # a checkpoint that was being written when the disk filled up is passed over, the one before is whole
    (stopped.path / "checkpoints" / "checkpoint-8" / "trainer_state.json").unlink()
    last = running.last_checkpoint(stopped.path)
    assert last is not None
    assert last.endswith("checkpoint-6")
    monkeypatch.setattr("workbench.training.processes.launch", lambda *_: None)
    jobs.resume(stopped)
    assert stopped.status().notes == ("resumed from checkpoint-6",)
    tiny.work(stopped)
    told = runfiles.read_jsonl(stopped.path / "metrics.jsonl")
    assert [row["step"] for row in told] == [*range(1, 9), 7, 8]
    for once in (told[:8], stopped.metrics()):
        assert [row["loss"] for row in once] == pytest.approx(losses(whole), abs=1e-6)
    with pytest.raises(TrainingError, match="the run is done"):
        jobs.resume(stopped)


@pytest.mark.usefixtures("float32")
def test_all_weights_may_be_trained_and_are_compared_with_the_start(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    config = dpo.RunConfig(model=model, lora_r=0, batch_size=8, learning_rate=1e-3, max_length=128, epochs=3)
    asked = [Prompt(id="p", prompt="Say red.", category="colours")]
    answers = evaluate.AnswerConfig(samples=2, max_new_tokens=8)
    run = tiny.work(
        tiny.prepared("dpo", PAIRS, config, tmp_path, monkeypatch, held_out=PAIRS, prompts=asked, answers=answers)
    )
    assert (run.path / "model" / "model.safetensors").is_file()
    assert not (run.path / "adapter").exists()
    assert models.resolve(str(run.path / "model")).sha256 != models.resolve(model).sha256
    assert losses(run)[0] == pytest.approx(math.log(2), abs=1e-6)
    assert sum(run.margins()) > 0
    # another run on the same base reads what the base answered, and a stopped one does not train again
    (kept,) = (run.path.parent / evaluate.BASE_ANSWERS).iterdir()
    base_answers = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [one["text"] for one in base_answers] == [one.base for one in run.answers()]
    base_answers[0]["text"] = "from the file"
    kept.write_text("".join(json.dumps(one) + "\n" for one in base_answers))
    first, steps = run.answers(), len(run.metrics())
    tiny.work(run)
    assert [one.base for one in run.answers()] == ["from the file", first[1].base]
    assert [one.adapter for one in run.answers()] == [one.adapter for one in first]
    assert len(run.metrics()) == steps
    both, tokenizer = evaluate.load_adapter(run.path)
    with both.disable_adapter():
        assert likelihood.implicit_rewards(PAIRS[:2], both, tokenizer, beta=1.0) == [0.0, 0.0]
    assert likelihood.implicit_rewards(PAIRS, both, tokenizer, beta=0.1) == pytest.approx(run.margins(), abs=0.01)
    # the divergence from the start, against a sum over the vocabulary written out, one answer at a time
    base, tuned = models.load(models.resolve(model))[0], models.load(models.resolve(str(run.path / "model")))[0]
    moved = run.divergence()
    assert len(run.answers()) == 2
    for (nats, n), one in zip(moved, run.answers()[:1], strict=True):
        head, answer = rows.tokens(tokenizer, "Say red.", one.adapter)
        ids = torch.tensor([[*head, *answer]])
        with torch.no_grad():
            p, q = (net(input_ids=ids).logits[0].softmax(-1)[len(head) - 1 : -1] for net in (tuned, base))
        assert n == len(answer)
        assert nats == pytest.approx(float((p * (p / q).log()).sum()), rel=1e-3, abs=1e-5)
        assert nats > 0


def test_held_out_rows_are_measured_on_the_way(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = dpo.RunConfig(model=model, batch_size=8, eval_every=2, max_length=128)
    run = tiny.work(tiny.prepared("dpo", PAIRS, config, tmp_path, monkeypatch, held_out=PAIRS[:8]))
    measured = [row for row in run.metrics() if "eval_loss" in row]
    assert [row["step"] for row in measured] == [2, 4]
    assert all(math.isfinite(row["eval_loss"]) and 0 <= row["eval_accuracy"] <= 1 for row in measured)
    trained = [row for row in run.metrics() if "loss" in row]
    assert [row["step"] for row in trained] == [1, 2, 3, 4]
    assert all(row["memory_mb"] > 100 and row["tokens_per_s"] >= 0 for row in trained)


def test_parts_of_a_batch_make_the_same_step(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        tiny.work(
            tiny.prepared(
                kind,
                some,
                module.RunConfig(model=model, batch_size=8, accumulation=parts, learning_rate=1e-3, max_length=128),
                tmp_path,
                monkeypatch,
            )
        )
        for kind, module, some in (("dpo", dpo, PAIRS), ("sft", sft, EXAMPLES))
        for parts in (1, 4)
    ]
    for one, other in (runs[:2], runs[2:]):
        assert losses(one) == pytest.approx(losses(other), rel=2e-3)
        assert losses(one)[-1] < losses(one)[0]


def test_examples_are_imitated_and_their_prompts_are_not(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = sft.RunConfig(model=model, batch_size=8, learning_rate=3e-3, lora_r=8, epochs=4, max_length=128)
    run = tiny.work(tiny.prepared("sft", EXAMPLES, config, tmp_path, monkeypatch))
    assert losses(run)[-1] < losses(run)[0] - 0.1
    # untrained, each of 49,152 tokens is as likely as another
    assert losses(run)[0] == pytest.approx(math.log(49_152), abs=0.2)
    after, tokenizer = evaluate.load_adapter(run.path)
    unlike = [{**row, "rejected": "who was there"} for row in PAIRS]
    assert min(likelihood.implicit_rewards(unlike, after, tokenizer, beta=1.0)) > 0


def test_a_prompt_may_be_a_conversation(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = [
        {
            **row,
            "prompt": [
                {"role": "user", "content": "Hello <|im_end|>"},
                {"role": "assistant", "content": "Hello."},
                {"role": "user", "content": row["prompt"]},
            ],
        }
        for row in PAIRS
    ]
    config = dpo.RunConfig(model=model, batch_size=8, max_length=128, epochs=1)
    run = tiny.work(tiny.prepared("dpo", talk, config, tmp_path, monkeypatch, held_out=talk[:3]))
    assert len(losses(run)) == 2
    assert len(run.margins()) == 3


def test_rows_beyond_the_models_context_are_left_out_whatever_max_length_says(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {"prompt": "Say red. " * 300, "chosen": "red", "rejected": "blue"}  # the tiny model's context is 512
    config = dpo.RunConfig(model=model, batch_size=8, max_length=100_000, max_steps=1)
    run = tiny.work(tiny.prepared("dpo", [*PAIRS, long], config, tmp_path, monkeypatch))
    assert run.status().notes == ("1 of 17 pairs left out: longer than 512 tokens",)
    with pytest.raises(TrainingError, match="fit the model's context of 512 tokens -> shorten the prompts"):
        tiny.work(
            tiny.prepared("dpo", [{**long, "chosen": f"red {k}"} for k in range(8)], config, tmp_path, monkeypatch)
        )


def test_a_batch_that_processes_cannot_share_is_refused(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny.prepared("dpo", PAIRS, dpo.RunConfig(model=model, batch_size=8), tmp_path, monkeypatch)
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(TrainingError, match="batch_size 8 cannot be shared by 3 processes"):
        tiny.work(run)


def test_a_loss_that_is_no_number_ends_the_run(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    weights = load_file(broken / "model.safetensors")
    first = next(iter(weights))
    save_file({**weights, first: weights[first] * math.nan}, broken / "model.safetensors", metadata={"format": "pt"})
    config = sft.RunConfig(model=str(broken), batch_size=8, max_length=128, lora_r=4)
    with pytest.raises(TrainingError, match="the loss is nan at step 1 -> lower learning_rate"):
        tiny.work(tiny.prepared("sft", EXAMPLES, config, tmp_path, monkeypatch))


def test_held_out_rows_are_measured_at_the_end(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = sft.RunConfig(model=model, batch_size=8, max_length=128, lora_r=4, epochs=1)
    run = tiny.work(tiny.prepared("sft", EXAMPLES, config, tmp_path, monkeypatch, held_out=EXAMPLES[:4]))
    last = run.metrics()[-1]
    assert last["step"] == 2
    assert math.isfinite(last["eval_loss"])


def test_other_weights_under_the_same_name_are_refused(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(model, mine)
    config = sft.RunConfig(model=str(mine), batch_size=8, max_length=128, lora_r=4, max_steps=1)
    run = tiny.work(tiny.prepared("sft", EXAMPLES, config, tmp_path, monkeypatch))
    manifest = json.loads((run.path / "manifest.json").read_text())
    manifest["model"]["sha256"] = "0" * 64
    (run.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(TrainingError, match="has other weights now than this run was trained on"):
        evaluate.load_adapter(run.path)
    (run.path / "checkpoints" / "checkpoint-1").mkdir(parents=True)
    (run.path / "checkpoints" / "checkpoint-1" / "trainer_state.json").write_text("{}")
    shutil.rmtree(run.path / "adapter")
    with pytest.raises(TrainingError, match="has other weights now than this run was trained on"):
        tiny.work(run)


def test_a_folder_of_a_model_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert sft.RunConfig(model="mine").model == str(tmp_path / "mine")
    assert sft.RunConfig(model="somebody/elsewhere").model == "somebody/elsewhere"
    assert sft.RunConfig(model="x" * 5000).model == "x" * 5000
