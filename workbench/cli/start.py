"""How one begins: the whole loop once, a new pilot, labels from elsewhere, and whether all is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.common import Storage, pairs_of, say

SHIPPED = Path("pilots/instruction-following-smollm2")

commands = typer.Typer()


@commands.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="the pilot to run")] = SHIPPED,
    pairs: Annotated[int, typer.Option(help="most preference pairs to train on; fewer is quicker")] = 64,
) -> None:
    """The whole loop on the shipped pilot: agreement, disagreements, cost, export, a DPO run, a report."""
    from workbench.pilot.demo import run

    run(folder, pairs=pairs)


@commands.command()
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
    say(f"made {folder}: edit {folder / 'pilot.toml'} and {folder / pilot.config.guideline}")
    example = '{"prompt": "Say hello in five words.", "category": "greeting"}'
    say(f"then write {folder / 'prompts.jsonl'}, one prompt a line: {example}, and: workbench generate {folder}")
    if task in TABLE_TASKS:
        given = "" if task == "pairwise" else f" --task {task}"
        say(f"or, where there are labels already: workbench import FILE {folder}{given}")


@commands.command("import")
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
        columns=pairs_of(column or [], "--column", "ours=theirs"),
        task=task,
        label_map=pairs_of(label or [], "--label", "old=new"),
        storage=storage,
    )
    aside = f"; {told['quarantined']} rows kept aside" if told["quarantined"] else ""
    texts = f"; {told['filled']} items got texts they lacked" if told["filled"] else ""
    say(
        f"{told['rows']} rows: {told['labels']} labels, {told['annotators']} annotators, {told['judged']} items "
        f"({told['new']} labels and {told['items']} items are new){aside}{texts}"
    )
    say(f"next: workbench agreement {folder}")


@commands.command()
def doctor() -> None:
    """Check versions, extras, browser, model, GPU, and say what to install. Exit code 1 when the core is broken."""
    from workbench.pilot.doctor import check

    findings = check()
    for finding in findings:
        mark = {"ok": "ok     ", "missing": "missing", "broken": "BROKEN "}[finding.state]
        advice = f"  -> {finding.advice}" if finding.advice else ""
        say(f"{mark}  {finding.what}: {finding.found}{advice}")
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)
