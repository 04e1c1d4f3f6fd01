"""Two public data sets of pairwise human votes with ties, as their authors publish them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ImportFormatError
from workbench.importers.files import Row, read_rows, row_of
from workbench.importers.result import Collector, Side, Vote, imported_guideline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workbench.importers.result import Imported
    from workbench.records import Source

PANDALM_ANSWERS = {"0": "tie", "1": "A", "2": "B"}
PANDALM_FIELDS = ("idx", "instruction", "response1", "response2")
MTBENCH_FIELDS = ("question_id", "model_a", "model_b", "judge", "winner")
_ANNOTATOR = re.compile(r"annotator[0-9]+")


def pandalm(folder_or_file: str | Path, *, pilot: str = "pandalm") -> Imported:
    """Read the PandaLM test set: a JSON list of pairs, each judged by annotator1 … annotatorN.

    An answer is 0 (tie), 1 or 2 (that response is better). A row is one vote, so 999 pairs by three annotators are
    2,997 rows. Which response the annotators saw left is not published. Upstream removed the pairs with large
    disagreement, so agreement on this set flatters. Wang et al. (2023), arXiv:2306.05087.

    Raises
    ------
    ImportFormatError
        When there is no such file, or nothing in it is a vote.
    """
    path = _find(folder_or_file, ("testset-v1.json", "testset-v1.json.gz"), "PandaLM test set")
    table = read_rows(path)
    _need(table.columns, (*PANDALM_FIELDS, "annotator1"), table.origin)
    guideline = imported_guideline(
        pilot,
        "pairwise",
        "PandaLM test set, human votes",
        "Annotators compared two responses to an instruction: 1 or 2 names the better one, 0 is a tie. The authors "
        "removed pairs on which annotators disagreed widely.",
    )
    collector = Collector(pilot, "pairwise", guideline, "importers.pandalm/1", table.origin)
    collector.notes.append("the authors removed pairs with large disagreement: agreement on this set flatters")
    for row in table.rows:
        votes = {name: value for name, value in row.values.items() if _ANNOTATOR.fullmatch(name)}
        if row.error or not votes:
            if not collector.seen(row):
                collector.refuse(row, row.error or "no annotator answered")
            continue
        shared = {name: value for name, value in row.values.items() if name not in votes}
        for name, value in votes.items():
            one = row_of(row.line, {**shared, "annotator": name, "label": value})
            if collector.seen(one):
                continue
            missing = [field for field in PANDALM_FIELDS if not isinstance(shared.get(field), str | int)]
            choice = PANDALM_ANSWERS.get(str(value)) if isinstance(value, str | int) else None
            if one.error or missing:
                collector.refuse(one, one.error or f"no text in {missing}")
            elif choice is None or isinstance(value, bool):
                collector.refuse(one, f"{name}: expected 0, 1 or 2, got {str(value)[:80]!r}")
            else:
                collector.take(one, _pandalm_vote(shared, name, choice))
    return collector.result()


def _pandalm_vote(shared: Mapping[str, Any], annotator: str, choice: str) -> Vote:
    models = str(shared.get("cmp_key") or "").split("_")
    first, second = models if len(models) == 2 else ("", "")
    context = str(shared.get("input") or "")
    prompt = str(shared["instruction"]) + (f"\n\n{context}" if context else "")
    return Vote(
        item=f"pandalm-{shared['idx']}",
        annotator=annotator,
        answer={"choice": choice},
        sides=[Side(str(shared["response1"]), first), Side(str(shared["response2"]), second)],
        prompt=prompt,
        category=str(shared.get("motivation_app") or ""),
    )


def mtbench(folder: str | Path, *, pilot: str = "mtbench") -> Imported:
    """Read MT-bench human judgments: a folder with `human_votes.csv`, `questions.jsonl` and `answers.jsonl`.

    Votes name two models and the winner, in the column order the judge saw. Here A is the model whose name comes first
    in the alphabet, and the order seen is kept on each label. A judge who voted twice on a pair with the sides swapped
    gave a second judgment: it is kept and marked as a repeat. Texts are optional: a response the folder has no answer
    for has an empty text. Zheng et al. (2023), arXiv:2306.05685.

    Raises
    ------
    ImportFormatError
        When there is no such file, or nothing in it is a vote.
    """
    names = [f"{stem}{suffix}" for stem in ("human_votes", "human") for suffix in (".csv", ".jsonl", ".parquet")]
    path = _find(folder, [*names, *(f"{name}.gz" for name in names)], "MT-bench human votes")
    table = read_rows(path)
    _need(table.columns, MTBENCH_FIELDS, table.origin)
    guideline = imported_guideline(
        pilot,
        "pairwise",
        "MT-bench, human votes",
        "Judges saw a question and the answers of two anonymous models and said which is better, or a tie.",
    )
    collector = Collector(pilot, "pairwise", guideline, "importers.mtbench/1", table.origin)
    questions = _texts(path.parent, "questions", ("question_id",))
    answers = _texts(path.parent, "answers", ("question_id", "model"))
    for row in table.rows:
        if collector.seen(row):
            continue
        error = row.error or _mtbench_problem(row)
        if error:
            collector.refuse(row, error)
        else:
            collector.take(row, _mtbench_vote(row, questions, answers))
    judged = {response.model for item in collector.items.values() for response in item.responses}
    mute = sorted(judged - {model for _, model in answers})
    if mute:
        collector.notes.append(f"no answer texts of {', '.join(mute)}")
    return collector.result()


def _mtbench_problem(row: Row) -> str:
    cells = {name: row.values.get(name) for name in MTBENCH_FIELDS}
    empty = [name for name, value in cells.items() if not isinstance(value, str | int) or value == ""]
    if empty:
        return f"no value in {empty}"
    if cells["model_a"] == cells["model_b"]:
        return f"a model against itself: {str(cells['model_a'])[:80]!r}"
    if cells["winner"] not in ("model_a", "model_b", "tie"):
        return f"winner: expected model_a, model_b or tie, got {str(cells['winner'])[:80]!r}"
    if not re.fullmatch(r"[1-9]", str(row.values.get("turn", "1"))):
        return f"turn: expected a number from 1, got {str(row.values['turn'])[:80]!r}"
    return ""


def _mtbench_vote(row: Row, questions: Mapping[tuple[str, ...], Any], answers: Mapping[tuple[str, ...], Any]) -> Vote:
    question, turn = str(row.values["question_id"]), int(row.values.get("turn", 1))
    seen = (str(row.values["model_a"]), str(row.values["model_b"]))
    first, second = sorted(seen)
    winner = row.values["winner"]
    choice = "tie" if winner == "tie" else "A" if seen[winner == "model_b"] == first else "B"
    judge = str(row.values["judge"])
    asked = questions.get((question,), {})
    source: Source = "model" if judge.startswith(("gpt", "gemini")) else "human"
    return Vote(
        item=f"q{question}-t{turn}-{first}-{second}",
        annotator=judge,
        answer={"choice": choice},
        sides=[Side(_turn(answers.get((question, model), {}), turn), model) for model in (first, second)],
        left_first=seen[0] == first,
        prompt="\n\n".join(_turn(asked, number) for number in range(1, turn + 1)).strip(),
        category=str(asked.get("category") or ""),
        pool=judge.partition("_")[0] if judge.startswith(("expert_", "author_")) else "",
        source=source,
    )


def _turn(entry: Mapping[str, Any], turn: int) -> str:
    turns = entry.get("turns")
    if not isinstance(turns, list) or len(turns) < turn or not isinstance(turns[turn - 1], str):
        return ""
    return str(turns[turn - 1])


def _texts(folder: Path, stem: str, key: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Entries of an optional text file beside the votes, by key; the first entry of a key counts."""
    for name in (f"{stem}.jsonl", f"{stem}.jsonl.gz"):
        if (folder / name).is_file():
            found: dict[tuple[str, ...], dict[str, Any]] = {}
            for row in read_rows(folder / name).rows:
                found.setdefault(tuple(str(row.values.get(part)) for part in key), row.values)
            return found
    return {}


def _find(folder_or_file: str | Path, names: Sequence[str], what: str) -> Path:
    path = Path(folder_or_file)
    if not path.is_dir():
        return path
    for name in names:
        if (path / name).is_file():
            return path / name
    have = sorted(entry.name for entry in path.iterdir())[:20]
    raise ImportFormatError(f"no {what} in the folder; it has {have}", where=str(path), next_step=f"needed: {names[0]}")


def _need(have: tuple[str, ...], needed: tuple[str, ...], origin: str) -> None:
    missing = [name for name in needed if name not in have]
    if missing:
        raise ImportFormatError(
            f"no column {missing}; the file has {list(have)[:30]}",
            where=origin,
            next_step="for a table with other columns use long_table(…, columns={…})",
        )
