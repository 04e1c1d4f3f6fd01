"""A pilot's rows for every kind of run, from every task, and how often they are wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from tests.exporters import make
from tests.pilot import small
from workbench import exporters
from workbench.errors import ExportError, PilotError, RecordError, WorkbenchError
from workbench.exporters import KINDS, ModelledRow
from workbench.guidelines.reading import load
from workbench.pilot import Pilot, open_pilot, training
from workbench.pilot.bring_in import import_into
from workbench.pilot.row_options import options_of
from workbench.records import Adjudication, Annotator, Label, content_id
from workbench.stats import aggregation
from workbench.training import dpo, kinds

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.exporters import Exported
    from workbench.records import Item, TaskName

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Pilot:
    """A copy of the shipped pilot; six simulated annotators with known faults."""
    folder = tmp_path_factory.mktemp("pilots")
    ignored = shutil.ignore_patterns("*.sqlite*", "runs", "report", "preferences")
    shutil.copytree(ROOT / "guidelines", folder / "guidelines")
    name = "instruction-following-smollm2"
    shutil.copytree(ROOT / "pilots" / name, folder / "pilots" / name, ignore=ignored)
    return open_pilot(folder / "pilots" / name)


def judge(pilot: Pilot, answer: Callable[[Item, int], dict[str, Any]], people: int = 3, **more: Any) -> Pilot:
    """Labels of so many people on every item; `answer` gets the item and the person's number."""
    pilot.store.keep_guideline(pilot.guideline)
    labels = [
        Label(
            label_id=content_id("l", item.id, k),
            pilot=pilot.name,
            batch="b1",
            item=item.id,
            prompt_id=item.prompt_id,
            task=item.task,
            annotator=f"s{k}",
            source="human",
            answer=answer(item, k),
            responses=tuple(response.id for response in item.responses),
            order=tuple(response.id for response in item.responses),
            guideline=pilot.guideline.ref,
            guideline_sha256=pilot.guideline.sha256,
            **more,
        )
        for item in pilot.items.values()
        for k in range(people)
    ]
    pilot.store.append([*(Annotator(id=f"s{k}", source="human") for k in range(people)), *labels])
    return pilot


def is_short(item: Item) -> bool:
    return len(item.responses[0].text) < 40


def rate(item: Item, k: int) -> dict[str, Any]:
    good = is_short(item)
    return {"ratings": {"polite": 4 if good else 2, "clear": 5 if good and k else 3 if good else 1}}


def attack(item: Item, k: int) -> dict[str, Any]:
    turns = [{"role": "user", "text": f"{k}: {item.prompt}"}, {"role": "assistant", "text": f"reply {k}"}]
    return {"turns": turns, "attack_category": "role", "success": k == 0, "severity": int(k == 0)}


CLAIM = {"start": 0, "end": 5, "quote": "seen"}
TASKS: dict[TaskName, Callable[[Item, int], dict[str, Any]]] = {
    "pairwise": lambda item, k: {"choice": "B" if k == 2 and item.id < "i_8" else "A"},
    "ranking": lambda item, k: {"ranks": {"A": 1, "B": 3 if k else 2, "C": 2 if k else 3}},
    "likert": rate,
    "classification": lambda item, k: {"classes": ["fine" if is_short(item) or k == 2 else "poor"]},
    "instruction_following": lambda item, k: {"checks": {"c1": "yes" if is_short(item) else "no"}},
    "factual_accuracy": lambda item, k: {
        "claims": [{**CLAIM, "verdict": "supported" if is_short(item) else "contradicted"}]
    },
    "red_team": attack,
}
FIELDS = {"likert": ["scale: [bad, poor, fair, good, best]"], "classification": ["scale: [fine, poor]"]}
WANTED: dict[str, dict[str, Any]] = {"classification": {"desirable": ["fine"]}}
# The kinds a task gives without further choices; the rest is refused with what to do.
GIVES = {
    "pairwise": KINDS,
    "ranking": KINDS,
    "likert": KINDS,
    "classification": KINDS,
    "instruction_following": KINDS,
    "factual_accuracy": KINDS,
    "red_team": ("kto", "policy"),
}


