"""The rows of a trainer's file, one record a kind of run, and how they are handed over.

| kind | what a trainer reads |
|---|---|
| `sft` | `prompt, completion` |
| `reward` | `prompt, chosen, rejected, margin` |
| `dpo` | `prompt, chosen, rejected` |
| `kto` | `prompt, completion, label` |
| `policy` | `prompt` |

A prompt is a text or a list of turns `{role, content}`; answers are texts. What else a row holds says where it comes
from; trainers ignore columns they do not know.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from workbench.records import Record, Sha256, Source, Split

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workbench.records import Item

Kind = Literal["sft", "reward", "dpo", "kto", "policy"]
KINDS: tuple[Kind, ...] = ("sft", "reward", "dpo", "kto", "policy")
_COLUMNS: dict[str, tuple[str, ...]] = {
    "sft": ("prompt", "completion"),
    "reward": ("prompt", "chosen", "rejected", "margin"),
    "dpo": ("prompt", "chosen", "rejected"),
    "kto": ("prompt", "completion", "label"),
    "policy": ("prompt",),
}
_ANSWERS = ("chosen", "rejected", "completion")


class Turn(Record):
    """One turn of a conversation that is a prompt. Both fields are always there: a null inside a message would be
    rendered as text by some chat templates."""

    role: Literal["user", "assistant"]
    content: str


PromptText = str | tuple[Turn, ...]


class TrainingRow(Record):
    """What every row says: which prompt, in which split, judged by whom under which guideline."""

    prompt_id: str
    split: Split
    prompt: PromptText
    category: str
    source: tuple[Source, ...]
    guideline: str
    guideline_sha256: Sha256


class PreferenceRow(TrainingRow):
    """One training pair. `votes` counts A, B and tie; `p_chosen` is the vote share of the chosen response with a tie
    as half a vote; `margin` is (votes for chosen - votes for rejected) / all votes.

    A pair of two rated items has the ids of both, joined by `+`, as its `item`, and the margin of their scores.
    """

    item: str
    chosen: str
    rejected: str
    chosen_id: str
    rejected_id: str
    chosen_model: str
    rejected_model: str
    votes: dict[str, int]
    p_chosen: float
    margin: float
    decided_by: str


class ModelledRow(PreferenceRow):
    """A training pair with what a model of the annotators makes of the votes.

    `p_model` is the posterior probability that the chosen response is the better one, a true tie counting half (as in
    `p_chosen`). Where the model decided, `margin` is 2 `p_model` - 1.
    """

    p_model: float


class AnswerRow(TrainingRow):
    """One answer worth imitating. `items` are the items that vouch for it, `p_desirable` the share of their votes."""

    items: tuple[str, ...]
    completion: str
    completion_id: str
    completion_model: str
    p_desirable: float


class JudgedRow(AnswerRow):
    """One answer with `label`: True where it is wanted, False where it is not."""

    label: bool


class PromptRow(TrainingRow):
    """One prompt that a policy answers. It rests on no label, so `source` may be empty."""


def rows_as_dicts(rows: Iterable[TrainingRow]) -> list[dict[str, Any]]:
    """Rows as plain dictionaries, ready for `datasets.Dataset.from_list` or a data frame."""
    return [row.model_dump(mode="json") for row in rows]


def trl_rows(rows: Iterable[TrainingRow], kind: Kind) -> list[dict[str, Any]]:
    """Rows with exactly the columns that TRL's trainer of this kind reads.

    A prompt of turns makes the answers turns of the assistant too, since TRL takes a row as a conversation or not at
    all; a prompt that is a text leaves texts.

    >>> row = {"prompt_id": "p", "split": "train", "category": "", "source": (), "guideline": "g/v1"}
    >>> trl_rows([PromptRow(prompt="Why?", guideline_sha256="0" * 64, **row)], "policy")
    [{'prompt': 'Why?'}]
    """
    found = []
    for row in rows:
        plain = row.model_dump(mode="json")
        made = {name: plain[name] for name in _COLUMNS[kind]}
        if not isinstance(row.prompt, str):
            turns = {name: [{"role": "assistant", "content": made[name]}] for name in _ANSWERS if name in made}
            made = {**made, **turns}
        found.append(made)
    return found


def split_of(prompt_id: str, split: Split, eval_share: float) -> Split:
    """The split of a prompt's rows: what is held out stays so, the rest goes by a hash of the prompt's id."""
    if split != "train":
        return split
    return "eval" if draw(prompt_id) < eval_share else "train"


def draw(text: str) -> float:
    """A number from 0 to below 1 that is this text's on every machine."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def item_split(item: Item, eval_share: float) -> Split:
    """See `split_of`."""
    return split_of(item.prompt_id, item.split, eval_share)
