"""Judgments: the newest answer to a question counts, in one chain, whatever programs gave the ones before."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.store.make import T0, guideline, label
from workbench.errors import RecordError, StoreError
from workbench.records import SAW_CHECKS, Annotator, Exchange, Label, Practice, Skip
from workbench.store import Appended, Store, open_store

if TYPE_CHECKING:
    from pathlib import Path


def answer(name: str, **changes: Any) -> Label:
    """A label to a question that was asked here."""
    return label(name, **{"position": 3, "submitted_at": T0, **changes})


def chain(store: Store) -> list[Label]:
    """All labels, each a correction of the one before it, the last in force."""
    history = store.labels("p", history=True)
    assert [one.supersedes for one in history] == [None, *(one.label_id for one in history[:-1])]
    assert store.labels("p") == history[-1:]
    return history


def test_each_answer_takes_the_place_of_the_one_before(store: Store) -> None:
    assert store.judge(answer("l1")) == answer("l1")
    second = store.judge(answer("l2", answer={"choice": "B"}))
    assert second == answer("l2", answer={"choice": "B"}, supersedes="l1")
    # What a program thinks it corrects may be out of date; the store knows what is in force.
    assert store.judge(answer("l3", supersedes="l1")).supersedes == "l2"
    assert [one.label_id for one in chain(store)] == ["l1", "l2", "l3"]


def test_the_same_judgment_sent_again_is_the_one_that_was_kept(store: Store) -> None:
    store.judge(answer("l1"))
    kept = store.judge(answer("l2", reason="sure"))
    for again in (
        answer("l2", reason="sure", submitted_at=T0 + timedelta(minutes=1)),
        answer("l2", reason="sure", supersedes="l1"),
        answer("l2", reason="sure", submitted_at=None),
    ):
        assert store.judge(again) == kept
    for other in ({"reason": "unsure"}, {"reason": "sure", "answer": {"choice": "B"}}, {"duration_s": 2.0}):
        with pytest.raises(StoreError, match="label l2 is in the store with other content"):
            store.judge(answer("l2", **other))
    # A late copy of an answer that was corrected meanwhile does not come back into force.
    assert store.judge(answer("l1")) == kept
    assert [one.label_id for one in chain(store)] == ["l1", "l2"]


def test_what_cannot_be_stored_is_refused_and_leaves_the_answer_in_force(store: Store) -> None:
    store.judge(answer("l1"))
    with pytest.raises(RecordError, match="choice"):
        store.judge(answer("l2", answer={"choice": "Q"}))
    with pytest.raises(StoreError, match="is not in the store"):
        store.judge(answer("l2", guideline_sha256="0" * 64))
    assert chain(store) == [answer("l1")]


def test_repeats_gold_people_items_batches_and_pilots_are_questions_of_their_own(store: Store) -> None:
    different: list[dict[str, Any]] = [
        {},
        {"is_repeat": True, "position": 20},
        {"annotator": "ben"},
        {"item": "i2", "is_gold": True},
        {"item": "i2", "is_gold": True, "is_repeat": True, "position": 21},
        {"batch": "b2"},
        {"pilot": "p2"},
    ]
    for number, changes in enumerate(different):
        assert store.judge(answer(f"l{number}", **changes)).supersedes is None
    for number, changes in enumerate(different):
        assert store.judge(answer(f"c{number}", **changes)).supersedes == f"l{number}"
    assert len(store.labels("p")) == 6
    assert len(store.labels("p2")) == 1


def test_a_second_first_answer_cannot_be_appended(store: Store) -> None:
    store.append([answer("l1")])
    message = "the question has an answer already, label 'l1'"
    with pytest.raises(StoreError, match=message) as caught:
        store.append([answer("l2", position=9, answer={"choice": "B"})])
    assert "Store.judge(label), or supersedes='l1'" in caught.value.next_step
    # Neither in one call, nor beside a correction: what is in force is named.
    with pytest.raises(StoreError, match="label 'x1'"):
        store.append([answer("x1", item="i2"), answer("x2", item="i2")])
    store.append([answer("l2", supersedes="l1")])
    with pytest.raises(StoreError, match="label 'l2'"):
        store.append([answer("l3")])
    assert store.append([answer("l1"), answer("r1", is_repeat=True)]) == Appended(1, 1), (
        "known ones are no second answers"
    )
    assert [one.label_id for one in store.labels("p")] == ["l2", "r1"]


def test_imported_labels_answer_no_question_asked_here(store: Store) -> None:
    imported = [label("m1"), label("m2", answer={"choice": "B"}), label("m3", is_repeat=True)]
    assert store.append(imported) == Appended(3, 0)
    assert store.judge(answer("l1")).supersedes is None
    assert store.judge(label("m4")) == label("m4")
    assert store.judge(label("m5", supersedes="m4")) == label("m5", supersedes="m4")
    assert [one.label_id for one in store.labels("p")] == ["m1", "m2", "m3", "l1", "m5"]
    # An answer given here that corrects an imported one is an answer to the question as well.
    store.append([label("n1", item="i2"), answer("n2", item="i2", supersedes="n1")])
    with pytest.raises(StoreError, match="label 'n2'"):
        store.append([answer("n3", item="i2")])
    assert store.judge(answer("n3", item="i2")).supersedes == "n2"


def test_two_chains_from_before_the_rule_go_on_with_the_newest(store: Store) -> None:
    """A store of an earlier version may hold two first answers to one question."""
    store.append([answer("l1"), label("l2")])
    rewrite(store, "l2", answer("l2").canonical())
    assert [one.label_id for one in store.labels("p")] == ["l1", "l2"]
    assert store.judge(answer("l3")).supersedes == "l2"


def rewrite(store: Store, name: str, payload: str) -> None:
    """Change a stored text, as a version of the workbench that knew other fields would have written it."""
    with store._engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER events_no_update")
            connection.exec_driver_sql("UPDATE events SET payload = ? WHERE id = ?", (payload, name))
        else:
            connection.exec_driver_sql("DROP TRIGGER events_append_only ON events")
            connection.exec_driver_sql("UPDATE events SET payload = %s WHERE id = %s", (payload, name))


def without(text: str, *fields: str) -> str:
    record = json.loads(text)
    for field in fields:
        del record[field]
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


NEWER = ("anchors", "ask", "calibration", "flags", "gold_feedback", "machine_checks", "multi_label", "skip_reasons")


def test_an_export_from_before_a_field_is_known_to_a_store_that_has_it(store: Store, tmp_path: Path) -> None:
    store.append([Annotator(id="ana", source="human"), answer("l1"), answer("l2", supersedes="l1")])
    path = tmp_path / "new.jsonl"
    assert store.export(path, "p") == 4
    old = []
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        fields = {"label": ("comment",), "guideline": NEWER}.get(event["kind"], ())
        old.append(json.dumps({**event, "record": json.loads(without(json.dumps(event["record"]), *fields))}))
    (tmp_path / "old.jsonl").write_text("\n".join(old), encoding="utf-8")
    assert store.load(tmp_path / "old.jsonl") == Appended(0, 4, 0)
    # And into an empty store, which then knows the new export too.
    with open_store(tmp_path / "again.sqlite") as again:
        assert again.load(tmp_path / "old.jsonl") == Appended(4, 0, 0)
        assert again.load(path) == Appended(0, 4, 0)
        assert again.labels("p") == store.labels("p")
        assert again.guideline("helpful/v1") == guideline()


def test_a_stored_text_from_before_a_field_is_the_record_with_its_default_and_no_other(store: Store) -> None:
    store.append([answer("l1")])
    rewrite(store, "l1", without(answer("l1").canonical(), "comment"))
    assert store.append([answer("l1")]) == Appended(0, 1)
    assert store.judge(answer("l1")) == answer("l1")
    with pytest.raises(StoreError, match="other content"):
        store.append([answer("l1", comment="a word")])


def test_what_python_calls_equal_is_not_the_same_record(store: Store) -> None:
    said = Exchange(
        exchange_id="e1",
        pilot="p",
        batch="b1",
        item="i1",
        annotator="ana",
        source="human",
        number=0,
        message="?",
        reply="!",
        model="m",
        params={"n": 1},
        submitted_at=T0,
    )
    store.append([said])
    other = said.model_copy(update={"params": {"n": True}})
    assert said == other
    with pytest.raises(StoreError, match="other content"):
        store.append([other])
    assert store.exchanges("p") == [said]


def test_skips_and_practice_are_checked_against_the_guideline_they_name(store: Store) -> None:
    shared: dict[str, Any] = {
        "pilot": "p",
        "item": "i1",
        "annotator": "ana",
        "source": "human",
        "position": 0,
        "submitted_at": T0,
        "guideline": "helpful/v1",
        "guideline_sha256": guideline().sha256,
    }
    skip = Skip(skip_id="s1", batch="b1", reason="broken", **shared)
    practice = Practice(
        practice_id="p1", task="pairwise", attempt=1, answer={"choice": "A"}, order=("r1", "r2"), correct=True, **shared
    )
    assert store.append([skip, practice]) == Appended(2, 0)
    assert (store.skips("p"), store.practice("p"), store.labels("p")) == ([skip], [practice], [])
    assert store.frozen("p") == {"helpful/v1": guideline().sha256}
    with pytest.raises(StoreError, match="is not in the store"):
        store.append([skip.model_copy(update={"skip_id": "s2", "guideline_sha256": "0" * 64})])
    with pytest.raises(RecordError, match="choice"):
        store.append([practice.model_copy(update={"practice_id": "p2", "answer": {"choice": "left"}})])
    with pytest.raises(StoreError, match="a likert answer under a guideline for pairwise"):
        store.append([practice.model_copy(update={"practice_id": "p2", "task": "likert"})])
    # A skip and an answer are not in each other's way: somebody may come back to what they passed over.
    assert store.judge(answer("l1")).supersedes is None


def test_eight_threads_of_two_programs_end_in_one_chain(store: Store, store_url: str) -> None:
    barrier = threading.Barrier(8)
    failures: list[BaseException] = []
    with open_store(store_url) as other:

        def judge(number: int) -> None:
            try:
                barrier.wait()
                for round_number in range(3):
                    (store, other)[number % 2].judge(answer(f"t{number}.{round_number}", reason=str(number)))
            except BaseException as error:  # noqa: BLE001 - shown below; a thread's own traceback is lost
                failures.append(error)

        threads = [threading.Thread(target=judge, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=240)
    assert failures == []
    assert {one.label_id for one in chain(store)} == {f"t{number}.{k}" for number in range(8) for k in range(3)}


def _judge_at(url: str, number: int, start: Any) -> None:
    with open_store(url) as store:
        start.wait()
        for k in range(5):
            store.judge(answer(f"w{number}.{k}"))


def test_first_answers_of_several_processes_end_in_one_chain(store: Store, store_url: str, processes: Any) -> None:
    start = processes.Barrier(4)
    workers = [processes.Process(target=_judge_at, args=(store_url, number, start)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=240)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert {one.label_id for one in chain(store)} == {f"w{number}.{k}" for number in range(4) for k in range(5)}


def test_what_is_sent_again_by_another_program_is_what_was_kept_the_first_time(store: Store) -> None:
    shared: dict[str, Any] = {"pilot": "p", "item": "i1", "annotator": "ana", "source": "human", "submitted_at": T0}
    rules: dict[str, Any] = {"guideline": "helpful/v1", "guideline_sha256": guideline().sha256}
    skip = Skip.parse({**shared, **rules, "skip_id": "s1", "batch": "b1", "position": 0, "reason": "odd"})
    practice = Practice.parse(
        {**shared, **rules, "practice_id": "t1", "task": "pairwise", "attempt": 1, "position": 0, "order": ["r1", "r2"]}
        | {"answer": {"choice": "A"}, "correct": True}
    )
    said = Exchange.parse(
        {**shared, "exchange_id": "e1", "batch": "b1", "number": 0, "message": "?", "reply": "!", "model": "m"}
    )
    later: dict[str, Any] = {"submitted_at": T0 + timedelta(seconds=9)}
    for sent in (skip, skip.model_copy(update=later)):
        assert store.skip(sent) == skip
    for given in (practice, practice.model_copy(update=later)):
        assert store.practise(given) == practice
    for told in (said, said.model_copy(update={**later, "duration_s": 3.0})):
        assert store.converse(told) == said
    with pytest.raises(StoreError, match="skip s1 is in the store with other content"):
        store.skip(skip.model_copy(update={"reason": "broken"}))
    with pytest.raises(StoreError, match="practice t1 is in the store with other content"):
        store.practise(practice.model_copy(update={"duration_s": 1.0}))
    with pytest.raises(StoreError, match="exchange e1 is in the store with other content"):
        store.converse(said.model_copy(update={"reply": "?"}))
    flagged = store.judge(answer("l1", flags=("odd", SAW_CHECKS)))
    assert store.judge(answer("l1", flags=("odd",))) == flagged
    with pytest.raises(StoreError, match="other content"):
        store.judge(answer("l1", flags=()))


def test_where_the_first_answer_stands_a_second_is_not_kept(store: Store) -> None:
    shared: dict[str, Any] = {"pilot": "p", "item": "i1", "annotator": "ana", "source": "human", "submitted_at": T0}
    rules: dict[str, Any] = {"guideline": "helpful/v1", "guideline_sha256": guideline().sha256}
    first = Practice.parse(
        {**shared, **rules, "practice_id": "t1", "task": "pairwise", "attempt": 1, "position": 0, "order": ["r1", "r2"]}
        | {"answer": {"choice": "A"}, "correct": False}
    )
    assert store.practise(first) == first
    second = first.model_copy(update={"practice_id": "t2", "answer": {"choice": "B"}, "correct": True})
    assert store.practise(second) == first, "the right answer has been shown"
    others: list[dict[str, Any]] = [{"attempt": 2}, {"item": "i2"}, {"annotator": "ben"}]
    for number, changes in enumerate(others):
        other = second.model_copy(update={"practice_id": f"o{number}", **changes})
        assert store.practise(other) == other
    assert [one.practice_id for one in store.practice("p")] == ["t1", "o0", "o1", "o2"]
    assert store.judge(answer("l1"), first=True) == answer("l1")
    for name in ("l2", "l1"):
        assert store.judge(answer(name), first=True) == answer("l1")
    assert chain(store) == [answer("l1")]


def test_an_export_with_items_that_were_passed_over_and_then_answered_is_read_back(
    store: Store, tmp_path: Path
) -> None:
    fields: dict[str, Any] = {"pilot": "p", "batch": "b1", "item": "i1", "annotator": "ana", "source": "human"}
    rules: dict[str, Any] = {"guideline": "helpful/v1", "guideline_sha256": guideline().sha256}
    skip = Skip.parse({**fields, **rules, "skip_id": "s1", "position": 3, "reason": "odd", "submitted_at": T0})
    assert store.skip(skip) == skip
    store.judge(answer("l1"))
    assert store.skip(skip) == skip, "known, though answered since"
    assert store.skip(skip.model_copy(update={"skip_id": "s2"})) == answer("l1")
    store.export(tmp_path / "events.jsonl", "p")
    with open_store(tmp_path / "again.sqlite") as again:
        assert again.load(tmp_path / "events.jsonl").n_quarantined == 0
        assert (again.skips("p"), again.labels("p")) == ([skip], [answer("l1")])