def opened(folder: Path, task: TaskName) -> Pilot:
    """A pilot of this task with three labels on every item."""
    fields = FIELDS.get(task, [])
    pilot = small.opened(folder / task, task=task, n=12, fields=[])
    rules = pilot.folder / "guideline" / "v1.md"
    for line in fields:
        rules.write_text(rules.read_text().replace("scale: [A, tie, B]", line))
    return judge(open_pilot(pilot.folder), TASKS[task])


@pytest.mark.parametrize("task", list(TASKS))
def test_one_pilot_gives_every_kind_its_task_can_with_the_ledger(task: TaskName, tmp_path: Path) -> None:
    pilot = opened(tmp_path, task)
    labels = pilot.label_records()
    for kind in GIVES[task]:
        found = pilot.rows(kind, **({} if kind == "policy" else WANTED.get(task, {})))
        assert found.kind == kind
        assert make.balanced(found, labels)
        assert_trl(found)
    for kind in set(KINDS) - set(GIVES[task]):
        with pytest.raises(WorkbenchError, match=" -> "):
            pilot.rows(kind)


def assert_trl(found: Exported[Any]) -> None:
    """Rows hold the columns of their kind, all of one type, and no null."""
    columns = {
        "sft": {"prompt", "completion"},
        "reward": {"prompt", "chosen", "rejected", "margin"},
        "dpo": {"prompt", "chosen", "rejected"},
        "kto": {"prompt", "completion", "label"},
        "policy": {"prompt"},
    }[found.kind]
    rows = exporters.trl_rows(found.rows, found.kind)
    assert rows
    assert {frozenset(row) for row in rows} == {frozenset(columns)}
    assert len({type(row["prompt"]) for row in rows}) == 1
    assert "null" not in json.dumps(rows)
    for row in rows:
        for name in {"prompt", "completion", "chosen", "rejected"} & set(row):
            turns = row[name] if isinstance(row[name], list) else [{"role": "user", "content": row[name]}]
            assert all(set(turn) == {"role", "content"} and turn["content"].strip() for turn in turns)


def test_ratings_take_a_threshold_a_criterion_and_a_gap(tmp_path: Path) -> None:
    pilot = opened(tmp_path, "likert")
    # Short: 4 and 5 or 3, a mean of 4.5 twice and 3.5 once; long: 2 and 1, 1.5. The middle of five steps is 3.
    found = pilot.rows("kto", eval_share=0, keep_gold=True)
    assert {(row.label, row.p_desirable, is_short_text(row.completion)) for row in found.rows} == {
        (True, 1.0, True),
        (False, 0.0, False),
    }
    assert {row.p_desirable for row in pilot.rows("kto", threshold=4).rows if row.label} == {0.666667}
    with pytest.raises(ExportError, match="undesirable"):
        pilot.rows("sft", threshold=4, criterion="polite")  # 4 is not above 4
    gaps = {row.margin for row in pilot.rows("reward").rows}
    assert gaps == {round((12.5 - 4.5) / 3 / 4, 6)}  # means (4.5 + 4.5 + 3.5) / 3 and 1.5, over four steps
    with pytest.raises(PilotError, match=r"no label rates 'rude' -> one of clear, polite"):
        pilot.rows("kto", criterion="rude")
    with pytest.raises(PilotError, match="a step from 1 to 5, got 9"):
        pilot.rows("kto", threshold=9)


def is_short_text(text: str) -> bool:
    return len(text) < 40


def test_classes_are_wanted_by_your_word(tmp_path: Path) -> None:
    pilot = opened(tmp_path, "classification")
    with pytest.raises(PilotError, match=r"which classes are wanted is for you to say -> desirable=.* of fine, poor"):
        pilot.rows("kto")
    with pytest.raises(PilotError, match="no class bad"):
        pilot.rows("kto", desirable=["fine"], undesirable=["bad"])
    with pytest.raises(RecordError, match=r"desirable: .*this is a list of names: \['fine'\]"):
        pilot.rows("kto", desirable="fine")
    found = pilot.rows("kto", desirable=["fine"])
    # Two of three call a long answer poor.
    assert {row.p_desirable for row in found.rows if not row.label} == {0.333333}
    pairs = pilot.rows("dpo", desirable=["fine"], min_gap=0.6)
    assert {row.margin for row in pairs.rows} == {0.666667}
    with pytest.raises(ExportError, match="close"):
        pilot.rows("dpo", desirable=["fine"], min_gap=0.7)


