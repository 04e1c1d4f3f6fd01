"""Log-probabilities of answers under a frozen head, on a CPU, in two products instead of three.

The gradient of log p(y) with respect to the state h that predicts y is W[y] - sum_v p(v) W[v], and sum_v p(v) W[v] is
what attention computes with h as query and the head W as keys and values. torch's attention for CPUs does that block by
block, without ever holding the logits, and gives log sum_v exp(h W[v]) beside it. So both come from one pass, and the
backward pass has nothing left to multiply.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_KNOWN = frozenset({"log_probs", "entropy", "mean_logits", "is_top1"})
_ROWS = 128  # states at once where no gradient is asked for: 25 MB of logits of 49,152 tokens


@contextmanager
def quick_head() -> Iterator[None]:
    """Let TRL score answers this way wherever the head is frozen, plain and in float32 on a CPU.

    `is_top1`, which TRL logs as `mean_token_accuracy`, is not computed and false everywhere.
    """
    from trl.trainer import utils

    before = utils._ChunkedLogProbFunction
    utils._ChunkedLogProbFunction = _chosen(before)
    try:
        yield
    finally:
        utils._ChunkedLogProbFunction = before


def _chosen(theirs: Any) -> Any:
    """TRL's function, or ours where it gives the same."""
    import torch

    ours = _function()

    class Chosen:
        @staticmethod
        def apply(
            hidden: Any,
            weight: Any,
            bias: Any,
            targets: Any,
            temperature: float,
            chunk: int,
            softcap: float | None,
            scale: float,
            outputs: tuple[str, ...],
        ) -> Any:
            plain = bias is None and softcap is None and temperature == 1 == scale and set(outputs) <= _KNOWN
            exact = hidden.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled(hidden.device.type)
            if not (plain and exact and hidden.device.type == "cpu" and len(hidden)) or weight.requires_grad:
                return theirs.apply(hidden, weight, bias, targets, temperature, chunk, softcap, scale, outputs)
            trains = torch.is_grad_enabled() and hidden.requires_grad
            log_probs, entropy = ours.apply(hidden, weight, targets, trains)
            with torch.no_grad():
                mean = hidden.detach() @ weight.mean(0) if "mean_logits" in outputs else None
            top = torch.zeros_like(targets, dtype=torch.bool) if "is_top1" in outputs else None
            return log_probs, entropy if "entropy" in outputs else None, None, mean, top

    return Chosen


_made: list[Any] = []


def _function() -> Any:
    """Log-probability of each target and entropy of each distribution (without gradient), in nats."""
    if _made:
        return _made[0]
    import torch

    class LogProbs(torch.autograd.Function):  # type: ignore[misc]  # torch is not typed
        @staticmethod
        def forward(ctx: Any, hidden: Any, weight: Any, targets: Any, trains: bool) -> Any:
            rows = weight.index_select(0, targets)
            chosen = (hidden * rows).sum(-1)
            if not trains:
                log_z = torch.cat([(part @ weight.t()).logsumexp(-1) for part in hidden.split(_ROWS)])
                entropy = torch.full_like(log_z, torch.nan)
            else:
                head = weight[None, None]
                expected, log_z = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                    hidden[None, None], head, head, 0.0, False, scale=1.0
                )
                expected, log_z = expected[0, 0], log_z.reshape(-1)
                entropy = log_z - (hidden * expected).sum(-1)
                ctx.save_for_backward(rows.sub_(expected))
            ctx.mark_non_differentiable(entropy)
            return chosen - log_z, entropy

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            (step,) = ctx.saved_tensors
            return step * grads[0][:, None], None, None, None

    _made.append(LogProbs)
    return LogProbs
