"""Guideline files: what is read, what is refused and where, and what the hash is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guidelines.make import TEXT, changed
from workbench import guidelines
from workbench.errors import GuidelineError
from workbench.guidelines import check, load, load_all, parse, sha256

if TYPE_CHECKING:
    from pathlib import Path


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
