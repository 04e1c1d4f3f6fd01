"""Records refuse what does not fit, naming the field, the value and what is allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from workbench.errors import RecordError, WorkbenchError, missing_extra
from workbench.records import Annotator, Constraint, Item, Label, Response, canonical_json, content_id


def response(name: str) -> Response:
    return Response(id=name, text=name)


def test_a_bad_record_names_field_value_and_what_is_allowed() -> None:
    with pytest.raises(RecordError) as caught:
        Annotator.parse({"id": "ana", "source": "robot"})
    text = str(caught.value)
    assert "Annotator refused" in text
    assert "source" in text
    assert "'robot'" in text
    assert "'human', 'model' or 'simulated'" in text


def test_the_constructor_speaks_the_same_way() -> None:
    with pytest.raises(RecordError, match=r"id: .*pattern.*got 'no spaces please'"):
        Annotator(id="no spaces please", source="human")


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(RecordError, match="nickname"):
        Annotator.parse({"id": "ana", "source": "human", "nickname": "a"})


def test_long_hostile_values_are_cut_in_the_message() -> None:
    with pytest.raises(RecordError) as caught:
        Annotator.parse({"id": "x" * 100_000, "source": "human"})
    assert len(str(caught.value)) < 500


def test_a_missing_field_does_not_quote_the_whole_record() -> None:
    with pytest.raises(RecordError) as caught:
        Annotator.parse({"id": "ana", "pool": "confidential"})
    assert "source: Field required" in str(caught.value)
    assert "confidential" not in str(caught.value)


def test_records_are_frozen() -> None:
    ana = Annotator(id="ana", source="human")
    with pytest.raises(ValidationError, match="frozen"):
        ana.pool = "x"  # type: ignore[misc]


def test_responses_of_an_item_are_distinct() -> None:
    with pytest.raises(RecordError, match="distinct ids"):
        Item(id="i", prompt_id="p", task="pairwise", prompt="?", responses=(response("a"), response("a")))


def test_the_order_shows_exactly_the_responses() -> None:
    fields = {
        "label_id": "l",
        "pilot": "p",
        "batch": "b",
        "item": "i",
        "prompt_id": "p",
        "task": "pairwise",
        "annotator": "ana",
        "source": "human",
        "answer": {"choice": "A"},
        "responses": ["a", "b"],
        "guideline": "g/v1",
        "guideline_sha256": "0" * 64,
    }
    assert Label.parse({**fields, "order": ["b", "a"]}).order == ("b", "a")
    with pytest.raises(RecordError, match="order must show exactly"):
        Label.parse({**fields, "order": ["a", "a"]})
    with pytest.raises(RecordError, match="submitted_at"):
        Label.parse({**fields, "order": ["a", "b"], "submitted_at": "2026-01-01T00:00:00"})


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(RecordError, match="not valid Unicode"):
        Response(id="r", text="\ud800")
    with pytest.raises(RecordError, match="not valid Unicode"):
        Constraint(id="c", kind="k", params={"word": ["\udfff"]})
    with pytest.raises(RecordError, match="not valid Unicode"):
        Constraint(id="c", kind="k", params={"\ud800": 1})


def test_what_is_too_large_to_show_is_refused_in_words() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    for value in (deep, 10**5_000):
        with pytest.raises(RecordError, match=r"got a (dict|int) too large to show"):
            Response.parse({"id": "r", "text": value})


def test_nested_errors_name_the_path() -> None:
    bad = {"id": "r", "text": "t", "seed": "x"}
    with pytest.raises(RecordError, match=r"responses\.0\.seed: .*got 'x'"):
        Item.parse({"id": "i", "prompt_id": "p", "task": "pairwise", "prompt": "?", "responses": [bad]})


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=6))
def test_canonical_json_does_not_depend_on_order(value: dict[str, int | str]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert canonical_json(value) == canonical_json(backwards)
    assert content_id("x", value) == content_id("x", backwards)


def test_canonical_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"x": float("nan")})


def test_errors_are_one_line_with_the_next_step() -> None:
    error = WorkbenchError("the store is full", where="store.sqlite", next_step="free some space")
    assert str(error) == "the store is full [store.sqlite] -> free some space"
    assert "pip install 'preference-workbench[train]'" in str(missing_extra("train", "DPO"))
