"""Make the next round: a pilot folder of its own, with the prompts chosen and what is asked of the models.

`prompts.jsonl` holds the prompts of the round and all that are held out, `chosen.jsonl` why each was chosen.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import design
from workbench.errors import PilotError
from workbench.pilot import toml
from workbench.pilot.config import PilotConfig, Round
from workbench.pilot.rounds.choosing import choose, known_of, margins_of
from workbench.pilot.rounds.folders import CHOSEN, HEAD, Asked, chain, newest_guideline, own_storage, run_of
from workbench.pilot.rounds.pairing import finish

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.design.rounds import Reason
    from workbench.pilot.opening import Pilot
    from workbench.pilot.rounds.choosing import Known
    from workbench.records import Prompt
    from workbench.training.runs import Run

_BETWEEN = timedelta(days=7)


def next_round(
    pilot: Pilot,
    run: Run,
    folder: str | Path | None = None,
    *,
    n: int = 40,
    quotas: Mapping[Reason, int] | None = None,
    prompts: Sequence[Prompt] = (),
    margins: Mapping[str, float] | Run | None = None,
    seed: int = 0,
    **asking: Any,
) -> Pilot:
    """See `Pilot.next_round`."""
    from workbench.pilot.opening import Pilot as Opened

    _check(pilot, run)
    pilots = chain(pilot)
    number = len(pilots)
    target = Path(folder).resolve() if folder else pilots[0].folder / "rounds" / str(number)
    about = Round(
        number=number,
        previous=os.path.relpath(pilot.folder, target),
        run=os.path.relpath(run.path.resolve(), target),
        n=n,
        seed=seed,
    )
    storage = None if pilot.storage == own_storage(pilot) else pilot.storage
    if (target / "pilot.toml").exists():
        there = Opened(target, storage)
        _check_same(there, about)
    else:
        wanted = design.wanted_of(n, quotas)
        config = _config(pilots, run, target, about, asking)
        known = known_of(pilots, run, prompts)
        told = margins if isinstance(margins, Mapping) else margins_of(pilots, margins or run, known, wanted, seed)
        choice = choose(known, told, n, wanted, seed)
        about = about.model_copy(update={"notes": choice.notes})
        _write(target, config.model_copy(update={"round": about}), known, choice, pilots)
        there = Opened(target, storage)
    if not there.items:
        finish(there)
    return Opened(target, storage)


def _check(pilot: Pilot, run: Run) -> None:
    if pilot.config.task != "pairwise":
        raise PilotError(f"a round compares answers of two models, this pilot's task is {pilot.config.task}")
    status = run.status()
    if status.state != "done":
        raise PilotError(f"the run is {status.state}, so nothing answers yet", where=str(run.path))
    if run.config().kind == "reward":  # said before anything is written: half a round would stand in the way of another
        raise PilotError("a reward run scores answers and writes none", next_step="give it as margins, with a DPO run")


def _check_same(there: Pilot, about: Round) -> None:
    found = there.config.round
    if found is None or found.model_copy(update={"notes": ()}) != about:
        raise PilotError(
            "there is another pilot here; nothing was changed",
            where=str(there.folder),
            next_step="open it, or give another folder",
        )


def _config(pilots: Sequence[Pilot], run: Run, target: Path, about: Round, asking: Mapping[str, Any]) -> PilotConfig:
    first, last = pilots[0].config, pilots[-1].config
    rivals = [_start(pilots, run)]
    previous = run_of(pilots[-1])
    if previous:
        rivals.append(os.path.relpath(previous, target))
    plain = last.candidates.model_dump(mode="json")
    # An answer drawn again for being like another one would no longer be what the model answers. The seed is another
    # than before, or prompts asked again would get the answers they had.
    fresh = {"redraws": 0, "balance": False, "seed": first.candidates.seed + about.number}
    settings = {**plain, **fresh, **asking, "model": [*rivals, about.run]}
    ways = len(settings["model"]) * max(1, len(settings["systems"])) * len(settings["temperatures"])
    if ways > 8:
        raise PilotError(
            f"{ways} combinations of model, system prompt and temperature, and a prompt has 8 answers at most",
            next_step="next_round(…, temperatures=[0.7], systems=[])",
        )
    # Every model answers every prompt only where all combinations do.
    settings["n"] = max(ways, int(asking.get("n", 0)))
    made = {
        **last.model_dump(),
        "name": f"{first.name}-round{about.number}",
        "title": f"{first.title}, round {about.number}",
        "guideline": os.path.relpath(newest_guideline(pilots[-1]), target),
        "candidates": settings,
        "design": {**last.design.model_dump(), "batch": f"r{about.number}"},
        "round": about.model_dump(),
    }
    if last.simulation:
        made["simulation"] = {**last.simulation.model_dump(), "started": last.simulation.started + _BETWEEN}
    return PilotConfig.parse(made)


def _start(pilots: Sequence[Pilot], run: Run) -> str:
    """The model that round 1's run started from."""
    if len(pilots) == 1:
        return str(run.config().config.model)
    model = pilots[1].config.candidates.model
    return model if isinstance(model, str) else model[0]


def _write(target: Path, config: PilotConfig, known: Known, choice: design.Choice, pilots: Sequence[Pilot]) -> None:
    """The folder, `pilot.toml` last: without it there is no round here, and the call is made again."""
    held_out = {prompt.id: prompt for pilot in pilots for prompt in pilot.prompts if prompt.split == "test"}
    asked = [known.prompts[one.prompt] for one in choice.prompts]
    chosen = [
        Asked(prompt_id=one.prompt, reason=one.reason, value=one.value, trained=one.prompt in known.trained)
        for one in choice.prompts
    ]
    files = {
        "prompts.jsonl": "".join(prompt.canonical() + "\n" for prompt in (*asked, *held_out.values())),
        CHOSEN: "".join(one.canonical() + "\n" for one in chosen),
        "pilot.toml": toml.text(config, HEAD),
    }
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (target / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise PilotError(f"cannot write the round: {error.strerror}", where=str(target)) from None
