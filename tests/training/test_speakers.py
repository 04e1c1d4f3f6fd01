"""Models, runs and adapters as those who answer: which are found, what is recorded of them, what is refused."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from workbench.errors import TrainingError
from workbench.records import Prompt
from workbench.training import candidates, models, runfiles, speakers

if TYPE_CHECKING:
    from pathlib import Path

BASE = models.ModelRef(id="base", path="unused", sha256="a" * 64)
PROMPTS = [Prompt(id=f"p{i}", prompt=f"Name two {word}.") for i, word in enumerate(("colours", "rivers", "tools"))]


def make_adapter(folder: Path, weights: bytes = b"weights", **config: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"task_type": "CAUSAL_LM", **config}))
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


def make_run(
    folder: Path, state: runfiles.State = "done", kind: str = "dpo", weights: bytes | None = b"weights"
) -> Path:
    folder.mkdir(parents=True)
    runfiles.write_status(folder, runfiles.Status(state=state, created=time.time()))
    runfiles.write_json(folder / "config.json", {"kind": kind, "config": {"model": "base"}})
    trained_on = {"id": "base", "sha256": hashlib.sha256(b"base").hexdigest()}
    runfiles.write_json(folder / "manifest.json", {"model": trained_on})
    if weights is not None:
        make_adapter(folder / "adapter", weights)
    return folder


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name is a model of its own; gives the names asked for."""
    asked: list[str] = []

    def resolve(name: str) -> models.ModelRef:
        asked.append(name)
        return BASE.model_copy(update={"id": name, "sha256": hashlib.sha256(name.encode()).hexdigest()})

    monkeypatch.setattr(models, "resolve", resolve)
    return asked


def test_a_run_is_its_base_with_its_adapter(resolved: list[str], tmp_path: Path) -> None:
    run = make_run(tmp_path / "dpo-1")
    (one,) = speakers.find(str(run))
    assert one.name == "base+dpo-1"
    assert one.sha256 == hashlib.sha256(b"base").hexdigest()
    assert one.adapter == run / "adapter"
    assert one.adapter_sha256 == hashlib.sha256(b"weights").hexdigest()
    assert resolved == ["base"]
    # The adapter's folder inside the run is the run.
    assert speakers.find(str(run / "adapter"))[0].name == "base+dpo-1"


def test_an_adapter_does_not_go_on_other_weights_than_it_was_trained_on(resolved: list[str], tmp_path: Path) -> None:
    run = make_run(tmp_path / "dpo-1")
    runfiles.write_json(run / "manifest.json", {"model": {"id": "base", "sha256": "b" * 64}})
    with pytest.raises(TrainingError, match="base has other weights now than this run was trained on"):
        speakers.find(str(run))
    runfiles.write_json(run / "manifest.json", {})  # as that of a run which ended before it knew
    assert speakers.find(str(run))[0].name == "base+dpo-1"


def test_a_run_that_trained_all_weights_is_a_model(resolved: list[str], tmp_path: Path) -> None:
    run = make_run(tmp_path / "sft-1", kind="sft", weights=None)
    (run / "model").mkdir()
    (one,) = speakers.find(str(run))
    assert (one.name, one.adapter, one.adapter_sha256) == ("base+sft-1", None, "")
    assert resolved == [str(run / "model")]


def test_an_adapter_alone_names_its_base(resolved: list[str], tmp_path: Path) -> None:
    alone = make_adapter(tmp_path / "mine", base_model_name_or_path="org/model")
    (one,) = speakers.find(str(alone))
    assert (one.name, one.adapter) == ("org/model+mine", alone)
    # Our own runs write where the embedded model was converted, on whatever machine that was.
    cache = f"/home/somebody/.cache/{models.EMBEDDED}-0123456789abcdef"
    alone = make_adapter(tmp_path / "other", base_model_name_or_path=cache)
    assert speakers.find(str(alone))[0].name == f"{models.EMBEDDED}+other"
    nameless = make_adapter(tmp_path / "nameless")
    with pytest.raises(TrainingError, match="does not say which model it belongs to"):
        speakers.find(str(nameless))


