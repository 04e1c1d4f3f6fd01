r"""The one place where text from a model, an annotator or a platform becomes HTML.

`render` turns Markdown into HTML that cannot run or load anything, in two independent steps: the Markdown parser
escapes every HTML tag in the text, then an allow-list sanitizer (ammonia, through `nh3`) drops whatever is not listed
here. Formulas become MathML built element by element, never pasted in as a string: latex2mathml leaves `<` in
`\text{<img …>}` unescaped. Everything that is not meant as Markdown is inserted as text with `escape`.
"""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING

from workbench.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

# No img, style, form control, svg, iframe or anything else that loads, submits or covers the page around it.
# fmt: off
TEXT_TAGS = frozenset((
    "a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
))
MATH_TAGS = frozenset((
    "math", "menclose", "mfrac", "mi", "mn", "mo", "mover", "mpadded", "mphantom", "mroot", "mrow", "mspace", "msqrt",
    "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
))
# fmt: on
# Values as well as names are listed: an attribute with any other value is dropped.
_MATH_VALUES = {
    "display": {"block", "inline"},
    "mathvariant": {"normal", "bold", "italic"},
    "stretchy": {"true", "false"},
}
_LONGEST_TEXT = 200_000  # characters; above this the text is shown as it is, because parsing would freeze the page
_LONGEST_FORMULA = 2_000
_LONGEST_CODE = 20_000  # characters; longer blocks are shown without colours
_TOKENS = {"hl-k", "hl-s", "hl-m", "hl-c", "hl-n"}  # what a span of code is: keyword, text, number, comment, name
_DELIMITERS = (("$$", "$$", True), ("$", "$", False), ("\\[", "\\]", True), ("\\(", "\\)", False))


