"""The dependency rule of docs/architecture.md, held by walking every module's imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "workbench"

BASE = {"errors", "records", "tables", "tasks"}
ISLANDS = {
    "store",
    "guidelines",
    "design",
    "verifiers",
    "importers",
    "exporters",
    "stats",
    "economics",
    "widgets",
    "training",
    "platforms",
}
# room -> rooms it may import. `safe_html` and `progress` are leaves that rooms which show things share.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "records": {"errors"},
    "tables": {"errors", "records"},
    "tasks": {"errors", "records", "tables"},
    "safe_html": {"errors"},
    "progress": set(),
    **{island: BASE | {"safe_html", "progress"} for island in ISLANDS},
    "figures": BASE | {"stats", "economics"},
    "report": BASE | ISLANDS | {"figures", "safe_html", "progress"},
    "pilot": BASE | ISLANDS | {"figures", "report", "safe_html", "progress"},
    "serve": BASE | {"store", "widgets", "training", "pilot", "safe_html"},
    "cli": BASE | ISLANDS | {"figures", "report", "pilot", "serve", "progress", "__init__"},
    "__init__": BASE | ISLANDS | {"figures", "report", "pilot"},
    "__main__": {"cli"},
}
HEAVY = {"torch", "trl", "transformers", "peft", "datasets", "accelerate"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Rooms that a module imports, at any depth of the module, TYPE_CHECKING blocks included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "workbench":
                found |= {alias.name for alias in node.names if alias.name != "__version__"}
            elif node.module and node.module.startswith("workbench."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("workbench.")}
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_each_module_imports_only_what_its_room_may(path: Path) -> None:
    own = room(path)
    assert own in ALLOWED, f"{own} is a new room: add it to docs/architecture.md and to ALLOWED"
    assert imports(path) - {own} <= ALLOWED[own]


def test_the_rule_itself_keeps_islands_apart() -> None:
    for island in ISLANDS:
        assert not ALLOWED[island] & ISLANDS


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_and_friends_are_imported_only_inside_functions_of_training(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    type_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if {name.split(".")[0] for name in names} & HEAVY and id(node) not in type_only:
            assert room(path) == "training", f"{path}: only training imports {names}"
            assert id(node) in inside, f"{path}: {names} at module level"


def test_importing_workbench_is_light() -> None:
    code = (
        "import sys, workbench; "
        "print([m for m in ('torch','trl','transformers','plotly','statsmodels','sqlalchemy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


def test_what_notebooks_name_is_there_in_a_fresh_kernel_and_light() -> None:
    names = ", ".join(f"wb.training.{name}" for name in ("candidates", "chat.endpoint", "dpo", "jobs.start", "models"))
    code = f"import sys, workbench as wb; {names}; print([m for m in {sorted(HEAVY)} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"
