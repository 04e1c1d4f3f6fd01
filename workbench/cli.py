"""The `workbench` command: thin calls of the functions a notebook uses.

Exit codes: 0 done, 1 something you can act on (one line says what), 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench import __version__
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.pilot import Pilot

SHIPPED = Path("pilots/instruction-following-smollm2")

app = typer.Typer(
    help="Preference data, from a guideline to a trained adapter and a report.\n\n"
    "A pilot is a folder with pilot.toml (see pilots/). Notebooks are the main interface; these commands do the same "
    "from a shell. Start with: workbench demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Folder = Annotated[Path, typer.Argument(help="the pilot's folder, for example pilots/instruction-following-smollm2")]
RunFolder = Annotated[Path, typer.Argument(help="a run folder, pilots/…/runs/…")]
Storage = Annotated[
    str | None,
    typer.Option(
        envvar="WORKBENCH_STORAGE",
        show_envvar=True,
        help="database URL, for example postgresql+psycopg://… for a team; by default a SQLite file in the folder",
    ),
]

# How labels become rows.
Ties = Annotated[str, typer.Option(help="drop (and count), both directions, or split: half of them each way")]
Desirable = Annotated[list[str] | None, typer.Option(help="for classes: one that is wanted; may repeat")]
Undesirable = Annotated[list[str] | None, typer.Option(help="for classes: one that is not; may repeat")]


def main() -> None:
    """Run the command line; errors a user can act on become one line and exit code 1."""
    try:
        app()
    except WorkbenchError as error:
        typer.secho(f"error: {error}", err=True, fg=typer.colors.RED)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.secho("stopped", err=True)
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="show the version")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="the pilot to run")] = SHIPPED,
    pairs: Annotated[int, typer.Option(help="most preference pairs to train on; fewer is quicker")] = 64,
) -> None:
    """The whole loop on the shipped pilot: agreement, disagreements, cost, export, a DPO run, a report."""
    from workbench.pilot.demo import run

    run(folder, pairs=pairs)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="a folder that does not exist yet, for example pilots/mine")],
    task: Annotated[
        str,
        typer.Option(
            help="pairwise, ranking, likert, classification, red_team, instruction_following, or factual_accuracy"
        ),
    ] = "pairwise",
    title: Annotated[str, typer.Option(help="what people call it")] = "",
) -> None:
    """Make an empty pilot: pilot.toml and a draft of the guideline, to be adapted."""
    from workbench.pilot import new_pilot
    from workbench.pilot.bring_in import TABLE_TASKS

    pilot = new_pilot(folder, task=task, title=title)
    _say(f"made {folder}: edit {folder / 'pilot.toml'} and {folder / pilot.config.guideline}")
    example = '{"prompt": "Say hello in five words.", "category": "greeting"}'
    _say(f"then write {folder / 'prompts.jsonl'}, one prompt a line: {example}, and: workbench generate {folder}")
    if task in TABLE_TASKS:
        given = "" if task == "pairwise" else f" --task {task}"
        _say(f"or, where there are labels already: workbench import FILE {folder}{given}")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet table, or a PandaLM or MT-bench folder")],
    folder: Annotated[Path, typer.Argument(help="the pilot to fill; made when it does not exist")],
    shape: Annotated[str, typer.Option(help="auto, table, pandalm, or mtbench")] = "auto",
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="for table: ours=theirs, for example --column annotator=worker. Ours are item, annotator, label; "
            "prompt, response_a, response_b; model_a, model_b, left, category, reason, pool, submitted_at, duration_s"
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="for table: pairwise, classification or likert; by default the pilot's, for a new one pairwise"
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="for table: what a label means, old=new, for example --label 1=A --label 2=B --label 0=tie"),
    ] = None,
    storage: Storage = None,
) -> None:
    """Bring outside labels in. Rows that cannot be read are kept aside with the reason; twice adds nothing.

    A table has one row a label, with the columns item, annotator and label; export and training also need prompt,
    response_a and response_b (a later import of the same table with these adds them).
    """
    from workbench.pilot.bring_in import import_into

    told = import_into(
        folder,
        source,
        shape=shape,
        columns=_pairs(column or [], "--column", "ours=theirs"),
        task=task,
        label_map=_pairs(label or [], "--label", "old=new"),
        storage=storage,
    )
    aside = f"; {told['quarantined']} rows kept aside" if told["quarantined"] else ""
    texts = f"; {told['filled']} items got texts they lacked" if told["filled"] else ""
    _say(
        f"{told['rows']} rows: {told['labels']} labels, {told['annotators']} annotators, {told['judged']} items "
        f"({told['new']} labels and {told['items']} items are new){aside}{texts}"
    )
    _say(f"next: workbench agreement {folder}")


@app.command()
def generate(folder: Folder, storage: Storage = None) -> None:
    """Generate responses to the pilot's prompts and make items; continues where a stopped run left off."""
    built = _open(folder, storage).generate()
    _say(built)


