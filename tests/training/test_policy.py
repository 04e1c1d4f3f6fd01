"""Policy optimisation against a reward model: what is refused, and that rewards, KL and prompts are what they say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import tiny
from workbench.errors import RecordError, TrainingError
from workbench.records import Prompt
from workbench.training import evaluate, policy, reward

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.training.runs import Run

PROMPTS: list[dict[str, Any]] = [{"prompt": f"Say {word}."} for word in ("red", "blue", "green", "black", "white")]
PAIRS = [{**row, "chosen": "yes indeed", "rejected": "no" + " no" * i} for i, row in enumerate(PROMPTS * 2)]
TRAINED = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 6}, "batch_size 6 is not a multiple of num_generations 4"),
        ({"algorithm": "rloo", "scale_rewards": "batch"}, "scale_rewards is ignored by rloo"),
        ({"epsilon": 0.1}, "epsilon clips nothing while answers are used once"),
        ({"max_length": 64}, "max_completion_length 64 leaves no room for a prompt in max_length 64"),
        ({"algorithm": "ppo"}, "algorithm"),
        ({"num_generations": 1}, "num_generations"),
        ({"temperature": 0}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"beta": -1}, "beta"),
    ],
)
def test_settings_that_would_be_ignored_or_cannot_be_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        policy.RunConfig.parse(settings)
    assert policy.RunConfig(epsilon=0.1, num_iterations=2).epsilon == 0.1


def test_rows_without_prompts_or_reward_run_are_refused(tmp_path: Path) -> None:
    policy.check_rows(PROMPTS)
    with pytest.raises(TrainingError, match="too few prompts: 5, and a run needs at least 8"):
        policy.check_rows(PROMPTS, config=policy.RunConfig(batch_size=32, num_generations=4))
    with pytest.raises(TrainingError, match="prompt must be a text"):
        policy.check_rows([{"prompt": ""}])
    with pytest.raises(TrainingError, match="a policy run needs reward_run"):
        policy.check_rows(PROMPTS, config=policy.RunConfig())
    with pytest.raises(TrainingError, match="not a run folder"):
        policy.check_rows(PROMPTS, config=policy.RunConfig(reward_run=str(tmp_path)))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.make(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="module")
def judge(model: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patched:
        config = reward.RunConfig(model=model, learning_rate=1e-2, max_steps=2, max_length=128)
        return tiny.work(tiny.prepared("reward", PAIRS, config, tmp_path_factory.mktemp("runs"), patched))


class TestTrained:
    pytestmark = TRAINED

    def test_a_policy_is_optimised_against_a_reward_run(
        self, model: str, judge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[float] = []
        score = reward.score

        def scoring(*args: Any, **options: Any) -> list[float | None]:
            scores = score(*args, **options)
            seen.extend(one for one in scores if one is not None)
            return scores

        monkeypatch.setattr(reward, "score", scoring)
        config = policy.RunConfig(
            model=model,
            reward_run=str(judge.path),
            batch_size=8,
            num_iterations=2,
            epsilon=0.1,
            max_completion_length=6,
            max_length=64,
            max_steps=2,
            learning_rate=1e-2,
        )
        long = {"prompt": "word " * 100}
        run = tiny.work(
            tiny.prepared(
                "policy",
                [*PROMPTS, long],
                config,
                tmp_path,
                monkeypatch,
                held_out=PAIRS[:1],
                prompts=[Prompt(id="p", prompt="Say pink.")],
                answers=evaluate.AnswerConfig(samples=1, max_new_tokens=6),
            )
        )
        first, second = run.metrics()
        assert len(seen) == 8  # drawn and judged once, used twice
        assert first["reward"] == pytest.approx(sum(seen) / 8, abs=1e-5)
        assert first["kl"] == pytest.approx(0, abs=1e-6)  # it begins as the start model
        assert first["loss"] == pytest.approx(0, abs=1e-6)  # advantages of a group add up to nothing
        assert first["completion_length"] <= 6
        assert 0 <= first["cut"] <= 1
        assert second["reward"] is None
        assert second["kl"] > 0
        assert 0 <= second["clip_ratio"] <= 1
        assert run.status().notes == ("1 of 6 prompts left out: longer than 58 tokens",)
        assert run.manifest()["rows"] == {"given": 6, "used": 5, "too_long": 1}
        assert run.manifest()["reward_run"] == reward.provenance(judge.path)
        assert len(run.answers()) == 1
        (margin,) = run.margins()
        assert margin != 0

    def test_rloo_answers_held_out_prompts_on_the_way(
        self, model: str, judge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = policy.RunConfig(
            model=model,
            reward_run=str(judge.path),
            algorithm="rloo",
            batch_size=4,
            num_generations=2,
            beta=0.0,
            max_completion_length=4,
            max_length=64,
            max_steps=1,
            eval_every=1,
        )
        run = tiny.work(tiny.prepared("policy", PROMPTS, config, tmp_path, monkeypatch, held_out=PROMPTS[:1]))
        trained, held_out = run.metrics()
        assert trained["kl"] is None  # with beta 0 nobody computes it
        assert math.isfinite(trained["reward"])
        assert math.isfinite(held_out["eval_reward"])

    def test_too_few_prompts_with_room_for_an_answer_are_refused(
        self, model: str, judge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = policy.RunConfig(model=model, reward_run=str(judge.path), max_length=66, max_completion_length=64)
        run = tiny.prepared("policy", PROMPTS, config, tmp_path, monkeypatch)
        with pytest.raises(TrainingError, match="too few prompts: 0 of 5 have at most 2 tokens, and a step takes 4"):
            tiny.work(run)
