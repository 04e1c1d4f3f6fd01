"""What `safe_html` lets through, read back with an HTML parser rather than by looking for bad strings."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tests.xss import PAYLOADS
from workbench.errors import RecordError
from workbench.safe_html import escape, render, sanitize

# fmt: off
ALLOWED: dict[str, set[str]] = {
    "a": {"href", "title", "target", "rel"},
    "code": {"class"},
    "span": {"class"},
    "ol": {"start"},
    "math": {"display"},
    **{tag: set() for tag in (
        "blockquote", "br", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "pre", "s", "strong",
        "table", "tbody", "td", "th", "thead", "tr", "ul",
    )},
    **{tag: {"mathvariant", "stretchy"} for tag in (
        "mfrac", "mi", "mn", "mo", "mrow", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr",
    )},
}
# fmt: on


class Reader(HTMLParser):
    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.other: list[str] = []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data

    def handle_comment(self, data: str) -> None:
        self.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.other.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.other.append(data)

    def handle_pi(self, data: str) -> None:
        self.other.append(data)


def check(fragment: str) -> Reader:
    read = Reader(fragment)
    assert not read.other
    for tag, attributes in read.tags:
        assert tag in ALLOWED, f"<{tag}> in {fragment!r}"
        assert set(attributes) <= ALLOWED[tag], f"{attributes} on <{tag}> in {fragment!r}"
        href = attributes.get("href")
        assert href is None or href.startswith(("http://", "https://")), href
        if tag == "a":
            assert attributes["rel"] == "noopener noreferrer nofollow"
            assert attributes["target"] == "_blank"
        kind = attributes.get("class") or ""
        assert kind in {"hl-k", "hl-s", "hl-m", "hl-c", "hl-n"} if tag == "span" and kind else True
        assert tag == "span" or (kind or "language-").startswith("language-")
    return read


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_payload_leaves_only_listed_tags_attributes_and_addresses(payload: str) -> None:
    check(render(payload))
    check(render(f"Dear reader,\n\n- {payload}\n- **{payload}**\n\n> {payload}"))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_the_sanitizer_holds_alone_if_the_markdown_parser_ever_lets_a_tag_through(payload: str) -> None:
    check(sanitize(payload))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_escaped_text_is_only_text(payload: str) -> None:
    read = Reader(f'<p title="{escape(payload)}">{escape(payload)}</p>')
    assert [tag for tag, _ in read.tags] == ["p"]
    assert read.said == payload
    assert read.tags[0][1] == {"title": payload}


def test_there_are_enough_payloads_and_each_is_its_own() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 100


def test_markdown_is_rendered() -> None:
    text = "# Title\n\nSome **bold**, *soft* and `code`.\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    read = check(render(text))
    tags = [tag for tag, _ in read.tags]
    for tag in ("h1", "strong", "em", "code", "ol", "li", "table", "th", "td"):
        assert tag in tags
    assert "**" not in read.said


def test_html_in_the_text_is_shown_as_it_was_written() -> None:
    assert "<b onclick=x>not bold</b>" in Reader(render("<b onclick=x>not bold</b>")).said


def test_line_breaks_are_kept() -> None:
    assert render("a\nb") == "<p>a<br>\nb</p>\n"
    assert render("a\nb", breaks=False) == "<p>a\nb</p>\n"


def test_a_code_block_keeps_its_language_and_its_text() -> None:
    read = check(render("```python\nif a < b:\n    print('<b>')\n```"))
    assert ("code", {"class": "language-python"}) in read.tags
    assert read.said.strip() == "if a < b:\n    print('<b>')"
    assert {attributes["class"] for tag, attributes in read.tags if tag == "span"} == {"hl-k", "hl-s"}


def test_a_span_is_a_token_of_code_or_nothing() -> None:
    assert sanitize('<span class="hl-k">a</span>') == '<span class="hl-k">a</span>'
    for other in ("wb-alarm", "hl-k jp-Dialog", "hl-", "hl-x"):
        assert sanitize(f'<span class="{other}">a</span>') == "<span>a</span>"
    assert sanitize('<span style="position:fixed" onclick="x()">a</span>') == "<span>a</span>"


@pytest.mark.parametrize("language", ["", "nolang", "html+", "x" * 300, "../../etc"])
def test_code_in_no_known_language_stays_plain(language: str) -> None:
    assert "span" not in {tag for tag, _ in check(render(f"```{language}\nif a: b\n```")).tags}


def test_an_image_becomes_words_and_nothing_is_loaded() -> None:
    read = check(render("![a cat](http://evil.invalid/cat.png)"))
    assert read.said.strip() == "[image: a cat http://evil.invalid/cat.png]"
    assert [tag for tag, _ in read.tags] == ["p"]


def test_only_web_links_survive() -> None:
    hrefs = [a.get("href") for tag, a in check(render("[a](https://a.invalid/x?y=1&z=2) [b](/api) [c](//d)")).tags]
    assert [href for href in hrefs if href] == ["https://a.invalid/x?y=1&z=2"]


def test_a_formula_becomes_mathml_and_money_does_not() -> None:
    read = check(render(r"$x^2$ costs $5 or $10; range $5-$10"))
    assert [tag for tag, _ in read.tags] == ["p", "math", "mrow", "msup", "mi", "mn"]
    assert "costs $5 or $10; range $5-$10" in read.said


@pytest.mark.parametrize("text", [r"\[\frac{a}{b}\]", r"$$\frac{a}{b}$$"])
def test_a_display_formula_is_a_block(text: str) -> None:
    assert ("math", {"display": "block"}) in check(render(text)).tags


def test_text_inside_a_formula_is_text() -> None:
    read = check(render(r"$\text{<img src=x onerror=alert(1)>}$"))
    assert "img" not in [tag for tag, _ in read.tags]
    assert "<img\xa0src=x\xa0onerror=alert(1)>" in read.said


@pytest.mark.parametrize("source", [r"$\frac{$", "$" + "{" * 900 + "x" + "}" * 900 + "$"])
def test_a_formula_that_cannot_be_read_is_shown_as_source(source: str) -> None:
    read = check(render(source))
    assert read.said.strip() == source
    assert "code" in [tag for tag, _ in read.tags]


def test_half_a_character_does_not_break_the_page() -> None:
    assert render("a\ud800b") == "<p>a\N{REPLACEMENT CHARACTER}b</p>\n"
    render("\ud83d\ude00").encode()
    assert escape("\udfff") == "\N{REPLACEMENT CHARACTER}"


def test_a_very_long_text_is_shown_unparsed() -> None:
    read = check(render("*a* <b>" * 40_000))
    assert [tag for tag, _ in read.tags] == ["pre"]
    assert read.said.strip() == "*a* <b>" * 40_000


def test_what_is_not_text_is_refused_with_its_place() -> None:
    with pytest.raises(RecordError, match=r"got int \[item i1\]"):
        render(5, where="item i1")  # type: ignore[arg-type]