@app.command()
def plan(folder: Folder, storage: Storage = None) -> None:
    """Share the items out among the annotators of pilot.toml: overlap, gold, hidden repeats, balanced sides."""
    made = _open(folder, storage).plan()
    _say(
        f"{made.n_assignments} assignments: {made.n_items} items x overlap {made.overlap}, {made.n_gold} gold, "
        f"{made.n_repeats} repeats; {made.per_annotator}"
    )


@app.command()
def simulate(folder: Folder, storage: Storage = None) -> None:
    """Plan the batch and store labels of SIMULATED annotators; exports them to exports/events.jsonl."""
    pilot = _open(folder, storage)
    pilot.plan()
    n = pilot.simulate()
    _say(f"{n} simulated labels stored and exported to {pilot.export().relative_to(pilot.folder)}")


@app.command()
def status(folder: Folder, storage: Storage = None) -> None:
    """Design, progress, guideline version, what is simulated, training runs."""
    pilot = _open(folder, storage)
    _say(pilot.card())
    for run in pilot.runs():
        _say(run)


@app.command()
def agreement(
    folder: Folder,
    worst: Annotated[int, typer.Option(help="how many disputed items to list")] = 5,
    storage: Storage = None,
) -> None:
    """Verdicts and coefficients with intervals, annotators against gold, the worst disagreements."""
    pilot = _open(folder, storage)
    _say(pilot.agreement())
    _say("")
    _say(pilot.quality())
    if worst:
        _say("")
        _say(pilot.disagreements(worst))


@app.command()
def cost(
    folder: Folder,
    scale_to: Annotated[int, typer.Option(help="usable items wanted")] = 10_000,
    storage: Storage = None,
) -> None:
    """What scaling up costs with this pilot's overlap, gold share and pace, at the prices of pilot.toml."""
    _say(_open(folder, storage).cost(scale_to))


