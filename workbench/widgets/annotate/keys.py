"""Which keys do what: a default for every action, and the changes somebody asks for.

The names are those of the browser's `KeyboardEvent.key`; letters mean themselves in either case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMON: dict[str, tuple[str, ...]] = {
    "save": ("Enter",),
    "undo": ("u",),
    "later": ("l",),
    "skip": ("s",),
    "unanswered": ("e",),
    "overview": ("v",),
    "flag": ("f",),
    "reason": ("r",),
    "comment": ("o",),
    "clauses": ("c",),
    "search": ("/",),
    "guideline": ("g",),
    "raw": ("m",),
    "keys": ("?",),
    "down": ("j",),
    "up": ("k",),
}
SEVERAL_RESPONSES: dict[str, tuple[str, ...]] = {"difference": ("d",), "in_step": ("y",)}
ROWS: dict[str, tuple[str, ...]] = {"row_down": ("ArrowDown",), "row_up": ("ArrowUp",)}
# What a browser or a reader of screens needs for itself.
RESERVED = ("", "Tab", "Escape", "Shift", "Control", "Alt", "Meta")
_DIGITS = "1234567890"
# More classes than digits are chosen with Tab and Space, or by a key somebody gives them.
MOST_OPTIONS = len(_DIGITS)


def defaults(task: str, form: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The keys of one task type as a guideline asks it; `form` is `tasks.Task.form` of the guideline."""
    if task == "pairwise":
        options = _options(7) if form["strength"] else {}
        digits = (("1",), ("0",), ("2",)) if not options else ((), (), ())
        return {
            "left": ("ArrowLeft", "a", *digits[0]),
            "tie": ("t", *digits[1]),
            **({"both_bad": ("x",)} if "both_bad" in form["choices"] else {}),
            "right": ("ArrowRight", "b", *digits[2]),
            **options,
            **(ROWS if form["criteria"] else {}),
            **COMMON,
            **SEVERAL_RESPONSES,
        }
    if task == "ranking":
        moves = {"equal": ("=",), "raise": ("[",), "lower": ("]",), "take_back": ("Backspace",)}
        return {**_options(8), **ROWS, **moves, **COMMON, **SEVERAL_RESPONSES}
    if task == "likert":
        return {**_options(max(len(one["steps"]) for one in form["dimensions"])), **ROWS, **COMMON}
    if task == "classification":
        return {**_options(len(form["classes"])), **COMMON}
    if task == "red_team":
        most = max(len(form["categories"]), len(form["severities"]))
        return {"message": ("w",), **_options(most), **ROWS, **COMMON}
    if task == "instruction_following":
        return {"yes": ("y",), "no": ("n",), "not_applicable": ("i",), **ROWS, **COMMON}
    extra = {"mark": (" ",), "no_claims": ("0",), "source": ("w",), "quote": ("q",)}
    return {**_options(len(form["verdicts"])), **ROWS, **extra, **COMMON}


def changed(keys: Mapping[str, tuple[str, ...]], changes: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """These keys with others for some actions.

    Raises
    ------
    RecordError
        When an action is unknown, a key is reserved, or a key would mean two things.
    """
    unknown = sorted(set(changes) - set(keys))
    if unknown:
        raise RecordError(f"keys: no action {unknown}; allowed are {sorted(keys)}")
    reserved = sorted(key for key in changes.values() if key.title() in RESERVED)
    if reserved:
        raise RecordError(f"keys: {reserved} cannot be used; any but {list(RESERVED)} can")
    new = {**keys, **{action: (key,) for action, key in changes.items()}}
    owner: dict[str, str] = {}
    for action, names in new.items():
        for name in names:
            if owner.setdefault(name.lower(), action) != action:
                raise RecordError(f"keys: {name!r} is both {owner[name.lower()]} and {action}")
    return new


def _options(n: int) -> dict[str, tuple[str, ...]]:
    return {f"option_{k + 1}": (_DIGITS[k],) for k in range(min(n, MOST_OPTIONS))}
