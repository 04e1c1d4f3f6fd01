"""What the adapter changed: answers of base and adapter to the same prompts.

This module makes texts, `likelihood` margins and divergence; whether an answer is good is for the caller to say
(`score`), and intervals are for the caller to compute. Base and adapter are one loaded model with the adapter switched
off and on, and answer with the same random numbers, so their difference is the adapter and not the draw.
"""

from __future__ import annotations

import hashlib
import json
import platform
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from workbench import progress as bars
from workbench.errors import TrainingError
from workbench.records import Id, Prompt, Record, canonical_json
from workbench.training import candidates, models, runfiles, sampling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# Beside the runs: what their start models answered.
BASE_ANSWERS = "base_answers"


class AnswerConfig(Record):
    """How held-out prompts are answered; `temperature` 0 takes the most likely token (then one sample is enough)."""

    samples: Annotated[int, Field(ge=1, le=64)] = 2
    temperature: Annotated[float, Field(ge=0, le=5)] = 0.7
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_new_tokens: Annotated[int, Field(ge=1, le=8192)] = 96
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class AnswerPair(Record):
    """Answers of base and adapter to one prompt, drawn with the same random numbers.

    `…_finish` is `stop` where the model ended the answer, `length` where it was cut.
    """

    prompt_id: Id
    sample: int
    seed: int
    base: str
    adapter: str
    base_finish: str
    adapter_finish: str


def load_adapter(adapter: str | Path, model: str = models.EMBEDDED) -> tuple[Any, Any]:
    """Base model with what a run made on it, and the tokenizer; `disable_adapter()` of it is the base.

    Parameters
    ----------
    adapter
        A run folder, or an adapter folder. Where a run trained all weights, base and trained model are both loaded.
    model
        The base, where the folder is of no run that says it.

    Raises
    ------
    TrainingError
        When there is nothing trained there, or it does not fit the model.
    """
    models.require_train()
    folder = Path(adapter)
    whole = (folder / "model" / "config.json").is_file()
    folder = folder / "adapter" if (folder / "adapter").is_dir() else folder
    if not whole and not (folder / "adapter_config.json").is_file():
        raise TrainingError("no adapter here", where=str(folder), next_step="give a run that is done")
    config = (folder if whole else folder.parent) / "config.json"
    if config.is_file():
        run = json.loads(config.read_text(encoding="utf-8"))
        if run.get("kind") == "reward":
            raise TrainingError(
                "a reward model gives scores and no answers",
                where=str(folder),
                next_step="load it with training.reward.load",
            )
        model = run.get("config", {}).get("model", model)
    ref = models.resolve(model)
    runfiles.check_base(config.parent, model, ref.sha256)
    base, tokenizer = models.load(ref)
    if whole:
        tuned, _ = models.load(models.resolve(str(folder / "model")))
        return _Switched(base, tuned), tokenizer
    from peft import PeftModel

    try:
        # The adapter in the base's own dtype: mixed ones would be converted at every token of every layer.
        loaded = PeftModel.from_pretrained(base, folder, autocast_adapter_dtype=False)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise TrainingError(f"the adapter does not fit {model}: {str(error)[:200]}", where=str(folder)) from error
    return loaded.eval(), tokenizer