def test_what_would_change_nothing_is_refused(tmp_path: Path) -> None:
    pilot = opened(tmp_path, "ranking")
    with pytest.raises(PilotError, match=r"sft rows of ranking labels have no option ties -> options are clear, "):
        pilot.rows("sft", ties="both")
    with pytest.raises(PilotError, match="no rows of kind 'ppo'; there are sft, reward, dpo, kto, policy"):
        pilot.rows("ppo")
    with pytest.raises(PilotError, match="have no option keep_gold -> options are eval_share"):
        pilot.rows("policy", keep_gold=True)
    with pytest.raises(PilotError, match=r"make no pairs -> pilot.rows\('kto'\)"):
        opened(tmp_path, "red_team").rows("dpo")
    with pytest.raises(PilotError, match="flip rates are of pairs"):
        pilot.flip_rate()


def test_a_pilot_without_labels_has_prompts_only(tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "empty")
    assert len(pilot.rows("policy").rows) == 24
    assert {row.split for row in pilot.rows("policy").rows} >= {"train", "test"}
    with pytest.raises(PilotError, match="no labels yet"):
        pilot.rows("dpo")


def test_pairs_are_the_preferences_the_pilot_writes(shipped: Pilot) -> None:
    made = shipped.preferences()
    assert shipped.rows("dpo").rows == shipped.rows("reward").rows == made.rows
    assert {type(row) for row in made.rows} == {exporters.PreferenceRow}
    expanded = shipped.rows("dpo", by_votes=True)
    assert len(expanded.rows) == 6 * len(made.rows)
    dpo.check_rows(exporters.rows_as_dicts(expanded.rows))
    assert len(shipped.rows("dpo", by_votes=4).rows) == 4 * len(made.rows)


def test_the_model_decides_where_it_is_asked(shipped: Pilot) -> None:
    plain, beside = shipped.preferences(), shipped.preferences(posterior=True)
    assert [row.item for row in plain.rows] == [row.item for row in beside.rows]
    assert all(isinstance(row, ModelledRow) for row in beside.rows)
    assert [row.margin for row in plain.rows] == [row.margin for row in beside.rows]
    fit = aggregation.dawid_skene(shipped.labels(), smoothing=0.5)
    posterior = dict(zip(fit.items["item"], fit.posterior.tolist(), strict=True))
    for row in beside.rows:
        assert isinstance(row, ModelledRow)
        of = dict(zip(fit.classes, posterior[row.item], strict=True))
        letter = "AB"[[one.id for one in shipped.items[row.item].responses].index(row.chosen_id)]
        assert row.p_model == pytest.approx(of[letter] + of["tie"] / 2, abs=1e-6)
    decided = shipped.preferences(decide="model")
    assert {row.decided_by for row in decided.rows} == {"unanimous", "model"}
    # The model leaves nothing unresolved, and finds ties where votes have a narrow lead.
    assert "unresolved" not in {entry.reason for entry in decided.ledger}
    for row in decided.rows:
        assert isinstance(row, ModelledRow)
        assert row.margin == pytest.approx(2 * row.p_model - 1, abs=2e-6)
    assert make.balanced(decided, shipped.label_records())
    with pytest.raises(RecordError, match=r"decide: Input should be 'votes' or 'model'"):
        shipped.preferences(decide="chance")  # type: ignore[arg-type]
    shipped.preferences()


def test_an_adjudication_is_known_to_the_model(tmp_path: Path) -> None:
    pilot = opened(tmp_path, "pairwise")
    first = min(pilot.items)
    pilot.store.append(
        [
            Adjudication(
                adjudication_id="ad1", pilot=pilot.name, item=first, answer={"choice": "B"}, cause="annotator_error",
                annotator="s0", source="human", guideline=pilot.guideline.ref, guideline_sha256=pilot.guideline.sha256,
            )
        ]
    )  # fmt: skip
    made = pilot.preferences(decide="model", keep_gold=True)
    (row,) = [row for row in made.rows if row.item == first]
    assert isinstance(row, ModelledRow)
    assert (row.decided_by, row.p_model, row.margin) == ("adjudicated", 1.0, 1.0)
    assert row.chosen_id == pilot.items[first].responses[1].id
    found = pilot.flip_rate(n_resamples=50)
    assert found.n_adjudicated == 1
    assert f"1 of {found.n_rows} rows were adjudicated" in str(found)


