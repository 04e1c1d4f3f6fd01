"""A round is a pilot of its own: who answers, why each prompt is asked, which two answers meet, and what came of it."""

from __future__ import annotations

import json
import math
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.pilot import small
from tests.widgets.make import handle, message
from workbench.errors import PilotError, PlanError, RecordError
from workbench.pilot import build, config, open_pilot, summary, toml
from workbench.pilot.rounds import choosing, folders
from workbench.records import Constraint, Prompt, Response, content_id
from workbench.training import candidates, dpo, kinds, reward, runfiles, runs
from workbench.training.candidates import Generated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.design.rounds import Reason
    from workbench.pilot import Pilot
    from workbench.records import Item

BASE = "smollm2-135m-instruct"


@pytest.fixture
def first(tmp_path: Path) -> Pilot:
    """Round 0: 26 prompts, of which two are held out, with labels of three simulated annotators."""
    folder = small.make(tmp_path / "small", n=26)
    opened = open_pilot(folder)
    generated = [Generated.parse(json.loads(line)) for line in (folder / "responses.jsonl").read_text().splitlines()]
    opened._write_items(build.items("pairwise", 2, opened.prompts[:24], generated).items)
    opened.plan()
    assert opened.simulate() > 0
    return opened


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Models that are no models: each says its own name, the start model at great length. What was asked is kept."""
    asked: list[dict[str, Any]] = []

    def generate(prompts: Sequence[Prompt], model: Sequence[str], **options: Any) -> list[Generated]:
        asked.append({"prompts": [prompt.id for prompt in prompts], "model": list(model), **options})
        made = []
        for prompt in prompts:
            for k in range(options["n"]):
                named = model[k % len(model)]
                name = BASE if named == BASE else f"{BASE}+{Path(named).resolve().name}"
                text = "so long " * 8 + f"{k}" if name == BASE else f"short {Path(named).resolve().name} {k}"
                response = Response(id=content_id("r", prompt.id, text), text=text, model=name)
                made.append(Generated(prompt_id=prompt.id, response=response))
        options["path"].write_text("".join(one.canonical() + "\n" for one in made))
        return made

    monkeypatch.setattr(candidates, "generate", generate)
    return asked


def trained(pilot: Pilot, name: str, prompts: Sequence[Prompt] = ()) -> runs.Run:
    """A run folder as a run that is done leaves it, but for the weights."""
    run = runs.Run(pilot.folder / "runs" / name)
    run.path.mkdir(parents=True)
    whole = kinds.Config(kind="dpo", config=dpo.RunConfig())
    runfiles.write_json(run.path / "config.json", whole.model_dump(mode="json"))
    runfiles.write_status(run.path, runfiles.Status(state="done", created=0.0))
    rows = [{"prompt_id": one.id, "prompt": one.prompt, "chosen": "a", "rejected": "b"} for one in prompts]
    runfiles.append_jsonl(run.path / "data.jsonl", rows)
    return run


def followed(pilot: Pilot, run: runs.Run, **options: Any) -> Pilot:
    return pilot.next_round(run, **{"n": 12, "margins": {}, **options})


def label(pilot: Pilot, choose: Callable[[Item], str]) -> None:
    """Plan the round and give every annotator's answer by hand; `choose` names the model that wins, or `tie`."""
    from workbench.pilot import simulated

    pilot.plan()
    made = simulated.labels(pilot.items, pilot.assignments(), pilot.config, pilot.guideline)
    given = []
    for one in made:
        item = pilot.items[one.item]
        wins = choose(item)
        letter = next(
            (side for side, response in zip("AB", item.responses, strict=True) if response.model.endswith(wins)), "tie"
        )
        given.append(one.model_copy(update={"answer": {"choice": letter}}))
    pilot.store.append(given)


