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

from openflan.data.tables import differences, label_names, named_labels, read_parquet, table_of
from openflan.errors import SchemaError
from openflan.tasks.card import Source
from openflan.tasks.schema import parse_column_type

NAMES = ["entailment", "neutral", "contradiction"]


TEXT = {"text": parse_column_type("string"), "premise": parse_column_type("string")}


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


def test_absent_key_reads_as_null() -> None:
    assert table_of([{"a": 1}, {"b": "x"}], "here").to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_rows_made_by_a_function_must_not_mix_types() -> None:
    with pytest.raises(SchemaError, match="here: column 'a' mixes types"):
        table_of([{"a": 1}, {"a": "x"}], "here")


def test_damaged_parquet_is_named(tmp_path: Path, toy_rows: Callable[..., list[dict[str, Any]]]) -> None:
    path = tmp_path / "train.parquet"
    pq.write_table(pa.Table.from_pylist(toy_rows(50)), path)
    assert read_parquet([path], TEXT).num_rows == 50
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SchemaError, match=r"train\.parquet: not a readable Parquet file"):
        read_parquet([path], TEXT)


def test_shards_of_different_types_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"train-0000{number}-of-00002.parquet" for number in range(2)]
    for path, column in zip(paths, (["a"], [1]), strict=True):
        pq.write_table(pa.table({"text": column}), path)
    with pytest.raises(SchemaError, match="do not go together"):
        read_parquet(paths, TEXT)


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        ("string", pa.array(["a", None]).dictionary_encode(), ["a", None]),
        ("string", pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        ("string", pa.array(["a", "b"], pa.string_view()), ["a", "b"]),
        ("string", pa.array(["a", "ü"]).cast(pa.binary()), ["a", "ü"]),
        ("string", pa.array(["a", "ü"]).cast(pa.large_binary()).dictionary_encode(), ["a", "ü"]),
        ("int", pa.array([1, 2], pa.uint8()), [1, 2]),
        ("int", pa.array([1.0, None, float("nan")]), [1, None, None]),
        ("float", pa.array([1.5], pa.float32()), [1.5]),
        (["no", "yes"], pa.array([1.0, 0.0, float("nan")]), [1, 0, None]),
        (["no", "yes"], pa.array(["no", "yes"]).dictionary_encode(), ["no", "yes"]),
        ("list[string]", pa.array([["a"], ["b", "c"]], pa.large_list(pa.large_string())), [["a"], ["b", "c"]]),
        (
            {"text": "list[int]"},
            pa.array([{"text": [1]}], pa.struct([("text", pa.list_(pa.int16()))])),
            [{"text": [1]}],
        ),
    ],
)
def test_types_that_mean_the_same_are_read_as_one(
    kind: Any, written: pa.Array, read: list[Any], tmp_path: Path
) -> None:
    path = tmp_path / "train.parquet"
    try:
        pq.write_table(pa.table({"unread": ["x"] * len(written), "c": written}), path)
    except pa.ArrowNotImplementedError as error:
        pytest.skip(f"this pyarrow cannot write the file ({error})")
    columns = layout(c=kind).columns
    assert differences(pq.read_schema(path).empty_table(), layout(c=kind)) == []
    table = read_parquet([path], columns)
    assert table.to_pylist() == [{"c": value} for value in read]
    assert differences(table, layout(c=kind)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([1], pa.int32()), pa.array([2], pa.int64())),
        (pa.array([1]), pa.array([2.0, float("nan")])),
        (pa.array(["a"]), pa.array(["b"], pa.large_string())),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b"])),
        (pa.array([None], pa.null()), pa.array(["b"])),
    ],
)
def test_shards_of_other_widths_go_together(one: pa.Array, other: pa.Array, tmp_path: Path) -> None:
    paths = [tmp_path / f"train-0000{number}-of-00002.parquet" for number in range(2)]
    for path, column in zip(paths, (one, other), strict=True):
        pq.write_table(pa.table({"c": column}), path)
    assert read_parquet(paths, layout(c=["a", "b", "c"]).columns).num_rows == len(one) + len(other)
