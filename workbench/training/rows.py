"""Rows of a run: what they must hold, their tokens, and the order they are trained in.

A prompt is a text, or a list of turns `{role, content}` that ends with the user's. Answers are texts. Both go to TRL
as conversations, so TRL applies the model's own chat template to prompt and answer together: the tokens are those that
generation sees, nothing is added twice (a rendered text would get a second begin-of-text token from many tokenizers),
and only the answer carries the loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TrainingError
from workbench.training import models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Prompt = str | list[dict[str, str]]

_ROLES = ("system", "user", "assistant")


def check(
    rows: Sequence[Mapping[str, Any]], answers: Sequence[str], where: str, *, least: int, what: str, more: str = ""
) -> None:
    """Raise `TrainingError` unless there are at least `least` rows, each with a prompt and these answers as texts.

    Parameters
    ----------
    answers
        The columns that hold answers.
    what
        What a row is called, in the plural: `pairs`, `examples`.
    more
        Further columns of a row, for the message.
    """
    shape = "{" + ", ".join(("prompt", *answers)) + more + "}"
    for number, row in enumerate(rows, start=1):
        place = f"{where}:{number}"
        _check_prompt(row.get("prompt"), place)
        for name in answers:
            value = row.get(name)
            if not isinstance(value, str) or not value.strip():
                raise TrainingError(
                    f"{name} must be a text that is not empty, got {str(value)[:60]!r}",
                    where=place,
                    next_step=f"rows are {shape}; other columns are carried along unused",
                )
    if len(rows) < least:
        raise too_few(len(rows), least, where, what)


def check_pairs(rows: Sequence[Mapping[str, Any]], where: str, *, least: int) -> None:
    """Raise `TrainingError` unless these are rows `{prompt, chosen, rejected}` with two different answers each."""
    check(rows, ("chosen", "rejected"), where, least=0, what="pairs")
    for number, row in enumerate(rows, start=1):
        if row["chosen"] == row["rejected"]:
            raise TrainingError("chosen and rejected are the same text", where=f"{where}:{number}")
    if len(rows) < least:
        raise too_few(len(rows), least, where, "pairs")


def too_few(n: int, least: int, where: str, what: str) -> TrainingError:
    """The error for a run of too few rows."""
    return TrainingError(
        f"too few {what}: {n}, and a run needs at least {least}",
        where=where,
        next_step="label more items, or keep ties out of fewer of them",
    )


def turns(prompt: Prompt, tokenizer: Any) -> list[dict[str, str]]:
    """The prompt as turns of a conversation, with no text in them that could open or close a turn."""
    listed = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    return [{"role": turn["role"], "content": models.plain(turn["content"], tokenizer)} for turn in listed]


def conversation(row: Mapping[str, Any], answers: Sequence[str], tokenizer: Any) -> dict[str, Any]:
    """Prompt and answers of a row as TRL takes them, conversations each."""
    return {
        "prompt": turns(row["prompt"], tokenizer),
        **{name: [{"role": "assistant", "content": models.plain(row[name], tokenizer)}] for name in answers},
    }


def tokens(tokenizer: Any, prompt: Prompt, answer: str) -> tuple[list[int], list[int]]:
    """Tokens of the prompt, and of the answer with its end, exactly as a trainer has TRL make them."""
    row = conversation({"prompt": prompt, "answer": answer}, ("answer",), tokenizer)

    def encode(conversation: list[dict[str, str]], ask: bool) -> list[int]:
        made = tokenizer.apply_chat_template(conversation, tokenize=True, add_generation_prompt=ask, return_dict=True)
        return list(made["input_ids"])

    head, whole = encode(row["prompt"], True), encode(row["prompt"] + row["answer"], False)
    shared = next((i for i, (a, b) in enumerate(zip(head, whole, strict=False)) if a != b), len(head))
    return head[:shared], whole[shared:]


def length(row: Mapping[str, Any], answers: Sequence[str], tokenizer: Any) -> int:
    """Tokens of the prompt with the longest of the answers."""
    return max(sum(map(len, tokens(tokenizer, row["prompt"], row[name]))) for name in answers)


def batch_order(places: Sequence[int], lengths: Sequence[int], batch_size: int, seed: int) -> list[int]:
    """An order whose consecutive batches hold texts of about one length, the batches themselves shuffled.

    Padding is computed like text, so mixed batches of short and long rows waste much of a CPU's time. Ties in length
    are broken at random; a last batch that is not full holds the shortest and stays last.
    """
    random = np.random.default_rng(seed)
    shuffled = [places[i] for i in random.permutation(len(places))]
    ranked = sorted(shuffled, key=lambda place: -lengths[place])
    batches = [ranked[start : start + batch_size] for start in range(0, len(ranked), batch_size)]
    rest = [batches.pop()] if len(ranked) % batch_size else []
    return [place for i in random.permutation(len(batches)) for place in batches[i]] + [p for one in rest for p in one]


def _check_prompt(prompt: Any, where: str) -> None:
    if isinstance(prompt, str) and prompt.strip():
        return
    listed = isinstance(prompt, list) and prompt and all(_is_turn(turn) for turn in prompt)
    if not listed or prompt[-1]["role"] != "user":
        raise TrainingError(
            f"prompt must be a text, or turns that end with the user's, got {str(prompt)[:60]!r}",
            where=where,
            next_step="a turn is {role, content} with role system, user or assistant",
        )


def _is_turn(turn: Any) -> bool:
    return (
        isinstance(turn, dict)
        and set(turn) == {"role", "content"}
        and turn["role"] in _ROLES
        and isinstance(turn["content"], str)
        and bool(turn["content"].strip())
    )
