"""Beginnings that rows share are numbered once, and a model that computes them once gives the same."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.training import tiny
from workbench.training import dpo, packing, running, scoring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def test_each_beginning_is_numbered_once() -> None:
    ids = np.array([[1, 2, 3, 9], [1, 2, 4, 0], [1, 2, 3, 9], [5, 2, 0, 0]])
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 0, 0]], dtype=bool)
    found = packing.places(ids, mask)
    assert found is not None
    assert found.state.reshape(4, 4).tolist() == [[0, 1, 2, 3], [0, 1, 4, 0], [0, 1, 2, 3], [5, 6, 0, 0]]
    assert found.first.tolist() == [0, 1, 2, 3, 6, 12, 13]  # of 13 tokens in 16 places, 7 are computed
    assert sorted(zip(found.again.tolist(), found.again_state.tolist(), strict=True)) == [
        (4, 0),
        (5, 1),
        (8, 0),
        (9, 1),
        (10, 2),
        (11, 3),
    ]


def test_the_same_token_after_other_ones_is_another_state() -> None:
    found = packing.places(np.array([[7, 1, 8], [7, 2, 8]]), np.ones((2, 3), dtype=bool))
    assert found is not None
    assert found.state.tolist() == [0, 1, 2, 0, 3, 4]


@pytest.mark.parametrize("mask", [[[0, 1, 1], [1, 1, 1]], [[1, 0, 1], [1, 1, 1]], [[0, 0, 0], [1, 1, 1]]])
def test_padding_elsewhere_than_at_the_right_is_left_to_the_model(mask: list[list[int]]) -> None:
    assert packing.places(np.ones((2, 3), dtype=int), np.array(mask, dtype=bool)) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make(tmp_path_factory.mktemp("tiny"))


def loaded(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa").eval()


def batch() -> tuple[Any, Any]:
    """Six rows of 12 to 30 tokens that begin alike, two and two for longer."""
    import torch

    torch.manual_seed(0)
    ids = torch.randint(1, 90, (6, 30))
    ids[:, :6] = ids[0, :6]
    ids[3:, :11] = ids[:3, :11]
    return ids, (torch.arange(30) < torch.tensor([30, 20, 12, 25, 13, 30])[:, None]).long()


@pytest.mark.train
def test_states_and_gradients_are_those_of_the_rows(folder: Path) -> None:
    import torch

    ids, mask = batch()

    def gradients(packs: bool) -> tuple[Any, Any, list[int]]:
        model = loaded(folder)
        seen = []
        model.base_model.layers[0].register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[:2].numel()))
        asked = packing.packed(model) if packs else _as_it_is()
        with asked as does:
            assert does == packs
            seen.clear()  # of the trial
            states = model.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            (states * mask[..., None] * torch.linspace(-1, 1, 64)).sum().backward()
        made = torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])
        return states.detach()[mask.bool()], made, seen

    states, made, seen = gradients(packs=True)
    expected, expected_made, expected_seen = gradients(packs=False)
    assert expected_seen == [6 * 30]
    assert seen == [6 + 3 * 5 + (30 + 20 + 12 + 25 + 13 + 30 - 6 * 11)]
    torch.testing.assert_close(states, expected, rtol=1e-4, atol=1e-5)
    assert (made - expected_made).norm() < 1e-5 * expected_made.norm()


@pytest.mark.train
def test_a_run_has_the_same_losses(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"prompt": f"Say {word}.", "chosen": f"{word}, as you like", "rejected": f"{word}, as" + " it is" * i}
        for i, word in enumerate(["red", "blue", "green", "black", "white", "brown", "pink", "grey"])
    ]
    config = dpo.RunConfig(model=str(folder), batch_size=4, learning_rate=3e-3, max_length=128, eval_every=2)

    def metrics() -> tuple[list[dict[str, Any]], Any]:
        run = tiny.work(tiny.prepared("dpo", rows, config, tmp_path, monkeypatch, held_out=rows[:3]))
        kept = ("loss", "margin", "grad_norm", "eval_loss", "eval_margin")
        return [{key: row[key] for key in kept if key in row} for row in run.metrics()], run.manifest()["packed"]

    found, packs = metrics()
    monkeypatch.setattr(packing, "packed", _as_it_is)
    monkeypatch.setattr(scoring, "quick_head", _as_it_is)
    expected, unpacked = metrics()
    assert (packs, unpacked) == (True, False)
    assert len(found) == 6
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=2e-3, abs=2e-5)
    assert found[3]["loss"] < 0.69


@pytest.mark.train
def test_models_it_does_not_fit_are_left_as_they_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(folder)
    model.config.sliding_window = 8
    with packing.packed(model) as packs:
        assert not packs
        assert "forward" not in vars(model.base_model)
    del model.config.sliding_window

    attend = packing._attend

    def wrong(*given: Any, **more: Any) -> Any:  # each text sees its end from its beginning
        return attend(*given, **more, is_causal=False)

    monkeypatch.setattr(packing, "_attend", wrong)
    with packing.packed(model) as packs:
        assert not packs
        assert model.config._attn_implementation == "sdpa"
    monkeypatch.setattr(packing, "_attend", attend)
    with packing.packed(model) as packs:
        assert packs
    assert "forward" not in vars(model.base_model)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.train
def test_generation_inside_is_as_outside(folder: Path) -> None:
    import torch

    model = loaded(folder)
    ids, mask = batch()
    left, covered = ids[:3].flip(1), mask[:3].flip(1)
    ask = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    expected = model.generate(input_ids=left, attention_mask=covered, **ask)
    with packing.packed(model) as packs:
        assert packs
        assert torch.equal(model.generate(input_ids=left, attention_mask=covered, **ask), expected)


@contextmanager
def _as_it_is(*_: Any) -> Iterator[bool]:
    yield False


@pytest.mark.train
def test_answers_are_scored_the_same_with_an_adapter(folder: Path) -> None:
    """All of it together, against TRL's own head on rows that are not packed."""
    import torch
    from peft import LoraConfig, get_peft_model
    from trl.trainer import utils

    ids, mask = batch()
    labels = ids.masked_fill((mask == 0) | (torch.arange(30) < 9), -100)

    def scored(quick: bool) -> tuple[Any, Any]:
        model = loaded(folder)
        packs, head = (packing.packed(model), scoring.quick_head()) if quick else (_as_it_is(), _as_it_is())
        with running.score_answers_only(), packs, head:
            utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "mean_logits", "is_top1"))
            torch.manual_seed(1)
            lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
            adapted = get_peft_model(model, lora)
            made = adapted(input_ids=ids, attention_mask=mask, use_cache=False, labels=labels, fused_lm_head=True)
            (made.log_probs.sum(1) * torch.linspace(-1, 1, 6)).sum().backward()
        return made, torch.cat([w.grad.flatten() for w in adapted.parameters() if w.grad is not None])

    (ours, made), (theirs, expected) = scored(quick=True), scored(quick=False)
    for name in ("log_probs", "entropy", "mean_logits"):
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-5)
    assert (made - expected).norm() < 1e-5 * expected.norm()
