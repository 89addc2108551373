"""Rows as text, in whatever kind of file: a bad value costs its row, a damaged file is named with the line."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.rowfiles import left_out, read_rows, row_differences, rows_table
from openflan.errors import SchemaError
from openflan.tasks.schema import ColumnType, parse_column_type

ROWS = [{"text": "It rains, a bit.", "n": 1}, {"text": 'She said "no".\nTwice.', "n": 2}]


def columns(**kinds: Any) -> Mapping[str, ColumnType]:
    return {name: parse_column_type(kind) for name, kind in kinds.items()}


def written(path: Path, text: str) -> Path:
    content = text.encode()
    if path.suffix == ".gz":
        content = gzip.compress(content)
    elif path.suffix == ".zst":
        content = pa.compress(content, "zstd", asbytes=True)
    path.write_bytes(content)
    return path


LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
COMMAS = 'text,n\n"It rains, a bit.",1\n"She said ""no"".\nTwice.",2\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.jsonl", LINES),
        ("train.jsonl", "\ufeff" + LINES.replace("\n", "\r\n")),
        ("train.jsonl.gz", LINES),
        ("train.jsonl.zst", LINES),
        ("train.json", json.dumps(ROWS, indent=2)),
        ("train.json", LINES),
        ("train.json.gz", json.dumps(ROWS)),
        ("train.csv", COMMAS),
        ("train.csv", "\ufeff" + COMMAS.replace(",1", ";1").replace(",2", ";2").replace("text,", "text;")),
        ("train.csv.gz", COMMAS),
        ("train.tsv", COMMAS.replace(",1", "\t1").replace(",2", "\t2").replace("text,", "text\t")),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(name: str, text: str, tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path / name, text))
    assert rows_table(rows, columns(text="string", n="int")).to_pylist() == ROWS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.jsonl", b'{"a": 1}\n{"a": \n', r"rows\.jsonl:2: not JSON"),
        ("rows.jsonl", b'{"a": 1}\n\n[1, 2]\n', r"rows\.jsonl:3: a row is a JSON object, this is list"),
        ("rows.jsonl", b'{"a": 1}\n{"a": "caf\xe9"}', r"rows\.jsonl:2: not UTF-8"),
        ("rows.jsonl", b'{"a": ' + b"[" * 100_000, r"rows\.jsonl:1: "),
        ("rows.json", b'[{"a": 1},\n{"a" 2}]', r"rows\.json:2: not JSON"),
        ("rows.json", b'[{"a": 1}, 5]', r"rows\.json: row 2: a row is a JSON object, this is int"),
        ("rows.csv", b'a,b\n1,2\n"x" y,3\n', r"rows\.csv:3: not CSV"),
        ("rows.jsonl.gz", b"no gzip", r"rows\.jsonl\.gz: not readable"),
    ],
)
def test_bad_line_is_named(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SchemaError, match=message):
        read_rows(tmp_path / name)


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.one_of(st.none(), st.integers(-99, 99))}), min_size=1))
def test_jsonl_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert rows_table(read_rows(path), columns(a="string", b="int")).to_pylist() == rows


def test_a_json_string_may_hold_line_separators(tmp_path: Path) -> None:
    path = written(tmp_path / "train.jsonl", '{"text": "one\u2028two\x85three"}\r\n{"text": "four"}\n')
    assert [row["text"] for row in read_rows(path)] == ["one\u2028two\x85three", "four"]


@pytest.mark.parametrize("value", [5, ["x"], "half \ud83d a character"])
def test_a_bad_value_costs_one_row(value: Any) -> None:
    table = rows_table([{"text": "a"}, {"text": value}, {"text": "b"}], columns(text="string"))
    assert table.column("text").to_pylist() == ["a", "b"]
    assert left_out(table) == {"text: wrong value": 1}


def test_a_number_that_is_missing_is_null(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path / "train.jsonl", '{"n": NaN, "x": NaN}\n{"n": 1, "x": Infinity}\n'))
    table = rows_table(rows, columns(n="int", x="float"))
    assert (table.to_pylist(), left_out(table)) == ([{"n": None, "x": None}], {"x: wrong value": 1})


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 1.5, "x", True, float("inf")])
def test_a_bad_number_costs_one_row(value: Any) -> None:
    table = rows_table([{"n": 1}, {"n": value}], columns(n="int"))
    assert (table.column("n").to_pylist(), left_out(table)) == ([1], {"n: wrong value": 1})


def test_a_row_with_more_cells_than_headings_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path / "train.csv", "n,text\n1,It rains.\n2,It rains, a bit.\n3\n"))
    table = rows_table(rows, columns(n="int", text="string"))
    assert table.to_pylist() == [{"n": 1, "text": "It rains."}, {"n": 3, "text": None}]
    assert left_out(table) == {"more cells than headings": 1}


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"train\.csv:1: two columns are called 'text'"):
        read_rows(written(tmp_path / "train.csv", "text,n,text\na,1,b\n"))


def test_numbers_of_any_length_are_read_at_once(tmp_path: Path) -> None:
    start = time.monotonic()
    rows = read_rows(written(tmp_path / "train.jsonl", '{"n": %s}\n{"n": 2}\n' % ("9" * 100_000)))
    assert rows_table(rows, columns(n="int")).column("n").to_pylist() == [2]
    assert time.monotonic() - start < 1


def test_columns_no_card_reads_cost_nothing() -> None:
    rows = [{"text": "a", "id": "A"}, {"text": "b", "id": 2**99}, {"text": "c", "id": [{}]}]
    table = rows_table(rows, columns(text="string"))
    assert table.to_pylist() == [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    assert not left_out(table)


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([0, 1, -1, None], [0, 1, -1, None]),
        ([0.0, "1", True, float("nan")], [0, 1, 1, None]),
        (["no", 1, "", "-1"], ["no", "yes", "", "-1"]),
        ([" yes ", "1.0", None], ["yes", "yes", None]),
    ],
)
def test_labels_are_names_or_ids_however_they_are_written(values: list[Any], read: list[Any]) -> None:
    table = rows_table([{"label": value} for value in values], columns(label=["no", "yes"]))
    assert table.column("label").to_pylist() == read


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "3", 3),
        ("int", "", None),
        ("float", "2.5", 2.5),
        ("bool", "TRUE", True),
        ("bool", "0", False),
        ("list[string]", '["a", "b"]', ["a", "b"]),
        ({"text": "string"}, '{"text": "a"}', {"text": "a"}),
        ("string", "7", "7"),
    ],
)
def test_text_is_read_as_the_columns_type(kind: Any, text: str, value: Any) -> None:
    assert rows_table([{"c": text}], columns(c=kind)).column("c").to_pylist() == [value]


def test_differences_are_absent_columns_and_columns_without_one_right_value() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert row_differences(rows, columns(b="string")) == []
    assert row_differences(rows, columns(a="string", c="int", b=["y", "z"])) == [
        "column 'a': expected string, found int64",
        "column 'c' (int) is missing",
    ]
    assert row_differences([], columns(a="string")) == []
