"""Label a queue of questions in a notebook or on a served page.

- `making`: `annotate_queue` makes the widget; `widget`: what passes between it and its page;
- `practising`: practice on gold before live work; `live`: live work; `attack`: conversations with a model;
- `desk`: what it is given: where judgments go, what was given before, what a task type needs beside;
- `questions`: what the browser gets to know of an item, and what an answer on the screen means;
- `messages`: what a browser may send; `keys`: which key does what; `shown`: guideline and feedback as a page sees them.

The page's side is in `widgets/js/annotate/`, bundled into `widgets/static/annotate.js` (`make widgets`).
"""

from workbench.widgets.annotate.desk import Drill, Handed, HandOut, Keeper, Options, Partner, Past
from workbench.widgets.annotate.making import annotate_queue
from workbench.widgets.annotate.questions import Question, Requirement
from workbench.widgets.annotate.widget import AnnotateWidget

__all__ = [
    "AnnotateWidget",
    "Drill",
    "HandOut",
    "Handed",
    "Keeper",
    "Options",
    "Partner",
    "Past",
    "Question",
    "Requirement",
    "annotate_queue",
]
