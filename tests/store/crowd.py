"""Simulated annotators who come, stall, correct, skip and leave, each in a process that may be killed."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.design.make import items
from tests.store.make import assignment, guideline, label
from workbench import design
from workbench.records import Assignment, Label, Skip
from workbench.store import Hold, Store, Wanted, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = items(100, n_gold=100)
RESPONSES = {item.id: tuple(response.id for response in item.responses) for item in BATCH}
RULES = design.Open(overlap=3, gold_share=0.2, repeat_share=0.1, seed=1)
GOLD = design.choose_gold(BATCH, RULES.gold_share, RULES.seed)
HOLD_S = 0.5
GO_ON = "go on"  # a file among the diaries, made once those who are killed are dead
GIVE_UP_S = 240.0  # 15 s on an idle machine; an answer that comes late is asked again


class Person:
    """One simulated annotator, with a diary of what was sent and what became of it that survives their process."""

    def __init__(self, store: Store, name: str, folder: Path) -> None:
        self.store, self.name = store, name
        self.luck = random.Random(name)
        self.diary = (folder / name).open("ab", buffering=0)
        self.n_sent = 0
        self.n_held = 0

    def write(self, what: str, text: str) -> None:
        """A line of the diary: `sent` with the answer, `kept` or `late` with its id, `back` with an item."""
        self.diary.write(f"{what} {text}\n".encode())

    def hold(self, n: int) -> list[Hold]:
        def choose(holds: Sequence[Hold]) -> list[Wanted]:
            chosen = design.next_questions(BATCH, holds, self.name, RULES, n=n)
            return [Wanted(one.item, one.order, one.is_gold, one.is_repeat) for one in chosen]

        held = self.store.hand_out("p", "b1", self.name, choose, overlap=RULES.overlap, seconds=HOLD_S)
        for hold in held:
            if hold.position < self.n_held:
                self.write("back", hold.item)
        self.n_held = max(self.n_held, *(hold.position + 1 for hold in held), 0)
        return held

    def answer(self, hold: Hold) -> None:
        time.sleep(self.luck.uniform(0.01, 0.06))
        if not hold.is_gold and not hold.is_repeat and self.luck.random() < 0.03:
            self.skip(hold)
            return
        given = self.send(hold, self.luck.choice("AB"))
        if self.luck.random() < 0.1:  # the page heard nothing back
            self.post(given.model_copy(update={"submitted_at": datetime.now(UTC)}), hold)
        if self.luck.random() < 0.1:  # the person thinks better of it
            self.send(hold, "tie")

    def send(self, hold: Hold, choice: str) -> Label:
        given = label(
            f"{self.name}.{self.n_sent}",
            item=hold.item,
            annotator=self.name,
            answer={"choice": choice},
            responses=RESPONSES[hold.item],
            order=hold.order,
            position=hold.position,
            is_gold=hold.is_gold,
            is_repeat=hold.is_repeat,
            submitted_at=datetime.now(UTC),
        )
        self.n_sent += 1
        self.write("sent", given.canonical())
        self.post(given, hold)
        return given

    def post(self, given: Label, hold: Hold) -> None:
        kept = self.store.judge_held(given, asked(given), RULES.overlap)
        self.write("late" if kept is None else "kept", given.label_id)
        if datetime.now(UTC) > hold.expires_at:
            self.write("back", hold.item)

    def skip(self, hold: Hold) -> None:
        reason = Skip(
            skip_id=f"s.{self.name}.{hold.item}",
            pilot="p",
            batch="b1",
            item=hold.item,
            annotator=self.name,
            source="human",
            position=hold.position,
            reason="broken",
            submitted_at=datetime.now(UTC),
            guideline="helpful/v1",
            guideline_sha256=guideline().sha256,
        )
        self.store.skip(reason, assignment("any", item=hold.item, annotator=self.name))

    def stall(self, held: Sequence[Hold]) -> None:
        """Sit before the screen until somebody else has one of the items, then answer all as if nothing were."""
        until = time.monotonic() + 10
        lost = False
        while not lost and time.monotonic() < until:
            time.sleep(0.05)
            holds = self.store.holds("p", "b1")
            full = {
                item for item, n in Counter(hold.item for hold in holds if hold.counts).items() if n == RULES.overlap
            }
            lost = any(hold.annotator == self.name and hold.state == "expired" and hold.item in full for hold in holds)
        for hold in held:
            self.send(hold, "A")


def asked(given: Label) -> Assignment:
    return assignment(
        f"a.{given.annotator}.{given.item}.{given.is_repeat}",
        item=given.item,
        annotator=given.annotator,
        order=given.order,
        position=given.position,
        is_gold=given.is_gold,
        is_repeat=given.is_repeat,
    )


def whole(store: Store) -> bool:
    """Whether each item has the answers it needs."""
    done = Counter(hold.item for hold in store.holds("p", "b1") if hold.counts and hold.state == "done")
    return all(done[item.id] >= RULES.overlap for item in BATCH if item.id not in GOLD)


def work(url: str, name: str, role: str, folder: str) -> None:
    """What one person does, as the main function of a process."""
    until = time.monotonic() + GIVE_UP_S
    with open_store(url) as store:
        person = Person(store, name, Path(folder))
        stalls = 2 if role == "staller" else 0
        while time.monotonic() < until:
            if role not in ("victim", "leaver") and person.n_sent >= 8 and not (Path(folder) / GO_ON).exists():
                time.sleep(0.02)  # else the batch may be whole before anybody is killed
                continue
            held = person.hold(3)
            if not held:
                if whole(store):
                    return
                time.sleep(0.05)
                continue
            counting = sum(hold.counts for hold in held)
            if role == "leaver" and person.n_sent >= 8 and counting:
                return
            if stalls and person.n_sent >= 5 * (3 - stalls) and counting:
                stalls -= 1
                person.stall(held)
                continue
            for hold in held:
                person.answer(hold)
    raise TimeoutError(f"{name} waited {GIVE_UP_S} s for the batch to be whole")