@app.command()
def export(
    folder: Folder,
    kind: Annotated[
        str, typer.Option(help="rows for sft, reward, dpo, kto or policy; by default preference rows of pairs")
    ] = "",
    ties: Ties = "",
    decide: Annotated[str, typer.Option(help="for pairs: votes, or model (weighs annotators, adds p_model)")] = "",
    pairs: Annotated[str, typer.Option(help="for rankings: all, or best_worst")] = "",
    by_votes: Annotated[bool, typer.Option("--by-votes", help="one row a vote, for loss votes")] = False,
    clear: Annotated[float | None, typer.Option(help="for sft and kto of pairs: smallest margin, 0 to 1")] = None,
    threshold: Annotated[float | None, typer.Option(help="for ratings: wanted above it, unwanted below")] = None,
    min_gap: Annotated[float | None, typer.Option(help="smallest difference of scores that makes a pair")] = None,
    criterion: Annotated[str, typer.Option(help="for ratings: only this one")] = "",
    desirable: Desirable = None,
    undesirable: Undesirable = None,
    withstood: Annotated[str, typer.Option(help="for attacks that failed: drop, or wanted")] = "",
    storage: Storage = None,
) -> None:
    """Write all events as canonical lines, and rows for training with a ledger of unused labels and a card."""
    from workbench import exporters

    pilot = _open(folder, storage)
    _one_of(kind, exporters.KINDS, "--kind")
    _one_of(ties, exporters.TIES, "--ties")
    given = {
        "ties": ties,
        "decide": decide,
        "pairs": pairs,
        "by_votes": by_votes,
        "clear": clear,
        "threshold": threshold,
        "min_gap": min_gap,
        "criterion": criterion,
        "desirable": desirable,
        "undesirable": undesirable,
        "withstood": withstood,
    }
    options = {name: value for name, value in given.items() if value or (value == 0.0 and value is not False)}
    _say(f"all events in {pilot.export()}")
    if not kind and pilot.config.task != "pairwise":
        _say(f"no preference rows: they are made of pairwise labels, and this pilot's are {pilot.config.task}")
        _say(f"for other rows: workbench export {folder} --kind sft, reward, dpo, kto or policy")
        return
    made = pilot.rows(kind or "dpo", **options)
    target = pilot.folder / "preferences" / kind
    exporters.write(made, target)
    _say(made)
    _say(f"written to {folder / 'preferences' / kind}")


@app.command()
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

    _one_of(kind, exporters.KINDS, "--kind")
    _one_of(ties, exporters.TIES, "--ties")
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
    more = {name: _value(text) for name, text in _pairs(set_ or [], "--set", "name=value").items()}
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
    pilot = _open(folder, storage)
    if dry_run:
        _say_estimate(kind, pilot.estimate(kind, max_pairs=pairs, launch=launch, **options))
        return
    run = pilot.train(kind, max_pairs=pairs, placebo=placebo, launch=launch, **options)
    _say(f"started {run.path}")
    for rank in range(1, launch.num_machines):
        _say(f"on host {rank}, run: workbench join {run.path} --machine-rank {rank}")
    run.wait()
    _say(run)
    if evaluate and kind != "reward":
        _say(pilot.evaluate(run))


@app.command()
def resume(run: RunFolder) -> None:
    """Go on with a run that failed or was stopped, from its last checkpoint, and follow it to its end."""
    from workbench.training import jobs, runs

    going = jobs.resume(runs.Run(run))
    _say(going.status().notes[-1])
    _say(going.wait().state)


@app.command()
def join(run: RunFolder, machine_rank: Annotated[int, typer.Option(help="this host's number: 1, 2, …")]) -> None:
    """Take part, from another host that sees the run's folder, in a run started with --num-machines."""
    from workbench.training import processes

    raise typer.Exit(processes.join(run, machine_rank))


@app.command()
def cancel(run: RunFolder) -> None:
    """Stop a training run that is under way."""
    from workbench.training.runs import Run

    Run(run).cancel()
    _say(Run(run))


@app.command()
def report(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="where to write it")] = None,
    storage: Storage = None,
) -> None:
    """Write one self-contained HTML page that reads offline; prints its path."""
    _say(_open(folder, storage).report(out))


@app.command()
def invite(
    folder: Folder,
    annotators: Annotated[list[str] | None, typer.Argument(help="who, by the id their labels will carry")] = None,
    days: Annotated[float, typer.Option(help="how long the links open the page")] = 14,
    url: Annotated[str, typer.Option(help="the page's address, as people type it in")] = "http://127.0.0.1:8866/",
    list_: Annotated[bool, typer.Option("--list", help="show who is invited, and how far they are")] = False,
    revoke: Annotated[
        str | None, typer.Option(help="take back this annotator's links, also while a page is open")
    ] = None,
    storage: Storage = None,
) -> None:
    """Make secret links to the labelling page, one a person. They are shown once; only their hash is kept."""
    from workbench import serve as serving

    pilot = _open(folder, storage)
    if revoke is not None:
        n = serving.revoke(pilot, revoke)
        _say(f"{n} links of {revoke} taken back; open pages end within seconds")
    elif list_:
        for one in serving.invitations(pilot):
            more = f", {one.n_open} links" if one.n_open > 1 else ""
            _say(f"{one.annotator}  {one.state} until {one.expires_at:%Y-%m-%d %H:%M} UTC{more}, {one.n_labels} labels")
    else:
        _warn(pilot)
        for link in serving.invite(pilot, annotators or [], days=days, url=url):
            _say(f"{link.annotator}  {link.url}")
        _say(f"good for {days:g} days. Send each person their own: who has a link labels as them.")


