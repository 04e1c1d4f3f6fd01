"""What results look like in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workbench.pilot.views import Shown
from workbench.training.runfiles import Status, write_status
from workbench.training.runs import Run

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.pilot import Pilot


class Priced(Shown):
    def lines(self) -> list[str]:
        return ["$1 here and $2 there"]

    def table(self) -> pd.DataFrame:
        return pd.DataFrame({"<b>": ["$3 <i> $4"]})


def test_dollar_signs_are_no_mathematics(pilot: Pilot, tmp_path: Path) -> None:
    write_status(tmp_path, Status(state="failed", reason="it cost $5 & $6", created=1.0))
    views = (Priced().html(), pilot.card().html(), pilot.cost(1000).html(), Run(tmp_path)._repr_html_())
    for html in views:
        assert html.startswith('<div class="mathjax_ignore">')
        assert html.endswith("</div>")
        assert html.count("<div") == html.count("</div>")
    assert "<p>$1 here and $2 there</p>" in views[0]
    assert "it cost $5 &amp; $6" in views[3]
    assert "&lt;b&gt;" in views[0]
    assert "$3 &lt;i&gt; $4" in views[0]
