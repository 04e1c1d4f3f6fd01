"""Every distinct beginning of a batch is computed once, on a CPU.

Two answers to one prompt share its tokens, all conversations share the system prompt, and padding is nobody's. A
causal model's state at a token depends on the tokens up to it alone, so rows that begin alike have like states there.
The linear layers, which are nearly all of the work, see each such state once and no padding; attention sees the rows
as they are. Losses and gradients are the same up to rounding.

A GPU has arithmetic to spare and kernels of its own for this; there the model is left as it is.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

NAME = "workbench_packed"
# Beyond rounding, and far below what a state owes to one wrong token.
_TOLERANCE = {"float32": 1e-3, "bfloat16": 0.1}


@dataclass(frozen=True)
class Places:
    """Which state stands where in a batch of `rows` rows, `width` tokens wide.

    Attributes
    ----------
    rows, width
        Of the batch, padding included.
    state
        For each place, row by row, the number of its state; 0 where padding is.
    first
        For each state, the place it was first seen at.
    again, again_state
        The other places that hold text, and their states.
    """

    rows: int
    width: int
    state: NDArray[np.int64]
    first: NDArray[np.int64]
    again: NDArray[np.int64]
    again_state: NDArray[np.int64]


def places(ids: NDArray[Any], mask: NDArray[Any]) -> Places | None:
    """Number the distinct beginnings of rows, or None where padding stands elsewhere than at the right.

    Parameters
    ----------
    ids, mask
        Shape (rows, width); the mask is true where there is text.
    """
    n, width = ids.shape
    lengths = mask.sum(1)
    if not lengths.all() or (mask != (np.arange(width) < lengths[:, None])).any():
        return None
    # sorted, a row shares most with the row before it
    order = np.array(sorted(range(n), key=lambda row: ids[row, : lengths[row]].tolist()))
    text, kept = ids[order], mask[order]
    shared = np.zeros_like(kept)
    shared[1:] = np.logical_and.accumulate((text[1:] == text[:-1]) & kept[1:] & kept[:-1], axis=1)
    fresh = kept & ~shared
    number = np.where(fresh, np.cumsum(fresh).reshape(n, width) - 1, 0)
    for row in range(1, n):
        number[row] = np.where(shared[row], number[row - 1], number[row])
    state = np.empty_like(number)
    state[order] = number
    at = order[:, None] * width + np.arange(width)
    return Places(n, width, state.ravel(), at[fresh], at[shared], number[shared])


@contextmanager
def packed(model: Any) -> Iterator[bool]:
    """Let this causal language model compute each distinct beginning of a batch once; yields whether it does.

    Models that attend to a window, or whose states prove to be others this way, are left as they are.
    """
    backbone = model.base_model
    asked = model.config._attn_implementation
    if model.device.type != "cpu" or asked != "sdpa" or not _attends_to_all(model.config):
        yield False
        return
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    original = backbone.forward
    backbone.forward = _forward(original)
    model.config._attn_implementation = NAME
    try:
        same = _same(backbone, original)
        if not same:
            backbone.forward, model.config._attn_implementation = original, asked
        yield same
    finally:
        backbone.__dict__.pop("forward", None)
        model.config._attn_implementation = asked


def _attends_to_all(config: Any) -> bool:
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return set(kinds) == {"full_attention"}
    return not getattr(config, "sliding_window", None)


def _forward(original: Any) -> Any:
    """The backbone's forward, of the packed batch."""
    import torch

    spread, _ = _functions()

    def forward(input_ids: Any = None, attention_mask: Any = None, **more: Any) -> Any:
        plain = input_ids is None or attention_mask is None or attention_mask.dim() != 2
        plain = plain or any(
            value is not None and value is not False for name, value in more.items() if name != "return_dict"
        )
        found = None if plain else places(input_ids.numpy(), attention_mask.numpy().astype(bool))
        if found is None:
            return original(input_ids=input_ids, attention_mask=attention_mask, **more)
        at = {name: torch.from_numpy(getattr(found, name)) for name in ("state", "first", "again", "again_state")}
        made = original(
            input_ids=input_ids.reshape(1, -1)[:, at["first"]],
            position_ids=(at["first"] % found.width)[None],
            attention_mask=torch.ones(1, 1, 1, 1, dtype=torch.bool),  # with four dimensions it is taken as it is
            use_cache=False,
            packed=(found.rows, at),
        )
        states = spread.apply(made.last_hidden_state[0], at["state"], at["first"], at["again"], at["again_state"])
        made.last_hidden_state = states.view(found.rows, found.width, -1)
        return made

    return forward


def _attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, packed: Any = None, **more: Any
) -> tuple[Any, None]:
    """Attention of the rows as they are, from and to packed states, each shaped (1, heads, states, size)."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if packed is None:
        out, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **more)
        return out, None
    spread, pick = _functions()
    rows, at = packed

    def unpack(states: Any) -> Any:
        _, heads, n, size = states.shape
        flat = states.transpose(1, 2).reshape(n, heads * size)
        made = spread.apply(flat, at["state"], at["first"], at["again"], at["again_state"])
        return made.view(rows, -1, heads, size).transpose(1, 2)

    # Padding is at the right, where causal attention does not look: no mask is needed.
    out, _ = sdpa_attention_forward(module, unpack(query), unpack(key), unpack(value), None, **more)
    heads, size = out.shape[-2:]
    return pick.apply(out.reshape(-1, heads * size), at["first"]).view(1, -1, heads, size), None


def _same(backbone: Any, original: Any) -> bool:
    """Whether packed states are those of the rows, on two short rows that begin alike and end apart."""
    import torch

    ids = torch.arange(24).reshape(2, 12) % 11 + 1
    ids[1, :5] = ids[0, :5]
    mask = torch.ones_like(ids)
    mask[1, 9:] = 0
    with torch.no_grad():
        try:
            made = backbone(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        except (TypeError, ValueError, RuntimeError):  # an architecture that cannot be called so
            return False
        expected = original(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
    real = mask.bool()
    apart = (made - expected)[real].abs().max() / expected[real].abs().max()
    return bool(apart < _TOLERANCE.get(str(made.dtype).rpartition(".")[2], 0.0))


_made: list[Any] = []


def _functions() -> tuple[Any, Any]:
    """From states to places and from places to states, with gradients that leave padding out."""
    if _made:
        return _made[0], _made[1]
    import torch

    class Spread(torch.autograd.Function):  # type: ignore[misc]  # torch is not typed
        @staticmethod
        def forward(ctx: Any, states: Any, state: Any, first: Any, again: Any, again_state: Any) -> Any:
            ctx.save_for_backward(first, again, again_state)
            return states.index_select(0, state)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            first, again, again_state = ctx.saved_tensors
            made = grads[0].index_select(0, first)
            made.index_add_(0, again_state, grads[0].index_select(0, again))
            return made, None, None, None, None

    class Pick(torch.autograd.Function):  # type: ignore[misc]  # torch is not typed
        @staticmethod
        def forward(ctx: Any, placed: Any, first: Any) -> Any:
            ctx.save_for_backward(first)
            ctx.n = placed.shape[0]
            return placed.index_select(0, first)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            (first,) = ctx.saved_tensors
            made = grads[0].new_zeros(ctx.n, grads[0].shape[1])
            made[first] = grads[0]
            return made, None

    _made.extend((Spread, Pick))
    return Spread, Pick
