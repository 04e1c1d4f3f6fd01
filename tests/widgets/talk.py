"""A red-teaming page: what it says to the model under attack, and what it is told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.widgets.make import Keeper, answer_message, handle, widget
from workbench.widgets.annotate import Options, Partner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workbench.tasks import Turn

WAIT_S = 10


class Talk:
    """A red-teaming page and what it is told; `say` waits until the model has replied."""

    def __init__(self, reply: Callable[[Sequence[Turn]], Any], keeper: Keeper | None = None, **changes: Any) -> None:
        self.told: list[dict[str, Any]] = []
        self._news = threading.Condition()
        partner = Partner(reply, "SecretModel-7B", "a" * 64, {"seed": 3})
        self.shown, self.keeper = widget(task="red_team", keeper=keeper, options=Options(partner=partner), **changes)
        self.shown.send = self._hear

    def _hear(self, content: dict[str, Any]) -> None:
        with self._news:
            self.told.append(content)
            self._news.notify_all()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        with self._news:
            assert self._news.wait_for(lambda: any(map(wanted, self.told)), WAIT_S), self.told
            return next(filter(wanted, self.told))

    def send(self, text: str = "hello", position: int = 0, **changes: Any) -> dict[str, Any]:
        sent = {"type": "say", "uuid": str(uuid4()), "question": self.key(position), "text": text} | changes
        self.shown._handle(sent)
        return sent

    def say(self, text: str = "hello", position: int = 0, **changes: Any) -> dict[str, Any]:
        sent = self.send(text, position, **changes)
        return self.until(lambda one: one.get("uuid") == sent["uuid"] and (one.get("done") or one["type"] == "refused"))

    def key(self, position: int = 0) -> str:
        key: str = self.shown.state()["queue"][position]
        return key

    def turns(self, position: int = 0) -> list[tuple[str, str]]:
        said = self.shown.state()["turns"].get(self.key(position), [])
        return [(turn["role"], turn["text"]) for turn in said]

    def answer(self, turns: list[dict[str, str]], position: int = 0) -> dict[str, Any]:
        attack = {"turns": turns, "attack_category": "role play", "success": False, "severity": 0}
        return handle(self.shown, answer_message(self.shown, position, attack))


def echo(turns: Sequence[Turn]) -> str:
    return f"you said {turns[-1].text} after {len(turns) - 1}"


def as_turns(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[k % 2], "text": text} for k, text in enumerate(texts)]
