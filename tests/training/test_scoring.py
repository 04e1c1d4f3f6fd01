"""The head in one pass: numbers worked by hand, and where TRL's own is kept."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

from workbench.training import scoring

pytestmark = pytest.mark.train
ALL = ("log_probs", "entropy", "mean_logits", "is_top1")


def score(hidden: Any, weight: Any, targets: Any, outputs: tuple[str, ...] = ALL, **more: Any) -> Any:
    from trl.trainer import utils

    given = {"bias": None, "temperature": 1.0, "chunk": 32768, "softcap": None, "scale": 1.0, **more}
    with scoring.quick_head():
        return utils._ChunkedLogProbFunction.apply(
            hidden,
            weight,
            given["bias"],
            targets,
            given["temperature"],
            given["chunk"],
            given["softcap"],
            given["scale"],
            outputs,
        )


def test_one_state_by_hand() -> None:
    import torch

    # logits ln 2, ln 3, 0: probabilities 2/6, 3/6, 1/6
    hidden = torch.tensor([[math.log(2), math.log(3)]], requires_grad=True)
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    log_probs, entropy, squares, mean, top = score(hidden, weight, torch.tensor([1]))
    assert log_probs.item() == pytest.approx(math.log(3 / 6), abs=1e-6)
    assert entropy.item() == pytest.approx(math.log(6) - 2 / 6 * math.log(2) - 3 / 6 * math.log(3), abs=1e-6)
    assert mean.item() == pytest.approx((math.log(2) + math.log(3)) / 3, abs=1e-6)
    assert squares is None
    assert top.tolist() == [False]
    (2 * log_probs).sum().backward()
    assert hidden.grad is not None
    assert hidden.grad.tolist() == [pytest.approx([2 * (0 - 2 / 6), 2 * (1 - 3 / 6)], abs=1e-6)]
    with torch.no_grad():
        log_probs, entropy, *_ = score(hidden, weight, torch.tensor([0]))
    assert log_probs.item() == pytest.approx(math.log(2 / 6), abs=1e-6)
    assert math.isnan(entropy.item())


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 2.0},
        {"softcap": 5.0},
        {"scale": 0.5},
        {"bias": True},
        {"trained": True},
        {"dtype": "bfloat16"},
        {"outputs": (*ALL, "log_sum_sq_probs")},
    ],
)
def test_any_other_head_is_left_to_trl(other: dict[str, Any]) -> None:
    import torch
    from trl.kernels import ChunkedLogProbFunction

    torch.manual_seed(0)
    dtype = getattr(torch, other.get("dtype", "float32"))
    hidden, weight = torch.randn(5, 8, dtype=dtype), torch.randn(11, 8, dtype=dtype)
    weight.requires_grad_(bool(other.get("trained")))
    targets = torch.arange(5)
    bias = torch.ones(11) if other.get("bias") else None
    outputs = other.get("outputs", ALL)
    more = {name: other[name] for name in ("temperature", "softcap", "scale") if name in other}
    found = score(hidden, weight, targets, outputs, bias=bias, **more)
    expected = ChunkedLogProbFunction.apply(
        hidden,
        weight,
        bias,
        targets,
        other.get("temperature", 1.0),
        32768,
        other.get("softcap"),
        other.get("scale", 1.0),
        outputs,
    )
    for one, theirs in zip(found, expected, strict=True):
        assert (one is None) == (theirs is None)
        assert one is None or torch.equal(one, theirs)
    assert not torch.isnan(found[1]).any()  # its entropy needs no gradient


def test_trl_still_asks_where_its_head_is_replaced() -> None:
    """`quick_head` leans on one name inside TRL, called once, with these arguments in this order."""
    from trl.kernels import ChunkedLogProbFunction
    from trl.trainer import utils

    assert utils._ChunkedLogProbFunction is ChunkedLogProbFunction
    assert inspect.getsource(utils).count("_ChunkedLogProbFunction.apply(") == 1
    assert list(inspect.signature(ChunkedLogProbFunction.forward).parameters)[1:] == [
        "hidden",
        "weight",
        "bias",
        "targets",
        "temperature",
        "chunk_size",
        "final_logit_softcapping",
        "logit_scale",
        "outputs",
    ]
    with scoring.quick_head():
        assert utils._ChunkedLogProbFunction is not ChunkedLogProbFunction
    assert utils._ChunkedLogProbFunction is ChunkedLogProbFunction
