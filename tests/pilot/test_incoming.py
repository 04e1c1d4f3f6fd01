"""What an import may and may not bring to a pilot that holds something already."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from workbench.errors import ImportFormatError, PilotError, StoreError
from workbench.guidelines import sha256
from workbench.importers import long_table
from workbench.pilot import new_pilot, open_pilot
from workbench.pilot.bring_in import import_into

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from workbench.importers import Imported
    from workbench.pilot import Pilot

BARE = ("item", "annotator", "label")


def table(
    who: Sequence[str] = ("ana", "ben"), *, n: int = 4, words: str = "", only: Sequence[str] = (), prompts: int = 4
) -> Imported:
    """Votes of `who` on `n` items; `words` changes every text, `prompts` says how many different prompts there are."""
    rows = [
        {
            "item": f"q{k}",
            "annotator": name,
            "label": "AB"[(k + (name == "ben")) % 2],
            "left": "B" if k == 1 else "A",
            "prompt": f"Prompt {k % prompts}?{words}",
            "response_a": f"first {k}{words}",
            "response_b": f"second {k}{words}",
        }
        for k in range(n)
        for name in who
    ]
    return long_table(pd.DataFrame(rows)[list(only) or list(rows[0])], pilot="mine")


@pytest.fixture
def mine(tmp_path: Path) -> Pilot:
    return new_pilot(tmp_path / "mine")


def state(pilot: Pilot) -> tuple[bytes, list[str], int, int]:
    path = pilot.folder / "items.jsonl"
    labels = [label.canonical() for label in pilot.label_records(history=True)]
    return path.read_bytes(), labels, len(pilot.store.annotators()), pilot.store.counts(pilot.name).n_quarantined


def test_the_same_ids_with_other_texts_are_refused_and_nothing_comes_in(mine: Pilot) -> None:
    mine.bring_in(table())
    before = state(mine)
    with pytest.raises(ImportFormatError, match=r"4 of 5 items .* q0 \(prompt, response_a, response_b\)") as refused:
        mine.bring_in(table(["cat"], n=5, words="!"))
    assert "ids of their own" in refused.value.next_step
    assert state(mine) == before
    assert len(mine.items) == 4


def test_one_other_text_or_model_is_enough(mine: Pilot) -> None:
    mine.bring_in(table())
    known = table(["cat"])
    for change in ({"text": "other"}, {"model": "m2"}):
        item = known.items[1]
        other = item.model_copy(update={"responses": (item.responses[0].model_copy(update=change), item.responses[1])})
        items = (known.items[0], other, *known.items[2:])
        if "model" in change:  # a model that was not known may be told later
            assert mine.bring_in(replace(known, items=items))["filled"] == 1
        else:
            with pytest.raises(ImportFormatError, match=r"1 of 4 items .* q1 \(response_a\)"):
                mine.bring_in(replace(known, items=items))


def test_more_votes_on_the_same_texts_come_in(mine: Pilot) -> None:
    mine.bring_in(table())
    told = mine.bring_in(table(["cat", "ana"]))
    assert (told["new"], told["known"], told["items"], told["filled"]) == (4, 4, 0, 0)
    assert open_pilot(mine.folder).agreement(n_resamples=20).estimates[0].n_labels == 12


def test_texts_come_later_and_the_labels_stay_what_they_are(mine: Pilot) -> None:
    mine.bring_in(table(only=(*BARE, "left"), prompts=2))
    before = mine.label_records()
    told = mine.bring_in(table(["ana", "ben", "cat"], prompts=2))
    assert (told["new"], told["known"], told["items"], told["filled"]) == (4, 8, 0, 4)
    kept = {label.label_id: label for label in mine.label_records()}
    assert [kept[label.label_id] for label in before] == before
    for label in kept.values():
        item = mine.items[label.item]
        assert label.responses == tuple(response.id for response in item.responses)
        assert label.order == (label.responses[::-1] if label.item == "q1" else label.responses)
    assert [response.text for response in mine.items["q2"].responses] == ["first 2", "second 2"]
    # Items that share a prompt share its id, so they cannot fall into two splits.
    assert mine.items["q0"].prompt_id == mine.items["q2"].prompt_id != mine.items["q1"].prompt_id
    assert mine.labels().groupby("item")["prompt_id"].nunique().eq(1).all()
    rows = mine.preferences(eval_share=0.5).rows
    assert {row.item for row in rows} == {"q0", "q1", "q2", "q3"}
    after = state(mine)
    for again in (table(["ana", "ben", "cat"], prompts=2), table(only=BARE), table(["ben"], prompts=2)):
        if again.labels[0].flags:  # three columns do not say what stood left, which the stored labels do
            continue
        told = mine.bring_in(again)
        assert (told["new"], told["items"], told["filled"]) == (0, 0, 0)
    assert state(mine) == after
    assert json.loads((mine.folder / "items.jsonl").read_text().splitlines()[0])["prompt"] == "Prompt 0?"


def test_votes_without_texts_judge_the_texts_that_are_there(mine: Pilot) -> None:
    mine.bring_in(table())
    before = (mine.folder / "items.jsonl").read_bytes()
    mine.bring_in(table(["cat"], only=BARE))
    assert (mine.folder / "items.jsonl").read_bytes() == before
    assert len(mine.preferences(eval_share=0).rows) == 4


def test_an_answer_that_changed_since_is_refused_by_name(mine: Pilot) -> None:
    mine.bring_in(table())
    before, known = state(mine), table()
    labels = [known.labels[0].model_copy(update={"answer": {"choice": "tie"}}), *known.labels[1:]]
    with pytest.raises(ImportFormatError, match=r"1 labels were imported before .* ana on q0 \(answer\)"):
        mine.bring_in(replace(known, labels=tuple(labels)))
    assert state(mine) == before


def test_labels_of_another_task_are_refused_and_nothing_comes_in(tmp_path: Path) -> None:
    rated = new_pilot(tmp_path / "mine", task="likert")
    with pytest.raises(PilotError, match="these are pairwise labels, and the pilot's task is likert"):
        rated.bring_in(table())
    assert not (rated.folder / "items.jsonl").exists()
    assert rated.label_records() == []


def test_items_are_not_written_when_the_store_refuses(mine: Pilot) -> None:
    mine.bring_in(table())
    before, more = state(mine), table(["cat"], n=6)
    text = more.guideline.text + "\nanother text under the same name\n"
    other = more.guideline.model_copy(update={"text": text, "sha256": sha256(text)})
    with pytest.raises(StoreError, match="frozen"):
        mine.bring_in(replace(more, guideline=other))
    assert state(mine) == before


def test_the_task_is_the_pilots_and_labels_are_translated(tmp_path: Path) -> None:
    path, folder = tmp_path / "rated.csv", tmp_path / "mine"
    path.write_text("item,annotator,label\n" + "".join(f"q{k},{who},{k % 5 + 1}\n" for k in range(6) for who in "ab"))
    with pytest.raises(ImportFormatError, match=r"read as pairwise labels: task= \(--task\)"):
        import_into(folder, path)
    assert not folder.exists()
    assert import_into(folder, path, task="likert")["new"] == 12
    assert open_pilot(folder).config.task == "likert"
    assert import_into(folder, path)["known"] == 12
    with pytest.raises(PilotError, match="the pilot's task is likert, not pairwise"):
        import_into(folder, path, task="pairwise")
    assert open_pilot(folder).agreement(n_resamples=20).estimates[0].value == 1
    coded = import_into(tmp_path / "coded", path, label_map={"1": "A", "2": "B", "3": "tie", "4": "A", "5": "B"})
    assert coded["new"] == 12
    ranking = new_pilot(tmp_path / "ranked", task="ranking")
    with pytest.raises(PilotError, match=r"prompts\.jsonl, then workbench generate"):
        import_into(ranking.folder, path)
