"""What the widgets share: a table for those who have no kernel, and messages that arrive where they were sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

STATIC = Path(__file__).parent / "static"


class PageWidget(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget is not followed by mypy
    """A widget with a page of its own (`js/`), and its text and table where there is no live page."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        # Each window sends what its widgets say to a subshell of its own. ipykernel 7.4 sends it on to the subshell
        # under which the widget last spoke. A widget that speaks from a thread does so under whatever came last, and
        # once that subshell is deleted everything its pages say is dropped. Here any thread may take a message.
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda _data, addressed: addressed

    def _static_html(self) -> str:
        """What a saved notebook shows without the widget."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        static = {"text/plain": repr(self), "text/html": self._static_html()}
        if type(self.comm).__name__ == "DummyComm":  # no kernel: there is nobody to keep a live view up to date
            return static, {}
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, **static}, metadata
