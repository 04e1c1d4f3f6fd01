"""Importers: the published numbers come out of the real files, and no malformed file loses or invents a row."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from workbench import guidelines, tasks
from workbench.errors import ImportFormatError
from workbench.importers import Imported, long_table, mtbench, pandalm, sniff
from workbench.importers.result import ORDER_UNKNOWN
from workbench.store import Appended, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.records import Label


def needs(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"no {folder.name}/ in the folder of real data (WORKBENCH_DATA)")
    return folder


def choice(label: Label) -> str:
    return str(label.answer["choice"])


def account_closes(imported: Imported) -> bool:
    return len(imported.labels) + len(imported.quarantined) == imported.n_rows - imported.n_same


# The real sets ------------------------------------------------------------------------------------------------------


def test_pandalm_gives_its_published_kappas(data_dir: Path) -> None:
    imported = pandalm(needs(data_dir / "pandalm"))
    assert (len(imported.items), len(imported.annotators), len(imported.labels)) == (999, 3, 2_997)
    assert (imported.n_rows, imported.n_same, imported.quarantined) == (2_997, 0, ())
    # The three answers, counted in the file itself: 326 of 0, 1,255 of 1, 1,416 of 2.
    assert Counter(choice(label) for label in imported.labels) == {"tie": 326, "A": 1_255, "B": 1_416}
    by: dict[str, dict[str, str]] = defaultdict(dict)
    for label in imported.labels:
        by[label.annotator][label.item] = choice(label)
    items = [item.id for item in imported.items]
    kappas = {
        (one, other): cohen_kappa_score([by[one][item] for item in items], [by[other][item] for item in items])
        for one, other in combinations(sorted(by), 2)
    }
    # Upstream's README gives .85, .88 and .86.
    assert [round(kappa, 4) for kappa in kappas.values()] == [0.8520, 0.8789, 0.8617]
    first = imported.items[0]
    assert [response.model for response in first.responses] == ["bloom-7b", "llama-7b"]
    assert first.category == "Grammarly"
    assert len({item.prompt_id for item in imported.items}) == 170
    assert all(ORDER_UNKNOWN in label.flags for label in imported.labels)


def vote_pairs(labels: list[Label], *, ties: bool) -> tuple[int, int]:
    """Pairs of votes on the same comparison, and how many agree.

    The counting of Zheng et al. (2023), table 5: every unordered pair of votes on one (question, two models), whoever
    saw which side, pooled over comparisons. "Without ties" leaves out tie votes, and with them every pair they are in.
    """
    by: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        if ties or choice(label) != "tie":
            by[label.item].append(choice(label))
    pairs = [one == other for votes in by.values() for one, other in combinations(votes, 2)]
    return len(pairs), sum(pairs)


def test_mtbench_gives_the_agreement_of_table_5(data_dir: Path) -> None:
    imported = mtbench(needs(data_dir / "mtbench_turn1"))
    assert (len(imported.items), len(imported.annotators), len(imported.labels)) == (910, 65, 1_689)
    assert (imported.n_rows, imported.n_same, imported.quarantined) == (1_689, 0, ())
    assert Counter(person.pool for person in imported.annotators) == {"expert": 58, "author": 7}
    assert Counter(choice(label) for label in imported.labels)["tie"] == 405
    experts = [label for label in imported.labels if label.pool == "expert"]
    assert vote_pairs(experts, ties=True) == (721, 454)  # 63 %
    assert vote_pairs(experts, ties=False) == (479, 388)  # 81 %
    # Without bringing both column orders together, pairs across the orders would be lost.
    assert len({label.item for label in imported.labels if label.order != label.responses}) > 300


def nominal_alpha(labels: list[Label]) -> float:
    """Krippendorff's alpha from the coincidence matrix of the votes on each item."""
    votes: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        votes[label.item].append(choice(label))
    together: Counter[tuple[str, str]] = Counter()
    for given_votes in votes.values():
        for i, one in enumerate(given_votes):
            for j, other in enumerate(given_votes):
                if i != j:
                    together[one, other] += 1 / (len(given_votes) - 1)  # type: ignore[assignment]
    margin: Counter[str] = Counter()
    for (one, _), weight in together.items():
        margin[one] += weight
    total = sum(margin.values())
    observed = sum(weight for (one, other), weight in together.items() if one != other) / total
    expected = sum(margin[a] * margin[b] for a in margin for b in margin if a != b) / (total * (total - 1))
    return 1 - observed / expected


