"""From a label table and an item table to comparisons of systems."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import TableError
from workbench.stats import coding
from workbench.stats.ranking.comparing import OUTCOME, column_names, to_pandas
from workbench.stats.ranking.style import STYLE, style_of
from workbench.stats.reading import check_single, order_unknown

# A ranking of two responses is a comparison.
_AS_CHOICE = {"A>B": "A", "B>A": "B", "A=B": "tie"}


def comparisons(labels: Any, items: Any, *, style: bool = False) -> pd.DataFrame:
    """The comparisons table of a label table: which two systems, who won, and what it depends on.

    Parameters
    ----------
    labels
        A label table (`tables.LABELS`) of pairs: labels A, B, tie or both_bad. Rankings of two responses count too.
        Hidden repeats and rows of single criteria are left out, as in every statistic.
    items
        The item table (`tables.ITEMS`): `item, model_a, model_b, prompt_id`.
    style
        Also describe both texts (`style_of`), as columns `words_a, words_b, ...` to use as `style=["words"]`.

    Returns
    -------
    DataFrame
        `a, b, winner, prompt_id, annotator, item`, and `left` (A or B, empty where unknown) if the labels have it.

    Raises
    ------
    TableError
        Labels that are no comparison; items that are not in the item table, or do not name both models; a second label
        of an annotator on an item; more than two responses, because the item table names the models of two; lists where
        names belong; with `style` a response without a text.
    """
    asked = column_names(labels, tables.NEEDED, "label table")
    table = coding.select(labels, [name for name in ("left", "flags") if name in asked])
    table = table[table["label"].notna()]
    for name in tables.NEEDED:
        check_single(table[name])
    if table.duplicated(["item", "annotator"]).any():
        raise TableError(
            f"{int(table.duplicated(['item', 'annotator']).sum())} labels are a second one of the same annotator on "
            "the same item",
            next_step="keep the current view (Store.labels), mark repeats with is_repeat, or drop duplicates",
        )
    winner = table["label"].map(lambda label: _AS_CHOICE.get(label, label))
    if not winner.isin(list(OUTCOME)).all():
        strange = str(winner[~winner.isin(list(OUTCOME))].iloc[0])[:40]
        raise TableError(
            f"label {strange!r} is no comparison of two; allowed are {list(OUTCOME)}",
            next_step="for more than two responses build the table yourself: one row `a, b, winner` for each pair that "
            "tasks.task('ranking').pairs names",
        )
    known = _models(items, style)
    lost = ~table["item"].isin(known.index)
    if lost.any():
        raise TableError(
            f"{int(lost.sum())} labels are on items that the item table does not have, first "
            f"{str(table['item'][lost].iloc[0])[:40]!r}"
        )
    of = known.loc[table["item"]].reset_index(drop=True)
    nameless = of["model_a"].fillna("").eq("") | of["model_b"].fillna("").eq("")
    if nameless.any():
        raise TableError(
            f"{int(nameless.sum())} labels are on items that do not name both models, first "
            f"{str(table['item'].iloc[int(np.argmax(nameless))])[:40]!r}",
            next_step="leave them out, or fill model_a and model_b of the item table",
        )
    if style:
        silent = of["words_a"].isna() | of["words_b"].isna()
        if silent.any():
            raise TableError(
                f"{int(silent.sum())} labels are on items that lack a text in response_a or response_b, first "
                f"{str(table['item'].iloc[int(np.argmax(silent))])[:40]!r}",
                where="item table",
                next_step="fill them in (an empty response is the text ''), leave them out, or style=False",
            )
    made = pd.DataFrame(
        {
            "a": of["model_a"],
            "b": of["model_b"],
            "winner": winner.to_numpy(),
            "prompt_id": of["prompt_id"],
            "annotator": table["annotator"].to_numpy(),
            "item": table["item"].to_numpy(),
        }
    )
    if "left" in table:
        left = table["left"].to_numpy(dtype=object)
        if "flags" in table:  # some sources do not say what stood where; their `left` is only the canonical order
            left = np.where(order_unknown(table["flags"]), "", left)
        made["left"] = left
    for name in STYLE if style else ():
        made[f"{name}_a"], made[f"{name}_b"] = of[f"{name}_a"], of[f"{name}_b"]
    return made


def _models(items: Any, style: bool) -> pd.DataFrame:
    texts = ["response_a", "response_b"] if style else []
    needed = ["item", "model_a", "model_b", "prompt_id", *texts]
    names = column_names(items, needed, "item table")
    table = to_pandas(items, [*needed, *(["n_responses"] if "n_responses" in names else [])])
    check_single(table["item"], where="item table")
    if table["item"].duplicated().any():
        raise TableError("the item table has two rows of one item", where="item table")
    if "n_responses" in table and (table["n_responses"] > 2).any():
        raise TableError(
            f"{int((table['n_responses'] > 2).sum())} items have more than two responses, and the item table names the "
            "models of two",
            where="item table",
            next_step="build the comparisons table yourself: one row `a, b, winner` for each pair that "
            "tasks.task('ranking').pairs names",
        )
    no_text = dict.fromkeys(STYLE, math.nan)
    for side in ("a", "b"):
        given = table[f"response_{side}"] if style else ()
        described = [style_of(text) if isinstance(text, str) else no_text for text in given]
        for name, values in pd.DataFrame(described).items():
            table[f"{name}_{side}"] = values.to_numpy()
    return table.set_index("item")
