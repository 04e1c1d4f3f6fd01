"""Log-probabilities under an adapter and under its base: implicit rewards of pairs, divergence on answers.

One loaded model with the adapter switched off and on, texts batched by length, logits made at the answers' tokens only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.training import rows as rows_of_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import torch

    Tokens = tuple[list[int], list[int]]


def implicit_rewards(
    rows: Sequence[Mapping[str, Any]],
    model: Any,
    tokenizer: Any,
    *,
    beta: float,
    batch_size: int = 8,
    on_step: Callable[[int, int], None] | None = None,
) -> list[float]:
    """The margin the adapter gives each pair, as DPO defines it; above 0 it prefers the chosen answer.

    beta x [(log p(chosen) - log p0(chosen)) - (log p(rejected) - log p0(rejected))] in nats, log p under the adapter
    and log p0 under the base, summed over the answer's tokens with its end (Rafailov et al. 2023, eq. 5). The start
    model gives 0 everywhere, so accuracy is the share above 0. Length is not taken out: compare it beside.
    """
    texts = [conversation for row in rows for conversation in _pair_tokens(row, tokenizer)]
    ratios = [0.0] * len(texts)
    batches = _batches(texts, 2 * batch_size)
    if on_step:
        on_step(0, len(batches))
    for done, batch in enumerate(batches, start=1):
        some = [texts[i] for i in batch]
        after = _log_probs(model, some)
        with model.disable_adapter():
            before = _log_probs(model, some)
        for i, one, other in zip(batch, after, before, strict=True):
            ratios[i] = one - other
        if on_step:
            on_step(done, len(batches))
    return [beta * (ratios[2 * i] - ratios[2 * i + 1]) for i in range(len(rows))]


def divergence(
    answers: Sequence[tuple[rows_of_run.Prompt, str]],
    model: Any,
    tokenizer: Any,
    *,
    batch_size: int = 16,
    on_step: Callable[[int, int], None] | None = None,
) -> list[tuple[float, int]]:
    """How far the adapter has moved from its base on these answers: nats summed over an answer's tokens, and tokens.

    At each token the Kullback-Leibler divergence of the adapter's whole next-token distribution from the base's, at
    temperature 1 and given the same beginning. Summed over answers drawn from the adapter at temperature 1 it is an
    unbiased estimate of the divergence between the two as writers; over answers drawn cooler it is that of the answers
    people see. Never negative, 0 where nothing was learnt.
    """
    texts = [rows_of_run.tokens(tokenizer, prompt, answer) for prompt, answer in answers]
    found = [(0.0, 0)] * len(texts)
    batches = _batches(texts, batch_size)
    if on_step:
        on_step(0, len(batches))
    for done, batch in enumerate(batches, start=1):
        some = [texts[i] for i in batch]
        after = _answer_states(model, some)
        with model.disable_adapter():
            before = _answer_states(model, some)
        for i, own, base in zip(batch, _log_softmax(*after), _log_softmax(*before), strict=True):
            each = (own.exp() * (own - base)).sum(-1)
            found[i] = (max(float(each.sum()), 0.0), len(texts[i][1]))
        if on_step:
            on_step(done, len(batches))
    return found


def _pair_tokens(row: Mapping[str, Any], tokenizer: Any) -> list[Tokens]:
    return [rows_of_run.tokens(tokenizer, row["prompt"], row[side]) for side in ("chosen", "rejected")]


def _batches(texts: Sequence[Tokens], size: int) -> list[list[int]]:
    order = sorted(range(len(texts)), key=lambda i: -sum(map(len, texts[i])))
    return [order[start : start + size] for start in range(0, len(order), size)]


def _log_probs(model: Any, texts: Sequence[Tokens]) -> list[float]:
    """Log-probability of each answer given its prompt, in nats."""
    import torch

    found = []
    for (_, answer), each in zip(texts, _log_softmax(*_answer_states(model, texts)), strict=True):
        target = torch.tensor(answer, device=each.device)
        found.append(float(each.gather(1, target[:, None]).sum()))
    return found


def _answer_states(model: Any, texts: Sequence[Tokens]) -> tuple[list[torch.Tensor], Any]:
    """Of each text, the last layer's states that tell the answer's tokens, shape (answer, width); and the head."""
    import torch

    width = max(len(prompt) + len(answer) for prompt, answer in texts)
    ids = torch.zeros((len(texts), width), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, (prompt, answer) in enumerate(texts):
        whole = torch.tensor([*prompt, *answer])
        ids[row, : len(whole)] = whole
        mask[row, : len(whole)] = 1
    with torch.inference_mode():
        hidden = _hidden(model, ids.to(model.device), mask.to(model.device))
    states = []
    for row, (prompt, answer) in enumerate(texts):
        start = len(prompt) - 1
        states.append(hidden[row, start : start + len(answer)])
    return states, _head(model)


def _head(model: Any) -> Callable[[Any], Any]:
    """States to logits, as the model itself makes them: some scale or cap what their head gives (read in TRL 1.16)."""
    import torch

    head, config = model.get_output_embeddings(), model.config.get_text_config()
    names = ("logit_scale", "output_multiplier", "lm_head_multiplier")
    scale = next((one for one in (getattr(config, name, None) for name in names) if one is not None), None)
    divided = getattr(config, "logits_scaling", None)
    if scale is None and divided is not None:
        scale = divided if config.model_type == "hyperclovax" else 1 / divided
    cap = getattr(config, "final_logit_softcapping", None)

    def logits(states: Any) -> Any:
        found = head(states).float()
        found = found if scale is None else found * scale
        return found if cap is None else cap * torch.tanh(found / cap)

    return logits


def _log_softmax(states: Sequence[torch.Tensor], head: Any) -> Iterator[torch.Tensor]:
    """Log-probabilities of all tokens at each state; the vocabulary is wide, so one text's at a time."""
    import torch

    for some in states:
        with torch.inference_mode():  # left before the next one is asked for, or it would stay on for the caller
            found = head(some).log_softmax(-1)
        yield found


def _hidden(model: Any, ids: Any, mask: Any) -> Any:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inner.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
