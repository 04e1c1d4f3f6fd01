"""A page as Python's own HTML parser sees it, independent of what made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "base"}


@dataclass
class Element:
    tag: str
    attrs: dict[str, str | None]
    parents: tuple[Element, ...] = field(repr=False)
    text: str = ""

    def inside(self, css_class: str) -> bool:
        return any(css_class in (parent.attrs.get("class") or "").split() for parent in self.parents)


class Page(HTMLParser):
    """All elements in order, each with its attributes, ancestors and the text in it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.broken: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.broken.append(f"<{tag}> repeats an attribute")
        element = Element(tag, dict(attrs), tuple(self.open))
        if tag in ("td", "th", "p", "li", "br"):
            self.handle_data(" ")  # cells stand apart on a page, so they do in the text
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1].tag != tag:
            self.broken.append(f"</{tag}> closes {self.open[-1].tag if self.open else 'nothing'}")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data

    def handle_comment(self, data: str) -> None:
        self.broken.append(f"comment {data[:40]!r}")

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def by_id(self, name: str) -> Element:
        (found,) = [element for element in self.elements if element.attrs.get("id") == name]
        return found
