"""Log-probabilities of answers are those of the model's own forward pass, whatever it does with its logits."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.training import likelihood

SIZES: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
TEXTS = [([5, 6, 7], [8, 9, 2]), ([5, 6], [30, 31, 32, 2]), ([11], [12])]


def made(name: str, **more: Any) -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**SIZES, **more)
    return getattr(transformers, f"{name}ForCausalLM")(config).eval()


@pytest.mark.train
@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("Llama", {}),
        ("Granite", {"logits_scaling": 8.0}),
        ("Gemma2", {"final_logit_softcapping": 0.5, "head_dim": 16}),
        ("Cohere", {"logit_scale": 0.0625}),
    ],
)
def test_logits_are_scaled_and_capped_as_the_model_does(name: str, more: dict[str, Any]) -> None:
    import torch

    model = made(name, **more)
    model.get_output_embeddings().weight.data *= 20  # else no cap is reached, and no scale is seen
    found = likelihood._log_probs(model, TEXTS)
    for (prompt, answer), told in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*prompt, *answer]])).logits[0].float()
        each = logits.log_softmax(-1)[len(prompt) - 1 : -1]
        assert told == pytest.approx(float(each[range(len(answer)), answer].sum()), abs=1e-4)
