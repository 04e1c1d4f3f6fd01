"""A summary becomes one HTML page that is complete in itself and cannot run or load anything else.

Two things keep it so. Every string passes `safe_html`: as text (`escape`, through the template's finalizer, so no
place can forget it) or as Markdown (`render`). And the page's content security policy allows two scripts by their
hash, plotly.js and the few lines that draw the figures; the figures themselves are JSON, which no browser runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import safe_html
from workbench.economics.cost import money
from workbench.errors import WorkbenchError
from workbench.report.shape import SECTIONS, check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

    from workbench.report.shape import Summary
    from workbench.stats.estimate import Estimate, Verdict

_HERE = Path(__file__).parent
_PLOTLY = "plotly-basic.min.js"
_SOURCES = {"human": "given by people", "model": "given by models", "simulated": "simulated"}
_MOST_STEPS = 200  # rows of the table behind the training curves; the figure has all


def render(summary: Summary) -> str:
    """The report as one HTML page; the same summary gives the same bytes.

    Parameters
    ----------
    summary
        See `report.shape.Summary`. Only `title`, `generated_from` and `sources` are needed; any section that is left
        out says on the page why it is not there.

    Raises
    ------
    WorkbenchError
        For a key that is missing or unknown.
    """
    check(summary)
    figures = _figures(summary)
    scripts = {"boot": _text("report.js")}
    if figures:
        scripts = {"plotly": _text(_PLOTLY), **scripts}
    given: Mapping[str, Any] = summary
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            s=summary,
            sections=SECTIONS,
            absent={
                key: summary.get("missing", {}).get(key) or default
                for key, (_, default) in SECTIONS.items()
                if given.get(key) is None
            },
            figures=figures,
            scripts=scripts,
            css=_text("report.css"),
            policy=_policy(list(scripts.values())),
            notice=sources_in_words(summary["sources"]),
            simulated=summary["sources"].get("simulated", 0) > 0,
            steps=_steps(summary.get("training", {}).get("metrics", ())),
        )
        + "\n"
    )


def write(summary: Summary, path: Path | str) -> Path:
    """Render to a file, making its folder; a reader never sees half a page. Returns the path."""
    path = Path(path)
    page = render(summary)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.parent, delete=False) as file:
        file.write(page)
    Path(file.name).chmod(0o644)
    os.replace(file.name, path)  # noqa: PTH105 - one atomic step, on Windows too
    return path


def sources_in_words(sources: Mapping[str, int]) -> str:
    """Who the labels are from, in one sentence.

    >>> sources_in_words({"simulated": 720})
    'All 720 labels are simulated: no person gave them.'
    >>> sources_in_words({"human": 600, "simulated": 120})
    'Of 720 labels, 600 are given by people and 120 are simulated.'
    """
    counts = {source: n for source, n in sources.items() if n}
    total = sum(counts.values())
    if not counts:
        return "There are no labels yet."
    if set(counts) == {"simulated"}:
        return f"All {total:,} labels are simulated: no person gave them."
    if len(counts) == 1:
        return f"All {total:,} labels are {_SOURCES.get(next(iter(counts)), next(iter(counts)))}."
    parts = [f"{counts[source]:,} are {_SOURCES.get(source, source)}" for source in sorted(counts)]
    return f"Of {total:,} labels, {', '.join(parts[:-1])} and {parts[-1]}."


def _figures(summary: Summary) -> dict[str, Markup]:
    """Figure name -> JSON that is safe inside a script element. Sections without anything to draw have none."""
    from workbench.figures import agreement, cost, disagreement, rounds, training

    made: dict[str, Any] = {}
    if found := summary.get("agreement"):
        shown = [*found["estimates"], *found.get("slices", ())]
        if shown:
            verdicts = [_verdict_of(estimate, summary.get("verdicts") or ()) for estimate in shown]
            made["forest"] = agreement.forest(shown, found.get("threshold"), verdicts)
        pairs = found.get("pairs")
        if pairs and len(pairs["annotators"]) > 1:
            made["pairs"] = agreement.matrix(pairs["values"], pairs["annotators"], pairs["counts"], name=pairs["name"])
    disputed = summary.get("disagreements")
    if disputed and disputed["rows"]:
        made["votes"] = disagreement.votes(disputed["rows"])
    costs = summary.get("cost")
    if costs and costs["estimates"] and len({e.prices.currency for e in costs["estimates"]}) == 1:
        made["cost"] = cost.breakdown(*costs["estimates"])
    if run := summary.get("training"):
        if metrics := run.get("metrics"):
            made["curves"] = training.curves(metrics)
        if kinds := run.get("by_kind"):
            made["kinds"] = training.before_after(kinds)
        if whole := run.get("proof"):
            made["proof"] = training.effects(whole, run.get("proof_runs") or ())
    if (several := summary.get("rounds")) and (rates := several.get("win_rates")):
        made["rounds"] = rounds.win_rates(rates)
    return {name: _json(figure.to_json()) for name, figure in made.items()}


def _verdict_of(estimate: Estimate, verdicts: Sequence[Verdict]) -> Verdict | None:
    return next((v for v in verdicts if v.estimate is estimate or v.estimate == estimate), None)


def _json(text: str) -> Markup:
    """JSON that ends no script element and opens no comment: `<`, `>` and `&` as escapes, keys in one order."""
    from markupsafe import Markup

    compact = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        compact = compact.replace(character, f"\\u{ord(character):04x}")
    return Markup(compact)  # noqa: S704 - nothing in it is markup any more


def _policy(scripts: Sequence[str]) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


@cache
def _text(name: str) -> Markup:
    """A file of this folder, for the page as it is. Line ends become LF: a parser does so before it takes the hash."""
    from markupsafe import Markup

    return Markup((_HERE / name).read_text(encoding="utf-8"))  # noqa: S704 - our own files


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update(md=_markdown, num=number, money=money, share=_percent, digits=_digits, flat=_flat)
    return environment


def _finalize(value: object) -> object:
    """Whatever the template prints and is not markup already goes through `safe_html.escape`."""
    from jinja2 import Undefined
    from markupsafe import Markup

    if isinstance(value, Undefined):  # may be asked for in an `if`, but a blank on the page would hide a gap
        raise WorkbenchError(f"the summary lacks a value the page shows: {value._undefined_name!r}", where="summary")
    return value if isinstance(value, Markup) else Markup(safe_html.escape(str(value)))  # noqa: S704 - escaped


def _markdown(text: str, *, breaks: bool = True) -> Markup:
    """Untrusted Markdown as sanitized HTML, its headings as paragraphs: they are no headings of this page."""
    from markupsafe import Markup

    clean = safe_html.render(text, breaks=breaks)
    clean = re.sub(r"<h[1-6]>", '<p class="was-heading">', clean)  # text cannot hold these: its `<` are entities
    return Markup(re.sub(r"</h[1-6]>", "</p>", clean))  # noqa: S704 - sanitized


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash where there is none.

    >>> number(0.12345), number(float("nan"))
    ('0.123', '–')
    """
    return "–" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def _percent(value: float | None, digits: int = 1) -> str:
    """A share in per cent, without the sign."""
    return number(None if value is None else 100 * value, digits)


def _digits(estimate: Estimate) -> int:
    """Decimals for an estimate: three for coefficients and shares, one for counts such as words."""
    return 3 if max(abs(estimate.value), abs(estimate.low), abs(estimate.high)) < 2 else 1


def _flat(value: object) -> str:
    """A setting as one line of text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _steps(metrics: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most `_MOST_STEPS` lines, evenly spread, the last one always among them."""
    every = math.ceil(len(metrics) / _MOST_STEPS) if metrics else 1
    return [line for place, line in enumerate(metrics, start=1) if place % every == 0 or place == len(metrics)]
