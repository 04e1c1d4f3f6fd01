"""`pilot.toml`: everything a pilot was asked to be, checked before anything runs."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from workbench import tasks
from workbench.economics.cost import Prices
from workbench.errors import PilotError, RecordError
from workbench.records import Annotator, Id, Record, Share, Source, TaskName
from workbench.stats.simulate import SimulatedAnnotator

if TYPE_CHECKING:
    from pathlib import Path


class Candidates(Record):
    """How responses are generated (see `training.candidates.generate`) and chosen. A ranking shows `shown` of the `n`.

    With `balance`, `training.pairs.choose` picks what is judged together, over all prompts; without it each prompt's
    most different responses are shown.
    """

    model: str | Annotated[tuple[str, ...], Field(min_length=1)] = "smollm2-135m-instruct"
    n: Annotated[int, Field(ge=1, le=8)] = 4
    shown: Annotated[int, Field(ge=3, le=8)] = 3
    temperatures: tuple[float, ...] = (0.7, 1.0)
    systems: tuple[str, ...] = ()
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    batch_size: Annotated[int, Field(ge=1)] = 64
    seed: int = 0
    redraws: Annotated[int, Field(ge=0, le=20)] = 0
    max_overlap: Annotated[float, Field(gt=0, le=1)] = 0.8
    balance: bool = False


class Design(Record):
    """How the batch is planned (see `design.plan`), or handed out bit by bit (`queue = "open"`).

    In an open batch anybody who is invited gets the next free questions, for `hold_minutes` unless their page is open.
    """

    batch: Id = "b1"
    queue: Literal["planned", "open"] = "planned"
    hold_minutes: Annotated[float, Field(gt=0)] = 30
    overlap: Annotated[int, Field(ge=1)] = 3
    gold_share: Share = 0.1
    repeat_share: Share = 0.05
    seed: int = 0


class Thresholds(Record):
    """What counts as good enough. `agreement` is of Krippendorff's alpha, `raw_agreement` of equal label pairs."""

    agreement: float = 0.6
    raw_agreement: Share = 0.8
    gold_error: Share = 0.15


class Person(Record):
    """One annotator of the pilot. A simulated one also carries its faults (`stats.simulate.SimulatedAnnotator`)."""

    id: Id
    source: Source = "human"
    pool: str = ""
    skill: float | None = None
    tie_threshold: float = 0.5
    length_bias: float = 0.0
    side_bias: float = 0.0
    carelessness: Share = 0.0

    @property
    def annotator(self) -> Annotator:
        """The record that is stored."""
        return Annotator(id=self.id, source=self.source, pool=self.pool)

    @property
    def simulated(self) -> SimulatedAnnotator:
        """The description the simulation reads; `PilotError` for a person who is not simulated."""
        if self.source != "simulated" or self.skill is None:
            raise PilotError(f"annotator {self.id} is {self.source}, only simulated ones with a skill can be simulated")
        return SimulatedAnnotator(
            self.id, self.skill, self.tie_threshold, self.length_bias, self.side_bias, self.carelessness
        )


class Simulation(Record):
    """Seed, pretended start of work, and how much of a response's quality no verifier sees (standard deviation)."""

    seed: int = 0
    started: AwareDatetime
    hidden_quality: Annotated[float, Field(ge=0)] = 0.25


class Round(Record):
    """What makes a pilot a round after the first; see `Pilot.next_round`, which writes it.

    Paths are relative to the pilot's folder: `previous` is the folder of the pilot before, `run` the run whose adapter
    wrote the candidates. `n` prompts were wanted and drawn with `seed`; `notes` say what came out otherwise.
    """

    number: Annotated[int, Field(ge=1)]
    previous: Annotated[str, Field(min_length=1)]
    run: Annotated[str, Field(min_length=1)]
    n: Annotated[int, Field(ge=1)]
    seed: int = 0
    notes: tuple[str, ...] = ()


class PilotConfig(Record):
    """The content of `pilot.toml`."""

    name: Id
    title: str
    task: TaskName
    guideline: str
    candidates: Candidates = Candidates()
    design: Design = Design()
    thresholds: Thresholds = Thresholds()
    annotators: tuple[Person, ...] = ()
    simulation: Simulation | None = None
    prices: tuple[Prices, ...] = ()
    round: Round | None = None

    @property
    def n_shown(self) -> int:
        """Responses an item shows: the task says how many, for a ranking `candidates.shown`."""
        fewest, most = tasks.task(self.task).n_responses
        return self.candidates.shown if 0 < fewest < most else fewest

    @property
    def round_number(self) -> int:
        """Which round this is, as written on its labels; 0 for the first."""
        return self.round.number if self.round else 0

    @model_validator(mode="after")
    def _enough_candidates(self) -> Self:
        if self.candidates.n < self.n_shown:
            msg = f"candidates.n must be at least {self.n_shown}, which a {self.task} item shows"
            raise ValueError(msg)
        return self


def read(path: Path) -> PilotConfig:
    """Read and check a `pilot.toml`.

    Raises
    ------
    PilotError
        When the file is missing, is not TOML, or holds something that is not allowed (named with its value).
    """
    try:
        return PilotConfig.parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise PilotError(
            "no pilot here: there is no pilot.toml",
            where=str(path.parent),
            next_step="open a folder under pilots/, or make one: workbench new NAME",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PilotError(f"not readable as TOML: {error}", where=str(path)) from None
    except RecordError as error:
        raise PilotError(error.what, where=str(path)) from None
