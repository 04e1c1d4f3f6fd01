"""Rows for a policy gradient: prompts, which the policy answers and a reward model scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import ExportError
from workbench.exporters.ledger import Books, Exported
from workbench.exporters.rows import PromptRow, split_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.records import Guideline, Item, Label, Prompt


def prompt_rows(
    prompts: Iterable[Prompt],
    items: Iterable[Item],
    labels: Iterable[Label],
    *,
    task: str,
    guideline: Guideline,
    eval_share: float = 0.1,
) -> Exported[PromptRow]:
    """Each prompt of the pilot once, held out ones in split `test`; those of items where `prompts` lacks them.

    No label is read, and the ledger says so.

    Raises
    ------
    ExportError
        There is no prompt with a text.
    """
    listed = list(items)
    if not 0 <= eval_share < 1:
        raise ExportError(f"eval_share is a share from 0 to below 1, got {eval_share!r}")
    found = {one.id: (one.prompt, one.split, one.category) for one in prompts if one.prompt.strip()}
    for item in listed:
        if item.prompt.strip():
            found.setdefault(item.prompt_id, (item.prompt, item.split, item.category))
    books = Books(listed, labels, lambda _label, _item: "not_needed", task)
    rows = tuple(
        PromptRow(
            prompt_id=name,
            split=split_of(name, split, eval_share),
            prompt=text,
            category=category,
            source=(),
            guideline=guideline.ref,
            guideline_sha256=guideline.sha256,
        )
        for name, (text, split, category) in sorted(found.items())
    )
    if not rows:
        raise ExportError("there is no prompt with a text", next_step="import the table again with the column prompt")
    return Exported(rows, books.ledger(), books.n_labels, books.n_used, "policy")
