"""Training from the shell: what is asked reaches the pilot, a dry run starts nothing, runs are resumed and joined."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.test_cli import call  # noqa: F401 - a fixture
from workbench.pilot.opening import Pilot
from workbench.training import dpo, jobs, models, processes, runfiles, runs
from workbench.training.launching import Launch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.test_cli import Told

SHIPPED = Path(__file__).parents[1] / "pilots" / "instruction-following-smollm2"
ROWS = [{"prompt": f"q{i}", "chosen": f"good {i}", "rejected": f"bad {i}"} for i in range(8)]
TWO_HOSTS = Launch(
    launcher="accelerate", num_processes=2, num_machines=2, main_process_ip="10.0.0.1", main_process_port=29500
)


class Ended:
    """A run that is over at once."""

    path = Path("runs/kto-1")

    def wait(self) -> None:
        """Nothing to wait for."""

    def __str__(self) -> str:
        return "run kto-1: done"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What `Pilot.train` was called with; nothing is trained."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def train(_: Pilot, kind: str, **options: Any) -> Ended:
        calls.append((kind, options))
        return Ended()

    monkeypatch.setattr(Pilot, "train", train)
    monkeypatch.setattr(Pilot, "evaluate", lambda *_: "the evaluation")
    return calls


def test_only_what_was_said_is_passed_on(call: Callable[..., Told], asked: list[Any]) -> None:  # noqa: F811
    told = call("train", SHIPPED)
    assert told.returncode == 0, told.stderr
    assert asked == [("dpo", {"max_pairs": None, "placebo": False, "launch": Launch()})]
    assert told.stdout.splitlines()[-2:] == ["run kto-1: done", "the evaluation"]


def test_settings_reach_the_run_with_their_types(call: Callable[..., Told], asked: list[Any]) -> None:  # noqa: F811
    words = ["--kind", "kto", "--beta", "0.2", "--epsilon", "0.1", "--time-budget", "1.5", "--save-every", "7"]
    more = ["--set", "lora_r=8", "--set", "gradient_checkpointing=true", "--set", "attention=eager"]
    launch = ["--launcher", "accelerate", "--num-processes", "4", "--accelerate-config", "fsdp", "--num-machines", "2"]
    where = ["--main-process-ip", "10.0.0.1", "--main-process-port", "29500"]
    told = call("train", SHIPPED, *words, *more, *launch, *where, "--pairs", "9", "--no-evaluate")
    assert told.returncode == 0, told.stderr
    kind, options = asked[0]
    assert kind == "kto"
    assert options.pop("launch") == TWO_HOSTS.model_copy(update={"num_processes": 4, "config_file": "fsdp"})
    assert options == {
        "max_pairs": 9,
        "placebo": False,
        "beta": 0.2,
        "label_smoothing": 0.1,
        "time_budget_s": 90.0,
        "save_every": 7,
        "lora_r": 8,
        "gradient_checkpointing": True,
        "attention": "eager",
    }
    assert "on host 1, run: workbench join runs/kto-1 --machine-rank 1" in told.stdout
    assert "the evaluation" not in told.stdout


def test_wrong_words_are_told_in_one_line(call: Callable[..., Told], asked: list[Any]) -> None:  # noqa: F811
    assert "allowed are" in call("train", SHIPPED, "--kind", "ppo").stderr
    assert "write name=value" in call("train", SHIPPED, "--set", "lora_r").stderr
    told = call("train", SHIPPED, "--num-processes", "2")
    assert (told.returncode, asked) == (1, [])
    assert "launcher 'python' starts one process and ignores num_processes" in told.stderr


def test_a_dry_run_says_what_it_takes_and_starts_nothing(call: Callable[..., Told], asked: list[Any]) -> None:  # noqa: F811
    words = ("train", SHIPPED, "--dry-run", "--pairs", "16", "--max-steps", "3")
    told = call(*words, "--launcher", "accelerate", "--num-processes", "2")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("dpo: 3 steps, ")
    assert "  3 steps of 8 rows" in told.stdout.splitlines()
    assert " labels used" in told.stdout
    assert asked == []
    odd = call(*words, "--launcher", "accelerate", "--num-processes", "3")
    assert odd.returncode == 1
    assert "batch_size 8 cannot be shared by 3 processes" in odd.stderr


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> runs.Run:
    monkeypatch.setattr(models, "require_train", lambda: None)
    monkeypatch.setattr(processes, "launch", lambda _: None)
    return jobs.start("dpo", ROWS, dpo.RunConfig(), tmp_path, launch=TWO_HOSTS)


def test_a_stopped_run_is_resumed_and_followed(
    call: Callable[..., Told],  # noqa: F811
    run: runs.Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "the run is queued" in call("resume", run.path).stderr
    run.cancel()

    def work(path: Path) -> None:
        status = runfiles.read_status(path).model_copy(update={"state": "done"})
        runfiles.write_status(path, status)

    monkeypatch.setattr(processes, "launch", work)
    told = call("resume", run.path)
    assert (told.returncode, told.stdout) == (0, "begun again: there was no checkpoint\ndone\n")


def test_a_host_joins_with_its_number(
    call: Callable[..., Told],  # noqa: F811
    run: runs.Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[list[str]] = []

    class Done:
        returncode = 7

    def launched(words: list[str], **_: Any) -> Done:
        started.append(words)
        return Done()

    monkeypatch.setattr("workbench.training.processes.subprocess.run", launched)
    for number in (0, 2):
        told = call("join", run.path, "--machine-rank", number)
        assert f"no machine {number} to join as: the run has 2, and 0 started it" in told.stderr
    assert call("join", run.path, "--machine-rank", 1).returncode == 7
    assert started[0][1:] == ["-m", "workbench.training.launching", str(run.path), "1"]
    run.cancel()
    assert "the run is cancelled" in call("join", run.path, "--machine-rank", 1).stderr