class _Switched:
    """A model trained as a whole beside its base, which answers in its place inside `disable_adapter`."""

    def __init__(self, base: Any, tuned: Any) -> None:
        self._base = base
        self._now = tuned

    def __getattr__(self, name: str) -> Any:
        return getattr(self._now, name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._now(*args, **options)

    @contextmanager
    def disable_adapter(self) -> Iterator[None]:
        tuned, self._now = self._now, self._base
        try:
            yield
        finally:
            self._now = tuned


def answer_pairs(
    prompts: Sequence[Prompt],
    model: Any,
    tokenizer: Any,
    config: AnswerConfig | None = None,
    *,
    path: Path | None = None,
    kept: Path | None = None,
    on_step: Callable[[int, int], None] | None = None,
    progress: bool = True,
) -> list[AnswerPair]:
    """Answer every prompt `samples` times with the adapter off and on, in the order of the prompts.

    Parameters
    ----------
    model
        A model with an adapter: what `load_adapter` returned.
    path
        JSONL file that is written anew with the result.
    kept
        JSONL file of the base's answers (`base_file`): read where it is there, else written, so that runs on one base
        with the same prompts and settings do not draw them again.
    on_step
        Called with steps done and steps in all, first with 0 done; a batch is two steps, base and adapter.
    """
    config = config or AnswerConfig()
    if not prompts:
        raise TrainingError("no held-out prompts to answer")
    draws = []
    for prompt in prompts:
        tokens = sampling.chat_tokens(tokenizer, prompt.prompt)
        sampling.check_length(tokens, config.max_new_tokens, model, f"prompt {prompt.id}")
        for k in range(config.samples):
            seed = candidates.answer_seed(config.seed, prompt, k)
            draws.append((prompt.id, k, sampling.Draw(tokens, config.temperature, seed)))
    order = sorted(range(len(draws)), key=lambda i: -len(draws[i][2].prompt))
    batches = [order[start : start + config.batch_size] for start in range(0, len(order), config.batch_size)]
    known = _read_base(kept, len(draws))
    before_all: dict[int, sampling.Drawn] = dict(enumerate(known))
    found: dict[int, AnswerPair] = {}
    with bars.bar("answers of base and adapter", 2 * len(draws), "answer") if progress else bars.silent() as shown:
        tell = on_step or (lambda *_: None)
        tell(0, 2 * len(batches))
        for number, batch in enumerate(batches):
            asked = [draws[i][2] for i in batch]
            if not known:
                with model.disable_adapter():
                    before_all.update(zip(batch, _sample(model, tokenizer, asked, config), strict=True))
            base = [before_all[i] for i in batch]
            shown.update(len(batch))
            tell(2 * number + 1, 2 * len(batches))
            adapted = _sample(model, tokenizer, asked, config)
            shown.update(len(batch))
            tell(2 * number + 2, 2 * len(batches))
            for i, before, after in zip(batch, base, adapted, strict=True):
                prompt_id, k, draw = draws[i]
                found[i] = AnswerPair(
                    prompt_id=prompt_id,
                    sample=k,
                    seed=draw.seed,
                    base=before.text,
                    adapter=after.text,
                    base_finish=before.finish,
                    adapter_finish=after.finish,
                )
    pairs = [found[i] for i in range(len(draws))]
    if kept is not None and not known:
        kept.parent.mkdir(exist_ok=True)
        runfiles.write_atomic(kept, "".join(canonical_json(asdict(before_all[i])) + "\n" for i in range(len(draws))))
    if path is not None:
        runfiles.write_atomic(path, "".join(pair.canonical() + "\n" for pair in pairs))
    return pairs


def base_file(folder: Path, model: str, dtype: str, config: AnswerConfig, prompts: Sequence[Prompt]) -> Path:
    """The file in which the base's answers are kept, named by all they depend on.

    Parameters
    ----------
    model
        SHA-256 of the base's weights.
    dtype
        What it computes in; other machines and versions of torch round differently too.
    """
    from importlib import metadata

    asked = [(prompt.id, prompt.prompt) for prompt in prompts]
    where = [platform.machine(), platform.node(), metadata.version("torch"), metadata.version("transformers")]
    text = canonical_json(
        {"model": model, "dtype": dtype, "where": where, "config": config.model_dump(mode="json"), "asked": asked}
    )
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.jsonl"


def _read_base(kept: Path | None, n: int) -> list[sampling.Drawn]:
    rows = runfiles.read_jsonl(kept) if kept is not None else []
    return [sampling.Drawn(**row) for row in rows] if len(rows) == n else []


def read_answers(path: Path) -> list[AnswerPair]:
    """Answers as `answer_pairs` wrote them (`answers.jsonl` of a run)."""
    return [AnswerPair.parse(row) for row in runfiles.read_jsonl(path)]


def compare(
    pairs: Iterable[AnswerPair], prompts: Sequence[Prompt], score: Callable[[Prompt, str], Sequence[bool]]
) -> list[dict[str, Any]]:
    """One row a prompt, before and after, for the caller to compute differences and intervals from.

    Parameters
    ----------
    score
        Prompt and answer -> whether each constraint of the prompt is satisfied, in the prompt's order.

    Returns
    -------
    list[dict]
        In the order of the prompts: `prompt_id`, `category`, `n_samples`; `base` and `adapter`, the mean share of
        constraints satisfied, from 0 to 1; `base_words` and `adapter_words`, mean words an answer; `base_cut` and
        `adapter_cut`, the share of answers cut at the length limit; `constraints`, one dict each with `kind`, `base`
        and `adapter` as the number of the samples that satisfy it.
    """
    samples: dict[str, list[AnswerPair]] = {}
    for pair in pairs:
        samples.setdefault(pair.prompt_id, []).append(pair)
    rows = []
    for prompt in prompts:
        mine = samples.get(prompt.id)
        if not mine:
            raise TrainingError(f"no answers to prompt {prompt.id}", next_step="compare the prompts that were answered")
        checks = {side: [_checks(score, prompt, getattr(one, side)) for one in mine] for side in ("base", "adapter")}
        row: dict[str, Any] = {"prompt_id": prompt.id, "category": prompt.category, "n_samples": len(mine)}
        for side, lists in checks.items():
            row[side] = sum(sum(one) / len(one) for one in lists) / len(lists)
            row[f"{side}_words"] = sum(len(getattr(one, side).split()) for one in mine) / len(mine)
            row[f"{side}_cut"] = sum(getattr(one, f"{side}_finish") == "length" for one in mine) / len(mine)
        row["constraints"] = [
            {
                "kind": constraint.kind,
                **{side: sum(one[place] for one in lists) for side, lists in checks.items()},
            }
            for place, constraint in enumerate(prompt.constraints)
        ]
        rows.append(row)
    return rows


def _sample(model: Any, tokenizer: Any, draws: list[sampling.Draw], config: AnswerConfig) -> list[sampling.Drawn]:
    return sampling.sample(model, tokenizer, draws, top_p=config.top_p, max_new_tokens=config.max_new_tokens)


def _checks(score: Callable[[Prompt, str], Sequence[bool]], prompt: Prompt, text: str) -> list[bool]:
    found = [bool(one) for one in score(prompt, text)]
    if len(found) != len(prompt.constraints) or not found:
        raise TrainingError(
            f"score gave {len(found)} verdicts for {len(prompt.constraints)} constraints",
            where=f"prompt {prompt.id}",
            next_step="give one verdict a constraint, for prompts that have some",
        )
    return found
