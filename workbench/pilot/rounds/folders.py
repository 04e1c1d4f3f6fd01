"""The folders of a pilot's rounds: which follows which, whose answers they compare, why prompts were chosen."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from workbench import guidelines
from workbench.design.rounds import Reason
from workbench.errors import PilotError, WorkbenchError
from workbench.records import Id, Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.pilot.opening import Pilot

CHOSEN = "chosen.jsonl"
# Stands above every `pilot.toml` of a round.
HEAD = "A round made by next_round; [round] says what it follows and whose answers are compared."
_VERSION = re.compile(r"v([1-9][0-9]*)\.md$")


class Asked(Record):
    """One line of `chosen.jsonl`: a prompt, the one reason it was chosen for, and the number that decided.

    `trained` says that the adapter, or an earlier one, was trained on this prompt.
    """

    prompt_id: Id
    reason: Reason
    value: float | None = None
    trained: bool = False


def chain(pilot: Pilot) -> list[Pilot]:
    """The pilots of all rounds up to this one, round 0 first.

    Raises
    ------
    PilotError
        When a folder on the way is not there, or the rounds do not count down to 0.
    """
    from workbench.pilot.opening import Pilot as Opened

    found = [pilot]
    while (about := found[0].config.round) is not None:
        later = found[0]
        folder = later.folder / about.previous
        earlier = Opened(folder, None if later.storage == own_storage(later) else later.storage)
        if earlier.config.round_number != about.number - 1:
            raise PilotError(
                f"round {about.number} follows a pilot that is not round {about.number - 1}",
                where=str(later.folder / "pilot.toml"),
                next_step="correct previous and number under [round]",
            )
        found.insert(0, earlier)
    return found


def run_of(pilot: Pilot) -> Path | None:
    """The folder of the run whose adapter wrote a round's candidates; None for round 0."""
    return (pilot.folder / pilot.config.round.run).resolve() if pilot.config.round else None


def system_of(model: str, runs: Sequence[str]) -> str:
    """`round k` for the adapter that run k of these made, `round 0` for the model they started from.

    Folders differ in the path by which they name a model, so names are compared by the run at their end.
    """
    return next((f"round {k}" for k, name in enumerate(runs, start=1) if model.endswith(f"+{name}")), "round 0")


def asked_of(pilot: Pilot) -> list[Asked]:
    """Why each prompt of a round was chosen, in the order of the choice; empty for round 0."""
    path = pilot.folder / CHOSEN
    if pilot.config.round is None:
        return []
    try:
        text = path.read_text(encoding="utf-8")
        return [Asked.parse(json.loads(line)) for line in text.removesuffix("\n").split("\n")]
    except (OSError, ValueError, TypeError) as error:
        raise PilotError(f"cannot read why prompts were chosen: {str(error)[:200]}", where=str(path)) from None


def own_storage(pilot: Pilot) -> str:
    """Where a pilot keeps its labels unless told otherwise."""
    return f"sqlite:///{pilot.folder / 'store.sqlite'}"


def newest_guideline(pilot: Pilot) -> Path:
    """The guideline's file, or that of a later version beside it which is finished."""
    from workbench.pilot.template import unfinished

    used = (pilot.folder / pilot.config.guideline).resolve()
    versions = {int(found[1]): path for path in used.parent.glob("v*.md") if (found := _VERSION.match(path.name))}
    now = _VERSION.match(used.name)
    for number in sorted(versions, reverse=True):
        if now is None or number <= int(now[1]):
            break
        try:
            if not unfinished(guidelines.load(versions[number])):
                return versions[number]
        except WorkbenchError:  # somebody is still writing it
            continue
    return used