def test_several_keep_their_order(resolved: list[str], tmp_path: Path) -> None:
    run = make_run(tmp_path / "dpo-1")
    assert [one.name for one in speakers.find([str(run), "base", "org/model"])] == ["base+dpo-1", "base", "org/model"]


@pytest.mark.parametrize(
    ("state", "kind", "weights", "said"),
    [
        ("running", "dpo", b"w", "the run is running.*wait until it is done"),
        ("queued", "dpo", None, "the run is queued"),
        ("failed", "dpo", None, "the run is failed and has no adapter"),
        ("done", "reward", b"w", "a reward model scores texts"),
    ],
)
def test_a_run_that_cannot_write_is_refused(
    resolved: list[str], tmp_path: Path, state: runfiles.State, kind: str, weights: bytes | None, said: str
) -> None:
    run = make_run(tmp_path / "run", state, kind, weights)
    with pytest.raises(TrainingError, match=said):
        speakers.find(str(run))


def test_an_adapter_of_another_kind_or_without_weights_is_refused(resolved: list[str], tmp_path: Path) -> None:
    scorer = make_adapter(tmp_path / "scorer", task_type="SEQ_CLS", base_model_name_or_path="base")
    with pytest.raises(TrainingError, match="an adapter for SEQ_CLS writes no text"):
        speakers.find(str(scorer))
    empty = make_adapter(tmp_path / "empty", base_model_name_or_path="base")
    (empty / "adapter_model.safetensors").unlink()
    with pytest.raises(TrainingError, match="cannot read the adapter: No such file"):
        speakers.find(str(empty))
    (empty / "adapter_config.json").write_text("[]")
    with pytest.raises(TrainingError, match="not a JSON object"):
        speakers.find(str(empty))
    (empty / "adapter_config.json").write_text("{")
    with pytest.raises(TrainingError, match=r"cannot be read.*adapter_config\.json"):
        speakers.find(str(empty))


def test_the_same_weights_or_the_same_name_twice_are_refused(resolved: list[str], tmp_path: Path) -> None:
    one, copy = make_run(tmp_path / "a" / "run"), make_run(tmp_path / "b" / "run")
    for twice in (["base", "base"], [str(one), str(copy)]):
        with pytest.raises(TrainingError, match="are one model: their weights are the same"):
            speakers.find(twice)
    other = make_run(tmp_path / "c" / "run", weights=b"other weights")
    with pytest.raises(TrainingError, match=r"two models go by one name: \['base\+run', 'base\+run'\]"):
        speakers.find([str(one), str(other)])
    with pytest.raises(TrainingError, match="no model is named"):
        speakers.find([])


@pytest.mark.train
@pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)  # peft's; see test_real_model
def test_an_adapter_answers_as_its_weights_say_and_both_hashes_are_recorded(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    base, _ = models.load(models.resolve())
    torch.manual_seed(0)
    adapted = get_peft_model(base, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    adapted.save_pretrained(tmp_path / "neutral")  # a new adapter changes nothing: its second matrices are zero
    for name, value in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.05)
    adapted.save_pretrained(tmp_path / "changed")
    path = tmp_path / "answers.jsonl"
    settings: dict[str, Any] = {"n": 2, "max_new_tokens": 12, "redraws": 0, "path": path, "progress": False}
    plain = candidates.generate(PROMPTS, **settings)
    neutral = candidates.generate(PROMPTS, str(tmp_path / "neutral"), **settings)
    changed = candidates.generate(PROMPTS, str(tmp_path / "changed"), **settings)
    assert len(path.read_text().splitlines()) == 18  # none was taken for another's
    texts = [[one.response.text for one in found] for found in (plain, neutral, changed)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    response = changed[0].response
    weights = (tmp_path / "changed" / "adapter_model.safetensors").read_bytes()
    assert response.params["adapter_sha256"] == hashlib.sha256(weights).hexdigest()
    assert response.model_sha256 == plain[0].response.model_sha256
    assert response.model == f"{models.EMBEDDED}+changed"
    assert response.seed == plain[0].response.seed
    assert {one.response.id for one in plain}.isdisjoint(one.response.id for one in neutral)
    assert candidates.generate(PROMPTS, str(tmp_path / "changed"), **settings) == changed
