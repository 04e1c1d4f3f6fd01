"""Label a queue of questions in a notebook or on a served page.

- `widget`: the widget and its messages; `annotate_queue` makes one;
- `desk`: what it is given: where judgments go, what was given before, what a task type needs beside;
- `questions`: what the browser gets to know of an item, and what an answer on the screen means;
- `messages`: what a browser may send; `keys`: which key does what; `shown`: guideline and feedback as a page sees them;
- `practising`: practice on gold before live work; `attack`: conversations with a model.

The page's side is in `widgets/js/annotate/`, bundled into `widgets/static/annotate.js` (`make widgets`).
"""

from workbench.widgets.annotate.desk import Drill, Handed, Keeper, Options, Partner, Past
from workbench.widgets.annotate.questions import Question, Requirement
from workbench.widgets.annotate.widget import AnnotateWidget, annotate_queue

__all__ = [
    "AnnotateWidget",
    "Drill",
    "Handed",
    "Keeper",
    "Options",
    "Partner",
    "Past",
    "Question",
    "Requirement",
    "annotate_queue",
]
