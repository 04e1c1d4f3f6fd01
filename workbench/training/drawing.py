"""Draw answers batch by batch and keep each in a file as soon as it is there.

The file has one JSON line an answer. A killed job loses at most a batch, and a second one draws only what is missing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench import progress as bars
from workbench.errors import TrainingError
from workbench.records import Id, Prompt, Record, Response, content_id
from workbench.training import sampling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workbench.training.speakers import Speaker


class Generated(Record):
    """One answer to one prompt.

    `response.params` holds the sampling parameters (`temperature`, `top_p`, `max_new_tokens`, `run_seed`), `n_tokens`,
    and `finish`: `stop` when the model ended the answer itself, `length` when it was cut at `max_new_tokens`. Where
    they apply also `system` (the system prompt), `adapter_sha256`, and `draw` (1, 2 … for a fresh draw in the place of
    a near-duplicate). `candidates.generate` adds `tries` (draws of this answer in all, where there were several) and,
    when it mixes, `variant` (model, temperature and system prompt in short).
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
    adapter_sha256: str


@dataclass(frozen=True)
class Ask:
    """One answer to draw: who answers what, how, and with which random stream; `draw` counts fresh draws."""

    prompt: Prompt
    speaker: Speaker
    temperature: float
    system: str
    seed: int
    draw: int = 0

    @property
    def key(self) -> Key:
        """What the answer is found by."""
        speaker = self.speaker
        return Key(self.prompt.id, self.seed, self.temperature, self.system, speaker.sha256, speaker.adapter_sha256)


@dataclass(frozen=True)
class Settings:
    """What holds for all answers of a job."""

    top_p: float
    max_new_tokens: int
    run_seed: int
    batch_size: int

    @property
    def recorded(self) -> dict[str, float]:
        """Those that every answer records, because its text depends on them."""
        return {"top_p": self.top_p, "max_new_tokens": self.max_new_tokens, "run_seed": self.run_seed}


class Drawer:
    """The answers that are there, and the one loaded model that draws what is missing."""

    def __init__(self, settings: Settings, path: Path | None = None, *, progress: bool = True) -> None:
        self._settings, self._path, self._progress = settings, path, progress
        self._found = read(path, settings) if path else {}
        self._loaded: tuple[Speaker, Any, Any] | None = None

    def __getitem__(self, ask: Ask) -> Generated:
        """The answer, after `fill`."""
        return self._found[ask.key]

    def fill(self, asks: Sequence[Ask], what: str) -> None:
        """Draw what is missing of these, model by model.

        Raises
        ------
        TrainingError
            When a prompt does not fit the model, the memory or the disk is full, or a model cannot be loaded.
        """
        missing = [ask for ask in asks if ask.key not in self._found]
        speakers = sorted(
            dict.fromkeys(ask.speaker for ask in missing),
            # One that is still loaded from the last round goes first.
            key=lambda speaker: self._loaded is None or self._loaded[0] != speaker,
        )
        with bars.bar(what, len(missing), "answer") if self._progress else bars.silent() as shown:
            for speaker in speakers:
                # All that it was to say and not only what is missing, so that batches stay what they were.
                for new in self._draw(speaker, [ask for ask in asks if ask.speaker == speaker]):
                    shown.update(new)

    def _draw(self, speaker: Speaker, asks: Sequence[Ask]) -> Iterator[int]:
        """Draw, keep and record batch by batch; gives the number of new answers in each."""
        model, tokenizer = self._load(speaker)
        settings = self._settings
        tokens: dict[tuple[str, str], tuple[int, ...]] = {}
        for ask in asks:
            chat = ask.prompt.id, ask.system
            if chat not in tokens:
                tokens[chat] = sampling.chat_tokens(tokenizer, ask.prompt.prompt, system=ask.system)
                sampling.check_length(tokens[chat], settings.max_new_tokens, model, f"prompt {ask.prompt.id}")
        # Longest first: a batch that does not fit the memory fails at once, and time left is never too hopeful.
        ordered = sorted(asks, key=lambda ask: -len(tokens[ask.prompt.id, ask.system]))
        # The batches are those of the whole job, finished or not, so a resumed job computes what it would have.
        for start in range(0, len(ordered), settings.batch_size):
            batch = ordered[start : start + settings.batch_size]
            missing = [number for number, ask in enumerate(batch) if ask.key not in self._found]
            if not missing:
                continue
            draws = [sampling.Draw(tokens[ask.prompt.id, ask.system], ask.temperature, ask.seed) for ask in batch]
            try:
                said = sampling.sample(
                    model, tokenizer, draws, top_p=settings.top_p, max_new_tokens=settings.max_new_tokens
                )
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error):
                    raise
                raise TrainingError(
                    f"out of memory with {len(batch)} answers of up to {settings.max_new_tokens} tokens at once",
                    where=speaker.name,
                    next_step="lower batch_size; what was drawn so far is kept where a path was given",
                ) from error
            new = [self._record(batch[number], said[number]) for number in missing]
            if self._path:
                append(self._path, new)
            self._found |= {batch[number].key: one for number, one in zip(missing, new, strict=True)}
            yield len(new)

    def _load(self, speaker: Speaker) -> tuple[Any, Any]:
        if self._loaded is None or self._loaded[0] != speaker:
            self._loaded = None  # let go of the last model before the next one takes memory
            self._loaded = (speaker, *speaker.load())
        return self._loaded[1:]

    def _record(self, ask: Ask, one: sampling.Drawn) -> Generated:
        speaker = ask.speaker
        weights = [speaker.sha256, *([speaker.adapter_sha256] if speaker.adapter_sha256 else [])]
        params: dict[str, Any] = {
            **self._settings.recorded,
            "temperature": ask.temperature,
            "n_tokens": one.n_tokens,
            "finish": one.finish,
            **({"system": ask.system} if ask.system else {}),
            **({"adapter_sha256": speaker.adapter_sha256} if speaker.adapter_sha256 else {}),
            **({"draw": ask.draw} if ask.draw else {}),
        }
        response = Response(
            id=content_id("r", ask.prompt.id, one.text, *weights),
            text=one.text,
            model=speaker.name,
            model_sha256=speaker.sha256,
            params=params,
            seed=ask.seed,
        )
        return Generated(prompt_id=ask.prompt.id, response=response)


def read(path: Path, settings: Settings) -> dict[Key, Generated]:
    """Answers in the file that were drawn with these settings; a last line cut off by a kill is removed from it.

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
        key = _key_of(one)
        if key and all(one.response.params.get(name) == value for name, value in settings.recorded.items()):
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
        raise TrainingError(
            f"cannot write the answers: {error.strerror}",
            where=str(path),
            next_step="make room and call again: it continues from what is there",
        ) from error


def _key_of(one: Generated) -> Key | None:
    """The key of an answer, or None when it does not say how it was drawn."""
    params = one.response.params
    temperature, system, adapter = (
        params.get("temperature"),
        params.get("system", ""),
        params.get("adapter_sha256", ""),
    )
    # True is a number to Python, but no temperature.
    if isinstance(temperature, bool) or not isinstance(temperature, int | float):
        return None
    if not isinstance(system, str) or not isinstance(adapter, str):
        return None
    weights = one.response.model_sha256 or ""
    return Key(one.prompt_id, one.response.seed or 0, float(temperature), system, weights, adapter)


def _out_of_memory(error: BaseException) -> bool:
    # torch has a class of its own for the GPU only; on a CPU it is a RuntimeError like any other.
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
