"""What a labelling widget is given: where judgments go, what was given before, and what a task type needs beside.

Everything here is a callback or a record. The widget knows neither store nor statistics nor models.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, TypeVar

from workbench.errors import PlanError, StoreError, TooLateError, WorkbenchError
from workbench.safe_html import well_formed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from workbench.records import Assignment, Exchange, Guideline, Item, Label, Practice, Skip
    from workbench.tasks import Turn
    from workbench.widgets.annotate.questions import Requirement

T = TypeVar("T")
AWAY = "the store is not available just now. This is tried again; if it lasts, tell whoever asked you to label"
_log = logging.getLogger(__name__)


class NotSavedError(Exception):
    """A keeper could not keep something now; trying again may help. The text is one line for the annotator."""


def try_to(keep: Callable[[], T]) -> T:
    """What a keeper's function returns; what it raises becomes `NotSavedError`, but for `TooLateError`."""
    try:
        return keep()
    except TooLateError:
        raise
    except StoreError as error:  # which names files, servers and accounts
        _log.warning("the store: %s", error)
        raise NotSavedError(AWAY) from error
    except Exception as error:
        if not isinstance(error, WorkbenchError):
            _log.exception("a judgment could not be saved")
            raise NotSavedError(AWAY) from error
        raise NotSavedError(one_line(error)) from error


def one_line(error: Exception) -> str:
    """What went wrong, as an annotator reads it."""
    said = well_formed(" ".join(str(error).split())) or "no reason given"
    return (said if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {said}")[:300]


def _nowhere(_: object) -> NoReturn:
    raise PlanError("nobody keeps this", next_step="give annotate_queue a Keeper with a place for it")


@dataclass(frozen=True)
class Keeper:
    """Where judgments go. Each function is called from any thread and returns only once its record is committed.

    Whatever a function raises is shown to the annotator as NOT SAVED, in one line, and the record is handed over again
    later: the same id twice must do no harm. A `StoreError`, and what is no error of the workbench, is shown as `AWAY`
    and logged.

    Attributes
    ----------
    judge
        Takes a label. May return the one that counts then: itself as it was kept (a store that knows of an earlier
        answer sets `supersedes`), or, where it had been kept before, what took its place since.
        Raises `TooLateError` for an answer that was kept aside and does not count.
    first
        As `judge`, but where there is an answer already it stands and is returned: the right one has been shown after
        it. `judge` is used where this is None.
    in_force
        What counts now for the question of a label that was kept, as it may have been corrected through another page.
    skip, practice, exchange
        Take an item passed over, an answer of the calibration, a message to a model and its reply. They too may return
        the record as it was kept: instead of a skip the label its question has already, and of two practice answers to
        one item in an attempt the first.
    """

    judge: Callable[[Label], Label | None]
    skip: Callable[[Skip], object] = _nowhere
    practice: Callable[[Practice], object] = _nowhere
    exchange: Callable[[Exchange], object] = _nowhere
    first: Callable[[Label], Label | None] | None = None
    in_force: Callable[[Label], Label | None] | None = None


@dataclass(frozen=True)
class Past:
    """What this annotator has given already, in the order of arrival; superseded labels may be among it."""

    labels: Sequence[Label] = ()
    skips: Sequence[Skip] = ()
    practice: Sequence[Practice] = ()
    exchanges: Sequence[Exchange] = ()


class Standing(Protocol):
    """Where somebody stands in a calibration (`design.Standing` is one)."""

    @property
    def state(self) -> Literal["practising", "passed", "failed", "out"]: ...
    @property
    def attempt(self) -> int: ...
    @property
    def n_correct(self) -> int: ...
    @property
    def n_mistakes(self) -> int: ...
    @property
    def n(self) -> int: ...


@dataclass(frozen=True)
class Drill:
    """The practice before live work: the questions of an attempt (counted from 1), and how it stands.

    `given` reads what was answered so far, also through other pages; without it a widget knows its own answers alone.
    """

    questions: Callable[[int], Sequence[Assignment]]
    standing: Callable[[Sequence[Practice]], Standing]
    given: Callable[[], Sequence[Practice]] | None = None


@dataclass(frozen=True)
class Handed:
    """What comes of asking: all questions done or held now, and how many are left beyond."""

    assignments: Sequence[Assignment]
    n_left: int


@dataclass(frozen=True)
class HandOut:
    """A queue that is handed out bit by bit, of one batch of one pilot.

    `ask` is called with how many further questions are wanted; 0 only renews what is held.
    """

    pilot: str
    batch: str
    ask: Callable[[int], Handed]


@dataclass(frozen=True)
class Partner:
    """A model to attack.

    Attributes
    ----------
    reply
        Given the turns so far (the last one is the annotator's), returns the reply, or yields it piece by piece.
    """

    reply: Callable[[Sequence[Turn]], str | Iterable[str]]
    model: str = "a function"
    model_sha256: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Options:
    """What can be chosen about a labelling widget.

    Attributes
    ----------
    keys
        Another key for an action, for example `{"tie": "z"}`; the actions are those of `keys.defaults`.
    break_after_min
        After so many minutes of work without a pause a break is suggested; 0 never does.
    hand_out
        For a queue that is handed out bit by bit. Nothing is asked for before the practice is passed.
    checklist
        An item's requirements, for instruction following.
    partner
        The model to attack, for red teaming.
    drill
        The practice before live work.
    ever_asked
        All questions this annotator was asked at any time: an answer may have waited in a browser until its question
        had left the queue, and what was passed over may still be answered. Asked for when such an answer comes, and
        once where there are such skips and questions are handed out bit by bit.
    secret
        What the names of questions are made with, so that nobody can tell from one what it asks. The same in every
        session, or answers that waited in a browser would not be known.
    earlier
        The guideline of a sha256, or None: an answer may have waited in a browser while the guideline was changed, and
        counts under the version it was given under.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    break_after_min: float = 45
    hand_out: HandOut | None = None
    checklist: Callable[[Item], Sequence[Requirement]] | None = None
    partner: Partner | None = None
    drill: Drill | None = None
    ever_asked: Callable[[], Sequence[Assignment]] | None = None
    earlier: Callable[[str], Guideline | None] | None = None
    secret: str = field(default="", repr=False)
