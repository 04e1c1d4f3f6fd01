"""Keys of every task type and guideline variant: each action has one, none has two meanings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.widgets.make import ANSWERS, guideline, widget
from workbench import tasks
from workbench.errors import RecordError
from workbench.widgets.annotate.keys import MOST_OPTIONS, RESERVED, changed, defaults

TWELVE = tuple(f"class {k}" for k in range(12))
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((task, {}) for task in sorted(ANSWERS)),
    *(
        ("pairwise", {"ask": ask, "allow_both_bad": both_bad})
        for ask in ((), ("strength",), ("criteria",), ("strength", "criteria"), ("strength", "criteria", "reason"))
        for both_bad in (True, False)
    ),
    ("likert", {"scale": tuple("abcdefghij"), "anchors": {}}),
    ("likert", {"criteria": tuple(f"dimension {k}" for k in range(20))}),
    ("classification", {"scale": TWELVE, "multi_label": True}),
    ("classification", {"scale": ("one", "two")}),
    ("red_team", {"scale": TWELVE}),
    ("factual_accuracy", {"ask": ("reason",)}),
]


def keys_of(task: str, changes: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return defaults(task, tasks.task(task).form(guideline(task, **changes)))


@pytest.mark.parametrize(("task", "changes"), VARIANTS)
def test_no_key_means_two_things(task: str, changes: dict[str, Any]) -> None:
    keys = keys_of(task, changes)
    count = Counter(name.lower() for names in keys.values() for name in names)
    assert [name for name, n in count.items() if n > 1] == []
    assert all(keys.values()), "each action has a key"
    assert changed(keys, {}) == keys
    assert not {one.lower() for one in RESERVED} & set(count)


@pytest.mark.parametrize(("task", "changes"), VARIANTS)
def test_whatever_can_be_chosen_has_a_key(task: str, changes: dict[str, Any]) -> None:
    form = tasks.task(task).form(guideline(task, **changes))
    keys = keys_of(task, changes)
    options = sum(action.startswith("option_") for action in keys)
    if task == "pairwise":
        assert options == (7 if form["strength"] else 0)
        assert ("both_bad" in keys) == ("both_bad" in form["choices"])
        assert ("row_down" in keys) == bool(form["criteria"])
        assert {"left", "tie", "right"} <= set(keys)
    elif task == "ranking":
        assert options == 8
    elif task == "instruction_following":
        assert set(form["verdicts"]) <= set(keys)
    else:
        most = {
            "likert": lambda: max(len(one["steps"]) for one in form["dimensions"]),
            "classification": lambda: len(form["classes"]),
            "red_team": lambda: max(len(form["categories"]), len(form["severities"])),
            "factual_accuracy": lambda: len(form["verdicts"]),
        }[task]()
        assert options == min(most, MOST_OPTIONS)


def test_ten_steps_have_the_ten_digits() -> None:
    keys = keys_of("likert", {"scale": tuple("abcdefghij"), "anchors": {}})
    assert [keys[f"option_{k}"] for k in range(1, 11)] == [(digit,) for digit in "1234567890"]
    assert "option_11" not in keys_of("classification", {"scale": TWELVE})


@pytest.mark.parametrize("task", sorted(ANSWERS))
def test_keys_are_given_to_the_page_and_can_be_changed(task: str) -> None:
    shown, _ = widget(task=task, keys={"save": "F2", "flag": "#"})
    assert (shown.settings["keys"]["save"], shown.settings["keys"]["flag"]) == (["F2"], ["#"])
    with pytest.raises(RecordError, match="'g' is both flag and guideline"):
        widget(task=task, keys={"flag": "G"})
    with pytest.raises(RecordError, match=r"no action \['explode'\]; allowed are"):
        widget(task=task, keys={"explode": "F2"})


@pytest.mark.parametrize("key", ["", "Tab", "escape", "SHIFT"])
def test_a_key_that_the_browser_needs_is_refused(key: str) -> None:
    with pytest.raises(RecordError, match="cannot be used; any but"):
        widget(keys={"save": key})


def test_two_actions_may_swap_their_keys() -> None:
    keys = keys_of("pairwise", {})
    swapped = changed(keys, {"undo": "l", "later": "u"})
    assert (swapped["undo"], swapped["later"]) == (("l",), ("u",))
