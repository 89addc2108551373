"""Units: rows that share a passage or a question stand on one side of every cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.units import snapped, unit_keys, unit_numbers


def numbers(values: list[object], unit: str = "{{ value }}") -> list[int]:
    keys = unit_keys(pa.table({"value": values}), unit)
    assert keys is not None
    return list(unit_numbers(keys).tolist())


def test_rows_with_the_same_text_belong_together_whatever_its_white_space() -> None:
    assert numbers(["a passage", "another", "a  passage\n", "another", "A passage"]) == [0, 1, 0, 1, 2]


def test_a_list_joins_rows_that_share_any_entry_and_what_those_are_joined_with() -> None:
    assert numbers([["a", "b"], ["c", "d"], ["e", "f"], ["b", "x"], ["x", "c"]]) == [0, 0, 1, 0, 0]


def test_rows_without_a_value_stand_alone() -> None:
    assert numbers([None, "", None, " "]) == [0, 1, 2, 3]
    assert numbers(["a", "b"], "{{ value.missing }}") == [0, 1]


def test_a_card_without_a_unit_has_no_keys() -> None:
    assert unit_keys(pa.table({"value": ["a"]}), None) is None


@pytest.mark.parametrize(
    ("bound", "border"), [(0, 0), (1, 2), (2, 2), (3, 2), (4, 5), (6, 5), (9, 10), (11, 10), (12, 12)]
)
def test_a_bound_moves_to_the_nearest_border(bound: int, border: int) -> None:
    assert snapped([bound], np.array([2, 5, 10]), 12)[bound] == border


@given(st.sets(st.integers(1, 99)), st.lists(st.integers(0, 100), max_size=5))
def test_bounds_keep_their_order_and_no_part_is_empty_while_there_are_borders(
    borders: set[int], bounds: list[int]
) -> None:
    places = snapped(bounds, np.array(sorted(borders), dtype=np.int64), 100)
    assert set(places.values()) <= borders | {0, 100}
    inner = sorted({bound for bound in bounds if 0 < bound < 100})
    moved = [places[bound] for bound in inner]
    assert moved == sorted(moved)
    if len(borders) >= len(inner):
        assert len(set(moved)) == len(moved)