def well_formed(text: str) -> str:
    """The text without lone surrogates (halves of a character), which cannot be sent or stored as UTF-8.

    >>> well_formed("a\\ud800b") == "a\\N{REPLACEMENT CHARACTER}b"
    True
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def escape(text: str) -> str:
    """Text that means itself in HTML, in an element or in a quoted attribute.

    >>> escape('<img src="x">')
    '&lt;img src=&quot;x&quot;&gt;'
    """
    return html.escape(well_formed(text), quote=True)


def render(text: str, *, where: str = "", breaks: bool = True) -> str:
    """Markdown as HTML that is safe to insert into a page.

    CommonMark with tables and formulas (`$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]`). An image becomes its description and
    address in words; only http and https links survive, and they open apart from this page without telling it. The
    result holds no id, style, form, script or image.

    Parameters
    ----------
    text
        What the model, annotator or platform wrote; hostile until shown otherwise.
    where
        Which record and field the text is from, for the error.
    breaks
        Keep line breaks as written, which is what a model's answer means; False joins the lines of a paragraph, which
        is what a hand-wrapped file means.

    Raises
    ------
    RecordError
        If `text` is not a string.

    Examples
    --------
    >>> render("**bold** <img src=x onerror=alert(1)>")
    '<p><strong>bold</strong> &lt;img src=x onerror=alert(1)&gt;</p>\\n'
    """
    if not isinstance(text, str):
        raise RecordError(f"only text can be rendered, got {type(text).__name__}", where=where)
    text = well_formed(text)
    if len(text) > _LONGEST_TEXT:
        return f"<pre>{escape(text)}</pre>\n"
    return sanitize(_markdown(breaks).render(text))


def sanitize(fragment: str) -> str:
    """The allow-list alone: an HTML fragment without any tag, attribute or address that is not listed here."""
    import nh3

    return nh3.clean(
        fragment,
        tags=set(TEXT_TAGS | MATH_TAGS),
        attributes={
            "a": {"href", "title"},
            "code": {"class"},
            "span": {"class"},
            "ol": {"start"},
            **{tag: set(_MATH_VALUES) for tag in MATH_TAGS},
        },
        attribute_filter=_keep,
        url_schemes={"http", "https"},
        url_relative="deny",
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )


def _keep(tag: str, name: str, value: str) -> str | None:
    if name == "class" and tag == "span":
        return value if value in _TOKENS else None
    if name == "class":  # which language a code block is in
        known = value.startswith("language-") and value.removeprefix("language-").replace("-", "").isalnum()
        return value if known else None
    if tag in MATH_TAGS:
        return value if value in _MATH_VALUES.get(name, ()) else None
    if name == "start":
        return value if value.isdecimal() and len(value) < 10 else None
    return value


@cache
def _markdown(breaks: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": breaks, "highlight": _coloured})
    markdown.enable(["table", "strikethrough"])
    markdown.inline.ruler.before("escape", "formula", _formula)
    markdown.add_render_rule("image", _image_in_words)
    markdown.add_render_rule("formula", _formula_as_mathml)
    return markdown


def _coloured(code: str, language: str, _: str) -> str:
    """Code with its tokens marked; empty, which leaves it plain, where the language is not known."""
    if not language or len(code) > _LONGEST_CODE:
        return ""
    from pygments.lexers import find_lexer_class_by_name
    from pygments.token import Token
    from pygments.util import ClassNotFound

    kinds = {
        Token.Keyword: "k",
        Token.Literal.String: "s",
        Token.Literal.Number: "m",
        Token.Comment: "c",
        Token.Name.Function: "n",
        Token.Name.Class: "n",
        Token.Name.Tag: "k",
    }
    try:
        tokens = list(find_lexer_class_by_name(language)(ensurenl=False, stripnl=False).get_tokens(code))
    except ClassNotFound:
        return ""
    parts = []
    for token, text in tokens:
        kind = next((kind for group, kind in kinds.items() if token in group), "")
        parts.append(f'<span class="hl-{kind}">{escape(text)}</span>' if kind else escape(text))
    return "".join(parts)


def _image_in_words(self: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    described = self.renderInlineAsText(token.children, options, env) if token.children else ""
    return escape(f"[image: {' '.join(part for part in (described, str(token.attrGet('src') or '')) if part)}]")


def _formula(state: StateInline, silent: bool) -> bool:
    """Find a formula. A dollar sign before a space or a closing one before a digit is money, not mathematics."""
    start = state.pos
    for opening, closing, block in _DELIMITERS:
        if not state.src.startswith(opening, start):
            continue
        begin = start + len(opening)
        end = state.src.find(closing, begin, min(state.posMax, begin + _LONGEST_FORMULA))
        body = state.src[begin:end] if end >= 0 else ""
        after = state.src[end + len(closing) : end + len(closing) + 1]
        money = opening == "$" and (body != body.strip() or after.isdigit() or "\n" in body)
        if not body.strip() or money:
            continue
        if not silent:
            token = state.push("formula", "math", 0)
            token.content, token.markup, token.block = body.strip(), state.src[start : end + len(closing)], block
        state.pos = end + len(closing)
        return True
    return False


def _formula_as_mathml(
    _self: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType
) -> str:
    """MathML of a formula, or its source where it cannot be read."""
    from latex2mathml.converter import convert_to_element

    token = tokens[index]
    try:
        return _mathml(convert_to_element(token.content, display="block" if token.block else "inline"))
    except Exception:  # noqa: BLE001 - a parser fed with whatever a model wrote fails in any way, deep recursion included
        return f"<code>{escape(token.markup)}</code>"


def _mathml(element: Element) -> str:
    inside = _said(element.text) + "".join(_mathml(child) + _said(child.tail) for child in element)
    if element.tag not in MATH_TAGS:
        return inside
    kept = "".join(f' {name}="{escape(value)}"' for name, value in element.attrib.items() if name in _MATH_VALUES)
    return f"<{element.tag}{kept}>{inside}</{element.tag}>"


def _said(text: str | None) -> str:
    # latex2mathml writes characters as entities inside text, so they are read back before everything is escaped.
    return escape(html.unescape(text or ""))
