"""A batch from its answers to its labels, and the pages on which people give them."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.cli.common import Folder, Storage, open_, say, warn

commands = typer.Typer()


@commands.command()
def generate(folder: Folder, storage: Storage = None) -> None:
    """Generate responses to the pilot's prompts and make items; continues where a stopped run left off."""
    built = open_(folder, storage).generate()
    say(built)


@commands.command()
def plan(folder: Folder, storage: Storage = None) -> None:
    """Share the items out among the annotators of pilot.toml: overlap, gold, hidden repeats, balanced sides."""
    made = open_(folder, storage).plan()
    say(
        f"{made.n_assignments} assignments: {made.n_items} items x overlap {made.overlap}, {made.n_gold} gold, "
        f"{made.n_repeats} repeats; {made.per_annotator}"
    )


@commands.command()
def simulate(folder: Folder, storage: Storage = None) -> None:
    """Plan the batch and store labels of SIMULATED annotators; exports them to exports/events.jsonl."""
    pilot = open_(folder, storage)
    pilot.plan()
    n = pilot.simulate()
    say(f"{n} simulated labels stored and exported to {pilot.export().relative_to(pilot.folder)}")


@commands.command()
def status(folder: Folder, storage: Storage = None) -> None:
    """Design, progress, guideline version, what is simulated, training runs."""
    pilot = open_(folder, storage)
    say(pilot.card())
    for run in pilot.runs():
        say(run)


@commands.command()
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

    pilot = open_(folder, storage)
    if revoke is not None:
        n = serving.revoke(pilot, revoke)
        say(f"{n} links of {revoke} taken back; open pages end within seconds")
    elif list_:
        for one in serving.invitations(pilot):
            more = f", {one.n_open} links" if one.n_open > 1 else ""
            say(f"{one.annotator}  {one.state} until {one.expires_at:%Y-%m-%d %H:%M} UTC{more}, {one.n_labels} labels")
    else:
        warn(pilot)
        for link in serving.invite(pilot, annotators or [], days=days, url=url):
            say(f"{link.annotator}  {link.url}")
        say(f"good for {days:g} days. Send each person their own: who has a link labels as them.")


@commands.command()
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
    pilot = open_(folder, storage)
    warn(pilot)
    serving.serve(pilot, options)
