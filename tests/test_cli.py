"""The command line: the same results as the functions, errors in one line with the next step, exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from tests.pilot import small
from workbench.cli import main
from workbench.pilot import build, open_pilot
from workbench.pilot.bring_in import TABLE_TASKS
from workbench.pilot.config import Candidates
from workbench.records import TaskName, content_id

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Told:
    """What a command said and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Told]:
    """Run the command in this process: the same `main`, without paying for an interpreter each time."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words: object) -> Told:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        return Told(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


def test_help_lists_every_command(call: Callable[..., Told]) -> None:
    told = call("--help")
    assert told.returncode == 0
    for name in ("demo", "new", "import", "status", "agreement", "export", "train", "report", "doctor"):
        assert f" {name} " in told.stdout
    assert call("train", "--help").returncode == 0


def test_errors_are_one_line_with_the_next_step_from_a_real_shell(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "workbench", "status", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )
    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr.count("\n") == 1
    assert "workbench new" in told.stderr
    assert "Traceback" not in told.stderr


def test_wrong_usage_is_exit_code_two(call: Callable[..., Told], tmp_path: Path) -> None:
    assert call("fly").returncode == 2
    assert call("export", small.make(tmp_path / "small"), "--ties", "maybe").returncode == 2


def test_a_table_becomes_a_pilot_with_agreement_export_and_report(call: Callable[..., Told], tmp_path: Path) -> None:
    table = tmp_path / "votes.csv"
    rows = ["task,worker,choice,prompt,response_a,response_b"]
    for k in range(20):
        for worker, choice in zip("xyz", "AAB" if k % 4 else "ttA", strict=True):
            rows.append(f"q{k},{worker},{'tie' if choice == 't' else choice},Prompt {k}?,first {k},second {k}")
    rows.append("q1,x,maybe,Prompt 1?,first 1,second 1")
    table.write_text("\n".join(rows) + "\n")
    pilot = tmp_path / "mine"
    columns = ["--column", "item=task", "--column", "annotator=worker", "--column", "label=choice"]
    told = call("import", table, pilot, *columns)
    assert told.returncode == 0, told.stderr
    counts = "61 rows: 60 labels, 3 annotators, 20 items"
    assert f"{counts} (60 labels and 20 items are new); 1 rows kept aside\n" in told.stdout
    again = call("import", table, pilot, *columns)
    assert f"{counts} (0 labels and 0 items are new)\n" in again.stdout
    assert "krippendorff_alpha" in call("agreement", pilot).stdout
    # 15 items A A B give rows; 5 items tie tie A are ties and counted.
    exported = call("export", pilot)
    assert "15 preference rows from 45 of 60 labels (not used: 15 tie)" in exported.stdout
    told = call("report", pilot)
    path = Path(told.stdout.strip())
    assert path.is_file()
    page = path.read_text()
    assert "1 rows could not be read" in page
    assert str(tmp_path) not in page


def test_a_table_without_texts_says_which_columns_export_needs(call: Callable[..., Told], tmp_path: Path) -> None:
    bare, whole, pilot = tmp_path / "bare.csv", tmp_path / "whole.csv", tmp_path / "mine"
    votes = [f"q{k},{who},A" for k in range(12) for who in "xy"]
    texts = [f",Prompt {k}?,first {k},second {k}" for k in range(12) for _ in "xy"]
    bare.write_text("\n".join(["item,annotator,label", *votes]) + "\n")
    head = "item,annotator,label,prompt,response_a,response_b"
    whole.write_text("\n".join([head, *(vote + text for vote, text in zip(votes, texts, strict=True))]) + "\n")
    assert call("import", bare, pilot).returncode == 0
    assert call("agreement", pilot).returncode == 0
    told = call("export", pilot)
    assert told.returncode == 1
    assert "24 no_text" in told.stderr
    assert (pilot / "exports" / "events.jsonl").is_file(), "events are written whatever the rows lack"
    assert "import the table again with the columns prompt, response_a and response_b" in told.stderr
    told = call("import", whole, pilot)
    assert told.returncode == 0, told.stderr
    assert "(0 labels and 0 items are new); 12 items got texts they lacked" in told.stdout
    assert "12 preference rows from 24 of 24 labels" in call("export", pilot).stdout
    assert "response_a and response_b" in (ROOT / "README.md").read_text().replace("`", "")
    assert "export and training also need prompt" in " ".join(call("import", "--help").stdout.split())


def test_export_of_labels_that_are_no_pairs_writes_the_events(call: Callable[..., Told], tmp_path: Path) -> None:
    table = tmp_path / "rated.csv"
    table.write_text("item,annotator,label\n" + "".join(f"q{k},{who},{k + 1}\n" for k in range(5) for who in "xy"))
    assert call("import", table, tmp_path / "mine", "--task", "likert").returncode == 0
    told = call("export", tmp_path / "mine")
    assert told.returncode == 0, told.stderr
    assert "no preference rows: they are made of pairwise labels, and this pilot's are likert" in told.stdout
    events = (tmp_path / "mine" / "exports" / "events.jsonl").read_text()
    assert events.count('"kind":"label"') == 10


def test_rows_of_each_kind_are_written_with_ledger_and_card(call: Callable[..., Told], tmp_path: Path) -> None:
    table, pilot = tmp_path / "votes.csv", tmp_path / "mine"
    rows = [
        f"q{k},{who},{choice},Prompt {k}?,first {k},second {k}"
        for k in range(20)
        for who, choice in zip("xyz", "AAB" if k % 4 else ("tie", "tie", "A"), strict=True)
    ]
    table.write_text("\n".join(["item,annotator,label,prompt,response_a,response_b", *rows]) + "\n")
    assert call("import", table, pilot).returncode == 0
    # 15 items of A A B, whose margin is a third, and 5 ties.
    told = call("export", pilot, "--kind", "kto")
    assert told.returncode == 0, told.stderr
    assert "30 kto rows from 45 of 60 labels (not used: 15 tie)" in told.stdout
    written = {path.name for path in (pilot / "preferences" / "kto").iterdir()}
    assert written >= {"README.md", "ledger.json", "train.jsonl"}
    assert json.loads((pilot / "preferences" / "kto" / "ledger.json").read_text())["n_used"] == 45
    told = call("export", pilot, "--kind", "sft")
    assert told.returncode == 1
    assert "45 unclear" in told.stderr
    assert "15 sft rows" in call("export", pilot, "--kind", "sft", "--clear", "0").stdout
    told = call("export", pilot, "--ties", "split", "--by-votes")
    # Two ties and one A are two thirds for A, so three rows hold every share.
    assert "60 preference rows from 60 of 60 labels" in told.stdout
    assert "one row a vote: 3 rows for each of 20 pairs" in told.stdout
    assert (
        "20 policy rows from 0 of 60 labels (not used: 60 not_needed)"
        in call("export", pilot, "--kind", "policy").stdout
    )
    assert call("export", pilot, "--kind", "ppo").returncode == 2
    told = call("export", pilot, "--kind", "kto", "--threshold", "3")
    assert told.returncode == 1
    assert "kto rows of pairwise labels have no option threshold" in told.stderr


def test_a_run_says_from_the_shell_how_its_rows_are_made(call: Callable[..., Told], tmp_path: Path) -> None:
    table, pilot = tmp_path / "classes.csv", tmp_path / "mine"
    names = ("polite", "rude")
    lines = [f"q{k},{who},{names[k % 2]},Why {k}?,because {k} it is" for k in range(40) for who in "xy"]
    table.write_text("\n".join(["item,annotator,label,prompt,response_a", *lines]) + "\n")
    assert call("import", table, pilot, "--task", "classification").returncode == 0
    told = call("train", pilot, "--kind", "kto", "--dry-run")
    assert told.returncode == 1
    assert "which classes are wanted is for you to say -> desirable=[…] of polite, rude" in told.stderr
    told = call("train", pilot, "--kind", "kto", "--desirable", "polite", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "80 of 80 labels used" in told.stdout
    assert " rows to train on, " in told.stdout
    assert call("train", pilot, "--ties", "some", "--dry-run").returncode == 2
    told = call("train", pilot, "--kind", "kto", "--desirable", "polite", "--ties", "both", "--dry-run")
    assert told.returncode == 1
    assert "ties" in told.stderr


def test_rated_rows_from_the_shell(call: Callable[..., Told], tmp_path: Path) -> None:
    table = tmp_path / "rated.csv"
    lines = [f"q{k},{who},{k + 1},Why {k}?,because {k}" for k in range(5) for who in "xy"]
    table.write_text("\n".join(["item,annotator,label,prompt,response_a", *lines]) + "\n")
    pilot = tmp_path / "mine"
    assert call("import", table, pilot, "--task", "likert").returncode == 0
    assert f"workbench export {pilot} --kind sft, reward, dpo, kto or policy" in call("export", pilot).stdout
    # Rated 1 to 5: two below the middle, two above.
    assert "4 kto rows from 8 of 10 labels (not used: 2 says_nothing)" in call("export", pilot, "--kind", "kto").stdout
    told = call("export", pilot, "--kind", "sft", "--threshold", "4")
    assert "1 sft rows from 2 of 10 labels (not used: 2 says_nothing, 6 undesirable)" in told.stdout


def test_labels_are_translated_from_the_shell(call: Callable[..., Told], tmp_path: Path) -> None:
    table = tmp_path / "rated.csv"
    table.write_text("item,annotator,label\n" + "".join(f"q{k},{who},{k % 2}\n" for k in range(4) for who in "xy"))
    told = call("import", table, tmp_path / "mine")
    assert told.returncode == 1
    assert "--task" in told.stderr
    assert "--label old=new" in told.stderr
    assert call("import", table, tmp_path / "mine", "--label", "0").returncode == 2
    told = call("import", table, tmp_path / "mine", "--label", "0=A", "--label", "1=tie")
    assert told.returncode == 0, told.stderr
    assert {str(one.answer["choice"]) for one in open_pilot(tmp_path / "mine").label_records()} == {"A", "tie"}


def test_status_and_cost_of_a_simulated_pilot(call: Callable[..., Told], tmp_path: Path) -> None:
    folder = small.make(tmp_path / "small")
    status = call("status", folder)
    assert "nobody yet" in status.stdout
    assert call("cost", folder, "--scale-to", "1000").stdout.startswith("ours: $1,800.00 for 4,500 judgments")
    assert call("agreement", folder).returncode == 1


def test_a_new_pilot_opens(call: Callable[..., Told], tmp_path: Path) -> None:
    told = call("new", tmp_path / "mine", "--title", 'A "quoted" title')
    assert told.returncode == 0, told.stderr
    assert open_pilot(tmp_path / "mine").config.title == 'A "quoted" title'
    assert call("new", tmp_path / "mine").returncode == 1
    assert "allowed are" in call("new", tmp_path / "other", "--task", "essay").stderr


@pytest.mark.parametrize("task", get_args(TaskName))
def test_a_new_pilot_says_what_its_task_needs_next(task: str, call: Callable[..., Told], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    told = call("new", folder, "--task", task).stdout
    assert f"{folder}/guideline/v1.md" in told
    assert f"workbench generate {folder}" in told
    assert ("workbench import FILE" in told) is (task in TABLE_TASKS)
    assert task in call("new", "--help").stdout
    line = re.search(r"a line: (\{.*?\})", told)
    assert line is not None
    (folder / "prompts.jsonl").write_text(line[1] + "\n" + '{"prompt": "Only this."}' + "\n")
    first, second = open_pilot(folder).prompts
    assert (first.category, second.category, second.id) == ("greeting", "", content_id("p", "Only this."))
    assert 'queue = "open"' in (folder / "pilot.toml").read_text()
    assert open_pilot(folder).config.candidates == Candidates(redraws=3, balance=True)


def test_a_plan_without_people_says_where_they_are_listed(call: Callable[..., Told], tmp_path: Path) -> None:
    pilot = small.opened(tmp_path / "mine")
    told = call("plan", pilot.folder)
    assert told.returncode == 1
    assert 'list people as [[annotators]] in pilot.toml, or set queue = "open" there' in told.stderr


def test_the_readmes_lines_of_prompts_are_some(tmp_path: Path) -> None:
    lines = [one for one in (ROOT / "README.md").read_text().splitlines() if one.startswith('{"prompt"')]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    prompts = build.read_prompts(tmp_path / "prompts.jsonl")
    assert [prompt.constraints[0].kind for prompt in prompts] == ["max_words", "max_words"]
    assert [prompt.split for prompt in prompts] == ["train", "test"]


def test_showing_people_an_unfinished_guideline_warns(
    call: Callable[..., Told], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.serve.invite", lambda *_, **__: [])
    monkeypatch.setattr("workbench.serve.serve", lambda *_: None)
    folder = tmp_path / "mine"
    call("new", folder)
    warning = "warning: guideline mine/guideline/v1.md is not finished: a draft that nobody has adapted"
    for words in (("invite", folder, "ana"), ("serve", folder)):
        assert warning in call(*words).stderr
    rules = folder / "guideline" / "v1.md"
    rules.write_text(rules.read_text().replace("your name", "Ana"))
    for words in (("invite", folder, "ana"), ("serve", folder)):
        assert call(*words).stderr == ""


@pytest.mark.train
def test_doctor_finds_everything_in_a_full_environment(call: Callable[..., Told]) -> None:
    told = call("doctor")
    assert told.returncode == 0
    assert "BROKEN" not in told.stdout
    assert "SmolLM2-135M-Instruct" in told.stdout
