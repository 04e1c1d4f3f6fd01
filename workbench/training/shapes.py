"""A model's shape and tokenizer, and the machine's memory, read from files without loading torch."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from workbench.training import models

_PARTS = ("q", "k", "v", "o", "gate", "up", "down")


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder. `adapted` is inputs plus outputs over all linear layers that LoRA adapts: weights a rank."""

    parameters: int
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    adapted: int


# SmolLM2-135M, known before it is converted.
_EMBEDDED = Shape(134_515_008, 30, 576, 1536, 49_152, 30 * (2 * (576 + 576) + 2 * (576 + 192) + 3 * (576 + 1536)))


@dataclass(frozen=True)
class Texts:
    """A tokenizer. `around` is the tokens that the chat template puts around a prompt and its answer."""

    tokenizer: Any
    around: int

    def count(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""
        return [len(one.ids) for one in self.tokenizer.encode_batch(texts, add_special_tokens=False)]


def folder(model: str) -> Path | None:
    """Where the files of this model lie on this machine, or None; nothing is converted or fetched."""
    if model == models.EMBEDDED:
        converted = sorted(models.cache_dir().glob(f"{models.EMBEDDED}-*/conversion.json"))
        return converted[-1].parent if converted else None
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(model, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def shape(model: str) -> Shape | None:
    """The shape of this model, or None where it is not known here."""
    path = folder(model)
    found = read(path) if path else None
    return found or (_EMBEDDED if model == models.EMBEDDED else None)


def read(path: Path) -> Shape | None:
    """The shape of the model in a folder, or None where its files do not say."""
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        config = config.get("text_config", config)
        hidden, layers = int(config["hidden_size"]), int(config["num_hidden_layers"])
        inner, words = int(config["intermediate_size"]), int(config["vocab_size"])
        heads = int(config["num_attention_heads"])
        head = int(config.get("head_dim") or hidden // heads)
        keys = int(config.get("num_key_value_heads") or heads) * head
    except (OSError, ValueError, KeyError, TypeError):
        return None
    queries = heads * head
    sizes = {"q": hidden + queries, "k": hidden + keys, "v": hidden + keys, "o": queries + hidden}
    sizes |= {"gate": hidden + inner, "up": hidden + inner, "down": inner + hidden}
    a_layer = hidden * (2 * queries + 2 * keys + 3 * inner + 2)
    computed = layers * a_layer + hidden + words * hidden * (1 if config.get("tie_word_embeddings", True) else 2)
    return Shape(_parameters(path) or computed, layers, hidden, inner, words, layers * sum(sizes[p] for p in _PARTS))


def texts(path: Path) -> Texts | None:
    """The tokenizer in a folder, or None where it has none in the common format."""
    file = path / "tokenizer.json"
    if not file.is_file():
        return None
    return _texts(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _texts(file: Path, _: int) -> Texts | None:
    try:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(file))
    except Exception:  # noqa: BLE001 - the Rust side raises plain Exception for a file it cannot read
        return None
    tokenizer.no_truncation()
    return Texts(tokenizer, _around(file.parent, tokenizer))


def _around(path: Path, tokenizer: Any) -> int:
    """Tokens that the chat template adds to a prompt and its answer; 0 where it cannot be rendered."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    talk = [{"role": "user", "content": "red"}, {"role": "assistant", "content": "blue"}]
    try:
        settings = json.loads((path / "tokenizer_config.json").read_text(encoding="utf-8"))
        template = path / "chat_template.jinja"
        source = template.read_text(encoding="utf-8") if template.is_file() else settings["chat_template"]
        special = {name: _text(settings.get(name)) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        text = environment.from_string(source).render(messages=talk, add_generation_prompt=False, **special)
    except Exception:  # noqa: BLE001 - a template is somebody's program, and any of it may fail
        return 0
    whole, *parts = tokenizer.encode_batch([text, "red", "blue"], add_special_tokens=False)
    return len(whole.ids) - sum(len(part.ids) for part in parts)


def _text(token: Any) -> str:
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _parameters(path: Path) -> int:
    """Numbers in the folder's weight files, from their headers; 0 where there are none that can be read."""
    total = 0
    for file in path.glob("*.safetensors"):
        try:
            with file.open("rb") as handle:
                (length,) = struct.unpack("<Q", handle.read(8))
                header = json.loads(handle.read(min(length, 100_000_000)))
            for name, tensor in header.items():
                if name != "__metadata__":
                    size = 1
                    for side in tensor["shape"]:
                        size *= int(side)
                    total += size
        except (OSError, ValueError, KeyError, TypeError, struct.error):
            return 0
    return total


def memory_mb() -> float | None:
    """Memory of this machine, or of the container it is, in megabytes; None where it is not told."""
    told = []
    for file, factor in (("/proc/meminfo", 1e3), ("/sys/fs/cgroup/memory.max", 1e-6)):
        try:
            word = Path(file).read_text(encoding="ascii").split()
            told.append(int(word[1]) / factor if file.endswith("meminfo") else int(word[0]) * factor)
        except (OSError, ValueError, IndexError):
            continue
    return min(told) if told else None


def gpu() -> tuple[str, float] | None:
    """Name and megabytes of the first NVIDIA GPU, as its own tool says; None without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - the driver's own tool, fixed words
            [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        name, size = asked.stdout.splitlines()[0].rsplit(",", 1)
        return name.strip(), float(size) * 1.048576
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
