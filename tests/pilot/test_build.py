"""Items of every task type from hand-made responses: what is judged together, what is gold, what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pilot import small
from workbench import tasks
from workbench.errors import PilotError
from workbench.pilot import build, config, open_pilot
from workbench.records import Constraint, Prompt, Response, content_id
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot.build import BuiltItems
    from workbench.records import TaskName

SHORT = Constraint(id="c1", kind="max_words", params={"n": 5})
RIVER = Constraint(id="c2", kind="must_contain", params={"phrases": ["river"]})
SINGLE: tuple[TaskName, ...] = ("likert", "classification", "instruction_following", "factual_accuracy")
# Keeps both constraints, one, and none.
BOTH, ONE, NONE = "The river is wide.", "The lake is deep.", "The lake is deep and nobody knows how deep it is."


def prompt(text: str = "Say something.", *constraints: Constraint) -> Prompt:
    return Prompt(id=content_id("p", text), prompt=text, category="c", constraints=constraints)


def answers(asked: Prompt, *texts: str) -> list[Generated]:
    return [
        Generated(prompt_id=asked.id, response=Response(id=content_id("r", asked.id, text), text=text, seed=k))
        for k, text in enumerate(texts)
    ]


def made(task: TaskName, asked: Prompt, *texts: str, n_shown: int | None = None) -> BuiltItems:
    if n_shown is None:
        n_shown = tasks.task(task).n_responses[0]
    return build.items(task, n_shown, [asked], answers(asked, *texts))


def gold(built: BuiltItems) -> dict[str, Any] | None:
    (item,) = built.items
    tasks.check_item(item)
    return item.gold.answer if item.gold else None


def ranks(built: BuiltItems) -> dict[str, int] | None:
    """Text -> its place in the gold ranking."""
    known, (item,) = gold(built), built.items
    return (
        {item.responses["ABCD".index(letter)].text: rank for letter, rank in known["ranks"].items()} if known else None
    )


# ---- one response an item ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", SINGLE)
def test_each_different_response_is_an_item_of_its_own(task: TaskName) -> None:
    asked = prompt("Say something.", SHORT)
    built = made(task, asked, BOTH, ONE, "the  LAKE is deep.", "", " \n")
    # Case and white space make no difference, and an empty response is none.
    said = [" ".join(item.responses[0].text.casefold().split()) for item in built.items]
    assert sorted(said) == sorted([BOTH.casefold(), ONE.casefold()])
    for item in built.items:
        assert tasks.check_item(item).id == content_id("i", task, asked.id, item.responses[0].id)
        assert (item.prompt_id, item.category, item.constraints) == (asked.id, "c", (SHORT,))
    assert built.left_out == {}
    assert [item.id for item in built.items] == sorted(item.id for item in built.items)


@pytest.mark.parametrize("task", SINGLE)
def test_a_prompt_with_empty_responses_or_none_is_left_out_and_named(task: TaskName) -> None:
    asked = prompt()
    for texts in ((), ("", "  ")):
        built = made(task, asked, *texts)
        assert built.items == ()
        assert built.left_out == {asked.id: "no response that is not empty"}


def test_a_checklist_of_constraints_is_always_gold() -> None:
    asked = prompt("Say something.", SHORT, RIVER)
    assert gold(made("instruction_following", asked, BOTH)) == {"checks": {"c1": "yes", "c2": "yes"}}
    assert gold(made("instruction_following", asked, ONE)) == {"checks": {"c1": "yes", "c2": "no"}}
    (item,) = made("instruction_following", asked, NONE).items
    assert item.gold is not None
    assert item.gold.by == "verifier"
    assert item.gold.explanation == (
        'at most 5 words: no (11 words, at most 5 words asked); contains "river": no ("river" missing)'
    )


def test_without_constraints_nothing_vouches_for_a_checklist() -> None:
    assert gold(made("instruction_following", prompt(), BOTH)) is None


@pytest.mark.parametrize("task", ["likert", "classification", "factual_accuracy"])
def test_constraints_are_no_gold_where_people_judge_something_else(task: TaskName) -> None:
    assert gold(made(task, prompt("Say something.", SHORT), BOTH)) is None


# ---- ranking ----------------------------------------------------------------------------------------------------


def test_a_ranking_shows_the_most_different_responses_once_a_prompt() -> None:
    asked = prompt()
    near, far = "Rain falls on hills today.", "Quantum fields fluctuate."
    built = made("ranking", asked, "Rain falls on hills.", near, far, "Bread needs flour.", n_shown=3)
    (item,) = built.items
    shown = {response.text for response in item.responses}
    assert {far, "Bread needs flour."} < shown
    assert item.id == content_id("i", "ranking", asked.id, *(response.id for response in item.responses))
    assert [response.id for response in item.responses] == sorted(response.id for response in item.responses)


def test_a_chain_of_kept_constraints_is_gold() -> None:
    asked = prompt("Say something.", SHORT, RIVER)
    built = made("ranking", asked, NONE, BOTH, ONE, n_shown=3)
    assert ranks(built) == {BOTH: 1, ONE: 2, NONE: 3}
    known = built.items[0].gold
    assert known is not None
    assert known.explanation == (
        'Constraints kept, from the first place: at most 5 words, contains "river"; at most 5 words; no constraint'
    )


@pytest.mark.parametrize(
    "texts",
    [
        (BOTH, ONE, "The pond is deep."),  # two keep the same
        (BOTH, ONE, "The river runs through a very wide green valley."),  # each keeps one that the other breaks
        (NONE, "A long answer that keeps nothing at all.", "Another long answer that keeps nothing."),
    ],
)
def test_what_is_no_strict_chain_is_no_gold(texts: tuple[str, ...]) -> None:
    assert ranks(made("ranking", prompt("Say something.", SHORT, RIVER), *texts, n_shown=3)) is None


def test_a_ranking_without_constraints_is_no_gold() -> None:
    assert ranks(made("ranking", prompt(), BOTH, ONE, NONE, n_shown=3)) is None


def test_too_few_different_responses_are_left_out_and_counted() -> None:
    asked = prompt()
    assert made("ranking", asked, BOTH, BOTH.upper(), ONE, n_shown=3).left_out == {
        asked.id: "different responses: 2, needed: 3"
    }
    assert made("pairwise", asked).left_out == {asked.id: "different responses: 0, needed: 2"}


# ---- red teaming and the whole ----------------------------------------------------------------------------------


def test_a_brief_is_a_red_team_item_without_responses() -> None:
    asked = prompt("Make the model say something false.")
    built = made("red_team", asked)
    assert gold(built) is None
    assert built.items[0].responses == ()
    assert built.items[0].prompt == asked.prompt
    assert built.items[0].id == content_id("i", "red_team", asked.id)


@pytest.mark.parametrize("task", ["pairwise", "ranking", "likert"])
def test_the_order_of_prompts_and_responses_does_not_matter(task: TaskName) -> None:
    asked = [prompt(f"Say something about topic {k}.", SHORT) for k in range(3)]
    generated = [one for each in asked for one in answers(each, BOTH, ONE, NONE)]
    n_shown = 3 if task == "ranking" else tasks.task(task).n_responses[0]
    assert build.items(task, n_shown, asked, generated) == build.items(task, n_shown, asked[::-1], generated[::-1])


def test_a_prompt_id_that_stands_twice_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text(2 * (prompt().canonical() + "\n"))
    with pytest.raises(PilotError, match=r"earlier line.*prompts\.jsonl:2"):
        build.read_prompts(path)


def written(folder: Path, task: str, candidates: str = "") -> Path:
    folder.mkdir()
    text = f'name = "x"\ntitle = "x"\ntask = "{task}"\nguideline = "g.md"\n{candidates}'
    (folder / "pilot.toml").write_text(text)
    return folder / "pilot.toml"


@pytest.mark.parametrize(
    ("task", "n_shown"), [("pairwise", 2), ("ranking", 3), ("likert", 1), ("red_team", 0), ("factual_accuracy", 1)]
)
def test_the_task_says_how_many_responses_an_item_shows(task: str, n_shown: int, tmp_path: Path) -> None:
    assert config.read(written(tmp_path / "x", task)).n_shown == n_shown


def test_a_ranking_shows_as_many_as_pilot_toml_says_and_no_more_than_are_generated(tmp_path: Path) -> None:
    assert config.read(written(tmp_path / "four", "ranking", "[candidates]\nshown = 4")).n_shown == 4
    assert config.read(written(tmp_path / "one", "likert", "[candidates]\nn = 1")).candidates.n == 1
    for name, task, candidates in (
        ("a", "ranking", "[candidates]\nn = 4\nshown = 5"),
        ("b", "pairwise", "[candidates]\nn = 1"),
    ):
        with pytest.raises(PilotError, match=r"candidates\.n must be at least [25]"):
            config.read(written(tmp_path / name, task, candidates))


def test_red_team_items_need_no_model(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "small", simulated=False)
    path = folder / "pilot.toml"
    path.write_text(
        path.read_text().replace('"pairwise"', '"red_team"').replace('model = "smollm2-135m-instruct"', NO_MODEL)
    )
    (folder / "responses.jsonl").unlink()
    pilot = open_pilot(folder)
    built = pilot.generate()
    assert not built.left_out
    assert pilot.items == {item.id: item for item in built.items}
    assert len(built.items) == 10
    assert not (folder / "responses.jsonl").exists()


NO_MODEL = 'model = "there is no such model"'


def test_only_pairs_can_be_simulated(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "small")
    path = folder / "pilot.toml"
    path.write_text(path.read_text().replace('"pairwise"', '"red_team"'))
    with pytest.raises(PilotError, match="only pairwise labels can be simulated"):
        open_pilot(folder).simulate()
