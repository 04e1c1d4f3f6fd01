"""Every pilot folder that is shipped: its guideline has no finding, its prompts are new, its items are made from its
files byte for byte, and its gold is true."""

from __future__ import annotations

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.test_shipped_prompts import SAID, fivegrams, said
from workbench import design, guidelines, tasks, verifiers
from workbench.pilot import build, open_pilot
from workbench.records import Constraint, Item, content_id
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from workbench.pilot import Pilot
    from workbench.records import Prompt

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("pilots/*/pilot.toml"))
GUIDELINES = sorted(ROOT.glob("guidelines/*/v*.md"))
MADE = shutil.ignore_patterns("*.sqlite*", "runs", "report", "preferences")


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda path: path.name)
def pilot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """A copy, so that tests leave no store in the repository."""
    folder = tmp_path_factory.mktemp("pilots")
    shutil.copytree(request.param, folder / "pilots" / request.param.name, ignore=MADE)
    shutil.copytree(ROOT / "guidelines", folder / "guidelines")
    return open_pilot(folder / "pilots" / request.param.name)


def prompts_of(folder: Path) -> list[Prompt]:
    return build.read_prompts(folder / "prompts.jsonl")


def generated(folder: Path) -> list[Generated]:
    path = folder / "responses.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Generated.parse(json.loads(line)) for line in lines]


def test_there_is_a_pilot_and_a_guideline_for_every_task_type() -> None:
    assert {open_pilot(folder).config.task for folder in FOLDERS} == set(tasks.TASKS)
    assert {guidelines.load(path).task for path in GUIDELINES} == set(tasks.TASKS)


# ---- guidelines -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", GUIDELINES, ids=lambda path: path.parent.name)
def test_no_guideline_has_a_finding_and_each_has_clauses_and_edge_cases(path: Path) -> None:
    guideline = guidelines.load(path)
    assert guidelines.check(guideline, path=path) == []
    assert 5 <= len(guideline.clauses) <= 9
    assert 3 <= len(guideline.edge_cases) <= 5
    assert all(case.answer and case.clause for case in guideline.edge_cases)


@pytest.mark.parametrize("path", GUIDELINES, ids=lambda path: path.parent.name)
def test_whatever_can_be_chosen_is_explained(path: Path) -> None:
    guideline = guidelines.load(path)
    form = tasks.task(guideline.task).form(guideline)
    for dimension in form.get("dimensions", ()):
        assert len(guideline.anchors[dimension["name"]]) == len(dimension["steps"]) == len(guideline.scale)
    explained = [*form.get("classes", ()), *form.get("categories", ())]
    if guideline.task == "factual_accuracy":
        explained += form["verdicts"]
    assert all(choice["means"] for choice in explained)
    if guideline.task == "red_team":
        assert form["severities"] == list(guideline.anchors["severity"])


CHECKLIST = ROOT / "guidelines" / "instruction-checklist" / "v1.md"
# Texts and verdicts of its examples and edge cases, with the constraint behind each.
EXAMPLES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("Cats sleep. Dogs bark.", "exact_sentences", {"n": 2}, True),
    ("Wait. 2. Then paint.", "exact_sentences", {"n": 3}, True),
    ("- A well-known place, 3.5 km away", "word_range", {"low": 6, "high": 6}, True),
    ("1. Tea 2. Milk 3. Salt", "numbered_items", {"n": 3}, False),
    ('"AT NIGHT, an owl woke up."', "starts_with", {"text": "At night"}, True),
    ("It was at night", "starts_with", {"text": "At night"}, False),
    ("There are 12 eggs in 2 boxes.", "answer_equals", {"value": 12}, False),
    (
        'Here you are: {"tree": "oak", "place": "park"}',
        "valid_json_keys",
        {"keys": ["tree", "place"], "anywhere": True},
        True,
    ),
    ('Here you are: {"tree": "oak", "place": "park"}', "valid_json_keys", {"keys": ["tree", "place"]}, False),
    ("🚀🚀🚀", "max_words", {"n": 20}, False),
    ("River by the road: rivers.", "max_sentences", {"n": 2}, True),
    ("River by the road: rivers.", "must_contain", {"phrases": ["river", "road"]}, True),
    ("1. It is healthy. 2. It is free. 3. You see birds.", "numbered_items", {"n": 3}, False),
    ("1. It is healthy. 2. It is free. 3. You see birds.", "max_words", {"n": 12}, True),
    ("1. It is healthy. 2. It is free. 3. You see birds.", "max_words", {"n": 10}, False),
    ("You pay 21 dollars because 3 balls at 7 dollars each were bought.", "answer_equals", {"value": 21}, False),
    ("You pay 21 dollars because 3 balls at 7 dollars each were bought.", "min_words", {"n": 10}, True),
    (
        '{"animal": "fox", "colour": "red"} enjoy!',
        "valid_json_keys",
        {"keys": ["animal", "colour"], "exact": True},
        False,
    ),
    ('{"animal": "fox", "colour": "red"} enjoy!', "all_lowercase", {}, True),
]


