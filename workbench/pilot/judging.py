"""Judging the labels: agreement, gold, annotators, consensus, systems, and what more of them would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.pilot.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.economics.cost import Prices
    from workbench.pilot import results
    from workbench.pilot.annotators import Filter, Page
    from workbench.pilot.consensus import Consensus, Model
    from workbench.pilot.gold import Gold
    from workbench.pilot.pools import Pools
    from workbench.pilot.systems import Model as TieModel
    from workbench.pilot.systems import Systems


class Judged(Folder):
    """What the labels are worth, and what more of them would cost."""

    def agreement(self, *, n_resamples: int = 10_000, seed: int = 0) -> results.Agreement:
        """Verdicts, the coefficients that fit the task, alpha by question and category, and what to beware of.

        Intervals resample items, or prompts where several items share one.
        """
        from workbench.pilot import agreement

        return agreement.agreement(self._whole, n_resamples=n_resamples, seed=seed)

    def disagreements(self, n: int = 10) -> results.Disagreements:
        """The `n` most disputed items with prompt, responses, votes and reasons."""
        from workbench.pilot import measures

        return measures.disagreements(self._whole, n)

    def quality(self) -> results.Quality:
        """Annotators against gold, side bias, consistency on hidden repeats and pace."""
        from workbench.pilot import measures

        return measures.quality(self._whole)

    def annotator(self, name: str) -> Page:
        """One annotator's page: agreement, side, length, speed, drift, repeats, copying, gold; what is worth a look."""
        from workbench.pilot import annotators

        return annotators.page(self._whole, name)

    def without(self, *names: str, n_resamples: int = 10_000, seed: int = 0) -> Filter:
        """What leaving these annotators out would do to labels, slices, groups and agreement; nothing is changed."""
        from workbench.pilot import annotators

        return annotators.filter_impact(self._whole, names, n_resamples=n_resamples, seed=seed)

    def gold(self, *, acceptable: float | None = None, unacceptable: float | None = None) -> Gold:
        """Who passes on gold, decided answer by answer with stated error rates; and the gold itself under examination.

        Parameters
        ----------
        acceptable, unacceptable
            Error rates between which the test tells. `unacceptable` is the pilot's `gold_error` unless given,
            `acceptable` a third of it.
        """
        from workbench.pilot import gold

        return gold.gold(self._whole, acceptable=acceptable, unacceptable=unacceptable)

    def pools(self, *, n_resamples: int = 10_000, seed: int = 0) -> Pools:
        """Whether groups of annotators (`pool`) agree within and between, and where they part; small groups hidden."""
        from workbench.pilot import pools

        return pools.pools(self._whole, n_resamples=n_resamples, seed=seed)

    def consensus(self, model: Model = "dawid_skene", *, seed: int = 0) -> Consensus:
        """One label an item by a model of the annotators, compared with other models on labels they have not seen."""
        from workbench.pilot import consensus

        return consensus.consensus(self._whole, model, seed=seed)

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

        return systems.systems(self._whole, model, style=style, n_resamples=n_resamples, seed=seed)

    def cost(self, scale_to: int, prices: Sequence[Prices] | None = None, **options: Any) -> results.Cost:
        """What `scale_to` usable items cost with this pilot's overlap, gold share, repeats and measured pace.

        Prices come from `pilot.toml` unless given; nothing is guessed. Further options go to
        `economics.cost.estimate`.
        """
        from workbench.pilot import measures

        return measures.cost(self._whole, scale_to, self.config.prices if prices is None else prices, options)
