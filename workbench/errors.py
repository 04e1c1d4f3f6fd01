"""Errors that say what happened, where, and what to do next.

Every error the workbench raises on purpose is a `WorkbenchError`; the command line prints it as one line
and a notebook shows the same words. User input is never checked with `assert`.
"""

from __future__ import annotations


class WorkbenchError(Exception):
    """Something the user can act on.

    Parameters
    ----------
    what
        What happened, with the bad value and what is allowed.
    where
        The file, line, field or record it happened in.
    next_step
        The call or command that helps.
    """

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        self.what = what
        self.where = where
        self.next_step = next_step
        super().__init__(what, where, next_step)

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where else ""
        advice = f" -> {self.next_step}" if self.next_step else ""
        return f"{self.what}{place}{advice}"


class RecordError(WorkbenchError, ValueError):
    """A record with a field that is missing or outside what is allowed."""


class TableError(WorkbenchError, ValueError):
    """A data frame that does not keep the column contract of `workbench.tables`."""


class GuidelineError(WorkbenchError, ValueError):
    """A guideline file that cannot be read, or a frozen version that was changed."""


class PlanError(WorkbenchError, ValueError):
    """A batch that cannot be planned as asked."""


class StoreError(WorkbenchError):
    """The store refused or could not keep something."""


class TooLateError(StoreError):
    """An answer that came after its time; it was kept aside and does not count."""


class ImportFormatError(WorkbenchError, ValueError):
    """A file of which nothing could be read; single bad rows are quarantined instead."""


class PilotError(WorkbenchError):
    """A pilot folder that cannot be opened or does not hold what a step needs."""


class ServeError(WorkbenchError):
    """A labelling page that cannot be served, or somebody who cannot be invited to it."""


class ExportError(WorkbenchError, ValueError):
    """An export that would hold nothing, or hide something."""


class TrainingError(WorkbenchError):
    """A training run that cannot start, or ended without a result."""


class MissingExtraError(WorkbenchError, ImportError):
    """An optional dependency is not installed."""


def missing_extra(extra: str, needed_for: str) -> MissingExtraError:
    """The error for an optional dependency, carrying the command that installs it."""
    return MissingExtraError(
        f"{needed_for} needs the optional packages of [{extra}], which are not installed",
        next_step=f"run: pip install 'preference-workbench[{extra}]'   (in a clone: pip install -e '.[{extra}]')",
    )
