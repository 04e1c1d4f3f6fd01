"""Candidates with a stub model: resuming, seeds, mixing, replacing, and what is recorded."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from workbench.errors import TrainingError
from workbench.records import Prompt
from workbench.training import candidates, models, sampling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROMPTS = [Prompt(id=f"p{i}", prompt="word " * (i + 1), category="c") for i in range(5)]


class Stub:
    """Answers with the seed, so a test sees which random stream an answer came from; can die before a batch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sha256: str = "a" * 64) -> None:
        self.batches: list[list[sampling.Draw]] = []
        self.die_at: int | None = None
        self.loads = 0
        monkeypatch.setattr(models, "resolve", lambda name: models.ModelRef(id=name, path="unused", sha256=sha256))
        monkeypatch.setattr(models, "load", self._load)
        monkeypatch.setattr(
            sampling, "chat_tokens", lambda tokenizer, text, *, system="": tuple(range(len(f"{system} {text}".split())))
        )
        monkeypatch.setattr(sampling, "check_length", lambda *_: None)
        monkeypatch.setattr(sampling, "sample", self._sample)

    def _load(self, ref: models.ModelRef) -> tuple[None, None]:
        self.loads += 1
        return None, None

    def _sample(
        self, model: Any, tokenizer: Any, draws: Sequence[sampling.Draw], *, top_p: float, max_new_tokens: int
    ) -> list[sampling.Drawn]:
        if self.die_at == len(self.batches):
            raise KeyboardInterrupt
        self.batches.append(list(draws))
        return [sampling.Drawn(f"answer {draw.seed} at {draw.temperature}", 5, "stop") for draw in draws]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    return Stub(monkeypatch)


def test_every_answer_records_where_it_came_from(stub: Stub) -> None:
    found = candidates.generate(PROMPTS, n=3, temperatures=(0.5, 1.0), max_new_tokens=64, seed=7)
    assert [one.prompt_id for one in found] == [prompt.id for prompt in PROMPTS for _ in range(3)]
    first = found[0].response
    assert first.model_sha256 == "a" * 64
    assert first.params == {
        "finish": "stop",
        "max_new_tokens": 64,
        "n_tokens": 5,
        "run_seed": 7,
        "temperature": 0.5,
        "top_p": 0.95,
    }
    assert [one.response.params["temperature"] for one in found[:3]] == [0.5, 1.0, 0.5]
    seeds = [one.response.seed for one in found]
    assert len(set(seeds)) == len(seeds)


def test_batches_hold_prompts_of_like_length_longest_first(stub: Stub) -> None:
    candidates.generate(PROMPTS, n=2, batch_size=4)
    assert [[len(draw.prompt) for draw in batch] for batch in stub.batches] == [[5, 5, 4, 4], [3, 3, 2, 2], [1, 1]]


def test_a_killed_job_continues_without_repeating_and_ends_as_if_never_killed(stub: Stub, tmp_path: Path) -> None:
    whole = candidates.generate(PROMPTS, n=2, batch_size=4)
    path = tmp_path / "out" / "answers.jsonl"
    stub.batches.clear()
    stub.die_at = 2
    with pytest.raises(KeyboardInterrupt):
        candidates.generate(PROMPTS, n=2, batch_size=4, path=path)
    assert len(path.read_text().splitlines()) == 8
    with path.open("a") as handle:
        handle.write('{"prompt_id": "p0", "resp')  # killed in the middle of a line
    stub.batches.clear()
    stub.die_at = None
    assert candidates.generate(PROMPTS, n=2, batch_size=4, path=path) == whole
    assert [len(batch) for batch in stub.batches] == [2]
    lines = path.read_text().splitlines()
    assert len(lines) == 10
    assert len(set(lines)) == 10


def test_a_finished_file_is_read_without_loading_a_model(stub: Stub, tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    first = candidates.generate(PROMPTS, n=2, path=path)
    assert stub.loads == 1
    assert candidates.generate(PROMPTS, n=2, path=path) == first
    assert stub.loads == 1


def test_another_seed_prompt_text_or_model_is_not_taken_for_finished(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "answers.jsonl"
    candidates.generate(PROMPTS, n=1, path=path)
    candidates.generate(PROMPTS, n=1, path=path, seed=1)
    assert sum(map(len, stub.batches)) == 10
    edited = [PROMPTS[0].model_copy(update={"prompt": "another text"}), *PROMPTS[1:]]
    candidates.generate(edited, n=1, path=path)
    assert len(path.read_text().splitlines()) == 11
    Stub(monkeypatch, sha256="b" * 64)
    mixed = candidates.generate(PROMPTS, n=1, path=path)
    assert {one.response.model_sha256 for one in mixed} == {"b" * 64}
    assert len(path.read_text().splitlines()) == 16


def test_a_file_of_something_else_is_refused_and_left_alone(stub: Stub, tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_text('{"note": "mine"}\n')
    with pytest.raises(TrainingError, match=r"not a candidate.*notes\.jsonl:1"):
        candidates.generate(PROMPTS, n=1, path=path)
    assert json.loads(path.read_text()) == {"note": "mine"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n": 0}, "n must be 1 to 8, got 0"),
        ({"n": 9}, "n must be 1 to 8, got 9"),
        ({"temperatures": ()}, "temperatures must be"),
        ({"temperatures": (0.5, math.nan)}, "temperatures must be"),
        ({"top_p": 0}, r"top_p must be in \(0, 1\]"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
        ({"batch_size": 0}, "batch_size must be"),
    ],
)
def test_settings_out_of_range_are_refused(stub: Stub, change: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        candidates.generate(PROMPTS, **change)
    assert stub.loads == 0


def test_repeated_prompt_ids_are_refused(stub: Stub) -> None:
    with pytest.raises(TrainingError, match=r"prompt ids repeat: \['p0'\]"):
        candidates.generate([PROMPTS[0], PROMPTS[0]])
