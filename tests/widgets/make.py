"""A small labelling queue, and a keeper of labels that takes the same one twice without harm."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

from workbench.records import Annotator, Assignment, Clause, EdgeCase, Gold, Guideline, Item, Label, Response
from workbench.widgets import AnnotateWidget, annotate

ANNOTATOR = Annotator(id="reader-1", source="human", pool="lab")
MODELS = ("SecretModel-7B", "HiddenModel-13B")


def guideline(*, both_bad: bool = True) -> Guideline:
    text = "Prefer the response that follows the instruction.\n"
    return Guideline(
        name="instruction-following",
        version="v1",
        task="pairwise",
        criteria=("follows the instruction", "correct"),
        scale=("A", "tie", "B"),
        tie_rule="Call a **tie** only if you would not mind which one you got.",
        allow_both_bad=both_bad,
        author="test",
        date="2026-01-01",
        clauses=(
            Clause(id="C1", title="Instruction first", text="Every *explicit* requirement counts before style."),
            Clause(id="C2", title="Correct", text="A wrong fact loses against a missing one."),
        ),
        edge_cases=(EdgeCase(id="E1", title="Too long", text="Asked for 3, gave 5.", answer="B", clause="C1"),),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def items(
    n: int, prompt: str = "Prompt {i}", left: str = "Answer **{i}** one", right: str = "Answer {i} two"
) -> dict[str, Item]:
    made = {}
    for i in range(n):
        one = Item(
            id=f"item-{i}",
            prompt_id=f"prompt-{i}",
            task="pairwise",
            prompt=prompt.replace("{i}", str(i)),
            category="SecretCategory",
            responses=(
                Response(id=f"r{i}a", text=left.replace("{i}", str(i)), model=MODELS[0]),
                Response(id=f"r{i}b", text=right.replace("{i}", str(i)), model=MODELS[1]),
            ),
            gold=Gold(answer={"choice": "A"}, by="verifier", explanation="SecretExplanation") if i % 2 else None,
        )
        made[one.id] = one
    return made


def assignments(items: dict[str, Item]) -> list[Assignment]:
    """Every second one shows the responses swapped; some are gold, some are repeats."""
    made = []
    for position, item in enumerate(items.values()):
        ids = tuple(response.id for response in item.responses)
        made.append(
            Assignment(
                id=f"as-gold-{position}",
                pilot="pilot-x",
                batch="batch-1",
                round=2,
                item=item.id,
                annotator=ANNOTATOR.id,
                order=ids[::-1] if position % 2 else ids,
                position=position,
                is_gold=item.gold is not None,
                is_repeat=position % 3 == 2,
            )
        )
    return made


class Keeper:
    """What a store does for the widget; `failing` makes it raise, as a full disk would."""

    def __init__(self) -> None:
        self.labels: dict[str, Label] = {}
        self.calls: list[Label] = []
        self.failing: Exception | None = None

    def submit(self, label: Label) -> None:
        self.calls.append(label)
        if self.failing is not None:
            raise self.failing
        known = self.labels.setdefault(label.label_id, label)
        assert known == label, "the same id with other content"

    @property
    def current(self) -> dict[str, str]:
        """Item -> answer, of the labels that no other supersedes."""
        corrected = {label.supersedes for label in self.labels.values()}
        return {one.item: str(one.answer["choice"]) for one in self.labels.values() if one.label_id not in corrected}


def widget(n: int = 6, keeper: Keeper | None = None, **changes: Any) -> tuple[AnnotateWidget, Keeper]:
    keeper = keeper or Keeper()
    queue = changes.pop("items", None) or items(n)
    asked = changes.pop("assignments", None) or assignments(queue)
    settings: dict[str, Any] = {"annotator": ANNOTATOR, "guideline": guideline(), "submit": keeper.submit} | changes
    return annotate(asked, queue, **settings), keeper


def message(shown: AnnotateWidget, position: int, choice: str, **changes: Any) -> dict[str, Any]:
    """What the browser would send for the question at this position."""
    sent = {
        "type": "answer",
        "uuid": str(uuid4()),
        "question": shown.questions[position]["key"],
        "choice": choice,
        "reason": "",
        "clauses": [],
        "duration_s": 1.5,
    }
    return sent | changes
