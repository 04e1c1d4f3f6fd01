"""Candidates with a stub model: resuming, seeds, mixing, replacing, and what is recorded."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from jinja2 import TemplateError

from workbench import progress
from workbench.errors import TrainingError
from workbench.records import Prompt
from workbench.training import candidates, diversity, models, sampling, variants

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PROMPTS = [Prompt(id=f"p{i}", prompt="word " * (i + 1), category="c") for i in range(5)]


class Stub:
    """Answers with the seed, so a test sees which random stream an answer came from; can die before a batch.

    `said` makes the texts otherwise; a model's weights are told from its name.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sha256: str = "a" * 64) -> None:
        self.batches: list[list[sampling.Draw]] = []
        self.die_at: int | None = None
        self.loaded: list[str] = []
        self.said: Callable[[sampling.Draw], str] = lambda draw: f"answer {draw.seed} at {draw.temperature}"
        monkeypatch.setattr(models, "resolve", lambda name: models.ModelRef(id=name, path="unused", sha256=sha256))
        monkeypatch.setattr(models, "load", self._load)
        monkeypatch.setattr(sampling, "chat_tokens", self._chat_tokens)
        monkeypatch.setattr(sampling, "check_length", lambda *_: None)
        monkeypatch.setattr(sampling, "sample", self._sample)

    @property
    def loads(self) -> int:
        return len(self.loaded)

    def _load(self, ref: models.ModelRef) -> tuple[None, None]:
        self.loaded.append(ref.id)
        return None, None

    def _chat_tokens(self, tokenizer: Any, text: str, *, system: str = "") -> tuple[int, ...]:
        return tuple(range(len(f"{system} {text}".split())))

    def _sample(
        self, model: Any, tokenizer: Any, draws: Sequence[sampling.Draw], *, top_p: float, max_new_tokens: int
    ) -> list[sampling.Drawn]:
        if self.die_at == len(self.batches):
            raise KeyboardInterrupt
        self.batches.append(list(draws))
        return [sampling.Drawn(self.said(draw), 5, "stop") for draw in draws]


