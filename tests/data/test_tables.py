"""Split files as tables: damaged files are named, and class labels go by name, whatever ids a copy uses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openflan.data.tables import differences, label_names, named_labels, read_jsonl, read_parquet, table_of
from openflan.errors import SchemaError
from openflan.tasks.card import Source

NAMES = ["entailment", "neutral", "contradiction"]


def layout(**columns: Any) -> Source:
    return Source.model_validate({"columns": columns})


def hub_table(ids: list[int], names: list[str]) -> pa.Table:
    """A label column as the hub's library writes it: ids, with the names in the schema's metadata."""
    features = {"label": {"names": names, "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}
    table = pa.table({"label": pa.array(ids, pa.int64()), "text": [f"row {i}" for i in range(len(ids))]})
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


@given(st.permutations(NAMES), st.lists(st.integers(-1, 2), min_size=1))
def test_labels_go_by_name_when_a_copy_permutes_its_ids(names: list[str], ids: list[int]) -> None:
    table = hub_table(ids, names)
    card = layout(label=NAMES, text="string")
    assert differences(table, card) == []
    named = named_labels(table, card).column("label").to_pylist()
    assert named == [names[i] if i >= 0 else None for i in ids]


def test_other_label_names_are_a_difference() -> None:
    found = differences(hub_table([0], ["yes", "no"]), layout(label=NAMES))
    assert found == [f"column 'label': expected labels {NAMES}, found ['yes', 'no']"]


def test_labels_without_names_stay_ids() -> None:
    table = pa.table({"label": [0, 1]})
    assert label_names(table) == {}
    assert named_labels(table, layout(label=NAMES)).column("label").to_pylist() == [0, 1]


@pytest.mark.parametrize(
    ("kind", "values", "fits"),
    [
        ("string", ["a"], True),
        ("string", [1], False),
        ("string", [None], True),
        ("int", [1], True),
        ("int", [1.5], False),
        ("float", [1], True),
        ("float", [1.5], True),
        ("bool", [True], True),
        ("bool", [1], False),
        ("list[string]", [["a"]], True),
        ("list[string]", [[1]], False),
        ("list[string]", ["a"], False),
        ({"text": "list[string]"}, [{"text": ["a"], "start": [1]}], True),
        ({"text": "list[string]"}, [{"start": [1]}], False),
        ({"text": "string"}, ["a"], False),
        (["no", "yes"], [0], True),
        (["no", "yes"], [True], True),
        (["no", "yes"], ["yes"], True),
        (["no", "yes"], [0.5], False),
    ],
)
def test_columns_fit_by_type(kind: Any, values: list[Any], fits: bool) -> None:
    assert (differences(pa.table({"c": values}), layout(c=kind)) == []) == fits


def test_missing_column_is_told_with_its_type() -> None:
    found = differences(pa.table({"other": [1]}), layout(text="list[string]"))
    assert found == ["column 'text' (list[string]) is missing"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": \n', r"rows\.jsonl:2: not JSON"),
        ('{"a": 1}\n\n[1, 2]\n', r"rows\.jsonl:3: a row is a JSON object, this is list"),
        ('{"a": 1}\n{"a": "x"}\n', r"rows\.jsonl: column 'a' mixes types"),
    ],
)
def test_bad_line_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(SchemaError, match=message):
        read_jsonl(path)


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.one_of(st.none(), st.integers(-99, 99))}), min_size=1))
def test_jsonl_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert read_jsonl(path).to_pylist() == rows


def test_absent_key_reads_as_null() -> None:
    assert table_of([{"a": 1}, {"b": "x"}], "here").to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_damaged_parquet_is_named(tmp_path: Path, toy_rows: Callable[..., list[dict[str, Any]]]) -> None:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist(toy_rows(50)), path)
    assert read_parquet([path]).num_rows == 50
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SchemaError, match=r"train\.parquet: not a readable Parquet file"):
        read_parquet([path])


def test_a_json_string_may_hold_line_separators(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "one\u2028two\x85three"}\r\n{"text": "four"}\n', encoding="utf-8", newline="")
    assert read_jsonl(path).column("text").to_pylist() == ["one\u2028two\x85three", "four"]


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes('{"text": "café"}'.encode("latin-1"))
    with pytest.raises(SchemaError, match=r"train\.jsonl: not UTF-8"):
        read_jsonl(path)


def test_shards_of_different_types_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"train-0000{number}-of-00002.parquet" for number in range(2)]
    for path, column in zip(paths, (["a"], [1]), strict=True):
        pq.write_table(pa.table({"text": column}), path)
    with pytest.raises(SchemaError, match="do not go together"):
        read_parquet(paths)
