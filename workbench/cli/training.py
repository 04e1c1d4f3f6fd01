"""Training runs: what one would take, starting, following, resuming and stopping it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.cli.common import Desirable, Folder, RunFolder, Storage, Ties, Undesirable, one_of, open_, pairs_of, say

if TYPE_CHECKING:
    from collections.abc import Mapping

commands = typer.Typer()


@commands.command()
def train(
    folder: Folder,
    kind: Annotated[str, typer.Option(help="dpo, sft, reward, kto, or policy (GRPO, RLOO)")] = "dpo",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what the run would take, and start nothing")] = False,
    loss: Annotated[str | None, typer.Option(help="dpo: sigmoid, robust, ipo or votes; kto has its own")] = None,
    beta: Annotated[float | None, typer.Option(help="strength of the pull to the start model")] = None,
    label_smoothing: Annotated[
        float | None,
        typer.Option("--label-smoothing", "--epsilon", help="flip rate, for robust; else what the labels tell"),
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="step size")] = None,
    epochs: Annotated[float | None, typer.Option(help="passes over the rows")] = None,
    max_steps: Annotated[int | None, typer.Option(help="optimiser steps")] = None,
    time_budget: Annotated[float | None, typer.Option(help="minutes after which training ends")] = None,
    save_every: Annotated[int | None, typer.Option(help="steps between checkpoints, for: workbench resume")] = None,
    seed: Annotated[int | None, typer.Option(help="seed of the run")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="any other, name=value: --set lora_r=8 --set reward_run=pilots/…/runs/…"),
    ] = None,
    ties: Ties = "",
    desirable: Desirable = None,
    undesirable: Undesirable = None,
    pairs: Annotated[int | None, typer.Option(help="most pairs (or other rows) to train on")] = None,
    placebo: Annotated[
        bool, typer.Option("--placebo", help="shuffle the labels, to hold the real run against")
    ] = False,
    launcher: Annotated[str, typer.Option(help="python, or accelerate for several processes")] = "python",
    num_processes: Annotated[int, typer.Option(help="over all hosts, one a GPU")] = 1,
    accelerate_config: Annotated[
        str, typer.Option(help="ddp, fsdp or zero3, or a file made by: accelerate config")
    ] = "ddp",
    num_machines: Annotated[int, typer.Option(help="hosts; the others run: workbench join")] = 1,
    main_process_ip: Annotated[str, typer.Option(help="this host's address, for the others")] = "",
    main_process_port: Annotated[int | None, typer.Option(help="by default a free one")] = None,
    evaluate: Annotated[bool, typer.Option(help="compare base and adapter on held-out prompts afterwards")] = True,
    storage: Storage = None,
) -> None:
    """Train on the pilot's labels in processes of their own and show what it changed. Ctrl-C leaves the run going."""
    from workbench import exporters
    from workbench.training.launching import Launch

    one_of(kind, exporters.KINDS, "--kind")
    one_of(ties, exporters.TIES, "--ties")
    given: dict[str, Any] = {
        "loss": loss,
        "beta": beta,
        "label_smoothing": label_smoothing,
        "learning_rate": learning_rate,
        "epochs": epochs,
        "max_steps": max_steps,
        "time_budget_s": None if time_budget is None else time_budget * 60,
        "save_every": save_every,
        "seed": seed,
        "ties": ties or None,
        "desirable": desirable or None,
        "undesirable": undesirable or None,
    }
    more = {name: _value(text) for name, text in pairs_of(set_ or [], "--set", "name=value").items()}
    options = {name: value for name, value in given.items() if value is not None} | more
    launch = Launch.parse(
        {
            "launcher": launcher,
            "num_processes": num_processes,
            "config_file": accelerate_config,
            "num_machines": num_machines,
            "main_process_ip": main_process_ip,
            "main_process_port": main_process_port,
        }
    )
    pilot = open_(folder, storage)
    if dry_run:
        _say_estimate(kind, pilot.estimate(kind, max_pairs=pairs, launch=launch, **options))
        return
    run = pilot.train(kind, max_pairs=pairs, placebo=placebo, launch=launch, **options)
    say(f"started {run.path}")
    for rank in range(1, launch.num_machines):
        say(f"on host {rank}, run: workbench join {run.path} --machine-rank {rank}")
    run.wait()
    say(run)
    if evaluate and kind != "reward":
        say(pilot.evaluate(run))


@commands.command()
def resume(run: RunFolder) -> None:
    """Go on with a run that failed or was stopped, from its last checkpoint, and follow it to its end."""
    from workbench.training import jobs, runs

    going = jobs.resume(runs.Run(run))
    say(going.status().notes[-1])
    say(going.wait().state)


@commands.command()
def join(run: RunFolder, machine_rank: Annotated[int, typer.Option(help="this host's number: 1, 2, …")]) -> None:
    """Take part, from another host that sees the run's folder, in a run started with --num-machines."""
    from workbench.training import processes

    raise typer.Exit(processes.join(run, machine_rank))


@commands.command()
def cancel(run: RunFolder) -> None:
    """Stop a training run that is under way."""
    from workbench.training.runs import Run

    Run(run).cancel()
    say(Run(run))


def _value(text: str) -> Any:
    """A setting's value: a number, true, false or null where it reads as one, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _say_estimate(kind: str, found: Mapping[str, Any]) -> None:
    memory, seconds = found["memory_mb"], found["seconds"]
    say(
        f"{kind}: {found['steps']} steps, {found['tokens']:,} tokens, "
        + ("memory unknown" if memory is None else f"about {memory:,.0f} MB a process")
        + ", "
        + ("time unknown" if seconds is None else f"about {seconds / 60:,.1f} minutes")
    )
    for line in found["lines"]:
        say(f"  {line}")