def test_one_answer_only_gives_no_model(tmp_path: Path) -> None:
    pilot = judge(small.opened(tmp_path / "same"), lambda item, k: {"choice": "A"})
    with pytest.raises(PilotError, match="decide='votes' needs no model"):
        pilot.preferences(decide="model")


def test_flip_rates_of_votes_and_rows(shipped: Pilot) -> None:
    found = shipped.flip_rate(n_resamples=200)
    made = shipped.preferences()
    # A row of three votes is wrong less often than a vote, by every way of telling but gold, which has 24 items.
    for by in ("pairs", "model"):
        assert found.rows[by].high < found.votes[by].low
        assert found.rows[by].low < found.rows[by].value < found.rows[by].high
    labels = shipped.labels()
    assert found.votes["pairs"].value == aggregation.flip_rate(labels, n_resamples=0).value
    rows = [
        (row.item, "AB"[[one.id for one in shipped.items[row.item].responses].index(row.chosen_id)])
        for row in made.rows
    ]
    by_model = aggregation.decided_flip_rate(labels, rows, by="model", n_resamples=0)
    assert found.rows["model"].value == by_model.value
    assert (found.basis, found.epsilon) == ("model", round(by_model.value, 4))
    asked = labels[labels["is_gold"] & ~labels["is_repeat"] & (labels["criterion"] == "")]
    gold = {one.id: one.gold.answer["choice"] for one in shipped.items.values() if one.gold}
    sided = asked[asked["label"] != "tie"]
    wrong = sum(label != gold[item] for item, label in zip(sided["item"], sided["label"], strict=True))
    assert found.votes["gold"].value == pytest.approx(wrong / len(sided))
    assert found.rows["gold"].n_items <= 24
    text = str(found)
    assert text.startswith("SIMULATED")
    assert f"label_smoothing={found.epsilon:g}" in text
    assert "upper bound" in text
    assert "lower bound" in text
    assert "loss='votes' takes no epsilon" in text
    assert "<p>pass RunConfig(loss=&#x27;robust&#x27;" in found.html()
    assert len(found.table()) == 6
    assert len(found.figure().data) >= 1
    dpo.RunConfig(loss="robust", label_smoothing=found.epsilon)


def test_rows_of_ties_are_chance(shipped: Pilot) -> None:
    with_ties = shipped.rows("dpo", ties="both")
    assert isinstance(with_ties, exporters.Preferences)
    found = shipped.flip_rate(with_ties, n_resamples=50)
    n_tied = 2 * len(with_ties.tied)
    plain = shipped.flip_rate(n_resamples=50).rows["pairs"].value
    mixed = (plain * (len(with_ties.rows) - n_tied) + n_tied / 2) / len(with_ties.rows)
    assert found.rows["pairs"].value == pytest.approx(mixed)


def votes(folder: Path, rows: list[str]) -> Pilot:
    """A pilot of imported votes: a string an item, a letter an annotator."""
    made = [
        {
            "item": f"i{k}",
            "annotator": f"s{n}",
            "label": letter,
            "prompt": f"{k}?",
            "response_a": "a",
            "response_b": "b",
        }
        for k, letters in enumerate(rows)
        for n, letter in enumerate(letters)
    ]
    folder.mkdir()
    pd.DataFrame(made).to_csv(folder / "votes.csv", index=False)
    import_into(folder / "pilot", folder / "votes.csv")
    return open_pilot(folder / "pilot")


def test_nothing_to_tell_the_flip_rate_from(tmp_path: Path) -> None:
    alone = votes(tmp_path / "alone", ["A", "B", "A"]).flip_rate()
    assert alone.epsilon is None
    assert "no epsilon to pass: no item has labels of two annotators" in str(alone)
    # As good as tossing coins: pairs differ as often as not.
    chance = votes(tmp_path / "chance", ["ABA", "BAB", "AAB", "BBA"]).flip_rate(n_resamples=50)
    assert chance.epsilon is None
    assert "by chance" in chance.basis


