"""Who answers: a model, or what a training run made of one.

A run is named by its folder, so the candidates of the next round come from the adapter of the last one. Its answers
carry the hashes of both the base and the adapter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from workbench.errors import TrainingError
from workbench.training import models, runfiles

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Speaker:
    """A model that can answer. `name` is what its answers are known by, `adapter` the folder of its LoRA weights.

    `sha256` is the hash of the base's weights, `adapter_sha256` that of the adapter's (empty without one).
    """

    name: str
    ref: models.ModelRef
    adapter: Path | None = None
    adapter_sha256: str = ""

    @property
    def sha256(self) -> str:
        """The hash of the weights, without the adapter's."""
        return self.ref.sha256

    def load(self) -> tuple[Any, Any]:
        """Model (in eval mode, on the best device) and tokenizer."""
        if self.adapter is None:
            return models.load(self.ref)
        from workbench.training.evaluate import load_adapter  # which imports the candidates

        model, tokenizer = load_adapter(self.adapter, self.ref.id)
        return model, tokenizer


def find(named: str | Sequence[str]) -> tuple[Speaker, ...]:
    """The speakers of these names, in their order.

    Parameters
    ----------
    named
        For each a name that `models.resolve` knows, the folder of a run that is done, or that of an adapter.

    Raises
    ------
    TrainingError
        When one is not there or cannot write (a reward model scores), or two are the same.
    """
    names = [named] if isinstance(named, str) else list(named)
    if not names:
        raise TrainingError("no model is named", next_step=f"name one, for example {models.EMBEDDED!r}")
    found = tuple(_find(name) for name in names)
    weights: dict[tuple[str, str], str] = {}
    for name, one in zip(names, found, strict=True):
        other = weights.setdefault((one.sha256, one.adapter_sha256), name)
        if other is not name or names.count(name) > 1:
            raise TrainingError(
                f"{name!r} and {other!r} are one model: their weights are the same", next_step="name each model once"
            )
    if len({one.name for one in found}) < len(found):
        raise TrainingError(
            f"two models go by one name: {sorted(one.name for one in found)}", next_step="rename one of the folders"
        )
    return found


def _find(name: str) -> Speaker:
    folder = Path(name).expanduser()
    if (folder / "status.json").is_file():
        return _of_run(folder)
    if (folder / "adapter_config.json").is_file():
        run = folder.resolve().parent
        if (run / "status.json").is_file():
            return _of_run(run)
        return _adapted(_base_of(folder), folder, folder.resolve().name)
    ref = models.resolve(name)
    return Speaker(ref.id, ref)


def _of_run(run: Path) -> Speaker:
    state = runfiles.read_status(run).state
    if state in ("queued", "running"):
        raise TrainingError(f"the run is {state}", where=str(run), next_step="wait until it is done, or cancel it")
    asked = runfiles.read_json(run / "config.json")
    if asked.get("kind") == "reward":
        raise TrainingError(
            "a reward model scores texts and writes none", where=str(run), next_step="name a run that trained a writer"
        )
    name = run.resolve().name
    settings = asked.get("config")
    base = str(settings.get("model", models.EMBEDDED)) if isinstance(settings, dict) else models.EMBEDDED
    if (run / "adapter" / "adapter_config.json").is_file():
        found = _adapted(base, run / "adapter", name)
        runfiles.check_base(run, base, found.sha256)
        return found
    if (run / "model").is_dir():
        ref = models.resolve(str(run / "model"))
        return Speaker(f"{base}+{name}", ref)
    raise TrainingError(f"the run is {state} and has no adapter", where=str(run), next_step="name a run that is done")


def _adapted(base: str, folder: Path, name: str) -> Speaker:
    kind = runfiles.read_json(folder / "adapter_config.json").get("task_type")
    if kind not in ("CAUSAL_LM", None):
        raise TrainingError(f"an adapter for {kind} writes no text", where=str(folder))
    weights = folder / "adapter_model.safetensors"
    try:
        with weights.open("rb") as handle:
            sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(f"cannot read the adapter: {error.strerror}", where=str(weights)) from error
    ref = models.resolve(base)
    return Speaker(f"{base}+{name}", ref, folder, sha256)


def _base_of(adapter: Path) -> str:
    """The base an adapter alone names: for the embedded model that is where it was converted, maybe elsewhere."""
    named = runfiles.read_json(adapter / "adapter_config.json").get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise TrainingError(
            "the adapter does not say which model it belongs to",
            where=str(adapter / "adapter_config.json"),
            next_step="give the folder of its run, or set base_model_name_or_path",
        )
    return models.EMBEDDED if PurePath(named).name.startswith(f"{models.EMBEDDED}-") else named
