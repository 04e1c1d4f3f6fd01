"""Settings that torch reads once, before any test of this folder imports it."""

from __future__ import annotations

import os

import pytest

from workbench.training import models

# The same as `models.require_train` sets for users: without it these tests take minutes on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers are compared closely: models compute in float32 in this process, whatever the CPU multiplies best."""
    monkeypatch.setattr(models, "best_dtype", lambda *_: "float32")
