"""Guideline files: what is read, what is refused, what `check` finds, and that a version with labels stays."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import guidelines, verifiers
from workbench.errors import GuidelineError
from workbench.guidelines import check, diff, draft, freeze, load, load_all, parse, sha256
from workbench.guidelines.changing import word_diff
from workbench.records import Constraint, Guideline

SHIPPED = Path(__file__).parents[1] / "guidelines" / "instruction-following" / "v1.md"

TEXT = """\
---
name: tiny
version: v1
task: pairwise
criteria: [correctness, clarity]
scale: [A, B, tie]
tie_rule: Choose tie when neither is ahead.
allow_both_bad: false
author: A team
date: 2026-01-31
parent: null
motivated_by: []
---

Read both answers.

## Clauses

### C1. Facts first
Fewer false statements win. Example: "2 + 2 = 4" wins over "2 + 2 = 5".

### C2. Then clarity
The one understood at first reading wins. Example: "Go left" wins over "Left the go".

## Edge cases

### E1. Both wrong
"1 + 1 = 3" and "1 + 1 = 4".

**Answer:** tie

**Why:** Each has one error (C1), and both are short (C2).

### E2. Short and wrong
"No." and "Rome, I think."

**Answer:** B

**Why:** Only B is true (C1).

### E3. Muddled
"It the is cat" and "It is the cat".
**Answer:** B
**Why:** B is understood at first reading (C2).
"""


def changed(old: str, new: str) -> Guideline:
    assert TEXT.count(old) == 1, old
    return parse(TEXT.replace(old, new))


def found(guideline: Guideline, severity: str | None = None) -> list[tuple[str, str]]:
    return [(one.where, one.message) for one in check(guideline) if severity in (None, one.severity)]


def test_a_file_becomes_a_record() -> None:
    guideline = parse(TEXT)
    assert guideline.ref == "tiny/v1"
    assert guideline.criteria == ("correctness", "clarity")
    assert guideline.scale == ("A", "B", "tie")
    assert (guideline.date, guideline.parent, guideline.allow_both_bad) == ("2026-01-31", None, False)
    assert [clause.id for clause in guideline.clauses] == ["C1", "C2"]
    assert [clause.title for clause in guideline.clauses] == ["Facts first", "Then clarity"]
    assert guideline.clauses[1].text.startswith("The one understood")
    assert [(case.id, case.answer, case.clause) for case in guideline.edge_cases] == [
        ("E1", "tie", "C1"),
        ("E2", "B", "C1"),
        ("E3", "B", "C2"),
    ]
    assert guideline.edge_cases[0].text == (
        '"1 + 1 = 3" and "1 + 1 = 4".\n\n**Why:** Each has one error (C1), and both are short (C2).'
    )
    assert guideline.text == TEXT
    assert check(guideline) == []


def test_headings_in_a_code_block_and_further_sections_are_text() -> None:
    guideline = changed(
        "Fewer false statements win. ", "Fewer false statements win.\n```\n### C9. not a clause\n## Edge cases\n```\n"
    )
    assert [clause.id for clause in guideline.clauses] == ["C1", "C2"]
    assert "### C9. not a clause" in guideline.clauses[0].text
    assert len(parse(TEXT + "\n## Notes\n### any heading at all\ntext\n").edge_cases) == 3


@given(
    st.lists(st.sampled_from(["a", "b c", "", "  d", "é", "\u2028", "-"]), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.text(alphabet=" \t", max_size=3),
)
def test_the_hash_ignores_line_ends_and_trailing_white_space_only(lines: list[str], end: str, blank: str) -> None:
    plain = "\n".join(lines)
    other = "\ufeff" + "".join(line + blank + end for line in lines) + end
    assert guidelines.canonical(guidelines.canonical(plain)) == guidelines.canonical(plain)
    assert sha256(other) == sha256(plain)
    assert sha256(plain + "\nx") != sha256(plain)


def test_the_hash_of_the_canonical_text_is_known() -> None:
    # The value that `printf 'a\n\nb\n' | sha256sum` prints.
    assert sha256("a  \r\n\r\nb\t\n\n\n") == "770423513bd0765c18e500000baec91976bcd8267a245437b32572665c6ac370"


def test_line_ends_do_not_change_a_version_but_a_word_does() -> None:
    assert parse(TEXT.replace("\n", "\r\n")) == parse(TEXT)
    assert changed("Fewer", "Fewest").sha256 != parse(TEXT).sha256


@pytest.mark.parametrize(
    ("old", "new", "says", "line"),
    [
        (TEXT, "# no front matter\n", "no front matter", ":1"),
        (TEXT, "", "no front matter", ":1"),
        (TEXT, "---\n---\ntext", "lines of `field: value`", ""),
        ("name: tiny\n", "", "front matter without ['name']", ""),
        ("task: pairwise", "task: duel", "task: Input should be", ""),
        ("version: v1", "version: '1'", "version: String should match", ""),
        ("version: v1", "version: 1", "version must be a text, got '1'", ""),
        ("author: A team", "autor: A team", "unknown fields ['autor']", ""),
        ("author: A team", "author: A team\nauthor: B", "fields given twice: ['author']", ""),
        ("[A, B, tie]", "[A, B, yes]", "scale must be a list of texts", ""),
        ("[A, B, tie]", "A", "scale must be a list of texts", ""),
        ("allow_both_bad: false", "allow_both_bad: maybe", "allow_both_bad must be true or false", ""),
        ("date: 2026-01-31", "date: 2026-13-45", "not plain YAML data: month must be in 1..12", ""),
        ("[A, B, tie]", "[A, B", "not plain YAML data", ":6"),
        ("author: A team", "author: !!python/object/apply:os.system [ls]", "not plain YAML data", ":9"),
        ("author: A team", "author: &a A team", "anchors and aliases are not read", ""),
        ("[A, B, tie]", "[" * 5000 + "]" * 5000, "nested too deep", ""),
        ("### C2. Then clarity", "### Then clarity", "cannot read the heading '### Then clarity'", ":22"),
        ("### E1. Both wrong", "### E1 Both wrong", "cannot read the heading '### E1 Both wrong'", ":27"),
        ("Read both answers.", "x" * 200_000, "at most 200000 characters", ""),
    ],
)
def test_what_is_no_guideline_is_refused_with_its_place(old: str, new: str, says: str, line: str) -> None:
    with pytest.raises(GuidelineError) as caught:
        parse(TEXT.replace(old, new), where="folder/v1.md")
    assert says in caught.value.what
    assert caught.value.where == f"folder/v1.md{line}"


@pytest.mark.parametrize(
    ("old", "new", "severity", "where", "message"),
    [
        ("tie_rule: Choose tie when neither is ahead.\n", "", "error", "tie_rule", "no tie rule"),
        ("[correctness, clarity]", "[]", "error", "criteria", "no criteria"),
        ("[correctness, clarity]", "[clarity, clarity]", "error", "criteria", "the same value twice"),
        ("scale: [A, B, tie]\n", "", "error", "scale", "no scale"),
        ("[A, B, tie]", "[A, B, tie, left]", "error", "scale", "['left'] are no pairwise answers"),
        ("[A, B, tie]", "[A, B, tie, both_bad]", "error", "scale", "allow_both_bad is false"),
        ("allow_both_bad: false", "allow_both_bad: true", "error", "scale", "allow_both_bad is true"),
        ("date: 2026-01-31", "date: 31 January", "error", "date", "'31 January' is no date"),
        ("date: 2026-01-31", "date: '20260131'", "error", "date", "'20260131' is no date"),
        ("author: A team\n", "", "warning", "author", "no author"),
        ("version: v1", "version: v2", "warning", "parent", "v2 names no parent"),
        ("version: v1", "version: v2", "warning", "motivated_by", "nothing says why"),
        ("parent: null", "parent: v1", "error", "parent", "'v1' is no earlier version"),
        ("parent: null", "parent: other/v1", "error", "parent", "'other/v1' is no earlier version"),
        ("### C2. Then", "### C1. Then", "error", "C1", "two clauses have the id C1"),
        ("### E2. Short", "### E1. Short", "error", "E1", "two edge cases have the id E1"),
        ('Example: "Go left"', '"Go left"', "warning", "C2", "a clause without an example"),
        ("Read both answers.", "## Clauses\n### C7. Empty\n", "error", "C7", "a clause without a rule"),
        ("**Answer:** tie\n", "", "error", "E1", "an edge case without an answer"),
        ("**Answer:** tie", "**Answer:** neither", "error", "E1", "the answer 'neither' is not on the scale"),
        ("**Why:** Only B is true (C1).", "", "error", "E2", "an answer that is not explained"),
        ("**Why:** Only B is true (C1).", "**Why:** Sure.", "error", "E2", "an answer that is not explained"),
        ("**Why:** Only B is true (C1).", "**Why:** Only B is true.", "error", "E2", "cites no clause"),
        ("Only B is true (C1)", "Only B is true (C5)", "error", "E2", "cites C5, which is no clause"),
        ("Fewer false", "As in C8, fewer false", "error", "C1", "cites C8, which is no clause"),
        ("### E2. Short and wrong", "### E1b. Short\n### E2. Short", "error", "E1b", "an edge case without an answer"),
        ("Fewer false statements win", "The better answer wins", "warning", "C1", '"better" means something else'),
        ("[correctness, clarity]", "[helpful]", "warning", "criteria", '"helpful" means something else'),
        ("when neither is ahead", "when both are good", "warning", "tie_rule", '"good" means something else'),
    ],
)
def test_check_names_the_weakness_and_its_place(old: str, new: str, severity: str, where: str, message: str) -> None:
    hits = [one for one in check(changed(old, new)) if one.where == where and message in one.message]
    assert [one.severity for one in hits] == [severity]
    assert hits[0].next_step
    assert str(hits[0]).startswith(f"{severity}: ")


def test_edge_cases_are_three_to_five() -> None:
    start = TEXT.index("### E2.")
    assert ("edge cases", "only 1 edge case") in found(parse(TEXT[:start]), "error")
    more = "".join(f"\n### E{n}. More\nA case.\n**Answer:** A\n**Why:** A is true (C1).\n" for n in range(4, 7))
    assert found(parse(TEXT + more), "error") == []
    assert found(parse(TEXT + more), "warning") == [("edge cases", "6 edge cases")]


def test_a_defined_or_quoted_word_is_not_vague() -> None:
    vague = changed("Fewer false statements win", "The better one wins")
    assert found(vague, "warning")
    defined = vague.text.replace("Read both answers.", '"Better" means: with fewer false statements.')
    assert found(parse(defined)) == []
    assert found(changed('"Go left" wins', '"The good, better one" wins')) == []


def test_a_task_without_ties_needs_no_tie_rule() -> None:
    text = TEXT.replace("task: pairwise", "task: likert").replace("tie_rule: Choose tie when neither is ahead.\n", "")
    assert ("tie_rule", "no tie rule") not in found(parse(text))


def test_errors_come_before_warnings() -> None:
    severities = [one.severity for one in check(parse("---\nname: x\nversion: v2\ntask: pairwise\n---\n"))]
    assert severities == sorted(severities)
    assert {"error", "warning"} == set(severities)


def test_the_file_is_named_as_its_version(tmp_path: Path) -> None:
    path = tmp_path / "other" / "v2.md"
    path.parent.mkdir()
    path.write_text(TEXT, encoding="utf-8")
    messages = [(one.severity, one.message) for one in check(load(path), path=path)]
    assert messages == [
        ("error", "the file v2.md holds version v1"),
        ("warning", "tiny stands in the folder other"),
    ]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(GuidelineError, match="No such file") as caught:
        load(tmp_path / "v1.md")
    assert caught.value.where == str(tmp_path / "v1.md")
    (tmp_path / "v1.md").write_bytes(b"---\nname: \xff\n---\n")
    with pytest.raises(GuidelineError, match="not UTF-8"):
        load(tmp_path / "v1.md")


def test_load_all_sorts_by_name_and_number(tmp_path: Path) -> None:
    for name, version in (("b", "v1"), ("a", "v10"), ("a", "v9")):
        path = tmp_path / name / f"{version}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(TEXT.replace("tiny", name).replace("version: v1", f"version: {version}"), encoding="utf-8")
    (tmp_path / "a" / "README.md").write_text("no guideline")
    assert [one.ref for one in load_all(tmp_path)] == ["a/v9", "a/v10", "b/v1"]
    (tmp_path / "b" / "v2.md").write_text(TEXT.replace("tiny", "b"), encoding="utf-8")
    with pytest.raises(GuidelineError, match="b/v1 is in two files"):
        load_all(tmp_path)
    with pytest.raises(GuidelineError, match="no such folder"):
        load_all(tmp_path / "none")


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


def test_the_shipped_guideline_has_no_weakness() -> None:
    guideline = load(SHIPPED)
    assert check(guideline, path=SHIPPED) == []
    assert SHIPPED.read_text(encoding="utf-8") == guideline.text
    assert 6 <= len(guideline.clauses) <= 9
    assert len({case.answer for case in guideline.edge_cases}) == 3, "the examples should not all name the same side"


# The constraint that a shipped edge case states, and what it alone vouches for.
STATED = {
    "E1": (Constraint(id="c1", kind="max_words", params={"n": 15}), "B"),
    "E2": (Constraint(id="c1", kind="no_commas"), "A"),
    "E3": (Constraint(id="c1", kind="answer_equals", params={"value": 10}), "tie"),
    "E5": (Constraint(id="c1", kind="exact_sentences", params={"n": 1}), "tie"),
}


@pytest.mark.parametrize("case_id", STATED)
def test_the_shipped_edge_cases_count_as_the_verifiers_do(case_id: str) -> None:
    [case] = [one for one in load(SHIPPED).edge_cases if one.id == case_id]
    asked, vouched = STATED[case_id]
    texts = dict(re.findall(r'^([AB]): "(.*)"', case.text, re.MULTILINE))
    assert verifiers.prefer([asked], texts["A"], texts["B"]) == vouched
    # A tie of the constraints leaves the decision to the other clauses; anything else settles it.
    assert vouched in (case.answer, "tie")
    for text, n in re.findall(r'^[AB]: "(.*)" \((\d+) words\)', case.text, re.MULTILINE):
        assert len(verifiers.words(text)) == int(n)


def test_the_shipped_guideline_counts_its_own_example_right() -> None:
    rule = next(clause.text for clause in load(SHIPPED).clauses if clause.id == "C2")
    example = re.search(r'Example: "(.*)" has (\d+) words: (.*)\.', rule)
    assert example is not None
    assert verifiers.words(example[1]) == example[3].split(", ")
    assert len(verifiers.words(example[1])) == int(example[2])