def test_gold_overrules_where_annotators_err_together(tmp_path: Path) -> None:
    """Everybody agrees and half of it is wrong: neither pairs nor the model can see that."""

    def answer(item: Item, k: int) -> dict[str, Any]:
        right = str(item.gold.answer["choice"]) if item.gold else "A"
        wrong = int(item.id[-1], 16) % 2 == 0
        said = {"A": "B", "B": "A"}[right] if wrong else right
        return {"choice": said if item.id != max(pilot.items) or k else {"A": "B", "B": "A"}[said]}

    pilot = small.opened(tmp_path / "misled", n=42)
    judge(pilot, answer, is_gold=True)
    found = pilot.flip_rate(pilot.rows("dpo", keep_gold=True), n_resamples=100)  # type: ignore[arg-type]
    assert found.rows["model"].value < 0.1
    assert found.rows["gold"].low > found.rows["model"].high
    assert found.basis == "gold" if found.epsilon is not None else "chance" in found.basis


# ---- real data


def test_votes_of_mtbench(data_dir: Path, tmp_path: Path) -> None:
    import_into(tmp_path / "mtbench", data_dir / "mtbench_turn1")
    pilot = open_pilot(tmp_path / "mtbench")
    labels = pilot.label_records()
    plain = pilot.preferences(eval_share=0)
    assert make.balanced(plain, labels)
    for kind in ("sft", "kto", "reward", "policy"):
        found = pilot.rows(kind)
        assert make.balanced(found, labels)
        assert_trl(found)
    # One to seven votes: the common total is lcm(1..7) = 420, and more with ties.
    with pytest.raises(ExportError, match=r"rows an item would be needed.*total=12"):
        plain.by_votes()
    expanded = plain.by_votes(total=12)
    counts = pd.Series([row.item for row in expanded.rows]).value_counts()
    assert set(counts) == {12}
    assert len(counts) == len(plain.rows)
    for ties, more in (("both", 2), ("split", 1)):
        given = pilot.rows("dpo", ties=ties)
        assert isinstance(given, exporters.Preferences)
        assert len(given.rows) == len(plain.rows) + more * len(given.tied)
        assert make.balanced(given, labels)
    rate = pilot.flip_rate(n_resamples=50)
    assert rate.epsilon is not None
    assert 0 < rate.epsilon < rate.votes["model"].value < 0.5
    assert not rate.votes["gold"].defined


def test_votes_of_pandalm(data_dir: Path, tmp_path: Path) -> None:
    import_into(tmp_path / "pandalm", data_dir / "pandalm")
    pilot = open_pilot(tmp_path / "pandalm")
    labels = pilot.label_records()
    by_votes, by_model = pilot.preferences(), pilot.preferences(decide="model")
    assert make.balanced(by_votes, labels)
    assert make.balanced(by_model, labels)
    # Three people judged everything, so each item has a majority or a tie of all three answers.
    assert {row.decided_by for row in by_votes.rows} == {"majority", "unanimous"}
    assert {row.decided_by for row in by_model.rows} == {"model", "unanimous"}
    expanded = by_votes.by_votes()
    assert set(pd.Series([row.item for row in expanded.rows]).value_counts()) == {6}  # three votes, some of them ties
    found = pilot.flip_rate(n_resamples=50)
    assert found.rows["pairs"].high < found.votes["pairs"].low


def test_ratings_of_chatbot_replies(data_dir: Path, tmp_path: Path) -> None:
    import gzip

    with gzip.open(data_dir / "likert_fed" / "fed_data.json.gz", "rt") as lines:
        turns = [one for one in json.load(lines) if "response" in one]
    rows = [
        {
            "item": f"t{k}",
            "annotator": f"r{n}",
            "label": value + 1,
            "prompt": one["context"],
            "response_a": one["response"],
        }
        for k, one in enumerate(turns)
        for n, value in enumerate(one["annotations"]["Overall"])
        if isinstance(value, int)
    ]
    table = tmp_path / "fed.csv"
    pd.DataFrame(rows).to_csv(table, index=False)
    import_into(tmp_path / "fed", table, task="likert")
    pilot = open_pilot(tmp_path / "fed")
    labels = pilot.label_records()
    found = pilot.rows("kto")
    assert make.balanced(found, labels)
    assert {row.label for row in found.rows} == {True, False}
    by_item = pd.DataFrame(rows).groupby("item")["label"]
    above, below = by_item.apply(lambda one: (one > 3).sum()), by_item.apply(lambda one: (one < 3).sum())
    assert len(found.rows) == int((above != below).sum())
    assert len(pilot.rows("sft").rows) == int((above > below).sum())
    # Hardly a context was answered twice.
    with pytest.raises(ExportError, match="alone"):
        pilot.rows("dpo", min_gap=4)