def test_a_round_is_a_pilot_with_the_answers_of_two_models(first: Pilot, stub: list[dict[str, Any]]) -> None:
    run = trained(first, "dpo-1", first.prompts[:6])
    second = followed(first, run)
    assert second.folder == first.folder / "rounds" / "1"
    about = second.config.round
    assert about is not None
    assert (about.number, about.previous, about.run, about.n) == (1, "../..", "../../runs/dpo-1", 12)
    assert second.name == "small-round1"
    # Two models at two temperatures, each of which answers every prompt.
    (asked,) = stub
    assert asked["model"] == [BASE, str(second.folder / "../../runs/dpo-1")]
    assert (asked["n"], asked["redraws"], asked["seed"]) == (4, 0, 1)
    for item in second.items.values():
        assert sorted(response.model for response in item.responses) == [BASE, f"{BASE}+dpo-1"]
    # Held-out prompts go along, so that a run of the round can be measured on them, and are never asked.
    assert {one.id for one in second.prompts if one.split == "test"} == {one.id for one in first.prompts[24:]}
    assert not {item.prompt_id for item in second.items.values()} & {one.id for one in first.prompts[24:]}
    assert second.guideline.sha256 == first.guideline.sha256
    second.plan()
    assert second.simulate() > 0
    assert {one.round for one in second.label_records()} == {1}
    assert {one.pilot for one in second.label_records()} == {"small-round1"}
    assert second.simulated_notice
    assert second.preferences().rows


def test_labels_of_guests_name_their_round_too(first: Pilot) -> None:
    second = followed(first, trained(first, "dpo-1"))
    path = second.folder / "pilot.toml"
    shown = second.annotate("ana", n=2)
    assert handle(shown, message(shown, 0, "A"))["type"] == "ack"
    path.write_text(path.read_text().replace('queue = "planned"', 'queue = "open"'))
    shown = open_pilot(second.folder).annotate("ben")
    assert handle(shown, message(shown, 0, "A"))["type"] == "ack"
    assert {one.annotator: one.round for one in second.label_records()} == {"ana": 1, "ben": 1}


def test_every_prompt_says_why_it_was_chosen(first: Pilot) -> None:
    run = trained(first, "dpo-1", first.prompts[:10])
    margins = {first.prompts[0].id: 0.01, first.prompts[1].id: -0.02, first.prompts[12].id: 3.0}
    new = Prompt(id="fresh", prompt="Name a colour.", category="colours")
    quotas: dict[Reason, int] = {"random": 6, "uncertain": 2, "disagreeing": 2, "uncovered": 2}
    second = followed(first, run, quotas=quotas, margins=margins, prompts=[new], seed=3)
    asked = folders.asked_of(second)
    assert len({one.prompt_id for one in asked}) == 12
    by = {reason: [one for one in asked if one.reason == reason] for reason in quotas}
    # Prompts the run was trained on are not drawn at random, and may be asked for a reason.
    assert not any(one.trained for one in by["random"])
    assert [one.prompt_id for one in by["uncertain"]] == [first.prompts[0].id, first.prompts[1].id]
    assert [one.value for one in by["uncertain"]] == [0.01, 0.02]
    assert all(one.trained for one in by["uncertain"])
    disputed = first.disagreements(24).rows
    votes = dict(zip(disputed["item"], disputed["entropy"], strict=True))
    entropy = {first.items[item].prompt_id: value for item, value in votes.items()}
    assert all(one.value == pytest.approx(entropy[one.prompt_id]) for one in by["disagreeing"])
    assert "fresh" in [one.prompt_id for one in by["random"] + by["uncovered"]]
    about = second.config.round
    assert about is not None
    # One category has a prompt too few, and it has one prompt.
    assert any("uncovered" in note and "drawn at random instead" in note for note in about.notes)
    again = open_pilot(second.folder)
    assert folders.asked_of(again) == asked


def test_answers_are_drawn_for_random_prompts_and_chosen_for_the_others() -> None:
    prompts = {
        name: Prompt(id=name, prompt="?", constraints=(Constraint(id="c", kind="max_words", params={"n": 3}),))
        for name in ("drawn", "chosen")
    }
    texts = {BASE: ["one two three four", "one two"], f"{BASE}+r1": ["one two three four five", "six seven"]}
    generated = [
        Generated(prompt_id=prompt, response=Response(id=content_id("r", prompt, text), text=text, model=model))
        for prompt in prompts
        for model, said in texts.items()
        for text in said
    ]
    from workbench.pilot.rounds.pairing import pairs

    wanted = [folders.Asked(prompt_id="drawn", reason="random"), folders.Asked(prompt_id="chosen", reason="uncertain")]
    found = pairs(wanted, prompts, generated, ["r1"])
    # Satisfied 0 and 1 with no word in common differ by 2, the most there is: six seven against one two three four.
    assert sorted(one.response.text for one in found if one.prompt_id == "chosen") == [
        "one two three four",
        "six seven",
    ]
    # Drawn by the hash of the id, whatever the texts are.
    for model in texts:
        mine = [one for one in generated if one.prompt_id == "drawn" and one.response.model == model]
        assert len([one for one in found if one in mine]) == 1
    assert found == pairs(wanted, prompts, generated[::-1], ["r1"])


