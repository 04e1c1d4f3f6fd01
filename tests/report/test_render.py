"""One page, complete in itself, the same every time, and deaf to whatever its texts would like it to do."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import plotly
import pytest

from tests.report.example import summary
from tests.report.hostile import poison
from tests.report.parsed import Page
from tests.xss import PAYLOADS
from workbench import safe_html
from workbench.errors import WorkbenchError
from workbench.report import render, write
from workbench.report.render import sources_in_words
from workbench.report.shape import SECTIONS

if TYPE_CHECKING:
    from workbench.report.shape import Summary

ROOT = Path(__file__).parents[2]
REPORT = ROOT / "workbench" / "report"
FIGURES = {"forest", "pairs", "votes", "cost", "curves", "kinds", "rounds"}
# What the template itself writes; texts may add only what the sanitizer lets through.
# fmt: off
PAGE_TAGS = {
    "html", "head", "meta", "link", "title", "style", "body", "a", "header", "p", "h1", "h2", "h3", "h4", "b", "span",
    "dl", "div", "dt", "dd", "nav", "ol", "li", "main", "section", "ul", "table", "caption", "thead", "tbody", "tr",
    "th", "td", "figure", "figcaption", "script", "details", "summary", "code", "pre", "br", "footer",
}
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "id", "role", "tabindex",
    "aria-labelledby", "aria-label", "aria-hidden", "scope", "colspan", "hidden", "type", "data-figure",
}
# fmt: on
TEXT_ATTRIBUTES = {"href", "title", "rel", "target", "class", "start", "display", "mathvariant", "stretchy"}


@pytest.fixture(scope="module")
def html() -> str:
    return render(summary())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def nothing() -> Summary:
    return {"title": "Empty", "generated_from": {}, "sources": {}}


# Same inputs, same bytes ------------------------------------------------------------------------------------------


def test_the_same_summary_gives_the_same_bytes_in_any_process(html: str) -> None:
    code = (
        "import hashlib; from tests.report.example import summary; from workbench.report import render; "
        "print(hashlib.sha256(render(summary()).encode()).hexdigest())"
    )
    for seed in ("1", "2"):  # sets and hashes come in another order in each
        out = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert out.stdout.strip() == hashlib.sha256(html.encode()).hexdigest()


def test_a_time_is_on_the_page_only_when_it_is_given(html: str) -> None:
    assert ">written<" not in html
    stamped = render({**summary(), "generated_at": "2026-02-03 10:00 UTC"})
    assert "<dt>written</dt><dd>2026-02-03 10:00 UTC</dd>" in stamped


def test_write_makes_the_folder_and_leaves_one_whole_file(tmp_path: Path, html: str) -> None:
    target = tmp_path / "new" / "report.html"
    assert write(summary(), target) == target
    assert target.read_bytes() == html.encode()
    write(nothing(), target)
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
    assert b"Empty" in target.read_bytes()


# What a reader finds ----------------------------------------------------------------------------------------------


def test_who_gave_the_labels_stands_at_the_top_in_words(page: Page) -> None:
    (note,) = [e for e in page.elements if e.attrs.get("role") == "note"]
    assert note.attrs["class"] == "banner"
    assert "All 756 labels are simulated: no person gave them." in note.text
    assert page.elements.index(note) < page.elements.index(page.by_id("red_flags"))
    people = Page(render({**nothing(), "sources": {"human": 3}}))
    (note,) = [e for e in people.elements if e.attrs.get("role") == "note"]
    assert (note.attrs["class"], note.text.strip()) == ("sources", "All 3 labels are given by people.")


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({}, "There are no labels yet."),
        ({"human": 0}, "There are no labels yet."),
        ({"model": 5}, "All 5 labels are given by models."),
        (
            {"simulated": 100, "human": 1000, "model": 20},
            "Of 1,120 labels, 1,000 are given by people, 20 are given by models and 100 are simulated.",
        ),
    ],
)
def test_sources_in_words(sources: dict[str, int], said: str) -> None:
    assert sources_in_words(sources) == said


def test_sections_come_in_order_with_red_flags_first(page: Page) -> None:
    assert [e.attrs["id"] for e in page.all("section")] == list(SECTIONS)
    assert next(iter(SECTIONS)) == "red_flags"
    assert [e.attrs["href"] for e in page.all("a") if e.parents[-1].tag == "li"] == [f"#{key}" for key in SECTIONS]


def test_every_estimate_shows_value_interval_counts_and_method(page: Page) -> None:
    rows = [" ".join(e.text.split()) for e in page.all("tr")]
    assert "Krippendorff's alpha 0.612 0.548 to 0.671 240 6 720 item bootstrap, 10,000 resamples, seed 0" in rows
    assert any("alpha: arithmetic undefined: no variation: every label is 'A' 8 6 24" in row for row in rows)
    assert "change in length, words -9.4 -13.1 to -5.9 60 paired bootstrap by prompt, 10,000 resamples" in rows


def test_verdicts_say_their_decision_in_words_and_what_would_settle_it(page: Page) -> None:
    cards = [e for e in page.all("li") if "card" in (e.attrs.get("class") or "")]
    assert [e.attrs["class"] for e in cards] == ["card inconclusive", "card pass", "card fail"]
    said = " ".join(cards[0].text.split())
    # Half width .612 - .548 = .064, distance .612 - .6 = .012: 240 (.064 / .012)^2 = 6,826.7, so 6,587 more.
    assert "inconclusive Do annotators agree beyond chance? 0.612 [0.548, 0.671] against 0.6" in said
    assert "About 6,587 more items would settle it" in said
    badges = {e.text.strip() for e in page.all("span") if "badge" in (e.attrs.get("class") or "")}
    assert {"● pass", "✕ fail", "◇ inconclusive", "▲ high", "■ medium", "▽ low"} <= badges


def test_the_ledger_is_added_up_in_front_of_the_reader(html: str) -> None:
    # 513 + 72 + 36 + 135 = 756
    assert "513 used + 243 not used = 756 of 756 labels." in html
    assert "does not account for every label" not in html
    lost = summary()
    lost["preferences"]["n_used"] = 500
    assert "500 used + 243 not used = 743 of 756 labels." in render(lost)
    assert "does not account for every label" in render(lost)


def test_cost_shows_the_wage_beside_the_price_and_the_break_even(page: Page) -> None:
    rows = [" ".join(e.text.split()) for e in page.all("tr")]
    # $.40 for 34 s: .40 / 34 x 3600 = $42.35. 50,000 / .9 = 55,556 x 3 = 166,668, + 5 % = 175,001 judgments.
    assert "implied wage $42.35 an hour $42.35 an hour" in rows
    assert "paid judgments 175,001 175,001" in rows
    assert any(
        e.text == "monthly plan is no dearer than free tier from 1,450 judgments a month" for e in page.all("li")
    )


def test_disputed_items_open_to_prompt_responses_reasons_and_the_text_as_written(page: Page) -> None:
    item = next(e for e in page.all("details") if e.attrs.get("class") == "item")
    said = " ".join(item.text.split())
    assert "1 A · 1 B · 1 tie" in said
    assert "ada chose A: three bullets, as asked" in said
    assert "# Summary" in said  # as written
    was = [e for e in page.all("p") if e.attrs.get("class") == "was-heading"]
    assert was[0].text == "Summary"  # formatted, and no heading of this page


@pytest.mark.parametrize("key", list(SECTIONS))
def test_a_section_without_content_says_why(key: str, page: Page) -> None:
    empty = Page(render({**nothing(), "missing": {"training": "no pair was left to train on"}}))
    reason = "no pair was left to train on" if key == "training" else SECTIONS[key][1]
    assert reason in empty.by_id(key).text
    assert reason not in page.by_id(key).text
    assert len(empty.all("script")) == 1  # nothing to draw, so no plotly.js


@pytest.mark.parametrize("key", list(SECTIONS))
def test_any_one_section_may_be_absent(key: str) -> None:
    rest = cast("Summary", {name: value for name, value in summary().items() if name != key})
    assert SECTIONS[key][1] in Page(render(rest)).by_id(key).text


def test_sections_with_only_what_they_must_have() -> None:
    bare: Summary = {
        **nothing(),
        "red_flags": [],
        "verdicts": [],
        "agreement": {"estimates": []},
        "annotators": [{"annotator": "ann", "source": "human", "n_labels": 3}],
        "disagreements": {"n_items": 2, "n_disputed": 0, "rows": []},
        "cost": {"estimates": []},
        "preferences": {"n_rows": 0, "n_labels": 0, "n_used": 0, "ledger": []},
        "training": {"run": "r1"},
    }
    page = Page(render(bare))
    assert page.broken == []
    assert "None were found" in page.by_id("red_flags").text
    assert "not measured" in page.by_id("annotators").text
    assert "was not evaluated" in page.by_id("training").text


def test_long_runs_are_thinned_in_the_table_and_say_so() -> None:
    long = summary()
    long["training"]["metrics"] = [{"step": k, "loss": 0.5, "margin": None} for k in range(1, 1001)]
    page = Page(render(long))
    (caption,) = [e for e in page.all("caption") if e.attrs["id"] == "t-curves"]
    assert caption.text == "200 of 1000 logged steps"
    assert any(e.text.split()[:2] == ["1000", "0.500"] for e in page.all("tr"))


# What it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aggreement": {}}, "no section \\['aggreement'\\]"),
        ({"missing": {"trainig": "x"}}, "trainig"),
        ({"annotators": [{"annotator": "ann", "n_labels": 3}]}, "lacks a value the page shows: 'source'"),
    ],
)
def test_a_summary_that_would_leave_a_gap_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        render(cast("Summary", {**nothing(), **change}))


def test_a_summary_without_sources_is_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"needs \['sources'\]"):
        render(cast("Summary", {"title": "x", "generated_from": {}}))


# Structure --------------------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_can_be_walked_by_keyboard_and_ear(page: Page) -> None:
    assert page.broken == []
    ids = [e.attrs["id"] for e in page.elements if "id" in e.attrs]
    assert len(ids) == len(set(ids))
    levels = [int(e.tag[1]) for e in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for element in page.elements:
        if target := element.attrs.get("aria-labelledby"):
            assert target in ids
        if (element.attrs.get("href") or "").startswith("#"):
            assert (element.attrs["href"] or "")[1:] in ids
    tables = [e for e in page.all("table") if not e.inside("text")]
    assert len(tables) >= 10
    assert len([e for e in page.all("caption") if e.text.strip()]) == len(tables)
    assert all(e.attrs.get("scope") in ("row", "col") for e in page.all("th") if not e.inside("text"))
    skip = page.all("a")[0]
    assert (skip.attrs["class"], skip.attrs["href"]) == ("skip", "#main")


def test_only_the_two_known_scripts_may_run(page: Page) -> None:
    (policy,) = [
        e.attrs["content"] or "" for e in page.all("meta") if e.attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    scripts = [e.text for e in page.all("script") if "type" not in e.attrs]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    assert len(scripts) == 2
    assert directives["script-src"] == " ".join(f"'sha256-{value}'" for value in hashes)
    assert directives["default-src"] == "'none'"
    assert directives["img-src"] == "data:"
    assert "unsafe" not in directives["script-src"]


def test_figures_are_json_that_ends_no_script(html: str, page: Page) -> None:
    blocks = [e for e in page.all("script") if e.attrs.get("type") == "application/json"]
    assert {e.attrs["data-figure"] for e in blocks} == FIGURES
    kinds = {trace["type"] for e in blocks for trace in json.loads(e.text)["data"]}
    assert kinds == {"scatter", "bar"}  # all that the small bundle draws, pies apart
    for block in blocks:
        assert not set("<>&") & set(block.text)
        assert block.text in html


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for element in page.elements:
        assert not {"src", "srcset", "poster", "background", "action", "data"} & set(element.attrs)
        if element.tag == "link":
            assert element.attrs["href"] == "data:,"
    css = page.all("style")[0].text
    assert "url(" not in css
    assert "@import" not in css


# Hostile text -----------------------------------------------------------------------------------------------------

TRAPS = [
    *PAYLOADS,
    "{{ 7 * 7 }} {% raw %} {# x #} ${7*7} <%= 7*7 %>",
    "</script><script>window.pwned=1</script>",
    "</style><script>window.pwned=1</script>",
    "</title><script>window.pwned=1</script>",
    "</pre></details></section></main><script>window.pwned=1</script>",
    "<!-- <script> ]]>",
    "\u2028\u2029\x00\x1b[31m\ud800",
    "\u202eevil\u202c",
]
BATCHES = [TRAPS[start : start + 12] for start in range(0, len(TRAPS), 12)]


@pytest.mark.parametrize("batch", BATCHES, ids=range(len(BATCHES)))
def test_hostile_text_stays_text(batch: list[str], page: Page) -> None:
    harmless = [e.text for e in page.all("script") if "type" not in e.attrs]
    for trap in (*batch[:2], "\n".join(batch)):  # some alone, all together: a page is slow to make
        html = render(poison(summary(), trap))
        html.encode()  # no half characters
        found = Page(html)
        assert found.broken == []
        assert [e.text for e in found.all("script") if "type" not in e.attrs] == harmless
        assert {e.attrs["data-figure"] for e in found.all("script") if "type" in e.attrs} == FIGURES
        for element in found.elements:
            written = element.inside("text")
            assert element.tag in (safe_html.TEXT_TAGS | safe_html.MATH_TAGS if written else PAGE_TAGS), element
            assert set(element.attrs) <= (TEXT_ATTRIBUTES if written else ATTRIBUTES), element
            if "href" in element.attrs and element.tag == "a":
                assert re.match(r"#[a-z_]+$|https?://" if not written else r"https?://", element.attrs["href"] or "")
        if not written_away(trap):
            assert trap.split("\n")[0].strip() in found.by_id("red_flags").text


def written_away(trap: str) -> bool:
    """Whether a parser changes the text itself: null, half characters, line ends and entities read back."""
    return any(character in trap for character in "\x00\x01\ud800\r\t") or "\n" in trap


def test_template_syntax_in_texts_is_printed_not_run() -> None:
    page = Page(render(poison(summary(), "{{ 7 * 7 }} {% set title = 1 %}")))
    assert page.all("h1")[0].text == "Instruction following, pilot 1 {{ 7 * 7 }} {% set title = 1 %}"


def test_an_unknown_severity_is_shown_as_high_and_names_no_class_of_its_own() -> None:
    bad = cast("Any", {**nothing(), "red_flags": [{"severity": 'x" onclick="y', "text": "t"}]})
    (flag,) = [e for e in Page(render(bad)).all("li") if "flag" in (e.attrs.get("class") or "")]
    assert flag.attrs == {"class": "flag high"}


# The vendored library ---------------------------------------------------------------------------------------------


def test_plotly_js_is_the_version_plotly_py_was_made_for() -> None:
    pattern = r"plotly\.js .*?v(\d+\.\d+\.\d+)"
    ours = re.search(pattern, (REPORT / "plotly-basic.min.js").read_text(encoding="utf-8")[:200])
    bundled = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    theirs = re.search(pattern, bundled.read_text(encoding="utf-8")[:200])
    assert ours
    assert theirs
    assert ours[1] == theirs[1], "fetch the new bundle as workbench/report/README.md says"


def test_plotly_js_is_the_unchanged_file_with_its_licence_and_fits_into_a_script_element() -> None:
    content = (REPORT / "plotly-basic.min.js").read_bytes()
    readme = (REPORT / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(content).hexdigest() in readme
    assert b"Licensed under the MIT license" in content[:300]
    assert "MIT License" in (REPORT / "plotly-basic.LICENSE").read_text(encoding="utf-8")
    for ends_or_opens in (b"</script", b"<!--", b"\r", b"\x00"):
        assert ends_or_opens not in content.lower()
