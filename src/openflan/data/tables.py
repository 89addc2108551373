"""Split files as Arrow tables, whatever they were written as, and whether their columns are a card's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from openflan.errors import SchemaError
from openflan.tasks.card import Source
from openflan.tasks.schema import ColumnType


def read_parquet(paths: Sequence[Path]) -> pa.Table:
    """One split from its Parquet files, memory-mapped; raises `SchemaError` naming a damaged file."""
    tables = []
    for path in paths:
        try:
            tables.append(pq.read_table(path, memory_map=True))
        except (pa.ArrowException, OSError) as error:
            raise SchemaError(f"{path}: not a readable Parquet file ({error})") from None
    return joined(tables, str(paths[0]))


def joined(tables: list[pa.Table], origin: str) -> pa.Table:
    """The shards of a split as one table; raises `SchemaError` when they differ in a column's type."""
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        raise SchemaError(f"{origin}: the files of this split do not go together: {error}") from None


def read_jsonl(path: Path) -> pa.Table:
    """One split from a file of JSON objects, one a line; raises `SchemaError` naming file and line."""
    rows: list[Mapping[str, Any]] = []
    try:
        # Only a line feed ends a row: a JSON string may hold other line separators, such as U+2028, as they are.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise SchemaError(f"{path}: not UTF-8: {error}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise SchemaError(f"{path}:{number}: not JSON: {error.msg}") from None
        if not isinstance(row, dict):
            raise SchemaError(f"{path}:{number}: a row is a JSON object, this is {type(row).__name__}")
        rows.append(row)
    return table_of(rows, str(path))


def table_of(rows: list[Mapping[str, Any]], origin: str) -> pa.Table:
    """Rows as a table; a key that a row lacks reads as null. Raises `SchemaError` when a column mixes types."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        try:
            columns[name] = pa.array([row.get(name) for row in rows])
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise SchemaError(f"{origin}: column {name!r} mixes types: {error}") from None
    return pa.table(columns)


def label_names(table: pa.Table) -> dict[str, list[str]]:
    """The class names of label columns, as the hub's library leaves them in a file's schema."""
    metadata = (table.schema.metadata or {}).get(b"huggingface")
    features = json.loads(metadata).get("info", {}).get("features", {}) if metadata else {}
    return {
        name: list(feature["names"])
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    }


def named_labels(table: pa.Table, layout: Source) -> pa.Table:
    """Replace label ids by the names the *source* gives them, so that another order of ids cannot mix up classes."""
    for name, names in label_names(table).items():
        kind = layout.columns.get(name)
        if kind is None or not kind.labels or not pa.types.is_integer(table.schema.field(name).type):
            continue
        ids = table.column(name).to_pylist()
        texts = [names[i] if i is not None and 0 <= i < len(names) else None for i in ids]
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(texts, pa.string()))
    return table


def differences(table: pa.Table, layout: Source) -> list[str]:
    """What keeps a table from having a layout, in words; empty when it fits. Further columns do not matter."""
    found: list[str] = []
    names = label_names(table)
    for column, kind in layout.columns.items():
        index = table.schema.get_field_index(column)
        if index < 0:
            found.append(f"column {column!r} ({kind}) is missing")
            continue
        actual = table.schema.field(index).type
        if not _fits(actual, kind):
            found.append(f"column {column!r}: expected {kind}, found {actual}")
        elif kind.labels and column in names and set(names[column]) != set(kind.labels):
            found.append(f"column {column!r}: expected labels {list(kind.labels)}, found {names[column]}")
    return found


def _fits(actual: pa.DataType, kind: ColumnType) -> bool:
    if pa.types.is_null(actual):
        return True
    if kind.labels:
        return pa.types.is_integer(actual) or pa.types.is_boolean(actual) or _is_text(actual)
    if kind.item is not None:
        is_list = pa.types.is_list(actual) or pa.types.is_large_list(actual) or pa.types.is_fixed_size_list(actual)
        return is_list and _fits(actual.value_type, kind.item)
    if kind.keys is not None:
        if not pa.types.is_struct(actual):
            return False
        fields = {actual.field(i).name: actual.field(i).type for i in range(actual.num_fields)}
        return all(name in fields and _fits(fields[name], inner) for name, inner in kind.keys.items())
    match kind.kind:
        case "string":
            return _is_text(actual)
        case "int":
            return bool(pa.types.is_integer(actual))
        case "float":
            return bool(pa.types.is_floating(actual) or pa.types.is_integer(actual))
        case _:
            return bool(pa.types.is_boolean(actual))


def _is_text(actual: pa.DataType) -> bool:
    return bool(pa.types.is_string(actual) or pa.types.is_large_string(actual))
