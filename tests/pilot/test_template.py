"""The files a new pilot starts from: a guideline that fits its task, and words where it is not finished."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from workbench import guidelines
from workbench.pilot import new_pilot, open_pilot, template
from workbench.records import TaskName

if TYPE_CHECKING:
    from workbench.pilot import Pilot

ROOT = Path(__file__).parents[2]
TASKS = get_args(TaskName)


@pytest.mark.parametrize("task", TASKS)
def test_a_new_pilots_guideline_is_the_shipped_one_of_its_task(task: str, tmp_path: Path) -> None:
    drafted = new_pilot(tmp_path / "mine", task=task).guideline
    shipped = guidelines.load(ROOT / "guidelines" / template.DRAFTS[task] / "v1.md")
    assert (drafted.task, drafted.ref) == (task, "mine/v1")
    assert drafted.text.partition("\n---\n")[2] == shipped.text.partition("\n---\n")[2]
    assert (drafted.criteria, drafted.scale, drafted.anchors) == (shipped.criteria, shipped.scale, shipped.anchors)
    assert [one for one in guidelines.check(drafted) if one.severity == "error"] == []
    assert template.unfinished(drafted) == ["a draft that nobody has adapted yet: its author is 'your name'"]


def test_an_installed_package_finds_the_drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["force-include"] == {"guidelines": "workbench/guidelines/shipped"}
    inside = tmp_path / "workbench" / "guidelines"
    (inside / "shipped" / "likert").mkdir(parents=True)
    (inside / "shipped" / "likert" / "v1.md").write_text("---\nname: x\nauthor: y\ndate: z\n---\nfrom the package\n")
    monkeypatch.setattr(guidelines, "__file__", str(inside / "__init__.py"))
    assert "from the package" in template.draft("likert", "mine")


def test_labelling_warns_until_somebody_answers_for_the_guideline(pilot: Pilot) -> None:
    # Labels were given under the first version, so this is another one.
    path = pilot.folder / "guideline" / "v2.md"
    text = template.draft("pairwise", "small")
    path.write_text(text.replace("version: v1", "version: v2").replace("parent: null", "parent: v1"))
    config = pilot.folder / "pilot.toml"
    config.write_text(config.read_text().replace("guideline/v1.md", "guideline/v2.md"))
    with pytest.warns(UserWarning, match=r"guideline small/guideline/v2\.md is not finished: a draft that nobody"):
        open_pilot(pilot.folder).annotate("ana")
    path.write_text(path.read_text().replace("your name", "Ana").replace("scale: [A, B, tie]", "scale: [A, B, tie, C]"))
    with pytest.warns(UserWarning, match=r"not finished: error: \['C'\] are no pairwise answers"):
        open_pilot(pilot.folder).annotate("ana")
    path.write_text(path.read_text().replace("scale: [A, B, tie, C]", "scale: [A, B, tie]"))
    open_pilot(pilot.folder).annotate("ana")