def test_refusals_labelled_as_classes(data_dir: Path, tmp_path: Path) -> None:
    rows = []
    for model in ("gpt4", "llama2orig"):
        table = pd.read_csv(data_dir / "xstest" / f"xstest_v2_completions_{model}.csv.gz")
        table = table[~table["type"].str.startswith("contrast")]
        rows += [
            {"item": f"{model}-{k}", "annotator": who, "label": label, "prompt": prompt, "response_a": completion}
            for who, column in (("one", "annotation_1"), ("two", "annotation_2"))
            for k, prompt, completion, label in table[["id", "prompt", "completion", column]].itertuples(index=False)
        ]
    path = tmp_path / "xstest.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    import_into(tmp_path / "xstest", path, task="classification")
    pilot = open_pilot(tmp_path / "xstest")
    labels = pilot.label_records()
    for kind in ("kto", "sft", "dpo", "reward"):
        found = pilot.rows(kind, desirable=["1_full_compliance"])
        assert make.balanced(found, labels)
        assert_trl(found)
    # A safe prompt that one model refused and the other answered is a pair.
    pairs = pilot.rows("dpo", desirable=["1_full_compliance"], min_gap=1)
    assert len(pairs.rows) > 50
    chosen = pd.Series([row.item for row in pairs.rows])
    assert chosen.is_unique
    assert {row.margin for row in pairs.rows} == {1.0}


