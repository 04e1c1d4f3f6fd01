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
    from collections.abc import Sequence
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


# ---- balanced over all prompts ----------------------------------------------------------------------------------


def two_models(n: int) -> tuple[list[Prompt], list[Generated]]:
    """Of every prompt four answers, two a model; the short ones keep the constraint and the long ones do not."""
    asked = [prompt(f"Say something about topic {k}.", SHORT) for k in range(n)]
    texts = ("Yes, topic {k}.", "No topic, {k}!", f"{NONE} {{k}}", f"Whatever {ONE} Topic {{k}} is one of many.")
    generated = [
        Generated(
            prompt_id=each.id,
            response=Response(id=content_id("r", each.id, text), text=text.format(k=k), model=f"m{i % 2}"),
        )
        for k, each in enumerate(asked)
        for i, text in enumerate(texts)
    ]
    return asked, generated


@pytest.mark.parametrize(("task", "n_shown"), [("pairwise", 2), ("ranking", 3)])
def test_balanced_items_let_nobody_guess_by_place_or_model(task: TaskName, n_shown: int) -> None:
    asked, generated = two_models(20)
    built = build.items(task, n_shown, asked, generated, balance=True)
    assert len(built.items) == 20
    for item in built.items:
        tasks.check_item(item)
        assert len({response.text for response in item.responses}) == n_shown
        assert item.id == content_id("i", task, item.prompt_id, *(response.id for response in item.responses))
    balance = built.balance
    assert balance is not None
    assert abs(balance.shorter_first - balance.longer_first) <= 1
    for model in balance.models.values():
        assert abs(model.better - model.worse) <= 1
        assert abs(model.first - model.last) <= 1
    assert build.items(task, n_shown, asked[::-1], generated[::-1], balance=True) == built


def test_balanced_pairs_keep_their_gold_whichever_response_stands_first() -> None:
    asked, generated = two_models(20)
    built = build.items("pairwise", 2, asked, generated, balance=True)
    choices = set()
    for item in built.items:
        first, second = (build.satisfied(item.constraints, response.text) for response in item.responses)
        expected = None if first == second else {"choice": "A" if first > second else "B"}
        assert (item.gold.answer if item.gold else None) == expected
        choices.add(expected["choice"] if expected else "")
    assert {"A", "B"} <= choices


def test_what_balance_leaves_out_is_named_and_single_responses_need_none() -> None:
    asked, generated = two_models(3)
    silent, alike = prompt("No answer."), prompt("Two answers alike.")
    built = build.items(
        "pairwise", 2, [*asked, silent, alike], [*generated, *answers(alike, BOTH, BOTH.upper())], balance=True
    )
    assert len(built.items) == 3
    assert built.left_out == {
        silent.id: "different responses: 0, needed: 2",
        alike.id: "different responses: 1, needed: 2",
    }
    assert str(built).splitlines()[:3] == [
        "3 items; 2 prompts gave none",
        "left out: 1 (different responses: 0, needed: 2)",
        "left out: 1 (different responses: 1, needed: 2)",
    ]
    table = built.table()
    assert table is not None
    assert list(table["name"]) == ["m0", "m1"]
    plain = build.items("likert", 1, asked, generated)
    assert build.items("likert", 1, asked, generated, balance=True) == plain
    assert (plain.balance, plain.table()) == (None, None)


def test_items_say_how_different_the_responses_were() -> None:
    asked = prompt()
    built = made("pairwise", asked, BOTH, BOTH.upper(), NONE)
    assert built.diversity is not None
    assert (built.diversity.n_answers, built.diversity.n_pairs, built.diversity.n_alike) == (3, 3, 1)
    assert "1 of 3 pairs of answers to one prompt are near-duplicates" in str(built)
    assert made("pairwise", asked).diversity is None
    assert made("red_team", asked).diversity is None


def test_pilot_toml_says_how_candidates_are_mixed_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(
        tmp_path / "x",
        "pairwise",
        '[candidates]\nmodel = ["smollm2-135m-instruct", "runs/dpo-1"]\nsystems = ["", "Be brief."]\n'
        "redraws = 2\nmax_overlap = 0.7\nbalance = true\n",
    )
    (path.parent / "runs" / "dpo-1").mkdir(parents=True)
    asked = config.read(path).candidates
    assert asked.balance
    given: dict[str, Any] = {}

    def generate(prompts: Sequence[Prompt], model: Sequence[str], **settings: object) -> list[Generated]:
        given.update(settings, model=model, prompts=prompts)
        return []

    monkeypatch.setattr("workbench.training.candidates.generate", generate)
    build.candidates([prompt()], asked, path.parent / "responses.jsonl")
    assert given["model"] == ["smollm2-135m-instruct", str(path.parent / "runs" / "dpo-1")]
    assert (given["systems"], given["redraws"], given["max_overlap"]) == (("", "Be brief."), 2, 0.7)


def test_a_pilot_that_does_not_ask_for_it_replaces_and_mixes_nothing(tmp_path: Path) -> None:
    asked = config.read(written(tmp_path / "x", "pairwise")).candidates
    assert (asked.redraws, asked.systems, asked.balance) == (0, (), False)
    for number, wrong in enumerate(("model = []", "redraws = 21", "max_overlap = 0", 'systems = "Be brief."')):
        with pytest.raises(PilotError, match=wrong.split(" ")[0]):
            config.read(written(tmp_path / str(number), "pairwise", f"[candidates]\n{wrong}"))


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


def test_prompts_with_other_ends_of_lines_are_read_back(tmp_path: Path) -> None:
    written = [Prompt(id=f"p{k}", prompt=f"one{end}two") for k, end in enumerate("\u2028\u2029\x85\x0b\x0c\x1c")]
    (tmp_path / "prompts.jsonl").write_text("".join(one.canonical() + "\n" for one in written))
    assert build.read_prompts(tmp_path / "prompts.jsonl") == written
    (tmp_path / "prompts.jsonl").write_text(written[0].canonical() + "\n\n")
    with pytest.raises(PilotError, match="not a prompt"):
        build.read_prompts(tmp_path / "prompts.jsonl")
