"""The embedded model itself: sampling, a real DPO run in its own process, and what its adapter changed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from workbench.errors import TrainingError
from workbench.records import Prompt
from workbench.training import candidates, dpo, evaluate, jobs, likelihood, models, sampling

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.training.runs import Run

pytestmark = [
    pytest.mark.train,
    pytest.mark.timeout(1800),
    # peft asks transformers 5.23 for a name that 6 will drop; ours to remove when peft has moved
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]

QUESTIONS = ["colours", "animals", "cities", "fruits", "rivers", "tools", "games", "trees"]
PROMPTS = [Prompt(id=f"p{i}", prompt=f"Name two {word}.", category="lists") for i, word in enumerate(QUESTIONS)]
# What is chosen is told from what is rejected by manner alone, so a few steps can teach it.
PAIRS = [
    {
        "prompt": f"{start} {word}.",
        "chosen": f"Certainly! Here are two {word} for you.",
        "rejected": f"No {word} today.",
    }
    for word in QUESTIONS
    for start in ("Name two", "Tell me two")
]


@pytest.fixture(scope="module")
def loaded() -> tuple[Any, Any]:
    return models.load(models.resolve())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = dpo.RunConfig(learning_rate=5e-4, epochs=2, batch_size=8, lora_r=8, max_length=128, seed=3)
    return jobs.start(
        "dpo",
        PAIRS,
        config,
        tmp_path_factory.mktemp("runs"),
        source="model",
        prompts=PROMPTS[:3],
        answers=evaluate.AnswerConfig(samples=1, max_new_tokens=12),
        held_out=PAIRS,
    )


def test_a_real_run_ends_done_with_a_finite_loss_and_its_adapter(run: Run) -> None:
    status = run.wait(progress=False, timeout_s=800)
    assert status.state == "done"
    rows = run.metrics()
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    # Before the first step the adapter changes nothing: margin 0, and -log sigmoid(0) = log 2.
    assert rows[0]["margin"] == pytest.approx(0, abs=1e-6)
    assert rows[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert all(math.isfinite(row["loss"]) and row["tokens_per_s"] > 0 for row in rows)
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["eta_s"] == 0
    assert (run.path / "adapter" / "adapter_model.safetensors").stat().st_size > 100_000
    manifest = run.manifest()
    assert manifest["model"] == {"id": models.EMBEDDED, "sha256": models.resolve().sha256}
    assert manifest["rows"] == {"given": 16, "used": 16, "too_long": 0}
    assert manifest["source"] == "model"


def test_the_adapter_prefers_what_was_chosen(run: Run) -> None:
    run.wait(progress=False, timeout_s=800)
    margins = run.margins()
    assert len(margins) == len(PAIRS)
    assert np.mean(margins) > 0.02
    assert np.mean([margin > 0 for margin in margins]) >= 0.9


def test_the_saved_adapter_gives_the_same_margins_and_answers_again(run: Run) -> None:
    run.wait(progress=False, timeout_s=800)
    model, tokenizer = evaluate.load_adapter(run.path)
    again = likelihood.implicit_rewards(PAIRS, model, tokenizer, beta=run.config().config.model_dump()["beta"])
    assert again == pytest.approx(run.margins(), abs=0.05)
    answers = run.answers()
    assert [(one.prompt_id, one.sample) for one in answers] == [("p0", 0), ("p1", 0), ("p2", 0)]
    config = run.config().answers
    assert evaluate.answer_pairs(PROMPTS[:3], model, tokenizer, config, progress=False) == answers
    with model.disable_adapter():
        off = likelihood.implicit_rewards(PAIRS[:2], model, tokenizer, beta=1.0)
    assert off != again[:2]


def test_base_answers_are_those_of_the_model_without_any_adapter(run: Run, loaded: tuple[Any, Any]) -> None:
    run.wait(progress=False, timeout_s=800)
    model, tokenizer = loaded
    draws = [
        sampling.Draw(sampling.chat_tokens(tokenizer, prompt.prompt), 0.7, candidates.answer_seed(0, prompt, 0))
        for prompt in PROMPTS[:3]
    ]
    # in the order `answer_pairs` computes them, because bfloat16 rounds a row by its place in the batch
    order = sorted(range(3), key=lambda i: -len(draws[i].prompt))
    plain = sampling.sample(model, tokenizer, [draws[i] for i in order], top_p=0.95, max_new_tokens=12)
    base = [one.base for one in run.answers()]
    assert [one.text for one in plain] == [base[i] for i in order]


def test_pairs_that_do_not_fit_end_the_run_with_the_reason(tmp_path: Path) -> None:
    run = jobs.start("dpo", PAIRS, dpo.RunConfig(max_length=16), tmp_path)
    with pytest.raises(TrainingError, match="too few pairs: 0 of 16 fit max_length 16"):
        run.wait(progress=False, timeout_s=800)
    assert run.status().notes == ("16 of 16 pairs left out: longer than 16 tokens",)


def test_the_same_call_gives_the_same_answers(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"n": 2, "max_new_tokens": 16, "seed": 11, "batch_size": 8, "progress": False}
    first = candidates.generate(PROMPTS[:6], **settings)
    assert candidates.generate(PROMPTS[:6], **settings) == first
    assert candidates.generate(PROMPTS[:6], **{**settings, "seed": 12}) != first
    texts = [one.response.text for one in first]
    assert len(set(texts)) >= 8
    assert all(text.strip() for text in texts)
    assert not any("<|im_" in text for text in texts)
    # an answer may end with the very last token it had
    cut = [one.response.params["n_tokens"] for one in first if one.response.params["finish"] == "length"]
    assert cut
    assert set(cut) == {16}


def test_a_prompt_longer_than_the_context_is_refused(loaded: tuple[Any, Any]) -> None:
    model, tokenizer = loaded
    tokens = sampling.chat_tokens(tokenizer, "word " * 9000)
    with pytest.raises(TrainingError, match="exceed the context of 8192"):
        sampling.check_length(tokens, 64, model, "prompt p")


def test_greedy_answers_are_those_of_transformers(loaded: tuple[Any, Any]) -> None:
    """Our batches (left padding, shared prompts, answers leaving) against `generate`, one prompt at a time."""
    import torch

    _, tokenizer = loaded
    model, _ = models.load(models.resolve(), "float32")
    asked = [
        "Name a colour.",
        "What is the capital of France?",
        "Name a colour.",
        "Say hello to my old friend Tom, please.",
    ]
    draws = [sampling.Draw(sampling.chat_tokens(tokenizer, text), 0.0, 0) for text in asked]
    ours = sampling.sample(model, tokenizer, draws, top_p=1.0, max_new_tokens=12)
    for draw, one in zip(draws, ours, strict=True):
        ids = torch.tensor([draw.prompt])
        made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=12)
        assert one.text == tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True).strip()


def test_tokens_are_drawn_from_the_nucleus_in_its_proportions() -> None:
    import torch

    # probabilities .5 .3 .15 .05; a nucleus of .9 is the first three, renormalised by .95
    logits = torch.tensor([0.05, 0.5, 0.15, 0.3]).log()
    uniform = (torch.arange(1900) + 0.5) / 1900
    rows = logits.expand(1900, 4)
    drawn = sampling.pick(rows, torch.ones(1900), 0.9, uniform)
    assert torch.bincount(drawn, minlength=4).tolist() == [0, 1000, 300, 600]
    # at temperature 1/2 the probabilities are squared: .25 .09 .0225 .0025 of .365; .9 is the first two
    cold = sampling.pick(rows, torch.full((1900,), 0.5), 0.9, uniform)
    assert torch.bincount(cold, minlength=4).tolist() == [0, round(1900 * 25 / 34), 0, round(1900 * 9 / 34)]
    assert sampling.pick(rows, torch.zeros(1900), 0.9, uniform).unique().tolist() == [1]


def test_flat_distributions_are_drawn_from_beyond_the_short_list() -> None:
    import torch

    logits = torch.zeros(50, 5000)
    uniform = (torch.arange(50) + 0.5) / 50
    drawn = sampling.pick(logits, torch.ones(50), 0.95, uniform)
    assert len(drawn.unique()) == 50  # 256 tokens hold 5 % of the mass: stopping there would repeat tokens
