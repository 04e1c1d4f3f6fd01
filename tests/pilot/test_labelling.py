"""Who labels what in a pilot with a planned batch, and that the store has it afterwards."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.pilot import small
from tests.widgets.make import answer_message, handle, message, skip_message
from workbench import design
from workbench.errors import PilotError, PlanError
from workbench.pilot import labelling, open_pilot
from workbench.records import SAW_CHECKS, Annotator, Item, content_id
from workbench.store import open_store
from workbench.training import chat
from workbench.widgets.annotate import AnnotateWidget, Partner
from workbench.widgets.annotate.questions import Asker

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot

RULE = "calibration: {n: 3, min_correct: 2, max_mistakes: 1}"
ALONE: dict[str, object] = {"overlap": 1, "gold_share": 0}


def asked(shown: AnnotateWidget) -> list[str]:
    """Items of the live questions, in order."""
    return [one.item.id for one in shown._live._questions.values()]


def practised(shown: AnnotateWidget) -> list[str]:
    assert shown._practising is not None
    return [one.item.id for one in shown._practising._questions.values()]


def right(shown: AnnotateWidget, position: int) -> dict[str, Any]:
    """The known answer to a practice question, found as a person would: by counting the words on the screen."""
    texts = [one["raw"] for one in shown.state()["questions"][position]["responses"]]
    return message(shown, position, "A" if len(texts[0].split()) <= 6 else "B")


def wrong(shown: AnnotateWidget, position: int) -> dict[str, Any]:
    sent = right(shown, position)
    return sent | {"answer": {"choice": {"A": "B", "B": "A"}[sent["answer"]["choice"]]}}


def passes(shown: AnnotateWidget) -> None:
    for position in range(3):
        assert handle(shown, right(shown, position))["feedback"]["right"] is True
    assert handle(shown, {"type": "begin"})["phase"] == "live"


# ---- who gets what ----------------------------------------------------------------------------------------------


def test_somebody_planned_for_gets_the_latest_batch(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana", "ben", "cy"])
    pilot.plan()
    ana = [one for one in pilot.assignments() if one.annotator == "ana"]
    assert asked(pilot.annotate("ana")) == [one.item for one in sorted(ana, key=lambda one: one.position)]
    later = list(pilot.items.values())[:5]
    people = [person.annotator for person in pilot.config.annotators][:2]
    pilot.store.append(design.plan(later, people, pilot=pilot.name, batch="a-second", overlap=2, gold_share=0))
    assert set(asked(pilot.annotate("ana"))) == {item.id for item in later}
    assert pilot.annotate("ana").settings["batch"] == "a-second"
    assert pilot.annotate("cy").settings["batch"] == "b1", "who is not in the second keeps the first"


def test_somebody_new_gets_a_queue_of_their_own_once(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana", "ben", "cy"])
    pilot.plan()
    first = pilot.annotate("visitor", n=5)
    assert len(asked(first)) == 5
    assert first.settings["batch"] == "own-visitor"
    n_stored = len(pilot.assignments())
    assert asked(pilot.annotate("visitor")) == asked(first)
    assert len(pilot.assignments()) == n_stored
    assert len(asked(pilot.annotate("guest"))) == len(pilot.items) == 22
    assert not any(one.is_gold or one.is_repeat for one in pilot.assignments() if one.batch.startswith("own-"))


@pytest.mark.parametrize("n", [None, 4])
def test_a_queue_of_ones_own_leaves_out_all_practice_items(tmp_path: Path, n: int | None) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE])
    shown = pilot.annotate("visitor", n=n)
    live, first = set(asked(shown)), practised(shown)
    for position in range(2):
        handle(shown, wrong(shown, position))
    handle(shown, {"type": "begin"})
    second = practised(shown)
    assert len(first) == len(second) == 3
    assert not set(first) & set(second)
    assert not live & {*first, *second}
    assert len(live) == (n or len(pilot.items) - 6)
    again = open_pilot(pilot.folder).annotate("visitor")
    handle(again, {"type": "begin"})
    assert practised(again) == second
    assert set(asked(again)) == live


def test_practice_is_never_on_what_is_asked_live_or_is_the_batchs_gold(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana", "ben", "cy", "dan"], design={"overlap": 2}, fields=[RULE])
    pilot.plan()
    gold = {one.item for one in pilot.assignments() if one.is_gold}
    assert gold
    for name in ("ana", "ben", "cy", "dan", "visitor"):
        shown = pilot.annotate(name)
        assert not set(practised(shown)) & set(asked(shown))
        assert not set(practised(shown)) & gold


def test_too_little_gold_for_the_practice_says_so_and_stores_nothing(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE.replace("n: 3", "n: 23")])
    with pytest.raises(PlanError, match="the calibration asks for 23 gold items beside the batch's own, there are 22"):
        pilot.annotate("visitor")
    assert pilot.assignments() == []


@pytest.mark.parametrize(("source", "words"), [("simulated", "sam is simulated"), ("model", "sam is a model")])
def test_nobody_labels_in_the_name_of_a_machine(tmp_path: Path, source: Any, words: str) -> None:
    pilot = small.opened(tmp_path / "p")
    pilot.store.append([Annotator(id="sam", source=source)])
    with pytest.raises(PilotError, match=words) as caught:
        pilot.annotate("sam")
    assert "use another name" in str(caught.value)
    assert pilot.assignments() == []


def test_a_person_is_who_the_store_or_the_pilot_says(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana"])
    config = pilot.folder / "pilot.toml"
    config.write_text(config.read_text() + 'pool = "lab"\n')
    pilot = open_pilot(pilot.folder)
    assert labelling.annotator(pilot, "ana").pool == "lab"
    pilot.store.append([Annotator(id="bea", source="human", pool="crowd")])
    assert labelling.annotator(pilot, "bea").pool == "crowd"
    handle(shown := pilot.annotate("bea"), message(shown, 0, "A"))
    (label,) = pilot.label_records()
    assert (label.annotator, label.source, label.pool) == ("bea", "human", "crowd")


# ---- what the store has afterwards ------------------------------------------------------------------------------


def test_labels_skips_and_practice_are_there_when_the_pilot_is_opened_again(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE, "flags: [odd]"])
    shown = pilot.annotate("visitor")
    handle(shown, right(shown, 0))
    middle = open_pilot(pilot.folder).annotate("visitor")
    assert middle.state() == shown.state()
    for position in (1, 2):
        handle(middle, right(middle, position))
    handle(middle, {"type": "begin"})
    handle(middle, message(middle, 0, "B", reason="why", flags=["odd"]))
    handle(middle, skip_message(middle, 1))
    handle(middle, message(middle, 2, "A"))
    handle(middle, message(middle, 2, "tie"))
    again = open_pilot(pilot.folder)
    resumed = again.annotate("visitor")
    assert resumed.state() == middle.state()
    assert resumed.n_saved == 2
    assert [len(again.label_records(history=history)) for history in (False, True)] == [2, 3]
    assert len(again.store.skips(again.name)) == 1
    given = again.store.practice(again.name)
    assert [one.correct for one in given] == [True] * 3
    assert {one.annotator for one in given} == {"visitor"}
    assert not {one.item for one in given} & {one.item for one in again.label_records()}


def test_a_new_version_of_the_guideline_asks_for_practice_again(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE])
    shown = pilot.annotate("visitor")
    passes(shown)
    handle(shown, message(shown, 0, "B"))
    second = small.second_version(pilot)
    again = second.annotate("visitor")
    state = again.state()
    assert (state["phase"], state["stands"]["state"], state["given"]) == ("practice", "practising", {})
    assert not set(practised(again)) & set(asked(again))
    passes(again)
    assert again.n_saved == 1, "labels given under the first version stay"
    handle(again, message(again, 1, "A"))
    assert [label.guideline for label in second.label_records()] == [
        f"{second.guideline.name}/{v}" for v in ("v1", "v2")
    ]
    assert {one.guideline_sha256 for one in second.store.practice(second.name)} == {
        pilot.guideline.sha256,
        second.guideline.sha256,
    }
    assert open_pilot(pilot.folder).annotate("visitor").state()["phase"] == "live"


def test_a_failed_practice_of_one_person_is_nobody_elses(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE])
    shown = pilot.annotate("visitor")
    for _ in range(2):
        for position in range(2):
            handle(shown, wrong(shown, position))
        handle(shown, {"type": "begin"})
    assert shown.state()["stands"]["state"] == "out"
    assert open_pilot(pilot.folder).annotate("visitor").state()["stands"]["state"] == "out"
    assert pilot.annotate("guest").state()["stands"]["state"] == "practising"


def test_two_people_at_once_through_their_pages(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana", "ben", "cy"])
    pilot.plan()
    pages = {name: open_pilot(pilot.folder).annotate(name) for name in ("ana", "ben", "cy")}

    def work(shown: AnnotateWidget) -> None:
        for position in range(shown.n_total):
            handle(shown, message(shown, position, "A"))

    threads = [threading.Thread(target=work, args=(shown,)) for shown in pages.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(pilot.label_records()) == len(pilot.assignments()) == 66
    assert all(shown.n_saved == shown.n_total for shown in pages.values())


def test_the_names_of_questions_cannot_be_computed_from_what_they_ask(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana"], design=ALONE)
    pilot.plan()
    names = pilot.annotate("ana").state()["queue"]
    assert open_pilot(pilot.folder).annotate("ana").state()["queue"] == names, "the same in every kernel"
    asked_of = [one for one in pilot.assignments() if one.annotator == "ana"]
    assert len(names) == len(asked_of)
    without_secret = {Asker(pilot.items, pilot.guideline).key(one) for one in asked_of}
    computed = {content_id("q", one.pilot, one.batch, one.id) for one in asked_of}
    assert not set(names) & (without_secret | computed)
    path = pilot.export()
    secret = pilot.store.secret(pilot.name)
    assert secret not in path.read_text()
    assert secret not in json.dumps(pilot.annotate("ana").get_state(), default=str)
    with open_store(tmp_path / "other.sqlite") as other:
        other.load(path)
        assert len({secret, other.secret(pilot.name), other.secret("another")}) == 3


# ---- checklists -------------------------------------------------------------------------------------------------


def test_a_checklist_comes_from_the_constraints_in_words(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", task="instruction_following", fields=["machine_checks: after"])
    shown = pilot.annotate("visitor")
    for position in range(2):
        question = shown.state()["questions"][position]
        assert question["checks"] == [{"name": "c1", "text": "at most 6 words"}]
        few = len(question["responses"][0]["raw"].split()) <= 6
        reply = handle(shown, answer_message(shown, position, {"checks": {"c1": "yes"}}))
        assert reply["checks"]["c1"]["verdict"] == ("yes" if few else "no")
        assert "words" in reply["checks"]["c1"]["found"]
    assert len(pilot.label_records()) == 2


def test_a_checklist_without_constraints_is_the_guidelines(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", task="instruction_following", fields=["machine_checks: after"])
    bare = [item.model_copy(update={"constraints": (), "gold": None}) for item in pilot.items.values()]
    pilot._write_items(bare)
    shown = pilot.annotate("visitor")
    assert shown.state()["questions"][0]["checks"] == [{"name": "polite", "text": "polite"}]
    reply = handle(shown, answer_message(shown, 0, {"checks": {"polite": "no"}}))
    assert (reply["type"], reply["checks"]) == ("ack", {}), "no machine can tell"
    assert labelling.requirements(bare[0]) == []


# ---- models to talk to ------------------------------------------------------------------------------------------


def answers_back(turns: Any) -> str:
    return f"no, {turns[-1].text}"


class Stubborn:
    def __call__(self, turns: Any) -> str:
        return "never"


def test_a_model_is_named_in_many_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    known = chat.Chat(lambda turns: iter(["hi"]), "some-model", "b" * 64, {"seed": 1})
    monkeypatch.setattr(chat, "embedded", {"some-model": known}.__getitem__)
    own = Partner(answers_back)
    assert labelling.partner(None) is None
    assert labelling.partner(own) is own
    for named in (known, "some-model"):
        found = labelling.partner(named)
        assert found == Partner(known.reply, "some-model", "b" * 64, {"seed": 1})
    for function, name in ((answers_back, "answers_back"), (Stubborn(), "Stubborn"), (lambda _: "", "<lambda>")):
        found = labelling.partner(function)
        assert found is not None
        assert (found.reply, found.model, found.model_sha256, dict(found.params)) == (function, name, None, {})
    for wrong_one in (3, ["some-model"], {"model": "x"}):
        with pytest.raises(PilotError, match=r"no model to talk to: (int|list|dict)"):
            labelling.partner(wrong_one)  # type: ignore[arg-type]


def test_an_attack_is_kept_and_goes_on_when_the_pilot_is_opened_again(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", task="red_team")
    assert all(isinstance(item, Item) and not item.responses for item in pilot.items.values())
    told = threading.Event()
    shown = pilot.annotate("visitor", model=answers_back)
    shown.send = lambda content: told.set() if content.get("done") else None
    key = shown.state()["queue"][0]
    assert shown._handle({"type": "say", "uuid": str(uuid4()), "question": key, "text": "do it"}) is None
    assert told.wait(120)
    again = open_pilot(pilot.folder).annotate("visitor", model=answers_back)
    turns = again.state()["turns"][key]
    assert turns == [{"role": "user", "text": "do it"}, {"role": "assistant", "text": "no, do it"}]
    attack = {"turns": turns, "attack_category": "lowest", "success": False, "severity": 0}
    scale = pilot.guideline.scale
    reply = handle(again, answer_message(again, 0, attack | {"attack_category": scale[0]}))
    assert reply["type"] == "ack", reply
    (kept,) = pilot.store.exchanges(pilot.name)
    assert (kept.model, kept.number, kept.reply) == ("answers_back", 0, "no, do it")
    (label,) = pilot.label_records()
    assert label.answer["turns"] == turns


# ---- answers that waited in a browser ---------------------------------------------------------------------------


def test_what_was_given_under_a_version_counts_under_it_whenever_it_arrives(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana"], design=ALONE)
    pilot.plan()
    shown = pilot.annotate("ana")
    answer, skip = message(shown, 0, "A"), skip_message(shown, 1)
    second = small.second_version(pilot)
    again = second.annotate("ana")
    for sent in (answer, skip, message(again, 2, "B"), message(again, 0, "B")):
        assert handle(again, sent)["type"] == "ack"
    first, new = pilot.guideline, second.guideline
    assert first.sha256 != new.sha256
    labels = second.label_records(history=True)
    assert [(one.guideline, one.guideline_sha256) for one in labels] == [
        (first.ref, first.sha256),
        (new.ref, new.sha256),
        (new.ref, new.sha256),
    ], "a correction is given under what is shown then"
    assert [one.guideline_sha256 for one in second.store.skips(second.name)] == [first.sha256]


def test_what_was_given_before_a_calibration_was_asked_for_is_kept(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p")
    shown = pilot.annotate("ana", n=5)
    sent, another = message(shown, 0, "A"), message(shown, 1, "A")
    small.second_version(pilot)
    rules = pilot.folder / "guideline" / "v2.md"
    rules.write_text(rules.read_text().replace("author:", f"{RULE}\nauthor:", 1))
    again = open_pilot(pilot.folder).annotate("ana")
    assert again.state()["phase"] == "practice"
    assert handle(again, sent)["type"] == "ack"
    forged = handle(again, another | {"guideline": again.settings["guideline"]["sha"]})
    assert (forged["type"], forged["final"]) == ("refused", True), "under this one the calibration comes first"
    late = handle(again, right(again, 0) | {"guideline": shown.settings["guideline"]["sha"]})
    assert (late["type"], late["final"]) == ("refused", True)
    assert [one.guideline for one in pilot.label_records()] == [pilot.guideline.ref]


def test_what_was_given_under_an_unknown_text_is_refused_and_not_passed_off_as_another(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana"], design=ALONE)
    pilot.plan()
    shown = pilot.annotate("ana")
    sent, unknown = message(shown, 0, "A"), message(shown, 0, "A", guideline="0" * 64)
    rules = pilot.folder / "guideline" / "v1.md"
    rules.write_text(rules.read_text() + "\nOne more sentence.\n")
    again = open_pilot(pilot.folder).annotate("ana")
    handle(again, message(again, 1, "A"))  # from now on v1 is this text
    for one in (sent, unknown, skip_message(shown, 0)):
        reply = handle(again, one)
        assert (reply["type"], reply["final"]) == ("refused", True)
        assert "this was given under another guideline than" in reply["message"]
    assert len(pilot.label_records()) == 1


def next_batch(pilot: Pilot, queue: str) -> Pilot:
    config = pilot.folder / "pilot.toml"
    text = re.sub(r"(?m)^(batch|queue) = .*\n", "", config.read_text())
    config.write_text(text.replace("[design]\n", f'[design]\nbatch = "b2"\nqueue = "{queue}"\n'))
    opened = open_pilot(pilot.folder)
    if queue == "planned":
        opened.plan()
    return opened


@pytest.mark.parametrize("before", ["planned", "open"])
@pytest.mark.parametrize("after", ["planned", "open"])
def test_what_waited_from_the_last_batch_is_kept_by_the_page_of_the_next(
    tmp_path: Path, before: str, after: str
) -> None:
    design = {**ALONE, "queue": before}
    pilot = small.opened(tmp_path / "p", people=["ana"], design=design)
    if before == "planned":
        pilot.plan()
    shown = pilot.annotate("ana")
    shown.state()
    answer, skip = message(shown, 0, "A"), skip_message(shown, 1)
    item = shown._live._questions[answer["question"]].item.id
    second = next_batch(pilot, after)
    again = second.annotate("ana")
    assert again.settings["storage"] == shown.settings["storage"], "where the page looks for what waits"
    state = again.state()
    assert not {answer["question"], skip["question"]} & set(state["queue"])
    for sent in (answer, skip, message(shown, 0, "B")):
        assert handle(again, sent)["type"] == "ack"
    (label,) = second.label_records()
    assert (label.batch, label.item, again.settings["batch"]) == ("b1", item, "b2")
    assert len(second.label_records(history=True)) == 2
    assert [one.batch for one in second.store.skips(second.name)] == ["b1"]
    assert again.n_saved == 0, "of its own batch"
    assert again.state()["queue"] == state["queue"]


# ---- two kernels of one person ----------------------------------------------------------------------------------


def test_what_two_kernels_send_is_kept_once_and_acknowledged_by_both(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana"], design=ALONE)
    pilot.plan()
    one, other = pilot.annotate("ana"), open_pilot(pilot.folder).annotate("ana")
    skip, answer = skip_message(one, 0), message(one, 1, "A")
    for sent in (skip, answer):
        for shown in (one, other, other):
            assert handle(shown, sent)["type"] == "ack"
    assert (len(pilot.store.skips(pilot.name)), len(pilot.label_records(history=True))) == (1, 1)


@pytest.mark.parametrize("queue", ["planned", "open"])
def test_an_answer_that_was_corrected_in_another_kernel_is_not_shown_as_the_one_that_counts(
    tmp_path: Path, queue: str
) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana"], design={**ALONE, "queue": queue})
    if queue == "planned":
        pilot.plan()
    one, other = pilot.annotate("ana"), open_pilot(pilot.folder).annotate("ana")
    for shown in (one, other):
        shown.state()
    first, second = message(one, 0, "A"), message(one, 0, "B")
    handle(other, first)
    handle(one, second)
    stale = open_pilot(pilot.folder).annotate("ana")
    handle(one, third := message(one, 0, "tie"))
    for shown in (stale, other):  # the acknowledgement was lost, so it is sent again
        reply = handle(shown, first)
        assert (reply["type"], reply["uuid"]) == ("ack", first["uuid"])
        assert (reply["given"]["uuid"], reply["given"]["answer"]) == (third["uuid"], {"choice": "tie"})
    assert len(pilot.label_records(history=True)) == 3


@pytest.mark.parametrize("queue", ["planned", "open"])
def test_what_was_answered_in_another_kernel_is_not_skipped(tmp_path: Path, queue: str) -> None:
    pilot = small.opened(tmp_path / "p", people=["ana"], design={**ALONE, "queue": queue})
    if queue == "planned":
        pilot.plan()
    one, other = pilot.annotate("ana"), open_pilot(pilot.folder).annotate("ana")
    for shown in (one, other):
        shown.state()
    key = other.state()["queue"][0]
    handle(one, message(one, 0, "A", question=key))
    for _ in range(2):
        reply = handle(other, skip_message(other, 0, question=key))
        assert (reply["type"], reply["final"]) == ("refused", True)
        assert reply["message"] == "an item that is answered is not skipped -> change the answer instead"
    assert key in other.state()["given"]
    assert pilot.store.skips(pilot.name) == []
    assert handle(other, message(other, 0, "B", question=key))["type"] == "ack"
    assert len(pilot.label_records(history=True)) == 2


def test_a_practice_answer_that_two_kernels_send_is_kept_once(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE])
    one, other = pilot.annotate("eve"), open_pilot(pilot.folder).annotate("eve")
    sent = right(one, 0)
    replies = [handle(shown, sent) for shown in (one, other, other)]
    assert [reply["type"] for reply in replies] == ["ack"] * 3
    assert replies[0] == replies[1] == replies[2]
    assert len(pilot.store.practice(pilot.name)) == 1


def test_a_correction_after_machine_checks_that_two_kernels_send_is_kept_once(tmp_path: Path) -> None:
    fields = ["machine_checks: after"]
    pilot = small.opened(tmp_path / "p", task="instruction_following", fields=fields, people=["ana"], design=ALONE)
    pilot.plan()
    one, other = pilot.annotate("ana"), open_pilot(pilot.folder).annotate("ana")
    first, second = (answer_message(one, 0, {"checks": {"c1": said}}) for said in ("yes", "no"))
    for shown, sent in ((one, first), (one, second), (other, second)):
        assert handle(shown, sent)["type"] == "ack"
    assert len(pilot.label_records(history=True)) == 2
    (label,) = pilot.label_records()
    assert label.flags == (SAW_CHECKS,), "by the kernel that knew of the first answer"


def test_two_pages_are_no_second_chance_in_the_practice(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE])
    one, other = pilot.annotate("eve"), open_pilot(pilot.folder).annotate("eve")
    for position in range(2):
        handle(one, wrong(one, position))
    for position in range(3):
        reply = handle(other, right(other, position))
        assert (reply["type"], reply["final"]) == ("refused", True)
        assert reply["message"].startswith("this attempt is over")
    assert {item.attempt for item in pilot.store.practice(pilot.name)} == {1}
    state = handle(other, {"type": "begin"})
    assert (state["phase"], state["stands"]["attempt"]) == ("practice", 2)
    handle(one, {"type": "begin"})
    for position in range(3):
        handle(one, right(one, position))
    sent = message(other, 0, "A", question=one._live.state()["queue"][0])
    assert handle(other, sent)["type"] == "ack", "passed in the other page"
    assert handle(other, {"type": "hello"})["phase"] == "live"


def test_a_practice_item_is_answered_once_however_many_pages_are_open(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "p", fields=[RULE])
    one, other = pilot.annotate("eve"), open_pilot(pilot.folder).annotate("eve")
    handle(one, wrong(one, 0))
    reply = handle(other, right(other, 0))
    assert (reply["type"], reply["final"]) == ("refused", True)
    assert "answered once" in reply["message"]
    assert [given.correct for given in pilot.store.practice(pilot.name)] == [False]


@pytest.mark.parametrize("queue", ["planned", "open"])
def test_a_revealed_answer_stands_in_every_page(tmp_path: Path, queue: str) -> None:
    asked_of: dict[str, object] = {"overlap": 1, "gold_share": 0.3, "queue": queue}
    pilot = small.opened(tmp_path / "p", fields=["gold_feedback: live"], people=["ana"], design=asked_of)
    if queue == "planned":
        pilot.plan()
    one, other = pilot.annotate("ana"), open_pilot(pilot.folder).annotate("ana")
    for shown in (one, other):
        shown.state()
    key = next(key for key, asks in one._live._questions.items() if asks.assignment.is_gold)
    told = handle(one, message(one, 0, "tie", question=key))["feedback"]["answer"]["choice"]
    for shown in (other, other, one):
        reply = handle(shown, message(shown, 0, told, question=key))
        assert (reply["type"], reply["final"]) == ("refused", True)
        assert "the first one stands" in reply["message"]
    assert [label.answer for label in pilot.label_records(history=True)] == [{"choice": "tie"}]
    assert other.state()["given"][key]["answer"] == {"choice": "tie"}
