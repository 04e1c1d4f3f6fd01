"""Small labelling queues of every task type, and a keeper of records that takes the same one twice without harm."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from workbench import design
from workbench.records import (
    Annotator,
    Assignment,
    Calibration,
    Clause,
    Constraint,
    EdgeCase,
    Exchange,
    Gold,
    Guideline,
    Item,
    Label,
    Practice,
    Response,
    Skip,
)
from workbench.widgets import AnnotateWidget, annotate_queue
from workbench.widgets.annotate import Drill, Options, Past
from workbench.widgets.annotate import Keeper as KeeperFunctions

if TYPE_CHECKING:
    from collections.abc import Callable

ANNOTATOR = Annotator(id="reader-1", source="human", pool="lab")
MODELS = ("SecretModel-7B", "HiddenModel-13B")

# task -> what its guideline says beside the common part, how many responses an item has, and a gold answer
TASKS: dict[str, tuple[dict[str, Any], int, dict[str, Any] | None]] = {
    "pairwise": ({"criteria": ("follows the instruction", "correct"), "scale": ("A", "tie", "B")}, 2, {"choice": "A"}),
    "ranking": ({"criteria": ("correct",), "scale": ("best", "worst")}, 4, {"ranks": {"A": 1, "B": 2, "C": 3, "D": 4}}),
    "likert": (
        {
            "criteria": ("helpfulness", "tone"),
            "scale": ("poor", "weak", "fair", "good", "excellent"),
            "anchors": {"tone": ("rude", "plain", "kind")},
        },
        1,
        {"ratings": {"helpfulness": 4, "tone": 2}},
    ),
    "classification": (
        {"scale": ("answer", "refusal", "gibberish"), "anchors": {"refusal": ("says that it will not do it",)}},
        1,
        {"classes": ["answer"]},
    ),
    "red_team": (
        {"scale": ("role play", "false premise"), "anchors": {"role play": ("asks it to be somebody",)}},
        0,
        None,
    ),
    "instruction_following": ({"scale": ("yes", "no", "not_applicable")}, 1, {"checks": {"c1": "yes", "c2": "no"}}),
    "factual_accuracy": (
        {"scale": ("supported", "contradicted", "not_enough_evidence", "source_unavailable")},
        1,
        {"claims": [{"start": 0, "end": 10, "verdict": "supported", "quote": "as printed"}]},
    ),
}


def guideline(task: str = "pairwise", *, both_bad: bool = True, **changes: Any) -> Guideline:
    text = "Prefer the response that follows the instruction.\n"
    fields: dict[str, Any] = {
        "name": "instruction-following",
        "version": "v1",
        "task": task,
        "criteria": (),
        "tie_rule": "Call a **tie** only if you would not mind which one you got." if task == "pairwise" else "",
        "allow_both_bad": both_bad and task == "pairwise",
        "author": "test",
        "date": "2026-01-01",
        "clauses": (
            Clause(id="C1", title="Instruction first", text="Every *explicit* requirement counts before style."),
            Clause(id="C2", title="Correct", text="A wrong fact loses against a missing one."),
        ),
        "edge_cases": (EdgeCase(id="E1", title="Too long", text="Asked for 3, gave 5.", answer="B", clause="C1"),),
        "text": text,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    return Guideline(**(fields | TASKS[task][0] | changes))


def items(
    n: int,
    prompt: str = "Prompt {i}",
    left: str = "Answer **{i}** one",
    right: str = "Answer {i} two",
    *,
    task: str = "pairwise",
) -> dict[str, Item]:
    made = {}
    _, n_responses, gold = TASKS[task]
    texts = (left, right, "Answer {i} three", "Answer {i} four")[:n_responses]
    for i in range(n):
        one = Item(
            id=f"item-{i}",
            prompt_id=f"prompt-{i}",
            task=task,
            prompt=prompt.replace("{i}", str(i)),
            category="SecretCategory",
            responses=tuple(
                Response(id=f"r{i}{'abcd'[k]}", text=text.replace("{i}", str(i)), model=MODELS[k % 2])
                for k, text in enumerate(texts)
            ),
            constraints=(
                Constraint(id="c1", kind="no_commas"),
                Constraint(id="c2", kind="max_words", params={"n": 2}),
            )
            if task == "instruction_following"
            else (),
            gold=Gold(answer=gold, by="verifier", explanation="SecretExplanation", clause="C1")
            if gold and i % 2
            else None,
        )
        made[one.id] = one
    return made


def assignments(items: dict[str, Item]) -> list[Assignment]:
    """Every second one shows the responses in reverse; some are gold, some are repeats."""
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
        self.skips: dict[str, Skip] = {}
        self.practised: dict[str, Practice] = {}
        self.exchanges: dict[str, Exchange] = {}
        self.calls: list[Label] = []
        self.failing: Exception | None = None

    def submit(self, label: Label) -> None:
        self.calls.append(label)
        self._keep(self.labels, label.label_id, label)

    def _keep(self, place: dict[str, Any], name: str, record: Any) -> None:
        if self.failing is not None:
            raise self.failing
        known = place.setdefault(name, record)
        assert known == record, "the same id with other content"

    @property
    def functions(self) -> KeeperFunctions:
        """This keeper as the widget takes it."""
        return KeeperFunctions(
            judge=self.submit,
            skip=lambda one: self._keep(self.skips, one.skip_id, one),
            practice=lambda one: self._keep(self.practised, one.practice_id, one),
            exchange=lambda one: self._keep(self.exchanges, one.exchange_id, one),
        )

    @property
    def current(self) -> dict[str, str]:
        """Item -> choice, of the pairwise labels that no other supersedes."""
        corrected = {label.supersedes for label in self.labels.values()}
        return {one.item: str(one.answer["choice"]) for one in self.labels.values() if one.label_id not in corrected}

    @property
    def answers(self) -> list[dict[str, Any]]:
        """Canonical answers in the order they were kept."""
        return [label.answer for label in self.labels.values()]


def widget(
    n: int = 6,
    keeper: Keeper | None = None,
    *,
    task: str = "pairwise",
    submit: Callable[[Label], Any] | None = None,
    answered: list[Label] | None = None,
    keys: dict[str, str] | None = None,
    options: Options | None = None,
    past: Past | None = None,
    **changes: Any,
) -> tuple[AnnotateWidget, Keeper]:
    keeper = keeper or Keeper()
    queue = changes.pop("items", None) or items(n, task=task)
    asked = changes.pop("assignments", None) or assignments(queue)
    functions = keeper.functions if submit is None else KeeperFunctions(judge=submit)
    settings: dict[str, Any] = {"annotator": ANNOTATOR, "guideline": guideline(task)} | changes
    return (
        annotate_queue(
            asked,
            queue,
            keeper=functions,
            past=past or Past(labels=answered or ()),
            options=options or Options(keys=keys or {}),
            **settings,
        ),
        keeper,
    )


def answer_message(shown: AnnotateWidget, position: int, answer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What the browser would send for the question at this position; responses named as the screen shows them."""
    sent = {
        "type": "answer",
        "uuid": str(uuid4()),
        "question": shown.state()["queue"][position],
        "guideline": shown.settings["guideline"]["sha"],
        "answer": answer,
        "reason": "",
        "comment": "",
        "clauses": [],
        "flags": [],
        "duration_s": 1.5,
    }
    return sent | changes


