"""What an import may and may not bring to a pilot that holds something already."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from workbench.errors import ImportFormatError
from workbench.importers import long_table
from workbench.pilot import new_pilot, open_pilot

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


def test_an_answer_that_changed_since_is_refused_by_name(mine: Pilot) -> None:
    mine.bring_in(table())
    before, known = state(mine), table()
    labels = [known.labels[0].model_copy(update={"answer": {"choice": "tie"}}), *known.labels[1:]]
    with pytest.raises(ImportFormatError, match=r"1 labels were imported before .* ana on q0 \(answer\)"):
        mine.bring_in(replace(known, labels=tuple(labels)))
    assert state(mine) == before