def test_from_the_second_round_on_rivals_take_turns(first: Pilot, stub: list[dict[str, Any]]) -> None:
    second = followed(first, trained(first, "dpo-1"))
    second.plan()
    second.simulate()
    third = followed(second, trained(second, "dpo-2"), temperatures=(0.7,))
    assert third.folder == first.folder / "rounds" / "2"
    about = third.config.round
    assert about is not None
    assert (about.number, about.previous, about.run) == (2, "../1", "../1/runs/dpo-2")
    assert stub[1]["model"] == [BASE, *(str(third.folder / name) for name in ("../../runs/dpo-1", about.run))]
    met = Counter(min(response.model for response in item.responses) for item in third.items.values())
    assert all("dpo-2" in {r.model[-5:] for r in item.responses} for item in third.items.values())
    assert abs(met[BASE] - met[f"{BASE}+dpo-1"]) <= 4
    assert [one.name for one in folders.chain(third)] == ["small", "small-round1", "small-round2"]
    # Nothing of round 0 or 1 is asked with the seed it had.
    assert [one["seed"] for one in stub] == [1, 2]


def test_rounds_side_by_side(first: Pilot) -> None:
    second = followed(first, trained(first, "dpo-1"), quotas={"random": 8, "uncertain": 2, "disagreeing": 2})
    drawn = sorted(one.prompt_id for one in folders.asked_of(second) if one.reason == "random")
    # Of the random prompts the adapter wins all but two; on those that were chosen it loses, which must not count.
    wins = dict.fromkeys(drawn[2:], "+dpo-1") | {drawn[0]: BASE, drawn[1]: "tie"}
    label(second, lambda item: wins.get(item.prompt_id, BASE))
    shown = second.rounds(least_gain=5)
    zero, one = shown.rounds
    assert (zero.number, zero.run, zero.counts, zero.win_rate) == (0, "", {}, None)
    assert (one.number, one.run) == (1, "dpo-1")
    n = len(drawn)
    assert one.counts["random"] == n
    assert one.win_rate is not None
    # Three labels a prompt, a tie as half: 3 (n - 2) + 1.5 wins of 3 n. The prior of half a win and half a loss for
    # each of two ratings d/2 and -d/2 adds sigmoid(d/2) - 1/2 on both sides, which the fit's equation balances.
    won, total = 3 * (n - 2) + 1.5, 3 * n
    d = math.log(one.win_rate.value / (1 - one.win_rate.value))
    assert won - total * one.win_rate.value == pytest.approx(1 / (1 + math.exp(-d / 2)) - 0.5, abs=1e-6)
    assert one.win_rate.low < one.win_rate.value < one.win_rate.high
    assert one.win_rate.n_items == n
    assert one.gain is not None
    assert one.gain.value == pytest.approx(100 * (one.win_rate.value - 0.5))
    # The stub's short answers keep within six words, the start model's never do.
    assert one.satisfaction is not None
    assert one.satisfaction.value == 1.0
    assert one.satisfaction_gain is not None
    assert one.satisfaction_gain.value == 1.0
    # Every label counts, gold and repeats too, at 40 cents.
    assert one.cost == Decimal("0.40") * len(second.label_records())
    assert one.cost_so_far == Decimal("0.40") * (len(first.label_records()) + len(second.label_records()))
    assert shown.stop is not None
    assert shown.stop.threshold == 5
    assert "SIMULATED" in str(shown)
    assert "another round?" in str(shown)
    assert "<td>1</td>" in shown.html()
    assert shown.figure().data
    priced = second.rounds(value_per_point=2.0)
    assert priced.stop is not None
    assert priced.stop.threshold == pytest.approx(float(one.cost) / 2)
    assert any("any gain counts" in note for note in second.rounds().notes)
    # A reviewer reads the same in the round's report; a first round has no such section.
    told = summary.summarise(second)["rounds"]
    assert [row["round"] for row in told["rows"]] == [0, 1]
    assert [rate.label for rate in told["win_rates"]] == ["round 1"]
    assert told["win_rates"][0].value == one.win_rate.value
    assert any("another round?" in note for note in told["notes"])


