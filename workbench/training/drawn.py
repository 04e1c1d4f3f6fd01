"""Answers in a file: one JSON line an answer, appended batch by batch, so a killed job loses at most a batch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from workbench.errors import TrainingError
from workbench.records import Id, Record, Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Generated(Record):
    """One answer to one prompt.

    `response.params` holds the sampling parameters (`temperature`, `top_p`, `max_new_tokens`, `run_seed`), `n_tokens`,
    and `finish`: `stop` when the model ended the answer itself, `length` when it was cut at `max_new_tokens`. Where
    they were used also `system` (the system prompt), `variant` (a short name of model, temperature and system prompt)
    and `draw` (1, 2 … for a fresh draw in the place of a near-duplicate).
    """

    prompt_id: Id
    response: Response


class Key(NamedTuple):
    """What makes an answer that is on file the one that is asked for."""

    prompt_id: str
    seed: int
    temperature: float
    system: str
    model_sha256: str


def key_of(one: Generated) -> Key | None:
    """The key of an answer, or None when it does not say how it was drawn."""
    params = one.response.params
    temperature, system = params.get("temperature"), params.get("system", "")
    # True is a number to Python, but no temperature.
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not isinstance(system, str):
        return None
    return Key(one.prompt_id, one.response.seed or 0, float(temperature), system, one.response.model_sha256 or "")


def read(path: Path, fixed: Mapping[str, float]) -> dict[Key, Generated]:
    """Answers in the file that were drawn with these parameters; a last line cut off by a kill is removed from it.

    Raises
    ------
    TrainingError
        When the file cannot be read, or holds something else; names the line.
    """
    try:
        if not path.exists():
            return {}
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            with path.open("r+b") as handle:
                handle.truncate(len(whole))
    except OSError as error:
        raise TrainingError(f"cannot read the answers: {error.strerror}", where=str(path)) from error
    found = {}
    # Not splitlines(): a text may hold separators that are line ends to Python and not to JSON.
    for number, line in enumerate(whole.decode("utf-8", errors="replace").split("\n")[:-1], start=1):
        try:
            one = Generated.parse(json.loads(line))
        except (ValueError, TypeError, RecursionError) as error:
            raise TrainingError(
                f"not a candidate: {str(error)[:200]}", where=f"{path}:{number}", next_step="give another path"
            ) from error
        key = key_of(one)
        if key and all(one.response.params.get(name) == value for name, value in fixed.items()):
            found[key] = one
    return found


def append(path: Path, new: Sequence[Generated]) -> None:
    """Write answers at the end of the file, one a line.

    Raises
    ------
    TrainingError
        When the file cannot be written, for example because the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as handle:
            handle.write("".join(one.canonical() + "\n" for one in new))
    except OSError as error:
        raise TrainingError(f"cannot write the answers: {error.strerror}", where=str(path)) from error
