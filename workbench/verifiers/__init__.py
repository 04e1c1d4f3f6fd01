"""Machine-checkable constraints: what makes a gold answer true rather than invented.

A `records.Constraint` names a kind of `KINDS` and its parameters; `check` looks at nothing but the text.

- `text`: what a word, a line, a sentence, a bullet, a phrase and a number are, for a guideline to give its annotators;
- `json_object`: what counts as JSON;
- `kinds`: the kinds, each with its parameters and its check;
- `checking`: constraints applied to one text or two.

All checks take time linear in the text, so hostile text costs no more than plain text.
"""

from workbench.verifiers.checking import Satisfaction, Verdict, check, check_all, describe, prefer, validate
from workbench.verifiers.kinds import KINDS, MAX_PARAM_CHARS, PARAMS, Kind, Param
from workbench.verifiers.text import bullets, last_number, lines, numbered, paragraphs, sentences, words

__all__ = [
    "KINDS",
    "MAX_PARAM_CHARS",
    "PARAMS",
    "Kind",
    "Param",
    "Satisfaction",
    "Verdict",
    "bullets",
    "check",
    "check_all",
    "describe",
    "last_number",
    "lines",
    "numbered",
    "paragraphs",
    "prefer",
    "sentences",
    "validate",
    "words",
]
