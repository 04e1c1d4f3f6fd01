"""What labels tell and become: agreement, cost, rows for training, the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.common import Desirable, Folder, Storage, Ties, Undesirable, one_of, open_, say

Out = Annotated[Path | None, typer.Option(help="where to write it")]

commands = typer.Typer()


@commands.command()
def agreement(
    folder: Folder,
    worst: Annotated[int, typer.Option(help="how many disputed items to list")] = 5,
    storage: Storage = None,
) -> None:
    """Verdicts and coefficients with intervals, annotators against gold, the worst disagreements."""
    pilot = open_(folder, storage)
    say(pilot.agreement())
    say("")
    say(pilot.quality())
    if worst:
        say("")
        say(pilot.disagreements(worst))


@commands.command()
def cost(
    folder: Folder,
    scale_to: Annotated[int, typer.Option(help="usable items wanted")] = 10_000,
    storage: Storage = None,
) -> None:
    """What scaling up costs with this pilot's overlap, gold share and pace, at the prices of pilot.toml."""
    say(open_(folder, storage).cost(scale_to))


@commands.command()
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

    pilot = open_(folder, storage)
    one_of(kind, exporters.KINDS, "--kind")
    one_of(ties, exporters.TIES, "--ties")
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
    say(f"all events in {pilot.export()}")
    if not kind and pilot.config.task != "pairwise":
        say(f"no preference rows: they are made of pairwise labels, and this pilot's are {pilot.config.task}")
        say(f"for other rows: workbench export {folder} --kind sft, reward, dpo, kto or policy")
        return
    made = pilot.rows(kind or "dpo", **options)
    target = pilot.folder / "preferences" / kind
    exporters.write(made, target)
    say(made)
    say(f"written to {folder / 'preferences' / kind}")


@commands.command()
def report(
    folder: Folder,
    out: Out = None,
    storage: Storage = None,
) -> None:
    """Write one self-contained HTML page that reads offline; prints its path."""
    say(open_(folder, storage).report(out))