@app.command()
def serve(
    folder: Folder,
    port: Annotated[int, typer.Option(help="port to listen on")] = 8866,
    ip: Annotated[
        str, typer.Option(help="address to listen on; others than 127.0.0.1 are reachable from outside")
    ] = "127.0.0.1",
    url: Annotated[str, typer.Option(help="the page's address, as people type it in, where a proxy is in front")] = "",
    behind_proxy: Annotated[
        bool, typer.Option(help="believe X-Forwarded-For and -Proto, which a proxy must set")
    ] = False,
    max_sessions: Annotated[int, typer.Option(help="pages open at once; each has a process of about 115 MB")] = 20,
    idle_minutes: Annotated[float, typer.Option(help="a page on which nothing was done for so long is ended")] = 20,
    model: Annotated[str, typer.Option(help="for red teaming: who answers, for example smollm2-135m-instruct")] = "",
    model_url: Annotated[str, typer.Option(help="where that model is served (OpenAI chat protocol); else here")] = "",
    storage: Storage = None,
) -> None:
    """Serve the labelling page to people who were invited (see `workbench invite`), until Ctrl-C."""
    from workbench import serve as serving

    options = serving.Options(
        ip=ip,
        port=port,
        url=url,
        behind_proxy=behind_proxy,
        max_sessions=max_sessions,
        idle_minutes=idle_minutes,
        model=model,
        model_url=model_url,
    )
    pilot = _open(folder, storage)
    _warn(pilot)
    serving.serve(pilot, options)


@app.command()
def doctor() -> None:
    """Check versions, extras, browser, model, GPU, and say what to install. Exit code 1 when the core is broken."""
    from workbench.pilot.doctor import check

    findings = check()
    for finding in findings:
        mark = {"ok": "ok     ", "missing": "missing", "broken": "BROKEN "}[finding.state]
        advice = f"  -> {finding.advice}" if finding.advice else ""
        _say(f"{mark}  {finding.what}: {finding.found}{advice}")
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def _open(folder: Path, storage: str | None) -> Pilot:
    from workbench.pilot import open_pilot

    return open_pilot(folder, storage)


def _warn(pilot: Pilot) -> None:
    """Say on stderr what is unfinished in the guideline that people are about to be shown."""
    warning = pilot.guideline_warning()
    if warning:
        typer.secho(f"warning: {warning}", err=True, fg=typer.colors.YELLOW)


def _one_of(given: str, allowed: Sequence[str], option: str) -> None:
    if given and given not in allowed:
        raise typer.BadParameter(f"got {given!r}; allowed are {', '.join(allowed)}", param_hint=option)


def _pairs(given: list[str], option: str, form: str) -> dict[str, str]:
    for text in given:
        if "=" not in text:
            raise typer.BadParameter(f"write {form}, got {text!r}", param_hint=option)
    return dict(text.split("=", 1) for text in given)


def _value(text: str) -> Any:
    """A setting's value: a number, true, false or null where it reads as one, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _say_estimate(kind: str, found: Mapping[str, Any]) -> None:
    memory, seconds = found["memory_mb"], found["seconds"]
    _say(
        f"{kind}: {found['steps']} steps, {found['tokens']:,} tokens, "
        + ("memory unknown" if memory is None else f"about {memory:,.0f} MB a process")
        + ", "
        + ("time unknown" if seconds is None else f"about {seconds / 60:,.1f} minutes")
    )
    for line in found["lines"]:
        _say(f"  {line}")


def _say(what: Any) -> None:
    typer.echo(str(what))
