"""Open a pilot folder and go from labels to agreement, cost, preferences, training and a report."""

from __future__ import annotations

from pathlib import Path

from workbench import design
from workbench.pilot import results
from workbench.pilot.batch import Batch
from workbench.pilot.judging import Judged
from workbench.pilot.learning import Trained


def open_pilot(folder: str | Path, storage: str | None = None) -> Pilot:
    """Open a pilot folder.

    Parameters
    ----------
    folder
        A folder with `pilot.toml` (see `pilots/`).
    storage
        Where labels are kept: a database URL (`postgresql+psycopg://…` for a team). By default one SQLite file in the
        folder. A store that is empty is filled from the folder's `exports/events.jsonl`, where there is one.

    Raises
    ------
    PilotError
        When the folder is not a pilot, with the line that cannot be read.
    """
    return Pilot(Path(folder), storage)


def new_pilot(folder: str | Path, *, task: str = "pairwise", title: str = "", guideline: str | None = None) -> Pilot:
    """Make an empty pilot folder: `pilot.toml` and a draft of the task's guideline. `prompts.jsonl` is yours to write.

    Raises
    ------
    PilotError
        When the folder holds a pilot already; nothing is overwritten.
    """
    from workbench.pilot.template import write_new

    write_new(Path(folder), task=task, title=title, guideline=guideline)
    return open_pilot(folder)


class Pilot(Batch, Judged, Trained):
    """A pilot folder and its store. Methods return results that show themselves; see each for what it computes."""

    def card(self) -> results.Card:
        """Design, progress, guideline version, and what is simulated."""
        counts = self.store.counts(self.name)
        assigned = self.assignments()
        facts = {
            "task": self.config.task,
            "items": str(len(self.items)),
            "labels": f"{counts.n_labels} of {counts.n_assignments} asked" if assigned else str(counts.n_labels),
            "annotators": str(counts.n_annotators),
            "guideline": f"{self.guideline.ref}, sha256 {self.guideline.sha256[:12]}…",
            "quarantined rows": str(counts.n_quarantined),
            "judged by": ", ".join(f"{source} {n}" for source, n in sorted(self.sources.items())) or "nobody yet",
            "folder": self.folder.name,
        }
        balance = design.balance(assigned, self.items.values()) if assigned else None
        return results.Card(f"{self.config.title or self.name}", facts, self.simulated_notice, balance)

    def _ipython_display_(self) -> None:
        self.card()._ipython_display_()

    def __repr__(self) -> str:
        return str(self.card())

    def report(self, path: str | Path | None = None) -> Path:
        """One self-contained HTML page that a reviewer can read offline; returns its path."""
        from workbench import report
        from workbench.pilot import summary

        return report.write(summary.summarise(self), Path(path) if path else self.folder / "report" / "report.html")
