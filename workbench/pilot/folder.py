"""A pilot's folder and its store: what was asked for, what is there, and the labels as stored."""

from __future__ import annotations

import json
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from workbench import guidelines, tasks
from workbench.errors import PilotError
from workbench.pilot import build, config
from workbench.records import Item

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from workbench.pilot.opening import Pilot
    from workbench.records import Assignment, Guideline, Label, Prompt
    from workbench.store import Store
    from workbench.training.runs import Run

EVENTS = "exports/events.jsonl"


class Folder:
    """A pilot folder bound to one store; what every other part of a pilot reads.

    `Pilot` joins this with its parts (`Batch`, `Judged`, `Trained`), which are divided for the reader alone.
    """

    def __init__(self, folder: Path, storage: str | None = None) -> None:
        self.folder = folder.resolve()
        self.config = config.read(self.folder / "pilot.toml")
        self.storage = storage or f"sqlite:///{self.folder / 'store.sqlite'}"
        # Labels as they were last read, by whether corrected ones are among them, and the store's state then.
        self._labels: dict[bool, tuple[object, list[Label]]] = {}
        # Their table, and the items whose prompts it names.
        self._table: tuple[object, dict[str, Item], pd.DataFrame] | None = None

    @property
    def _whole(self) -> Pilot:
        """This as the whole pilot, which the rooms that do the work take."""
        return cast("Pilot", self)

    @property
    def name(self) -> str:
        """The pilot's name, as written on every label."""
        return self.config.name

    @cached_property
    def store(self) -> Store:
        """The open store, filled from the folder's export when it is empty of this pilot."""
        from workbench.store import open_store

        store = open_store(self.storage)
        shipped = self.folder / EVENTS
        counts = store.counts(self.name)
        if shipped.exists() and not counts.n_labels and not counts.n_assignments:
            store.load(shipped, self.name)
        return store

    @cached_property
    def guideline(self) -> Guideline:
        """The guideline version this pilot works under; a file changed after labels were given is refused."""
        loaded = guidelines.load(self.folder / self.config.guideline)
        return guidelines.freeze(loaded, self.store.frozen())

    def guideline_warning(self) -> str:
        """What is unfinished in the guideline that annotators would be shown, in one line; empty where nothing is."""
        from workbench.pilot.template import unfinished

        found = unfinished(self.guideline)
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        path = f"{self.folder.name}/{self.config.guideline}"
        return f"guideline {path} is not finished: {'; '.join(found[:3])}{more}" if found else ""

    @cached_property
    def items(self) -> dict[str, Item]:
        """The pilot's items by id."""
        path = self.folder / "items.jsonl"
        if not path.exists():
            return {}
        found = {}
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    item = tasks.check_item(Item.parse(json.loads(line)))
                except (ValueError, TypeError) as error:
                    raise PilotError(f"not an item: {str(error)[:300]}", where=f"{path}:{number}") from None
                found[item.id] = item
        return found

    @cached_property
    def prompts(self) -> list[Prompt]:
        """The pilot's prompts, those held out for evaluation included; empty for imported data."""
        path = self.folder / "prompts.jsonl"
        return build.read_prompts(path) if path.exists() else []

    def assignments(self) -> list[Assignment]:
        """What was asked of whom, by annotator and position."""
        return sorted(self.store.assignments(self.name), key=lambda a: (a.annotator, a.position))

    def label_records(self, *, history: bool = False) -> list[Label]:
        """Current labels, or with `history` also those that were corrected."""
        state = (self.store, self.store.state(self.name))
        if history not in self._labels or self._labels[history][0] != state:
            self._labels[history] = (state, self.store.labels(self.name, history=history))
        return list(self._labels[history][1])

    def labels(self) -> pd.DataFrame:
        """The label table (`tables.LABELS`): one row a current label and criterion."""
        from workbench.pilot.incoming import under_prompts

        records = self.label_records()
        state, items = self._labels[False][0], self.items
        if self._table is None or self._table[0] is not state or self._table[1] is not items:
            self._table = (state, items, tasks.label_table(under_prompts(records, items)))
        return self._table[2].copy(deep=False)  # pandas copies what the caller changes, and only then

    def item_table(self) -> pd.DataFrame:
        """The item table (`tables.ITEMS`)."""
        return tasks.item_table(self.items.values())

    @property
    def sources(self) -> Counter[str]:
        """How many labels are human, model or simulated."""
        return Counter(label.source for label in self.label_records())

    @property
    def simulated_notice(self) -> str:
        """The words every view shows when labels are simulated; empty otherwise."""
        sources = self.sources
        n, total = sources["simulated"], sum(sources.values())
        return f"SIMULATED: {n} of {total} labels are simulated, not given by people" if n else ""

    def labelled_under(self) -> Guideline:
        """The guideline most labels were given under; others are counted in the ledger."""
        counts = Counter(label.guideline_sha256 for label in self.label_records())
        (most, _), *_ = counts.most_common(1)
        return self.store.guideline(most)

    def runs(self) -> list[Run]:
        """The pilot's training runs, oldest first."""
        from workbench.training import runs

        return runs.list_runs(self.folder / "runs")

    def _started(self) -> Any:
        """The pretended clock of a simulated pilot (so its export is the same bytes each time), else None: now."""
        people = self.config.annotators
        only_simulated = bool(people) and all(person.source == "simulated" for person in people)
        return self.config.simulation.started if only_simulated and self.config.simulation else None

    def _write_items(self, items: Iterable[Item]) -> None:
        text = "".join(item.canonical() + "\n" for item in sorted(items, key=lambda item: item.id))
        (self.folder / "items.jsonl").write_text(text, encoding="utf-8", newline="\n")
        self.__dict__.pop("items", None)