def test_mtbenchs_second_vote_of_a_judge_is_a_repeat_with_sides_swapped(data_dir: Path) -> None:
    imported = mtbench(needs(data_dir / "mtbench_turn1"))
    (again,) = [label for label in imported.labels if label.is_repeat]
    (first,) = [
        label
        for label in imported.labels
        if (label.item, label.annotator) == (again.item, again.annotator) and label is not again
    ]
    assert (again.annotator, again.item) == ("author_0", "q128-t1-claude-v1-gpt-3.5-turbo")
    assert (choice(first), choice(again)) == ("tie", "tie")
    assert first.order == again.order[::-1] == first.responses
    # It is an author's, so the experts' numbers do not depend on it; alpha over everybody does, in the third digit.
    assert round(nominal_alpha(list(imported.labels)), 4) == 0.4778
    assert round(nominal_alpha([label for label in imported.labels if label is not again]), 4) == 0.4767


def test_mtbench_texts_are_found_and_the_missing_ones_are_named(data_dir: Path) -> None:
    imported = mtbench(needs(data_dir / "mtbench_turn1"))
    assert "no answer texts of vicuna-13b-v1.2" in imported.notes
    for item in imported.items:
        models = [response.model for response in item.responses]
        assert models == sorted(models)
        assert item.prompt
        assert item.category in {
            *("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
        }
    texts = {response.model for item in imported.items for response in item.responses if response.text}
    assert texts == {"alpaca-13b", "claude-v1", "gpt-3.5-turbo", "gpt-4", "llama-13b"}
    # The winner by name, straight from the file, is the winner by letter.
    rows = pd.read_csv(data_dir / "mtbench_turn1" / "human_votes.csv")
    wins = Counter(row[row["winner"]] for _, row in rows.iterrows() if row["winner"] != "tie")
    names = {item.id: [response.model for response in item.responses] for item in imported.items}
    ours = Counter(names[label.item]["AB".index(choice(label))] for label in imported.labels if choice(label) != "tie")
    assert ours == wins
    left = Counter(
        (choice(label) == "A") == (label.order == label.responses)
        for label in imported.labels
        if choice(label) != "tie"
    )
    assert left == {True: (rows["winner"] == "model_a").sum(), False: (rows["winner"] == "model_b").sum()}


@pytest.mark.parametrize(("importer", "folder"), [(pandalm, "pandalm"), (mtbench, "mtbench_turn1")])
def test_a_real_set_imported_twice_adds_nothing_to_a_store(
    importer: Any, folder: str, data_dir: Path, tmp_path: Path
) -> None:
    source = needs(data_dir / folder)
    assert sniff(source) is importer
    with open_store(tmp_path / "s.sqlite") as store:
        for expected in (0, None):
            imported = importer(source, pilot="outside")
            store.keep_guideline(imported.guideline)
            done = store.append([*imported.annotators, *imported.labels])
            assert done.n_new == (len(imported.annotators) + len(imported.labels) if expected == 0 else 0)
        assert store.labels("outside") == list(imported.labels)
        assert len(tasks.label_table(store.labels("outside"))) == len(imported.labels)
    assert guidelines.parse(imported.guideline.text) == imported.guideline


# Any table ----------------------------------------------------------------------------------------------------------

ROWS = [
    {"task": "t1", "worker": "w1", "winner": "model_a", "q": "Say hi.", "a": "Hi.", "b": "No."},
    {"task": "t1", "worker": "w2", "winner": "tie", "q": "Say hi.", "a": "Hi.", "b": "No."},
    {"task": "t2", "worker": "w1", "winner": "model_b", "q": "Say\n«bye», 🙂", "a": "", "b": "Bye."},
]
COLUMNS = {
    "item": "task",
    "annotator": "worker",
    "label": "winner",
    "prompt": "q",
    "response_a": "a",
    "response_b": "b",
}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    frame = pd.DataFrame(rows)
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix == ".csv":
        frame.to_csv(plain, index=False)
    elif plain.suffix == ".tsv":
        frame.to_csv(plain, index=False, sep="\t")
    elif plain.suffix == ".jsonl":
        frame.to_json(plain, orient="records", lines=True)
    elif plain.suffix == ".json":
        frame.to_json(plain, orient="records")
    else:
        frame.to_parquet(plain)
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl", "t.json", "t.parquet", "t.csv.gz", "t.jsonl.gz"])
def test_every_kind_of_file_gives_the_same_records(name: str, tmp_path: Path) -> None:
    imported = long_table(write(tmp_path / name, ROWS), pilot="p", columns=COLUMNS)
    frame = long_table(pd.DataFrame(ROWS), pilot="p", columns=COLUMNS)
    assert [choice(label) for label in imported.labels] == ["A", "tie", "B"]
    assert (imported.items, imported.annotators, imported.labels) == (frame.items, frame.annotators, frame.labels)
    assert imported.guideline == frame.guideline
    assert [item.prompt for item in imported.items] == ["Say hi.", "Say\n«bye», 🙂"]
    assert imported.items[1].responses[1].text == "Bye."
    assert guidelines.parse(imported.guideline.text) == imported.guideline


def test_the_same_file_twice_and_a_grown_file_add_only_what_is_new(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ROWS)
    with open_store(tmp_path / "s.sqlite") as store:
        for expected in (Appended(5, 0), Appended(0, 5)):
            imported = long_table(path, pilot="p", columns=COLUMNS)
            store.keep_guideline(imported.guideline)
            assert store.append([*imported.annotators, *imported.labels]) == expected
        write(path, [{**ROWS[0], "worker": "w3"}, *ROWS])
        imported = long_table(path, pilot="p", columns=COLUMNS)
        assert store.append([*imported.annotators, *imported.labels]) == Appended(2, 5)


def test_all_optional_columns_arrive(tmp_path: Path) -> None:
    row = {
        "item": "i",
        "annotator": "ana",
        "label": "2",
        "prompt": "q",
        "response_a": "x",
        "response_b": "y",
        "model_a": "m1",
        "model_b": "m2",
        "left": "m2",
        "category": "email",
        "reason": "shorter",
        "pool": "expert",
        "submitted_at": "2026-01-02T03:04:05+02:00",
        "duration_s": 4.5,
    }
    imported = long_table(pd.DataFrame([row]), pilot="p", label_map={1: "A", 2: "B"}, source="model")
    (label,), (item,) = imported.labels, imported.items
    assert (choice(label), label.reason, label.pool, label.source) == ("B", "shorter", "expert", "model")
    assert label.order == label.responses[::-1]
    assert label.flags == ()
    assert label.duration_s == 4.5
    assert label.submitted_at is not None
    assert label.submitted_at.isoformat() == "2026-01-02T01:04:05+00:00"
    assert [response.model for response in item.responses] == ["m1", "m2"]
    assert (item.category, imported.annotators[0].pool) == ("email", "expert")
    for left, order in (("A", False), ("BA", True), ("response_b", True), ('["A", "B"]', False)):
        one = long_table(pd.DataFrame([{**row, "left": left}]), pilot="p", label_map={"2": "B"}).labels[0]
        assert (one.order != one.responses) is order
    bare = {name: row[name] for name in ("item", "annotator", "label")}
    assert long_table(pd.DataFrame([bare]), pilot="p", label_map={2.0: "B"}).labels[0].flags == (ORDER_UNKNOWN,)


def test_classification_and_likert_tables(tmp_path: Path) -> None:
    rows = [{"item": 1, "annotator": 7, "label": "hate speech"}, {"item": 2, "annotator": 7, "label": "fine"}]
    imported = long_table(pd.DataFrame(rows), pilot="p", task="classification")
    assert [label.answer for label in imported.labels] == [{"classes": ["hate speech"]}, {"classes": ["fine"]}]
    assert [item.id for item in imported.items] == ["1", "2"]
    rated = [
        {"item": "a", "annotator": "x", "label": 3},
        {"item": "b", "annotator": "x", "label": 11},
        {"item": "c", "annotator": "x", "label": 2.5},
        {"item": "d", "annotator": "x", "label": None},
    ]
    imported = long_table(pd.DataFrame(rated), pilot="p", task="likert")
    assert [label.answer for label in imported.labels] == [{"ratings": {"overall": 3}}]
    assert [row.line for row in imported.quarantined] == [2, 3, 4]
    assert "less than or equal to 10" in imported.quarantined[0].error
    assert "no whole number" in imported.quarantined[1].error
    assert "the label is empty" in imported.quarantined[2].error
    assert list(tasks.label_table(imported.labels)["label"]) == [3]


def test_doubles_are_counted_kept_aside_or_kept_as_repeats(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "item,annotator,label,left\n"
        "i1,ana,A,A\n"
        "i1,ana,A,A\n"  # exactly the same row: counts once
        "i1,ana,B,A\n"  # the same showing, another answer: kept aside
        "i1,ana,A,B\n"  # sides swapped: a repeat
        "i1,ana,tie,B\n"  # a third judgment: kept aside
        "i2,ana,A,\n"
        "i2,ana,A,B\n",  # nobody knows whether the sides were swapped: kept aside
        encoding="utf-8",
    )
    imported = long_table(path, pilot="p")
    assert [(label.item, choice(label), label.is_repeat) for label in imported.labels] == [
        ("i1", "A", False),
        ("i1", "A", True),
        ("i2", "A", False),
    ]
    assert [row.line for row in imported.quarantined] == [4, 6, 8]
    assert "another answer; the first is line 2" in imported.quarantined[0].error
    assert "the same answer; the first is line 7" in imported.quarantined[2].error
    assert (imported.n_rows, imported.n_same) == (7, 1)
    assert account_closes(imported)
    notes = "\n".join(imported.notes)
    assert "1 rows repeat an earlier row exactly" in notes
    assert "3 rows are a second label of an annotator" in notes
    assert "1 labels judge an item again with the sides swapped" in notes


HOSTILE = ["../../etc/passwd", "<script>alert(1)</script>", "a b", "é", "x" * 500, "nul\x00", "'; DROP TABLE events"]


def test_hostile_names_become_safe_ids_that_can_be_traced_back(tmp_path: Path) -> None:
    rows = [{"item": name, "annotator": name, "label": "A", "reason": name} for name in HOSTILE]
    rows.append({"item": "plain-1", "annotator": "ana@lab", "label": "B", "reason": ""})
    imported = long_table(pd.DataFrame(rows), pilot="p")
    assert len(imported.labels) == len(rows)
    assert {item.id for item in imported.items} & set(HOSTILE) == set()
    assert sorted(imported.renamed.values()) == sorted(HOSTILE * 2)
    assert imported.labels[-1].item == "plain-1"
    assert imported.labels[-1].annotator == "ana@lab"
    # A name that looks like the hash of another one is not taken for it.
    made = next(item.id for item in imported.items if item.id not in HOSTILE)
    twin = long_table(pd.DataFrame([*rows, {**rows[0], "item": made}]), pilot="p")
    assert "cannot be told from" in twin.quarantined[0].error
    with open_store(tmp_path / "s.sqlite") as store:
        store.keep_guideline(imported.guideline)
        store.append([*imported.annotators, *imported.labels])
        assert [label.reason for label in store.labels("p")] == [*HOSTILE, ""]


def test_an_item_with_two_contents_is_one_item_and_a_reason(tmp_path: Path) -> None:
    rows = [*ROWS, {**ROWS[0], "worker": "w9", "a": "Changed."}]
    imported = long_table(pd.DataFrame(rows), pilot="p", columns=COLUMNS)
    assert len(imported.items) == 2
    assert "item 't1' came before with other content (responses)" in imported.quarantined[0].error


def test_bad_json_lines_are_kept_aside_with_line_and_reason(tmp_path: Path) -> None:
    good = '{"item":"i%d","annotator":"ana","label":"A"}'
    lines = [
        good % 1,
        '{"item":"i2","annotator":"ana",',
        '["a","list"]',
        '{"item":"i4","annotator":"ana","label":NaN}',
        '{"item":"i5","annotator":"ana","label":"maybe"}',
        '{"item":"","annotator":"ana","label":"A"}',
        '{"item":"i7","label":"A"}',
        '{"item":"i8","annotator":"ana","label":"A","reason":"\\ud800"}',
        '{"item":"i9","annotator":"ana","label":"A","duration_s":-3}',
        '{"item":"i10","annotator":"ana","label":"A","submitted_at":"yesterday"}',
        '{"item":"i11","annotator":"ana","label":"A","left":"C"}',
        "[" * 100_000,
        "",
        good % 14,
        good % 14 + " ",
    ]
    path = tmp_path / "t.jsonl"
    path.write_bytes("\n".join(lines).encode() + b'\n{"item":"i15","annotator":"\xff","label":"A"}\n')
    imported = long_table(path, pilot="p")
    assert [label.item for label in imported.labels] == ["i1", "i14"]
    reasons = {row.line: row.error for row in imported.quarantined}
    expected = {
        2: "not JSON",
        3: "expected an object, got list",
        4: "not readable text",
        5: "'maybe' is none of A, B, tie",
        6: "item has no id",
        7: "annotator has no id",
        8: "not readable text",
        9: "greater than or equal to 0",
        10: "submitted_at: expected a time",
        11: "which response stood left",
        12: "not JSON",
        16: "not JSON",
    }
    assert sorted(reasons) == sorted(expected)
    for line, reason in expected.items():
        assert reason in reasons[line], (line, reasons[line])
    assert imported.quarantined[0].raw == lines[1]
    assert imported.quarantined[0].origin == "t.jsonl"
    assert (imported.n_rows, imported.n_same) == (15, 1)
    assert account_closes(imported)
    with open_store(tmp_path / "s.sqlite") as store:
        assert store.quarantine(imported.quarantined) == Appended(12, 0)
        assert store.quarantine(long_table(path, pilot="p").quarantined) == Appended(0, 12)


def test_a_broken_csv_row_costs_that_row_only(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    many = b"".join(b'm%d,ana,A,"line one\nline two, ""quoted"""\n' % number for number in range(3_000))
    path.write_bytes(
        b"\xef\xbb\xbfitem,annotator,label,reason\r\n"
        b"i1,ana,A,ok\r\n"
        b"i2,ana,A\r\n"
        b"i3,ana,A,one,more\r\n"
        b'i4,ana,A,"never closed\r\n'
        b"i5,ana,B,fine \xe2\x80\xa8 with a line separator\r\n"
        b"i6,ana,B,caf\xe9\r\n"
        b'i7,ana,B,"a "bad" quote"\r\n'
        b"\r\n"
        b"i8,ana,tie,last\r\n" + many
    )
    imported = long_table(path, pilot="p")
    assert [label.item for label in imported.labels[:3]] == ["i1", "i5", "i8"]
    assert len(imported.labels) == 3_003
    assert imported.labels[-1].reason == 'line one\nline two, "quoted"'
    reasons = {row.line: row.error for row in imported.quarantined}
    assert sorted(reasons) == [3, 4, 5, 7, 8]
    assert reasons[3] == "expected 4 fields, got 3"
    assert reasons[4] == "expected 4 fields, got 5"
    assert "not CSV" in reasons[5]
    assert "not UTF-8" in reasons[7]
    assert imported.quarantined[3].raw == "i6,ana,B,caf\\xe9"
    assert account_closes(imported)


def test_long_and_foreign_files_are_read_as_they_are(tmp_path: Path) -> None:
    long = "x" * 10_000_000
    path = tmp_path / "t.csv"
    path.write_text(f"item;annotator;label;reason\ni1;ana;A;{long}\ni2;ana;B;short\n", encoding="utf-16")
    imported = long_table(path, pilot="p")
    assert [len(label.reason) for label in imported.labels] == [10_000_000, 5]
    jsonl = tmp_path / "t.jsonl"
    jsonl.write_text(
        json.dumps({"item": "i1", "annotator": "ana", "label": "A", "reason": long})
        + '\n{"item":"i2","annotator":"ana","label":"A","reason":"'
        + long
        + "\n",
        encoding="utf-8",
    )
    imported = long_table(jsonl, pilot="p")
    assert len(imported.labels) == 1
    assert len(imported.quarantined[0].raw) > 10_000_000, "kept whole, so that it can be read again after a fix"
    assert len(imported.quarantined[0].error) < 300


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.jsonl", b"\n \n", "the file is empty"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0\0", "the file is binary"),
        ("t.parquet", b"not parquet at all", "not a Parquet file"),
        ("t.parquet", b"PAR1 almost PAR1", "not a Parquet file"),
        ("t.csv.gz", b"\x1f\x8b broken", "cannot read the file"),
        ("t.csv.gz", gzip.compress(b"item,annotator,label\n" * 500)[:-20], "cannot read the file"),
        ("t.xlsx", b"PK\x03\x04", "cannot tell rows from a .xlsx file"),
        ("t.json", b"[1, 2", "not JSON"),
        ("t.csv", b"item,worker,label\ni,w,A\n", "no column 'annotator'; the table has ['item', 'worker', 'label']"),
        ("t.csv", b"just one line of prose\n", "no header of two or more distinct column names"),
        ("t.csv", b"item,item,label\n1,2,3\n", "no header of two or more distinct column names"),
        ("t.csv", b"item,annotator,label\n", "no row could be read as a label (0 rows)"),
        ("t.csv", b"item,annotator,label\ni,ana,7\n", "the first: line 2: label '7' is none of A, B, tie"),
    ],
)
def test_files_of_which_nothing_can_be_read_say_why(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ImportFormatError) as caught:
        long_table(path, pilot="p")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 600


