"""The dry run: steps, tokens, memory and time against hand-worked numbers, and against a real run."""

from __future__ import annotations

import json
import platform
import struct
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import tiny
from workbench.errors import TrainingError
from workbench.training import dpo, estimate, jobs, models, policy, processes, runfiles, runs, settings, sft, shapes
from workbench.training.launching import Launch

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = [{"prompt": "red green", "chosen": f"blue {'red ' * (i % 2)}", "rejected": "green"} for i in range(20)]
HIDDEN, INNER, LAYERS, WORDS = 8, 16, 2, 10


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A folder of a model's shape with weights of 1,000 numbers and a tokenizer of words, but nothing to load."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers import models as kinds

    folder = tmp_path / "model"
    folder.mkdir()
    shape = {"hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS, "vocab_size": WORDS}
    (folder / "config.json").write_text(
        json.dumps({**shape, "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True})
    )
    words = {word: i for i, word in enumerate(["?", "red", "green", "blue", "<", ">"])}
    tokenizer = Tokenizer(kinds.WordLevel(words, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    template = "{% for m in messages %}< {{ m['content'] }} > {% endfor %}"
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    header = json.dumps({"w": {"dtype": "F32", "shape": [10, 100], "data_offsets": [0, 4000]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    return str(folder)


@pytest.fixture(autouse=True)
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "gpu", lambda: None)
    monkeypatch.setattr(models, "best_dtype", lambda *_: "float32")
    monkeypatch.setattr(estimate, "probe", lambda: 1e9)


def test_tokens_are_the_models_own_and_steps_those_of_the_trainer(model: str) -> None:
    found = estimate.estimate("dpo", PAIRS, dpo.RunConfig(model=model, batch_size=8, epochs=2))
    # 3 batches a pass. A text is 2 words asked, its answer (1 or 2; 1) and 4 marks: 10 pairs of 7 + 7, 10 of 8 + 7.
    assert (found["steps"], found["tokens"]) == (6, 2 * (10 * 14 + 10 * 15))
    assert found["lines"][1] == "580 tokens in all, 290 a pass, 8 the longest text: counted with the model's tokenizer"
    short = estimate.estimate("dpo", PAIRS, dpo.RunConfig(model=model, batch_size=8, max_steps=1))
    assert (short["steps"], short["tokens"]) == (1, round(290 / 3))
    rows = [{"prompt": "red", "completion": "blue " * 20}] * 3 + [{"prompt": "red", "completion": "blue"}] * 9
    cut = estimate.estimate("sft", rows, sft.RunConfig(model=model, max_length=16, epochs=1))
    assert (cut["steps"], cut["tokens"]) == (2, 9 * 6)
    assert "3 rows left out, longer than 16 tokens" in cut["lines"][0]
    with pytest.raises(TrainingError, match="none of 8 rows fits max_length 16"):
        estimate.estimate("sft", [rows[0]] * 8, sft.RunConfig(model=model, max_length=16))


def test_a_policys_answers_count_as_long_as_they_may_be(model: str) -> None:
    config = policy.RunConfig(
        model=model, reward_run="x", batch_size=8, num_generations=4, num_iterations=2, max_completion_length=10
    )
    steps, passes = estimate._steps("policy", 21, config)
    assert (steps, passes) == (20, 1.0)  # 2 prompts a step, the odd one left out, each answer used twice
    lengths, said = estimate._lengths("policy", [{"prompt": "red green"}], config, shapes.folder(model))
    assert lengths == [[(6, 10)] * 4]
    assert said.endswith("answers as long as they may be (10)")


def test_memory_is_the_sum_of_what_a_step_holds(model: str) -> None:
    shape = shapes.shape(model)
    # q, k, v, o: 8+8, 8+4, 8+4, 8+8; gate, up, down: 8+16 each; two layers
    assert shape == shapes.Shape(1000, LAYERS, HIDDEN, INNER, WORDS, adapted=2 * (56 + 72))
    assert shape is not None
    lengths = [[(6, 4), (6, 2)]] * 8

    def parts(one: Launch | None = None, **more: Any) -> dict[str, float]:
        config = dpo.RunConfig(model=model, **{"batch_size": 8, "lora_r": 2, **more})
        return estimate.memory_parts("dpo", shape, config, lengths, one or Launch(), gpu=False)

    found = parts()
    assert found["weights"] == 1000 * 4 / 1e6
    assert found["gradients and optimiser"] == pytest.approx(2 * 256 * 16 / 1e6)  # weight, gradient and two moments
    a_layer = estimate._LAYER_NUMBERS[0] * HIDDEN + estimate._LAYER_NUMBERS[1] * INNER
    assert found["activations"] == pytest.approx(16 * 10 * 2 * a_layer * 4 / 1e6)  # 16 texts of up to 10 tokens
    assert found["logits"] == pytest.approx(16 * 4 * WORDS * 4 * estimate._TILES / 1e6)
    assert parts(lora_r=0)["gradients and optimiser"] == pytest.approx(1000 * 12 / 1e6)
    assert parts(accumulation=4)["activations"] == pytest.approx(found["activations"] / 4)
    halves = parts(Launch(launcher="accelerate", num_processes=2))
    assert halves["activations"] == pytest.approx(found["activations"] / 2)
    assert halves["weights"] == found["weights"]
    spread = parts(Launch(launcher="accelerate", num_processes=2, config_file="zero3"))
    assert spread["weights"] == found["weights"] / 2
    assert spread["loading"] == 0
    # Where a model is large and its batch small, a process holds most before the model is spread.
    spread = estimate.memory_parts(
        "dpo",
        replace(shape, parameters=10**9),
        dpo.RunConfig(model=model, batch_size=8, lora_r=2),
        lengths,
        Launch(launcher="accelerate", num_processes=8, config_file="fsdp"),
        gpu=False,
    )
    assert sum(spread.values()) - spread["program"] == pytest.approx(4_000)
    assert sum(spread.values()) - spread["program"] - spread["loading"] < 600
    kept = parts(gradient_checkpointing=True)["activations"]
    assert kept == pytest.approx(16 * 10 * (a_layer + 2 * HIDDEN) * 4 / 1e6)


def test_what_is_not_known_is_not_guessed(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    away = estimate.estimate("dpo", PAIRS, dpo.RunConfig(model="nobody/has-this-7b"))
    assert (away["steps"], away["memory_mb"], away["seconds"]) == (6, None, None)
    # "red green" is 9 characters, 3 tokens; "green" 2; "blue" 2 or "blue red " 3; 12 for the marks
    assert away["tokens"] == 2 * (10 * (3 + 2 + 12 + 3 + 2 + 12) + 10 * (3 + 3 + 12 + 3 + 2 + 12))
    assert "guessed from characters / 4" in away["lines"][1]
    monkeypatch.setattr(shapes, "gpu", lambda: ("Big GPU", 80_000.0))
    found = estimate.estimate("dpo", PAIRS, dpo.RunConfig(model=model))
    assert found["seconds"] is None
    assert "nothing was trained on this Big GPU yet" in found["lines"][-1]


def test_without_earlier_runs_time_comes_from_a_probe_and_says_so(model: str) -> None:
    found = estimate.estimate(
        "sft", [{"prompt": "red", "completion": "blue"}] * 8, sft.RunConfig(model=model, epochs=1)
    )
    speed = 1e9 * estimate._REACHED / (1000 * 4)
    assert found["seconds"] == pytest.approx(estimate._START_S + 8 * 6 / speed, abs=0.1)
    assert "a probe of this machine's arithmetic" in found["lines"][-2]


def past(
    kind: Any, rows: Any, config: settings.RunSettings, speeds: list[float], folder: Path, **more: Any
) -> runs.Run:
    run = jobs.start(kind, rows, config, folder, **more)
    ends = [{"step": i + 1, "tokens_per_s": speed, "seconds": 2.0 * (i + 1)} for i, speed in enumerate(speeds)]
    runfiles.append_jsonl(run.path / "metrics.jsonl", ends)
    status = runfiles.read_status(run.path).model_copy(update={"state": "done", "host": platform.node()})
    runfiles.write_status(run.path, status)
    return run


def test_time_comes_from_earlier_runs_on_this_machine(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "require_train", lambda: None)
    monkeypatch.setattr(processes, "launch", lambda _: None)
    runs = tmp_path / "runs"
    config = dpo.RunConfig(model=model, batch_size=8, epochs=2)
    past("dpo", PAIRS, config.model_copy(update={"lora_r": 0}), [1.0, 20.0, 40.0], runs)
    # The first step warms up and is left out. All weights cost 6 operations a weight, an adapter 4: 30 becomes 45.
    other = estimate.estimate("dpo", PAIRS, config, runs_dir=runs)
    assert (
        other["lines"][-2]
        == "45 tokens a second: earlier runs here of other kinds or models, by the arithmetic of each"
    )
    past("dpo", PAIRS, config, [5.0, 29.0], runs)
    elsewhere = past("dpo", PAIRS, config, [1.0, 1.0], runs)
    status = runfiles.read_status(elsewhere.path).model_copy(update={"host": "another"})
    runfiles.write_status(elsewhere.path, status)
    past("dpo", PAIRS, config, [9.0, 9.0], runs, launch=Launch(launcher="accelerate", num_processes=2))
    found = estimate.estimate("dpo", PAIRS, config, runs_dir=runs, answers=10, answer_tokens=87)
    assert found["lines"][-2] == "29 tokens a second: 1 earlier dpo runs of this model here"
    # 580 tokens take 20 s, the reference a third of one pass (290), 2 x 870 answered tokens a third of 60 s
    assert found["seconds"] == pytest.approx(estimate._START_S + 20 + 10 / 3 + 20, abs=0.1)
    budget = estimate.estimate("dpo", PAIRS, config.model_copy(update={"time_budget_s": 5.0}), runs_dir=runs)
    assert budget["seconds"] == pytest.approx(estimate._START_S + 5 + 10 / 3, abs=0.1)
    assert "the time budget of 5 s ends training at about 25%" in budget["lines"]


def test_more_memory_than_there_is_is_said(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "memory_mb", lambda: 500.0)
    found = estimate.estimate("dpo", PAIRS, dpo.RunConfig(model=model))
    assert any(line.startswith("that is more than the 500 MB there are: lower batch_size") for line in found["lines"])


def test_settings_that_make_no_run_are_refused_as_the_run_would(model: str) -> None:
    with pytest.raises(TrainingError, match="too few pairs: 3"):
        estimate.estimate("dpo", PAIRS[:3])
    with pytest.raises(TrainingError, match="cannot be shared by 3 processes"):
        estimate.estimate("dpo", PAIRS, launch=Launch(launcher="accelerate", num_processes=3))


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from workbench.training import estimate; "
        "rows = [{'prompt': 'a', 'chosen': 'b', 'rejected': str(i)} for i in range(8)]; "
        "estimate.estimate('dpo', rows); "
        "sys.exit(' '.join({'torch', 'transformers', 'trl', 'peft', 'datasets'} & set(sys.modules)) or None)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_real_run_reads_as_many_tokens_in_as_many_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["red", "blue", "green", "black", "white"]
    pairs = [{"prompt": f"Say {w}.", "chosen": f"{w} " * n, "rejected": "no"} for w in words for n in (1, 5, 9, 30)]
    config = dpo.RunConfig(
        model=str(tiny.make(tmp_path / "tiny")), batch_size=8, epochs=2, max_length=64, save_every=None
    )
    found = estimate.estimate("dpo", pairs, config)
    run = tiny.work(tiny.prepared("dpo", pairs, config, tmp_path, monkeypatch))
    metrics = run.metrics()
    assert metrics[-1]["step"] == metrics[-1]["steps"] == found["steps"]
    steps = [0.0, *(row["seconds"] for row in metrics)]
    read = sum(row["tokens_per_s"] * (end - begin) for row, begin, end in zip(metrics, steps, steps[1:], strict=False))
    assert read == pytest.approx(found["tokens"], rel=0.06)  # steps of some 40 ms, told to the millisecond
