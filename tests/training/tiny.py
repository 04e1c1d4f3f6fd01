"""A tiny model of random weights with a real tokenizer, and runs that work inside the test's own process.

It can learn nothing worth knowing; what it shows is that files, steps, order and errors are right, in a second.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from workbench.training import jobs, models, processes, runfiles, runs
from workbench.training import work as process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from workbench.training.settings import RunSettings


def make(folder: Path) -> Path:
    """Save a two-layer model of the embedded model's shape, some 3 million parameters, in float32."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(models.resolve().path)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def prepared(
    kind: Any,
    rows: Sequence[Mapping[str, Any]],
    config: RunSettings,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    **more: Any,
) -> runs.Run:
    """A run folder whose process is not started."""
    with monkeypatch.context() as patched:
        patched.setattr(processes, "launch", lambda run_dir, *_: None)
        return jobs.start(kind, rows, config, folder, **more)


def work(run: runs.Run) -> runs.Run:
    """Do a run's work here, as its process would, and mark it done; errors come through."""
    reporter = runfiles.Reporter(run.path)
    try:
        process.work(run.path, reporter)
    except BaseException as error:
        with contextlib.suppress(OSError):
            reporter.end("failed", str(error))
        raise
    reporter.end("done")
    return run
