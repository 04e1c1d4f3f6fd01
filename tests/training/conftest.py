"""Settings that torch reads once, before any test of this folder imports it."""

from __future__ import annotations

import os

# The same as `models.require_train` sets for users: without it these tests take minutes on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
