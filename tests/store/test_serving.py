"""The proof that a batch comes out whole: people in processes of their own come, stall, leave, are killed, come late.

Whatever they do, each item ends with answers of exactly `overlap` people, and nothing that was sent is lost or doubled.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.store.crowd import BATCH, GIVE_UP_S, GO_ON, GOLD, RULES, asked, work
from workbench.design.handing import REPEAT_AFTER
from workbench.records import Label

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.store import Store

# Twelve people. In the place of who leaves and who is killed a newcomer comes.
ROLES = ["victim"] * 3 + ["leaver", "staller"] * 2 + ["steady"] * 5


def test_a_batch_comes_out_whole_whatever_its_people_do(
    store: Store, store_url: str, tmp_path: Path, processes: Any
) -> None:
    started = time.monotonic()
    folder = tmp_path / "diaries"
    folder.mkdir()

    def diary(name: str) -> list[list[str]]:
        path = folder / name
        return [line.split(" ", 1) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def come(name: str, role: str) -> Any:
        process = processes.Process(target=work, args=(store_url, name, role, str(folder)))
        process.start()
        return process

    here = {}
    for number, role in enumerate(ROLES):
        here[f"{role}{number}"] = come(f"{role}{number}", role)
        time.sleep(0.05)
    to_kill = [name for name in here if name.startswith("victim")]
    to_leave = [name for name in here if name.startswith("leaver")]
    while to_kill or to_leave:
        time.sleep(0.005)
        for name in [name for name in to_kill if len(diary(name)) >= 12]:
            os.kill(here[name].pid, signal.SIGKILL)
            here[name].join(timeout=30)
            assert here[name].exitcode == -signal.SIGKILL, "it was killed while it worked"
            to_kill.remove(name)
            here[f"for_{name}"] = come(f"for_{name}", "steady")
        for name in [name for name in to_leave if not here[name].is_alive()]:
            to_leave.remove(name)
            here[f"for_{name}"] = come(f"for_{name}", "steady")
        assert all(here[name].is_alive() for name in to_kill), "the batch was whole before anybody could be killed"
        if not to_kill:
            (folder / GO_ON).touch()
    for process in here.values():
        process.join(timeout=GIVE_UP_S)
    assert {process.exitcode for name, process in here.items() if not name.startswith("victim")} == {0}

    sent: dict[str, Label] = {}
    fate: dict[str, str] = {}
    back: set[str] = set()
    for name in here:
        lines = diary(name)
        own = {one.label_id: one for what, text in lines if what == "sent" for one in [Label.model_validate_json(text)]}
        told = {text: what for what, text in lines if what in ("kept", "late")}
        # The page of somebody whose server was killed sends again what it got no answer to.
        for label_id in own.keys() - told.keys():
            assert name.startswith("victim")
            kept = store.judge_held(own[label_id], asked(own[label_id]), RULES.overlap)
            told[label_id] = "late" if kept is None else "kept"
            back.add(own[label_id].item)
        sent |= own
        fate |= told
        back |= {text for what, text in lines if what == "back"}

    check(store, sent, fate, back)
    facts = summary(store)
    facts += f"; {len(back)} items somebody came back to"
    print(f"{store_url.partition(':')[0]}: {time.monotonic() - started:.1f} s, {len(sent)} answers sent; {facts}")


def check(store: Store, sent: dict[str, Label], fate: dict[str, str], back: set[str]) -> None:
    """Everything that holds at the end, whatever happened."""
    labels, history = store.labels("p"), store.labels("p", history=True)
    aside = [Label.model_validate_json(row.raw) for row in store.quarantined("p")]
    holds = store.holds("p", "b1")

    # Every answer is in the store exactly once, as it was sent and where its sender was told.
    stored = {one.label_id: one for one in history}
    assert len(stored) == len(history)
    assert len(history) + len(aside) == len(sent)
    assert stored.keys() == {name for name, what in fate.items() if what == "kept"}
    assert {one.label_id for one in aside} == {name for name, what in fate.items() if what == "late"}
    assert all(one.model_copy(update={"supersedes": None}) == sent[name] for name, one in stored.items())

    # Exactly `overlap` people for each item, nobody twice.
    live = [one for one in labels if not one.is_gold and not one.is_repeat]
    who = {item.id: [one.annotator for one in live if one.item == item.id] for item in BATCH}
    assert {len(people) for name, people in who.items() if name not in GOLD} == {RULES.overlap}
    assert {len(people) for name, people in who.items() if name in GOLD} == {0}
    questions = [(one.item, one.annotator, one.is_repeat) for one in labels]
    assert len(set(questions)) == len(questions), "one answer in force to each question"
    assert set(questions) == {(one.item, one.annotator, one.is_repeat) for one in holds if one.state == "done"}
    assert len(store.assignments("p")) == len(questions)
    assert not {(one.item, one.annotator, False) for one in store.skips("p")} & set(questions)

    # Repeats are of one's own, later and turned.
    first = {(one.item, one.annotator): one for one in live}
    for again in (one for one in labels if one.is_repeat):
        before = first[again.item, again.annotator]
        assert again.order == before.order[::-1]
        assert before.position is not None
        assert again.position is not None
        assert again.position - before.position >= REPEAT_AFTER

    # Gold: one in each stretch, for everybody.
    assert {hold.item for hold in holds if hold.is_gold} <= GOLD
    for name in {hold.annotator for hold in holds}:
        mine = [hold for hold in holds if hold.annotator == name]
        n_gold = sum(hold.is_gold for hold in mine)
        whole = int(len(mine) * RULES.gold_share)
        assert whole <= n_gold <= whole + 1, name
        assert sorted(hold.position for hold in mine) == list(range(len(mine)))

    # Sides: a place that falls free is filled with the side that is missing, so only somebody who comes back to an
    # expired hold, with the side on their screen, can give an item the same side throughout.
    straight = Counter(one.item for one in live if one.order == one.responses)
    assert {name for name in who if name not in GOLD and straight[name] in (0, RULES.overlap)} <= back

    # And all of it did happen.
    assert aside, "somebody was late"
    assert len(history) > len(labels), "somebody corrected"
    assert any(one.is_repeat for one in labels)
    assert any(hold.state == "expired" for hold in holds if hold.annotator.startswith(("leaver", "victim")))


def sides(store: Store) -> dict[int, int]:
    """In how many of its answers an item was shown in canonical order -> how many items."""
    live = [one for one in store.labels("p") if not one.is_gold and not one.is_repeat]
    straight = Counter(one.item for one in live if one.order == one.responses)
    return dict(sorted(Counter(straight[item] for item in {one.item for one in live}).items()))


def summary(store: Store) -> str:
    labels, counts = store.labels("p"), store.counts("p")
    n = Counter(one.annotator for one in labels)
    shares = sorted(
        sum(one.is_gold for one in labels if one.annotator == name) / n[name] for name in n if n[name] >= 20
    )
    return (
        f"{counts.n_labels} labels in force, {counts.n_superseded} superseded, {counts.n_quarantined} late, "
        f"{sum(one.is_repeat for one in labels)} repeats, {len(store.skips('p'))} skips; sides {sides(store)}; "
        f"{len(n)} people with {min(n.values())} to {max(n.values())} answers, gold shares from 20 answers on: "
        f"{', '.join(f'{share:.2f}' for share in shares)}"
    )
