"""Real judgments of real people, given once more through the widget: what they meant is what is kept.

Each label is turned into the message a browser would send from a randomly ordered screen, and the label that comes out
is held against the original and against published numbers. Needs the folder with real data (see `data_dir`).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pytest

from tests.widgets.make import Keeper, guideline
from workbench import tasks
from workbench.importers import pandalm
from workbench.records import Annotator, Assignment, Item, Response
from workbench.stats.agreement import krippendorff_alpha
from workbench.widgets import annotate_queue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from workbench.records import Guideline, Label


def give(
    items: Mapping[str, Item], rules: Guideline, annotator: str, answers: Sequence[tuple[str, Any]], seed: int
) -> list[Label]:
    """One person answers items in this order; `answers` are (item, function from the shown order to a message)."""
    rng = np.random.default_rng(seed)
    asked = []
    for position, (item, _) in enumerate(answers):
        ids = [response.id for response in items[item].responses]
        order = tuple(ids[k] for k in rng.permutation(len(ids)))
        asked.append(
            Assignment(
                id=f"a{position}",
                pilot="p",
                batch="b",
                item=item,
                annotator=annotator,
                order=order,
                position=position,
            )
        )
    keeper = Keeper()
    shown = annotate_queue(
        asked, items, annotator=Annotator(id=annotator, source="human"), guideline=rules, keeper=keeper.functions
    )
    keys = shown.state()["queue"]
    for key, one, (_, message) in zip(keys, asked, answers, strict=True):
        sent = {"type": "answer", "uuid": str(uuid4()), "question": key, "guideline": rules.sha256, "duration_s": 1.0}
        sent |= message(one.order)
        reply = shown._reply(sent)
        assert reply is not None
        assert reply["type"] == "ack", reply
    return list(keeper.labels.values())


def test_the_votes_of_pandalm_keep_their_sides_and_their_alpha(data_dir: Path) -> None:
    told = pandalm(data_dir / "pandalm", pilot="p")
    items = {item.id: item for item in told.items}
    by_person: dict[str, list[Label]] = defaultdict(list)
    for label in told.labels:
        by_person[label.annotator].append(label)

    def message(label: Label) -> Any:
        first = items[label.item].responses[0].id

        def on_screen(order: tuple[str, ...]) -> dict[str, Any]:
            choice = str(label.answer["choice"])
            turned = order[0] != first
            return {"answer": {"choice": {"A": "B", "B": "A"}.get(choice, choice) if turned else choice}}

        return on_screen

    given: list[Label] = []
    for number, (name, labels) in enumerate(sorted(by_person.items())):
        given += give(items, guideline(), name, [(label.item, message(label)) for label in labels], number)
    assert len(given) == 2997
    assert sorted((one.annotator, one.item, str(one.answer)) for one in given) == sorted(
        (one.annotator, one.item, str(one.answer)) for one in told.labels
    )
    table = tasks.label_table(given)
    assert krippendorff_alpha(table, n_resamples=0).value == pytest.approx(0.8642, abs=5e-5)
    assert 0.45 < (table["left"] == "A").mean() < 0.55, "sides were really turned"


def test_arguments_with_ties_and_written_reasons_are_kept_to_the_letter(data_dir: Path) -> None:
    folder = data_dir / "ukpconvarg"
    with gzip.open(folder / "arguments.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = {(one["topic"], one["arg_id"]): one["text"] for one in map(json.loads, lines)}
    items: dict[str, Item] = {}
    by_person: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    with gzip.open(folder / "pairs.jsonl.gz", "rt", encoding="utf-8") as lines:
        pairs = [json.loads(line) for line in lines][::40]
    for number, pair in enumerate(pairs):
        name = f"i{number}"
        responses = tuple(
            Response(id=f"{name}{side}", text=texts[pair["topic"], pair[f"arg{k}"]]) for k, side in ((1, "x"), (2, "y"))
        )
        items[name] = Item(id=name, prompt_id=name, task="pairwise", prompt=pair["debate_title"], responses=responses)
        for one in pair["assignments"]:
            choice = {"a1": "A", "a2": "B", "equal": "tie"}[one["value"]]
            wanted[one["worker"], name] = (choice, one["reason"])

            def message(order: tuple[str, ...], choice: str = choice, one: Any = one, name: str = name) -> Any:
                screen = choice
                if choice != "tie":
                    screen = "A" if order[0] == f"{name}{'x' if choice == 'A' else 'y'}" else "B"
                return {"answer": {"choice": screen}, "reason": one["reason"]}

            by_person[one["worker"]].append((name, message))
    kept: dict[tuple[str, str], tuple[str, str]] = {}
    for number, (name, answers) in enumerate(sorted(by_person.items())):
        for label in give(items, guideline(), name, answers, number):
            kept[label.annotator, label.item] = (str(label.answer["choice"]), label.reason)
    assert len(kept) > 2000
    assert kept == wanted
    assert sum(choice == "tie" for choice, _ in kept.values()) > 300


def test_ratings_of_recipes_keep_their_alpha_on_every_scale(data_dir: Path) -> None:
    with gzip.open(data_dir / "likert_recipe" / "meta_evaluation_recipes.json.gz", "rt", encoding="utf-8") as file:
        told = json.load(file)
    scales = ("grammar", "fluency", "verbosity", "structure", "success", "overall")
    published = dict(zip(scales, (0.415, 0.432, 0.399, 0.399, 0.363, 0.435), strict=True))
    items: dict[str, Item] = {}
    by_place: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for number, one in enumerate(told["instances"]):
        name = f"i{number}"
        text = Response(id=f"{name}r", text=str(one["instance"]))
        items[name] = Item(id=name, prompt_id=name, task="likert", prompt="Rate the recipe", responses=(text,))
        scores = {scale: one["annotations"][scale]["individual_human_scores"] for scale in scales}
        for place in range(len(scores["grammar"])):
            ratings = {scale: int(values[place]) for scale, values in scores.items()}
            by_place[place].append((name, lambda _, ratings=ratings: {"answer": {"ratings": ratings}}))
    rules = guideline("likert", criteria=scales, scale=("1", "2", "3", "4", "5", "6"), anchors={})
    given: list[Label] = []
    for place, answers in sorted(by_place.items()):  # the set names no raters, so a place in the list stands for one
        given += give(items, rules, f"rater-{place}", answers, place)
    table = tasks.label_table(given)
    assert len(table) == 6 * 1056
    for scale, value in published.items():
        alpha = krippendorff_alpha(table[table["criterion"] == scale], "ordinal", n_resamples=0)
        assert alpha.value == pytest.approx(value, abs=5e-4), scale


def test_marked_spans_of_summaries_are_the_characters_that_were_marked(data_dir: Path) -> None:
    name = "hallucination_annotations_xsum_summaries.csv.gz"
    raw = gzip.decompress((data_dir / "xsum_hallucination" / name).read_bytes()).decode("utf-8")
    spans: dict[tuple[str, str, str], set[tuple[int, int, str]]] = defaultdict(set)
    for row in csv.DictReader(io.StringIO(raw)):
        if row["hallucinated_span_start"] and row["hallucination_type"]:
            start, end = int(row["hallucinated_span_start"]) - 1, int(row["hallucinated_span_end"]) - 1
            if row["summary"][start:end] == row["hallucinated_span"] and end > start:
                key = (f"{row['bbcid']}{row['system']}", row["summary"], row["worker_id"])
                spans[key].add((start, end, row["hallucinated_span"]))
    items: dict[str, Item] = {}
    numbers: dict[str, str] = {}
    answers: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    expected: dict[tuple[str, str], list[str]] = {}
    for (summary_id, summary, worker), marked in sorted(spans.items())[:1500]:
        apart = [
            one for one in sorted(marked) if not any(o is not one and o[0] < one[1] and one[0] < o[1] for o in marked)
        ]
        if not apart:
            continue
        item = numbers.setdefault(summary_id, f"i{len(numbers)}")
        text = Response(id=f"{item}r", text=summary)
        items[item] = Item(id=item, prompt_id=item, task="factual_accuracy", prompt="Is it true?", responses=(text,))
        claims = [{"start": start, "end": end, "verdict": "not_enough_evidence"} for start, end, _ in apart]
        answers[worker].append((item, lambda _, claims=claims: {"answer": {"claims": claims}}))
        expected[worker, item] = [words for _, _, words in apart]
    assert len(expected) > 1000
    for number, (worker, given) in enumerate(sorted(answers.items())):
        for label in give(items, guideline("factual_accuracy"), worker, given, number):
            kept: Any = label.answer["claims"]
            written = items[label.item].responses[0].text
            assert [written[one["start"] : one["end"]] for one in kept] == expected[worker, label.item]
