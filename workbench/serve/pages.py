"""The plain pages: for people without a working link, and for when a page cannot be opened. No script, no names."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.safe_html import escape

_STYLE = """
:root { color-scheme: light dark }
body { font: 1.0625rem/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; margin: 18vh auto 0;
  max-width: 34rem; padding: 0 1.5rem }
h1 { font-size: 1.375rem; line-height: 1.3 }
"""


@dataclass(frozen=True)
class Words:
    """What a page says: a title and a paragraph."""

    title: str
    text: str


NO_LINK = Words(
    "You need your personal link",
    "This page opens with the link that was sent to you. Open that link again, in the browser you want to label with. "
    "If you have just done so, your browser keeps no cookies for this page: allow it to.",
)
# The same words whether a link never was, has ended or was taken back: nobody learns who was invited.
BAD_LINK = Words(
    "This link does not open the page",
    "It may be incomplete, or its time may be over. Copy the whole link, or ask the person who invited you for a new "
    "one. Answers that were shown as saved are safe.",
)
FULL = Words(
    "All places are taken just now",
    "This page tries again by itself in a minute. Nothing is lost: answers that were shown as saved are safe, and "
    "others are still in your browser.",
)
TOO_FAST = Words(
    "This page was opened many times in a short while",
    "Please wait a minute, then open it again. Nothing is lost.",
)
NOT_FOUND = Words("There is nothing here", "The labelling page is at the address of your link.")
NOT_ALLOWED = Words("This cannot be done", "The page asked for something that it may not. Open your link again.")
BROKEN = Words(
    "The page could not be opened",
    "Something went wrong on the server. Answers that were shown as saved are safe. Please try again, and tell the "
    "person who invited you if it stays so.",
)

BY_STATUS = {401: NO_LINK, 403: BAD_LINK, 404: NOT_FOUND, 405: NOT_ALLOWED, 429: TOO_FAST, 503: FULL}


def page(words: Words) -> str:
    """A whole HTML page that says this."""
    title, text = escape(words.title), escape(words.text)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="robots" content="noindex"><title>{title}</title><link rel="icon" href="data:,">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>\n"
    )


def for_status(status: int) -> str:
    """The page of an HTTP status."""
    return page(BY_STATUS.get(status, BROKEN if status >= 500 else NOT_ALLOWED))
