"""Making a batch and having it labelled: items, plan, labels in and out."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from workbench import design
from workbench.errors import PilotError
from workbench.pilot import build, labelling
from workbench.pilot.folder import EVENTS, Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from workbench.importers import Imported
    from workbench.training.chat import Chat
    from workbench.widgets import ProgressWidget
    from workbench.widgets.annotate import AnnotateWidget, Partner


class Batch(Folder):
    """Items, plan, labels in and out, the labelling page."""

    def generate(self) -> build.BuiltItems:
        """Generate responses to the prompts and make items of them; continues where a stopped run left off.

        Writes `responses.jsonl` (not for red teaming, where annotators talk to the model) and `items.jsonl`. Prompts
        of split `test` are held out and get no item. See `build.items` for what becomes an item, and `next_round` for
        the items of a round.
        """
        if self.store.counts(self.name).n_labels:
            raise PilotError(
                "this pilot has labels, so its items stay as they are",
                next_step="start a new pilot: workbench new NAME",
            )
        if self.config.round:
            from workbench.pilot.rounds.pairing import finish

            return finish(self._whole)
        asked = [prompt for prompt in self.prompts if prompt.split == "train"]
        if not asked:
            raise PilotError("there are no prompts to answer", next_step=f"write {self.folder / 'prompts.jsonl'}")
        asking, n_shown = self.config.candidates, self.config.n_shown
        generated = build.candidates(asked, asking, self.folder / "responses.jsonl") if n_shown else []
        built = build.items(self.config.task, n_shown, asked, generated, balance=asking.balance)
        self._write_items(built.items)
        return built

    def plan(self) -> design.Balance:
        """Plan the batch of `pilot.toml` and store its assignments; planning twice adds nothing."""
        people = [person.annotator for person in self.config.annotators]
        asked = self.config.design
        if asked.queue == "open":
            raise PilotError(
                "this pilot's batch is open: questions are handed out as people ask for them",
                next_step='pilot.annotate(name) or workbench serve; or set queue = "planned" in pilot.toml',
            )
        planned = design.plan(
            list(self.items.values()),
            people,
            pilot=self.name,
            batch=asked.batch,
            round_number=self.config.round_number,
            overlap=asked.overlap,
            gold_share=asked.gold_share,
            repeat_share=asked.repeat_share,
            seed=asked.seed,
        )
        self.store.keep_guideline(self.guideline, self._started())
        self.store.append([*people, *planned], self._started())
        return design.balance(planned, self.items.values())

    def simulate(self) -> int:
        """Store labels of the pilot's simulated annotators for their assignments; returns how many are new.

        They are marked `source: simulated` for good. The same `pilot.toml` gives the same labels.
        """
        pretended = {person.id for person in self.config.annotators if person.source == "simulated"}
        asked = [a for a in self.assignments() if a.annotator in pretended]
        from workbench.pilot import simulated

        labels = simulated.labels(self.items, asked, self.config, self.guideline)
        return self.store.append(labels, self._started()).n_new

    def bring_in(self, imported: Imported) -> dict[str, int]:
        """Store imported items, annotators and labels; importing the same file twice adds nothing.

        An item whose id the pilot has must have the same texts; texts the pilot lacked are taken over. Everything is
        checked before anything is stored.

        Raises
        ------
        PilotError
            When the labels are of another task type than the pilot's.
        ImportFormatError
            When an item's id stands for other texts in the pilot.
        StoreError
            When a label was imported before with another answer.
        """
        from workbench.pilot.incoming import fit

        known = self.items
        fitted = fit(imported, self.config.task, known, self.label_records(history=True))
        self.store.keep_guideline(imported.guideline)
        self.store.append([*imported.annotators, *fitted.labels])
        aside = self.store.quarantine(imported.quarantined)
        if fitted.fresh or fitted.filled:
            self._write_items({**known, **{item.id: item for item in (*fitted.fresh, *fitted.filled)}}.values())
        return {
            "rows": imported.n_rows,
            "items": len(fitted.fresh),
            "filled": len(fitted.filled),
            "labels": len(fitted.labels),
            "annotators": len(imported.annotators),
            "judged": len(imported.items),
            "new": fitted.n_new,
            "known": len(fitted.labels) - fitted.n_new,
            "quarantined": aside.n_new,
        }

    def export(self) -> Path:
        """Write everything stored to `exports/events.jsonl`: canonical lines that read back to the same store."""
        path = self.folder / EVENTS
        path.parent.mkdir(parents=True, exist_ok=True)
        self.store.export(path, self.name)
        return path

    def annotate(
        self,
        annotator: str,
        *,
        n: int | None = None,
        model: str | Chat | Partner | Callable[..., Any] | None = None,
        keys: Mapping[str, str] | None = None,
        break_after_min: float = 45,
    ) -> AnnotateWidget:
        """The labelling widget for one annotator, resuming where they stopped.

        Parameters
        ----------
        annotator
            Somebody the pilot planned for gets what was planned. Where `pilot.toml` says `queue = "open"`, anybody is
            handed the next questions that are free. Otherwise somebody new gets a queue of their own: all items (or
            the first `n`) in balanced order.
        model
            Who answers in red teaming: the name of a model on this machine, `training.chat.endpoint(…)`, or any
            function from turns to a reply. Without one both sides are typed in.
        keys
            Another key for an action, for example `{"tie": "z"}`.
        break_after_min
            A break is suggested after so many minutes without a pause; 0 never does.

        Raises
        ------
        PilotError
            When the annotator is simulated, or there is nothing to label.
        PlanError
            When the guideline asks for a calibration and there is not enough gold for it.

        Warns while the guideline is a draft, or has errors of `guidelines.check`.
        """
        warning = self.guideline_warning()
        if warning:
            warnings.warn(warning, stacklevel=2)
        return labelling.annotate(self._whole, annotator, n=n, keys=keys, model=model, break_after_min=break_after_min)

    def progress(self, *, every_s: float = 5) -> ProgressWidget:
        """Labels in per annotator, pace, gold and agreement so far; follows the store while others label.

        Looked at every `every_s` seconds, and only while its page is open.
        """
        from workbench.pilot.progress import snapshot
        from workbench.widgets import follow

        def version() -> object:
            return self.store.counts(self.name), len(self.store.skips(self.name))

        return follow(lambda: snapshot(self._whole), version, every_s=every_s)
