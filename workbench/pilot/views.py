"""How results show themselves: a few honest lines in a terminal, lines, table and figure in a notebook.

The HTML is bare and escaped, so it is safe with hostile text and readable where no kernel or script runs.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from plotly.graph_objects import Figure

    from workbench.stats.estimate import Estimate


class Shown:
    """What a `Pilot` method returns. Subclasses give `lines`, and where it helps `table` and `figure`."""

    def lines(self) -> list[str]:
        """What it says, most important first."""
        raise NotImplementedError

    def table(self) -> pd.DataFrame | None:
        """The numbers behind the lines, ready to read."""
        return None

    def figure(self) -> Figure | None:
        """The picture, or None where there is none."""
        return None

    def __str__(self) -> str:
        table = self.table()
        rows = "" if table is None or table.empty else "\n" + table.to_string(index=False, max_colwidth=60)
        return "\n".join(self.lines()) + rows

    __repr__ = __str__

    def html(self) -> str:
        """Lines and table as escaped HTML without styles or scripts."""
        table = self.table()
        text = "".join(f"<p>{escape(line)}</p>" for line in self.lines())
        if table is not None and not table.empty:
            text += table.to_html(index=False, escape=True, border=0, na_rep="–")
        # Without the class JupyterLab sets what stands between two dollar signs as mathematics, prices too.
        return f'<div class="mathjax_ignore">{text}</div>'

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display({"text/plain": str(self), "text/html": self.html()}, raw=True)
        figure = self.figure()
        if figure is not None:
            display(figure)


def show(make: Callable[..., Any], *given: Any, **options: Any) -> None:
    """Show what a call gives, or in one line why it gives nothing.

    For notebooks that run on any pilot: one without gold, times or a second model has parts that cannot be shown.

    >>> from workbench.errors import PilotError
    >>> def nothing() -> None:
    ...     raise PilotError("no label has a time", next_step="import submitted_at")
    >>> show(nothing)
    no label has a time -> import submitted_at
    """
    from IPython.display import display

    try:
        display(make(*given, **options))
    except WorkbenchError as error:
        print(error)  # noqa: T201 - this is what a cell is to show


def estimate_row(estimate: Estimate, what: str = "") -> dict[str, Any]:
    """An estimate as a table row: number, interval, counts, method."""
    return {
        "what": what or estimate.label or estimate.name.replace("_", " "),
        "value": number(estimate.value),
        "interval": f"{number(estimate.low)} to {number(estimate.high)}" if estimate.low == estimate.low else "–",
        "items": estimate.n_items,
        "annotators": estimate.n_annotators,
        "labels": estimate.n_labels,
        "note": estimate.reason,
    }


def number(value: float, digits: int = 3) -> str:
    """A number for people; a dash where there is none."""
    return "–" if value != value else f"{value:.{digits}f}"
