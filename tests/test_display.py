"""No notebook, example or module shows text in a way that would run it.

Ruff bans the calls it can see (pyproject.toml); this looks where ruff does not: into notebooks, documentation and
chained calls.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNSAFE = re.compile(
    r"\bdisplay\(\s*(?:HTML|Markdown|Javascript|SVG)\b|\b(?:widgets|ipywidgets)\.(?:HTML|HTMLMath)\b|\.style\b(?=\.|\s*\()"
    r"|escape\s*=\s*False|%%(?:html|javascript|js|svg|markdown)|display_(?:html|markdown|javascript|svg)\("
    r"|import[^\n]*\b(?:HTML|HTMLMath|Javascript)\b"
)


def sources() -> list[tuple[str, str]]:
    """Every piece of Python that ships or is shown: modules, notebooks' cells, code blocks of the documentation."""
    found = [(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in (ROOT / "workbench").rglob("*.py")]
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        found.append((path.name, code))
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        blocks = re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
        found += [(path.name, block) for block in blocks]
    return found


@pytest.mark.parametrize(("name", "text"), sources(), ids=lambda value: value if len(value) < 60 else "")
def test_nothing_shows_text_as_live_html(name: str, text: str) -> None:
    found = UNSAFE.findall(text)
    assert not found, f"{name}: {found}"


@pytest.mark.parametrize(
    "line",
    [
        "display(HTML(text))",
        "ipywidgets.HTML(text)",
        "df.style.format(x)",
        "df.to_html(escape=False)",
        "from IPython.display import HTML",
        "%%html",
    ],
)
def test_what_is_unsafe_is_found(line: str) -> None:
    assert UNSAFE.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "from IPython.display import HTML\nHTML('x')\n",
        "import ipywidgets\nipywidgets.HTML('x')\n",
        "from IPython import display\ndisplay.Markdown('x')\n",
    ],
)
def test_ruff_bans_it_too(line: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", "workbench/x.py", "-"]
    done = subprocess.run(command, input=line, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "TID251" in done.stdout
