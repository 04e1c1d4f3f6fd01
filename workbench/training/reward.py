"""Reward models with TRL: a number for each answer, learned from which of two was chosen.

Bradley and Terry's model on texts (Ouyang et al. 2022, eq. 1): loss = -log sigmoid(r(chosen) - r(rejected)), so that
sigmoid(r - r') is the probability that the first is preferred. Only differences under one prompt mean anything: the
loss leaves the origin of each prompt's scores open.
"""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from workbench.errors import TrainingError
from workbench.training import models, rows, runfiles, running
from workbench.training.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MIN_PAIRS = 8
_SIDES = ("chosen", "rejected")
# our name -> TRL's
_LOGGED = {
    "loss": "loss",
    "margin": "margin",
    "accuracy": "accuracy",
    "reward": "mean_reward",
    "reward_min": "min_reward",
    "reward_max": "max_reward",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}


class RunConfig(RunSettings):
    """Settings of one reward model, all of which TRL really uses.

    Attributes
    ----------
    learning_rate
        Above that of other runs, because the head begins at random.
    margin_scale
        The loss asks for a lead of this times the row's `margin`, in units of the score (Touvron et al. 2023, eq. 2):
        clear votes pull further apart than close ones. 0 does without margins. `accuracy` in the metrics counts
        any lead, and `eval_loss` is without margins, so that runs can be compared.
    center
        Weight of the mean of (r(chosen) + r(rejected))^2 beside the loss, which keeps scores near 0 (Eisenstein et
        al. 2023, eq. 2; they use 0.01). Differences, and so accuracy and calibration, hardly change.
    """

    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 2e-4
    margin_scale: Annotated[float, Field(ge=0, le=10)] = 0.0
    center: Annotated[float, Field(ge=0, le=1)] = 0.0


def check_rows(
    listed: Sequence[Mapping[str, Any]],
    where: str = "rows",
    *,
    config: RunSettings | None = None,
    least: int = MIN_PAIRS,
) -> None:
    """Raise `TrainingError` unless there are at least `least` rows, each with a prompt and two different answers.

    With `margin_scale` each needs a `margin` too: TRL ignores, in silence, those of a batch whose first row has none.
    """
    rows.check_pairs(listed, where, least=least)
    if not isinstance(config, RunConfig) or not config.margin_scale:
        return
    for number, row in enumerate(listed, start=1):
        margin = row.get("margin")
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not math.isfinite(margin):
            raise TrainingError(
                f"margin must be a number, got {str(margin)[:60]!r}",
                where=f"{where}:{number}",
                next_step="give every row a margin, or set margin_scale to 0",
            )
    if not any(row["margin"] for row in listed):
        raise TrainingError(
            "every margin is 0, so margin_scale would change nothing", where=where, next_step="set margin_scale to 0"
        )


def train(run_dir: Path, config: RunConfig, reporter: runfiles.Reporter) -> None:
    """Train on data.jsonl in this process and save `adapter/`, head included (or `model/`), in the run folder.

    Raises
    ------
    TrainingError
        When there are too few usable pairs.
    """
    check_rows(running.read(run_dir)[0], "data.jsonl", config=config)
    setup = running.load(run_dir, config, reporter, scalar=True)
    more = ("margin",) if config.margin_scale else ()
    train_rows, held_rows = running.datasets(setup, _SIDES, least=MIN_PAIRS, what="pairs", more=more)
    if more:
        scaled = [config.margin_scale * margin for margin in train_rows["margin"]]
        train_rows = train_rows.remove_columns("margin").add_column("margin", scaled)
        if held_rows is not None and "margin" in held_rows.column_names:
            held_rows = held_rows.remove_columns("margin")
    from trl import RewardConfig, RewardTrainer

    arguments = RewardConfig(
        **running.arguments(setup, evaluates=held_rows is not None),
        max_length=config.max_length,
        center_rewards_coefficient=config.center or None,
        train_sampling_strategy="sequential",  # `rows.batch_order` has shuffled
    )
    running.fit(setup, RewardTrainer, arguments, (train_rows, held_rows), _LOGGED, task="SEQ_CLS")


def measure(run_dir: Path, config: RunConfig, reporter: runfiles.Reporter) -> None:
    """Score the held-out pairs, and as many of those trained on, and keep the numbers as scores.json.

    A model that has learned its pairs by heart shows in the two side by side. Pairs beyond the model's context are
    left out and counted in a note.
    """
    listed, held_out = running.read(run_dir)
    if not held_out:
        return
    model, tokenizer = _loaded(run_dir, config)
    used = [place for place, row in enumerate(listed) if rows.length(row, _SIDES, tokenizer) <= config.max_length]
    drawn = np.random.default_rng(config.seed).permutation(used)[: len(held_out)]
    places = [("held_out", place) for place in range(len(held_out))] + [
        ("train", int(place)) for place in sorted(drawn)
    ]
    pairs = [(held_out if part == "held_out" else listed)[place] for part, place in places]
    scores = score(
        [(row["prompt"], row[side]) for row in pairs for side in _SIDES],
        model,
        tokenizer,
        on_step=reporter.follow("scoring pairs"),
    )
    found: dict[str, list[dict[str, float | int]]] = {"held_out": [], "train": []}
    for (part, place), chosen, rejected in zip(places, scores[::2], scores[1::2], strict=True):
        if chosen is not None and rejected is not None:
            found[part].append({"row": place, "chosen": chosen, "rejected": rejected})
    lost = len(places) - sum(map(len, found.values()))
    if lost:
        reporter.note(f"{lost} of {len(places)} pairs not scored: longer than the model's context")
    runfiles.write_json(run_dir / "scores.json", found)


