"""Fit an import to the items a pilot has: the same id means the same texts, or nothing comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import ImportFormatError, PilotError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workbench.importers import Imported
    from workbench.records import Item, Label, TaskName


@dataclass(frozen=True)
class Fitted:
    """Items that are new, items whose missing texts came now, and all labels under the ids the pilot uses."""

    fresh: tuple[Item, ...]
    filled: tuple[Item, ...]
    labels: tuple[Label, ...]
    n_new: int


def fit(imported: Imported, task: TaskName, known: Mapping[str, Item], stored: Iterable[Label]) -> Fitted:
    """Check an import against the pilot before anything is written.

    Parameters
    ----------
    task
        The pilot's task type.
    known
        The pilot's items by id. Where an import has an item of the same id, task, prompt, texts and models must agree;
        what is empty on one side is taken from the other.
    stored
        All labels in the store, corrected ones included.

    Raises
    ------
    PilotError
        When the labels are of another task type than the pilot's.
    ImportFormatError
        When an item's id stands for other texts than in the pilot, or a label was imported before and said
        something else.
    """
    others = sorted({item.task for item in imported.items} - {task})
    if others:
        raise PilotError(
            f"these are {', '.join(others)} labels, and the pilot's task is {task}",
            where="pilot.toml, task",
            next_step=f"read them as {task} (task=, or workbench import --task), or import into another folder",
        )
    _refuse_other_texts(imported, known)
    whole = {item.id: _filled(known[item.id], item) if item.id in known else item for item in imported.items}
    there = {label.label_id: label for label in stored}
    labels = [_under(whole[label.item], label, there) for label in imported.labels]
    _refuse_other_answers(labels, there)
    return Fitted(
        fresh=tuple(item for name, item in whole.items() if name not in known),
        filled=tuple(item for name, item in whole.items() if name in known and item != known[name]),
        labels=tuple(labels),
        n_new=sum(label.label_id not in there for label in labels),
    )


def under_prompts(labels: Iterable[Label], items: Mapping[str, Item]) -> Iterator[Label]:
    """Labels with the prompt their item has now: one that was imported without its prompt may have got it later."""
    for label in labels:
        item = items.get(label.item)
        if item is None or item.prompt_id == label.prompt_id:
            yield label
        else:
            yield label.model_copy(update={"prompt_id": item.prompt_id})


def _refuse_other_texts(imported: Imported, known: Mapping[str, Item]) -> None:
    differ = {item.id: _differences(known[item.id], item) for item in imported.items if item.id in known}
    wrong = {name: fields for name, fields in differ.items() if fields}
    if wrong:
        (first, fields), *_ = wrong.items()
        raise ImportFormatError(
            f"{len(wrong)} of {len(imported.items)} items have an id that the pilot uses for other texts; nothing was "
            f"imported. The first: {first} ({', '.join(fields)})",
            where="items.jsonl",
            next_step="give these items ids of their own, or import into another folder",
        )


def _differences(old: Item, new: Item) -> list[str]:
    """What both sides state, and state differently."""
    if len(old.responses) != len(new.responses):
        return [f"{len(old.responses)} responses, now {len(new.responses)}"]
    pairs = {"prompt": (old.prompt, new.prompt)}
    for letter, before, after in zip("abcdefgh", old.responses, new.responses, strict=False):
        pairs |= {f"response_{letter}": (before.text, after.text), f"model_{letter}": (before.model, after.model)}
    return [name for name, (before, after) in pairs.items() if before and after and before != after]


def _filled(old: Item, new: Item) -> Item:
    """The known item with what it lacked. Its responses keep their ids, because labels name them."""
    responses = tuple(
        before.model_copy(update={"text": before.text or after.text, "model": before.model or after.model})
        for before, after in zip(old.responses, new.responses, strict=True)
    )
    return old.model_copy(
        update={
            "prompt": old.prompt or new.prompt,
            # Items that turn out to share a prompt must fall into the same split.
            "prompt_id": old.prompt_id if old.prompt or not new.prompt else new.prompt_id,
            "responses": responses,
            "category": old.category or new.category,
        }
    )


def _under(item: Item, label: Label, there: Mapping[str, Label]) -> Label:
    """The label as it names the pilot's item; one that is stored keeps the prompt id it was stored with."""
    ids = dict(zip(label.responses, (response.id for response in item.responses), strict=True))
    stored = there.get(label.label_id)
    return label.model_copy(
        update={
            "prompt_id": stored.prompt_id if stored else item.prompt_id,
            "responses": tuple(ids[one] for one in label.responses),
            "order": tuple(ids[one] for one in label.order),
        }
    )


def _refuse_other_answers(labels: Iterable[Label], there: Mapping[str, Label]) -> None:
    pairs = [(there[label.label_id], label) for label in labels if label.label_id in there]
    changed = [(old, new) for old, new in pairs if old.canonical() != new.canonical()]
    if changed:
        old, new = changed[0]
        before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
        fields = [name for name in before if before[name] != after[name]]
        raise ImportFormatError(
            f"{len(changed)} labels were imported before with other content; nothing was imported. The first: "
            f"{new.annotator} on {new.item} ({', '.join(fields)})",
            next_step="leave these rows out, or import into another folder",
        )
