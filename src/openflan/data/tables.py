"""Parquet files as tables of a card's columns, whatever their types are called, and whether the columns are a card's.

`openflan.data.rowfiles` reads the other kinds of files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from openflan.errors import SchemaError
from openflan.tasks.card import Source
from openflan.tasks.schema import ColumnType


def read_parquet(paths: Sequence[Path], columns: Mapping[str, ColumnType]) -> pa.Table:
    """The named columns of one split from its Parquet files; raises `SchemaError` naming a damaged file.

    Columns that are absent are left out. Types that mean the same are made one: dictionaries are undone, and integers,
    floats, strings and lists get one width each, so that shards go together.
    """
    tables = []
    for path in paths:
        try:
            file = pq.ParquetFile(path, memory_map=True)
            names = [name for name in columns if name in file.schema_arrow.names]
            table = file.read(columns=names).select(names)
            table.validate(full=True)  # which finds text that is not UTF-8
            tables.append(_plain_table(table, columns))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from None
    return _joined(tables, str(paths[0]))


def parquet_schema(path: Path) -> pa.Schema:
    """The schema of a Parquet file; raises `SchemaError` naming a damaged one."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> SchemaError:
    return SchemaError(f"{path}: not a readable Parquet file ({error})")


def _joined(tables: list[pa.Table], origin: str) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise SchemaError(f"{origin}: the files of this split do not go together: {error}") from None


def _plain_table(table: pa.Table, columns: Mapping[str, ColumnType]) -> pa.Table:
    for number, name in enumerate(table.column_names):
        column = _cast(table.column(name), _plain(table.schema.field(number).type))
        if (columns[name].labels or columns[name].kind == "int") and pa.types.is_floating(column.type):
            column = _cast(pc.if_else(pc.is_nan(column), None, column), pa.int64())
        table = table.set_column(number, name, column)
    return table


def _plain(actual: pa.DataType) -> pa.DataType:
    """The one type that stands for all that mean the same."""
    if pa.types.is_dictionary(actual):
        return _plain(actual.value_type)
    if _is_text(actual):
        return pa.string()
    if pa.types.is_integer(actual):
        return pa.int64()
    if pa.types.is_floating(actual) or pa.types.is_decimal(actual):
        return pa.float64()
    if _is_list(actual):
        return pa.list_(_plain(actual.value_type))
    if pa.types.is_struct(actual):
        fields = [actual.field(number) for number in range(actual.num_fields)]
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in fields])
    return actual


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column as another type, or as it is where some value does not go into that: it then costs its row alone."""
    if column.type == kind:
        return column
    try:
        return column.cast(kind)
    except pa.ArrowException:
        pass
    try:  # Arrow has no cast for some nested types
        return pa.chunked_array([pa.array(column.to_pylist(), kind)])
    except (pa.ArrowException, OverflowError):
        return column


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
    try:
        features = dict(json.loads(metadata)["info"]["features"]) if metadata else {}
    except (ValueError, LookupError, TypeError, RecursionError):  # a note that cannot be read says nothing
        return {}
    labels = {
        name: feature.get("names")
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    }
    return {
        name: names
        for name, names in labels.items()
        if isinstance(names, list) and all(isinstance(one, str) for one in names)
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
        if kind.is_any:
            continue
        if index < 0:
            found.append(f"column {column!r} ({kind}) is missing")
            continue
        actual = table.schema.field(index).type
        if not _fits(_plain(actual), kind) or not _some_whole(table.column(index), kind):
            found.append(f"column {column!r}: expected {kind}, found {actual}")
        elif kind.labels and column in names and set(names[column]) != set(kind.labels):
            found.append(f"column {column!r}: expected labels {list(kind.labels)}, found {names[column]}")
    return found


def _fits(actual: pa.DataType, kind: ColumnType) -> bool:
    if pa.types.is_null(actual):
        return True
    if kind.labels:
        return _is_number(actual) or pa.types.is_boolean(actual) or _is_text(actual)
    if kind.item is not None:
        return _is_list(actual) and _fits(actual.value_type, kind.item)
    if kind.keys is not None:
        if not pa.types.is_struct(actual):
            return False
        fields = {actual.field(i).name: actual.field(i).type for i in range(actual.num_fields)}
        return all(name in fields and _fits(fields[name], inner) for name, inner in kind.keys.items())
    match kind.kind:
        case "string":
            return _is_text(actual)
        case "int" | "float":
            return _is_number(actual)
        case _:
            return bool(pa.types.is_boolean(actual))


def _some_whole(column: pa.ChunkedArray, kind: ColumnType) -> bool:
    """Whether floats can stand for ids or integers: some have no fraction. (Those that have one cost their rows.)"""
    if not (kind.labels or kind.kind == "int") or not pa.types.is_floating(column.type):
        return True
    whole = pc.any(pc.equal(column, pc.floor(column))).as_py()
    return whole is not False


def _is_number(actual: pa.DataType) -> bool:
    return bool(pa.types.is_integer(actual) or pa.types.is_floating(actual))


def _is_list(actual: pa.DataType) -> bool:
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(kind(actual) for kind in kinds) or bool(pa.types.is_large_list_view(actual))


def _is_text(actual: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(kind(actual) for kind in kinds) or _is_bytes(actual)


def _is_bytes(actual: pa.DataType) -> bool:
    """Whether a column holds bytes, which is how some programs leave text in a Parquet file."""
    return bool(pa.types.is_binary(actual) or pa.types.is_large_binary(actual) or pa.types.is_binary_view(actual))
