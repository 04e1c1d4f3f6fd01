"""A pilot in which annotators want one thing: brief answers, asked for in three ways.

Whether a proof can find an effect is shown where there is one to find. A model of 135M parameters learns little from
200 pairs; that answers should be shorter is within its reach, and where every prompt asks for it, it is what is right.
The prompts are made here, the answers drawn from the embedded model, the labels simulated.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workbench.pilot import toml
from workbench.pilot.config import Candidates, Person, PilotConfig, Simulation
from workbench.records import Constraint, Prompt, content_id

if TYPE_CHECKING:
    from pathlib import Path

_LISTED = (
    "a lighthouse, rain, honey, a compass, bread, a bicycle, the moon, a garden, salt, a library, snow, a "
    "bridge, tea, a train, wool, a map, an island, a clock, soap, a river, paper, a harbour, glass, a market, "
    "cheese, a desert, ice, a farm, silk, a museum, thunder, a ladder, coffee, a forest, a candle, a tunnel, "
    "butter, a school, a volcano, rope, a mirror, a ship, cotton, a castle, fog, a piano, chocolate, a "
    "windmill, a beach, a kite, steam, a hospital, gold, a telescope, a cave, pepper, a stadium, a comet, ink, "
    "a canal, a violin, clay, a theatre, a glacier, rice, a boat, a bakery, wind, a drum, a fountain, sugar, "
    "an orchard, a tower, iron, a puppet, a valley, milk, an anchor, a hill, a pencil"
)
SUBJECTS = _LISTED.split(", ")
# Every fifth subject is held out, with all that is asked of it.
_HELD_OUT = 5
# Asked so that the embedded model does it about half the time: only answers that differ in it teach anything.
_WAYS = (
    ("max_words", "What is {}? Answer in at most {} words.", (12, 15)),
    ("max_words", "Describe {} in no more than {} words.", (12, 15, 18)),
    ("no_commas", "Tell me about {}. Do not use any commas.", (0,)),
)


def prompts() -> list[Prompt]:
    """Each subject asked about in three ways, 240 in all, a fifth of them held out."""
    made = []
    for place, subject in enumerate(SUBJECTS):
        for kind, question, numbers in _WAYS:
            n = numbers[place % len(numbers)]
            text = question.format(subject, n)
            params = {} if kind == "no_commas" else {"n": n}
            made.append(
                Prompt(
                    id=content_id("p", text),
                    prompt=text,
                    category=kind,
                    constraints=(Constraint(id="c1", kind=kind, params=params),),
                    split="test" if place % _HELD_OUT == 0 else "train",
                )
            )
    return made


def write(folder: Path, guideline: Path) -> None:
    """A pilot's folder, without its responses: `Pilot.generate` draws them."""
    folder.mkdir(parents=True)
    people = [
        Person(id=f"s{number}", source="simulated", skill=skill, tie_threshold=0.5)
        for number, skill in enumerate((5.0, 4.0, 3.5, 4.0, 3.0, 1.5), start=1)
    ]
    config = PilotConfig(
        name="brief",
        title="Brief answers",
        task="pairwise",
        guideline=str(guideline),
        candidates=Candidates(max_new_tokens=96, temperatures=(0.7, 1.0)),
        annotators=tuple(people),
        simulation=Simulation(started=datetime(2026, 1, 5, 9, tzinfo=UTC)),
    )
    (folder / "pilot.toml").write_text(toml.text(config), encoding="utf-8")
    lines = "".join(one.canonical() + "\n" for one in prompts())
    (folder / "prompts.jsonl").write_text(lines, encoding="utf-8")
