"""The scripts a page loads, all from this machine: Voilà's, two extensions of JupyterLab, and one of ours.

They are listed once and served from memory, so an address either names one of them or nothing. Their addresses hold a
hash of the versions, and browsers keep them for good.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import ServeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What connects widgets to their kernel, and what the labelling widget is made with. `static/base.js` adds the rest.
EXTENSIONS = ("@voila-dashboards/widgets-manager8", "anywidget")
OWN_EXTENSION = {"name": "workbench", "load": "static/base.js", "extension": "./extension"}
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
OWN = {
    "page.js": Path(__file__).parent / "static" / "page.js",
    "mathjax.js": Path(__file__).parent / "static" / "mathjax.js",
    "lab/workbench/static/base.js": Path(__file__).parent / "static" / "base.js",
}


@dataclass(frozen=True)
class File:
    """A file as it is sent, plain and packed."""

    path: Path
    content_type: str

    @cached_property
    def plain(self) -> bytes:
        """Its bytes."""
        return self.path.read_bytes()

    @cached_property
    def packed(self) -> bytes:
        """Its bytes, compressed by gzip."""
        return gzip.compress(self.plain, compresslevel=6, mtime=0)


class Files:
    """All files by address. `version` is part of every address."""

    def __init__(self, scripts: Path, extensions: Mapping[str, Path]) -> None:
        found: dict[str, Path] = {f"voila/{path.name}": path for path in _files(scripts)}
        for name, folder in extensions.items():
            found |= {f"lab/{name}/static/{path.name}": path for path in _files(folder / "static")}
        found |= OWN
        known = hashlib.sha256()
        for address, path in sorted(found.items()):
            known.update(f"{address} {path.stat().st_size}\n".encode())
        for path in OWN.values():
            known.update(path.read_bytes())
        for folder in extensions.values():
            known.update((folder / "package.json").read_bytes())
        self.version = known.hexdigest()[:16]
        self._files = {address: File(path, TYPES[path.suffix]) for address, path in found.items()}

    def get(self, address: str) -> File | None:
        """The file at an address below `version`."""
        return self._files.get(address)

    def pack(self) -> None:
        """Compress all files, so that the first page does not wait for it. May run in a thread of its own."""
        for file in self._files.values():
            _ = file.packed

    def __len__(self) -> int:
        return len(self._files)


def find_files(voila_static: Iterable[str], labextensions: Iterable[str]) -> Files:
    """The files of the installed Voilà and extensions.

    Raises
    ------
    ServeError
        When one of them is not where such files are installed.
    """
    scripts = next((Path(one) for one in voila_static if (Path(one) / "voila.js").is_file()), None)
    roots = [Path(one) for one in labextensions]
    extensions: dict[str, Path] = {}
    for name in EXTENSIONS:
        folder = next((root / name for root in roots if (root / name / "package.json").is_file()), None)
        if folder is not None:
            extensions[name] = folder
    missing = [name for name in EXTENSIONS if name not in extensions] + ([] if scripts else ["voila.js"])
    if scripts is None or missing:
        raise ServeError(
            f"parts of Voilà are not installed: {', '.join(missing)}",
            next_step="pip install --force-reinstall --no-deps voila anywidget",
        )
    return Files(scripts, extensions)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.iterdir()) if path.suffix in TYPES and path.is_file())