def test_several_pairs_of_a_ranking_are_no_votes_yet(tmp_path: Path) -> None:
    pilot = opened(tmp_path, "ranking")
    rows = pilot.rows("dpo")
    config = training.config_of("dpo", {"loss": "votes"})
    expanded = training.rows_for(pilot, "dpo", config, rows)
    assert len(expanded.rows) > len(rows.rows)
    assert training.rows_for(pilot, "dpo", config, expanded) is expanded


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("kto", {"clear": "wide"}),
        ("kto", {"clear": None}),
        ("kto", {"exclude": "s0"}),  # which would leave out s and 0
        ("kto", {"exclude": 1}),
        ("dpo", {"keep_gold": "no"}),
        ("dpo", {"eval_share": "10%"}),
        ("dpo", {"eval_share": 2}),
        ("dpo", {"ties": "some"}),
        ("dpo", {"decide": "dice"}),
        ("dpo", {"by_votes": "three"}),
    ],
)
def test_values_that_are_none_of_an_option_are_refused(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    pilot = opened(tmp_path, "pairwise")
    (name,) = options
    with pytest.raises(RecordError, match=rf"{name}(\.bool)?: "):
        pilot.rows(kind, **options)
    with pytest.raises(RecordError, match=rf"{name}(\.bool)?: "):
        pilot.estimate(kind, **options)
    if kind == "dpo" and name != "by_votes":
        with pytest.raises(RecordError, match=rf"{name}(\.bool)?: "):
            pilot.preferences(**options)


def test_no_option_of_rows_is_a_setting_of_a_run() -> None:
    for task in TASKS:
        for kind in KINDS:
            assert not options_of(task, kind) & kinds.trainer(kind).RunConfig.model_fields.keys(), (task, kind)


def test_a_run_takes_the_options_of_its_rows(tmp_path: Path) -> None:
    pilot = opened(tmp_path, "classification")

    def told(kind: str, rows: Exported[Any] | None = None, **options: Any) -> list[dict[str, Any]]:
        return training.chosen(pilot, kind, rows, max_pairs=None, options=options).rows

    wanted = pilot.rows("kto", desirable=["poor"])
    assert told("kto", desirable=["poor"], epochs=1) == told("kto", wanted) != told("kto", desirable=["fine"])
    with pytest.raises(PilotError, match=r"which classes are wanted is for you to say -> desirable=.* of fine, poor"):
        told("kto")
    with pytest.raises(PilotError, match=r"desirable say how rows are made, and these are made already -> pass them"):
        told("kto", wanted, desirable=["poor"])
    with pytest.raises(PilotError, match=r"kto runs on classification labels have no option desired, ties -> settings"):
        told("kto", desired=["poor"], ties="both", beta=0.2)


def test_the_form_asks_what_the_rows_wait_for(tmp_path: Path) -> None:
    kinds = opened(tmp_path, "classification").launch_options()["kinds"]
    assert {kind: (one["problem"] == "", "desirable" in one["defaults"]) for kind, one in kinds.items()} == {
        **dict.fromkeys(("dpo", "reward", "kto", "sft"), (True, True)),
        "policy": (False, False),  # no reward run yet
    }
    kto = kinds["kto"]
    assert (kto["rows"], kto["choices"]["desirable"]) == (None, ["fine", "poor"])
    found = opened(tmp_path / "other", "classification")
    told = found.estimate("kto", desirable=["fine"], samples=0)
    rows = found.rows("kto", desirable=["fine"])
    assert told["lines"][0] == f"{len(rows.split('train'))} rows to train on, {len(rows.split('eval'))} held out"
    assert kinds["dpo"]["choices"]["loss"] == ["sigmoid", "robust", "ipo"], "no votes on a pair"
    with pytest.raises(PilotError, match="loss votes needs several votes on one pair, which classification labels"):
        found.estimate("dpo", desirable=["fine"], loss="votes")
    with pytest.raises(PilotError, match="flip rate"):
        found.estimate("dpo", desirable=["fine"], loss="robust", label_smoothing=None)
    pairs = opened(tmp_path, "ranking").launch_options()["kinds"]
    assert {kind for kind, one in pairs.items() if "ties" in one["defaults"]} == {"dpo", "reward"}
    assert pairs["dpo"]["choices"]["ties"] == ["drop", "both", "split"]
    unlabelled = small.opened(tmp_path / "new", task="classification", n=12)
    assert "label" in unlabelled.launch_options()["kinds"]["kto"]["problem"]


def test_ties_and_votes_of_a_run_are_asked_for_together(tmp_path: Path) -> None:
    pilot = judge(
        small.opened(tmp_path / "small", n=12),
        lambda item, k: {"choice": "tie" if item.id < "i_8" and k else "A"},
    )
    choice = training.chosen(pilot, "dpo", None, max_pairs=None, options={"ties": "both", "loss": "votes"})
    assert choice.config.model_dump()["loss"] == "votes"
    assert choice.made.sha256 == pilot.rows("dpo", ties="both", by_votes=True).sha256
    assert choice.made.sha256 != pilot.rows("dpo", by_votes=True).sha256
    assert choice.row_options == {"ties": "both"}
    assert not (pilot.folder / "preferences").exists(), "nothing is written where nothing is started"


def test_votes_under_another_guideline_do_not_turn_a_row(tmp_path: Path) -> None:
    pilot = judge(small.opened(tmp_path / "small", n=12), lambda item, k: {"choice": "A"}, people=1)
    turned = next(one for one in pilot.preferences().rows)
    counted = next(one for one in pilot.label_records() if one.item == turned.item)
    other = tmp_path / "v9.md"
    other.write_text((pilot.folder / "guideline" / "v1.md").read_text().replace("version: v1", "version: v9"))
    later = load(other)
    pilot.store.keep_guideline(later)
    under = {"guideline": later.ref, "guideline_sha256": later.sha256, "answer": {"choice": "B"}}
    others = [
        counted.model_copy(update={**under, "annotator": name, "label_id": content_id("l", name)})
        for name in ("s8", "s9")
    ]
    pilot.store.append([*(Annotator(id=one.annotator, source="human") for one in others), *others])
    made = pilot.preferences()
    row = next(one for one in made.rows if one.item == turned.item)
    assert (row.chosen, row.votes, row.margin) == (turned.chosen, {"A": 1}, 1.0)
    assert [(entry.reason, entry.n_labels) for entry in made.ledger if entry.n_labels == 2] != []
    assert pilot.rows("dpo", by_votes=True).rows[0].chosen == made.rows[0].chosen
