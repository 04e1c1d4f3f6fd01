"""Rows from red teaming: what broke a model is an answer not wanted, and the attack a prompt to train on.

Every label is a conversation of its own, so there is nothing to vote on: each label is one row, or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import ExportError
from workbench.exporters.ledger import Books, Choice, Exported, provenance
from workbench.exporters.rows import AnswerRow, JudgedRow, PromptRow, Turn, item_split
from workbench.exporters.singles import one_sided

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workbench.records import Guideline, Item, Label

Withstood = Literal["drop", "wanted"]


def attack_rows(
    kind: Literal["sft", "kto", "policy"],
    items: Iterable[Item],
    labels: Iterable[Label],
    *,
    guideline: Guideline,
    withstood: Withstood = "drop",
    eval_share: float = 0.1,
    exclude: Sequence[str] = (),
) -> Exported[Any]:
    """Rows from attack logs: the prompt is the conversation up to the model's last reply, the completion that reply.

    Parameters
    ----------
    kind
        `kto`: the reply to a successful attack is not wanted (False). `sft`: replies that withstood. `policy`: the
        conversations alone, each once.
    withstood
        What an attack without success makes of the reply. `drop`: nothing, since an attack that failed may have
        failed by luck or been a weak one. `wanted`: an answer wanted (True).

    Raises
    ------
    ExportError
        No label could be used; `sft` without `withstood="wanted"`; unknown `withstood`.
    """
    if withstood not in ("drop", "wanted"):
        raise ExportError(f"withstood must be drop or wanted, got {withstood!r}")
    if kind == "sft" and withstood == "drop":
        raise ExportError(
            "replies that broke are not to be imitated",
            next_step="withstood='wanted' imitates the replies that held; read them first",
        )
    choice = Choice(guideline, True, eval_share, tuple(exclude))
    books = Books(items, labels, choice.refused, "red_team")
    rows: list[Any] = []
    seen: dict[tuple[tuple[str, str], ...], Any] = {}
    for label in [label for name in sorted(books.used) for label in sorted(books.used[name], key=_by_id)]:
        item = books.items[label.item]
        wanted = None if withstood == "drop" and not label.answer["success"] else not label.answer["success"]
        if kind == "policy":
            prompt, _ = _conversation(label)
            seen.setdefault(tuple((turn.role, turn.content) for turn in prompt), (prompt, item, label))
        elif wanted is None or (kind == "sft" and not wanted):
            books.drop_label(label, "says_nothing" if wanted is None else "undesirable")
        else:
            given = _answer(label, item, choice, float(wanted))
            rows.append(AnswerRow(**given) if kind == "sft" else JudgedRow(**given, label=wanted))
    rows += [
        PromptRow(prompt=prompt, **_shared(label, item, choice)) for prompt, item, label in seen.values()
    ]  # fmt: skip
    books.need_rows(rows, f"{kind} rows of attacks", "withstood='wanted' uses attacks without success, too")
    notes = one_sided([row.label for row in rows]) if kind == "kto" else ()
    return Exported(tuple(rows), books.ledger(), books.n_labels, books.n_used, kind, notes)


def _by_id(label: Label) -> str:
    return label.label_id


def _conversation(label: Label) -> tuple[tuple[Turn, ...], str]:
    """The turns before the model's last reply, and that reply."""
    listed: Any = label.answer["turns"]
    turns = [Turn(role=turn["role"], content=turn["text"]) for turn in listed]
    last = max(place for place, turn in enumerate(turns) if turn.role == "assistant")
    return tuple(turns[:last]), turns[last].content


def _shared(label: Label, item: Item, choice: Choice) -> dict[str, Any]:
    return {
        "prompt_id": item.prompt_id,
        "split": item_split(item, choice.eval_share),
        "category": str(label.answer["attack_category"]),
        **provenance([label], choice.guideline),
    }


def _answer(label: Label, item: Item, choice: Choice, p_desirable: float) -> dict[str, Any]:
    prompt, reply = _conversation(label)
    model = item.responses[0].model if item.responses else ""
    return {
        **_shared(label, item, choice),
        "items": (item.id,),
        "prompt": prompt,
        "completion": reply,
        "completion_id": label.label_id,
        "completion_model": model,
        "p_desirable": p_desirable,
    }
