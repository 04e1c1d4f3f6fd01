"""From prompts to items: responses, and the choice of what is judged together, with gold where verifiers vouch for it.

Each step reads the one before it from the pilot's folder, so a step can be repeated alone. The same inputs and seed
give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from string import ascii_uppercase
from typing import TYPE_CHECKING

from workbench import verifiers
from workbench.errors import PilotError
from workbench.pilot.views import Shown
from workbench.records import Gold, Item, Prompt, content_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from workbench.pilot.config import Candidates
    from workbench.records import Constraint, Response, TaskName
    from workbench.training.balancing import Balance
    from workbench.training.candidates import Generated
    from workbench.training.diversity import BatchDiversity


@dataclass(frozen=True, repr=False)
class BuiltItems(Shown):
    """Items, and the prompts that gave none (with the reason), so nothing is dropped in silence.

    `diversity` is of all responses there were, None for items that show none. `balance` says, where responses were
    chosen with it, what is left that would let somebody guess.
    """

    items: tuple[Item, ...]
    left_out: dict[str, str]
    diversity: BatchDiversity | None = None
    balance: Balance | None = None

    def lines(self) -> list[str]:
        """What there is and what is left out, how different the responses are, and how balanced the choice."""
        lines = [f"{len(self.items)} items; {len(self.left_out)} prompts gave none"]
        lines += [f"left out: {count} ({reason})" for reason, count in sorted(Counter(self.left_out.values()).items())]
        return [*lines, *(line for part in (self.diversity, self.balance) if part for line in part.lines())]

    def table(self) -> pd.DataFrame | None:
        """Where models or variants were balanced against each other, one row for each."""
        return self.balance.table() if self.balance and len(self.balance.models | self.balance.variants) > 1 else None


def read_prompts(path: Path) -> list[Prompt]:
    """The prompts of a pilot, one JSON record a line.

    Raises
    ------
    PilotError
        When there is no such file, or a line is no prompt or has the id of an earlier one; names the line.
    """
    prompts: dict[str, Prompt] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PilotError("this pilot has no prompts.jsonl", where=str(path.parent)) from None
    lines = text.removesuffix("\n").split("\n") if text else []  # other ends of lines may stand in a prompt
    for number, line in enumerate(lines, start=1):
        try:
            given = json.loads(line)
            if "id" not in given:
                given["id"] = content_id("p", given.get("prompt", ""))
            prompt = Prompt.parse(given)
            for constraint in prompt.constraints:
                verifiers.validate(constraint)
        except (ValueError, TypeError) as error:
            raise PilotError(f"not a prompt: {str(error)[:200]}", where=f"{path}:{number}") from None
        if prompt.id in prompts:
            raise PilotError(
                f"the prompt id {prompt.id} stands in an earlier line too",
                where=f"{path}:{number}",
                next_step="remove the line, or give it an id of its own: records.content_id('p', text)",
            )
        prompts[prompt.id] = prompt
    return list(prompts.values())


def candidates(prompts: Sequence[Prompt], settings: Candidates, path: Path) -> list[Generated]:
    """Generate (or finish generating) the responses to the prompts, kept in `path`.

    A model that is a folder in that of `path` is looked for there first, so `runs/ID` is a run of the pilot.
    """
    from workbench.training.candidates import generate

    named = [settings.model] if isinstance(settings.model, str) else settings.model
    return generate(
        prompts,
        [str(path.parent / name) if (path.parent / name).is_dir() else name for name in named],
        n=settings.n,
        temperatures=settings.temperatures,
        systems=settings.systems,
        top_p=settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        seed=settings.seed,
        batch_size=settings.batch_size,
        max_overlap=settings.max_overlap,
        redraws=settings.redraws,
        path=path,
    )


def items(
    task: TaskName, n_shown: int, prompts: Sequence[Prompt], generated: Sequence[Generated], *, balance: bool = False
) -> BuiltItems:
    """The items of a task that prompts and responses give, sorted by id.

    Items that show several responses: one a prompt, with the `n_shown` that differ most, counting constraints
    satisfied. Items that show one: every different response that is not empty. Items that show none (red teaming):
    one a prompt, which is the brief.

    An item carries a gold answer only where the verifiers vouch for it, so such an answer is true by construction:
    a pair, where one response satisfies all that the other does and more; a ranking, where that holds from each
    response to the next; a checklist of constraints, always.

    Parameters
    ----------
    n_shown
        Responses an item shows (`PilotConfig.n_shown`).
    balance
        Choose the responses of items that show several over all prompts (`training.pairs.choose`), so that neither
        the shorter one nor a model is better or first more often; the price is a little difference.
    """
    asked = {prompt.id for prompt in prompts}
    used = [one for one in generated if one.prompt_id in asked]
    found = (_balanced if balance and n_shown > 1 else _unbalanced)(task, n_shown, prompts, used)
    if not used or not n_shown:
        return found
    from workbench.training import diversity

    return replace(found, diversity=diversity.of_batch(used))


def satisfied(constraints: Sequence[Constraint], text: str) -> float:
    """Share of the constraints that a text satisfies, 0 to 1; 0 when nothing was asked (no evidence of quality)."""
    found = verifiers.check_all(constraints, text)
    return found.n_passed / found.n_total if found.n_total else 0.0


def _unbalanced(task: TaskName, n_shown: int, prompts: Sequence[Prompt], generated: Sequence[Generated]) -> BuiltItems:
    responses: dict[str, list[Response]] = {}
    for one in generated:
        responses.setdefault(one.prompt_id, []).append(one.response)
    built, left_out = [], {}
    for prompt in prompts:
        sets, reason = _sets(n_shown, prompt, responses.get(prompt.id, []))
        built += [_item(task, prompt, shown) for shown in sets]
        if not sets:
            left_out[prompt.id] = reason
    return BuiltItems(tuple(sorted(built, key=lambda item: item.id)), left_out)


def _balanced(task: TaskName, n_shown: int, prompts: Sequence[Prompt], generated: Sequence[Generated]) -> BuiltItems:
    from workbench.training.pairs import choose

    asked = {prompt.id: prompt for prompt in prompts}
    choice = choose(
        generated,
        n_shown,
        score=lambda prompt, text: satisfied(asked[prompt].constraints, text),
    )
    built = [_item(task, asked[prompt], shown) for prompt, shown in choice.sets.items()]
    nothing = dict.fromkeys(asked.keys() - choice.sets.keys(), f"different responses: 0, needed: {n_shown}")
    left_out = {prompt: reason for prompt in asked if (reason := (nothing | choice.left_out).get(prompt))}
    return BuiltItems(tuple(sorted(built, key=lambda item: item.id)), left_out, balance=choice.balance)


def _sets(n_shown: int, prompt: Prompt, responses: Sequence[Response]) -> tuple[list[tuple[Response, ...]], str]:
    """The responses of each item that a prompt gives, and why it gives none where it does."""
    from workbench.training.pairs import choose_set, different

    if n_shown == 0:
        return [()], ""
    if n_shown == 1:
        return [(one,) for one in different(responses) if one.text.strip()], "no response that is not empty"
    chosen = choose_set(responses, n_shown, score=lambda text: satisfied(prompt.constraints, text))
    return [chosen] if chosen else [], f"different responses: {len(different(responses))}, needed: {n_shown}"


def _item(task: TaskName, prompt: Prompt, shown: tuple[Response, ...]) -> Item:
    vouch = _GOLD.get(task)
    return Item(
        id=content_id("i", task, prompt.id, *(response.id for response in shown)),
        prompt_id=prompt.id,
        task=task,
        prompt=prompt.prompt,
        responses=shown,
        category=prompt.category,
        constraints=prompt.constraints,
        gold=vouch(prompt.constraints, [response.text for response in shown]) if vouch else None,
        split=prompt.split,
    )


def _pairwise_gold(constraints: Sequence[Constraint], texts: Sequence[str]) -> Gold | None:
    first, second = texts
    answer = verifiers.prefer(constraints, first, second)
    if answer not in ("A", "B"):
        return None
    by_id = {constraint.id: constraint for constraint in constraints}
    better, worse = (first, second) if answer == "A" else (second, first)
    missed = [v for v in verifiers.check_all(constraints, worse).verdicts if not v.passed]
    kept = verifiers.check_all(constraints, better).passed_ids
    told = [
        f"{verifiers.describe(by_id[v.constraint])}: the other response has {v.found}"
        for v in missed
        if v.constraint in kept
    ]
    return Gold(answer={"choice": answer}, by="verifier", explanation="; ".join(told))


def _ranking_gold(constraints: Sequence[Constraint], texts: Sequence[str]) -> Gold | None:
    """The order by constraints satisfied, where each response satisfies all that the next does and more."""
    lettered = zip(ascii_uppercase, texts, strict=False)
    kept = {letter: verifiers.check_all(constraints, text).passed_ids for letter, text in lettered}
    order = sorted(kept, key=lambda letter: -len(kept[letter]))
    if not all(kept[better] > kept[worse] for better, worse in pairwise(order)):
        return None
    # The screen has letters of its own, so the explanation names places.
    told = [
        ", ".join(verifiers.describe(one) for one in constraints if one.id in kept[letter]) or "no constraint"
        for letter in order
    ]
    explanation = "Constraints kept, from the first place: " + "; ".join(told)
    ranks = {letter: place for place, letter in enumerate(order, start=1)}
    return Gold(answer={"ranks": dict(sorted(ranks.items()))}, by="verifier", explanation=explanation)


def _checklist_gold(constraints: Sequence[Constraint], texts: Sequence[str]) -> Gold | None:
    if not constraints:
        return None
    verdicts = verifiers.check_all(constraints, texts[0]).verdicts
    told = [
        f"{verifiers.describe(one)}: {'yes' if verdict.passed else 'no'} ({verdict.found})"
        for one, verdict in zip(constraints, verdicts, strict=True)
    ]
    checks = {verdict.constraint: "yes" if verdict.passed else "no" for verdict in verdicts}
    return Gold(answer={"checks": checks}, by="verifier", explanation="; ".join(told))


_GOLD: dict[str, Callable[[Sequence[Constraint], Sequence[str]], Gold | None]] = {
    "pairwise": _pairwise_gold,
    "ranking": _ranking_gold,
    "instruction_following": _checklist_gold,
}