def test_a_pilot_without_further_rounds_has_one(first: Pilot) -> None:
    shown = first.rounds()
    assert len(shown.rounds) == 1
    assert shown.stop is None
    assert "no round has labels of its adapter yet" in str(shown)
    assert shown.rounds[0].satisfaction is not None
    # Each prompt has one answer within its limit and one beyond it.
    assert shown.rounds[0].satisfaction.value == 0.5
    assert "rounds" not in summary.summarise(first)


def test_two_rounds_are_joined_by_whom_they_met(first: Pilot) -> None:
    second = followed(first, trained(first, "dpo-1"), quotas={"random": 12})
    label(second, lambda item: "+dpo-1" if int(item.prompt_id[-1], 16) % 4 else BASE)
    third = followed(second, trained(second, "dpo-2"), quotas={"random": 12}, seed=1)
    label(third, lambda item: "+dpo-2" if int(item.prompt_id[-1], 16) % 3 else "tie")
    shown = third.rounds(least_gain=0)
    before, last = shown.rounds[1:]
    assert before == second.rounds().rounds[1]
    assert before.win_rate is not None
    assert last.win_rate is not None
    assert last.gain is not None
    # Round 2 beat both of its rivals, so it is further from the start than from round 1.
    assert last.win_rate.value > 0.5 + last.gain.value / 100 > 0.5
    assert last.cost_so_far is not None
    assert before.cost_so_far is not None
    assert last.cost_so_far > before.cost_so_far
    assert shown.stop is not None
    assert shown.stop.gain == last.gain.value


def test_a_run_learns_from_the_labels_of_all_rounds(first: Pilot) -> None:
    second = followed(first, trained(first, "dpo-1"))
    votes = Counter[str]()

    def choose(item: Item) -> str:
        """One vote of each item for a tie."""
        votes[item.id] += 1
        return "tie" if votes[item.id] == 1 else "+dpo-1"

    label(second, choose)
    old, new, both = first.rows(), second.rows(), second.all_rows()
    assert both.rows == (*old.rows, *new.rows)
    assert both.n_used == old.n_used + new.n_used
    assert both.n_labels == both.n_used + sum(entry.n_labels for entry in both.ledger)
    assert [entry.reason for entry in both.ledger] == ["repeat", "gold"]
    assert both.notes[0] == f"rows of 2 rounds: {len(old.rows)} of small, {len(new.rows)} of small-round1"
    # As many rows for every item, whichever round it is of.
    by_votes: Any = second.all_rows("dpo", by_votes=True)
    assert by_votes.rows == both.by_votes().rows  # type: ignore[attr-defined]
    assert len(set(Counter(row.item for row in by_votes.rows).values())) == 1
    # A prompt asked in both rounds is in one split.
    splits = {(row.prompt_id, row.split) for row in both.rows}
    assert len(splits) == len({prompt for prompt, _ in splits})


