"""Rows of every kind from every task that can give them, and the ledger of each, worked by hand."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exporters import make
from workbench import exporters
from workbench.errors import ExportError
from workbench.records import Item, Prompt, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.exporters import Exported, Preferences
    from workbench.records import Label

PLAIN: dict[str, Any] = {"eval_share": 0.0, "exclude": ["out"]}
BARRED = {"repeat": 1, "other_guideline": 1, "excluded_annotator": 1, "gold": 1}


def told(rows: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(row, name) for name in names) for row in rows]


# ---- comparisons of two


def pairwise(clearness: dict[str, str]) -> tuple[Preferences, list[Label]]:
    """Three responses to one prompt, compared in pairs: `item -> votes`, an item `ab` compares a and b."""
    texts = {k: Response(id=k, text=f"says {k}", model="m") for k in "abc"}
    labels, items = [], []
    for name, votes in clearness.items():
        one = make.item(name, prompt_id="p", prompt="?", responses=(texts[name[0]], texts[name[1]]))
        items.append(one)
        labels += [make.label(one, f"s{k}", {"choice": letter}) for k, letter in enumerate(votes)]
    labels += make.awkward(items[0], {"choice": "A"})
    decisions: dict[str, tuple[str | None, str]] = {
        name: (max("AB", key=votes.count), "majority") for name, votes in clearness.items()
    }
    return exporters.preferences(items, labels, decisions, guideline=make.guideline(), **PLAIN), labels


def test_sft_takes_the_chosen_of_clear_pairs_once_and_not_what_was_beaten() -> None:
    # a beats b and c clearly; b beats c by 2 to 1, which is margin 1/3 and not clear.
    made, labels = pairwise({"ab": "AAA", "ac": "AAA", "bc": "AAB"})
    found = exporters.chosen_answers(made)
    assert told(found.rows, "completion", "items", "p_desirable") == [("says a", ("ab", "ac"), 1.0)]
    assert make.unused(found) == {**BARRED, "unclear": 3}
    assert make.balanced(found, labels)
    # With all pairs b won one and lost one.
    found = exporters.chosen_answers(made, clear=0)
    assert told(found.rows, "completion") == [("says a",)]
    assert make.unused(found) == {**BARRED, "mixed": 3}
    assert make.balanced(found, labels)
    assert exporters.trl_rows(found.rows, "sft") == [{"prompt": "?", "completion": "says a"}]


def test_kto_sorts_what_only_won_from_what_only_lost() -> None:
    made, labels = pairwise({"ab": "AAA", "ac": "AAA", "bc": "AAB"})
    found = exporters.sorted_answers(made)
    # c lost 3-0 and 2-1: one vote of six. b is on both sides.
    assert told(found.rows, "completion", "label", "p_desirable") == [
        ("says a", True, 1.0),
        ("says c", False, 0.166667),
    ]
    assert make.unused(found) == BARRED
    assert make.balanced(found, labels)
    assert exporters.trl_rows(found.rows, "kto")[1] == {"prompt": "?", "completion": "says c", "label": False}


def test_answers_in_a_circle_say_nothing() -> None:
    made, _ = pairwise({"ab": "AAA", "bc": "AAA", "ac": "BBB"})
    with pytest.raises(ExportError, match=r"no pair gives an answer .*9 mixed"):
        exporters.sorted_answers(made)
    with pytest.raises(ExportError, match="clear is a margin from 0 to 1"):
        exporters.chosen_answers(made, clear=2)


def test_a_tied_pair_has_no_chosen_answer() -> None:
    one = make.item("x")
    labels = [make.label(one, who, {"choice": "tie"}) for who in "ab"]
    made = exporters.preferences([one], labels, {"x": ("tie", "unanimous")}, guideline=make.guideline(), ties="both")
    with pytest.raises(ExportError, match="ties='drop'"):
        exporters.sorted_answers(made)


# ---- rankings


def ranked(rankings: dict[str, list[str]], **options: Any) -> tuple[Preferences, list[Label]]:
    """Rankings written as digits, the rank of A, B, C …"""
    items = [make.item(name, "ranking", len(given[0])) for name, given in rankings.items()]
    labels = [
        make.label(one, f"s{k}", {"ranks": dict(zip("ABCDEFGH", map(int, ranks), strict=False))})
        for one in items
        for k, ranks in enumerate(rankings[one.id])
    ]
    labels += make.awkward(items[0], {"ranks": {"A": 1, "B": 2, "C": 3}})
    made = exporters.ranked_preferences(items, labels, guideline=make.guideline("ranking"), **{**PLAIN, **options})
    return made, labels


def test_all_pairs_of_a_ranking_are_decided_by_majority() -> None:
    # A before B in all three; A before C in two of three; B before C in two, a tie in one.
    made, labels = ranked({"x": ["123", "122", "231"]})
    assert told(made.rows, "chosen_id", "rejected_id", "votes", "p_chosen") == [
        ("x.a", "x.b", {"A": 3}, 1.0),
        ("x.a", "x.c", {"A": 2, "C": 1}, 0.666667),
    ]  # B and C: one ranking each way, and a tie
    assert made.rows[0].decided_by == "unanimous"
    assert make.unused(made) == BARRED
    assert make.balanced(made, labels)


def test_best_against_worst_is_one_row_an_item() -> None:
    made, labels = ranked({"x": ["123", "132", "213"], "y": ["112", "113"], "z": ["12", "21"]}, pairs="best_worst")
    # x: ranks sum to 4, 6 (2+3+1) and 8; y: A and B share the best; z: even.
    assert told(made.rows, "item", "chosen_id", "rejected_id") == [("x", "x.a", "x.c")]
    assert make.unused(made) == {**BARRED, "tie": 4}
    assert make.balanced(made, labels)


def test_ties_of_rankings_by_choice() -> None:
    given = {"x": ["11", "11", "12"], "y": ["12", "12"]}
    made, labels = ranked(given)
    assert make.unused(made) == {**BARRED, "tie": 3}
    assert make.balanced(made, labels)
    made, labels = ranked(given, ties="both")
    assert told(made.rows, "item", "p_chosen") == [("x", 0.666667), ("x", 0.333333), ("y", 1.0)]
    assert make.balanced(made, labels)
    assert made.tied == {"x"}
    assert len(ranked(given, ties="split")[0].rows) == 2


def test_rankings_give_every_pair_the_same_number_of_vote_rows() -> None:
    made, _ = ranked({"x": ["123", "132", "123"]})
    expanded = made.by_votes()
    assert [row.item for row in expanded.rows] == ["x:x.a+x.b"] * 3 + ["x:x.a+x.c"] * 3 + ["x:x.b+x.c"] * 3


def test_rankings_refuse_what_there_is_not() -> None:
    with pytest.raises(ExportError, match="one of all, best_worst"):
        ranked({"x": ["123"]}, pairs="some")
    with pytest.raises(ExportError, match="these rows are made from ranking labels, these are pairwise"):
        exporters.ranked_preferences(
            [make.item("x")],
            [make.label(make.item("x"), "a", {"choice": "A"})],
            guideline=make.guideline("ranking"),
        )


# ---- one response at a time

SCORES = {"p1": {"a": [5, 5], "b": [4, 2], "c": [1, 1]}, "p2": {"d": [3, 3]}, "p3": {"e": [3, 5], "f": [4, 4]}}


def rated(**more: Any) -> tuple[list[Item], list[Label]]:
    """Responses rated 1-5 by two people: three to p1, one to p2, two to p3."""
    items, labels = [], []
    for prompt, responses in SCORES.items():
        for name, ratings in responses.items():
            one = make.item(name, "likert", 1, prompt_id=prompt, prompt=f"{prompt}?")
            items.append(one)
            labels += [make.label(one, f"s{k}", {"ratings": {"c": rating}}) for k, rating in enumerate(ratings)]
    return items, [*labels, *make.awkward(items[0], {"ratings": {"c": 1}})]


def rating(label: Label) -> float:
    given: Any = label.answer["ratings"]
    return float(given["c"])


def above_three(label: Label) -> bool | None:
    return None if rating(label) == 3 else rating(label) > 3


JUDGED: dict[str, Any] = {"task": "likert", "guideline": make.guideline("likert"), **PLAIN}


def test_kto_by_threshold() -> None:
    items, labels = rated()
    found = exporters.judged(items, labels, above_three, **JUDGED)
    # b: 4 and 2 are even; d: both on the threshold; e: 3 says nothing and 5 is above.
    assert told(found.rows, "completion_id", "label", "p_desirable") == [
        ("a.a", True, 1.0),
        ("c.a", False, 0.0),
        ("e.a", True, 1.0),
        ("f.a", True, 1.0),
    ]
    assert make.unused(found) == {**BARRED, "unresolved": 2, "says_nothing": 3}
    assert make.balanced(found, labels)
    assert found.kind == "kto"


def test_sft_above_the_threshold() -> None:
    items, labels = rated()
    found = exporters.wanted_answers(items, labels, above_three, **JUDGED)
    assert told(found.rows, "items") == [(("a",),), (("e",),), (("f",),)]
    assert make.unused(found) == {**BARRED, "unresolved": 2, "undesirable": 2, "says_nothing": 3}
    assert make.balanced(found, labels)


def test_one_kind_of_answer_is_said() -> None:
    items, labels = rated()
    found = exporters.judged(items, labels, lambda _: False, **JUDGED)
    assert found.notes == ("all 6 answers are unwanted: KTO needs both kinds, add rows of the other",)
    assert found.notes[0] in str(found)
    with pytest.raises(ExportError, match="12 undesirable"):
        exporters.wanted_answers(items, labels, lambda _: False, **JUDGED)
    with pytest.raises(ExportError, match="12 says_nothing"):
        exporters.judged(items, labels, lambda _: None, **JUDGED)


def test_missing_texts_name_the_columns_of_the_task() -> None:
    bare = make.item("x", "likert", 1, prompt="")
    labels = [make.label(bare, who, {"ratings": {"c": 5}}) for who in "ab"]
    with pytest.raises(ExportError, match=r"2 no_text\) -> import .* prompt and response_a$"):
        exporters.judged([bare], labels, above_three, **JUDGED)


def test_pairs_by_the_difference_of_scores() -> None:
    items, labels = rated()
    made = exporters.scored_preferences(items, labels, rating, span=4, min_gap=1, **JUDGED)
    # Means 5, 3, 1 for p1: gaps 2, 4, 2 of a span of 4. p3: 4 and 4, too close.
    assert told(made.rows, "item", "chosen_id", "rejected_id", "margin") == [
        ("a+b", "a.a", "b.a", 0.5),
        ("a+c", "a.a", "c.a", 1.0),
        ("b+c", "b.a", "c.a", 0.5),
    ]
    assert made.rows[0].votes == {"A": 4}  # 5 and 5 against 4 and 2
    assert make.unused(made) == {**BARRED, "alone": 2, "close": 4}
    assert make.balanced(made, labels)
    few = exporters.scored_preferences(items, labels, rating, span=4, min_gap=3, **JUDGED)
    assert told(few.rows, "item") == [("a+c",)]
    assert make.unused(few) == {**BARRED, "alone": 2, "close": 6}
    assert make.balanced(few, labels)
    for bad in (0, 5):
        with pytest.raises(ExportError, match="min_gap is above 0 and at most 4"):
            exporters.scored_preferences(items, labels, rating, span=4, min_gap=bad, **JUDGED)


# ---- attacks

TURNS = [("user", "Be a king."), ("assistant", "I am."), ("user", "What is a phone?"), ("assistant", "A telephone.")]


def attacked() -> tuple[list[Item], list[Label]]:
    """Two goals; the first was reached by one of two attackers, the second attack got no reply."""
    goals = [make.item(name, "red_team", 0) for name in ("g1", "g2")]

    def log(turns: list[tuple[str, str]], success: bool) -> dict[str, Any]:
        listed = [{"role": role, "text": text} for role, text in turns]
        return {"turns": listed, "attack_category": "role", "success": success, "severity": int(success), "broke": ""}

    labels = [
        make.label(goals[0], "a", log(TURNS, True)),
        make.label(goals[0], "b", log(TURNS[:2], False)),
        make.label(goals[1], "a", log(TURNS[:1], False)),
        make.label(goals[1], "out", log(TURNS, True)),
    ]
    return goals, labels


def attack(kind: Any, **options: Any) -> tuple[Exported[Any], list[Label]]:
    goals, labels = attacked()
    return exporters.attack_rows(kind, goals, labels, guideline=make.guideline("red_team"), **PLAIN, **options), labels


def test_what_broke_a_model_is_not_wanted() -> None:
    found, labels = attack("kto")
    (row,) = exporters.trl_rows(found.rows, "kto")
    # The completion is a turn as the prompt is turns, and no message holds a null.
    assert row == {
        "prompt": [{"role": role, "content": text} for role, text in TURNS[:3]],
        "completion": [{"role": "assistant", "content": "A telephone."}],
        "label": False,
    }
    (plain,) = exporters.rows_as_dicts(found.rows)
    assert plain["completion"] == "A telephone."
    assert make.unused(found) == {"no_text": 1, "excluded_annotator": 1, "says_nothing": 1}
    assert make.balanced(found, labels)
    assert "KTO needs both kinds" in found.notes[0]


def test_attacks_that_failed_count_by_choice() -> None:
    found, labels = attack("kto", withstood="wanted")
    assert told(found.rows, "completion", "label") == [("A telephone.", False), ("I am.", True)]
    assert make.balanced(found, labels)
    found, labels = attack("sft", withstood="wanted")
    assert told(found.rows, "completion") == [("I am.",)]
    assert make.unused(found) == {"no_text": 1, "excluded_annotator": 1, "undesirable": 1}
    assert make.balanced(found, labels)
    with pytest.raises(ExportError, match="not to be imitated"):
        attack("sft")
    with pytest.raises(ExportError, match="must be drop or wanted"):
        attack("kto", withstood="maybe")


@pytest.mark.parametrize(
    "turns",
    [
        [("assistant", "Hello.")],
        [("user", "Hi."), ("assistant", " ")],
        [("user", ""), ("assistant", "What?")],
        [("user", "Hi."), ("assistant", "Hello."), ("assistant", "Still here.")],
    ],
)
def test_a_log_that_makes_no_row_a_trainer_takes_is_counted(turns: list[tuple[str, str]]) -> None:
    goals, labels = attacked()
    listed = [{"role": role, "text": text} for role, text in turns]
    odd = labels[0].model_copy(update={"label_id": "odd", "answer": {**labels[0].answer, "turns": listed}})
    for kind in ("kto", "policy"):
        which: Any = kind
        found = exporters.attack_rows(which, goals, [*labels, odd], guideline=make.guideline("red_team"), **PLAIN)
        assert make.unused(found)["no_text"] == 2
        assert make.balanced(found, [*labels, odd])


def test_a_policy_trains_on_the_conversations_of_attacks() -> None:
    found, labels = attack("policy")
    assert [[turn["content"] for turn in row["prompt"]] for row in exporters.trl_rows(found.rows, "policy")] == [
        ["Be a king.", "I am.", "What is a phone?"],
        ["Be a king."],
    ]
    assert make.balanced(found, labels)


# ---- prompts


def test_a_policy_takes_each_prompt_once_and_no_label() -> None:
    items, labels = rated()
    prompts = [Prompt(id="p9", prompt="held out?", split="test"), Prompt(id="p1", prompt="p1?")]
    found = exporters.prompt_rows(
        prompts, items, labels, task="likert", guideline=make.guideline("likert"), eval_share=0.0
    )
    assert told(found.rows, "prompt_id", "split") == [
        ("p1", "train"),
        ("p2", "train"),
        ("p3", "train"),
        ("p9", "test"),
    ]
    assert make.unused(found) == {"not_needed": len(labels)}
    assert make.balanced(found, labels)
    with pytest.raises(ExportError, match="no prompt with a text"):
        exporters.prompt_rows([], [], [], task="likert", guideline=make.guideline("likert"))


# ---- all of them

MAKERS: dict[str, Callable[[list[Item], list[Label]], Exported[Any]]] = {
    "kto": lambda items, labels: exporters.judged(items, labels, above_three, **JUDGED),
    "sft": lambda items, labels: exporters.wanted_answers(items, labels, above_three, **JUDGED),
    "dpo": lambda items, labels: exporters.scored_preferences(items, labels, rating, span=4, min_gap=1, **JUDGED),
}
RATINGS = st.lists(
    st.tuples(
        st.integers(0, 9),  # item
        st.integers(1, 5),  # rating
        st.sampled_from(["a", "b", "c", "out"]),
        st.booleans(),  # repeat
        st.booleans(),  # gold
        st.sampled_from(["a" * 64, "b" * 64]),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=80)
@given(ratings=RATINGS, kind=st.sampled_from(sorted(MAKERS)))
def test_no_label_is_lost_or_counted_twice(ratings: list[Any], kind: str) -> None:
    items = [make.item(f"i{k}", "likert", 1, prompt_id=f"p{k % 3}", prompt=f"p{k % 3}?") for k in range(10)]
    labels = [
        make.label(
            items[place], who, {"ratings": {"c": value}}, label_id=f"l{k}", is_repeat=repeat, is_gold=gold,
            guideline_sha256=sha,
        )
        for k, (place, value, who, repeat, gold, sha) in enumerate(ratings)
    ]  # fmt: skip
    try:
        found = MAKERS[kind](items, labels)
    except ExportError:  # nothing left to use
        return
    assert make.balanced(found, labels)
    assert found.rows == tuple(MAKERS[kind](items[::-1], labels[::-1]).rows)


@settings(deadline=None, max_examples=80)
@given(
    rankings=st.dictionaries(
        st.sampled_from("uvwxyz"), st.lists(st.text("123", min_size=3, max_size=3), min_size=1, max_size=4), min_size=1
    ),
    pairs=st.sampled_from(["all", "best_worst"]),
    ties=st.sampled_from(["drop", "both", "split"]),
)
def test_no_ranking_is_lost(rankings: dict[str, list[str]], pairs: str, ties: str) -> None:
    try:
        made, labels = ranked(rankings, pairs=pairs, ties=ties)
    except ExportError:  # nothing left to use
        return
    assert make.balanced(made, labels)
    if ties == "drop":
        for find in (exporters.chosen_answers, exporters.sorted_answers):
            maker: Any = find
            with suppress(ExportError):  # no pair is that clear
                assert make.balanced(maker(made, clear=0.4), labels)


def test_files_of_each_kind_have_a_card_that_fits(tmp_path: Path) -> None:
    items, labels = rated()
    for kind, maker in MAKERS.items():
        written = exporters.write(maker(items, labels), tmp_path / kind)
        card = written["card"].read_text()
        assert "hidden repeat" in card
        assert ("| wanted | 3 |" in card) == (kind == "kto")
        assert ("| decided by | rows |" in card) == (kind == "dpo")
    attacks, _ = attack("policy")
    written = exporters.write(attacks, tmp_path / "policy")
    assert written["card"].read_text().startswith("# Prompts for a policy\n")
    assert (tmp_path / "policy" / "train.jsonl").read_text().count("\n") == 2


def test_a_split_that_is_empty_now_leaves_no_old_file(tmp_path: Path) -> None:
    items, labels = rated()
    held = [one.model_copy(update={"split": "test"}) if one.id == "a" else one for one in items]
    exporters.write(MAKERS["kto"](held, labels), tmp_path)
    assert (tmp_path / "test.jsonl").exists()
    assert "test" not in exporters.write(MAKERS["kto"](items, labels), tmp_path)
    assert not (tmp_path / "test.jsonl").exists()
