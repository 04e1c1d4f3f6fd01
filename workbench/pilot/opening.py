"""Open a pilot folder and go from labels to agreement, cost, preferences, training and a report."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import design, exporters, guidelines, tasks
from workbench.errors import PilotError
from workbench.pilot import build, config, evaluation, labelling, results, training
from workbench.records import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd

    from workbench.design.rounds import Reason
    from workbench.economics.cost import Prices
    from workbench.exporters import Exported, Preferences, Ties
    from workbench.importers import Imported
    from workbench.pilot.annotators import Filter, Page
    from workbench.pilot.consensus import Consensus, Model
    from workbench.pilot.gold import Gold
    from workbench.pilot.noise import FlipRate
    from workbench.pilot.pools import Pools
    from workbench.pilot.proof import Proof
    from workbench.pilot.reward import RewardEvaluation
    from workbench.pilot.rounds import Rounds
    from workbench.pilot.rows import Decide
    from workbench.pilot.systems import Model as TieModel
    from workbench.pilot.systems import Systems
    from workbench.records import Assignment, Guideline, Label, Prompt
    from workbench.store import Store
    from workbench.training.chat import Chat
    from workbench.training.jobs import Run
    from workbench.training.launching import Launch
    from workbench.widgets import LaunchWidget, ProgressWidget
    from workbench.widgets.annotate import AnnotateWidget, Partner

EVENTS = "exports/events.jsonl"


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


class Pilot:
    """A pilot folder and its store. Methods return results that show themselves; see each for what it computes."""

    def __init__(self, folder: Path, storage: str | None = None) -> None:
        self.folder = folder.resolve()
        self.config = config.read(self.folder / "pilot.toml")
        self.storage = storage or f"sqlite:///{self.folder / 'store.sqlite'}"

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

    # Making a batch -------------------------------------------------------------------------------------------------

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

            return finish(self)
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

    # Reading it back ------------------------------------------------------------------------------------------------

    def assignments(self) -> list[Assignment]:
        """What was asked of whom, by annotator and position."""
        return sorted(self.store.assignments(self.name), key=lambda a: (a.annotator, a.position))

    def label_records(self, *, history: bool = False) -> list[Label]:
        """Current labels, or with `history` also those that were corrected."""
        return self.store.labels(self.name, history=history)

    def labels(self) -> pd.DataFrame:
        """The label table (`tables.LABELS`): one row a current label and criterion."""
        from workbench.pilot.incoming import under_prompts

        return tasks.label_table(under_prompts(self.label_records(), self.items))

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

    # Judging the labels ---------------------------------------------------------------------------------------------

    def agreement(self, *, n_resamples: int = 10_000, seed: int = 0) -> results.Agreement:
        """Verdicts, the coefficients that fit the task, alpha by question and category, and what to beware of.

        Intervals resample items, or prompts where several items share one.
        """
        from workbench.pilot import agreement

        return agreement.agreement(self, n_resamples=n_resamples, seed=seed)

    def disagreements(self, n: int = 10) -> results.Disagreements:
        """The `n` most disputed items with prompt, responses, votes and reasons."""
        from workbench.pilot import measures

        return measures.disagreements(self, n)

    def quality(self) -> results.Quality:
        """Annotators against gold, side bias, consistency on hidden repeats and pace."""
        from workbench.pilot import measures

        return measures.quality(self)

    def annotator(self, name: str) -> Page:
        """One annotator's page: agreement, side, length, speed, drift, repeats, copying, gold; what is worth a look."""
        from workbench.pilot import annotators

        return annotators.page(self, name)

    def without(self, *names: str, n_resamples: int = 10_000, seed: int = 0) -> Filter:
        """What leaving these annotators out would do to labels, slices, groups and agreement; nothing is changed."""
        from workbench.pilot import annotators

        return annotators.filter_impact(self, names, n_resamples=n_resamples, seed=seed)

    def gold(self, *, acceptable: float | None = None, unacceptable: float | None = None) -> Gold:
        """Who passes on gold, decided answer by answer with stated error rates; and the gold itself under examination.

        Parameters
        ----------
        acceptable, unacceptable
            Error rates between which the test tells. `unacceptable` is the pilot's `gold_error` unless given,
            `acceptable` a third of it.
        """
        from workbench.pilot import gold

        return gold.gold(self, acceptable=acceptable, unacceptable=unacceptable)

    def pools(self, *, n_resamples: int = 10_000, seed: int = 0) -> Pools:
        """Whether groups of annotators (`pool`) agree within and between, and where they part; small groups hidden."""
        from workbench.pilot import pools

        return pools.pools(self, n_resamples=n_resamples, seed=seed)

    def consensus(self, model: Model = "dawid_skene", *, seed: int = 0) -> Consensus:
        """One label an item by a model of the annotators, compared with other models on labels they have not seen."""
        from workbench.pilot import consensus

        return consensus.consensus(self, model, seed=seed)

    def systems(
        self,
        model: TieModel | None = None,
        *,
        style: Sequence[str] = (),
        n_resamples: int = 1_000,
        seed: int = 0,
    ) -> Systems:
        """The models behind the responses, ranked by Davidson's model where there are ties, else by Bradley-Terry.

        Intervals resample prompts.
        `style` names what to control for, such as `["log_words", "lists"]` (see `stats.ranking.style_of`).
        """
        from workbench.pilot import systems

        return systems.systems(self, model, style=style, n_resamples=n_resamples, seed=seed)

    def labelled_under(self) -> Guideline:
        """The guideline most labels were given under; others are counted in the ledger."""
        counts = Counter(label.guideline_sha256 for label in self.label_records())
        (most, _), *_ = counts.most_common(1)
        return self.store.guideline(most)

    # Deciding what next ---------------------------------------------------------------------------------------------

    def cost(self, scale_to: int, prices: Sequence[Prices] | None = None, **options: Any) -> results.Cost:
        """What `scale_to` usable items cost with this pilot's overlap, gold share, repeats and measured pace.

        Prices come from `pilot.toml` unless given; nothing is guessed. Further options go to
        `economics.cost.estimate`.
        """
        from workbench.pilot import measures

        return measures.cost(self, scale_to, self.config.prices if prices is None else prices, options)

    def preferences(
        self,
        *,
        ties: Ties = "drop",
        keep_gold: bool = False,
        eval_share: float = 0.1,
        exclude: Sequence[str] = (),
        decide: Decide = "votes",
        posterior: bool = False,
    ) -> Preferences:
        """Preference rows with the ledger, written to `preferences/` in the pilot's folder.

        Parameters
        ----------
        ties, keep_gold, eval_share, exclude
            As for `exporters.preferences`.
        decide
            `votes`: the majority, and an adjudication where there is one. `model`: Dawid and Skene's model, which
            weighs votes by how good each annotator is; `margin` is then the model's.
        posterior
            Add the column `p_model`, the model's probability that the chosen response is the better one; always with
            `decide="model"`.
        """
        from workbench.pilot import rows

        made = rows.preferences(
            self,
            ties=ties,
            keep_gold=keep_gold,
            eval_share=eval_share,
            exclude=exclude,
            decide=decide,
            posterior=posterior,
        )
        exporters.write(made, self.folder / "preferences")
        return made

    def rows(self, kind: str = "dpo", **options: Any) -> Exported[Any]:
        """Rows for one kind of training run, with the ledger. Nothing is written; `exporters.write` does.

        Parameters
        ----------
        kind
            `sft` answers to imitate, `reward` and `dpo` pairs, `kto` answers wanted and not, `policy` prompts.
        options
            `eval_share`, `exclude` and `keep_gold` as for `preferences`; and by task:

            - pairwise: `ties`, `decide`, `posterior`; ranking: `ties`, `pairs` (`all` or `best_worst`). Both:
              `by_votes` (True, or rows an item) for `loss="votes"`; `clear`, the smallest margin, for `sft` and `kto`.
            - likert: `criterion` (else the mean of all), `threshold` between unwanted and wanted (the middle of the
              scale; a rating on it says nothing), `min_gap` in steps between two responses of a pair (1).
            - classification: `desirable` and `undesirable` classes, `min_gap`.
            - instruction following, factual accuracy: wanted where all requirements are followed, all claims
              supported; `min_gap` in shares of requirements or claims (0.25).
            - red teaming: `withstood` (`drop`, or `wanted`). No pairs.

        Raises
        ------
        PilotError
            For a kind the task cannot give, or an option that would change nothing.
        ExportError
            When no label can be used, with the counts.
        """
        from workbench.pilot import rows

        return rows.make(self, kind, options)

    def flip_rate(
        self,
        preferences: Preferences | None = None,
        *,
        exclude: Sequence[str] = (),
        n_resamples: int = 2_000,
        seed: int = 0,
    ) -> FlipRate:
        """How often a vote, and a row made of several, names the wrong response: `epsilon` for `loss="robust"`.

        Parameters
        ----------
        preferences
            The rows that are trained on; those of `preferences()` unless given.
        exclude
            Annotators left out of these rows.
        """
        from workbench.pilot import noise

        return noise.flip_rate(self, preferences, exclude=exclude, n_resamples=n_resamples, seed=seed)

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
        return labelling.annotate(self, annotator, n=n, keys=keys, model=model, break_after_min=break_after_min)

    def progress(self, *, every_s: float = 5) -> ProgressWidget:
        """Labels in per annotator, pace, gold and agreement so far; follows the store while others label.

        Looked at every `every_s` seconds, and only while its page is open.
        """
        from workbench.pilot.progress import snapshot
        from workbench.widgets import follow

        def version() -> object:
            return self.store.counts(self.name), len(self.store.skips(self.name))

        return follow(lambda: snapshot(self), version, every_s=every_s)

    # Training -------------------------------------------------------------------------------------------------------

    def train(
        self,
        kind: str = "dpo",
        rows: Exported[Any] | None = None,
        *,
        max_pairs: int | None = None,
        samples: int = 2,
        placebo: bool = False,
        launch: Launch | None = None,
        reuse: bool = False,
        **options: Any,
    ) -> Run:
        """Start a training run on the pilot's labels.

        Parameters
        ----------
        kind
            `dpo`, `reward`, `kto`, `sft`, or `policy` (GRPO or RLOO against a reward run, `reward_run=`).
        rows
            What to train on; by default `rows(kind)`, for `loss="votes"` one row a vote.
        max_pairs
            Train on at most so many pairs (or other rows), spread over categories and over which side is shorter.
        samples
            Answers a held-out prompt, by base and adapter each.
        placebo
            Shuffle the labels: the same run on labels that mean nothing, to hold the real one against (`proof`).
        launch
            Several processes, GPUs or hosts.
        reuse
            Give back a run of the pilot that did, or is doing, just this on the same rows, where there is one: for
            notebooks that are run again.
        options
            Fields of the kind's `RunConfig` (`training.dpo.RunConfig`, …): loss, beta, label_smoothing, learning_rate,
            epochs, seed … With `loss="robust"` and no `label_smoothing` it is what `flip_rate()` says.

        Returns
        -------
        Run
            A process of its own that goes on when the notebook is closed; `run.wait()` follows it.
        """
        return training.start(
            self,
            kind,
            rows,
            max_pairs=max_pairs,
            samples=samples,
            placebo=placebo,
            launch=launch,
            reuse=reuse,
            options=options,
        )

    def estimate(
        self,
        kind: str = "dpo",
        *,
        max_pairs: int | None = None,
        samples: int = 2,
        launch: Launch | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """What `train` with the same settings would take; nothing is started.

        Returns
        -------
        dict
            `steps`, `tokens`, `memory_mb` and `seconds` (None where unknown), and `lines` that say how they were told.
        """
        from workbench.pilot import launch as form

        return form.estimate(self, kind, max_pairs, samples, launch, options)

    def launch(self) -> LaunchWidget:
        """A form that starts a training run, and shows what it will take before its button; then the run itself."""
        from workbench.widgets import launch

        return launch(self)

    def launch_options(self) -> dict[str, Any]:
        """The kinds of runs that can be started, with settings and rows (`widgets.launch.Launching`)."""
        from workbench.pilot import launch

        return launch.options(self)

    def evaluate(self, run: Run, *, reward: Run | None = None) -> results.Evaluation | RewardEvaluation:
        """Base model against the run's adapter on held-out prompts and pairs, paired, with intervals by prompt.

        Of a reward run: how often it is right on held-out pairs, and whether it is as sure as it should be.

        Parameters
        ----------
        reward
            A reward run that is done: what it makes of the answers before and after is shown beside (its model is
            loaded here).

        Raises
        ------
        PilotError
            When the run is not done.
        """
        if run.config().kind == "reward":
            from workbench.pilot import reward as scored

            return scored.evaluate(run)
        return evaluation.evaluate(self, run, reward)

    def proof(self, runs: Run | Sequence[Run] | None = None, placebos: Run | Sequence[Run] = ()) -> Proof:
        """Whether the labels helped: runs that differ in their seed, against placebos of the same seeds.

        Parameters
        ----------
        runs, placebos
            Runs that are done; placebos are those of `train(…, placebo=True)`. Left out, the pilot's newest run and all
            that differ from it in nothing but seed and labels.

        Raises
        ------
        PilotError
            When settings, seeds or held-out prompts are not the same.
        """
        from workbench.pilot import proof

        def listed(some: Run | Sequence[Run]) -> list[Run]:
            return list(some) if isinstance(some, list | tuple) else [some]  # type: ignore[list-item]

        if runs is None:
            return proof.prove(self, *proof.comparable(self.runs()))
        return proof.prove(self, listed(runs), listed(placebos))

    def runs(self) -> list[Run]:
        """The pilot's training runs, oldest first."""
        from workbench.training import jobs

        return jobs.list_runs(self.folder / "runs")

    # Rounds ---------------------------------------------------------------------------------------------------------

    def next_round(
        self,
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
        """Make the next round: a pilot of its own, in which answers of the run's adapter meet those of its rivals.

        Prompts are chosen by `design.next_round` from this pilot's and earlier rounds' prompts that are not held out,
        and from further ones. Each is answered by the model that round 1 started from, by the adapter of the round
        before where there is one, and by the run's adapter. An item is a pair with one answer of the run's adapter;
        for prompts drawn at random both answers are drawn too. What is asked of annotators stays as it was, under the
        newest finished version of the guideline.

        Parameters
        ----------
        run
            A run that is done and trained a model that writes.
        folder
            Where the round is made; `rounds/NUMBER` in round 0's folder unless given. A call that was stopped goes on
            when it is made again.
        n, quotas, seed
            Prompts wanted, in all and for each reason; see `design.next_round`.
        prompts
            Further prompts, that were never asked.
        margins
            Prompt id -> margin, or a reward run that tells it; else DPO's margin of the run's adapter. Computed on the
            last pair of each prompt, of eight times as many prompts as are wanted for being uncertain.
        asking
            Fields of `[candidates]` to change, such as `temperatures` or `max_new_tokens`.

        Returns
        -------
        Pilot
            The round with its items. `plan()` and labelling come next, then `train` and another round.

        Raises
        ------
        PilotError
            For a task without pairs, a run that is not done, or a folder that holds another pilot.
        PlanError
            For quotas that make no round.
        """
        from workbench.pilot import rounds

        return rounds.next_round(
            self, run, folder, n=n, quotas=quotas, prompts=prompts, margins=margins, seed=seed, **asking
        )

    def all_rows(self, kind: str = "dpo", **options: Any) -> Exported[Any]:
        """Rows of this round and all before it, with one ledger; options as for `rows`. `train` takes them."""
        from workbench.pilot import rounds

        return rounds.all_rows(self, kind, **options)

    def rounds(
        self,
        *,
        least_gain: float | None = None,
        value_per_point: float | None = None,
        prices: Prices | None = None,
        n_resamples: int = 2_000,
        seed: int = 0,
    ) -> Rounds:
        """All rounds up to this one: agreement, win rate against round 0, cost so far; and whether another one pays.

        Parameters
        ----------
        least_gain, value_per_point
            What the last round's gain is set against: so many points of win rate, or what a point is worth in the
            currency of the prices. Without either any gain counts.
        prices
            What a label costs; the first price list of round 0 unless given.
        """
        from workbench.pilot import rounds

        return rounds.rounds(
            self,
            least_gain=least_gain,
            value_per_point=value_per_point,
            prices=prices,
            n_resamples=n_resamples,
            seed=seed,
        )

    def report(self, path: str | Path | None = None) -> Path:
        """One self-contained HTML page that a reviewer can read offline; returns its path."""
        from workbench import report
        from workbench.pilot import summary

        return report.write(summary.summarise(self), Path(path) if path else self.folder / "report" / "report.html")

    # ----------------------------------------------------------------------------------------------------------------

    def _started(self) -> Any:
        """The pretended clock of a simulated pilot (so its export is the same bytes each time), else None: now."""
        people = self.config.annotators
        only_simulated = bool(people) and all(person.source == "simulated" for person in people)
        return self.config.simulation.started if only_simulated and self.config.simulation else None

    def _write_items(self, items: Iterable[Item]) -> None:
        text = "".join(item.canonical() + "\n" for item in sorted(items, key=lambda item: item.id))
        (self.folder / "items.jsonl").write_text(text, encoding="utf-8", newline="\n")
        self.__dict__.pop("items", None)