@pytest.mark.parametrize(("text", "kind", "params", "passed"), EXAMPLES)
def test_the_checklist_guideline_counts_as_the_verifiers_do(
    text: str, kind: str, params: dict[str, Any], passed: bool
) -> None:
    assert text in " ".join(CHECKLIST.read_text(encoding="utf-8").split())
    assert verifiers.check(Constraint(id="c1", kind=kind, params=params), text).passed is passed


# ---- prompts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_prompts_are_canonical_distinct_and_named_by_their_content(folder: Path) -> None:
    prompts = prompts_of(folder)
    text = (folder / "prompts.jsonl").read_bytes().decode("utf-8")
    assert text == "".join(prompt.canonical() + "\n" for prompt in prompts)
    assert [prompt.id for prompt in prompts] == sorted(content_id("p", prompt.prompt) for prompt in prompts)
    assert len({prompt.prompt.casefold() for prompt in prompts}) == len(prompts) >= 20


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_each_prompt_says_its_constraints(folder: Path) -> None:
    for prompt in prompts_of(folder):
        for one in prompt.constraints:
            if one.kind in SAID:
                assert re.search(SAID[one.kind], prompt.prompt), one
            else:
                assert all(said(value, prompt.prompt) for value in one.params.values() if value is not True), one


def test_no_pilot_repeats_a_prompt_of_another() -> None:
    grams = [(folder, prompt.prompt, fivegrams(prompt.prompt)) for folder in FOLDERS for prompt in prompts_of(folder)]
    close = [
        (len(a & b) / len(a | b), one, other)
        for k, (here, one, a) in enumerate(grams)
        for there, other, b in grams[:k]
        if here != there
    ]
    assert max(close)[0] < 0.5


# ---- items ------------------------------------------------------------------------------------------------------


def test_items_are_rebuilt_byte_for_byte(pilot: Pilot) -> None:
    asked = [prompt for prompt in pilot.prompts if prompt.split == "train"]
    built = build.items(pilot.config.task, pilot.config.n_shown, asked, generated(pilot.folder))
    assert not built.left_out
    text = "".join(item.canonical() + "\n" for item in built.items)
    assert text.encode("utf-8") == (pilot.folder / "items.jsonl").read_bytes()


def test_items_are_named_by_their_content_and_fit_task_and_guideline(pilot: Pilot) -> None:
    assert pilot.items
    assert pilot.guideline.task == pilot.config.task
    for item in pilot.items.values():
        assert item.task == pilot.config.task
        assert item.id == content_id("i", item.task, item.prompt_id, *(response.id for response in item.responses))
        for response in item.responses:
            assert response.text.strip()
            assert (response.model, bool(response.model_sha256)) == ("smollm2-135m-instruct", True)
            assert response.seed is not None
            assert {"temperature", "top_p", "max_new_tokens", "finish"} <= set(response.params)


def kept(item: Item) -> list[frozenset[str]]:
    return [verifiers.check_all(item.constraints, response.text).passed_ids for response in item.responses]


def test_gold_is_true(pilot: Pilot) -> None:
    for item in pilot.items.values():
        if item.gold is None:
            continue
        answer: Any = item.gold.answer
        if item.task == "ranking":
            in_order = [
                kept(item)["ABCDEFGH".index(letter)] for letter in sorted(answer["ranks"], key=answer["ranks"].get)
            ]
            assert all(better > worse for better, worse in pairwise(in_order))
        elif item.task == "instruction_following":
            assert {name for name, verdict in answer["checks"].items() if verdict == "yes"} == kept(item)[0]
            assert set(answer["checks"]) == {one.id for one in item.constraints}
        else:
            first, second = kept(item)
            assert first > second if answer["choice"] == "A" else second > first


def test_there_is_gold_enough_for_the_batch_and_for_all_attempts_at_the_practice(pilot: Pilot) -> None:
    items, asked = list(pilot.items.values()), pilot.config.design
    gold = design.choose_gold(items, asked.gold_share, asked.seed)
    assert len(gold) == round(asked.gold_share * len(items))
    rule = pilot.guideline.calibration
    if rule is not None:
        first, second = (
            {item.id for item in design.practice_items(items, rule, "ana", attempt, taken=gold)} for attempt in (1, 2)
        )
        assert len(first) == len(second) == rule.n
        assert not first & second


def test_somebody_new_is_handed_questions(pilot: Pilot) -> None:
    widget = pilot.annotate("visitor")
    questions = widget.state()["questions"]
    assert questions
    assert {len(question["responses"]) for question in questions} == {pilot.config.n_shown}
    widget.close()