def test_wrong_calls_say_what_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ROWS)
    with pytest.raises(ImportFormatError, match=r"no column 'nope' \(for item\); the table has \['task', 'worker'"):
        long_table(path, pilot="p", columns={**COLUMNS, "item": "nope"})
    with pytest.raises(ImportFormatError, match=r"unknown names \['worker'\]; allowed are \['item'"):
        long_table(path, pilot="p", columns={"worker": "annotator"})
    with pytest.raises(ImportFormatError, match="expected a path or a data frame, got int"):
        long_table(7, pilot="p")
    with pytest.raises(ImportFormatError, match="cannot read the file: No such file"):
        long_table(tmp_path / "missing.csv", pilot="p")
    mapped = long_table(path, pilot="p", columns=COLUMNS, label_map={"model_a": "A", "tie": "tie"})
    assert "label 'model_b' is not in label_map; it has ['model_a', 'tie']" in mapped.quarantined[0].error


def test_sniff_says_which_importer_or_what_it_saw(tmp_path: Path) -> None:
    votes = "question_id,turn,model_a,model_b,judge,winner\n81,1,m1,m2,expert_1,model_a\n"
    (tmp_path / "votes.csv").write_text(votes, encoding="utf-8")
    assert sniff(tmp_path / "votes.csv") is mtbench
    assert len(mtbench(tmp_path / "votes.csv").labels) == 1
    (tmp_path / "t.csv").write_text("item,annotator,label,extra\n1,2,A,\n", encoding="utf-8")
    assert sniff(tmp_path / "t.csv") is long_table
    (tmp_path / "o.csv").write_text("id,text\n1,hello\n", encoding="utf-8")
    with pytest.raises(ImportFormatError, match=r"the file has the columns \['id', 'text'\]"):
        sniff(tmp_path / "o.csv")
    with pytest.raises(ImportFormatError, match=r"it has \['o.csv', 't.csv', 'votes.csv'\]"):
        sniff(tmp_path)
    with pytest.raises(ImportFormatError, match="no PandaLM test set in the folder"):
        pandalm(tmp_path)


