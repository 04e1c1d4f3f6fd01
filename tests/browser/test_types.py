"""The widgets' JavaScript is type-checked: its JSDoc types are claims, and tsc holds them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.browser.node import ROOT, node

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ROOT / "workbench" / "widgets" / "js"

pytestmark = pytest.mark.browser


@pytest.fixture
def tsc(npm_packages: Path) -> list[str]:
    """The command that runs the TypeScript compiler."""
    return [*node(), str(npm_packages / "typescript" / "bin" / "tsc")]


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


def test_the_bundles_are_what_the_sources_make(npm_packages: Path, tmp_path: Path) -> None:
    build = [*node(), str(SOURCES / "build.mjs"), str(tmp_path)]
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