def test_a_call_that_was_stopped_goes_on_and_another_one_is_refused(
    first: Pilot, stub: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(first, "dpo-1")

    def killed(*_: Any, **__: Any) -> list[Generated]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(candidates, "generate", killed)
        with pytest.raises(KeyboardInterrupt):
            followed(first, run)
    chosen = (first.folder / "rounds/1/chosen.jsonl").read_bytes()
    second = followed(first, run)
    assert (second.folder / "chosen.jsonl").read_bytes() == chosen
    assert len(second.items) == 12
    assert len(stub) == 1
    assert followed(first, run).items == second.items
    assert len(stub) == 1
    with pytest.raises(PilotError, match="another pilot here"):
        followed(first, run, n=13)
    with pytest.raises(PilotError, match="another pilot here"):
        first.next_round(run, first.folder, margins={})
    (second.folder / "items.jsonl").unlink()
    made = open_pilot(second.folder).generate()
    assert {item.id for item in made.items} == set(second.items)


def test_a_newer_finished_guideline_is_taken(first: Pilot) -> None:
    rules = first.folder / "guideline"
    text = (rules / "v1.md").read_text().replace("version: v1", "version: v2").replace("parent: null", "parent: v1")
    (rules / "v3.md").write_text("half written")
    (rules / "v2.md").write_text(text)
    assert followed(first, trained(first, "dpo-1")).guideline.version == "v2"


def test_gold_that_is_not_there_is_not_asked_for(tmp_path: Path) -> None:
    # Without constraints no verifier vouches for anything.
    plain = [Prompt(id=f"q{k}", prompt=f"Say {k}.") for k in range(12)]
    bare = open_pilot(small.make(tmp_path / "bare", n=0))
    second = followed(bare, trained(bare, "dpo-1"), prompts=plain, folder=tmp_path / "elsewhere")
    assert (second.folder / second.config.candidates.model[1]).resolve() == bare.folder / "runs/dpo-1"
    assert second.config.design.gold_share == 0
    assert second.config.round is not None
    assert "gold_share is 0.000: 0 of 12 pairs have a known answer" in second.config.round.notes
    second.plan()


def test_what_makes_no_round_is_refused(first: Pilot) -> None:
    run = trained(first, "dpo-1")
    with pytest.raises(PlanError, match="at least one random prompt"):
        followed(first, run, quotas={"uncertain": 12})
    with pytest.raises(PilotError, match="16 combinations"):
        followed(first, run, temperatures=[0.1 * k for k in range(1, 9)])
    with pytest.raises(RecordError, match="temprature"):
        followed(first, run, temprature=1.0)
    other = Prompt(id=first.prompts[0].id, prompt="Something else.")
    with pytest.raises(PilotError, match="has the id of another one"):
        followed(first, run, prompts=[other])
    runfiles.write_status(run.path, runfiles.Status(state="failed", created=0.0))
    with pytest.raises(PilotError, match="the run is failed"):
        followed(first, run)
    scorer = trained(first, "reward-1")
    runfiles.write_json(
        scorer.path / "config.json",
        kinds.Config(kind="reward", config=reward.RunConfig()).model_dump(mode="json"),
    )
    with pytest.raises(PilotError, match="a reward run scores answers and writes none"):
        followed(first, scorer)
    assert not (first.folder / "rounds").exists()
    with pytest.raises(PilotError, match="no prices"):
        toml_without_prices(first).rounds(value_per_point=1)


def toml_without_prices(pilot: Pilot) -> Pilot:
    path = pilot.folder / "pilot.toml"
    path.write_text(toml.text(pilot.config.model_copy(update={"prices": ()})))
    return open_pilot(pilot.folder)


def test_a_chain_that_does_not_count_down_is_refused(first: Pilot) -> None:
    second = followed(first, trained(first, "dpo-1"))
    path = second.folder / "pilot.toml"
    path.write_text(path.read_text().replace("number = 1", "number = 3"))
    with pytest.raises(PilotError, match="round 3 follows a pilot that is not round 2"):
        open_pilot(second.folder).rounds()


def test_what_is_written_as_toml_reads_back(first: Pilot, tmp_path: Path) -> None:
    about = config.Round(number=1, previous="../a b", run='r"un', n=3, notes=("two\nlines", "\x7f \\ é"))
    wanted = first.config.model_copy(update={"round": about, "title": 'so "quoted" # = [x]'})
    path = tmp_path / "pilot.toml"
    path.write_text(toml.text(wanted, "by a test"), encoding="utf-8")
    assert config.read(path) == wanted


def test_margins_are_not_spent_on_the_prompts_that_are_drawn_anyway(
    first: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(first, "dpo-1")
    seen: list[str] = []

    def told(_: runs.Run, texts: dict[str, Any], __: Any) -> dict[str, float]:
        seen.extend(texts)
        return dict.fromkeys(texts, 0.5)

    monkeypatch.setattr(choosing, "_implicit", told)
    monkeypatch.setattr(choosing, "_LOOKED_AT", 1)
    quotas: dict[Reason, int] = {"random": 6, "uncertain": 6}
    second = first.next_round(run, n=12, quotas=quotas)
    drawn = {one.prompt_id for one in folders.asked_of(second) if one.reason == "random"}
    assert len(seen) == 6
    assert set(seen) != drawn
