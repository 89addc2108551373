"""Column types: what they accept, what they make of it, and how they are written."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.tasks.schema import ColumnTypeError, NoGoldLabel, WrongValue, parse_column_type

LABELS = ["entailment", "neutral"]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("string", "x"),
        ("int", 3),
        ("float", 2.5),
        ("float", 2),
        ("bool", False),
        ("list[string]", ["a", "b"]),
        ("list[list[int]]", [[1], []]),
        ({"text": "list[string]", "start": "int"}, {"text": ["a"], "start": 0}),
        ("string?", None),
        ("list[float?]", [2.5, None]),
        ("list[string?]", ["a", None]),
    ],
)
def test_fitting_value_is_returned(spec: Any, value: Any) -> None:
    assert parse_column_type(spec).read(value) == value


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("string", 3),
        ("string", None),
        ("int", "3"),
        ("int", True),
        ("int", 2.5),
        ("bool", 1),
        ("float", math.inf),
        ("float", math.nan),
        ("list[string]", "abc"),
        ("list[string]", ["a", 1]),
        ({"text": "string"}, {"other": "x"}),
        ({"text": "string"}, ["x"]),
        (LABELS, "contradiction"),
    ],
)
def test_wrong_value_is_refused(spec: Any, value: Any) -> None:
    with pytest.raises(WrongValue):
        parse_column_type(spec).read(value)


def test_a_number_that_is_not_there_is_null_however_it_is_written() -> None:
    assert parse_column_type("list[float?]").read([math.nan, 1.5, None]) == [None, 1.5, None]
    with pytest.raises(WrongValue, match="null"):
        parse_column_type("float").read(math.nan)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6, unique=True))
def test_label_reads_as_name_from_id_and_from_name(names: list[str]) -> None:
    kind = parse_column_type(names)
    assert [kind.read(number) for number in range(len(names))] == names
    assert [kind.read(name) for name in names] == names


@pytest.mark.parametrize("value", [-1, 2, None, ""])
def test_missing_label_is_told_from_a_wrong_one(value: Any) -> None:
    with pytest.raises(NoGoldLabel):
        parse_column_type(LABELS).read(value)


def test_bool_is_a_label_id() -> None:
    assert parse_column_type(["no", "yes"]).read(True) == "yes"


def test_further_keys_of_a_mapping_are_dropped() -> None:
    assert parse_column_type({"text": "string"}).read({"text": "a", "more": 1}) == {"text": "a"}


@pytest.mark.parametrize("spec", ["str", "list", "list[text]", 3, [], [True, False], None])
def test_unknown_type_says_what_there_is(spec: Any) -> None:
    with pytest.raises(ColumnTypeError):
        parse_column_type(spec)


@pytest.mark.parametrize("spec", ["string", "float?", "list[list[string]]", "list[int?]?"])
def test_type_prints_as_it_is_written(spec: str) -> None:
    assert str(parse_column_type(spec)) == spec