def message(shown: AnnotateWidget, position: int, choice: str, **changes: Any) -> dict[str, Any]:
    """As `answer_message`, for a pairwise choice given as A (left), B (right), tie or both_bad."""
    return answer_message(shown, position, {"choice": choice}, **changes)


def handle(shown: AnnotateWidget, content: dict[str, Any]) -> dict[str, Any]:
    """The reply to a message that gets one."""
    reply = shown._handle(content)
    assert reply is not None
    return reply


# One answer of each task type to `items`, as the screen names the responses.
ANSWERS: dict[str, dict[str, Any]] = {
    "pairwise": {"choice": "A"},
    "ranking": {"ranks": {"A": 2, "B": 1, "C": 3, "D": 3}},
    "likert": {"ratings": {"helpfulness": 5, "tone": 3}},
    "classification": {"classes": ["refusal"]},
    "red_team": {
        "turns": [{"role": "user", "text": "Be somebody."}, {"role": "assistant", "text": "No."}],
        "attack_category": "role play",
        "success": False,
        "severity": 0,
    },
    "instruction_following": {"checks": {"c1": "yes", "c2": "not_applicable"}},
    "factual_accuracy": {"claims": [{"start": 2, "end": 5, "verdict": "source_unavailable"}]},
}


def skip_message(shown: AnnotateWidget, position: int, reason: str = "It is broken or empty", **changes: Any) -> Any:
    """What the browser would send to pass over the question at this position."""
    question, rules = shown.state()["queue"][position], shown.settings["guideline"]["sha"]
    sent = {"type": "skip", "uuid": str(uuid4()), "question": question, "guideline": rules, "reason": reason}
    return sent | changes


# Of three practice items two must be right, so one mistake is allowed.
RULE = Calibration(n=3, min_correct=2, max_mistakes=1, attempts=2)
PRACTICE = {1: (7, 9, 11), 2: (13, 15, 17)}  # attempt -> numbers of its items, which are gold


def practising(
    keeper: Keeper | None = None, *, task: str = "pairwise", past: Past | None = None, **options: Any
) -> tuple[AnnotateWidget, Keeper]:
    """A widget whose six live questions come after a practice; the second practice question is shown in reverse."""
    pool = items(20, task=task)

    def questions(attempt: int) -> list[Assignment]:
        chosen = {f"item-{k}": pool[f"item-{k}"] for k in PRACTICE[attempt]}
        batch = {"batch": "practice", "is_repeat": False}
        asked = [one.model_copy(update={**batch, "id": f"{one.item}-{attempt}"}) for one in assignments(chosen)]
        assert all(one.is_gold for one in asked)
        return asked

    return widget(
        keeper=keeper,
        task=task,
        items=pool,
        assignments=assignments(pool)[:6],
        guideline=guideline(task, calibration=RULE),
        past=past,
        options=Options(drill=Drill(questions, lambda given: design.standing(RULE, given)), **options),
    )
