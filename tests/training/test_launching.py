"""Runs of several processes: the same losses, one voice, one cause of a failure, nobody left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import tiny
from workbench.errors import RecordError, TrainingError
from workbench.training import dpo, jobs, kto, launching, models, processes, runfiles, running, sft, workers
from workbench.training.launching import Launch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workbench.training.runs import Run

TWO = Launch(launcher="accelerate", num_processes=2)
ROWS = [{"prompt": f"q{i}", "chosen": f"good {i}", "rejected": f"bad {i}"} for i in range(8)]
# 20 rows of different lengths: two whole batches of 8, and one of 4.
PAIRS: list[dict[str, Any]] = [
    {"prompt": f"Say {i}.", "chosen": f"it is {i}", "rejected": f"never {i}" + " or so" * (i % 7)} for i in range(20)
]
EXAMPLES = [{"prompt": row["prompt"], "completion": row["rejected"]} for row in PAIRS]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_processes": 2}, "ignores num_processes; use launcher='accelerate'"),
        ({"launcher": "accelerate", "num_processes": 3, "num_machines": 2}, "cannot be shared equally by 2 machines"),
        ({"launcher": "accelerate", "num_processes": 2, "num_machines": 2}, "main_process_ip and main_process_port"),
        ({"launcher": "accelerate", "main_process_ip": "10.0.0.1"}, "ignored on a single machine"),
    ],
)
def test_settings_that_would_be_ignored_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        Launch.parse(settings)


def test_what_cannot_be_started_is_refused_before_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "require_train", lambda: None)
    with pytest.raises(TrainingError, match=r"no accelerate settings 'fdsp'.*use ddp, fsdp, zero3, or a file"):
        jobs.start("dpo", ROWS, runs_dir=tmp_path, launch=Launch(launcher="accelerate", config_file="fdsp"))
    with pytest.raises(TrainingError, match="batch_size 8 cannot be shared by 3 processes of 1 parts"):
        jobs.start("dpo", ROWS, runs_dir=tmp_path, launch=Launch(launcher="accelerate", num_processes=3))
    with pytest.raises(TrainingError, match=r"at least 2 rows .* gets 1 -> use a batch_size of 8 or more"):
        launching.check(Launch(launcher="accelerate", num_processes=4), kto.RunConfig(batch_size=4))
    assert list(tmp_path.iterdir()) == []


def test_the_folder_says_how_the_run_is_started_so_that_it_resumes_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "require_train", lambda: None)
    monkeypatch.setattr(processes, "launch", lambda _: None)
    mine = tmp_path / "mine.yaml"
    mine.write_text("distributed_type: FSDP\n")
    run = jobs.start("dpo", ROWS, runs_dir=tmp_path / "runs", launch=TWO.model_copy(update={"config_file": str(mine)}))
    mine.unlink()
    assert (run.path / "accelerate.yaml").read_text() == "distributed_type: FSDP\n"
    assert run.config().launch.num_processes == 2
    assert launching.command(run.path)[1:] == ["-m", "workbench.training.launching", str(run.path)]
    one = jobs.start("dpo", ROWS, runs_dir=tmp_path / "runs")
    assert launching.command(one.path)[1:] == ["-m", "workbench.training.work", str(one.path)]
    assert not (one.path / "accelerate.yaml").exists()
    (one.path / "config.json").write_text('{"kind": "dpo", "config": {}}')  # written before there were launchers
    assert launching.read(one.path) == Launch()


def test_two_hosts_share_processes_and_cores_and_meet_at_one_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(models, "cores", lambda: 12)
    launch = Launch(
        launcher="accelerate", num_processes=8, num_machines=2, main_process_ip="10.0.0.1", main_process_port=29500
    )
    words = launching.arguments(launch, tmp_path, machine_rank=1)
    told = dict(zip(words[::2], words[1::2], strict=False))
    assert told["--num_processes"] == "8"
    assert told["--num_machines"] == "2"
    assert told["--machine_rank"] == "1"
    assert (told["--main_process_ip"], told["--main_process_port"]) == ("10.0.0.1", "29500")
    assert told["--num_cpu_threads_per_process"] == "3"  # 12 cores, 4 of the 8 processes here
    assert words[-3:] == ["--module", "workbench.training.work", str(tmp_path)]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert "5" in launching.arguments(launch, tmp_path)
    assert launching.arguments(TWO, tmp_path)[-6] == "0"  # a single host takes any free port


def failure(exitcode: int, reason: str = "", time: float = 0) -> Any:
    data = {"workbench": {"reason": reason, "time": time}} if reason else {"message": "<NONE>"}
    return SimpleNamespace(exitcode=exitcode, error_file_data=data)


def test_the_first_cause_is_told_and_not_what_followed_from_it() -> None:
    lost = failure(1, "RuntimeError: Connection closed by peer", time=10.2)
    full = failure(1, "disk full -> free some space and start again", time=10.1)
    assert launching.why({0: lost, 1: full}, 4) == "disk full -> free some space and start again (process 1 of 4)"
    killed = launching.why({0: lost, 3: failure(-signal.SIGKILL)}, 4)
    assert killed.startswith("process 3 of 4 was killed by SIGKILL -> if nobody did it, memory ran out")
    assert launching.why({2: failure(-signal.SIGSEGV)}, 4) == "process 2 of 4 was killed by SIGSEGV"
    ended_by_the_leader = failure(-signal.SIGTERM)
    assert launching.why({0: ended_by_the_leader, 1: full}, 2).startswith("disk full")
    assert launching.why({1: failure(3)}, 2) == "process 1 of 2 ended with exit code 3; log.txt says more"


@pytest.mark.train
def test_spreading_a_model_over_gpus_that_are_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = import_module("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    workers.use_device()
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(TrainingError, match="FSDP spreads a model over GPUs, and there are none"):
        workers.use_device()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(TrainingError, match="2 GPUs, and a process on this machine wants number 3"):
        workers.use_device()


@pytest.mark.train
def test_processes_share_the_cores_of_their_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = import_module("torch")
    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 0)
    monkeypatch.setattr(models, "cores", lambda: 7)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert models.use_threads() == 7
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert models.use_threads() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert models.use_threads() == 4
    assert given == [7, 2, 4]


@pytest.mark.train
@pytest.mark.parametrize("name", launching.shipped_configs())
def test_shipped_settings_are_read_by_accelerate(name: str) -> None:
    loaded = import_module("accelerate.commands.config.config_args").load_config_from_file(
        str(Launch(launcher="accelerate", config_file=name).file())
    )
    kind = {"ddp": "MULTI_GPU", "fsdp": "FSDP", "zero3": "DEEPSPEED"}[name]
    assert loaded.distributed_type.name == kind
    assert (loaded.fsdp_config.get("fsdp_version"), loaded.deepspeed_config.get("zero_stage")) == {
        "ddp": (None, None),
        "fsdp": (2, None),
        "zero3": (None, 3),
    }[name]
    assert loaded.mixed_precision is None  # the run decides


# From here on two processes really train, over gloo.


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.make(tmp_path_factory.mktemp("tiny")))


def losses(run: Run) -> list[float]:
    return [row["loss"] for row in run.metrics() if "loss" in row]


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize(("kind", "module", "rows"), [("dpo", dpo, PAIRS), ("sft", sft, EXAMPLES)])
def test_two_processes_train_as_one_does(
    kind: Any, module: Any, rows: Sequence[dict[str, Any]], model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = module.RunConfig(model=model, batch_size=4, learning_rate=1e-3, max_length=128, save_every=None)
    one = tiny.work(tiny.prepared(kind, rows, config, tmp_path, monkeypatch))
    two = jobs.start(kind, rows, config, tmp_path, launch=TWO, wait=True)
    # 20 rows in batches of 4, twice over; the same rows in the same order, or the losses would differ.
    assert [row["step"] for row in two.metrics()] == [row["step"] for row in one.metrics()] == list(range(1, 11))
    bf16 = one.manifest()["dtype"] == "bfloat16"
    assert losses(two) == pytest.approx(losses(one), rel=5e-3 if bf16 else 1e-5)
    assert losses(two)[-1] < losses(two)[0]
    assert two.manifest()["processes"] == 2
    assert (two.path / "adapter" / "adapter_model.safetensors").is_file()
    assert {path.name for path in two.path.iterdir()} == {
        *("adapter", "accelerate.yaml", "config.json", "data.jsonl", "log.txt", "manifest.json", "metrics.jsonl"),
        "status.json",
    }
    warned = set(re.findall(r"\w+Warning: .*", two.log_tail(400)))  # those of Python
    assert [one for one in warned if "`is_gradient_checkpointing`" not in one] == []


@pytest.mark.train
def test_two_processes_go_on_from_a_checkpoint_as_if_they_had_not_stopped(model: str, tmp_path: Path) -> None:
    config = dpo.RunConfig(model=model, batch_size=4, learning_rate=1e-3, max_length=128, save_every=4)
    run = jobs.start("dpo", PAIRS, config, tmp_path, launch=TWO)
    (run.path / running.SAVING).write_text("in the way of the result")
    with pytest.raises(TrainingError, match="should be a directory"):
        run.wait(progress=False)
    (run.path / running.SAVING).unlink()
    shutil.rmtree(run.path / "checkpoints" / "checkpoint-10")
    jobs.resume(run, wait=True)
    status = run.status()
    assert (status.state, status.notes[-1]) == ("done", "resumed from checkpoint-8")
    told = runfiles.read_jsonl(run.path / "metrics.jsonl")
    first, again = told[:10], told[10:]
    assert [row["step"] for row in first] == list(range(1, 11))
    assert [row["step"] for row in again] == [9, 10]
    bf16 = run.manifest()["dtype"] == "bfloat16"
    assert [row["loss"] for row in again] == pytest.approx(
        [row["loss"] for row in first[8:]], rel=5e-3 if bf16 else 1e-5
    )
    assert (run.path / "adapter").is_dir()
    assert not (run.path / "checkpoints").exists()


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts a run whose two processes do `work` instead of training; nothing of it outlives the test."""
    run: list[Run] = []

    def start(work: str) -> Run:
        # accelerate starts `-m workbench.training.work`; a module before it on the path, loaded at start-up, changes it
        (tmp_path / "sitecustomize.py").write_text(
            "import os, runpy, sys\n"
            "if 'RANK' in os.environ:\n"
            "    def module(name, *more, **options):\n"
            "        import time\n"
            "        from workbench.training import runfiles, work as process, workers\n"
            "        rank = int(os.environ['RANK'])\n"
            "        def work(path, reporter):\n"
            "            import signal\n"
            "            reporter.phase('training', 9)\n"
            f"            {work}\n"
            "        process.work = work\n"
            "        sys.exit(process.main(sys.argv[-1]))\n"
            "    runpy._run_module_as_main = module\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with monkeypatch.context() as patched:
            patched.setattr(models, "require_train", lambda: None)
            run.append(jobs.start("dpo", ROWS, runs_dir=tmp_path / "runs", launch=TWO))
        return run[0]

    yield start
    for one in run:
        status = runfiles.read_status(one.path)
        if status.pid and runfiles.process_started(status.pid) == status.pid_started:
            os.kill(status.pid, signal.SIGKILL)
        processes.reap(one.path)


def ranks(run: Run) -> list[int]:
    """The numbers of the run's two processes, once both are at work."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        found = {int(rank): int(number) for rank, number in re.findall(r"rank (\d) is (\d+)\.", run.log_tail(200))}
        if len(found) == 2:
            return [found[0], found[1]]
        if run.status().over:
            break
        time.sleep(0.1)
    raise AssertionError(f"never two processes: {run.status()}, log: {run.log_tail(60)}")


def gone(numbers: Sequence[int], patience_s: float = 60) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if not any(runfiles.process_started(number) for number in numbers):
            return True
        time.sleep(0.1)
    return False


def ended(run: Run) -> runfiles.Status:
    """The run's last status, as any reader sees it on the way: never one that is taken back."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        status = run.status()
        if status.over:
            time.sleep(1)
            assert run.status() == status
            return status
        time.sleep(0.02)
    raise AssertionError(f"never over: {run.status()}, log: {run.log_tail(60)}")


# One write, for `print` makes two (the text, the line's end), between which the other process may write.
SAID = "os.write(1, f'rank {rank} is {os.getpid()}.\\n'.encode())"
WAITING = f"{SAID}; time.sleep(600)"
# Each step waits for the other process.
TOGETHER = (
    "import torch; torch.distributed.init_process_group('gloo'); "
    f"{SAID}; "
    "[(time.sleep(0.02), torch.distributed.all_reduce(torch.ones(1))) for _ in range(10**6)]"
)


@pytest.mark.train
def test_a_killed_process_fails_the_run_and_the_others_do_not_train_on(two: Any) -> None:
    run = two(TOGETHER)
    numbers = ranks(run)
    leader = run.status().pid
    assert leader not in numbers
    os.kill(numbers[1], signal.SIGKILL)
    status = ended(run)
    assert status.state == "failed"
    assert status.reason.startswith("process 1 of 2 was killed by SIGKILL -> if nobody did it, memory ran out")
    assert gone([*numbers, leader])


@pytest.mark.train
def test_what_one_process_fails_of_is_the_runs_reason(two: Any) -> None:
    run = two("exec('if rank == 1: raise OSError(28, \"No space left on device\")'); " + TOGETHER)
    status = ended(run)
    assert (status.state, status.reason) == (
        "failed",
        "disk full -> free some space and start again (process 1 of 2)",
    )
    assert "OSError: [Errno 28] No space left on device" in run.log_tail(400)


@pytest.mark.train
def test_cancel_stops_all_processes(two: Any) -> None:
    run = two(WAITING)
    numbers = ranks(run)
    leader = run.status().pid
    assert run.cancel().state == "cancelled"
    assert gone([*numbers, leader])
    assert ended(run).state == "cancelled"


@pytest.mark.train
def test_processes_that_will_not_stop_end_with_their_leader(two: Any) -> None:
    run = two("signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITING)
    numbers = ranks(run)
    leader = run.status().pid
    assert run.cancel(patience_s=0.5).state == "cancelled"  # the leader is killed, and can tell nobody
    assert gone([*numbers, leader])
    assert ended(run).state == "cancelled"