def test_malformed_pandalm_and_mtbench_rows_are_kept_aside(tmp_path: Path) -> None:
    pair = {"idx": 1, "cmp_key": "m1_m2", "instruction": "Say hi.", "input": "", "response1": "Hi", "response2": "No"}
    entries = [
        {**pair, "annotator1": 1, "annotator2": 3, "annotator3": "0"},
        {**pair, "idx": 2, "cmp_key": "a_b_c", "annotator1": 0, "annotator2": True, "annotator3": None},
        {**pair, "idx": 3, "response2": None, "annotator1": 1},
        "text",
        {**pair, "idx": 5},
    ]
    path = tmp_path / "testset-v1.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    imported = pandalm(tmp_path)
    assert [(label.item, label.annotator, choice(label)) for label in imported.labels] == [
        ("pandalm-1", "annotator1", "A"),
        ("pandalm-1", "annotator3", "tie"),
        ("pandalm-2", "annotator1", "tie"),
    ]
    assert [(row.line, row.error) for row in imported.quarantined] == [
        (1, "annotator2: expected 0, 1 or 2, got '3'"),
        (2, "annotator2: expected 0, 1 or 2, got 'True'"),
        (2, "annotator3: expected 0, 1 or 2, got 'None'"),
        (3, "no text in ['response2']"),
        (4, "expected an object, got str"),
        (5, "no annotator answered"),
    ]
    assert account_closes(imported)
    assert [response.model for response in imported.items[1].responses] == ["", ""], "a key of three models names none"
    votes = [
        "question_id,turn,model_a,model_b,judge,winner",
        "81,1,zeta,alpha,expert_1,model_a",
        "81,1,zeta,alpha,expert_2,model_c",
        "81,1,zeta,zeta,expert_3,model_a",
        "81,1,zeta,,expert_3,model_a",
        "81,first,zeta,alpha,expert_4,tie",
        "81,1,../x,alpha,gpt4_pair,tie",
    ]
    (tmp_path / "human_votes.csv").write_text("\n".join(votes), encoding="utf-8")
    imported = mtbench(tmp_path)
    assert [choice(label) for label in imported.labels] == ["B", "tie"]
    assert imported.labels[0].order == imported.labels[0].responses[::-1], "zeta stood left and is B"
    assert [row.line for row in imported.quarantined] == [3, 4, 5, 6]
    assert [person.source for person in imported.annotators] == ["human", "model"]
    assert imported.labels[1].item.startswith("i_")
    assert account_closes(imported)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda item, who, label: f"{item},{who},{label}",
                st.sampled_from(["i1", "i2", "", "é", '"i']),
                st.sampled_from(["ana", "ben", " "]),
                st.sampled_from(["A", "B", "tie", "x", "", "model_a"]),
            ),
            # A NUL makes the whole file binary, which has a test of its own.
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
        ),
        max_size=12,
    )
)
def test_the_account_closes_for_any_table(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    path = tmp_path_factory.mktemp("any") / "t.csv"
    text = "\n".join(["item,annotator,label", "known,ana,A", *lines, ""])
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    imported = long_table(path, pilot="p")
    assert account_closes(imported)
    assert imported.labels[0].item == "known"
    named = {row.line for row in imported.quarantined}
    assert len(named) == len(imported.quarantined)
    again = long_table(path, pilot="p")
    assert again == imported