def check_run(run_dir: str | Path) -> Path:
    """The folder of a reward run that is done, or `TrainingError` saying what it is instead."""
    folder = Path(run_dir).expanduser().resolve()
    status = runfiles.read_status(folder)
    kind = runfiles.read_json(folder / "config.json").get("kind")
    if kind != "reward":
        raise TrainingError(f"a run of kind {kind!r}, not a reward run", where=str(folder), next_step=_TRAIN_ONE)
    if status.state != "done":
        raise TrainingError(f"the reward run is {status.state}", where=str(folder), next_step="wait for it to be done")
    return folder


_TRAIN_ONE = "train one: pilot.train('reward')"


def load(run_dir: str | Path) -> tuple[Any, Any]:
    """The reward model of a run that is done, and its tokenizer, for `score`.

    Raises
    ------
    TrainingError
        When the folder is no such run, or the model it started from is not here or has other weights now.
    """
    folder = check_run(run_dir)
    return _loaded(folder, RunConfig.parse(runfiles.read_json(folder / "config.json")["config"]))


def provenance(run_dir: str | Path) -> dict[str, Any]:
    """What a manifest keeps of a reward run: the labels behind the rewards are behind what is made of them too."""
    folder = Path(run_dir)
    manifest = runfiles.read_json(folder / "manifest.json")
    weights = folder / ("model" if (folder / "model").is_dir() else "adapter")
    return {
        "run": folder.name,
        "sha256": models.resolve(str(weights)).sha256,
        **{name: manifest.get(name) for name in ("data_sha256", "guideline_sha256", "source")},
    }


def score(
    answers: Sequence[tuple[rows.Prompt, str]],
    model: Any,
    tokenizer: Any,
    *,
    batch_size: int = 16,
    on_step: Callable[[int, int], None] | None = None,
) -> list[float | None]:
    """The reward of each answer to its prompt; None where both together exceed the model's context.

    Parameters
    ----------
    answers
        Prompt (a text, or turns that end with the user's) and answer. They are put into the reward model's own chat
        template as in training, so answers of any model can be scored.
    model, tokenizer
        What `load` returned.
    batch_size
        Answers computed at once, alike in length.
    on_step
        Called with batches done and batches in all, first with 0 done.
    """
    import torch

    texts = [list(chain.from_iterable(rows.tokens(tokenizer, *one))) for one in answers]
    context = int(getattr(model.config, "max_position_embeddings", 0) or 0)
    fits = [i for i, text in enumerate(texts) if not context or len(text) <= context]
    order = sorted(fits, key=lambda i: -len(texts[i]))
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    found: list[float | None] = [None] * len(texts)
    if on_step:
        on_step(0, len(batches))
    for done, batch in enumerate(batches, start=1):
        width = len(texts[batch[0]])
        # To the right, as the trainer does: the model reads the score at the last token that is no padding.
        ids = torch.tensor([texts[i] + [tokenizer.pad_token_id] * (width - len(texts[i])) for i in batch])
        mask = torch.tensor([[1] * len(texts[i]) + [0] * (width - len(texts[i])) for i in batch])
        with torch.inference_mode():
            out = model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False).logits[
                :, 0
            ]
        for i, value in zip(batch, out.tolist(), strict=True):
            found[i] = float(value)
        if on_step:
            on_step(done, len(batches))
    return found


def _loaded(folder: Path, config: RunConfig) -> tuple[Any, Any]:
    models.require_train()
    if (folder / "model").is_dir():
        return models.load(models.resolve(str(folder / "model")), scalar=True)
    if not (folder / "adapter" / "adapter_config.json").is_file():
        raise TrainingError("no adapter here", where=str(folder), next_step="give a run that is done")
    ref = models.resolve(config.model)
    runfiles.check_base(folder, config.model, ref.sha256)
    from peft import PeftModel

    base, tokenizer = models.load(ref, scalar=True)
    try:
        model = PeftModel.from_pretrained(base, folder / "adapter", autocast_adapter_dtype=False)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise TrainingError(
            f"the adapter does not fit {config.model}: {' '.join(str(error).split())[:200]}", where=str(folder)
        ) from error
    return model.eval(), tokenizer
