"""Make a labelling widget: check that queue, items, guideline and annotator fit together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import PlanError
from workbench.widgets.annotate.desk import Options, Past
from workbench.widgets.annotate.questions import Asker
from workbench.widgets.annotate.widget import AnnotateWidget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.records import Annotator, Assignment, Guideline, Item
    from workbench.widgets.annotate.desk import Keeper


def annotate_queue(
    assignments: Sequence[Assignment],
    items: Mapping[str, Item],
    *,
    annotator: Annotator,
    guideline: Guideline,
    keeper: Keeper,
    past: Past | None = None,
    options: Options | None = None,
) -> AnnotateWidget:
    """A widget that asks one annotator a queue of questions of the guideline's task type.

    Parameters
    ----------
    assignments
        The queue of this annotator in one batch of one pilot; asked by `position`. May be empty where questions are
        handed out bit by bit (`Options.hand_out`).
    items
        The items by id; every assignment's must be there.
    annotator
        Who labels.
    guideline
        The version labelled under: shown beside the item, named on every label. Its task decides the controls, its
        other fields what is asked.
    keeper
        Where judgments go; `Keeper(judge=store.judge)` at the least.
    past
        What this annotator has given already: the widget resumes after it.
    options
        Keys, breaks, and what some task types need beside (see `Options`).

    Returns
    -------
    AnnotateWidget
        Show it as the last line of a cell.

    Raises
    ------
    PlanError
        If the queue is empty, mixes annotators, batches or pilots, or names an item that is not there.
    RecordError
        If an item does not fit the guideline or its assignment, or a key is taken twice.
    """
    options = options or Options()
    if not assignments and options.hand_out is None:
        raise PlanError(f"there is nothing to label for annotator {annotator.id!r}", next_step="plan a batch first")
    queues = {(one.pilot, one.batch, one.annotator) for one in assignments}
    if options.hand_out is not None:
        queues.add((options.hand_out.pilot, options.hand_out.batch, annotator.id))
    (pilot, batch, whose), *others = sorted(queues)
    if others or whose != annotator.id:
        found = sorted(queues)[:3]
        raise PlanError(f"a queue is of one pilot, batch and annotator; for {annotator.id!r} there were {found}")
    asker = Asker(items, guideline, options.checklist, options.earlier, options.secret)
    questions = [asker.question(one) for one in sorted(assignments, key=lambda one: one.position)]
    return AnnotateWidget(
        questions,
        asker,
        annotator=annotator,
        keeper=keeper,
        past=past or Past(),
        options=options,
        pilot=pilot,
        batch=batch,
    )
