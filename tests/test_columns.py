"""Tables lose neither names nor digits, whatever the width."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from openflan.columns import FittedTable, Row

NAMES = ["opinion_abstracts_idebate", "rte", "日本語の質問"]
NUMBERS = ["1,234,567", "8", "12.3 ±4.5"]
OPTIONS = ["entailment / neutral / contradiction / none of the three", "yes / no", ""]


def table(leave=(2, 1)):
    rows = [Row([*cells]) for cells in zip(NAMES, NUMBERS, OPTIONS, strict=True)]
    return FittedTable("A title", ["dataset", "rows", "options"], rows, numbers=[1], cut=[2], leave=leave)


def printed(drawn, width):
    console = Console(width=width, file=io.StringIO())
    console.print(drawn)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_everything_is_there_where_there_is_room():
    text = "\n".join(printed(table(), 200))
    assert all(word in text for word in (*NAMES, *NUMBERS, *OPTIONS))
    assert "no room" not in text


def test_long_texts_are_cut_first_and_show_it():
    text = "\n".join(printed(table(), 70))
    assert all(word in text for word in (*NAMES, *NUMBERS))
    assert "entailment / neutral" in text and "…" in text
    assert "no room" not in text


def test_then_columns_are_left_out_in_their_order_and_named():
    assert printed(table(), 45)[-1] == "no room for: options"
    assert printed(table(), 30)[-1] == "no room for: options, rows"


@given(st.integers(12, 120))
def test_no_name_is_lost_at_any_width(width):
    lines = printed(table(), width)
    assert all(Text(line).cell_len <= width for line in lines)
    whole = "".join(line.partition("  ")[0] for line in lines)
    assert all(name in whole for name in NAMES)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_what_may_not_be_left_out_is_folded_and_not_cut(width):
    text = "".join("".join(printed(table(leave=()), width)).split())
    for digits in ("1,234,567", "12.3"):
        assert digits in text or width == 20
    assert "no room" not in text
