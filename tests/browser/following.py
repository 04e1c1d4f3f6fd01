"""Pages that show a widget which follows something: its state, changes and messages come from its real Python half.

Each page is a viewer of its own, as two browser windows on one kernel are.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

# The model's five calls and nothing of Jupyter. What Python changes or says is fetched, since it may come from any
# thread; `pythonAlive` false is a kernel that is gone: nothing arrives on either side.
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>NAME</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/NAME.css">
<body><div id="one"></div><script type="module">
import widget from "/NAME.js";
const viewer = String(Math.random());
const state = JSON.parse(await window.pythonState(viewer));
const listeners = new Map();
const tell = (event, ...given) => { for (const one of [...(listeners.get(event) ?? [])]) one(...given); };
const model = {
  get: (name) => structuredClone(state[name]),
  set: (name, value) => { state[name] = structuredClone(value); },
  send: (content) => void window.pythonHandle(JSON.stringify(content)),
  on: (event, listener) => listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
  off: (event, listener) => listeners.get(event)?.delete(listener),
};
setInterval(async () => {
  for (const text of await window.pythonSaid(viewer)) {
    const said = JSON.parse(text);
    if ("message" in said) tell("msg:custom", said.message);
    else { state[said.name] = said.value; tell(`change:${said.name}`); }
  }
}, 50);
window.state = state;
window.listening = () => [...listeners.values()].reduce((n, one) => n + one.size, 0);
window.cleanUp = widget.render({ model, el: document.getElementById("one") });
window.ready = true;
</script></body></html>"""


class Following:
    """A widget and the pages that show it."""

    def __init__(self, context: BrowserContext, site: str, name: str, shown: Any, traits: tuple[str, ...]) -> None:
        self.context = context
        self.widget = shown
        self.alive = True
        self.sent: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.dialogs: list[str] = []
        self.requests: list[str] = []
        self._site = site
        self._name = name
        self._traits = traits
        self._lock = threading.Lock()
        self._viewers: dict[str, list[str]] = {}
        shown.send = lambda content: self._tell({"message": content})
        for trait in traits:
            shown.observe(lambda change: self._tell({"name": change["name"], "value": change["new"]}), trait)
        context.expose_function("pythonState", self._state)
        context.expose_function("pythonHandle", self._handle)
        context.expose_function("pythonSaid", self._fetch)
        self.page = self.open()

    def open(self) -> Page:
        """One viewer more."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._accept)
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(f"{self._site}/page/{self._name}")
        page.wait_for_function("window.ready")
        return page

    def _accept(self, dialog: Any) -> None:
        self.dialogs.append(dialog.type)
        dialog.accept()

    def _state(self, viewer: str) -> str:
        with self._lock:
            self._viewers[viewer] = []
        return json.dumps(self.widget.get_state([*self._traits, *self._extra()]))

    def _extra(self) -> list[str]:
        return [name for name in ("history",) if self.widget.has_trait(name)]

    def _handle(self, content: str) -> None:
        if self.alive:
            self.sent.append(json.loads(content))
            self.widget._handle(json.loads(content))

    def _tell(self, said: dict[str, Any]) -> None:
        if not self.alive:
            return
        text = json.dumps(said)
        with self._lock:
            for waiting in self._viewers.values():
                waiting.append(text)

    def _fetch(self, viewer: str) -> list[str]:
        with self._lock:
            said, self._viewers[viewer] = self._viewers.get(viewer, []), []
        return said

    def close(self) -> None:
        """No page may have met an error, opened a dialog or asked anything of another machine."""
        self.widget.close()
        self.context.close()
        assert self.errors == []
        assert self.dialogs == []
        assert [url for url in self.requests if not url.startswith((f"{self._site}/", "data:,"))] == []
