"""Sample answers in batches, each from its own random stream.

`transformers.generate` draws a whole batch from one global generator, so an answer depends on its neighbours and a
resumed job cannot repeat what a finished one gave. Here every answer owns a seed and consumes one uniform number a
token (inverse CDF over the nucleus), prompts asked several times are read once, and answers that have ended leave
the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

# The nucleus is looked for among this many most likely tokens first; rows that need more get a full sort.
_SHORTLIST = 256
# Rebuilding the key-value cache costs about one step, so it waits until this share of the batch has ended.
_ENDED_SHARE = 0.2


@dataclass(frozen=True)
class Draw:
    """One answer to draw: the prompt's tokens, the temperature (0 takes the most likely token) and the seed."""

    prompt: tuple[int, ...]
    temperature: float
    seed: int


@dataclass(frozen=True)
class Drawn:
    """One answer: its text without control tokens, how many tokens it took, and whether it ended by itself."""

    text: str
    n_tokens: int
    finish: Literal["stop", "length"]


def chat_tokens(tokenizer: Any, prompt: str, *, system: str = "") -> tuple[int, ...]:
    """Tokens of the prompt as one user turn of the model's chat template, ready for the answer.

    Parameters
    ----------
    system
        The system prompt; without one the template does what it does by itself (some add a prompt of their own).

    Raises
    ------
    TrainingError
        When the model's template takes no system prompt.
    """
    from jinja2 import TemplateError

    from workbench.training.models import plain

    turns = [{"role": "system", "content": plain(system, tokenizer)}] if system else []
    turns.append({"role": "user", "content": plain(prompt, tokenizer)})
    try:
        encoded = tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=True, return_dict=True)
    except TemplateError as error:
        if not system:
            raise
        raise TrainingError(
            f"the model's chat template refuses a system prompt: {str(error)[:200]}",
            next_step="leave system prompts out, or use another model",
        ) from error
    return tuple(encoded["input_ids"])


def check_length(tokens: Sequence[int], max_new_tokens: int, model: Any, where: str) -> None:
    """Raise `TrainingError` where prompt and answer do not fit the model's context."""
    context = int(getattr(model.config, "max_position_embeddings", 0) or 0)
    if context and len(tokens) + max_new_tokens > context:
        raise TrainingError(
            f"a prompt of {len(tokens)} tokens and an answer of up to {max_new_tokens} exceed the context of {context}",
            where=where,
            next_step="shorten the prompt or lower max_new_tokens",
        )


def sample(model: Any, tokenizer: Any, draws: Sequence[Draw], *, top_p: float, max_new_tokens: int) -> list[Drawn]:
    """Draw all answers as one batch, in the order given.

    An answer is a function of the weights, its own `Draw` and the float rounding of the batch it is computed in: the
    same batch gives the same texts on the same machine, while another machine's kernels (or another batch) may round
    differently and, rarely, choose another token.
    """
    import torch

    with torch.inference_mode():
        tokens = _decode(model, tokenizer, draws, top_p, max_new_tokens)
    stop = _stop_ids(model, tokenizer)
    answers = []
    for row in tokens:
        ended = bool(row) and row[-1] in stop
        text = tokenizer.decode(row, skip_special_tokens=True).strip()
        answers.append(Drawn(text=text, n_tokens=len(row), finish="stop" if ended else "length"))
    return answers


def _decode(model: Any, tokenizer: Any, draws: Sequence[Draw], top_p: float, limit: int) -> list[list[int]]:
    import torch

    device = model.device
    stop = _stop_ids(model, tokenizer)
    prompts = list(dict.fromkeys(draw.prompt for draw in draws))
    place = {prompt: row for row, prompt in enumerate(prompts)}
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), tokenizer.pad_token_id)
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    ids, mask = ids.to(device), mask.to(device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    read = model(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1)

    rows = torch.tensor([place[draw.prompt] for draw in draws], device=device)
    cache = read.past_key_values
    cache.batch_select_indices(rows)
    logits, mask, position = read.logits[rows, -1], mask[rows], positions[rows, -1:]
    temperature = torch.tensor([draw.temperature for draw in draws], device=device)
    # numpy's stream of a seed is the same everywhere, torch's is not across devices
    uniforms = np.stack([np.random.default_rng(draw.seed).random(limit) for draw in draws])
    uniform = torch.tensor(uniforms, dtype=torch.float32, device=device)

    out: list[list[int]] = [[] for _ in draws]
    alive = list(range(len(draws)))  # batch row -> draw
    for step in range(limit):
        chosen = pick(logits, temperature[alive], top_p, uniform[alive, step])
        for row, token in enumerate(chosen.tolist()):
            if not out[alive[row]] or out[alive[row]][-1] not in stop:
                out[alive[row]].append(token)
        going = [row for row, draw in enumerate(alive) if out[draw][-1] not in stop]
        if not going or step == limit - 1:
            break
        if len(alive) - len(going) >= max(1, _ENDED_SHARE * len(alive)):
            keep = torch.tensor(going, device=device)
            cache.batch_select_indices(keep)
            chosen, mask, position = chosen[keep], mask[keep], position[keep]
            alive = [alive[row] for row in going]
        mask = torch.cat([mask, mask.new_ones((len(alive), 1))], dim=1)
        position = position + 1
        logits = model(
            input_ids=chosen[:, None],
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]
    return out


def pick(logits: torch.Tensor, temperature: torch.Tensor, top_p: float, uniform: torch.Tensor) -> torch.Tensor:
    """One token a row by inverse CDF over the nucleus: the fewest most likely tokens that hold `top_p` of the mass.

    Parameters
    ----------
    logits
        Shape (rows, vocabulary).
    temperature
        Shape (rows,); 0 takes the most likely token.
    uniform
        Shape (rows,), in [0, 1).
    """
    import torch

    greedy = temperature <= 0
    divisor = torch.where(greedy, torch.ones_like(temperature), temperature)[:, None]
    scaled = logits.to(torch.float32, copy=True).div_(divisor)
    probability = scaled.softmax(-1)
    top, token = probability.topk(min(_SHORTLIST, probability.shape[-1]), dim=-1)
    chosen = token.gather(1, _inverse_cdf(top, top_p, uniform)[:, None])[:, 0]
    wide = (top.sum(-1) < top_p) & ~greedy
    if bool(wide.any()):
        top_wide, token_wide = probability[wide].sort(dim=-1, descending=True)
        chosen[wide] = token_wide.gather(1, _inverse_cdf(top_wide, top_p, uniform[wide])[:, None])[:, 0]
    return torch.where(greedy, token[:, 0], chosen)


def _inverse_cdf(top: torch.Tensor, top_p: float, uniform: torch.Tensor) -> torch.Tensor:
    mass = top.cumsum(-1)
    inside = (mass - top) < top_p
    mass = mass * inside
    last = inside.sum(-1, keepdim=True) - 1
    wanted = uniform[:, None] * mass.gather(1, last)
    return ((mass <= wanted) & inside).sum(-1).clamp(max=last[:, 0])


def _stop_ids(model: Any, tokenizer: Any) -> set[int]:
    config = getattr(model, "generation_config", None)
    stop = getattr(config, "eos_token_id", None)
    listed = stop if isinstance(stop, list) else [stop]
    return {int(token) for token in [*listed, tokenizer.eos_token_id] if token is not None}
