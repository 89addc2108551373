"""Slices of a split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.tasks.slices import parse_slice

bound = st.one_of(st.none(), st.integers(-300, 300).map(str), st.integers(0, 100).map("{}%".format))


@given(st.sampled_from(["train", "dev_r1", "validation"]), bound, bound)
def test_written_and_read_again(split: str, start: str | None, stop: str | None) -> None:
    spec = f"{split}[{start or ''}:{stop or ''}]"
    assert parse_slice(str(parse_slice(spec))) == parse_slice(spec)


@given(st.integers(0, 500), st.integers(1, 250))
def test_head_and_tail_part_the_rows(rows: int, cut: int) -> None:
    head, tail = (range(rows)[parse_slice(spec).of(rows)] for spec in (f"train[:-{cut}]", f"train[-{cut}:]"))
    assert [*head, *tail] == list(range(rows))


@given(st.integers(0, 1000))
def test_per_cent_slices_part_the_rows(rows: int) -> None:
    parts = [parse_slice(spec).of(rows) for spec in ("t[:33%]", "t[33%:66%]", "t[66%:]")]
    assert [row for part in parts for row in range(rows)[part]] == list(range(rows))


def test_rows_shrink_with_the_scale_to_one_at_least() -> None:
    assert parse_slice("train[-200:]").of(30, 0.05) == slice(-10, None)
    assert parse_slice("train[-200:]").of(30, 0.001) == slice(-1, None)


@pytest.mark.parametrize("spec", ["", "train[", "train[1]", "train[a:b]", "train[::2]", "a b"])
def test_bad_slice_says_how_to_write_one(spec: str) -> None:
    with pytest.raises(ValueError, match="write train"):
        parse_slice(spec)
