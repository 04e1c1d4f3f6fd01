"""A version with labels stays; the next is drafted from it, and a diff says in words what changed."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guidelines.make import TEXT, changed, with_fields
from workbench.errors import GuidelineError
from workbench.guidelines import check, diff, draft, freeze, parse
from workbench.guidelines.changing import word_diff


def test_a_version_with_labels_is_frozen() -> None:
    first = parse(TEXT)
    assert freeze(first, {}) is first
    assert freeze(first, {"tiny/v1": first.sha256, "tiny/v2": "0" * 64}) is first
    edited = changed("Fewer", "Fewest")
    with pytest.raises(GuidelineError) as caught:
        freeze(edited, {"tiny/v1": first.sha256})
    assert "v1 is frozen: it has labels" in caught.value.what
    assert "write v2 with parent v1" in caught.value.next_step
    following = parse(draft(edited, motivated_by=["i_1"], on=date(2026, 2, 1)))
    assert freeze(following, {"tiny/v1": first.sha256}) is following


def test_a_record_whose_hash_is_not_of_its_text_is_refused() -> None:
    forged = parse(TEXT).model_copy(update={"text": TEXT.replace("Fewer", "Fewest")})
    with pytest.raises(GuidelineError, match="not that of the text"):
        freeze(forged, {"tiny/v1": forged.sha256})


def test_a_draft_is_the_next_version_with_the_same_rules() -> None:
    first = parse(TEXT)
    text = draft(first, motivated_by=["a_17: C1 read in two ways", "i_3"], on=date(2026, 2, 1))
    second = parse(text)
    assert (second.version, second.parent, second.date) == ("v2", "v1", "2026-02-01")
    assert second.motivated_by == ("a_17: C1 read in two ways", "i_3")
    assert (second.clauses, second.edge_cases, second.tie_rule) == (first.clauses, first.edge_cases, first.tie_rule)
    assert check(second) == []
    assert draft(first, motivated_by=second.motivated_by, on=date(2026, 2, 1)) == text
    assert [(one.part, one.id, one.change) for one in diff(first, second)] == [
        ("metadata", "version", "changed"),
        ("metadata", "date", "changed"),
        ("metadata", "parent", "added"),
        ("metadata", "motivated_by", "added"),
    ]
    assert parse(draft(second)).parent == "v2"


def test_diff_names_what_changed_word_by_word() -> None:
    old = parse(TEXT)
    new = parse(
        TEXT.replace("Fewer false statements win", "Fewer wrong statements win")
        .replace("### C2. Then clarity", "### C3. Then clarity")
        .replace("(C2)", "(C3)")
        .replace("Read both answers.", "Read both answers twice.")
        .replace("**Answer:** tie", "**Answer:** A")
    )
    changes = {(one.part, one.id): one for one in diff(old, new)}
    assert {key: one.change for key, one in changes.items()} == {
        ("metadata", "introduction"): "changed",
        ("clause", "C1"): "changed",
        ("clause", "C3"): "added",
        ("clause", "C2"): "removed",
        ("edge_case", "E1"): "changed",
        ("edge_case", "E3"): "changed",
    }
    assert "Fewer [-false-]{+wrong+} statements win." in changes["clause", "C1"].text
    assert changes["metadata", "introduction"].text == "Read both [-answers.-]{+answers twice.+}"
    assert "Answer: [-tie-]{+A+}" in changes["edge_case", "E1"].text
    assert changes["clause", "C3"].text.startswith("{+Then clarity")
    assert changes["clause", "C2"].new == ""


def test_diff_is_empty_only_for_the_same_text() -> None:
    assert diff(parse(TEXT), parse(TEXT.replace("\n", "\r\n"))) == []
    moved = parse(TEXT + "\n## Notes\nMore.\n")
    assert [(one.part, one.id) for one in diff(parse(TEXT), moved)] == [("metadata", "layout")]


@given(st.lists(st.sampled_from(["a", "b", "c", "\n", "d e"]), max_size=12), st.lists(st.sampled_from(["a", "c", "x"])))
def test_a_word_diff_holds_both_texts(old: list[str], new: list[str]) -> None:
    before, after = " ".join(old), " ".join(new)
    text = word_diff(before, after)
    kept_old = re.sub(r"(?s)\{\+.*?\+\}", "", re.sub(r"(?s)\[-(.*?)-\]", r"\1", text))
    kept_new = re.sub(r"(?s)\[-.*?-\]", "", re.sub(r"(?s)\{\+(.*?)\+\}", r"\1", text))
    assert (kept_old, kept_new) == (before, after)
    assert ("[-" in text or "{+" in text) == (before != after)


# ---- the optional fields ----------------------------------------------------------------------------------------

ASKED = (
    "anchors: {clarity: read once}",
    "ask: [strength, reason]",
    "gold_feedback: live",
    "calibration: {n: 8, min_correct: 6, max_mistakes: 0}",
    "flags: [off topic]",
)


def test_a_draft_keeps_what_was_set_and_adds_nothing() -> None:
    first = parse(with_fields(*ASKED))
    text = draft(first, on=date(2026, 2, 1))
    second = parse(text)
    for field in ("anchors", "ask", "gold_feedback", "calibration", "flags", "skip_reasons", "multi_label"):
        assert getattr(second, field) == getattr(first, field)
    assert "calibration: {n: 8, min_correct: 6, max_mistakes: 0}\n" in text, "attempts were not set"
    for field in ("skip_reasons", "multi_label", "machine_checks"):
        assert f"{field}:" not in text
    plain = draft(parse(TEXT), on=date(2026, 2, 1))
    front = plain.split("---\n")[1]
    assert [line.split(":")[0] for line in front.splitlines() if ":" in line] == [
        *("name", "version", "task", "criteria", "scale", "tie_rule", "allow_both_bad", "author", "date", "parent"),
        "motivated_by",
    ]


TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30)


@settings(max_examples=50)
@given(
    st.dictionaries(TEXTS, st.lists(TEXTS, max_size=3), max_size=3),
    st.lists(TEXTS, max_size=3),
    TEXTS,
    st.integers(1, 100),
    st.sampled_from([{}, {"attempts": 3}]),
)
def test_whatever_was_set_survives_a_draft(
    anchors: dict[str, list[str]], flags: list[str], tie_rule: str, n: int, more: dict[str, int]
) -> None:
    fields = {
        "anchors": anchors,
        "flags": flags,
        "calibration": {"n": n, "min_correct": n, "max_mistakes": 0} | more,
        "tie_rule": tie_rule,
    }
    # Written as JSON, which is YAML.
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    first = parse(with_fields(*lines).replace("tie_rule: Choose tie when neither is ahead.\n", ""))
    second = parse(draft(first, on=date(2026, 2, 1)))
    kept = {"version", "date", "parent", "motivated_by", "text", "sha256"}
    assert second.model_dump(exclude=kept) == first.model_dump(exclude=kept)
    assert second.model_fields_set == first.model_fields_set | {"parent"}
    assert {one.id for one in diff(first, second)} == {"version", "date", "parent"}


def test_a_diff_says_the_optional_fields_in_words() -> None:
    old = parse(with_fields(*ASKED))
    new = parse(
        with_fields(
            "anchors: {clarity: read twice, correctness: no error}",
            "ask: [strength]",
            "calibration: {n: 8, min_correct: 6, max_mistakes: 1}",
            "flags: [off topic, harmful]",
            "multi_label: true",
            "machine_checks: after",
        )
    )
    changes = {one.id: one for one in diff(old, new)}
    said = {name: (one.old, one.new) for name, one in changes.items()}
    assert said == {
        "anchors": ("clarity: read once", "clarity: read twice\ncorrectness: no error"),
        "ask": ("strength; reason", "strength"),
        "calibration": (
            "n: 8\nmin_correct: 6\nmax_mistakes: 0\nattempts: 2",
            "n: 8\nmin_correct: 6\nmax_mistakes: 1\nattempts: 2",
        ),
        "flags": ("off topic", "off topic; harmful"),
        "multi_label": ("false", "true"),
        "machine_checks": ("hidden", "after"),
        "gold_feedback": ("live", "never"),
    }
    assert changes["calibration"].text == "n: 8\nmin_correct: 6\nmax_mistakes: [-0-]{+1+}\nattempts: 2"
    assert changes["anchors"].text == "clarity: read [-once-]{+twice\ncorrectness: no error+}"
    (added,) = [one for one in diff(parse(TEXT), old) if one.id == "calibration"]
    assert (added.change, added.text) == ("added", "{+n: 8\nmin_correct: 6\nmax_mistakes: 0\nattempts: 2+}")
    (removed,) = [one for one in diff(old, parse(TEXT)) if one.id == "anchors"]
    assert (removed.change, removed.new) == ("removed", "")