class Named(Stub):
    """The same, where every name is a model of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        monkeypatch.setattr(
            models,
            "resolve",
            lambda name: models.ModelRef(id=name, path="unused", sha256=hashlib.sha256(name.encode()).hexdigest()),
        )


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
        ({"max_overlap": 0}, r"max_overlap must be in \(0, 1\]"),
        ({"redraws": 21}, "redraws must be 0 to 20, got 21"),
        ({"redraws": -1}, "redraws must be 0 to 20, got -1"),
        ({"systems": ("Be brief.", "Be brief.")}, "a system prompt stands twice"),
        ({"systems": "Be brief."}, "systems are a list of texts"),
        ({"systems": ("Be brief.",), "temperatures": (0.5, 0.5)}, "a temperature stands twice"),
        ({"systems": [f"Say {k}." for k in range(33)]}, "66 combinations .* at most 64"),
        ({"model": ()}, "no model is named"),
    ],
)
def test_settings_out_of_range_are_refused(stub: Stub, change: dict[str, Any], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        candidates.generate(PROMPTS, **change)
    assert stub.loads == 0


def test_repeated_prompt_ids_are_refused(stub: Stub) -> None:
    with pytest.raises(TrainingError, match=r"prompt ids repeat: \['p0'\]"):
        candidates.generate([PROMPTS[0], PROMPTS[0]])


# ---- near-duplicates --------------------------------------------------------------------------------------------

ALIKE, OTHER, THIRD = "The cat sat on the mat.", "Quantum fields fluctuate.", "Bread needs flour and water."


def script(stub: Stub, prompt: Prompt, *answers: Sequence[str], seed: int = 0) -> None:
    """Answer k to the prompt says `answers[k]` draw after draw; everything else says its seed."""
    said = {
        candidates.answer_seed(seed, prompt, k, draw): text
        for k, texts in enumerate(answers)
        for draw, text in enumerate(texts)
    }
    before = stub.said
    stub.said = lambda draw: said.get(draw.seed) or before(draw)


def different_words(draw: sampling.Draw) -> str:
    return hashlib.sha256(str(draw.seed).encode()).hexdigest()


def test_an_answer_like_another_is_drawn_again_and_the_tries_are_counted(stub: Stub) -> None:
    stub.said = different_words
    script(stub, PROMPTS[0], [ALIKE], [ALIKE.upper(), ALIKE + "!", OTHER], [THIRD])
    found = candidates.generate(PROMPTS, n=3, temperatures=(1.0,), redraws=3)
    assert [one.response.text for one in found[:3]] == [ALIKE, OTHER, THIRD]
    second = found[1].response
    assert (second.params["draw"], second.params["tries"]) == (2, 3)
    assert second.seed == candidates.answer_seed(0, PROMPTS[0], 1, 2)
    for one in (found[0], *found[2:]):
        assert one.response.params.keys().isdisjoint({"draw", "tries"})
    # 15 answers, then the one again, twice.
    assert [len(batch) for batch in stub.batches] == [15, 1, 1]
    measured = diversity.of_batch(found)
    assert (measured.n_tried, measured.n_redraws, measured.n_replaced, measured.n_alike) == (1, 2, 1, 0)


def test_what_stays_alike_after_all_tries_is_kept_at_its_best_and_counted(stub: Stub) -> None:
    stub.said = different_words
    nearly = "The cat sat on the mat, too"  # less like the first than the same text is
    script(stub, PROMPTS[0], [ALIKE], [ALIKE, nearly, ALIKE])
    found = candidates.generate(PROMPTS[:1], n=2, redraws=2, max_overlap=0.5)
    assert found[1].response.text == nearly
    assert (found[1].response.params["draw"], found[1].response.params["tries"]) == (1, 3)
    measured = diversity.of_batch(found, limit=0.5)
    assert (measured.n_alike, measured.n_pairs, measured.n_redraws, measured.n_replaced) == (1, 1, 2, 1)


def test_without_redraws_near_duplicates_stay(stub: Stub) -> None:
    script(stub, PROMPTS[0], [ALIKE], [ALIKE, OTHER])
    found = candidates.generate(PROMPTS[:1], n=2, redraws=0)
    assert [one.response.text for one in found] == [ALIKE, ALIKE]
    assert len(stub.batches) == 1


def test_an_answer_at_temperature_0_stays_and_the_other_one_is_drawn_again(stub: Stub) -> None:
    script(stub, PROMPTS[0], [ALIKE, OTHER], [ALIKE, THIRD])
    found = candidates.generate(PROMPTS[:1], n=2, temperatures=(1.0, 0), redraws=1)
    assert [one.response.text for one in found] == [OTHER, ALIKE]
    found = candidates.generate(PROMPTS[:1], n=2, temperatures=(0,), redraws=3)
    assert [one.response.text for one in found] == [ALIKE, ALIKE]


def test_which_draw_stays_by_hand() -> None:
    # The first stands; the second's first draw repeats it, its other one does not; the third repeats the second.
    settled = candidates.settle([[ALIKE], [ALIKE, OTHER], [OTHER]], [1.0] * 3)
    assert settled == ((0, 1, 0), (2,))
    # What is certain comes first, so it is the other one that repeats it.
    assert candidates.settle([[ALIKE], [ALIKE]], [0.5, 0]) == ((0, 0), (0,))
    assert candidates.settle([[ALIKE], [ALIKE]], [0, 0]) == ((0, 0), ())
    # The warmer one is asked again, for it can differ.
    assert candidates.settle([[ALIKE], [ALIKE]], [1.0, 0.5]) == ((0, 0), (0,))
    assert candidates.settle([[ALIKE], [ALIKE]], [0.5, 1.0]) == ((0, 0), (1,))


def test_a_job_killed_while_it_draws_again_ends_as_if_never_killed(stub: Stub, tmp_path: Path) -> None:
    stub.said = different_words
    for prompt in PROMPTS[:3]:
        script(stub, prompt, [ALIKE], [ALIKE, ALIKE, OTHER], [ALIKE, ALIKE, ALIKE, THIRD])
    whole = candidates.generate(PROMPTS, n=3, batch_size=4)
    sizes = [len(batch) for batch in stub.batches]
    assert sizes == [4, 4, 4, 3, 4, 2, 4, 2, 3]  # 15 answers; of three prompts two again, two again, one again
    path = tmp_path / "answers.jsonl"
    for batches in range(len(sizes)):
        stub.batches.clear()
        stub.die_at = batches
        path.unlink(missing_ok=True)
        with pytest.raises(KeyboardInterrupt):
            candidates.generate(PROMPTS, n=3, batch_size=4, path=path)
        stub.batches.clear()
        stub.die_at = None
        assert candidates.generate(PROMPTS, n=3, batch_size=4, path=path) == whole
        assert [len(batch) for batch in stub.batches] == sizes[batches:]
        lines = path.read_text().splitlines()
        assert len(set(lines)) == len(lines) == sum(sizes)


# ---- mixing -----------------------------------------------------------------------------------------------------


def test_models_system_prompts_and_temperatures_are_balanced_over_prompts_and_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stub = Named(monkeypatch)
    prompts = [Prompt(id=f"q{i}", prompt=f"word {i}", category="ab"[i % 2]) for i in range(16)]
    found = candidates.generate(
        prompts, ["small", "org/large"], n=4, temperatures=(0.5, 1.0), systems=("", "Be brief."), redraws=0
    )
    # 2 models x 2 system prompts x 2 temperatures = 8 ways; 64 answers, so each 8 times, and twice at each place.
    assert set(Counter(one.response.params["variant"] for one in found).values()) == {8}
    for k in range(4):
        assert set(Counter(one.response.params["variant"] for one in found[k::4]).values()) == {2}
    for start in range(0, 64, 4):
        assert len({one.response.params["variant"] for one in found[start : start + 4]}) == 4
    # Each category has 8 prompts in a row, so every way once at each place.
    first = [one for one, prompt in zip(found[::4], prompts, strict=True) if prompt.category == "a"]
    assert set(Counter(one.response.params["variant"] for one in first).values()) == {1}
    for one in found:
        response = one.response
        assert response.model_sha256 == hashlib.sha256(response.model.encode()).hexdigest()
        assert response.params.get("system", "") in ("", "Be brief.")
    assert Counter(one.response.params.get("system") for one in found) == {None: 32, "Be brief.": 32}
    assert stub.loaded == ["small", "org/large"]
    names = {str(one.response.params["variant"]) for one in found}
    tail = hashlib.sha256(b"Be brief.").hexdigest()[:6]
    assert {"small t0.5", "org/large t1", f"small t1 s{tail}"} < names


def test_a_system_prompt_is_part_of_what_the_model_reads(stub: Stub) -> None:
    candidates.generate(PROMPTS[:1], n=1, systems=("one two three",), redraws=0)
    assert [len(draw.prompt) for draw in stub.batches[0]] == [4]  # three words and one


class Refusing:
    """A tokenizer whose template knows no system turn, as that of some models."""

    all_special_tokens: tuple[str, ...] = ()

    def get_added_vocab(self) -> dict[str, int]:
        return {"<turn>": 1}

    def apply_chat_template(self, turns: list[dict[str, str]], **_: object) -> dict[str, list[int]]:
        if turns[0]["role"] == "system":
            msg = "System role not supported"
            raise TemplateError(msg)
        return {"input_ids": [len(turn["content"]) for turn in turns]}


def test_a_template_that_refuses_system_prompts_says_what_to_do() -> None:
    with pytest.raises(TrainingError, match=r"System role not supported.*leave system prompts out"):
        sampling.chat_tokens(Refusing(), "Hello", system="Be brief.")
    assert sampling.chat_tokens(Refusing(), "<turn>") == (7,)  # broken up: no text opens a turn


def test_a_killed_mix_continues_with_the_model_it_was_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stub = Named(monkeypatch)
    settings: dict[str, Any] = {"n": 2, "batch_size": 2, "redraws": 0, "temperatures": (1.0,)}
    whole = candidates.generate(PROMPTS[:4], ["one", "other"], **settings)
    assert [len(batch) for batch in stub.batches] == [2, 2, 2, 2]
    stub.batches.clear()
    stub.loaded.clear()
    stub.die_at = 3
    path = tmp_path / "answers.jsonl"
    with pytest.raises(KeyboardInterrupt):
        candidates.generate(PROMPTS[:4], ["one", "other"], path=path, **settings)
    stub.batches.clear()
    stub.loaded.clear()
    stub.die_at = None
    assert candidates.generate(PROMPTS[:4], ["one", "other"], path=path, **settings) == whole
    assert stub.loaded == ["other"]
    assert [len(batch) for batch in stub.batches] == [2]


def test_answers_of_one_model_are_found_again_when_it_is_mixed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stub = Named(monkeypatch)
    path = tmp_path / "answers.jsonl"
    settings: dict[str, Any] = {"n": 2, "temperatures": (1.0,), "redraws": 0}
    candidates.generate(PROMPTS[:2], "one", path=path, **settings)
    mixed = candidates.generate(PROMPTS[:2], ["one", "other"], path=path, **settings)
    # Two of the four answers of the mix are the first model's and were there; all say which way they came from.
    assert len(path.read_text().splitlines()) == 4 + 2
    assert Counter(one.response.params["variant"] for one in mixed) == {"one t1": 2, "other t1": 2}
    assert stub.loaded == ["one", "other"]


def test_the_plan_does_not_depend_on_the_order_of_the_prompts() -> None:
    prompts = [Prompt(id=f"q{i}", prompt="x", category="ab"[i % 2]) for i in range(7)]
    ways = variants.cross(["m"], (), (0, 0.5, 1))
    assert variants.rotate(prompts, ways, 2, 3) == variants.rotate(prompts[::-1], ways, 2, 3)
    assert variants.rotate(prompts, ways, 2, 3) != variants.rotate(prompts, ways, 2, 4)
    assert variants.repeat(prompts[:1], ways, 5) == {"q0": (*ways, *ways[:2])}


# ---- what a person sees -----------------------------------------------------------------------------------------


def test_the_bar_counts_what_is_still_to_be_drawn(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[Any] = []

    class Bar:
        def __init__(self, what: str, total: int, unit: str) -> None:
            self.what, self.total, self.unit, self.done = what, total, unit, 0
            bars.append(self)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, n: int) -> None:
            self.done += n

    monkeypatch.setattr(progress, "bar", Bar)
    path = tmp_path / "answers.jsonl"
    stub.said = different_words
    stub.die_at = 2
    with pytest.raises(KeyboardInterrupt):
        candidates.generate(PROMPTS, n=2, batch_size=4, path=path)
    stub.die_at = None
    candidates.generate(PROMPTS, n=2, batch_size=4, path=path)
    assert [(bar.what, bar.total, bar.done, bar.unit) for bar in bars] == [
        ("answers", 10, 8, "answer"),
        ("answers", 2, 2, "answer"),
    ]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), RuntimeError("boom")]
)
def test_no_memory_is_one_clear_line_and_what_was_drawn_stays(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "answers.jsonl"
    stub.die_at = 1
    with pytest.raises(KeyboardInterrupt):
        candidates.generate(PROMPTS, n=2, batch_size=4, path=path)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sampling, "sample", fail)
    said = (
        "boom" if "boom" in str(error) else "out of memory with 4 answers of up to 128 tokens at once.*lower batch_size"
    )
    with pytest.raises(RuntimeError if said == "boom" else TrainingError, match=said):
        candidates.generate(PROMPTS, n=2, batch_size=4, path=path)
    assert len(path.read_text().splitlines()) == 4


def test_a_file_that_cannot_be_written_says_so(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"cannot (read|write) the answers"):
        candidates.generate(PROMPTS, n=1, path=tmp_path / "file" / "answers.jsonl")
