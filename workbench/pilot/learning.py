"""From labels to rows, runs, what the runs changed, and the next round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench import exporters
from workbench.pilot import evaluation, results, training
from workbench.pilot.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from workbench.design.rounds import Reason
    from workbench.economics.cost import Prices
    from workbench.exporters import Exported, Preferences, Ties
    from workbench.pilot.noise import FlipRate
    from workbench.pilot.opening import Pilot
    from workbench.pilot.proof import Proof
    from workbench.pilot.reward import RewardEvaluation
    from workbench.pilot.rounds import Rounds
    from workbench.pilot.row_options import Decide
    from workbench.records import Prompt
    from workbench.training.launching import Launch
    from workbench.training.runs import Run
    from workbench.widgets import LaunchWidget


class Trained(Folder):
    """Rows, runs, whether the labels helped, and the next round."""

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
            self._whole,
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

        return rows.make(self._whole, kind, options)

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

        return noise.flip_rate(self._whole, preferences, exclude=exclude, n_resamples=n_resamples, seed=seed)

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
            epochs, seed … With `loss="robust"` and no `label_smoothing` it is what `flip_rate()` says. Where no rows
            are given, also the options of `rows(kind)`: `ties="both"`, `desirable=["helpful"]` …

        Returns
        -------
        Run
            A process of its own that goes on when the notebook is closed; `run.wait()` follows it.
        """
        return training.start(
            self._whole,
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

        return form.estimate(self._whole, kind, max_pairs, samples, launch, options)

    def launch(self) -> LaunchWidget:
        """A form that starts a training run, and shows what it will take before its button; then the run itself."""
        from workbench.widgets import launch

        return launch(self._whole)

    def launch_options(self) -> dict[str, Any]:
        """The kinds of runs that can be started, with settings and rows (`widgets.launch.Launching`)."""
        from workbench.pilot import launch

        return launch.options(self._whole)

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
        return evaluation.evaluate(self._whole, run, reward)

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
            return proof.prove(self._whole, *proof.comparable(self.runs()))
        return proof.prove(self._whole, listed(runs), listed(placebos))

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
            self._whole, run, folder, n=n, quotas=quotas, prompts=prompts, margins=margins, seed=seed, **asking
        )

    def all_rows(self, kind: str = "dpo", **options: Any) -> Exported[Any]:
        """Rows of this round and all before it, with one ledger; options as for `rows`. `train` takes them."""
        from workbench.pilot import rounds

        return rounds.all_rows(self._whole, kind, **options)

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
            self._whole,
            least_gain=least_gain,
            value_per_point=value_per_point,
            prices=prices,
            n_resamples=n_resamples,
            seed=seed,
        )
